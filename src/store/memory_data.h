/* store/memory_data.h - what is durable in a memory store.
 * Owns: the tables of port/store.h as sorted arrays, and what one saved submit changes in them.
 * Invariants:
 *   1. memory_data_apply changes all or nothing.
 *   2. Out of memory stops the program: this store is for tests and simulation. */
#pragma once
#include "store/chainer.h"
#include "store/parcel.h"
#include "store/sorted.h"

struct memory_record {
    struct slice body;
    struct slice payload; /* at == NULL: none, or erased */
    unsigned char hash[STORE_HASH_SIZE];
};

struct memory_action {
    uint64_t id;
    bool is_ended;
    enum store_queue queue;
    int64_t due_unix_ms, people_due_unix_ms;
    struct slice row, frozen, scope, upstream, order;
};

struct memory_row {
    enum store_table table;
    struct slice key, value;
    unsigned char sum[STORE_SUM_SIZE];
};

struct memory_data {
    struct chainer chainer;
    struct memory_record *records; /* of seq 1, 2, ... */
    size_t record_count, record_capacity;
    struct sorted actions; /* struct memory_action by id */
    struct sorted keys;    /* struct store_key by hash */
    struct sorted rows;    /* struct memory_row by table, then key */
    uint64_t batch_count, open_count;
    struct store_seal seals[STORE_SEAL_COUNT];
};

MUST_USE enum err memory_data_init(struct memory_data *data);
void memory_data_done(struct memory_data *data);
/* ERR_CONFLICT (port/store.h invariant 3): nothing was changed. */
MUST_USE enum err memory_data_apply(struct memory_data *data, const struct parcel *parcel);
/* The payload of that record, or NULL. */
struct slice *memory_data_payload(struct memory_data *data, uint64_t seq);
/* Overwrites the bytes before they are freed. */
void memory_data_forget(struct slice *held);
const struct memory_row *memory_data_row(const struct memory_data *data, enum store_table table,
                                         struct slice key);
/* Index in rows of the first one above the key. */
size_t memory_data_row_after(const struct memory_data *data, enum store_table table,
                             struct slice key);
