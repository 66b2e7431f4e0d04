/* record/canonical.h - one spelling for all JSON texts that mean the same (R8).
 * Owns: when two inputs are equal: members in any order, numbers by their exact decimal value
 *   (1 = 1.0 = 10e-1; 2^53 is not 2^53+1; 0.1 as written), strings by code point.
 * Invariants:
 *   1. Equal inputs have equal bytes, different ones different bytes: each value ends itself.
 *   2. Bounded: depth LIMIT_JSON_DEPTH, LIMIT_CANONICAL bytes, LIMIT_CANONICAL_MEMBERS open
 *      members. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct canonical_member {
    size_t start, key_end, end; /* in out */
};
/* A workspace, used again and again: one fingerprint takes no memory of its own. */
struct canonical {
    struct buf out; /* the spelling of the last value */
    struct buf spare;
    struct canonical_member *members;
    size_t member_count, member_capacity;
};

void canonical_init(struct canonical *canonical);
void canonical_done(struct canonical *canonical);
/* Fills canonical->out. ERR_INVALID: not JSON, or a member twice; ERR_LIMIT: too much of it, or an
 * exponent beyond any use; ERR_NO_MEMORY. */
MUST_USE enum err canonical_spell(struct canonical *canonical, struct slice json);
/* Do both mean the same? What cannot be spelled is equal to nothing. */
bool canonical_equal(struct canonical *canonical, struct slice a, struct slice b);
