/* loop/stops.c - stop, receipt, lift: in force in memory first, durable before it is acknowledged.
 * How stops are read, and how they come back at a start: stop_reads.c. */
#include "loop/stops.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "core/switchboard.h"
#include "loop/alerts.h"
#include "loop/drains.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/incidents.h"
#include "loop/loaded.h"
#include "loop/restarts.h"
#include "loop/steps.h"
#include "loop/submit.h"
#include "loop/triggers.h"
#include "loop/upstreams.h"
#include "record/ids.h"
#include "record/stop_row.h"

static void stops_copy_name(char out[LIMIT_NAME + 1], struct slice name)
{
    size_t size = name.size < LIMIT_NAME ? name.size : LIMIT_NAME;
    if (size > 0)
        memcpy(out, name.at, size);
    out[size] = '\0';
}

/* Attempts under way in its scope: each is in memory. */
static uint32_t stops_count_in_flight(struct engine *engine, const struct stop *stop)
{
    uint32_t count = 0;
    size_t cursor = 0;
    struct entry *entry = NULL;
    while ((entry = map_next(&engine->entries, &cursor)) != NULL) {
        struct scope scope = entry_scope(entry);
        count += entry->row.action.attempt_is_open && scope_covers(stop, &scope);
    }
    return count;
}

/* The bytes of one or two control records while they are on the way to the store. */
struct stops_draft {
    struct buf row, key, words;
    struct store_row rows[1];
};

static void stops_draft_done(struct stops_draft *draft)
{
    buf_done(&draft->words);
    buf_done(&draft->key);
    buf_done(&draft->row);
}

/* What is written while a lift is on its way stands behind the lift in the queue, and must not take
 * it back. */
static struct stop stops_as_queued(const struct stop *stop)
{
    struct stop queued = *stop;
    if (stop->is_lifting && !stop->is_lifted) {
        queued.is_lifted = true;
        queued.lifted_at_unix_ms = stop->lifting_at_unix_ms;
    }
    return queued;
}

/* The stop's row with its record. */
static void stops_write_stop(struct stops_draft *draft, const struct stop *stop,
                             enum record_kind kind, struct slice actor, struct control *out)
{
    buf_init(&draft->row, LIMIT_ROW);
    buf_init(&draft->key, TEXT_ID_MAX);
    buf_init(&draft->words, 1);
    stop_row_encode(stop, &draft->row);
    text_add_id(&draft->key, ID_STOP, stop->id);
    draft->rows[0] = (struct store_row){
        .table = STORE_STOPS, .key = buf_slice(&draft->key), .value = buf_slice(&draft->row)};
    *out = (struct control){.record = {.kind = kind,
                                       .actor = actor,
                                       .stop = stop->id,
                                       .incident = stop->incident,
                                       .workflow = slice_text(stop->names[0]),
                                       .step = slice_text(stop->names[1]),
                                       .upstream = slice_text(stop->names[2]),
                                       .subject = slice_text(stop->names[3]),
                                       .number = stop->in_flight},
                            .rows = draft->rows,
                            .row_count = 1};
}

/* Who says something about an incident, and what. Whether it is closed follows from its stop. */
struct stops_word {
    const struct loaded *loaded; /* takes secrets out of the reason */
    struct slice actor, reason;
    uint64_t seq;      /* of the record that has these words */
    uint64_t kept_seq; /* lifted: of the one that says why it was stopped; 0 = none does */
};

static void stops_write_incident(struct stops_draft *draft, const struct stop *stop,
                                 const struct stops_word *word, struct control *out)
{
    struct slice reason = word->reason;
    buf_init(&draft->row, LIMIT_ROW);
    buf_init(&draft->key, TEXT_ID_MAX);
    buf_init(&draft->words, LIMIT_REASON * 8);
    uint64_t words_seq = reason.size > 0 ? word->seq : 0;
    if (stop->is_lifted) /* why it runs again is said by this record, not by its incident */
        words_seq = word->kept_seq;
    struct incident_row incident = {.id = stop->incident,
                                    .stop = stop->id,
                                    .is_closed = stop->is_lifted,
                                    .has_reason = words_seq > 0,
                                    .by = slice_text(stop->by),
                                    .workflow = slice_text(stop->names[0]),
                                    .since_unix_ms = stop->at_unix_ms,
                                    .closed_unix_ms = stop->lifted_at_unix_ms,
                                    .words_seq = words_seq};
    incident_row_encode(&incident, &draft->row);
    text_add_id(&draft->key, ID_INCIDENT, stop->incident);
    if (reason.size > 0)
        loaded_encode_words(word->loaded, &(struct bundle_words){.reason = reason}, &draft->words);
    draft->rows[0] = (struct store_row){
        .table = STORE_INCIDENTS, .key = buf_slice(&draft->key), .value = buf_slice(&draft->row)};
    *out =
        (struct control){.record = {.kind = RECORD_INCIDENT,
                                    .actor = word->actor,
                                    .stop = stop->id,
                                    .incident = stop->incident,
                                    .workflow = slice_text(stop->names[0]),
                                    .subject = stop->is_lifted ? SLICE("closed") : SLICE("open")},
                         .rows = draft->rows,
                         .row_count = 1,
                         .words = buf_slice(&draft->words)};
}

