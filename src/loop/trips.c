/* loop/trips.c - what a trigger does: moves the switch of its scope, takes caution back by itself,
 * or only tells. */
#include "loop/triggers.h"

#include <stdlib.h>

#include "loop/alerts.h"
#include "loop/engine_state.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "record/trip_text.h"

enum position trip_position(enum trigger_move move)
{
    switch (move) {
    case MOVE_STOPPED:
        return POSITION_STOPPED;
    case MOVE_FALLBACK:
        return POSITION_FALLBACK;
    case MOVE_REVIEW:
        return POSITION_REVIEW;
    case MOVE_CAUTION:
    case MOVE_ALERT:
        break;
    }
    return POSITION_CAUTION;
}

void slot_trip(const struct trigger_slot *slot, const struct trigger_answer *answer,
               struct trip *out)
{
    const struct trigger *trigger = slot->trigger;
    bool has_window =
        trigger->signal == SIGNAL_REPEAT || slot->terms.statistic == TRIGGER_SHARE_IN ||
        slot->terms.statistic == TRIGGER_COUNT || slot->terms.statistic == TRIGGER_BUSIEST;
    *out = (struct trip){.signal = trigger->signal,
                         .move = slot->terms.move,
                         .argument = trigger->argument_text,
                         .risk = trigger->risk,
                         .is_share = answer->is_share,
                         .is_rise = slot->terms.statistic == TRIGGER_RISE,
                         .is_in_window = slot->terms.statistic == TRIGGER_SHARE_IN,
                         .is_before = answer->must_not_start,
                         .is_duration = trigger->is_duration,
                         .observed = answer->observed,
                         .total = answer->total,
                         .limit = answer->limit,
                         .window_ms = has_window ? trigger->terms.window_ms : 0,
                         .late_ms = trigger->late_ms,
                         .known = answer->known};
}

/* What its incident keeps of it. A value that is a time is trouble since it passed its limit. */
static struct journal_trip trip_journal(const struct engine *engine,
                                        const struct trigger_slot *slot)
{
    const struct trigger *trigger = slot->trigger;
    const struct trigger_answer *answer = &slot->row.answer;
    struct journal_trip trip = {.is_set = true,
                                .signal = trigger->signal,
                                .late_ms = trigger->late_ms,
                                .began_unix_ms = answer->began_unix_ms};
    bool is_time = trigger->signal == SIGNAL_HELD_AGE || trigger->signal == SIGNAL_SILENT ||
                   trigger->is_duration;
    if (is_time && slot->terms.statistic == TRIGGER_LEVEL && answer->observed > answer->limit)
        trip.began_unix_ms = engine->now_unix_ms - (answer->observed - answer->limit);
    return trip;
}

/* The record of what happened, with the row as it is now. */
struct trip_draft {
    struct buf row, trip;
    struct store_row rows[1];
};

static void trip_write(struct trip_draft *draft, struct trigger_slot *slot, enum record_kind kind,
                       uint64_t stop, struct control *out)
{
    struct trip trip;
    buf_init(&draft->row, LIMIT_ROW);
    buf_init(&draft->trip, LIMIT_EXPR_TEXT + 1024);
    slot_trip(slot, &slot->row.answer, &trip);
    if (kind == RECORD_WARNED && slot->terms.move != MOVE_ALERT)
        trip.move = MOVE_CAUTION;
    trip_encode(&trip, &draft->trip);
    trigger_row_encode(&slot->row, &draft->row);
    draft->rows[0] = (struct store_row){.table = STORE_TRIGGERS,
                                        .key = slice_of(slot->key, sizeof slot->key),
                                        .value = buf_slice(&draft->row)};
    *out = (struct control){
        .record = {.kind = kind,
                   .stop = stop,
                   .workflow = slot->workflow->name,
                   .step = slot->trigger->step ? slot->trigger->step->name : (struct slice){0},
                   .subject = slot->trigger->name,
                   .trip = buf_slice(&draft->trip)},
        .rows = draft->rows,
        .row_count = 1};
}

static void trip_draft_done(struct trip_draft *draft)
{
    buf_done(&draft->trip);
    buf_done(&draft->row);
}

static void trip_record(struct engine *engine, struct trigger_slot *slot, enum record_kind kind,
                        uint64_t stop)
{
    struct trip_draft draft;
    struct control control;
    struct pending none = {0};
    if (engine->has_failed)
        return;
    trip_write(&draft, slot, kind, stop, &control);
    engine_save_control(engine, &control, &none);
    trip_draft_done(&draft);
}

