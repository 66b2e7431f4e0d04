#include "store/memory.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "store/memory_read.h"

struct store_memory {
    struct memory_data data;               /* first: memory_read_fill wants it there */
    struct list pending;                   /* parcels, oldest first */
    struct list saved;                     /* durable, not told yet */
    size_t outstanding, outstanding_bytes; /* of both lists */
    uint64_t next_seq, next_ticket;
    uint64_t head_seq; /* as told */
    unsigned char head_hash[STORE_HASH_SIZE];
    enum store_state state;
    enum err why;
    void (*changed)(void *arg);
    void *changed_arg;
};

struct store_memory *store_memory_new(void)
{
    struct store_memory *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    list_init(&store->pending);
    list_init(&store->saved);
    store->next_seq = 1;
    store->next_ticket = 1;
    if (memory_data_init(&store->data) != ERR_OK) {
        store_memory_free(store);
        return NULL;
    }
    return store;
}

static void memory_drop(struct list *parcels)
{
    while (!list_is_empty(parcels)) {
        struct parcel *parcel = LIST_ENTRY(parcels->next, struct parcel, node);
        list_remove(&parcel->node);
        free(parcel);
    }
}

void store_memory_free(struct store_memory *store)
{
    if (!store)
        return;
    memory_drop(&store->pending);
    memory_drop(&store->saved);
    memory_data_done(&store->data);
    free(store);
}

static void memory_set_state(struct store_memory *store, enum store_state state, enum err why)
{
    if (store->state == state || store->state == STORE_FAILED)
        return;
    store->state = state;
    store->why = why;
    if (store->changed)
        store->changed(store->changed_arg);
}

static enum err memory_submit(void *impl, const struct store_write *writes, size_t count,
                              store_done_fn *done, void *arg)
{
    struct store_memory *store = impl;
    if (store->state == STORE_FAILED)
        return store->why;
    if (store->outstanding >= LIMIT_STORE_QUEUE ||
        store->outstanding_bytes >= LIMIT_STORE_QUEUE_BYTES)
        return ERR_BUSY;
    uint64_t next_seq = parcel_check(writes, count, store->next_seq);
    struct parcel *parcel = parcel_new(writes, count);
    if (!parcel)
        return ERR_NO_MEMORY;
    parcel->done = done;
    parcel->arg = arg;
    parcel->ticket = store->next_ticket++;
    store->next_seq = next_seq;
    store->outstanding++;
    store->outstanding_bytes += parcel->size;
    list_add_before(&store->pending, &parcel->node);
    return ERR_OK;
}

size_t store_memory_save(struct store_memory *store, size_t max_batches)
{
    size_t count = 0;
    while (count < max_batches && store->state == STORE_OK && !list_is_empty(&store->pending)) {
        struct parcel *parcel = LIST_ENTRY(store->pending.next, struct parcel, node);
        enum err err = memory_data_apply(&store->data, parcel);
        if (err != ERR_OK) {
            memory_set_state(store, STORE_FAILED, err);
            break;
        }
        parcel->head_seq = store->data.record_count;
        if (parcel->head_seq > 0)
            memcpy(parcel->head_hash, store->data.records[parcel->head_seq - 1].hash,
                   STORE_HASH_SIZE);
        list_remove(&parcel->node);
        list_add_before(&store->saved, &parcel->node);
        count++;
    }
    return count;
}

size_t store_memory_tell(struct store_memory *store, size_t max_batches)
{
    size_t count = 0;
    while (count < max_batches && !list_is_empty(&store->saved)) {
        struct parcel *parcel = LIST_ENTRY(store->saved.next, struct parcel, node);
        list_remove(&parcel->node);
        store->outstanding--;
        store->outstanding_bytes -= parcel->size;
        store->head_seq = parcel->head_seq;
        memcpy(store->head_hash, parcel->head_hash, STORE_HASH_SIZE);
        if (parcel->done)
            parcel->done(parcel->arg, parcel->ticket);
        free(parcel);
        count++;
    }
    return count;
}

size_t store_memory_flush(struct store_memory *store, size_t max_batches)
{
    size_t count = 0;
    while (count < max_batches) {
        size_t saved = store_memory_save(store, 1);
        if (store_memory_tell(store, 1) + saved == 0)
            break;
        count++;
    }
    return count;
}

void store_memory_crash(struct store_memory *store)
{
    memory_drop(&store->pending);
    memory_drop(&store->saved);
    store->outstanding = 0;
    store->outstanding_bytes = 0;
    store->state = STORE_OK;
    store->why = ERR_OK;
    store->changed = NULL;
    store->next_ticket = 1;
    store->next_seq = store->data.record_count + 1;
    store->head_seq = store->data.record_count;
    if (store->head_seq > 0)
        memcpy(store->head_hash, store->data.records[store->head_seq - 1].hash, STORE_HASH_SIZE);
}

void store_memory_set_full(struct store_memory *store, bool is_full)
{
    memory_set_state(store, is_full ? STORE_FULL : STORE_OK, is_full ? ERR_NO_SPACE : ERR_OK);
}

void store_memory_fail(struct store_memory *store, enum err why)
{
    CHECK(why != ERR_OK);
    memory_set_state(store, STORE_FAILED, why);
}

static enum store_state memory_state(void *impl, enum err *out_why)
{
    const struct store_memory *store = impl;
    *out_why = store->why;
    return store->state;
}

static void memory_watch(void *impl, void (*changed)(void *arg), void *arg)
{
    struct store_memory *store = impl;
    store->changed = changed;
    store->changed_arg = arg;
}

static void memory_head(void *impl, uint64_t *out_seq, unsigned char out_hash[STORE_HASH_SIZE])
{
    const struct store_memory *store = impl;
    *out_seq = store->head_seq;
    memcpy(out_hash, store->head_hash, STORE_HASH_SIZE);
}

static void memory_counts(void *impl, struct store_counts *out_counts)
{
    const struct store_memory *store = impl;
    const struct memory_data *data = &store->data;
    *out_counts = (struct store_counts){
        .records = data->record_count,
        .batches = data->batch_count,
        .open_actions = data->open_count,
        .ended_actions = data->actions.count - data->open_count,
        .disk_free_bytes = store->state == STORE_FULL ? 0 : UINT64_MAX,
    };
}

static enum err memory_erase_payload(void *impl, uint64_t seq)
{
    struct store_memory *store = impl;
    struct slice *payload = memory_data_payload(&store->data, seq);
    if (!payload)
        return ERR_NOT_FOUND;
    if (store->state != STORE_OK)
        return store->why;
    memory_data_forget(payload);
    return ERR_OK;
}

static enum err memory_backup(void *impl, struct slice path, void (*done)(void *arg, enum err err),
                              void *arg)
{
    (void)impl; /* there are no files to copy, and none to tell of */
    (void)path;
    (void)done;
    (void)arg;
    return ERR_INVALID;
}

struct store_port store_memory_port(struct store_memory *store)
{
    struct store_port port = {
        .impl = store,
        .submit = memory_submit,
        .state = memory_state,
        .watch = memory_watch,
        .head = memory_head,
        .counts = memory_counts,
        .erase_payload = memory_erase_payload,
        .backup = memory_backup,
    };
    memory_read_fill(&port);
    return port;
}
