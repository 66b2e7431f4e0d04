/* policy/expr_tree.h - the compiled form of an expression, between its parser and its evaluator.
 * Owns: the shapes. expr_parse.c makes them, expr_eval.c walks them; nobody else looks inside.
 * Invariants:
 *   1. At most LIMIT_EXPR_NODES nodes, so no walk goes deeper than that.
 *   2. `||` and `&&` have two or more operands in one node: a row of them costs no depth.
 *   3. Nothing here changes after expr_compile. */
#pragma once
#include "policy/expr.h"

enum expr_op {
    EXPR_OP_CONST,
    EXPR_OP_ROOT,   /* a variable of the scope */
    EXPR_OP_LOCAL,  /* the variable of a macro */
    EXPR_OP_SELECT, /* a.name */
    EXPR_OP_HAS,    /* has(a.name) */
    EXPR_OP_INDEX,  /* a[b] */
    EXPR_OP_LIST,
    EXPR_OP_MAP, /* key, value, key, value … */
    EXPR_OP_NOT,
    EXPR_OP_NEGATE,
    EXPR_OP_OR,
    EXPR_OP_AND,
    EXPR_OP_IF, /* a ? b : c */
    EXPR_OP_EQUAL,
    EXPR_OP_NOT_EQUAL,
    EXPR_OP_LESS,
    EXPR_OP_LESS_EQUAL,
    EXPR_OP_GREATER,
    EXPR_OP_GREATER_EQUAL,
    EXPR_OP_IN,
    EXPR_OP_ADD,
    EXPR_OP_SUBTRACT,
    EXPR_OP_MULTIPLY,
    EXPR_OP_DIVIDE,
    EXPR_OP_MODULO,
    EXPR_OP_CALL,
    EXPR_OP_EXISTS, /* macros: range, predicate */
    EXPR_OP_ALL,
    EXPR_OP_EXISTS_ONE,
    EXPR_OP_FILTER,
    EXPR_OP_TRANSFORM /* map: range, transform; or range, predicate, transform */
};

struct expr_function;
struct expr_regex;

struct expr_node {
    enum expr_op op;
    uint32_t types;          /* mask of 1 << EXPR_…: what its value can be */
    uint32_t at, size;       /* the bytes that an error points to */
    uint32_t begin, end;     /* the bytes of the whole */
    struct expr_node *first; /* operands */
    struct expr_node *next;  /* the next operand of the same parent */
    uint32_t count;          /* operands */
    uint32_t slot;           /* LOCAL, macros: which variable */
    struct slice path;       /* not empty: the value is recorded under this name */
    union {
        struct expr_value value;              /* CONST */
        enum expr_root root;                  /* ROOT */
        struct slice name;                    /* SELECT, HAS */
        const struct expr_function *function; /* CALL */
    };
    const struct expr_regex *regex; /* CALL of `matches` with a literal pattern, compiled */
};

struct expr {
    struct slice text;
    const struct expr_node *root;
    uint32_t roots;
    const struct expr_field *fields;
    size_t field_count;
    uint32_t slot_count; /* variables of macros that live at once */
};

#define EXPR_ANY ((1U << (EXPR_TYPE + 1)) - 1)
#define EXPR_MASK(type) (1U << (type))
#define EXPR_NUMBERS (EXPR_MASK(EXPR_INT) | EXPR_MASK(EXPR_UINT) | EXPR_MASK(EXPR_DOUBLE))
/* What JSON can hold. */
#define EXPR_JSON                                                                                  \
    (EXPR_MASK(EXPR_NULL) | EXPR_MASK(EXPR_BOOL) | EXPR_MASK(EXPR_INT) | EXPR_MASK(EXPR_DOUBLE) |  \
     EXPR_MASK(EXPR_STRING) | EXPR_MASK(EXPR_LIST) | EXPR_MASK(EXPR_MAP))

/* The text of a part, for messages. */
static inline struct slice expr_node_text(const struct expr *expr, const struct expr_node *node)
{
    return slice_first(slice_from(expr->text, node->begin), node->end - node->begin);
}
