#include "record/who.h"

enum { WHO_GROUPS = 5 };

/* The order in which the work falls; NULL where nobody is named. */
struct who_order {
    const struct group *groups[WHO_GROUPS];
};

const struct away *away_find(const struct away_list *list, struct slice person, int64_t now_unix_ms)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (slice_equal(list->items[i].person, person) &&
            list->items[i].until_unix_ms > now_unix_ms)
            return &list->items[i];
    return NULL;
}

static bool who_is_short(const struct group *group, struct slice person, struct slice cover)
{
    return group && group_has(group, person) && !group_has(group, cover);
}

/* Those of the duties that a cover takes over: to decide, and to settle. */
static const struct group *who_not_shared_in(const struct duties *duties, struct slice person,
                                             struct slice cover)
{
    if (who_is_short(duties->reviewers, person, cover))
        return duties->reviewers;
    return who_is_short(duties->owner, person, cover) ? duties->owner : NULL;
}

const struct group *who_not_shared(const struct config *config, struct slice person,
                                   struct slice cover)
{
    const struct group *found = who_not_shared_in(&config->switch_duties, person, cover);
    if (!found && who_is_short(config->admins, person, cover))
        found = config->admins;
    for (size_t w = 0; !found && w < config->workflow_count; w++) {
        const struct workflow *workflow = &config->workflows[w];
        found = who_not_shared_in(&workflow->duties, person, cover);
        for (size_t s = 0; !found && s < workflow->step_count; s++) {
            const struct step *step = &workflow->steps[s];
            if (who_is_short(step->reviewers, person, cover))
                found = step->reviewers;
            else if (who_is_short(step->uncertain_who, person, cover))
                found = step->uncertain_who;
        }
    }
    return found;
}

static struct who_order who_order(const struct who_question *q)
{
    static const struct duties none = {.owner = NULL};
    const struct duties *wide = q->config ? &q->config->switch_duties : &none;
    const struct duties *duties = q->workflow ? &q->workflow->duties : wide;
    const struct group *admins = q->config ? q->config->admins : NULL;
    const struct step *step = q->step;
    switch (q->duty) {
    case WHO_DUTY_DECIDE:
        return (struct who_order){
            {step ? step->reviewers : NULL, duties->reviewers, duties->owner, wide->owner, admins}};
    case WHO_DUTY_SETTLE:
        return (struct who_order){
            {step ? step->uncertain_who : NULL, NULL, duties->owner, wide->owner, admins}};
    case WHO_DUTY_RESTART: /* R20: what is wider than a workflow is lifted by those of `switch:` */
        if (q->stop && q->stop->names[0][0] == '\0')
            duties = wide;
        return (struct who_order){{duties->restart, NULL, wide->restart, NULL, admins}};
    }
    return (struct who_order){{NULL}};
}

const struct person *who_cover(const struct who_question *q, const struct group *group,
                               const struct away *away)
{
    if (away->cover.size == 0 || q->duty == WHO_DUTY_RESTART ||
        away_find(q->away, away->cover, q->now_unix_ms) ||
        (!away->is_by_admin && !group_has(group, away->cover)))
        return NULL;
    return q->config ? config_person(q->config, away->cover) : NULL;
}

bool who_is_there(const struct who_question *q, const struct who_answer *answer)
{
    return answer->person && (answer->stands_for.size > 0 ||
                              !away_find(q->away, answer->person->name, q->now_unix_ms));
}

/* Someone who acts in this person's place is there, or the person is. */
static const struct person *who_present(const struct who_question *q, const struct group *group,
                                        const struct person *person, struct slice *out_stands_for)
{
    const struct away *away = away_find(q->away, person->name, q->now_unix_ms);
    *out_stands_for = (struct slice){0};
    if (!away)
        return person;
    const struct person *cover = who_cover(q, group, away);
    if (cover)
        *out_stands_for = person->name;
    return cover;
}

static bool who_may(const struct who_question *q, const struct person *person)
{
    if (q->duty == WHO_DUTY_SETTLE || q->actor.size == 0)
        return true;
    if (slice_equal(person->name, q->actor))
        return false; /* I11 */
    if (q->duty == WHO_DUTY_RESTART)
        return true;
    const struct service *service = q->config ? config_service(q->config, q->actor) : NULL;
    return !(service && q->step && q->step->is_four_eyes && service->human == person);
}

/* Somebody of the group who may and is there. */
static bool who_in_group(const struct who_question *q, const struct group *group,
                         struct who_answer *out)
{
    for (size_t i = 0; i < group->member_count; i++) {
        struct slice stands_for;
        const struct person *person = who_present(q, group, group->members[i], &stands_for);
        if (!person || !who_may(q, person))
            continue;
        *out = (struct who_answer){group, person, stands_for};
        return true;
    }
    return false;
}

/* The first of the group who may, there or not. */
static const struct person *who_first(const struct who_question *q, const struct group *group)
{
    for (size_t i = 0; i < group->member_count; i++)
        if (who_may(q, group->members[i]))
            return group->members[i];
    return NULL;
}

bool who_find(const struct who_question *question, struct who_answer *out_answer)
{
    struct who_order order = who_order(question);
    struct who_answer first = {0};
    for (size_t i = 0; i < WHO_GROUPS; i++) {
        const struct group *group = order.groups[i];
        if (!group || group->member_count == 0)
            continue;
        if (who_in_group(question, group, out_answer))
            return true;
        const struct person *person = who_first(question, group);
        if (!first.group || (!first.person && person))
            first = (struct who_answer){group, person, {0}};
    }
    *out_answer = first; /* nobody is there: invariant 2 */
    return first.group != NULL;
}

bool who_is_for(const struct who_question *question, struct slice person)
{
    struct who_answer answer;
    if (!who_find(question, &answer))
        return false;
    if (group_has(answer.group, person))
        return true;
    for (size_t i = 0; i < answer.group->member_count; i++) {
        struct slice stands_for;
        const struct person *present =
            who_present(question, answer.group, answer.group->members[i], &stands_for);
        if (present && slice_equal(present->name, person))
            return true;
    }
    return false;
}
