/* loop/levels.c - what time alone changes: backlog, age, silence, what is past due; and windows and
 * cautions that become normal again. Looked at each minute, on the engine's beat (R29). */
#include "loop/triggers.h"

#include "base/calendar.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/steps.h"

enum { LEVELS_DAY_MS = 24 * 3600 * 1000, LEVELS_SWEEP_MS = 600 * 1000, LEVELS_SWEEP_PAGE = 256 };
/* A posted signal is known by its id for so long. */
#define LEVELS_SIGNAL_MS (7LL * LEVELS_DAY_MS)

/* A ramp over all of its scope lets in a part: what waits grows by that, not by new trouble. */
static bool level_is_ramping(const struct engine *engine, const struct trigger_slot *slot)
{
    struct scope scope = slot_scope(slot);
    for (size_t i = 0; engine->ramp_count > 0 && i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (stop->is_ramping && !stop->is_lifted && !stop->is_lifting && scope_covers(stop, &scope))
            return true;
    }
    return false;
}

static void level_feed(struct engine *engine, struct trigger_slot *slot, int64_t value)
{
    slot_feed(engine, slot,
              (struct trigger_event){.kind = TRIGGER_VALUE,
                                     .is_ramping = level_is_ramping(engine, slot),
                                     .amount = value > 0 ? value : 0});
}

/* ---- backlog ---- */

void engine_see_backlog(struct engine *engine, const struct step *step)
{
    size_t count = 0;
    const uint32_t *feeds = engine_feeds(engine, step, SIGNAL_BACKLOG, &count);
    for (size_t i = 0; i < count; i++) {
        struct trigger_slot *slot = &engine->triggers.slots[feeds[i]];
        level_feed(engine, slot,
                   (int64_t)engine_backlog(engine, slot->workflow, slot->trigger->step));
    }
}

/* ---- the oldest held, and what is past due ---- */

/* What waits may do so under the name that its workflow, or its step, had before (R28). */
static size_t level_names(const struct trigger_slot *slot)
{
    const struct step *step = slot->trigger->step;
    return (slot->workflow->was.count + 1) * ((step ? step->was.count : 0) + 1);
}

static struct slice level_scope(const struct trigger_slot *slot, size_t index, struct arena *arena)
{
    const struct workflow *workflow = slot->workflow;
    const struct step *step = slot->trigger->step;
    size_t w = index % (workflow->was.count + 1), s = index / (workflow->was.count + 1);
    struct slice step_name = s > 0 ? step->was.at[s - 1] : step ? step->name : (struct slice){0};
    return arena_fmt(arena, "%.*s/%.*s",
                     SLICE_FMT(w > 0 ? workflow->was.at[w - 1] : workflow->name),
                     SLICE_FMT(step_name));
}

/* The oldest id of that queue; UINT64_MAX: none. */
static uint64_t level_first_id(struct engine *engine, enum store_queue queue, struct slice scope)
{
    const struct store_port *store = &engine->options.store;
    struct store_open_query query = {.has_queue = true, .queue = queue, .scope = scope, .limit = 1};
    struct arena arena;
    struct store_action first = {0};
    size_t count = 0;
    arena_init(&arena, ENGINE_SCRATCH);
    enum err err = store->list_open(store->impl, &query, &arena, &first, &count);
    arena_done(&arena);
    return err == ERR_OK && count > 0 ? first.id : UINT64_MAX;
}

/* Since its submit: an id begins with its time. */
static int64_t level_held_age(struct engine *engine, const struct trigger_slot *slot)
{
    static const enum store_queue queues[] = {STORE_QUEUE_HELD_STOP, STORE_QUEUE_HELD_UPSTREAM,
                                              STORE_QUEUE_HELD_OTHER, STORE_QUEUE_HELD_ORDER};
    uint64_t oldest = UINT64_MAX;
    for (size_t n = 0; n < level_names(slot); n++) {
        struct arena arena;
        arena_init(&arena, 4096);
        struct slice scope = level_scope(slot, n, &arena);
        for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
            uint64_t id = level_first_id(engine, queues[i], scope);
            oldest = id < oldest ? id : oldest;
        }
        arena_done(&arena);
    }
    int64_t since_unix_ms = (int64_t)(oldest >> 20);
    return since_unix_ms < engine->now_unix_ms ? engine->now_unix_ms - since_unix_ms : 0;
}

/* How many of the page after `query` are past due, the most urgent first; by how long the first. */
struct level_late {
    int64_t count, first_ms;
    bool is_over; /* no further page has any */
    size_t name;  /* which one is asked for */
};

