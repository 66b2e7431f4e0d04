#include "record/review_json.h"

#include <jansson.h>

#include "core/chain.h"
#include "policy/template.h"
#include "record/action_json.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/inbox_json.h"
#include "record/look.h"
#include "record/mask.h"
#include "record/member.h"
#include "record/number.h"
#include "record/render.h"
#include "record/wording.h"

enum review_state { REVIEW_VOID, REVIEW_OPEN, REVIEW_DECIDED };

/* The record of the verdict that decided it, or NULL. */
static const struct view_record *review_verdict(const struct review_card *card)
{
    for (size_t i = 0; i < card->view->history_count; i++) {
        const struct view_record *entry = &card->view->history[i];
        enum record_kind kind = entry->record.kind;
        if (entry->record.review == card->review &&
            (kind == RECORD_APPROVED || kind == RECORD_DECLINED || kind == RECORD_EDITED))
            return entry;
    }
    return NULL;
}

static enum review_state review_state(const struct review_card *card)
{
    const struct action *action = card->view->action;
    if (action->state == STATE_IN_REVIEW && action->reviews == card->review)
        return REVIEW_OPEN;
    return review_verdict(card) ? REVIEW_DECIDED : REVIEW_VOID;
}

/* ---- what would be sent ---- */

/* The input as it may be shown. */
static void review_add_input(const struct review_card *card, struct buf *out)
{
    const struct view *view = card->view;
    if (card->is_revealed || !view->step || view->step->masked_count == 0)
        buf_add(out, view->submit.input_json);
    else
        mask_add_input(view->step, view->submit.input_json, out);
}

/* A scope over that input; the provider's key is made when it is sent. */
static struct expr_scope review_scope(const struct view *view, const json_t *input)
{
    return (struct expr_scope){.input = input,
                               .has_confidence = view->submit.has_confidence,
                               .confidence = view->submit.confidence,
                               .run = view->submit.run,
                               .step = view->step_name,
                               .principal = view->submit.actor,
                               .key = view->submit.key,
                               .provider_key = SLICE("(made when it is sent)"),
                               .now_unix_ms = view->now_unix_ms};
}

void review_add_recipient(const struct view *view, struct buf *out)
{
    const struct step *step = view->step;
    if (!step || !step->recipient || view->submit.input_json.size == 0)
        return;
    struct arena scratch;
    struct buf masked, text;
    arena_init(&scratch, LIMIT_API_ARENA);
    buf_init(&masked, LIMIT_PAYLOAD);
    buf_init(&text, LIMIT_SUMMARY);
    mask_add_input(step, view->submit.input_json, &masked);
    json_t *input = json_loadb(buf_text(&masked), masked.size, 0, NULL);
    struct expr_scope scope = review_scope(view, input);
    struct expr_work work = {.scratch = &scratch};
    if (input && template_render_text(step->recipient, &scope, &work, &text) == EXPR_OK)
        wording_add_line(out, buf_slice(&text), LIMIT_SUMMARY);
    json_decref(input);
    buf_done(&text);
    buf_done(&masked);
    arena_done(&scratch);
}

/* `body` as JSON where it is some, else as text. */
static void review_add_body(struct buf *out, struct slice body)
{
    json_t *parsed = json_loadb(body.at, body.size, JSON_DECODE_ANY, NULL);
    if (parsed)
        member_add_raw(out, "body", body);
    else
        member_add_text(out, "body", body);
    json_decref(parsed);
}

static bool review_render(const struct review_card *card, const struct expr_scope *scope,
                          struct arena *scratch, struct bundle_request *out, struct buf *body)
{
    const struct view *view = card->view;
    struct expr_problem problem;
    return scope->input && view->step && !view->step->terms.is_caller &&
           render_request(view->step, chain_route(&view->step->terms, view->action->route), scope,
                          scratch, out, body, &problem);
}

