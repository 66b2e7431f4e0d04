#include "loop/gone.h"

#include <string.h>

#include "loop/engine_state.h"
#include "policy/compare.h"
#include "policy/config.h"

enum { GONE_SHOWN = 3, GONE_PAGE = 100 }; /* places that are told of; actions that are counted */

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

static size_t gone_count(struct engine *engine, const struct gone_place *place)
{
    const struct store_port *store = &engine->options.store;
    size_t sum = 0;
    for (int queue = STORE_QUEUE_NONE + 1; queue < STORE_QUEUE_COUNT; queue++) {
        struct arena arena;
        size_t count = 0;
        arena_init(&arena, (size_t)GONE_PAGE * LIMIT_REQUEST * 4);
        struct store_action *page = ARENA_ARRAY(&arena, GONE_PAGE, struct store_action);
        struct store_open_query query = {
            .has_queue = true,
            .queue = (enum store_queue)queue,
            .scope = arena_fmt(&arena, "%s/%s", place->workflow, place->step),
            .limit = GONE_PAGE};
        if (page && store->list_open(store->impl, &query, &arena, page, &count) == ERR_OK)
            sum += count;
        arena_done(&arena);
    }
    return sum;
}

void gone_add_waiting(struct engine *engine, struct buf *out)
{
    const struct gone_place *place;
    size_t shown = 0;
    for (size_t i = 0; shown < GONE_SHOWN && (place = gone_at(engine, i)) != NULL; i++) {
        if (!config_retires(engine_config(engine), slice_text(place->workflow),
                            slice_text(place->step)))
            continue;
        size_t count = gone_count(engine, place);
        if (count == 0)
            continue;
        buf_add_fmt(out, "%sretired %s / %s: %s%zu wait%s", out->size > 0 ? "; " : "",
                    place->workflow, place->step, count >= GONE_PAGE ? "at least " : "", count,
                    count == 1 ? "s" : "");
        shown++;
    }
    if (shown > 0)
        buf_add_text(out, "; nothing of it starts: reject it (`interlock inbox`)");
}
