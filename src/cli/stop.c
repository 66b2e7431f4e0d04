/* Stop and restart. A stop holds from its acknowledgement on; what follows is the wait for the
 * calls that were under way, so that STOPPED is said only when it is true. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/daemon.h"
#include "record/ids.h"

enum { STOP_POLL_MIN_MS = 50, STOP_POLL_MAX_MS = 1000 };

static void stop_add_member(struct buf *body, const char *name, struct slice value)
{
    if (value.size == 0)
        return;
    if (body->at[body->size - 1] != '{')
        buf_add_byte(body, ',');
    buf_add_fmt(body, "\"%s\":", name);
    buf_add_json_text(body, value);
}

/* false: wrong use, told. */
static bool stop_body(struct invocation *invocation, struct slice *out_body)
{
    struct slice what = slice_text(invocation_argument(invocation, 0));
    struct slice workflow = slice_first(what, slice_find(what, '/'));
    struct slice upstream = slice_text(invocation_option(invocation, "upstream"));
    bool is_all = invocation_has(invocation, "all");
    if (!is_all && what.size == 0 && upstream.size == 0) {
        (void)invocation_wrong(invocation, "what is to be stopped? WORKFLOW, --upstream or --all");
        return false;
    }
    if (is_all && (what.size > 0 || upstream.size > 0)) {
        (void)invocation_wrong(invocation, "--all is everything: it stands alone");
        return false;
    }
    struct buf body;
    buf_init(&body, LIMIT_HTTP_BODY);
    buf_add_text(&body, "{\"scope\":{");
    stop_add_member(&body, "workflow", workflow);
    stop_add_member(&body, "step", slice_from(what, workflow.size + 1));
    stop_add_member(&body, "risk", slice_text(invocation_option(invocation, "risk")));
    stop_add_member(&body, "upstream", upstream);
    buf_add_byte(&body, '}');
    stop_add_member(&body, "position", SLICE("stopped"));
    stop_add_member(&body, "reason", slice_text(invocation_option(invocation, "reason")));
    buf_add_byte(&body, '}');
    *out_body = arena_copy(&invocation->arena, buf_slice(&body));
    buf_done(&body);
    return true;
}

static bool stop_is_over(const json_t *receipt)
{
    return json_is_string(json_object_get(receipt, "stopped_at"));
}

/* "14:03:09" of an RFC 3339 time, with UTC where it is that. */
static void stop_add_clock(struct buf *out, const char *time)
{
    struct slice text = slice_text(time);
    if (text.size < 19)
        return;
    buf_add(out, slice_first(slice_from(text, 11), 8));
    if (text.at[text.size - 1] == 'Z')
        buf_add_text(out, " UTC");
}

/* "2 calls are at helpdesk (at most 10 s)" */
static void stop_add_under_way(struct buf *out, const json_t *receipt)
{
    const json_t *calls = json_object_get(receipt, "in_flight");
    size_t count = json_array_size(calls);
    int64_t at = 0, until = 0, last = 0;
    buf_add_fmt(out, "%zu call%s at ", count, count == 1 ? " is" : "s are");
    for (size_t i = 0; i < count; i++) {
        const char *upstream = daemon_text(json_array_get(calls, i), "upstream");
        bool is_new = true;
        for (size_t j = 0; j < i && is_new; j++)
            is_new = strcmp(daemon_text(json_array_get(calls, j), "upstream"), upstream) != 0;
        if (is_new)
            buf_add_fmt(out, "%s%s", i ? ", " : "", *upstream ? upstream : "the caller");
        if (text_parse_time(slice_text(daemon_text(json_array_get(calls, i), "until")), &until) &&
            until > last)
            last = until;
    }
    if (text_parse_time(slice_text(daemon_text(receipt, "at")), &at) && last > at)
        buf_add_fmt(out, " (at most %lld s)", (long long)((last - at + 999) / 1000));
}

static void stop_add_ended(struct buf *out, const json_t *receipt)
{
    const char *state;
    const json_t *number;
    json_int_t sum = 0, others = 0;
    json_t *ended = json_object_get(receipt, "ended");
    json_object_foreach(ended, state, number)
    {
        sum += json_integer_value(number);
    }
    if (sum == 0) {
        buf_add_text(out, " Nothing was under way.");
        return;
    }
    buf_add_fmt(out, " Of those %lld:", (long long)sum);
    json_object_foreach(ended, state, number)
    {
        if (json_integer_value(number) > 0)
            buf_add_fmt(out, "%s %lld %s", others++ ? "," : "",
                        (long long)json_integer_value(number), state);
    }
    if (json_integer_value(json_object_get(ended, "uncertain")) > 0)
        buf_add_text(out, " (who settles it: interlock inbox)");
    buf_add_byte(out, '.');
}

