/* loop/upstreams.c - what is known of each upstream: its budget, breaker and rate, over restarts
 * and reloads, and what each event of an action says about it. */
#include "loop/upstreams.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/prng.h"
#include "core/breaker.h"
#include "core/lasting.h"
#include "core/pace.h"
#include "core/rate.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/steps.h"
#include "record/upstream_row.h"

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
           engine->now_unix_ms >= upstream->pace.pause_until_unix_ms &&
           rate_lets_live(&upstream->rate, upstream->pace.under_way);
}

bool upstream_recognises(const struct action *action, const struct step_terms *terms)
{
    enum effect_class effect = action->is_frozen ? action->effect : terms->effect;
    enum idempotency idempotency = action->is_frozen ? action->idempotency : terms->idempotency;
    return effect == EFFECT_READ || idempotency == IDEMPOTENCY_BY_KEY ||
           idempotency == IDEMPOTENCY_BY_NATURE;
}

bool upstream_lets(const struct upstream_state *upstream, const struct action *action,
                   const struct step_terms *terms)
{
    if (upstream->has_own_probe && upstream->breaker.state == BREAKER_HALF_OPEN)
        return false; /* `breaker: probe` asks, nothing else */
    return breaker_lets(&upstream->breaker, upstream_recognises(action, terms));
}

/* ---- kept over restarts and reloads ---- */

static void upstream_name(char out[LIMIT_NAME + 1], struct slice name)
{
    size_t size = name.size < LIMIT_NAME ? name.size : LIMIT_NAME;
    memcpy(out, name.at, size);
    out[size] = '\0';
}

/* What was stored of it (R30). A call that asked when the last run ended is asked anew. */
static void upstream_restore(struct engine *engine, struct upstream_state *state)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct slice value = {0};
    const struct store_port *store = &engine->options.store;
    struct upstream_row row = {.breaker.open_ms = state->breaker.open_ms};
    enum err err =
        store->get_row(store->impl, STORE_UPSTREAMS, slice_text(state->name), &arena, &value);
    if (err == ERR_OK && upstream_row_decode(value, &row)) {
        state->pace.tokens_tenths =
            row.tokens_tenths < RETRY_BUDGET_TENTHS ? row.tokens_tenths : RETRY_BUDGET_TENTHS;
        state->pace.pause_until_unix_ms = row.pause_until_unix_ms;
        state->breaker = row.breaker;
        state->former_milli = row.former_milli;
        if (state->breaker.state == BREAKER_HALF_OPEN)
            state->breaker.state = BREAKER_OPEN;
    }
    arena_done(&arena);
}

static void upstream_configure(struct upstream_state *state, const struct upstream *upstream)
{
    state->pace.concurrency = upstream->concurrency;
    state->breaker.open_ms =
        upstream->breaker_open_ms > 0 ? upstream->breaker_open_ms : BREAKER_OPEN_MS;
    state->told_ms = upstream->breaker_told_ms > 0 ? upstream->breaker_told_ms : LASTING_BREAKER_MS;
    state->drain_milli = upstream->drain_milli;
    state->has_own_probe = upstream->probe_target.size > 0;
}

enum err engine_make_upstreams(struct engine *engine)
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
            upstream_configure(&states[i], upstream);
            continue;
        }
        upstream_name(states[i].name, upstream->name);
        pace_init(&states[i].pace, upstream->concurrency, true);
        breaker_init(&states[i].breaker, BREAKER_OPEN_MS);
        upstream_configure(&states[i], upstream);
        upstream_restore(engine, &states[i]);
        if (!engine->was_clean && !engine->is_running)
            states[i].pace.tokens_tenths = 0; /* a crash loop must not refill it */
    }
    free(engine->upstreams);
    engine->upstreams = states;
    engine->upstream_count = config->upstream_count;
    return ERR_OK;
}

static void upstream_encode(const struct upstream_state *upstream, struct buf *out)
{
    struct upstream_row row = {.tokens_tenths = upstream->pace.tokens_tenths,
                               .pause_until_unix_ms = upstream->pace.pause_until_unix_ms,
                               .breaker = upstream->breaker,
                               .former_milli = upstream->former_milli};
    upstream_row_encode(&row, out);
}