/* A stop, or its lift, together with its incident: no crash leaves one without the other. */
static void stops_save_both(struct engine *engine, const struct stop *stop, enum record_kind kind,
                            struct stops_word word, const struct pending *pending)
{
    struct stops_draft drafts[2];
    struct control controls[2];
    word.seq = engine->seq + 2;
    stops_write_stop(&drafts[0], stop, kind, word.actor, &controls[0]);
    stops_write_incident(&drafts[1], stop, &word, &controls[1]);
    engine_save_controls(engine, controls, 2, pending);
    stops_draft_done(&drafts[1]);
    stops_draft_done(&drafts[0]);
}

static void stops_save_receipt(struct engine *engine, const struct stop *stop)
{
    struct stops_draft draft;
    struct control control;
    struct pending none = {0};
    struct stop queued = stops_as_queued(stop);
    stops_write_stop(&draft, &queued, RECORD_STOPPED, (struct slice){0}, &control);
    engine_save_control(engine, &control, &none);
    stops_draft_done(&draft);
}

static void stops_save_reason(struct engine *engine, const struct stop *stop,
                              struct stops_word word, const struct pending *pending)
{
    struct stops_draft draft;
    struct control control;
    struct stop queued = stops_as_queued(stop);
    word.seq = engine->seq + 1;
    stops_write_incident(&draft, &queued, &word, &control);
    engine_save_control(engine, &control, pending);
    stops_draft_done(&draft);
}

static void stops_reply(struct engine *engine, engine_done_fn *done, void *arg, uint64_t id)
{
    struct stop *stop = switchboard_find(&engine->board, id);
    struct engine_reply reply = {.outcome = ENGINE_TAKEN, .stop = stop};
    done(arg, &reply);
}

static void stops_acknowledge(struct pending *pending)
{
    stops_reply(pending->engine, pending->done, pending->arg, pending->id);
}

/* That scope by the names of now: what stands under a former name is the same scope (R28). */
static struct scope stops_scope_of_now(const struct engine *engine, const struct scope *scope)
{
    const struct config *config = engine_config(engine);
    const struct workflow *workflow = config_workflow_of(config, scope->workflow);
    const struct step *step = config_step_of(config, scope->workflow, scope->step);
    struct scope now = *scope;
    if (workflow)
        now.workflow = workflow->name;
    if (step)
        now.step = step->name;
    return now;
}

static struct scope stops_scope(const struct stop *stop)
{
    return (struct scope){.workflow = slice_text(stop->names[0]),
                          .step = slice_text(stop->names[1]),
                          .upstream = slice_text(stop->names[2]),
                          .risk = slice_text(stop->names[3])};
}

static bool stops_is_same_scope(const struct engine *engine, const struct scope *one,
                                const struct stop *stop)
{
    struct scope other = stops_scope(stop);
    struct scope a = stops_scope_of_now(engine, one), b = stops_scope_of_now(engine, &other);
    return slice_equal(a.workflow, b.workflow) && slice_equal(a.step, b.step) &&
           slice_equal(a.upstream, b.upstream) && slice_equal(a.risk, b.risk);
}

/* The incident of a stop in force on the same scope, which a further cause joins (R17). */
static uint64_t stops_joined(const struct engine *engine, const struct stop *stop)
{
    uint64_t incident = 0;
    size_t count = 0;
    struct scope scope = stops_scope(stop);
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        const struct stop *other = &engine->board.stops[i];
        if (other->is_lifted || other->is_lifting || other->incident == 0 ||
            !stops_is_same_scope(engine, &scope, other))
            continue;
        incident = other->incident;
        count++;
    }
    return count < LIMIT_INCIDENT_STOPS ? incident : 0;
}

