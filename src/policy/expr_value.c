#include "policy/expr_value.h"

/* JSON is at most LIMIT_JSON_DEPTH deep, and an expression can wrap a value only so often. */
enum { EXPR_DEPTH_MAX = LIMIT_JSON_DEPTH + LIMIT_EXPR_DEPTH };

void expr_set_json(struct expr_value *out, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_NULL:
        out->type = EXPR_NULL;
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        expr_set_bool(out, json_is_true(json));
        return;
    case JSON_INTEGER:
        out->type = EXPR_INT;
        out->integer = (int64_t)json_integer_value(json);
        return;
    case JSON_REAL:
        out->type = EXPR_DOUBLE;
        out->real = json_real_value(json);
        return;
    case JSON_STRING:
        out->type = EXPR_STRING;
        out->string = slice_of(json_string_value(json), json_string_length(json));
        return;
    case JSON_ARRAY:
        out->type = EXPR_LIST;
        out->list = (struct expr_list){.json = json, .count = json_array_size(json)};
        return;
    case JSON_OBJECT:
        out->type = EXPR_MAP;
        out->map = (struct expr_map){.json = json, .count = json_object_size(json)};
        return;
    }
}

struct expr_value expr_value_from_json(const json_t *json)
{
    struct expr_value value = {.type = EXPR_NULL};
    expr_set_json(&value, json);
    return value;
}

struct expr_value expr_list_at(const struct expr_list *list, size_t index)
{
    return list->json ? expr_value_from_json(json_array_get(list->json, index))
                      : list->items[index];
}

bool expr_map_field(const struct expr_map *map, struct slice name, struct expr_value *out)
{
    if (map->json) {
        const json_t *member = json_object_getn(map->json, name.at, name.size);
        if (member)
            expr_set_json(out, member);
        return member != NULL;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct expr_value *key = &map->pairs[i].key;
        if (key->type == EXPR_STRING && slice_equal(key->string, name)) {
            *out = map->pairs[i].value;
            return true;
        }
    }
    return false;
}

enum expr_verdict expr_map_find(struct expr_run *run, const struct expr_node *node,
                                const struct expr_map *map, const struct expr_value *key,
                                struct expr_value *out)
{
    if (key->type == EXPR_STRING) {
        if (!expr_run_spend(run, node, 1 + (map->json ? 0 : map->count)))
            return EXPR_FAILED;
        return expr_map_field(map, key->string, out) ? EXPR_YES : EXPR_NO;
    }
    if (map->json)
        return EXPR_NO;
    for (size_t i = 0; i < map->count; i++) {
        enum expr_verdict is_same = expr_equal(run, node, &map->pairs[i].key, key);
        if (is_same == EXPR_YES)
            *out = map->pairs[i].value;
        if (is_same != EXPR_NO)
            return is_same;
    }
    return EXPR_NO;
}

struct expr_walk expr_walk_start(const struct expr_value *range)
{
    struct expr_walk walk = {.range = range};
    if (range->type == EXPR_MAP && range->map.json)
        walk.iterator = json_object_iter(expr_json_mutable(range->map.json));
    return walk;
}

bool expr_walk_next(struct expr_walk *walk, struct expr_value *out)
{
    const struct expr_value *range = walk->range;
    if (walk->index >= expr_value_count(range))
        return false;
    size_t index = walk->index++;
    if (range->type == EXPR_LIST) {
        *out = expr_list_at(&range->list, index);
    } else if (!range->map.json) {
        *out = range->map.pairs[index].key;
    } else {
        *out = expr_value_text(slice_of(json_object_iter_key(walk->iterator),
                                        json_object_iter_key_len(walk->iterator)));
        walk->iterator = json_object_iter_next(expr_json_mutable(range->map.json), walk->iterator);
    }
    return true;
}

size_t expr_value_count(const struct expr_value *range)
{
    return range->type == EXPR_LIST ? range->list.count : range->map.count;
}

static enum expr_order expr_order_of(int sign)
{
    return sign < 0 ? EXPR_ORDER_LESS : sign > 0 ? EXPR_ORDER_GREATER : EXPR_ORDER_SAME;
}

static enum expr_order expr_order_reals(double a, double b)
{
    if (a < b)
        return EXPR_ORDER_LESS;
    if (a > b)
        return EXPR_ORDER_GREATER;
    return a == b ? EXPR_ORDER_SAME : EXPR_ORDER_NONE;
}

static double expr_number_real(const struct expr_value *value)
{
    if (value->type == EXPR_INT)
        return (double)value->integer;
    return value->type == EXPR_UINT ? (double)value->unsigned_integer : value->real;
}

/* Numbers of different types, one at least not a double: an int and a uint are compared exactly;
 * with a double the other becomes one, as the conformance cases of the specification want it. */
static enum expr_order expr_order_mixed(const struct expr_value *a, const struct expr_value *b)
{
    if (a->type == EXPR_DOUBLE || b->type == EXPR_DOUBLE)
        return expr_order_reals(expr_number_real(a), expr_number_real(b));
    if (a->type == EXPR_INT) {
        if (a->integer < 0)
            return EXPR_ORDER_LESS;
        uint64_t left = (uint64_t)a->integer;
        return expr_order_of((left > b->unsigned_integer) - (left < b->unsigned_integer));
    }
    if (b->integer < 0)
        return EXPR_ORDER_GREATER;
    uint64_t right = (uint64_t)b->integer;
    return expr_order_of((a->unsigned_integer > right) - (a->unsigned_integer < right));
}

