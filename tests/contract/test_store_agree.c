/* The same random writes to every store: then every read must give the same bytes. */
#include "contract/store_harness.h"

#include "base/buf.h"

enum { ACTION_COUNT = 120, KEY_COUNT = 60, SUBMIT_COUNT = 1500, STORE_COUNT = 2 };

static const char *const scopes[] = {"a/x", "a/y", "ab/x", "b/x", "a/", "a", ""};
static const char *const orders[] = {"order-1", "order-2", "order-3"};
static const char *const upstreams[] = {"", "u1", "u2"};
static const char filler[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* What one submit consists of; the slices point in here or to constants. */
struct script {
    struct prng prng;
    uint64_t owners[KEY_COUNT]; /* of the keys, 0 = none */
    struct store_write writes[4];
    struct store_key keys[4][2];
    struct store_row rows[4][2];
    char row_keys[4][2][8];
};

static uint64_t pick(struct script *script, uint64_t below)
{
    return prng_below(&script->prng, below);
}

static struct slice pick_bytes(struct script *script)
{
    return slice_of(filler, pick(script, sizeof filler));
}

static void make_key(struct script *script, struct store_write *write, struct store_key *key)
{
    uint64_t which = pick(script, KEY_COUNT);
    *key = (struct store_key){.action = write->action};
    key->hash[0] = (unsigned char)(which * 37); /* not in order of which */
    key->hash[15] = (unsigned char)which;
    key->fingerprint[3] = (unsigned char)pick(script, 256);
    key->replaces = script->owners[which]; /* so that it is never a conflict */
    script->owners[which] = write->action;
}

static void make_row(struct script *script, struct store_row *row, char *key)
{
    *row = (struct store_row){.table = (enum store_table)pick(script, STORE_TABLE_COUNT),
                              .value = pick_bytes(script),
                              .is_removed = pick(script, 3) == 0};
    (void)snprintf(key, 8, "k%u", (unsigned)pick(script, 20)); /* fits */
    row->key = slice_text(key);
}

static void make_write(struct script *script, size_t at, uint64_t seq)
{
    struct store_write *write = &script->writes[at];
    *write = (struct store_write){.seq = seq};
    if (seq != 0) {
        write->record = pick_bytes(script);
        write->payload = pick(script, 2) ? pick_bytes(script) : (struct slice){0};
    }
    if (pick(script, 8) != 0) {
        write->action = 1 + pick(script, ACTION_COUNT);
        write->is_ended = pick(script, 3) == 0;
        write->row = pick_bytes(script);
        write->frozen = pick(script, 2) ? pick_bytes(script) : (struct slice){0};
        write->queue = (enum store_queue)pick(script, STORE_QUEUE_COUNT);
        write->due_unix_ms = pick(script, 2) ? (int64_t)pick(script, 50) : 0;
        write->people_due_unix_ms = (int64_t)pick(script, 50);
        write->scope = slice_text(scopes[pick(script, sizeof scopes / sizeof *scopes)]);
        write->upstream = slice_text(upstreams[pick(script, 3)]);
        write->order = pick(script, 2) ? slice_text(orders[pick(script, 3)]) : (struct slice){0};
        write->keys = script->keys[at];
        write->key_count = pick(script, 3);
        for (size_t i = 0; i < write->key_count; i++)
            make_key(script, write, &script->keys[at][i]);
    }
    write->rows = script->rows[at];
    write->row_count = pick(script, 3);
    for (size_t i = 0; i < write->row_count; i++)
        make_row(script, &script->rows[at][i], script->row_keys[at][i]);
}

static size_t make_submit(struct script *script, uint64_t next_seq)
{
    size_t count = 1 + pick(script, 4);
    for (size_t i = 0; i < count; i++)
        make_write(script, i, pick(script, 5) ? next_seq++ : 0);
    return count;
}

static void print_slice(struct buf *out, struct slice bytes)
{
    buf_add_fmt(out, " [%.*s]", SLICE_FMT(bytes));
}

static void print_actions(struct buf *out, const struct store_action *actions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct store_action *action = &actions[i];
        buf_add_fmt(out, "%d%s q%d due %d", (int)action->id, action->is_ended ? " ended" : "",
                    (int)action->queue, (int)action->due_unix_ms);
        buf_add_fmt(out, " by %d", (int)action->people_due_unix_ms);
        print_slice(out, action->row);
        print_slice(out, action->frozen);
        buf_add_byte(out, '\n');
    }
}

