#include "cli/found.h"

#include "record/ids.h"

enum { FOUND_NEAR = 5 };

static bool found_is_id(struct slice text)
{
    uint64_t id;
    return text_parse_id(text, ID_ACTION, &id);
}

/* GET /v1/actions?NAME=VALUE; *out_list is a JSON object with "items". */
static bool found_ask(struct invocation *invocation, const char *name, struct slice value,
                      json_t **out_list)
{
    struct daemon_answer answer;
    struct slice prefix = arena_fmt(&invocation->arena, "/v1/actions?limit=50&%s=", name);
    struct daemon_question question = {.method = "GET",
                                       .target = daemon_target(invocation, prefix.at, value, "")};
    if (!daemon_ask(invocation, &question, &answer))
        return false;
    if (!daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        return false;
    }
    *out_list = daemon_json(invocation, &answer);
    return *out_list != NULL;
}

/* Of the newest actions those whose key begins so: "Keys that begin so: INV-1:1, INV-1:2". */
static bool found_say_near(struct invocation *invocation, struct slice text)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = "GET", .target = SLICE("/v1/actions?limit=50")};
    size_t count = 0;
    if (text.size == 0 || !daemon_ask(invocation, &question, &answer) || !daemon_is_good(&answer))
        return false;
    json_t *list = daemon_json(invocation, &answer);
    const json_t *items = json_object_get(list, "items");
    for (size_t i = 0; i < json_array_size(items) && count < FOUND_NEAR; i++) {
        const char *key = daemon_text(json_array_get(items, i), "key");
        if (!slice_starts(slice_text(key), text))
            continue;
        if (count == 0)
            say_error(invocation,
                      "interlock: nothing is known by the id, key or run \"%.*s\".\n"
                      "Keys that begin so: ",
                      SLICE_FMT(text));
        say_error(invocation, "%s%s", count++ > 0 ? ", " : "", key);
    }
    json_decref(list);
    if (count > 0)
        say_error(invocation, "\n");
    invocation->exit = CLI_REFUSED;
    return count > 0;
}

enum found found_action(struct invocation *invocation, const char *what, struct slice *out_id,
                        json_t **out_list)
{
    static const char *const names[] = {"key", "run"};
    struct slice text = slice_text(what);
    if (found_is_id(text)) {
        *out_id = text;
        return FOUND_ONE;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *list = NULL;
        if (!found_ask(invocation, names[i], text, &list))
            return FOUND_FAILED;
        const json_t *items = json_object_get(list, "items");
        size_t count = json_array_size(items);
        if (count == 1)
            *out_id = arena_copy(&invocation->arena,
                                 slice_text(daemon_text(json_array_get(items, 0), "action")));
        if (count > 1) {
            *out_list = list;
            return FOUND_SEVERAL;
        }
        json_decref(list);
        if (count == 1)
            return FOUND_ONE;
    }
    if (found_say_near(invocation, text))
        return FOUND_NOTHING;
    say_error(
        invocation,
        "interlock: nothing is known by the id, key or run \"%s\".\n"
        "A key is whole, as INV-1:2. Was it submitted, and to this installation? interlock log\n"
        "shows what came.\n",
        what);
    invocation->exit = CLI_REFUSED;
    return FOUND_NOTHING;
}

void found_say_items(struct invocation *invocation, const json_t *list)
{
    size_t i;
    const json_t *item;
    const json_t *items = json_object_get(list, "items");
    for (i = 0; i < json_array_size(items); i++) {
        item = json_array_get(items, i);
        const char *at = daemon_text(item, "submitted_at");
        say(invocation, "%s  %-11s %s / %s  %s%s%s\n", daemon_text(item, "action"),
            daemon_text(item, "state"), daemon_text(item, "workflow"), daemon_text(item, "step"),
            daemon_text(item, "key"), *at ? "  " : "", *at ? daemon_time(invocation, at) : "");
    }
}

void found_say_list(struct invocation *invocation, const json_t *list)
{
    found_say_items(invocation, list);
    if (json_is_string(json_object_get(list, "next")))
        say(invocation, "… and older ones\n");
}

/* Of several the one that has not ended, where it is the only one: ends are final, so it is meant.
 */
static bool found_open(struct invocation *invocation, const json_t *list, struct slice *out_id)
{
    const json_t *items = json_object_get(list, "items"), *open = NULL;
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (json_is_string(json_object_get(item, "ended_at")))
            continue;
        open = item;
        count++;
    }
    if (count != 1 || json_is_string(json_object_get(list, "next")))
        return false;
    *out_id = arena_copy(&invocation->arena, slice_text(daemon_text(open, "action")));
    return true;
}

