#include "api/rights.h"

#include "base/check.h"

/* Who a line of the table names. */
enum right_who {
    WHO_OWNER = 1 << 0,
    WHO_RESTART = 1 << 1,
    WHO_INFORM = 1 << 2,
    WHO_REVIEWERS = 1 << 3,
    WHO_UNCERTAIN = 1 << 4, /* who the step names for what is uncertain */
    WHO_ADMINS = 1 << 5,
    WHO_SERVICE_SUBMITS = 1 << 6, /* a service that submits to the workflow */
    WHO_SERVICE_OWN = 1 << 7,     /* a service, its own actions */
    WHO_SERVICE_LABELS = 1 << 8,
    WHO_SUBMITTER_NOT = 1 << 9, /* never who submitted the action */
    WHO_WIDER = 1 << 10,        /* whoever has the right for something wider has it here (R20) */
    WHO_HEIRS = 1 << 11,        /* a duty without a name falls on (R28) */
    WHO_ANY_STEP = 1 << 12,     /* of a workflow: those of any of its steps */
    WHO_CALLERS = 1 << 13,      /* of an upstream: who has it for a workflow that calls it */
    WHO_TOLD = 1 << 14          /* of an incident: who is told of it, also in somebody's place */
};

static const unsigned right_table[RIGHT_COUNT] = {
    [RIGHT_SUBMIT] = WHO_OWNER | WHO_SERVICE_SUBMITS,
    [RIGHT_WORK] = WHO_OWNER | WHO_SERVICE_OWN,
    [RIGHT_CANCEL] = WHO_OWNER | WHO_SERVICE_OWN | WHO_HEIRS,
    [RIGHT_SEE] = WHO_OWNER | WHO_RESTART | WHO_INFORM | WHO_REVIEWERS | WHO_UNCERTAIN |
                  WHO_ADMINS | WHO_SERVICE_OWN | WHO_WIDER,
    [RIGHT_STOP] =
        WHO_OWNER | WHO_RESTART | WHO_INFORM | WHO_ADMINS | WHO_SERVICE_SUBMITS | WHO_WIDER,
    [RIGHT_RECEIPT] = WHO_OWNER | WHO_RESTART | WHO_INFORM | WHO_REVIEWERS | WHO_ADMINS |
                      WHO_SERVICE_SUBMITS | WHO_WIDER | WHO_TOLD,
    [RIGHT_RESTART] = WHO_OWNER | WHO_RESTART | WHO_INFORM | WHO_ADMINS,
    [RIGHT_DECIDE] = WHO_REVIEWERS | WHO_SUBMITTER_NOT | WHO_HEIRS,
    [RIGHT_SETTLE] = WHO_OWNER | WHO_UNCERTAIN | WHO_HEIRS,
    [RIGHT_AGAIN] = WHO_OWNER | WHO_HEIRS,
    [RIGHT_LABEL] = WHO_OWNER | WHO_REVIEWERS | WHO_SERVICE_LABELS | WHO_ANY_STEP,
    [RIGHT_ACKNOWLEDGE] = WHO_OWNER | WHO_RESTART | WHO_INFORM | WHO_CALLERS | WHO_TOLD,
    [RIGHT_SIGN] = WHO_OWNER | WHO_RESTART | WHO_INFORM,
    [RIGHT_AUDIT] = WHO_ADMINS,
    [RIGHT_CONFIGURE] = WHO_ADMINS,
};

enum { RIGHT_GROUPS = 8 };

/* The groups that a line names for a subject, each once. */
struct right_groups {
    const struct group *groups[RIGHT_GROUPS];
    size_t count;
};

static void right_add_group(struct right_groups *groups, const struct group *group)
{
    for (size_t i = 0; i < groups->count; i++)
        if (groups->groups[i] == group)
            return;
    if (group && groups->count < RIGHT_GROUPS)
        groups->groups[groups->count++] = group;
}

static const struct group *right_reviewers(const struct duties *duties, const struct step *step)
{
    if (step && step->reviewers)
        return step->reviewers;
    return duties->reviewers ? duties->reviewers : duties->owner;
}

/* The duties that answer for the subject: a workflow's, else those of `switch:`. */
static const struct duties *right_duties(const struct config *config,
                                         const struct right_subject *subject)
{
    return subject->workflow ? &subject->workflow->duties : &config->switch_duties;
}

/* The question of R28 about a right that falls on; false for the others. */
static bool right_question(const struct config *config, enum right right,
                           const struct right_subject *subject, struct who_question *out)
{
    if (right != RIGHT_DECIDE && right != RIGHT_SETTLE)
        return false;
    *out = (struct who_question){.config = config,
                                 .workflow = subject->workflow,
                                 .step = subject->step,
                                 .duty = right == RIGHT_DECIDE ? WHO_DUTY_DECIDE : WHO_DUTY_SETTLE,
                                 .actor = subject->actor,
                                 .away = subject->away,
                                 .now_unix_ms = subject->now_unix_ms};
    return true;
}

