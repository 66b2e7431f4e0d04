/* Transitions:
 *   (new)      -> attempting | in_review | held | rejected | failed          [action_enter]
 *   attempting -> done | waiting | uncertain | held | in_review | failed     [action_conclude]
 *   waiting    -> attempting | held | in_review | uncertain | rejected       [action_enter]
 *   held       -> attempting | held | in_review | rejected                   [action_enter]
 *   held       -> in_review | expired | uncertain                            [action_timer]
 *   in_review  -> attempting | held | in_review | rejected                   [action_enter,
 * _reject] uncertain  -> done | failed | attempting | held [action_resolve, _enter] waiting, held,
 * in_review -> cancelled                                    [action_cancel] An end is final; a new
 * try is a new action of the next generation (R9). */
#include "core/action.h"

#include "base/check.h"
#include "core/moves.h"
#include "core/pace.h"

/* Semantics 1.3, rule D: never start an attempt that could not end in time. */
enum { ACTION_START_MARGIN_MS = 50, ACTION_BUSY_BACKOFF_MS = 1000, ACTION_RETRY_JITTER_MS = 1000 };

/* ---- the gate ---- */

static enum hold_for action_hold_for(const struct gate_answer *gate)
{
    switch (gate->path[gate->decided_by].gate) {
    case GATE_SWITCH:
        return HOLD_FOR_STOP;
    case GATE_RULE:
        return HOLD_FOR_RULE;
    case GATE_UPSTREAM:
        return HOLD_FOR_UPSTREAM;
    case GATE_RISK:
    case GATE_CONFIDENCE:
    case GATE_MODE:
    case GATE_FRESHNESS:
    case GATE_COUNT:
        break;
    }
    return HOLD_FOR_POLICY;
}

static void action_refused(struct action *action, const struct action_event *event)
{
    const struct gate_answer *gate = event->gate;
    if (action->may_have_happened)
        move_to_uncertain(action, event, gate->reason);
    else if (gate->says == SAYS_REFUSE && gate->cause == CAUSE_UNAVAILABLE)
        move_end(action, event, STATE_FAILED, gate->reason);
    else
        move_end(action, event, STATE_REJECTED, gate->reason);
}

/* "go": the last checks before a start, in the order in which they can still stop it. */
static void action_go(struct action *action, const struct action_event *event,
                      struct action_effects *out)
{
    if (event->is_release) {
        if (action->releases >= LIMIT_RELEASES) { /* R15 */
            move_to_review(action, event, REASON_RELEASES_SPENT, event->terms->what[CAUSE_RULE].ms);
            return;
        }
        action->releases++;
        if (action->starts > 0)
            action->grants++;
    }
    if (!action_may_repeat(action, event->now_unix_ms)) {
        move_to_uncertain(action, event,
                          action->idempotency == IDEMPOTENCY_BY_KEY ? REASON_KEEPS_OVER
                                                                    : REASON_NO_IDEMPOTENCY);
        return;
    }
    if (action->starts >= event->terms->attempts + action->grants) {
        move_to_review(action, event, REASON_ATTEMPTS_SPENT, event->terms->what[CAUSE_RULE].ms);
        return;
    }
    if (!event->has_room) { /* stored, not started: the driver asks again when a call has ended */
        action->state = STATE_WAITING;
        action->reason = REASON_NO_ROOM;
        move_clear_timer(action);
        action->due_kind = DUE_RETRY;
        action->due_unix_ms = event->now_unix_ms;
        return;
    }
    move_start(action, event, out);
}

