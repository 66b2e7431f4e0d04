#include "api/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/header.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/action_json.h"
#include "record/ids.h"
#include "record/mask.h"
#include "record/member.h"
#include "record/problem_json.h"
#include "record/try_text.h"
#include "record/zone.h"

static const struct {
    int status;
    const char *code, *title;
} reply_troubles[] = {
#define X(name, status, code, title) {status, code, title},
    TROUBLE_LIST(X)
#undef X
};
static_assert(sizeof reply_troubles / sizeof *reply_troubles == TROUBLE_COUNT, "one for each");

void reply_add_retry_after(struct call *call, int64_t retry_after_ms)
{
    int64_t seconds = (retry_after_ms + 999) / 1000;
    call_add_header(call, "Retry-After",
                    arena_fmt(&call->arena, "%lld", (long long)(seconds < 1 ? 1 : seconds)));
}

/* In which zone the sentences of the answer tell their times; its members are in UTC. */
static void reply_add_zone(struct call *call)
{
    call_add_header(call, "Interlock-Zone", zone_name(call->engine->zone(call->engine->impl)));
}

/* What any layer above must know: trying the same again helps only where nothing was decided. */
static bool reply_is_retryable(int status)
{
    return status == 503;
}

void reply_trouble(struct call *call, const struct trouble *trouble)
{
    int status = reply_troubles[trouble->code].status;
    const struct problem_json problem = {
        .status = status,
        .code = reply_troubles[trouble->code].code,
        .title = reply_troubles[trouble->code].title,
        .detail = trouble->detail,
        .pointer = trouble->pointer,
        .view = trouble->view,
        .is_retryable = reply_is_retryable(status),
    };
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    problem_json_add(&out, &problem);
    if (reply_is_retryable(status))
        reply_add_retry_after(call, trouble->retry_after_ms);
    else
        call_add_header(call, "x-should-retry", SLICE("false"));
    if (trouble->view)
        reply_add_zone(call);
    else
        call_add_header(call, "Interlock-State", SLICE("none")); /* there is no action */
    call_answer(call, status, SLICE("application/problem+json"), buf_slice(&out));
    buf_done(&out);
}

void reply_refuse(struct call *call, enum trouble_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(size >= 0);
    char *text = arena_alloc(&call->arena, (size_t)size + 1);
    va_start(args, format);
    if (text)
        (void)vsnprintf(text, (size_t)size + 1, format, args); /* measured above */
    va_end(args);
    reply_trouble(
        call, &(struct trouble){.code = code, .detail = slice_of(text, text ? (size_t)size : 0)});
}

static void reply_values(struct call *call, int status, struct slice media, const struct buf *body)
{
    if (!buf_ok(body)) {
        reply_err(call, ERR_LIMIT);
        return;
    }
    reply_add_zone(call);
    call_answer(call, status, media, buf_slice(body));
}

void reply_json(struct call *call, int status, const struct buf *body)
{
    reply_values(call, status, SLICE("application/json"), body);
}

void reply_lines(struct call *call, int status, const struct buf *body)
{
    reply_values(call, status, SLICE("application/x-ndjson"), body);
}

void reply_begin_object(struct buf *out)
{
    buf_init(out, LIMIT_HTTP_ANSWER);
    buf_add_byte(out, '{');
}

void reply_object(struct call *call, int status, struct buf *out)
{
    buf_add_byte(out, '}');
    reply_json(call, status, out);
    buf_done(out);
}

void reply_begin_list(struct buf *out)
{
    buf_init(out, LIMIT_HTTP_ANSWER);
    buf_add_text(out, "{\"items\":[");
}

void reply_list(struct call *call, struct slice next, struct buf *out)
{
    buf_add_byte(out, ']');
    if (next.size > 0)
        member_add_text(out, "next", next);
    else
        buf_add_text(out, ",\"next\":null");
    reply_object(call, 200, out);
}

void reply_text(struct call *call, int status, const struct buf *body)
{
    if (!buf_ok(body))
        reply_err(call, ERR_LIMIT);
    else
        call_answer(call, status, SLICE("text/plain; charset=utf-8"), buf_slice(body));
}

void reply_markdown(struct call *call, int status, const struct buf *body)
{
    if (!buf_ok(body))
        reply_err(call, ERR_LIMIT);
    else
        call_answer(call, status, SLICE("text/markdown; charset=utf-8"), buf_slice(body));
}

