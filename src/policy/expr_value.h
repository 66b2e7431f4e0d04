/* policy/expr_value.h - lists, maps and comparisons of values, for the evaluator.
 * Owns: the one meaning of "equal" and "less" (CEL, Equality and Ordering).
 * Invariants: reads only; whatever walks a value spends steps for each element. */
#pragma once
#include "policy/expr_run.h"

/* jansson's iterators take a mutable object though they only read; this is the one place that says
 * so to the compiler. */
static inline json_t *expr_json_mutable(const json_t *json)
{
    return (json_t *)(uintptr_t)json;
}

static inline struct expr_value expr_value_bool(bool boolean)
{
    return (struct expr_value){.type = EXPR_BOOL, .boolean = boolean};
}
static inline struct expr_value expr_value_int(int64_t integer)
{
    return (struct expr_value){.type = EXPR_INT, .integer = integer};
}
static inline struct expr_value expr_value_text(struct slice string)
{
    return (struct expr_value){.type = EXPR_STRING, .string = string};
}
static inline struct expr_value expr_value_list(const struct expr_value *items, size_t count)
{
    return (struct expr_value){.type = EXPR_LIST, .list = {.items = items, .count = count}};
}

/* Sets the fields that count and no others: a whole struct that was just put together from parts is
 * slow to copy, and this is where most of the time of a short condition would go. */
static inline void expr_set_bool(struct expr_value *out, bool boolean)
{
    out->type = EXPR_BOOL;
    out->boolean = boolean;
}
void expr_set_json(struct expr_value *out, const json_t *json);

/* An answer, or a fault (budget, depth). */
enum expr_verdict { EXPR_NO, EXPR_YES, EXPR_FAILED };

/* index < list->count. */
struct expr_value expr_list_at(const struct expr_list *list, size_t index);
/* By a string; false when it is not there. */
bool expr_map_field(const struct expr_map *map, struct slice name, struct expr_value *out);
/* By any value; numbers match over types. YES: *out is set. */
enum expr_verdict expr_map_find(struct expr_run *run, const struct expr_node *node,
                                const struct expr_map *map, const struct expr_value *key,
                                struct expr_value *out);

/* Walks the elements of a list, or the keys of a map. */
struct expr_walk {
    const struct expr_value *range;
    size_t index;
    void *iterator;
};
struct expr_walk expr_walk_start(const struct expr_value *range);
bool expr_walk_next(struct expr_walk *walk, struct expr_value *out);
/* Elements of a list, pairs of a map. */
size_t expr_value_count(const struct expr_value *range);

enum expr_verdict expr_equal(struct expr_run *run, const struct expr_node *node,
                             const struct expr_value *a, const struct expr_value *b);

/* Of two values that can be ordered: numbers, strings, bools, timestamps, durations. NONE: NaN. */
enum expr_order { EXPR_ORDER_NONE, EXPR_ORDER_LESS, EXPR_ORDER_SAME, EXPR_ORDER_GREATER };
/* False: these types have no order. */
bool expr_compare(const struct expr_value *a, const struct expr_value *b, enum expr_order *out);

/* As expr_value_add_json, but what was written before an error stays. */
MUST_USE enum err expr_value_write(struct buf *out, const struct expr_value *value);
