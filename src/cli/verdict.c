/* What people say about one action: approve, reject, resolve, cancel, again. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/found.h"
#include "record/ids.h"

/* {"first":"text", …}: members that were not given are left out. */
struct verdict_body {
    struct buf json;
};

static void verdict_begin(struct verdict_body *body)
{
    buf_init(&body->json, LIMIT_HTTP_BODY);
    buf_add_byte(&body->json, '{');
}

static void verdict_add(struct verdict_body *body, const char *name, const char *text)
{
    if (!text)
        return;
    if (body->json.size > 1)
        buf_add_byte(&body->json, ',');
    buf_add_fmt(&body->json, "\"%s\":", name);
    buf_add_json_text(&body->json, slice_text(text));
}

static void verdict_add_flag(struct verdict_body *body, const char *name, bool value)
{
    if (body->json.size > 1)
        buf_add_byte(&body->json, ',');
    buf_add_fmt(&body->json, "\"%s\":%s", name, value ? "true" : "false");
}

static struct slice verdict_end(struct invocation *invocation, struct verdict_body *body)
{
    buf_add_byte(&body->json, '}');
    struct slice copy = arena_copy(&invocation->arena, buf_slice(&body->json));
    buf_done(&body->json);
    return copy;
}

/* The review that an action waits for. false: told. */
static bool verdict_find_review(struct invocation *invocation, struct slice action,
                                struct slice *out_review)
{
    struct daemon_answer answer;
    struct daemon_question question = {
        .method = "GET", .target = daemon_target(invocation, "/v1/actions/", action, "")};
    if (!daemon_ask(invocation, &question, &answer))
        return false;
    if (!daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        return false;
    }
    invocation->exit = CLI_REFUSED;
    json_t *object = daemon_json(invocation, &answer);
    *out_review = arena_copy(&invocation->arena, slice_text(daemon_text(object, "review")));
    if (object && out_review->size == 0)
        say_error(invocation,
                  "interlock: %.*s waits for no review: it is %s. How it stands: interlock explain "
                  "%.*s\n",
                  SLICE_FMT(action), daemon_text(object, "state"), SLICE_FMT(action));
    json_decref(object);
    return out_review->size > 0;
}

static int verdict_give(struct invocation *invocation, const char *verdict)
{
    const char *what = invocation_argument(invocation, 0);
    struct slice review = slice_text(what), action;
    uint64_t id;
    if (text_parse_id(review, ID_INCIDENT, &id)) {
        say_error(invocation,
                  "interlock: a restart is not approved here: a member of `restart` gives it:\n"
                  "interlock restart %s --reason \"…\"\n",
                  what);
        return CLI_REFUSED;
    }
    if (!slice_starts(review, SLICE(ID_REVIEW))) {
        int code = found_one(invocation, what, &action);
        if (code != CLI_DONE)
            return code;
        if (!verdict_find_review(invocation, action, &review))
            return invocation->exit;
    }
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add(&body, "verdict", verdict);
    verdict_add(&body, "note", invocation_option(invocation, "note"));
    return found_act(invocation, daemon_target(invocation, "/v1/reviews/", review, "/verdict"),
                     verdict_end(invocation, &body));
}

int command_run_approve(struct invocation *invocation)
{
    return verdict_give(invocation, "approve");
}

int command_run_reject(struct invocation *invocation)
{
    return verdict_give(invocation, "reject");
}

int command_run_resolve(struct invocation *invocation)
{
    bool happened = invocation_has(invocation, "happened");
    bool send = invocation_has(invocation, "send");
    struct slice action;
    if (happened == invocation_has(invocation, "not-happened"))
        return invocation_wrong(invocation, "did it happen? --happened or --not-happened");
    if (happened && send)
        return invocation_wrong(invocation, "what happened is not sent again: --send goes with "
                                            "--not-happened");
    int code = found_one(invocation, invocation_argument(invocation, 0), &action);
    if (code != CLI_DONE)
        return code;
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add_flag(&body, "happened", happened);
    if (send)
        verdict_add_flag(&body, "send", true);
    verdict_add(&body, "evidence", invocation_option(invocation, "evidence"));
    return found_act(invocation, daemon_target(invocation, "/v1/actions/", action, "/resolve"),
                     verdict_end(invocation, &body));
}

static int verdict_with_reason(struct invocation *invocation, const char *path)
{
    const char *reason = invocation_option(invocation, "reason");
    struct slice action;
    if (!reason || !*reason)
        return invocation_wrong(invocation, "the record says why: --reason \"…\"");
    int code = found_one(invocation, invocation_argument(invocation, 0), &action);
    if (code != CLI_DONE)
        return code;
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add(&body, "reason", reason);
    return found_act(invocation, daemon_target(invocation, "/v1/actions/", action, path),
                     verdict_end(invocation, &body));
}

int command_run_cancel(struct invocation *invocation)
{
    return verdict_with_reason(invocation, "/cancel");
}

int command_run_again(struct invocation *invocation)
{
    return verdict_with_reason(invocation, "/again");
}
