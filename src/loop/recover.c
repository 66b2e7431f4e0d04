/* loop/recover.c - the start: what the store holds comes back. Stops first, then the attempts that
 * were open when the last run ended. Nothing is sent before all of it is known. */
#include "loop/engine_state.h"

#include <stdlib.h>

#include "base/check.h"
#include "core/switchboard.h"
#include "loop/admin.h"
#include "loop/alerts.h"
#include "loop/audit.h"
#include "loop/counts.h"
#include "loop/drains.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/order.h"
#include "loop/restarts.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "loop/timers.h"
#include "loop/triggers.h"
#include "loop/undone.h"
#include "loop/upstreams.h"
#include "loop/watchdog.h"
#include "policy/compare.h"
#include "record/identity.h"
#include "record/row.h"

/* Older than every stop in force: their receipts count it; newer than the lifted ones that it
 * started after. */
static uint64_t recover_epoch(const struct engine *engine, const struct action *action)
{
    uint64_t epoch = 0;
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (stop->is_lifted && action->attempt_unix_ms > stop->at_unix_ms && stop->epoch >= epoch)
            epoch = stop->epoch + 1;
    }
    return epoch;
}

/* An attempt that was open: whether it happened is not known (I3), unless the caller executes it
 * and its permit or lease still runs. */
static void recover_attempt(struct engine *engine, struct entry *entry)
{
    if (entry->row.action.due_kind == DUE_START_BY || entry->row.action.due_kind == DUE_LEASE)
        return;
    struct action_event event;
    engine_event(engine, entry, EVENT_CRASHED, &event);
    struct step_note note = {.kind = RECORD_CRASHED,
                             .upstream = entry->row.upstream,
                             .attempt = entry->row.action.starts_total};
    struct action_effects effects;
    entry->epoch_at_start = recover_epoch(engine, &entry->row.action);
    engine_step(engine, entry, &event, &note, &effects);
}

static void recover_gauges(struct engine *engine, const struct row *row)
{
    struct upstream_state *upstream = engine_upstream(engine, row->upstream);
    engine->unended++;
    engine_count_open(engine, row);
    if (upstream && row->action.state == STATE_HELD && row->action.hold_for == HOLD_FOR_UPSTREAM) {
        upstream->held++;
        upstream_holds(engine, upstream, &row->action);
    }
    if (upstream && row->action.state == STATE_WAITING)
        upstream->may_have_waiting = true;
    if (row->action.due_unix_ms != 0)
        engine_due_at(engine, row->action.due_unix_ms);
}

/* For a stop whose receipt was open: how many of its attempts recovery will end. */
static void recover_receipts(struct engine *engine, const struct row *row)
{
    const struct step *step = config_step_of(engine_config(engine), row->workflow, row->step);
    struct row placed = *row;
    row_place_risk(&placed, step);
    struct scope place = row_scope(&placed, step);
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        struct stop *stop = &engine->board.stops[i];
        bool is_after = stop->is_lifted && row->action.attempt_unix_ms > stop->at_unix_ms;
        if (stop->stopped_at_unix_ms == 0 && !is_after && scope_covers(stop, &place))
            stop->in_flight++;
    }
}

static bool recover_is_suspect(const struct engine *engine, uint64_t id)
{
    for (size_t i = 0; i < engine->options.suspect_count; i++)
        if (engine->options.suspects[i] == id)
            return true;
    return false;
}

/* R27: its event broke a CHECK twice. A person gets it; the rest is served. */
static void recover_quarantine(struct engine *engine, struct entry *entry)
{
    struct action_event event;
    engine_event(engine, entry, EVENT_QUARANTINE, &event);
    struct step_note note = {.kind = RECORD_QUARANTINED, .upstream = entry->row.upstream};
    struct action_effects effects;
    entry->epoch_at_start = recover_epoch(engine, &entry->row.action);
    engine_step(engine, entry, &event, &note, &effects);
}

typedef void recover_fn(struct engine *engine, const struct store_action *stored,
                        const struct row *row);

static void recover_look(struct engine *engine, const struct store_action *stored,
                         const struct row *row)
{
    (void)stored;
    recover_gauges(engine, row);
    gone_note(engine, row->workflow, row->step);
    /* R28: a reload refuses this; files that were changed while nobody served are told of. */
    if (engine->flag.size == 0 &&
        !config_step_of(engine_config(engine), row->workflow, row->step) &&
        !config_retires(engine_config(engine), row->workflow, row->step))
        buf_add_fmt(&engine->flag,
                    "work waits under %.*s / %.*s, which the policies no longer have; put it back, "
                    "or let people settle that work",
                    SLICE_FMT(row->workflow), SLICE_FMT(row->step));
    if (row->action.attempt_is_open)
        recover_receipts(engine, row);
}