/* What a further cause writes: its own row. The incident stands already. */
static void stops_save_joined(struct engine *engine, const struct stop *stop, struct slice by,
                              struct slice reason, const struct pending *pending)
{
    struct stops_draft draft;
    struct control control;
    struct buf words;
    buf_init(&words, LIMIT_REASON * 8);
    stops_write_stop(&draft, stop, RECORD_STOP, by, &control);
    if (reason.size > 0)
        loaded_encode_words(engine->loaded, &(struct bundle_words){.reason = reason}, &words);
    control.words = buf_slice(&words);
    engine_save_control(engine, &control, pending);
    buf_done(&words);
    stops_draft_done(&draft);
}

static struct stop stops_make(struct engine *engine, struct slice by,
                              const struct stop_order *order)
{
    struct stop stop = {.id = engine_new_id(engine),
                        .at_unix_ms = engine->now_unix_ms,
                        .position = order->position,
                        .spares_started = order->spares_started};
    stops_copy_name(stop.names[0], order->scope->workflow);
    stops_copy_name(stop.names[1], order->scope->step);
    stops_copy_name(stop.names[2], order->scope->upstream);
    stops_copy_name(stop.names[3], order->scope->risk);
    stops_copy_name(stop.by, by);
    stop.alone_ms = engine_ramp_of(engine, &stop, NULL)->alone_ms;
    if (order->position == POSITION_STOPPED) /* what is under way elsewhere goes on */
        stop.in_flight = stops_count_in_flight(engine, &stop);
    stop.in_flight_at_start = stop.in_flight;
    if (stop.in_flight == 0)
        stop.stopped_at_unix_ms = stop.at_unix_ms;
    return stop;
}

const struct stop *engine_stop(struct engine *engine, struct slice by,
                               const struct stop_order *order, const struct pending *acknowledge)
{
    struct stop stop = stops_make(engine, by, order);
    struct stop *added = NULL;
    struct pending none = {0};
    bool has_incident = order->position != POSITION_CAUTION;
    uint64_t joined = has_incident ? stops_joined(engine, &stop) : 0;
    if (has_incident)
        stop.incident = joined ? joined : engine_new_id(engine);
    if (switchboard_stop(&engine->board, &stop, &added) != ERR_OK) /* I6: from here on */
        return NULL;
    if (engine->has_failed)
        return added;
    uint64_t id = added->id;
    struct pending pending = acknowledge ? *acknowledge : none;
    pending.id = added->id;
    if (!has_incident || joined) {
        added->words_seq = order->reason.size > 0 ? engine->seq + 1 : 0;
        stops_save_joined(engine, added, by, order->reason, &pending);
    } else {
        stops_save_both(engine, added, RECORD_STOP,
                        (struct stops_word){engine->loaded, by, order->reason, 0, 0}, &pending);
        engine_alert_open(engine, added, order->reason, order->trip);
    }
    if (has_incident) {
        engine_drains_stopped(engine, added);
        engine_ramps_stopped(engine, added);
    }
    return switchboard_find(&engine->board, id);
}

/* The same stop by the same principal, where so many causes are in force on its scope that one more
 * has no place in their incident: somebody who stops again and again takes nobody the room. */
static struct stop *stops_same(struct engine *engine, struct slice by,
                               const struct stop_order *order)
{
    struct stop *same = NULL;
    size_t count = 0;
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        struct stop *stop = &engine->board.stops[i];
        if (stop->is_lifted || stop->is_lifting || stop->incident == 0 ||
            !stops_is_same_scope(engine, order->scope, stop))
            continue;
        count++;
        if (!stop->is_ramping && stop->position == order->position && slice_is(by, stop->by))
            same = stop;
    }
    return count >= LIMIT_INCIDENT_STOPS ? same : NULL;
}

