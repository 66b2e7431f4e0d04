/* core/action_people.c - what a person's word does to an action.
 * Owns: approve, reject, resolve, cancel. Keeps R1 and R15 (a word is good for one start). */
#include "core/action_inside.h"
#include "core/moves.h"

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

void action_approve(struct action *action, const struct action_event *event,
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

void action_reject(struct action *action, const struct action_event *event,
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

void action_resolve(struct action *action, const struct action_event *event,
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

void action_cancel(struct action *action, const struct action_event *event,
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
