/* What port/store.h promises when there is no room, on every implementation alike: a full queue, a
 * full disk. */
#include "contract/store_harness.h"

static void a_full_queue_takes_nothing(void **state)
{
    struct harness *h = *state;
    struct store_write write;
    for (size_t i = 0; i < LIMIT_STORE_QUEUE; i++) {
        write = harness_record(h, "body");
        harness_submit(h, &write, 1);
    }
    write = harness_record(h, "one too many");
    assert_int_equal(harness_try(h, &write, 1), ERR_BUSY);
    harness_settle(h);
    harness_submit(h, &write, 1); /* the same number: nothing was taken */
    harness_settle(h);
    assert_int_equal(h->told[h->told_count - 1], LIMIT_STORE_QUEUE + 1);
}

static char *large_text(size_t size)
{
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    return text;
}

static void a_queue_of_large_ones_is_bounded_by_bytes(void **state)
{
    struct harness *h = *state;
    char *large = large_text(1024 * 1024);
    struct store_write write = harness_record(h, large);
    size_t taken = 0;
    while (harness_try(h, &write, 1) == ERR_OK) {
        write = harness_record(h, large);
        taken++;
    }
    assert_true(taken >= LIMIT_STORE_QUEUE_BYTES / (1024 * 1024) - 1);
    assert_true(taken <= LIMIT_STORE_QUEUE_BYTES / (1024 * 1024));
    harness_settle(h);
    free(large);
}

static void a_full_disk_waits_and_recovers(void **state)
{
    struct harness *h = *state;
    char *large = large_text(600 * 1024);
    struct store_write write = harness_record(h, "before");
    harness_submit(h, &write, 1);
    harness_settle(h);
    h->kind->set_full(h, true);
    for (int i = 0; i < 3; i++) {
        write = harness_record(h, large);
        harness_submit(h, &write, 1);
    }
    harness_turn_until(h, STORE_FULL);
    enum err why = ERR_OK;
    assert_int_equal(h->port.state(h->port.impl, &why), STORE_FULL);
    assert_int_equal(why, ERR_NO_SPACE);
    while (h->changed_count == 0)
        h->kind->turn(h);
    assert_true(h->told_count < h->submitted);
    struct store_record record;
    assert_int_equal(h->port.get_record(h->port.impl, 1, &h->arena, &record), ERR_OK);
    write = harness_record(h, "taken while full");
    harness_submit(h, &write, 1);
    h->kind->set_full(h, false);
    harness_settle(h);
    harness_turn_until(h, STORE_OK);
    while (h->changed_count < 2)
        h->kind->turn(h);
    assert_int_equal(h->port.get_record(h->port.impl, 5, &h->arena, &record), ERR_OK);
    assert_slice(record.body, "taken while full");
    for (size_t i = 0; i < h->told_count; i++)
        assert_int_equal(h->told[i], i + 1);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_BOTH(a_full_queue_takes_nothing),
        HARNESS_BOTH(a_queue_of_large_ones_is_bounded_by_bytes),
        HARNESS_BOTH(a_full_disk_waits_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