/* Would the policy in force still make the bytes that were sent, and are sent again (R5)? */
static bool review_is_as_sent(const struct review_card *card, struct arena *scratch)
{
    const struct view *view = card->view;
    struct slice text = view->submit.input_json;
    json_t *input = json_loadb(text.at, text.size, 0, NULL);
    struct expr_scope scope = review_scope(view, input);
    struct bundle_request request;
    struct buf body, bytes;
    unsigned char digest[ACTION_DIGEST];
    buf_init(&body, LIMIT_REQUEST);
    buf_init(&bytes, LIMIT_REQUEST * 2);
    scope.provider_key = view->request.provider_key;
    scope.key = view_whole_key(view);
    scope.run = view_whole_run(view);
    bool is_same = review_render(card, &scope, scratch, &request, &body);
    if (is_same) {
        bundle_request_encode(&request, &bytes);
        digest_short(buf_slice(&bytes), digest);
        is_same = memcmp(digest, view->action->request_digest, ACTION_DIGEST) == 0;
    }
    buf_done(&bytes);
    buf_done(&body);
    json_decref(input);
    return is_same;
}

/* What an approval sends. What was sent before is shown as it was, and where that has masked fields
 * of which nobody knows the place any more, only to who asks for them. */
static void review_add_will(struct buf *out, const struct review_card *card, struct slice shown,
                            struct arena *scratch)
{
    const struct view *view = card->view;
    bool is_kept = view->action->is_frozen && view->request.method.size > 0 &&
                   !review_is_as_sent(card, scratch);
    bool is_hidden = is_kept && !card->is_revealed && view->step && view->step->masked_count > 0;
    json_t *input = json_loadb(shown.at, shown.size, 0, NULL);
    struct expr_scope scope = review_scope(view, input);
    struct bundle_request request = view->request;
    if (card->is_revealed) {
        scope.key = view_whole_key(view);
        scope.run = view_whole_run(view);
    }
    struct buf body;
    buf_init(&body, LIMIT_REQUEST);
    member_add_name(out, "will");
    if (!is_hidden && (is_kept || review_render(card, &scope, scratch, &request, &body))) {
        buf_add_byte(out, '{');
        member_add_text(out, "upstream", view->upstream);
        member_add_text(out, "method", request.method);
        member_add_text(out, "target", request.target);
        review_add_body(out, request.body);
        buf_add_byte(out, '}');
    } else {
        buf_add_text(out, "null");
    }
    buf_done(&body);
    json_decref(input);
}

static void review_add_payload(struct buf *out, const struct review_card *card,
                               struct arena *scratch)
{
    const struct view *view = card->view;
    struct buf shown;
    buf_init(&shown, LIMIT_PAYLOAD);
    if (view->submit.input_json.size > 0)
        review_add_input(card, &shown);
    member_add_raw(out, "input", buf_slice(&shown));
    member_add_name(out, "masked");
    buf_add_byte(out, '[');
    for (size_t i = 0; view->step && i < view->step->masked_count; i++) {
        buf_add_text(out, i ? "," : "");
        buf_add_json_text(out, view->step->masked[i]);
    }
    buf_add_byte(out, ']');
    member_add_bool(out, "revealed", card->is_revealed);
    member_add_raw(out, "changed", view->submit.edit_json);
    review_add_will(out, card, buf_slice(&shown), scratch);
    buf_done(&shown);
}

/* ---- people ---- */

static void review_add_claim(struct buf *out, const struct view *view)
{
    member_add_name(out, "claimed");
    if (view_claimer(view).size > 0) {
        buf_add_byte(out, '{');
        member_add_text(out, "by", view_claimer(view));
        member_add_time(out, "until", view->claimed_until_unix_ms);
        buf_add_byte(out, '}');
    } else {
        buf_add_text(out, "null");
    }
    member_add_text(out, "assigned_to", view->assigned_to);
}

