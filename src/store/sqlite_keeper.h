/* store/sqlite_keeper.h - the thread that moves the log into the database file, and seals backups.
 * Owns: checkpoints, and the gate through which every write transaction goes.
 *
 * A checkpoint runs in two parts. The long one, twice over, goes on while the writer writes. The
 * short one, for what was written meanwhile, shuts the gate and waits for the snapshot of the
 * loop's turn: only if nothing is left over does the writer begin
 * the log anew, and only so the log stays small under load. (Checkpoints by the writer itself
 * showed as waits of 19 ms against 4 ms.)
 *
 * Invariants:
 *   1. Behind the gate the writer has no transaction.
 *   2. The log has at most LIMIT_WAL_PAGES_HARD pages and one transaction: past it the gate opens
 *      only after a checkpoint. If another process reads and holds the pages in the log, that is no
 *      room (ERR_NO_SPACE), until it is done.
 * Threads: its own; enter and leave on the store thread, the rest anywhere. */
#pragma once
#include <pthread.h>

#include "store/sqlite_backup.h"

/* Wakes the loop thread: there is something to tell. */
struct sqlite_bell {
    void (*ring)(void *arg); /* on any thread */
    void *arg;
};

struct sqlite_keeper {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    sqlite3 *db; /* its own connection */
    struct sqlite_backup *backup;
    struct sqlite_bell bell; /* a backup has ended */
    bool is_running, is_closing;
    bool wants_checkpoint, wants_truncation;
    bool is_gate_shut, is_writing;
    int64_t retry_at_ms, truncate_at_ms;     /* not before; monotonic */
    uint64_t wal_pages_begin, wal_pages_max; /* LIMIT_WAL_PAGES..., or less in a test */
    uint64_t wal_pages; /* as the writer saw it last; 0 when all of it was moved */
    uint64_t checkpoint_count;
    enum err result; /* of the last checkpoint */
    bool is_blocked; /* it went well, but a reader holds what is left */
};

MUST_USE enum err sqlite_keeper_init(struct sqlite_keeper *keeper, const char *path,
                                     struct sqlite_backup *backup, struct sqlite_bell bell);
MUST_USE enum err sqlite_keeper_start(struct sqlite_keeper *keeper);
/* Ends the thread, then the connection. Accepts a half-made one. */
void sqlite_keeper_done(struct sqlite_keeper *keeper);

/* Around each write transaction. An error: the log is at its limit and cannot be moved. */
MUST_USE enum err sqlite_keeper_enter(struct sqlite_keeper *keeper);
void sqlite_keeper_leave(struct sqlite_keeper *keeper, uint64_t wal_pages);
/* The log holds older copies of what was erased: cut it to nothing, within about a second. */
void sqlite_keeper_truncate(struct sqlite_keeper *keeper);
/* A backup has become SEALING. */
void sqlite_keeper_seal(struct sqlite_keeper *keeper);
/* Ends waits in enter: the store closes. */
void sqlite_keeper_close(struct sqlite_keeper *keeper);
uint64_t sqlite_keeper_checkpoints(struct sqlite_keeper *keeper);
