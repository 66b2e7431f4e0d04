/* policy/expr: each case is a line of expr.cases; what a line cannot say stands below. */
#include "policy/expr_tree.h"
#include "unit/cases.h"
#include "unit/expr_show.h"

enum { EXPR_SCRATCH = 8 * 1024 * 1024 };

struct expr_case {
    struct arena arena, scratch;
    struct buf got;
    json_t *scope;
};

static void expr_case_begin(struct expr_case *c, struct slice scope)
{
    arena_init(&c->arena, EXPR_SCRATCH);
    arena_init(&c->scratch, EXPR_SCRATCH);
    buf_init(&c->got, CASES_LINE);
    bool is_input = !slice_starts(scope, SLICE("scope "));
    if (!is_input)
        scope = slice_from(scope, 6);
    json_t *json = json_loadb(scope.at, scope.size, JSON_ALLOW_NUL, NULL);
    c->scope = is_input ? json_pack("{s:o}", "input", json ? json : json_object()) : json;
    assert_non_null(c->scope);
}

static void expr_case_end(struct expr_case *c)
{
    arena_done(&c->arena);
    arena_done(&c->scratch);
    buf_done(&c->got);
    json_decref(c->scope);
}

/* The text in a block of its exact size, so that a read past its end is seen. */
static const struct expr *expr_case_compile(struct expr_case *c, struct slice text, uint32_t roots)
{
    const struct expr *expr = NULL;
    struct expr_problem problem = {0};
    char *exact = malloc(text.size ? text.size : 1);
    assert_non_null(exact);
    memcpy(exact, text.at, text.size);
    if (!expr_compile(&c->arena, slice_of(exact, text.size), roots, &expr, &problem)) {
        buf_add_text(&c->got, "compile ");
        expr_show_problem(&c->got, &problem);
    }
    free(exact);
    return expr;
}

static void expr_case_eval(struct expr_case *c, const struct expr *expr, struct expr_saw *saw)
{
    struct expr_scope scope = expr_show_scope(c->scope);
    struct expr_work work = {.scratch = &c->scratch, .saw = saw};
    struct expr_value value;
    if (expr_eval(expr, &scope, &work, &value) == EXPR_OK) {
        expr_show_value(&c->got, &value);
        return;
    }
    buf_add_text(&c->got, "error ");
    expr_show_problem(&c->got, &work.problem);
}

static int expr_case_failures; /* all are shown, not only the first */

/* A wanted problem may leave out the message, or its end. */
static void expr_case_judge(const struct cases_line *line, struct slice got, struct slice want)
{
    bool is_problem = slice_starts(want, SLICE("error ")) || slice_starts(want, SLICE("compile "));
    bool is_same = slice_equal(got, want);
    if (is_problem && slice_starts(got, want))
        is_same =
            slice_find(want, ':') < want.size || got.size == want.size || got.at[want.size] == ':';
    if (is_same)
        return;
    print_error("%s:%d: %.*s\n got  %.*s\n want %.*s\n", line->file, line->number,
                SLICE_FMT(line->parts[0]), SLICE_FMT(got), SLICE_FMT(want));
    expr_case_failures++;
}

static void expr_case_fields(struct expr_case *c, const struct expr *expr)
{
    size_t cursor = 0;
    struct expr_field field;
    while (expr_field_next(expr, &cursor, &field)) {
        buf_add_fmt(&c->got, "%s%s%.*s@%zu+%zu", cursor > 1 ? ", " : "", field.is_has ? "has " : "",
                    SLICE_FMT(field.path), field.offset, field.size);
        for (size_t i = 0; i < field.name_count; i++)
            buf_add_fmt(&c->got, "/%.*s", SLICE_FMT(field.names[i]));
    }
}

static void expr_case_types(struct expr_case *c, const struct expr *expr)
{
    for (int type = EXPR_NULL; type <= EXPR_TYPE; type++)
        if (expr_types(expr) & EXPR_MASK(type))
            buf_add_fmt(&c->got, "%s%s", c->got.size ? " " : "",
                        expr_type_name((enum expr_type)type));
}

static void expr_case_only(struct expr_case *c, struct slice text, struct slice roots)
{
    uint32_t mask = slice_is(roots, "key")        ? EXPR_ROOTS_KEY
                    : slice_is(roots, "request")  ? EXPR_ROOTS_REQUEST
                    : slice_is(roots, "rule")     ? EXPR_ROOTS_RULE
                    : slice_is(roots, "response") ? (EXPR_ROOTS_RULE | (uint32_t)EXPR_ROOT_RESPONSE)
                                                  : 0;
    const struct expr *expr = expr_case_compile(c, text, mask);
    if (expr)
        buf_add_fmt(&c->got, "%x", expr_roots(expr));
}

