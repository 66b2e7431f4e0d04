#include "policy/expr_function.h"

#include "policy/expr_convert.h"
#include "policy/expr_text.h"
#include "policy/near.h"

#define B EXPR_MASK(EXPR_BOOL)
#define I EXPR_MASK(EXPR_INT)
#define U EXPR_MASK(EXPR_UINT)
#define D EXPR_MASK(EXPR_DOUBLE)
#define S EXPR_MASK(EXPR_STRING)
#define L EXPR_MASK(EXPR_LIST)
#define M EXPR_MASK(EXPR_MAP)
#define T EXPR_MASK(EXPR_TIMESTAMP)
#define P EXPR_MASK(EXPR_DURATION)
#define K EXPR_MASK(EXPR_TYPE)
#define ANY EXPR_ANY

static const struct expr_function expr_functions[] = {
    {"size", false, 1, 1, {S | L | M}, I, expr_convert_size, "size(x)"},
    {"size", true, 1, 1, {S | L | M}, I, expr_convert_size, "x.size()"},
    {"type", false, 1, 1, {ANY}, K, expr_convert_type, "type(x)"},
    {"dyn", false, 1, 1, {ANY}, ANY, expr_convert_dyn, "dyn(x)"},
    {"bool", false, 1, 1, {B | S}, B, expr_convert_bool, "bool(text)"},
    {"int", false, 1, 1, {I | U | D | S | T}, I, expr_convert_int, "int(x)"},
    {"uint", false, 1, 1, {I | U | D | S}, U, expr_convert_uint, "uint(x)"},
    {"double", false, 1, 1, {I | U | D | S}, D, expr_convert_double, "double(x)"},
    {"string", false, 1, 1, {B | I | U | D | S | T | P}, S, expr_convert_string, "string(x)"},
    {"timestamp", false, 1, 1, {I | S | T}, T, expr_convert_timestamp, "timestamp(text)"},
    {"duration", false, 1, 1, {S | P}, P, expr_convert_duration, "duration(text)"},
    {"matches", false, 2, 2, {S, S}, B, expr_text_matches, "matches(text, pattern)"},
    {"matches", true, 2, 2, {S, S}, B, expr_text_matches, "text.matches(pattern)"},
    {"startsWith", true, 2, 2, {S, S}, B, expr_text_starts, "text.startsWith(part)"},
    {"endsWith", true, 2, 2, {S, S}, B, expr_text_ends, "text.endsWith(part)"},
    {"contains", true, 2, 2, {S, S}, B, expr_text_contains, "text.contains(part)"},
    {"lowerAscii", true, 1, 1, {S}, S, expr_text_lower, "text.lowerAscii()"},
    {"upperAscii", true, 1, 1, {S}, S, expr_text_upper, "text.upperAscii()"},
    {"trim", true, 1, 1, {S}, S, expr_text_trim, "text.trim()"},
    {"replace", true, 3, 4, {S, S, S, I}, S, expr_text_replace, "text.replace(old, new[, most])"},
    {"split", true, 2, 3, {S, S, I}, L, expr_text_split, "text.split(by[, most])"},
    {"join", true, 1, 2, {L, S}, S, expr_text_join, "list.join([by])"},
    {"substring", true, 2, 3, {S, I, I}, S, expr_text_substring, "text.substring(from[, to])"},
    {"charAt", true, 2, 2, {S, I}, S, expr_text_char_at, "text.charAt(index)"},
    {"indexOf", true, 2, 3, {S, S, I}, I, expr_text_index_of, "text.indexOf(part[, from])"},
    {"lastIndexOf",
     true,
     2,
     3,
     {S, S, I},
     I,
     expr_text_last_index_of,
     "text.lastIndexOf(part[, from])"},
    {"getFullYear", true, 1, 2, {T, S}, I, expr_convert_part, "time.getFullYear([zone])"},
    {"getMonth", true, 1, 2, {T, S}, I, expr_convert_part, "time.getMonth([zone])"},
    {"getDate", true, 1, 2, {T, S}, I, expr_convert_part, "time.getDate([zone])"},
    {"getDayOfMonth", true, 1, 2, {T, S}, I, expr_convert_part, "time.getDayOfMonth([zone])"},
    {"getDayOfWeek", true, 1, 2, {T, S}, I, expr_convert_part, "time.getDayOfWeek([zone])"},
    {"getDayOfYear", true, 1, 2, {T, S}, I, expr_convert_part, "time.getDayOfYear([zone])"},
    {"getHours", true, 1, 2, {T | P, S}, I, expr_convert_part, "time.getHours([zone])"},
    {"getMinutes", true, 1, 2, {T | P, S}, I, expr_convert_part, "time.getMinutes([zone])"},
    {"getSeconds", true, 1, 2, {T | P, S}, I, expr_convert_part, "time.getSeconds([zone])"},
    {"getMilliseconds",
     true,
     1,
     2,
     {T | P, S},
     I,
     expr_convert_part,
     "time.getMilliseconds([zone])"},
};
enum { EXPR_FUNCTIONS = sizeof expr_functions / sizeof *expr_functions };

const struct expr_function *expr_function_find(struct slice name, bool is_receiver)
{
    for (size_t i = 0; i < EXPR_FUNCTIONS; i++)
        if (expr_functions[i].is_receiver == is_receiver && slice_is(name, expr_functions[i].name))
            return &expr_functions[i];
    return NULL;
}

struct slice expr_function_nearest(struct slice name, bool is_receiver)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < EXPR_FUNCTIONS; i++)
        if (expr_functions[i].is_receiver == is_receiver)
            near_offer(&near, slice_text(expr_functions[i].name));
    const char *const macros[] = {"exists", "all", "exists_one", "filter", "map"};
    for (size_t i = 0; is_receiver && i < sizeof macros / sizeof *macros; i++)
        near_offer(&near, slice_text(macros[i]));
    if (!is_receiver)
        near_offer(&near, SLICE("has"));
    return near.best;
}