static void upstream_save(struct engine *engine, struct upstream_state *upstream)
{
    struct buf value;
    buf_init(&value, LIMIT_ROW);
    upstream_encode(upstream, &value);
    struct store_row row = {
        .table = STORE_UPSTREAMS, .key = slice_text(upstream->name), .value = buf_slice(&value)};
    struct store_write write = {.rows = &row, .row_count = 1};
    const struct store_port *store = &engine->options.store;
    enum err err = store->submit(store->impl, &write, 1, NULL, NULL);
    if (err != ERR_OK && err != ERR_BUSY) /* busy: the next change says it anew */
        engine_fail(engine, err_text(err));
    buf_done(&value);
}

/* Its state and the record that says why, as one write. */
static void upstream_record(struct engine *engine, struct upstream_state *upstream)
{
    struct buf value;
    struct buf change;
    buf_init(&value, LIMIT_ROW);
    buf_init(&change, LIMIT_SENTENCE);
    upstream_encode(upstream, &value);
    upstream_change_encode(&upstream->breaker, &change);
    struct store_row row = {
        .table = STORE_UPSTREAMS, .key = slice_text(upstream->name), .value = buf_slice(&value)};
    struct control control = {.record = {.kind = RECORD_UPSTREAM,
                                         .upstream = slice_text(upstream->name),
                                         .subject = buf_slice(&change),
                                         .due_unix_ms = upstream->breaker.until_unix_ms,
                                         .number = upstream->held},
                              .rows = &row,
                              .row_count = 1};
    struct pending pending = {0};
    engine_save_control(engine, &control, &pending);
    buf_done(&change);
    buf_done(&value);
}

/* ---- the breaker ---- */

static int64_t upstream_full(const struct upstream_state *upstream, int64_t former_milli)
{
    if (upstream->drain_milli > 0)
        return upstream->drain_milli;
    return former_milli > RATE_LEAST ? former_milli : RATE_LEAST;
}

/* When what is held while the breaker is closed tries anew: as an open breaker would wait. */
static void upstream_plan_round(struct engine *engine, struct upstream_state *upstream)
{
    int64_t wait = upstream->breaker.open_ms;
    for (int i = 0; i < upstream->drain.rounds && wait < BREAKER_OPEN_MAX_MS; i++)
        wait *= 2;
    if (wait > BREAKER_OPEN_MAX_MS && upstream->breaker.open_ms < BREAKER_OPEN_MAX_MS)
        wait = BREAKER_OPEN_MAX_MS;
    uint64_t jitter = prng_below(&engine->prng, (uint64_t)(wait * 4 / 10) + 1);
    upstream->drain.at_unix_ms = engine->now_unix_ms + wait * 8 / 10 + (int64_t)jitter;
}

static void upstream_begin_round(struct engine *engine, struct upstream_state *upstream)
{
    uint64_t first = engine_defers(engine) ? (uint64_t)engine->started_unix_ms << 20 : 0;
    upstream->drain.is_on = true;
    upstream->drain.at_unix_ms = 0;
    upstream->drain.after_id = first; /* what was there before waits for the clock (R29) */
    upstream->drain.last_id = (uint64_t)(engine->now_unix_ms + 1) << 20;
    upstream->drain.is_free_spent = false;
    upstream->drain.has_answer = false;
    upstream->drain.skipped = 0;
    upstream->drain.skipped_after_id = first;
    if (upstream->rate.is_on)
        return;
    int64_t former = rate_measure(&upstream->rate, engine->now_unix_ms);
    rate_begin(&upstream->rate, upstream_full(upstream, former), false, engine->now_unix_ms);
}

void upstream_end_round(struct engine *engine, struct upstream_state *upstream)
{
    upstream->drain.is_on = false;
    upstream->drain.rounds++;
    if (upstream->held == 0 || upstream->drain.has_answer)
        upstream->drain.rounds = 0; /* it lives: the next round comes soon */
    if (upstream->held > 0)
        upstream_plan_round(engine, upstream);
    if (!upstream->rate.limits_live && !upstream->has_restarted)
        rate_end(&upstream->rate);
}

