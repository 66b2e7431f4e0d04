#include "api/body.h"
#include "api/handlers.h"
#include "api/reply.h"
#include "api/words.h"
#include "base/limits.h"

struct verdict_body {
    struct slice id, verdict, digest, note, edit, words, label;
};

static const struct body_field verdict_fields[] = {
    {.name = "id", /* of a line of many (bulk.c): the path says it too */
     .type = BODY_TEXT,
     .size_max = LIMIT_NAME,
     .at = offsetof(struct verdict_body, id)},
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
    {.name = "edit", .type = BODY_OBJECT, .at = offsetof(struct verdict_body, edit)},
    {.name = "words", .type = BODY_OBJECT, .at = offsetof(struct verdict_body, words)},
    {.name = "label", .type = BODY_NAME, .at = offsetof(struct verdict_body, label)},
};

/* What each word does: an act, and the record that says it was given. */
struct verdict_kind {
    const char *name;
    enum engine_act act;
    enum record_kind record;
};
static const struct verdict_kind verdict_kinds[] = {
    {"approve", ENGINE_APPROVE, RECORD_APPROVED}, {"reject", ENGINE_REJECT, RECORD_DECLINED},
    {"edit", ENGINE_EDIT, RECORD_EDITED},         {"note", ENGINE_NOTE, RECORD_SAID},
    {"label", ENGINE_LABEL, RECORD_LABELLED}, /* of what was done */
};

static const struct verdict_kind *verdict_find(struct slice name)
{
    for (size_t i = 0; i < sizeof verdict_kinds / sizeof *verdict_kinds; i++)
        if (slice_is(name, verdict_kinds[i].name))
            return &verdict_kinds[i];
    return NULL;
}

static void verdict_refuse(struct call *call, const char *pointer, const char *detail)
{
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = slice_text(pointer),
                                          .detail = slice_text(detail)});
}

/* Each word has what belongs to it, and nothing else; false: answered. */
static bool verdict_check(struct call *call, const struct verdict_kind *kind,
                          const struct verdict_body *body)
{
    if (!kind)
        verdict_refuse(call, "/verdict", "\"verdict\" is approve, edit, reject, label or note");
    else if (kind->act == ENGINE_EDIT && body->edit.size == 0)
        verdict_refuse(call, "/edit", "say what to change: \"edit\": {\"FIELD\": VALUE}");
    else if (kind->act != ENGINE_EDIT && body->edit.size > 0)
        verdict_refuse(call, "/edit", "\"edit\" goes with \"verdict\": \"edit\"");
    else if ((kind->act == ENGINE_LABEL) != (body->label.size > 0))
        verdict_refuse(call, "/label", "\"label\" and \"verdict\": \"label\" go together");
    else if (kind->act == ENGINE_NOTE && body->note.size == 0)
        verdict_refuse(call, "/note", "\"note\" is empty");
    else
        return true;
    return false;
}

/* The edit is what the input says by now: it was this one. */
static bool verdict_is_same_edit(const struct call *call, const struct view *view)
{
    const json_t *edit = json_object_get(call->body, "edit");
    json_t *input = json_loadb(view->submit.input_json.at, view->submit.input_json.size, 0, NULL);
    const char *name;
    json_t *value;
    bool is_same = input != NULL;
    json_object_foreach((json_t *)(uintptr_t)edit, name, value)
    {
        const json_t *now = json_object_get(input, name);
        is_same = is_same && (json_is_null(value) ? !now : json_equal(now, value));
    }
    json_decref(input);
    return is_same;
}

/* Was this review decided so by this person? Then saying it again changes nothing (policy.md). */
static bool verdict_is_same(const struct call *call, const struct view *view, enum record_kind kind)
{
    for (size_t i = 0; i < view->history_count; i++) {
        const struct record *record = &view->history[i].record;
        if (record->review == call->review && record->kind == kind &&
            slice_equal(record->actor, call->principal.name))
            return kind != RECORD_EDITED || verdict_is_same_edit(call, view);
    }
    return false;
}

/* A review that is over: 200 for who says the same again. false: it is something else. */
static bool verdict_is_repeat(struct call *call, const struct verdict_kind *kind)
{
    const struct action *action = call->view->action;
    if (kind->act == ENGINE_NOTE || kind->act == ENGINE_LABEL ||
        (action->state == STATE_IN_REVIEW && action->reviews == call->review))
        return false;
    struct view *view = ARENA_NEW(&call->arena, struct view);
    enum err err = view ? call->engine->view(call->engine->impl, call->id, true, &call->arena, view)
                        : ERR_NO_MEMORY;
    if (err == ERR_OK && !verdict_is_same(call, view, kind->record))
        return false;
    if (err != ERR_OK)
        reply_err(call, err);
    else
        reply_action_read(call, view);
    return true;
}

/* An approval of what the policy made another request meanwhile is void: it is asked anew, and
 * nobody may read it as let go. */
static void verdict_taken(struct call *call, const struct engine_reply *reply)
{
    const struct action *action = reply->view ? reply->view->action : NULL;
    bool is_void = action && action->state == STATE_IN_REVIEW && action->reviews != call->review;
    if (is_void)
        reply_refusal(call, &(struct engine_reply){.outcome = ENGINE_NOT_NOW,
                                                   .refusal = REFUSAL_CHANGED,
                                                   .view = reply->view});
    else
        acts_taken(call, reply);
}

void verdict_post(struct call *call)
{
    struct verdict_body body = {0};
    if (!body_read(call, verdict_fields, sizeof verdict_fields / sizeof *verdict_fields, &body))
        return;
    const struct words_place place = {.name = "edit", .is_edit = true};
    if (body.words.at && !words_read(call, &place, &body.edit))
        return;
    const struct verdict_kind *kind = verdict_find(body.verdict);
    if (!verdict_check(call, kind, &body) || verdict_is_repeat(call, kind))
        return;
    struct engine_call what = {.act = kind->act,
                               .principal = &call->principal,
                               .action = call->id,
                               .review = call->review,
                               .digest = body.digest,
                               .reason = body.note,
                               .edit_json = body.edit,
                               .label = body.label,
                               .done = reply_when_act_taken(
                                   call, kind->act == ENGINE_LABEL ? labels_taken : verdict_taken),
                               .arg = call};
    call->engine->act(call->engine->impl, &what);
}