static void run_line(const struct cases_line *line)
{
    struct expr_case c;
    struct slice kind = line->parts[0];
    bool is_special = slice_starts(kind, SLICE("@"));
    struct slice text = line->parts[is_special ? 1 : 0];
    struct slice scope = line->parts[is_special ? 2 : 1];
    struct slice want = line->parts[line->count - 1];
    struct expr_saw saw = {0};
    expr_case_begin(&c, slice_is(kind, "@only") ? SLICE("-") : scope);
    if (slice_is(kind, "@only")) {
        expr_case_only(&c, text, scope);
    } else {
        const struct expr *expr = expr_case_compile(&c, text, UINT32_MAX);
        if (expr && slice_is(kind, "@fields"))
            expr_case_fields(&c, expr);
        else if (expr && slice_is(kind, "@types"))
            expr_case_types(&c, expr);
        else if (expr)
            expr_case_eval(&c, expr, &saw);
        if (slice_is(kind, "@saw")) {
            buf_reset(&c.got);
            expr_saw_add_json(&c.got, &saw);
        }
    }
    expr_case_judge(line, buf_slice(&c.got), want);
    expr_case_end(&c);
}

static void cases_hold(void **state)
{
    (void)state;
    assert_true(cases_run("expr.cases", run_line) > 500);
    assert_int_equal(expr_case_failures, 0);
}

/* Expressions that a line cannot hold: made of a repeated part. */
static void limit_holds(const char *before, const char *part, const char *after, int count,
                        const char *want)
{
    struct expr_case c;
    struct buf text;
    buf_init(&text, CASES_FILE);
    buf_add_text(&text, before);
    for (int i = 0; i < count; i++)
        buf_add_text(&text, part);
    for (int i = 0; i < count; i++)
        buf_add_text(&text, after);
    expr_case_begin(&c, SLICE("{\"x\":1}"));
    const struct expr *expr = expr_case_compile(&c, buf_slice(&text), UINT32_MAX);
    if (expr)
        expr_case_eval(&c, expr, NULL);
    if (!slice_starts(buf_slice(&c.got), slice_text(want)))
        fail_msg("%d times %s: got %s, want %s", count, part, buf_text(&c.got), want);
    expr_case_end(&c);
    buf_done(&text);
}

