/* policy/expr_regex.h - patterns of `matches`: RE2's language, run by PCRE2 within limits.
 * Owns: which patterns are taken, and what matching may cost.
 * Invariants:
 *   1. What RE2 does not have is refused (look-around, back-references, atomic groups,
 *      possessive repeats, recursion, verbs, \C \R \X \K \G \h \N \Z …), so a policy means the
 *      same elsewhere.
 *   2. A match tries at most LIMIT_REGEX_MATCH items over all its starting points; past it the
 *      match is an error, never "no". Memory comes from an arena, so it has a bound too. Known
 *      difference: \s takes the vertical tab as well. */
#pragma once
#include "policy/expr.h"

struct expr_regex;

/* NULL: *out_why says why, in the arena. */
const struct expr_regex *expr_regex_new(struct arena *arena, struct slice pattern,
                                        struct slice *out_why);
enum expr_regex_result { EXPR_REGEX_NO, EXPR_REGEX_YES, EXPR_REGEX_COST, EXPR_REGEX_MEMORY };
/* *out_cost: items tried. */
enum expr_regex_result expr_regex_matches(const struct expr_regex *regex, struct slice text,
                                          struct arena *scratch, size_t *out_cost);
