#include "store/sqlite.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "store/folder.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_writer.h"

enum {
    SQLITE_PAGE_BYTES = 4096,
    SQLITE_WRITER_CACHE_KIB = 8192,
    SQLITE_WAL_KEPT_BYTES = 64 * 1024 * 1024, /* a longer log is cut when it begins anew */
    SQLITE_DISK_FRESH_MS = 1000,
    SQLITE_TELL_MAX = 256, /* parcels taken from the queue at once */
};

struct sqlite_disk {
    uint64_t used_bytes, free_bytes;
    int64_t read_ms; /* monotonic; 0 = never */
};

struct store_sqlite {
    struct sqlite_reader reader; /* first: sqlite_reader_fill wants it there */
    struct folder folder;
    char *path; /* of the database */
    struct sqlite_writer writer;
    struct sqlite_keeper keeper;
    struct sqlite_backup backup;
    void (*backup_done)(void *arg, enum err err);
    void *backup_arg;
    uv_async_t async;
    uv_idle_t turn;   /* active while the reader holds a moment */
    int handle_count; /* not closed yet, of the two */
    bool has_old_log; /* left by a crash, perhaps with older copies of what was erased */
    bool has_async, is_only_read, is_copy, is_telling, is_closing;
    uint64_t next_seq, next_ticket;
    size_t outstanding, outstanding_bytes;
    uint64_t head_seq; /* as told */
    unsigned char head_hash[STORE_HASH_SIZE];
    enum store_state told_state;
    void (*changed)(void *arg);
    void *changed_arg;
    struct sqlite_disk disk;
};

static uint64_t sqlite_file_bytes(const char *path, const char *suffix)
{
    struct buf name;
    buf_init(&name, SIZE_MAX / 2);
    buf_add_fmt(&name, "%s%s", path, suffix);
    struct stat info;
    uint64_t size = stat(buf_text(&name), &info) == 0 ? (uint64_t)info.st_size : 0;
    buf_done(&name);
    return size;
}

/* The log of another database beside ours would be written into it. That is what is left when a
 * backup is put in the place of a store that crashed: it is in rollback mode, the one with the log
 * was not. */
