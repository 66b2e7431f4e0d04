/* base/calendar: each case is a line of calendar.cases. The zone is made here, by its rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "base/text.h"
#include "policy/when.h"
#include "unit/cases.h"

enum { SPANS = 8 };

static int64_t time_of(const char *text)
{
    char whole[40];
    int64_t unix_ms = 0;
    (void)snprintf(whole, sizeof whole, "%s:00Z", text);
    if (!text_parse_time(slice_text(whole), &unix_ms))
        fail_msg("no time: %s", text);
    return unix_ms;
}

/* The last Sunday of that month, 01:00 UTC. */
static int64_t last_sunday(int year, int month)
{
    struct civil civil = {.year = year, .month = month, .day = 31, .hour = 1};
    int64_t last = text_civil_ms(&civil);
    return last - text_civil(last).weekday * INT64_C(86400000);
}

static int64_t madrid(void *impl, int64_t unix_ms)
{
    int year = text_civil(unix_ms).year;
    (void)impl;
    bool is_summer = unix_ms >= last_sunday(year, 3) && unix_ms < last_sunday(year, 10);
    return is_summer ? 7200000 : 3600000;
}

static size_t read_spans(const char *text, struct calendar_span spans[SPANS])
{
    size_t count = 0;
    struct slice rest = slice_text(text);
    while (rest.size > 1) { /* "-": none */
        struct slice part = slice_first(rest, slice_find(rest, ','));
        rest = slice_from(rest, part.size + 1);
        while (part.size > 0 && part.at[0] == ' ')
            part = slice_from(part, 1);
        size_t at = slice_find(part, ' ');
        struct calendar_span *span = &spans[count++];
        assert_true(when_parse_days(slice_first(part, at), &span->weekdays));
        part = slice_from(part, at + 1);
        assert_true(when_parse_time(slice_first(part, 5), &span->from_minute));
        assert_true(when_parse_time(slice_from(part, 6), &span->to_minute));
    }
    return count;
}

static void expect(const struct cases *cases, int64_t got, const char *want)
{
    struct buf text;
    buf_init(&text, 64);
    text_add_time(&text, got);
    if (got != time_of(want))
        fail_msg("calendar.cases:%d: %s, not %s", cases->line, buf_text(&text), want);
    buf_done(&text);
}

static void due_times(void **state)
{
    struct cases cases;
    (void)state;
    cases_open(&cases, "calendar.cases");
    while (cases_next(&cases)) {
        struct calendar_span spans[SPANS];
        struct calendar calendar = {.spans = spans};
        int64_t due_ms = 0;
        if (strcmp(cases.fields[1], "Madrid") == 0)
            calendar.utc_offset_ms = madrid;
        if (strcmp(cases.fields[0], "wall") == 0) {
            expect(&cases, calendar_unix_ms(&calendar, time_of(cases.fields[2])), cases.fields[3]);
            continue;
        }
        calendar.span_count = read_spans(cases.fields[2], spans);
        if (strcmp(cases.fields[0], "turn") == 0) {
            enum calendar_turn turn = strcmp(cases.fields[4], "day") == 0    ? CALENDAR_DAY
                                      : strcmp(cases.fields[4], "week") == 0 ? CALENDAR_WEEK
                                                                             : CALENDAR_MONTH;
            expect(&cases, calendar_turned(&calendar, turn, time_of(cases.fields[3])),
                   cases.fields[5]);
            continue;
        }
        assert_true(text_parse_duration(slice_text(cases.fields[4]), &due_ms));
        expect(&cases, calendar_due(&calendar, time_of(cases.fields[3]), due_ms), cases.fields[5]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(due_times)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