static void limits_hold(void **state)
{
    (void)state;
    /* What the specification asks for at least, section Syntax. */
    limit_holds("true", " || true", "", 31, "true");
    limit_holds("true", " && true", "", 31, "true");
    limit_holds("2", " + 2", "", 24, "50");
    limit_holds("", "[", "]", 12, "[[[[[[[[[[[[]]]]]]]]]]]]");
    /* Ours. */
    limit_holds("false", " || false", "", 250, "compile limit");
    limit_holds("1", " + 1", "", 127, "128");
    limit_holds("1", " + 1", "", 128, "compile limit");
    limit_holds("\"", "aaaaaaaaaaaaaaaa", "", 130, "compile limit@0");
    limit_holds("", "(", ")", 33, "compile limit@33");
    limit_holds("", "[", "]", 33, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
    limit_holds("", "[", "]", 34, "compile limit@33");
}

/* Doubling: a text in each turn, a list in each turn. */
static void growth_has_an_end(void **state)
{
    (void)state;
    struct expr_case c;
    expr_case_begin(&c, SLICE("{\"x\":1}"));
    struct buf text;
    buf_init(&text, CASES_FILE);
    buf_add_text(&text, "['0123456789abcdef']");
    for (int i = 0; i < 14; i++)
        buf_add_text(&text, ".map(s, s + s)");
    const struct expr *expr = expr_case_compile(&c, buf_slice(&text), UINT32_MAX);
    assert_non_null(expr);
    expr_case_eval(&c, expr, NULL);
    assert_true(slice_starts(buf_slice(&c.got), SLICE("error limit")));

    buf_reset(&text);
    buf_reset(&c.got);
    buf_add_text(&text, "[[1]]");
    for (int i = 0; i < 40; i++)
        buf_add_text(&text, ".map(l, [l, l])");
    expr = expr_case_compile(&c, buf_slice(&text), UINT32_MAX);
    assert_non_null(expr);
    /* The value is 2^40 ones, shared; making it costs nothing, writing it down ends at the limit.
     */
    struct expr_scope scope = expr_show_scope(c.scope);
    struct expr_work work = {.scratch = &c.scratch};
    struct expr_value value;
    assert_int_equal(expr_eval(expr, &scope, &work, &value), EXPR_OK);
    json_t *json = NULL;
    assert_int_equal(expr_value_to_json(&value, &json), ERR_LIMIT);

    buf_reset(&text);
    buf_add_text(&text, "[[1]]");
    for (int i = 0; i < 18; i++)
        buf_add_text(&text, ".map(l, [l, l])");
    size_t half = text.size;
    buf_add_text(&text, " == ");
    buf_add(&text, slice_of(text.at, half));
    buf_reset(&c.got);
    expr = expr_case_compile(&c, buf_slice(&text), UINT32_MAX);
    assert_non_null(expr);
    expr_case_eval(&c, expr, NULL);
    assert_true(slice_starts(buf_slice(&c.got), SLICE("error limit")));
    buf_done(&text);
    expr_case_end(&c);
}

/* As many turns as there are steps, and a pattern that would go on for years. */
static void time_has_an_end(void **state)
{
    (void)state;
    struct expr_case c;
    expr_case_begin(&c, SLICE("{}"));
    json_t *list = json_array();
    for (int i = 0; i < 400; i++)
        assert_int_equal(json_array_append_new(list, json_integer(i)), 0);
    struct buf a;
    buf_init(&a, CASES_FILE);
    for (int i = 0; i < 20000; i++)
        buf_add_text(&a, i % 100 == 99 ? "!" : "a");
    json_t *input = json_object_get(c.scope, "input");
    assert_int_equal(json_object_set_new(input, "list", list), 0);
    assert_int_equal(json_object_set_new(input, "text", json_stringn(a.at, a.size)), 0);
    static const char *const texts[] = {
        "input.list.all(a, input.list.all(b, input.list.all(c, a + b + c >= 0)))",
        "input.list.exists(a, input.list.exists(b, input.list.exists(c, a + b + c < 0)))",
        "input.text.matches('(a+)+$')",
        "input.text.matches('(a*)*!!')",
        "input.text.matches('(?:.*){1,30}!!')",
        "input.list.exists(x, input.text.contains('aaaaaaaaaaaaaaab'))",
        "input.list.exists(x, input.text.matches('a!b'))",
        "input.list.map(x, input.text.replace('a', 'b')).size() == 400",
        "input.list.all(x, input.text.split('').size() > 0)",
        "input.list.all(x, input.text.charAt(9999) != '')",
        "input.list.all(x, input.text.lastIndexOf('ab') == -1)",
        "input.list.all(x, input.text.indexOf('b', 9000) == -1)",
        "input.list.all(x, input.text.split('a').join('b') != '')",
        "input.list.map(x, input.list).exists(x, x == input.list && false)",
        "input.list.map(x, input.text).map(x, x == input.text).size() == 0",
        "input.list.all(x, input.text.size() > 0 && input.text.trim().size() > 0)",
        "input.list.all(x, input.text < 'b')",
        "input.list.all(x, input.text.replace('', 'a').size() > 0)",
        "input.list.all(x, input.list + input.list != [])",
        "(input.text + input.text + input.text + input.text).matches('a')",
        "input.text.replace('a', input.text).size() > 0",
        "[input.text, input.text, input.text, input.text].join(input.text).size() > 0",
        "'a'.matches((input.text + input.text).replace('!', ''))",
    };
    int failure_count = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buf_reset(&c.got);
        const struct expr *expr = expr_case_compile(&c, slice_text(texts[i]), UINT32_MAX);
        if (!expr)
            fail_msg("%s: %s", texts[i], buf_text(&c.got));
        expr_case_eval(&c, expr, NULL);
        if (!slice_starts(buf_slice(&c.got), SLICE("error limit"))) {
            print_error("%s: %s\n", texts[i], buf_text(&c.got));
            failure_count++;
        }
    }
    assert_int_equal(failure_count, 0);
    buf_done(&a);
    expr_case_end(&c);
}