static enum err sqlite_check_log(const struct store_sqlite *store, struct buf *out_message)
{
    unsigned char header[20] = {0}; /* bytes 18 and 19: 1 = rollback journal, 2 = log */
    int fd = open(store->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_OK; /* there is none yet, or it cannot be opened: told later */
    ssize_t size = read(fd, header, sizeof header);
    (void)close(fd); /* only read */
    if (size != sizeof header || header[18] != 1 || sqlite_file_bytes(store->path, "-wal") == 0)
        return ERR_OK;
    buf_add_fmt(out_message,
                "store %s: the log beside it is not its own (a backup was restored over a store "
                "that had crashed); move %s-wal and %s-shm away",
                store->path, store->path, store->path);
    return ERR_INVALID;
}

/* The writer's connection, with the tables as this version knows them. */
static enum err sqlite_open_writer(struct store_sqlite *store,
                                   const struct store_sqlite_options *options, sqlite3 **out_db,
                                   struct buf *out_message)
{
    enum err err = sqlite_check_log(store, out_message);
    if (err != ERR_OK)
        return err;
    err = folder_make_file(store->path);
    if (err == ERR_OK)
        err = sql_open(out_db, store->path, SQLITE_OPEN_READWRITE, SQLITE_WRITER_CACHE_KIB);
    struct buf text;
    buf_init(&text, 1024);
    buf_add_fmt(&text,
                "PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %d;"
                "PRAGMA secure_delete = ON",
                SQLITE_PAGE_BYTES, SQLITE_WAL_KEPT_BYTES);
    if (err == ERR_OK)
        err = sql_exec(*out_db, buf_text(&text));
    buf_done(&text);
    if (err != ERR_OK) {
        buf_add_fmt(out_message, "store %s: cannot be opened: %s", store->path,
                    *out_db ? sqlite3_errmsg(*out_db) : err_text(err));
        return err;
    }
    size_t step_count = options->step_count;
    const struct sqlite_schema_step *steps =
        options->steps ? options->steps : sqlite_schema_steps(&step_count);
    return sqlite_schema_migrate(*out_db, store->path, steps, step_count, out_message);
}

/* R27: each opening has a number; an older process that still lives finds another than its own. */
static enum err sqlite_begin_epoch(struct store_sqlite *store, sqlite3 *db, struct buf *out_message)
{
    int64_t epoch = 0;
    int64_t is_copy = 0;
    enum err err = sqlite_schema_get(db, "run_epoch", &epoch);
    if (err == ERR_OK)
        err = sqlite_schema_get(db, "is_copy", &is_copy);
    if (err == ERR_OK)
        err = sqlite_schema_set(db, "run_epoch", epoch + 1);
    store->is_copy = is_copy != 0;
    if (err != ERR_OK)
        buf_add_fmt(out_message, "store %s: cannot be written: %s", store->path, err_text(err));
    return err;
}

/* Invariant 3. libuv counts no references: it is on or off. */
static void sqlite_hold_loop(struct store_sqlite *store)
{
    if (store->outstanding > 0 || store->backup_done)
        uv_ref((uv_handle_t *)&store->async);
    else
        uv_unref((uv_handle_t *)&store->async);
}

/* On the store thread or the keeper. */
static void sqlite_ring(void *arg)
{
    struct store_sqlite *store = arg;
    CHECK(uv_async_send(&store->async) == 0);
}

/* ---- one moment a turn for the look-ups of keys ---- */

static void sqlite_let_go(struct store_sqlite *store)
{
    (void)uv_idle_stop(&store->turn); /* cannot fail */
    sqlite_reader_let_go(&store->reader);
}

static void sqlite_on_turn(uv_idle_t *turn)
{
    sqlite_let_go(turn->data);
}

/* Each admission looks up two keys or more, and the admissions of one turn come one after the
 * other: one snapshot serves them all. It ends with the turn, since an idle handle runs before the
 * loop waits again, and earlier when something is told or erased (port/store.h invariant 5). */
static enum err sqlite_get_key(void *impl, const unsigned char hash[STORE_KEY_SIZE],
                               struct store_key *out)
{
    struct store_sqlite *store = impl;
    sqlite_reader_hold(&store->reader);
    (void)uv_idle_start(&store->turn, sqlite_on_turn); /* has a callback */
    return sqlite_reader_get_key(&store->reader, hash, out);
}

static void sqlite_tell_parcel(struct store_sqlite *store, struct parcel *parcel)
{
    store->outstanding--;
    store->outstanding_bytes -= parcel->size;
    store->head_seq = parcel->head_seq;
    memcpy(store->head_hash, parcel->head_hash, STORE_HASH_SIZE);
    if (store->outstanding == 0)
        sqlite_hold_loop(store);
    if (parcel->done)
        parcel->done(parcel->arg, parcel->ticket);
    free(parcel);
}

static void sqlite_tell_saved(struct store_sqlite *store)
{
    void *parcels[SQLITE_TELL_MAX];
    size_t count = 0;
    store->is_telling = true;
    do {
        count = mailbox_take(&store->writer.out, parcels, SQLITE_TELL_MAX, 0);
        if (count > 0)
            sqlite_let_go(store);
        for (size_t i = 0; i < count; i++)
            sqlite_tell_parcel(store, parcels[i]);
    } while (count == SQLITE_TELL_MAX);
    store->is_telling = false;
}

static void sqlite_tell_rest(struct store_sqlite *store)
{
    if (sqlite_backup_phase(&store->backup) == BACKUP_ENDED) {
        void (*done)(void *arg, enum err err) = store->backup_done;
        store->backup_done = NULL;
        sqlite_hold_loop(store);
        done(store->backup_arg, sqlite_backup_collect(&store->backup));
    }
    enum store_state state = (enum store_state)atomic_load(&store->writer.state);
    if (state != store->told_state) {
        store->told_state = state;
        if (store->changed)
            store->changed(store->changed_arg);
    }
}

static void sqlite_on_async(uv_async_t *async)
{
    struct store_sqlite *store = async->data;
    sqlite_tell_saved(store);
    sqlite_tell_rest(store);
}

static enum err sqlite_submit(void *impl, const struct store_write *writes, size_t count,
                              store_done_fn *done, void *arg)
{
    struct store_sqlite *store = impl;
    if (store->is_only_read)
        return ERR_DENIED;
    if (store->is_closing)
        return ERR_CLOSED;
    if (atomic_load(&store->writer.state) == STORE_FAILED)
        return (enum err)atomic_load(&store->writer.why);
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
    store->outstanding_bytes += parcel->size;
    if (store->outstanding++ == 0)
        sqlite_hold_loop(store);
    CHECK(mailbox_put(&store->writer.in, parcel)); /* invariant 2 is its capacity */
    return ERR_OK;
}

static enum store_state sqlite_state(void *impl, enum err *out_why)
{
    struct store_sqlite *store = impl;
    enum store_state state = (enum store_state)atomic_load(&store->writer.state);
    *out_why = state == STORE_OK ? ERR_OK : (enum err)atomic_load(&store->writer.why);
    return state;
}

static void sqlite_watch(void *impl, void (*changed)(void *arg), void *arg)
{
    struct store_sqlite *store = impl;
    store->changed = changed;
    store->changed_arg = arg;
}

static void sqlite_head(void *impl, uint64_t *out_seq, unsigned char out_hash[STORE_HASH_SIZE])
{
    const struct store_sqlite *store = impl;
    *out_seq = store->head_seq;
    memcpy(out_hash, store->head_hash, STORE_HASH_SIZE);
}

static void sqlite_read_disk(struct store_sqlite *store)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    struct sqlite_disk *disk = &store->disk;
    if (disk->read_ms != 0 && now_ms - disk->read_ms < SQLITE_DISK_FRESH_MS)
        return;
    disk->read_ms = now_ms;
    disk->used_bytes = sqlite_file_bytes(store->path, "") + sqlite_file_bytes(store->path, "-wal");
    struct statvfs info;
    if (statvfs(store->path, &info) == 0) /* else the last answer */
        disk->free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
}

