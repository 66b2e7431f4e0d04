/* policy/compare: may this configuration follow that one? */
#include "cases.h"
#include "policy/compare.h"
#include "policy/config.h"

#define STEP(path, key) "    kind: webhook\n    call: mail POST " path "\n    key: " key "\n"
#define POLICY(name, more, step, rest)                                                             \
    "workflow: " name "\nmode: observe\n" more "steps:\n  " step ":\n" rest
#define USUAL POLICY("w", "", "s", STEP("/x", "${input.k}"))

static const struct compare_case {
    const char *name;
    const char *old, *new; /* the policy */
    const char *more;      /* lines of the new interlock.yaml */
    const char *in_use;    /* "workflow step upstream,…"; "-" = not named */
    const char *want;      /* codes */
} compare_cases[] = {
    {"the same", USUAL, USUAL, "", "w s mail", ""},
    {"a step in use is gone", USUAL, POLICY("w", "", "t", STEP("/y", "${input.k}")), "", "w s -",
     "IL801 "},
    {"only the new step is in use", USUAL, POLICY("w", "", "t", STEP("/y", "${input.k}")), "",
     "w t -", ""},
    {"nothing is in use", USUAL, POLICY("w", "", "t", STEP("/y", "${input.k}")), "", "", ""},
    {"a step has a new name", USUAL, POLICY("w", "", "t", "    was: s\n" STEP("/y", "${input.k}")),
     "", "w s -", ""},
    {"a step is retired", USUAL, POLICY("w", "", "t", STEP("/y", "${input.k}")), "retired: [w/s]\n",
     "w s -", ""},
    {"another step is retired", USUAL, POLICY("w", "", "t", STEP("/y", "${input.k}")),
     "retired: [w/r, s]\n", "w s -", "IL801 "},
    {"a workflow is gone", USUAL, POLICY("v", "", "s", STEP("/x", "${input.k}")), "", "w s -",
     "IL801 "},
    {"a workflow is gone that two steps of it and a stop name: said once", USUAL,
     POLICY("v", "", "s", STEP("/x", "${input.k}")), "", "w s -,w t -,w - -", "IL801 "},
    {"a workflow has a new name", USUAL, POLICY("v", "was: w\n", "s", STEP("/x", "${input.k}")), "",
     "w s -", ""},
    {"workflow and step have new names", USUAL,
     POLICY("v", "was: w\n", "t", "    was: s\n" STEP("/x", "${input.k}")), "", "w s mail", ""},
    {"a workflow is retired", USUAL, POLICY("v", "", "s", STEP("/y", "${input.k}")),
     "retired: [w]\n", "w s -", ""},
    {"an upstream is gone", USUAL, USUAL, "", "- - old", "IL801 "},
    {"an upstream is retired", USUAL, USUAL, "retired: [old]\n", "- - old", ""},
    {"the key is another one", USUAL, POLICY("w", "", "s", STEP("/x", "${input.n}")), "", "",
     "IL802 "},
    {"the key before is named", USUAL,
     POLICY("w", "", "s", "    key_was: ${input.k}\n" STEP("/x", "${input.n}")), "", "", ""},
    {"another key is named", USUAL,
     POLICY("w", "", "s", "    key_was: ${input.m}\n" STEP("/x", "${input.n}")), "", "", "IL802 "},
    {"the key of a step with a new name", USUAL,
     POLICY("w", "", "t", "    was: s\n" STEP("/x", "${input.n}")), "", "", "IL802 "},
    {"key_was stays", POLICY("w", "", "s", "    key_was: ${input.k}\n" STEP("/x", "${input.n}")),
     POLICY("w", "", "s", "    key_was: ${input.k}\n" STEP("/x", "${input.n}")), "", "w s mail",
     ""},
    {"key_was goes", POLICY("w", "", "s", "    key_was: ${input.k}\n" STEP("/x", "${input.n}")),
     POLICY("w", "", "s", STEP("/x", "${input.n}")), "", "w s mail", "IL802 "},
    {"the key changes twice",
     POLICY("w", "", "s", "    key_was: ${input.k}\n" STEP("/x", "${input.n}")),
     POLICY("w", "", "s",
            "    key_was: [\"${input.n}\", \"${input.k}\"]\n" STEP("/x", "${input.m}")),
     "", "", ""},
    {"the key changes twice, the first is forgotten",
     POLICY("w", "", "s", "    key_was: ${input.k}\n" STEP("/x", "${input.n}")),
     POLICY("w", "", "s", "    key_was: ${input.n}\n" STEP("/x", "${input.m}")), "", "", "IL802 "},
    {"a step is renamed twice", POLICY("w", "", "t", "    was: s\n" STEP("/x", "${input.k}")),
     POLICY("w", "", "u", "    was: [t, s]\n" STEP("/x", "${input.k}")), "", "w s -", ""},
    {"a step is renamed twice, the first name is forgotten",
     POLICY("w", "", "t", "    was: s\n" STEP("/x", "${input.k}")),
     POLICY("w", "", "u", "    was: t\n" STEP("/x", "${input.k}")), "", "", "IL804 "},
    {"a step is renamed twice, the first name is retired",
     POLICY("w", "", "t", "    was: s\n" STEP("/x", "${input.k}")),
     POLICY("w", "", "u", "    was: t\n" STEP("/x", "${input.k}")), "retired: [w/s]\n", "", ""},
    {"a workflow is renamed twice", POLICY("v", "was: w\n", "s", STEP("/x", "${input.k}")),
     POLICY("x", "was: [v, w]\n", "s", STEP("/x", "${input.k}")), "", "w s -", ""},
    {"a workflow is renamed twice, the first name is forgotten",
     POLICY("v", "was: w\n", "s", STEP("/x", "${input.k}")),
     POLICY("x", "was: v\n", "s", STEP("/x", "${input.k}")), "", "", "IL804 "},
    {"a rename without a word", USUAL, POLICY("w", "", "t", STEP("/x", "${input.k}")), "", "",
     "IL804 "},
    {"a rename without a word, retired", USUAL, POLICY("w", "", "t", STEP("/x", "${input.k}")),
     "retired: [w/s]\n", "", ""},
    {"a former name that never was", USUAL,
     POLICY("w", "", "s", "    was: r\n" STEP("/x", "${input.k}")), "", "", ""},
    {"a new step with a former name that never was", USUAL,
     USUAL "  t:\n    was: r\n" STEP("/y", "${input.k}"), "", "", "IL803 "},
    {"a new workflow with a former name that never was", USUAL,
     POLICY("v", "was: u\n", "s", STEP("/x", "${input.k}")), "", "", "IL803 "},
    {"a rename is loaded again", POLICY("v", "was: w\n", "s", STEP("/x", "${input.k}")),
     POLICY("v", "was: w\n", "s", STEP("/x", "${input.k}")), "", "v s mail", ""},
};

