/* record/row.h - an action as the store keeps it: the state that moves, and who it belongs to.
 * Owns: the bytes of a row in STORE's actions: a version byte, then numbers in a fixed order,
 *   written short (an ended action takes about 150 bytes and stays for ever, R7).
 * Invariants:
 *   1. row_decode(row_encode(r)) == r.
 *   2. An enum value that this version does not know is read as its careful zero (R27).
 *   3. Bytes after the known ones are of a newer version and are skipped; another version byte is
 *      ERR_VERSION.
 *   4. The row says no value of a caller: only names of the policy, numbers and digests. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "core/action.h"
#include "port/store.h"

enum { ROW_DIGEST = 16, ROW_POLICY = 16 };

struct row {
    struct action action;
    struct slice workflow, step, upstream;
    struct slice actor;      /* the principal who submitted it: never the one who approves */
    struct slice policy;     /* 16 hex digits: the configuration of the deciding record */
    uint64_t first_seq;      /* its ADMITTED record: payload "submit" */
    uint64_t last_seq;       /* its newest record */
    uint64_t outcome_seq;    /* the newest record with payload "outcome", or 0 */
    uint64_t decided_seq;    /* the newest record with a path (ADMITTED, GATED …), or 0 */
    uint64_t fact_seq;       /* the newest record with payload "fact", or 0 */
    uint64_t run_previous;   /* the action of the same run before it, or 0 */
    uint64_t edited_seq;     /* the record with the input that a person changed (payload "submit"),
                              * or 0: it is as submitted */
    struct slice claimed_by; /* who has its review in hand until claimed_until; or empty */
    int64_t claimed_until_unix_ms;
    struct slice assigned_to; /* whom its review was given to; or empty */
    bool has_risk_id;         /* false: of an older version, action.risk counts as it is */
    uint32_t risk_id;         /* of its risk class: row_risk_id() of the name; 0 = normal */
    int64_t erased_unix_ms;   /* its payloads are gone since; 0 = they are there */
    unsigned char key_hash[ROW_DIGEST], fingerprint[ROW_DIGEST];
    unsigned char order[ROW_DIGEST];       /* its order key (R11); zero = it has none */
    unsigned char permit_hash[ROW_DIGEST]; /* of the permit's token; zero = none is valid */
};

/* A class is known by its name: its place among the others changes with the policy. Never 0. */
uint32_t row_risk_id(struct slice name);
void row_encode(const struct row *row, struct buf *out);
/* Where an action in this state stands in the store, while it is open. */
enum store_queue row_queue(const struct action *action);
/* The slices point into bytes. ERR_CORRUPT, ERR_VERSION. */
MUST_USE enum err row_decode(struct slice bytes, struct row *out);
