/* loop/counts.c - what is counted for status, metrics and the report. In memory by the hour; the
 * records are the truth, and a start counts the last hours again from them. */
#include "loop/inside.h"

#include <stdlib.h>

#include "base/check.h"
#include "record/number.h"

enum { COUNTS_HOUR_MS = 3600000 };

struct workflow_state *engine_workflow(struct engine *engine, struct slice name)
{
    for (size_t i = 0; i < engine->workflow_count; i++)
        if (slice_is(name, engine->workflows[i].name))
            return &engine->workflows[i];
    struct workflow_state *states =
        realloc(engine->workflows, (engine->workflow_count + 1) * sizeof *states);
    if (!states)
        return NULL;
    engine->workflows = states;
    struct workflow_state *state = &states[engine->workflow_count++];
    *state = (struct workflow_state){0};
    size_t size = name.size < LIMIT_NAME ? name.size : LIMIT_NAME;
    memcpy(state->name, name.at, size);
    return state;
}

static struct hour_counts *counts_hour(struct workflow_state *workflow, int64_t unix_ms)
{
    int64_t hour = unix_ms / COUNTS_HOUR_MS;
    struct hour_counts *counts = &workflow->hours[(size_t)(hour % ENGINE_HOURS)];
    if (counts->hour != hour)
        *counts = (struct hour_counts){.hour = hour};
    return counts;
}

static void counts_end(struct engine *engine, const struct row *row, const struct step *step)
{
    const struct action *action = &row->action;
    struct workflow_state *workflow = engine_workflow(engine, row->workflow);
    if (!workflow)
        return;
    workflow->is_dirty = true;
    engine->is_count_dirty = true;
    struct hour_counts *counts = counts_hour(workflow, action->ended_unix_ms);
    switch (action->state) {
    case STATE_DONE:
        if (action->reviews > 0 || action->reason == REASON_PERSON ||
            action->reason == REASON_PERSON_BY_HAND)
            counts->reviewed++;
        else
            counts->automatic++;
        if (action->cause != CAUSE_NONE)
            counts->degraded[action->cause]++;
        if (step && step->sla_ms > 0) {
            bool is_met = action->ended_unix_ms - action->submitted_unix_ms <= step->sla_ms;
            counts->sla_met += is_met;
            counts->sla_missed += !is_met;
        }
        return;
    case STATE_FAILED:
        counts->failed++;
        return;
    case STATE_REJECTED:
        counts->rejected++;
        return;
    case STATE_EXPIRED:
        counts->expired++;
        return;
    case STATE_CANCELLED:
        counts->cancelled++;
        return;
    case STATE_UNCERTAIN:
    case STATE_ATTEMPTING:
    case STATE_WAITING:
    case STATE_IN_REVIEW:
    case STATE_HELD:
    case STATE_COUNT:
        return;
    }
}

void engine_count_move(struct engine *engine, struct entry *entry, const struct action *before,
                       bool is_new)
{
    const struct action *action = &entry->row.action;
    bool was_end = !is_new && state_is_end(before->state);
    struct workflow_state *workflow = engine_workflow(engine, entry->row.workflow);
    struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
    if (!workflow)
        return;
    if (is_new || action_is_over(before)) {
        engine->unended++;
    } else {
        CHECK(workflow->now[action_counts_as(before)] > 0);
        workflow->now[action_counts_as(before)]--;
    }
    workflow->total[action->state] += !was_end;
    if (upstream && entry->is_counted_held) {
        upstream->held--;
        entry->is_counted_held = false;
    }
    if (state_is_end(action->state) && !was_end)
        counts_end(engine, &entry->row, entry->step);
    if (action_is_over(action)) {
        engine->unended--;
        return;
    }
    workflow->now[action_counts_as(action)]++;
    if (upstream && action->state == STATE_HELD && action->hold_for == HOLD_FOR_UPSTREAM) {
        upstream->held++;
        entry->is_counted_held = true;
    }
    bool is_stopped = action->state == STATE_HELD && action->hold_for == HOLD_FOR_STOP &&
                      (is_new || before->state != STATE_HELD);
    struct stop *stop = is_stopped ? switchboard_find(&engine->board, action->stop_id) : NULL;
    if (stop)
        stop->held++; /* of its receipt */
}

/* ---- kept over restarts ----
 * Once a second at most, the hours of each workflow that changed are written, and up to which
 * record they count. The write stands behind those records in the queue, so it is never ahead of
 * them. */

enum { COUNTS_FLUSH_MS = 1000, COUNTS_NUMBERS = 9 + CAUSE_COUNT };

static void counts_numbers(struct hour_counts *hour, uint64_t *out[COUNTS_NUMBERS])
{
    uint64_t *numbers[9] = {&hour->automatic, &hour->reviewed,  &hour->rejected,
                            &hour->failed,    &hour->cancelled, &hour->expired,
                            &hour->replays,   &hour->sla_met,   &hour->sla_missed};
    memcpy(out, numbers, sizeof numbers);
    for (size_t i = 0; i < CAUSE_COUNT; i++)
        out[9 + i] = &hour->degraded[i];
}

