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
#include "unit/case_table.h"

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
    run_cases("unit/estimate.cases", 10, run_estimate);
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
    run_cases("unit/label.cases", 12, run_label);
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
    other = action, other.starts_total = 0;
    assert_false(audit_counts(&other));
    other = action, other.state = STATE_FAILED;
    assert_false(audit_counts(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates),
        cmocka_unit_test(estimate_bounds),
        cmocka_unit_test(labels),
        cmocka_unit_test(rolls),
        cmocka_unit_test(only_what_ran_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
