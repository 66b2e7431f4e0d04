#include "store/sqlite_writer.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/limits.h"
#include "store/sqlite_schema.h"

enum {
    WRITER_RETRY_MIN_MS = 20,
    WRITER_RETRY_MAX_MS = 1000,
    WRITER_SLOW_US = 5000000, /* R27: the epoch is read again after so long a commit */
    WRITER_BACKUP_SHARE = 4,  /* under load a backup rests so many times as long as it worked */
};

static int64_t sqlite_writer_now_us(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void sqlite_writer_lock(struct sqlite_writer *writer)
{
    CHECK(pthread_mutex_lock(&writer->mutex) == 0);
}

static void sqlite_writer_unlock(struct sqlite_writer *writer)
{
    CHECK(pthread_mutex_unlock(&writer->mutex) == 0);
}

static int sqlite_writer_on_commit(void *arg, sqlite3 *db, const char *name, int page_count)
{
    (void)db; /* the one that the hook was set on */
    (void)name;
    ((struct sqlite_writer *)arg)->wal_pages = (uint64_t)page_count;
    return SQLITE_OK;
}

enum err sqlite_writer_init(struct sqlite_writer *writer, sqlite3 *db, struct sqlite_keeper *keeper,
                            struct sqlite_backup *backup, struct sqlite_bell bell)
{
    *writer = (struct sqlite_writer){.db = db, .keeper = keeper, .backup = backup, .bell = bell};
    atomic_init(&writer->page_max, -1);
    CHECK(pthread_mutex_init(&writer->mutex, NULL) == 0); /* cannot fail with these attributes */
    CHECK(pthread_cond_init(&writer->answered, NULL) == 0);
    writer->batch = calloc(LIMIT_BATCH, sizeof(struct parcel *));
    if (!writer->batch)
        return ERR_NO_MEMORY;
    enum err err = mailbox_init(&writer->in, LIMIT_STORE_QUEUE);
    if (err == ERR_OK)
        err = mailbox_init(&writer->out, LIMIT_STORE_QUEUE);
    if (err == ERR_OK)
        err = sqlite_schema_get(db, "run_epoch", &writer->run_epoch);
    if (err == ERR_OK)
        err = sqlite_apply_init(&writer->apply, db);
    (void)sqlite3_wal_hook(db, sqlite_writer_on_commit, writer); /* there was none before */
    writer->stats.open_count = writer->apply.head.open_count;
    writer->stats.ended_count = writer->apply.head.ended_count;
    return err;
}

static void sqlite_writer_set_state(struct sqlite_writer *writer, enum store_state state,
                                    enum err why)
{
    if (atomic_load(&writer->state) == (int)state)
        return;
    atomic_store(&writer->why, (int)why);
    atomic_store(&writer->state, (int)state);
    writer->bell.ring(writer->bell.arg);
}

static bool sqlite_writer_has_failed(struct sqlite_writer *writer)
{
    return atomic_load(&writer->state) == STORE_FAILED;
}

static void sqlite_writer_count(struct sqlite_writer *writer, size_t parcel_count,
                                uint64_t record_count, int64_t spent_us)
{
    const struct sqlite_head *head = &writer->apply.head;
    struct sqlite_writer_stats *stats = &writer->stats;
    sqlite_writer_lock(writer);
    stats->batches++;
    stats->parcels += parcel_count;
    stats->records += record_count;
    if (parcel_count > stats->batch_max)
        stats->batch_max = parcel_count;
    stats->commit_last_us = (uint64_t)spent_us;
    if (stats->commit_last_us > stats->commit_max_us)
        stats->commit_max_us = stats->commit_last_us;
    stats->wal_pages = writer->wal_pages;
    stats->open_count = head->open_count;
    stats->ended_count = head->ended_count;
    sqlite_writer_unlock(writer);
}

/* The first `count` parcels of the batch are durable: back with them. */
static void sqlite_writer_give_back(struct sqlite_writer *writer, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK(mailbox_put(&writer->out, writer->batch[i])); /* as many as may be on their way */
    memmove(writer->batch, writer->batch + count,
            (writer->batch_count - count) * sizeof(struct parcel *));
    writer->batch_count -= count;
    writer->bell.ring(writer->bell.arg);
}

/* Invariant 4. */
static enum err sqlite_writer_check_epoch(struct sqlite_writer *writer)
{
    int64_t epoch = 0;
    enum err err = sqlite_schema_get(writer->db, "run_epoch", &epoch);
    if (err == ERR_OK && epoch != writer->run_epoch)
        err = ERR_LOCKED;
    return err;
}

/* One transaction through the gate. */
static enum err sqlite_writer_commit(struct sqlite_writer *writer, size_t count, size_t *out_failed)
{
    enum err err = sqlite_keeper_enter(writer->keeper);
    if (err != ERR_OK)
        return err;
    int64_t began_us = sqlite_writer_now_us();
    uint64_t seq = writer->apply.head.seq;
    err = sqlite_apply_batch(&writer->apply, writer->batch, count, out_failed);
    int64_t spent_us = sqlite_writer_now_us() - began_us;
    if (err == ERR_OK)
        sqlite_writer_count(writer, count, writer->apply.head.seq - seq, spent_us);
    sqlite_keeper_leave(writer->keeper, writer->wal_pages);
    if (err == ERR_OK && writer->apply.has_erased)
        sqlite_keeper_truncate(writer->keeper); /* the log has older copies of what was erased */
    if (err == ERR_NO_SPACE || (err == ERR_OK && spent_us > WRITER_SLOW_US)) {
        enum err epoch_err = sqlite_writer_check_epoch(writer);
        if (epoch_err != ERR_OK && epoch_err != ERR_NO_SPACE)
            sqlite_writer_set_state(writer, STORE_FAILED, epoch_err);
    }
    return err;
}

/* All of the batch, or what comes before the parcel at fault. */
static void sqlite_writer_save(struct sqlite_writer *writer)
{
    size_t failed = writer->batch_count;
    enum err err = sqlite_writer_commit(writer, writer->batch_count, &failed);
    if (err == ERR_OK) {
        sqlite_writer_give_back(writer, writer->batch_count);
        writer->retry_ms = 0;
        if (!sqlite_writer_has_failed(writer))
            sqlite_writer_set_state(writer, STORE_OK, ERR_OK);
        return;
    }
    if (sqlite_writer_has_failed(writer))
        return;
    if (err == ERR_NO_SPACE) { /* invariant 2 */
        int64_t next_ms = writer->retry_ms ? writer->retry_ms * 2 : WRITER_RETRY_MIN_MS;
        writer->retry_ms = next_ms < WRITER_RETRY_MAX_MS ? next_ms : WRITER_RETRY_MAX_MS;
        writer->retry_at_us = sqlite_writer_now_us() + writer->retry_ms * 1000;
        sqlite_writer_set_state(writer, STORE_FULL, err);
        return;
    }
    size_t ignored = 0;
    if (err == ERR_CONFLICT && failed > 0 &&
        sqlite_writer_commit(writer, failed, &ignored) == ERR_OK)
        sqlite_writer_give_back(writer, failed); /* invariant 3 */
    sqlite_writer_set_state(writer, STORE_FAILED, err);
}

static enum err sqlite_writer_erase(struct sqlite_writer *writer, uint64_t seq)
{
    if (atomic_load(&writer->state) != STORE_OK)
        return (enum err)atomic_load(&writer->why);
    enum err err = sqlite_keeper_enter(writer->keeper);
    if (err != ERR_OK)
        return err;
    err = sqlite_apply_erase(&writer->apply, seq);
    sqlite_keeper_leave(writer->keeper, writer->wal_pages);
    if (err == ERR_OK)
        sqlite_keeper_truncate(writer->keeper);
    return err;
}

static enum err sqlite_writer_adopt(struct sqlite_writer *writer)
{
    if (writer->batch_count > 0) /* full: it stays a copy, and is stopped again */
        return ERR_NO_SPACE;
    enum err err = sqlite_keeper_enter(writer->keeper);
    if (err != ERR_OK)
        return err;
    err = sqlite_schema_set(writer->db, "is_copy", 0);
    sqlite_keeper_leave(writer->keeper, writer->wal_pages);
    return err;
}

static enum err sqlite_writer_answer(struct sqlite_writer *writer,
                                     const struct sqlite_writer_question *question)
{
    if (sqlite_writer_has_failed(writer))
        return (enum err)atomic_load(&writer->why);
    switch (question->what) {
    case WRITER_ERASE:
        return sqlite_writer_erase(writer, question->seq);
    case WRITER_BACKUP:
        return sqlite_backup_begin(writer->backup, writer->db, question->path);
    case WRITER_ADOPT:
        return sqlite_writer_adopt(writer);
    }
    CHECK_UNREACHABLE();
}

static void sqlite_writer_answer_any(struct sqlite_writer *writer)
{
    sqlite_writer_lock(writer);
    struct sqlite_writer_question *question = writer->question;
    /* A copy is one until the stop that was submitted before is durable (R27). */
    if (question && question->what == WRITER_ADOPT && mailbox_count(&writer->in) > 0 &&
        atomic_load(&writer->state) == STORE_OK)
        question = NULL;
    else
        writer->question = NULL;
    sqlite_writer_unlock(writer);
    if (!question)
        return;
    enum err answer = sqlite_writer_answer(writer, question);
    sqlite_writer_lock(writer);
    question->answer = answer;
    question->is_answered = true;
    CHECK(pthread_cond_signal(&writer->answered) == 0);
    sqlite_writer_unlock(writer);
}

enum err sqlite_writer_ask(struct sqlite_writer *writer, struct sqlite_writer_question *question)
{
    sqlite_writer_lock(writer);
    writer->question = question;
    sqlite_writer_unlock(writer);
    mailbox_wake(&writer->in);
    sqlite_writer_lock(writer);
    while (!question->is_answered)
        CHECK(pthread_cond_wait(&writer->answered, &writer->mutex) == 0);
    sqlite_writer_unlock(writer);
    return question->answer;
}

/* A slice, unless the last one was just now and there is work. */
static void sqlite_writer_back_up(struct sqlite_writer *writer, bool is_idle)
{
    int64_t began_us = sqlite_writer_now_us();
    if (!is_idle && began_us < writer->backup_at_us)
        return;
    sqlite_backup_step(writer->backup);
    int64_t ended_us = sqlite_writer_now_us();
    writer->backup_at_us = ended_us + (ended_us - began_us) * WRITER_BACKUP_SHARE;
    enum sqlite_backup_phase phase = sqlite_backup_phase(writer->backup);
    if (phase == BACKUP_SEALING)
        sqlite_keeper_seal(writer->keeper);
    else if (phase == BACKUP_ENDED)
        writer->bell.ring(writer->bell.arg);
}

/* Waits only for the first parcel. */
static void sqlite_writer_fill_batch(struct sqlite_writer *writer, int64_t wait_ms)
{
    void *parcels[LIMIT_BATCH];
    size_t count = mailbox_take(&writer->in, parcels, LIMIT_BATCH, wait_ms);
    for (size_t i = 0; i < count; i++)
        writer->batch[i] = parcels[i];
    writer->batch_count = count;
}

static void sqlite_writer_take_page_max(struct sqlite_writer *writer)
{
    long long page_max = atomic_exchange(&writer->page_max, -1);
    if (page_max < 0)
        return;
    struct buf text;
    buf_init(&text, 64);
    buf_add_fmt(&text, "PRAGMA max_page_count = %lld", page_max ? page_max : 4294967294LL);
    /* A number below the size of now is as good as that size. */
    (void)sqlite3_exec(writer->db, buf_text(&text), NULL, NULL, NULL);
    buf_done(&text);
}

/* Until there is something to do: a batch, a question, the next try, the end. */
static void sqlite_writer_wait(struct sqlite_writer *writer, bool has_other_work)
{
    if (writer->batch_count == 0) {
        sqlite_writer_fill_batch(writer, has_other_work ? 0 : -1);
        return;
    }
    int64_t wait_ms = -1; /* failed: nothing is tried again */
    if (!sqlite_writer_has_failed(writer)) {
        wait_ms = (writer->retry_at_us - sqlite_writer_now_us()) / 1000 + 1;
        wait_ms = wait_ms > 0 ? wait_ms : 0;
    }
    (void)mailbox_take(&writer->in, NULL, 0, has_other_work ? 0 : wait_ms); /* takes nothing */
}

static void *sqlite_writer_run(void *arg)
{
    struct sqlite_writer *writer = arg;
    (void)pthread_setname_np(pthread_self(), "store-writer"); /* only for people */
    for (;;) {
        bool is_closing = atomic_load(&writer->is_closing);
        bool is_stuck = writer->batch_count > 0; /* full or failed */
        bool copies = sqlite_backup_phase(writer->backup) == BACKUP_COPYING;
        if (is_closing && (is_stuck || mailbox_count(&writer->in) == 0))
            break;
        sqlite_writer_wait(writer, copies || is_closing);
        sqlite_writer_take_page_max(writer);
        bool is_idle = writer->batch_count == 0 || sqlite_writer_has_failed(writer) ||
                       sqlite_writer_now_us() < writer->retry_at_us;
        if (!is_idle)
            sqlite_writer_save(writer);
        sqlite_writer_answer_any(writer);
        if (sqlite_backup_phase(writer->backup) == BACKUP_COPYING)
            sqlite_writer_back_up(writer, is_idle);
    }
    sqlite_backup_give_up(writer->backup, ERR_CLOSED);
    return NULL;
}

enum err sqlite_writer_start(struct sqlite_writer *writer)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* signals belong to the loop thread */
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int rc = pthread_create(&writer->thread, NULL, sqlite_writer_run, writer);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    writer->is_running = rc == 0;
    return rc == 0 ? ERR_OK : ERR_LIMIT;
}

