/* loop/alert_people.c - whom a level of the ladder names: owners, duties, admins, and who acts in
 * the place of somebody who is away. Read from the configuration in force: who has left is not told
 * (R28). */
#include "loop/alerts.h"

#include "loop/engine_state.h"
#include "loop/incidents.h"

bool alert_people_have(const struct alert_people *people, struct slice name)
{
    for (size_t i = 0; i < people->count; i++)
        if (slice_equal(people->people[i]->name, name))
            return true;
    return false;
}

void alert_people_add(struct alert_people *people, const struct person *person)
{
    if (!person || alert_people_have(people, person->name))
        return;
    if (people->count < ALERT_PEOPLE)
        people->people[people->count++] = person;
}

void alert_people_add_members(struct alert_people *people, const struct group *group,
                              struct slice but)
{
    for (size_t i = 0; group && i < group->member_count; i++)
        if (!slice_equal(group->members[i]->name, but))
            alert_people_add(people, group->members[i]);
}

const struct duties *engine_alert_duties(const struct engine *engine, const struct journal *journal)
{
    return config_duties_of(engine_config(engine), slice_text(journal->names[JOURNAL_WORKFLOW]));
}

/* Who acts in the place of a member who is away, for the work of that group (R28); or NULL. */
static const struct person *alert_people_cover(const struct engine *engine, enum who_duty duty,
                                               const struct group *group,
                                               const struct person *member)
{
    const struct who_question question = {.config = engine_config(engine),
                                          .duty = duty,
                                          .away = &engine->away,
                                          .now_unix_ms = engine->now_unix_ms};
    const struct away *away = away_find(&engine->away, member->name, engine->now_unix_ms);
    return away ? who_cover(&question, group, away) : NULL;
}

/* Each of them, behind who acts in their place. */
static void alert_people_add_group(const struct engine *engine, struct alert_people *people,
                                   enum who_duty duty, const struct group *group)
{
    for (size_t i = 0; group && i < group->member_count; i++) {
        alert_people_add(people, alert_people_cover(engine, duty, group, group->members[i]));
        alert_people_add(people, group->members[i]);
    }
}

/* The first who is there; before that the covers of those who are not. */
static void alert_people_add_first(const struct engine *engine, struct alert_people *people,
                                   const struct group *group)
{
    size_t count = group ? group->member_count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct person *member = group->members[i];
        if (!away_find(&engine->away, member->name, engine->now_unix_ms)) {
            alert_people_add(people, member);
            return;
        }
        alert_people_add(people, alert_people_cover(engine, WHO_DUTY_SETTLE, group, member));
    }
    if (count > 0) /* all are away: better one of them than nobody */
        alert_people_add(people, group->members[0]);
}

enum { ALERT_OWNERS = ALERT_PEOPLE };

static size_t alert_owners_add(const struct group *owners[ALERT_OWNERS], size_t count,
                               const struct group *owner)
{
    for (size_t i = 0; i < count; i++)
        if (owners[i] == owner)
            return count;
    if (owner && count < ALERT_OWNERS)
        owners[count++] = owner;
    return count;
}

/* Who answers for it. What an upstream does to workflows is told to the owner of each, too. */
static size_t alert_find_owners(const struct engine *engine, const struct journal *journal,
                                const struct group *out[ALERT_OWNERS])
{
    const struct config *config = engine_config(engine);
    const struct group *answers = config_group(config, slice_text(journal->answers));
    size_t count =
        alert_owners_add(out, 0, answers ? answers : engine_alert_duties(engine, journal)->owner);
    if (!engine_journal_is_shared(journal))
        return count;
    for (size_t i = 0; i < config->workflow_count; i++)
        if (engine_journal_covers(engine, journal, config->workflows[i].name))
            count = alert_owners_add(out, count, config->workflows[i].duties.owner);
    return count;
}

/* The people of some levels, each once. Read from the configuration in force: who has left is not
 * told (R28). */
void engine_alert_people(const struct engine *engine, const struct journal *journal,
                         unsigned levels, struct alert_people *out)
{
    const struct duties *duties = engine_alert_duties(engine, journal);
    const struct group *owners[ALERT_OWNERS];
    size_t owner_count = alert_find_owners(engine, journal, owners);
    struct alert_people firsts = {.count = 0}, all = {.count = 0};
    for (size_t i = 0; i < owner_count; i++) {
        alert_people_add_first(engine, &firsts, owners[i]);
        alert_people_add_group(engine, &all, WHO_DUTY_SETTLE, owners[i]);
    }
    for (size_t i = 0; (levels & LADDER_FIRST) && i < firsts.count; i++)
        alert_people_add(out, firsts.people[i]);
    for (size_t i = 0; (levels & LADDER_OWNERS) && i < all.count; i++)
        if (!alert_people_have(&firsts,
                               all.people[i]->name)) /* they were told by the first level */
            alert_people_add(out, all.people[i]);
    if (levels & LADDER_DUTIES) {
        alert_people_add_group(engine, out, WHO_DUTY_RESTART, duties->restart);
        alert_people_add_group(engine, out, WHO_DUTY_SETTLE, duties->inform);
    }
    if (levels & LADDER_ADMINS)
        alert_people_add_group(engine, out, WHO_DUTY_SETTLE, engine_config(engine)->admins);
}
