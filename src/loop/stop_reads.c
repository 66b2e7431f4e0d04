/* loop/stop_reads.c - stops as others read them, from memory or from the store; and how those in
 * force come back at a start, before anything else. */
#include "loop/stops.h"

#include "base/map.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/rows.h"
#include "loop/views.h"
#include "record/ids.h"
#include "record/stop_row.h"

static enum err stops_do_list(void *impl, bool with_lifted, struct arena *arena,
                              struct stop *out_stops, size_t *out_count)
{
    struct engine *engine = impl;
    (void)arena;
    size_t room = *out_count;
    *out_count = 0;
    for (size_t i = 0; i < engine->board.stop_count && *out_count < room; i++)
        if (with_lifted || !engine->board.stops[i].is_lifted)
            out_stops[(*out_count)++] = engine->board.stops[i];
    return ERR_OK;
}

static bool stop_was_in_force(const struct stop *stop, const struct scope *at, int64_t unix_ms)
{
    return stop->position == POSITION_STOPPED && stop->at_unix_ms <= unix_ms &&
           (!stop->is_lifted || stop->lifted_at_unix_ms >= unix_ms) && scope_covers(stop, at);
}

/* The newest that was in force at a place and time; rows come oldest first. */
struct stop_at {
    const struct scope *at;
    int64_t unix_ms;
    struct stop *out;
    bool is_found;
};

static enum err stop_at_row(void *arg, const struct store_row *row, bool *out_is_enough)
{
    struct stop_at *look = arg;
    struct stop stop = {0};
    (void)out_is_enough;
    enum err err = stop_row_decode(row->value, &stop);
    if (err != ERR_OK || !stop_was_in_force(&stop, look->at, look->unix_ms))
        return err;
    *look->out = stop;
    look->is_found = true;
    return ERR_OK;
}

static bool stop_at_by_rows(struct engine *engine, const struct scope *at, int64_t unix_ms,
                            struct stop *out)
{
    struct stop_at look = {.at = at, .unix_ms = unix_ms, .out = out};
    return rows_each(engine, STORE_STOPS, (struct slice){0}, stop_at_row, &look) == ERR_OK &&
           look.is_found;
}

const struct stop *engine_stop_at(struct engine *engine, const struct scope *at, int64_t unix_ms,
                                  bool with_lifted, struct arena *arena)
{
    struct stop *copy = ARENA_NEW(arena, struct stop);
    if (!copy)
        return NULL;
    for (size_t i = engine->board.stop_count; i > 0; i--) {
        const struct stop *stop = &engine->board.stops[i - 1];
        if (!stop_was_in_force(stop, at, unix_ms))
            continue;
        *copy = *stop;
        return copy;
    }
    return with_lifted && stop_at_by_rows(engine, at, unix_ms, copy) ? copy : NULL;
}

struct stops_list {
    struct stop *out;
    size_t count, room;
};

static bool stops_add(struct stops_list *list, const struct stop *stop)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->out[i].id == stop->id)
            return true;
    if (list->count == list->room)
        return false;
    list->out[list->count++] = *stop;
    return true;
}

static enum err stops_list_row(void *arg, const struct store_row *row, bool *out_is_enough)
{
    struct stops_list *list = arg;
    struct stop stop = {0};
    enum err err = stop_row_decode(row->value, &stop);
    if (err == ERR_OK)
        *out_is_enough = !stops_add(list, &stop);
    return err;
}

/* Ids are in order of time, and so are their spellings. */
static enum err stops_do_since(void *impl, int64_t since_unix_ms, struct stop *out,
                               size_t *inout_count)
{
    struct engine *engine = impl;
    struct stops_list list = {.out = out, .room = *inout_count};
    struct buf after;
    bool has_room = true;
    enum err err = ERR_OK;
    for (size_t i = 0; i < engine->board.stop_count; i++)
        if (!engine->board.stops[i].is_lifted)
            has_room = stops_add(&list, &engine->board.stops[i]);
    buf_init(&after, TEXT_ID_MAX);
    text_add_id(&after, ID_STOP, since_unix_ms > 0 ? (uint64_t)since_unix_ms << 20 : 0);
    if (has_room)
        err = rows_each(engine, STORE_STOPS, buf_slice(&after), stops_list_row, &list);
    buf_done(&after);
    *inout_count = list.count;
    return err;
}

const struct stop *engine_read_stop(struct engine *engine, uint64_t id, struct arena *arena)
{
    struct stop *stop = switchboard_find(&engine->board, id);
    if (stop)
        return stop;
    struct buf key;
    struct slice value = {0};
    buf_init(&key, TEXT_ID_MAX);
    text_add_id(&key, ID_STOP, id);
    const struct store_port *store = &engine->options.store;
    enum err err = store->get_row(store->impl, STORE_STOPS, buf_slice(&key), arena, &value);
    buf_done(&key);
    stop = err == ERR_OK ? ARENA_NEW(arena, struct stop) : NULL;
    return stop && stop_row_decode(value, stop) == ERR_OK ? stop : NULL;
}

static const struct stop *stops_do_get(void *impl, uint64_t id, struct arena *arena)
{
    return engine_read_stop(impl, id, arena);
}

static enum err stops_do_in_flight(void *impl, uint64_t id, struct arena *arena,
                                   struct view *out_views, size_t *out_count)
{
    struct engine *engine = impl;
    const struct stop *stop = switchboard_find(&engine->board, id);
    size_t room = *out_count;
    size_t cursor = 0;
    struct entry *entry = NULL;
    *out_count = 0;
    while (stop && stop->in_flight > 0 && *out_count < room &&
           (entry = map_next(&engine->entries, &cursor)) != NULL) {
        struct scope scope = entry_scope(entry);
        if (!entry->row.action.attempt_is_open || entry->epoch_at_start > stop->epoch ||
            !scope_covers(stop, &scope))
            continue;
        enum err err = engine_fill_view(engine, entry, arena, &out_views[*out_count]);
        if (err != ERR_OK)
            return err;
        (*out_count)++;
    }
    return ERR_OK;
}

/* Lifted ones stay in the store alone, unless their receipt is open: it is completed first. */
static enum err stops_load_row(void *arg, const struct store_row *row, bool *out_is_enough)
{
    struct engine *engine = arg;
    struct stop stop = {0};
    struct stop *added = NULL;
    (void)out_is_enough;
    enum err err = stop_row_decode(row->value, &stop);
    bool is_open = stop.in_flight_at_start > 0 && !stop.is_receipt_saved;
    if (err == ERR_OK && (!stop.is_lifted || is_open))
        err = switchboard_stop(&engine->board, &stop, &added);
    return err;
}

/* I7: what was in force is in force, before anything starts. Receipts that waited for attempts of
 * the last run are completed by recovery, which ends those attempts. */
enum err engine_load_stops(struct engine *engine)
{
    return rows_each(engine, STORE_STOPS, (struct slice){0}, stops_load_row, engine);
}

void engine_port_stop_reads(struct engine_port *port)
{
    port->stops = stops_do_list;
    port->stops_since = stops_do_since;
    port->stop_by_id = stops_do_get;
    port->in_flight = stops_do_in_flight;
}
