/* What port/store.h promises of writes, on every implementation alike: their order, the chain,
 * keys, rows, payloads. What is listed: test_store_lists.c; what does not fit: test_store_full.c.
 */
#include "contract/store_harness.h"

#include <signal.h>
#include <sys/wait.h>

static void done_is_told_in_order(void **state)
{
    struct harness *h = *state;
    for (int i = 0; i < 1000; i++) {
        struct store_write write = harness_record(h, "body");
        harness_submit(h, &write, 1);
    }
    assert_int_equal(h->told_count, 0); /* later, never from inside submit */
    harness_settle(h);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(h->told[i], i + 1);
    struct store_counts counts;
    h->port.counts(h->port.impl, &counts);
    assert_int_equal(counts.records, 1000);
    assert_true(counts.batches >= 1 && counts.batches <= 1000);
    assert_true(counts.disk_free_bytes > 0);
}

static void reads_come_after_done(void **state)
{
    struct harness *h = *state;
    for (int i = 0; i < 200; i++) {
        struct store_write write = harness_record(h, "body");
        write.action = 1000 + (uint64_t)i;
        write.row = SLICE("row");
        write.payload = SLICE("payload");
        harness_submit(h, &write, 1);
        while (h->told_count < h->submitted) {
            h->kind->turn(h);
            uint64_t seq = 0;
            unsigned char hash[STORE_HASH_SIZE];
            h->port.head(h->port.impl, &seq, hash);
            if (h->told_count == 0)
                continue;
            assert_true(seq >= h->told[h->told_count - 1]);
            struct store_record record;
            assert_int_equal(h->port.get_record(h->port.impl, seq, &h->arena, &record), ERR_OK);
            assert_memory_equal(record.hash, hash, STORE_HASH_SIZE);
            struct store_action action;
            assert_int_equal(h->port.get_action(h->port.impl, 999 + seq, &h->arena, &action),
                             ERR_OK);
            assert_slice(action.row, "row");
        }
    }
}

static void nothing_is_found_in_an_empty_store(void **state)
{
    struct harness *h = *state;
    void *impl = h->port.impl;
    struct store_action action;
    struct store_key key;
    struct store_record record;
    struct slice bytes;
    unsigned char hash[STORE_KEY_SIZE] = {1};
    uint64_t ids[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_int_equal(h->port.get_action(impl, ids[i], &h->arena, &action), ERR_NOT_FOUND);
        assert_int_equal(h->port.get_record(impl, ids[i], &h->arena, &record), ERR_NOT_FOUND);
        assert_int_equal(h->port.get_payload(impl, ids[i], &h->arena, &bytes), ERR_NOT_FOUND);
        assert_int_equal(h->port.erase_payload(impl, ids[i]), ERR_NOT_FOUND);
    }
    assert_int_equal(h->port.get_key(impl, hash, &key), ERR_NOT_FOUND);
    assert_int_equal(h->port.get_row(impl, STORE_META, SLICE("x"), &h->arena, &bytes),
                     ERR_NOT_FOUND);
    uint64_t seq = 1;
    unsigned char head[STORE_HASH_SIZE], zero[STORE_HASH_SIZE] = {0};
    h->port.head(impl, &seq, head);
    assert_int_equal(seq, 0);
    assert_memory_equal(head, zero, sizeof zero);
    enum err why = ERR_IO;
    assert_int_equal(h->port.state(impl, &why), STORE_OK);
    assert_int_equal(why, ERR_OK);
}