static void level_late_page(struct engine *engine, const struct trigger_slot *slot,
                            struct store_open_query *query, struct level_late *late)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    size_t count = 0;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action *page = ARENA_ARRAY(&arena, query->limit, struct store_action);
    query->scope = level_scope(slot, late->name, &arena);
    if (!page || store->list_open(store->impl, query, &arena, page, &count) != ERR_OK)
        count = 0;
    late->is_over = count < query->limit;
    for (size_t i = 0; i < count; i++) {
        int64_t by_ms = engine->now_unix_ms - page[i].people_due_unix_ms;
        query->after_due_unix_ms = page[i].people_due_unix_ms;
        query->after_id = page[i].id;
        late->is_over = late->is_over || by_ms <= 0;
        late->count += by_ms > 0;
        late->first_ms = late->first_ms > by_ms ? late->first_ms : by_ms;
    }
    arena_done(&arena);
}

/* Counted until it is more than enough; as many as there are right after a restart. */
static int64_t level_overdue(struct engine *engine, const struct trigger_slot *slot)
{
    enum { OVERDUE_PAGE = 256 };
    const struct trigger_state *state = &slot->row.state;
    int64_t most = trigger_most(state, &slot->terms);
    if (state->is_known_over && state->known_value == 0)
        most = INT64_MAX;
    bool is_time = slot->trigger->is_duration;
    struct level_late late = {0};
    for (; late.name < level_names(slot) && late.count <= most; late.name++) {
        struct store_open_query query = {.by_people_due = true,
                                         .has_queue = true,
                                         .queue = STORE_QUEUE_PEOPLE,
                                         .limit = is_time || most == 0 ? 1 : OVERDUE_PAGE};
        do
            level_late_page(engine, slot, &query, &late);
        while (!is_time && !late.is_over && late.count <= most);
    }
    return is_time ? late.first_ms : late.count;
}

/* ---- silence ---- */

void engine_saw(struct engine *engine, const struct step *step)
{
    size_t count = 0;
    const uint32_t *feeds = engine_feeds(engine, step, SIGNAL_SILENT, &count);
    for (size_t i = 0; i < count; i++)
        slot_saw(engine, &engine->triggers.slots[feeds[i]]);
}

void slot_saw(struct engine *engine, struct trigger_slot *slot)
{
    bool is_news = engine->now_unix_ms - slot->row.seen_unix_ms >= TRIGGER_SIGHT_MS ||
                   slot->row.forgiven_ms > 0 || slot->row.state.level != TRIGGER_NORMAL;
    slot->row.seen_unix_ms = engine->now_unix_ms;
    slot->row.forgiven_ms = 0;
    if (is_news)
        slot_is_moved(engine, slot);
    if (slot->row.state.level != TRIGGER_NORMAL)
        level_feed(engine, slot, 0);
}

/* How long after the last time of day by which something should have come; 0: it has, or there was
 * none yet. What came since the midnight before counts. */
static int64_t level_after_deadline(const struct engine *engine, const struct trigger_slot *slot)
{
    const struct expect *expect = &slot->workflow->expect;
    const struct zone *zone = engine->options.zone;
    struct calendar calendar = {.impl = zone ? zone->impl : NULL,
                                .utc_offset_ms = zone ? zone->utc_offset_ms : NULL};
    int64_t now = engine->now_unix_ms - slot->row.forgiven_ms; /* down time does not count */
    int64_t local = now + (calendar.utc_offset_ms ? calendar.utc_offset_ms(calendar.impl, now) : 0);
    int64_t today = local / LEVELS_DAY_MS;
    for (int64_t day = today; day > today - 8; day--) {
        unsigned weekday = (unsigned)((day + 3) % 7); /* 1970-01-01 was a Thursday */
        int64_t midnight = calendar_unix_ms(&calendar, day * LEVELS_DAY_MS);
        int64_t deadline =
            calendar_unix_ms(&calendar, day * LEVELS_DAY_MS + expect->minute_of_day * 60000LL);
        if (!(expect->weekdays >> weekday & 1) || deadline > now)
            continue;
        return slot->row.seen_unix_ms >= midnight ? 0 : now - deadline;
    }
    return 0;
}

static int64_t level_silent(const struct engine *engine, const struct trigger_slot *slot)
{
    const struct expect *expect = &slot->workflow->expect;
    int64_t silent_ms = engine->now_unix_ms - slot->row.seen_unix_ms - slot->row.forgiven_ms;
    if (!slot->trigger->is_standard)
        return silent_ms;
    return expect->every_ms > 0 ? silent_ms - expect->every_ms : level_after_deadline(engine, slot);
}

/* ---- each minute ---- */

