/* policy/template: each case is a line of template.cases; what a line cannot say stands below. */
#include "unit/cases.h"
/* after cmocka's headers */
#include "policy/template_part.h"
#include "unit/expr_show.h"

enum { TEMPLATE_MEMORY = 8 * 1024 * 1024, TEMPLATE_OUT = 4096 };

struct template_case {
    struct arena arena, scratch;
    struct buf got;
    json_t *json;
    struct expr_scope scope;
    struct expr_work work;
};

static void template_case_begin(struct template_case *c, struct slice scope)
{
    *c = (struct template_case){0};
    arena_init(&c->arena, TEMPLATE_MEMORY);
    arena_init(&c->scratch, TEMPLATE_MEMORY);
    buf_init(&c->got, TEMPLATE_OUT);
    bool is_input = !slice_starts(scope, SLICE("scope "));
    if (!is_input)
        scope = slice_from(scope, 6);
    json_t *json = json_loadb(scope.at, scope.size, JSON_ALLOW_NUL, NULL);
    c->json = is_input ? json_pack("{s:o}", "input", json ? json : json_object()) : json;
    assert_non_null(c->json);
    c->scope = expr_show_scope(c->json);
    c->work.scratch = &c->scratch;
}

static void template_case_end(struct template_case *c)
{
    arena_done(&c->arena);
    arena_done(&c->scratch);
    buf_done(&c->got);
    json_decref(c->json);
}

static void template_case_error(struct template_case *c)
{
    assert_int_equal(c->got.size, 0); /* nothing half done */
    buf_add_text(&c->got, "error ");
    expr_show_problem(&c->got, &c->work.problem);
}

static enum expr_result template_case_render(struct template_case *c, struct slice kind,
                                             const struct template *template)
{
    if (slice_is(kind, "text"))
        return template_render_text(template, &c->scope, &c->work, &c->got);
    if (slice_is(kind, "path"))
        return template_render_path(template, &c->scope, &c->work, &c->got);
    if (slice_is(kind, "key"))
        return template_render_key(template, &c->scope, &c->work, &c->got);
    assert_true(slice_is(kind, "json"));
    return template_add_json(template, &c->scope, &c->work, &c->got) ? EXPR_OK : EXPR_ERROR;
}

static void template_case_fields(struct template_case *c, const struct template *template)
{
    size_t cursor = 0;
    struct expr_field field;
    buf_add_fmt(&c->got, "%s%s%x", template_is_constant(template) ? "constant " : "",
                template_is_whole(template) ? "whole " : "", template_roots(template));
    while (template_field_next(template, &cursor, &field))
        buf_add_fmt(&c->got, " %.*s@%zu+%zu", SLICE_FMT(field.path), field.offset, field.size);
}

static void template_case_text(struct template_case *c, struct slice kind, struct slice text)
{
    const struct template *template = NULL;
    struct expr_problem problem = {0};
    bool is_key = slice_is(kind, "key");
    if (is_key ? !template_compile_key(&c->arena, text, &template, &problem)
               : !template_compile(&c->arena, text, EXPR_ROOTS_REQUEST, &template, &problem)) {
        buf_add_text(&c->got, "compile ");
        expr_show_problem(&c->got, &problem);
        return;
    }
    assert_true(slice_equal(template_text(template), text));
    if (slice_is(kind, "fields"))
        template_case_fields(c, template);
    else if (template_case_render(c, kind, template) != EXPR_OK)
        template_case_error(c);
}

