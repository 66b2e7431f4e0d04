#include "loop/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"
#include "core/switchboard.h"
#include "loop/admin.h"
#include "loop/alerts.h"
#include "loop/attempts.h"
#include "loop/audit.h"
#include "loop/counts.h"
#include "loop/drains.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/formers.h"
#include "loop/incidents.h"
#include "loop/loaded.h"
#include "loop/notices.h"
#include "loop/order.h"
#include "loop/people.h"
#include "loop/reports.h"
#include "loop/restarts.h"
#include "loop/self_check.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "loop/submit.h"
#include "loop/timers.h"
#include "loop/triggers.h"
#include "loop/undone.h"
#include "loop/upstreams.h"
#include "loop/views.h"
#include "loop/watchdog.h"
#include "record/bundle.h"
#include "record/identity.h"

int64_t engine_now(struct engine *engine)
{
    int64_t told = engine->options.clock.now_unix_ms(engine->options.clock.impl);
    int64_t now = told + engine->clocks.shift_ms;
    if (now > engine->now_unix_ms)
        engine->now_unix_ms = now; /* stored time never goes back (R29) */
    return engine->now_unix_ms;
}

/* Ids grow with time: 20 bits within a millisecond begin at a random place, so that an id says
 * little about its neighbours. */
uint64_t engine_new_id(struct engine *engine)
{
    uint64_t id = (uint64_t)engine->now_unix_ms << 20 | (prng_next(&engine->prng) & 0x7ffff);
    if (id <= engine->last_id)
        id = engine->last_id + 1;
    engine->last_id = id;
    return id;
}

void engine_fail(struct engine *engine, const char *why)
{
    if (engine->has_failed)
        return;
    engine->has_failed = true;
    (void)fprintf(stderr, "interlock: the store failed: %s; nothing starts any more\n",
                  why); /* standard error is all that is left */
}

static void alarm_at(int64_t *at, int64_t unix_ms)
{
    if (unix_ms != 0 && (*at == 0 || unix_ms < *at))
        *at = unix_ms;
}

/* The earliest of: the next waiting caller, what is due in the store, probes, what a restart
 * released. What cannot start any more asks for no alarm: an alarm in the past that nobody serves
 * would keep the loop from everything else. */
void engine_set_alarm(struct engine *engine)
{
    int64_t at = 0;
    if (!list_is_empty(&engine->waiters))
        alarm_at(&at,
                 LIST_ENTRY(engine->waiters.next, struct waiter, by_deadline)->deadline_unix_ms);
    if (!engine->is_closing && !engine->has_failed) {
        alarm_at(&at, engine->due_unix_ms);
        if (!engine_defers(engine)) {
            alarm_at(&at, engine->audit_sweep_unix_ms);
            alarm_at(&at, engine->retain_unix_ms);
        }
        for (size_t i = 0; i < engine->upstream_count; i++)
            alarm_at(&at, upstream_alarm_unix_ms(engine, &engine->upstreams[i]));
        if (engine->ramp_count > 0)
            alarm_at(&at, engine_ramps_due_unix_ms(engine));
        if (engine->is_releasing && !engine_defers(engine))
            alarm_at(&at, engine_drains_due_unix_ms(engine));
        if (engine->is_ordering || engine->is_reordering) /* as room allows */
            alarm_at(&at, engine->now_unix_ms + ENGINE_RELEASE_MS);
    }
    if (at == engine->alarm_unix_ms)
        return;
    engine->alarm_unix_ms = at;
    engine->options.clock.wake_at(engine->options.clock.impl,
                                  at == 0 ? 0 : at - engine->clocks.shift_ms);
}

void engine_wake(struct engine *engine)
{
    engine->alarm_unix_ms = 0;
    (void)engine_now(engine);
    engine_run_due(engine);
    waiters_run_deadlines(engine);
    engine_run_upstreams(engine);
    engine_run_drains(engine);
    engine_run_reorder(engine);
    engine_release_order(engine);
    if (!engine_defers(engine)) { /* nothing is too old before the clock is sure */
        engine_run_audits(engine);
        engine_run_retain(engine);
    }
    engine_run_ramps(engine);
    engine_set_alarm(engine);
}

