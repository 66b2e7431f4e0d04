/* loop/drains.c - after a restart what the stop held enters the gate again, oldest first, at a
 * measured pace: each workflow by itself. core/rate.c paces it, as it paces the recovery of an
 * upstream; here it is measured, kept over restarts of interlock, and spent. */
#include "loop/drains.h"

#include "base/check.h"
#include "core/breaker.h"
#include "core/pace.h"
#include "core/switchboard.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/restarts.h"
#include "loop/upstreams.h"
#include "record/number.h"

enum { DRAIN_PAGE = 16, DRAIN_LOOKS = 64 }; /* read at once; looked at in one turn */

static const char drain_key[] = "/pace/"; /* in STORE_COUNTS: no workflow has such a name */

bool drain_holds(const struct action *action)
{
    return action->state == STATE_HELD && action->hold_for == HOLD_FOR_STOP;
}

/* ---- the pace, and where it is kept ---- */

static void drains_key(struct buf *out, const struct workflow_state *workflow)
{
    buf_reset(out);
    buf_add_text(out, drain_key);
    buf_add_text(out, workflow->name);
}

static void drain_keep(struct engine *engine, const struct workflow_state *workflow)
{
    const struct store_port *store = &engine->options.store;
    struct buf key, value;
    buf_init(&key, LIMIT_NAME + sizeof drain_key);
    buf_init(&value, 64);
    drains_key(&key, workflow);
    number_add_varint(&value, (uint64_t)workflow->drain.former_milli);
    struct store_row row = {
        .table = STORE_COUNTS, .key = buf_slice(&key), .value = buf_slice(&value)};
    struct store_write write = {.rows = &row, .row_count = 1};
    enum err err = store->submit(store->impl, &write, 1, NULL, NULL);
    if (err != ERR_OK && err != ERR_BUSY) /* lost: it leaves at RATE_LEAST */
        engine_fail(engine, err_text(err));
    buf_done(&value);
    buf_done(&key);
}

void engine_load_drains(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    struct buf key;
    buf_init(&key, LIMIT_NAME + sizeof drain_key);
    for (size_t i = 0; i < engine->workflow_count; i++) {
        struct workflow_state *workflow = &engine->workflows[i];
        struct arena arena;
        struct slice value = {0};
        uint64_t milli = 0;
        arena_init(&arena, 4096);
        drains_key(&key, workflow);
        enum err err = store->get_row(store->impl, STORE_COUNTS, buf_slice(&key), &arena, &value);
        if (err == ERR_OK && number_take_varint(&value, &milli) && milli < INT32_MAX)
            workflow->drain.former_milli = (int64_t)milli;
        arena_done(&arena);
    }
    buf_done(&key);
}

static void drain_measure(struct engine *engine, struct workflow_state *workflow, bool is_longer)
{
    struct drain *drain = &workflow->drain;
    int64_t measured = rate_measure(&drain->rate, engine->now_unix_ms);
    if (is_longer && measured < drain->former_milli)
        return;
    if (measured == drain->former_milli)
        return;
    drain->former_milli = measured;
    if (!engine->has_failed)
        drain_keep(engine, workflow);
}

static bool drain_is_of(const struct workflow_state *workflow, const struct stop *stop)
{
    return !stop->names[0][0] || strcmp(stop->names[0], workflow->name) == 0;
}

/* Something else than that stop has slowed it down already. */
static bool drain_is_slow(const struct engine *engine, const struct workflow_state *workflow,
                          const struct stop *but)
{
    if (workflow->drain.is_on)
        return true;
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (stop != but && !stop->is_lifted && stop->position != POSITION_CAUTION &&
            drain_is_of(workflow, stop))
            return true;
    }
    return false;
}

void engine_drains_stopped(struct engine *engine, const struct stop *stop)
{
    for (size_t i = 0; i < engine->workflow_count; i++) {
        struct workflow_state *workflow = &engine->workflows[i];
        if (drain_is_of(workflow, stop))
            drain_measure(engine, workflow, drain_is_slow(engine, workflow, stop));
    }
}

void engine_drains_ramped(struct engine *engine, const struct stop *stop)
{
    for (size_t i = 0; i < engine->workflow_count; i++)
        if (drain_is_of(&engine->workflows[i], stop))
            drain_measure(engine, &engine->workflows[i], true);
}