static void sqlite_counts(void *impl, struct store_counts *out_counts)
{
    struct store_sqlite *store = impl;
    struct sqlite_writer_stats stats = {0};
    if (store->is_only_read) {
        struct sqlite_head head = {0};
        /* A file that cannot be read has nothing in it, for this purpose. */
        if (sqlite_apply_read_head(store->reader.db, &head) == ERR_OK)
            stats = (struct sqlite_writer_stats){.open_count = head.open_count,
                                                 .ended_count = head.ended_count};
    } else {
        sqlite_writer_get_stats(&store->writer, &stats);
    }
    sqlite_read_disk(store);
    *out_counts = (struct store_counts){
        .records = store->head_seq,
        .batches = stats.batches,
        .open_actions = stats.open_count,
        .ended_actions = stats.ended_count,
        .disk_bytes = store->disk.used_bytes,
        .disk_free_bytes = store->disk.free_bytes,
    };
}

static enum err sqlite_erase_payload(void *impl, uint64_t seq)
{
    struct store_sqlite *store = impl;
    if (store->is_only_read)
        return ERR_DENIED;
    struct sqlite_writer_question question = {.what = WRITER_ERASE, .seq = seq};
    sqlite_let_go(store); /* what is erased is read no more */
    return sqlite_writer_ask(&store->writer, &question);
}

static enum err sqlite_back_up(void *impl, struct slice path, void (*done)(void *arg, enum err err),
                               void *arg)
{
    struct store_sqlite *store = impl;
    if (store->is_only_read)
        return ERR_DENIED;
    struct sqlite_writer_question question = {.what = WRITER_BACKUP, .path = path};
    enum err err = sqlite_writer_ask(&store->writer, &question);
    if (err != ERR_OK)
        return err;
    store->backup_done = done;
    store->backup_arg = arg;
    sqlite_hold_loop(store);
    return ERR_OK;
}

static struct store_port sqlite_port(struct store_sqlite *store)
{
    struct store_port port = {
        .impl = store,
        .submit = sqlite_submit,
        .state = sqlite_state,
        .watch = sqlite_watch,
        .head = sqlite_head,
        .counts = sqlite_counts,
        .erase_payload = sqlite_erase_payload,
        .backup = sqlite_back_up,
    };
    sqlite_reader_fill(&port);
    if (!store->is_only_read)
        port.get_key = sqlite_get_key;
    return port;
}

static void sqlite_on_closed(uv_handle_t *handle)
{
    struct store_sqlite *store = handle->data;
    if (--store->handle_count == 0)
        free(store);
}

