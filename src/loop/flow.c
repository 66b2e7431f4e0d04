/* loop/flow.c - the safe queue: who may leave it, and when. Memory holds cursors, never the
 * backlog. */
#include "loop/upstreams.h"

#include <stdlib.h>

#include "core/breaker.h"
#include "core/pace.h"
#include "core/rate.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/steps.h"

/* ---- one page of what sleeps ---- */

/* Which of a page may go, and what became of them. */
struct release {
    struct store_open_query query;
    bool is_release;  /* out of the safe queue: it counts (R15) */
    bool only_safe;   /* only what the upstream recognises when it comes twice */
    bool needs_token; /* what was started before needs one of the budget */
    size_t count;     /* found */
    uint64_t last_id; /* the last one that was looked at */
    uint64_t started; /* the last one that started */
    size_t starts;
};

static bool release_may_go(struct upstream_state *upstream, const struct release *release,
                           const struct entry *entry)
{
    const struct action *action = &entry->row.action;
    if (entry->unsaved > 0 || (action->state != STATE_HELD && action->state != STATE_WAITING))
        return false;
    if (engine_defers_action(entry->engine, action))
        return false;
    if (release->only_safe && !upstream_recognises(action, engine_terms(entry)))
        return false;
    if (!release->needs_token || action->starts == 0 || pace_has_token(&upstream->pace))
        return true;
    if (upstream->drain.is_free_spent) {
        upstream->drain.skipped++;
        return false;
    }
    upstream->drain.is_free_spent = true; /* one a round, or an empty budget would keep it here */
    return true;
}

/* Feeds a page of sleeping actions to the gate, oldest first, until one_only has started. */
static void release_page(struct engine *engine, struct upstream_state *upstream,
                         struct release *release, bool one_only)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action *page = ARENA_ARRAY(&arena, release->query.limit, struct store_action);
    const struct store_port *store = &engine->options.store;
    enum err err =
        page ? store->list_open(store->impl, &release->query, &arena, page, &release->count)
             : ERR_NO_MEMORY;
    bool is_enough = false;
    for (size_t i = 0; err == ERR_OK && i < release->count && !is_enough; i++) {
        struct entry *entry = entry_get(engine, page[i].id, &err);
        if (err != ERR_OK)
            break;
        release->last_id = page[i].id;
        if (release_may_go(upstream, release, entry)) {
            upstream->is_releasing = release->is_release;
            engine_enter_gate(engine, entry, release->is_release, (struct slice){0});
            upstream->is_releasing = false;
            if (entry->row.action.attempt_is_open) {
                release->started = page[i].id;
                release->starts++;
                is_enough = one_only;
            }
        }
        entry_let_go(engine, entry);
    }
    arena_done(&arena);
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
}

static bool flow_may_release(const struct engine *engine)
{
    return !engine->is_closing && !engine->has_failed && engine->unsaved < ENGINE_UNSAVED_ACT;
}

static struct store_open_query flow_held(const struct upstream_state *upstream, uint64_t after_id,
                                         size_t limit)
{
    return (struct store_open_query){.has_queue = true,
                                     .queue = STORE_QUEUE_HELD_UPSTREAM,
                                     .upstream = slice_text(upstream->name),
                                     .after_id = after_id,
                                     .limit = limit};
}

/* ---- what waits only for a free call ---- */

static void flow_let_waiting(struct engine *engine, struct upstream_state *upstream)
{
    struct pace *pace = &upstream->pace;
    if (!upstream->may_have_waiting || !engine_may_start(engine, upstream) ||
        !flow_may_release(engine))
        return;
    struct release release = {.query = {.by_due = true,
                                        .due_until_unix_ms = engine->now_unix_ms,
                                        .has_queue = true,
                                        .queue = STORE_QUEUE_NONE,
                                        .upstream = slice_text(upstream->name),
                                        .limit = (size_t)(pace->concurrency - pace->under_way)}};
    if (release.query.limit > LIMIT_DUE_PAGE)
        release.query.limit = LIMIT_DUE_PAGE;
    if (engine_defers(engine)) /* what waits since before would fill the page */
        release.query.after_due_unix_ms = engine->started_unix_ms;
    release_page(engine, upstream, &release, upstream->rate.limits_live);
    if (release.count == 0)
        upstream->may_have_waiting = false;
}

/* ---- the drain ---- */

enum { FLOW_LOOKS = 64, FLOW_SOON_MS = 1000 }; /* actions that one turn looks at */

static bool flow_may_drain(const struct engine *engine, const struct upstream_state *upstream)
{
    return upstream->drain.is_on && upstream->breaker.state == BREAKER_CLOSED &&
           pace_has_drain_room(&upstream->pace) && flow_may_release(engine) &&
           engine->now_unix_ms >= upstream->pace.pause_until_unix_ms &&
           rate_lets_held(&upstream->rate, upstream->pace.under_way);
}

