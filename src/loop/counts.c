/* loop/counts.c - what is counted for status, metrics and the report. In memory by the hour; the
 * records are the truth, and a start counts the last hours again from them. */
#include "loop/counts.h"

#include <stdlib.h>

#include "base/check.h"
#include "core/switchboard.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/incidents.h"
#include "loop/rows.h"
#include "loop/upstreams.h"
#include "record/number.h"
#include "record/row.h"
#include "record/tally.h"

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

static struct step_state *counts_step(struct workflow_state *workflow, struct slice name)
{
    for (size_t i = 0; i < workflow->step_count; i++)
        if (slice_is(name, workflow->steps[i].name))
            return &workflow->steps[i];
    struct step_state *states =
        realloc(workflow->steps, (workflow->step_count + 1) * sizeof *states);
    if (!states)
        return NULL;
    workflow->steps = states;
    struct step_state *state = &states[workflow->step_count++];
    memset(state, 0, sizeof *state);
    memcpy(state->name, name.at, name.size < LIMIT_NAME ? name.size : LIMIT_NAME);
    return state;
}

static void counts_load(struct engine *engine, struct slice workflow, struct hour_counts *counts);
static enum err counts_write(struct engine *engine);
static void counts_load_step(struct engine *engine, const char *workflow, const char *step,
                             struct step_hour *counts);
static void counts_drop_step(struct engine *engine, const char *workflow, const char *step,
                             int64_t hour);

/* The slot of that hour, with what is stored of it. */
static struct hour_counts *counts_hour(struct engine *engine, struct workflow_state *workflow,
                                       int64_t unix_ms)
{
    int64_t hour = unix_ms / COUNTS_HOUR_MS;
    struct hour_counts *counts = &workflow->hours[(size_t)(hour % ENGINE_HOURS)];
    if (counts->hour == hour)
        return counts;
    if (counts->is_dirty)
        (void)counts_write(engine); /* no room for two days: the next start counts them again */
    *counts = (struct hour_counts){.hour = hour};
    counts_load(engine, slice_text(workflow->name), counts);
    return counts;
}

/* Of a step, likewise. What is older than all slots is of no use: its row goes. */
static struct step_hour *counts_step_hour(struct engine *engine, struct workflow_state *workflow,
                                          struct step_state *state, int64_t unix_ms)
{
    int64_t hour = unix_ms / COUNTS_HOUR_MS;
    struct step_hour *counts = &state->hours[(size_t)(hour % ENGINE_HOURS)];
    if (counts->hour == hour)
        return counts;
    if (counts->is_dirty)
        (void)counts_write(engine);
    if (counts->hour != 0 && counts->hour < hour)
        counts_drop_step(engine, workflow->name, state->name, counts->hour);
    *counts = (struct step_hour){.hour = hour};
    counts_load_step(engine, workflow->name, state->name, counts);
    return counts;
}

/* By cause, and by risk class: what stands behind the declared classes is normal. */
static void counts_end_of_step(struct engine *engine, struct workflow_state *workflow,
                               const struct row *row, const struct step *step)
{
    const struct action *action = &row->action;
    struct step_state *state = counts_step(workflow, row->step);
    if (!state)
        return;
    struct step_hour *hour = counts_step_hour(engine, workflow, state, action->ended_unix_ms);
    bool is_class = step && action->risk < step->risk_count;
    struct risk_counts *risk =
        step_tally_class(&hour->tally, is_class ? row_risk_id(step->risks[action->risk].name) : 0);
    hour->is_dirty = true;
    if (action->state != STATE_DONE) {
        risk->other++;
        return;
    }
    enum tally_counter by = tally_of_done(action);
    risk->reviewed += by == TALLY_REVIEWED;
    risk->automatic += by == TALLY_AUTOMATIC;
    risk->fallback += by == TALLY_FALLBACK || by == TALLY_TEMPLATE;
    if (action->cause == CAUSE_NONE)
        return;
    risk->degraded++;
    hour->tally.degraded[action->cause]++;
    state->degraded[action->cause] += engine->is_running; /* since the process started */
}

void engine_count_record(struct engine *engine, const struct record *record, const struct row *row)
{
    struct workflow_state *workflow = engine_workflow(engine, row->workflow);
    const struct step *step = tally_is_end(record)
                                  ? config_step_of(engine_config(engine), row->workflow, row->step)
                                  : NULL;
    if (!workflow)
        return;
    struct hour_counts *counts = counts_hour(engine, workflow, record->at_unix_ms);
    tally_add(&counts->tally, record, row, step ? step->sla_ms : 0);
    if (tally_is_end(record) && row->action.ended_unix_ms == record->at_unix_ms)
        counts_end_of_step(engine, workflow, row, step);
    if (tally_is_end(record) && engine->is_running)
        engine_trouble_ended(engine, row);
    counts->is_dirty = true;
    engine->is_count_dirty = true;
}

