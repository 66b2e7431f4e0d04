/* What only the SQLite store does: folder, lock, versions, copies, erasure on the disk, a disk that
 * is really full, a log that stays small. */
#include "contract/store_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/check.h"
#include "store/chainer.h"
#include "store/folder.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_schema.h"

/* Every kind of query was asked: none of them sorted, or built an index of its own. */
static void pages_are_read_in_the_order_of_an_index(void **state)
{
    struct harness *h = *state;
    for (uint64_t id = 1; id <= 40; id++) {
        struct store_write write = harness_open_action(h, id, "row");
        write.queue = (enum store_queue)(id % STORE_QUEUE_COUNT);
        write.due_unix_ms = (int64_t)id;
        write.upstream = SLICE("u");
        write.is_ended = id % 7 == 0;
        harness_submit(h, &write, 1);
    }
    harness_settle(h);
    struct store_action out[5];
    size_t count = 0;
    for (uint64_t i = 0; i < 2 * 2 * STORE_QUEUE_COUNT * 3 * 2; i++) {
        static const char *const scopes[] = {"", "wf/", "wf/step"};
        uint64_t j = i / 4 / STORE_QUEUE_COUNT;
        struct store_open_query query = {.by_due = i % 2 == 0,
                                         .due_until_unix_ms = 30,
                                         .has_queue = i / 2 % 2 == 0,
                                         .queue = (enum store_queue)(i / 4 % STORE_QUEUE_COUNT),
                                         .scope = slice_text(scopes[j % 3]),
                                         .upstream = j / 3 ? SLICE("u") : (struct slice){0},
                                         .limit = 5};
        assert_int_equal(h->port.list_open(h->port.impl, &query, &h->arena, out, &count), ERR_OK);
        query.by_people_due = true;
        query.by_due = false;
        assert_int_equal(h->port.list_open(h->port.impl, &query, &h->arena, out, &count), ERR_OK);
    }
    struct store_open_query of_order = {.order = SLICE("order-key"), .after_id = 3, .limit = 5};
    assert_int_equal(h->port.list_open(h->port.impl, &of_order, &h->arena, out, &count), ERR_OK);
    assert_int_equal(h->port.list_actions(h->port.impl, 0, 5, &h->arena, out, &count), ERR_OK);
    struct sqlite_reader *reader = h->port.impl; /* it begins with that: store/sqlite_reader.h */
    size_t used_count = 0;
    for (size_t i = 0; i < SQLITE_READER_STATEMENTS; i++) {
        sqlite3_stmt *read = reader->statements[i];
        if (!read)
            continue;
        used_count++;
        assert_int_equal(sqlite3_stmt_status(read, SQLITE_STMTSTATUS_SORT, 0), 0);
        assert_int_equal(sqlite3_stmt_status(read, SQLITE_STMTSTATUS_AUTOINDEX, 0), 0);
        assert_int_equal(sqlite3_stmt_busy(read), 0); /* no snapshot is held */
    }
    assert_int_equal(used_count, 12); /* eleven of open actions, one of all */
}

static char *path_in(const struct harness *h, const char *name)
{
    struct buf path;
    size_t size = 0;
    buf_init(&path, 4096);
    buf_add_fmt(&path, "%s/%s", h->folder, name);
    return buf_take(&path, &size);
}

static bool is_there(const struct harness *h, const char *name)
{
    char *path = path_in(h, name);
    bool is = access(path, F_OK) == 0;
    free(path);
    return is;
}

static void sql_in(const struct harness *h, const char *text)
{
    sqlite3 *db = NULL;
    char *path = path_in(h, "interlock.db");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    free(path);
}

/* The error and the sentence of an opening that must fail. */
static enum err open_fails(const struct store_sqlite_options *options, struct buf *message)
{
    uv_loop_t loop;
    struct store_port port = {0};
    buf_init(message, 4096);
    assert_int_equal(uv_loop_init(&loop), 0);
    enum err err = store_sqlite_open(options, &loop, &port, message);
    assert_int_not_equal(err, ERR_OK);
    assert_null(port.impl);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    return err;
}

static void expect_open_fails(const struct harness *h, enum err wanted, const char *part)
{
    struct buf message;
    struct store_sqlite_options options = {.folder = slice_text(h->folder)};
    enum err err = open_fails(&options, &message);
    if (err != wanted || !strstr(buf_text(&message), part))
        fail_msg("got %s: %s", err_text(err), buf_text(&message));
    assert_non_null(strstr(buf_text(&message), h->folder)); /* says where */
    buf_done(&message);
}

