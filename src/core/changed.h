/* core/changed.h - what is different about the actions that went wrong?
 * Owns: the ranking of values by share and lift, and when the evidence is enough to say it.
 * Invariants:
 *   1. Nothing is said on fewer than CHANGED_BAD wrong ones, nor where chance alone would do it
 *      five times in a thousand (the test of two shares, squared, against CHANGED_Z_SQUARED).
 *   2. The counts are always told beside the ratio. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANGED_BAD = 3 };
#define CHANGED_Z_SQUARED 7.88 /* chi-squared with one degree of freedom, p = 0.005 */

/* One value of one cause. bad and total of the actions that have it, and of all. */
struct changed {
    int64_t bad, total;
    int64_t all_bad, all_total;
};

struct changed_lift {
    bool is_evident;
    int64_t rest_bad, rest_total; /* of those that do not have it */
    /* share with it / share without it, in hundredths; 0 = no other one was wrong */
    int64_t lift_hundredths;
};

void changed_measure(const struct changed *changed, struct changed_lift *out_lift);
/* Before another one in a list: more evident first, then more of the wrong ones, then the larger
 * lift. For qsort: < 0 = a first. */
int changed_compare(const struct changed *a, const struct changed *b);
