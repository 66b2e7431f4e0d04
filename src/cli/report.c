/* What is known of one workflow: the report, and whether it may move up. */
#include "cli/command.h"
#include "cli/daemon.h"

int command_run_report(struct invocation *invocation)
{
    const char *since = invocation_option(invocation, "since");
    struct slice target =
        daemon_target(invocation, "/v1/workflows/", slice_text(invocation_argument(invocation, 0)),
                      since ? "/report?since=" : "/report");
    if (since)
        target = daemon_target(invocation, target.at, slice_text(since), "");
    return daemon_show(invocation, target);
}

/* 0 ready, 1 not. The daemon judges; asked once for its words and once for its answer. */
int command_run_ready(struct invocation *invocation)
{
    struct slice target = daemon_target(invocation, "/v1/workflows/",
                                        slice_text(invocation_argument(invocation, 0)), "/ready");
    struct daemon_answer answer;
    struct daemon_question question = {.method = "GET", .target = target};
    bool is_json = invocation_has(invocation, "json");
    if (!is_json) {
        int code = daemon_show(invocation, target);
        if (code != CLI_DONE)
            return code;
    }
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    if (!daemon_is_good(&answer))
        return daemon_tell(invocation, &answer);
    json_t *ready = daemon_json(invocation, &answer);
    bool is_ready = json_is_true(json_object_get(ready, "ready"));
    if (is_json && ready)
        say(invocation, "%.*s\n", SLICE_FMT(answer.body));
    json_decref(ready);
    return is_ready ? CLI_DONE : CLI_REFUSED;
}
