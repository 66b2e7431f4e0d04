/* Evaluation: one walk over the nodes. Errors are faults in struct expr_run; only `||`, `&&`,
 * exists and all look past one. */
#include "policy/expr_function.h"
#include "policy/expr_number.h"
#include "policy/expr_run.h"
#include "policy/expr_time.h"
#include "policy/expr_value.h"

static bool expr_eval_node(struct expr_run *run, const struct expr_node *node,
                           struct expr_value *out);

static void expr_eval_record(struct expr_run *run, const struct expr_node *node,
                             const struct expr_value *value)
{
    struct expr_saw *saw = run->saw;
    for (size_t i = 0; i < saw->count; i++)
        if (slice_equal(saw->items[i].path, node->path))
            return;
    if (saw->count == LIMIT_SAW)
        saw->dropped_count++;
    else
        saw->items[saw->count++] = (struct expr_saw_item){node->path, *value};
}

static bool expr_eval_bool_of(struct expr_run *run, const struct expr_node *parent,
                              const struct expr_node *node, bool *out)
{
    struct expr_value value;
    if (!expr_eval_node(run, node, &value))
        return false;
    if (value.type != EXPR_BOOL)
        return expr_run_fail_type(run, parent, value.type);
    *out = value.boolean;
    return true;
}

static bool expr_eval_map_root(const json_t *json, struct expr_value *out)
{
    if (json_is_object(json))
        expr_set_json(out, json);
    else
        *out = (struct expr_value){.type = EXPR_MAP};
    return true;
}

static bool expr_eval_text_root(struct slice text, struct expr_value *out)
{
    *out = expr_value_text(text);
    return text.at != NULL;
}

/* False: the scope does not have it. */
static bool expr_eval_scope(const struct expr_scope *scope, enum expr_root root,
                            struct expr_value *out)
{
    switch (root) {
    case EXPR_ROOT_INPUT:
        return expr_eval_map_root(scope->input, out);
    case EXPR_ROOT_CONTEXT:
        return expr_eval_map_root(scope->context, out);
    case EXPR_ROOT_RESPONSE:
        return expr_eval_map_root(scope->response, out) && scope->response;
    case EXPR_ROOT_CONFIDENCE:
        *out = (struct expr_value){.type = EXPR_DOUBLE, .real = scope->confidence};
        return scope->has_confidence;
    case EXPR_ROOT_NOW:
        *out = (struct expr_value){.type = EXPR_TIMESTAMP,
                                   .time = expr_time_from_ms(scope->now_unix_ms)};
        return true;
    case EXPR_ROOT_RISK:
        return expr_eval_text_root(scope->risk, out);
    case EXPR_ROOT_RUN:
        return expr_eval_text_root(scope->run, out);
    case EXPR_ROOT_STEP:
        return expr_eval_text_root(scope->step, out);
    case EXPR_ROOT_PRINCIPAL:
        return expr_eval_text_root(scope->principal, out);
    case EXPR_ROOT_KEY:
        return expr_eval_text_root(scope->key, out);
    case EXPR_ROOT_PROVIDER_KEY:
        return expr_eval_text_root(scope->provider_key, out);
    }
    return false;
}

/* a.b and has(a.b) */
static bool expr_eval_select(struct expr_run *run, const struct expr_node *node,
                             struct expr_value *out)
{
    struct expr_value base;
    if (!expr_eval_node(run, node->first, &base))
        return false;
    if (base.type != EXPR_MAP) {
        run->fault.left = base.type;
        return expr_run_fail(run, node, EXPR_FAULT_NOT_A_MAP);
    }
    bool is_there = expr_map_field(&base.map, node->name, out);
    if (node->op == EXPR_OP_HAS)
        expr_set_bool(out, is_there);
    if (node->op == EXPR_OP_HAS || is_there)
        return true;
    run->fault.around = base.map.json;
    return expr_run_fail(run, node, EXPR_FAULT_NO_FIELD);
}

