#include "base/text.h"
#include "cli/command.h"
#include "cli/local.h"
#include "policy/expand.h"

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
    if (!config)
        return;
    for (size_t i = 0; i < config->workflow_count; i++)
        steps += config->workflows[i].step_count;
    buf_add_fmt(out, "good: %zu workflow%s, %zu step%s, policy version ", config->workflow_count,
                config->workflow_count == 1 ? "" : "s", steps, steps == 1 ? "" : "s");
    text_add_hex(out, slice_of(config->version, CHECK_VERSION_SHOWN));
    buf_add_byte(out, '\n');
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
    } else {
        problems_add_text(&text, &local->problems);
        check_add_good(&text, local);
    }
    say_bytes(invocation, buf_slice(&text));
    if (!buf_ok(&text))
        say_error(invocation, "interlock: the text is cut: it is over %d bytes\n", CHECK_TEXT_MAX);
    buf_done(&text);
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
        exit = local.config ? CLI_DONE : CLI_REFUSED;
    }
    local_done(&local);
    return exit;
}
