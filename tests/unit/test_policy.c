/* policy/: each case of tests/unit/policy/NAME.cases is a configuration and its problems.
 * `test_policy --print FILE` prints the file with what the loader says now: read it, then keep it.
 */
#include "policy_case.h"

static struct slice usual_files(struct buf *out)
{
    buf_init(out, POLICY_TEXT);
    return cases_read("policy/interlock.yaml", out);
}

static int run_file(const char *name)
{
    struct buf file, usual_text;
    int count = 0;
    buf_init(&file, POLICY_TEXT);
    struct slice usual = usual_files(&usual_text), rest = cases_read(name, &file);
    for (struct policy_case c; policy_case_next(&rest, &c); count++) {
        struct arena arena;
        struct buf got;
        arena_init(&arena, CONFIG_ARENA_MAX);
        buf_init(&got, POLICY_TEXT);
        (void)policy_case_load(&c, usual, &arena, &got); /* its problems are what is looked at */
        struct slice want = c.parts[PART_EXPECT];
        while (want.size > 0 && want.at[want.size - 1] == '\n')
            want.size--;
        if (got.size > 0)
            got.size--;
        if (!slice_equal(buf_slice(&got), want))
            fail_msg("%s: %.*s\n--- got\n%.*s\n--- want\n%.*s\n(%s --print %s)", name,
                     SLICE_FMT(c.name), (int)got.size, got.at ? got.at : "", SLICE_FMT(want),
                     "build/asan/tests/unit/test_policy", name);
        buf_done(&got);
        arena_done(&arena);
    }
    buf_done(&file);
    buf_done(&usual_text);
    return count;
}

static void cases_hold(void **state)
{
    static const char *const names[] = {"yaml", "fields", "sentences",   "repeat",
                                        "gate", "people", "installation"};
    int count = 0;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "policy/%s.cases", names[i]); /* short names */
        count += run_file(name);
    }
    assert_true(count > 180);
}