static void stops_do_stop(void *impl, const struct principal *principal,
                          const struct stop_order *order, engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    (void)engine_now(engine);
    enum err why = ERR_OK;
    const struct store_port *store = &engine->options.store;
    bool is_durable = store->state(store->impl, &why) == STORE_OK && !engine->has_failed;
    struct pending acknowledge = {.saved = stops_acknowledge, .done = done, .arg = arg};
    const struct stop *same = is_durable ? stops_same(engine, principal->name, order) : NULL;
    if (same) { /* on record once more */
        struct stop queued = stops_as_queued(same);
        acknowledge.id = same->id;
        stops_save_joined(engine, &queued, principal->name, order->reason, &acknowledge);
        return;
    }
    if (!engine_stop(engine, principal->name, order, is_durable ? &acknowledge : NULL)) {
        engine_refuse(done, arg, ENGINE_NO_ROOM, "LIMIT_STOPS stops are in force already");
        return;
    }
    if (!is_durable) /* R16: it stays in force in memory; it is written when there is room */
        engine_refuse(done, arg, ENGINE_STORE_FAILED, "stop-not-durable");
    engine_set_alarm(engine);
}

void engine_tell_full(struct engine *engine)
{
    enum err why = ERR_OK;
    const struct store_port *store = &engine->options.store;
    if (store->state(store->impl, &why) != STORE_FULL)
        return;
    for (struct list *node = engine->pendings.next; node != &engine->pendings; node = node->next) {
        struct pending *pending = LIST_ENTRY(node, struct pending, link);
        if (pending->saved != stops_acknowledge)
            continue;
        pending->saved = NULL; /* told once */
        engine_refuse(pending->done, pending->arg, ENGINE_STORE_FAILED, "stop-not-durable");
    }
}

void engine_close_receipts(struct engine *engine)
{
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        struct stop *stop = &engine->board.stops[i];
        if (stop->stopped_at_unix_ms == 0 || stop->in_flight_at_start == 0 ||
            stop->is_receipt_saved)
            continue;
        stop->is_receipt_saved = true;
        stops_save_receipt(engine, stop);
    }
}

/* An attempt ended and that is durable: the receipts that waited for it move. */
void engine_receipts(struct engine *engine, const struct pending *pending)
{
    const struct entry *entry = pending->entry;
    struct row row = entry->row;
    struct attempt_end end = {.epoch_at_start = pending->epoch_at_start,
                              .epoch_at_end = pending->epoch_at_end,
                              .state = pending->state,
                              .now_unix_ms = engine->now_unix_ms};
    row.upstream = slice_text(pending->upstream);
    row.risk_id = pending->risk_id;
    row_place_risk(&row, entry->step);
    struct scope scope = row_scope(&row, entry->step);
    if (switchboard_attempt_ended(&engine->board, &scope, &end) > 0)
        engine_close_receipts(engine);
}

/* ---- lift, ramp, and back ---- */

struct stop *engine_incident_stop(struct engine *engine, uint64_t incident)
{
    struct stop *found = NULL;
    for (size_t i = 0; incident != 0 && i < engine->board.stop_count; i++) {
        struct stop *stop = &engine->board.stops[i];
        if (stop->incident != incident)
            continue;
        if (!stop->is_lifted && !stop->is_lifting)
            return stop;
        found = found ? found : stop;
    }
    return found;
}

/* R22: an approved restart starts count windows anew. */
static void stops_restart_triggers(struct engine *engine, const struct stop *stop)
{
    struct scope scope = stops_scope(stop);
    engine_triggers_restarted(engine, &scope);
}

/* The lift is durable (I7): only now it counts, and what was held may go. */
static void stops_lifted(struct pending *pending)
{
    struct engine *engine = pending->engine;
    uint64_t first = 0;
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        struct stop *stop = &engine->board.stops[i];
        if (stop->incident != pending->id || !stop->is_lifting)
            continue;
        first = first ? first : stop->id;
        (void)switchboard_lift(&engine->board, stop->id, stop->lifting_at_unix_ms);
        if (!stop->is_ramping) /* else they began anew with its ramp */
            stops_restart_triggers(engine, stop);
    }
    engine_drains_begin(engine);
    stops_reply(engine, pending->done, pending->arg, first);
    engine_run_drains(engine);
}

static void stops_cautious_no_more(struct pending *pending)
{
    struct engine *engine = pending->engine;
    const struct stop *stop = switchboard_find(&engine->board, pending->id);
    if (stop)
        (void)switchboard_lift(&engine->board, stop->id, stop->lifting_at_unix_ms);
}

