/* The proof: from the daemon, a request for some pages at a time, or over files without one. The
 * report and its words are record/verify.h's, here as there. */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/daemon.h"
#include "record/verify.h"

/* One answer; NULL: told. */
static json_t *verify_ask(struct invocation *invocation, struct slice target)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = "GET", .target = target};
    if (!daemon_ask(invocation, &question, &answer))
        return NULL;
    if (daemon_is_good(&answer))
        return daemon_json(invocation, &answer);
    invocation->exit = daemon_tell(invocation, &answer);
    return NULL;
}

/* Answers up to the report. NULL: told. */
static json_t *verify_all(struct invocation *invocation, struct slice head)
{
    struct slice target = head.size > 0
                              ? daemon_target(invocation, "/v1/decisions/verify?head=", head, "")
                              : SLICE("/v1/decisions/verify");
    json_t *answer = verify_ask(invocation, target);
    while (answer && *daemon_text(answer, "next")) {
        struct arena kept = invocation_turn_begin(invocation);
        json_t *next =
            verify_ask(invocation, daemon_target(invocation, "/v1/decisions/verify?cursor=",
                                                 slice_text(daemon_text(answer, "next")), ""));
        invocation_turn_end(invocation, kept);
        json_decref(answer);
        answer = next;
    }
    return answer;
}

static int verify_by_daemon(struct invocation *invocation, struct slice head)
{
    json_t *report = verify_all(invocation, head);
    if (!report)
        return invocation->exit;
    bool is_good = json_is_true(json_object_get(report, "good"));
    if (invocation_has(invocation, "json")) {
        char *json = json_dumps(report, JSON_COMPACT);
        say(invocation, "%s\n", json ? json : "");
        free(json);
    } else {
        say(invocation, "%s", daemon_text(report, "text"));
    }
    json_decref(report);
    return is_good ? CLI_DONE : CLI_REFUSED;
}

int command_run_verify(struct invocation *invocation)
{
    const struct cli_world *world = invocation->world;
    struct slice head = slice_text(invocation_option(invocation, "head"));
    struct verify_options options;
    if (head.size > 0 && !verify_parse_head(head, &options))
        return invocation_wrong(invocation, "--head is SEQ:HASH as an earlier verify printed it");
    if (!invocation_has(invocation, "config"))
        return verify_by_daemon(invocation, head);
    struct cli_verify verify = {.config = invocation_option(invocation, "config"),
                                .head = head,
                                .is_json = invocation_has(invocation, "json")};
    return world->verify_store(world->impl, &verify);
}
