#include "core/estimate.h"

#include "base/check.h"

/* Newton, from above: converges for every x >= 0, and needs no mathematics library here. */
static double estimate_root(double x)
{
    double root = x > 1 ? x : 1;
    if (x <= 0)
        return 0;
    for (int i = 0; i < 64; i++) {
        double next = (root + x / root) / 2;
        if (next >= root)
            break;
        root = next;
    }
    return root;
}

static uint32_t estimate_millionths(double share, bool is_up)
{
    double scaled = share * ESTIMATE_WHOLE;
    if (scaled <= 0)
        return 0;
    if (scaled >= ESTIMATE_WHOLE)
        return ESTIMATE_WHOLE;
    uint32_t whole = (uint32_t)scaled;
    return is_up && whole < scaled ? whole + 1 : whole;
}

struct estimate estimate_make(uint64_t hits, uint64_t count)
{
    static const double z = 1.959963984540054; /* 97.5 % of the normal distribution */
    const double z2 = z * z;
    struct estimate estimate = {.hits = hits, .count = count, .high = ESTIMATE_WHOLE};
    CHECK(hits <= count);
    if (count == 0)
        return estimate;
    double n = (double)count;
    double p = (double)hits / n;
    double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    double half = z / (1 + z2 / n) * estimate_root(p * (1 - p) / n + z2 / (4 * n * n));
    estimate.share = estimate_millionths(p, false);
    /* At the ends the formula gives 0 and 1 exactly; the last bit of a double must not spoil it. */
    estimate.low = hits == 0 ? 0 : estimate_millionths(middle - half, false);
    estimate.high = hits == count ? ESTIMATE_WHOLE : estimate_millionths(middle + half, true);
    return estimate;
}
