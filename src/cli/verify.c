/* The proof, page by page from the daemon, or over files without one. */
#include "record/verify.h"

#include <stdlib.h>

#include "cli/command.h"
#include "cli/daemon.h"
#include "cli/local.h"

/* One page; NULL: told. */
static json_t *verify_page(struct invocation *invocation, const char *cursor)
{
    const char *head = invocation_option(invocation, "head");
    struct daemon_answer answer;
    struct daemon_question question = {.method = "GET", .target = SLICE("/v1/decisions/verify")};
    if (*cursor)
        question.target =
            daemon_target(invocation, "/v1/decisions/verify?cursor=", slice_text(cursor), "");
    else if (head)
        question.target =
            daemon_target(invocation, "/v1/decisions/verify?head=", slice_text(head), "");
    if (!daemon_ask(invocation, &question, &answer))
        return NULL;
    if (daemon_is_good(&answer))
        return daemon_json(invocation, &answer);
    invocation->exit = daemon_tell(invocation, &answer);
    return NULL;
}

/* The report: what comes after the last page. NULL: told. */
static json_t *verify_report(struct invocation *invocation)
{
    json_t *page = NULL;
    do {
        struct arena kept = invocation_turn_begin(invocation);
        json_t *next = verify_page(invocation, page ? daemon_text(page, "next") : "");
        invocation_turn_end(invocation, kept);
        json_decref(page);
        page = next;
    } while (page && *daemon_text(page, "next"));
    return page;
}

static int verify_by_daemon(struct invocation *invocation)
{
    json_t *report = verify_report(invocation);
    if (!report) {
        if (invocation->exit == CLI_NOT_REACHED)
            say_error(invocation, "Without the daemon: interlock verify --config %s\n",
                      local_config_path(invocation));
        return invocation->exit;
    }
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
    const char *head = invocation_option(invocation, "head");
    struct verify_options options;
    if (head && !verify_parse_head(slice_text(head), &options))
        return invocation_wrong(invocation, "--head is SEQ:HASH as an earlier verify printed it");
    if (!invocation_has(invocation, "config"))
        return verify_by_daemon(invocation);
    struct cli_verify verify = {.config = invocation_option(invocation, "config"),
                                .head = slice_text(head),
                                .is_json = invocation_has(invocation, "json")};
    return world->verify_store(world->impl, &verify);
}
