/* What is said to have changed, and when: tests/unit/changed.cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/changed.h"
#include "unit/cases.h"

static void read_share(const char *text, int64_t *out_bad, int64_t *out_total)
{
    char *slash = NULL;
    *out_bad = strtoll(text, &slash, 10);
    assert_int_equal(*slash, '/');
    *out_total = strtoll(slash + 1, NULL, 10);
}

static void cases_hold(void **state)
{
    struct cases cases;
    (void)state;
    cases_open(&cases, "changed.cases");
    while (cases_next(&cases)) {
        struct changed changed;
        struct changed_lift lift;
        char got[64];
        assert_int_equal(cases.field_count, 4);
        read_share(cases.fields[1], &changed.bad, &changed.total);
        read_share(cases.fields[2], &changed.all_bad, &changed.all_total);
        changed_measure(&changed, &lift);
        const char *evident = lift.is_evident ? "evident" : "not";
        if (lift.rest_bad == 0)
            (void)snprintf(got, sizeof got, "%s no other", evident); /* fits */
        else
            (void)snprintf(got, sizeof got, "%s %lld.%02lld", evident, /* fits */
                           (long long)lift.lift_hundredths / 100,
                           (long long)lift.lift_hundredths % 100);
        if (strcmp(got, cases.fields[3]) != 0)
            fail_msg("line %d, %s\n  got  %s\n  want %s", cases.line, cases.fields[0], got,
                     cases.fields[3]);
    }
}

static void the_evident_come_first(void **state)
{
    struct changed model = {8, 20, 9, 100}, channel = {5, 50, 9, 100}, rare = {2, 2, 9, 100};
    (void)state;
    assert_true(changed_compare(&model, &channel) < 0);
    assert_true(changed_compare(&channel, &model) > 0);
    assert_true(changed_compare(&channel, &rare) < 0);
    assert_int_equal(changed_compare(&rare, &rare), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(the_evident_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