static void submit_records(struct harness *h, int count, const char *payload)
{
    for (int i = 0; i < count; i++) {
        struct store_write write = harness_record(h, "record");
        write.payload = slice_text(payload);
        harness_submit(h, &write, 1);
    }
    harness_settle(h);
}

static void a_second_process_is_refused(void **state)
{
    struct harness *h = *state;
    struct buf pid;
    buf_init(&pid, 64);
    buf_add_fmt(&pid, "in use by another process (%d); stop that one", (int)getpid());
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        uv_loop_t loop;
        struct store_port port = {0};
        struct buf message;
        buf_init(&message, 4096);
        struct store_sqlite_options options = {.folder = slice_text(h->folder)};
        if (uv_loop_init(&loop) != 0)
            _exit(2);
        enum err err = store_sqlite_open(&options, &loop, &port, &message);
        _exit(err == ERR_LOCKED && strstr(buf_text(&message), buf_text(&pid)) ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    buf_done(&pid);
    expect_open_fails(h, ERR_LOCKED, "another process"); /* nor twice in one */
    submit_records(h, 1, "still served");
}

static void files_are_for_their_owner(void **state)
{
    struct harness *h = *state;
    submit_records(h, 1, "payload");
    static const char *const names[] = {"lock", "interlock.db", "interlock.db-wal",
                                        "interlock.db-shm"};
    for (size_t i = 0; i < 4; i++) {
        struct stat info;
        char *path = path_in(h, names[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
        free(path);
    }
}

static void a_folder_is_made_or_refused(void **state)
{
    struct harness *h = *state;
    harness_sqlite_close_only(h);
    assert_int_equal(chmod(h->folder, 0770), 0);
    expect_open_fails(h, ERR_DENIED, "chmod 700");
    assert_int_equal(chmod(h->folder, 0755), 0); /* may be seen, not changed */
    harness_sqlite_open_again(h);
    harness_sqlite_close_only(h);
    harness_remove_folder(h->folder);
    harness_sqlite_open_again(h); /* made anew */
    struct stat info;
    assert_int_equal(stat(h->folder, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    struct harness file = *h;
    assert_true(strlen(h->folder) + 6 < sizeof file.folder);
    memcpy(file.folder + strlen(h->folder), "/lock", 6);
    expect_open_fails(&file, ERR_INVALID, "not a folder");
    memcpy(file.folder + strlen(h->folder), "/a/b", 5);
    expect_open_fails(&file, ERR_IO, "cannot be made");
}

static void network_file_systems_have_names(void **state)
{
    (void)state;
    static const struct {
        uint64_t magic;
        const char *name;
    } cases[] = {
        {0x6969, "NFS"},
        {0xff534d42, "CIFS"},
        {0xfe534d42, "SMB2"},
        {0x01021997, "9P"},
        {0x65735546, "FUSE"},
        {0x517b, "SMB"},
        /* a negative f_type in a signed word is the same number */
        {UINT64_C(0xffffffffff534d42), "CIFS"},
        {0xef53, NULL},
        {0x01021994, NULL},
        {0x58465342, NULL},
        {0x794c7630, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = folder_network_name(cases[i].magic);
        if (cases[i].name)
            assert_string_equal(name, cases[i].name);
        else
            assert_null(name);
    }
}

static void what_is_no_store_is_refused(void **state)
{
    struct harness *h = *state;
    harness_sqlite_close_only(h);
    char *path = path_in(h, "interlock.db");
    assert_int_equal(unlink(path), 0);
    sql_in(h, "CREATE TABLE other(x)");
    expect_open_fails(h, ERR_CORRUPT, "not a store of interlock");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        assert_true(fputs("this is a text, ", file) >= 0);
    assert_int_equal(fclose(file), 0);
    expect_open_fails(h, ERR_CORRUPT, "not a");
    assert_int_equal(truncate(path, 0), 0);
    harness_sqlite_open_again(h); /* an empty file is an empty store */
    free(path);
}

static void cut_records_are_seen_when_opened(void **state)
{
    struct harness *h = *state;
    submit_records(h, 5, "payload");
    harness_sqlite_close_only(h);
    sql_in(h, "DELETE FROM records WHERE seq = 5");
    expect_open_fails(h, ERR_CORRUPT, "interlock verify");
    struct store_port port;
    struct buf message;
    buf_init(&message, 4096);
    /* verify can still read it. */
    assert_int_equal(store_sqlite_open_file(slice_text(h->folder), &port, &message), ERR_OK);
    uint64_t seq = 0;
    unsigned char hash[STORE_HASH_SIZE];
    port.head(port.impl, &seq, hash);
    assert_int_equal(seq, 5);
    struct store_record record;
    assert_int_equal(port.get_record(port.impl, 5, &h->arena, &record), ERR_NOT_FOUND);
    assert_int_equal(port.get_record(port.impl, 4, &h->arena, &record), ERR_OK);
    store_sqlite_close(&port);
    buf_done(&message);
    sql_in(h, "UPDATE head SET seq = 4"); /* the hash does not fit */
    expect_open_fails(h, ERR_CORRUPT, "interlock verify");
    sql_in(h, "UPDATE head SET hash = (SELECT hash FROM records WHERE seq = 4);"
              "DELETE FROM payloads WHERE seq = 5");
    harness_sqlite_open_again(h);
    h->next_seq = 5;
    h->submitted = h->told_count = 0;
    submit_records(h, 1, "payload");
}

/* Moves the log by a connection of its own; true when nobody was in its way. */
static bool moves_the_log(const struct harness *h)
{
    sqlite3 *db = NULL;
    char *path = path_in(h, "interlock.db");
    int pages = 0;
    int moved = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT seq FROM head", NULL, NULL, NULL), SQLITE_OK);
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_RESTART, &pages, &moved);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    free(path);
    return rc == SQLITE_OK && pages == moved;
}

/* R25: a look-up by key holds its moment for the rest of the turn; who reads on lets go. */
static void who_lets_go_holds_no_checkpoint_back(void **state)
{
    struct harness *h = *state;
    unsigned char hash[STORE_KEY_SIZE] = {0};
    struct store_key key;
    submit_records(h, 3, "payload");
    assert_int_equal(h->port.get_key(h->port.impl, hash, &key), ERR_NOT_FOUND);
    assert_false(moves_the_log(h));
    h->port.let_go(h->port.impl);
    assert_true(moves_the_log(h));
}

/* All bytes of the store's files; malloc. */
static char *files_read(const struct harness *h, size_t *out_size)
{
    static const char *const names[] = {"interlock.db", "interlock.db-wal"};
    char *bytes = NULL;
    *out_size = 0;
    for (size_t i = 0; i < 2; i++) {
        char *path = path_in(h, names[i]);
        int fd = open(path, O_RDONLY);
        free(path);
        struct stat info;
        if (fd < 0 || fstat(fd, &info) != 0)
            continue; /* the log comes and goes */
        bytes = realloc(bytes, *out_size + (size_t)info.st_size + 1);
        assert_non_null(bytes);
        ssize_t size = read(fd, bytes + *out_size, (size_t)info.st_size);
        assert_true(size >= 0);
        *out_size += (size_t)size;
        assert_int_equal(close(fd), 0);
    }
    return bytes;
}

static bool files_hold(const struct harness *h, const char *word)
{
    size_t size = 0;
    char *bytes = files_read(h, &size);
    bool is_found = memmem(bytes, size, word, strlen(word)) != NULL;
    free(bytes);
    return is_found;
}

/* Small ones share a page, large ones have pages of their own. */
static char *marked_payload(uint64_t seq)
{
    size_t size = seq % 10 == 0 ? 20000 + seq : 100 + seq % 300;
    char *text = malloc(size + 1);
    assert_non_null(text);
    for (size_t i = 0; i < size; i += 8) {
        char word[9];
        (void)snprintf(word, sizeof word, "P%05u--", (unsigned)seq); /* fits */
        memcpy(text + i, word, size - i < 8 ? size - i : 8);
    }
    text[size] = '\0';
    return text;
}

static void verify_chain(const struct store_port *port, uint64_t wanted_at_least)
{
    struct chainer chainer;
    struct arena arena;
    uint64_t head = 0;
    unsigned char head_hash[STORE_HASH_SIZE], hash[STORE_HASH_SIZE] = {0};
    assert_int_equal(chainer_init(&chainer), ERR_OK);
    arena_init(&arena, 64 * 1024 * 1024);
    port->head(port->impl, &head, head_hash);
    assert_true(head >= wanted_at_least);
    for (uint64_t seq = 1; seq <= head; seq++) {
        struct store_record record;
        assert_int_equal(port->get_record(port->impl, seq, &arena, &record), ERR_OK);
        assert_int_equal(chainer_next(&chainer, hash, seq, record.body, hash), ERR_OK);
        assert_memory_equal(hash, record.hash, sizeof hash);
        arena_done(&arena);
    }
    assert_memory_equal(hash, head_hash, sizeof hash);
    chainer_done(&chainer);
}

/* How many of the marks of seq from..to, each step-th, are in the files. */
static size_t count_marks(const struct harness *h, uint64_t from, uint64_t to, uint64_t step)
{
    size_t size = 0;
    char *bytes = files_read(h, &size);
    size_t count = 0;
    for (uint64_t seq = from; seq <= to; seq += step) {
        char word[9];
        (void)snprintf(word, sizeof word, "P%05u--", (unsigned)seq); /* fits */
        count += memmem(bytes, size, word, strlen(word)) != NULL;
    }
    free(bytes);
    return count;
}

static void erased_bytes_are_nowhere(void **state)
{
    struct harness *h = *state;
    enum { COUNT = 300 };
    for (uint64_t seq = 1; seq <= COUNT; seq++) {
        char *payload = marked_payload(seq);
        struct store_write write = harness_record(h, "record");
        write.payload = slice_text(payload);
        harness_submit(h, &write, 1);
        if (seq % 7 == 0)
            harness_settle(h);
        free(payload);
    }
    harness_settle(h);
    for (uint64_t seq = 3; seq <= COUNT; seq += 3)
        assert_int_equal(h->port.erase_payload(h->port.impl, seq), ERR_OK);
    while (count_marks(h, 3, COUNT, 3) > 0) /* until the log is cut; the watchdog runs */
        (void)sched_yield();
    assert_int_equal(count_marks(h, 1, COUNT, 3) + count_marks(h, 2, COUNT, 3), 200);
    for (uint64_t seq = 1; seq <= COUNT; seq++) {
        struct slice payload;
        enum err err = h->port.get_payload(h->port.impl, seq, &h->arena, &payload);
        assert_int_equal(err, seq % 3 == 0 ? ERR_NOT_FOUND : ERR_OK);
        char *wanted = marked_payload(seq);
        if (err == ERR_OK)
            assert_true(slice_is(payload, wanted));
        free(wanted);
    }
    /* And the rest, whose pages have been written to since: no older copy is left in them. */
    for (uint64_t seq = 1; seq <= COUNT; seq++) {
        struct store_write write = harness_record(h, "erased");
        write.erased = &seq;
        write.erased_count = seq % 3 != 0;
        harness_submit(h, &write, 1);
    }
    harness_settle(h);
    while (files_hold(h, "P00"))
        (void)sched_yield();
    harness_reopen(h);
    assert_false(files_hold(h, "P00"));
}

/* kill -9 leaves the log, with older copies in it: the next start cuts it. */
static void a_log_left_behind_is_cut(void **state)
{
    struct harness *h = *state;
    harness_sqlite_close_only(h);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        harness_sqlite_open_again(h);
        submit_records(h, 1, "P00001--");
        if (h->port.erase_payload(h->port.impl, 1) != ERR_OK)
            _exit(1);
        (void)kill(getpid(), SIGKILL); /* never returns */
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    harness_sqlite_open_again(h);
    while (files_hold(h, "P00001--"))
        (void)sched_yield();
    verify_chain(&h->port, 1);
    h->next_seq = 2;
}

/* A frozen request holds what the payload holds: it must go when the action ends. */
static void frozen_requests_leave_no_trace(void **state)
{
    struct harness *h = *state;
    for (uint64_t id = 1; id <= 300; id++) {
        char *frozen = marked_payload(id);
        struct store_write write = harness_open_action(h, id, "row");
        write.frozen = slice_text(frozen);
        harness_submit(h, &write, 1);
        free(frozen);
        if (id % 7 == 0)
            harness_settle(h);
        if (id <= 20)
            continue;
        write = harness_open_action(h, id - 20, "row"); /* some stay open for a while */
        write.is_ended = true;
        harness_submit(h, &write, 1);
    }
    harness_reopen(h); /* closing empties the log */
    assert_int_equal(count_marks(h, 281, 300, 1), 20);
    /* A page that was rebuilt keeps bytes in its free part until it is written to again; only the
     * neighbours of what is still open can be in such pages. */
    assert_true(count_marks(h, 1, 280, 1) <= 20);
}

static void backup_done(void *arg, enum err err)
{
    *(int *)arg = (int)err;
}

static void expect_only_reads(const struct store_port *port)
{
    struct store_write write = {.seq = 1};
    assert_int_equal(port->submit(port->impl, &write, 1, NULL, NULL), ERR_DENIED);
    assert_int_equal(port->erase_payload(port->impl, 1), ERR_DENIED);
    assert_int_equal(port->backup(port->impl, SLICE("/x"), backup_done, NULL), ERR_DENIED);
    assert_int_equal(store_sqlite_adopt(port), ERR_DENIED);
    enum err why = ERR_IO;
    assert_int_equal(port->state(port->impl, &why), STORE_OK);
}

static void a_backup_is_whole_while_others_write(void **state)
{
    struct harness *h = *state;
    char *payload = marked_payload(1110);
    submit_records(h, 200, payload); /* about 4 MB: more than one slice */
    int result = -1;
    char *path = path_in(h, "copy.db");
    uint64_t told = h->next_seq - 1;
    void *impl = h->port.impl;
    assert_int_equal(h->port.backup(impl, slice_text(path), backup_done, &result), ERR_OK);
    assert_int_equal(h->port.backup(impl, SLICE("/tmp/another"), backup_done, NULL), ERR_BUSY);
    assert_false(is_there(h, "copy.db")); /* only when it is whole */
    while (result < 0) {
        struct store_write write = harness_record(h, "meanwhile");
        write.payload = slice_text(payload);
        if (h->submitted - h->told_count < 10)
            harness_submit(h, &write, 1);
        h->kind->turn(h);
    }
    assert_int_equal(result, ERR_OK);
    harness_settle(h);
    assert_int_equal(h->port.backup(impl, slice_text(path), backup_done, &result), ERR_CONFLICT);
    assert_int_equal(h->port.backup(impl, SLICE("/no/such/folder/x"), backup_done, &result),
                     ERR_IO);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    struct store_port copy;
    struct buf message;
    buf_init(&message, 4096);
    assert_int_equal(store_sqlite_open_file(slice_text(path), &copy, &message), ERR_OK);
    assert_true(store_sqlite_is_copy(&copy));
    verify_chain(&copy, told);
    expect_only_reads(&copy);
    store_sqlite_close(&copy);
    assert_false(is_there(h, "copy.db-wal"));
    assert_false(store_sqlite_is_copy(&h->port));
    verify_chain(&h->port, told + 1);
    buf_done(&message);
    free(payload);
    free(path);
}

static void a_copy_is_known_until_it_is_adopted(void **state)
{
    struct harness *h = *state;
    submit_records(h, 3, "payload");
    int result = -1;
    char *path = path_in(h, "copy.db");
    assert_int_equal(h->port.backup(h->port.impl, slice_text(path), backup_done, &result), ERR_OK);
    while (result < 0)
        h->kind->turn(h);
    assert_int_equal(result, ERR_OK);
    assert_int_equal(store_sqlite_run_epoch(&h->port), 1);
    harness_sqlite_close_only(h);
    char *original = path_in(h, "interlock.db");
    assert_int_equal(rename(path, original), 0); /* restored */
    harness_sqlite_open_again(h);
    assert_int_equal(store_sqlite_run_epoch(&h->port), 2);
    assert_true(store_sqlite_is_copy(&h->port));
    submit_records(h, 1, "payload");
    harness_reopen(h);
    assert_true(store_sqlite_is_copy(&h->port));
    assert_int_equal(store_sqlite_adopt(&h->port), ERR_OK);
    assert_false(store_sqlite_is_copy(&h->port));
    harness_reopen(h);
    assert_false(store_sqlite_is_copy(&h->port));
    verify_chain(&h->port, 4);
    free(path);
    free(original);
}

static void closing_ends_a_backup_and_saves_the_rest(void **state)
{
    struct harness *h = *state;
    char *payload = marked_payload(1110);
    submit_records(h, 500, payload);
    int result = -1;
    char *path = path_in(h, "copy.db");
    assert_int_equal(h->port.backup(h->port.impl, slice_text(path), backup_done, &result), ERR_OK);
    for (int i = 0; i < 50; i++) {
        struct store_write write = harness_record(h, "at the end");
        harness_submit(h, &write, 1);
    }
    harness_sqlite_close_only(h);
    assert_int_equal(h->told_count, h->submitted); /* told inside close */
    assert_true(result == ERR_CLOSED || result == ERR_OK);
    assert_int_equal(is_there(h, "copy.db"), result == ERR_OK);
    harness_sqlite_open_again(h);
    verify_chain(&h->port, 550);
    free(payload);
    free(path);
}

static struct sqlite_schema_step history[6];

static struct store_sqlite_options with_history(const struct harness *h, size_t step_count)
{
    size_t count = 0;
    const struct sqlite_schema_step *real = sqlite_schema_steps(&count);
    memcpy(history, real, count * sizeof *real);
    history[3] = (struct sqlite_schema_step){2, 3, "CREATE TABLE added(x INTEGER)"};
    history[4] = (struct sqlite_schema_step){3, 0,
                                             "INSERT INTO added VALUES (7);"
                                             "ALTER TABLE added ADD COLUMN y INTEGER"};
    history[5] = (struct sqlite_schema_step){4, 0, "DELETE FROM records; NO SUCH STATEMENT"};
    return (struct store_sqlite_options){
        .folder = slice_text(h->folder), .steps = history, .step_count = step_count};
}

static void open_with(struct harness *h, struct store_sqlite_options options)
{
    struct buf message;
    buf_init(&message, 4096);
    assert_int_equal(uv_loop_init(&h->loop), 0);
    enum err err = store_sqlite_open(&options, &h->loop, &h->port, &message);
    if (err != ERR_OK)
        fail_msg("%s: %s", err_text(err), buf_text(&message));
    buf_done(&message);
}

/* The real history is the older one of a longer one. */
static void older_tables_are_brought_up(void **state)
{
    struct harness *h = *state;
    submit_records(h, 3, "payload");
    harness_sqlite_close_only(h);
    open_with(h, with_history(h, 4));
    assert_true(is_there(h, "interlock.db.v2.2-1"));
    verify_chain(&h->port, 3);
    harness_sqlite_close_only(h);
    harness_sqlite_open_again(h); /* a newer minor is no hindrance */
    harness_sqlite_close_only(h);
    open_with(h, with_history(h, 5));
    assert_true(is_there(h, "interlock.db.v2.3-1"));
    submit_records(h, 1, "payload");
    verify_chain(&h->port, 4);
    harness_sqlite_close_only(h);
    expect_open_fails(h, ERR_VERSION, "written by a newer interlock (store version 3.0");
    struct store_port port;
    struct buf message;
    buf_init(&message, 4096);
    assert_int_equal(store_sqlite_open_file(slice_text(h->folder), &port, &message), ERR_VERSION);
    buf_done(&message);
    /* A step that fails changes nothing; the copy before it stays. */
    struct store_sqlite_options options = with_history(h, 6);
    assert_int_equal(open_fails(&options, &message), ERR_CORRUPT);
    assert_non_null(strstr(buf_text(&message), "version 4.0"));
    buf_done(&message);
    assert_true(is_there(h, "interlock.db.v3.0-1"));
    open_with(h, with_history(h, 5));
    verify_chain(&h->port, 4);
    harness_sqlite_close_only(h);
    char *copy = path_in(h, "interlock.db.v2.2-1");
    char *original = path_in(h, "interlock.db");
    assert_int_equal(rename(copy, original), 0); /* the way back */
    harness_sqlite_open_again(h);
    verify_chain(&h->port, 3);
    assert_true(store_sqlite_is_copy(&h->port));
    free(copy);
    free(original);
}

static void tables_from_before_the_first_release_are_refused(void **state)
{
    struct harness *h = *state;
    submit_records(h, 3, "payload");
    harness_sqlite_close_only(h);
    sqlite3 *db = NULL;
    char *path = path_in(h, "interlock.db");
    assert_int_equal(sql_open(&db, path, SQLITE_OPEN_READWRITE, 64), ERR_OK);
    assert_int_equal(sqlite_schema_set(db, "major", 1), ERR_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    expect_open_fails(h, ERR_VERSION, "from before the first release (store version 1.2)");
    struct store_port port;
    struct buf message;
    buf_init(&message, 4096);
    assert_int_equal(store_sqlite_open_file(slice_text(h->folder), &port, &message), ERR_VERSION);
    assert_non_null(strstr(buf_text(&message), "another folder"));
    buf_done(&message);
    assert_false(is_there(h, "interlock.db.v1.0-1"));
    assert_int_equal(sql_open(&db, path, SQLITE_OPEN_READWRITE, 64), ERR_OK);
    assert_int_equal(sqlite_schema_set(db, "major", 2), ERR_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    harness_sqlite_open_again(h);
    verify_chain(&h->port, 3); /* nothing was changed */
    free(path);
}

/* A backup that is put over a store that crashed, whose log is still there. */
static void the_log_of_another_store_is_refused(void **state)
{
    struct harness *h = *state;
    submit_records(h, 3, "payload");
    int result = -1;
    char *copy = path_in(h, "copy.db");
    char *original = path_in(h, "interlock.db");
    char *log = path_in(h, "interlock.db-wal");
    assert_int_equal(h->port.backup(h->port.impl, slice_text(copy), backup_done, &result), ERR_OK);
    while (result < 0)
        h->kind->turn(h);
    harness_sqlite_close_only(h);
    assert_int_equal(rename(copy, original), 0);
    FILE *file = fopen(log, "w");
    assert_non_null(file);
    assert_true(fputs("frames of another store", file) >= 0);
    assert_int_equal(fclose(file), 0);
    expect_open_fails(h, ERR_INVALID, "is not its own");
    assert_int_equal(unlink(log), 0);
    harness_sqlite_open_again(h);
    verify_chain(&h->port, 3);
    free(copy);
    free(original);
    free(log);
}

/* One turn of the loop in which a key is looked up, then saved on the other thread, then told. */
struct look_up {
    struct harness *h;
    struct store_key key;
    enum err before, when_told;
};

static void look_up_told(void *arg, uint64_t through)
{
    struct look_up *look = arg;
    struct store_key found;
    (void)through;
    look->when_told = look->h->port.get_key(look->h->port.impl, look->key.hash, &found);
}

static void look_up_turn(uv_prepare_t *prepare)
{
    struct look_up *look = prepare->data;
    struct harness *h = look->h;
    struct store_sqlite_stats stats = {0};
    struct store_key found;
    look->before = h->port.get_key(h->port.impl, look->key.hash, &found);
    struct store_write write = harness_open_action(h, 1, "row");
    write.keys = &look->key;
    write.key_count = 1;
    CHECK(h->port.submit(h->port.impl, &write, 1, look_up_told, look) == ERR_OK);
    while (stats.batches == 0) {
        (void)sched_yield();
        store_sqlite_stats(&h->port, &stats);
    }
    uv_close((uv_handle_t *)prepare, NULL);
}

static void a_look_up_sees_what_was_told(void **state)
{
    struct look_up look = {.h = *state, .key = harness_key("k1", 1, 0), .when_told = ERR_IO};
    uv_prepare_t prepare = {.data = &look};
    assert_int_equal(uv_prepare_init(&look.h->loop, &prepare), 0);
    assert_int_equal(uv_prepare_start(&prepare, look_up_turn), 0);
    while (look.when_told == ERR_IO)
        look.h->kind->turn(look.h);
    assert_int_equal(look.before, ERR_NOT_FOUND);
    assert_int_equal(look.when_told, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_SQLITE(pages_are_read_in_the_order_of_an_index),
        HARNESS_SQLITE(a_look_up_sees_what_was_told),
        HARNESS_SQLITE(a_second_process_is_refused),
        HARNESS_SQLITE(files_are_for_their_owner),
        HARNESS_SQLITE(a_folder_is_made_or_refused),
        cmocka_unit_test(network_file_systems_have_names),
        HARNESS_SQLITE(what_is_no_store_is_refused),
        HARNESS_SQLITE(cut_records_are_seen_when_opened),
        HARNESS_SQLITE(who_lets_go_holds_no_checkpoint_back),
        HARNESS_SQLITE(erased_bytes_are_nowhere),
        HARNESS_SQLITE(a_log_left_behind_is_cut),
        HARNESS_SQLITE(frozen_requests_leave_no_trace),
        HARNESS_SQLITE(a_backup_is_whole_while_others_write),
        HARNESS_SQLITE(a_copy_is_known_until_it_is_adopted),
        HARNESS_SQLITE(closing_ends_a_backup_and_saves_the_rest),
        HARNESS_SQLITE(older_tables_are_brought_up),
        HARNESS_SQLITE(tables_from_before_the_first_release_are_refused),
        HARNESS_SQLITE(the_log_of_another_store_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
