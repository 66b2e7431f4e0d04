/* base/log_ratio.h - the natural logarithm of a ratio, as a whole number.
 * Owns: the one place where a statistic needs a logarithm; whole numbers from here on, so that a
 *   state is the same on every machine and after every restart. */
#pragma once
#include <stdint.h>

/* ln(numerator / denominator) in millionths, rounded; both above 0. */
int64_t log_ratio_micro(int64_t numerator, int64_t denominator);
