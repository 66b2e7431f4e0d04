/* loop/flow.c - the pace of each upstream, and the safe queue: who may leave it, and when. */
#include "loop/inside.h"

#include <stdlib.h>

#include "base/check.h"

enum { FLOW_SOON_MS = 1000 };

struct upstream_state *engine_upstream(struct engine *engine, struct slice name)
{
    for (size_t i = 0; i < engine->upstream_count; i++)
        if (slice_is(name, engine->upstreams[i].name))
            return &engine->upstreams[i];
    return NULL;
}

bool engine_may_start(const struct engine *engine, const struct upstream_state *upstream)
{
    return pace_has_room(&upstream->pace) &&
           engine->now_unix_ms >= upstream->pace.pause_until_unix_ms;
}

static void flow_name(char out[LIMIT_NAME + 1], struct slice name)
{
    size_t size = name.size < LIMIT_NAME ? name.size : LIMIT_NAME;
    memcpy(out, name.at, size);
    out[size] = '\0';
}

/* What was stored of its budget and pause (R30). */
static void flow_restore(struct engine *engine, struct upstream_state *state)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct slice value = {0};
    const struct store_port *store = &engine->options.store;
    enum err err =
        store->get_row(store->impl, STORE_UPSTREAMS, slice_text(state->name), &arena, &value);
    uint64_t tokens = 0;
    uint64_t pause = 0;
    size_t space = slice_find(value, ' ');
    if (err == ERR_OK && slice_to_u64(slice_first(value, space), RETRY_BUDGET_TENTHS, &tokens) &&
        slice_to_u64(slice_from(value, space + 1), INT64_MAX, &pause)) {
        state->pace.tokens_tenths = (int)tokens;
        state->pace.pause_until_unix_ms = (int64_t)pause;
    }
    arena_done(&arena);
}

/* Makes the states of all upstreams in the configuration; those that exist keep theirs. */
enum err engine_make_flow(struct engine *engine)
{
    const struct config *config = engine_config(engine);
    struct upstream_state *states = calloc(config->upstream_count + 1, sizeof *states);
    if (!states)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct upstream *upstream = &config->upstreams[i];
        struct upstream_state *old = engine_upstream(engine, upstream->name);
        if (old) {
            states[i] = *old;
            states[i].pace.concurrency = upstream->concurrency;
            continue;
        }
        flow_name(states[i].name, upstream->name);
        pace_init(&states[i].pace, upstream->concurrency, true);
        flow_restore(engine, &states[i]);
        if (!engine->was_clean && !engine->is_running)
            states[i].pace.tokens_tenths = 0; /* a crash loop must not refill it */
    }
    free(engine->upstreams);
    engine->upstreams = states;
    engine->upstream_count = config->upstream_count;
    return ERR_OK;
}

static void flow_save(struct engine *engine, struct upstream_state *upstream)
{
    struct buf value;
    buf_init(&value, 64);
    buf_add_i64(&value, upstream->pace.tokens_tenths);
    buf_add_byte(&value, ' ');
    buf_add_i64(&value, upstream->pace.pause_until_unix_ms);
    struct store_row row = {
        .table = STORE_UPSTREAMS, .key = slice_text(upstream->name), .value = buf_slice(&value)};
    struct store_write write = {.rows = &row, .row_count = 1};
    const struct store_port *store = &engine->options.store;
    enum err err = store->submit(store->impl, &write, 1, NULL, NULL);
    if (err != ERR_OK && err != ERR_BUSY) /* busy: the next change says it anew */
        engine_fail(engine, err_text(err));
    buf_done(&value);
}

static void flow_record(struct engine *engine, struct upstream_state *upstream, const char *what)
{
    struct control control = {.record = {.kind = RECORD_UPSTREAM,
                                         .upstream = slice_text(upstream->name),
                                         .subject = slice_text(what)}};
    struct pending pending = {0};
    engine_save_control(engine, &control, &pending);
}

