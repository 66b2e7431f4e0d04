/* loop/people.c - what people and callers do to an action that exists: settling, cancel, a new try
 * (verdicts: reviews.c), and the reports of steps that the caller executes. Who may is decided by
 * the door. */
#include "loop/people.h"

#include <stdlib.h>

#include "loop/admin.h"
#include "loop/audit.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/loaded.h"
#include "loop/steps.h"
#include "loop/submit.h"
#include "loop/timers.h"
#include "loop/views.h"
#include "record/digest.h"

/* Who approves or says "send" would like to see what came of it; a provider that is slow is not
 * waited for. */
enum { ACT_WAIT_MS = 5000 };

/* Tells why it was not taken, with the action as it stands. */
static void act_refuse(struct engine *engine, const struct engine_call *call, struct entry *entry,
                       enum refusal refusal)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct view view;
    struct engine_reply reply = {.outcome = ENGINE_NOT_NOW, .refusal = refusal, .view = &view};
    if (engine_fill_answer(engine, entry, &arena, &view) != ERR_OK)
        reply.view = NULL;
    engine_answer(engine, call->done, call->arg, &reply);
    entry_let_go(engine, entry);
    arena_done(&arena);
}

/* Tells the caller how the action stands, once all of it is durable. */
void act_answer(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    struct waiter *waiter = waiter_add(engine, entry, ACT_WAIT_MS, call->done, call->arg);
    if (!waiter) {
        engine_refuse(call->done, call->arg, ENGINE_NO_ROOM, "out of memory");
        return;
    }
    waiter->is_act = true;
    waiters_tell(engine, entry);
    entry_let_go(engine, entry);
}

void act_tell(struct engine *engine, const struct engine_call *call, struct entry *entry,
              const struct engine_reply *reply)
{
    struct waiter *waiter = waiter_add(engine, entry, 0, call->done, call->arg);
    if (!waiter) {
        engine_refuse(call->done, call->arg, ENGINE_NO_ROOM, "out of memory");
        return;
    }
    waiter->outcome = reply->outcome;
    waiter->refusal = reply->refusal;
    buf_add(&waiter->pointer, reply->pointer);
    buf_add(&waiter->detail, reply->detail);
    waiters_tell(engine, entry);
    entry_let_go(engine, entry);
}

void act_words(struct engine *engine, const struct engine_call *call, struct buf *out)
{
    struct bundle_words words = {.reason = call->reason, .evidence = call->evidence};
    if (words.reason.size > 0 || words.evidence.size > 0)
        loaded_encode_words(engine->loaded, &words, out);
}

void act_record(struct engine *engine, const struct engine_call *call, struct entry *entry,
                struct step_note note)
{
    struct buf words;
    buf_init(&words, LIMIT_REASON * 8);
    act_words(engine, call, &words);
    note.actor = call->principal->name;
    note.label = words.size ? BUNDLE_LABEL_WORDS : NULL;
    note.payload = buf_slice(&words);
    engine_save(engine, entry, &note);
    buf_done(&words);
}

void act_tell_recorded(struct engine *engine, const struct engine_call *call, struct entry *entry,
                       enum refusal refusal, const struct engine_reply *reply)
{
    act_record(
        engine, call, entry,
        (struct step_note){.kind = RECORD_REFUSED, .subject = slice_text(refusal_name(refusal))});
    act_tell(engine, call, entry, reply);
}

void act_refuse_recorded(struct engine *engine, const struct engine_call *call, struct entry *entry,
                         enum refusal refusal)
{
    act_tell_recorded(engine, call, entry, refusal,
                      &(struct engine_reply){.outcome = ENGINE_NOT_NOW, .refusal = refusal});
}

/* One event with a person's words in its record; false when it was refused (and told). */
static bool act_step(struct engine *engine, const struct engine_call *call, struct entry *entry,
                     struct action_event *event, enum record_kind kind)
{
    struct buf words;
    buf_init(&words, LIMIT_REASON * 8);
    act_words(engine, call, &words);
    struct step_note note = {.kind = kind,
                             .actor = call->principal->name,
                             .label = words.size ? BUNDLE_LABEL_WORDS : NULL,
                             .payload = buf_slice(&words),
                             .upstream = entry->row.upstream};
    struct action_effects effects;
    engine_step(engine, entry, event, &note, &effects);
    buf_done(&words);
    if (effects.refusal == REFUSAL_NONE)
        return true;
    if (call->act == ENGINE_RESOLVE) /* a verdict that is not taken is recorded, as in a review */
        act_refuse_recorded(engine, call, entry, effects.refusal);
    else
        act_refuse(engine, call, entry, effects.refusal);
    return false;
}