/* Bytes that a case file must not have either. */
static void bad_bytes_are_told(void **state)
{
    static const struct {
        const char *text, *want;
    } files[] = {
        {"workflow: w\npurpose: a\x01 b\n", "p.yaml:2:11: error IL002: the character U+0001 must"},
        {"workflow: w\npurpose: a\xC3\x28\n", "p.yaml:2:11: error IL002: this is not UTF-8"},
        {"workflow: w\npurpose: a\xE2\x80\xA8 b\n",
         "p.yaml:2:11: error IL002: the character U+2028"},
        {"workflow: w\rpurpose: a\n", "p.yaml:1:12: error IL002: the character U+000D"},
        {"workflow: w\n# \x7F\n", "p.yaml:2:3: error IL002: the character U+007F"},
        {"\xFF\xFEw", "p.yaml:1:1: error IL002: this is not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct arena arena;
        struct problems problems;
        struct buf text;
        struct config_file both[] = {{SLICE("interlock.yaml"), SLICE("listen: 127.0.0.1:0\n")},
                                     {SLICE("p.yaml"), slice_text(files[i].text)}};
        arena_init(&arena, CONFIG_ARENA_MAX);
        problems_init(&problems, &arena);
        buf_init(&text, POLICY_TEXT);
        assert_null(config_load(both, 2, &arena, &problems));
        problems_add_text(&text, &problems);
        if (!strstr(buf_text(&text), files[i].want))
            fail_msg("%s: got %s", files[i].want, buf_text(&text));
        buf_done(&text);
        arena_done(&arena);
    }
}

static void nul_is_told(void **state)
{
    (void)state;
    struct arena arena;
    struct problems problems;
    struct config_file both[] = {{SLICE("interlock.yaml"), SLICE("")},
                                 {SLICE("p.yaml"), SLICE("workflow: w\0x\n")}};
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    assert_null(config_load(both, 2, &arena, &problems));
    assert_int_equal(problems.items[problems.count - 1].code, IL002);
    arena_done(&arena);
}

static void load_with(struct slice policy, enum check_code want, const char *limit)
{
    struct arena arena;
    struct problems problems;
    struct config_file both[] = {
        {SLICE("interlock.yaml"), SLICE("upstreams: { mail: { sandbox: true } }\n")},
        {SLICE("p.yaml"), policy}};
    bool is_told = false;
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    assert_null(config_load(both, 2, &arena, &problems));
    for (size_t i = 0; i < problems.count; i++) {
        struct slice text = arena_copy(&arena, problems.items[i].message);
        is_told = is_told || (problems.items[i].code == want && strstr(text.at, limit));
    }
    if (!is_told)
        fail_msg("%s is not told", limit);
    arena_done(&arena);
}

/* A file that cannot be read hides nothing of the others, and what only it could declare is not
 * called missing. The same workflow in two files is told with both names. */
static void files_are_read_together(void **state)
{
    (void)state;
    struct arena arena;
    struct problems problems;
    struct buf text;
    struct config_file files[] = {
        {SLICE("interlock.yaml"), SLICE("people: { ana: {} }\n"
                                        "services: { cron: { human: ana, submits: [broken] } }\n"
                                        "upstreams: { mail: { sandbox: true } }\n")},
        {SLICE("policies/a.yaml"), SLICE("workflow: broken\nsteps: [\n")},
        {SLICE("policies/c.yaml"), SLICE("workflow: w\nmode: observe\n"
                                         "steps: { s: { kind: lookup, call: mail GET /x } }\n")},
        {SLICE("policies/b.yaml"), SLICE("workflow: w\nmode: observe\n"
                                         "steps: { s: { kind: lookup, call: mial GET /x } }\n")}};
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    buf_init(&text, POLICY_TEXT);
    assert_null(config_load(files, 4, &arena, &problems));
    for (size_t i = 0; i < problems.count; i++)
        if (problems.items[i].severity == SEVERITY_ERROR)
            buf_add_fmt(&text, "%.*s:%d %s %.*s\n", SLICE_FMT(problems.items[i].file),
                        problems.items[i].line, catalogue_entry(problems.items[i].code).code,
                        SLICE_FMT(problems.items[i].message));
    assert_string_equal(buf_text(&text),
                        "policies/a.yaml:3 IL001 flow sequence without a closing bracket\n"
                        "policies/b.yaml:3 IL015 there is no upstream `mial`\n"
                        "policies/c.yaml:1 IL019 the workflow `w` is also in policies/b.yaml\n");
    buf_done(&text);
    arena_done(&arena);
}

/* Bounds of one file: each is an error that names it. */
static void bounds_are_told(void **state)
{
    (void)state;
    static const char step[] = "workflow: w\nmode: observe\nsteps:\n  s:\n    kind: webhook\n"
                               "    call: mail POST /x\n    key: ${input.k}\n";
    struct buf text;
    buf_init(&text, LIMIT_POLICY_FILE);
    buf_add_text(&text, "workflow: w\n");
    for (int i = 0; i <= LIMIT_YAML_BLANK_LINES; i++)
        buf_add_text(&text, "\n");
    load_with(buf_slice(&text), IL005, "LIMIT_YAML_BLANK_LINES");
    buf_reset(&text);
    buf_add_text(&text, "a: [");
    for (int i = 0; i <= LIMIT_YAML_NODES; i++)
        buf_add_text(&text, "1, ");
    buf_add_text(&text, "1]\n");
    load_with(buf_slice(&text), IL005, "LIMIT_YAML_NODES");
    buf_reset(&text);
    buf_add_fmt(&text, "%s    summary: ", step);
    for (int i = 0; i <= LIMIT_TEMPLATE_VALUES; i++)
        buf_add_text(&text, "${input.k} ");
    load_with(buf_slice(&text), IL005, "LIMIT_TEMPLATE_VALUES");
    buf_reset(&text);
    buf_add_fmt(&text, "%s    body:\n", step);
    for (int i = 0; i <= LIMIT_BODY_VALUES; i++)
        buf_add_text(&text, "      - ${input.k}\n");
    load_with(buf_slice(&text), IL005, "LIMIT_BODY_VALUES");
    buf_reset(&text);
    buf_add_fmt(&text, "%s    rules:\n", step);
    for (int i = 0; i <= LIMIT_RULES; i++)
        buf_add_fmt(&text, "      - r%d: review if input.x == %d\n", i, i);
    load_with(buf_slice(&text), IL005, "LIMIT_RULES");
    buf_reset(&text);
    buf_add_fmt(&text, "%s    risk:\n", step);
    for (int i = 0; i <= LIMIT_RISKS; i++)
        buf_add_fmt(&text, "      - c%d if input.x == %d\n", i, i);
    load_with(buf_slice(&text), IL005, "LIMIT_RISKS");
    buf_reset(&text);
    buf_add_fmt(&text, "%s    headers:\n", step);
    for (int i = 0; i <= LIMIT_HEADERS; i++)
        buf_add_fmt(&text, "      X-%d: a\n", i);
    load_with(buf_slice(&text), IL005, "LIMIT_HEADERS");
    buf_reset(&text);
    buf_add_fmt(&text, "%s    input:\n", step);
    for (int i = 0; i <= LIMIT_FIELDS; i++)
        buf_add_fmt(&text, "      f%d: text\n", i);
    load_with(buf_slice(&text), IL005, "LIMIT_FIELDS");
    buf_reset(&text);
    buf_add_text(&text, "workflow: w\nmode: observe\nsteps:\n");
    for (int i = 0; i <= LIMIT_STEPS; i++)
        buf_add_fmt(&text, "  s%d: { kind: lookup, call: mail GET /x }\n", i);
    load_with(buf_slice(&text), IL005, "LIMIT_STEPS");
    buf_done(&text);
}

/* One file over the limit, and more mistakes than are kept. */
static void limits_are_told(void **state)
{
    (void)state;
    struct arena arena;
    struct problems problems;
    struct buf text;
    buf_init(&text, 4 * LIMIT_POLICY_FILE);
    buf_add_text(&text, "workflow: w\n");
    while (text.size <= LIMIT_POLICY_FILE)
        buf_add_text(&text, "# a comment that fills the file\n");
    struct config_file both[] = {{SLICE("interlock.yaml"), SLICE("")},
                                 {SLICE("p.yaml"), buf_slice(&text)}};
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    assert_null(config_load(both, 2, &arena, &problems));
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.items[0].code, IL005);
    arena_done(&arena);

    buf_reset(&text);
    buf_add_text(&text, "workflow: w\n");
    for (int i = 0; i < LIMIT_PROBLEMS + 50; i++)
        buf_add_fmt(&text, "f%d: 1\n", i);
    both[1].text = buf_slice(&text);
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    assert_null(config_load(both, 2, &arena, &problems));
    assert_int_equal(problems.count, LIMIT_PROBLEMS);
    assert_true(problems.dropped_count >= 50);
    assert_true(problems.error_count > LIMIT_PROBLEMS);
    arena_done(&arena);
    buf_done(&text);
}