/* What one event of an action means for its upstream. Called before the save. */
void engine_flow_after(struct engine *engine, struct entry *entry,
                       const struct action_effects *effects)
{
    struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
    if (!upstream)
        return;
    struct pace *pace = &upstream->pace;
    int64_t now = engine->now_unix_ms;
    bool was_probe = pace->is_probing && upstream->probe_action == entry->row.action.id;
    if (effects->must_send)
        pace_started(pace);
    if (effects->has_verdict && !effects->is_late) {
        upstream->attempts[effects->verdict.outcome]++;
        /* It may have been taken out and put back by reloads while the call was under way. */
        if (effects->verdict.reason != REASON_CRASH && pace->under_way > 0)
            pace_ended(pace);
    }
    if (effects->spends_token) {
        pace_spend(pace);
        flow_save(engine, upstream);
    }
    if (effects->earns_token)
        pace_earn(pace);
    if (effects->pause_ms > 0) {
        pace_pause(pace, now + effects->pause_ms);
        flow_save(engine, upstream);
    }
    if (effects->upstream_is_down && pace_failed(pace, now, prng_next(&engine->prng)))
        flow_record(engine, upstream, "down");
    if (effects->upstream_is_up && pace_answered(pace))
        flow_record(engine, upstream, "up");
    if (was_probe && effects->has_verdict && !effects->upstream_is_up)
        pace_probe_failed(pace, now, prng_next(&engine->prng));
    const struct action *action = &entry->row.action;
    if (action->state == STATE_HELD && action->hold_for == HOLD_FOR_UPSTREAM)
        pace_holds(pace, now, prng_next(&engine->prng));
    if (action->state == STATE_WAITING && action->reason == REASON_NO_ROOM)
        upstream->may_have_waiting = true;
}

/* ---- letting work go ---- */

/* Feeds up to `limit` sleeping actions of a queue to the gate, oldest first; tells how many were
 * found, and the last one that started. */
static size_t flow_release(struct engine *engine, const struct store_open_query *query,
                           bool is_release, uint64_t *out_started)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action *page = ARENA_ARRAY(&arena, query->limit, struct store_action);
    size_t count = 0;
    const struct store_port *store = &engine->options.store;
    enum err err =
        page ? store->list_open(store->impl, query, &arena, page, &count) : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        struct entry *entry = entry_get(engine, page[i].id, &err);
        if (err != ERR_OK)
            break;
        enum action_state state = entry->row.action.state;
        if (entry->unsaved == 0 && (state == STATE_HELD || state == STATE_WAITING)) {
            engine_enter_gate(engine, entry, is_release, (struct slice){0});
            if (entry->row.action.attempt_is_open)
                *out_started = page[i].id;
        }
        entry_let_go(engine, entry);
    }
    arena_done(&arena);
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
    return count;
}

static bool flow_may_release(const struct engine *engine)
{
    return !engine->is_closing && !engine->has_failed && engine->unsaved < ENGINE_UNSAVED_ACT;
}

/* Those that wait only for a free call. */
static void flow_let_waiting(struct engine *engine, struct upstream_state *upstream)
{
    struct pace *pace = &upstream->pace;
    if (!upstream->may_have_waiting || !engine_may_start(engine, upstream) ||
        !flow_may_release(engine))
        return;
    struct store_open_query query = {.by_due = true,
                                     .due_until_unix_ms = engine->now_unix_ms,
                                     .has_queue = true,
                                     .queue = STORE_QUEUE_NONE,
                                     .upstream = slice_text(upstream->name),
                                     .limit = (size_t)(pace->concurrency - pace->under_way)};
    if (query.limit > LIMIT_DUE_PAGE)
        query.limit = LIMIT_DUE_PAGE;
    uint64_t started = 0;
    if (flow_release(engine, &query, false, &started) == 0)
        upstream->may_have_waiting = false;
}

