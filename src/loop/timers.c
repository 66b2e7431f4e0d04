/* loop/timers.c - what is due: stored due times, and callers whose wait ends. */
#include "loop/timers.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "loop/attempts.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/steps.h"
#include "loop/submit.h"
#include "loop/upstreams.h"
#include "loop/views.h"

/* What is due and cannot go yet (no free call) is looked at again this much later. */
enum { TIMERS_STUCK_MS = 50, TIMERS_BUSY_MS = 20, TIMERS_DEFERRED_MS = 1000 };

void engine_due_at(struct engine *engine, int64_t unix_ms)
{
    if (engine->due_unix_ms == 0 || unix_ms < engine->due_unix_ms)
        engine->due_unix_ms = unix_ms;
}

/* While the clock is doubtful, what would start it or end it waits; what makes it uncertain, or
 * begins nothing, does not (R6, R29). */
static bool due_waits(const struct engine *engine, const struct action *action)
{
    if (!engine_defers_action(engine, action))
        return false;
    if (action->due_kind == DUE_RETRY)
        return action_may_repeat(action, engine->now_unix_ms + engine_late_ms(engine, action));
    return action->due_kind != DUE_KEEPS && action->due_kind != DUE_LEASE;
}

static void due_one(struct engine *engine, struct entry *entry)
{
    const struct action *action = &entry->row.action;
    struct action_event event;
    if (due_waits(engine, action))
        return;
    if (action->due_kind == DUE_CHECK || action->due_kind == DUE_FACT) {
        engine_ask(engine, entry);
        return;
    }
    if (action->due_kind == DUE_RETRY) {
        struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
        if (upstream && !engine_may_start(engine, upstream) &&
            action_may_repeat(action, engine->now_unix_ms + engine_late_ms(engine, action))) {
            /* `keeps` ends also meanwhile (R6) */
            upstream->may_have_waiting = true;
            return;
        }
        engine_enter_gate(engine, entry, false, (struct slice){0});
        return;
    }
    engine_event(engine, entry, EVENT_TIMER, &event);
    struct step_note note = {
        .kind = RECORD_TIMER, .upstream = entry->row.upstream, .attempt = action->starts_total};
    struct action_effects effects;
    engine_step(engine, entry, &event, &note, &effects);
}

/* Is it time for this entry, as memory knows it? An unsaved one is newer than what the store says.
 */
static bool due_is_ripe(const struct engine *engine, const struct entry *entry)
{
    const struct action *action = &entry->row.action;
    return entry->unsaved == 0 && action->due_unix_ms != 0 &&
           action->due_unix_ms <= engine->now_unix_ms;
}

static enum err due_page(struct engine *engine, size_t *out_count, size_t *out_moved)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action *page = ARENA_ARRAY(&arena, LIMIT_DUE_PAGE, struct store_action);
    struct store_open_query query = {.by_due = true,
                                     .due_until_unix_ms = engine->now_unix_ms,
                                     .after_id = engine->due_after_id,
                                     .after_due_unix_ms = engine->due_after_unix_ms,
                                     .limit = LIMIT_DUE_PAGE};
    const struct store_port *store = &engine->options.store;
    enum err err =
        page ? store->list_open(store->impl, &query, &arena, page, out_count) : ERR_NO_MEMORY;
    *out_moved = 0;
    bool is_full = err == ERR_OK && *out_count == LIMIT_DUE_PAGE; /* what cannot go yet is passed */
    engine->due_after_id = is_full ? page[LIMIT_DUE_PAGE - 1].id : 0;
    engine->due_after_unix_ms = is_full ? page[LIMIT_DUE_PAGE - 1].due_unix_ms : 0;
    for (size_t i = 0; err == ERR_OK && i < *out_count; i++) {
        struct entry *entry = entry_get(engine, page[i].id, &err);
        if (err != ERR_OK)
            break;
        uint64_t before = engine->seq;
        if (due_is_ripe(engine, entry))
            due_one(engine, entry);
        *out_moved += engine->seq != before;
        entry_let_go(engine, entry);
    }
    arena_done(&arena);
    return err;
}

/* The earliest due time in the store, or 0. */
static int64_t due_next(struct engine *engine)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action first;
    size_t count = 0;
    struct store_open_query query = {.by_due = true, .due_until_unix_ms = INT64_MAX, .limit = 1};
    const struct store_port *store = &engine->options.store;
    enum err err = store->list_open(store->impl, &query, &arena, &first, &count);
    int64_t due = err == ERR_OK && count > 0 ? first.due_unix_ms : 0;
    arena_done(&arena);
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
    return due;
}

void engine_run_due(struct engine *engine)
{
    if (engine->due_unix_ms == 0 || engine->now_unix_ms < engine->due_unix_ms ||
        engine->is_closing || engine->has_failed)
        return;
    if (engine->unsaved >= ENGINE_UNSAVED_ACT) {
        engine->due_unix_ms = engine->now_unix_ms + TIMERS_BUSY_MS;
        return;
    }
    size_t count = 0;
    size_t moved = 0;
    enum err err = due_page(engine, &count, &moved);
    if (err != ERR_OK) {
        engine_fail(engine, err_text(err));
        return;
    }
    int64_t next = due_next(engine);
    bool is_stuck = moved == 0 && engine->due_after_id == 0 && engine_defers(engine);
    if (next != 0 && next <= engine->now_unix_ms) /* unsaved moves, or no free call */
        next = engine->now_unix_ms + (moved > 0  ? 1
                                      : is_stuck ? TIMERS_DEFERRED_MS
                                                 : TIMERS_STUCK_MS);
    engine->due_unix_ms = next;
}

/* ---- callers that wait ---- */