void reply_err(struct call *call, enum err err)
{
    if (err == ERR_NOT_FOUND)
        reply_refuse(call, TROUBLE_NOT_FOUND, "%s", err_text(err));
    else if (err == ERR_LIMIT || (err == ERR_NO_MEMORY && call->arena.overflowed))
        reply_refuse(call, TROUBLE_TOO_LARGE, "ask for fewer at once (limit=)");
    else if (err == ERR_NO_MEMORY || err == ERR_BUSY)
        reply_refuse(call, TROUBLE_NO_ROOM, "%s", err_text(err));
    else
        reply_refuse(call, TROUBLE_STORE_FAILED, "%s", err_text(err));
}

/* ---- actions ---- */

static bool reply_is_submitter(const struct call *call, const struct view *view)
{
    return view->submit.actor.size > 0 && slice_equal(view->submit.actor, call->principal.name);
}

/* Who may see all of it; else state and id (R7). The rights are those of this moment. */
static bool reply_is_stranger(const struct call *call, const struct view *view)
{
    const struct config *config = call->engine->config(call->engine->impl);
    if (reply_is_submitter(call, view))
        return false;
    return !call_may_see(call, config, view->workflow, view->step_name, view->submit.actor);
}

/* The trouble of a state, or TROUBLE_COUNT where the state is an answer (design 4.4). */
static enum trouble_code reply_state_trouble(enum action_state state)
{
    switch (state) {
    case STATE_REJECTED:
        return TROUBLE_REJECTED;
    case STATE_EXPIRED:
        return TROUBLE_EXPIRED;
    case STATE_CANCELLED:
        return TROUBLE_CANCELLED;
    case STATE_FAILED:
        return TROUBLE_FAILED;
    case STATE_UNCERTAIN:
    case STATE_ATTEMPTING:
    case STATE_WAITING:
    case STATE_IN_REVIEW:
    case STATE_HELD:
    case STATE_DONE:
    case STATE_COUNT:
        return TROUBLE_COUNT;
    }
    CHECK_UNREACHABLE();
}

static void reply_add_action_headers(struct call *call, const struct view *view)
{
    const struct action *action = view->action;
    call_add_header(call, "Interlock-State", slice_text(state_name(action->state)));
    if (action->cause != CAUSE_NONE && action->state == STATE_DONE)
        call_add_header(call, "Interlock-Degraded", slice_text(cause_name(action->cause)));
    if (view->is_replayed)
        call_add_header(call, "Idempotency-Replayed", SLICE("true"));
    if (action->state == STATE_UNCERTAIN) /* done trying: only a person goes on from here */
        call_add_header(call, "x-should-retry", SLICE("false"));
}

static void reply_add_location(struct call *call, uint64_t id)
{
    struct buf location;
    buf_init(&location, LIMIT_NAME);
    text_add_id(&location, "/v1/actions/" ID_ACTION, id);
    call_add_header(call, "Location", call_copy(call, buf_slice(&location)));
    buf_done(&location);
}

void reply_mask_response(struct call *call, struct view *view)
{
    if (!view->has_outcome || !view->step || reply_is_submitter(call, view))
        return;
    struct buf shown;
    buf_init(&shown, LIMIT_HTTP_ANSWER);
    mask_add_response(view->step, view->submit.input_json, view->outcome.response_json, &shown);
    view->outcome.response_json = buf_ok(&shown) ? call_copy(call, buf_slice(&shown)) : SLICE("");
    buf_done(&shown);
}

/* The view as this caller may see it; a copy in the arena where that differs. */
static const struct view *reply_for_caller(struct call *call, const struct view *view)
{
    if (view->is_for_stranger || reply_is_submitter(call, view))
        return view;
    struct view *copy = ARENA_NEW(&call->arena, struct view);
    if (!copy)
        return NULL;
    *copy = *view;
    copy->is_for_stranger = reply_is_stranger(call, view);
    reply_mask_response(call, copy);
    return copy;
}

static void reply_action_as(struct call *call, const struct view *view, int status)
{
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    action_json_add(&out, view);
    reply_json(call, status, &out);
    buf_done(&out);
}

