#include "loop/gone.h"

#include <string.h>

#include "loop/engine_state.h"
#include "policy/config.h"

static void gone_copy(char out[LIMIT_NAME + 1], struct slice name)
{
    memcpy(out, name.at, name.size);
    out[name.size] = '\0';
}

void gone_note(struct engine *engine, struct slice workflow, struct slice step)
{
    struct gone *gone = &engine->gone;
    if (step.size == 0 || workflow.size == 0 || step.size > LIMIT_NAME ||
        workflow.size > LIMIT_NAME || gone->count == GONE_PLACES ||
        config_step_of(engine_config(engine), workflow, step))
        return;
    for (size_t i = 0; i < gone->count; i++)
        if (slice_is(workflow, gone->items[i].workflow) && slice_is(step, gone->items[i].step))
            return;
    gone_copy(gone->items[gone->count].workflow, workflow);
    gone_copy(gone->items[gone->count].step, step);
    gone->count++;
}

const struct gone_place *gone_at(const struct engine *engine, size_t index)
{
    for (size_t i = 0; i < engine->gone.count; i++) {
        const struct gone_place *place = &engine->gone.items[i];
        if (config_step_of(engine_config(engine), slice_text(place->workflow),
                           slice_text(place->step)))
            continue;
        if (index-- == 0)
            return place;
    }
    return NULL;
}
