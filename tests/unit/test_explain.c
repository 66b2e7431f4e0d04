/* record/explain: each state and each reason has its eight lines; goldens in tests/unit/explain. */
#include "unit/view_cases.h"

#include "record/explain.h"

static void every_state_explains_itself(void **state)
{
    (void)state;
    bool is_seen[STATE_COUNT] = {0};
    for (size_t i = 0; i < sizeof view_cases / sizeof *view_cases; i++) {
        struct fixture f;
        struct buf out;
        char name[200];
        fixture_init(&f);
        view_cases[i].change(&f);
        buf_init(&out, FIXTURE_GOLDEN_MAX);
        explain_add(&out, &f.view);
        assert_true(buf_ok(&out));
        (void)snprintf(name, sizeof name, "explain/%s.txt", view_cases[i].name); /* short names */
        fixture_golden(name, buf_slice(&out));
        is_seen[f.action.state] = true;
        buf_done(&out);
    }
    for (size_t i = 0; i < STATE_COUNT; i++)
        assert_true(is_seen[i]);
}

/* Whatever state meets whatever reason: eight lines, each beginning with its name; the last one
 * has a second command below it where there is a choice. */
static void eight_lines_always(void **state)
{
    (void)state;
    static const char *const names[] = {"ACTION  ", "INPUT   ", "WHAT    ", "WHY     ",
                                        "PATH    ", "FINAL   ", "WHO     ", "DO      "};
    for (unsigned s = 0; s < STATE_COUNT; s++)
        for (unsigned r = 0; r < REASON_COUNT; r++)
            for (unsigned with = 0; with < 16; with++) {
                struct fixture f;
                struct buf out;
                fixture_init(&f);
                f.action.state = (enum action_state)s;
                f.action.reason = (enum reason)r;
                f.action.last_reason = (enum reason)((r * 7 + s) % REASON_COUNT);
                f.action.hold_for = (enum hold_for)(r % HOLD_FOR_COUNT);
                f.action.due_kind = (enum due_kind)(r % DUE_COUNT);
                f.action.idempotency = (enum idempotency)(r % 4);
                f.action.may_have_happened = !state_is_end(f.action.state) && (with & 1);
                f.view.step = with & 2 ? &f.step : NULL;
                f.view.decided = with & 4 ? &f.decided : NULL;
                f.view.config = with & 8 ? &f.config : NULL;
                buf_init(&out, FIXTURE_GOLDEN_MAX);
                explain_add(&out, &f.view);
                struct slice rest = buf_slice(&out);
                for (size_t i = 0; i < 8; i++) {
                    size_t end = slice_find(rest, '\n');
                    assert_true(slice_starts(rest, slice_text(names[i])));
                    assert_true(end > strlen(names[i]) && end < rest.size);
                    rest = slice_from(rest, end + 1);
                }
                for (size_t i = 0; i < 2 && rest.size > 0; i++) { /* one more answer, or two */
                    assert_true(slice_starts(rest, SLICE("        interlock ")));
                    rest = slice_from(rest, slice_find(rest, '\n') + 1);
                }
                assert_int_equal(rest.size, 0);
                buf_done(&out);
            }
}

static void spans_read_well(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } spans[] = {{0, "0 ms"},       {20, "20 ms"},    {900, "900 ms"},     {1000, "1 s"},
                 {1500, "1.5 s"},   {10000, "10 s"},  {60000, "1 min"},    {90000, "90 s"},
                 {240000, "4 min"}, {3600000, "1 h"}, {5400000, "90 min"}, {86400000, "1 d"},
                 {90000000, "1 d"}, {-5, "0 ms"},     {259200000, "3 d"},  {14400000, "4 h"}};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        struct buf out;
        buf_init(&out, 100);
        zone_add_span(&out, spans[i].ms);
        assert_string_equal(buf_text(&out), spans[i].text);
        buf_done(&out);
    }
}

static void times_of_other_days_say_the_day(void **state)
{
    (void)state;
    struct zone zone = {.name = SLICE("Europe/Madrid"), .utc_offset_ms = fixture_madrid};
    struct buf out;
    buf_init(&out, 1000);
    int64_t now = FIXTURE_AT(0, 30, 0); /* still yesterday in UTC */
    zone_add_time(&out, &zone, (struct zone_time){FIXTURE_AT(0, 10, 5), now}, ZONE_SECONDS);
    buf_add_byte(&out, ' ');
    zone_add_time(&out, &zone, (struct zone_time){FIXTURE_AT(0, -10, 5), now}, ZONE_MINUTES);
    buf_add_byte(&out, ' ');
    zone_add_time(&out, NULL, (struct zone_time){FIXTURE_AT(0, 10, 5), now}, ZONE_SECONDS);
    assert_string_equal(buf_text(&out), "00:10:05 2026-11-23 23:50 23:10:05");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_explains_itself),
        cmocka_unit_test(eight_lines_always),
        cmocka_unit_test(spans_read_well),
        cmocka_unit_test(times_of_other_days_say_the_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