void reply_action(struct call *call, const struct view *whole)
{
    const struct view *view = reply_for_caller(call, whole);
    if (!view) {
        reply_err(call, ERR_NO_MEMORY);
        return;
    }
    enum trouble_code trouble = reply_state_trouble(view->action->state);
    reply_add_action_headers(call, view);
    if (trouble != TROUBLE_COUNT) {
        reply_trouble(call, &(struct trouble){.code = trouble, .view = view});
        return;
    }
    bool is_done = view->action->state == STATE_DONE;
    if (!is_done)
        reply_add_location(call, view->action->id);
    reply_action_as(call, view, is_done ? 200 : 202);
}

void reply_action_read(struct call *call, const struct view *whole)
{
    const struct view *view = reply_for_caller(call, whole);
    if (!view) {
        reply_err(call, ERR_NO_MEMORY);
        return;
    }
    reply_add_action_headers(call, view);
    reply_action_as(call, view, 200);
}

void reply_dry_run(struct call *call, const struct engine_reply *reply)
{
    const struct view *view = reply->view;
    call_add_header(call, "Interlock-Dry-Run", SLICE("1"));
    if (!reply->gate) { /* the key is known: this action is what a submit would be told */
        reply_action_read(call, view);
        return;
    }
    const struct try_case would = {.step = view->step,
                                   .gate = reply->gate,
                                   .saw = view->submit.saw,
                                   .saw_count = view->submit.saw_count,
                                   .has_confidence = view->submit.has_confidence,
                                   .confidence = view->submit.confidence,
                                   .request = view->step->terms.is_caller ? NULL : &view->request};
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    if (header_wants_text(call->request)) {
        try_text_add(&out, &would);
        reply_text(call, 200, &out);
    } else {
        try_json_add(&out, &would);
        reply_json(call, 200, &out);
    }
    buf_done(&out);
}

static enum trouble_code reply_refusal_trouble(enum engine_refusal outcome)
{
    switch (outcome) {
    case ENGINE_STOPPED:
        return TROUBLE_STOPPED;
    case ENGINE_NO_ROOM:
        return TROUBLE_NO_ROOM;
    case ENGINE_STORE_FAILED:
        return TROUBLE_STORE_FAILED;
    case ENGINE_CONFLICT:
        return TROUBLE_CONFLICT;
    case ENGINE_BAD_INPUT:
        return TROUBLE_BAD_INPUT;
    case ENGINE_NO_KEY:
        return TROUBLE_NO_KEY;
    case ENGINE_KEY_DIFFERS:
        return TROUBLE_KEY_DIFFERS;
    case ENGINE_NOT_FOUND:
        return TROUBLE_NOT_FOUND;
    case ENGINE_NOT_NOW:
        return TROUBLE_NOT_NOW;
    case ENGINE_DENIED:
        return TROUBLE_DENIED;
    case ENGINE_TAKEN:
        break;
    }
    CHECK_UNREACHABLE();
}

/* Why not now, for people; `detail` of the engine wins where it has one. */
static const char *const reply_refusals[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = "",
    [REFUSAL_NOT_ENDED] = "it has not ended, and may still need what is stored: first `cancel` or "
                          "`resolve` it",
    [REFUSAL_ENDED] = "it has ended, and ends are final (a new try: `again`)",
    [REFUSAL_NOT_IN_REVIEW] = "it does not wait for a decision",
    [REFUSAL_NOT_UNCERTAIN] = "it is not uncertain: there is nothing to settle",
    [REFUSAL_UNDER_WAY] = "an attempt is under way: its outcome comes first",
    [REFUSAL_MAY_HAVE_HAPPENED] = "it may have happened: first say whether it did (`resolve`)",
    [REFUSAL_STOPPED] = "a stop is in force here",
    [REFUSAL_NO_PERMIT] = "this is not the token of its permit",
    [REFUSAL_LATE] = "it comes too late: the permit or the lease has lapsed",
    [REFUSAL_OTHER_ATTEMPT] = "this is not the attempt that is under way",
    [REFUSAL_CHANGED] = "it is not what was shown any more: look again, then decide",
    [REFUSAL_NOT_DUE] = "it is not due yet",
    [REFUSAL_NOT_DONE] = "it was not done, so there is nothing to label",
    [REFUSAL_CLAIMED] = "somebody else has claimed it: ask them, wait until their claim has run "
                        "out, or reassign it",
    [REFUSAL_NOT_YOURS] = "only who has claimed it releases it (or reassign it)",
    [REFUSAL_BAD_EDIT] = "it cannot be changed so",
    [REFUSAL_BAD_LABEL] = "this is no label of its step",
    [REFUSAL_NOT_ALLOWED] = "it is not yours to decide",
    [REFUSAL_RETIRED] = "its policy is gone, so nothing of it starts any more: reject it (or put "
                        "its workflow back, and reload)",
};

