/* The queue between two threads: order, bound, wakes. Run under TSan it proves the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/mailbox.h"

enum { ITEM_COUNT = 200000, WATCHDOG_S = 120 };

static void items_come_in_order_and_are_bounded(void **state)
{
    (void)state;
    struct mailbox mailbox;
    int items[5] = {0, 1, 2, 3, 4};
    void *out[4] = {0};
    assert_int_equal(mailbox_init(&mailbox, 3), ERR_OK);
    for (size_t round = 0; round < 5; round++) {
        for (size_t i = 0; i < 3; i++)
            assert_true(mailbox_put(&mailbox, &items[i]));
        assert_false(mailbox_put(&mailbox, &items[3]));
        assert_int_equal(mailbox_count(&mailbox), 3);
        assert_int_equal(mailbox_take(&mailbox, out, 2, -1), 2);
        assert_ptr_equal(out[0], &items[0]);
        assert_ptr_equal(out[1], &items[1]);
        assert_true(mailbox_put(&mailbox, &items[4]));
        assert_int_equal(mailbox_take(&mailbox, out, 4, -1), 2);
        assert_ptr_equal(out[0], &items[2]);
        assert_ptr_equal(out[1], &items[4]);
        assert_int_equal(mailbox_take(&mailbox, out, 4, 0), 0);
        assert_int_equal(mailbox_take(&mailbox, out, 4, 1), 0);
    }
    mailbox_done(&mailbox);
}

static void a_wake_is_not_lost(void **state)
{
    (void)state;
    struct mailbox mailbox;
    int item = 0;
    void *out = NULL;
    assert_int_equal(mailbox_init(&mailbox, 3), ERR_OK);
    mailbox_wake(&mailbox);
    assert_int_equal(mailbox_take(&mailbox, &out, 1, -1), 0); /* else it would wait for ever */
    mailbox_wake(&mailbox);
    assert_true(mailbox_put(&mailbox, &item));
    assert_int_equal(mailbox_take(&mailbox, &out, 0, -1), 0);
    assert_int_equal(mailbox_take(&mailbox, &out, 1, -1), 1);
    mailbox_done(&mailbox);
}

struct run {
    struct mailbox there, back;
    size_t taken_count;
};

/* Takes numbers, checks their order, sends each back. 0 ends it. */
static void *run_echo(void *arg)
{
    struct run *run = arg;
    void *items[64];
    for (;;) {
        size_t count = mailbox_take(&run->there, items, 64, -1);
        for (size_t i = 0; i < count; i++) {
            if (!items[i])
                return NULL;
            if ((uintptr_t)items[i] != ++run->taken_count || !mailbox_put(&run->back, items[i]))
                return run;
        }
    }
}

static void two_threads_lose_nothing(void **state)
{
    (void)state;
    (void)alarm(WATCHDOG_S); /* nothing was set before */
    struct run *run = test_calloc(1, sizeof *run);
    pthread_t thread;
    assert_int_equal(mailbox_init(&run->there, 128), ERR_OK);
    assert_int_equal(mailbox_init(&run->back, 128), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, run_echo, run), 0);
    uintptr_t sent = 0;
    uintptr_t received = 0;
    while (received < ITEM_COUNT) {
        void *items[16];
        bool is_last = sent == ITEM_COUNT || sent - received == 128;
        /* NULL is a pointer like any other for the mailbox: it is kept for the end. */
        if (!is_last && mailbox_put(&run->there, (void *)(sent + 1)))
            sent++;
        size_t count = mailbox_take(&run->back, items, 16, is_last ? -1 : 0);
        for (size_t i = 0; i < count; i++)
            assert_int_equal((uintptr_t)items[i], ++received);
        if (received % 1000 == 0)
            mailbox_wake(&run->there); /* disturbs nothing */
    }
    while (!mailbox_put(&run->there, NULL))
        ;
    void *result = run;
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_null(result);
    assert_int_equal(run->taken_count, ITEM_COUNT);
    mailbox_done(&run->there);
    mailbox_done(&run->back);
    test_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_order_and_are_bounded),
        cmocka_unit_test(a_wake_is_not_lost),
        cmocka_unit_test(two_threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