static int print_file(const char *name)
{
    struct buf file, usual_text;
    buf_init(&file, POLICY_TEXT);
    struct slice usual = usual_files(&usual_text), rest = cases_read(name, &file);
    struct slice all = rest;
    bool is_first = true;
    for (struct policy_case c; policy_case_next(&rest, &c);) {
        struct arena arena;
        struct buf got;
        if (is_first)
            (void)printf("%.*s", (int)(c.whole.at - all.at), all.at);
        is_first = false;
        arena_init(&arena, CONFIG_ARENA_MAX);
        buf_init(&got, POLICY_TEXT);
        (void)policy_case_load(&c, usual, &arena, &got); /* its problems are printed */
        size_t size = c.has[PART_EXPECT] ? (size_t)(c.parts[PART_EXPECT].at - c.whole.at)
                                         : (size_t)(rest.at - c.whole.at);
        (void)printf("%.*s%s%s%s", (int)size, c.whole.at, c.has[PART_EXPECT] ? "" : "--- expect\n",
                     buf_text(&got), rest.size > 0 ? "\n" : "");
        buf_done(&got);
        arena_done(&arena);
    }
    buf_done(&file);
    buf_done(&usual_text);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),      cmocka_unit_test(bad_bytes_are_told),
        cmocka_unit_test(nul_is_told),     cmocka_unit_test(limits_are_told),
        cmocka_unit_test(bounds_are_told), cmocka_unit_test(files_are_read_together),
    };
    if (argc == 3 && strcmp(argv[1], "--print") == 0)
        return print_file(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
