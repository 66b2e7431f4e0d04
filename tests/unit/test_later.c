/* policy/later: each line that is not enforced yet is told (IL900), with a sample that shows it. */
#include "policy/later.h"
#include "policy_case.h"

static bool find_case(struct slice text, const char *name, struct policy_case *out)
{
    while (policy_case_next(&text, out))
        if (slice_is(out->name, name))
            return true;
    return false;
}

/* "unknown" would mean that nobody knows what takes the warning away. */
static void check_entry(const struct later_entry *entry, const struct policy_case *c,
                        struct slice usual)
{
    struct arena arena;
    struct policy_files made;
    struct problems problems;
    size_t found = 0;
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    policy_case_write(c, usual, &made);
    struct config_file files[] = {{SLICE("interlock.yaml"), buf_slice(&made.installation)},
                                  {SLICE("p.yaml"), buf_slice(&made.policy)}};
    if (!config_load(files, 2, &arena, &problems))
        fail_msg("%s: the sample does not load", entry->id);
    for (size_t i = 0; i < problems.count; i++) {
        const struct problem *problem = &problems.items[i];
        if (problem->code != IL900)
            continue;
        struct slice want = arena_fmt(&arena, "not enforced in this version: `%s`", entry->field);
        struct slice work = arena_fmt(&arena, "It comes with: %s.", entry->work);
        if (!slice_starts(problem->message, want) || !slice_equal(problem->help, work))
            fail_msg("%s: %.*s", entry->id, SLICE_FMT(problem->message));
        assert_int_equal(problem->severity, SEVERITY_WARNING);
        assert_true(problem->line > 0);
        found++;
    }
    if (found != 1)
        fail_msg("%s: %zu warnings IL900", entry->id, found);
    buf_done(&made.installation);
    buf_done(&made.policy);
    arena_done(&arena);
}

static void each_entry_has_a_sample(void **state)
{
    struct buf file, usual_text;
    (void)state;
    buf_init(&file, POLICY_TEXT);
    buf_init(&usual_text, POLICY_TEXT);
    struct slice usual = cases_read("policy/interlock.yaml", &usual_text);
    struct slice text = cases_read("policy/later.cases", &file);
    for (size_t i = 0; i < LATER_COUNT; i++) {
        struct policy_case c;
        assert_true(strlen(later_entries[i].work) > 0 && strlen(later_entries[i].until) > 0);
        if (!find_case(text, later_entries[i].id, &c))
            fail_msg("%s has no sample in later.cases", later_entries[i].id);
        check_entry(&later_entries[i], &c, usual);
    }
    buf_done(&file);
    buf_done(&usual_text);
}

static void each_sample_has_an_entry(void **state)
{
    struct buf file;
    (void)state;
    buf_init(&file, POLICY_TEXT);
    struct slice rest = cases_read("policy/later.cases", &file);
    for (struct policy_case c; policy_case_next(&rest, &c);) {
        bool is_known = false;
        for (size_t i = 0; i < LATER_COUNT; i++)
            is_known = is_known || slice_is(c.name, later_entries[i].id);
        if (!is_known)
            fail_msg("%.*s is no entry of policy/later.h", SLICE_FMT(c.name));
    }
    buf_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_entry_has_a_sample),
        cmocka_unit_test(each_sample_has_an_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