/* ---- in force ---- */

static void trip_by(const struct trigger_slot *slot, struct buf *out)
{
    buf_add_text(out, "trigger ");
    buf_add(out, slice_first(slot->trigger->name, LIMIT_NAME - out->size));
}

static bool trip_is_in_force(const struct engine *engine, uint64_t id)
{
    for (size_t i = 0; id != 0 && i < engine->board.stop_count; i++)
        if (engine->board.stops[i].id == id)
            return !engine->board.stops[i].is_lifted && !engine->board.stops[i].is_lifting;
    return false;
}

/* The same stop, when it was saved and what followed was not. One that starts again by its ramp is
 * none: a trip stops that ramp (R19). */
static const struct stop *trip_find(const struct engine *engine, const struct trigger_slot *slot,
                                    struct slice by, enum position position)
{
    struct scope scope = slot_scope(slot);
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (!stop->is_lifted && !stop->is_lifting && !stop->is_ramping &&
            stop->position == position && slice_is(by, stop->by) &&
            slice_is(scope.workflow, stop->names[0]) && slice_is(scope.step, stop->names[1]) &&
            slice_is(scope.risk, stop->names[3]) && stop->names[2][0] == '\0')
            return stop;
    }
    return NULL;
}

static uint64_t trip_stop(struct engine *engine, const struct trigger_slot *slot,
                          enum position position)
{
    struct buf by, reason;
    struct trip trip;
    struct scope scope = slot_scope(slot);
    buf_init(&by, LIMIT_NAME);
    buf_init(&reason, LIMIT_REASON);
    trip_by(slot, &by);
    slot_trip(slot, &slot->row.answer, &trip);
    trip_text_add(&trip, &reason);
    const struct stop *stop = trip_find(engine, slot, buf_slice(&by), position);
    struct journal_trip saw = trip_journal(engine, slot);
    struct stop_order order = {&scope, position, buf_slice(&reason),
                               slot->row.answer.must_not_start, &saw};
    if (!stop)
        stop = engine_stop(engine, buf_slice(&by), &order, NULL);
    uint64_t id = stop ? stop->id : 0;
    buf_done(&reason);
    buf_done(&by);
    if (id == 0) /* LIMIT_STOPS, or no memory: what should stop must not go on */
        engine_fail(engine, "a trigger could not stop what it should");
    return id;
}

/* ---- cautions end by themselves ---- */

static void trip_clear(struct engine *engine, struct trigger_slot *slot, uint64_t *stop)
{
    struct trip_draft draft;
    struct control control;
    struct buf by;
    uint64_t id = *stop;
    bool is_in_force = trip_is_in_force(engine, id);
    *stop = 0;
    if (engine->has_failed)
        return;
    if (!is_in_force) {
        trip_record(engine, slot, RECORD_CLEARED, 0);
        return;
    }
    buf_init(&by, LIMIT_NAME);
    trip_by(slot, &by);
    trip_write(&draft, slot, RECORD_CLEARED, id, &control);
    engine_lift_caution(engine, id, buf_slice(&by), &control);
    trip_draft_done(&draft);
    buf_done(&by);
}

/* Who answers for its scope is told, until somebody answers. */
static void trip_alarm(struct engine *engine, const struct trigger_slot *slot)
{
    struct buf words, by;
    struct trip trip;
    buf_init(&words, LIMIT_REASON);
    buf_init(&by, LIMIT_NAME);
    trip_by(slot, &by);
    slot_trip(slot, &slot->row.answer, &trip);
    trip_text_add(&trip, &words);
    struct scope scope = slot_scope(slot);
    struct engine_alarm alarm = {.workflow = scope.workflow,
                                 .step = scope.step,
                                 .words = buf_slice(&words),
                                 .by = buf_slice(&by),
                                 .trip = trip_journal(engine, slot)};
    engine->triggers.alarms++;
    engine_alarm(engine, &alarm);
    buf_done(&by);
    buf_done(&words);
}

/* ---- what its last event asks for ---- */

/* Overdue work is an incident by itself. */
static bool trip_is_alarm(const struct trigger_slot *slot)
{
    return slot->terms.move == MOVE_ALERT &&
           !(slot->trigger->is_standard && slot->trigger->signal == SIGNAL_OVERDUE);
}

