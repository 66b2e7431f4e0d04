/* What port/store.h promises of lists of actions, on every implementation alike: which, in what
 * order, in pages. */
#include "contract/store_harness.h"

/* ids 1..60: scope wf0/s0, wf0/s1, wf1/s0, ..., all queues in turn, upstream u0 or u1. */
static void fill_queues(struct harness *h)
{
    static const char *scopes[] = {"wf0/s0", "wf0/s1", "wf1/s0", "wf01/s0"};
    static const char *upstreams[] = {"u0", "u1", "u2"};
    for (uint64_t id = 1; id <= 60; id++) {
        struct store_write write = harness_open_action(h, id, "row");
        write.scope = slice_text(scopes[id % 4]);
        write.queue = (enum store_queue)(id % 5);
        write.upstream = slice_text(upstreams[id % 3]);
        write.due_unix_ms = id % 2 ? (int64_t)(1000 - id / 4) : 0;
        harness_submit(h, &write, 1);
    }
    harness_settle(h);
}

static void open_actions_are_listed_by_queue_and_scope(void **state)
{
    struct harness *h = *state;
    fill_queues(h);
    struct store_action *out = calloc(LIMIT_PAGE, sizeof *out);
    assert_non_null(out);
    assert_int_equal(harness_list_open(h, (struct store_open_query){0}, out), 60);
    for (uint64_t i = 0; i < 60; i++)
        assert_int_equal(out[i].id, i + 1);
    struct store_open_query query = {.has_queue = true, .queue = STORE_QUEUE_HELD_UPSTREAM};
    assert_int_equal(harness_list_open(h, query, out), 12);
    assert_int_equal(out[0].id, 2);
    assert_int_equal(out[0].queue, STORE_QUEUE_HELD_UPSTREAM);
    assert_slice(out[0].row, "row");
    assert_slice(out[0].frozen, "frozen");
    query.upstream = SLICE("u1"); /* id % 5 == 2 and id % 3 == 1 */
    assert_int_equal(harness_list_open(h, query, out), 4);
    assert_int_equal(out[0].id, 7);
    query.scope = SLICE("wf01/s0"); /* and id % 4 == 3 */
    assert_int_equal(harness_list_open(h, query, out), 1);
    assert_int_equal(out[0].id, 7);
    query.scope = SLICE("wf01/");
    assert_int_equal(harness_list_open(h, query, out), 1);
    query = (struct store_open_query){.scope = SLICE("wf0/")};
    assert_int_equal(harness_list_open(h, query, out), 30);
    query.scope = SLICE("wf0/s1");
    assert_int_equal(harness_list_open(h, query, out), 15);
    query.scope = SLICE("wf0");
    assert_int_equal(harness_list_open(h, query, out), 0);
    query.scope = SLICE("wf0/s");
    assert_int_equal(harness_list_open(h, query, out), 0);
    query = (struct store_open_query){.has_queue = true}; /* STORE_QUEUE_NONE */
    assert_int_equal(harness_list_open(h, query, out), 12);
    query = (struct store_open_query){.upstream = SLICE("u2")};
    assert_int_equal(harness_list_open(h, query, out), 20);
    query = (struct store_open_query){.has_queue = true,
                                      .queue = STORE_QUEUE_HELD_STOP,
                                      .scope = SLICE("wf0/"),
                                      .upstream = SLICE("u2"),
                                      .is_of_upstream = true};
    assert_int_equal(harness_list_open(h, query, out), 2); /* of id % 5 == 1, % 3 == 2: 41, 56 */
    assert_int_equal(out[0].id, 41);
    query.after_id = 41;
    assert_int_equal(harness_list_open(h, query, out), 1);
    query = (struct store_open_query){
        .has_queue = true, .queue = STORE_QUEUE_HELD_STOP, .scope = SLICE("wf0/")};
    query.is_of_upstream = true; /* to none: there is none of that */
    assert_int_equal(harness_list_open(h, query, out), 0);
    struct store_write write = harness_open_action(h, 61, "row");
    write.scope = SLICE("wf0/s0");
    write.queue = STORE_QUEUE_HELD_STOP;
    write.upstream = (struct slice){0};
    harness_save_action(h, write);
    assert_int_equal(harness_list_open(h, query, out), 1);
    assert_int_equal(out[0].id, 61);
    free(out);
}

