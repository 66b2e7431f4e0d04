/* policy/expr_function.h - the functions that expressions may call.
 * Owns: their table: name, style of call, types, and who computes them.
 * Invariants:
 *   1. A name and a style (receiver or not) occur once; the number and types of arguments are
 *      checked against the table before `call` runs, so `call` sees only what it takes.
 *   2. Each is total; what it costs beyond one step it pays by expr_run_spend. */
#pragma once
#include "policy/expr_tree.h"

struct expr_run;
enum { EXPR_ARGUMENTS_MAX = 4 };

typedef bool expr_call_fn(struct expr_run *run, const struct expr_node *node,
                          const struct expr_value *arguments, struct expr_value *out);

struct expr_function {
    const char *name;
    bool is_receiver;              /* a.f(b): a is the first argument */
    uint32_t count_min, count_max; /* arguments, the receiver counted */
    uint32_t types[EXPR_ARGUMENTS_MAX];
    uint32_t result;
    expr_call_fn *call;
    const char *usage; /* for messages */
};

/* NULL when there is none. */
const struct expr_function *expr_function_find(struct slice name, bool is_receiver);
/* The nearest known name of that style, or the empty slice. */
struct slice expr_function_nearest(struct slice name, bool is_receiver);
