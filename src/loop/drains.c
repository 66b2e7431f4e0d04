/* loop/drains.c - after a restart what the stop held enters the gate again, oldest first, at a
 * measured pace: each workflow by itself. core/rate.c paces it, as it paces the recovery of an
 * upstream; here it is measured, kept over restarts of interlock, and spent. */
#include "loop/drains.h"

#include "base/check.h"
#include "core/switchboard.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/order.h"
#include "loop/restarts.h"
#include "loop/upstreams.h"
#include "record/digest.h"
#include "record/number.h"

/* Looked at in one turn; what one costs that is passed over for an older one. */
enum { DRAIN_LOOKS = 64, DRAIN_PASS_COST = 2 };

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

/* `drain: at most` of the upstreams that it calls, or what was measured: also where only some of
 * them say it, for theirs bounds only what goes to them. */
static int64_t drain_full(const struct engine *engine, const struct workflow_state *state)
{
    const struct workflow *workflow =
        config_workflow_of(engine_config(engine), slice_text(state->name));
    int64_t measured =
        state->drain.former_milli > RATE_LEAST ? state->drain.former_milli : RATE_LEAST;
    int64_t full = 0;
    bool is_of_all = true;
    for (size_t i = 0; workflow && i < workflow->step_count; i++) {
        const struct upstream *upstream = workflow->steps[i].upstream;
        is_of_all = is_of_all && (!upstream || upstream->drain_milli > 0);
        if (upstream && upstream->drain_milli > full)
            full = upstream->drain_milli;
    }
    return full == 0 || (!is_of_all && measured > full) ? measured : full;
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
    for (size_t i = 0; i < drain->queue_count; i++)
        drain_queue_begin(&drain->queues[i]);
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
    if (entry->unsaved > 0 || !drain_holds(&entry->row.action))
        return;
    struct workflow_state *workflow = engine_workflow(engine, entry->row.workflow);
    if (!workflow || drain_queue_add(&workflow->drain, entry->row.upstream) != ERR_OK)
        engine_fail(engine, "out of memory");
    else if (!drain_is_stopped(engine, entry) && !workflow->drain.is_on)
        drain_begin(engine, workflow);
    else if (!drain_is_stopped(engine, entry))
        drain_queue_begin(drain_queue_of(&workflow->drain, entry->row.upstream));
}

static bool drains_may_run(const struct engine *engine)
{
    return !engine_defers(engine) && !engine->is_closing && !engine->has_failed &&
           engine->unsaved < ENGINE_UNSAVED_ACT;
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

/* Is the oldest of its order key in this queue too, behind an upstream that takes nothing now? Then
 * it waits where it is: what an older one frees would start at any pace (R11, invariant 1). */
static bool drain_is_behind(struct engine *engine, const struct entry *entry)
{
    const struct row *row = &entry->row;
    enum err err = ERR_OK;
    if (digest_is_zero(row->order, STORE_KEY_SIZE))
        return false;
    uint64_t id = engine_order_before(engine, row->order, row->action.id);
    struct entry *older = id != 0 ? entry_get(engine, id, &err) : NULL;
    bool is_behind = older && slice_equal(older->row.workflow, row->workflow) &&
                     engine_drain_leaves(engine, older);
    if (older)
        entry_let_go(engine, older);
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
    return is_behind;
}

/* Looks at the next of a queue. Returns what that cost; 0: not yet, and nothing behind it. */
static size_t drain_look(struct engine *engine, struct workflow_state *workflow,
                         struct drain_queue *queue, bool is_blocked)
{
    enum err err = ERR_OK;
    struct drain *drain = &workflow->drain;
    struct entry *entry = entry_get(engine, queue->next_id, &err);
    size_t cost = entry ? 1 : 0;
    if (!entry) {
        engine_fail(engine, err_text(err));
    } else if (entry->unsaved > 0 || !drain_holds(&entry->row.action)) {
        drain_queue_looked(queue);
    } else if (drain_is_stopped(engine, entry)) {
        queue->kept++;
        drain_queue_looked(queue);
    } else if (!rate_lets_held(&drain->rate, (int)workflow->now[STATE_ATTEMPTING])) {
        cost = 0;
    } else if (is_blocked && drain_is_behind(engine, entry)) {
        cost = DRAIN_PASS_COST;
        drain_queue_pass(queue);
        drain_queue_looked(queue);
    } else {
        drain_queue_looked(queue);
        drain_release(engine, drain, entry);
    }
    if (entry)
        entry_let_go(engine, entry);
    return cost;
}

/* What was passed over is looked at again. */
static bool drain_return(struct drain *drain)
{
    bool is_any = false;
    for (size_t i = 0; i < drain->queue_count; i++)
        is_any = drain_queue_return(&drain->queues[i]) || is_any;
    return is_any;
}

void engine_drains_freed(struct engine *engine, const struct entry *entry)
{
    for (size_t i = 0; !entry && i < engine->workflow_count; i++)
        (void)drain_return(&engine->workflows[i].drain);
    if (!entry || !engine->is_releasing || !drain_holds(&entry->row.action))
        return;
    struct workflow_state *workflow = engine_workflow(engine, entry->row.workflow);
    struct drain_queue *queue =
        workflow ? drain_queue_of(&workflow->drain, entry->row.upstream) : NULL;
    if (queue)
        (void)drain_queue_return(queue);
}

static void drain_end(struct drain *drain)
{
    drain->is_on = false;
    rate_end(&drain->rate);
    if (drain->held == 0)
        drain_done(drain);
}

static void drain_run(struct engine *engine, struct workflow_state *workflow)
{
    struct drain *drain = &workflow->drain;
    size_t looks = 0, cost = 1;
    rate_pass(&drain->rate, engine->now_unix_ms);
    while (drain->is_on && cost > 0 && looks < DRAIN_LOOKS && drains_may_run(engine)) {
        bool is_blocked = false;
        struct drain_queue *queue = drain_oldest(engine, workflow, &is_blocked);
        cost = queue ? drain_look(engine, workflow, queue, is_blocked) : 0;
        looks += cost;
        if (queue || is_blocked || engine->has_failed)
            continue;
        cost = drain_return(drain); /* whom they waited for has left otherwise */
        if (cost == 0)
            drain_end(drain);
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
    uint64_t kept = 0;
    for (size_t i = 0; i < drain->queue_count; i++)
        kept += drain->queues[i].kept;
    return drain->is_on && drain->held > kept ? drain->held - kept : 0;
}

int64_t drain_milli(struct engine *engine, struct drain *drain)
{
    return rate_held_milli(&drain->rate, rate_measure(&drain->rate, engine->now_unix_ms));
}
