#include "core/moves.h"

#include "base/check.h"
#include "core/chain.h"

void action_init(struct action *action, uint64_t id, int64_t now_unix_ms, uint8_t generation)
{
    *action = (struct action){.id = id, .submitted_unix_ms = now_unix_ms, .generation = generation};
}

/* R18: what a person said is over; what starts later is not by their word. */
static void move_end_approval(struct action *action)
{
    action->is_approved = false;
    memset(action->approved_digest, 0, ACTION_DIGEST);
}

void move_clear_timer(struct action *action)
{
    action->due_kind = DUE_NONE;
    action->due_unix_ms = 0;
    action->hold_end_unix_ms = 0;
    action->people_due_unix_ms = 0;
}

void move_end(struct action *action, const struct action_event *event, enum action_state state,
              enum reason reason)
{
    CHECK(state_is_end(state));
    CHECK(state == STATE_DONE || !action->may_have_happened); /* R1 */
    CHECK(!action->attempt_is_open);
    action->state = state;
    action->reason = reason;
    action->ended_unix_ms = event->now_unix_ms;
    move_clear_timer(action);
}

bool action_is_undone(const struct action *action)
{
    bool is_left = action->state == STATE_FAILED && action->reason != REASON_PERSON &&
                   action->entry == 0; /* `refuse` is an entry: the policy says so */
    bool is_late = (action->state == STATE_FAILED || action->state == STATE_REJECTED ||
                    action->state == STATE_CANCELLED) &&
                   action_ran_out(action);
    return action->mode != MODE_OBSERVE && (action->state == STATE_EXPIRED || is_left || is_late);
}

void move_to_uncertain(struct action *action, const struct action_event *event, enum reason reason)
{
    action->state = STATE_UNCERTAIN;
    action->reason = reason;
    move_end_approval(action); /* it is settled anew; nothing said before starts it by itself */
    action->is_granted = false;
    move_clear_timer(action);
    action->people_due_unix_ms = event->now_unix_ms + event->terms->uncertain_due_ms;
}

void move_to_review(struct action *action, const struct action_event *event, enum reason reason,
                    int64_t due_ms)
{
    if (action->may_have_happened) { /* R1: a person settles it first */
        move_to_uncertain(action, event, reason);
        return;
    }
    action->state = STATE_IN_REVIEW;
    action->reason = reason;
    move_end_approval(action);
    if (action->reviews < UINT8_MAX)
        action->reviews++;
    move_clear_timer(action);
    action->people_due_unix_ms = event->now_unix_ms + due_ms;
}

/* When the upstream stops recognising a repeat: R6, with a margin of max(10 %, 60 s). */
static int64_t move_keeps_end(const struct action *action)
{
    int64_t margin = action->keeps_ms / 10 > 60000 ? action->keeps_ms / 10 : 60000;
    return action->first_start_unix_ms + action->keeps_ms - margin - action->timeout_ms;
}

bool action_may_repeat(const struct action *action, int64_t now_unix_ms)
{
    if (!action->may_have_happened)
        return true;
    switch (action->idempotency) {
    case IDEMPOTENCY_NONE:
    case IDEMPOTENCY_BY_CHECK:
        return false;
    case IDEMPOTENCY_BY_NATURE:
        return true;
    case IDEMPOTENCY_BY_KEY:
        return now_unix_ms < move_keeps_end(action);
    }
    return false;
}

void move_to_held(struct action *action, const struct action_event *event, enum reason reason,
                  enum hold_for hold_for, int64_t hold_ms)
{
    if (!action->is_approved) /* spent by a start, and its retries are over */
        move_end_approval(action);
    action->state = STATE_HELD;
    action->reason = reason;
    action->hold_for = hold_for;
    action->stop_id = hold_for == HOLD_FOR_STOP ? event->stop_id : 0;
    move_clear_timer(action);
    action->hold_end_unix_ms = event->now_unix_ms + hold_ms;
    action->due_kind = DUE_HOLD_END;
    action->due_unix_ms = action->hold_end_unix_ms;
    if (action->may_have_happened && action->idempotency == IDEMPOTENCY_BY_KEY &&
        move_keeps_end(action) < action->due_unix_ms) {
        action->due_kind = DUE_KEEPS; /* R6: a hold does not extend it */
        action->due_unix_ms = move_keeps_end(action);
    }
}