/* Whom a duty falls to that nobody is named for. */
static const struct group *right_heirs(const struct config *config, enum right right,
                                       const struct right_subject *subject)
{
    struct who_question question;
    struct who_answer answer = {0};
    if (right_question(config, right, subject, &question))
        return who_find(&question, &answer) ? answer.group : NULL;
    const struct group *owner = right_duties(config, subject)->owner;
    return owner ? owner : config->admins;
}

static struct right_groups right_find_groups(const struct config *config, enum right right,
                                             const struct right_subject *subject)
{
    struct right_groups found = {0};
    const struct duties *duties = right_duties(config, subject);
    unsigned who = right_table[right];
    if (who & WHO_OWNER)
        right_add_group(&found, duties->owner);
    if (who & WHO_RESTART)
        right_add_group(&found, duties->restart);
    if (who & WHO_INFORM)
        right_add_group(&found, duties->inform);
    if (who & WHO_REVIEWERS)
        right_add_group(&found, right_reviewers(duties, subject->step));
    for (size_t i = 0; (who & WHO_ANY_STEP) && subject->workflow && !subject->step &&
                       i < subject->workflow->step_count;
         i++)
        right_add_group(&found, subject->workflow->steps[i].reviewers);
    if ((who & WHO_UNCERTAIN) && subject->step)
        right_add_group(&found, subject->step->uncertain_who);
    if (who & WHO_TOLD)
        right_add_group(&found, subject->answers);
    if (found.count == 0 && (who & WHO_HEIRS))
        right_add_group(&found, right_heirs(config, right, subject));
    if (who & WHO_ADMINS)
        right_add_group(&found, config->admins);
    return found;
}

static bool right_groups_have(const struct right_groups *groups, struct slice person)
{
    for (size_t i = 0; i < groups->count; i++)
        if (group_has(groups->groups[i], person))
            return true;
    return false;
}

/* Somebody of those groups is away, and this person is told in their place. */
static bool right_is_cover(const struct config *config, const struct right_groups *groups,
                           struct slice person, const struct right_subject *subject)
{
    const struct who_question question = {.config = config,
                                          .duty = WHO_DUTY_SETTLE,
                                          .away = subject->away,
                                          .now_unix_ms = subject->now_unix_ms};
    for (size_t i = 0; i < groups->count; i++)
        for (size_t j = 0; j < groups->groups[i]->member_count; j++) {
            const struct group *group = groups->groups[i];
            const struct away *away =
                away_find(subject->away, group->members[j]->name, subject->now_unix_ms);
            const struct person *cover = away ? who_cover(&question, group, away) : NULL;
            if (cover && slice_equal(cover->name, person))
                return true;
        }
    return false;
}

static bool right_is_submitter(const struct config *config, struct slice person,
                               const struct right_subject *subject)
{
    if (slice_equal(person, subject->actor))
        return true;
    const struct service *service = config_service(config, subject->actor);
    return service && subject->step && subject->step->is_four_eyes && service->human &&
           slice_equal(service->human->name, person);
}

static bool right_is_heir_of(const struct config *config, struct slice person, enum right right,
                             const struct right_subject *subject)
{
    struct who_question question;
    return right_question(config, right, subject, &question) && who_is_for(&question, person);
}

static bool right_is_heir(const struct config *config, struct slice person, enum right right,
                          const struct right_subject *subject)
{
    if (right == RIGHT_SEE) /* what one may decide or settle one may see */
        return right_is_heir_of(config, person, RIGHT_DECIDE, subject) ||
               right_is_heir_of(config, person, RIGHT_SETTLE, subject);
    return right_is_heir_of(config, person, right, subject);
}

static bool right_allows_person(const struct config *config, struct slice person, enum right right,
                                const struct right_subject *subject)
{
    struct right_groups groups = right_find_groups(config, right, subject);
    if ((right_table[right] & WHO_SUBMITTER_NOT) && right_is_submitter(config, person, subject))
        return false;
    if ((right_table[right] & WHO_TOLD) && right_is_cover(config, &groups, person, subject))
        return true;
    return right_groups_have(&groups, person) || right_is_heir(config, person, right, subject);
}

static bool right_lists(struct slice const *names, size_t count, const struct workflow *workflow)
{
    for (size_t i = 0; workflow && i < count; i++)
        if (slice_equal(names[i], workflow->name))
            return true;
    return false;
}

static bool right_allows_service(const struct service *service, enum right right,
                                 const struct right_subject *subject)
{
    unsigned who = right_table[right];
    if ((who & WHO_SERVICE_SUBMITS) &&
        right_lists(service->submits, service->submit_count, subject->workflow))
        return true;
    if ((who & WHO_SERVICE_OWN) && slice_equal(service->name, subject->actor))
        return true;
    return (who & WHO_SERVICE_LABELS) &&
           right_lists(service->labels, service->label_count, subject->workflow);
}

