/* policy/suggest.h - "did you mean": the nearest of the names that would have been right.
 * Owns: how near is near enough. Pure, no memory.
 * Invariants:
 *   1. Nothing is suggested that differs in more than a third of the wanted name (at least one
 *      change is always allowed, in a name of three bytes or more): a wrong hint is worse than
 * none.
 *   2. Of equally near names the first offered wins. */
#pragma once
#include "base/slice.h"

struct suggest {
    struct slice wanted;
    struct slice best; /* at == NULL: none yet */
    size_t distance;   /* of best; before that, one more than what is near enough */
};

void suggest_init(struct suggest *suggest, struct slice wanted);
void suggest_offer(struct suggest *suggest, struct slice candidate);
/* The nearest, or the empty slice. A view of what was offered. */
struct slice suggest_best(const struct suggest *suggest);
