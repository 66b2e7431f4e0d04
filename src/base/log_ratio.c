#include "base/log_ratio.h"

#include <math.h>

#include "base/check.h"

int64_t log_ratio_micro(int64_t numerator, int64_t denominator)
{
    CHECK(numerator > 0 && denominator > 0);
    return (int64_t)llround(log((double)numerator / (double)denominator) * 1e6);
}