static void records_are_chained(void **state)
{
    struct harness *h = *state;
    struct store_write writes[2] = {harness_record(h, "one"), harness_record(h, "two")};
    writes[1].seq++;
    harness_submit(h, writes, 2);
    harness_settle(h);
    /* Worked out by hand: python3 -c 'import hashlib as h; a = h.sha256(bytes(32) +
     * (1).to_bytes(8, "big") + b"one"); print(a.hexdigest())', and on from its digest. */
    static const unsigned char want[2][4] = {{0x06, 0xd2, 0x48, 0xca}, {0xae, 0xb5, 0x86, 0x87}};
    struct store_record records[4];
    size_t count = 0;
    assert_int_equal(h->port.list_records(h->port.impl, 1, 4, &h->arena, records, &count), ERR_OK);
    assert_int_equal(count, 2);
    assert_slice(records[0].body, "one");
    assert_slice(records[1].body, "two");
    for (size_t i = 0; i < 2; i++)
        assert_memory_equal(records[i].hash, want[i], 4);
    assert_int_equal(h->port.list_records(h->port.impl, 2, 4, &h->arena, records, &count), ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(records[0].seq, 2);
    assert_int_equal(h->port.list_records(h->port.impl, 3, 4, &h->arena, records, &count), ERR_OK);
    assert_int_equal(count, 0);
}

static void expect_bug(struct harness *h, const struct store_write *write)
{
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        (void)fclose(stderr);           /* the message is wanted, not shown */
        (void)h->port.submit(h->port.impl, write, 1, NULL, NULL);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void a_gap_in_seq_is_a_bug(void **state)
{
    struct harness *h = *state;
    struct store_write write = harness_record(h, "one");
    harness_submit(h, &write, 1);
    expect_bug(h, &write); /* again the same one, still on its way */
    harness_settle(h);
    expect_bug(h, &write);
    write.seq = 3;
    expect_bug(h, &write);
    write = (struct store_write){.seq = 0, .record = SLICE("a record without a number")};
    expect_bug(h, &write);
    write = harness_record(h, "two");
    harness_submit(h, &write, 1);
    harness_settle(h);
}

static void a_write_without_record_moves_no_head(void **state)
{
    struct harness *h = *state;
    struct store_row row = {.table = STORE_COUNTS, .key = SLICE("k"), .value = SLICE("v")};
    struct store_write write = {.rows = &row, .row_count = 1};
    harness_submit(h, &write, 1);
    harness_settle(h);
    uint64_t seq = 7;
    unsigned char hash[STORE_HASH_SIZE];
    h->port.head(h->port.impl, &seq, hash);
    assert_int_equal(seq, 0);
    struct slice value;
    assert_int_equal(h->port.get_row(h->port.impl, STORE_COUNTS, SLICE("k"), &h->arena, &value),
                     ERR_OK);
    assert_slice(value, "v");
}

static void actions_move_from_open_to_ended(void **state)
{
    struct harness *h = *state;
    struct store_action action;
    struct store_write write = harness_open_action(h, 5, "row 1");
    harness_save_action(h, write);
    harness_expect_counts(h, 1, 0);
    write.row = SLICE("row 2");
    write.frozen = (struct slice){0}; /* keeps what is there */
    write.queue = STORE_QUEUE_PEOPLE;
    write.due_unix_ms = 77;
    harness_save_action(h, write);
    harness_expect_counts(h, 1, 0);
    assert_int_equal(h->port.get_action(h->port.impl, 5, &h->arena, &action), ERR_OK);
    assert_false(action.is_ended);
    assert_int_equal(action.id, 5);
    assert_slice(action.row, "row 2");
    assert_slice(action.frozen, "frozen");
    assert_int_equal(action.queue, STORE_QUEUE_PEOPLE);
    assert_int_equal(action.due_unix_ms, 77);
    write = (struct store_write){.action = 5, .is_ended = true, .row = SLICE("row 3")};
    harness_save_action(h, write);
    harness_expect_counts(h, 0, 1);
    assert_int_equal(h->port.get_action(h->port.impl, 5, &h->arena, &action), ERR_OK);
    assert_true(action.is_ended);
    assert_slice(action.row, "row 3");
    assert_int_equal(action.frozen.size, 0);
    assert_int_equal(action.queue, STORE_QUEUE_NONE);
    assert_int_equal(action.due_unix_ms, 0);
    write.row = SLICE("row 4"); /* ended rows may change */
    harness_save_action(h, write);
    harness_expect_counts(h, 0, 1);
    write = harness_open_action(h, 5, "row 5"); /* and come back */
    harness_save_action(h, write);
    harness_expect_counts(h, 1, 0);
    write = (struct store_write){.action = 4, .is_ended = true, .row = SLICE("at once")};
    harness_save_action(h, write);
    harness_expect_counts(h, 1, 1);
    assert_int_equal(h->port.get_action(h->port.impl, 5, &h->arena, &action), ERR_OK);
    assert_slice(action.row, "row 5");
    assert_slice(action.frozen, "frozen");
}

static void one_submit_is_one_transaction(void **state)
{
    struct harness *h = *state;
    struct store_write writes[3] = {harness_open_action(h, 1, "a"), harness_open_action(h, 2, "b"),
                                    harness_open_action(h, 1, "c")};
    for (uint64_t i = 0; i < 3; i++)
        writes[i].seq += i;
    writes[2].is_ended = true; /* admitted and ended in one */
    harness_submit(h, writes, 3);
    harness_settle(h);
    harness_expect_counts(h, 1, 1);
    struct store_action action;
    assert_int_equal(h->port.get_action(h->port.impl, 1, &h->arena, &action), ERR_OK);
    assert_true(action.is_ended);
    assert_slice(action.row, "c");
}

static void submit_key(struct harness *h, struct store_key key)
{
    struct store_write write = harness_open_action(h, key.action, "row");
    write.keys = &key;
    write.key_count = 1;
    harness_submit(h, &write, 1);
}

static void keys_are_kept_and_replaced(void **state)
{
    struct harness *h = *state;
    submit_key(h, harness_key("k1", 10, 0));
    submit_key(h, harness_key("k2", 11, 0));
    submit_key(h, harness_key("k1", 10, 0)); /* the same owner again */
    submit_key(h, harness_key("k1", 12, 10));
    submit_key(h, harness_key("k3", 13, 9)); /* nothing there to replace */
    harness_settle(h);
    struct store_key key;
    struct store_key wanted = harness_key("k1", 0, 0);
    assert_int_equal(h->port.get_key(h->port.impl, wanted.hash, &key), ERR_OK);
    assert_int_equal(key.action, 12);
    assert_int_equal(key.replaces, 0);
    assert_memory_equal(key.hash, wanted.hash, STORE_KEY_SIZE);
    assert_memory_equal(key.fingerprint, wanted.fingerprint, STORE_KEY_SIZE);
    struct store_key keys[5];
    size_t count = 0;
    assert_int_equal(h->port.list_keys(h->port.impl, NULL, 2, keys, &count), ERR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(keys[0].action, 12);
    assert_int_equal(keys[1].action, 11);
    assert_int_equal(h->port.list_keys(h->port.impl, keys[1].hash, 5, keys, &count), ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(keys[0].action, 13);
}

/* What was before is saved; of the submit with the conflict, nothing is; what came later, nothing.
 */
static void a_stolen_key_fails_the_store(void **state)
{
    struct harness *h = *state;
    struct store_write write = harness_record(h, "before");
    harness_submit(h, &write, 1);
    submit_key(h, harness_key("k1", 10, 0));
    struct store_key keys[2] = {harness_key("k2", 11, 0), harness_key("k1", 11, 0)};
    struct store_write writes[2] = {harness_open_action(h, 11, "row"),
                                    harness_open_action(h, 11, "row")};
    writes[1].seq++;
    writes[0].keys = &keys[0];
    writes[1].keys = &keys[1];
    writes[0].key_count = writes[1].key_count = 1;
    harness_submit(h, writes, 2);
    write = harness_record(h, "after");
    harness_submit(h, &write, 1);
    harness_turn_until(h, STORE_FAILED);
    enum err why = ERR_OK;
    assert_int_equal(h->port.state(h->port.impl, &why), STORE_FAILED);
    assert_int_equal(why, ERR_CONFLICT);
    while (h->told_count < 2 || h->changed_count == 0)
        h->kind->turn(h);
    assert_int_equal(h->told_count, 2);
    assert_int_equal(h->changed_count, 1);
    assert_int_equal(harness_try(h, &write, 1), ERR_CONFLICT);
    struct store_key key;
    struct store_action action;
    assert_int_equal(h->port.get_key(h->port.impl, keys[0].hash, &key), ERR_NOT_FOUND);
    assert_int_equal(h->port.get_action(h->port.impl, 11, &h->arena, &action), ERR_NOT_FOUND);
    assert_int_equal(h->port.get_action(h->port.impl, 10, &h->arena, &action), ERR_OK);
    uint64_t seq = 0;
    unsigned char hash[STORE_HASH_SIZE];
    h->port.head(h->port.impl, &seq, hash);
    assert_int_equal(seq, 2);
    struct store_record record;
    assert_int_equal(h->port.get_record(h->port.impl, 3, &h->arena, &record), ERR_NOT_FOUND);
    harness_expect_counts(h, 1, 0);
}

static void a_key_is_stolen_inside_one_submit(void **state)
{
    struct harness *h = *state;
    struct store_key keys[2] = {harness_key("k1", 1, 0), harness_key("k1", 2, 0)};
    struct store_write write = harness_open_action(h, 1, "row");
    write.keys = keys;
    write.key_count = 2;
    harness_submit(h, &write, 1);
    harness_turn_until(h, STORE_FAILED);
    struct store_key key;
    assert_int_equal(h->port.get_key(h->port.impl, keys[0].hash, &key), ERR_NOT_FOUND);
    h->told_count = h->submitted;
}

static void put_row(struct harness *h, enum store_table table, const char *key, const char *value)
{
    struct store_row row = {
        .table = table, .key = slice_text(key), .value = slice_text(value), .is_removed = !value};
    struct store_write write = {.rows = &row, .row_count = 1};
    harness_submit(h, &write, 1);
    harness_settle(h);
}

static void rows_are_put_listed_and_removed(void **state)
{
    struct harness *h = *state;
    put_row(h, STORE_STOPS, "b", "2");
    put_row(h, STORE_STOPS, "a", "1");
    put_row(h, STORE_STOPS, "c", "3");
    put_row(h, STORE_STOPS, "c", ""); /* an empty value is a value */
    put_row(h, STORE_TOKENS, "aa", "other table");
    put_row(h, STORE_POLICIES, "zz", "other table");
    put_row(h, STORE_STOPS, "d", NULL); /* removing what is not there */
    struct store_row rows[5];
    size_t count = 0;
    void *impl = h->port.impl;
    struct slice none = {0};
    assert_int_equal(h->port.list_rows(impl, STORE_STOPS, none, 5, &h->arena, rows, &count),
                     ERR_OK);
    assert_int_equal(count, 3);
    assert_slice(rows[0].key, "a");
    assert_slice(rows[1].value, "2");
    assert_slice(rows[2].value, "");
    assert_int_equal(rows[2].table, STORE_STOPS);
    assert_int_equal(h->port.list_rows(impl, STORE_STOPS, SLICE("a"), 1, &h->arena, rows, &count),
                     ERR_OK);
    assert_int_equal(count, 1);
    assert_slice(rows[0].key, "b");
    put_row(h, STORE_STOPS, "b", NULL);
    struct slice value;
    assert_int_equal(h->port.get_row(impl, STORE_STOPS, SLICE("b"), &h->arena, &value),
                     ERR_NOT_FOUND);
    assert_int_equal(h->port.get_row(impl, STORE_STOPS, SLICE("c"), &h->arena, &value), ERR_OK);
    assert_int_equal(value.size, 0);
}

static void a_full_arena_is_told(void **state)
{
    struct harness *h = *state;
    struct store_write write = harness_open_action(h, 1, "row");
    write.payload = SLICE("payload");
    harness_save_action(h, write);
    struct arena small;
    arena_init(&small, 1);
    struct store_action action;
    struct store_record record;
    struct slice bytes;
    size_t count = 99;
    void *impl = h->port.impl;
    assert_int_equal(h->port.get_action(impl, 1, &small, &action), ERR_LIMIT);
    assert_int_equal(h->port.get_record(impl, 1, &small, &record), ERR_LIMIT);
    assert_int_equal(h->port.get_payload(impl, 1, &small, &bytes), ERR_LIMIT);
    assert_int_equal(h->port.list_actions(impl, 0, 1, &small, &action, &count), ERR_LIMIT);
    assert_int_equal(h->port.list_records(impl, 1, 1, &small, &record, &count), ERR_LIMIT);
    struct store_open_query query = {.limit = 1};
    assert_int_equal(h->port.list_open(impl, &query, &small, &action, &count), ERR_LIMIT);
    assert_int_equal(count, 99);
    arena_done(&small);
}

static void payloads_are_erased(void **state)
{
    struct harness *h = *state;
    for (int i = 0; i < 3; i++) {
        struct store_write write = harness_record(h, "body");
        write.payload = SLICE("salt and value");
        harness_save_action(h, write);
    }
    struct store_write write = harness_record(h, "without");
    harness_save_action(h, write);
    struct slice bytes;
    void *impl = h->port.impl;
    assert_int_equal(h->port.get_payload(impl, 2, &h->arena, &bytes), ERR_OK);
    assert_slice(bytes, "salt and value");
    assert_int_equal(h->port.erase_payload(impl, 2), ERR_OK);
    assert_int_equal(h->port.get_payload(impl, 2, &h->arena, &bytes), ERR_NOT_FOUND);
    assert_int_equal(h->port.erase_payload(impl, 2), ERR_NOT_FOUND);
    assert_int_equal(h->port.get_payload(impl, 4, &h->arena, &bytes), ERR_NOT_FOUND);
    assert_int_equal(h->port.get_payload(impl, 3, &h->arena, &bytes), ERR_OK);
    struct store_record record;
    assert_int_equal(h->port.get_record(impl, 2, &h->arena, &record), ERR_OK);
    assert_slice(record.body, "{}");
    static const uint64_t erased[] = {1, 2, 4, 3}; /* 2 is erased, 4 never had one */
    write = harness_record(h, "goes on, and takes the rest with it");
    write.erased = erased;
    write.erased_count = 4;
    harness_save_action(h, write);
    assert_int_equal(h->port.erase_payload(impl, 3), ERR_NOT_FOUND);
}

static void all_is_kept_when_opened_again(void **state)
{
    struct harness *h = *state;
    struct store_key key = harness_key("k", 1, 0);
    struct store_row row = {.table = STORE_META, .key = SLICE("m"), .value = SLICE("v")};
    struct store_write writes[2] = {harness_open_action(h, 1, "one"),
                                    harness_open_action(h, 2, "two")};
    writes[0].payload = SLICE("payload");
    writes[0].keys = &key;
    writes[0].key_count = 1;
    writes[0].rows = &row;
    writes[0].row_count = 1;
    writes[1].seq++;
    writes[1].is_ended = true;
    harness_submit(h, writes, 2);
    harness_settle(h);
    uint64_t seq = 0, seq_after = 0;
    unsigned char hash[STORE_HASH_SIZE], hash_after[STORE_HASH_SIZE];
    h->port.head(h->port.impl, &seq, hash);
    harness_reopen(h);
    h->port.head(h->port.impl, &seq_after, hash_after);
    assert_int_equal(seq, seq_after);
    assert_memory_equal(hash, hash_after, sizeof hash);
    harness_expect_counts(h, 1, 1);
    struct slice bytes;
    assert_int_equal(h->port.get_payload(h->port.impl, 1, &h->arena, &bytes), ERR_OK);
    assert_slice(bytes, "payload");
    assert_int_equal(h->port.get_row(h->port.impl, STORE_META, SLICE("m"), &h->arena, &bytes),
                     ERR_OK);
    assert_int_equal(h->port.get_key(h->port.impl, key.hash, &key), ERR_OK);
    struct store_write write = harness_open_action(h, 1, "again");
    harness_save_action(h, write);
    assert_int_equal(h->told[0], 1); /* tickets count anew */
    harness_expect_counts(h, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_BOTH(done_is_told_in_order),
        HARNESS_BOTH(reads_come_after_done),
        HARNESS_BOTH(nothing_is_found_in_an_empty_store),
        HARNESS_BOTH(records_are_chained),
        HARNESS_BOTH(a_gap_in_seq_is_a_bug),
        HARNESS_BOTH(a_write_without_record_moves_no_head),
        HARNESS_BOTH(actions_move_from_open_to_ended),
        HARNESS_BOTH(one_submit_is_one_transaction),
        HARNESS_BOTH(keys_are_kept_and_replaced),
        HARNESS_BOTH(a_stolen_key_fails_the_store),
        HARNESS_BOTH(a_key_is_stolen_inside_one_submit),
        HARNESS_BOTH(rows_are_put_listed_and_removed),
        HARNESS_BOTH(a_full_arena_is_told),
        HARNESS_BOTH(payloads_are_erased),
        HARNESS_BOTH(all_is_kept_when_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