void engine_drain(struct engine *engine, struct upstream_state *upstream)
{
    struct pace *pace = &upstream->pace;
    flow_let_waiting(engine, upstream); /* live before backlog */
    if (!pace->is_draining || !pace_has_drain_room(pace) || !flow_may_release(engine) ||
        engine->now_unix_ms < pace->pause_until_unix_ms)
        return;
    int half = pace->concurrency > 1 ? pace->concurrency / 2 : 1;
    struct store_open_query query = {.has_queue = true,
                                     .queue = STORE_QUEUE_HELD_UPSTREAM,
                                     .upstream = slice_text(upstream->name),
                                     .limit = (size_t)(half - pace->under_way)};
    uint64_t started = 0;
    if (flow_release(engine, &query, true, &started) == 0 && upstream->held == 0)
        pace_drained(pace);
}

static void flow_probe(struct engine *engine, struct upstream_state *upstream)
{
    struct pace *pace = &upstream->pace;
    if (!pace_probe_is_due(pace, engine->now_unix_ms) || !pace_has_room(pace) ||
        !flow_may_release(engine))
        return;
    struct store_open_query query = {.has_queue = true,
                                     .queue = STORE_QUEUE_HELD_UPSTREAM,
                                     .upstream = slice_text(upstream->name),
                                     .limit = 1};
    bool was_down = pace->is_down;
    pace->is_down = false; /* for the probe's own gate */
    uint64_t started = 0;
    size_t count = flow_release(engine, &query, true, &started);
    pace->is_down = was_down;
    if (count == 0 && upstream->held > 0) { /* its save is on the way */
        pace->probe_at_unix_ms = engine->now_unix_ms + FLOW_SOON_MS;
    } else if (count == 0) { /* nothing is held: what comes next asks */
        pace->probe_at_unix_ms = 0;
        pace->is_down = false;
        pace->failures_in_row = 0;
    } else if (started != 0) {
        upstream->probe_action = started;
        pace_probe_started(pace);
    } else { /* its gate said no */
        pace_probe_failed(pace, engine->now_unix_ms, prng_next(&engine->prng));
    }
}

void engine_run_probes(struct engine *engine)
{
    for (size_t i = 0; i < engine->upstream_count; i++) {
        flow_probe(engine, &engine->upstreams[i]);
        engine_drain(engine, &engine->upstreams[i]);
    }
}

/* Held for a stop that was lifted while the save was on its way: it must not be overlooked. */
void engine_flow_saved(struct engine *engine, const struct entry *entry)
{
    const struct action *action = &entry->row.action;
    if (entry->unsaved > 0 || action->state != STATE_HELD || action->hold_for != HOLD_FOR_STOP)
        return;
    struct scope scope = entry_scope(entry);
    if (switchboard_covers(&engine->board, &scope))
        return;
    engine->is_releasing = true;
    engine->release_after = 0;
}

/* After a restart: what no stop covers any more enters the gate, oldest first, at half of the
 * upstream's concurrency. The rest stays, and is looked at again as calls end. */
void engine_release_stop(struct engine *engine)
{
    enum { PAGE = 64 };
    if (!engine->is_releasing || !flow_may_release(engine))
        return;
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action *page = ARENA_ARRAY(&arena, PAGE, struct store_action);
    struct store_open_query query = {.has_queue = true,
                                     .queue = STORE_QUEUE_HELD_STOP,
                                     .after_id = engine->release_after,
                                     .limit = PAGE};
    size_t count = 0;
    const struct store_port *store = &engine->options.store;
    enum err err =
        page ? store->list_open(store->impl, &query, &arena, page, &count) : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        struct entry *entry = entry_get(engine, page[i].id, &err);
        if (err != ERR_OK)
            break;
        struct scope scope = entry_scope(entry);
        struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
        if (upstream && !pace_has_drain_room(&upstream->pace)) {
            entry_let_go(engine, entry);
            break; /* goes on when a call has ended */
        }
        engine->release_after = page[i].id;
        if (entry->unsaved == 0 && entry->row.action.state == STATE_HELD &&
            !switchboard_covers(&engine->board, &scope))
            engine_enter_gate(engine, entry, true, (struct slice){0});
        entry_let_go(engine, entry);
    }
    if (err == ERR_OK && count == 0) {
        engine->is_releasing = false;
        engine->release_after = 0;
    }
    arena_done(&arena);
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
}
