/* core/estimate.h - a share that was counted in a sample, and how far the true one may be from it.
 * Owns: the Wilson interval at 95 %: right for small samples and for shares near 0 and 1, where the
 *   usual one promises too much.
 * Invariants:
 *   1. 0 <= low <= share <= high <= 1; a larger sample of the same share is never wider.
 *   2. The bounds are cut outwards, so that a printed bound never says more than was counted. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ESTIMATE_WHOLE = 1000000 }; /* shares are in millionths */

struct estimate {
    uint64_t hits, count;
    uint32_t share, low, high; /* of 1; count 0: nothing is known, 0 and 0 to 1 */
};

/* hits of count; hits <= count. */
struct estimate estimate_make(uint64_t hits, uint64_t count);