static bool expr_eval_index(struct expr_run *run, const struct expr_node *node,
                            struct expr_value *out)
{
    struct expr_value base;
    struct expr_value index;
    if (!expr_eval_node(run, node->first, &base) || !expr_eval_node(run, node->first->next, &index))
        return false;
    if (base.type == EXPR_MAP) {
        enum expr_verdict is_there = expr_map_find(run, node, &base.map, &index, out);
        return is_there == EXPR_YES ||
               (is_there == EXPR_NO && expr_run_fail(run, node, EXPR_FAULT_NO_KEY));
    }
    size_t at = 0;
    if (base.type != EXPR_LIST || !(EXPR_MASK(index.type) & EXPR_NUMBERS))
        return expr_run_fail_types(run, node, base.type, index.type);
    if (!expr_index_of(&index, &at) || at >= base.list.count)
        return expr_run_fail(run, node, EXPR_FAULT_NO_INDEX);
    *out = expr_list_at(&base.list, at);
    return true;
}

static bool expr_eval_list(struct expr_run *run, const struct expr_node *node,
                           struct expr_value *out)
{
    struct expr_value *items = expr_run_items(run, node, node->count);
    size_t count = 0;
    if (!items)
        return false;
    for (const struct expr_node *n = node->first; n; n = n->next)
        if (!expr_eval_node(run, n, &items[count++]))
            return false;
    *out = expr_value_list(items, count);
    return true;
}

static bool expr_eval_map(struct expr_run *run, const struct expr_node *node,
                          struct expr_value *out)
{
    uint32_t keys =
        EXPR_MASK(EXPR_BOOL) | EXPR_MASK(EXPR_INT) | EXPR_MASK(EXPR_UINT) | EXPR_MASK(EXPR_STRING);
    struct expr_pair *pairs = ARENA_ARRAY(run->scratch, node->count / 2, struct expr_pair);
    struct expr_map map = {.pairs = pairs};
    if (!pairs)
        return expr_run_fail(run, node, EXPR_FAULT_MEMORY);
    for (const struct expr_node *n = node->first; n; n = n->next->next) {
        struct expr_pair *pair = &pairs[map.count];
        struct expr_value other;
        if (!expr_eval_node(run, n, &pair->key) || !expr_eval_node(run, n->next, &pair->value))
            return false;
        if (!(EXPR_MASK(pair->key.type) & keys))
            return expr_run_fail(run, n, EXPR_FAULT_KEY_TYPE);
        enum expr_verdict is_twice = expr_map_find(run, n, &map, &pair->key, &other);
        if (is_twice == EXPR_FAILED)
            return false;
        if (is_twice == EXPR_YES)
            return expr_run_fail(run, n, EXPR_FAULT_KEY_TWICE);
        map.count++;
    }
    *out = (struct expr_value){.type = EXPR_MAP, .map = map};
    return true;
}

/* No operand has decided: the first fault, if there was one, else what is left. */
static bool expr_end_undecided(struct expr_run *run, const struct expr_fault *first, bool is_true,
                               struct expr_value *out)
{
    if (first->code != EXPR_FAULT_NONE) {
        run->fault = *first;
        return false;
    }
    expr_set_bool(out, is_true);
    return true;
}

/* || and &&: one operand that decides wins over any fault. */
static bool expr_eval_logic(struct expr_run *run, const struct expr_node *node,
                            struct expr_value *out)
{
    bool decides = node->op == EXPR_OP_OR;
    struct expr_fault first;
    first.code = EXPR_FAULT_NONE;
    for (const struct expr_node *n = node->first; n; n = n->next) {
        bool is_true = !decides;
        if (!expr_eval_bool_of(run, node, n, &is_true)) {
            if (first.code == EXPR_FAULT_NONE)
                first = run->fault;
        } else if (is_true == decides) {
            expr_set_bool(out, decides);
            return true;
        }
    }
    return expr_end_undecided(run, &first, !decides, out);
}

