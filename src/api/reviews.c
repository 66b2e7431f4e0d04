/* A review besides its verdicts: the card, who has it, and the fields that are not for everybody.
 */
#include "api/body.h"
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/principal.h"
#include "api/reply.h"
#include "api/subject.h"
#include "base/limits.h"
#include "record/review_json.h"

static void reviews_act(struct call *call, struct engine_call *what, call_taken_fn *taken)
{
    what->principal = &call->principal;
    what->action = call->id;
    what->review = call->review;
    what->done = reply_when_taken(call, taken);
    what->arg = call;
    call->engine->act(call->engine->impl, what);
}

/* The view with its history, for the card; false: answered. */
static bool reviews_read(struct call *call)
{
    enum err err = call->engine->view(call->engine->impl, call->id, true, &call->arena, call->view);
    if (err != ERR_OK)
        reply_err(call, err);
    return err == ERR_OK;
}

static void reviews_reply(struct call *call, bool is_revealed)
{
    struct review_card card = {
        .view = call->view, .review = call->review, .is_revealed = is_revealed};
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    review_json_add(&out, &card, &call->arena);
    reply_json(call, 200, &out);
    buf_done(&out);
}

void reviews_get(struct call *call)
{
    if (parameter_read(call, NULL, 0) && reviews_read(call))
        reviews_reply(call, false);
}

/* The record that they were shown is durable: now they are (R23). */
static void reviews_reveal_taken(struct call *call, const struct engine_reply *reply)
{
    (void)reply;
    reviews_reply(call, true);
}

void reviews_reveal(struct call *call)
{
    int none;
    if (!body_read(call, NULL, 0, &none) || !reviews_read(call))
        return;
    reviews_act(call, &(struct engine_call){.act = ENGINE_SHOW}, reviews_reveal_taken);
}

struct reviews_body {
    uint16_t minutes;
    struct slice to, note;
};

void reviews_claim(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "minutes", .type = BODY_U16, .at = offsetof(struct reviews_body, minutes)}};
    struct reviews_body body = {0};
    if (!body_read(call, fields, 1, &body))
        return;
    if (body.minutes > LIMIT_CLAIM_MINUTES) {
        reply_trouble(
            call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                    .pointer = SLICE("/minutes"),
                                    .detail = arena_fmt(&call->arena, "\"minutes\" is at most %d",
                                                        LIMIT_CLAIM_MINUTES)});
        return;
    }
    reviews_act(call,
                &(struct engine_call){.act = ENGINE_CLAIM, .for_ms = body.minutes * (int64_t)60000},
                acts_taken);
}

void reviews_release(struct call *call)
{
    int none;
    if (body_read(call, NULL, 0, &none))
        reviews_act(call, &(struct engine_call){.act = ENGINE_RELEASE}, acts_taken);
}

/* May the one that it is given to decide it? false: answered. */
static bool reviews_check_heir(struct call *call, struct slice to)
{
    struct principal heir = {0};
    struct right_subject subject = subject_of(call);
    bool is_known = principal_by_name(call->config, to, &heir);
    if (is_known && right_allows(call->config, &heir, RIGHT_DECIDE, &subject))
        return true;
    struct buf who;
    buf_init(&who, LIMIT_REASON);
    right_add_who(call->config, RIGHT_DECIDE, &subject, &who);
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = SLICE("/to"),
                                          .detail = arena_fmt(&call->arena,
                                                              "%.*s may not decide this review. "
                                                              "Who may: %s",
                                                              SLICE_FMT(to), buf_text(&who))});
    buf_done(&who);
    return false;
}

void reviews_reassign(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "to",
         .type = BODY_NAME,
         .is_required = true,
         .at = offsetof(struct reviews_body, to)},
        {.name = "note",
         .type = BODY_TEXT,
         .size_max = LIMIT_REASON,
         .at = offsetof(struct reviews_body, note)},
    };
    struct reviews_body body = {0};
    if (body_read(call, fields, 2, &body) && reviews_check_heir(call, body.to))
        reviews_act(call,
                    &(struct engine_call){.act = ENGINE_ASSIGN, .to = body.to, .reason = body.note},
                    acts_taken);
}
