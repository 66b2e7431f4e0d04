#include "policy/expr_convert.h"

#include "base/text.h"
#include "policy/expr_number.h"
#include "policy/expr_run.h"
#include "policy/expr_time.h"
#include "policy/expr_value.h"

bool expr_convert_bool(struct expr_run *run, const struct expr_node *node,
                       const struct expr_value *arguments, struct expr_value *out)
{
    static const char *const yes[] = {"true", "True", "TRUE", "t", "1"};
    static const char *const no[] = {"false", "False", "FALSE", "f", "0"};
    *out = arguments[0];
    if (out->type == EXPR_BOOL)
        return true;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        bool is_true = slice_is(arguments[0].string, yes[i]);
        if (is_true || slice_is(arguments[0].string, no[i])) {
            *out = expr_value_bool(is_true);
            return true;
        }
    }
    return expr_run_fail(run, node, EXPR_FAULT_CONVERT);
}

bool expr_convert_int(struct expr_run *run, const struct expr_node *node,
                      const struct expr_value *arguments, struct expr_value *out)
{
    const struct expr_value *from = &arguments[0];
    int64_t value = 0;
    bool is_good = true;
    if (from->type == EXPR_INT)
        value = from->integer;
    else if (from->type == EXPR_TIMESTAMP)
        value = from->time.unix_seconds;
    else if (from->type == EXPR_UINT)
        is_good = !__builtin_add_overflow(from->unsigned_integer, 0U, &value);
    else if (from->type == EXPR_STRING)
        is_good = expr_int_parse(from->string, &value);
    else if (from->real > -9223372036854775808.0 && from->real < 9223372036854775808.0)
        value = (int64_t)from->real; /* both ends excluded, as the specification says */
    else
        is_good = false;
    *out = expr_value_int(value);
    return is_good || expr_run_fail(run, node, EXPR_FAULT_CONVERT);
}

bool expr_convert_uint(struct expr_run *run, const struct expr_node *node,
                       const struct expr_value *arguments, struct expr_value *out)
{
    const struct expr_value *from = &arguments[0];
    uint64_t value = 0;
    bool is_good = true;
    if (from->type == EXPR_UINT)
        value = from->unsigned_integer;
    else if (from->type == EXPR_INT)
        is_good = !__builtin_add_overflow(from->integer, 0, &value);
    else if (from->type == EXPR_STRING)
        is_good = slice_to_u64(from->string, UINT64_MAX, &value);
    else if (from->real >= 0 && from->real < 18446744073709551616.0)
        value = (uint64_t)from->real;
    else
        is_good = false;
    *out = (struct expr_value){.type = EXPR_UINT, .unsigned_integer = value};
    return is_good || expr_run_fail(run, node, EXPR_FAULT_CONVERT);
}

bool expr_convert_double(struct expr_run *run, const struct expr_node *node,
                         const struct expr_value *arguments, struct expr_value *out)
{
    const struct expr_value *from = &arguments[0];
    double value = 0;
    if (from->type == EXPR_DOUBLE)
        value = from->real;
    else if (from->type == EXPR_INT)
        value = (double)from->integer;
    else if (from->type == EXPR_UINT)
        value = (double)from->unsigned_integer;
    else if (!expr_double_parse(from->string, &value))
        return expr_run_fail(run, node, EXPR_FAULT_CONVERT);
    *out = (struct expr_value){.type = EXPR_DOUBLE, .real = value};
    return true;
}

bool expr_convert_string(struct expr_run *run, const struct expr_node *node,
                         const struct expr_value *arguments, struct expr_value *out)
{
    enum { TEXT_MAX = 64 }; /* the longest is a timestamp with nanoseconds */
    const struct expr_value *from = &arguments[0];
    if (from->type == EXPR_STRING) {
        *out = *from;
        return true;
    }
    struct buf text;
    buf_init(&text, TEXT_MAX);
    if (from->type == EXPR_DOUBLE) /* with NaN and infinities, which a template refuses */
        expr_double_add_text(&text, from->real);
    else if (expr_value_add_text(&text, from) != ERR_OK)
        text.overflowed = true;
    char *at = buf_ok(&text) ? expr_run_string(run, node, text.size) : NULL;
    if (at)
        memcpy(at, text.at, text.size);
    else if (!buf_ok(&text))
        (void)expr_run_fail(run, node, EXPR_FAULT_MEMORY); /* told by the result */
    *out = expr_value_text(slice_of(at, text.size));
    buf_done(&text);
    return at != NULL;
}