static bool expr_eval_compare(struct expr_run *run, const struct expr_node *node,
                              struct expr_value *out)
{
    struct expr_value a;
    struct expr_value b;
    enum expr_order order = EXPR_ORDER_NONE;
    if (!expr_eval_node(run, node->first, &a) || !expr_eval_node(run, node->first->next, &b))
        return false;
    if (!expr_compare(&a, &b, &order))
        return expr_run_fail_types(run, node, a.type, b.type);
    if (a.type == EXPR_STRING && !expr_run_spend(run, node, a.string.size / 64))
        return false;
    bool is_less = order == EXPR_ORDER_LESS;
    bool is_greater = order == EXPR_ORDER_GREATER;
    bool is_same = order == EXPR_ORDER_SAME;
    if (node->op == EXPR_OP_LESS_EQUAL)
        is_less = is_less || is_same;
    else if (node->op == EXPR_OP_GREATER_EQUAL)
        is_less = is_greater || is_same;
    else if (node->op == EXPR_OP_GREATER)
        is_less = is_greater;
    expr_set_bool(out, is_less);
    return true;
}

static bool expr_eval_equal(struct expr_run *run, const struct expr_node *node,
                            struct expr_value *out)
{
    struct expr_value a;
    struct expr_value b;
    if (!expr_eval_node(run, node->first, &a) || !expr_eval_node(run, node->first->next, &b))
        return false;
    enum expr_verdict is_same = expr_equal(run, node, &a, &b);
    expr_set_bool(out, (is_same == EXPR_YES) == (node->op == EXPR_OP_EQUAL));
    return is_same != EXPR_FAILED;
}

static bool expr_eval_in(struct expr_run *run, const struct expr_node *node, struct expr_value *out)
{
    struct expr_value wanted;
    struct expr_value range;
    struct expr_value ignored;
    if (!expr_eval_node(run, node->first, &wanted) ||
        !expr_eval_node(run, node->first->next, &range))
        return false;
    uint32_t keys = EXPR_NUMBERS | EXPR_MASK(EXPR_STRING) | EXPR_MASK(EXPR_BOOL);
    enum expr_verdict is_in = EXPR_NO;
    if (range.type == EXPR_MAP && EXPR_MASK(wanted.type) & keys) {
        is_in = expr_map_find(run, node, &range.map, &wanted, &ignored);
    } else if (range.type == EXPR_LIST) {
        for (size_t i = 0; i < range.list.count && is_in == EXPR_NO; i++) {
            struct expr_value item = expr_list_at(&range.list, i);
            is_in = expr_equal(run, node, &wanted, &item);
        }
    } else {
        return expr_run_fail_types(run, node, wanted.type, range.type);
    }
    expr_set_bool(out, is_in == EXPR_YES);
    return is_in != EXPR_FAILED;
}

static bool expr_eval_arithmetic(struct expr_run *run, const struct expr_node *node,
                                 struct expr_value *out)
{
    struct expr_value a;
    struct expr_value b;
    return expr_eval_node(run, node->first, &a) && expr_eval_node(run, node->first->next, &b) &&
           expr_arithmetic(run, node, &a, &b, out);
}

static bool expr_eval_call(struct expr_run *run, const struct expr_node *node,
                           struct expr_value *out)
{
    struct expr_value arguments[EXPR_ARGUMENTS_MAX];
    size_t count = 0;
    for (const struct expr_node *n = node->first; n; n = n->next) {
        if (!expr_eval_node(run, n, &arguments[count]))
            return false;
        if (!(EXPR_MASK(arguments[count].type) & node->function->types[count]))
            return expr_run_fail_type(run, node, arguments[count].type);
        count++;
    }
    return node->function->call(run, node, arguments, out);
}

/* exists and all: || and && over the elements. */
static bool expr_eval_some(struct expr_run *run, const struct expr_node *node,
                           const struct expr_value *range, struct expr_value *out)
{
    bool decides = node->op == EXPR_OP_EXISTS;
    struct expr_fault first;
    first.code = EXPR_FAULT_NONE;
    struct expr_walk walk = expr_walk_start(range);
    while (expr_walk_next(&walk, &run->locals[node->slot])) {
        bool is_true = !decides;
        if (!expr_eval_bool_of(run, node, node->first->next, &is_true)) {
            if (first.code == EXPR_FAULT_NONE)
                first = run->fault;
            if (run->steps_left == 0)
                break;
        } else if (is_true == decides) {
            expr_set_bool(out, decides);
            return true;
        }
    }
    return expr_end_undecided(run, &first, !decides, out);
}

