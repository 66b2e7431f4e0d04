#include "store/memory_data.h"

#include <stdlib.h>

#include "base/check.h"
#include "record/seal.h"

static int memory_data_compare_action(const void *item, const void *key)
{
    uint64_t id = ((const struct memory_action *)item)->id;
    uint64_t other = *(const uint64_t *)key;
    return id < other ? -1 : id > other;
}

static int memory_data_compare_key(const void *item, const void *key)
{
    return memcmp(((const struct store_key *)item)->hash, key, STORE_KEY_SIZE);
}

static int memory_data_compare_row(const void *item, const void *key)
{
    const struct memory_row *row = item;
    const struct memory_row *other = key;
    if (row->table != other->table)
        return row->table < other->table ? -1 : 1;
    return slice_compare(row->key, other->key);
}

enum err memory_data_init(struct memory_data *data)
{
    *data = (struct memory_data){0};
    sorted_init(&data->actions, memory_data_compare_action);
    sorted_init(&data->keys, memory_data_compare_key);
    sorted_init(&data->rows, memory_data_compare_row);
    return chainer_init(&data->chainer);
}

/* Replaces held bytes by a copy. */
static void memory_data_hold(struct slice *held, struct slice bytes)
{
    free((void *)(uintptr_t)held->at);
    *held = (struct slice){0};
    if (bytes.size == 0)
        return;
    char *at = malloc(bytes.size);
    CHECK(at != NULL); /* invariant 2 */
    memcpy(at, bytes.at, bytes.size);
    *held = (struct slice){at, bytes.size};
}

void memory_data_forget(struct slice *held)
{
    if (held->size > 0)
        explicit_bzero((void *)(uintptr_t)held->at, held->size);
    memory_data_hold(held, (struct slice){0});
}

static void memory_data_free_action(struct memory_action *action)
{
    memory_data_forget(&action->row);
    memory_data_forget(&action->frozen);
    memory_data_forget(&action->scope);
    memory_data_forget(&action->upstream);
    memory_data_forget(&action->order);
    free(action);
}

static void memory_data_free_row(struct memory_row *row)
{
    memory_data_forget(&row->key);
    memory_data_forget(&row->value);
    free(row);
}

void memory_data_done(struct memory_data *data)
{
    for (size_t i = 0; i < data->record_count; i++) {
        memory_data_forget(&data->records[i].body);
        memory_data_forget(&data->records[i].payload);
    }
    for (size_t i = 0; i < data->actions.count; i++)
        memory_data_free_action(data->actions.items[i]);
    for (size_t i = 0; i < data->keys.count; i++)
        free(data->keys.items[i]);
    for (size_t i = 0; i < data->rows.count; i++)
        memory_data_free_row(data->rows.items[i]);
    free(data->records);
    sorted_done(&data->actions);
    sorted_done(&data->keys);
    sorted_done(&data->rows);
    chainer_done(&data->chainer);
}

/* The last key with the hash of `end` that the parcel wrote before it, or NULL. */
static const struct store_key *memory_data_key_in(const struct parcel *parcel,
                                                  const struct store_key *end)
{
    const struct store_key *found = NULL;
    for (size_t i = 0; i < parcel->count; i++)
        for (size_t j = 0; j < parcel->writes[i].key_count; j++) {
            const struct store_key *key = &parcel->writes[i].keys[j];
            if (key == end)
                return found;
            if (memcmp(key->hash, end->hash, STORE_KEY_SIZE) == 0)
                found = key;
        }
    return found;
}

/* May this key of the parcel be written, given what is stored and what the parcel wrote before? */
static bool memory_data_key_fits(const struct memory_data *data, const struct parcel *parcel,
                                 const struct store_key *key)
{
    const struct store_key *held = memory_data_key_in(parcel, key);
    if (!held)
        held = sorted_get(&data->keys, key->hash);
    return !held || held->action == key->action || held->action == key->replaces;
}

static bool memory_data_keys_fit(const struct memory_data *data, const struct parcel *parcel)
{
    for (size_t i = 0; i < parcel->count; i++)
        for (size_t j = 0; j < parcel->writes[i].key_count; j++)
            if (!memory_data_key_fits(data, parcel, &parcel->writes[i].keys[j]))
                return false;
    return true;
}

static void memory_data_add_record(struct memory_data *data, const struct store_write *write)
{
    static const unsigned char zero[STORE_HASH_SIZE];
    const unsigned char *previous =
        data->record_count ? data->records[data->record_count - 1].hash : zero;
    unsigned char hash[STORE_HASH_SIZE];
    enum err err = chainer_next(&data->chainer, previous, write->seq, write->record, hash);
    CHECK(err == ERR_OK); /* invariant 2 */
    if (data->record_count == data->record_capacity) {
        data->record_capacity = data->record_capacity ? data->record_capacity * 2 : 16;
        data->records = realloc(data->records, data->record_capacity * sizeof *data->records);
        CHECK(data->records != NULL); /* invariant 2 */
    }
    struct memory_record *record = &data->records[data->record_count++];
    *record = (struct memory_record){0};
    CHECK(write->seq == data->record_count);
    memory_data_hold(&record->body, write->record);
    memory_data_hold(&record->payload, write->payload);
    memcpy(record->hash, hash, sizeof hash);
}