static const struct config *compare_load(const char *policy, const char *more, struct arena *arena)
{
    struct problems problems;
    struct buf installation;
    buf_init(&installation, 4096);
    buf_add_fmt(&installation, "people: { ana: {} }\nupstreams: { mail: { sandbox: true } }\n%s",
                more);
    struct config_file files[] = {{SLICE("interlock.yaml"), buf_slice(&installation)},
                                  {SLICE("p.yaml"), slice_text(policy)}};
    problems_init(&problems, arena);
    const struct config *config = config_load(files, 2, arena, &problems);
    if (!config) {
        struct buf told;
        buf_init(&told, 1 << 20);
        problems_add_text(&told, &problems);
        fail_msg("%s", buf_text(&told));
    }
    buf_done(&installation);
    return config;
}

static void compare_add_use(struct compare_uses *uses, struct slice text, struct arena *arena)
{
    struct slice parts[3];
    for (size_t i = 0; i < 3; i++) {
        parts[i] = slice_first(text, slice_find(text, ' '));
        text = slice_from(text, parts[i].size + 1);
        if (slice_is(parts[i], "-"))
            parts[i].size = 0;
    }
    assert_int_equal(
        compare_uses_add(uses, arena, &(struct compare_use){parts[0], parts[1], parts[2]}), ERR_OK);
}

static void run_case(const struct compare_case *c)
{
    struct arena arena;
    struct compare_uses uses;
    struct buf told, codes;
    arena_init(&arena, CONFIG_ARENA_MAX);
    compare_uses_init(&uses);
    buf_init(&told, 1 << 16);
    buf_init(&codes, 1 << 16);
    const struct config *old = compare_load(c->old, "", &arena);
    const struct config *new = compare_load(c->new, c->more, &arena);
    for (struct slice rest = slice_text(c->in_use); rest.size > 0;) {
        compare_add_use(&uses, slice_first(rest, slice_find(rest, ',')), &arena);
        rest = slice_from(rest, slice_find(rest, ',') + 1);
    }
    bool is_good = compare_configs(old, new, &uses, &told);
    for (struct slice rest = buf_slice(&told); rest.size > 0;) {
        buf_add_fmt(&codes, "%.*s ", SLICE_FMT(slice_first(rest, slice_find(rest, ':'))));
        rest = slice_from(rest, slice_find(rest, '\n') + 1);
    }
    if (strcmp(buf_text(&codes), c->want) != 0)
        fail_msg("%s: got \"%s\", want \"%s\"\n%s", c->name, buf_text(&codes), c->want,
                 buf_text(&told));
    assert_int_equal(is_good, c->want[0] == '\0');
    buf_done(&told);
    buf_done(&codes);
    arena_done(&arena);
}

static void cases_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof compare_cases / sizeof *compare_cases; i++)
        run_case(&compare_cases[i]);
}

static void uses_are_kept_once_and_bounded(void **state)
{
    (void)state;
    struct arena arena;
    struct compare_uses uses;
    arena_init(&arena, CONFIG_ARENA_MAX);
    compare_uses_init(&uses);
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < COMPARE_USES; i++) {
            struct slice name = arena_fmt(&arena, "w%d", i);
            assert_int_equal(
                compare_uses_add(&uses, &arena, &(struct compare_use){.workflow = name}), ERR_OK);
        }
    assert_int_equal(uses.count, COMPARE_USES);
    assert_int_equal(compare_uses_add(&uses, &arena, &(struct compare_use){.workflow = SLICE("x")}),
                     ERR_LIMIT);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(uses_are_kept_once_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