void engine_beat(struct engine *engine)
{
    if (engine->is_closing || engine_has_failed(engine))
        return;
    (void)engine_now(engine);
    engine_run_clock(engine);
    engine_run_troubles(engine);
    engine_run_undone(engine);
    engine_run_journals(engine);
    engine_run_ramps(engine);
    engine_run_alerts(engine);
    engine_run_restart_news(engine);
    engine_send_notices(engine);
    engine_run_watchdog(engine);
    engine_run_away(engine);
    engine_run_reports(engine);
    engine_run_triggers(engine);
    engine_run_self_check(engine);
    bool is_due = engine->alarm_unix_ms != 0 && engine->alarm_unix_ms <= engine->now_unix_ms;
    if (is_due) /* the machine slept: its timers did not count that time (R29) */
        engine_wake(engine);
    engine_set_alarm(engine);
}

static enum err engine_init(struct engine *engine, const struct engine_options *options)
{
    engine->options = *options;
    engine->loaded = options->loaded;
    uint64_t seed = 0;
    options->clock.random(options->clock.impl, &seed, sizeof seed);
    engine->prng.state = seed;
    list_init(&engine->waiters);
    list_init(&engine->followers);
    list_init(&engine->pendings);
    list_init(&engine->probes);
    list_init(&engine->asks);
    list_init(&engine->alerts);
    list_init(&engine->outbox);
    list_init(&engine->restarts);
    switchboard_init(&engine->board);
    map_init(&engine->entries, LIMIT_HOT_ACTIONS * 2);
    map_init(&engine->keys, LIMIT_HOT_ACTIONS * 2);
    map_init(&engine->orders, LIMIT_HOT_ACTIONS * 2);
    map_init(&engine->runs, LIMIT_HOT_ACTIONS * 2);
    buf_init(&engine->flag, LIMIT_SENTENCE);
    buf_add(&engine->flag, options->flag);
    buf_init(&engine->token_name, 256);
    buf_init(&engine->bytes.record, LIMIT_RECORD);
    buf_init(&engine->bytes.row, LIMIT_ROW);
    buf_init(&engine->bytes.scope, 2 * LIMIT_NAME + 1);
    buf_init(&engine->bytes.sealed, BUNDLE_SALT + LIMIT_PAYLOAD);
    buf_init(&engine->bytes.label_row, LIMIT_ROW);
    engine->identity = calloc(1, sizeof *engine->identity);
    if (!engine->identity)
        return ERR_NO_MEMORY;
    return identity_init(engine->identity, options->installation_key);
}