static void recover_go_on(struct engine *engine, const struct store_action *stored,
                          const struct row *row)
{
    enum err err = ERR_OK;
    const struct action *action = &row->action;
    /* A person's verdict was stored, but not yet what the gate said to it. */
    bool is_half_way = (action->state == STATE_IN_REVIEW && action->is_approved) ||
                       (action->state == STATE_UNCERTAIN && action->is_granted);
    bool is_suspect = recover_is_suspect(engine, stored->id);
    if (!action->attempt_is_open && !is_half_way && !is_suspect)
        return;
    struct entry *entry = entry_get(engine, stored->id, &err);
    if (!entry) {
        engine_fail(engine, err_text(err));
        return;
    }
    if (is_suspect)
        recover_quarantine(engine, entry);
    else if (is_half_way)
        engine_enter_gate(engine, entry, false, (struct slice){0});
    else
        recover_attempt(engine, entry);
    entry_let_go(engine, entry);
}

static enum err recover_each(struct engine *engine, recover_fn *each)
{
    const struct store_port *store = &engine->options.store;
    struct store_open_query query = {.limit = LIMIT_PAGE};
    size_t count = LIMIT_PAGE;
    enum err err = ERR_OK;
    while (err == ERR_OK && count == LIMIT_PAGE) {
        struct arena arena;
        arena_init(&arena, (size_t)LIMIT_PAGE * LIMIT_REQUEST * 4);
        struct store_action *page = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_action);
        err = page ? store->list_open(store->impl, &query, &arena, page, &count) : ERR_NO_MEMORY;
        for (size_t i = 0; err == ERR_OK && i < count; i++) {
            struct row row = {0};
            query.after_id = page[i].id;
            err = row_decode(page[i].row, &row);
            if (err == ERR_OK)
                each(engine, &page[i], &row);
        }
        arena_done(&arena);
    }
    return err;
}

/* Receipts whose attempts had all ended, but the record of it was not written. */
static void recover_close_receipts(struct engine *engine)
{
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        struct stop *stop = &engine->board.stops[i];
        if (stop->stopped_at_unix_ms == 0 && stop->in_flight == 0)
            stop->stopped_at_unix_ms = engine->now_unix_ms;
    }
    engine_close_receipts(engine);
}

/* The key of this installation must be the one that the store knows: another one would give every
 * action new provider keys (R4). */
static enum err recover_identity(struct engine *engine, struct buf *out_message)
{
    const struct store_port *store = &engine->options.store;
    unsigned char check[IDENTITY_SIZE];
    struct arena arena;
    struct slice stored = {0};
    arena_init(&arena, 4096);
    identity_check(engine->identity, check);
    enum err err = store->get_row(store->impl, STORE_META, SLICE("key-check"), &arena, &stored);
    if (err == ERR_NOT_FOUND) {
        struct store_row row = {
            .table = STORE_META, .key = SLICE("key-check"), .value = slice_of(check, sizeof check)};
        struct store_write write = {.rows = &row, .row_count = 1};
        err = store->submit(store->impl, &write, 1, NULL, NULL);
    } else if (err == ERR_OK && !slice_equal(stored, slice_of(check, sizeof check))) {
        buf_add_text(out_message,
                     "the installation key is not the one that this store was made with; with "
                     "another key a repeat could not be recognised. Put the former "
                     "secrets/installation.key back beside the configuration");
        err = ERR_DENIED;
    }
    arena_done(&arena);
    return err;
}

static void recover_record_start(struct engine *engine)
{
    struct buf hex;
    struct pending none = {0};
    buf_init(&hex, 64);
    text_add_hex(&hex, slice_of(engine_config(engine)->version, 32));
    engine_save_policy(engine, (struct slice){0}, &none);
    struct control serving = {.record = {.kind = RECORD_SERVING,
                                         .policy = slice_first(buf_slice(&hex), 16),
                                         .number = engine->run_epoch}};
    engine_save_control(engine, &serving, &none);
    buf_done(&hex);
}

/* Whether the last run said that it was ending: then its budgets are whole (R30); and when the
 * newest record was made. */