void engine_lift_caution(struct engine *engine, uint64_t id, struct slice by,
                         const struct control *with)
{
    struct stop *stop = switchboard_find(&engine->board, id);
    struct stops_draft draft;
    struct control controls[2];
    struct pending pending = {.saved = stops_cautious_no_more, .id = id};
    if (!stop || stop->is_lifted || stop->is_lifting)
        return;
    CHECK(stop->position == POSITION_CAUTION);
    stop->is_lifting = true;
    stop->lifting_at_unix_ms = engine->now_unix_ms;
    struct stop queued = stops_as_queued(stop);
    stops_write_stop(&draft, &queued, RECORD_RESTART, by, &controls[0]);
    if (with)
        controls[1] = *with;
    engine_save_controls(engine, controls, with ? 2 : 1, &pending);
    stops_draft_done(&draft);
}

/* What a change makes of one stop, in memory; and the kind of its record. */
static enum record_kind stops_move(struct engine *engine, struct stop *stop,
                                   const struct stops_change *change)
{
    switch (change->to) {
    case STOPS_LIFTED:
        stop->is_lifting = true;
        stop->lifting_at_unix_ms = engine->now_unix_ms;
        return change->is_approval ? RECORD_RESTART : RECORD_LIFTED;
    case STOPS_RAMPING:
        stop->is_ramping = true;
        stops_restart_triggers(engine, stop);
        return RECORD_RESTART;
    case STOPS_BOUND:
        break;
    }
    stop->is_ramping = false;
    return RECORD_STOP;
}

/* The record that says why an incident began; 0 = none does. */
static uint64_t stops_words_seq(struct engine *engine, uint64_t incident)
{
    struct engine_incident found = {0};
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    enum err err = engine_read_incident(engine, incident, &arena, &found);
    arena_done(&arena);
    return err == ERR_OK ? found.words_seq : 0;
}

void engine_change_stops(struct engine *engine, const struct stops_change *change,
                         const struct pending *pending)
{
    struct stops_draft drafts[LIMIT_INCIDENT_STOPS + 1];
    struct control controls[ENGINE_CONTROLS];
    struct stop queued[LIMIT_INCIDENT_STOPS]; /* the controls point into them */
    size_t count = 0;
    controls[0] = *change->about;
    for (size_t i = 0; i < engine->board.stop_count && count < LIMIT_INCIDENT_STOPS; i++) {
        struct stop *stop = &engine->board.stops[i];
        if (stop->incident != change->incident || stop->is_lifted || stop->is_lifting)
            continue;
        enum record_kind kind = stops_move(engine, stop, change);
        queued[count] = stops_as_queued(stop);
        stops_write_stop(&drafts[count], &queued[count], kind, change->actor, &controls[count + 1]);
        controls[count + 1].record.number = change->to == STOPS_RAMPING;
        count++;
    }
    CHECK(count > 0); /* the caller found one */
    size_t control_count = count + 1;
    bool is_lift = change->to == STOPS_LIFTED;
    if (is_lift) {
        struct stops_word word = {engine->loaded, change->actor, change->reason,
                                  engine->seq + control_count + 1,
                                  stops_words_seq(engine, change->incident)};
        stops_write_incident(&drafts[count], &queued[0], &word, &controls[control_count++]);
    }
    switchboard_ask_again(&engine->board);
    struct pending after = *pending;
    after.id = change->incident;
    if (is_lift)
        after.saved = stops_lifted;
    engine_save_controls(engine, controls, control_count, &after);
    for (size_t i = 0; i < count + is_lift; i++)
        stops_draft_done(&drafts[i]);
}

static void stops_do_reason(void *impl, const struct principal *principal, uint64_t incident,
                            struct slice reason, engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    (void)engine_now(engine);
    struct stop *stop = engine_incident_stop(engine, incident);
    bool is_full = engine->has_failed || engine->unsaved >= ENGINE_UNSAVED_ACT;
    if (!stop || is_full) {
        engine_refuse(done, arg, stop ? ENGINE_STORE_FAILED : ENGINE_NOT_FOUND,
                      stop ? "the store cannot save it now" : "no open incident has this id");
        return;
    }
    struct pending acknowledge = {
        .saved = stops_acknowledge, .done = done, .arg = arg, .id = stop->id};
    stops_save_reason(engine, stop,
                      (struct stops_word){engine->loaded, principal->name, reason, 0, 0},
                      &acknowledge);
    engine_set_alarm(engine);
}

void engine_ignore(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    (void)reply;
}

void engine_port_stops(struct engine_port *port)
{
    port->stop = stops_do_stop;
    port->incident_reason = stops_do_reason;
}
