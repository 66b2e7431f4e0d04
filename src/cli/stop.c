/* Stop and restart. A stop holds from its acknowledgement on; what follows is the wait for the
 * calls that were under way, so that STOPPED is said only when it is true. */
#include <stdlib.h>

#include "base/limits.h"
#include "cli/command.h"
#include "cli/daemon.h"

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
    const char *position = invocation_option(invocation, "position");
    stop_add_member(&body, "position", position ? slice_text(position) : SLICE("stopped"));
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

/* The daemon's line about it: STOPPING …, STOPPED …, without its end. Empty: told. */
static struct slice stop_words(struct invocation *invocation, struct slice target)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = "GET", .target = target, .wants_text = true};
    if (!daemon_ask(invocation, &question, &answer))
        return (struct slice){0};
    if (!daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        return (struct slice){0};
    }
    return slice_first(answer.body, slice_find(answer.body, '\n'));
}

/* What is left to do: the reason, and how it starts again. */
static void stop_say_rest(struct invocation *invocation, const json_t *receipt)
{
    const char *incident = daemon_text(receipt, "incident");
    if (*incident && !invocation_has(invocation, "reason") && !*daemon_text(receipt, "reason"))
        say(invocation,
            "Incident %s, reason missing: say it with  interlock incident %s --reason \"…\"\n",
            incident, incident);
    else
        say(invocation, "%s%s%s\n", *incident ? "Incident " : "", incident, *incident ? "." : "");
    if (*incident)
        say(invocation, "To let it run again: interlock restart %s --reason \"…\"\n", incident);
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
static json_t *stop_wait(struct invocation *invocation, struct slice target, json_t *receipt)
{
    const struct cli_world *world = invocation->world;
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
        if (!receipt && invocation->exit == CLI_NOT_REACHED)
            say_error(invocation, "The stop is stored: it holds when interlock runs again, which "
                                  "also says what became of the calls.\n");
        invocation_turn_end(invocation, kept);
    }
    return receipt;
}

/* --json: one receipt, the last one. */
static int stop_show_json(struct invocation *invocation, struct slice target, json_t *receipt)
{
    if (!invocation_has(invocation, "no-wait"))
        receipt = stop_wait(invocation, target, receipt);
    if (!receipt)
        return invocation->exit;
    char *json = json_dumps(receipt, JSON_COMPACT);
    say(invocation, "%s\n", json ? json : "");
    free(json);
    json_decref(receipt);
    return CLI_DONE;
}

static int stop_show(struct invocation *invocation, struct slice target, json_t *receipt)
{
    struct slice words = stop_words(invocation, target);
    bool is_over = stop_is_over(receipt) || !slice_starts(words, SLICE("STOPPING"));
    if (!is_over && words.size > 0) {
        say(invocation, "%.*s\n", SLICE_FMT(words));
        if (invocation_has(invocation, "no-wait")) {
            json_decref(receipt);
            return CLI_DONE;
        }
        receipt = stop_wait(invocation, target, receipt);
        words = receipt ? stop_words(invocation, target) : (struct slice){0};
    }
    int code = words.size > 0 ? CLI_DONE : invocation->exit;
    if (words.size > 0) {
        /* A softer position ends with a command, which no sentence may follow on its line. */
        bool is_soft = slice_starts(words, SLICE("ON "));
        say(invocation, "%.*s%s", SLICE_FMT(words), is_soft ? "\n" : " ");
        stop_say_rest(invocation, receipt);
    }
    json_decref(receipt);
    return code;
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
    if (!receipt)
        return CLI_REFUSED;
    struct slice target =
        daemon_target(invocation, "/v1/stops/", slice_text(daemon_text(receipt, "id")), "");
    return invocation_has(invocation, "json") ? stop_show_json(invocation, target, receipt)
                                              : stop_show(invocation, target, receipt);
}
