/* store/sqlite_apply.h - what one saved batch changes in the tables.
 * Owns: the writer's prepared statements, the chain's last hash and the counters of the head row.
 * Invariants:
 *   1. A batch is one transaction: after any failure the tables and the head here are as before.
 *   2. The seals are of the tables as they are: each row is added, and taken away, where it is
 *      written.
 *   3. An action is in open_actions or in ended_actions, never in both.
 * Threads: the store thread (before it runs: the loop thread). */
#pragma once
#include "store/chainer.h"
#include "store/parcel.h"
#include "store/sql.h"

enum { SQLITE_APPLY_STATEMENTS = 21 };

struct sqlite_head {
    uint64_t seq;
    unsigned char hash[STORE_HASH_SIZE];
    uint64_t open_count, ended_count;
    /* The highest ids there ever were. A new action is above both, and needs no look-up. */
    uint64_t newest_open, newest_ended;
    struct store_seal seals[STORE_SEAL_COUNT];
};

struct sqlite_apply {
    sqlite3 *db; /* not owned */
    sqlite3_stmt *statements[SQLITE_APPLY_STATEMENTS];
    struct chainer chainer;
    struct sqlite_head head;
    bool has_erased; /* the last batch erased payloads */
};

/* Reads the head. ERR_CORRUPT when it does not fit the last record. */
MUST_USE enum err sqlite_apply_init(struct sqlite_apply *apply, sqlite3 *db);
void sqlite_apply_done(struct sqlite_apply *apply);
/* Saves the parcels in one transaction and notes the head after each in it. On failure out_failed
 * is the index of the parcel whose own bytes were at fault; count when it was the transaction. */
MUST_USE enum err sqlite_apply_batch(struct sqlite_apply *apply, struct parcel *const *parcels,
                                     size_t count, size_t *out_failed);
/* Overwrites the payload in place; a transaction of its own. ERR_NOT_FOUND: none, or erased. */
MUST_USE enum err sqlite_apply_erase(struct sqlite_apply *apply, uint64_t seq);
/* The head row as it is in the file. */
MUST_USE enum err sqlite_apply_read_head(sqlite3 *db, struct sqlite_head *out_head);
