/* What one looks at: status, inbox, explain, log. The daemon makes the texts (record/), so that
 * they are the same everywhere; here they are asked for and printed. */
#include <stdlib.h>

#include "base/limits.h"
#include "cli/command.h"
#include "cli/found.h"
#include "record/wording.h"

enum {
    LOOK_LOG_LINES = 50,
    LOOK_POLL_MIN_MS = 100,
    LOOK_POLL_MAX_MS = 1000,
    LOOK_STATUS_UNKNOWN = CLI_NOT_REACHED
};

/* 0 fine, 1 degraded, 2 stopped: the daemon's own judgement. */
static int look_status_exit(struct invocation *invocation, bool is_json)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = "GET", .target = SLICE("/v1/status")};
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    json_t *status = daemon_is_good(&answer) ? daemon_json(invocation, &answer) : NULL;
    const json_t *code = json_object_get(status, "exit");
    int exit = json_is_integer(code) ? (int)json_integer_value(code) : LOOK_STATUS_UNKNOWN;
    if (!daemon_is_good(&answer))
        (void)daemon_tell(invocation, &answer); /* the exit code says it too */
    else if (is_json)
        say(invocation, "%.*s\n", SLICE_FMT(answer.body));
    json_decref(status);
    return exit;
}

int command_run_status(struct invocation *invocation)
{
    bool is_json = invocation_has(invocation, "json");
    if (!is_json && daemon_show(invocation, SLICE("/v1/status")) != CLI_DONE)
        return invocation->exit == CLI_REFUSED ? LOOK_STATUS_UNKNOWN : invocation->exit;
    return look_status_exit(invocation, is_json);
}

int command_run_explain(struct invocation *invocation)
{
    const char *what = invocation_argument(invocation, 0);
    struct slice id;
    json_t *list = NULL;
    enum found found = found_action(invocation, what, &id, &list);
    if (found == FOUND_ONE)
        return daemon_show(invocation, daemon_target(invocation, "/v1/actions/", id, "/explain"));
    if (found != FOUND_SEVERAL)
        return invocation->exit;
    if (invocation_has(invocation, "json")) {
        char *json = json_dumps(list, JSON_COMPACT);
        say(invocation, "%s\n", json ? json : "");
        free(json);
    } else {
        say(invocation, "Several; one of them: interlock explain ID\n");
        found_say_list(invocation, list);
    }
    json_decref(list);
    return CLI_DONE;
}

/* A line for each answer, so that each can be pasted as it stands: on one line, with bars between
 * them, a shell would give the first one and more. */
static void look_say_choice(struct invocation *invocation, size_t index, const char *command,
                            const char *rest)
{
    say(invocation, "    %-5s%s %s\n", index == 0 ? "DO" : "", command, rest);
}

/* Is that one of its verdicts? */
static bool look_may(const json_t *item, const char *name)
{
    const json_t *verdicts = json_object_get(item, "verdicts");
    for (size_t i = 0; i < json_array_size(verdicts); i++)
        if (strcmp(daemon_text(json_array_get(verdicts, i), "verdict"), name) == 0)
            return true;
    return false;
}

/* "interlock label T-1 right", and so on for each label. */
static void look_say_labels(struct invocation *invocation, const json_t *item, const char *word)
{
    const json_t *verdicts = json_object_get(item, "verdicts");
    const char *command = arena_fmt(&invocation->arena, "interlock label %s", word).at;
    for (size_t i = 0; i < json_array_size(verdicts); i++)
        look_say_choice(invocation, i, command,
                        daemon_text(json_array_get(verdicts, i), "verdict"));
}

/* Did it happen? To do it now is among the answers where the daemon offers it. */
static void look_say_resolve(struct invocation *invocation, const json_t *item, const char *word)
{
    const char *command = arena_fmt(&invocation->arena, "interlock resolve %s", word).at;
    look_say_choice(invocation, 0, command, "--happened");
    look_say_choice(invocation, 1, command, "--not-happened");
    if (look_may(item, "not_happened_send"))
        look_say_choice(invocation, 2, command, "--not-happened --send");
}