struct engine *engine_new(const struct engine_options *options, struct buf *out_message)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        buf_add_text(out_message, err_text(ERR_NO_MEMORY));
        return NULL;
    }
    engine->arenas.count_max = ENGINE_SPARE_ARENAS;
    enum err err = engine_init(engine, options);
    if (err != ERR_OK)
        buf_add_text(out_message, err_text(err));
    else
        err = engine_recover(engine, out_message);
    engine->is_running = true;
    if (err != ERR_OK) {
        engine_free(engine);
        return NULL;
    }
    engine_set_alarm(engine);
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    while (!list_is_empty(&engine->waiters)) {
        struct waiter *waiter = LIST_ENTRY(engine->waiters.next, struct waiter, by_deadline);
        list_remove(&waiter->by_deadline);
        list_remove(&waiter->by_entry);
        waiter_free(waiter);
    }
    while (!list_is_empty(&engine->followers)) {
        struct follower *follower = LIST_ENTRY(engine->followers.next, struct follower, link);
        list_remove(&follower->link);
        free(follower);
    }
    while (!list_is_empty(&engine->pendings)) {
        struct pending *pending = LIST_ENTRY(engine->pendings.next, struct pending, link);
        list_remove(&pending->link);
        free(pending);
    }
    engine_probes_free(engine);
    engine_free_asks(engine);
    engine_alerts_done(engine);
    engine_notices_done(engine);
    engine_triggers_done(engine);
    engine_restarts_done(engine);
    size_t cursor = 0;
    struct entry *entry = NULL;
    while ((entry = map_next(&engine->entries, &cursor)) != NULL)
        entry_free(entry);
    map_done(&engine->entries);
    map_done(&engine->keys);
    map_done(&engine->runs);
    map_done(&engine->orders);
    switchboard_done(&engine->board);
    buf_done(&engine->bytes.record);
    buf_done(&engine->bytes.row);
    buf_done(&engine->bytes.scope);
    buf_done(&engine->bytes.sealed);
    buf_done(&engine->bytes.label_row);
    arena_pool_done(&engine->arenas);
    buf_done(&engine->token_name);
    arena_done(&engine->away_arena[0]);
    arena_done(&engine->away_arena[1]);
    buf_done(&engine->flag);
    free(engine->upstreams);
    for (size_t i = 0; i < engine->workflow_count; i++) {
        free(engine->workflows[i].steps);
        drain_done(&engine->workflows[i].drain);
    }
    free(engine->workflows);
    if (engine->identity)
        identity_done(engine->identity);
    free(engine->identity);
    formers_clear(engine);
    loaded_free(engine->loaded);
    free(engine);
}

void engine_close(struct engine *engine)
{
    if (engine->is_closing)
        return;
    engine->is_closing = true; /* nothing starts; what is under way may end */
    (void)engine_now(engine);
    struct control control = {.record = {.kind = RECORD_ENDING, .number = engine->run_epoch}};
    struct pending none = {0};
    if (!engine->has_failed) {
        engine_save_life(engine);
        engine_save_control(engine, &control, &none);
    }
}

bool engine_is_idle(const struct engine *engine)
{
    if ((engine->unsaved > 0 && !engine->has_failed) || !list_is_empty(&engine->probes))
        return false;
    if (!list_is_empty(&engine->asks))
        return false;
    size_t cursor = 0;
    struct entry *entry = NULL;
    while ((entry = map_next(&engine->entries, &cursor)) != NULL)
        if (entry->is_calling)
            return false;
    return true;
}

uint64_t engine_in_work(const struct engine *engine)
{
    return engine->in_work;
}

bool engine_has_failed(const struct engine *engine)
{
    enum err why = ERR_OK;
    return engine->has_failed ||
           engine->options.store.state(engine->options.store.impl, &why) == STORE_FAILED;
}

/* ---- the port ---- */

static const struct config *engine_do_config(void *impl)
{
    return engine_config(impl);
}

static int64_t engine_do_now(void *impl)
{
    return engine_now(impl);
}

static void engine_do_random(void *impl, void *out_bytes, size_t size)
{
    struct engine *engine = impl;
    engine->options.clock.random(engine->options.clock.impl, out_bytes, size);
}

static const struct store_port *engine_do_store(void *impl)
{
    struct engine *engine = impl;
    return &engine->options.store;
}

void engine_as_port(struct engine *engine, struct engine_port *out_port)
{
    *out_port = (struct engine_port){.impl = engine,
                                     .config = engine_do_config,
                                     .now_unix_ms = engine_do_now,
                                     .random = engine_do_random,
                                     .store = engine_do_store,
                                     .submit = engine_submit,
                                     .act = engine_act,
                                     .label_refused = engine_label_refused,
                                     .forget = engine_forget};
    engine_port_reads(out_port);
    engine_port_stops(out_port);
    engine_port_stop_reads(out_port);
    engine_port_incidents(out_port);
    engine_port_admin(out_port);
    engine_port_alerts(out_port);
    engine_port_journals(out_port);
    engine_port_plans(out_port);
    engine_port_restarts(out_port);
    engine_port_rejections(out_port);
    engine_port_away(out_port);
    engine_port_triggers(out_port);
}