void sqlite_writer_stop(struct sqlite_writer *writer)
{
    if (!writer->is_running)
        return;
    atomic_store(&writer->is_closing, true);
    mailbox_wake(&writer->in);
    CHECK(pthread_join(writer->thread, NULL) == 0);
    writer->is_running = false;
}

static void sqlite_writer_free_all(struct mailbox *mailbox)
{
    void *parcel = NULL;
    while (mailbox->capacity > 0 && mailbox_take(mailbox, &parcel, 1, 0) == 1)
        free(parcel);
    mailbox_done(mailbox);
}

void sqlite_writer_done(struct sqlite_writer *writer)
{
    if (!writer->bell.ring)
        return;
    sqlite_writer_stop(writer);
    for (size_t i = 0; i < writer->batch_count; i++)
        free(writer->batch[i]);
    free(writer->batch);
    sqlite_writer_free_all(&writer->in);
    sqlite_writer_free_all(&writer->out);
    sqlite_apply_done(&writer->apply);
    (void)sqlite3_close(writer->db); /* no statements are left on it */
    CHECK(pthread_cond_destroy(&writer->answered) == 0);
    CHECK(pthread_mutex_destroy(&writer->mutex) == 0);
    *writer = (struct sqlite_writer){0};
}

void sqlite_writer_get_stats(struct sqlite_writer *writer, struct sqlite_writer_stats *out_stats)
{
    sqlite_writer_lock(writer);
    *out_stats = writer->stats;
    sqlite_writer_unlock(writer);
}

void sqlite_writer_set_page_max(struct sqlite_writer *writer, uint64_t page_max)
{
    atomic_store(&writer->page_max, (long long)page_max);
    mailbox_wake(&writer->in);
}
