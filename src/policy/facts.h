/* policy/facts.h - what the expressions of a step say about one action: risk first, then rules.
 * Owns: the evaluation of rules and risk classes (R18), and the input shape's check.
 * Invariants:
 *   1. An expression that errs is TRUTH_UNDECIDABLE, never false.
 *   2. Rules see `risk` as the class that was found; "normal" when none holds.
 *   3. A value of a masked field is seen as "***" (R23). */
#pragma once
#include "core/gate.h"
#include "policy/expr.h"

/* Values that the deciding expressions read; path_index counts as in gate_decide: 0 = risk,
 * 2.. = rules. */
struct facts_saw_item {
    uint8_t path_index;
    struct slice name, value; /* "input.balance", JSON text */
};
struct facts_saw {
    struct facts_saw_item items[LIMIT_SAW];
    size_t count;
};

/* The texts of out_saw live in scratch. */
void facts_evaluate(const struct step *step, const struct expr_scope *scope, struct arena *scratch,
                    struct gate_facts *out_facts, struct facts_saw *out_saw);