/* STOPPED …: what became of the calls, what is held, what is missing, how it starts again. */
static void stop_say_receipt(struct invocation *invocation, const json_t *receipt)
{
    const char *incident = daemon_text(receipt, "incident");
    json_int_t held = json_integer_value(json_object_get(receipt, "held"));
    json_int_t refused = json_integer_value(json_object_get(receipt, "refused"));
    struct buf text;
    buf_init(&text, LIMIT_HTTP_BODY);
    buf_add_text(&text, "STOPPED ");
    stop_add_clock(&text, daemon_text(receipt, "stopped_at"));
    buf_add_byte(&text, '.');
    stop_add_ended(&text, receipt);
    if (held > 0)
        buf_add_fmt(&text, " %lld %s held.", (long long)held, held == 1 ? "is" : "are");
    if (refused > 0)
        buf_add_fmt(&text, " %lld %s refused.", (long long)refused, refused == 1 ? "was" : "were");
    if (*incident && !*daemon_text(receipt, "reason"))
        buf_add_fmt(&text,
                    " Incident %s, reason missing: say it with  interlock incident %s --reason "
                    "\"…\"",
                    incident, incident);
    else if (*incident)
        buf_add_fmt(&text, " Incident %s.", incident);
    if (*incident)
        buf_add_fmt(&text, "\nTo let it run again: interlock restart %s --reason \"…\"", incident);
    say(invocation, "%s\n", buf_text(&text));
    buf_done(&text);
}

/* The receipt as it is now, or NULL: told. */
static json_t *stop_ask(struct invocation *invocation, struct slice target)
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

/* Asks for the receipt until nothing is under way. NULL: told. */
static json_t *stop_wait(struct invocation *invocation, json_t *receipt)
{
    const struct cli_world *world = invocation->world;
    struct slice target =
        daemon_target(invocation, "/v1/stops/", slice_text(daemon_text(receipt, "id")), "");
    int64_t pause_ms = STOP_POLL_MIN_MS;
    while (receipt && !stop_is_over(receipt)) {
        json_decref(receipt);
        receipt = NULL;
        if (!world->wait_ms(world->impl, pause_ms)) {
            say_error(invocation, "interlock: no longer watching; the stop is in force\n");
            invocation->exit = CLI_DONE;
            break;
        }
        pause_ms = pause_ms * 2 < STOP_POLL_MAX_MS ? pause_ms * 2 : STOP_POLL_MAX_MS;
        struct arena kept = invocation_turn_begin(invocation);
        receipt = stop_ask(invocation, target);
        invocation_turn_end(invocation, kept);
    }
    return receipt;
}

static int stop_show(struct invocation *invocation, json_t *receipt)
{
    bool is_json = invocation_has(invocation, "json");
    struct buf text;
    buf_init(&text, LIMIT_HTTP_BODY);
    if (!is_json && !stop_is_over(receipt)) {
        buf_add_text(&text, "STOPPING … ");
        stop_add_under_way(&text, receipt);
        say(invocation, "%s\n", buf_text(&text));
    }
    buf_done(&text);
    if (!invocation_has(invocation, "no-wait"))
        receipt = stop_wait(invocation, receipt);
    if (!receipt)
        return invocation->exit;
    if (is_json) {
        char *json = json_dumps(receipt, JSON_COMPACT);
        say(invocation, "%s\n", json ? json : "");
        free(json);
    } else if (stop_is_over(receipt)) {
        stop_say_receipt(invocation, receipt);
    }
    json_decref(receipt);
    return CLI_DONE;
}

int command_run_stop(struct invocation *invocation)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = "POST", .target = SLICE("/v1/stops")};
    if (!stop_body(invocation, &question.body))
        return CLI_WRONG_USE;
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    if (!daemon_is_good(&answer))
        return daemon_tell(invocation, &answer);
    json_t *receipt = daemon_json(invocation, &answer);
    return receipt ? stop_show(invocation, receipt) : CLI_REFUSED;
}