void move_to_fact(struct action *action, const struct action_event *event, int64_t hold_ms)
{
    bool goes_on = action->state == STATE_HELD && action->hold_end_unix_ms > event->now_unix_ms;
    bool was_fact = action->state == STATE_HELD && action->hold_for == HOLD_FOR_FACT;
    int64_t end = goes_on ? action->hold_end_unix_ms : event->now_unix_ms + hold_ms;
    if (!goes_on && action->route == 0) { /* else as its hold, or its route, says at its end */
        action->cause = event->gate->cause;
        action->entry = 0;
    }
    action->is_release_wanted = event->is_release || (was_fact && action->is_release_wanted);
    if (action->may_have_happened && action->idempotency == IDEMPOTENCY_BY_KEY &&
        move_keeps_end(action) < end)
        end = move_keeps_end(action); /* R6 */
    action->state = STATE_HELD;
    action->reason = REASON_FACT;
    action->hold_for = HOLD_FOR_FACT;
    action->stop_id = 0;
    action->asks = 0;
    move_clear_timer(action);
    action->hold_end_unix_ms = end;
    action->due_kind = DUE_FACT;
    action->due_unix_ms = event->now_unix_ms;
}

void move_to_route(struct action *action, const struct action_event *event, uint8_t route)
{
    CHECK(!action->may_have_happened); /* R1 */
    CHECK(!action->attempt_is_open);
    CHECK(route > 0 && route <= LIMIT_ROUTES && !(action->routes_entered >> route & 1)); /* R15 */
    action->route = route;
    action->routes_entered |= (uint16_t)(1u << route);
    action->grants_former = (uint16_t)(action->grants_former + action->grants);
    action->starts = 0;
    action->grants = 0;
    action->is_frozen = false;
    move_end_approval(action);
    action->is_granted = false;
    action->once_is_spent = false;
    memset(action->request_digest, 0, ACTION_DIGEST);
    action->route_entered_unix_ms = event->now_unix_ms;
    action->first_start_unix_ms = 0;
}

static void move_freeze(struct action *action, const struct action_event *event)
{
    const struct step_terms *terms = event->terms;
    const struct step_route *route = chain_route(terms, action->route);
    CHECK(route || action->route == 0);
    action->is_frozen = true; /* R5, R6: from here on the policy cannot change them */
    action->routes_entered |= (uint16_t)(1u << action->route);
    action->effect = terms->effect;
    action->idempotency = route ? route->idempotency : terms->idempotency;
    action->keeps_ms = route ? route->keeps_ms : terms->keeps_ms;
    action->timeout_ms = route ? route->timeout_ms : terms->timeout_ms;
    action->first_start_unix_ms = event->now_unix_ms;
    memcpy(action->request_digest, event->request_digest, ACTION_DIGEST);
}

void move_start(struct action *action, const struct action_event *event, struct action_effects *out)
{
    CHECK(!action->attempt_is_open);                                       /* I2 */
    CHECK(action_may_repeat(action, event->now_unix_ms + event->late_ms)); /* I3 */
    CHECK(action->starts < event->terms->attempts + action->grants);       /* I4 */
    if (!action->is_frozen)
        move_freeze(action, event);
    if (!action_is_approved(action, event->now_unix_ms)) /* the gate let it go by itself */
        move_end_approval(action);
    action->starts++;
    action->starts_total++;
    action->attempt_is_open = true;
    action->attempt_unix_ms = event->now_unix_ms;
    action->is_start_granted = action_is_granted(action, event->now_unix_ms);
    action->is_approved = false;
    action->is_granted = false;
    action->state = STATE_ATTEMPTING;
    action->reason = REASON_NONE;
    move_clear_timer(action);
    if (!event->terms->is_caller) {
        out->must_send = true;
        return;
    }
    action->permit_is_begun = false;
    action->due_kind = DUE_START_BY;
    action->due_unix_ms = event->now_unix_ms + event->terms->start_by_ms;
    out->must_permit = true;
}