/* What had no token when its turn came, now that those after it have earned some. */
static void flow_drain_skipped(struct engine *engine, struct upstream_state *upstream)
{
    while (upstream->drain.skipped > 0 && pace_has_token(&upstream->pace) &&
           flow_may_drain(engine, upstream)) {
        struct release release = {.query = flow_held(upstream, upstream->drain.skipped_after_id, 1),
                                  .is_release = true,
                                  .needs_token = true};
        release_page(engine, upstream, &release, true);
        upstream->drain.skipped_after_id = release.last_id;
        upstream->drain.skipped--;
        if (release.count == 0 || release.last_id >= upstream->drain.after_id)
            upstream->drain.skipped = 0;
    }
}

static void flow_drain(struct engine *engine, struct upstream_state *upstream)
{
    flow_drain_skipped(engine, upstream);
    for (int i = 0; i < FLOW_LOOKS && flow_may_drain(engine, upstream); i++) {
        struct release release = {.query = flow_held(upstream, upstream->drain.after_id, 1),
                                  .is_release = true,
                                  .needs_token = true};
        release_page(engine, upstream, &release, true);
        upstream->drain.after_id = release.last_id;
        if (release.count == 0 || release.last_id > upstream->drain.last_id)
            upstream_end_round(engine, upstream); /* each was asked once */
    }
}

/* ---- asking whether it is back ---- */

/* The next held action that may be the one call. They take turns, over all that it is asked, or the
 * oldest would lose all its releases in one long outage (R15). */
static bool flow_ask_held(struct engine *engine, struct upstream_state *upstream, bool only_safe)
{
    for (int i = 0; i < 2; i++) {
        struct release release = {.query = flow_held(upstream, upstream->asked_id, FLOW_LOOKS),
                                  .is_release = true,
                                  .only_safe = only_safe};
        bool was_first = upstream->asked_id == 0;
        release_page(engine, upstream, &release, true);
        upstream->asked_id = release.last_id; /* 0 at the end: from the oldest again */
        if (release.started != 0 || was_first || release.count > 0)
            return release.started != 0;
    }
    return false;
}

static void flow_ask(struct engine *engine, struct upstream_state *upstream)
{
    const struct breaker *breaker = &upstream->breaker;
    if (breaker->state != BREAKER_HALF_OPEN || breaker->is_asking ||
        engine->now_unix_ms < upstream->pace.pause_until_unix_ms || !flow_may_release(engine))
        return;
    /* A connection first: while there is none, no action loses a release over it. */
    if (upstream->has_own_probe || !breaker->has_contact)
        engine_probe(engine, upstream, !upstream->has_own_probe);
    else if (upstream->held > 0 && !engine_defers(engine) && pace_has_room(&upstream->pace) &&
             !flow_ask_held(engine, upstream, true) && breaker_lets(breaker, false))
        (void)flow_ask_held(engine, upstream, false); /* none is safe: then one write */
}

void engine_run_upstream(struct engine *engine, struct upstream_state *upstream)
{
    if (!flow_may_release(engine))
        return;
    upstream_wake(engine, upstream);
    flow_let_waiting(engine, upstream); /* live before backlog */
    flow_drain(engine, upstream);
    flow_ask(engine, upstream);
}

void engine_run_upstreams(struct engine *engine)
{
    for (size_t i = 0; i < engine->upstream_count; i++)
        engine_run_upstream(engine, &engine->upstreams[i]);
}

int64_t upstream_alarm_unix_ms(const struct engine *engine, const struct upstream_state *upstream)
{
    const struct rate *rate = &upstream->rate;
    int64_t now = engine->now_unix_ms;
    int64_t at = INT64_MAX;
    bool is_asking = upstream->breaker.is_asking;
    if (upstream->breaker.state == BREAKER_OPEN)
        at = upstream->breaker.until_unix_ms;
    if (upstream->breaker.state == BREAKER_HALF_OPEN && !is_asking &&
        (upstream->held > 0 || !upstream->breaker.has_contact || upstream->has_own_probe))
        at = now + FLOW_SOON_MS; /* what is not durable yet, or a stop: the rest looks by itself */
    if (upstream->drain.at_unix_ms != 0 && upstream->drain.at_unix_ms < at)
        at = upstream->drain.at_unix_ms;
    int64_t wait = upstream->may_have_waiting && !is_asking ? ENGINE_RELEASE_MS : INT64_MAX;
    if (rate->is_on && upstream->drain.is_on)
        wait = rate_wait_ms(rate, true);
    else if (rate->is_on)
        wait = wait < RATE_STEP_MS ? wait : RATE_STEP_MS;
    if (rate->is_on && upstream->may_have_waiting && rate_wait_ms(rate, false) < wait)
        wait = rate_wait_ms(rate, false);
    bool is_full = !pace_has_room(&upstream->pace); /* a call that ends looks again */
    if (wait != INT64_MAX && is_full && wait < ENGINE_RELEASE_MS)
        wait = ENGINE_RELEASE_MS;
    if (wait != INT64_MAX && rate_look_unix_ms(rate, wait, now) < at)
        at = rate_look_unix_ms(rate, wait, now);
    if (at == INT64_MAX)
        return 0;
    if (engine_defers(engine) && at < now + FLOW_SOON_MS) /* most of it waits */
        at = now + FLOW_SOON_MS;
    return at < upstream->pace.pause_until_unix_ms ? upstream->pace.pause_until_unix_ms : at;
}