static enum err recover_was_clean(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct store_record head = {0};
    struct record record = {0};
    arena_init(&arena, ENGINE_SCRATCH);
    engine->was_clean = engine->seq == 0;
    enum err err = engine->seq == 0 ? ERR_NOT_FOUND
                                    : store->get_record(store->impl, engine->seq, &arena, &head);
    if (err == ERR_OK)
        err = record_decode(head.body, &arena, &record);
    if (err == ERR_OK) {
        engine->was_clean = record.kind == RECORD_ENDING;
        engine->clocks.newest_unix_ms = record.at_unix_ms;
    }
    arena_done(&arena);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* R27: a folder that was copied, with the secrets of the original, must not send its backlog. */
static enum err recover_place(struct engine *engine, bool *out_is_new, struct buf *out_message)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct slice stored = {0};
    arena_init(&arena, 65536);
    enum err err = store->get_row(store->impl, STORE_META, SLICE("place"), &arena, &stored);
    *out_is_new = err == ERR_NOT_FOUND || !slice_equal(stored, engine->options.place);
    if (err == ERR_OK && *out_is_new && !engine->options.is_copy) {
        buf_add_text(
            out_message,
            "the store was made on another machine or in another folder, so it may be a "
            "copy whose original still sends. If the original is gone for good, start once "
            "with --as-copy: everything is then stopped until people restart it");
        err = ERR_DENIED;
    }
    arena_done(&arena);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* After the stop of a copy: a crash between the two leaves a copy that asks again. */
static enum err recover_save_place(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    struct store_row row = {
        .table = STORE_META, .key = SLICE("place"), .value = engine->options.place};
    struct store_write write = {.rows = &row, .row_count = 1};
    return store->submit(store->impl, &write, 1, NULL, NULL);
}

/* A copy must not send what its original sends: everything stops until people say so (R27). */
static void recover_stop_copy(struct engine *engine)
{
    struct engine_port port = {0};
    struct principal nobody = {.name = SLICE("interlock")};
    struct scope everything = {0};
    struct stop_order order = {
        .scope = &everything,
        .reason =
            SLICE("this store is a copy or a backup: what it holds may have been done since")};
    engine_port_stops(&port);
    port.stop(engine, &nobody, &order, engine_ignore, NULL);
}

enum err engine_recover(struct engine *engine, struct buf *out_message)
{
    const struct store_port *store = &engine->options.store;
    unsigned char hash[STORE_HASH_SIZE];
    bool is_new_place = false;
    store->head(store->impl, &engine->seq, hash);
    engine->saved_seq = engine->seq;
    engine->run_epoch = engine->options.run_epoch;
    enum err err = recover_identity(engine, out_message);
    if (err == ERR_OK)
        err = recover_place(engine, &is_new_place, out_message);
    if (err == ERR_OK)
        err = recover_was_clean(engine);
    if (err == ERR_OK)
        err = engine_load_clock(engine);
    if (err == ERR_OK)
        err = engine_make_upstreams(engine);
    if (err == ERR_OK)
        err = engine_load_stops(engine);
    if (err == ERR_OK)
        err = engine_load_restarts(engine);
    if (err == ERR_OK)
        err = engine_load_away(engine);
    for (size_t i = 0; err == ERR_OK && i < engine->board.stop_count; i++)
        if (engine->board.stops[i].stopped_at_unix_ms == 0)
            engine->board.stops[i].in_flight = 0; /* counted anew */
    if (err == ERR_OK)
        err = recover_each(engine, recover_look);
    if (err == ERR_OK) /* before anything is written, which counts as it is */
        err = engine_recount(engine);
    if (err != ERR_OK) {
        if (out_message->size == 0)
            buf_add_fmt(out_message, "the store cannot be read: %s", err_text(err));
        return err;
    }
    recover_record_start(engine);
    if (engine->options.is_copy)
        recover_stop_copy(engine);
    if (is_new_place)
        err = recover_save_place(engine);
    recover_close_receipts(engine);
    if (err == ERR_OK)
        err = engine_load_life(engine);
    if (err == ERR_OK)
        err = engine_load_alerts(engine);
    if (err == ERR_OK)
        err = engine_load_undone(engine);
    if (err == ERR_OK)
        err = engine_load_triggers(engine);
    if (err == ERR_OK) {
        engine_ramps_reloaded(engine, SLICE("interlock"));
        engine_ramps_recovered(engine);
    }
    if (err == ERR_OK)
        err = engine_reorder_begin(engine);
    if (err == ERR_OK)
        err = recover_each(engine, recover_go_on);
    if (err == ERR_OK)
        err = engine_recover_audits(engine);
    engine->is_ordering = true; /* likewise what an older one has made free */
    engine->retain_unix_ms = engine->now_unix_ms;
    if (err == ERR_OK) {
        engine_load_drains(engine);
        engine_drains_begin(engine); /* a restart may have been approved just before the crash */
    }
    return err;
}
