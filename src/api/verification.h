/* api/verification.h - proofs of the running store, a few pages a request.
 * Owns: the runs under way, by the cursor that their readers hold. The proof is
 *   record/verify.h.
 * Invariants:
 *   1. At most VERIFICATION_RUNS; a further one takes the place of the one asked least recently,
 *      whose reader then begins anew.
 *   2. A request steps for VERIFICATION_STEPS pages and ends: the loop is never held for long
 *      (R25). */
#pragma once
#include "port/engine.h"
#include "record/verify.h"

enum { VERIFICATION_RUNS = 2, VERIFICATION_STEPS = 8 };

struct verification {
    struct verify *verify; /* NULL = free */
    uint64_t id;           /* random: the cursor */
    uint64_t turn;         /* of the last request */
};
struct verifications {
    struct verification runs[VERIFICATION_RUNS];
    uint64_t turn;
};
void verifications_done(struct verifications *verifications);
