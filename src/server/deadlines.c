#include "server/deadlines.h"

#include "base/check.h"

static struct deadline *deadlines_first(const struct deadlines *deadlines, enum deadline_kind kind)
{
    const struct list *queue = &deadlines->queues[kind];
    return list_is_empty(queue) ? NULL : LIST_ENTRY(queue->next, struct deadline, node);
}

static void deadlines_on_timer(uv_timer_t *timer);

static void deadlines_arm(struct deadlines *deadlines, uint64_t at_ms)
{
    uint64_t now_ms = uv_now(deadlines->timer.loop);
    int result = uv_timer_start(&deadlines->timer, deadlines_on_timer,
                                at_ms > now_ms ? at_ms - now_ms : 0, 0);
    CHECK(result == 0); /* fails only without a callback or while closing */
    deadlines->armed_ms = at_ms;
}

static void deadlines_on_timer(uv_timer_t *timer)
{
    struct deadlines *deadlines = timer->data;
    uint64_t now_ms = uv_now(timer->loop);
    uint64_t next_ms = UINT64_MAX;
    deadlines->armed_ms = 0; /* so that what is set on the way does not arm it */
    for (int kind = DEADLINE_NONE + 1; kind < DEADLINE_COUNT; kind++) {
        struct deadline *first = deadlines_first(deadlines, (enum deadline_kind)kind);
        while (first && first->at_ms <= now_ms) {
            deadline_clear(first);
            deadlines->on_due(first, (enum deadline_kind)kind);
            first = deadlines_first(deadlines, (enum deadline_kind)kind);
        }
    }
    for (int kind = DEADLINE_NONE + 1; kind < DEADLINE_COUNT; kind++) {
        const struct deadline *first = deadlines_first(deadlines, (enum deadline_kind)kind);
        if (first && first->at_ms < next_ms)
            next_ms = first->at_ms;
    }
    deadlines->armed_ms = UINT64_MAX;
    if (next_ms < UINT64_MAX)
        deadlines_arm(deadlines, next_ms);
}

void deadlines_init(struct deadlines *deadlines, uv_loop_t *loop,
                    const struct server_bounds *bounds, deadline_due_fn *on_due)
{
    *deadlines = (struct deadlines){
        .after_ms = {[DEADLINE_IDLE] = bounds->idle_ms,
                     [DEADLINE_SLOW] = bounds->slow_ms,
                     [DEADLINE_RESERVE] = bounds->reserve_ms,
                     [DEADLINE_GONE] = bounds->gone_ms,
                     [DEADLINE_LINGER] = bounds->linger_ms,
                     [DEADLINE_UNREAD] = bounds->unread_ms},
        .armed_ms = UINT64_MAX,
        .on_due = on_due,
    };
    for (int kind = 0; kind < DEADLINE_COUNT; kind++)
        list_init(&deadlines->queues[kind]);
    int result = uv_timer_init(loop, &deadlines->timer);
    CHECK(result == 0); /* cannot fail */
    deadlines->timer.data = deadlines;
}

void deadlines_close(struct deadlines *deadlines, uv_close_cb on_closed)
{
    uv_close((uv_handle_t *)&deadlines->timer, on_closed);
}

void deadline_init(struct deadline *deadline)
{
    *deadline = (struct deadline){0};
    list_init(&deadline->node);
}

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind)
{
    CHECK(kind > DEADLINE_NONE && kind < DEADLINE_COUNT);
    list_remove(&deadline->node);
    deadline->kind = kind;
    deadline->at_ms = uv_now(deadlines->timer.loop) + deadlines->after_ms[kind];
    list_add_before(&deadlines->queues[kind], &deadline->node);
    if (deadline->at_ms < deadlines->armed_ms)
        deadlines_arm(deadlines, deadline->at_ms);
}

void deadline_clear(struct deadline *deadline)
{
    list_remove(&deadline->node);
    deadline->kind = DEADLINE_NONE;
}

struct deadline *deadlines_longest_idle(struct deadlines *deadlines, uint64_t at_least_ms)
{
    struct deadline *first = deadlines_first(deadlines, DEADLINE_IDLE);
    if (!first)
        return NULL;
    uint64_t since_ms = first->at_ms - deadlines->after_ms[DEADLINE_IDLE];
    return uv_now(deadlines->timer.loop) - since_ms >= at_least_ms ? first : NULL;
}
