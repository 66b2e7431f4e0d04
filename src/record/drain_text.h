/* record/drain_text.h - how fast what a stop held leaves after its restart, in words and numbers.
 * Owns: those words.
 * Invariants: the time is never said shorter than it is at that rate. */
#pragma once
#include <stdint.h>

#include "base/buf.h"

/* "4", "2.5": thousandths a second */
void drain_add_rate(struct buf *out, int64_t milli);
/* How long so many need at that rate. */
uint64_t drain_seconds(uint64_t count, int64_t milli);
/* "4/s, about 80 s" */
void drain_add_text(struct buf *out, uint64_t count, int64_t milli);
