/* core/audit and core/estimate: the draw, what a label is worth (label.cases), and how sure a
 * counted share is (estimate.cases). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/audit.h"
#include "core/estimate.h"
#include "record/label_json.h"
#include "record/label_row.h"
#include "record/tally.h"
#include "unit/cases.h"

static void run_cases(const char *file, size_t least,
                      void (*run)(char *given, char *got, size_t got_size))
{
    struct cases cases;
    size_t count = 0;
    int wrong = 0;
    cases_open(&cases, file);
    while (cases_next(&cases)) {
        char got[256];
        assert_int_equal(cases.field_count, 3);
        run(cases.fields[1], got, sizeof got);
        count++;
        if (strcmp(got, cases.fields[2]) == 0)
            continue;
        wrong++;
        print_message("%s:%d: %s\n  got  %s\n  want %s\n", cases.name, cases.line, cases.fields[0],
                      got, cases.fields[2]);
    }
    assert_int_equal(wrong, 0);
    assert_true(count >= least);
}

static void run_estimate(char *given, char *got, size_t got_size)
{
    char *end = NULL;
    uint64_t hits = strtoull(given, &end, 10);
    assert_memory_equal(end, " of ", 4);
    struct estimate estimate = estimate_make(hits, strtoull(end + 4, NULL, 10));
    (void)snprintf(got, got_size, "%u.%04u %u.%04u %u.%04u", estimate.share / 10000,
                   estimate.share % 10000, estimate.low / 10000, estimate.low % 10000,
                   estimate.high / 10000, estimate.high % 10000);
}

static void estimates(void **state)
{
    (void)state;
    run_cases("estimate.cases", 10, run_estimate);
}

/* Its invariants, over every small sample. */
static void estimate_bounds(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 300; n++)
        for (uint64_t k = 0; k <= n; k++) {
            struct estimate e = estimate_make(k, n), twice = estimate_make(2 * k, 2 * n);
            assert_true(e.low <= e.share && e.share <= e.high && e.high <= ESTIMATE_WHOLE);
            assert_true(twice.high - twice.low <= e.high - e.low);
        }
}

static int64_t span(const char *text)
{
    int64_t ms = 0;
    while (*text == ' ')
        text++;
    assert_true(text_parse_duration(slice_text(text), &ms));
    return ms;
}

static void run_label(char *given, char *got, size_t got_size)
{
    char flags[4];
    char *rest = NULL;
    assert_int_equal(
        sscanf(strtok_r(given, ";", &rest), " %c %c %c %c", flags, flags + 1, flags + 2, flags + 3),
        4);
    char *restart = strrchr(rest, ';');
    *restart = '\0';
    struct label_event event = {.is_drawn = flags[0] == 'y',
                                .is_wrong = flags[1] == 'y',
                                .is_first = flags[2] == 'y',
                                .was_wrong = flags[3] == 'y',
                                .started_unix_ms = 1000,
                                .labelled_unix_ms = 1000 + span(rest)};
    int64_t restart_unix_ms = strchr(restart + 1, '-') ? 0 : 1000 + span(restart + 1);
    enum label_use use = label_use_of(&event, 7LL * 86400000);
    (void)snprintf(got, got_size, "%s%s%s", label_use_name(use),
                   label_feeds(&event, use, restart_unix_ms) ? " feeds" : "",
                   label_clears(&event) ? " clears" : "");
}

static void labels(void **state)
{
    (void)state;
    run_cases("label.cases", 12, run_label);
}

/* The roll is even, never the whole, and 0 % draws nothing while 100 % draws all. */
static void rolls(void **state)
{
    (void)state;
    unsigned below = 0;
    uint64_t random = 88172645463325252u;
    assert_int_equal(audit_roll(0), 0);
    assert_int_equal(audit_roll(UINT64_MAX), AUDIT_WHOLE - 1);
    for (int i = 0; i < 100000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        below += audit_roll(random) < 50000;
    }
    assert_in_range(below, 4700, 5300);
}

