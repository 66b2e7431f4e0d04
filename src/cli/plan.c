/* The plan of a workflow, from the files of this folder; who signed it, from the daemon. */
#include "record/plan.h"
#include "base/limits.h"
#include "cli/command.h"
#include "cli/daemon.h"
#include "cli/local.h"

static const struct workflow *plan_workflow(struct invocation *invocation,
                                            const struct config *config)
{
    struct slice name = slice_text(invocation_argument(invocation, 0));
    const struct workflow *workflow = config_workflow_of(config, name);
    if (workflow)
        return workflow;
    say_error(invocation, "interlock: there is no workflow \"%.*s\". There are:\n",
              SLICE_FMT(slice_first(name, LIMIT_NAME)));
    for (size_t i = 0; i < config->workflow_count; i++)
        say_error(invocation, "  %.*s\n", SLICE_FMT(config->workflows[i].name));
    return NULL;
}

static int plan_sign(struct invocation *invocation, struct slice workflow, struct slice facts)
{
    struct daemon_answer answer;
    struct daemon_question question = {
        .method = "POST",
        .target = daemon_target(invocation, "/v1/workflows/", workflow, "/plan"),
        .body = arena_fmt(&invocation->arena, "{\"facts\":\"%.*s\"}", SLICE_FMT(facts))};
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    if (!daemon_is_good(&answer))
        return daemon_tell(invocation, &answer);
    json_t *plan = daemon_json(invocation, &answer);
    if (plan)
        say(invocation, "SIGNED  by %s, %s\n", daemon_text(plan, "signed_by"),
            daemon_time(invocation, daemon_text(plan, "signed_at")));
    json_decref(plan);
    return plan ? CLI_DONE : CLI_REFUSED;
}

/* The plan of a daemon whose files are not here. */
static int plan_show(struct invocation *invocation, struct slice workflow)
{
    struct daemon_answer answer;
    struct slice target = daemon_target(invocation, "/v1/workflows/", workflow, "/plan");
    struct daemon_question question = {.method = "GET", .target = target};
    if (!invocation_has(invocation, "sign"))
        return daemon_show(invocation, target);
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    if (!daemon_is_good(&answer))
        return daemon_tell(invocation, &answer);
    json_t *plan = daemon_json(invocation, &answer);
    struct slice facts =
        arena_copy(&invocation->arena, slice_text(plan ? daemon_text(plan, "facts") : ""));
    if (plan)
        say(invocation, "%s", daemon_text(plan, "text"));
    json_decref(plan);
    return facts.size > 0 ? plan_sign(invocation, workflow, facts) : CLI_REFUSED;
}

static int plan_say(struct invocation *invocation, const struct config *config,
                    const struct workflow *workflow)
{
    unsigned char facts[DIGEST_SIZE];
    struct buf text;
    buf_init(&text, LIMIT_HTTP_ANSWER);
    plan_text_add(&text, config, workflow);
    plan_facts(config, workflow, facts);
    say_bytes(invocation, buf_slice(&text));
    buf_done(&text);
    struct buf hex;
    buf_init(&hex, 4 * DIGEST_SIZE);
    text_add_hex(&hex, slice_of(facts, DIGEST_SIZE));
    struct slice kept = arena_copy(&invocation->arena, buf_slice(&hex));
    buf_done(&hex);
    return invocation_has(invocation, "sign") ? plan_sign(invocation, workflow->name, kept)
                                              : CLI_DONE;
}

int command_run_plan(struct invocation *invocation)
{
    struct local local = {0};
    int exit = CLI_REFUSED;
    if (invocation_has(invocation, "json") || daemon_is_elsewhere(invocation))
        return plan_show(invocation, slice_text(invocation_argument(invocation, 0)));
    if (!local_read(invocation, NULL, 0, &local)) {
        local_done(&local);
        return CLI_REFUSED;
    }
    local_load(&local);
    if (local.config) {
        const struct workflow *workflow = plan_workflow(invocation, local.config);
        if (workflow)
            exit = plan_say(invocation, local.config, workflow);
    } else {
        local_tell_problems(invocation, &local);
    }
    local_done(&local);
    return exit;
}
