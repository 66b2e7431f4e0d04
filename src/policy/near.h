/* policy/near.h - "did you mean": the name that somebody probably meant.
 * Owns: the distance between names, and how near is near enough. Pure, no memory.
 * Invariants:
 *   1. Steps are insertions, deletions, replacements and swaps of neighbours (optimal string
 *      alignment); case, and the choice between `-` and `_`, cost nothing.
 *   2. Nothing is offered that differs too much to be a slip: a wrong hint is worse than none.
 *   3. Of equally near names the first offered wins. */
#pragma once
#include "base/slice.h"

struct buf;

enum { NEAR_OFFERS = 8 }; /* that are listed where nothing is near */
/* Candidates are offered one by one; the nearest that is near enough to be a slip is kept. */
struct near {
    struct slice wanted, best; /* best: empty = none */
    size_t best_distance;
    struct slice offers[NEAR_OFFERS]; /* the first of all that were offered, each once */
    size_t offer_count, more_count;
};
void near_init(struct near *near, struct slice wanted);
void near_offer(struct near *near, struct slice candidate);
/* "Did you mean `x`?", else "There are: a, b, c."; nothing when nothing was offered. */
void near_add_hint(struct buf *out, const struct near *near);
