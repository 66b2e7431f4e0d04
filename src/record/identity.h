/* record/identity.h - what makes two requests the same: keyed hashes of keys, runs and inputs.
 * Owns: the key hash (R7, R26), the fingerprint of an input (R8), the provider key (R4).
 * Invariants:
 *   1. All are HMAC-SHA-256 under the installation key, over parts behind their sizes and a label
 *      of their own: none can be guessed from a stored value, none can be taken for another.
 *   2. Nothing random and no id goes in: after a restore the same request has the same identity.
 * Threads: one user at a time (a workspace). */
#pragma once
#include "record/canonical.h"

enum { IDENTITY_KEY_SIZE = 32, IDENTITY_SIZE = 16, IDENTITY_PROVIDER_KEY = 52 };

struct identity_mac;
struct identity {
    struct identity_mac *mac; /* holds the installation key */
    struct canonical canonical;
    struct buf parts;
};

/* ERR_NO_MEMORY. */
MUST_USE enum err identity_init(struct identity *identity,
                                const unsigned char installation_key[IDENTITY_KEY_SIZE]);
void identity_done(struct identity *identity);

/* Which installation key the store belongs to, without telling it (the `key check` of meta). */
void identity_check(struct identity *identity, unsigned char out[IDENTITY_SIZE]);

/* text: the bytes of a key or of a run. For a run, step may be empty (any of the workflow). */
struct identity_name {
    struct slice workflow, step, text;
};
void identity_key(struct identity *identity, const struct identity_name *name,
                  unsigned char out[IDENTITY_SIZE]);
void identity_run(struct identity *identity, const struct identity_name *name,
                  unsigned char out[IDENTITY_SIZE]);
/* R22: starts towards one recipient, of one trigger (step: which one); and a posted signal's id. */
void identity_recipient(struct identity *identity, const struct identity_name *name,
                        unsigned char out[IDENTITY_SIZE]);
void identity_signal(struct identity *identity, const struct identity_name *name,
                     unsigned char out[IDENTITY_SIZE]);
/* R11: what actions change, by the policy's `order_by` (within a workflow), or by method and target
 * (workflow: the upstream's name). */
void identity_order(struct identity *identity, const struct identity_name *name,
                    unsigned char out[IDENTITY_SIZE]);
void identity_target(struct identity *identity, const struct identity_name *name,
                     unsigned char out[IDENTITY_SIZE]);

/* ERR_INVALID, ERR_LIMIT, ERR_NO_MEMORY as canonical_spell. */
MUST_USE enum err identity_fingerprint(struct identity *identity, struct slice input_json,
                                       unsigned char out[IDENTITY_SIZE]);

/* R19: where an action stands among all that ask during a ramp; evenly spread, the same for a key
 * however often it asks. */
uint64_t identity_draw(struct identity *identity, uint64_t incident, struct slice key_hash);

struct identity_route {
    struct slice workflow, step, key;
    uint8_t generation, route, revision;
};
/* Appends IDENTITY_PROVIDER_KEY characters of base32. */
void identity_provider_key(struct identity *identity, const struct identity_route *route,
                           struct buf *out);
