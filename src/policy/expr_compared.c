/* policy/expr_compared.c - which fields of the input an expression compares with a written value.
 * `check` holds them against the declared types. */
#include "policy/expr_tree.h"

static bool compared_is_comparison(enum expr_op op)
{
    return op >= EXPR_OP_EQUAL && op <= EXPR_OP_GREATER_EQUAL;
}

/* input.name, as it stands. */
static bool compared_is_field(const struct expr_node *node)
{
    return node->op == EXPR_OP_SELECT && node->first && node->first->op == EXPR_OP_ROOT &&
           node->first->root == EXPR_ROOT_INPUT;
}

/* The comparison with the number *inout_skip in order of the tree; NULL: there are fewer. */
static const struct expr_node *compared_find(const struct expr_node *node, size_t *inout_skip)
{
    if (compared_is_comparison(node->op) && node->first && node->first->next) {
        const struct expr_node *a = node->first;
        const struct expr_node *b = a->next;
        bool is_one = (compared_is_field(a) && b->op == EXPR_OP_CONST) ||
                      (compared_is_field(b) && a->op == EXPR_OP_CONST);
        if (is_one && *inout_skip == 0)
            return node;
        *inout_skip -= is_one;
    }
    for (const struct expr_node *child = node->first; child; child = child->next) {
        const struct expr_node *found = compared_find(child, inout_skip);
        if (found)
            return found;
    }
    return NULL;
}

bool expr_compared_next(const struct expr *expr, size_t *cursor, struct expr_compared *out)
{
    size_t skip = (*cursor)++;
    const struct expr_node *node = expr->root ? compared_find(expr->root, &skip) : NULL;
    if (!node)
        return false;
    const struct expr_node *a = node->first;
    const struct expr_node *field = compared_is_field(a) ? a : a->next;
    const struct expr_node *value = field == a ? a->next : a;
    *out = (struct expr_compared){
        .name = field->name, .type = value->value.type, .offset = value->begin};
    return true;
}
