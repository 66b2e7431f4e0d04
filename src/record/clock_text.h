/* record/clock_text.h - what is said of the machine's clock: in records, incidents and messages.
 * Owns: the codes of RECORD_CLOCK, and their words.
 * Invariants:
 *   1. A code that this version does not know is told as it is. */
#pragma once
#include "base/text.h"
#include "record/journal.h"
#include "record/zone.h"

#define CLOCK_MOVED_AHEAD SLICE("moved_ahead") /* while interlock runs */
#define CLOCK_MOVED_BACK SLICE("moved_back")
#define CLOCK_AHEAD SLICE("ahead") /* at a start */
#define CLOCK_BEHIND SLICE("behind")
#define CLOCK_RIGHT SLICE("right") /* it agrees again */
#define CLOCK_TAKEN SLICE("taken") /* a person, or time, has confirmed that it is right */
#define CLOCK_KEPT SLICE("kept")   /* the same, but stored time never goes back */

/* "the clock of this machine was moved 1 d ahead"; ms: of the difference, without its sign. */
void clock_text_add(struct buf *out, struct slice code, int64_t ms);
/* Why there is an incident. */
void clock_trouble_add(struct buf *out, const struct journal *journal, const struct zone *zone,
                       int64_t now_unix_ms);
/* Of the difference: where the machine's clock is. */
struct slice clock_code(int64_t step_ms, bool is_at_start);
