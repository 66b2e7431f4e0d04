#include "loop/former_ids.h"

#include "loop/engine_state.h"
#include "loop/rows.h"
#include "policy/compare.h"

static const char ids_prefix[] = "id/";
enum { IDS_PREFIX = sizeof ids_prefix - 1, IDS_KIND_SIZE = 2, IDS_ROW = 4096 };

/* A row: 'p' or 's', '-' or 'x' for who has left, and who it is. */
static struct slice ids_encode(struct arena *arena, const struct compare_id *id)
{
    return arena_fmt(arena, "%c%c%.*s", id->is_service ? 's' : 'p', id->is_gone ? 'x' : '-',
                     SLICE_FMT(id->who));
}

/* What cannot be read is of somebody unknown who has left. */
static struct compare_id ids_decode(struct slice name, struct slice value)
{
    bool is_good = value.size >= IDS_KIND_SIZE;
    return (struct compare_id){.name = name,
                               .who = is_good ? slice_from(value, IDS_KIND_SIZE) : value,
                               .is_service = is_good && value.at[0] == 's',
                               .is_gone = !is_good || value.at[1] != '-'};
}

static bool ids_is_allowed(const struct store_port *store, const struct config *config,
                           struct slice name, struct buf *out_text)
{
    struct arena arena;
    struct slice value = {0};
    arena_init(&arena, IDS_ROW * 4);
    struct slice key = arena_fmt(&arena, "%s%.*s", ids_prefix, SLICE_FMT(name));
    enum err err = store->get_row(store->impl, STORE_META, key, &arena, &value);
    bool is_good = err == ERR_NOT_FOUND;
    if (err == ERR_OK) {
        struct compare_id id = ids_decode(name, value);
        is_good = compare_ids(&id, 1, config, out_text);
    } else if (!is_good) {
        buf_add_fmt(out_text, "whose `%.*s` was cannot be read: %s\n", SLICE_FMT(name),
                    err_text(err));
    }
    arena_done(&arena);
    return is_good;
}

bool former_ids_allow(const struct store_port *store, const struct config *config,
                      struct buf *out_text)
{
    bool is_good = true;
    for (size_t i = 0; i < config->person_count; i++)
        is_good &= ids_is_allowed(store, config, config->people[i].name, out_text);
    for (size_t i = 0; i < config->service_count; i++)
        is_good &= ids_is_allowed(store, config, config->services[i].name, out_text);
    return is_good;
}

/* ---- what is stored with a configuration ---- */

struct ids_rows {
    const struct config *config;
    struct arena *arena;
    struct store_row *rows;
    size_t count, room;
    bool *is_known; /* of each person, then of each service: its row says so already */
};

static bool ids_find(const struct ids_rows *rows, struct slice name, size_t *out_index)
{
    const struct config *config = rows->config;
    for (size_t i = 0; i < config->person_count; i++)
        if (slice_equal(config->people[i].name, name)) {
            *out_index = i;
            return true;
        }
    for (size_t i = 0; i < config->service_count; i++)
        if (slice_equal(config->services[i].name, name)) {
            *out_index = config->person_count + i;
            return true;
        }
    return false;
}

static struct compare_id ids_of(const struct config *config, size_t index)
{
    if (index < config->person_count)
        return (struct compare_id){.name = config->people[index].name,
                                   .who = config->people[index].full_name};
    const struct service *service = &config->services[index - config->person_count];
    return (struct compare_id){
        .name = service->name, .who = compare_human(service), .is_service = true};
}

static enum err ids_add(struct ids_rows *rows, const struct compare_id *id)
{
    if (rows->count == rows->room) {
        size_t room = rows->room * 2 + 64;
        struct store_row *more = ARENA_ARRAY(rows->arena, room, struct store_row);
        if (!more)
            return ERR_NO_MEMORY;
        if (rows->count > 0)
            memcpy(more, rows->rows, rows->count * sizeof *more);
        rows->rows = more;
        rows->room = room;
    }
    rows->rows[rows->count++] =
        (struct store_row){.table = STORE_META,
                           .key = arena_fmt(rows->arena, "%s%.*s", ids_prefix, SLICE_FMT(id->name)),
                           .value = ids_encode(rows->arena, id)};
    return rows->arena->overflowed ? ERR_NO_MEMORY : ERR_OK;
}

/* A row of before: still true, changed, or of somebody who has left now. */
static enum err ids_each(void *arg, const struct store_row *row, bool *out_is_enough)
{
    struct ids_rows *rows = arg;
    size_t index = 0;
    if (!slice_starts(row->key, slice_text(ids_prefix))) {
        *out_is_enough = true;
        return ERR_OK;
    }
    struct compare_id was = ids_decode(slice_from(row->key, IDS_PREFIX), row->value);
    if (!ids_find(rows, was.name, &index)) {
        if (was.is_gone)
            return ERR_OK;
        was.is_gone = true;
        return ids_add(rows, &was);
    }
    struct compare_id now = ids_of(rows->config, index);
    rows->is_known[index] =
        !was.is_gone && was.is_service == now.is_service && slice_equal(was.who, now.who);
    return ERR_OK;
}

enum err former_ids_rows(struct engine *engine, struct arena *arena, struct store_row **out_rows,
                         size_t *out_count)
{
    const struct config *config = engine_config(engine);
    size_t count = config->person_count + config->service_count;
    struct ids_rows rows = {.config = config, .arena = arena};
    rows.is_known = ARENA_ARRAY(arena, count + 1, bool);
    enum err err = rows.is_known ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = rows_each(engine, STORE_META, slice_text(ids_prefix), ids_each, &rows);
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        struct compare_id id = ids_of(config, i);
        if (!rows.is_known[i])
            err = ids_add(&rows, &id);
    }
    *out_rows = rows.rows;
    *out_count = rows.count;
    return err;
}
