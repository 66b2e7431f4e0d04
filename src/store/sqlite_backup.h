/* store/sqlite_backup.h - one consistent copy of a running store, page by page.
 * Owns: the copy under its temporary name, until it gets its real one.
 *
 *   IDLE -> COPYING [sqlite_backup_begin]  COPYING -> SEALING [sqlite_backup_step, last page]
 *   SEALING -> ENDED [sqlite_backup_seal]  COPYING -> ENDED [step failed, sqlite_backup_give_up]
 *   ENDED -> IDLE [sqlite_backup_collect]
 *
 * Invariants:
 *   1. The copy is read through the writer's connection between its transactions: SQLite then
 *      carries over what is written meanwhile, no read transaction is held, and checkpoints go
 *      on.
 *   2. The name given appears only when the copy is whole, marked as a copy and synced. A file
 *      that has this name is never overwritten.
 *   3. The copy is one file, 0600, in rollback mode: it can be moved and opened alone.
 * Threads: COPYING the store thread, SEALING the keeper, else the loop thread; phase is the
 *   hand-over. */
#pragma once
#include <stdatomic.h>

#include "store/sql.h"

enum sqlite_backup_phase { BACKUP_IDLE, BACKUP_COPYING, BACKUP_SEALING, BACKUP_ENDED };

struct sqlite_backup {
    atomic_int phase; /* enum sqlite_backup_phase */
    char *path, *temporary;
    sqlite3 *copy;
    sqlite3_backup *job;
    enum err result; /* of ENDED */
};

/* Store thread: makes the temporary file. ERR_CONFLICT: path exists; ERR_BUSY: one is running. */
MUST_USE enum err sqlite_backup_begin(struct sqlite_backup *backup, sqlite3 *source,
                                      struct slice path);
enum sqlite_backup_phase sqlite_backup_phase(const struct sqlite_backup *backup);
/* Store thread, COPYING: copies some pages. */
void sqlite_backup_step(struct sqlite_backup *backup);
/* Store thread: ends a COPYING one, for instance at close. */
void sqlite_backup_give_up(struct sqlite_backup *backup, enum err why);
/* Keeper, SEALING: marks, syncs, names. */
void sqlite_backup_seal(struct sqlite_backup *backup);
/* Loop thread, ENDED: its result; IDLE again. */
enum err sqlite_backup_collect(struct sqlite_backup *backup);