void engine_count_repeat(struct engine *engine, const struct row *row)
{
    struct workflow_state *workflow = engine_workflow(engine, row->workflow);
    bool had_started = row->action.starts_total > 0;
    if (!workflow)
        return;
    workflow->replays++;
    workflow->prevented += had_started;
    struct hour_counts *counts = counts_hour(engine, workflow, engine->now_unix_ms);
    counts->tally.n[TALLY_REPEATS]++;
    counts->tally.n[TALLY_PREVENTED] += had_started;
    counts->is_dirty = true;
    engine->is_count_dirty = true;
}

struct counts_open {
    uint64_t in_review, held;
};

/* One more, or one less, of what is open in a state. */
static void counts_open(struct workflow_state *workflow, struct slice step, enum action_state state,
                        bool is_more)
{
    bool is_capacity = state == STATE_IN_REVIEW || state == STATE_HELD;
    struct step_state *counts = is_capacity ? counts_step(workflow, step) : NULL;
    if (!counts)
        return;
    uint64_t *count = state == STATE_HELD ? &counts->held : &counts->in_review;
    CHECK(is_more || *count > 0);
    *count = is_more ? *count + 1 : *count - 1;
}

/* It has ended, and is open all the same: nobody knows what of both is true. */
static bool counts_is_contradicted(const struct action *action)
{
    return state_is_end(action->state) && !action_is_over(action);
}

void engine_count_open(struct engine *engine, const struct row *row)
{
    struct workflow_state *workflow = engine_workflow(engine, row->workflow);
    if (!workflow)
        return;
    workflow->now[action_counts_as(&row->action)]++;
    workflow->contradicted += counts_is_contradicted(&row->action);
    counts_open(workflow, row->step, row->action.state, true);
    workflow->drain.held += drain_holds(&row->action);
    if (drain_holds(&row->action) && drain_queue_add(&workflow->drain, row->upstream) != ERR_OK)
        engine_fail(engine, "out of memory");
}

/* What is open of a step, also under the names that it had before (R28). step NULL: of all. */
static struct counts_open counts_open_of(const struct engine *engine,
                                         const struct workflow *workflow, const struct step *step)
{
    struct counts_open open = {0};
    for (size_t w = 0; w < engine->workflow_count; w++) {
        const struct workflow_state *state = &engine->workflows[w];
        struct slice name = slice_text(state->name);
        if (!slice_equal(name, workflow->name) && !slices_have(workflow->was, name))
            continue;
        for (size_t s = 0; s < state->step_count; s++) {
            struct slice own = slice_text(state->steps[s].name);
            if (step && !slice_equal(own, step->name) && !slices_have(step->was, own))
                continue;
            open.in_review += state->steps[s].in_review;
            open.held += state->steps[s].held;
        }
    }
    return open;
}

uint64_t engine_open_reviews(struct engine *engine, const struct step *step)
{
    return counts_open_of(engine, step->workflow, step).in_review;
}

uint64_t engine_backlog(struct engine *engine, const struct workflow *workflow,
                        const struct step *step)
{
    struct counts_open open = counts_open_of(engine, workflow, step);
    return open.held + open.in_review;
}

void engine_open_of_step(struct engine *engine, const struct entry *entry, struct action_event *out)
{
    enum action_state state = entry->row.action.state;
    if (!entry->step)
        return; /* retired: a person decides */
    struct counts_open open = counts_open_of(engine, entry->step->workflow, entry->step);
    out->open_reviews = open.in_review - (open.in_review > 0 && state == STATE_IN_REVIEW);
    out->open_held = open.held - (open.held > 0 && state == STATE_HELD);
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
        workflow->contradicted -= counts_is_contradicted(before);
        counts_open(workflow, entry->row.step, before->state, false);
        workflow->drain.held -= drain_holds(before);
    }
    bool is_asked_again = !is_new && before->state == action->state &&
                          (action->due_kind == DUE_CHECK || action->due_kind == DUE_FACT);
    workflow->total[action->state] += !was_end && !is_asked_again;
    if (upstream && entry->is_counted_held) {
        upstream->held--;
        entry->is_counted_held = false;
    }
    if (action_is_over(action)) {
        engine->unended--;
        return;
    }
    workflow->now[action_counts_as(action)]++;
    workflow->contradicted += counts_is_contradicted(action);
    counts_open(workflow, entry->row.step, action->state, true);
    workflow->drain.held += drain_holds(action);
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
 * Once a second at most, each hour that changed is written, and up to which record all of them
 * count: in one transaction, which stands behind those records in the queue. */