/* Ends all parts, also of a store that never opened. */
static void sqlite_close(struct store_sqlite *store)
{
    store->is_closing = true;
    sqlite_writer_stop(&store->writer);
    sqlite_keeper_done(&store->keeper); /* a backup that is whole gets its name */
    if (store->has_async) {
        sqlite_tell_saved(store);
        sqlite_tell_rest(store);
    }
    sqlite_reader_done(&store->reader);
    sqlite_writer_done(&store->writer); /* the last connection: the log goes into the database */
    folder_done(&store->folder);
    free(store->path);
    if (!store->has_async) {
        free(store);
        return;
    }
    store->handle_count = 2;
    uv_close((uv_handle_t *)&store->async, sqlite_on_closed);
    uv_close((uv_handle_t *)&store->turn, sqlite_on_closed);
}

/* Everything but the threads, which want the async to be there. */
static enum err sqlite_open_parts(struct store_sqlite *store,
                                  const struct store_sqlite_options *options,
                                  struct buf *out_message)
{
    sqlite3 *db = NULL;
    store->has_old_log = sqlite_file_bytes(store->path, "-wal") > 0;
    enum err err = sqlite_open_writer(store, options, &db, out_message);
    if (err == ERR_OK)
        err = sqlite_begin_epoch(store, db, out_message);
    if (err != ERR_OK) {
        (void)sqlite3_close(db); /* no statements are left on it */
        return err;
    }
    struct sqlite_bell bell = {sqlite_ring, store};
    err = sqlite_writer_init(&store->writer, db, &store->keeper, &store->backup, bell);
    if (err == ERR_CORRUPT) {
        buf_add_fmt(out_message,
                    "store %s: the records do not end where the store says; run: interlock verify, "
                    "then restore a backup",
                    store->path);
        return err;
    }
    if (err == ERR_OK)
        err = sqlite_keeper_init(&store->keeper, store->path, &store->backup, bell);
    if (err == ERR_OK)
        err = sqlite_reader_init(&store->reader, store->path, SQLITE_OPEN_READWRITE);
    if (err != ERR_OK)
        buf_add_fmt(out_message, "store %s: cannot be opened: %s", store->path, err_text(err));
    return err;
}

static enum err sqlite_start(struct store_sqlite *store, uv_loop_t *loop, struct buf *out_message)
{
    store->async.data = store;
    if (uv_async_init(loop, &store->async, sqlite_on_async) != 0) {
        buf_add_fmt(out_message, "store %s: no file descriptors left", store->path);
        return ERR_LIMIT;
    }
    (void)uv_idle_init(loop, &store->turn); /* cannot fail */
    store->turn.data = store;
    store->has_async = true;
    sqlite_hold_loop(store);
    if (store->has_old_log)
        sqlite_keeper_truncate(&store->keeper);
    enum err err = sqlite_keeper_start(&store->keeper);
    if (err == ERR_OK)
        err = sqlite_writer_start(&store->writer);
    if (err != ERR_OK)
        buf_add_fmt(out_message, "store %s: no threads left", store->path);
    return err;
}

enum err store_sqlite_open(const struct store_sqlite_options *options, uv_loop_t *loop,
                           struct store_port *out_port, struct buf *out_message)
{
    struct store_sqlite *store = calloc(1, sizeof *store);
    if (!store)
        return ERR_NO_MEMORY;
    enum err err = folder_open(&store->folder, options->folder, out_message);
    if (err == ERR_OK) {
        store->path = folder_file(&store->folder, "interlock.db");
        err = store->path ? sqlite_open_parts(store, options, out_message) : ERR_NO_MEMORY;
    }
    if (err == ERR_OK)
        err = sqlite_start(store, loop, out_message);
    if (err != ERR_OK) {
        sqlite_close(store);
        return err;
    }
    const struct sqlite_head *head = &store->writer.apply.head;
    store->head_seq = head->seq;
    memcpy(store->head_hash, head->hash, STORE_HASH_SIZE);
    store->next_seq = head->seq + 1;
    store->next_ticket = 1;
    *out_port = sqlite_port(store);
    return ERR_OK;
}