/* Each amount of memory from none on: a problem or the right answer, never anything else. */
static void memory_may_end_anywhere(void **state)
{
    (void)state;
    struct slice text = SLICE("input.a.matches('^x' + 'y') || [input.a, 'b'].map(x, x + x) == "
                              "{'k': ['a']}.k && has(input.b.c) ? input.b.c : input.d");
    struct slice constant = SLICE("'abc'.matches('(a|b)+c') && timestamp('2026-01-01T00:00:00Z') "
                                  "> timestamp(0) && \"\\n\" in ['a', \"\\t\"]");
    struct expr_case c;
    expr_case_begin(&c, SLICE("{\"a\":\"xy\",\"b\":{\"c\":1}}"));
    struct expr_scope scope = expr_show_scope(c.scope);
    int good_count = 0;
    for (size_t size = 0; size < 80000; size += 112) {
        struct arena arena, scratch;
        arena_init(&arena, size);
        arena_init(&scratch, size);
        const struct expr *expr = NULL;
        struct expr_problem problem = {0};
        struct expr_work work = {.scratch = &scratch};
        struct expr_value value;
        bool is_good = expr_compile(&arena, text, UINT32_MAX, &expr, &problem) &&
                       expr_compile(&arena, constant, UINT32_MAX, &expr, &problem) &&
                       expr_compile(&arena, text, UINT32_MAX, &expr, &problem);
        if (!is_good)
            assert_int_equal(
                problem.kind == EXPR_PROBLEM_LIMIT || problem.kind == EXPR_PROBLEM_SYNTAX, true);
        if (is_good && expr_eval(expr, &scope, &work, &value) == EXPR_OK) {
            assert_int_equal(value.integer, 1);
            good_count++;
        } else if (is_good) {
            assert_int_equal(work.problem.kind, EXPR_PROBLEM_LIMIT);
        }
        arena_done(&arena);
        arena_done(&scratch);
    }
    assert_true(good_count > 0);
    expr_case_end(&c);
}

/* The same for the evaluation alone: what it makes costs memory, and the last byte may be missing
 * anywhere. */
static void scratch_may_end_anywhere(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "input.s + input.s",  "input.l + input.l",     "[input.s]",
        "{'k': input.s}",     "input.s.upperAscii()",  "input.s.replace('x', 'yy')",
        "input.s.split(',')", "input.l.join('-')",     "input.l.map(x, x)",
        "string(1.5)",        "input.s.matches('x+')", "input.s.matches(input.s)",
    };
    struct expr_case c;
    expr_case_begin(&c, SLICE("{\"s\":\"x,x,x,x\",\"l\":[\"x\",\"y\"]}"));
    struct expr_scope scope = expr_show_scope(c.scope);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct expr *expr = expr_case_compile(&c, slice_text(texts[i]), UINT32_MAX);
        assert_non_null(expr);
        bool is_good = false;
        int failure_count = 0;
        for (size_t size = 0; size < 200000 && !is_good; size += 16) {
            struct arena scratch;
            arena_init(&scratch, size);
            struct expr_work work = {.scratch = &scratch};
            struct expr_value value;
            is_good = expr_eval(expr, &scope, &work, &value) == EXPR_OK;
            if (!is_good)
                assert_true(work.problem.kind == EXPR_PROBLEM_LIMIT ||
                            work.problem.kind == EXPR_PROBLEM_RANGE);
            failure_count += !is_good;
            arena_done(&scratch);
        }
        if (!is_good || failure_count == 0)
            fail_msg("%s: %d failures", texts[i], failure_count);
    }
    expr_case_end(&c);
}

/* JSON deeper than any that we read ourselves: an error, not a deep recursion. */
static void depth_has_an_end(void **state)
{
    (void)state;
    struct expr_case c;
    expr_case_begin(&c, SLICE("{}"));
    json_t *deep = json_integer(1);
    for (int i = 0; i < 200; i++)
        deep = json_pack("[o]", deep);
    json_t *input = json_object_get(c.scope, "input");
    assert_int_equal(json_object_set_new(input, "deep", deep), 0);
    const struct expr *expr = expr_case_compile(&c, SLICE("input.deep == input.deep"), UINT32_MAX);
    expr_case_eval(&c, expr, NULL);
    assert_string_equal(buf_text(&c.got), "error limit@11: the value is nested too deep");
    struct expr_value value = expr_value_from_json(deep);
    buf_reset(&c.got);
    assert_int_equal(expr_value_add_json(&c.got, &value), ERR_LIMIT);
    assert_int_equal(c.got.size, 0);
    expr_case_end(&c);
}

/* Keys of a map may be data: only what looks like a name is suggested (expr_run.h, invariant 2). */
static void no_data_is_suggested(void **state)
{
    (void)state;
    struct expr_case c;
    expr_case_begin(&c, SLICE("{\"total!\":1,\"1total\":1}"));
    const struct expr *expr = expr_case_compile(&c, SLICE("input.total"), UINT32_MAX);
    expr_case_eval(&c, expr, NULL);
    assert_string_equal(buf_text(&c.got), "error missing@6: there is no field `total` in `input`");
    expr_case_end(&c);
}

