#include "policy/expr_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "policy/expr_time.h"
#include "policy/expr_value.h"

static bool expr_arithmetic_int(struct expr_run *run, const struct expr_node *node, int64_t a,
                                int64_t b, struct expr_value *out)
{
    bool is_division = node->op == EXPR_OP_DIVIDE || node->op == EXPR_OP_MODULO;
    bool has_overflow = false;
    int64_t result = 0;
    if (is_division && b == 0)
        return expr_run_fail(run, node, EXPR_FAULT_ZERO);
    if (node->op == EXPR_OP_ADD)
        has_overflow = __builtin_add_overflow(a, b, &result);
    else if (node->op == EXPR_OP_SUBTRACT)
        has_overflow = __builtin_sub_overflow(a, b, &result);
    else if (node->op == EXPR_OP_MULTIPLY)
        has_overflow = __builtin_mul_overflow(a, b, &result);
    else if (a == INT64_MIN && b == -1)
        has_overflow = true; /* its modulus too: the division it belongs to has no result */
    else
        result = node->op == EXPR_OP_DIVIDE ? a / b : a % b;
    if (has_overflow)
        return expr_run_fail(run, node, EXPR_FAULT_OVERFLOW);
    *out = expr_value_int(result);
    return true;
}

static bool expr_arithmetic_uint(struct expr_run *run, const struct expr_node *node, uint64_t a,
                                 uint64_t b, struct expr_value *out)
{
    bool is_division = node->op == EXPR_OP_DIVIDE || node->op == EXPR_OP_MODULO;
    bool has_overflow = false;
    uint64_t result = 0;
    if (is_division && b == 0)
        return expr_run_fail(run, node, EXPR_FAULT_ZERO);
    if (node->op == EXPR_OP_ADD)
        has_overflow = __builtin_add_overflow(a, b, &result);
    else if (node->op == EXPR_OP_SUBTRACT)
        has_overflow = __builtin_sub_overflow(a, b, &result);
    else if (node->op == EXPR_OP_MULTIPLY)
        has_overflow = __builtin_mul_overflow(a, b, &result);
    else
        result = node->op == EXPR_OP_DIVIDE ? a / b : a % b;
    if (has_overflow)
        return expr_run_fail(run, node, EXPR_FAULT_OVERFLOW);
    *out = (struct expr_value){.type = EXPR_UINT, .unsigned_integer = result};
    return true;
}

static bool expr_arithmetic_double(struct expr_run *run, const struct expr_node *node, double a,
                                   double b, struct expr_value *out)
{
    double result = 0;
    if (node->op == EXPR_OP_ADD)
        result = a + b;
    else if (node->op == EXPR_OP_SUBTRACT)
        result = a - b;
    else if (node->op == EXPR_OP_MULTIPLY)
        result = a * b;
    else if (node->op == EXPR_OP_DIVIDE)
        result = a / b;
    else
        return expr_run_fail_types(run, node, EXPR_DOUBLE, EXPR_DOUBLE);
    *out = (struct expr_value){.type = EXPR_DOUBLE, .real = result};
    return true;
}

static bool expr_join_strings(struct expr_run *run, const struct expr_node *node, struct slice a,
                              struct slice b, struct expr_value *out)
{
    char *at = expr_run_string(run, node, a.size + b.size);
    if (!at)
        return false;
    if (a.size > 0)
        memcpy(at, a.at, a.size);
    if (b.size > 0)
        memcpy(at + a.size, b.at, b.size);
    *out = expr_value_text(slice_of(at, a.size + b.size));
    return true;
}

static bool expr_join_lists(struct expr_run *run, const struct expr_node *node,
                            const struct expr_list *a, const struct expr_list *b,
                            struct expr_value *out)
{
    struct expr_value *items = expr_run_items(run, node, a->count + b->count);
    if (!items)
        return false;
    for (size_t i = 0; i < a->count; i++)
        items[i] = expr_list_at(a, i);
    for (size_t i = 0; i < b->count; i++)
        items[a->count + i] = expr_list_at(b, i);
    *out = expr_value_list(items, a->count + b->count);
    return true;
}