/* The breaker is in another state than before. */
static void upstream_changed(struct engine *engine, struct upstream_state *upstream)
{
    const struct breaker *breaker = &upstream->breaker;
    int64_t now = engine->now_unix_ms;
    switch (breaker->state) {
    case BREAKER_OPEN:
        upstream->drain.is_on = false;
        upstream->drain.at_unix_ms = 0;
        upstream->asking = 0;
        if (!breaker->is_reopened && !upstream->rate.limits_live)
            upstream->former_milli = rate_measure(&upstream->rate, now);
        rate_end(&upstream->rate);
        break;
    case BREAKER_HALF_OPEN:
        break;
    case BREAKER_CLOSED:
        upstream->asking = 0;
        upstream->drain.rounds = 0;
        rate_begin(&upstream->rate, upstream_full(upstream, upstream->former_milli), true, now);
        upstream_begin_round(engine, upstream);
        break;
    case BREAKER_STATE_COUNT:
        CHECK_UNREACHABLE();
    }
    upstream_record(engine, upstream);
}

void upstream_wake(struct engine *engine, struct upstream_state *upstream)
{
    rate_pass(&upstream->rate, engine->now_unix_ms);
    if (upstream->rate.is_on && !upstream->drain.is_on && !upstream->has_restarted &&
        rate_is_full(&upstream->rate))
        rate_end(&upstream->rate);
    if (breaker_wake(&upstream->breaker, engine->now_unix_ms))
        upstream_changed(engine, upstream);
    if (upstream->drain.at_unix_ms != 0 && engine->now_unix_ms >= upstream->drain.at_unix_ms)
        upstream_begin_round(engine, upstream);
}

void upstream_asked(struct engine *engine, struct upstream_state *upstream,
                    enum upstream_signal signal)
{
    upstream->asking = 0;
    if (breaker_asked(&upstream->breaker, signal, engine->now_unix_ms, prng_next(&engine->prng)))
        upstream_changed(engine, upstream);
}

/* ---- what an event of an action says ---- */

static void upstream_started(struct engine *engine, struct upstream_state *upstream, uint64_t id)
{
    pace_started(&upstream->pace);
    rate_started(&upstream->rate, upstream->is_releasing);
    if (upstream->breaker.state == BREAKER_CLOSED && !upstream->rate.limits_live)
        rate_count(&upstream->rate, engine->now_unix_ms);
    if (upstream->breaker.state == BREAKER_HALF_OPEN && !upstream->breaker.is_asking) {
        breaker_ask(&upstream->breaker);
        upstream->asking = id;
    }
}

static void upstream_heard(struct engine *engine, struct upstream_state *upstream, uint64_t id,
                           enum upstream_signal signal)
{
    upstream->drain.has_answer = upstream->drain.has_answer || signal == SIGNAL_ANSWER;
    if (signal == SIGNAL_FAILURE || signal == SIGNAL_BUSY)
        rate_failed(&upstream->rate);
    if (upstream->asking == id)
        upstream_asked(engine, upstream, signal);
    else if (breaker_hear(&upstream->breaker, signal, engine->now_unix_ms,
                          prng_next(&engine->prng)))
        upstream_changed(engine, upstream);
}

void engine_upstream_after(struct engine *engine, struct entry *entry,
                           const struct action_effects *effects)
{
    struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
    if (!upstream)
        return;
    struct pace *pace = &upstream->pace;
    const struct action *action = &entry->row.action;
    if (effects->must_send)
        upstream_started(engine, upstream, action->id);
    if (effects->has_verdict && !effects->is_late) {
        upstream->attempts[effects->verdict.outcome]++;
        /* It may have been taken out and put back by reloads while the call was under way. */
        if (effects->verdict.reason != REASON_CRASH && pace->under_way > 0)
            pace_ended(pace);
        upstream_heard(engine, upstream, action->id, effects->signal);
    }
    if (effects->spends_token) {
        pace_spend(pace);
        upstream_save(engine, upstream);
    }
    if (effects->earns_token)
        pace_earn(pace);
    if (effects->pause_ms > 0) {
        pace_pause(pace, engine->now_unix_ms + effects->pause_ms);
        upstream_save(engine, upstream);
    }
    upstream_holds(engine, upstream, action);
    if (action->state == STATE_WAITING && action->reason == REASON_NO_ROOM)
        upstream->may_have_waiting = true;
}

void upstream_holds(struct engine *engine, struct upstream_state *upstream,
                    const struct action *action)
{
    if (action->state != STATE_HELD || action->hold_for != HOLD_FOR_UPSTREAM)
        return;
    if (upstream->breaker.state == BREAKER_CLOSED && !upstream->drain.is_on &&
        upstream->drain.at_unix_ms == 0)
        upstream_plan_round(engine, upstream);
}
