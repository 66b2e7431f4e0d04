/* Types that the text alone tells. The specification leaves such a check to the application; here
 * it refuses only what can never succeed: an operand whose possible types hold none that the
 * operator takes, and a comparison that could never be true. JSON values may be anything that JSON
 * has. */
#include "policy/expr_function.h"
#include "policy/expr_parse.h"

struct expr_overload {
    enum expr_op op;
    enum expr_type left, right, result;
};

static const struct expr_overload expr_overloads[] = {
    {EXPR_OP_ADD, EXPR_INT, EXPR_INT, EXPR_INT},
    {EXPR_OP_ADD, EXPR_UINT, EXPR_UINT, EXPR_UINT},
    {EXPR_OP_ADD, EXPR_DOUBLE, EXPR_DOUBLE, EXPR_DOUBLE},
    {EXPR_OP_ADD, EXPR_STRING, EXPR_STRING, EXPR_STRING},
    {EXPR_OP_ADD, EXPR_LIST, EXPR_LIST, EXPR_LIST},
    {EXPR_OP_ADD, EXPR_TIMESTAMP, EXPR_DURATION, EXPR_TIMESTAMP},
    {EXPR_OP_ADD, EXPR_DURATION, EXPR_TIMESTAMP, EXPR_TIMESTAMP},
    {EXPR_OP_ADD, EXPR_DURATION, EXPR_DURATION, EXPR_DURATION},
    {EXPR_OP_SUBTRACT, EXPR_INT, EXPR_INT, EXPR_INT},
    {EXPR_OP_SUBTRACT, EXPR_UINT, EXPR_UINT, EXPR_UINT},
    {EXPR_OP_SUBTRACT, EXPR_DOUBLE, EXPR_DOUBLE, EXPR_DOUBLE},
    {EXPR_OP_SUBTRACT, EXPR_TIMESTAMP, EXPR_TIMESTAMP, EXPR_DURATION},
    {EXPR_OP_SUBTRACT, EXPR_TIMESTAMP, EXPR_DURATION, EXPR_TIMESTAMP},
    {EXPR_OP_SUBTRACT, EXPR_DURATION, EXPR_DURATION, EXPR_DURATION},
    {EXPR_OP_MULTIPLY, EXPR_INT, EXPR_INT, EXPR_INT},
    {EXPR_OP_MULTIPLY, EXPR_UINT, EXPR_UINT, EXPR_UINT},
    {EXPR_OP_MULTIPLY, EXPR_DOUBLE, EXPR_DOUBLE, EXPR_DOUBLE},
    {EXPR_OP_DIVIDE, EXPR_INT, EXPR_INT, EXPR_INT},
    {EXPR_OP_DIVIDE, EXPR_UINT, EXPR_UINT, EXPR_UINT},
    {EXPR_OP_DIVIDE, EXPR_DOUBLE, EXPR_DOUBLE, EXPR_DOUBLE},
    {EXPR_OP_MODULO, EXPR_INT, EXPR_INT, EXPR_INT},
    {EXPR_OP_MODULO, EXPR_UINT, EXPR_UINT, EXPR_UINT},
};

/* "int or double" */
static struct slice expr_check_names(struct expr_parser *parser, uint32_t types)
{
    struct slice list = {0};
    if (types == EXPR_ANY || types == EXPR_JSON)
        return types == EXPR_ANY ? SLICE("of any type") : SLICE("any JSON");
    for (int type = EXPR_NULL; type <= EXPR_TYPE; type++)
        if (types & EXPR_MASK(type))
            list = list.size ? arena_fmt(parser->arena, "%.*s or %s", SLICE_FMT(list),
                                         expr_type_name((enum expr_type)type))
                             : slice_text(expr_type_name((enum expr_type)type));
    return list;
}

static struct slice expr_check_numbers_help(uint32_t left, uint32_t right)
{
    if (left & right || !(left & EXPR_NUMBERS) || !(right & EXPR_NUMBERS))
        return SLICE("");
    return SLICE("arithmetic does not mix int and double: write double(…) or int(…) around one, "
                 "or 2.0 instead of 2");
}

