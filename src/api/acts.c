#include "api/body.h"
#include "api/handlers.h"
#include "api/reply.h"
#include "base/limits.h"
#include "base/text.h"

/* The members of all these bodies; each call takes some of them. */
struct acts_body {
    struct slice token, outcome, response, reason, evidence;
    uint16_t attempt;
    bool happened, send;
};

static void acts_call(struct call *call, struct engine_call *what, call_taken_fn *taken)
{
    what->principal = &call->principal;
    what->action = call->id;
    what->done = reply_when_taken(call, taken);
    what->arg = call;
    call->engine->act(call->engine->impl, what);
}

/* The person's words were taken: 200, whatever state that led to. */
void acts_taken(struct call *call, const struct engine_reply *reply)
{
    reply_action_read(call, reply->view);
}

static void acts_begin_taken(struct call *call, const struct engine_reply *reply)
{
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    buf_add_fmt(&out, "{\"attempt\":%u,\"lease_until\":\"",
                (unsigned)reply->view->action->starts_total);
    text_add_time(&out, reply->view->action->due_unix_ms);
    buf_add_text(&out, "\"}");
    reply_json(call, 200, &out);
    buf_done(&out);
}

void acts_begin(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "token",
         .type = BODY_TEXT,
         .is_required = true,
         .size_max = LIMIT_KEY,
         .at = offsetof(struct acts_body, token)},
    };
    struct acts_body body = {0};
    if (!body_read(call, fields, sizeof fields / sizeof *fields, &body))
        return;
    acts_call(call, &(struct engine_call){.act = ENGINE_BEGIN, .token = body.token},
              acts_begin_taken);
}

void acts_report(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "token",
         .type = BODY_TEXT,
         .is_required = true,
         .size_max = LIMIT_KEY,
         .at = offsetof(struct acts_body, token)},
        {.name = "attempt",
         .type = BODY_U16,
         .is_required = true,
         .at = offsetof(struct acts_body, attempt)},
        {.name = "outcome",
         .type = BODY_NAME,
         .is_required = true,
         .at = offsetof(struct acts_body, outcome)},
        {.name = "response", .type = BODY_ANY, .at = offsetof(struct acts_body, response)},
    };
    struct acts_body body = {0};
    struct engine_call what = {.act = ENGINE_REPORT};
    if (!body_read(call, fields, sizeof fields / sizeof *fields, &body))
        return;
    if (!outcome_parse(body.outcome, &what.outcome)) {
        reply_trouble(call,
                      &(struct trouble){.code = TROUBLE_BAD_BODY,
                                        .pointer = SLICE("/outcome"),
                                        .detail = SLICE("\"outcome\" must be ok, not_sent, busy, "
                                                        "uncertain or failed")});
        return;
    }
    if (body.response.size > LIMIT_ANSWER_STORED) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/response"),
                                              .detail = arena_fmt(&call->arena,
                                                                  "\"response\" is over %d bytes "
                                                                  "(LIMIT_ANSWER_STORED)",
                                                                  LIMIT_ANSWER_STORED)});
        return;
    }
    what.token = body.token;
    what.attempt = body.attempt;
    what.response_json = body.response;
    acts_call(call, &what, acts_taken);
}

void acts_resolve(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "happened",
         .type = BODY_BOOL,
         .is_required = true,
         .at = offsetof(struct acts_body, happened)},
        {.name = "send", .type = BODY_BOOL, .at = offsetof(struct acts_body, send)},
        {.name = "evidence",
         .type = BODY_TEXT,
         .size_max = LIMIT_REASON,
         .at = offsetof(struct acts_body, evidence)},
    };
    struct acts_body body = {0};
    if (!body_read(call, fields, sizeof fields / sizeof *fields, &body))
        return;
    if (body.happened && body.send) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/send"),
                                              .detail = SLICE("what happened is not sent again: "
                                                              "\"send\" goes with \"happened\": "
                                                              "false")});
        return;
    }
    acts_call(call,
              &(struct engine_call){.act = ENGINE_RESOLVE,
                                    .happened = body.happened,
                                    .send = body.send,
                                    .evidence = body.evidence},
              acts_taken);
}

static bool acts_read_reason(struct call *call, struct acts_body *body)
{
    static const struct body_field fields[] = {
        {.name = "reason",
         .type = BODY_TEXT,
         .is_required = true,
         .size_max = LIMIT_REASON,
         .at = offsetof(struct acts_body, reason)},
    };
    if (!body_read(call, fields, sizeof fields / sizeof *fields, body))
        return false;
    if (body->reason.size > 0)
        return true;
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = SLICE("/reason"),
                                          .detail = SLICE("\"reason\" is empty: the record "
                                                          "says why")});
    return false;
}

void acts_cancel(struct call *call)
{
    struct acts_body body = {0};
    if (acts_read_reason(call, &body))
        acts_call(call, &(struct engine_call){.act = ENGINE_CANCEL, .reason = body.reason},
                  acts_taken);
}

/* The new action, as if it had been submitted (R9). */
static void acts_again_taken(struct call *call, const struct engine_reply *reply)
{
    reply_action(call, reply->view);
}

void acts_again(struct call *call)
{
    struct acts_body body = {0};
    if (acts_read_reason(call, &body))
        acts_call(call, &(struct engine_call){.act = ENGINE_AGAIN, .reason = body.reason},
                  acts_again_taken);
}

/* Of what waits without a review: what is uncertain, or contradicted. It changes nothing. */
void acts_note(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "note",
         .type = BODY_TEXT,
         .is_required = true,
         .size_max = LIMIT_REASON,
         .at = offsetof(struct acts_body, reason)},
    };
    struct acts_body body = {0};
    if (!body_read(call, fields, sizeof fields / sizeof *fields, &body))
        return;
    if (body.reason.size > 0)
        acts_call(call, &(struct engine_call){.act = ENGINE_NOTE, .reason = body.reason},
                  acts_taken);
    else
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/note"),
                                              .detail = SLICE("\"note\" is empty")});
}