static enum expr_order expr_order_times(struct expr_time a, struct expr_time b)
{
    if (a.unix_seconds != b.unix_seconds)
        return a.unix_seconds < b.unix_seconds ? EXPR_ORDER_LESS : EXPR_ORDER_GREATER;
    return expr_order_of((a.nanos > b.nanos) - (a.nanos < b.nanos));
}

static bool expr_type_is_number(enum expr_type type)
{
    return (EXPR_MASK(type) & EXPR_NUMBERS) != 0;
}

bool expr_compare(const struct expr_value *a, const struct expr_value *b, enum expr_order *out)
{
    if (a->type != b->type) {
        if (!expr_type_is_number(a->type) || !expr_type_is_number(b->type))
            return false;
        *out = expr_order_mixed(a, b);
        return true;
    }
    switch (a->type) {
    case EXPR_INT:
        *out = expr_order_of((a->integer > b->integer) - (a->integer < b->integer));
        return true;
    case EXPR_UINT:
        *out = expr_order_of((a->unsigned_integer > b->unsigned_integer) -
                             (a->unsigned_integer < b->unsigned_integer));
        return true;
    case EXPR_DOUBLE:
        *out = expr_order_reals(a->real, b->real);
        return true;
    case EXPR_STRING:
        *out = expr_order_of(slice_compare(a->string, b->string));
        return true;
    case EXPR_BOOL:
        *out = expr_order_of(a->boolean - b->boolean);
        return true;
    case EXPR_TIMESTAMP:
        *out = expr_order_times(a->time, b->time);
        return true;
    case EXPR_DURATION:
        *out = expr_order_of((a->duration_ns > b->duration_ns) - (a->duration_ns < b->duration_ns));
        return true;
    case EXPR_NULL:
    case EXPR_LIST:
    case EXPR_MAP:
    case EXPR_TYPE:
        break;
    }
    return false;
}

/* What an equality on its way needs to know. */
struct expr_match {
    struct expr_run *run;
    const struct expr_node *node;
    int depth;
};

static enum expr_verdict expr_match_values(struct expr_match match, const struct expr_value *a,
                                           const struct expr_value *b);

static enum expr_verdict expr_match_lists(struct expr_match match, const struct expr_list *a,
                                          const struct expr_list *b)
{
    if (a->count != b->count)
        return EXPR_NO;
    for (size_t i = 0; i < a->count; i++) {
        struct expr_value left = expr_list_at(a, i);
        struct expr_value right = expr_list_at(b, i);
        enum expr_verdict is_same = expr_match_values(match, &left, &right);
        if (is_same != EXPR_YES)
            return is_same;
    }
    return EXPR_YES;
}

static enum expr_verdict expr_match_maps(struct expr_match match, const struct expr_value *a,
                                         const struct expr_value *b)
{
    if (a->map.count != b->map.count)
        return EXPR_NO;
    struct expr_walk walk = expr_walk_start(a);
    struct expr_value key;
    while (expr_walk_next(&walk, &key)) {
        struct expr_value left;
        struct expr_value right;
        enum expr_verdict is_there = expr_map_find(match.run, match.node, &b->map, &key, &right);
        if (is_there != EXPR_YES)
            return is_there;
        if (!a->map.json)
            left = a->map.pairs[walk.index - 1].value;
        else if (!expr_map_field(&a->map, key.string, &left))
            return EXPR_NO;
        enum expr_verdict is_same = expr_match_values(match, &left, &right);
        if (is_same != EXPR_YES)
            return is_same;
    }
    return EXPR_YES;
}

static enum expr_verdict expr_match_values(struct expr_match match, const struct expr_value *a,
                                           const struct expr_value *b)
{
    if (++match.depth > EXPR_DEPTH_MAX) {
        (void)expr_run_fail(match.run, match.node, EXPR_FAULT_DEPTH); /* told by EXPR_FAILED */
        return EXPR_FAILED;
    }
    if (!expr_run_spend(match.run, match.node, 1))
        return EXPR_FAILED;
    enum expr_order order = EXPR_ORDER_NONE;
    if (a->type == EXPR_STRING && b->type == EXPR_STRING) {
        if (a->string.size != b->string.size)
            return EXPR_NO;
        if (!expr_run_spend(match.run, match.node, a->string.size / 64))
            return EXPR_FAILED;
    }
    if (expr_compare(a, b, &order))
        return order == EXPR_ORDER_SAME ? EXPR_YES : EXPR_NO;
    if (a->type != b->type)
        return EXPR_NO;
    if (a->type == EXPR_LIST)
        return expr_match_lists(match, &a->list, &b->list);
    if (a->type == EXPR_MAP)
        return expr_match_maps(match, a, b);
    return a->type == EXPR_NULL || a->kind == b->kind ? EXPR_YES : EXPR_NO;
}

enum expr_verdict expr_equal(struct expr_run *run, const struct expr_node *node,
                             const struct expr_value *a, const struct expr_value *b)
{
    struct expr_match match = {run, node, 0};
    return expr_match_values(match, a, b);
}
