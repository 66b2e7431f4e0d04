/* Any bytes as an expression, a template or a key over one input: it compiles or says where not; it
 * evaluates within its limits; what it says lies inside of the text, is UTF-8, and is the same the
 * second time; a value that has a JSON form is read back as the same value. */
#include "base/check.h"
#include "base/text.h"
#include "policy/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_ARENA = 16 * 1024 * 1024, FUZZ_TEXT = 64 * 1024 };

static const char fuzz_input[] =
    "{\"a\":1,\"b\":-2.5,\"s\":\"h\\u00e9llo w\\u00f6rld\",\"e\":\"\",\"n\":null,\"t\":true,"
    "\"l\":[1,2,3,\"x\",null],\"o\":{\"k\":\"v\",\"m\":{\"z\":0}},\"big\":9223372036854775807,"
    "\"date\":\"2026-11-24T06:40:00Z\",\"items\":[{\"price\":5,\"name\":\"p\"},{\"price\":0.5}]}";

static void fuzz_problem(const struct expr_problem *problem, size_t text_size)
{
    CHECK(problem->message.size > 0);
    CHECK(text_is_utf8(problem->message) && text_is_utf8(problem->help));
    CHECK(problem->offset <= text_size && problem->size <= text_size - problem->offset);
}

static void fuzz_fields(const struct expr *expr, size_t text_size)
{
    size_t cursor = 0;
    size_t last = 0;
    struct expr_field field;
    while (expr_field_next(expr, &cursor, &field)) {
        CHECK(field.offset >= last && field.offset + field.size <= text_size);
        CHECK(expr_uses(expr, field.root) && text_is_utf8(field.path));
        last = field.offset;
    }
}

static void fuzz_value(const struct expr *expr, const struct expr_value *value)
{
    json_t *json = NULL;
    struct buf text;
    CHECK((expr_types(expr) & 1U << value->type) != 0);
    if (value->type == EXPR_STRING)
        CHECK(text_is_utf8(value->string));
    buf_init(&text, FUZZ_TEXT);
    if (expr_value_add_json(&text, value) == ERR_OK) {
        CHECK(expr_value_to_json(value, &json) == ERR_OK);
        json_t *parsed = json_loadb(text.at, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        CHECK(parsed != NULL && json_equal(parsed, json));
        json_decref(parsed);
        json_decref(json);
    }
    buf_done(&text);
}

static void fuzz_expr(struct slice text, const struct expr_scope *scope)
{
    struct arena arena;
    struct expr_problem problem = {0};
    const struct expr *expr = NULL;
    struct buf first, second;
    arena_init(&arena, FUZZ_ARENA);
    buf_init(&first, FUZZ_TEXT);
    buf_init(&second, FUZZ_TEXT);
    if (!expr_compile(&arena, text, UINT32_MAX, &expr, &problem)) {
        fuzz_problem(&problem, text.size);
        goto out;
    }
    fuzz_fields(expr, text.size);
    for (int turn = 0; turn < 2; turn++) {
        struct expr_saw saw = {0};
        struct expr_work work = {.scratch = &arena, .saw = &saw};
        struct expr_value value;
        struct buf *said = turn ? &second : &first;
        if (expr_eval(expr, scope, &work, &value) == EXPR_OK)
            fuzz_value(expr, &value);
        else
            fuzz_problem(&work.problem, text.size);
        expr_saw_add_json(said, &saw);
        buf_add(said, work.problem.message);
        CHECK(text_is_utf8(buf_slice(said)));
    }
    CHECK(slice_equal(buf_slice(&first), buf_slice(&second)));
out:
    buf_done(&first);
    buf_done(&second);
    arena_done(&arena);
}

static void fuzz_template(struct slice text, const struct expr_scope *scope)
{
    struct arena arena;
    struct expr_problem problem = {0};
    const struct template *template = NULL;
    struct buf out;
    arena_init(&arena, FUZZ_ARENA);
    buf_init(&out, FUZZ_TEXT);
    struct expr_work work = {.scratch = &arena};
    if (!template_compile(&arena, text, UINT32_MAX, &template, &problem))
        fuzz_problem(&problem, text.size);
    else if (template_render_text(template, scope, &work, &out) != EXPR_OK)
        fuzz_problem(&work.problem, text.size);
    else if (template_is_constant(template) && slice_find(text, '$') == text.size)
        CHECK(slice_equal(buf_slice(&out), text));
    buf_reset(&out);
    if (template && template_render_path(template, scope, &work, &out) != EXPR_OK)
        fuzz_problem(&work.problem, text.size);
    buf_reset(&out);
    template = NULL;
    if (!template_compile_key(&arena, text, &template, &problem))
        fuzz_problem(&problem, text.size);
    else if (template_render_key(template, scope, &work, &out) != EXPR_OK)
        fuzz_problem(&work.problem, text.size);
    CHECK(out.size <= LIMIT_KEY && text_is_utf8(buf_slice(&out)));
    buf_done(&out);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *input = json_loads(fuzz_input, 0, NULL);
    CHECK(input != NULL);
    struct expr_scope scope = {.input = input,
                               .has_confidence = true,
                               .confidence = 0.5,
                               .risk = SLICE("high"),
                               .run = SLICE("INV-1"),
                               .key = SLICE("k"),
                               .now_unix_ms = 1764000000000};
    struct slice text = slice_of(data, size);
    fuzz_expr(text, &scope);
    fuzz_template(text, &scope);
    json_decref(input);
    return 0;
}
