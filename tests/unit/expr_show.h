/* tests/unit/expr_show.h - results and problems of expressions as one line, for tests.
 * A value is its JSON; what JSON does not have is NAME(…). A problem is KIND@OFFSET: MESSAGE
 * (HELP). */
#pragma once
#include "policy/expr_number.h"
#include "policy/expr_time.h"

static inline void expr_show_value(struct buf *out, const struct expr_value *value)
{
    if (value->type == EXPR_UINT) {
        buf_add_u64(out, value->unsigned_integer);
        buf_add_byte(out, 'u');
    } else if (value->type == EXPR_TYPE) {
        buf_add_fmt(out, "type(%s)", expr_type_name(value->kind));
    } else if (value->type == EXPR_TIMESTAMP) {
        buf_add_text(out, "timestamp(");
        expr_time_add_text(out, value->time);
        buf_add_byte(out, ')');
    } else if (value->type == EXPR_DURATION) {
        buf_add_text(out, "duration(");
        expr_duration_add_text(out, value->duration_ns);
        buf_add_byte(out, ')');
    } else if (expr_value_add_json(out, value) != ERR_OK) {
        buf_add_fmt(out, "%s(", expr_type_name(value->type));
        if (value->type == EXPR_DOUBLE)
            expr_double_add_text(out, value->real);
        buf_add_byte(out, ')');
    }
}

static inline void expr_show_problem(struct buf *out, const struct expr_problem *problem)
{
    static const char *const kinds[] = {
        [EXPR_PROBLEM_SYNTAX] = "syntax",   [EXPR_PROBLEM_NAME] = "name",
        [EXPR_PROBLEM_MISSING] = "missing", [EXPR_PROBLEM_TYPE] = "type",
        [EXPR_PROBLEM_RANGE] = "range",     [EXPR_PROBLEM_LIMIT] = "limit",
    };
    buf_add_fmt(out, "%s@%zu: %.*s", kinds[problem->kind], problem->offset,
                SLICE_FMT(problem->message));
    if (problem->help.size > 0)
        buf_add_fmt(out, " (%.*s)", SLICE_FMT(problem->help));
    if (problem->pointer.size > 0)
        buf_add_fmt(out, " at %.*s", SLICE_FMT(problem->pointer));
}

/* A scope from JSON: its members are input, context, response, confidence, risk, run, step,
 * principal, key, provider_key, now (ms). */
static inline struct slice expr_show_text(const json_t *scope, const char *name)
{
    const json_t *text = json_object_get(scope, name);
    return text ? slice_of(json_string_value(text), json_string_length(text)) : (struct slice){0};
}

static inline struct expr_scope expr_show_scope(const json_t *json)
{
    const json_t *confidence = json_object_get(json, "confidence");
    return (struct expr_scope){
        .input = json_object_get(json, "input"),
        .context = json_object_get(json, "context"),
        .response = json_object_get(json, "response"),
        .has_confidence = confidence != NULL,
        .confidence = json_number_value(confidence),
        .risk = expr_show_text(json, "risk"),
        .run = expr_show_text(json, "run"),
        .step = expr_show_text(json, "step"),
        .principal = expr_show_text(json, "principal"),
        .key = expr_show_text(json, "key"),
        .provider_key = expr_show_text(json, "provider_key"),
        .now_unix_ms = json_integer_value(json_object_get(json, "now")),
    };
}
