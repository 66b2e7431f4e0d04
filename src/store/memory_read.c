#include "store/memory_read.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"

static size_t memory_read_limit(size_t limit)
{
    return limit < LIMIT_PAGE ? limit : LIMIT_PAGE;
}

/* Copies; false when the arena is full. */
static bool memory_read_copy(struct arena *arena, struct slice bytes, struct slice *out)
{
    *out = bytes.size > 0 ? arena_copy(arena, bytes) : (struct slice){0};
    return out->size == bytes.size;
}

static enum err memory_read_action(const struct memory_action *held, struct arena *arena,
                                   struct store_action *out)
{
    struct store_action action = {.id = held->id,
                                  .is_ended = held->is_ended,
                                  .queue = held->queue,
                                  .due_unix_ms = held->due_unix_ms,
                                  .people_due_unix_ms = held->people_due_unix_ms};
    if (!memory_read_copy(arena, held->row, &action.row) ||
        !memory_read_copy(arena, held->frozen, &action.frozen) ||
        !memory_read_copy(arena, held->order, &action.order) ||
        (!held->is_ended && (!memory_read_copy(arena, held->scope, &action.scope) ||
                             !memory_read_copy(arena, held->upstream, &action.upstream))))
        return ERR_LIMIT;
    *out = action;
    return ERR_OK;
}

static enum err memory_read_get_action(void *impl, uint64_t id, struct arena *arena,
                                       struct store_action *out)
{
    const struct memory_data *data = impl;
    const struct memory_action *held = sorted_get(&data->actions, &id);
    return held ? memory_read_action(held, arena, out) : ERR_NOT_FOUND;
}

static enum err memory_read_get_key(void *impl, const unsigned char hash[STORE_KEY_SIZE],
                                    struct store_key *out)
{
    const struct memory_data *data = impl;
    const struct store_key *held = sorted_get(&data->keys, hash);
    if (!held)
        return ERR_NOT_FOUND;
    *out = *held;
    return ERR_OK;
}

static enum err memory_read_record(const struct memory_data *data, uint64_t seq,
                                   struct arena *arena, struct store_record *out)
{
    struct store_record record = {.seq = seq};
    const struct memory_record *held = &data->records[seq - 1];
    if (!memory_read_copy(arena, held->body, &record.body))
        return ERR_LIMIT;
    memcpy(record.hash, held->hash, sizeof record.hash);
    *out = record;
    return ERR_OK;
}

static enum err memory_read_get_record(void *impl, uint64_t seq, struct arena *arena,
                                       struct store_record *out)
{
    const struct memory_data *data = impl;
    if (seq == 0 || seq > data->record_count)
        return ERR_NOT_FOUND;
    return memory_read_record(data, seq, arena, out);
}

static enum err memory_read_get_payload(void *impl, uint64_t seq, struct arena *arena,
                                        struct slice *out)
{
    const struct slice *held = memory_data_payload(impl, seq);
    if (!held)
        return ERR_NOT_FOUND;
    struct slice copy = {0};
    if (!memory_read_copy(arena, *held, &copy))
        return ERR_LIMIT;
    *out = copy;
    return ERR_OK;
}

static enum err memory_read_get_row(void *impl, enum store_table table, struct slice key,
                                    struct arena *arena, struct slice *out_value)
{
    const struct memory_row *held = memory_data_row(impl, table, key);
    if (!held)
        return ERR_NOT_FOUND;
    struct slice copy = {0};
    if (!memory_read_copy(arena, held->value, &copy))
        return ERR_LIMIT;
    *out_value = copy;
    return ERR_OK;
}

static bool memory_read_scope_fits(struct slice wanted, struct slice scope)
{
    bool is_prefix = wanted.size > 0 && wanted.at[wanted.size - 1] == '/';
    return wanted.size == 0 ||
           (is_prefix ? slice_starts(scope, wanted) : slice_equal(scope, wanted));
}

static bool memory_read_fits(const struct store_open_query *query,
                             const struct memory_action *action)
{
    if (action->is_ended || (query->has_queue && action->queue != query->queue))
        return false;
    if ((query->upstream.size > 0 || query->is_of_upstream) &&
        !slice_equal(action->upstream, query->upstream))
        return false;
    if (query->order.size > 0 && !slice_equal(action->order, query->order))
        return false;
    if (!memory_read_scope_fits(query->scope, action->scope))
        return false;
    if (!query->by_due && !query->by_people_due)
        return action->id > query->after_id;
    int64_t due = query->by_due ? action->due_unix_ms : action->people_due_unix_ms;
    if (query->by_due && (due <= 0 || due > query->due_until_unix_ms))
        return false;
    if (query->by_people_due && action->queue != STORE_QUEUE_PEOPLE)
        return false;
    if (due != query->after_due_unix_ms)
        return due > query->after_due_unix_ms;
    return action->id > query->after_id;
}