static void act_resolve(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    struct action_event event;
    engine_event(engine, entry, EVENT_RESOLVE, &event);
    event.happened = call->happened;
    event.send = call->send;
    bool is_word = state_is_end(entry->row.action.state); /* of a contradiction: nothing moves */
    if (act_step(engine, call, entry, &event, is_word ? RECORD_SETTLED : RECORD_RESOLVED))
        act_answer(engine, call, entry);
}

static void act_cancel(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    struct action_event event;
    engine_event(engine, entry, EVENT_CANCEL, &event);
    if (act_step(engine, call, entry, &event, RECORD_CANCELLED))
        act_answer(engine, call, entry);
}

static enum refusal again_refusal(const struct action *action)
{
    if (action->attempt_is_open)
        return REFUSAL_UNDER_WAY;
    return state_is_end(action->state) ? REFUSAL_ENDED : REFUSAL_NOT_ENDED;
}

/* Only the newest generation of a key, and only what is known not to have happened (R9). */
static void act_again(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    const struct action *action = &entry->row.action;
    struct store_key newest = {0};
    const struct store_port *store = &engine->options.store;
    struct entry *hot = entry_by_key(engine, entry->row.key_hash);
    uint64_t newest_id = hot ? hot->row.action.id : 0;
    if (!hot && store->get_key(store->impl, entry->row.key_hash, &newest) == ERR_OK)
        newest_id = newest.action;
    bool is_denied = action->contradicted_unix_ms == 0 ||
                     action->contradiction_verdict == OUTCOME_FAILED; /* else it happened (R14) */
    bool can = action_is_over(action) && action->state != STATE_DONE && is_denied &&
               newest_id == action->id && action->generation < UINT8_MAX && entry->unsaved == 0;
    if (can)
        engine_submit_again(engine, entry, call);
    else
        act_refuse(engine, call, entry, again_refusal(action));
}

/* ---- steps that the caller executes ---- */

static bool act_has_token(const struct engine_call *call, const struct entry *entry)
{
    unsigned char hash[DIGEST_SIZE];
    digest_bytes(call->token, hash);
    if (digest_is_zero(entry->row.permit_hash, ROW_DIGEST))
        return false;
    unsigned char difference = 0; /* constant time */
    for (size_t i = 0; i < ROW_DIGEST; i++)
        difference |= (unsigned char)(hash[i] ^ entry->row.permit_hash[i]);
    return difference == 0;
}

static void act_begin(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    if (!act_has_token(call, entry)) {
        act_refuse(engine, call, entry, REFUSAL_NO_PERMIT);
        return;
    }
    bool is_renewal = entry->row.action.permit_is_begun;
    struct action_event event;
    engine_event(engine, entry, EVENT_BEGIN, &event);
    if (act_step(engine, call, entry, &event, is_renewal ? RECORD_RENEWED : RECORD_BEGUN))
        act_answer(engine, call, entry);
}

/* The same late outcome once more: it stands in the records already. */
static bool act_was_told(const struct engine_call *call, const struct action *action)
{
    return action->contradicted_unix_ms != 0 && call->attempt == action->contradiction_attempt &&
           call->outcome == action->contradiction_outcome;
}

/* The token is that of the newest permit. Of an older one its holder may still tell how it ended:
 * that truth is recorded, whatever was done since (R14). */
static bool act_may_report(const struct engine_call *call, const struct entry *entry, bool is_late)
{
    return act_has_token(call, entry) ||
           (is_late && slice_equal(call->principal->name, entry->row.actor));
}

/* R23: what the caller was answered, without secrets; what is no JSON without them, as a text. */
static void act_add_response(struct engine *engine, struct slice json, struct buf *out)
{
    struct buf masked;
    buf_init(&masked, LIMIT_PAYLOAD);
    redact_add(&engine->loaded->redact, json, false, &masked);
    json_t *parsed = json_loadb(buf_text(&masked), masked.size, JSON_DECODE_ANY, NULL);
    if (parsed || json.size == 0)
        buf_add(out, buf_slice(&masked));
    else
        buf_add_json_text(out, buf_slice(&masked));
    json_decref(parsed);
    buf_done(&masked);
}