bool expr_convert_timestamp(struct expr_run *run, const struct expr_node *node,
                            const struct expr_value *arguments, struct expr_value *out)
{
    const struct expr_value *from = &arguments[0];
    struct expr_value value = {.type = EXPR_TIMESTAMP};
    bool is_good = true;
    if (from->type == EXPR_TIMESTAMP)
        value = *from;
    else if (from->type == EXPR_INT)
        is_good = expr_time_from_seconds(from->integer, &value.time);
    else
        is_good = expr_time_parse(from->string, &value.time);
    *out = value;
    return is_good || expr_run_fail(run, node, EXPR_FAULT_CONVERT);
}

bool expr_convert_duration(struct expr_run *run, const struct expr_node *node,
                           const struct expr_value *arguments, struct expr_value *out)
{
    struct expr_value value = {.type = EXPR_DURATION};
    if (arguments[0].type == EXPR_DURATION)
        value = arguments[0];
    else if (!expr_duration_parse(arguments[0].string, &value.duration_ns))
        return expr_run_fail(run, node, EXPR_FAULT_CONVERT);
    *out = value;
    return true;
}

bool expr_convert_type(struct expr_run *run, const struct expr_node *node,
                       const struct expr_value *arguments, struct expr_value *out)
{
    (void)run; /* cannot fail */
    (void)node;
    *out = (struct expr_value){.type = EXPR_TYPE, .kind = arguments[0].type};
    return true;
}

bool expr_convert_dyn(struct expr_run *run, const struct expr_node *node,
                      const struct expr_value *arguments, struct expr_value *out)
{
    (void)run; /* cannot fail */
    (void)node;
    *out = arguments[0];
    return true;
}

bool expr_convert_size(struct expr_run *run, const struct expr_node *node,
                       const struct expr_value *arguments, struct expr_value *out)
{
    if (arguments[0].type != EXPR_STRING) {
        *out = expr_value_int((int64_t)expr_value_count(&arguments[0]));
        return true;
    }
    *out = expr_value_int((int64_t)text_utf8_count(arguments[0].string));
    return expr_run_spend(run, node, arguments[0].string.size / 64);
}

static const struct {
    const char *name;
    enum expr_part part;
} expr_parts[] = {{"getFullYear", EXPR_PART_YEAR},
                  {"getMonth", EXPR_PART_MONTH},
                  {"getDate", EXPR_PART_DATE},
                  {"getDayOfMonth", EXPR_PART_DAY_OF_MONTH},
                  {"getDayOfWeek", EXPR_PART_DAY_OF_WEEK},
                  {"getDayOfYear", EXPR_PART_DAY_OF_YEAR},
                  {"getHours", EXPR_PART_HOURS},
                  {"getMinutes", EXPR_PART_MINUTES},
                  {"getSeconds", EXPR_PART_SECONDS},
                  {"getMilliseconds", EXPR_PART_MILLISECONDS}};

bool expr_convert_part(struct expr_run *run, const struct expr_node *node,
                       const struct expr_value *arguments, struct expr_value *out)
{
    size_t i = 0;
    int64_t zone_seconds = 0;
    while (i + 1 < sizeof expr_parts / sizeof *expr_parts &&
           strcmp(expr_parts[i].name, node->function->name) != 0)
        i++;
    if (node->count == 2 && !expr_zone_parse(arguments[1].string, &zone_seconds))
        return expr_run_fail(run, node, EXPR_FAULT_ZONE);
    if (arguments[0].type == EXPR_TIMESTAMP) {
        *out = expr_value_int(expr_time_part(arguments[0].time, zone_seconds, expr_parts[i].part));
        return true;
    }
    if (node->count == 2) /* a duration has no zone */
        return expr_run_fail_type(run, node, EXPR_STRING);
    *out = expr_value_int(expr_duration_part(arguments[0].duration_ns, expr_parts[i].part));
    return true;
}
