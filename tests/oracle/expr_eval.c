/* Our expressions as a filter, for tests that compare them with other implementations of CEL: each
 * line {"expr": TEXT, "input": {…}} gives a line {"value": V} or {"error": KIND, "offset": N,
 * "message": TEXT}. V names its type: {"int":"5"}, {"double":"0.5"}, {"list":[V…]},
 * {"map":[[V,V]…]}. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "policy/expr_number.h"
#include "policy/expr_time.h"
#include "policy/expr_value.h"

enum { ORACLE_MEMORY = 32 * 1024 * 1024, ORACLE_DEPTH = 100 };

static void oracle_add(struct buf *out, const struct expr_value *value, int depth);

static void oracle_add_items(struct buf *out, const struct expr_value *value, int depth)
{
    struct expr_walk walk = expr_walk_start(value);
    struct expr_value item;
    CHECK(depth < ORACLE_DEPTH);
    buf_add_byte(out, '[');
    while (expr_walk_next(&walk, &item)) {
        if (walk.index > 1)
            buf_add_byte(out, ',');
        if (value->type == EXPR_LIST) {
            oracle_add(out, &item, depth + 1);
            continue;
        }
        struct expr_value member = {.type = EXPR_NULL};
        if (value->map.json)
            CHECK(expr_map_field(&value->map, item.string, &member));
        else
            member = value->map.pairs[walk.index - 1].value;
        buf_add_byte(out, '[');
        oracle_add(out, &item, depth + 1);
        buf_add_byte(out, ',');
        oracle_add(out, &member, depth + 1);
        buf_add_byte(out, ']');
    }
    buf_add_byte(out, ']');
}

static void oracle_add_text(struct buf *out, const struct expr_value *value)
{
    struct buf text;
    buf_init(&text, LIMIT_EXPR_STRING);
    if (value->type == EXPR_DOUBLE)
        expr_double_add_text(&text, value->real);
    else if (value->type == EXPR_TYPE)
        buf_add_text(&text, expr_type_name(value->kind));
    else if (value->type == EXPR_NULL)
        buf_add_text(&text, "null");
    else
        CHECK(expr_value_add_text(&text, value) == ERR_OK);
    buf_add_json_text(out, buf_slice(&text));
    buf_done(&text);
}

static void oracle_add(struct buf *out, const struct expr_value *value, int depth)
{
    buf_add_fmt(out, "{\"%s\":", expr_type_name(value->type));
    if (value->type == EXPR_LIST || value->type == EXPR_MAP)
        oracle_add_items(out, value, depth);
    else
        oracle_add_text(out, value);
    buf_add_byte(out, '}');
}

static void oracle_add_problem(struct buf *out, const char *when,
                               const struct expr_problem *problem)
{
    static const char *const kinds[] = {
        [EXPR_PROBLEM_SYNTAX] = "syntax",   [EXPR_PROBLEM_NAME] = "name",
        [EXPR_PROBLEM_MISSING] = "missing", [EXPR_PROBLEM_TYPE] = "type",
        [EXPR_PROBLEM_RANGE] = "range",     [EXPR_PROBLEM_LIMIT] = "limit",
    };
    buf_add_fmt(out, "{\"error\":\"%s %s\",\"offset\":%zu,\"message\":", when, kinds[problem->kind],
                problem->offset);
    buf_add_json_text(out, problem->message);
    buf_add_byte(out, '}');
}

static void oracle_answer(const json_t *line, struct buf *out)
{
    struct arena arena;
    struct expr_problem problem = {0};
    const struct expr *expr = NULL;
    const json_t *text = json_object_get(line, "expr");
    struct expr_scope scope = {.input = json_object_get(line, "input"),
                               .has_confidence = true,
                               .confidence = 0.75,
                               .risk = SLICE("high"),
                               .now_unix_ms = 1764000000000};
    arena_init(&arena, ORACLE_MEMORY);
    struct expr_work work = {.scratch = &arena};
    struct expr_value value;
    if (!expr_compile(&arena, slice_of(json_string_value(text), json_string_length(text)),
                      UINT32_MAX, &expr, &problem)) {
        oracle_add_problem(out, "compile", &problem);
    } else if (expr_eval(expr, &scope, &work, &value) != EXPR_OK) {
        oracle_add_problem(out, "eval", &work.problem);
    } else {
        buf_add_text(out, "{\"value\":");
        oracle_add(out, &value, 0);
        buf_add_byte(out, '}');
    }
    arena_done(&arena);
}

int main(void)
{
    struct buf out;
    buf_init(&out, ORACLE_MEMORY);
    for (;;) {
        json_error_t error;
        json_t *line = json_loadf(stdin, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &error);
        if (!line)
            break;
        buf_reset(&out);
        oracle_answer(line, &out);
        (void)puts(buf_text(&out)); /* the reader notices */
        (void)fflush(stdout);
        json_decref(line);
    }
    buf_done(&out);
    return 0;
}
