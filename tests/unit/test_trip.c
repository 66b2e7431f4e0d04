/* What a trigger says: tests/unit/trip.cases; and that its rows come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/trigger_row.h"
#include "record/trip_text.h"
#include "unit/cases.h"

static void cases_hold(void **state)
{
    struct cases cases;
    int failures = 0;
    (void)state;
    cases_open(&cases, "trip.cases");
    while (cases_next(&cases)) {
        struct trip trip, again;
        struct buf text, encoded, second;
        assert_int_equal(cases.field_count, 2);
        buf_init(&text, 4096);
        buf_init(&encoded, 4096);
        buf_init(&second, 4096);
        trip_decode(slice_text(cases.fields[0]), &trip);
        trip_text_add(&trip, &text);
        trip_encode(&trip, &encoded);
        trip_decode(buf_slice(&encoded), &again);
        trip_encode(&again, &second);
        if (strcmp(buf_text(&text), cases.fields[1]) != 0 ||
            !slice_equal(buf_slice(&encoded), buf_slice(&second))) {
            print_error("line %d\n  got  %s\n  want %s\n", cases.line, buf_text(&text),
                        cases.fields[1]);
            failures++;
        }
        buf_done(&second);
        buf_done(&encoded);
        buf_done(&text);
    }
    assert_int_equal(failures, 0);
}

static void rows_come_back(void **state)
{
    struct trigger_row row = {.workflow = SLICE("inquiry-routing"),
                              .name = SLICE("misrouted route "),
                              .is_trip_due = true,
                              .stop = 77,
                              .caution = 78,
                              .tripped_unix_ms = 5,
                              .seen_unix_ms = 9,
                              .window_ms = 3600000};
    struct trigger_row back;
    struct buf bytes;
    (void)state;
    row.state.level = TRIGGER_TRIPPED;
    row.state.s_micro = 4000000;
    row.state.recent[1] = UINT64_MAX;
    row.state.recent_count = TRIGGER_RECENT;
    row.state.is_known_over = true;
    row.state.known_value = 75;
    row.state.buckets[60] = (struct trigger_bucket){INT64_MAX, 3};
    row.answer.observed = 9;
    row.answer.is_share = true;
    buf_init(&bytes, 4096);
    trigger_row_encode(&row, &bytes);
    assert_int_equal(trigger_row_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_true(slice_equal(back.workflow, row.workflow) && slice_equal(back.name, row.name));
    assert_memory_equal(&back.state, &row.state, sizeof row.state);
    assert_true(back.is_trip_due && back.answer.is_share && back.answer.observed == 9);
    assert_true(back.stop == 77 && back.caution == 78 && back.tripped_unix_ms == 5);
    assert_true(back.seen_unix_ms == 9 && back.window_ms == 3600000);
    for (size_t size = 0; size < 60; size++) /* cut before its buckets: never taken as whole */
        assert_int_not_equal(trigger_row_decode(slice_first(buf_slice(&bytes), size), &back),
                             ERR_OK);
    bytes.at[0] = 9;
    assert_int_equal(trigger_row_decode(buf_slice(&bytes), &back), ERR_VERSION);
    buf_done(&bytes);
}

static void repeats_come_back(void **state)
{
    struct repeat_state repeat = {0}, back;
    struct buf bytes;
    (void)state;
    buf_init(&bytes, 4096);
    for (int64_t i = 1; i <= TRIGGER_REPEATS; i++)
        repeat_add(&repeat, i * 1000);
    repeat_row_encode(&repeat, &bytes);
    assert_int_equal(repeat_row_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_memory_equal(&back, &repeat, sizeof back);
    buf_add_byte(&bytes, 1); /* one more than there is room for */
    assert_int_equal(repeat_row_decode(buf_slice(&bytes), &back), ERR_CORRUPT);
    buf_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(repeats_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