static int memory_read_compare_due(const void *a, const void *b)
{
    const struct memory_action *x = *(const struct memory_action *const *)a;
    const struct memory_action *y = *(const struct memory_action *const *)b;
    if (x->due_unix_ms != y->due_unix_ms)
        return x->due_unix_ms < y->due_unix_ms ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int memory_read_compare_people_due(const void *a, const void *b)
{
    const struct memory_action *x = *(const struct memory_action *const *)a;
    const struct memory_action *y = *(const struct memory_action *const *)b;
    if (x->people_due_unix_ms != y->people_due_unix_ms)
        return x->people_due_unix_ms < y->people_due_unix_ms ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static enum err memory_read_list_open(void *impl, const struct store_open_query *query,
                                      struct arena *arena, struct store_action *out,
                                      size_t *out_count)
{
    const struct memory_data *data = impl;
    size_t limit = memory_read_limit(query->limit);
    const struct memory_action **found = calloc(data->actions.count + 1, sizeof *found);
    CHECK(found != NULL); /* store/memory_data.h invariant 2 */
    size_t count = 0;
    for (size_t i = 0; i < data->actions.count; i++)
        if (memory_read_fits(query, data->actions.items[i]))
            found[count++] = data->actions.items[i];
    if (query->by_due)
        qsort(found, count, sizeof *found, memory_read_compare_due);
    if (query->by_people_due)
        qsort(found, count, sizeof *found, memory_read_compare_people_due);
    if (count > limit)
        count = limit;
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++)
        err = memory_read_action(found[i], arena, &out[i]);
    free(found);
    if (err == ERR_OK)
        *out_count = count;
    return err;
}

static enum err memory_read_list_actions(void *impl, uint64_t before, size_t limit,
                                         struct arena *arena, struct store_action *out,
                                         size_t *out_count)
{
    const struct memory_data *data = impl;
    size_t end = before ? sorted_find(&data->actions, &before) : data->actions.count;
    size_t count = 0;
    for (limit = memory_read_limit(limit); end > 0 && count < limit; end--) {
        enum err err = memory_read_action(data->actions.items[end - 1], arena, &out[count++]);
        if (err != ERR_OK)
            return err;
    }
    *out_count = count;
    return ERR_OK;
}

static enum err memory_read_list_records(void *impl, uint64_t from_seq, size_t limit,
                                         struct arena *arena, struct store_record *out,
                                         size_t *out_count)
{
    const struct memory_data *data = impl;
    size_t count = 0;
    uint64_t seq = from_seq ? from_seq : 1;
    for (limit = memory_read_limit(limit); seq <= data->record_count && count < limit; seq++) {
        enum err err = memory_read_record(data, seq, arena, &out[count++]);
        if (err != ERR_OK)
            return err;
    }
    *out_count = count;
    return ERR_OK;
}

static enum err memory_read_list_keys(void *impl, const unsigned char after[STORE_KEY_SIZE],
                                      size_t limit, struct store_key *out, size_t *out_count)
{
    const struct memory_data *data = impl;
    size_t count = 0;
    size_t at = 0;
    if (after) {
        at = sorted_find(&data->keys, after);
        at += at < data->keys.count && data->keys.compare(data->keys.items[at], after) == 0;
    }
    for (limit = memory_read_limit(limit); at < data->keys.count && count < limit; at++)
        out[count++] = *(const struct store_key *)data->keys.items[at];
    *out_count = count;
    return ERR_OK;
}

static enum err memory_read_list_rows(void *impl, enum store_table table, struct slice after,
                                      size_t limit, struct arena *arena, struct store_row *out,
                                      size_t *out_count)
{
    const struct memory_data *data = impl;
    size_t count = 0;
    size_t at = memory_data_row_after(data, table, after);
    for (limit = memory_read_limit(limit); at < data->rows.count && count < limit; at++) {
        const struct memory_row *held = data->rows.items[at];
        if (held->table != table)
            break;
        struct store_row *row = &out[count++];
        *row = (struct store_row){.table = table};
        if (!memory_read_copy(arena, held->key, &row->key) ||
            !memory_read_copy(arena, held->value, &row->value))
            return ERR_LIMIT;
        memcpy(row->sum, held->sum, sizeof row->sum);
    }
    *out_count = count;
    return ERR_OK;
}

static enum err memory_read_get_seals(void *impl, struct store_seals *out)
{
    const struct memory_data *data = impl;
    *out = (struct store_seals){.seq = data->record_count,
                                .open_actions = data->open_count,
                                .ended_actions = data->actions.count - data->open_count,
                                .run_epoch = UINT64_MAX};
    memcpy(out->of, data->seals, sizeof out->of);
    return ERR_OK;
}

static enum err memory_read_examine(void *impl, struct buf *out_found)
{
    (void)impl; /* there is no file */
    (void)out_found;
    return ERR_OK;
}

static void memory_read_let_go(void *impl)
{
    (void)impl; /* each read is of its own moment */
}

void memory_read_fill(struct store_port *port)
{
    port->get_action = memory_read_get_action;
    port->get_key = memory_read_get_key;
    port->get_record = memory_read_get_record;
    port->get_payload = memory_read_get_payload;
    port->get_row = memory_read_get_row;
    port->list_open = memory_read_list_open;
    port->list_actions = memory_read_list_actions;
    port->list_records = memory_read_list_records;
    port->list_keys = memory_read_list_keys;
    port->list_rows = memory_read_list_rows;
    port->get_seals = memory_read_get_seals;
    port->examine = memory_read_examine;
    port->let_go = memory_read_let_go;
}