/* The sentence of a refusal, with what is known of the action: who has it, or how it ended. */
static struct slice reply_refusal_detail(struct call *call, const struct engine_reply *reply)
{
    const struct view *view = reply->view;
    const char *text = reply_refusals[reply->refusal];
    if (view && reply->refusal == REFUSAL_ENDED && view->action->state == STATE_DONE)
        return SLICE(
            "it is done, and ends are final: what was done is not done again under its key");
    if (view && reply->refusal == REFUSAL_CLAIMED && view_claimer(view).size > 0) {
        struct buf until;
        buf_init(&until, LIMIT_NAME);
        zone_add_time(&until, view->zone,
                      (struct zone_time){view->claimed_until_unix_ms, view->now_unix_ms},
                      ZONE_MINUTES);
        struct slice whole = arena_fmt(
            &call->arena, "%.*s has claimed it until %s %.*s: ask them, wait, or reassign it",
            SLICE_FMT(view_claimer(view)), buf_text(&until), SLICE_FMT(zone_name(view->zone)));
        buf_done(&until);
        return whole;
    }
    return slice_text(text);
}

void reply_refusal(struct call *call, const struct engine_reply *reply)
{
    struct trouble trouble = {.code = reply_refusal_trouble(reply->outcome),
                              .detail = reply->detail,
                              .pointer = reply->pointer,
                              .retry_after_ms = reply->retry_after_ms};
    if (reply->outcome == ENGINE_BAD_INPUT && slice_starts(reply->pointer, SLICE("/")))
        trouble.pointer = arena_fmt(&call->arena, "/input%.*s", SLICE_FMT(reply->pointer));
    if (reply->view)
        trouble.view = reply_for_caller(call, reply->view);
    if (trouble.view)
        call_add_header(call, "Interlock-State",
                        slice_text(state_name(trouble.view->action->state)));
    if (trouble.detail.size == 0 && reply->refusal != REFUSAL_NONE)
        trouble.detail = reply_refusal_detail(call, reply);
    reply_trouble(call, &trouble);
}

/* What the server refuses before there is a call. */
static const char *reply_server_code(int status)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {{408, "too-slow"}, {413, "too-large"}, {414, "too-large"}, {431, "too-large"},
                 {500, "internal"}, {501, "not-http"},  {503, "no-room"},   {505, "not-http"}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "bad-request";
}

size_t reply_write_refusal(int status, struct slice detail, char *buffer, size_t buffer_size)
{
    struct buf out;
    size_t size = 0;
    buf_init(&out, buffer_size);
    problem_json_add(&out, &(struct problem_json){.status = status,
                                                  .code = reply_server_code(status),
                                                  .title = "the request was not taken",
                                                  .detail = detail,
                                                  .is_retryable = reply_is_retryable(status)});
    if (buf_ok(&out) && out.size <= buffer_size) {
        size = out.size;
        memcpy(buffer, out.at, size);
    }
    buf_done(&out);
    return size;
}

static void reply_act_refusal(struct call *call, const struct engine_reply *reply)
{
    if (reply->outcome == ENGINE_BAD_INPUT)
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_INPUT,
                                              .pointer = reply->pointer,
                                              .detail = reply->detail});
    else
        reply_refusal(call, reply);
}

static void reply_answer(struct call *call, const struct engine_reply *reply,
                         void (*refuse)(struct call *call, const struct engine_reply *reply))
{
    call_enter(call);
    call->submit = 0; /* nothing is left to forget */
    if (reply->outcome != ENGINE_TAKEN)
        refuse(call, reply);
    else
        call->taken(call, reply);
    call_leave(call);
}

static void reply_done(void *arg, const struct engine_reply *reply)
{
    reply_answer(arg, reply, reply_refusal);
}

static void reply_act_done(void *arg, const struct engine_reply *reply)
{
    reply_answer(arg, reply, reply_act_refusal);
}

engine_done_fn *reply_when_taken(struct call *call, call_taken_fn *taken)
{
    call->taken = taken;
    return reply_done;
}

engine_done_fn *reply_when_act_taken(struct call *call, call_taken_fn *taken)
{
    call->taken = taken;
    return reply_act_done;
}
