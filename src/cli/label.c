/* Whether what was done was right: by id, key or run. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/found.h"

/* Of several the one that was done, where it is the only one: nothing else can be right or wrong.
 */
static int label_of_several(struct invocation *invocation, const char *what, const json_t *list,
                            struct slice *out_id)
{
    const json_t *items = json_object_get(list, "items");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (strcmp(daemon_text(item, "state"), "done") != 0)
            continue;
        *out_id = arena_copy(&invocation->arena, slice_text(daemon_text(item, "action")));
        count++;
    }
    if (count == 1)
        return CLI_DONE;
    say_error(invocation, "interlock: \"%s\" is several; which one? Say it by its id:\n", what);
    found_say_list(invocation, list);
    return CLI_REFUSED;
}

static int label_find(struct invocation *invocation, const char *what, struct slice *out_id)
{
    json_t *list = NULL;
    enum found found = found_action(invocation, what, out_id, &list);
    if (found == FOUND_ONE)
        return CLI_DONE;
    if (found != FOUND_SEVERAL)
        return invocation->exit;
    int code = label_of_several(invocation, what, list, out_id);
    json_decref(list);
    return code;
}

/* The workflow of an action; empty: told. */
static struct slice label_workflow(struct invocation *invocation, struct slice id)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = "GET",
                                       .target = daemon_target(invocation, "/v1/actions/", id, "")};
    if (!daemon_ask(invocation, &question, &answer))
        return (struct slice){0};
    if (!daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        return (struct slice){0};
    }
    json_t *action = daemon_json(invocation, &answer);
    struct slice workflow =
        arena_copy(&invocation->arena, slice_text(daemon_text(action, "workflow")));
    invocation->exit = CLI_REFUSED;
    json_decref(action);
    return workflow;
}

static void label_say(struct invocation *invocation, const json_t *answer)
{
    const char *use = daemon_text(answer, "use");
    const json_t *first = json_object_get(answer, "first");
    const json_t *last = json_object_get(answer, "last");
    const json_t *said = last ? last : first;
    const char *label = daemon_text(said, "label");
    const char *means = json_is_true(json_object_get(said, "wrong")) ? "wrong" : "right";
    bool is_same = strcmp(label, means) == 0;
    say(invocation, "%s / %s   %s: %s%s%s%s\n", daemon_text(answer, "workflow"),
        daemon_text(answer, "step"), daemon_text(answer, "key"), label, is_same ? "" : " (",
        is_same ? "" : means, is_same ? "" : ")");
    if (last)
        say(invocation,
            "It was labelled before, by %s: %s. The first label counts; this one "
            "corrects the reports.\n",
            daemon_text(first, "by"), daemon_text(first, "label"));
    else if (strcmp(use, "sample") == 0)
        say(invocation, "It was drawn at random: it counts in the estimate of errors.\n");
    else if (strcmp(use, "complaint") == 0)
        say(invocation, "It was not drawn: it counts as a complaint.\n");
}

int command_run_label(struct invocation *invocation)
{
    struct slice id;
    int code = label_find(invocation, invocation_argument(invocation, 0), &id);
    if (code != CLI_DONE)
        return code;
    struct slice workflow = label_workflow(invocation, id);
    if (workflow.size == 0)
        return invocation->exit;
    const char *note = invocation_option(invocation, "note");
    struct buf body;
    buf_init(&body, LIMIT_HTTP_BODY);
    buf_add_text(&body, "{\"action\":");
    buf_add_json_text(&body, id);
    buf_add_text(&body, ",\"label\":");
    buf_add_json_text(&body, slice_text(invocation_argument(invocation, 1)));
    if (note) {
        buf_add_text(&body, ",\"note\":");
        buf_add_json_text(&body, slice_text(note));
    }
    buf_add_byte(&body, '}');
    struct daemon_question question = {
        .method = "POST",
        .target = daemon_target(invocation, "/v1/workflows/", workflow, "/labels"),
        .body = arena_copy(&invocation->arena, buf_slice(&body))};
    buf_done(&body);
    json_t *object = daemon_object(invocation, &question);
    if (object)
        label_say(invocation, object);
    json_decref(object);
    return invocation->exit;
}
