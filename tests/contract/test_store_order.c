/* What port/store.h promises about order keys (R11), on every implementation alike. */
#include "contract/store_harness.h"

static void submit_action(struct harness *h, struct store_write write)
{
    write.seq = h->next_seq;
    write.record = SLICE("{}");
    harness_submit(h, &write, 1);
    harness_settle(h);
}

static size_t list(struct harness *h, struct store_open_query query, struct store_action *out)
{
    size_t count = 0;
    query.limit = 8;
    assert_int_equal(h->port.list_open(h->port.impl, &query, &h->arena, out, &count), ERR_OK);
    return count;
}

/* R11: the open actions of one order key, oldest first; the key is taken when an action opens. */
static void open_actions_are_listed_by_order_key(void **state)
{
    struct harness *h = *state;
    struct store_action out[8];
    for (uint64_t id = 1; id <= 6; id++) {
        struct store_write write = harness_open_action(h, id, "row");
        write.order = id % 2 ? SLICE("odd-------------") : (struct slice){0};
        write.queue = (enum store_queue)(id % STORE_QUEUE_COUNT);
        submit_action(h, write);
    }
    struct store_write write = harness_open_action(h, 5, "moved");
    write.order = SLICE("another---------"); /* too late */
    submit_action(h, write);
    struct store_open_query query = {.order = SLICE("odd-------------")};
    assert_int_equal(list(h, query, out), 3);
    assert_int_equal(out[0].id, 1);
    assert_int_equal(out[1].id, 3);
    assert_int_equal(out[2].id, 5);
    assert_slice(out[2].row, "moved");
    query.after_id = 1;
    assert_int_equal(list(h, query, out), 2);
    submit_action(h, (struct store_write){.action = 3, .is_ended = true, .row = SLICE("end")});
    assert_int_equal(list(h, query, out), 1);
    query = (struct store_open_query){.order = SLICE("another---------")};
    assert_int_equal(list(h, query, out), 0);
}

static int set_up_memory(void **state)
{
    *state = harness_new(&harness_memory);
    return 0;
}

static int set_up_sqlite(void **state)
{
    *state = harness_new(&harness_sqlite);
    return 0;
}

static int tear_down(void **state)
{
    harness_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(open_actions_are_listed_by_order_key, set_up_memory,
                                        tear_down),
        cmocka_unit_test_setup_teardown(open_actions_are_listed_by_order_key, set_up_sqlite,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