static void only_what_ran_by_itself(void **state)
{
    (void)state;
    struct action action = {
        .state = STATE_DONE, .starts_total = 1, .reason = REASON_STATUS, .is_drawn = true};
    assert_true(audit_counts(&action));
    struct action other = action;
    other.is_drawn = false;
    assert_false(audit_counts(&other));
    other = action, other.reviews = 1;
    assert_false(audit_counts(&other));
    other = action, other.reason = REASON_PERSON;
    assert_false(audit_counts(&other));
    other = action, other.reason = REASON_PERSON_BY_HAND;
    assert_false(audit_counts(&other));
    other = action, other.cause = CAUSE_UNAVAILABLE;
    assert_false(audit_counts(&other));
    other = action, other.starts_total = 0;
    assert_false(audit_counts(&other));
    other = action, other.state = STATE_FAILED;
    assert_false(audit_counts(&other));
}

/* Rows come back, cut ones are told, and one of a newer or older version is read as far as it is
 * known. */
static void counters_come_back(void **state)
{
    (void)state;
    struct tally tally, back;
    struct buf bytes;
    int64_t hour = 0;
    buf_init(&bytes, 4096);
    for (size_t i = 0; i < TALLY_COUNT; i++)
        tally.n[i] = i * i * 1000003;
    tally_encode(&tally, &bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(tally_decode(slice_first(buf_slice(&bytes), size), &back), ERR_CORRUPT);
    assert_int_equal(tally_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_memory_equal(&tally, &back, sizeof tally);
    assert_int_equal(tally_decode(SLICE("\002\007\011"), &back), ERR_OK);
    assert_true(back.n[0] == 7 && back.n[1] == 9 && back.n[2] == 0);
    buf_reset(&bytes);
    tally_key_add(&bytes, SLICE("w"), 491234);
    assert_true(slice_is(buf_slice(&bytes), "w/0000491234"));
    assert_true(tally_key_parse(buf_slice(&bytes), SLICE("w"), &hour) && hour == 491234);
    assert_false(tally_key_parse(buf_slice(&bytes), SLICE("v"), &hour));
    assert_false(tally_key_parse(SLICE("/through"), SLICE(""), &hour));
    buf_done(&bytes);
}

static void label_rows_come_back(void **state)
{
    (void)state;
    struct label_row row = {.action = 77,
                            .workflow = SLICE("w"),
                            .step = SLICE("step"),
                            .is_drawn = true,
                            .use = LABEL_SAMPLE,
                            .count = 2,
                            .started_unix_ms = 1000,
                            .ended_unix_ms = 2000,
                            .due_unix_ms = 3000,
                            .made_seq = 5,
                            .last_seq = 9,
                            .first = {SLICE("bad"), SLICE("ana"), true, 2500, 8},
                            .last = {SLICE("good"), SLICE("ben"), false, 2600, 9}};
    struct label_row back;
    struct buf bytes;
    buf_init(&bytes, 4096);
    label_row_encode(&row, &bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_not_equal(label_row_decode(slice_first(buf_slice(&bytes), size), &back), ERR_OK);
    assert_int_equal(label_row_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_true(back.action == 77 && back.is_drawn && !back.is_over && !back.is_reviewed);
    assert_true(back.count == 2 && back.use == LABEL_SAMPLE && back.due_unix_ms == 3000);
    assert_true(back.first.is_wrong && !back.last.is_wrong && back.last.seq == 9);
    assert_true(slice_is(back.first.label, "bad") && slice_is(back.last.by, "ben"));
    assert_true(slice_is(back.step, "step") && back.made_seq == 5 && back.last_seq == 9);
    struct label_sum sum = {0};
    label_sum_add(&sum, &row, 4000);
    assert_true(sum.drawn == 1 && sum.labelled == 1 && sum.wrong == 0 && sum.corrected == 1);
    buf_reset(&bytes);
    label_sum_add_text(&bytes, &sum);
    assert_true(slice_starts(buf_slice(&bytes), SLICE("0 of 1 wrong (1 corrected): 0.0 % (")));
    row.count = 0;
    label_sum_add(&sum, &row, 4000);
    row.is_over = true;
    label_sum_add(&sum, &row, 4000);
    assert_true(sum.drawn == 3 && sum.open == 1 && sum.overdue == 1 && sum.unlabelled == 1);
    assert_true(sum.labelled == 1); /* no label is never right */
    buf_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates),
        cmocka_unit_test(estimate_bounds),
        cmocka_unit_test(labels),
        cmocka_unit_test(rolls),
        cmocka_unit_test(only_what_ran_by_itself),
        cmocka_unit_test(counters_come_back),
        cmocka_unit_test(label_rows_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