static bool expr_eval_exists_one(struct expr_run *run, const struct expr_node *node,
                                 const struct expr_value *range, struct expr_value *out)
{
    size_t count = 0;
    struct expr_walk walk = expr_walk_start(range);
    while (expr_walk_next(&walk, &run->locals[node->slot])) {
        bool is_true = false;
        if (!expr_eval_bool_of(run, node, node->first->next, &is_true))
            return false;
        count += is_true;
    }
    expr_set_bool(out, count == 1);
    return true;
}

/* filter and map; map with three arguments filters first. */
static bool expr_eval_collect(struct expr_run *run, const struct expr_node *node,
                              const struct expr_value *range, struct expr_value *out)
{
    bool is_map = node->op == EXPR_OP_TRANSFORM;
    const struct expr_node *predicate = is_map && node->count == 2 ? NULL : node->first->next;
    const struct expr_node *transform =
        is_map ? (predicate ? predicate->next : node->first->next) : NULL;
    struct expr_value *items = expr_run_items(run, node, expr_value_count(range));
    size_t count = 0;
    if (!items)
        return false;
    struct expr_walk walk = expr_walk_start(range);
    while (expr_walk_next(&walk, &run->locals[node->slot])) {
        bool is_wanted = true;
        if (predicate && !expr_eval_bool_of(run, node, predicate, &is_wanted))
            return false;
        if (!is_wanted)
            continue;
        items[count] = run->locals[node->slot];
        if (transform && !expr_eval_node(run, transform, &items[count]))
            return false;
        count++;
    }
    *out = expr_value_list(items, count);
    return true;
}

static bool expr_eval_macro(struct expr_run *run, const struct expr_node *node,
                            struct expr_value *out)
{
    struct expr_value range;
    if (!expr_eval_node(run, node->first, &range))
        return false;
    if (range.type != EXPR_LIST && range.type != EXPR_MAP)
        return expr_run_fail_type(run, node, range.type);
    if (node->op == EXPR_OP_EXISTS || node->op == EXPR_OP_ALL)
        return expr_eval_some(run, node, &range, out);
    if (node->op == EXPR_OP_EXISTS_ONE)
        return expr_eval_exists_one(run, node, &range, out);
    return expr_eval_collect(run, node, &range, out);
}

static bool expr_eval_not(struct expr_run *run, const struct expr_node *node,
                          struct expr_value *out)
{
    bool is_true = false;
    if (!expr_eval_bool_of(run, node, node->first, &is_true))
        return false;
    expr_set_bool(out, !is_true);
    return true;
}

static bool expr_eval_negate(struct expr_run *run, const struct expr_node *node,
                             struct expr_value *out)
{
    struct expr_value value;
    return expr_eval_node(run, node->first, &value) && expr_negate(run, node, &value, out);
}

static bool expr_eval_if(struct expr_run *run, const struct expr_node *node, struct expr_value *out)
{
    bool is_true = false;
    const struct expr_node *yes = node->first->next;
    return expr_eval_bool_of(run, node, node->first, &is_true) &&
           expr_eval_node(run, is_true ? yes : yes->next, out);
}