enum { COUNTS_FLUSH_MS = 1000 };
static const struct slice counts_through = {"/through", 8}; /* no workflow has such a name */

static void counts_load(struct engine *engine, struct slice workflow, struct hour_counts *counts)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct slice value;
    struct buf key;
    arena_init(&arena, 65536);
    buf_init(&key, LIMIT_NAME + 32);
    tally_key_add(&key, workflow, counts->hour);
    enum err err = store->get_row(store->impl, STORE_COUNTS, buf_slice(&key), &arena, &value);
    if (err == ERR_OK)
        err = tally_decode(value, &counts->tally);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        engine_fail(engine, err_text(err));
    buf_done(&key);
    arena_done(&arena);
}

static void counts_load_step(struct engine *engine, const char *workflow, const char *step,
                             struct step_hour *counts)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct slice value;
    struct buf key;
    arena_init(&arena, 65536);
    buf_init(&key, 2 * LIMIT_NAME + 32);
    step_tally_key_add(&key, slice_text(workflow), slice_text(step), counts->hour);
    enum err err = store->get_row(store->impl, STORE_COUNTS, buf_slice(&key), &arena, &value);
    if (err == ERR_OK)
        err = step_tally_decode(value, &counts->tally);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        engine_fail(engine, err_text(err));
    buf_done(&key);
    arena_done(&arena);
}

static void counts_drop_row(struct engine *engine, struct slice key)
{
    const struct store_port *store = &engine->options.store;
    struct store_row row = {.table = STORE_COUNTS, .key = key, .is_removed = true};
    struct store_write write = {.rows = &row, .row_count = 1};
    (void)store->submit(store->impl, &write, 1, NULL, NULL); /* no room: the next start does it */
}

static void counts_drop_step(struct engine *engine, const char *workflow, const char *step,
                             int64_t hour)
{
    struct buf key;
    buf_init(&key, 2 * LIMIT_NAME + 32);
    step_tally_key_add(&key, slice_text(workflow), slice_text(step), hour);
    counts_drop_row(engine, buf_slice(&key));
    buf_done(&key);
}

/* The slot of that hour, where counts_load_recent() has made one for it. */
static struct step_hour *counts_find_step(struct engine *engine, struct slice key, int64_t hour)
{
    struct slice workflow, step;
    struct step_hour *slot = NULL;
    if (!step_tally_key_names(key, &workflow, &step))
        return NULL;
    for (size_t w = 0; w < engine->workflow_count; w++) {
        struct workflow_state *state = &engine->workflows[w];
        for (size_t s = 0; slice_is(workflow, state->name) && s < state->step_count; s++)
            if (slice_is(step, state->steps[s].name))
                slot = &state->steps[s].hours[(size_t)(hour % ENGINE_HOURS)];
    }
    return slot && slot->hour == hour ? slot : NULL;
}

static enum err counts_read_step(void *arg, const struct store_row *row, bool *out_is_enough)
{
    struct engine *engine = arg;
    int64_t hour = 0;
    *out_is_enough = !step_tally_key_hour(row->key, &hour);
    if (*out_is_enough)
        return ERR_OK;
    if (hour <= engine->now_unix_ms / COUNTS_HOUR_MS - ENGINE_HOURS) {
        counts_drop_row(engine, row->key);
        return ERR_OK;
    }
    struct step_hour *slot = counts_find_step(engine, row->key, hour);
    return slot ? step_tally_decode(row->value, &slot->tally) : ERR_OK;
}

/* All rows of steps in one walk: what is older than what is shown goes. */
static enum err counts_read_steps(struct engine *engine)
{
    return rows_each(engine, STORE_COUNTS, SLICE(STEP_TALLY_PREFIX), counts_read_step, engine);
}

static size_t counts_dirty(const struct engine *engine)
{
    size_t count = 0;
    for (size_t i = 0; i < engine->workflow_count; i++) {
        const struct workflow_state *workflow = &engine->workflows[i];
        for (size_t h = 0; h < ENGINE_HOURS; h++) {
            count += workflow->hours[h].is_dirty;
            for (size_t s = 0; s < workflow->step_count; s++)
                count += workflow->steps[s].hours[h].is_dirty;
        }
    }
    return count;
}