static void blanks_are_skipped(void **state)
{
    (void)state;
    struct expr_case c;
    expr_case_begin(&c, SLICE("{}"));
    const struct expr *expr = expr_case_compile(
        &c, SLICE("\t1\n+\f1\r +//x\n\"\"\"a\nb\"\"\".size() + '''\r\n'''.size()"), UINT32_MAX);
    assert_non_null(expr);
    expr_case_eval(&c, expr, NULL);
    assert_string_equal(buf_text(&c.got), "7");
    assert_null(expr_case_compile(&c, SLICE("'a\n'"), UINT32_MAX));
    assert_null(expr_case_compile(&c, SLICE("'a\r'"), UINT32_MAX));
    assert_null(expr_case_compile(&c, SLICE("1\v"), UINT32_MAX));
    expr_case_end(&c);
}

static void texts_are_utf8(void **state)
{
    (void)state;
    struct expr_case c;
    expr_case_begin(&c, SLICE("{}"));
    assert_null(expr_case_compile(&c, SLICE("'\xff'"), UINT32_MAX));
    assert_string_equal(buf_text(&c.got), "compile syntax@0: the text is not UTF-8");
    expr_case_end(&c);
}

static void doubles_come_back(void **state)
{
    (void)state;
    uint64_t bits = 1;
    struct buf text;
    buf_init(&text, 64);
    for (int i = 0; i < 20000; i++) {
        bits = bits * 6364136223846793005U + 1442695040888963407U;
        double value;
        double back = 0;
        memcpy(&value, &bits, sizeof value);
        buf_reset(&text);
        expr_double_add_text(&text, value);
        assert_true(expr_double_parse(buf_slice(&text), &back));
        assert_true(back == value || (back != back && value != value));
    }
    buf_done(&text);
}

static void conditions_are_bools(void **state)
{
    (void)state;
    struct expr_case c;
    expr_case_begin(&c, SLICE("{\"x\":1,\"yes\":true}"));
    struct expr_scope scope = expr_show_scope(c.scope);
    struct expr_work work = {.scratch = &c.scratch};
    bool is_true = false;
    const struct expr *expr = expr_case_compile(&c, SLICE("input.yes"), UINT32_MAX);
    assert_int_equal(expr_eval_bool(expr, &scope, &work, &is_true), EXPR_OK);
    assert_true(is_true);
    expr = expr_case_compile(&c, SLICE("input.x"), UINT32_MAX);
    assert_int_equal(expr_eval_bool(expr, &scope, &work, &is_true), EXPR_ERROR);
    assert_true(is_true); /* untouched */
    expr_show_problem(&c.got, &work.problem);
    assert_string_equal(buf_text(&c.got), "type@0: the condition is int, not true or false "
                                          "(compare it with something)");
    expr = expr_case_compile(&c, SLICE("input.z"), UINT32_MAX);
    assert_int_equal(expr_eval_bool(expr, &scope, &work, &is_true), EXPR_ERROR);
    assert_true(slice_is(work.problem.path, "input.z"));
    assert_true(expr_uses(expr, EXPR_ROOT_INPUT));
    assert_false(expr_uses(expr, EXPR_ROOT_NOW));
    assert_true(slice_is(expr_text(expr), "input.z"));
    expr_case_end(&c);
}

static void json_goes_through(void **state)
{
    (void)state;
    static const char *const texts[] = {"null",
                                        "true",
                                        "false",
                                        "-1",
                                        "9223372036854775807",
                                        "1.5",
                                        "1e300",
                                        "\"a\\u0000b\\u00e9\"",
                                        "[]",
                                        "{}",
                                        "[1,[2.0]]",
                                        "{\"a\":{\"b\":[null]}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *json = json_loads(texts[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        struct expr_value value = expr_value_from_json(json);
        json_t *back = NULL;
        assert_int_equal(expr_value_to_json(&value, &back), ERR_OK);
        assert_true(json_equal(json, back));
        json_decref(json);
        json_decref(back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(growth_has_an_end),
        cmocka_unit_test(time_has_an_end),
        cmocka_unit_test(memory_may_end_anywhere),
        cmocka_unit_test(scratch_may_end_anywhere),
        cmocka_unit_test(depth_has_an_end),
        cmocka_unit_test(no_data_is_suggested),
        cmocka_unit_test(blanks_are_skipped),
        cmocka_unit_test(texts_are_utf8),
        cmocka_unit_test(doubles_come_back),
        cmocka_unit_test(conditions_are_bools),
        cmocka_unit_test(json_goes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
