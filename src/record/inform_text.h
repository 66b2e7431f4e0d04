/* record/inform_text.h - the draft for those who are told by whoever informs.
 * Owns: its words, the same in a message, in the page of an incident and in its JSON.
 * Invariants:
 *   1. It names no person and no id of ours; "nothing is lost" is said only where counts prove it.
 *   R23 whoever gives a reason has taken secrets out of it. */
#pragma once
#include "record/journal.h"
#include "record/zone.h"

struct inform_facts {
    enum incident_kind kind;
    struct slice position; /* of its stops: "fallback"; or empty */
    struct slice scope, why;
    uint64_t waiting;
    int64_t lost; /* LOST_UNKNOWN */
    int64_t since_unix_ms, now_unix_ms;
    const struct zone *zone;
};

/* "Since 14:11 inquiry-routing is stopped: …. 41 pieces of work wait; nothing is lost. We will
 * write again when it is over." */
void inform_draft_add(struct buf *out, const struct inform_facts *facts);