static void counts_add_row(struct arena *arena, struct store_row *row, struct buf *key,
                           struct buf *value)
{
    *row = (struct store_row){.table = STORE_COUNTS,
                              .key = arena_copy(arena, buf_slice(key)),
                              .value = arena_copy(arena, buf_slice(value))};
    buf_reset(key);
    buf_reset(value);
}

/* Rows of one flush. */
struct counts_flush {
    struct arena arena;
    struct buf key, value;
    struct store_row *rows;
    size_t count;
};

static void counts_add_dirty(struct counts_flush *flush, const struct workflow_state *workflow)
{
    struct slice name = slice_text(workflow->name);
    for (size_t h = 0; h < ENGINE_HOURS; h++) {
        const struct hour_counts *counts = &workflow->hours[h];
        if (counts->is_dirty) {
            tally_key_add(&flush->key, name, counts->hour);
            tally_encode(&counts->tally, &flush->value);
            counts_add_row(&flush->arena, &flush->rows[flush->count++], &flush->key, &flush->value);
        }
        for (size_t s = 0; s < workflow->step_count; s++) {
            const struct step_hour *hour = &workflow->steps[s].hours[h];
            if (!hour->is_dirty)
                continue;
            step_tally_key_add(&flush->key, name, slice_text(workflow->steps[s].name), hour->hour);
            step_tally_encode(&hour->tally, &flush->value);
            counts_add_row(&flush->arena, &flush->rows[flush->count++], &flush->key, &flush->value);
        }
    }
}

static void counts_clean(struct engine *engine)
{
    for (size_t i = 0; i < engine->workflow_count; i++) {
        struct workflow_state *workflow = &engine->workflows[i];
        for (size_t h = 0; h < ENGINE_HOURS; h++) {
            workflow->hours[h].is_dirty = false;
            for (size_t s = 0; s < workflow->step_count; s++)
                workflow->steps[s].hours[h].is_dirty = false;
        }
    }
}

/* ERR_BUSY: nothing was taken, all of it stays dirty. */
static enum err counts_write(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    size_t room = counts_dirty(engine) + 1;
    struct counts_flush flush = {.count = 0};
    arena_init(&flush.arena, ENGINE_SCRATCH);
    buf_init(&flush.key, 2 * LIMIT_NAME + 32);
    buf_init(&flush.value, LIMIT_ROW);
    flush.rows = ARENA_ARRAY(&flush.arena, room, struct store_row);
    struct store_write *writes = ARENA_ARRAY(&flush.arena, room, struct store_write);
    for (size_t i = 0; flush.rows && writes && i < engine->workflow_count; i++)
        counts_add_dirty(&flush, &engine->workflows[i]);
    number_add_varint(&flush.value, engine->seq);
    buf_add(&flush.key, counts_through);
    enum err err = flush.rows && writes ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK)
        counts_add_row(&flush.arena, &flush.rows[flush.count++], &flush.key, &flush.value);
    for (size_t i = 0; err == ERR_OK && i < flush.count; i++)
        writes[i] = (struct store_write){.rows = &flush.rows[i], .row_count = 1};
    if (err == ERR_OK)
        err = flush.arena.overflowed ? ERR_NO_MEMORY
                                     : store->submit(store->impl, writes, flush.count, NULL, NULL);
    if (err == ERR_OK)
        counts_clean(engine);
    buf_done(&flush.value);
    buf_done(&flush.key);
    arena_done(&flush.arena);
    return err;
}

void engine_count_flush(struct engine *engine)
{
    if (!engine->is_count_dirty || engine->has_failed ||
        engine->now_unix_ms < engine->count_flush_unix_ms)
        return;
    engine->count_flush_unix_ms = engine->now_unix_ms + COUNTS_FLUSH_MS;
    enum err err = counts_write(engine);
    engine->is_count_dirty = err == ERR_BUSY; /* later; the records are the truth */
    if (err != ERR_OK && err != ERR_BUSY)
        engine_fail(engine, err_text(err));
}

/* One record after the last flush. */
static enum err counts_replay(struct engine *engine, const struct store_record *stored,
                              struct arena *arena)
{
    struct record record;
    struct row row = {0};
    struct store_action action = {0};
    const struct store_port *store = &engine->options.store;
    enum err err = record_decode(stored->body, arena, &record);
    if (err != ERR_OK || record.action == 0)
        return err;
    row.workflow = record.workflow;
    row.step = record.step;
    if (tally_is_end(&record)) {
        err = store->get_action(store->impl, record.action, arena, &action);
        if (err == ERR_OK)
            err = row_decode(action.row, &row);
        row_place_risk(&row, config_step_of(engine_config(engine), row.workflow, row.step));
    }
    if (err == ERR_OK)
        engine_count_record(engine, &record, &row);
    return err;
}