static bool expr_check_pair_fails(struct expr_parser *parser, const struct expr_node *node)
{
    const struct expr_node *left = node->first;
    const struct expr_node *right = left->next;
    struct slice text =
        arena_fmt(parser->arena, "`%.*s` can not be used between `%.*s` (%.*s) and `%.*s` (%.*s)",
                  (int)node->size, parser->expr->text.at + node->at,
                  SLICE_FMT(expr_node_text(parser->expr, left)),
                  SLICE_FMT(expr_check_names(parser, left->types)),
                  SLICE_FMT(expr_node_text(parser->expr, right)),
                  SLICE_FMT(expr_check_names(parser, right->types)));
    return expr_parse_fail(parser, EXPR_PROBLEM_TYPE, node, text.at ? text.at : "wrong types",
                           expr_check_numbers_help(left->types, right->types));
}

static bool expr_check_takes(struct expr_parser *parser, const struct expr_node *node,
                             const struct expr_node *operand, uint32_t types)
{
    if (operand->types & types)
        return true;
    struct slice text =
        arena_fmt(parser->arena, "`%.*s` needs %.*s here, and `%.*s` is %.*s", (int)node->size,
                  parser->expr->text.at + node->at, SLICE_FMT(expr_check_names(parser, types)),
                  SLICE_FMT(expr_node_text(parser->expr, operand)),
                  SLICE_FMT(expr_check_names(parser, operand->types)));
    return expr_parse_fail(parser, EXPR_PROBLEM_TYPE, operand, text.at ? text.at : "wrong type",
                           SLICE(""));
}

static bool expr_check_arithmetic(struct expr_parser *parser, struct expr_node *node)
{
    for (size_t i = 0; i < sizeof expr_overloads / sizeof *expr_overloads; i++) {
        const struct expr_overload *overload = &expr_overloads[i];
        if (overload->op == node->op && node->first->types & EXPR_MASK(overload->left) &&
            node->first->next->types & EXPR_MASK(overload->right))
            node->types |= EXPR_MASK(overload->result);
    }
    return node->types || expr_check_pair_fails(parser, node);
}

static bool expr_check_comparison(struct expr_parser *parser, struct expr_node *node)
{
    uint32_t left = node->first->types;
    uint32_t right = node->first->next->types;
    uint32_t ordered = EXPR_NUMBERS | EXPR_MASK(EXPR_STRING) | EXPR_MASK(EXPR_BOOL) |
                       EXPR_MASK(EXPR_TIMESTAMP) | EXPR_MASK(EXPR_DURATION);
    bool is_equality = node->op == EXPR_OP_EQUAL || node->op == EXPR_OP_NOT_EQUAL;
    uint32_t both = is_equality ? left & right : left & right & ordered;
    node->types = EXPR_MASK(EXPR_BOOL);
    if (both || (left & EXPR_NUMBERS && right & EXPR_NUMBERS))
        return true;
    return expr_check_pair_fails(parser, node);
}

static bool expr_check_operands(struct expr_parser *parser, struct expr_node *node, uint32_t types)
{
    for (const struct expr_node *n = node->first; n; n = n->next)
        if (!expr_check_takes(parser, node, n, types))
            return false;
    return true;
}

static bool expr_check_call(struct expr_parser *parser, struct expr_node *node)
{
    const uint32_t *types = node->function->types;
    for (const struct expr_node *n = node->first; n; n = n->next)
        if (!expr_check_takes(parser, node, n, *types++))
            return false;
    node->types = node->function->result;
    return true;
}

static bool expr_check_macro(struct expr_parser *parser, struct expr_node *node)
{
    if (!expr_check_takes(parser, node, node->first, EXPR_MASK(EXPR_LIST) | EXPR_MASK(EXPR_MAP)))
        return false;
    bool is_list = node->op == EXPR_OP_FILTER || node->op == EXPR_OP_TRANSFORM;
    node->types = EXPR_MASK(is_list ? EXPR_LIST : EXPR_BOOL);
    if (node->op == EXPR_OP_TRANSFORM && node->count == 2)
        return true;
    return expr_check_takes(parser, node, node->first->next, EXPR_MASK(EXPR_BOOL));
}

