/* policy/expr_run.h - one evaluation on its way: what is left to spend, and what went wrong.
 * Owns: the budget and the fault.
 * Invariants:
 *   1. Whoever returns false has set the fault; it is put into words only if nobody absorbs it.
 *   2. A fault holds types and names of fields, never a value of the scope: texts of problems are
 *      shown to people who may not see masked data (R23). */
#pragma once
#include "policy/expr_tree.h"

enum expr_fault_code {
    EXPR_FAULT_NONE,
    EXPR_FAULT_NO_VARIABLE, /* the scope does not have it */
    EXPR_FAULT_NO_FIELD,    /* a.b, with a's value in `around` */
    EXPR_FAULT_NOT_A_MAP,   /* a.b, and a is of type left */
    EXPR_FAULT_NO_KEY,      /* a[b] on a map */
    EXPR_FAULT_NO_INDEX,    /* a[b] on a list */
    EXPR_FAULT_TYPES,       /* operator on left and right */
    EXPR_FAULT_TYPE,        /* operator or argument: left is not right for it */
    EXPR_FAULT_OVERFLOW,
    EXPR_FAULT_ZERO, /* division */
    EXPR_FAULT_CONVERT,
    EXPR_FAULT_RANGE, /* an argument outside of what the function takes */
    EXPR_FAULT_KEY_TWICE,
    EXPR_FAULT_KEY_TYPE,
    EXPR_FAULT_ZONE,
    EXPR_FAULT_PATTERN, /* a pattern made at run time does not compile: text says why */
    EXPR_FAULT_PATTERN_COST,
    EXPR_FAULT_STEPS,
    EXPR_FAULT_STRING,
    EXPR_FAULT_DEPTH,
    EXPR_FAULT_MEMORY
};

struct expr_fault {
    enum expr_fault_code code;
    const struct expr_node *node;
    enum expr_type left, right;
    const json_t *around; /* NO_FIELD: the object that lacks it, for the suggestion; or NULL */
    struct slice text;
};

struct expr_run {
    const struct expr *expr;
    const struct expr_scope *scope;
    struct arena *scratch;
    struct expr_saw *saw;
    size_t steps_left;
    struct expr_fault fault;
    struct expr_value *locals; /* one for each depth of macros; NULL without macros */
};

/* All: false, with the fault set. _types is for nodes of two operands. */
bool expr_run_fail(struct expr_run *run, const struct expr_node *node, enum expr_fault_code code);
bool expr_run_fail_type(struct expr_run *run, const struct expr_node *node, enum expr_type type);
bool expr_run_fail_types(struct expr_run *run, const struct expr_node *node, enum expr_type left,
                         enum expr_type right);
/* Takes steps from the budget; false (fault STEPS) when it is empty. */
static inline bool expr_run_spend(struct expr_run *run, const struct expr_node *node, size_t steps)
{
    if (steps > run->steps_left)
        return expr_run_fail(run, node, EXPR_FAULT_STEPS);
    run->steps_left -= steps;
    return true;
}
/* Scratch memory for a string of that size (paid for), or NULL with the fault set. */
char *expr_run_string(struct expr_run *run, const struct expr_node *node, size_t size);
/* The same for items of a list. */
struct expr_value *expr_run_items(struct expr_run *run, const struct expr_node *node, size_t count);

/* The fault in words; texts in the scratch arena. */
void expr_fault_tell(const struct expr_run *run, struct expr_problem *out_problem);
