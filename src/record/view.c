#include "record/view.h"

static const char *view_settle(const struct step *step)
{
    static const char *const words[KIND_COUNT] = {
        [KIND_LOOKUP] = "say whether it was answered",
        [KIND_LLM] = "say whether it was answered",
        [KIND_EMAIL] = "say whether it was sent",
        [KIND_MESSAGE] = "say whether it was sent",
        [KIND_PAYMENT] = "say whether it was charged",
        [KIND_TICKET] = "say whether it was changed",
        [KIND_RECORD] = "say whether it was changed",
        [KIND_WEBHOOK] = "say whether it was delivered",
        [KIND_COMMAND] = "say whether it was carried out",
    };
    return step && (unsigned)step->kind < KIND_COUNT ? words[step->kind]
                                                     : "say whether it happened";
}

static void view_name_person(const struct view *view, struct slice name, struct view_who *out_who)
{
    const struct person *person = view->config ? config_person(view->config, name) : NULL;
    out_who->person = name;
    out_who->person_name = person ? person->full_name : (struct slice){0};
}

struct who_question view_question(const struct view *view, enum who_duty duty)
{
    return (struct who_question){.config = view->config,
                                 .workflow = view->step ? view->step->workflow : NULL,
                                 .step = view->step,
                                 .stop = view->stop,
                                 .duty = duty,
                                 .actor = view->submit.actor,
                                 .away = view->away,
                                 .now_unix_ms = view->now_unix_ms};
}

struct slice view_claimer(const struct view *view)
{
    bool is_claimed =
        view->action->state == STATE_IN_REVIEW && view->claimed_until_unix_ms > view->now_unix_ms &&
        (!view->config || config_person(view->config, view->claimed_by)); /* who left has no hand */
    return is_claimed ? view->claimed_by : (struct slice){0};
}

bool view_who(const struct view *view, struct view_who *out_who)
{
    const struct action *action = view->action;
    struct who_answer answer = {0};
    struct view_who who = {.by_unix_ms = action_people_due(action)};
    enum who_duty duty = WHO_DUTY_DECIDE;
    if (action->state == STATE_IN_REVIEW) {
        who.to_do = view->step ? "approve or reject it" : "reject it: its policy is gone";
    } else if (action_is_asked(action)) {
        return false; /* its check is asked first; a person may settle it all the same */
    } else if (action->state == STATE_UNCERTAIN ||
               (state_is_end(action->state) && action_is_contradicted(action))) {
        duty = WHO_DUTY_SETTLE;
        who.to_do = view_settle(view->step);
    } else if (action->state == STATE_HELD && action->hold_for == HOLD_FOR_STOP &&
               !view->is_ramping && !view->is_draining) { /* else it starts by itself */
        duty = WHO_DUTY_RESTART;
        who.by_unix_ms = 0;
        who.to_do = view->restart_by.size > 0 ? "approve the restart that is asked for"
                                              : "restart what was stopped";
    } else {
        return false;
    }
    struct who_question question = view_question(view, duty);
    if (duty == WHO_DUTY_RESTART) /* who submitted it may ask, and approve what another one asks */
        question.actor = view->restart_by;
    if (who_find(&question, &answer))
        who.group = answer.group->name;
    if (answer.person)
        view_name_person(view, answer.person->name, &who);
    if (duty == WHO_DUTY_RESTART && view->approver.size > 0) /* not who asked */
        view_name_person(view, view->approver, &who);
    bool is_assigned = action->state == STATE_IN_REVIEW && view->assigned_to.size > 0 &&
                       !away_find(view->away, view->assigned_to, view->now_unix_ms) &&
                       who_is_for(&question, view->assigned_to); /* still: R28 */
    if (is_assigned)
        view_name_person(view, view->assigned_to, &who);
    if (view_claimer(view).size > 0)
        view_name_person(view, view_claimer(view), &who);
    if (answer.person && slice_equal(who.person, answer.person->name))
        who.stands_for = answer.stands_for;
    *out_who = who;
    return true;
}

struct slice view_whole_key(const struct view *view)
{
    return view->whole_key.size > 0 ? view->whole_key : view->submit.key;
}

struct slice view_whole_run(const struct view *view)
{
    return view->whole_run.size > 0 ? view->whole_run : view->submit.run;
}