/* `drain: at most` of the upstreams that it calls, or what was measured. */
static int64_t drain_full(const struct engine *engine, const struct workflow_state *state)
{
    const struct workflow *workflow =
        config_workflow_of(engine_config(engine), slice_text(state->name));
    int64_t full = 0;
    for (size_t i = 0; workflow && i < workflow->step_count; i++) {
        const struct upstream *upstream = workflow->steps[i].upstream;
        if (upstream && upstream->drain_milli > full)
            full = upstream->drain_milli;
    }
    if (full > 0)
        return full;
    return state->drain.former_milli > RATE_LEAST ? state->drain.former_milli : RATE_LEAST;
}

void engine_drains_after(struct engine *engine, const struct entry *entry,
                         const struct action_effects *effects)
{
    if (!effects->must_send && !effects->must_permit && !effects->has_verdict)
        return;
    struct workflow_state *workflow = engine_workflow(engine, entry->row.workflow);
    struct rate *rate = workflow ? &workflow->drain.rate : NULL;
    if (rate && (effects->signal == SIGNAL_FAILURE || effects->signal == SIGNAL_BUSY))
        rate_failed(rate);
    if (!rate || engine->is_draining || (!effects->must_send && !effects->must_permit))
        return;
    rate_count(rate, engine->now_unix_ms);
    rate_started(rate, false);
}

/* ---- what leaves ---- */

/* Does a stop in force still hold it, also while that starts again by its ramp? Else the gate would
 * only hold it anew, without end. */
static bool drain_is_stopped(const struct engine *engine, const struct entry *entry)
{
    struct scope scope = entry_scope(entry);
    struct let_in let_in;
    engine_let_in(engine, &entry->row.action, entry->row.key_hash, &let_in);
    scope.let_in = &let_in;
    bool is_by_fallback = entry->row.action.cause == CAUSE_LOW_CONFIDENCE;
    return switchboard_holds(&engine->board, &scope, is_by_fallback) != NULL;
}

bool engine_drain_leaves(const struct engine *engine, const struct entry *entry)
{
    return engine->is_releasing && drain_holds(&entry->row.action) &&
           !drain_is_stopped(engine, entry);
}

static void drain_begin(struct engine *engine, struct workflow_state *workflow)
{
    struct drain *drain = &workflow->drain;
    drain->after_id = 0;
    drain->kept = 0;
    engine->is_releasing = true;
    if (drain->is_on)
        return;
    drain->is_on = true;
    rate_begin_restarted(&drain->rate, drain_full(engine, workflow), engine->now_unix_ms);
}

void engine_drains_begin(struct engine *engine)
{
    for (size_t i = 0; i < engine->workflow_count; i++)
        if (engine->workflows[i].drain.held > 0)
            drain_begin(engine, &engine->workflows[i]);
}

void engine_drains_saved(struct engine *engine, const struct entry *entry)
{
    if (entry->unsaved > 0 || !drain_holds(&entry->row.action) || drain_is_stopped(engine, entry))
        return;
    struct workflow_state *workflow = engine_workflow(engine, entry->row.workflow);
    if (workflow)
        drain_begin(engine, workflow);
}