void slot_look(struct engine *engine, struct trigger_slot *slot)
{
    switch (slot->trigger->signal) {
    case SIGNAL_BACKLOG:
        level_feed(engine, slot,
                   (int64_t)engine_backlog(engine, slot->workflow, slot->trigger->step));
        return;
    case SIGNAL_HELD_AGE:
        level_feed(engine, slot, level_held_age(engine, slot));
        return;
    case SIGNAL_OVERDUE:
        level_feed(engine, slot, level_overdue(engine, slot));
        return;
    case SIGNAL_SILENT:
        level_feed(engine, slot, level_silent(engine, slot));
        return;
    case SIGNAL_REPEAT: /* its value is that of one start: over when no other one exceeds */
        if (slot->row.state.level == TRIGGER_TRIPPED)
            level_feed(engine, slot, 0);
        return;
    default:
        break;
    }
    if (slot->row.state.level == TRIGGER_TRIPPED && slot->terms.move >= MOVE_CAUTION)
        slot_feed(engine, slot, (struct trigger_event){.kind = TRIGGER_TICK});
}

/* ---- rows that are over ---- */

static bool sweep_is_over(const struct engine *engine, enum store_table table,
                          const struct store_row *row)
{
    struct repeat_state state;
    int64_t keep_ms = 0;
    if (repeat_row_decode(row->value, &state) != ERR_OK)
        return false;
    if (table == STORE_SIGNALS)
        keep_ms = LEVELS_SIGNAL_MS;
    for (size_t i = 0; table == STORE_REPEATS && i < engine->triggers.count; i++)
        if (row->key.size > DIGEST_SHORT &&
            memcmp(engine->triggers.slots[i].counts, row->key.at, DIGEST_SHORT) == 0 &&
            engine->triggers.slots[i].trigger->terms.window_ms > keep_ms)
            keep_ms = engine->triggers.slots[i].trigger->terms.window_ms;
    if (keep_ms == 0)
        keep_ms = LEVELS_SIGNAL_MS; /* of a definition that is no more */
    return engine->now_unix_ms - state.starts_unix_ms[0] > keep_ms;
}

/* A page of one of the two tables; what is in memory may be newer, and is left. */
static void level_sweep(struct engine *engine)
{
    static const enum store_table tables[] = {STORE_REPEATS, STORE_SIGNALS};
    struct triggers *triggers = &engine->triggers;
    const struct store_port *store = &engine->options.store;
    enum store_table table = tables[triggers->sweep_table];
    struct arena arena;
    struct pending none = {0};
    size_t count = 0, gone = 0;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_row *rows = ARENA_ARRAY(&arena, LEVELS_SWEEP_PAGE, struct store_row);
    enum err err =
        rows ? store->list_rows(store->impl, table,
                                slice_of(triggers->sweep_after, triggers->sweep_after_size),
                                LEVELS_SWEEP_PAGE, &arena, rows, &count)
             : ERR_NO_MEMORY;
    triggers->sweep_after_size = 0;
    if (err == ERR_OK && count == LEVELS_SWEEP_PAGE &&
        rows[count - 1].key.size <= sizeof triggers->sweep_after) {
        memcpy(triggers->sweep_after, rows[count - 1].key.at, rows[count - 1].key.size);
        triggers->sweep_after_size = rows[count - 1].key.size;
    }
    for (size_t i = 0; err == ERR_OK && i < count; i++)
        if (sweep_is_over(engine, table, &rows[i]) && !engine_has_memo(engine, rows[i].key))
            rows[gone++] =
                (struct store_row){.table = table, .key = rows[i].key, .is_removed = true};
    if (gone > 0)
        engine_save_rows(engine, rows, gone, &none);
    if (triggers->sweep_after_size == 0) {
        triggers->sweep_table ^= 1;
        triggers->sweep_unix_ms = engine->now_unix_ms + LEVELS_SWEEP_MS;
    }
    arena_done(&arena);
}

void engine_run_triggers(struct engine *engine)
{
    struct triggers *triggers = &engine->triggers;
    if (engine->now_unix_ms < triggers->sight_unix_ms || engine->unsaved >= ENGINE_UNSAVED_ACT)
        return;
    triggers->sight_unix_ms = engine->now_unix_ms + TRIGGER_SIGHT_MS;
    for (size_t i = 0; i < triggers->count; i++) {
        slot_look(engine, &triggers->slots[i]);
        triggers->has_due |= triggers->slots[i].row.is_trip_due; /* there was no room to tell it */
    }
    engine_run_trips(engine);
    engine_save_triggers(engine);
    if (engine->now_unix_ms >= triggers->sweep_unix_ms)
        level_sweep(engine);
}