/* Most waits are equally long: its place is near the end. */
static void waiter_queue(struct engine *engine, struct waiter *waiter)
{
    struct list *at = engine->waiters.previous;
    while (at != &engine->waiters &&
           LIST_ENTRY(at, struct waiter, by_deadline)->deadline_unix_ms > waiter->deadline_unix_ms)
        at = at->previous;
    list_add_before(at->next, &waiter->by_deadline);
}

struct waiter *waiter_add(struct engine *engine, struct entry *entry, int64_t wait_ms,
                          engine_done_fn *done, void *arg)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (!waiter)
        return NULL;
    waiter->entry = entry;
    waiter->handle = ++engine->next_handle;
    waiter->deadline_unix_ms = engine->now_unix_ms + wait_ms;
    waiter->done = done;
    waiter->arg = arg;
    waiter->outcome = ENGINE_TAKEN;
    buf_init(&waiter->pointer, LIMIT_REASON);
    buf_init(&waiter->detail, LIMIT_REASON);
    list_add_before(&entry->waiters, &waiter->by_entry);
    waiter_queue(engine, waiter);
    engine->waiter_count++;
    return waiter;
}

static void waiter_remove(struct engine *engine, struct waiter *waiter)
{
    list_remove(&waiter->by_entry);
    list_remove(&waiter->by_deadline);
    engine->waiter_count--;
}

void waiter_free(struct waiter *waiter)
{
    explicit_bzero(waiter->permit, sizeof waiter->permit);
    buf_done(&waiter->pointer);
    buf_done(&waiter->detail);
    free(waiter);
}

static void waiter_answer(struct engine *engine, struct waiter *waiter)
{
    struct arena arena;
    arena_init_pooled(&arena, ENGINE_SCRATCH, &engine->arenas);
    struct view view;
    waiter_remove(engine, waiter);
    struct engine_reply reply = {.outcome = waiter->outcome,
                                 .refusal = waiter->refusal,
                                 .pointer = buf_slice(&waiter->pointer),
                                 .detail = buf_slice(&waiter->detail),
                                 .view = &view};
    enum { ACT_HISTORY = 4 }; /* what was said, and what came of it */
    enum err err = engine_fill_answer(engine, waiter->entry, &arena, &view);
    if (err == ERR_OK && waiter->is_act && view.history_count == 0)
        err = engine_fill_history(engine, waiter->entry, ACT_HISTORY, &arena, &view);
    if (err != ERR_OK) {
        reply = (struct engine_reply){.outcome = ENGINE_STORE_FAILED,
                                      .detail = SLICE("the store could not be read")};
    } else {
        view.is_replayed = waiter->is_replay;
        view.is_for_stranger = waiter->is_stranger;
        /* Also while a person still decides: it is told in this answer or never (R13). */
        if (waiter->permit[0] && !state_is_end(view.action->state))
            view.permit_token = slice_text(waiter->permit);
        view.start_by_unix_ms = view.action->due_unix_ms;
    }
    engine_answer(engine, waiter->done, waiter->arg, &reply);
    waiter_free(waiter);
    arena_done(&arena);
}

/* Does a caller learn nothing new soon? (R30: `wait` ends on people and holds) */
static bool waiter_is_served(const struct entry *entry)
{
    const struct action *action = &entry->row.action;
    switch (action->state) {
    case STATE_ATTEMPTING:
        return entry->step && entry->step->terms.is_caller;
    case STATE_WAITING:
        return false;
    case STATE_UNCERTAIN:
    case STATE_IN_REVIEW:
    case STATE_HELD:
    case STATE_DONE:
    case STATE_FAILED:
    case STATE_REJECTED:
    case STATE_EXPIRED:
    case STATE_CANCELLED:
        return true;
    case STATE_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

void waiters_tell(struct engine *engine, struct entry *entry)
{
    if (entry->unsaved > 0)
        return; /* I9: memory is ahead of what is durable */
    bool is_served = waiter_is_served(entry);
    for (struct list *node = entry->waiters.next; node != &entry->waiters;) {
        struct waiter *waiter = LIST_ENTRY(node, struct waiter, by_entry);
        node = node->next;
        /* A late one waited for nothing but the store. */
        if (is_served || waiter->is_late || waiter->deadline_unix_ms <= engine->now_unix_ms)
            waiter_answer(engine, waiter);
    }
}

void waiters_run_deadlines(struct engine *engine)
{
    enum { STORE_GRACE_MS = 10000 };
    while (!list_is_empty(&engine->waiters)) {
        struct waiter *waiter = LIST_ENTRY(engine->waiters.next, struct waiter, by_deadline);
        if (waiter->deadline_unix_ms > engine->now_unix_ms)
            return;
        struct entry *entry = waiter->entry;
        if (entry->unsaved == 0) {
            waiter_answer(engine, waiter);
            entry_let_go(engine, entry);
        } else if (!waiter->is_late) { /* give the store a little longer, then say so */
            waiter->is_late = true;
            waiter->deadline_unix_ms = engine->now_unix_ms + STORE_GRACE_MS;
            list_remove(&waiter->by_deadline);
            waiter_queue(engine, waiter);
        } else {
            waiter_remove(engine, waiter);
            engine_refuse(waiter->done, waiter->arg, ENGINE_NO_ROOM,
                          "the store cannot save it now; ask again with the same key");
            waiter_free(waiter);
        }
    }
}

void engine_forget(void *impl, uint64_t handle)
{
    struct engine *engine = impl;
    for (struct list *node = engine->waiters.next; node != &engine->waiters; node = node->next) {
        struct waiter *waiter = LIST_ENTRY(node, struct waiter, by_deadline);
        if (waiter->handle != handle)
            continue;
        struct entry *entry = waiter->entry;
        waiter_remove(engine, waiter);
        waiter_free(waiter);
        entry_let_go(engine, entry);
        return;
    }
}
