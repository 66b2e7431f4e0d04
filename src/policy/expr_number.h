/* policy/expr_number.h - arithmetic, and numbers as text and back.
 * Owns: overflow, division by zero, and the shortest text of a double.
 * Invariants: int and uint arithmetic never wraps: it is a fault. Doubles follow IEEE 754. */
#pragma once
#include "policy/expr_run.h"

/* + - * / % of two values; also of strings, lists, timestamps and durations. */
bool expr_arithmetic(struct expr_run *run, const struct expr_node *node, const struct expr_value *a,
                     const struct expr_value *b, struct expr_value *out);
bool expr_negate(struct expr_run *run, const struct expr_node *node, const struct expr_value *a,
                 struct expr_value *out);

/* The shortest digits that give the same double again, as ECMAScript writes them: 0.1, 100, 1e+21,
 * NaN, Infinity. */
void expr_double_add_text(struct buf *out, double value);
/* [+-]digits[.digits][e…], NaN, Infinity, -Infinity. */
bool expr_double_parse(struct slice text, double *out);
/* [+-]digits. */
bool expr_int_parse(struct slice text, int64_t *out);
/* An exact index of a list from an int, uint or whole double; false when it is none. */
bool expr_index_of(const struct expr_value *value, size_t *out);
