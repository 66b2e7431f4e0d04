/* core/action_timer.c - what a timer of an action means.
 * Owns: the end of a hold, of a review that moves on when it is past due, of what an upstream
 *   remembers (R6), of a permit and its lease (R13). */
#include "core/action_inside.h"
#include "core/chain.h"
#include "core/moves.h"

static void action_hold_ended(struct action *action, const struct action_event *event,
                              struct action_effects *out)
{
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
    if (action->hold_for == HOLD_FOR_ORDER) { /* nothing failed: a person looks what it waits for */
        move_to_review(action, event, REASON_HOLD_ENDED, chain_review_due_ms(event->terms));
        return;
    }
    const struct what *what = chain_entry(event->terms, action->entry);
    if (!what || what->kind != WHAT_HOLD) /* held by a stop, or the policy has changed */
        move_to_review(action, event, REASON_HOLD_ENDED, chain_review_due_ms(event->terms));
    else if (what->then != 0 || action->cause == CAUSE_EXPIRED)
        action_next(action, event, PASS_HOLD_ENDED, REASON_HOLD_ENDED, out);
    else
        action_chain(action, event, CAUSE_EXPIRED, REASON_HOLD_ENDED, out);
}

/* Nobody decided in time, and the policy says what then. */
static void action_past_due(struct action *action, const struct action_event *event,
                            struct action_effects *out)
{
    const struct what *what = chain_entry(event->terms, action->entry);
    out->is_changed = true;
    if (what && what->kind == WHAT_REVIEW && what->then != 0 && what->is_then_at_due) {
        action_next(action, event, PASS_PAST_DUE, REASON_PAST_DUE, out);
        return;
    }
    action->due_kind = DUE_NONE; /* the policy has changed: it stays with the people */
    action->due_unix_ms = 0;
}

void action_timer(struct action *action, const struct action_event *event,
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
    case DUE_FACT: /* the driver reads; only the end of the hold is an event */
        if (event->now_unix_ms < action->hold_end_unix_ms)
            break;
        action_hold_ended(action, event, out);
        return;
    case DUE_REVIEW:
        action_past_due(action, event, out);
        return;
    case DUE_RETRY:
    case DUE_CHECK: /* the driver asks */
    case DUE_NONE:
    case DUE_COUNT:
        break;
    }
    out->refusal = REFUSAL_NOT_DUE;
}