/* Both renderers of a tree must say the same. */
static void template_case_tree(struct template_case *c, struct slice text)
{
    const struct template_tree *tree = NULL;
    struct expr_problem problem = {0};
    json_t *json = json_loadb(text.at, text.size, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    bool is_good = template_tree_compile(&c->arena, json, EXPR_ROOTS_REQUEST, &tree, &problem);
    json_decref(json); /* copied */
    if (!is_good) {
        buf_add_text(&c->got, "compile ");
        expr_show_problem(&c->got, &problem);
        return;
    }
    json_t *made = NULL;
    json_t *parsed = NULL;
    enum expr_result result = template_tree_render_json(tree, &c->scope, &c->work, &made);
    assert_int_equal(template_tree_render_text(tree, &c->scope, &c->work, &c->got), result);
    if (result != EXPR_OK) {
        template_case_error(c);
        return;
    }
    parsed = json_loadb(c->got.at, c->got.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_true(json_equal(made, parsed));
    json_decref(made);
    json_decref(parsed);
}

static void template_case_tree_fields(struct template_case *c, struct slice text)
{
    const struct template_tree *tree = NULL;
    struct expr_problem problem = {0};
    struct expr_field field;
    struct slice pointer;
    size_t cursor = 0;
    json_t *json = json_loadb(text.at, text.size, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    assert_true(template_tree_compile(&c->arena, json, UINT32_MAX, &tree, &problem));
    json_decref(json);
    buf_add_fmt(&c->got, "%x", template_tree_roots(tree));
    while (template_tree_field_next(tree, &cursor, &field, &pointer))
        buf_add_fmt(&c->got, " %.*s:%.*s@%zu", SLICE_FMT(pointer), SLICE_FMT(field.path),
                    field.offset);
}

static int template_case_failures; /* all are shown, not only the first */

static void run_line(const struct cases_line *line)
{
    struct template_case c;
    struct slice kind = line->parts[0];
    struct slice want = line->parts[line->count - 1];
    template_case_begin(&c, line->parts[2]);
    if (slice_is(kind, "tree"))
        template_case_tree(&c, line->parts[1]);
    else if (slice_is(kind, "tree-fields"))
        template_case_tree_fields(&c, line->parts[1]);
    else
        template_case_text(&c, kind, line->parts[1]);
    struct slice got = buf_slice(&c.got);
    bool is_problem = slice_starts(want, SLICE("error ")) || slice_starts(want, SLICE("compile "));
    if (!slice_equal(got, want) && !(is_problem && slice_starts(got, want))) {
        print_error("%s:%d: %.*s\n got  %.*s\n want %.*s\n", line->file, line->number,
                    SLICE_FMT(line->parts[1]), SLICE_FMT(got), SLICE_FMT(want));
        template_case_failures++;
    }
    template_case_end(&c);
}

static void cases_hold(void **state)
{
    (void)state;
    assert_true(cases_run("template.cases", run_line) > 90);
    assert_int_equal(template_case_failures, 0);
}

/* R7: two values in one template give the same key only when they are the same values. */
static void keys_are_injective(void **state)
{
    (void)state;
    static const char *const values[] = {"A",    "A:1", "1:2",      "1",     "2",
                                         ":",    "\\",  "\\:",      ":\\",   "A\\",
                                         "\\:1", "é",   "\xc2\xa9", "A:1:2", "::"};
    enum { COUNT = sizeof values / sizeof *values };
    static const char *const texts[] = {"${input.a}:${input.b}", "x${input.a}:-${input.b}x",
                                        "${input.a}é${input.b}"};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        struct arena arena;
        struct expr_problem problem = {0};
        const struct template *template = NULL;
        struct buf keys[COUNT * COUNT];
        arena_init(&arena, TEMPLATE_MEMORY);
        assert_true(
            template_compile(&arena, slice_text(texts[t]), EXPR_ROOTS_KEY, &template, &problem));
        for (size_t i = 0; i < COUNT * COUNT; i++) {
            json_t *input = json_pack("{s:s,s:s}", "a", values[i / COUNT], "b", values[i % COUNT]);
            struct expr_scope scope = {.input = input};
            struct expr_work work = {.scratch = &arena};
            buf_init(&keys[i], LIMIT_KEY);
            assert_int_equal(template_render_key(template, &scope, &work, &keys[i]), EXPR_OK);
            json_decref(input);
            for (size_t j = 0; j < i; j++)
                assert_false(slice_equal(buf_slice(&keys[i]), buf_slice(&keys[j])));
        }
        for (size_t i = 0; i < COUNT * COUNT; i++)
            buf_done(&keys[i]);
        arena_done(&arena);
    }
}

/* What was in the buffer before stays; what a failed rendering added goes. */
static void output_is_whole_or_untouched(void **state)
{
    (void)state;
    struct template_case c;
    struct expr_problem problem = {0};
    const struct template *template = NULL;
    template_case_begin(&c, SLICE("{\"a\":\"value\"}"));
    struct buf out;
    buf_init(&out, 12);
    buf_add_text(&out, "kept:");
    assert_true(template_compile(&c.arena, SLICE("x${input.a}${input.b}"), EXPR_ROOTS_REQUEST,
                                 &template, &problem));
    assert_int_equal(template_render_text(template, &c.scope, &c.work, &out), EXPR_ERROR);
    assert_string_equal(buf_text(&out), "kept:");
    assert_true(template_compile(&c.arena, SLICE("xyz${input.a}"), EXPR_ROOTS_REQUEST, &template,
                                 &problem));
    assert_int_equal(template_render_text(template, &c.scope, &c.work, &out), EXPR_ERROR);
    assert_int_equal(c.work.problem.kind, EXPR_PROBLEM_LIMIT);
    assert_string_equal(buf_text(&out), "kept:");
    buf_done(&out);
    template_case_end(&c);
}

static void limits_hold(void **state)
{
    (void)state;
    struct template_case c;
    struct expr_problem problem = {0};
    const struct template *template = NULL;
    const struct template_tree *tree = NULL;
    template_case_begin(&c, SLICE("-"));
    struct buf text;
    buf_init(&text, CASES_FILE);
    buf_add_text(&text, "k${'");
    for (int i = 0; i < LIMIT_KEY - 1; i++)
        buf_add_byte(&text, 'a');
    buf_add_text(&text, "'}");
    assert_true(template_compile(&c.arena, buf_slice(&text), 0, &template, &problem));
    assert_int_equal(template_render_key(template, &c.scope, &c.work, &c.got), EXPR_OK);
    assert_int_equal(c.got.size, LIMIT_KEY);
    buf_add_byte(&text, '!');
    assert_true(template_compile(&c.arena, buf_slice(&text), 0, &template, &problem));
    assert_int_equal(template_render_key(template, &c.scope, &c.work, &c.got), EXPR_ERROR);
    assert_true(slice_is(c.work.problem.message, "the key is longer than 255 bytes (LIMIT_KEY)"));

    buf_reset(&text);
    for (int i = 0; i <= LIMIT_POLICY_FILE; i++)
        buf_add_byte(&text, 'x');
    assert_false(template_compile(&c.arena, buf_slice(&text), 0, &template, &problem));
    assert_int_equal(problem.kind, EXPR_PROBLEM_LIMIT);
    assert_false(template_compile(&c.arena, SLICE("\xff"), 0, &template, &problem));

    json_t *deep = json_string("x");
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++)
        deep = json_pack("[o]", deep);
    assert_true(template_tree_compile(&c.arena, deep, 0, &tree, &problem));
    deep = json_pack("[o]", deep);
    assert_false(template_tree_compile(&c.arena, deep, 0, &tree, &problem));
    assert_int_equal(problem.kind, EXPR_PROBLEM_LIMIT);
    json_decref(deep);
    buf_done(&text);
    template_case_end(&c);
}

/* Each amount of memory from none on: a problem or the right answer. */
static void memory_may_end_anywhere(void **state)
{
    (void)state;
    struct template_case c;
    int good_count = 0;
    template_case_begin(&c, SLICE("{\"a\":\"x\",\"b\":[1]}"));
    json_t *json =
        json_loads("{\"a\":\"${input.a}!\",\"b\":[\"${input.b}\",\"$${\"],\"c\":1}", 0, NULL);
    for (size_t size = 0; size < 12000; size += 48) {
        struct arena arena;
        const struct template_tree *tree = NULL;
        struct expr_problem problem = {0};
        arena_init(&arena, size);
        struct expr_work work = {.scratch = &arena};
        buf_reset(&c.got);
        if (!template_tree_compile(&arena, json, EXPR_ROOTS_REQUEST, &tree, &problem)) {
            assert_int_equal(problem.kind, EXPR_PROBLEM_LIMIT);
        } else if (template_tree_render_text(tree, &c.scope, &work, &c.got) == EXPR_OK) {
            assert_string_equal(buf_text(&c.got), "{\"a\":\"x!\",\"b\":[[1],\"${\"],\"c\":1}");
            good_count++;
        }
        arena_done(&arena);
    }
    assert_true(good_count > 0);
    json_decref(json);
    template_case_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(keys_are_injective),
        cmocka_unit_test(output_is_whole_or_untouched),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
