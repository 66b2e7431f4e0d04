/* The disk under the SQLite store: really full, failing, and not filled by the log. */
#include "contract/store_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/check.h"
#include "store/sqlite_keeper.h"

static void the_log_stays_small(void **state)
{
    struct harness *h = *state;
    enum { SIZE = 200 * 1024, COUNT = 700 }; /* 140 MB: more than three times the threshold */
    char *large = malloc(SIZE + 1);
    assert_non_null(large);
    memset(large, 'x', SIZE);
    large[SIZE] = '\0';
    struct store_sqlite_stats stats;
    uint64_t wal_max = 0;
    for (int i = 0; i < COUNT; i++) {
        struct store_write write = harness_record(h, large);
        harness_submit(h, &write, 1);
        while (h->submitted - h->told_count > 20)
            h->kind->turn(h);
        store_sqlite_stats(&h->port, &stats);
        if (stats.wal_bytes > wal_max)
            wal_max = stats.wal_bytes;
    }
    harness_settle(h);
    store_sqlite_stats(&h->port, &stats);
    /* Each takes a log of LIMIT_WAL_PAGES or more, and none follows for nothing. */
    assert_in_range(stats.checkpoints, 1, COUNT * (SIZE / 4096) / LIMIT_WAL_PAGES);
    assert_true(wal_max < (LIMIT_WAL_PAGES_HARD + 3000) * UINT64_C(4200));
    assert_int_equal(stats.submits, COUNT);
    assert_int_equal(stats.queue_count, 0);
    assert_int_equal(stats.queue_bytes, 0);
    free(large);
}

/* The rest runs in children: mounts and limits must not outlive the test. A CHECK there is a
 * failure. */
static void expect_child(void (*run)(struct harness *h), struct harness *h)
{
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        run(h);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with %d", status);
}

static void child_open(struct harness *h)
{
    struct buf message;
    buf_init(&message, 4096);
    CHECK(uv_loop_init(&h->loop) == 0);
    struct store_sqlite_options options = {.folder = slice_text(h->folder)};
    if (store_sqlite_open(&options, &h->loop, &h->port, &message) != ERR_OK) {
        print_error("%s\n", buf_text(&message));
        _exit(1);
    }
    buf_done(&message);
}

static void child_close(struct harness *h)
{
    store_sqlite_close(&h->port);
    CHECK(uv_run(&h->loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&h->loop) == 0);
}

/* Submits until the store is in that state; then it has taken some that are not saved. */
static void child_fill(struct harness *h, enum store_state wanted)
{
    static char large[64 * 1024];
    memset(large, 'x', sizeof large - 1);
    enum err why = ERR_OK;
    while (h->port.state(h->port.impl, &why) != wanted) {
        CHECK(h->submitted < 2000);
        if (h->submitted - h->told_count < 4) {
            struct store_write write = harness_record(h, large);
            CHECK(harness_try(h, &write, 1) == ERR_OK);
        }
        h->kind->turn(h);
    }
}

/* A small file system of its own; false where that is not permitted. */
static bool child_mount(const char *folder)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder, "tmpfs", 0, "size=16m,mode=700") == 0;
}