static bool drains_may_run(const struct engine *engine)
{
    return !engine->is_closing && !engine->has_failed && engine->unsaved < ENGINE_UNSAVED_ACT;
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

/* One that no stop holds any more enters the gate, and its start counts as one of the queue. */
static void drain_release(struct engine *engine, struct drain *drain, struct entry *entry)
{
    struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
    const struct action *action = &entry->row.action;
    engine->is_draining = true;
    if (upstream)
        upstream->is_releasing = true;
    engine_enter_gate(engine, entry, true, (struct slice){0});
    if (upstream)
        upstream->is_releasing = false;
    engine->is_draining = false;
    if (action->state == STATE_ATTEMPTING || action->state == STATE_WAITING ||
        action->state == STATE_HELD) /* what starts a little later has its place in the queue */
        rate_started(&drain->rate, true);
}

/* Looks at one of the queue; false: not yet, and nothing behind it. */
static bool drain_look(struct engine *engine, struct workflow_state *workflow, struct entry *entry)
{
    struct drain *drain = &workflow->drain;
    if (entry->unsaved > 0 || !drain_holds(&entry->row.action))
        return true;
    if (drain_is_stopped(engine, entry)) {
        drain->kept++;
        return true;
    }
    int under_way = (int)workflow->now[STATE_ATTEMPTING];
    if (!rate_lets_held(&drain->rate, under_way) ||
        !drain_upstream_lets(engine, engine_upstream(engine, entry->row.upstream)))
        return false;
    drain_release(engine, drain, entry);
    return true;
}

/* A page of one workflow's queue. Returns how many of it were looked at. */
static size_t drain_page(struct engine *engine, struct workflow_state *workflow)
{
    struct arena arena;
    struct buf scope;
    arena_init(&arena, ENGINE_SCRATCH);
    buf_init(&scope, LIMIT_NAME + 2);
    buf_add_fmt(&scope, "%s/", workflow->name);
    struct store_action *page = ARENA_ARRAY(&arena, DRAIN_PAGE, struct store_action);
    struct store_open_query query = {.has_queue = true,
                                     .queue = STORE_QUEUE_HELD_STOP,
                                     .scope = buf_slice(&scope),
                                     .after_id = workflow->drain.after_id,
                                     .limit = DRAIN_PAGE};
    size_t count = 0, looked = 0;
    const struct store_port *store = &engine->options.store;
    enum err err =
        page ? store->list_open(store->impl, &query, &arena, page, &count) : ERR_NO_MEMORY;
    bool goes_on = true;
    while (err == ERR_OK && goes_on && looked < count) {
        struct entry *entry = entry_get(engine, page[looked].id, &err);
        goes_on = entry && drain_look(engine, workflow, entry);
        if (goes_on)
            workflow->drain.after_id = page[looked++].id;
        if (entry)
            entry_let_go(engine, entry);
    }
    if (err == ERR_OK && count == 0) {
        workflow->drain.is_on = false;
        rate_end(&workflow->drain.rate);
    }
    buf_done(&scope);
    arena_done(&arena);
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
    return looked;
}

static void drain_run(struct engine *engine, struct workflow_state *workflow)
{
    size_t looks = 0, looked = 1;
    rate_pass(&workflow->drain.rate, engine->now_unix_ms);
    while (workflow->drain.is_on && looked > 0 && looks < DRAIN_LOOKS && drains_may_run(engine)) {
        looked = drain_page(engine, workflow);
        looks += looked;
    }
}

void engine_run_drains(struct engine *engine)
{
    if (!engine->is_releasing || engine->is_draining || !drains_may_run(engine))
        return;
    bool is_any = false;
    for (size_t i = 0; i < engine->workflow_count; i++) {
        if (engine->workflows[i].drain.is_on)
            drain_run(engine, &engine->workflows[i]);
        is_any = is_any || engine->workflows[i].drain.is_on;
    }
    engine->is_releasing = is_any;
    for (size_t i = 0; !is_any && i < engine->upstream_count; i++)
        engine->upstreams[i].has_restarted = false; /* its rate ends at its next look */
}

int64_t engine_drains_due_unix_ms(const struct engine *engine)
{
    int64_t at = 0;
    for (size_t i = 0; engine->is_releasing && i < engine->workflow_count; i++) {
        const struct rate *rate = &engine->workflows[i].drain.rate;
        if (!engine->workflows[i].drain.is_on)
            continue;
        int64_t wait = rate_wait_ms(rate, true); /* what is saved up meanwhile is not lost */
        wait = wait > ENGINE_RELEASE_MS ? wait : ENGINE_RELEASE_MS;
        int64_t look = rate_look_unix_ms(rate, wait, engine->now_unix_ms);
        at = at == 0 || look < at ? look : at;
    }
    return at;
}

uint64_t drain_left(const struct drain *drain)
{
    return drain->is_on && drain->held > drain->kept ? drain->held - drain->kept : 0;
}

int64_t drain_milli(struct engine *engine, struct drain *drain)
{
    return rate_held_milli(&drain->rate, rate_measure(&drain->rate, engine->now_unix_ms));
}
