/* From when on a run counts: tests/unit/wall.cases. And the row of the last sign of life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wall.h"
#include "record/life_row.h"
#include "unit/cases.h"

#define T 1700000000000LL

static int64_t moment(const char *text)
{
    return text[0] == '-' && text[1] == '\0' ? 0 : T + strtoll(text, NULL, 10) * 1000;
}

static struct wall_boot boot(const char *text)
{
    struct wall_boot boot = {.is_known = text[0] != '?', .id = {(unsigned char)text[0]}};
    boot.ms = strtoll(text + 2, NULL, 10) * 1000;
    return boot;
}

static void say(char *out, size_t size, const struct wall_start *start)
{
    char down[32] = "?";
    char unsure[32] = "-";
    if (start->down_ms >= 0 || start->down_ms < -1)
        (void)snprintf(down, sizeof down, "%lld", (long long)start->down_ms / 1000);
    if (start->unsure_unix_ms != 0)
        (void)snprintf(unsure, sizeof unsure, "%lld",
                       (long long)(start->unsure_unix_ms - T) / 1000);
    (void)snprintf(out, size, "at %lld step %lld lag %lld%s; down %s; unsure %s",
                   (long long)(start->at_unix_ms - T) / 1000, (long long)start->step_ms / 1000,
                   (long long)start->lag_ms / 1000, start->is_doubtful ? " DOUBTFUL" : "", down,
                   unsure);
}

static void cases_hold(void **state)
{
    struct cases cases;
    int failures = 0;
    (void)state;
    cases_open(&cases, "wall.cases");
    while (cases_next(&cases)) {
        char sign[3][32], now[3][32], got[256];
        struct wall_start start;
        assert_int_equal(cases.field_count, 4);
        assert_int_equal(sscanf(cases.fields[1], "%31s %31s %31s", sign[0], sign[1], sign[2]), 3);
        assert_int_equal(sscanf(cases.fields[2], "%31s %31s %31s", now[0], now[1], now[2]), 3);
        struct wall_sign last = {.at_unix_ms = moment(sign[0]),
                                 .boot = boot(sign[1]),
                                 .lag_ms = strtoll(sign[2], NULL, 10) * 1000};
        struct wall_now present = {
            .wall_unix_ms = moment(now[0]), .boot = boot(now[1]), .newest_unix_ms = moment(now[2])};
        wall_begin(&last, &present, &start);
        say(got, sizeof got, &start);
        if (strcmp(got, cases.fields[3]) == 0)
            continue;
        print_error("line %d, %s\n  got  %s\n  want %s\n", cases.line, cases.fields[0], got,
                    cases.fields[3]);
        failures++;
    }
    assert_int_equal(failures, 0);
}

static void signs_come_back(void **state)
{
    const struct wall_sign signs[] = {
        {.at_unix_ms = T},
        {.at_unix_ms = T,
         .boot = {.is_known = true, .id = {1, 2, 3, [15] = 255}, .ms = 77},
         .lag_ms = -7200000,
         .until_unix_ms = T + 600000,
         .unsure_unix_ms = T - 5}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct wall_sign back;
        struct buf bytes;
        buf_init(&bytes, 256);
        life_row_encode(&signs[i], &bytes);
        assert_int_equal(life_row_decode(buf_slice(&bytes), &back), ERR_OK);
        assert_memory_equal(&back, &signs[i], sizeof back);
        for (size_t size = 0; size < bytes.size; size++) /* the time alone is an older version */
            if (life_row_decode(slice_first(buf_slice(&bytes), size), &back) == ERR_OK)
                assert_int_equal(back.boot.is_known, false);
        buf_done(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases_hold),
                                       cmocka_unit_test(signs_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
