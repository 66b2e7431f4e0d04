/* core/action_asked.c - what the answers to interlock's own questions make of an action.
 * Owns: the answer of a check (R12) and of a refresh (R10); core/settle.c says what they prove.
 * Keeps I3: only a conclusive answer clears what may have happened. */
#include "base/check.h"
#include "core/action_inside.h"
#include "core/moves.h"
#include "core/settle.h"

/* Known not to have happened, so it may be tried again; within the caps, but the time that the
 * check took is not the upstream's. */
static void action_not_there(struct action *action, const struct action_event *event,
                             struct action_effects *out)
{
    action->may_have_happened = false;
    action->route_entered_unix_ms = event->now_unix_ms;
    enum reason reason = REASON_NONE;
    if (event->terms->mode == MODE_OBSERVE)
        reason = REASON_OBSERVE;
    else if (event->terms->is_caller || action->starts >= event->terms->attempts + action->grants)
        reason = REASON_ATTEMPTS_SPENT;
    else if (!event->has_token)
        reason = REASON_NO_TOKEN;
    if (reason != REASON_NONE) {
        action_give_up(action, event, reason, PASS_UNAVAILABLE, out);
        return;
    }
    out->spends_token = true;
    action->state = STATE_WAITING;
    action->reason = REASON_CHECK_SAYS_NOT;
    move_clear_timer(action);
    action->due_kind = DUE_RETRY;
    action->due_unix_ms = event->now_unix_ms;
}

/* Always recorded. It decides only what it was asked about: a person, or a late outcome, may have
 * been quicker. */
void action_asked(struct action *action, const struct action_event *event,
                  struct action_effects *out)
{
    out->is_changed = true;
    if (action->state != STATE_UNCERTAIN || action->due_kind != DUE_CHECK ||
        event->attempt != action->starts_total) {
        out->is_late = true;
        if (event->told == CHECK_HAPPENED) /* as the late outcome that it stands for (R14) */
            action_late(action, event, event->attempt, OUTCOME_OK, out);
        return;
    }
    switch (settle_take(action, event)) {
    case SETTLED_OPEN:
        return;
    case SETTLED_HAPPENED:
        action->may_have_happened = false;
        if (action->route == 0)
            action->cause = CAUSE_NONE;
        move_end(action, event, STATE_DONE, REASON_BY_CHECK);
        return;
    case SETTLED_NOT_HAPPENED:
        action_not_there(action, event, out);
        return;
    case SETTLED_PERSON:
        move_to_uncertain(action, event, REASON_CHECK_CANNOT_TELL);
        return;
    }
    CHECK_UNREACHABLE();
}

/* A fresh fact lets the gate decide anew; without one it stays held, until the hold ends. */
void action_fact(struct action *action, const struct action_event *event,
                 struct action_effects *out)
{
    bool waits_for_it = action->state == STATE_HELD && action->hold_for == HOLD_FOR_FACT;
    if (state_is_end(action->state) || (!waits_for_it && !event->has_fact)) {
        out->refusal = REFUSAL_NOT_DUE;
        return;
    }
    out->is_changed = true;
    if (event->has_fact) {
        action->fact_unix_ms = event->asked_unix_ms;
        out->must_enter_gate = waits_for_it;
        return;
    }
    if (action->asks < UINT8_MAX)
        action->asks++;
    action->due_unix_ms = event->now_unix_ms + settle_fact_wait_ms(action->asks, event->random);
    if (action->due_unix_ms > action->hold_end_unix_ms)
        action->due_unix_ms = action->hold_end_unix_ms;
}