static int child_make_ballast(const struct harness *h)
{
    static const char zeros[9 * 1024 * 1024];
    int folder = open(h->folder, O_RDONLY | O_DIRECTORY);
    int fd = openat(folder, "ballast", O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(close(folder) == 0);
    CHECK(fd >= 0 && write(fd, zeros, sizeof zeros) == sizeof zeros);
    return fd;
}

static void child_full_disk(struct harness *h)
{
    bool is_mounted = child_mount(h->folder);
    int ballast = is_mounted ? child_make_ballast(h) : -1;
    child_open(h);
    if (!is_mounted)
        store_sqlite_set_size_max(&h->port, 3 * 1024 * 1024);
    child_fill(h, STORE_FULL);
    enum err why = ERR_OK;
    CHECK(h->port.state(h->port.impl, &why) == STORE_FULL && why == ERR_NO_SPACE);
    CHECK(h->port.erase_payload(h->port.impl, 1) == ERR_NO_SPACE);
    uint64_t seq = 0;
    unsigned char hash[STORE_HASH_SIZE];
    h->port.head(h->port.impl, &seq, hash);
    CHECK(seq == h->told_count && seq > 0); /* what was told is there, and readable */
    struct store_record record;
    CHECK(h->port.get_record(h->port.impl, seq, &h->arena, &record) == ERR_OK);
    struct store_counts counts;
    h->port.counts(h->port.impl, &counts);
    CHECK(!is_mounted || counts.disk_free_bytes < 1024 * 1024);
    if (is_mounted)
        CHECK(ftruncate(ballast, 0) == 0); /* room again */
    else
        store_sqlite_set_size_max(&h->port, 0);
    while (h->told_count < h->submitted || h->port.state(h->port.impl, &why) != STORE_OK)
        h->kind->turn(h);
    child_close(h);
    child_open(h);
    h->port.head(h->port.impl, &seq, hash);
    CHECK(seq == h->submitted);
    for (uint64_t i = 1; i <= seq; i++)
        CHECK(h->port.get_record(h->port.impl, i, &h->arena, &record) == ERR_OK);
    child_close(h);
}

/* Another process has opened the store while this one could not write (its lock was taken by force,
 * or it came with a copy of the file): this one must not write again (R27). */
static void child_taken_over(struct harness *h)
{
    child_open(h);
    store_sqlite_set_size_max(&h->port, 2 * 1024 * 1024);
    child_fill(h, STORE_FULL);
    char path[80];
    (void)snprintf(path, sizeof path, "%s/interlock.db", h->folder); /* fits */
    sqlite3 *other = NULL;
    CHECK(sqlite3_open(path, &other) == SQLITE_OK);
    CHECK(sql_exec(other, "UPDATE info SET value = value + 1 WHERE name = 'run_epoch'") == ERR_OK);
    CHECK(sqlite3_close(other) == SQLITE_OK);
    uint64_t told = h->told_count;
    child_fill(h, STORE_FAILED);
    enum err why = ERR_OK;
    CHECK(h->port.state(h->port.impl, &why) == STORE_FAILED && why == ERR_LOCKED);
    store_sqlite_set_size_max(&h->port, 0);
    child_close(h);
    CHECK(h->told_count == told);
}

/* Closing does not wait for room; what was not told may be lost, what was told is not. */
static void child_close_full(struct harness *h)
{
    if (child_mount(h->folder))
        (void)0; /* else the size is limited below */
    child_open(h);
    store_sqlite_set_size_max(&h->port, 2 * 1024 * 1024);
    child_fill(h, STORE_FULL);
    child_close(h);
    child_open(h);
    uint64_t seq = 0;
    unsigned char hash[STORE_HASH_SIZE];
    h->port.head(h->port.impl, &seq, hash);
    CHECK(seq == h->told_count && seq < h->submitted);
    child_close(h);
}

/* A write that fails for another reason than space: the file may not grow (EFBIG). */
static void child_bad_disk(struct harness *h)
{
    child_open(h);
    (void)signal(SIGXFSZ, SIG_IGN); /* the error, not the signal */
    struct rlimit limit = {1024 * 1024, 1024 * 1024};
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    h->port.watch(h->port.impl, harness_changed, h);
    child_fill(h, STORE_FAILED);
    enum err why = ERR_OK;
    CHECK(h->port.state(h->port.impl, &why) == STORE_FAILED && why == ERR_IO);
    while (h->changed_count == 0)
        h->kind->turn(h);
    struct store_write write = harness_record(h, "no more");
    CHECK(harness_try(h, &write, 1) == ERR_IO);
    CHECK(h->port.erase_payload(h->port.impl, 1) == ERR_IO);
    CHECK(h->told_count < h->submitted);
    struct store_record record;
    CHECK(h->port.get_record(h->port.impl, 1, &h->arena, &record) == ERR_OK);
    child_close(h);
}

static void run_in_child(void (*run)(struct harness *h))
{
    struct harness *h = calloc(1, sizeof *h);
    assert_non_null(h);
    (void)alarm(HARNESS_WATCHDOG_S); /* nothing was set before */
    h->kind = &harness_sqlite;
    h->next_seq = 1;
    arena_init(&h->arena, 256 * 1024 * 1024);
    (void)snprintf(h->folder, sizeof h->folder, "/tmp/interlock-store-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(h->folder));
    expect_child(run, h);
    harness_remove_folder(h->folder);
    free(h);
}

static void a_really_full_disk_is_survived(void **state)
{
    (void)state;
    run_in_child(child_full_disk);
}

static void a_full_store_can_be_closed(void **state)
{
    (void)state;
    run_in_child(child_close_full);
}

static void a_store_that_was_taken_over_is_left_alone(void **state)
{
    (void)state;
    run_in_child(child_taken_over);
}

static void a_bad_disk_fails_the_store(void **state)
{
    (void)state;
    run_in_child(child_bad_disk);
}

static int count_pages(void *arg, sqlite3 *db, const char *name, int page_count)
{
    (void)db; /* the one that the hook was set on */
    (void)name;
    *(uint64_t *)arg = (uint64_t)page_count;
    return SQLITE_OK;
}

static void no_bell(void *arg)
{
    (void)arg; /* no backup ends here */
}

/* One transaction as the writer makes it; false when the gate stays shut for want of room. */
static bool write_page(struct sqlite_keeper *keeper, sqlite3 *db, uint64_t *wal_pages)
{
    enum err err = sqlite_keeper_enter(keeper);
    if (err == ERR_NO_SPACE)
        return false;
    assert_int_equal(err, ERR_OK);
    assert_int_equal(sql_exec(db, "INSERT INTO t VALUES (randomblob(3000))"), ERR_OK);
    sqlite_keeper_leave(keeper, *wal_pages);
    return true;
}

/* Somebody who reads for hours must not make the log grow for hours. */
static void a_foreign_reader_stops_the_log_not_the_store(void **state)
{
    (void)state;
    (void)alarm(HARNESS_WATCHDOG_S); /* nothing was set before */
    char folder[] = "/tmp/interlock-store-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    (void)snprintf(path, sizeof path, "%s/interlock.db", folder); /* fits */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3 *db = NULL, *reader = NULL;
    uint64_t wal_pages = 0;
    assert_int_equal(sql_open(&db, path, flags, 100), ERR_OK);
    assert_int_equal(sql_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE t(x)"), ERR_OK);
    (void)sqlite3_wal_hook(db, count_pages, &wal_pages); /* there was none before */
    assert_int_equal(sql_open(&reader, path, flags, 100), ERR_OK);
    assert_int_equal(sql_exec(reader, "BEGIN; SELECT count(*) FROM t"), ERR_OK);
    struct sqlite_backup backup = {0};
    struct sqlite_keeper keeper;
    struct sqlite_bell bell = {no_bell, NULL};
    assert_int_equal(sqlite_keeper_init(&keeper, path, &backup, bell), ERR_OK);
    keeper.wal_pages_begin = 20;
    keeper.wal_pages_max = 100;
    assert_int_equal(sqlite_keeper_start(&keeper), ERR_OK);
    while (write_page(&keeper, db, &wal_pages))
        assert_true(wal_pages < 120);
    assert_true(wal_pages >= 100);
    assert_false(write_page(&keeper, db, &wal_pages));
    assert_int_equal(sql_exec(reader, "COMMIT"), ERR_OK);
    while (!write_page(&keeper, db, &wal_pages)) /* until the next checkpoint; a watchdog runs */
        (void)sched_yield();
    for (int i = 0; i < 500; i++)
        while (!write_page(&keeper, db, &wal_pages))
            (void)sched_yield();
    assert_true(wal_pages <= 120);
    sqlite_keeper_done(&keeper);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    harness_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_really_full_disk_is_survived),
        cmocka_unit_test(a_full_store_can_be_closed),
        cmocka_unit_test(a_store_that_was_taken_over_is_left_alone),
        cmocka_unit_test(a_bad_disk_fails_the_store),
        cmocka_unit_test(a_foreign_reader_stops_the_log_not_the_store),
        HARNESS_SQLITE(the_log_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