static void memory_data_set_action(struct memory_data *data, const struct store_write *write)
{
    struct memory_action *action = sorted_get(&data->actions, &write->action);
    bool enters_open = (!action || action->is_ended) && !write->is_ended;
    if (!action) {
        action = calloc(1, sizeof *action);
        CHECK(action != NULL); /* invariant 2 */
        action->id = write->action;
        sorted_put(&data->actions, &write->action, action);
    } else if (!action->is_ended) {
        data->open_count--;
    }
    data->open_count += !write->is_ended;
    action->is_ended = write->is_ended;
    memory_data_hold(&action->row, write->row);
    if (write->is_ended) {
        memory_data_forget(&action->frozen);
        memory_data_forget(&action->order);
        action->queue = STORE_QUEUE_NONE;
        action->due_unix_ms = 0;
        action->people_due_unix_ms = 0;
        return;
    }
    if (enters_open || write->order.size > 0)
        memory_data_hold(&action->order, write->order);
    if (write->frozen.size > 0)
        memory_data_hold(&action->frozen, write->frozen);
    action->queue = write->queue;
    action->due_unix_ms = write->due_unix_ms;
    action->people_due_unix_ms = write->people_due_unix_ms;
    memory_data_hold(&action->scope, write->scope);
    memory_data_hold(&action->upstream, write->upstream);
}

static void memory_data_set_key(struct memory_data *data, const struct store_key *key)
{
    struct store_seal *seal = &data->seals[STORE_SEAL_KEYS];
    unsigned char digest[DIGEST_SIZE];
    struct store_key *held = sorted_get(&data->keys, key->hash);
    if (held) {
        seal_key(held, digest);
        seal_take(seal, digest);
    }
    seal_key(key, digest);
    seal_put(seal, digest);
    if (!held) {
        held = malloc(sizeof *held);
        CHECK(held != NULL); /* invariant 2 */
        memcpy(held->hash, key->hash, sizeof held->hash);
        sorted_put(&data->keys, key->hash, held);
    }
    *held = *key;
    held->replaces = 0;
}

static void memory_data_set_row(struct memory_data *data, const struct store_row *row)
{
    struct memory_row wanted = {.table = row->table, .key = row->key};
    struct store_seal *seal = &data->seals[STORE_SEAL_ROWS(row->table)];
    unsigned char digest[DIGEST_SIZE];
    struct memory_row *held = sorted_get(&data->rows, &wanted);
    if (held) {
        seal_row(row->table, row->key, held->value, digest);
        seal_take(seal, digest);
    }
    if (row->is_removed) {
        struct memory_row *gone = sorted_remove(&data->rows, &wanted);
        if (gone)
            memory_data_free_row(gone);
        return;
    }
    seal_row(row->table, row->key, row->value, digest);
    seal_put(seal, digest);
    if (!held) {
        held = calloc(1, sizeof *held);
        CHECK(held != NULL); /* invariant 2 */
        held->table = row->table;
        memory_data_hold(&held->key, row->key);
        sorted_put(&data->rows, &wanted, held);
    }
    memory_data_hold(&held->value, row->value);
    memcpy(held->sum, digest, sizeof held->sum);
}

enum err memory_data_apply(struct memory_data *data, const struct parcel *parcel)
{
    if (!memory_data_keys_fit(data, parcel))
        return ERR_CONFLICT;
    for (size_t i = 0; i < parcel->count; i++) {
        const struct store_write *write = &parcel->writes[i];
        if (write->seq != 0)
            memory_data_add_record(data, write);
        if (write->action != 0)
            memory_data_set_action(data, write);
        for (size_t j = 0; j < write->key_count; j++)
            memory_data_set_key(data, &write->keys[j]);
        for (size_t j = 0; j < write->row_count; j++)
            memory_data_set_row(data, &write->rows[j]);
        for (size_t j = 0; j < write->erased_count; j++) {
            struct slice *payload = memory_data_payload(data, write->erased[j]);
            if (payload)
                memory_data_forget(payload);
        }
    }
    data->batch_count++;
    return ERR_OK;
}

struct slice *memory_data_payload(struct memory_data *data, uint64_t seq)
{
    if (seq == 0 || seq > data->record_count || !data->records[seq - 1].payload.at)
        return NULL;
    return &data->records[seq - 1].payload;
}

const struct memory_row *memory_data_row(const struct memory_data *data, enum store_table table,
                                         struct slice key)
{
    struct memory_row wanted = {.table = table, .key = key};
    return sorted_get(&data->rows, &wanted);
}

size_t memory_data_row_after(const struct memory_data *data, enum store_table table,
                             struct slice key)
{
    struct memory_row wanted = {.table = table, .key = key};
    size_t index = sorted_find(&data->rows, &wanted);
    if (index < data->rows.count && memory_data_compare_row(data->rows.items[index], &wanted) == 0)
        index++;
    return index;
}
