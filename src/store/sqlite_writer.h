/* store/sqlite_writer.h - the store thread: takes what was submitted, saves it in batches.
 * Owns: the only connection that writes, the queue to it and the queue back.
 *
 *   STORE_OK -> STORE_FULL, STORE_FULL -> STORE_OK, any -> STORE_FAILED [sqlite_writer_save]
 *
 * Invariants:
 *   1. A parcel comes back only after the transaction that holds it is synced; in order.
 *   2. Without space the batch stays and is tried again, later and later up to a second; it is
 *      never given up.
 *   3. After any other failure nothing is written any more. The parcels before a stolen key are
 *      saved first (port/store.h invariant 3).
 *   4. A transaction that failed or took long is followed by a look at the run epoch: if another
 *      process has opened the store meanwhile, nothing more is written (R27).
 * Threads: init, start, done, ask, put, take on the loop thread; the rest is the store thread. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "store/mailbox.h"
#include "store/sqlite_apply.h"
#include "store/sqlite_keeper.h"

struct sqlite_writer_stats {
    uint64_t batches, parcels, records;     /* saved since open */
    uint64_t batch_max;                     /* parcels of the largest batch */
    uint64_t commit_last_us, commit_max_us; /* from its begin to synced */
    uint64_t wal_pages;
    uint64_t open_count, ended_count;
};

enum sqlite_writer_ask { WRITER_ERASE, WRITER_BACKUP, WRITER_ADOPT };

/* What the loop thread waits for: it is answered between two batches. */
struct sqlite_writer_question {
    enum sqlite_writer_ask what;
    uint64_t seq;
    struct slice path;
    bool is_answered;
    enum err answer;
};

struct sqlite_writer {
    sqlite3 *db;
    struct sqlite_apply apply;
    struct sqlite_keeper *keeper;
    struct sqlite_backup *backup;
    struct mailbox in, out;  /* of struct parcel */
    struct sqlite_bell bell; /* parcels came back, or the state changed */
    int64_t run_epoch;
    pthread_t thread;
    bool is_running;
    atomic_bool is_closing;
    atomic_int state, why; /* enum store_state, enum err */
    atomic_llong page_max; /* 0 = none; -1 = taken over */
    pthread_mutex_t mutex; /* of the two below */
    pthread_cond_t answered;
    struct sqlite_writer_question *question;
    struct sqlite_writer_stats stats;
    /* The store thread's own. */
    struct parcel **batch;
    size_t batch_count;
    uint64_t wal_pages;
    int64_t retry_ms, retry_at_us; /* after STORE_FULL */
    int64_t backup_at_us;          /* no slice of a backup before */
};

/* Takes the connection over, also on failure. */
MUST_USE enum err sqlite_writer_init(struct sqlite_writer *writer, sqlite3 *db,
                                     struct sqlite_keeper *keeper, struct sqlite_backup *backup,
                                     struct sqlite_bell bell);
MUST_USE enum err sqlite_writer_start(struct sqlite_writer *writer);
/* Saves what is queued, if it can, and ends the thread. What came back is still to be taken. */
void sqlite_writer_stop(struct sqlite_writer *writer);
/* Frees all, parcels too. Accepts a half-made one. */
void sqlite_writer_done(struct sqlite_writer *writer);
/* Waits for the answer. */
enum err sqlite_writer_ask(struct sqlite_writer *writer, struct sqlite_writer_question *question);
void sqlite_writer_get_stats(struct sqlite_writer *writer, struct sqlite_writer_stats *out_stats);
/* Pages that the database may have; 0 = as many as there is room for. */
void sqlite_writer_set_page_max(struct sqlite_writer *writer, uint64_t page_max);