static bool expr_eval_op(struct expr_run *run, const struct expr_node *node, struct expr_value *out)
{
    switch (node->op) {
    case EXPR_OP_CONST:
        *out = node->value;
        return true;
    case EXPR_OP_LOCAL:
        *out = run->locals[node->slot];
        return true;
    case EXPR_OP_ROOT:
        return expr_eval_scope(run->scope, node->root, out) ||
               expr_run_fail(run, node, EXPR_FAULT_NO_VARIABLE);
    case EXPR_OP_SELECT:
    case EXPR_OP_HAS:
        return expr_eval_select(run, node, out);
    case EXPR_OP_INDEX:
        return expr_eval_index(run, node, out);
    case EXPR_OP_LIST:
        return expr_eval_list(run, node, out);
    case EXPR_OP_MAP:
        return expr_eval_map(run, node, out);
    case EXPR_OP_NOT:
        return expr_eval_not(run, node, out);
    case EXPR_OP_NEGATE:
        return expr_eval_negate(run, node, out);
    case EXPR_OP_OR:
    case EXPR_OP_AND:
        return expr_eval_logic(run, node, out);
    case EXPR_OP_IF:
        return expr_eval_if(run, node, out);
    case EXPR_OP_EQUAL:
    case EXPR_OP_NOT_EQUAL:
        return expr_eval_equal(run, node, out);
    case EXPR_OP_LESS:
    case EXPR_OP_LESS_EQUAL:
    case EXPR_OP_GREATER:
    case EXPR_OP_GREATER_EQUAL:
        return expr_eval_compare(run, node, out);
    case EXPR_OP_IN:
        return expr_eval_in(run, node, out);
    case EXPR_OP_ADD:
    case EXPR_OP_SUBTRACT:
    case EXPR_OP_MULTIPLY:
    case EXPR_OP_DIVIDE:
    case EXPR_OP_MODULO:
        return expr_eval_arithmetic(run, node, out);
    case EXPR_OP_CALL:
        return expr_eval_call(run, node, out);
    case EXPR_OP_EXISTS:
    case EXPR_OP_ALL:
    case EXPR_OP_EXISTS_ONE:
    case EXPR_OP_FILTER:
    case EXPR_OP_TRANSFORM:
        return expr_eval_macro(run, node, out);
    }
    return false;
}

/* Depth is bounded by LIMIT_EXPR_NODES (expr_tree.h, invariant 1). */
static bool expr_eval_node(struct expr_run *run, const struct expr_node *node,
                           struct expr_value *out)
{
    if (!expr_run_spend(run, node, 1) || !expr_eval_op(run, node, out))
        return false;
    if (node->path.size && run->saw)
        expr_eval_record(run, node, out);
    return true;
}

/* No initializer for the whole: a few stores are most of what a short condition costs. */
static bool expr_eval_start(struct expr_run *run, const struct expr *expr)
{
    run->expr = expr;
    run->steps_left = LIMIT_EXPR_STEPS;
    run->fault.code = EXPR_FAULT_NONE;
    run->locals = NULL;
    if (expr->slot_count == 0)
        return true;
    run->locals = ARENA_ARRAY(run->scratch, expr->slot_count, struct expr_value);
    return run->locals || expr_run_fail(run, expr->root, EXPR_FAULT_MEMORY);
}

static bool expr_eval_all(const struct expr *expr, const struct expr_scope *scope,
                          struct expr_work *work, struct expr_value *value)
{
    struct expr_run run;
    run.scope = scope;
    run.scratch = work->scratch;
    run.saw = work->saw;
    if (expr_eval_start(&run, expr) && expr_eval_node(&run, expr->root, value))
        return true;
    expr_fault_tell(&run, &work->problem);
    return false;
}

enum expr_result expr_eval(const struct expr *expr, const struct expr_scope *scope,
                           struct expr_work *work, struct expr_value *out)
{
    struct expr_value value;
    if (!expr_eval_all(expr, scope, work, &value))
        return EXPR_ERROR;
    *out = value;
    return EXPR_OK;
}

enum expr_result expr_eval_bool(const struct expr *expr, const struct expr_scope *scope,
                                struct expr_work *work, bool *out)
{
    struct expr_value value;
    if (!expr_eval_all(expr, scope, work, &value))
        return EXPR_ERROR;
    if (value.type == EXPR_BOOL) {
        *out = value.boolean;
        return EXPR_OK;
    }
    work->problem = (struct expr_problem){
        .kind = EXPR_PROBLEM_TYPE,
        .size = expr->text.size,
        .message = arena_fmt(work->scratch, "the condition is %s, not true or false",
                             expr_type_name(value.type)),
        .help = SLICE("compare it with something")};
    return EXPR_ERROR;
}
