/* record/upstream_row.h - an upstream as the store keeps it: its budget, pause, breaker and rate
 * (R30).
 * Owns: the bytes of a value in STORE_UPSTREAMS, and the words for a change of its breaker.
 * Invariants:
 *   1. upstream_row_decode(upstream_row_encode(r)) == r.
 *   2. A state that is not known is read as open (R27). */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "core/breaker.h"

struct upstream_row {
    int tokens_tenths;
    int64_t pause_until_unix_ms;
    /* What lasts: not the outcomes that it has seen, nor a call under way. */
    struct breaker breaker;
    int64_t former_milli; /* the rate before the outage, in thousandths */
};

void upstream_row_encode(const struct upstream_row *row, struct buf *out);
/* False: no such bytes; *out is not changed. */
MUST_USE bool upstream_row_decode(struct slice bytes, struct upstream_row *out);

/* A change in code, as the subject of its record: "open failures_in_row 5/5", "half_open",
 * "open probe_failed 2", "closed". */
void upstream_change_encode(const struct breaker *breaker, struct buf *out);
/* The same for people: "open: 5 failures in a row". */
void upstream_change_add_words(struct slice change, struct buf *out);
/* "5 failures in a row", "12 of the last 20 failed". */
void upstream_cause_add_words(enum breaker_cause cause, int count, int of, struct buf *out);