static void review_add_notes(struct buf *out, const struct review_card *card)
{
    const struct view *view = card->view;
    bool is_first = true;
    member_add_name(out, "notes");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < view->history_count; i++) {
        const struct view_record *entry = &view->history[i];
        enum record_kind kind = entry->record.kind;
        bool is_note = kind == RECORD_SAID || kind == RECORD_ASSIGNED;
        if (!is_note || entry->record.review != card->review || entry->words.reason.size == 0)
            continue;
        buf_add_text(out, is_first ? "" : ",");
        is_first = false;
        note_json_add(out, entry);
    }
    buf_add_byte(out, ']');
}

static void review_add_decided(struct buf *out, const struct review_card *card)
{
    const struct view_record *entry = review_verdict(card);
    member_add_name(out, "decided");
    if (!entry) {
        buf_add_text(out, "null");
        return;
    }
    bool is_edit = entry->record.kind == RECORD_EDITED;
    buf_add_byte(out, '{');
    member_add_word(out, "verdict",
                    is_edit                                 ? "edit"
                    : entry->record.kind == RECORD_APPROVED ? "approve"
                                                            : "reject");
    member_add_text(out, "by", entry->record.actor);
    member_add_time(out, "at", entry->record.at_unix_ms);
    member_add_text(out, "note", is_edit ? card->view->submit.edit_note : entry->words.reason);
    buf_add_byte(out, '}');
}

static void review_add_who(struct buf *out, const struct review_card *card, bool is_open)
{
    struct view_who who = {0};
    member_add_name(out, "who");
    if (!is_open || !view_who(card->view, &who)) {
        buf_add_text(out, "null");
    } else {
        buf_add_byte(out, '{');
        member_add_text(out, "group", who.group);
        member_add_text(out, "person", who.person);
        member_add_time(out, "by", who.by_unix_ms);
        member_add_word(out, "to_do", who.to_do);
        buf_add_byte(out, '}');
    }
    member_add_time(out, "by", is_open ? who.by_unix_ms : 0);
}

static void review_add_subject(struct buf *out, const struct review_card *card)
{
    const struct view *view = card->view;
    member_add_id(out, "action", ID_ACTION, view->action->id);
    member_add_text(out, "workflow", view->workflow);
    member_add_text(out, "step", view->step_name);
    member_add_text(out, "key", card->is_revealed ? view_whole_key(view) : view->submit.key);
    member_add_text(out, "run", card->is_revealed ? view_whole_run(view) : view->submit.run);
    inbox_json_add_title(out, view);
    inbox_json_add_why(out, view);
    member_add_text(out, "asked_by", view->submit.actor);
    member_add_text(out, "because", view->submit.because);
    member_add_name(out, "confidence");
    if (view->submit.has_confidence)
        number_add_real(out, view->submit.confidence);
    else
        buf_add_text(out, "null");
}

void review_json_add(struct buf *out, const struct review_card *card, struct arena *scratch)
{
    static const char *const states[] = {
        [REVIEW_VOID] = "void", [REVIEW_OPEN] = "open", [REVIEW_DECIDED] = "decided"};
    const struct view *view = card->view;
    enum review_state state = review_state(card);
    bool is_open = state == REVIEW_OPEN;
    buf_add_byte(out, '{');
    member_add_name(out, "id");
    buf_add_byte(out, '"');
    id_add_review(out, view->action->id, card->review);
    buf_add_byte(out, '"');
    member_add_word(out, "kind", "review");
    member_add_word(out, "state", states[state]);
    review_add_subject(out, card);
    review_add_who(out, card, is_open);
    review_add_payload(out, card, scratch);
    look_add_fact_json(view, out); /* what the rules saw where it is not the input */
    if (is_open)
        inbox_json_add_verdicts(out, view);
    else
        member_add_raw(out, "verdicts", SLICE("[]"));
    struct buf digest;
    buf_init(&digest, LIMIT_NAME);
    if (is_open)
        text_add_hex(&digest, slice_of(view->action->request_digest, ACTION_DIGEST));
    member_add_text(out, "digest", buf_slice(&digest));
    buf_done(&digest);
    review_add_claim(out, view);
    review_add_notes(out, card);
    review_add_decided(out, card);
    buf_add_byte(out, '}');
}
