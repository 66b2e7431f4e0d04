/* core/action_after.c - what follows when an attempt has ended.
 * Owns: retries, their waits, giving a way up, late outcomes (R14).
 * Keeps R1 (nothing that may have happened is given up) and I4. */
#include "base/check.h"
#include "core/action_inside.h"
#include "core/chain.h"
#include "core/moves.h"
#include "core/pace.h"
#include "core/settle.h"

/* Semantics 1.3, rule D: never start an attempt that could not end in time. */
enum { ACTION_START_MARGIN_MS = 50, ACTION_BUSY_BACKOFF_MS = 1000, ACTION_RETRY_JITTER_MS = 1000 };

/* The present way cannot do it: the entry behind it, or the fallback of the cause. In observe there
 * is none. */
static void action_fall_back(struct action *action, const struct action_event *event,
                             enum cause cause, enum reason reason, enum pass_why why,
                             struct action_effects *out)
{
    if (event->terms->mode == MODE_OBSERVE)
        move_end(action, event, STATE_FAILED, reason);
    else if (action->route > 0)
        action_next(action, event, why, reason, out);
    else
        action_chain(action, event, cause, reason, out);
}

void action_give_up(struct action *action, const struct action_event *event, enum reason reason,
                    enum pass_why why, struct action_effects *out)
{
    if (!action->may_have_happened) {
        /* After a hint, a release from the safe queue would be the retry that was forbidden. */
        action_fall_back(action, event, reason == REASON_HINT ? CAUSE_FAILED : CAUSE_UNAVAILABLE,
                         reason, why, out);
        return;
    }
    uint8_t entry = 0;
    const struct what *hold = chain_hold(event->terms, CAUSE_UNAVAILABLE, &entry);
    /* 409 to a repeat: the upstream knows the key, and a further repeat would say the same. */
    bool can_wait = action->last_reason != REASON_CONFLICT_409 && reason != REASON_HINT &&
                    reason != REASON_OBSERVE && hold &&
                    action_may_repeat(action, event->now_unix_ms + event->late_ms);
    if (!can_wait) {
        move_to_uncertain(action, event, reason);
        return;
    }
    if (action->route == 0) {
        action->cause = CAUSE_UNAVAILABLE;
        action->entry = entry;
    }
    move_to_held(action, event, reason, HOLD_FOR_UPSTREAM, hold->ms);
}

/* How long to wait before the next attempt: full jitter, never before Retry-After. */
static int64_t action_wait_ms(const struct action *action, const struct action_event *event)
{
    const struct step_terms *terms = event->terms;
    int64_t after = event->result.retry_after_ms;
    if (after > 0) {
        int64_t jitter = after / 10 < ACTION_RETRY_JITTER_MS ? after / 10 : ACTION_RETRY_JITTER_MS;
        return after + pace_backoff_ms(jitter, jitter, 1, event->random);
    }
    bool is_busy = action->last_outcome == OUTCOME_BUSY;
    int64_t base = is_busy && terms->backoff_min_ms < ACTION_BUSY_BACKOFF_MS
                       ? ACTION_BUSY_BACKOFF_MS
                       : terms->backoff_min_ms;
    int64_t top = terms->backoff_max_ms > base ? terms->backoff_max_ms : base;
    return pace_backoff_ms(base, top, action->starts, event->random);
}

static enum reason action_why_no_retry(struct action *action, const struct action_event *event,
                                       const struct verdict *verdict, int64_t wait_ms)
{
    const struct step_terms *terms = event->terms;
    if (!verdict->may_retry)
        return REASON_HINT;
    if (terms->mode == MODE_OBSERVE)
        return REASON_OBSERVE;
    if (terms->is_caller) /* a new permit is only given to a new request of the caller */
        return REASON_ATTEMPTS_SPENT;
    if (verdict->is_once && action->once_is_spent)
        return REASON_ATTEMPTS_SPENT;
    if (action->starts >= terms->attempts + action->grants)
        return REASON_ATTEMPTS_SPENT; /* I4 */
    if (event->result.retry_after_ms > RETRY_AFTER_MAX_MS)
        return REASON_RETRY_AFTER;
    if (event->now_unix_ms + wait_ms + ACTION_START_MARGIN_MS >=
        action->route_entered_unix_ms + terms->within_ms)
        return REASON_WITHIN_OVER;
    return event->has_token ? REASON_NONE : REASON_NO_TOKEN;
}

