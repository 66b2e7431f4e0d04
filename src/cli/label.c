/* Whether what was done was right: by id, key or run. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/found.h"
#include "cli/verdict.h"
#include "record/ids.h"

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
    if (found == FOUND_NOTHING)
        say_error(invocation,
                  "A service sees only what it submitted; to label what others did: --workflow "
                  "NAME\n");
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

/* NAME is action, key or run. */
static struct daemon_question label_question(struct invocation *invocation, struct slice workflow,
                                             const char *name, struct slice value)
{
    const char *note = invocation_option(invocation, "note");
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add(&body, name, arena_fmt(&invocation->arena, "%.*s", SLICE_FMT(value)).at);
    verdict_add(&body, "label", invocation_argument(invocation, 1));
    verdict_add(&body, "note", note);
    return (struct daemon_question){
        .method = "POST",
        .target = daemon_target(invocation, "/v1/workflows/", workflow, "/labels"),
        .body = verdict_end(invocation, &body)};
}

static int label_tell(struct invocation *invocation, const struct daemon_answer *answer)
{
    if (!daemon_is_good(answer))
        return daemon_tell(invocation, answer);
    if (invocation_has(invocation, "json")) {
        say(invocation, "%.*s\n", SLICE_FMT(answer->body));
        return CLI_DONE;
    }
    json_t *object = daemon_json(invocation, answer);
    if (object)
        label_say(invocation, object);
    json_decref(object);
    return object ? CLI_DONE : CLI_REFUSED;
}

/* The daemon looks it up: a service may label what it may not see. First a key, then a run. */
static int label_of_workflow(struct invocation *invocation, const char *workflow)
{
    struct slice what = slice_text(invocation_argument(invocation, 0));
    struct daemon_answer answer;
    uint64_t id;
    bool is_id = text_parse_id(what, ID_ACTION, &id);
    struct daemon_question question =
        label_question(invocation, slice_text(workflow), is_id ? "action" : "key", what);
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    struct daemon_answer first = answer;
    if (!is_id && answer.status == 404) {
        question = label_question(invocation, slice_text(workflow), "run", what);
        if (!daemon_ask(invocation, &question, &answer))
            return invocation->exit;
    }
    return label_tell(invocation, answer.status == 404 ? &first : &answer);
}

int command_run_label(struct invocation *invocation)
{
    const char *name = invocation_option(invocation, "workflow");
    struct daemon_answer answer;
    struct slice id;
    if (name)
        return label_of_workflow(invocation, name);
    int code = label_find(invocation, invocation_argument(invocation, 0), &id);
    if (code != CLI_DONE)
        return code;
    struct slice workflow = label_workflow(invocation, id);
    if (workflow.size == 0)
        return invocation->exit;
    struct daemon_question question = label_question(invocation, workflow, "action", id);
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    return label_tell(invocation, &answer);
}
