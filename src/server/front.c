#include "server/front.h"

#include <time.h>

#include "base/check.h"
#include "server/exchange.h"
#include "server/http_answer.h"

void front_init(struct front *front, deadline_due_fn *on_due)
{
    int result = uv_idle_init(front->loop, &front->turn);
    CHECK(result == 0); /* cannot fail */
    front->turn.data = front;
    lanes_init(&front->lanes, &front->bounds);
    deadlines_init(&front->deadlines, front->loop, &front->bounds, on_due);
    list_init(&front->woken);
    list_init(&front->connections);
    list_init(&front->running);
    list_init(&front->spare);
    front->handle_count = 2;
}

static void front_on_turn_closed(uv_handle_t *handle)
{
    struct front *front = handle->data;
    front->handle_count--;
    front->on_closed(front);
}

static void front_on_timer_closed(uv_handle_t *handle)
{
    struct deadlines *deadlines = handle->data;
    struct front *front = LIST_ENTRY(deadlines, struct front, deadlines);
    front->handle_count--;
    front->on_closed(front);
}

void front_close(struct front *front)
{
    CHECK(list_is_empty(&front->connections) && list_is_empty(&front->woken));
    uv_close((uv_handle_t *)&front->turn, front_on_turn_closed);
    deadlines_close(&front->deadlines, front_on_timer_closed);
}

void front_done(struct front *front)
{
    CHECK(front->handle_count == 0 && front->connection_count == 0);
    while (!list_is_empty(&front->running))
        exchange_orphan(LIST_ENTRY(front->running.next, struct exchange, in_running));
    front->bounds.spare_max = 0; /* so that freeing does not make them spare again */
    while (!list_is_empty(&front->spare))
        exchange_free(LIST_ENTRY(front->spare.next, struct exchange, in_queue));
    CHECK(lanes_are_empty(&front->lanes)); /* all that was taken was given back */
}

static void front_on_turn(uv_idle_t *idle)
{
    struct front *front = idle->data;
    struct list batch;
    (void)uv_idle_stop(idle); /* cannot fail */
    /* The batch takes the place of the head; who is woken from now on has a turn of their own. */
    list_init(&batch);
    list_add_before(&front->woken, &batch);
    list_remove(&front->woken);
    while (!list_is_empty(&batch)) {
        struct list *woken = batch.next;
        list_remove(woken);
        front->take_turn(woken);
    }
}

void front_wake(struct front *front, struct list *woken)
{
    if (!list_is_empty(woken))
        return;
    if (list_is_empty(&front->woken)) {
        int result = uv_idle_start(&front->turn, front_on_turn);
        CHECK(result == 0); /* fails only without a callback */
    }
    list_add_before(&front->woken, woken);
}

struct slice front_date(struct front *front)
{
    struct timespec now = {0};
    int result = clock_gettime(CLOCK_REALTIME_COARSE, &now);
    CHECK(result == 0); /* the clock is always there on Linux */
    if (front->date_size == 0 || now.tv_sec != front->date_s) {
        struct buf text;
        buf_init(&text, FRONT_DATE_SIZE);
        http_answer_add_date(&text, (int64_t)now.tv_sec * 1000);
        front->date_size = text.size;
        if (text.size > 0)
            memcpy(front->date, text.at, text.size);
        front->date_s = now.tv_sec;
        buf_done(&text);
    }
    return slice_of(front->date, front->date_size);
}
