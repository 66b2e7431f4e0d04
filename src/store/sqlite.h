/* store/sqlite.h - the durable store on one node: a folder with one SQLite database in it.
 * Owns: the parts (folder, reader, writer, keeper, backup) and what the loop thread knows: the
 *   next sequence number, what is on its way, the head that was told.
 *
 * The life of a submit: copied into a parcel, put into the writer's queue; saved on the store
 * thread with all others that wait (one transaction, one sync); back through the other queue; an
 * uv_async wakes the loop, which moves the head and tells done.
 *
 *   FOLDER/lock                   the lock (store/folder.h)
 *   FOLDER/interlock.db           the database; with -wal and -shm beside it while it is open
 *   FOLDER/interlock.db.v2.0-1    a copy that was made before the tables were changed
 *
 * Invariants:
 *   1. Nothing is told before it is synced (synchronous=FULL).
 *   2. Submits on their way: at most LIMIT_STORE_QUEUE and about LIMIT_STORE_QUEUE_BYTES.
 *   3. While something is on its way the loop stays alive; otherwise the store does not hold it.
 * Threads: every function here on the loop thread. */
#pragma once
#include <uv.h>

#include "base/buf.h"
#include "port/store.h"

struct sqlite_schema_step;

struct store_sqlite_options {
    struct slice folder;
    /* For tests of migration: another history of the tables; NULL = the real one. */
    const struct sqlite_schema_step *steps;
    size_t step_count;
};

struct store_sqlite_stats {
    uint64_t batches, submits, records; /* saved since open; submits / batches = the group commit */
    uint64_t batch_max;                 /* submits in the largest batch */
    uint64_t commit_last_us, commit_max_us; /* of one transaction with its sync */
    uint64_t queue_count, queue_bytes;      /* submits on their way */
    uint64_t wal_bytes, checkpoints;
};

/* Opens or makes the folder. On failure out_message gets a sentence for people: where, what, what
 * to do. ERR_LOCKED: in use; ERR_VERSION: of a newer interlock; ERR_INVALID: a network file system.
 */
MUST_USE enum err store_sqlite_open(const struct store_sqlite_options *options, uv_loop_t *loop,
                                    struct store_port *out_port, struct buf *out_message);
/* Opens the file of a store or of a backup (or the folder) only to be read, without lock and loop.
 */
MUST_USE enum err store_sqlite_open_file(struct slice path, struct store_port *out_port,
                                         struct buf *out_message);
/* Saves what is on its way unless the store is full or failed, tells its done, and closes. Not from
 * inside a done. The loop must turn once more before it is closed. Accepts a port without impl. */
void store_sqlite_close(struct store_port *port);

/* Opened from a backup that nobody has adopted yet: its time has gone on elsewhere (R3, R27). */
bool store_sqlite_is_copy(const struct store_port *port);
/* From now on this is no copy any more. Durable on return. */
MUST_USE enum err store_sqlite_adopt(const struct store_port *port);
/* How often this store was opened to be written, this time included. */
uint64_t store_sqlite_run_epoch(const struct store_port *port);
void store_sqlite_stats(const struct store_port *port, struct store_sqlite_stats *out_stats);
/* The database may grow to so many bytes (0 = no limit of its own): past it STORE_FULL, as if the
 * disk were full. */
void store_sqlite_set_size_max(const struct store_port *port, uint64_t size_max);