static void action_plan_retry(struct action *action, const struct action_event *event,
                              const struct verdict *verdict, struct action_effects *out)
{
    int64_t wait_ms = action_wait_ms(action, event);
    enum reason reason = action_why_no_retry(action, event, verdict, wait_ms);
    if (reason != REASON_NONE) {
        action_give_up(action, event, reason, PASS_UNAVAILABLE, out);
        return;
    }
    if (!action_may_repeat(action, event->now_unix_ms + event->late_ms + wait_ms)) {
        move_to_uncertain(action, event, REASON_KEEPS_OVER); /* R6 */
        return;
    }
    if (verdict->is_once)
        action->once_is_spent = true;
    out->spends_token = true;
    action->state = STATE_WAITING;
    action->reason = verdict->reason;
    move_clear_timer(action);
    action->due_kind = DUE_RETRY;
    action->due_unix_ms = event->now_unix_ms + wait_ms;
}

/* A start that a stop (or send_by) caught before its first byte. */
static void action_withheld(struct action *action, const struct action_event *event,
                            const struct verdict *verdict, struct action_effects *out)
{
    if (action->is_start_granted) /* nothing left: what the person said is not spent */
        action->is_granted = true;
    if (event->stop_id == 0) {
        action_plan_retry(action, event, verdict, out); /* send_by had passed */
        return;
    }
    const struct what *what = &event->terms->what[CAUSE_STOPPED];
    int64_t hold_ms = what->kind == WHAT_HOLD ? what->ms : GATE_HOLD_AT_STOP_MS;
    if (action->route == 0) { /* on another route it stays what its fallback was taken for */
        action->cause = CAUSE_STOPPED;
        action->entry = 0;
    }
    action->grants++; /* the stop, not the upstream, cost this start */
    static const unsigned char none[ACTION_DIGEST] = {0};
    if (action->starts == 1 && memcmp(action->approved_digest, none, ACTION_DIGEST) != 0 &&
        memcmp(action->approved_digest, action->request_digest, ACTION_DIGEST) == 0)
        action->is_approved = true; /* nothing left: the approval is not spent */
    move_to_held(action, event, REASON_STOP, HOLD_FOR_STOP, hold_ms);
}

/* One attempt has ended: what it means for the action. */
void action_conclude(struct action *action, const struct action_event *event,
                     struct verdict verdict, struct action_effects *out)
{
    action->attempt_is_open = false;
    action->permit_is_begun = false;
    action->last_outcome = verdict.outcome;
    action->last_reason = verdict.reason;
    action->last_status = event->kind == EVENT_OUTCOME ? event->result.status : 0;
    out->has_verdict = true;
    out->verdict = verdict;
    out->is_changed = true;
    if (action->effect == EFFECT_WRITE) { /* R1; a read changes nothing, whatever came back */
        if (verdict.outcome == OUTCOME_OK)
            action->may_have_happened = false;
        else if (verdict.outcome == OUTCOME_UNCERTAIN)
            action->may_have_happened = true;
    }
    out->earns_token = verdict.outcome == OUTCOME_OK && action->starts_total == 1;
    if (event->kind == EVENT_OUTCOME)
        out->signal = outcome_signal(&verdict, &event->result);
    if (verdict.outcome == OUTCOME_BUSY && event->result.retry_after_ms > 0)
        out->pause_ms = event->result.retry_after_ms;
    if (verdict.reason == REASON_WITHHELD) {
        action_withheld(action, event, &verdict, out);
        return;
    }
    switch (outcome_follow(action->effect, action->idempotency, verdict.outcome,
                           action->may_have_happened)) {
    case FOLLOW_DONE:
        if (action->route == 0)
            action->cause = CAUSE_NONE;
        move_end(action, event, STATE_DONE, verdict.reason);
        return;
    case FOLLOW_RETRY:
        action_plan_retry(action, event, &verdict, out);
        return;
    case FOLLOW_CHAIN:
        action_fall_back(action, event, CAUSE_FAILED, verdict.reason, PASS_FAILED, out);
        return;
    case FOLLOW_UNCERTAIN:
        move_to_uncertain(action, event, verdict.reason);
        if (settle_applies(action, event->terms))
            settle_begin(action, event);
        return;
    }
    CHECK_UNREACHABLE();
}

