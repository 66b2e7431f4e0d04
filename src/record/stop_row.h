/* record/stop_row.h - a stop, and its incident, as the store keeps them.
 * Owns: the bytes of rows in STORE_STOPS and STORE_INCIDENTS: a version byte, then short
 *   numbers and counted texts.
 * Invariants:
 *   1. decode(encode(x)) == x, but for is_lifting, which is of one run only.
 *   2. Only an explicit mark says lifted: a row that is damaged or newer is a stop in force
 *      (R27). */
#pragma once
#include "base/buf.h"
#include "core/switchboard.h"

struct incident_row {
    uint64_t id, stop;
    bool is_closed, has_reason;
    struct slice by, workflow;
    int64_t since_unix_ms, closed_unix_ms;
    uint64_t words_seq; /* the record whose payload has the reason; 0 = none was said */
};

void stop_row_encode(const struct stop *stop, struct buf *out);
MUST_USE enum err stop_row_decode(struct slice bytes, struct stop *out);
void incident_row_encode(const struct incident_row *incident, struct buf *out);
/* The slices point into bytes. */
MUST_USE enum err incident_row_decode(struct slice bytes, struct incident_row *out);