int found_one(struct invocation *invocation, const char *what, struct slice *out_id)
{
    json_t *list = NULL;
    enum found found = found_action(invocation, what, out_id, &list);
    if (found == FOUND_ONE)
        return CLI_DONE;
    if (found != FOUND_SEVERAL)
        return invocation->exit;
    if (found_open(invocation, list, out_id)) {
        json_decref(list);
        return CLI_DONE;
    }
    say_error(invocation, "interlock: \"%s\" is several; which one? Say it by its id:\n", what);
    found_say_list(invocation, list);
    json_decref(list);
    return CLI_REFUSED;
}

static void found_say_line(struct invocation *invocation, const char *label, const char *text)
{
    if (*text)
        say(invocation, "%-8s%s\n", label, text);
}

static void found_say_who(struct invocation *invocation, const json_t *who)
{
    const char *person = daemon_text(who, "person");
    if (!json_is_object(who))
        return;
    if (strcmp(person, daemon_text(who, "group")) == 0)
        person = ""; /* a person alone is a group of one */
    say(invocation, "%-8s%s%s%s%s", "WHO", daemon_text(who, "group"), *person ? " (" : "", person,
        *person ? ")" : "");
    if (*daemon_text(who, "by"))
        say(invocation, ", by %s", daemon_time(invocation, daemon_text(who, "by")));
    if (*daemon_text(who, "to_do"))
        say(invocation, ": %s", daemon_text(who, "to_do"));
    say(invocation, "\n");
}

/* What mode observe keeps from happening, and what a caller needs who does it himself. */
static void found_say_more(struct invocation *invocation, const json_t *action)
{
    const json_t *next = json_object_get(action, "next");
    const json_t *would = json_object_get(action, "would");
    const json_t *permit = json_object_get(action, "permit");
    if (json_is_object(next))
        say(invocation, "%-8s%s%s%s\n", "NEXT", daemon_text(next, "what"),
            *daemon_text(next, "at") ? ", at " : "",
            daemon_time(invocation, daemon_text(next, "at")));
    const char *says = daemon_text(json_object_get(action, "decision"), "says");
    if (*daemon_text(would, "reason") && strcmp(daemon_text(would, "says"), says) != 0)
        say(invocation, "%-8s%s (%s); mode observe lets it go\n", "WOULD",
            daemon_text(would, "says"), daemon_text(would, "reason"));
    if (json_is_object(permit))
        say(invocation, "%-8s%s, to begin by %s\n", "PERMIT", daemon_text(permit, "token"),
            daemon_time(invocation, daemon_text(permit, "start_by")));
}

void found_say_action(struct invocation *invocation, const struct daemon_answer *answer)
{
    if (invocation_has(invocation, "json")) {
        say(invocation, "%.*s\n", SLICE_FMT(answer->body));
        return;
    }
    json_t *action = daemon_json(invocation, answer);
    if (!action)
        return;
    const char *degraded = daemon_text(action, "degraded");
    bool is_replayed = json_is_true(json_object_get(action, "replayed"));
    say(invocation, "%-8s%s / %s   %s   %s\n", "ACTION", daemon_text(action, "workflow"),
        daemon_text(action, "step"), daemon_text(action, "key"), daemon_text(action, "action"));
    say(invocation, "%-8s%s%s%s%s\n", "STATE", daemon_text(action, "state"),
        *degraded ? ", degraded: " : "", degraded,
        is_replayed ? "   (asked before; nothing was done again)" : "");
    found_say_line(invocation, "WHAT", daemon_text(action, "what"));
    found_say_line(invocation, "WHY", daemon_text(action, "why"));
    found_say_who(invocation, json_object_get(action, "who"));
    found_say_more(invocation, action);
    json_decref(action);
}

int found_answer(struct invocation *invocation, const struct daemon_answer *answer)
{
    if (daemon_is_good(answer)) {
        found_say_action(invocation, answer);
        return CLI_DONE;
    }
    int code = daemon_tell(invocation, answer);
    json_error_t error;
    json_t *problem =
        json_loadb(answer->body.at ? answer->body.at : "", answer->body.size, 0, &error);
    if (*daemon_text(problem, "workflow") && !invocation_has(invocation, "json"))
        found_say_action(invocation, answer); /* what was refused has an action: how it stands */
    json_decref(problem);
    return code;
}

int found_act(struct invocation *invocation, struct slice target, struct slice body)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = "POST", .target = target, .body = body};
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    return found_answer(invocation, &answer);
}