static void act_report(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    const struct action *action = &entry->row.action;
    bool is_late = !action->attempt_is_open || call->attempt < action->starts_total;
    if (!act_may_report(call, entry, is_late)) {
        act_refuse(engine, call, entry, REFUSAL_NO_PERMIT);
        return;
    }
    bool is_repeat = !action->attempt_is_open && call->attempt == action->starts_total &&
                     action->last_outcome == call->outcome &&
                     action->last_reason == REASON_REPORTED;
    if (is_repeat || act_was_told(call, action)) { /* idempotent by attempt number */
        act_answer(engine, call, entry);
        return;
    }
    struct action_event event;
    engine_event(engine, entry, EVENT_REPORT, &event);
    event.attempt = call->attempt;
    event.reported = call->outcome;
    struct buf bundle, response;
    buf_init(&bundle, LIMIT_PAYLOAD);
    buf_init(&response, LIMIT_PAYLOAD);
    act_add_response(engine, call->response_json, &response);
    struct bundle_outcome outcome = {.response_json = buf_slice(&response),
                                     .what = SLICE("reported by the caller")};
    bundle_outcome_encode(&outcome, &bundle);
    struct step_note note = {.kind = is_late ? RECORD_LATE : RECORD_OUTCOME,
                             .actor = call->principal->name,
                             .label = BUNDLE_LABEL_OUTCOME,
                             .payload = buf_slice(&bundle),
                             .attempt = call->attempt};
    struct action_effects effects;
    engine_step(engine, entry, &event, &note, &effects);
    bool counts = effects.refusal == REFUSAL_NONE && !note.is_aside;
    if (counts && entry_keep(&entry->outcome, &entry->outcome_size, buf_slice(&bundle)) != ERR_OK)
        engine_fail(engine, "out of memory");
    buf_done(&response);
    buf_done(&bundle);
    if (effects.refusal != REFUSAL_NONE)
        act_refuse(engine, call, entry, effects.refusal);
    else
        act_answer(engine, call, entry);
}

static void act_label(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    if (entry->row.action.state != STATE_DONE)
        act_refuse_recorded(engine, call, entry, REFUSAL_NOT_DONE);
    else if (engine_label(engine, call, entry))
        act_answer(engine, call, entry);
}

static void act_erase(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    enum refusal refusal = engine_erase(engine, call, entry);
    if (refusal != REFUSAL_NONE)
        act_refuse(engine, call, entry, refusal);
    else
        act_answer(engine, call, entry);
}

void engine_label_refused(void *impl, const struct principal *principal, struct slice workflow,
                          struct slice name)
{
    struct engine *engine = impl;
    struct pending none = {0};
    (void)engine_now(engine);
    if (engine->has_failed || engine->is_closing || engine->unsaved >= ENGINE_UNSAVED_ACT)
        return; /* what is answered is the same */
    struct control control = {.record = {.kind = RECORD_LABEL_REFUSED,
                                         .actor = principal->name,
                                         .workflow = workflow,
                                         .subject = name}};
    engine_save_control(engine, &control, &none);
}

void engine_act(void *impl, const struct engine_call *call)
{
    struct engine *engine = impl;
    CHECK(engine->answering == 0);
    (void)engine_now(engine);
    enum err err = ERR_OK;
    struct entry *entry = NULL;
    if (engine->has_failed || engine->is_closing || engine->unsaved >= ENGINE_UNSAVED_ACT) {
        engine_refuse(call->done, call->arg, ENGINE_STORE_FAILED, "the store cannot save it now");
        return;
    }
    entry = entry_get(engine, call->action, &err);
    if (!entry) {
        bool is_unknown = err == ERR_NOT_FOUND;
        engine_refuse(call->done, call->arg, is_unknown ? ENGINE_NOT_FOUND : ENGINE_STORE_FAILED,
                      is_unknown ? "no action has this id" : err_text(err));
        return;
    }
    switch (call->act) {
    case ENGINE_APPROVE:
    case ENGINE_REJECT:
    case ENGINE_EDIT:
    case ENGINE_CLAIM:
    case ENGINE_RELEASE:
    case ENGINE_ASSIGN:
    case ENGINE_NOTE:
    case ENGINE_SHOW:
    case ENGINE_REFUSED:
        engine_act_review(engine, call, entry);
        break;
    case ENGINE_RESOLVE:
        act_resolve(engine, call, entry);
        break;
    case ENGINE_CANCEL:
        act_cancel(engine, call, entry);
        break;
    case ENGINE_AGAIN:
        act_again(engine, call, entry);
        break;
    case ENGINE_BEGIN:
        act_begin(engine, call, entry);
        break;
    case ENGINE_REPORT:
        act_report(engine, call, entry);
        break;
    case ENGINE_ERASE:
        act_erase(engine, call, entry);
        break;
    case ENGINE_LABEL:
        act_label(engine, call, entry);
        break;
    }
    engine_set_alarm(engine);
}
