/* core/action_chain.c - the fallback of a cause: entry after entry, until one takes the action.
 * Owns: the walk, and what its end means.
 * Invariants:
 *   R1  it is walked only by what is known not to have happened.
 *   R15 a route is entered at most once; the walk is bounded by the number of entries. */
#include "base/check.h"
#include "core/action_inside.h"
#include "core/chain.h"
#include "core/moves.h"

/* Where a walk stands: an entry, and why the action is there. */
struct walk {
    struct action *action;
    const struct action_event *event;
    struct action_effects *out;
    enum reason reason;
    uint8_t entry;
};

static void walk_pass(struct walk *walk, enum pass_why why, uint8_t next)
{
    struct action *action = walk->action;
    if (action->passed_count < LIMIT_PASSED)
        action->passed[action->passed_count++] = (struct pass){walk->entry, why};
    walk->entry = next;
}

/* No entry is left: it ends as its cause says. What a stop keeps is held all the same (policy.md,
 * Kinds). */
static void walk_spent(struct walk *walk)
{
    struct action *action = walk->action;
    action->entry = 0;
    if (action->cause == CAUSE_STOPPED)
        move_to_held(action, walk->event, REASON_STOP, HOLD_FOR_STOP, GATE_HOLD_AT_STOP_MS);
    else
        move_end(action, walk->event, action->cause == CAUSE_EXPIRED ? STATE_EXPIRED : STATE_FAILED,
                 walk->reason);
}

static void walk_refused(struct walk *walk)
{
    struct action *action = walk->action;
    bool is_rejected = action->cause == CAUSE_LOW_CONFIDENCE || action->cause == CAUSE_RULE;
    if (action->cause == CAUSE_STOPPED) /* it is stored: a stop holds it */
        walk_spent(walk);
    else
        move_end(action, walk->event, is_rejected ? STATE_REJECTED : STATE_FAILED, walk->reason);
}

static bool walk_review(struct walk *walk, const struct what *what)
{
    if (what->at_most > 0 && walk->event->open_reviews >= what->at_most) {
        walk_pass(walk, PASS_FULL,
                  what->then != 0 && !what->is_then_at_due ? what->then : what->next);
        return false;
    }
    struct action *action = walk->action;
    move_to_review(action, walk->event, walk->reason, what->ms);
    if (what->then != 0 && what->is_then_at_due) {
        action->due_kind = DUE_REVIEW;
        action->due_unix_ms = action->people_due_unix_ms;
    }
    return true;
}

static bool walk_hold(struct walk *walk, const struct what *what)
{
    if (what->at_most > 0 && walk->event->open_held >= what->at_most) {
        walk_pass(walk, PASS_FULL, what->then != 0 ? what->then : what->next);
        return false;
    }
    enum cause cause = walk->action->cause;
    bool is_switch = cause == CAUSE_STOPPED || walk->reason == REASON_ON_FALLBACK;
    move_to_held(walk->action, walk->event, walk->reason,
                 is_switch                    ? HOLD_FOR_STOP
                 : cause == CAUSE_UNAVAILABLE ? HOLD_FOR_UPSTREAM
                                              : HOLD_FOR_POLICY,
                 what->ms);
    return true;
}

/* The driver goes on from here, after the save: it renders, and for a route asks the gate. */
static void walk_go_on(struct walk *walk)
{
    struct action *action = walk->action;
    action->state = STATE_WAITING;
    action->reason = REASON_FALLBACK;
    move_clear_timer(action);
    action->due_kind = DUE_RETRY;
    action->due_unix_ms = walk->event->now_unix_ms;
    walk->out->must_enter_gate = true;
}

static bool walk_route(struct walk *walk, const struct what *what)
{
    struct action *action = walk->action;
    if (action->routes_entered >> what->route & 1) { /* R15 */
        walk_pass(walk, PASS_USED, what->next);
        return false;
    }
    move_to_route(action, walk->event, what->route);
    walk_go_on(walk);
    return true;
}

static void walk_run(struct walk *walk)
{
    struct action *action = walk->action;
    CHECK(!action->may_have_happened); /* R1 */
    CHECK(!action->attempt_is_open);
    for (int turn = 0; turn < CAUSE_COUNT + LIMIT_ENTRIES; turn++) {
        const struct what *what = chain_entry(walk->event->terms, walk->entry);
        action->entry = walk->entry;
        switch (what ? what->kind : WHAT_END) {
        case WHAT_REVIEW:
            if (walk_review(walk, what))
                return;
            break;
        case WHAT_HOLD:
            if (walk_hold(walk, what))
                return;
            break;
        case WHAT_ROUTE:
            if (walk_route(walk, what))
                return;
            break;
        case WHAT_ANSWER:
            walk_go_on(walk);
            return;
        case WHAT_REFUSE:
            walk_refused(walk);
            return;
        case WHAT_SKIP:
            move_end(action, walk->event, STATE_CANCELLED, walk->reason);
            return;
        case WHAT_END:
            walk_spent(walk);
            return;
        }
    }
    walk_spent(walk); /* a circle, which the check of a policy refuses */
}

void action_chain(struct action *action, const struct action_event *event, enum cause cause,
                  enum reason reason, struct action_effects *out)
{
    struct walk walk = {action, event, out, reason, (uint8_t)cause};
    action->cause = cause;
    action->passed_count = 0;
    walk_run(&walk);
}

void action_next(struct action *action, const struct action_event *event, enum pass_why why,
                 enum reason reason, struct action_effects *out)
{
    const struct what *what = chain_entry(event->terms, action->entry);
    struct walk walk = {action, event, out, reason, action->entry};
    bool has_then = why == PASS_PAST_DUE || why == PASS_HOLD_ENDED;
    walk_pass(&walk, why, !what ? 0 : has_then && what->then != 0 ? what->then : what->next);
    walk_run(&walk);
}

/* What the driver made of the entry that the action stands at. */
static bool chain_is_at(const struct action *action, const struct action_event *event,
                        enum what_kind kind)
{
    const struct what *what = chain_entry(event->terms, action->entry);
    return action->state == STATE_WAITING && action->reason == REASON_FALLBACK && what &&
           what->kind == kind;
}

void action_answered(struct action *action, const struct action_event *event,
                     struct action_effects *out)
{
    if (!chain_is_at(action, event, WHAT_ANSWER)) {
        out->refusal = REFUSAL_NOT_DUE;
        return;
    }
    move_end(action, event, STATE_DONE, REASON_TEMPLATE);
    out->is_changed = true;
}

void action_unrendered(struct action *action, const struct action_event *event,
                       struct action_effects *out)
{
    bool is_route = action->route > 0 && !action->is_frozen && !action->attempt_is_open &&
                    !state_is_end(action->state) && !action->may_have_happened;
    if (!is_route && !chain_is_at(action, event, WHAT_ANSWER)) {
        out->refusal = REFUSAL_NOT_DUE;
        return;
    }
    action_next(action, event, PASS_RENDER, REASON_RENDER, out);
    out->is_changed = true;
}
