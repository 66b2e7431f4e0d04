#include "policy/config.h"

#include "base/check.h"
#include "policy/expr.h"
#include "policy/kinds.h"

const struct workflow *config_workflow(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->workflow_count; i++)
        if (slice_equal(config->workflows[i].name, name))
            return &config->workflows[i];
    return NULL;
}

const struct step *config_step(const struct config *config, struct slice workflow,
                               struct slice step)
{
    const struct workflow *found = config_workflow(config, workflow);
    for (size_t i = 0; found && i < found->step_count; i++)
        if (slice_equal(found->steps[i].name, step))
            return &found->steps[i];
    return NULL;
}

const struct workflow *config_workflow_of(const struct config *config, struct slice name)
{
    const struct workflow *found = config_workflow(config, name);
    for (size_t i = 0; !found && name.size > 0 && i < config->workflow_count; i++)
        if (slices_have(config->workflows[i].was, name))
            found = &config->workflows[i];
    return found;
}

const struct duties *config_duties_of(const struct config *config, struct slice workflow)
{
    const struct workflow *found = config_workflow_of(config, workflow);
    return found ? &found->duties : &config->switch_duties;
}

bool workflow_calls(const struct workflow *workflow, struct slice upstream)
{
    for (size_t i = 0; i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        if (step->upstream && slice_equal(step->upstream->name, upstream))
            return true;
        for (size_t r = 0; r < step->terms.route_count; r++)
            if (step->terms.routes[r].upstream &&
                slice_equal(step->terms.routes[r].upstream->name, upstream))
                return true;
    }
    return false;
}

const struct step *config_step_of(const struct config *config, struct slice workflow,
                                  struct slice step)
{
    const struct workflow *place = config_workflow_of(config, workflow);
    const struct step *found = place ? config_step(config, place->name, step) : NULL;
    for (size_t i = 0; place && !found && step.size > 0 && i < place->step_count; i++)
        if (slices_have(place->steps[i].was, step))
            found = &place->steps[i];
    return found;
}

bool step_masks(const struct step *step, struct slice field)
{
    for (size_t i = 0; i < step->masked_count; i++)
        if (slice_equal(step->masked[i], field))
            return true;
    return false;
}

bool step_masks_read(const struct step *step, const struct expr_field *read)
{
    if (read->root != EXPR_ROOT_INPUT)
        return false;
    return read->name_count > 0 ? step_masks(step, read->names[0]) : step->masked_count > 0;
}

struct slice step_risk_name(const struct step *step, uint8_t risk)
{
    return risk < step->risk_count ? step->risks[risk].name : SLICE("normal");
}

const struct upstream *config_upstream(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (slice_equal(config->upstreams[i].name, name))
            return &config->upstreams[i];
    return NULL;
}

const struct person *config_person(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->person_count; i++)
        if (slice_equal(config->people[i].name, name))
            return &config->people[i];
    return NULL;
}

const struct channel *config_channel(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->channel_count; i++)
        if (slice_equal(config->channels[i].name, name))
            return &config->channels[i];
    return NULL;
}

const struct service *config_service(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->service_count; i++)
        if (slice_equal(config->services[i].name, name))
            return &config->services[i];
    return NULL;
}

const struct group *config_group(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->group_count; i++)
        if (slice_equal(config->groups[i].name, name))
            return &config->groups[i];
    return NULL;
}

bool group_has(const struct group *group, struct slice person)
{
    for (size_t i = 0; group && i < group->member_count; i++)
        if (slice_equal(group->members[i]->name, person))
            return true;
    return false;
}

const char *cause_name(enum cause cause)
{
    CHECK(cause < CAUSE_COUNT);
    return cause_names[cause];
}

const char *mode_name(enum mode mode)
{
    CHECK(mode <= MODE_OBSERVE);
    return mode_names[mode];
}

const char *kind_name(enum kind kind)
{
    CHECK(kind < KIND_COUNT);
    return kind_names[kind];
}
