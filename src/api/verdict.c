#include "api/body.h"
#include "api/handlers.h"
#include "api/reply.h"
#include "base/limits.h"

struct verdict_body {
    struct slice verdict, digest, note;
};

static const struct body_field verdict_fields[] = {
    {.name = "verdict",
     .type = BODY_NAME,
     .is_required = true,
     .at = offsetof(struct verdict_body, verdict)},
    {.name = "digest",
     .type = BODY_TEXT,
     .size_max = LIMIT_NAME,
     .at = offsetof(struct verdict_body, digest)},
    {.name = "note",
     .type = BODY_TEXT,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct verdict_body, note)},
    {.name = "edit", .type = BODY_ELSEWHERE, .hint = "an edit is not enforced in this version"},
    {.name = "label", .type = BODY_ELSEWHERE, .hint = "a label is not enforced in this version"},
};

/* Was this review decided so by this person? Then saying it again changes nothing (policy.md). */
static bool verdict_is_same(const struct call *call, const struct view *view, enum record_kind kind)
{
    for (size_t i = 0; i < view->history_count; i++) {
        const struct record *record = &view->history[i].record;
        if (record->review == call->review && record->kind == kind &&
            slice_equal(record->actor, call->principal.name))
            return true;
    }
    return false;
}

/* The review is over: 200 for who says the same again, else 409; with the action in both. */
static void verdict_reply_decided(struct call *call, enum record_kind kind)
{
    struct view *view = ARENA_NEW(&call->arena, struct view);
    enum err err = view ? call->engine->view(call->engine->impl, call->id, true, &call->arena, view)
                        : ERR_NO_MEMORY;
    if (err != ERR_OK)
        reply_err(call, err);
    else if (verdict_is_same(call, view, kind))
        reply_action_read(call, view);
    else
        reply_refusal(call, &(struct engine_reply){.outcome = ENGINE_NOT_NOW,
                                                   .refusal = REFUSAL_NOT_IN_REVIEW,
                                                   .view = view});
}

void verdict_post(struct call *call)
{
    struct verdict_body body = {0};
    if (!body_read(call, verdict_fields, sizeof verdict_fields / sizeof *verdict_fields, &body))
        return;
    bool is_approve = slice_is(body.verdict, "approve");
    if (!is_approve && !slice_is(body.verdict, "reject")) {
        bool is_later = slice_is(body.verdict, "edit") || slice_is(body.verdict, "label") ||
                        slice_is(body.verdict, "note");
        reply_trouble(call,
                      &(struct trouble){.code = is_later ? TROUBLE_NOT_YET : TROUBLE_BAD_BODY,
                                        .pointer = SLICE("/verdict"),
                                        .detail = SLICE("this version takes approve and reject")});
        return;
    }
    const struct action *action = call->view->action;
    if (action->state != STATE_IN_REVIEW || action->reviews != call->review) {
        verdict_reply_decided(call, is_approve ? RECORD_APPROVED : RECORD_DECLINED);
        return;
    }
    struct engine_call what = {.act = is_approve ? ENGINE_APPROVE : ENGINE_REJECT,
                               .principal = &call->principal,
                               .action = call->id,
                               .review = call->review,
                               .digest = body.digest,
                               .reason = body.note,
                               .done = acts_done,
                               .arg = call};
    call->engine->act(call->engine->impl, &what);
}
