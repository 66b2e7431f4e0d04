#include "store/sqlite_keeper.h"

#include <signal.h>
#include <time.h>

#include "base/check.h"
#include "base/limits.h"

/* A failed checkpoint is tried again after a while, and the log is cut at most once in a while: a
 * sweep that erases many payloads wants one cut, not many. */
enum {
    KEEPER_CACHE_KIB = 64,
    KEEPER_REST_MS = 1000,
    KEEPER_BUSY_MS = 20,
    KEEPER_PASSES = 2 /* before the gate shuts: the log, and what came meanwhile */
};

static void sqlite_keeper_lock(struct sqlite_keeper *keeper)
{
    CHECK(pthread_mutex_lock(&keeper->mutex) == 0);
}

static void sqlite_keeper_unlock(struct sqlite_keeper *keeper)
{
    CHECK(pthread_mutex_unlock(&keeper->mutex) == 0);
}

/* All waits here are in a loop over what they wait for. */
static void sqlite_keeper_tell(struct sqlite_keeper *keeper)
{
    CHECK(pthread_cond_broadcast(&keeper->changed) == 0);
}

static void sqlite_keeper_wait(struct sqlite_keeper *keeper)
{
    CHECK(pthread_cond_wait(&keeper->changed, &keeper->mutex) == 0);
}

enum err sqlite_keeper_init(struct sqlite_keeper *keeper, const char *path,
                            struct sqlite_backup *backup, struct sqlite_bell bell)
{
    *keeper = (struct sqlite_keeper){.backup = backup,
                                     .bell = bell,
                                     .wal_pages_begin = LIMIT_WAL_PAGES,
                                     .wal_pages_max = LIMIT_WAL_PAGES_HARD};
    pthread_condattr_t attributes;
    CHECK(pthread_mutex_init(&keeper->mutex, NULL) == 0); /* cannot fail with these attributes */
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&keeper->changed, &attributes) == 0);
    CHECK(pthread_condattr_destroy(&attributes) == 0);
    enum err err = sql_open(&keeper->db, path, SQLITE_OPEN_READWRITE, KEEPER_CACHE_KIB);
    if (err == ERR_OK)
        err = sql_exec(keeper->db, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
    /* It waits for readers with the gate shut. Ours are quick; others must not stop the writer. */
    (void)sqlite3_busy_timeout(keeper->db, KEEPER_BUSY_MS); /* only bad handles are refused */
    return err;
}

/* Holding the lock. At the limit: has the last checkpoint said why nothing gets out of the log? */
static enum err sqlite_keeper_why(const struct sqlite_keeper *keeper)
{
    if (keeper->result != ERR_OK)
        return keeper->result;
    return keeper->is_blocked ? ERR_NO_SPACE : ERR_OK; /* no room in the log: invariant 2 */
}

enum err sqlite_keeper_enter(struct sqlite_keeper *keeper)
{
    enum err err = ERR_OK;
    sqlite_keeper_lock(keeper);
    for (;;) {
        bool is_at_limit = keeper->wal_pages >= keeper->wal_pages_max && !keeper->is_closing;
        if (!keeper->is_gate_shut && !is_at_limit)
            break;
        err = keeper->is_gate_shut ? ERR_OK : sqlite_keeper_why(keeper);
        if (err != ERR_OK)
            break;
        sqlite_keeper_wait(keeper);
    }
    keeper->is_writing = err == ERR_OK;
    sqlite_keeper_unlock(keeper);
    return err;
}

void sqlite_keeper_leave(struct sqlite_keeper *keeper, uint64_t wal_pages)
{
    sqlite_keeper_lock(keeper);
    keeper->is_writing = false;
    keeper->wal_pages = wal_pages;
    bool is_news = keeper->is_gate_shut;
    if (wal_pages >= keeper->wal_pages_begin && !keeper->wants_checkpoint) {
        keeper->wants_checkpoint = true;
        is_news = true;
    }
    if (is_news)
        sqlite_keeper_tell(keeper);
    sqlite_keeper_unlock(keeper);
}

void sqlite_keeper_truncate(struct sqlite_keeper *keeper)
{
    sqlite_keeper_lock(keeper);
    keeper->wants_truncation = true;
    sqlite_keeper_tell(keeper);
    sqlite_keeper_unlock(keeper);
}

void sqlite_keeper_seal(struct sqlite_keeper *keeper)
{
    sqlite_keeper_lock(keeper); /* so that the thread cannot miss it before it waits */
    sqlite_keeper_tell(keeper);
    sqlite_keeper_unlock(keeper);
}

void sqlite_keeper_close(struct sqlite_keeper *keeper)
{
    sqlite_keeper_lock(keeper);
    keeper->is_closing = true;
    sqlite_keeper_tell(keeper);
    sqlite_keeper_unlock(keeper);
}

uint64_t sqlite_keeper_checkpoints(struct sqlite_keeper *keeper)
{
    sqlite_keeper_lock(keeper);
    uint64_t count = keeper->checkpoint_count;
    sqlite_keeper_unlock(keeper);
    return count;
}