static void action_enter(struct action *action, const struct action_event *event,
                         struct action_effects *out)
{
    const struct gate_answer *gate = event->gate;
    action->risk = gate->risk;
    action->mode = event->terms->mode;
    action->cause = gate->says == SAYS_GO ? CAUSE_NONE : gate->cause;
    if (action->state != STATE_WAITING) /* a retry stays within the entry that it belongs to */
        action->route_entered_unix_ms = event->now_unix_ms;
    switch (gate->says) {
    case SAYS_GO:
        action_go(action, event, out);
        return;
    case SAYS_REVIEW:
        move_to_review(action, event, gate->reason, gate->what.ms);
        return;
    case SAYS_HOLD:
        move_to_held(action, event, gate->reason, action_hold_for(gate), gate->what.ms);
        return;
    case SAYS_REFUSE:
    case SAYS_REJECT:
        action_refused(action, event);
        return;
    case SAYS_NOTE:
    case SAYS_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

static void action_submit(struct action *action, const struct action_event *event,
                          struct action_effects *out)
{
    CHECK(action->starts_total == 0 && action->state == STATE_UNCERTAIN);
    if (event->gate->says == SAYS_REFUSE && event->gate->cause == CAUSE_STOPPED) {
        out->is_refused_by_stop = true; /* R9: not stored, the key stays free */
        return;
    }
    memcpy(action->request_digest, event->request_digest, ACTION_DIGEST);
    action_enter(action, event, out);
    out->is_changed = true;
}

static void action_gate(struct action *action, const struct action_event *event,
                        struct action_effects *out)
{
    bool can_enter = action->state == STATE_WAITING || action->state == STATE_HELD ||
                     (action->state == STATE_IN_REVIEW && action->is_approved) ||
                     (action->state == STATE_UNCERTAIN && action->is_granted);
    if (!can_enter) {
        out->refusal = REFUSAL_NOT_DUE;
        return;
    }
    if (!action->is_frozen)
        memcpy(action->request_digest, event->request_digest, ACTION_DIGEST);
    action_enter(action, event, out);
    out->is_changed = true;
}

/* ---- after an attempt ---- */

/* The fallback of a cause, for what is known not to have happened. */
static void action_chain(struct action *action, const struct action_event *event, enum cause cause,
                         enum reason reason)
{
    CHECK(!action->may_have_happened);
    const struct what *what = &event->terms->what[cause];
    action->cause = cause;
    switch (what->kind) {
    case WHAT_REVIEW:
        move_to_review(action, event, reason, what->ms);
        return;
    case WHAT_HOLD:
        move_to_held(action, event, reason,
                     cause == CAUSE_UNAVAILABLE ? HOLD_FOR_UPSTREAM : HOLD_FOR_POLICY, what->ms);
        return;
    case WHAT_REFUSE:
    case WHAT_END:
        move_end(action, event, cause == CAUSE_EXPIRED ? STATE_EXPIRED : STATE_FAILED, reason);
        return;
    }
    CHECK_UNREACHABLE();
}

/* No further try by itself: R1 first, then the chain takes `unavailable`. */
static void action_give_up(struct action *action, const struct action_event *event,
                           enum reason reason)
{
    if (!action->may_have_happened) {
        if (event->terms->mode == MODE_OBSERVE)
            move_end(action, event, STATE_FAILED, reason);
        else /* a release from the safe queue would be the retry that the upstream forbade */
            action_chain(action, event, reason == REASON_HINT ? CAUSE_FAILED : CAUSE_UNAVAILABLE,
                         reason);
        return;
    }
    const struct what *what = &event->terms->what[CAUSE_UNAVAILABLE];
    bool can_wait = reason != REASON_HINT && reason != REASON_OBSERVE && what->kind == WHAT_HOLD &&
                    action_may_repeat(action, event->now_unix_ms);
    if (can_wait) {
        action->cause = CAUSE_UNAVAILABLE;
        move_to_held(action, event, reason, HOLD_FOR_UPSTREAM, what->ms);
    } else {
        move_to_uncertain(action, event, reason);
    }
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
        action_give_up(action, event, reason);
        return;
    }
    if (!action_may_repeat(action, event->now_unix_ms + wait_ms)) {
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
    if (event->stop_id == 0) {
        action_plan_retry(action, event, verdict, out); /* send_by had passed */
        return;
    }
    const struct what *what = &event->terms->what[CAUSE_STOPPED];
    int64_t hold_ms = what->kind == WHAT_HOLD ? what->ms : event->terms->what[CAUSE_RULE].ms;
    action->cause = CAUSE_STOPPED;
    action->grants++; /* the stop, not the upstream, cost this start */
    static const unsigned char none[ACTION_DIGEST] = {0};
    if (action->starts == 1 && memcmp(action->approved_digest, none, ACTION_DIGEST) != 0 &&
        memcmp(action->approved_digest, action->request_digest, ACTION_DIGEST) == 0)
        action->is_approved = true; /* nothing left: the approval is not spent */
    move_to_held(action, event, REASON_STOP, HOLD_FOR_STOP, hold_ms);
}

/* One attempt has ended: what it means for the action. */
static void action_conclude(struct action *action, const struct action_event *event,
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
    out->upstream_is_up = verdict.outcome == OUTCOME_OK;
    out->upstream_is_down =
        (verdict.outcome == OUTCOME_NOT_SENT && verdict.reason != REASON_WITHHELD) ||
        (verdict.outcome == OUTCOME_UNCERTAIN && verdict.reason != REASON_CRASH &&
         verdict.reason != REASON_SUCCESS_FALSE && verdict.reason != REASON_SUCCESS_ERROR);
    if (verdict.outcome == OUTCOME_BUSY && event->result.retry_after_ms > 0)
        out->pause_ms = event->result.retry_after_ms;
    if (verdict.reason == REASON_WITHHELD) {
        action_withheld(action, event, &verdict, out);
        return;
    }
    switch (outcome_follow(action->effect, action->idempotency, verdict.outcome,
                           action->may_have_happened)) {
    case FOLLOW_DONE:
        action->cause = CAUSE_NONE;
        move_end(action, event, STATE_DONE, verdict.reason);
        return;
    case FOLLOW_RETRY:
        action_plan_retry(action, event, &verdict, out);
        return;
    case FOLLOW_CHAIN:
        action_chain(action, event, CAUSE_FAILED, verdict.reason);
        return;
    case FOLLOW_UNCERTAIN:
        move_to_uncertain(action, event, verdict.reason);
        return;
    }
    CHECK_UNREACHABLE();
}

/* R14: the attempt was given up (a lapsed lease, a person's verdict) and now its outcome comes. */
static void action_late(struct action *action, const struct action_event *event, uint16_t attempt,
                        enum outcome outcome, struct action_effects *out)
{
    out->is_late = true;
    out->is_changed = true; /* always recorded */
    bool decides = action->state == STATE_UNCERTAIN && attempt == action->starts_total;
    bool was_said = state_is_end(action->state) && action->state != STATE_DONE;
    out->is_contradiction = (was_said && outcome == OUTCOME_OK) ||
                            (action->state == STATE_DONE && action->reason == REASON_PERSON &&
                             outcome == OUTCOME_FAILED);
    if (!decides)
        return;
    if (outcome == OUTCOME_OK) {
        action->may_have_happened = false;
        move_end(action, event, STATE_DONE, REASON_LATE);
    } else if ((outcome == OUTCOME_FAILED || outcome == OUTCOME_NOT_SENT) &&
               action->starts_total == 1) { /* the only attempt, so it is the whole truth */
        action->may_have_happened = false;
        move_end(action, event, STATE_FAILED, REASON_LATE);
    }
}

static void action_outcome(struct action *action, const struct action_event *event,
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

static void action_crashed(struct action *action, const struct action_event *event,
                           struct action_effects *out)
{
    if (!action->attempt_is_open) {
        out->refusal = REFUSAL_NOT_DUE;
        return;
    }
    action_conclude(action, event, (struct verdict){OUTCOME_UNCERTAIN, REASON_CRASH, false, true},
                    out);
}

/* ---- timers ---- */

static void action_hold_ended(struct action *action, const struct action_event *event,
                              struct action_effects *out)
{
    const struct step_terms *terms = event->terms;
    out->is_changed = true;
    if (action->may_have_happened) {
        move_to_uncertain(action, event, REASON_HOLD_ENDED);
        return;
    }
    if (action->hold_for == HOLD_FOR_RULE) { /* the rule asked for a delay, and it has passed */
        action->is_hold_rule_spent = true;
        out->must_enter_gate = true;
        return;
    }
    const struct what *what = &terms->what[action->cause];
    if (what->kind != WHAT_HOLD || what->then_kind != WHAT_END)
        move_to_review(action, event, REASON_HOLD_ENDED,
                       what->kind == WHAT_HOLD ? what->then_ms : terms->what[CAUSE_RULE].ms);
    else
        action_chain(action, event, CAUSE_EXPIRED, REASON_HOLD_ENDED);
}

static void action_timer(struct action *action, const struct action_event *event,
                         struct action_effects *out)
{
    if (action->due_unix_ms == 0 || event->now_unix_ms < action->due_unix_ms) {
        out->refusal = REFUSAL_NOT_DUE;
        return;
    }
    switch (action->due_kind) {
    case DUE_HOLD_END:
        action_hold_ended(action, event, out);
        return;
    case DUE_KEEPS:
        out->is_changed = true;
        move_to_uncertain(action, event, REASON_KEEPS_OVER); /* R6: also under a stop */
        return;
    case DUE_START_BY: /* R13: a permit never begun is not_sent */
        if (event->stop_id != 0) {
            action_conclude(action, event,
                            (struct verdict){OUTCOME_NOT_SENT, REASON_WITHHELD, false, true}, out);
            return;
        }
        action_conclude(action, event,
                        (struct verdict){OUTCOME_NOT_SENT, REASON_NOT_BEGUN, false, true}, out);
        return;
    case DUE_LEASE: /* R13: a lease that lapses after begin is uncertain */
        action_conclude(action, event,
                        (struct verdict){OUTCOME_UNCERTAIN, REASON_LEASE, false, true}, out);
        return;
    case DUE_RETRY:
    case DUE_NONE:
    case DUE_COUNT:
        break;
    }
    out->refusal = REFUSAL_NOT_DUE;
}

/* ---- people ---- */

static enum refusal action_why_not_review(const struct action *action)
{
    if (state_is_end(action->state))
        return REFUSAL_ENDED;
    return action->state == STATE_IN_REVIEW ? REFUSAL_NONE : REFUSAL_NOT_IN_REVIEW;
}

/* R15: a person's word is good for exactly one start more, also where a reload has lowered the cap
 * below what was started. */
static void action_grant(struct action *action, const struct step_terms *terms)
{
    action->grants++;
    if (action->starts >= terms->attempts + action->grants)
        action->grants = (uint16_t)(action->starts - terms->attempts + 1);
}

static void action_approve(struct action *action, const struct action_event *event,
                           struct action_effects *out)
{
    out->refusal = action_why_not_review(action);
    if (out->refusal != REFUSAL_NONE)
        return;
    if (memcmp(action->request_digest, event->request_digest, ACTION_DIGEST) != 0) {
        out->refusal = REFUSAL_CHANGED; /* bound to the digest of what was shown */
        return;
    }
    action->is_approved = true;
    memcpy(action->approved_digest, action->request_digest, ACTION_DIGEST);
    if (action->starts >= event->terms->attempts + action->grants)
        action_grant(action, event->terms); /* or it would come back to the person for ever */
    out->is_changed = true;
    out->must_enter_gate = true;
}

static void action_reject(struct action *action, const struct action_event *event,
                          struct action_effects *out)
{
    out->refusal = action_why_not_review(action);
    if (out->refusal != REFUSAL_NONE)
        return;
    move_end(action, event, STATE_REJECTED, REASON_PERSON);
    out->is_changed = true;
}

static enum refusal action_why_not_resolve(const struct action *action,
                                           const struct action_event *event)
{
    if (state_is_end(action->state))
        return REFUSAL_ENDED;
    if (action->attempt_is_open)
        return REFUSAL_UNDER_WAY; /* R14 */
    if (action->state == STATE_WAITING)
        return REFUSAL_NOT_UNCERTAIN; /* it is about to be tried: stop or cancel it instead */
    if (!event->happened && !action->may_have_happened && action->state != STATE_UNCERTAIN)
        return REFUSAL_NOT_UNCERTAIN;
    return REFUSAL_NONE;
}

static void action_resolve(struct action *action, const struct action_event *event,
                           struct action_effects *out)
{
    out->refusal = action_why_not_resolve(action, event);
    if (out->refusal != REFUSAL_NONE)
        return;
    bool was_uncertain = action->may_have_happened || action->state == STATE_UNCERTAIN;
    action->may_have_happened = false;
    out->is_changed = true;
    if (event->happened) {
        move_end(action, event, STATE_DONE, was_uncertain ? REASON_PERSON : REASON_PERSON_BY_HAND);
        return;
    }
    if (!event->send) {
        move_end(action, event, STATE_FAILED, REASON_PERSON);
        return;
    }
    action->is_granted = true;
    action_grant(action, event->terms);
    out->must_enter_gate = true;
}

static void action_cancel(struct action *action, const struct action_event *event,
                          struct action_effects *out)
{
    if (state_is_end(action->state))
        out->refusal = REFUSAL_ENDED;
    else if (action->attempt_is_open)
        out->refusal = REFUSAL_UNDER_WAY;
    else if (action->may_have_happened || action->state == STATE_UNCERTAIN)
        out->refusal = REFUSAL_MAY_HAVE_HAPPENED; /* R1 */
    if (out->refusal != REFUSAL_NONE)
        return;
    move_end(action, event, STATE_CANCELLED, REASON_PERSON);
    out->is_changed = true;
}

/* ---- steps that the caller executes (R13) ---- */

static void action_begin(struct action *action, const struct action_event *event,
                         struct action_effects *out)
{
    if (state_is_end(action->state))
        out->refusal = REFUSAL_ENDED;
    else if (!event->terms->is_caller || !action->attempt_is_open)
        out->refusal = REFUSAL_NO_PERMIT;
    else if (event->stop_id != 0)
        out->refusal = REFUSAL_STOPPED;
    else if (event->now_unix_ms >= action->due_unix_ms)
        out->refusal = REFUSAL_LATE;
    if (out->refusal != REFUSAL_NONE)
        return;
    action->permit_is_begun = true;
    action->due_kind = DUE_LEASE;
    action->due_unix_ms = event->now_unix_ms + event->terms->lease_ms;
    out->is_changed = true;
}

static void action_report(struct action *action, const struct action_event *event,
                          struct action_effects *out)
{
    if (!event->terms->is_caller || event->attempt == 0 || event->attempt > action->starts_total) {
        out->refusal = REFUSAL_OTHER_ATTEMPT;
        return;
    }
    struct verdict verdict = {event->reported, REASON_REPORTED, false, true};
    out->has_verdict = true;
    out->verdict = verdict;
    if (action->attempt_is_open && event->attempt == action->starts_total) {
        if (!action->permit_is_begun && event->reported != OUTCOME_NOT_SENT) {
            out->refusal = REFUSAL_NO_PERMIT; /* only begin makes it started */
            return;
        }
        action_conclude(action, event, verdict, out);
        return;
    }
    action_late(action, event, event->attempt, event->reported, out);
}

static void action_quarantine(struct action *action, const struct action_event *event,
                              struct action_effects *out)
{
    if (state_is_end(action->state)) {
        out->refusal = REFUSAL_ENDED;
        return;
    }
    action->may_have_happened = action->may_have_happened || action->attempt_is_open;
    action->attempt_is_open = false;
    move_to_uncertain(action, event, REASON_QUARANTINE);
    out->is_changed = true;
}

void action_step(struct action *action, const struct action_event *event,
                 struct action_effects *out_effects)
{
    struct action_effects out = {0};
    CHECK(event->terms != NULL);
    switch (event->kind) {
    case EVENT_SUBMIT:
        action_submit(action, event, &out);
        break;
    case EVENT_GATE:
        action_gate(action, event, &out);
        break;
    case EVENT_OUTCOME:
        action_outcome(action, event, &out);
        break;
    case EVENT_CRASHED:
        action_crashed(action, event, &out);
        break;
    case EVENT_TIMER:
        action_timer(action, event, &out);
        break;
    case EVENT_APPROVE:
        action_approve(action, event, &out);
        break;
    case EVENT_REJECT:
        action_reject(action, event, &out);
        break;
    case EVENT_RESOLVE:
        action_resolve(action, event, &out);
        break;
    case EVENT_CANCEL:
        action_cancel(action, event, &out);
        break;
    case EVENT_BEGIN:
        action_begin(action, event, &out);
        break;
    case EVENT_REPORT:
        action_report(action, event, &out);
        break;
    case EVENT_QUARANTINE:
        action_quarantine(action, event, &out);
        break;
    }
    *out_effects = out;
}

void action_check(const struct action *action, int attempts_cap)
{
    CHECK((unsigned)action->state < STATE_COUNT);
    CHECK(!action->attempt_is_open || action->state == STATE_ATTEMPTING); /* I2 */
    CHECK((int)action->starts <= attempts_cap + (int)action->grants);     /* I4 */
    CHECK(!state_is_end(action->state) || !action->may_have_happened);    /* R1 */
    CHECK(action->state != STATE_WAITING || action->due_unix_ms > 0);     /* I8 */
    CHECK(action->state != STATE_HELD || action->due_unix_ms > 0);        /* I8 */
    CHECK(action->state != STATE_ATTEMPTING || action->attempt_is_open);  /* I8 */
    bool has_people = action->state == STATE_UNCERTAIN || action->state == STATE_IN_REVIEW;
    CHECK(!has_people || action->people_due_unix_ms > 0); /* I8 */
}

static const char *const state_names[STATE_COUNT] = {
    [STATE_UNCERTAIN] = "uncertain", [STATE_ATTEMPTING] = "attempting",
    [STATE_WAITING] = "waiting",     [STATE_IN_REVIEW] = "in_review",
    [STATE_HELD] = "held",           [STATE_DONE] = "done",
    [STATE_FAILED] = "failed",       [STATE_REJECTED] = "rejected",
    [STATE_EXPIRED] = "expired",     [STATE_CANCELLED] = "cancelled",
};

const char *state_name(enum action_state state)
{
    CHECK((unsigned)state < STATE_COUNT);
    return state_names[state];
}

bool state_parse(struct slice name, enum action_state *out_state)
{
    for (unsigned i = 0; i < STATE_COUNT; i++)
        if (slice_is(name, state_names[i])) {
            *out_state = (enum action_state)i;
            return true;
        }
    return false;
}

const char *hold_for_name(enum hold_for hold_for)
{
    static const char *const names[HOLD_FOR_COUNT] = {
        [HOLD_FOR_STOP] = "stop",
        [HOLD_FOR_UPSTREAM] = "upstream",
        [HOLD_FOR_RULE] = "rule",
        [HOLD_FOR_POLICY] = "policy",
    };
    CHECK((unsigned)hold_for < HOLD_FOR_COUNT);
    return names[hold_for];
}

const char *due_kind_name(enum due_kind kind)
{
    static const char *const names[DUE_COUNT] = {
        [DUE_NONE] = "none",   [DUE_RETRY] = "retry",       [DUE_HOLD_END] = "hold_end",
        [DUE_KEEPS] = "keeps", [DUE_START_BY] = "start_by", [DUE_LEASE] = "lease",
    };
    CHECK((unsigned)kind < DUE_COUNT);
    return names[kind];
}

const char *refusal_name(enum refusal refusal)
{
    static const char *const names[] = {
#define X(name, text) text,
        REFUSAL_LIST(X)
#undef X
    };
    CHECK((unsigned)refusal < REFUSAL_COUNT);
    return names[refusal];
}
