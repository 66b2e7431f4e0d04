/* core/action_gate.c - what an answer of the gate makes of an action.
 * Owns: admission, and entering the gate again. Keeps I3 and I4 at each start. */
#include "base/check.h"
#include "core/action_inside.h"
#include "core/audit.h"
#include "core/chain.h"
#include "core/moves.h"

static enum hold_for action_hold_for(const struct gate_answer *gate)
{
    if (gate->cause == CAUSE_STOPPED || gate->reason == REASON_ON_FALLBACK)
        return HOLD_FOR_STOP;
    if (gate->cause == CAUSE_UNAVAILABLE)
        return HOLD_FOR_UPSTREAM;
    if (gate->reason == REASON_ORDER)
        return HOLD_FOR_ORDER;
    if (gate->reason == REASON_FACT)
        return HOLD_FOR_FACT;
    return gate->entry == 0 && gate->path[gate->decided_by].gate == GATE_RULE ? HOLD_FOR_RULE
                                                                              : HOLD_FOR_POLICY;
}

/* "go": the last checks before a start, in the order in which they can still stop it. */
static void action_go(struct action *action, const struct action_event *event,
                      struct action_effects *out)
{
    bool is_retry = false;
    if (event->is_release) {
        if (action->releases >= LIMIT_RELEASES) { /* R15 */
            move_to_review(action, event, REASON_RELEASES_SPENT, chain_review_due_ms(event->terms));
            return;
        }
        action->releases++;
        if (action->starts > 0) {
            action->grants++;
            is_retry = action->hold_for == HOLD_FOR_UPSTREAM; /* not where a stop withheld it */
        }
    }
    if (!action_may_repeat(action, event->now_unix_ms + event->late_ms)) {
        move_to_uncertain(action, event,
                          action->idempotency == IDEMPOTENCY_BY_KEY ? REASON_KEEPS_OVER
                                                                    : REASON_NO_IDEMPOTENCY);
        return;
    }
    if (action->starts >= event->terms->attempts + action->grants) {
        move_to_review(action, event, REASON_ATTEMPTS_SPENT, chain_review_due_ms(event->terms));
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
    out->spends_token = is_retry && event->has_token; /* a release that repeats is a retry too */
    move_start(action, event, out);
}

/* A gate that keeps it from starting. What may have happened takes no fallback (R1): it is held, or
 * a person settles it. */
static void action_kept(struct action *action, const struct action_event *event,
                        struct action_effects *out)
{
    const struct gate_answer *gate = event->gate;
    bool is_closed = gate->reason == REASON_UPSTREAM_DOWN ||
                     (gate->reason == REASON_ON_FALLBACK && action->route > 0);
    if (is_closed && gate->says == SAYS_FALLBACK) {
        action_give_up(action, event, gate->reason, PASS_DOWN, out);
        return;
    }
    if (gate->says == SAYS_FALLBACK && action->may_have_happened) {
        move_to_uncertain(action, event, gate->reason);
        return;
    }
    /* On another route it keeps its place in the fallback: a review or a hold is only a halt. */
    bool is_halt = gate->says != SAYS_FALLBACK && (action->route > 0 || action->may_have_happened);
    if (gate->entry != 0 && !is_halt) {
        action_chain(action, event, gate->cause, gate->reason, out);
        return;
    }
    if (action->route == 0) {
        action->cause = gate->cause;
        action->entry = 0;
    }
    if (gate->says == SAYS_REVIEW)
        move_to_review(action, event, gate->reason, gate->what.ms);
    else
        move_to_held(action, event, gate->reason, action_hold_for(gate), gate->what.ms);
}

static void action_enter(struct action *action, const struct action_event *event,
                         struct action_effects *out)
{
    const struct gate_answer *gate = event->gate;
    action->risk = gate->risk;
    action->mode = event->terms->mode;
    if (gate->says == SAYS_HOLD && action_hold_for(gate) == HOLD_FOR_FACT) {
        move_to_fact(action, event, gate->what.ms);
        return;
    }
    if (action->state != STATE_WAITING) /* a retry stays within the entry that it belongs to */
        action->route_entered_unix_ms = event->now_unix_ms;
    switch (gate->says) {
    case SAYS_GO:
        if (action->route == 0) {
            action->cause = CAUSE_NONE;
            action->entry = 0;
            action->passed_count = 0;
        }
        action_go(action, event, out);
        return;
    case SAYS_REVIEW:
    case SAYS_HOLD:
    case SAYS_FALLBACK:
        action_kept(action, event, out);
        return;
    case SAYS_REFUSE:
    case SAYS_REJECT:
        action->cause = gate->cause;
        if (action->may_have_happened)
            move_to_uncertain(action, event, gate->reason);
        else
            move_end(action, event, STATE_REJECTED, gate->reason);
        return;
    case SAYS_NOTE:
    case SAYS_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

void action_submit(struct action *action, const struct action_event *event,
                   struct action_effects *out)
{
    CHECK(action->starts_total == 0 && action->state == STATE_UNCERTAIN);
    if (event->gate->says == SAYS_REFUSE && event->gate->cause == CAUSE_STOPPED) {
        out->is_refused_by_stop = true; /* R9: not stored, the key stays free */
        return;
    }
    memcpy(action->request_digest, event->request_digest, ACTION_DIGEST);
    if (event->terms->audit_share > 0) { /* R18: once, whatever the gate says */
        out->has_draw = true;
        out->draw_roll = audit_roll(event->random);
        out->draw_share = event->is_draw_whole ? AUDIT_WHOLE : event->terms->audit_share;
        action->is_drawn = out->draw_roll < out->draw_share;
    }
    action_enter(action, event, out);
    out->is_changed = true;
}

void action_gate(struct action *action, const struct action_event *event,
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
