#include "record/view.h"

#include "core/switchboard.h"

/* The group itself, if somebody is in it. */
static const struct group *view_group(const struct group *group)
{
    return group && group->member_count > 0 ? group : NULL;
}

static const struct group *view_first(const struct group *a, const struct group *b,
                                      const struct group *c)
{
    if (view_group(a))
        return a;
    return view_group(b) ? b : view_group(c);
}

static const struct duties *view_duties(const struct view *view)
{
    static const struct duties none = {.owner = NULL};
    if (view->step && view->step->workflow)
        return &view->step->workflow->duties;
    return view->config ? &view->config->switch_duties : &none;
}

/* R28: work falls to the group, then the owner, then the admins. */
static const struct group *view_responsible(const struct view *view, bool is_review)
{
    const struct duties *duties = view_duties(view);
    const struct group *special = NULL;
    if (view->step)
        special = is_review ? view->step->reviewers : view->step->uncertain_who;
    if (is_review && !view_group(special))
        special = duties->reviewers;
    const struct group *group =
        view_first(special, duties->owner, view->config ? view->config->switch_duties.owner : NULL);
    return group ? group : view->config ? view_group(view->config->admins) : NULL;
}

/* A stop on more than a workflow is lifted by those of the installation's `switch:` (R20). */
static const struct group *view_restarters(const struct view *view)
{
    bool is_wide = view->stop && view->stop->names[0][0] == '\0';
    const struct group *of_switch = view->config ? view->config->switch_duties.restart : NULL;
    const struct duties *duties = view_duties(view);
    return view_first(is_wide ? of_switch : duties->restart, of_switch,
                      view->config ? view->config->admins : NULL);
}

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

/* I11: who asked for it does not decide it, so is not the one to begin with. */
static void view_first_person(const struct view *view, const struct group *group,
                              struct view_who *out_who)
{
    bool is_review = view->action->state == STATE_IN_REVIEW;
    out_who->group = group->name;
    for (size_t i = 0; i < group->member_count; i++) {
        const struct person *person = group->members[i];
        if (is_review && slice_equal(person->name, view->submit.actor))
            continue;
        out_who->person = person->name;
        out_who->person_name = person->full_name;
        return;
    }
}

bool view_who(const struct view *view, struct view_who *out_who)
{
    const struct action *action = view->action;
    const struct group *group = NULL;
    struct view_who who = {.by_unix_ms = action->people_due_unix_ms};
    if (action->state == STATE_IN_REVIEW) {
        group = view_responsible(view, true);
        who.to_do = "approve or reject it";
    } else if (action->state == STATE_UNCERTAIN ||
               (state_is_end(action->state) && action_is_contradicted(action))) {
        group = view_responsible(view, false);
        who.to_do = view_settle(view->step);
    } else if (action->state == STATE_HELD && action->hold_for == HOLD_FOR_STOP) {
        group = view_restarters(view);
        who.by_unix_ms = 0;
        who.to_do = "restart what was stopped";
    } else {
        return false;
    }
    if (group)
        view_first_person(view, group, &who);
    *out_who = who;
    return true;
}