static void open_actions_are_listed_in_pages(void **state)
{
    struct harness *h = *state;
    fill_queues(h);
    struct store_action out[8];
    static const char *scopes[] = {"", "wf0/", "wf0/s1"};
    for (size_t i = 0; i < 3; i++) {
        struct store_open_query query = {.has_queue = true,
                                         .queue = STORE_QUEUE_PEOPLE,
                                         .scope = slice_text(scopes[i]),
                                         .limit = 2};
        size_t sum = 0;
        size_t count = 0;
        while ((count = harness_list_open(h, query, out)) > 0) {
            assert_true(count <= 2 && out[0].id > query.after_id);
            query.after_id = out[count - 1].id;
            sum += count;
        }
        assert_int_equal(sum, i == 0 ? 12 : i == 1 ? 6 : 3);
    }
    struct store_open_query query = {.after_id = UINT64_MAX};
    assert_int_equal(harness_list_open(h, query, out), 0);
}

static void due_actions_come_earliest_first(void **state)
{
    struct harness *h = *state;
    fill_queues(h);
    struct store_action out[4];
    struct store_open_query query = {.by_due = true, .due_until_unix_ms = 995, .limit = 4};
    size_t sum = 0;
    size_t count = 0;
    while ((count = harness_list_open(h, query, out)) > 0) {
        for (size_t i = 0; i < count; i++) {
            assert_true(out[i].due_unix_ms <= 995);
            assert_true(
                out[i].due_unix_ms > query.after_due_unix_ms ||
                (out[i].due_unix_ms == query.after_due_unix_ms && out[i].id > query.after_id));
            query.after_due_unix_ms = out[i].due_unix_ms;
            query.after_id = out[i].id;
            sum++;
        }
    }
    assert_int_equal(sum, 20); /* odd ids from 21 to 59 */
    query = (struct store_open_query){.by_due = true,
                                      .due_until_unix_ms = INT64_MAX,
                                      .has_queue = true,
                                      .queue = STORE_QUEUE_HELD_STOP,
                                      .scope = SLICE("wf0/s1"),
                                      .limit = 4};
    assert_int_equal(harness_list_open(h, query, out), 3); /* 41, 21, 1 */
    assert_int_equal(out[0].id, 41);
    query.due_until_unix_ms = 0;
    assert_int_equal(harness_list_open(h, query, out), 0);
}

/* The inbox: all that wait for people, most urgent first, whatever order they came in. */
static void what_waits_for_people_comes_by_its_due_time(void **state)
{
    struct harness *h = *state;
    struct store_action out[4];
    for (uint64_t id = 1; id <= 30; id++) {
        struct store_write write = harness_open_action(h, id, "row");
        write.queue = id % 3 ? STORE_QUEUE_PEOPLE : STORE_QUEUE_HELD_OTHER;
        write.people_due_unix_ms = id % 3 ? (int64_t)(100 - id / 2) : 0;
        write.scope = id % 2 ? SLICE("wf0/s0") : SLICE("wf1/s0");
        harness_save_action(h, write);
    }
    struct store_open_query query = {.by_people_due = true, .limit = 4};
    size_t sum = 0;
    size_t count = 0;
    while ((count = harness_list_open(h, query, out)) > 0) {
        for (size_t i = 0; i < count; i++, sum++) {
            int64_t due = out[i].people_due_unix_ms;
            assert_int_equal(due, 100 - (int64_t)(out[i].id / 2));
            assert_true(due > query.after_due_unix_ms ||
                        (due == query.after_due_unix_ms && out[i].id > query.after_id));
            query.after_due_unix_ms = due;
            query.after_id = out[i].id;
        }
    }
    assert_int_equal(sum, 20);
    query = (struct store_open_query){.by_people_due = true, .scope = SLICE("wf1/"), .limit = 4};
    assert_int_equal(harness_list_open(h, query, out), 4); /* 28, 26, 22, 20 */
    assert_int_equal(out[0].id, 28);
    assert_int_equal(out[3].id, 20);
    struct store_write write = harness_open_action(h, 28, "row");
    write.queue = STORE_QUEUE_PEOPLE; /* moved to a later time */
    write.people_due_unix_ms = 1000;
    harness_save_action(h, write);
    assert_int_equal(
        harness_list_open(h, (struct store_open_query){.by_people_due = true, .limit = 1}, out), 1);
    assert_int_equal(out[0].id, 29);
}