/* Both are true: it is said to have happened, or not, and something else was done since. The late
 * outcome of a try before the one that counts matters where the upstream cannot recognise a repeat:
 * it then happens twice. */
static bool action_is_told_otherwise(const struct action *action, uint16_t attempt,
                                     enum outcome outcome)
{
    bool is_last = attempt == action->starts_total;
    bool is_known_repeat = action->effect == EFFECT_READ ||
                           action->idempotency == IDEMPOTENCY_BY_KEY ||
                           action->idempotency == IDEMPOTENCY_BY_NATURE;
    /* Of another way than the present one, or beside a template's answer: nothing recognised it. */
    bool is_other_way = attempt + action->starts <= action->starts_total;
    bool may_be_twice = action->may_have_happened || action->attempt_is_open;
    if (outcome == OUTCOME_OK && action->state == STATE_DONE &&
        (action->reason == REASON_TEMPLATE || (action->route > 0 && is_other_way)))
        return true;
    if (outcome == OUTCOME_OK) {
        if (action->state == STATE_DONE || !state_is_end(action->state))
            return !is_last && (!is_known_repeat || (is_other_way && may_be_twice));
        return true;
    }
    bool is_denied = outcome == OUTCOME_FAILED || outcome == OUTCOME_NOT_SENT;
    return is_denied && is_last && action->state == STATE_DONE &&
           action->reason != REASON_PERSON_BY_HAND;
}

static void action_contradict(struct action *action, const struct action_event *event,
                              uint16_t attempt, enum outcome outcome)
{
    action->contradicted_unix_ms = event->now_unix_ms;
    action->contradiction_due_unix_ms = event->now_unix_ms + event->terms->uncertain_due_ms;
    action->contradiction_attempt = attempt;
    action->contradiction_outcome = outcome;
    action->contradiction_verdict = OUTCOME_UNCERTAIN;
    if (!state_is_end(action->state)) /* it did happen: nothing starts it again (I3) */
        action->may_have_happened = true;
}

/* R14: the attempt was given up (a lapsed lease, a person's verdict) and now its outcome comes. */
void action_late(struct action *action, const struct action_event *event, uint16_t attempt,
                 enum outcome outcome, struct action_effects *out)
{
    out->is_late = true;
    out->is_changed = true; /* always recorded */
    out->is_contradiction = action_is_told_otherwise(action, attempt, outcome);
    if (out->is_contradiction) {
        action_contradict(action, event, attempt, outcome);
        if (!action->attempt_is_open && !state_is_end(action->state))
            move_to_uncertain(action, event, REASON_LATE);
        return;
    }
    if (action->attempt_is_open || state_is_end(action->state))
        return;
    bool is_whole_truth = action->starts_total == 1 && action->state == STATE_UNCERTAIN;
    if (outcome == OUTCOME_OK) { /* whatever was planned: it happened */
        action->may_have_happened = false;
        move_end(action, event, STATE_DONE, REASON_LATE);
    } else if ((outcome == OUTCOME_FAILED || outcome == OUTCOME_NOT_SENT) && is_whole_truth) {
        action->may_have_happened = false;
        move_end(action, event, STATE_FAILED, REASON_LATE);
    }
}

void action_outcome(struct action *action, const struct action_event *event,
                    struct action_effects *out)
{
    struct step_terms terms = *event->terms;
    if (action->is_frozen) { /* R6: a reload does not change what was sent */
        terms.effect = action->effect;
        terms.idempotency = action->idempotency;
    }
    struct verdict verdict = outcome_classify(&terms, &event->result, action->may_have_happened);
    if (!action->attempt_is_open || event->attempt != action->starts_total) {
        out->has_verdict = true;
        out->verdict = verdict;
        action_late(action, event, event->attempt, verdict.outcome, out);
        return;
    }
    action_conclude(action, event, verdict, out);
}

void action_crashed(struct action *action, const struct action_event *event,
                    struct action_effects *out)
{
    if (!action->attempt_is_open) {
        out->refusal = REFUSAL_NOT_DUE;
        return;
    }
    action_conclude(action, event, (struct verdict){OUTCOME_UNCERTAIN, REASON_CRASH, false, true},
                    out);
}