/* Up to which record the stored hours count. */
static enum err counts_read_through(struct engine *engine, uint64_t *out_through)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct slice value;
    arena_init(&arena, 4096);
    *out_through = 0;
    enum err err = store->get_row(store->impl, STORE_COUNTS, counts_through, &arena, &value);
    if (err == ERR_OK && !number_take_varint(&value, out_through))
        err = ERR_CORRUPT;
    arena_done(&arena);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* The last hours of what is in the configuration, for status; of its steps the empty slots. */
static void counts_load_recent(struct engine *engine)
{
    const struct config *config = engine_config(engine);
    for (size_t w = 0; w < config->workflow_count; w++) {
        struct workflow_state *workflow = engine_workflow(engine, config->workflows[w].name);
        for (int64_t h = 0; workflow && h < ENGINE_HOURS; h++)
            (void)counts_hour(engine, workflow, engine->now_unix_ms - h * COUNTS_HOUR_MS);
        for (size_t s = 0; workflow && s < config->workflows[w].step_count; s++) {
            struct step_state *state = counts_step(workflow, config->workflows[w].steps[s].name);
            int64_t now = engine->now_unix_ms / COUNTS_HOUR_MS;
            for (int64_t hour = now - ENGINE_HOURS + 1; state && hour <= now; hour++)
                state->hours[(size_t)(hour % ENGINE_HOURS)] = (struct step_hour){.hour = hour};
        }
    }
}

enum err engine_recount(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    uint64_t through = 0;
    size_t count = LIMIT_PAGE;
    enum err err = counts_read_through(engine, &through);
    counts_load_recent(engine);
    if (err == ERR_OK)
        err = counts_read_steps(engine);
    while (err == ERR_OK && count == LIMIT_PAGE) {
        struct arena arena;
        arena_init(&arena, (size_t)LIMIT_PAGE * 65536);
        struct store_record *records = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_record);
        err = records ? store->list_records(store->impl, through + 1, LIMIT_PAGE, &arena, records,
                                            &count)
                      : ERR_NO_MEMORY;
        for (size_t i = 0; err == ERR_OK && i < count; i++) {
            err = counts_replay(engine, &records[i], &arena);
            through = records[i].seq;
        }
        arena_done(&arena);
    }
    return err;
}

/* ---- sums ---- */

struct tally_stored {
    const struct workflow_state *workflow;
    struct tally *out;
};

static enum err tally_add_row(void *arg, const struct store_row *row, bool *out_is_enough)
{
    struct tally_stored *sum = arg;
    struct tally tally;
    int64_t hour = 0;
    *out_is_enough = /* another workflow's */
        !tally_key_parse(row->key, slice_text(sum->workflow->name), &hour);
    if (*out_is_enough || sum->workflow->hours[hour % ENGINE_HOURS].hour == hour)
        return ERR_OK;
    enum err err = tally_decode(row->value, &tally);
    if (err == ERR_OK)
        tally_sum(sum->out, &tally);
    return err;
}

/* Adds the stored hours that are not in memory. */
static enum err tally_add_stored(struct engine *engine, const struct workflow_state *workflow,
                                 int64_t since_hour, struct tally *out)
{
    struct tally_stored sum = {workflow, out};
    struct buf after;
    buf_init(&after, LIMIT_NAME + 32);
    tally_key_add(&after, slice_text(workflow->name), since_hour - 1);
    enum err err = rows_each(engine, STORE_COUNTS, buf_slice(&after), tally_add_row, &sum);
    buf_done(&after);
    return err;
}

enum err engine_tally(void *impl, struct slice workflow, int64_t since_unix_ms, struct tally *out)
{
    struct engine *engine = impl;
    int64_t since_hour = since_unix_ms / COUNTS_HOUR_MS;
    struct tally tally = {{0}};
    const struct workflow_state *state = engine_workflow(engine, workflow);
    if (!state)
        return ERR_NO_MEMORY;
    for (size_t h = 0; h < ENGINE_HOURS; h++)
        if (state->hours[h].hour != 0 && state->hours[h].hour >= since_hour)
            tally_sum(&tally, &state->hours[h].tally);
    enum err err = tally_add_stored(engine, state, since_hour, &tally);
    if (err == ERR_OK)
        *out = tally;
    return err;
}