/* What a person types to settle an item of that kind. */
static void look_say_do(struct invocation *invocation, const json_t *item)
{
    const char *key = daemon_text(item, "key");
    const char *kind = daemon_text(item, "kind");
    struct buf word; /* for a shell: the key, as people know it; without one the id */
    buf_init(&word, LIMIT_KEY * 4 + 2);
    wording_add_shell(&word, slice_text(*key ? key : daemon_text(item, "id")));
    if (strcmp(kind, "review") == 0) {
        bool is_gone = look_may(item, "reject") && !look_may(item, "approve"); /* its policy */
        if (!is_gone)
            look_say_choice(invocation, 0, "interlock approve", buf_text(&word));
        look_say_choice(invocation, is_gone ? 0 : 1, "interlock reject", buf_text(&word));
    } else if (strcmp(kind, "uncertain") == 0 || strcmp(kind, "contradiction") == 0) {
        look_say_resolve(invocation, item, buf_text(&word));
    } else if (strcmp(kind, "audit") == 0) {
        look_say_labels(invocation, item, buf_text(&word));
    } else if (strcmp(kind, "incident") == 0) {
        look_say_choice(invocation, 0, "interlock ack", buf_text(&word));
    } else if (strcmp(kind, "restart") == 0) {
        look_say_choice(invocation, 0, "interlock approve", buf_text(&word));
        look_say_choice(invocation, 1,
                        arena_fmt(&invocation->arena, "interlock reject %s", buf_text(&word)).at,
                        "--because \"…\"");
    } else if (strcmp(kind, "stop") == 0) {
        const json_t *first = json_array_get(json_object_get(item, "verdicts"), 0);
        bool is_open = strcmp(daemon_text(first, "verdict"), "ack") == 0; /* nobody has yet */
        if (is_open)
            look_say_choice(invocation, 0, "interlock ack", buf_text(&word));
        look_say_choice(invocation, is_open ? 1 : 0,
                        arena_fmt(&invocation->arena, "interlock restart %s", buf_text(&word)).at,
                        "--reason \"…\"");
    }
    buf_done(&word);
}

/* `who` is a group's name, or an object with the person of it. */
static void look_say_who(struct invocation *invocation, const json_t *item)
{
    const json_t *who = json_object_get(item, "who");
    const char *group = json_is_string(who) ? json_string_value(who) : daemon_text(who, "group");
    const char *person = daemon_text(who, "person");
    const char *by = daemon_text(item, "by");
    if (strcmp(person, group) == 0)
        person = ""; /* a person alone is a group of one */
    if (*group)
        say(invocation, "  %s%s%s%s", group, *person ? " (" : "", person, *person ? ")" : "");
    if (*by)
        say(invocation, "  by %s", daemon_time(invocation, by));
}

/* Where to look whether it happened. */
static void look_say_where(struct invocation *invocation, const json_t *item)
{
    const json_t *look = json_object_get(item, "look");
    const char *target = daemon_text(look, "target");
    const char *provider_key = daemon_text(look, "provider_key");
    const char *ask = daemon_text(look, "ask");
    if (!look)
        return;
    say(invocation, "    LOOK %s %s%s%s", daemon_text(look, "upstream"),
        daemon_text(look, "method"), *target ? " " : "", target);
    if (*provider_key)
        say(invocation, ", provider key %s", provider_key);
    if (*ask)
        say(invocation, ", ask: %s", ask);
    say(invocation, "\n");
}

static void look_say_item(struct invocation *invocation, const json_t *item)
{
    const char *key = daemon_text(item, "key");
    const char *workflow =
        daemon_text(item, "workflow"); /* a stop of more has none: see its title */
    say(invocation, "%s  %s%s%s", *key ? key : daemon_text(item, "id"), daemon_text(item, "kind"),
        *workflow ? "  " : "", workflow);
    look_say_who(invocation, item);
    say(invocation, "\n    %s\n", daemon_text(item, "title"));
    if (*daemon_text(item, "why"))
        say(invocation, "    WHY  %s\n", daemon_text(item, "why"));
    look_say_where(invocation, item);
    look_say_do(invocation, item);
}