static bool expr_check_select(struct expr_parser *parser, struct expr_node *node)
{
    const struct expr_node *base = node->first;
    node->types = EXPR_ANY;
    if (base->types & EXPR_MASK(EXPR_MAP))
        return true;
    struct slice text =
        arena_fmt(parser->arena, "`%.*s` is %.*s, it has no field `%.*s`",
                  SLICE_FMT(expr_node_text(parser->expr, base)),
                  SLICE_FMT(expr_check_names(parser, base->types)), SLICE_FMT(node->name));
    return expr_parse_fail(parser, EXPR_PROBLEM_TYPE, node, text.at ? text.at : "no such field",
                           SLICE(""));
}

static bool expr_check_index(struct expr_parser *parser, struct expr_node *node)
{
    uint32_t keys = EXPR_NUMBERS | EXPR_MASK(EXPR_STRING) | EXPR_MASK(EXPR_BOOL);
    node->types = EXPR_ANY;
    return expr_check_takes(parser, node, node->first,
                            EXPR_MASK(EXPR_LIST) | EXPR_MASK(EXPR_MAP)) &&
           expr_check_takes(parser, node, node->first->next, keys);
}

static bool expr_check_if(struct expr_parser *parser, struct expr_node *node)
{
    const struct expr_node *condition = node->first;
    node->types = condition->next->types | condition->next->next->types;
    return expr_check_takes(parser, node, condition, EXPR_MASK(EXPR_BOOL));
}

bool expr_check_node(struct expr_parser *parser, struct expr_node *node)
{
    uint32_t boolean = EXPR_MASK(EXPR_BOOL);
    uint32_t signed_numbers = EXPR_MASK(EXPR_INT) | EXPR_MASK(EXPR_DOUBLE);
    switch (node->op) {
    case EXPR_OP_CONST:
        node->types = EXPR_MASK(node->value.type);
        return true;
    case EXPR_OP_ROOT:
        return true;
    case EXPR_OP_LOCAL:
        node->types = EXPR_ANY;
        return true;
    case EXPR_OP_SELECT:
        return expr_check_select(parser, node);
    case EXPR_OP_INDEX:
        return expr_check_index(parser, node);
    case EXPR_OP_LIST:
        node->types = EXPR_MASK(EXPR_LIST);
        return true;
    case EXPR_OP_MAP:
        node->types = EXPR_MASK(EXPR_MAP);
        return true;
    case EXPR_OP_HAS:
        node->types = boolean;
        return true;
    case EXPR_OP_NOT:
    case EXPR_OP_OR:
    case EXPR_OP_AND:
        node->types = boolean;
        return expr_check_operands(parser, node, boolean);
    case EXPR_OP_NEGATE:
        node->types = node->first->types & signed_numbers;
        return expr_check_operands(parser, node, signed_numbers);
    case EXPR_OP_IF:
        return expr_check_if(parser, node);
    case EXPR_OP_EQUAL:
    case EXPR_OP_NOT_EQUAL:
    case EXPR_OP_LESS:
    case EXPR_OP_LESS_EQUAL:
    case EXPR_OP_GREATER:
    case EXPR_OP_GREATER_EQUAL:
        return expr_check_comparison(parser, node);
    case EXPR_OP_IN:
        node->types = boolean;
        return expr_check_takes(parser, node, node->first->next,
                                EXPR_MASK(EXPR_LIST) | EXPR_MASK(EXPR_MAP));
    case EXPR_OP_ADD:
    case EXPR_OP_SUBTRACT:
    case EXPR_OP_MULTIPLY:
    case EXPR_OP_DIVIDE:
    case EXPR_OP_MODULO:
        return expr_check_arithmetic(parser, node);
    case EXPR_OP_CALL:
        return expr_check_call(parser, node);
    case EXPR_OP_EXISTS:
    case EXPR_OP_ALL:
    case EXPR_OP_EXISTS_ONE:
    case EXPR_OP_FILTER:
    case EXPR_OP_TRANSFORM:
        return expr_check_macro(parser, node);
    }
    return true;
}
