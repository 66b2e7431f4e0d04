/* core/action_caller.c - steps that the caller executes (R13).
 * Owns: begin and report. */
#include "core/action_inside.h"

void action_begin(struct action *action, const struct action_event *event,
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

void action_report(struct action *action, const struct action_event *event,
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