static bool expr_shift_time(struct expr_run *run, const struct expr_node *node,
                            struct expr_time time, int64_t duration_ns, struct expr_value *out)
{
    struct expr_value sum = {.type = EXPR_TIMESTAMP};
    if (!expr_time_shift(time, duration_ns, node->op == EXPR_OP_SUBTRACT, &sum.time))
        return expr_run_fail(run, node, EXPR_FAULT_OVERFLOW);
    *out = sum;
    return true;
}

static bool expr_arithmetic_time(struct expr_run *run, const struct expr_node *node,
                                 const struct expr_value *a, const struct expr_value *b,
                                 struct expr_value *out)
{
    bool is_plus = node->op == EXPR_OP_ADD;
    struct expr_value result = {.type = EXPR_DURATION};
    bool is_good = false;
    if (!is_plus && node->op != EXPR_OP_SUBTRACT)
        return expr_run_fail_types(run, node, a->type, b->type);
    if (a->type == EXPR_TIMESTAMP && b->type == EXPR_DURATION)
        return expr_shift_time(run, node, a->time, b->duration_ns, out);
    if (a->type == EXPR_DURATION && b->type == EXPR_TIMESTAMP && is_plus)
        return expr_shift_time(run, node, b->time, a->duration_ns, out);
    if (a->type == EXPR_TIMESTAMP && b->type == EXPR_TIMESTAMP && !is_plus)
        is_good = expr_time_subtract(a->time, b->time, &result.duration_ns);
    else if (a->type != EXPR_DURATION || b->type != EXPR_DURATION)
        return expr_run_fail_types(run, node, a->type, b->type);
    else if (is_plus)
        is_good = !__builtin_add_overflow(a->duration_ns, b->duration_ns, &result.duration_ns);
    else
        is_good = !__builtin_sub_overflow(a->duration_ns, b->duration_ns, &result.duration_ns);
    if (!is_good)
        return expr_run_fail(run, node, EXPR_FAULT_OVERFLOW);
    *out = result;
    return true;
}

bool expr_arithmetic(struct expr_run *run, const struct expr_node *node, const struct expr_value *a,
                     const struct expr_value *b, struct expr_value *out)
{
    uint32_t types = EXPR_MASK(a->type) | EXPR_MASK(b->type);
    if (types == EXPR_MASK(EXPR_INT))
        return expr_arithmetic_int(run, node, a->integer, b->integer, out);
    if (types == EXPR_MASK(EXPR_DOUBLE))
        return expr_arithmetic_double(run, node, a->real, b->real, out);
    if (types == EXPR_MASK(EXPR_UINT))
        return expr_arithmetic_uint(run, node, a->unsigned_integer, b->unsigned_integer, out);
    if (types == EXPR_MASK(EXPR_STRING) && node->op == EXPR_OP_ADD)
        return expr_join_strings(run, node, a->string, b->string, out);
    if (types == EXPR_MASK(EXPR_LIST) && node->op == EXPR_OP_ADD)
        return expr_join_lists(run, node, &a->list, &b->list, out);
    return expr_arithmetic_time(run, node, a, b, out);
}

bool expr_negate(struct expr_run *run, const struct expr_node *node, const struct expr_value *a,
                 struct expr_value *out)
{
    if (a->type == EXPR_DOUBLE) {
        *out = (struct expr_value){.type = EXPR_DOUBLE, .real = -a->real};
        return true;
    }
    if (a->type != EXPR_INT)
        return expr_run_fail_type(run, node, a->type);
    if (a->integer == INT64_MIN)
        return expr_run_fail(run, node, EXPR_FAULT_OVERFLOW);
    *out = expr_value_int(-a->integer);
    return true;
}

enum { EXPR_DOUBLE_DIGITS = 17, EXPR_DOUBLE_TEXT = 32 };

/* value > 0 and finite: its shortest digits, without dot, and the power of ten of the first.
 * Returns how many. */
