/* policy/near.h - the name that somebody probably meant.
 * Owns: the distance between names (Levenshtein, with neighbours swapped as one step). */
#pragma once
#include "base/slice.h"

/* Steps from one name to the other; large when either is over LIMIT_NAME. */
size_t near_distance(struct slice a, struct slice b);
/* Offers candidates one by one; keeps the nearest one that is near enough to be a slip. */
struct near {
    struct slice wanted, best; /* best: empty = none */
    size_t best_distance;
};
void near_init(struct near *near, struct slice wanted);
void near_offer(struct near *near, struct slice candidate);