static void trip_carry_out(struct engine *engine, struct trigger_slot *slot)
{
    bool is_alarm = trip_is_alarm(slot);
    if (is_alarm && engine->unsaved >= ENGINE_UNSAVED_ACT)
        return;   /* it stays due: looked at again when there is room (levels.c) */
    if (is_alarm) /* before it counts as carried out: a crash in between tells it again */
        trip_alarm(engine, slot);
    if (slot->terms.move != MOVE_ALERT)
        slot->row.stop = trip_stop(engine, slot, trip_position(slot->terms.move));
    if (slot->row.caution == slot->row.stop) /* it stays at caution, as what has tripped */
        slot->row.caution = 0;
    if (slot->row.caution != 0) /* the stricter position is in force */
        trip_clear(engine, slot, &slot->row.caution);
    slot->row.is_trip_due = false;
    engine->triggers.trips++;
    trip_record(engine, slot, RECORD_TRIPPED, slot->row.stop);
}

static void trip_warn(struct engine *engine, struct trigger_slot *slot)
{
    bool is_mild = slot->terms.move == MOVE_ALERT; /* it moves nothing, also not to caution */
    if (!is_mild)
        slot->row.caution = trip_stop(engine, slot, POSITION_CAUTION);
    trip_record(engine, slot, RECORD_WARNED, slot->row.caution);
}

static void trip_settle(struct engine *engine, struct trigger_slot *slot)
{
    bool warns = slot->warns, clears = slot->clears, is_calm = slot->is_calm;
    slot->warns = slot->clears = slot->is_calm = false;
    if (slot->row.is_trip_due)
        trip_carry_out(engine, slot);
    else if (warns && slot->row.state.level == TRIGGER_WARNED)
        trip_warn(engine, slot);
    if (is_calm)
        trip_clear(engine, slot, &slot->row.caution);
    if (clears)
        trip_clear(engine, slot, &slot->row.stop);
}

void engine_run_trips(struct engine *engine)
{
    struct triggers *triggers = &engine->triggers;
    if (!triggers->has_due || triggers->is_in_work)
        return;
    triggers->is_in_work = true; /* what follows saves, and saving comes here again */
    while (triggers->has_due && !engine->has_failed) {
        triggers->has_due = false;
        for (size_t i = 0; i < triggers->count; i++) {
            struct trigger_slot *slot = &triggers->slots[i];
            if (slot->row.is_trip_due || slot->warns || slot->clears || slot->is_calm)
                trip_settle(engine, slot);
        }
    }
    triggers->is_in_work = false;
}

/* ---- an approved restart ---- */

static bool trip_has_name(struct slice wanted, struct slice name, struct slices was)
{
    return wanted.size == 0 || slice_equal(wanted, name) || slices_have(was, wanted);
}

/* A stop that names what it was called before is one of it (R28). */
static bool trip_is_within(const struct trigger_slot *slot, const struct scope *scope)
{
    const struct step *step = slot->trigger->step;
    struct scope own = slot_scope(slot);
    if (scope->upstream.size > 0)
        return false;
    return trip_has_name(scope->workflow, own.workflow, slot->workflow->was) &&
           trip_has_name(scope->step, own.step, step ? step->was : (struct slices){0}) &&
           trip_has_name(scope->risk, own.risk, (struct slices){0});
}

void engine_triggers_restarted(struct engine *engine, const struct scope *scope)
{
    struct triggers *triggers = &engine->triggers;
    for (size_t i = 0; i < triggers->count; i++) {
        struct trigger_slot *slot = &triggers->slots[i];
        bool is_own = slot->row.stop != 0 && slot->terms.move < MOVE_CAUTION &&
                      !trip_is_in_force(engine, slot->row.stop);
        if (!is_own && !trip_is_within(slot, scope))
            continue;
        trigger_restart(&slot->row.state, &slot->terms, engine->now_unix_ms);
        if (slot->row.state.is_known_over)
            slot_look(engine, slot); /* so much is what people know of */
        slot->row.restarted_unix_ms = engine->now_unix_ms;
        slot->row.seen_unix_ms = engine->now_unix_ms; /* a person has looked: silence begins anew */
        slot->row.forgiven_ms = 0;
        slot->row.from_ids[0] = slot->row.from_ids[1] = slot->row.block_samples = 0;
        slot->row.is_trip_due = false;
        slot_is_moved(engine, slot);
        if (slot->row.caution != 0)
            trip_clear(engine, slot, &slot->row.caution);
        if (slot->row.stop != 0 && slot->terms.move == MOVE_CAUTION)
            trip_clear(engine, slot, &slot->row.stop);
        slot->row.stop = 0;
    }
    engine_save_triggers(engine);
}