static void due_times_follow_the_row(void **state)
{
    struct harness *h = *state;
    struct store_write write = harness_open_action(h, 1, "row");
    write.due_unix_ms = 10;
    harness_save_action(h, write);
    struct store_open_query query = {.by_due = true, .due_until_unix_ms = 20};
    struct store_action *out = calloc(LIMIT_PAGE, sizeof *out);
    assert_int_equal(harness_list_open(h, query, out), 1);
    write.due_unix_ms = 30;
    harness_save_action(h, write);
    assert_int_equal(harness_list_open(h, query, out), 0);
    write.due_unix_ms = 20;
    harness_save_action(h, write);
    assert_int_equal(harness_list_open(h, query, out), 1);
    write.due_unix_ms = 0;
    harness_save_action(h, write);
    assert_int_equal(harness_list_open(h, query, out), 0);
    free(out);
}

static void actions_are_listed_newest_first(void **state)
{
    struct harness *h = *state;
    for (uint64_t id = 1; id <= 30; id++) {
        struct store_write write = harness_open_action(h, id, "row");
        write.is_ended = id % 3 == 0;
        harness_submit(h, &write, 1);
    }
    harness_settle(h);
    struct store_action out[7];
    uint64_t before = 0;
    uint64_t expected = 30;
    size_t count = 0;
    do {
        assert_int_equal(h->port.list_actions(h->port.impl, before, 7, &h->arena, out, &count),
                         ERR_OK);
        for (size_t i = 0; i < count; i++, expected--) {
            assert_int_equal(out[i].id, expected);
            assert_int_equal(out[i].is_ended, expected % 3 == 0);
            assert_slice(out[i].frozen, expected % 3 == 0 ? "" : "frozen");
        }
        before = expected + 1;
    } while (count == 7);
    assert_int_equal(expected, 0);
    assert_int_equal(h->port.list_actions(h->port.impl, UINT64_MAX, 7, &h->arena, out, &count),
                     ERR_OK);
    assert_int_equal(count, 7);
    assert_int_equal(h->port.list_actions(h->port.impl, 1, 7, &h->arena, out, &count), ERR_OK);
    assert_int_equal(count, 0);
}

/* R11: the open actions of one order key, oldest first; another one moves an action, none keeps. */
static void open_actions_are_listed_by_order_key(void **state)
{
    struct harness *h = *state;
    struct store_action out[8];
    for (uint64_t id = 1; id <= 6; id++) {
        struct store_write write = harness_open_action(h, id, "row");
        write.order = id % 2 ? SLICE("odd-------------") : (struct slice){0};
        write.queue = (enum store_queue)(id % STORE_QUEUE_COUNT);
        harness_save_action(h, write);
    }
    struct store_write write = harness_open_action(h, 5, "kept");
    harness_save_action(h, write);
    struct store_open_query query = {.order = SLICE("odd-------------")};
    assert_int_equal(harness_list_open(h, query, out), 3);
    assert_int_equal(out[0].id, 1);
    assert_int_equal(out[1].id, 3);
    assert_int_equal(out[2].id, 5);
    assert_slice(out[2].row, "kept");
    query.after_id = 1;
    assert_int_equal(harness_list_open(h, query, out), 2);
    harness_save_action(h,
                        (struct store_write){.action = 3, .is_ended = true, .row = SLICE("end")});
    assert_int_equal(harness_list_open(h, query, out), 1);
    write = harness_open_action(h, 5, "moved");
    write.order = SLICE("another---------");
    harness_save_action(h, write);
    assert_int_equal(harness_list_open(h, query, out), 0);
    query = (struct store_open_query){.order = SLICE("another---------")};
    assert_int_equal(harness_list_open(h, query, out), 1);
    assert_slice(out[0].row, "moved");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_BOTH(open_actions_are_listed_by_queue_and_scope),
        HARNESS_BOTH(open_actions_are_listed_in_pages),
        HARNESS_BOTH(due_actions_come_earliest_first),
        HARNESS_BOTH(what_waits_for_people_comes_by_its_due_time),
        HARNESS_BOTH(due_times_follow_the_row),
        HARNESS_BOTH(actions_are_listed_newest_first),
        HARNESS_BOTH(open_actions_are_listed_by_order_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
