/* core/action_people.c - what a person's word does to an action.
 * Owns: approve, reject, resolve, cancel. Keeps R1, R15 (a word is good for one start) and R18
 *   (and for so long). */
#include "base/check.h"
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

/* R18: a word is good until the due time of its review, and no longer than what was looked at stays
 * fresh. Who answers when it is due already, or nearly, still gets the start that they asked for.
 */
static void action_set_until(struct action *action, const struct action_event *event,
                             int64_t due_unix_ms)
{
    enum { WORD_AT_LEAST_MS = 60000 };
    int64_t until = event->now_unix_ms + WORD_AT_LEAST_MS;
    if (due_unix_ms > until)
        until = due_unix_ms;
    int64_t fresh = event->now_unix_ms + event->terms->stale_after_ms;
    if (event->terms->effect == EFFECT_WRITE && fresh < until)
        until = fresh;
    action->approved_until_unix_ms = until;
}

bool action_is_approved(const struct action *action, int64_t now_unix_ms)
{
    static const unsigned char none[ACTION_DIGEST] = {0};
    if (memcmp(action->approved_digest, none, ACTION_DIGEST) == 0 ||
        memcmp(action->approved_digest, action->request_digest, ACTION_DIGEST) != 0)
        return false;
    if (action->is_approved)
        return now_unix_ms <= action->approved_until_unix_ms;
    return action->state == STATE_WAITING; /* spent by its start: a retry of that start */
}

bool action_is_granted(const struct action *action, int64_t now_unix_ms)
{
    return action->is_granted && now_unix_ms <= action->approved_until_unix_ms;
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
    if (event->is_edit && action->revision == UINT8_MAX) {
        out->refusal = REFUSAL_BAD_EDIT;
        return;
    }
    if (event->is_edit) { /* R4: another body is another request, with a provider key of its own */
        CHECK(!action->may_have_happened);
        action->revision++;
        action->is_frozen = false;
        memcpy(action->request_digest, event->edited_digest, ACTION_DIGEST);
    }
    action->is_approved = true;
    action_set_until(action, event, action->people_due_unix_ms);
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

/* R14: ends are final; what a person says of a contradiction is a record, and ends the asking. */
static void action_settle(struct action *action, const struct action_event *event,
                          struct action_effects *out)
{
    if (event->send) {
        out->refusal = REFUSAL_ENDED; /* `again` is the way to a new try */
        return;
    }
    action->contradiction_due_unix_ms = 0;
    action->people_due_unix_ms = 0;
    action->contradiction_verdict = event->happened ? OUTCOME_OK : OUTCOME_FAILED;
    out->has_verdict = true;
    out->verdict = (struct verdict){action->contradiction_verdict, REASON_PERSON, false, false};
    out->is_late = true; /* no attempt ends by it */
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
    if (action_is_contradicted(action) && state_is_end(action->state)) {
        action_settle(action, event, out);
        return;
    }
    out->refusal = action_why_not_resolve(action, event);
    if (out->refusal != REFUSAL_NONE)
        return;
    if (action_is_contradicted(action)) { /* one word settles both */
        action->contradiction_due_unix_ms = 0;
        action->contradiction_verdict = event->happened ? OUTCOME_OK : OUTCOME_FAILED;
    }
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
    out->must_enter_gate = true;
    if (action->starts_total == 0) { /* nothing to try again: the gate says who lets it go (I11) */
        move_clear_timer(action);
        action->state = STATE_WAITING;
        action->reason = REASON_PERSON;
        action->due_kind = DUE_RETRY;
        action->due_unix_ms = event->now_unix_ms;
        return;
    }
    action->is_granted = true;
    action_set_until(action, event, event->now_unix_ms + event->terms->uncertain_due_ms);
    action_grant(action, event->terms);
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
    move_end(action, event, STATE_CANCELLED,
             event->kind == EVENT_SUPERSEDE ? REASON_SUPERSEDED : REASON_PERSON);
    out->is_changed = true;
}
