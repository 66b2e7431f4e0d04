/* kill -9 at any instant: a child writes and reports what was told to it, the parent kills it,
 * opens the store and looks. What was told is there, nothing is half, the chain is whole, and the
 * next child goes on from there.
 *
 * Record s belongs to action (s + 1) / 2: odd ones admit it with a key, even ones end it. Every
 * third action does both in one submit. Some payloads are erased, which cuts the log in the middle
 * of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/prng.h"
#include "contract/store_harness.h"
#include "store/chainer.h"

enum { ROUND_COUNT = 40, FLIGHT_COUNT = 32, ACK_MAX = 900, PAYLOAD_MAX = 3000, ERASE_EVERY = 97 };
#define ERASED (UINT64_C(1) << 63) /* a report that this payload is erased, not saved */

static char payload_bytes[PAYLOAD_MAX];

static size_t payload_size(uint64_t seq)
{
    struct prng prng = {seq};
    return 1 + prng_below(&prng, PAYLOAD_MAX - 1);
}

/* Begins with the number, so that no payload can be taken for another one. */
static struct slice payload_of(uint64_t seq, char *bytes)
{
    size_t size = payload_size(seq);
    memcpy(bytes, payload_bytes, size);
    memcpy(bytes, &seq, size < sizeof seq ? size : sizeof seq);
    return slice_of(bytes, size);
}

struct child {
    struct store_port port;
    uv_loop_t loop;
    int pipe;
    uint64_t next_seq, told_seq;
    size_t flying;
};

static void child_report(const struct child *child, uint64_t number)
{
    CHECK(write(child->pipe, &number, sizeof number) == sizeof number);
}

static void child_key(uint64_t action, struct store_key *out)
{
    struct prng prng = {action};
    uint64_t hash[2] = {prng_next(&prng), prng_next(&prng)};
    *out = (struct store_key){.action = action};
    memcpy(out->hash, hash, sizeof out->hash);
}

static size_t child_make(const struct child *child, struct store_write *writes,
                         struct store_key *keys, char (*bytes)[PAYLOAD_MAX])
{
    uint64_t action = (child->next_seq + 1) / 2;
    size_t count = child->next_seq % 2 == 1 && action % 3 == 0 ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t seq = child->next_seq + i;
        bool is_admission = seq % 2 == 1;
        writes[i] = (struct store_write){.seq = seq,
                                         .record = SLICE("record"),
                                         .payload = payload_of(seq, bytes[i]),
                                         .action = action,
                                         .row = SLICE("row"),
                                         .is_ended = !is_admission};
        if (!is_admission)
            continue;
        child_key(action, &keys[i]);
        writes[i].keys = &keys[i];
        writes[i].key_count = 1;
        writes[i].queue = STORE_QUEUE_PEOPLE;
        writes[i].due_unix_ms = (int64_t)action;
        writes[i].scope = SLICE("wf/step");
    }
    return count;
}

static void child_told(void *arg, uint64_t through);

static void child_fly(struct child *child)
{
    static char bytes[2][PAYLOAD_MAX];
    struct store_write writes[2];
    struct store_key keys[2];
    while (child->flying < FLIGHT_COUNT) {
        size_t count = child_make(child, writes, keys, bytes);
        CHECK(child->port.submit(child->port.impl, writes, count, child_told, child) == ERR_OK);
        child->next_seq += count;
        child->flying++;
    }
}

static void child_told(void *arg, uint64_t through)
{
    (void)through; /* the head says it in records */
    struct child *child = arg;
    unsigned char hash[STORE_HASH_SIZE];
    child->port.head(child->port.impl, &child->told_seq, hash);
    child_report(child, child->told_seq);
    child->flying--;
    if (child->told_seq % ERASE_EVERY == 0) {
        CHECK(child->port.erase_payload(child->port.impl, child->told_seq) == ERR_OK);
        child_report(child, child->told_seq | ERASED);
    }
    child_fly(child);
}

/* Until it is killed. */
static _Noreturn void child_run(const char *folder, int pipe)
{
    struct child child = {.pipe = pipe};
    struct buf message;
    unsigned char hash[STORE_HASH_SIZE];
    buf_init(&message, 4096);
    CHECK(uv_loop_init(&child.loop) == 0);
    struct store_sqlite_options options = {.folder = slice_text(folder)};
    CHECK(store_sqlite_open(&options, &child.loop, &child.port, &message) == ERR_OK);
    child.port.head(child.port.impl, &child.next_seq, hash);
    child.next_seq++;
    child_fly(&child);
    (void)uv_run(&child.loop, UV_RUN_DEFAULT); /* there is always something on its way */
    CHECK_UNREACHABLE();
}

struct parent {
    char folder[64];
    struct prng prng;
    uint64_t told_seq;
    uint64_t erased[100000];
    size_t erased_count;
};

static void parent_read(struct parent *parent, int pipe, size_t ack_count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < ack_count; i++) {
        ssize_t size = read(pipe, &number, sizeof number);
        if (size == 0)
            return; /* the last words of a dead child were read */
        assert_int_equal(size, sizeof number);
        if (!(number & ERASED)) {
            assert_true(number > parent->told_seq);
            parent->told_seq = number;
        } else {
            assert_true(parent->erased_count < 100000);
            parent->erased[parent->erased_count++] = number & ~ERASED;
        }
    }
}