/* The file itself, or the one in the folder. */
static char *sqlite_file_path(struct slice path)
{
    struct buf name;
    buf_init(&name, SIZE_MAX / 2);
    buf_add(&name, path);
    struct stat info;
    if (stat(buf_text(&name), &info) == 0 && S_ISDIR(info.st_mode))
        buf_add_text(&name, "/interlock.db");
    size_t size = 0;
    return buf_take(&name, &size);
}

static enum err sqlite_open_read(struct store_sqlite *store, struct buf *out_message)
{
    struct stat info;
    if (stat(store->path, &info) != 0) {
        buf_add_fmt(out_message, "%s: there is no store", store->path);
        return ERR_NOT_FOUND;
    }
    enum err err = sqlite_reader_init(&store->reader, store->path, SQLITE_OPEN_READONLY);
    if (err == ERR_OK)
        err = sqlite_schema_check(store->reader.db, store->path, out_message);
    struct sqlite_head head = {0};
    int64_t is_copy = 0;
    if (err == ERR_OK)
        err = sqlite_apply_read_head(store->reader.db, &head);
    if (err == ERR_OK)
        err = sqlite_schema_get(store->reader.db, "is_copy", &is_copy);
    if (err != ERR_OK) {
        if (out_message->size == 0)
            buf_add_fmt(out_message, "%s: cannot be read: %s", store->path, err_text(err));
        return err;
    }
    store->head_seq = head.seq;
    memcpy(store->head_hash, head.hash, STORE_HASH_SIZE);
    store->is_copy = is_copy != 0;
    return ERR_OK;
}

enum err store_sqlite_open_file(struct slice path, struct store_port *out_port,
                                struct buf *out_message)
{
    struct store_sqlite *store = calloc(1, sizeof *store);
    if (!store)
        return ERR_NO_MEMORY;
    store->is_only_read = true;
    store->path = sqlite_file_path(path);
    enum err err = store->path ? sqlite_open_read(store, out_message) : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        sqlite_close(store);
        return err;
    }
    *out_port = sqlite_port(store);
    return ERR_OK;
}

static struct store_sqlite *sqlite_of(const struct store_port *port)
{
    CHECK(port->submit == sqlite_submit);
    return port->impl;
}

void store_sqlite_close(struct store_port *port)
{
    if (!port->impl)
        return;
    struct store_sqlite *store = sqlite_of(port);
    CHECK(!store->is_telling);
    *port = (struct store_port){0};
    sqlite_close(store);
}

bool store_sqlite_is_copy(const struct store_port *port)
{
    return sqlite_of(port)->is_copy;
}

enum err store_sqlite_adopt(const struct store_port *port)
{
    struct store_sqlite *store = sqlite_of(port);
    if (store->is_only_read)
        return ERR_DENIED;
    struct sqlite_writer_question question = {.what = WRITER_ADOPT};
    enum err err = sqlite_writer_ask(&store->writer, &question);
    if (err == ERR_OK)
        store->is_copy = false;
    return err;
}

uint64_t store_sqlite_run_epoch(const struct store_port *port)
{
    return (uint64_t)sqlite_of(port)->writer.run_epoch;
}

void store_sqlite_stats(const struct store_port *port, struct store_sqlite_stats *out_stats)
{
    struct store_sqlite *store = sqlite_of(port);
    *out_stats = (struct store_sqlite_stats){0};
    if (store->is_only_read)
        return;
    struct sqlite_writer_stats writer;
    sqlite_writer_get_stats(&store->writer, &writer);
    *out_stats = (struct store_sqlite_stats){
        .batches = writer.batches,
        .submits = writer.parcels,
        .records = writer.records,
        .batch_max = writer.batch_max,
        .commit_last_us = writer.commit_last_us,
        .commit_max_us = writer.commit_max_us,
        .queue_count = store->outstanding,
        .queue_bytes = store->outstanding_bytes,
        .wal_bytes = writer.wal_pages * (SQLITE_PAGE_BYTES + 24) + 32, /* frame and file headers */
        .checkpoints = sqlite_keeper_checkpoints(&store->keeper),
    };
}

void store_sqlite_set_size_max(const struct store_port *port, uint64_t size_max)
{
    struct store_sqlite *store = sqlite_of(port);
    CHECK(!store->is_only_read);
    sqlite_writer_set_page_max(&store->writer, size_max / SQLITE_PAGE_BYTES);
}