static struct slice look_inbox_target(struct invocation *invocation)
{
    static const char *const filters[] = {"workflow", "who", "kind"};
    struct slice target = SLICE("/v1/inbox?limit=1000");
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        const char *value = invocation_option(invocation, filters[i]);
        if (!value)
            continue;
        struct slice before =
            arena_fmt(&invocation->arena, "%.*s&%s=%c", SLICE_FMT(target), filters[i], '\0');
        target = daemon_target(invocation, before.at, slice_text(value), "");
    }
    return target;
}

int command_run_inbox(struct invocation *invocation)
{
    struct daemon_question question = {.method = "GET", .target = look_inbox_target(invocation)};
    json_t *inbox = daemon_object(invocation, &question);
    if (!inbox)
        return invocation->exit;
    const json_t *items = json_object_get(inbox, "items");
    for (size_t i = 0; i < json_array_size(items); i++)
        look_say_item(invocation, json_array_get(items, i));
    if (json_array_size(items) == 0)
        say(invocation, "Nothing waits for anybody.\n");
    if (*daemon_text(inbox, "next"))
        say(invocation, "More waits. Less of it: --workflow NAME, --who NAME, --kind KIND\n");
    json_decref(inbox);
    return CLI_DONE;
}

/* Prints one page of the log. false: told. */
static bool look_say_page(struct invocation *invocation, struct slice target,
                          struct daemon_answer *out_answer)
{
    struct daemon_question question = {
        .method = "GET", .target = target, .wants_text = !invocation_has(invocation, "json")};
    if (!daemon_ask(invocation, &question, out_answer))
        return false;
    if (!daemon_is_good(out_answer)) {
        invocation->exit = daemon_tell(invocation, out_answer);
        return false;
    }
    say_bytes(invocation, out_answer->body);
    return true;
}

/* The sequence from which the next page is read; empty when the daemon does not say. */
static void look_take_next(const struct daemon_answer *answer, char next[LIMIT_NAME])
{
    struct slice text = slice_first(answer->next, LIMIT_NAME - 1);
    if (text.size > 0)
        memcpy(next, text.at, text.size);
    next[text.size] = 0;
}

/* One more page from *next on, which moves. false: told, or broken off (CLI_DONE). */
static bool look_follow_turn(struct invocation *invocation, char next[LIMIT_NAME], bool *out_is_new)
{
    struct daemon_answer answer;
    struct slice target =
        arena_fmt(&invocation->arena, "/v1/decisions?limit=%d&from=%s", LIMIT_PAGE, next);
    if (!look_say_page(invocation, target, &answer))
        return false;
    *out_is_new = answer.body.size > 0;
    look_take_next(&answer, next);
    return true;
}

/* Asks again from where the last page ended, slower while nothing comes. The end is the user's. */
static int look_follow(struct invocation *invocation, const struct daemon_answer *last)
{
    const struct cli_world *world = invocation->world;
    int64_t pause_ms = LOOK_POLL_MIN_MS;
    char next[LIMIT_NAME] = "";
    look_take_next(last, next);
    while (*next && world->wait_ms(world->impl, pause_ms)) {
        bool is_new = false;
        struct arena kept = invocation_turn_begin(invocation);
        bool is_good = look_follow_turn(invocation, next, &is_new);
        invocation_turn_end(invocation, kept);
        if (!is_good)
            return invocation->exit;
        pause_ms = is_new ? LOOK_POLL_MIN_MS : pause_ms * 2;
        if (pause_ms > LOOK_POLL_MAX_MS)
            pause_ms = LOOK_POLL_MAX_MS;
    }
    return CLI_DONE;
}

int command_run_log(struct invocation *invocation)
{
    const char *text = invocation_option(invocation, "limit");
    uint64_t limit = LOOK_LOG_LINES;
    struct daemon_answer answer;
    if (text && (!slice_to_u64(slice_text(text), LIMIT_PAGE, &limit) || limit == 0))
        return invocation_wrong(invocation, "--limit is a number from 1 to %d", LIMIT_PAGE);
    struct slice target =
        arena_fmt(&invocation->arena, "/v1/decisions?last=%llu", (unsigned long long)limit);
    if (!look_say_page(invocation, target, &answer))
        return invocation->exit;
    return invocation_has(invocation, "follow") ? look_follow(invocation, &answer) : CLI_DONE;
}
