/* core/action.c - one event moves one action: dispatch, and what must hold after it.
 * Owns: action_step, action_check. Keeps I2, I4, I8 and R1 by action_check.
 *
 * Transitions:
 *   (new)      -> attempting | in_review | held | rejected | failed      [action_gate.c]
 *   attempting -> done | waiting | uncertain | held | in_review | failed [action_after.c]
 *   waiting    -> attempting | held | in_review | uncertain | rejected   [action_gate.c]
 *   waiting    -> done (a template's answer) | waiting (the next entry)  [action_chain.c]
 *   Wherever a fallback is taken: in_review | held | waiting | failed | rejected | cancelled |
 *   expired                                                              [action_chain.c]
 *   held       -> attempting | held | in_review | rejected               [action_gate.c]
 *   held       -> in_review | expired | uncertain                        [action_timer.c]
 *   in_review  -> attempting | held | in_review | rejected               [action_gate.c, _people.c]
 *   in_review  -> as its fallback goes on, past due                      [action_timer.c]
 *   uncertain  -> done | failed | attempting | held                      [action_people.c, _gate.c]
 *   uncertain  -> done | waiting | uncertain, and its chain              [action_asked.c]
 *   waiting, held, in_review -> cancelled                                [action_people.c]
 * An end is final; a new try is a new action of the next generation (R9). */
#include "core/action.h"

#include "base/check.h"
#include "core/action_inside.h"
#include "core/moves.h"

static void action_quarantine(struct action *action, const struct action_event *event,
                              struct action_effects *out)
{
    if (state_is_end(action->state)) {
        out->refusal = REFUSAL_ENDED;
        return;
    }
    if (action->attempt_is_open) { /* ended as by a crash: receipts and counters see it */
        action->may_have_happened = true;
        out->has_verdict = true;
        out->verdict = (struct verdict){OUTCOME_UNCERTAIN, REASON_CRASH, false, true};
    }
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
    case EVENT_SUPERSEDE:
        action_cancel(action, event, &out);
        break;
    case EVENT_BEGIN:
        action_begin(action, event, &out);
        break;
    case EVENT_REPORT:
        action_report(action, event, &out);
        break;
    case EVENT_ASKED:
        action_asked(action, event, &out);
        break;
    case EVENT_FACT:
        action_fact(action, event, &out);
        break;
    case EVENT_ANSWERED:
        action_answered(action, event, &out);
        break;
    case EVENT_UNRENDERED:
        action_unrendered(action, event, &out);
        break;
    case EVENT_QUARANTINE:
        action_quarantine(action, event, &out);
        break;
    }
    if (action_is_contradicted(action) && state_is_end(action->state))
        action->people_due_unix_ms = action->contradiction_due_unix_ms;
    *out_effects = out;
}

void action_check(const struct action *action, int attempts_cap)
{
    CHECK((unsigned)action->state < STATE_COUNT);
    CHECK(!action->attempt_is_open || action->state == STATE_ATTEMPTING);     /* I2 */
    CHECK((int)action->starts <= attempts_cap + (int)action->grants);         /* I4 */
    CHECK(!state_is_end(action->state) || !action->may_have_happened);        /* R1 */
    CHECK(action->route == 0 || action->routes_entered >> action->route & 1); /* R15 */
    CHECK(action->state != STATE_WAITING || action->due_unix_ms > 0);         /* I8 */
    CHECK(action->state != STATE_HELD || action->due_unix_ms > 0);            /* I8 */
    CHECK(action->state != STATE_ATTEMPTING || action->attempt_is_open);      /* I8 */
    bool is_asked = action_is_asked(action);
    bool has_people = (action->state == STATE_UNCERTAIN && !is_asked) ||
                      action->state == STATE_IN_REVIEW ||
                      (state_is_end(action->state) && action_is_contradicted(action));
    CHECK(!has_people || action->people_due_unix_ms > 0); /* I8 */
    CHECK(!is_asked || action->due_unix_ms > 0);          /* I8 */
}
