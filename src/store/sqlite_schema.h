/* store/sqlite_schema.h - the tables in the file, their version, and how older ones become new.
 * Owns: every CREATE and ALTER, and the table `info`: version, run epoch, whether it is a copy.
 *
 *   info           major, minor, run_epoch, is_copy
 *   head           one row: last seq, its hash, how many actions are open and ended, a sum over
 *                  each small table (record/seal.h); moves with every transaction, so that a cut at
 *                  the end of records shows
 *   records        seq -> hash, body           only ever appended
 *   payloads       seq -> bytes                appended; erased in place, so that no page keeps an
 *                                              older copy of a neighbour that was moved
 *   open_actions   id -> row, frozen request, queue, due time, scope, upstream
 *   ended_actions  id -> row
 *   keys           hash -> fingerprint, action
 *   small_rows     table, key -> value, the first bytes of its digest
 *
 * Invariants:
 *   1. A step of the history is never edited once it was released; a new one is added.
 *   2. Each step is one transaction, with the version in it; before the first step on a store that
 *      has something to lose a copy is made.
 *   3. A newer major is refused (ERR_VERSION, R27); a newer minor only adds what we may ignore. */
#pragma once
#include "store/sql.h"

struct sqlite_schema_step {
    int major, minor; /* the version after it */
    const char *sql;
};

struct sqlite_schema_version {
    int major, minor;
};

/* The history from nothing to now. What is older than its first step is refused (ERR_VERSION). */
const struct sqlite_schema_step *sqlite_schema_steps(size_t *out_count);
/* 0.0 for an empty file; ERR_CORRUPT for a file that is no store. */
MUST_USE enum err sqlite_schema_version(sqlite3 *db, struct sqlite_schema_version *out_version);
/* Brings the store up to the last step; copies go beside path. On failure out_message gets a
 * sentence. */
MUST_USE enum err sqlite_schema_migrate(sqlite3 *db, const char *path,
                                        const struct sqlite_schema_step *steps, size_t step_count,
                                        struct buf *out_message);
/* Opened only to be read: neither older nor a newer major. */
MUST_USE enum err sqlite_schema_check(sqlite3 *db, const char *path, struct buf *out_message);

/* Numbers of `info`. ERR_NOT_FOUND where there is none. */
MUST_USE enum err sqlite_schema_get(sqlite3 *db, const char *name, int64_t *out_value);
MUST_USE enum err sqlite_schema_set(sqlite3 *db, const char *name, int64_t value);
