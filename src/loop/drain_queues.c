/* loop/drain_queues.c - what a stop held, one queue for each upstream that it goes to: so that one
 * that takes nothing now holds only its own. The oldest of all goes first. */
#include "loop/drains.h"

#include <stdlib.h>

#include "core/breaker.h"
#include "core/pace.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/upstreams.h"

struct drain_queue *drain_queue_of(struct drain *drain, struct slice upstream)
{
    for (size_t i = 0; i < drain->queue_count; i++)
        if (slice_is(upstream, drain->queues[i].upstream))
            return &drain->queues[i];
    return NULL;
}

enum err drain_queue_add(struct drain *drain, struct slice upstream)
{
    if (drain_queue_of(drain, upstream))
        return ERR_OK;
    struct drain_queue *queues = realloc(drain->queues, (drain->queue_count + 1) * sizeof *queues);
    if (!queues)
        return ERR_NO_MEMORY;
    drain->queues = queues;
    struct drain_queue *queue = &queues[drain->queue_count++];
    *queue = (struct drain_queue){.is_over = !drain->is_on};
    if (upstream.size > 0)
        memcpy(queue->upstream, upstream.at,
               upstream.size < LIMIT_NAME ? upstream.size : LIMIT_NAME);
    return ERR_OK;
}

void drain_done(struct drain *drain)
{
    free(drain->queues);
    drain->queues = NULL;
    drain->queue_count = 0;
}

void drain_queue_begin(struct drain_queue *queue)
{
    queue->after_id = 0;
    queue->next_id = 0;
    queue->kept = 0;
    queue->passed = 0;
    queue->is_over = false;
}

void drain_queue_looked(struct drain_queue *queue)
{
    queue->after_id = queue->next_id;
    queue->next_id = 0;
}

void drain_queue_pass(struct drain_queue *queue)
{
    if (queue->passed++ > 0)
        return;
    queue->passed_after_id = queue->after_id;
    queue->passed_kept = queue->kept;
}

bool drain_queue_return(struct drain_queue *queue)
{
    if (queue->passed == 0)
        return false;
    queue->after_id = queue->passed_after_id;
    queue->kept = queue->passed_kept;
    queue->next_id = 0;
    queue->passed = 0;
    queue->is_over = false;
    return true;
}

/* The upstream has room, and its own rate lets one of the queue go. */
static bool drain_upstream_lets(struct engine *engine, struct upstream_state *upstream)
{
    if (!upstream || upstream->breaker.state != BREAKER_CLOSED)
        return true; /* it will be held for the upstream, and leave as that recovers */
    if (upstream->drain_milli > 0 && !upstream->rate.is_on)
        rate_begin_restarted(&upstream->rate, upstream->drain_milli, engine->now_unix_ms);
    upstream->has_restarted = upstream->has_restarted || upstream->drain_milli > 0;
    rate_pass(&upstream->rate, engine->now_unix_ms);
    return pace_has_drain_room(&upstream->pace) &&
           engine->now_unix_ms >= upstream->pace.pause_until_unix_ms &&
           (!upstream->rate.is_on || rate_lets_held(&upstream->rate, upstream->pace.under_way));
}

/* Which one is next: by the index that has them in the order of their upstreams. */
static void drain_queue_read(struct engine *engine, const struct workflow_state *workflow,
                             struct drain_queue *queue)
{
    struct arena arena;
    struct store_action next;
    size_t count = 0;
    arena_init_pooled(&arena, ENGINE_SCRATCH, &engine->arenas);
    const struct store_port *store = &engine->options.store;
    struct store_open_query query = {.has_queue = true,
                                     .queue = STORE_QUEUE_HELD_STOP,
                                     .scope = arena_fmt(&arena, "%s/", workflow->name),
                                     .upstream = slice_text(queue->upstream),
                                     .is_of_upstream = true,
                                     .after_id = queue->after_id,
                                     .limit = 1};
    enum err err = store->list_open(store->impl, &query, &arena, &next, &count);
    if (err == ERR_OK && count > 0)
        queue->next_id = next.id;
    queue->is_over = count == 0;
    arena_done(&arena);
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
}

struct drain_queue *drain_oldest(struct engine *engine, struct workflow_state *workflow,
                                 bool *out_is_blocked)
{
    struct drain_queue *oldest = NULL;
    *out_is_blocked = false;
    for (size_t i = 0; i < workflow->drain.queue_count; i++) {
        struct drain_queue *queue = &workflow->drain.queues[i];
        if (queue->next_id == 0 && !queue->is_over)
            drain_queue_read(engine, workflow, queue);
        if (queue->is_over)
            continue;
        if (!drain_upstream_lets(engine, engine_upstream(engine, slice_text(queue->upstream))))
            *out_is_blocked = true;
        else if (!oldest || queue->next_id < oldest->next_id)
            oldest = queue;
    }
    return oldest;
}
