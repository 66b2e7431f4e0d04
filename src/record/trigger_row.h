/* record/trigger_row.h - what a trigger has counted so far, as the store keeps it (R22).
 * Owns: the bytes of rows in STORE_TRIGGERS, STORE_REPEATS and STORE_SIGNALS: a version byte, then
 *   short numbers and counted texts. Pure.
 * Invariants:
 *   1. decode(encode(x)) == x.
 *   2. A level that this version does not know is read as tripped (R27). */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "core/trigger.h"

struct trigger_row {
    struct slice workflow, name; /* whose it is: a changed definition is found by them */
    struct trigger_state state;
    struct trigger_answer answer;               /* of the last crossing: its numbers */
    bool is_trip_due;                           /* it has crossed, and its stop is not saved yet */
    uint64_t stop, caution;                     /* in force by it; 0 = none */
    int64_t tripped_unix_ms, restarted_unix_ms; /* the last time each; 0 = never */
    int64_t seen_unix_ms, forgiven_ms;          /* silent: the last sign, and down time since */
    int64_t window_ms, statistic;               /* of the definition that it was counted by */
    int64_t counts;                             /* what it counts, as a number; 0 = not known */
    int64_t from_ids[2];   /* labels: no action of this block of samples, of the one before, has a
                               smaller id; a block has at least TRIGGER_RECENT, and begins while
                               the sum of the test is zero. 0 = none */
    int64_t block_samples; /* how many there were when the block began */
};

void trigger_row_encode(const struct trigger_row *row, struct buf *out);
/* The slices point into bytes. ERR_CORRUPT, ERR_VERSION. */
MUST_USE enum err trigger_row_decode(struct slice bytes, struct trigger_row *out);

/* The starts towards one recipient. */
void repeat_row_encode(const struct repeat_state *repeat, struct buf *out);
MUST_USE enum err repeat_row_decode(struct slice bytes, struct repeat_state *out);