static bool right_allows_one(const struct config *config, const struct principal *principal,
                             enum right right, const struct right_subject *subject)
{
    switch (principal->kind) {
    case PRINCIPAL_NONE:
        return false;
    case PRINCIPAL_PERSON:
        return right_allows_person(config, principal->name, right, subject);
    case PRINCIPAL_SERVICE:
        return right_allows_service(principal->service, right, subject);
    }
    CHECK_UNREACHABLE();
}

/* Of an upstream: who has it for a workflow that calls it. */
static bool right_allows_caller(const struct config *config, const struct principal *principal,
                                enum right right, const struct right_subject *subject)
{
    if (subject->workflow || !subject->upstream)
        return false;
    for (size_t i = 0; i < config->workflow_count; i++) {
        struct right_subject user = {.workflow = &config->workflows[i]};
        if (workflow_calls(user.workflow, subject->upstream->name) &&
            right_allows_one(config, principal, right, &user))
            return true;
    }
    return false;
}

bool right_allows(const struct config *config, const struct principal *principal, enum right right,
                  const struct right_subject *subject)
{
    if (right == RIGHT_OPEN)
        return true;
    if (right == RIGHT_TOKEN || right == RIGHT_LOOPBACK)
        return principal->kind != PRINCIPAL_NONE;
    if (right_allows_one(config, principal, right, subject))
        return true;
    const struct right_subject everything = {0};
    if ((right_table[right] & WHO_WIDER) &&
        right_allows_one(config, principal, right, &everything)) /* R20: rights to stop add up */
        return true;
    return (right_table[right] & (WHO_WIDER | WHO_CALLERS)) &&
           right_allows_caller(config, principal, right, subject);
}

static void right_add_members(const struct group *group, struct buf *out)
{
    bool is_person = group->member_count == 1 && slice_equal(group->members[0]->name, group->name);
    buf_add(out, group->name);
    if (is_person)
        return;
    buf_add_text(out, group->member_count ? " (" : " (empty)");
    for (size_t i = 0; i < group->member_count; i++) {
        buf_add_text(out, i ? ", " : "");
        buf_add(out, group->members[i]->name);
    }
    buf_add_text(out, group->member_count ? ")" : "");
}

static void right_add_services(const struct config *config, enum right right,
                               const struct right_subject *subject, struct buf *out)
{
    for (size_t i = 0; i < config->service_count; i++) {
        const struct service *service = &config->services[i];
        if (!right_allows_service(service, right, subject))
            continue;
        buf_add_text(out, out->size ? ", the service " : "the service ");
        buf_add(out, service->name);
    }
}

/* Four eyes: the human of the service that asked is left out, though named among who may. */
static void right_add_human(const struct config *config, const struct right_subject *subject,
                            struct buf *out)
{
    const struct service *service = config_service(config, subject->actor);
    if (!service || !service->human || !subject->step || !subject->step->is_four_eyes)
        return;
    buf_add_text(out, ", a service of ");
    buf_add(out, service->human->name);
}

void right_add_who(const struct config *config, enum right right,
                   const struct right_subject *subject, struct buf *out)
{
    struct right_groups groups = right_find_groups(config, right, subject);
    struct who_question question;
    struct who_answer heir;
    struct buf who;
    buf_init(&who, out->size_max);
    for (size_t i = 0; i < groups.count; i++) {
        buf_add_text(&who, i ? ", " : "");
        right_add_members(groups.groups[i], &who);
    }
    if (right_question(config, right, subject, &question) && who_find(&question, &heir) &&
        heir.person && !right_groups_have(&groups, heir.person->name)) {
        buf_add_text(&who, who.size ? ", " : "");
        buf_add(&who, heir.person->name);
    }
    right_add_services(config, right, subject, &who);
    if ((right_table[right] & WHO_CALLERS) && subject->upstream && !subject->workflow)
        buf_add_text(&who, ", and those of the workflows that call it");
    if (who.size == 0)
        buf_add_text(&who, "nobody");
    buf_add(out, buf_slice(&who));
    if ((right_table[right] & WHO_SUBMITTER_NOT) && subject->actor.size > 0) {
        buf_add_text(out, ", but not who submitted it (");
        buf_add(out, subject->actor);
        right_add_human(config, subject, out);
        buf_add_text(out, ")");
    }
    buf_done(&who);
}

const char *right_name(enum right right)
{
    static const char *const names[] = {
#define X(name, text) text,
        RIGHT_LIST(X)
#undef X
    };
    CHECK((unsigned)right < RIGHT_COUNT);
    return names[right];
}