/* Moves what it can; true when nothing was left in the log at its end. */
static enum err sqlite_keeper_move(struct sqlite_keeper *keeper, int mode, bool *out_is_all)
{
    int page_count = 0;
    int moved_count = 0;
    int rc = sqlite3_wal_checkpoint_v2(keeper->db, NULL, mode, &page_count, &moved_count);
    *out_is_all = rc == SQLITE_OK && page_count == moved_count;
    /* A reader in the way is no error: the next checkpoint comes. */
    return (rc & 0xff) == SQLITE_BUSY ? ERR_OK : sql_err(keeper->db, rc);
}

static void sqlite_keeper_shut_gate(struct sqlite_keeper *keeper)
{
    sqlite_keeper_lock(keeper);
    keeper->is_gate_shut = true;
    while (keeper->is_writing)
        sqlite_keeper_wait(keeper);
    sqlite_keeper_unlock(keeper);
}

/* Both parts. The gate opens with the result. */
static void sqlite_keeper_checkpoint(struct sqlite_keeper *keeper, bool truncates)
{
    bool is_all = false;
    enum err err = ERR_OK;
    for (int i = 0; i < KEEPER_PASSES && err == ERR_OK && !is_all; i++)
        err = sqlite_keeper_move(keeper, SQLITE_CHECKPOINT_PASSIVE, &is_all);
    sqlite_keeper_shut_gate(keeper);
    if (err == ERR_OK) /* invariant 1; FULL waits for the loop's look-ups, passive would give up */
        err = sqlite_keeper_move(
            keeper, truncates ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_FULL, &is_all);
    sqlite_keeper_lock(keeper);
    keeper->is_gate_shut = false;
    keeper->result = err;
    keeper->is_blocked = err == ERR_OK && !is_all;
    keeper->checkpoint_count++;
    if (err == ERR_OK && is_all)
        keeper->wal_pages = 0;
    /* The writer may have asked again during the passes: that is done, or wanted still. */
    keeper->wants_checkpoint = !(err == ERR_OK && is_all);
    if (truncates && !(err == ERR_OK && is_all))
        keeper->wants_truncation = true;
    sqlite_keeper_tell(keeper);
    sqlite_keeper_unlock(keeper);
}

static int64_t sqlite_keeper_now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sqlite_keeper_wait_until(struct sqlite_keeper *keeper, int64_t at_ms)
{
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    (void)pthread_cond_timedwait(&keeper->changed, &keeper->mutex, &at); /* asked again after it */
}

/* Holding the lock, with something wanted: does it, or waits until it may. */
static void sqlite_keeper_turn(struct sqlite_keeper *keeper)
{
    int64_t now_ms = sqlite_keeper_now_ms();
    /* A truncation would make a copy that runs begin anew. */
    bool copies = sqlite_backup_phase(keeper->backup) == BACKUP_COPYING;
    bool truncates = keeper->wants_truncation && !copies && now_ms >= keeper->truncate_at_ms;
    bool moves = keeper->wants_checkpoint && now_ms >= keeper->retry_at_ms;
    if (!truncates && !moves) {
        sqlite_keeper_wait_until(keeper, now_ms + KEEPER_REST_MS / 4);
        return;
    }
    keeper->wants_checkpoint = false;
    keeper->wants_truncation = keeper->wants_truncation && !truncates;
    sqlite_keeper_unlock(keeper);
    sqlite_keeper_checkpoint(keeper, truncates);
    sqlite_keeper_lock(keeper);
    if (truncates)
        keeper->truncate_at_ms = now_ms + KEEPER_REST_MS;
    if (keeper->result != ERR_OK || keeper->is_blocked)
        keeper->retry_at_ms = keeper->truncate_at_ms = now_ms + KEEPER_REST_MS;
}

static void *sqlite_keeper_run(void *arg)
{
    struct sqlite_keeper *keeper = arg;
    (void)pthread_setname_np(pthread_self(), "store-keeper"); /* only for people */
    sqlite_keeper_lock(keeper);
    for (;;) {
        if (sqlite_backup_phase(keeper->backup) == BACKUP_SEALING) {
            sqlite_keeper_unlock(keeper);
            sqlite_backup_seal(keeper->backup);
            keeper->bell.ring(keeper->bell.arg);
            sqlite_keeper_lock(keeper);
        } else if (keeper->is_closing) {
            break;
        } else if (keeper->wants_checkpoint || keeper->wants_truncation) {
            sqlite_keeper_turn(keeper);
        } else {
            sqlite_keeper_wait(keeper);
        }
    }
    sqlite_keeper_unlock(keeper);
    return NULL;
}

enum err sqlite_keeper_start(struct sqlite_keeper *keeper)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* signals belong to the loop thread */
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int rc = pthread_create(&keeper->thread, NULL, sqlite_keeper_run, keeper);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    keeper->is_running = rc == 0;
    return rc == 0 ? ERR_OK : ERR_LIMIT;
}

void sqlite_keeper_done(struct sqlite_keeper *keeper)
{
    if (!keeper->bell.ring)
        return;
    if (keeper->is_running) {
        sqlite_keeper_close(keeper);
        CHECK(pthread_join(keeper->thread, NULL) == 0);
    }
    (void)sqlite3_close(keeper->db); /* it has no statements */
    CHECK(pthread_cond_destroy(&keeper->changed) == 0);
    CHECK(pthread_mutex_destroy(&keeper->mutex) == 0);
    *keeper = (struct sqlite_keeper){0};
}