static void parent_kill_one(struct parent *parent)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]); /* the parent's */
        child_run(parent->folder, ends[1]);
    }
    (void)close(ends[1]); /* the child's: its death ends the pipe */
    parent_read(parent, ends[0], (size_t)prng_below(&parent->prng, ACK_MAX));
    assert_int_equal(kill(child, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    parent_read(parent, ends[0], SIZE_MAX);
    (void)close(ends[0]); /* read to its end */
}

static void check_records(struct harness *h, const struct parent *parent, uint64_t head_seq)
{
    struct chainer chainer;
    assert_int_equal(chainer_init(&chainer), ERR_OK);
    unsigned char hash[STORE_HASH_SIZE] = {0};
    char bytes[PAYLOAD_MAX];
    size_t erased = 0;
    for (uint64_t seq = 1; seq <= head_seq; seq++) {
        struct store_record record;
        assert_int_equal(h->port.get_record(h->port.impl, seq, &h->arena, &record), ERR_OK);
        assert_int_equal(chainer_next(&chainer, hash, seq, record.body, hash), ERR_OK);
        assert_memory_equal(record.hash, hash, sizeof hash);
        struct slice payload = {0};
        enum err err = h->port.get_payload(h->port.impl, seq, &h->arena, &payload);
        if (erased < parent->erased_count && parent->erased[erased] == seq) {
            assert_int_equal(err, ERR_NOT_FOUND);
            erased++;
        } else if (err != ERR_NOT_FOUND || seq % ERASE_EVERY != 0) { /* erased, but not reported */
            assert_int_equal(err, ERR_OK);
            assert_true(slice_equal(payload, payload_of(seq, bytes)));
        }
        if (seq % 1000 == 0)
            arena_done(&h->arena);
    }
    chainer_done(&chainer);
    unsigned char head_hash[STORE_HASH_SIZE];
    h->port.head(h->port.impl, &head_seq, head_hash);
    assert_memory_equal(head_hash, hash, sizeof hash);
    struct store_record record;
    assert_int_equal(h->port.get_record(h->port.impl, head_seq + 1, &h->arena, &record),
                     ERR_NOT_FOUND);
}

static void check_actions(struct harness *h, uint64_t head_seq)
{
    uint64_t action_count = (head_seq + 1) / 2;
    bool is_last_open = head_seq % 2 == 1;
    assert_true(!is_last_open || action_count % 3 != 0); /* never the half of a submit */
    struct store_counts counts;
    h->port.counts(h->port.impl, &counts);
    assert_int_equal(counts.open_actions, is_last_open);
    assert_int_equal(counts.ended_actions, action_count - is_last_open);
    for (uint64_t id = 1; id <= action_count + 2; id++) {
        struct store_action action;
        struct store_key key, wanted;
        child_key(id, &wanted);
        enum err err = h->port.get_action(h->port.impl, id, &h->arena, &action);
        enum err key_err = h->port.get_key(h->port.impl, wanted.hash, &key);
        assert_int_equal(err, id <= action_count ? ERR_OK : ERR_NOT_FOUND);
        assert_int_equal(key_err, err);
        if (err == ERR_OK)
            assert_int_equal(action.is_ended, id < action_count || !is_last_open);
    }
    struct store_open_query query = {.has_queue = true, .queue = STORE_QUEUE_PEOPLE, .limit = 2};
    struct store_action open[2];
    size_t count = 9;
    assert_int_equal(h->port.list_open(h->port.impl, &query, &h->arena, open, &count), ERR_OK);
    assert_int_equal(count, is_last_open);
    query = (struct store_open_query){.by_due = true, .due_until_unix_ms = INT64_MAX, .limit = 2};
    assert_int_equal(h->port.list_open(h->port.impl, &query, &h->arena, open, &count), ERR_OK);
    assert_int_equal(count, is_last_open);
}

static void nothing_told_is_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAYLOAD_MAX; i++)
        payload_bytes[i] = (char)('a' + i % 26);
    struct parent *parent = calloc(1, sizeof *parent);
    struct harness *h = calloc(1, sizeof *h);
    assert_true(parent && h);
    const char *seed = getenv("INTERLOCK_SEED");
    parent->prng.state = seed ? strtoull(seed, NULL, 10) : 20261124;
    (void)alarm(HARNESS_WATCHDOG_S); /* nothing was set before */
    (void)snprintf(parent->folder, sizeof parent->folder, "/tmp/interlock-crash-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(parent->folder));
    (void)snprintf(h->folder, sizeof h->folder, "%s", parent->folder); /* fits */
    arena_init(&h->arena, 64 * 1024 * 1024);
    for (int round = 0; round < ROUND_COUNT; round++) {
        parent_kill_one(parent);
        harness_sqlite_open_again(h);
        uint64_t head_seq = 0;
        unsigned char hash[STORE_HASH_SIZE];
        h->port.head(h->port.impl, &head_seq, hash);
        assert_true(head_seq >= parent->told_seq);
        parent->told_seq = head_seq; /* more may be durable than was told */
        bool is_thorough = round % 8 == 7;
        if (is_thorough)
            check_records(h, parent, head_seq);
        check_actions(h, head_seq);
        arena_done(&h->arena);
        harness_sqlite_close_only(h);
    }
    print_message("%d records told, %d payloads erased\n", (int)parent->told_seq,
                  (int)parent->erased_count);
    harness_remove_folder(parent->folder);
    free(parent);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_told_is_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