static void print_hash(struct buf *out, const unsigned char *hash, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buf_add_fmt(out, "%02x", hash[i]);
}

static void print_records(struct harness *h, struct buf *out)
{
    struct store_record records[50];
    uint64_t from = 0;
    size_t count = 0;
    do {
        enum err err = h->port.list_records(h->port.impl, from, 50, &h->arena, records, &count);
        assert_int_equal(err, ERR_OK);
        for (size_t i = 0; i < count; i++) {
            struct slice payload = {0};
            err = h->port.get_payload(h->port.impl, records[i].seq, &h->arena, &payload);
            buf_add_fmt(out, "record %d %d", (int)records[i].seq, (int)err);
            print_slice(out, payload);
            print_slice(out, records[i].body);
            print_hash(out, records[i].hash, STORE_HASH_SIZE);
            buf_add_byte(out, '\n');
            from = records[i].seq + 1;
        }
    } while (count == 50);
}

static void print_keys(struct harness *h, struct buf *out)
{
    struct store_key keys[7];
    unsigned char after[STORE_KEY_SIZE];
    size_t count = 0;
    bool is_first = true;
    do {
        assert_int_equal(h->port.list_keys(h->port.impl, is_first ? NULL : after, 7, keys, &count),
                         ERR_OK);
        for (size_t i = 0; i < count; i++) {
            print_hash(out, keys[i].hash, STORE_KEY_SIZE);
            print_hash(out, keys[i].fingerprint, STORE_KEY_SIZE);
            buf_add_fmt(out, " %d\n", (int)keys[i].action);
            memcpy(after, keys[i].hash, sizeof after);
            is_first = false;
        }
    } while (count == 7);
}

static void print_rows(struct harness *h, struct buf *out)
{
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        struct store_row rows[4];
        struct slice after = {0};
        size_t count = 0;
        do {
            assert_int_equal(h->port.list_rows(h->port.impl, (enum store_table)table, after, 4,
                                               &h->arena, rows, &count),
                             ERR_OK);
            for (size_t i = 0; i < count; i++) {
                buf_add_fmt(out, "row %d", (int)rows[i].table);
                print_slice(out, rows[i].key);
                print_slice(out, rows[i].value);
                buf_add_byte(out, '\n');
                after = rows[i].key;
            }
        } while (count == 4);
    }
}

/* Everything that can be listed, by all kinds of pages. */
static void print_store(struct harness *h, struct buf *out)
{
    struct store_counts counts;
    h->port.counts(h->port.impl, &counts);
    buf_add_fmt(out, "records %d open %d ended %d\n", (int)counts.records, (int)counts.open_actions,
                (int)counts.ended_actions);
    uint64_t seq = 0;
    unsigned char hash[STORE_HASH_SIZE];
    h->port.head(h->port.impl, &seq, hash);
    buf_add_fmt(out, "head %d ", (int)seq);
    print_hash(out, hash, sizeof hash);
    print_records(h, out);
    print_keys(h, out);
    print_rows(h, out);
    struct store_action actions[9];
    uint64_t before = 0;
    size_t count = 0;
    do {
        assert_int_equal(h->port.list_actions(h->port.impl, before, 9, &h->arena, actions, &count),
                         ERR_OK);
        print_actions(out, actions, count);
        before = count > 0 ? actions[count - 1].id : 0;
    } while (count == 9);
}

static struct store_open_query make_query(struct script *script)
{
    unsigned order = (unsigned)pick(script, 5);
    if (order == 4)
        return (struct store_open_query){.order = slice_text(orders[pick(script, 3)]),
                                         .limit = 1 + pick(script, 9)};
    return (struct store_open_query){
        .by_due = order == 1,
        .by_people_due = order == 2,
        .due_until_unix_ms = (int64_t)pick(script, 60),
        .has_queue = pick(script, 2) == 0,
        .queue = (enum store_queue)pick(script, STORE_QUEUE_COUNT),
        .scope = pick(script, 2) ? slice_text(scopes[pick(script, 7)]) : (struct slice){0},
        .upstream = pick(script, 3) ? (struct slice){0} : slice_text(upstreams[pick(script, 3)]),
        .is_of_upstream = pick(script, 3) == 0,
        .limit = 1 + pick(script, 9),
    };
}