static size_t expr_double_digits(double value, char digits[EXPR_DOUBLE_DIGITS + 1],
                                 int *out_exponent)
{
    char text[EXPR_DOUBLE_TEXT];
    /* Nearly every number that people write needs no more than 15; subnormals hold fewer. */
    int precision = value < 1e-300 ? 1 : 15;
    for (;; precision++) {
        (void)snprintf(text, sizeof text, "%.*e", precision - 1, value); /* always fits */
        if (precision == EXPR_DOUBLE_DIGITS || strtod(text, NULL) == value)
            break;
    }
    const char *exponent = strchr(text, 'e');
    CHECK(exponent != NULL);
    *out_exponent = (int)strtol(exponent + 1, NULL, 10);
    size_t count = 0;
    for (const char *p = text; p < exponent; p++)
        if (*p != '.')
            digits[count++] = *p;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    return count;
}

void expr_double_add_text(struct buf *out, double value)
{
    enum { PLAIN_MAX = 21, PLAIN_MIN = -6 }; /* ECMAScript's Number::toString */
    if (isnan(value)) {
        buf_add_text(out, "NaN");
        return;
    }
    if (signbit(value))
        buf_add_byte(out, '-');
    value = fabs(value);
    if (isinf(value) || value == 0) {
        buf_add_text(out, value == 0 ? "0" : "Infinity");
        return;
    }
    char digits[EXPR_DOUBLE_DIGITS + 1];
    int exponent = 0;
    int count = (int)expr_double_digits(value, digits, &exponent);
    int point = exponent + 1; /* digits before the dot */
    if (point > PLAIN_MAX || point <= PLAIN_MIN) {
        buf_add_byte(out, digits[0]);
        buf_add_fmt(out, count > 1 ? ".%s" : "%s", digits + 1);
        buf_add_fmt(out, "e%+d", exponent);
        return;
    }
    if (point <= 0)
        buf_add_text(out, "0.");
    for (int i = point; i < 0; i++)
        buf_add_byte(out, '0');
    for (int i = 0; i < count || i < point; i++) {
        if (i == point && i > 0)
            buf_add_byte(out, '.');
        buf_add_byte(out, i < count ? digits[i] : '0');
    }
}

bool expr_double_parse(struct slice text, double *out)
{
    enum { TEXT_MAX = 400 }; /* the longest exact double has 1075 digits; nobody writes those */
    char copy[TEXT_MAX + 1];
    struct slice rest = text;
    bool is_negative = slice_starts(rest, SLICE("-"));
    if (is_negative || slice_starts(rest, SLICE("+")))
        rest = slice_from(rest, 1);
    if (slice_is(rest, "Infinity") || slice_is(text, "NaN")) {
        double special = slice_is(text, "NaN") ? (double)NAN : (double)INFINITY;
        *out = is_negative ? -special : special;
        return true;
    }
    /* strtod takes more than a decimal number (hex, "inf", blanks): refuse what it is not. */
    bool has_digit = false;
    for (size_t i = 0; i < rest.size; i++) {
        if (!rest.at[i] || !strchr("0123456789.eE+-", rest.at[i]))
            return false;
        has_digit = has_digit || (rest.at[i] >= '0' && rest.at[i] <= '9');
    }
    if (!has_digit || text.size > TEXT_MAX)
        return false;
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    char *end = NULL;
    double value = strtod(copy, &end);
    if (end != copy + text.size || isinf(value))
        return false;
    *out = value;
    return true;
}

bool expr_int_parse(struct slice text, int64_t *out)
{
    bool is_negative = slice_starts(text, SLICE("-"));
    uint64_t magnitude = 0;
    if (is_negative || slice_starts(text, SLICE("+")))
        text = slice_from(text, 1);
    if (!slice_to_u64(text, (uint64_t)INT64_MAX + is_negative, &magnitude))
        return false;
    *out = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool expr_index_of(const struct expr_value *value, size_t *out)
{
    if (value->type == EXPR_INT && value->integer >= 0) {
        *out = (size_t)value->integer;
        return true;
    }
    if (value->type == EXPR_UINT) {
        *out = value->unsigned_integer;
        return true;
    }
    if (value->type == EXPR_DOUBLE && value->real >= 0 && value->real < 9007199254740992.0 &&
        value->real == floor(value->real)) {
        *out = (size_t)value->real;
        return true;
    }
    return false;
}
