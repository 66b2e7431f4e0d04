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

static void verdict_finish(struct call *call, const struct engine_reply *reply,
                           enum record_kind kind)
{
    call_enter(call);
    struct view *view = NULL;
    if (reply->outcome == ENGINE_NOT_NOW)
        view = ARENA_NEW(&call->arena, struct view);
    if (reply->outcome == ENGINE_TAKEN)
        reply_action_read(call, reply->view);
    else if (view &&
             call->engine->view(call->engine->impl, call->id, true, &call->arena, view) == ERR_OK &&
             verdict_is_same(call, view, kind))
        reply_action_read(call, view);
    else
        reply_refusal(call, reply);
    call_leave(call);
}

static void verdict_approve_done(void *arg, const struct engine_reply *reply)
{
    verdict_finish(arg, reply, RECORD_APPROVED);
}

static void verdict_reject_done(void *arg, const struct engine_reply *reply)
{
    verdict_finish(arg, reply, RECORD_DECLINED);
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
    struct engine_call what = {.act = is_approve ? ENGINE_APPROVE : ENGINE_REJECT,
                               .principal = &call->principal,
                               .action = call->id,
                               .review = call->review,
                               .digest = body.digest,
                               .reason = body.note,
                               .done = is_approve ? verdict_approve_done : verdict_reject_done,
                               .arg = call};
    call->engine->act(call->engine->impl, &what);
}
