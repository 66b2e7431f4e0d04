/* cli/erase.c - `interlock erase`: what was said of ended actions goes for good (R24). */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/found.h"

/* One of them; false: told. */
static bool erase_one(struct invocation *invocation, struct slice action, const char *reason)
{
    struct daemon_answer answer;
    struct buf body;
    buf_init(&body, LIMIT_HTTP_BODY);
    buf_add_text(&body, "{\"action\":");
    buf_add_json_text(&body, action);
    buf_add_text(&body, ",\"reason\":");
    buf_add_json_text(&body, slice_text(reason));
    buf_add_byte(&body, '}');
    struct daemon_question question = {
        .method = "POST", .target = SLICE("/v1/admin/erase"), .body = buf_slice(&body)};
    bool is_good = daemon_ask(invocation, &question, &answer);
    if (is_good && !daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        is_good = false;
    }
    if (is_good && !invocation_has(invocation, "json"))
        say(invocation, "erased: %.*s\n", SLICE_FMT(action));
    buf_done(&body);
    return is_good;
}

/* All of a run that has ended; one that has not is a refusal, and is told. */
static int erase_run(struct invocation *invocation, const char *run, const char *reason)
{
    struct daemon_answer answer;
    struct daemon_question question = {
        .method = "GET",
        .target = daemon_target(invocation, "/v1/actions?limit=1000&run=", slice_text(run), "")};
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    if (!daemon_is_good(&answer))
        return daemon_tell(invocation, &answer);
    json_t *list = daemon_json(invocation, &answer);
    const json_t *items = json_object_get(list, "items");
    int code = CLI_DONE;
    for (size_t i = 0; i < json_array_size(items); i++)
        if (!erase_one(invocation, slice_text(daemon_text(json_array_get(items, i), "action")),
                       reason))
            code = invocation->exit;
    if (json_array_size(items) == 0) {
        say_error(invocation, "interlock: no action has the run \"%s\"\n", run);
        code = CLI_REFUSED;
    } else if (json_is_string(json_object_get(list, "next"))) {
        say_error(invocation, "interlock: there are older ones; say the same once more\n");
        code = CLI_REFUSED;
    }
    json_decref(list);
    return code;
}

int command_run_erase(struct invocation *invocation)
{
    const char *what = invocation_argument(invocation, 0);
    const char *run = invocation_option(invocation, "run");
    const char *reason = invocation_option(invocation, "reason");
    struct slice action;
    if (!what == !run)
        return invocation_wrong(invocation, "what? An id, a key, or --run RUN");
    if (!reason || !*reason)
        return invocation_wrong(invocation, "the record says why: --reason \"…\"");
    if (run)
        return erase_run(invocation, run, reason);
    int code = found_one(invocation, what, &action);
    if (code != CLI_DONE)
        return code;
    return erase_one(invocation, action, reason) ? CLI_DONE : invocation->exit;
}