static void counts_encode(struct workflow_state *workflow, uint64_t through, struct buf *out)
{
    uint64_t *numbers[COUNTS_NUMBERS];
    number_add_varint(out, through);
    for (size_t h = 0; h < ENGINE_HOURS; h++) {
        if (workflow->hours[h].hour == 0)
            continue;
        number_add_varint(out, (uint64_t)workflow->hours[h].hour);
        counts_numbers(&workflow->hours[h], numbers);
        for (size_t i = 0; i < COUNTS_NUMBERS; i++)
            number_add_varint(out, *numbers[i]);
    }
}

static bool counts_decode(struct workflow_state *workflow, struct slice bytes,
                          uint64_t *out_through)
{
    uint64_t *numbers[COUNTS_NUMBERS];
    if (!number_take_varint(&bytes, out_through))
        return false;
    while (bytes.size > 0) {
        uint64_t hour = 0;
        if (!number_take_varint(&bytes, &hour) || hour > INT32_MAX)
            return false;
        struct hour_counts *counts = &workflow->hours[hour % ENGINE_HOURS];
        *counts = (struct hour_counts){.hour = (int64_t)hour};
        counts_numbers(counts, numbers);
        for (size_t i = 0; i < COUNTS_NUMBERS; i++)
            if (!number_take_varint(&bytes, numbers[i]))
                return false;
    }
    return true;
}

void engine_count_flush(struct engine *engine)
{
    if (!engine->is_count_dirty || engine->has_failed ||
        engine->now_unix_ms < engine->count_flush_unix_ms)
        return;
    engine->count_flush_unix_ms = engine->now_unix_ms + COUNTS_FLUSH_MS;
    engine->is_count_dirty = false;
    const struct store_port *store = &engine->options.store;
    struct buf value;
    buf_init(&value, 64 * 1024);
    for (size_t i = 0; i < engine->workflow_count; i++) {
        struct workflow_state *workflow = &engine->workflows[i];
        buf_reset(&value);
        counts_encode(workflow, engine->seq, &value);
        struct store_row row = {
            .table = STORE_COUNTS, .key = slice_text(workflow->name), .value = buf_slice(&value)};
        struct store_write write = {.rows = &row, .row_count = 1};
        enum err err = store->submit(store->impl, &write, 1, NULL, NULL);
        if (err == ERR_BUSY)
            engine->is_count_dirty = true; /* later; the records are the truth */
        else if (err != ERR_OK)
            engine_fail(engine, err_text(err));
    }
    buf_done(&value);
}

/* One record after the last flush: an action that ended by it counts. */
static enum err counts_replay(struct engine *engine, const struct store_record *stored,
                              struct arena *arena)
{
    struct record record;
    struct row row = {0};
    struct store_action action = {0};
    const struct store_port *store = &engine->options.store;
    enum err err = record_decode(stored->body, arena, &record);
    if (err != ERR_OK || record.action == 0 || !state_is_end(record.state))
        return err;
    err = store->get_action(store->impl, record.action, arena, &action);
    if (err == ERR_OK)
        err = row_decode(action.row, &row);
    /* Words, late outcomes and erasures come after the end and count nothing. */
    bool is_its_end = record.at_unix_ms == row.action.ended_unix_ms &&
                      (record.kind != RECORD_LATE || record.reason == REASON_LATE);
    if (err == ERR_OK && is_its_end)
        counts_end(engine, &row, config_step_of(engine_config(engine), row.workflow, row.step));
    return err;
}

enum err engine_recount(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    arena_init(&arena, (size_t)LIMIT_PAGE * 65536);
    struct store_row *rows = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_row);
    struct store_record *records = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_record);
    size_t count = 0;
    uint64_t through = UINT64_MAX;
    enum err err = rows && records ? store->list_rows(store->impl, STORE_COUNTS, (struct slice){0},
                                                      LIMIT_PAGE, &arena, rows, &count)
                                   : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        struct workflow_state *workflow = engine_workflow(engine, rows[i].key);
        uint64_t own = 0;
        if (!workflow || !counts_decode(workflow, rows[i].value, &own))
            err = workflow ? ERR_CORRUPT : ERR_NO_MEMORY;
        through = own < through ? own : through;
    }
    uint64_t from = count == 0 ? 1 : through + 1;
    do {
        count = 0;
        if (err == ERR_OK)
            err = store->list_records(store->impl, from, LIMIT_PAGE, &arena, records, &count);
        for (size_t i = 0; err == ERR_OK && i < count; i++) {
            err = counts_replay(engine, &records[i], &arena);
            from = records[i].seq + 1;
        }
    } while (err == ERR_OK && count == LIMIT_PAGE && !arena.overflowed);
    arena_done(&arena);
    return err;
}
