#include "base/text.h"
#include "cli/command.h"
#include "cli/daemon.h"
#include "cli/local.h"
#include "policy/expand.h"
#include "record/plan.h"
#include "record/trip_text.h"

enum { CHECK_TEXT_MAX = 16 * 1024 * 1024, CHECK_VERSION_SHOWN = 8 };

static int check_explain(struct invocation *invocation, struct slice name)
{
    enum check_code code;
    struct buf text;
    if (!catalogue_find(name, &code))
        return invocation_wrong(invocation, "there is no code %.*s; codes look like IL101",
                                SLICE_FMT(slice_first(name, 20)));
    buf_init(&text, CHECK_TEXT_MAX);
    catalogue_explain(code, &text);
    say_bytes(invocation, buf_slice(&text));
    buf_done(&text);
    return CLI_DONE;
}

/* Silence could also mean that nothing was looked at. */
static void check_add_good(struct buf *out, const struct local *local)
{
    const struct config *config = local->config;
    size_t steps = 0;
    size_t triggers = 0;
    if (!config)
        return;
    for (size_t i = 0; i < config->workflow_count; i++) {
        steps += config->workflows[i].step_count;
        triggers += config->workflows[i].trigger_count;
    }
    buf_add_fmt(out, "good: %zu workflow%s, %zu step%s, %zu trigger%s, policy version ",
                config->workflow_count, config->workflow_count == 1 ? "" : "s", steps,
                steps == 1 ? "" : "s", triggers, triggers == 1 ? "" : "s");
    text_add_hex(out, slice_of(config->version, CHECK_VERSION_SHOWN));
    buf_add_text(out, triggers > 0 ? "\nWhat each trigger watches and how it was tuned: interlock "
                                     "check --expand\n"
                                   : "\n");
}

/* What moves the switch by itself, as comments below the policies. */
static void check_add_triggers(struct buf *out, const struct workflow *workflow)
{
    buf_add_fmt(out, "# %.*s: what moves its switch by itself\n", SLICE_FMT(workflow->name));
    for (size_t i = 0; i < workflow->trigger_count; i++) {
        const struct trigger *trigger = &workflow->triggers[i];
        buf_add_fmt(out, "#   %.*s", SLICE_FMT(trigger->name));
        if (trigger->step)
            buf_add_fmt(out, " (%.*s)", SLICE_FMT(trigger->step->name));
        if (trigger->risk.size > 0)
            buf_add_fmt(out, " (risk %.*s)", SLICE_FMT(trigger->risk));
        buf_add_text(out, ": ");
        trip_text_add_watch(trigger, out);
        buf_add_byte(out, '\n');
    }
}

static void check_say(struct invocation *invocation, struct local *local)
{
    struct buf text;
    buf_init(&text, CHECK_TEXT_MAX);
    problems_sort(&local->problems);
    if (invocation_has(invocation, "json")) {
        problems_add_json(&text, &local->problems);
        buf_add_byte(&text, '\n');
    } else if (local->config && invocation_has(invocation, "expand")) {
        config_expand(local->config, &text);
        for (size_t i = 0; i < local->config->workflow_count; i++)
            check_add_triggers(&text, &local->config->workflows[i]);
    } else {
        problems_add_text(&text, &local->problems);
        check_add_good(&text, local);
    }
    say_bytes(invocation, buf_slice(&text));
    if (!buf_ok(&text))
        say_error(invocation, "interlock: the text is cut: it is over %d bytes\n", CHECK_TEXT_MAX);
    buf_done(&text);
}

/* One workflow: was its plan signed, and is it another one in these files? Silent where the daemon
 * does not say. */
static bool check_plan(struct invocation *invocation, const struct config *config,
                       const struct workflow *workflow)
{
    struct daemon_answer answer;
    unsigned char facts[DIGEST_SIZE], signed_facts[DIGEST_SIZE];
    struct daemon_question question = {
        .method = "GET",
        .target = daemon_target(invocation, "/v1/workflows/", workflow->name, "/plan"),
        .is_quiet = true};
    if (!daemon_ask(invocation, &question, &answer))
        return false;
    json_t *plan =
        daemon_is_good(&answer) ? json_loadb(answer.body.at, answer.body.size, 0, NULL) : NULL;
    const char *by = daemon_text(plan, "signed_by");
    plan_facts(config, workflow, facts);
    if (*by &&
        text_parse_hex(slice_text(daemon_text(plan, "signed_facts")), signed_facts, DIGEST_SIZE) &&
        memcmp(facts, signed_facts, DIGEST_SIZE) != 0)
        say(invocation,
            "note: the plan of %.*s is not what %s signed: interlock plan %.*s --sign\n",
            SLICE_FMT(workflow->name), by, SLICE_FMT(workflow->name));
    json_decref(plan);
    return true;
}

static void check_plans(struct invocation *invocation, const struct config *config)
{
    bool is_there = daemon_has_token(invocation);
    for (size_t i = 0; is_there && i < config->workflow_count; i++)
        is_there = check_plan(invocation, config, &config->workflows[i]);
}

int command_run_check(struct invocation *invocation)
{
    const char *code = invocation_option(invocation, "explain");
    struct local local = {0};
    int exit = CLI_REFUSED;
    if (code)
        return check_explain(invocation, slice_text(code));
    if (local_read(invocation, invocation->arguments, invocation->argument_count, &local)) {
        local_load(&local);
        check_say(invocation, &local);
        if (local.config && !invocation_has(invocation, "json") &&
            !invocation_has(invocation, "expand"))
            check_plans(invocation, local.config);
        exit = local.config ? CLI_DONE : CLI_REFUSED;
    }
    local_done(&local);
    return exit;
}