static void print_query(struct harness *h, struct store_open_query query, struct buf *out)
{
    struct store_action actions[10];
    size_t count = 0;
    buf_add_fmt(out, "query due %d%d%d until %d queue %d %d limit %d", query.by_due,
                query.by_people_due, query.is_of_upstream, (int)query.due_until_unix_ms,
                query.has_queue, (int)query.queue, (int)query.limit);
    print_slice(out, query.scope);
    print_slice(out, query.upstream);
    print_slice(out, query.order);
    buf_add_byte(out, '\n');
    do {
        assert_int_equal(h->port.list_open(h->port.impl, &query, &h->arena, actions, &count),
                         ERR_OK);
        print_actions(out, actions, count);
        buf_add_text(out, "-\n");
        if (count > 0) {
            query.after_id = actions[count - 1].id;
            query.after_due_unix_ms = query.by_due ? actions[count - 1].due_unix_ms : 0;
            if (query.by_people_due)
                query.after_due_unix_ms = actions[count - 1].people_due_unix_ms;
        }
    } while (count == query.limit);
}

/* Shows the first line that differs. */
static void compare(struct buf *texts, uint64_t seed)
{
    if (slice_equal(buf_slice(&texts[0]), buf_slice(&texts[1])))
        return;
    size_t at = 0;
    size_t line = 0;
    while (at < texts[0].size && at < texts[1].size && texts[0].at[at] == texts[1].at[at]) {
        if (texts[0].at[at] == '\n')
            line = at + 1;
        at++;
    }
    for (size_t i = 0; i < STORE_COUNT; i++) {
        struct slice rest = slice_from(buf_slice(&texts[i]), line);
        print_error("%s: %.*s\n", i ? "sqlite" : "memory", (int)slice_find(rest, '\n'), rest.at);
    }
    fail_msg("the stores differ with seed %d", (int)seed);
}

static void compare_all(struct harness **stores, struct script *script, uint64_t seed)
{
    struct buf texts[STORE_COUNT];
    struct store_open_query queries[30];
    for (size_t i = 0; i < 30; i++)
        queries[i] = make_query(script);
    for (size_t i = 0; i < STORE_COUNT; i++) {
        buf_init(&texts[i], 64 * 1024 * 1024);
        harness_settle(stores[i]);
        print_store(stores[i], &texts[i]);
        for (size_t j = 0; j < 30; j++)
            print_query(stores[i], queries[j], &texts[i]);
        assert_true(buf_ok(&texts[i]));
    }
    compare(texts, seed);
    for (size_t i = 0; i < STORE_COUNT; i++)
        buf_done(&texts[i]);
}

static void run_seed(uint64_t seed)
{
    struct script script = {.prng = {seed}};
    struct harness *stores[STORE_COUNT] = {harness_new(&harness_memory),
                                           harness_new(&harness_sqlite)};
    for (size_t n = 1; n <= SUBMIT_COUNT; n++) {
        size_t count = make_submit(&script, stores[0]->next_seq);
        for (size_t i = 0; i < STORE_COUNT; i++)
            harness_submit(stores[i], script.writes, count);
        uint64_t erased = pick(&script, 20) == 0 ? 1 + pick(&script, stores[0]->next_seq) : 0;
        for (size_t i = 0; i < STORE_COUNT && erased > 0; i++) {
            harness_settle(stores[i]);
            enum err err = stores[i]->port.erase_payload(stores[i]->port.impl, erased);
            assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
        }
        if (n % 300 == 0)
            compare_all(stores, &script, seed);
        for (size_t i = 0; i < STORE_COUNT && n % 700 == 0; i++)
            harness_reopen(stores[i]);
    }
    for (size_t i = 0; i < STORE_COUNT; i++)
        harness_free(stores[i]);
}

static void stores_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        run_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stores_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
