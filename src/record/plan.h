/* record/plan.h - the plan of a workflow: who answers for it, what limit stops it, what happens
 * then, and how it runs again; in sentences, from the configuration alone.
 * Owns: the sentences, the digest of the facts that a name is put to, and the bytes of rows in
 *   STORE_PLANS. Pure.
 * Invariants:
 *   1. The facts are all that a sentence says: a change of any of them is another digest.
 *   2. A row says who signed which facts when; whether they still hold is asked, never stored. */
#pragma once
#include "base/err.h"
#include "policy/types.h"
#include "record/digest.h"
#include "record/zone.h"

struct plan_signature {
    unsigned char facts[DIGEST_SIZE];
    int64_t at_unix_ms;
    struct slice by;
};

void plan_text_add(struct buf *out, const struct config *config, const struct workflow *workflow);
void plan_facts(const struct config *config, const struct workflow *workflow,
                unsigned char out_facts[DIGEST_SIZE]);
/* "SIGNED  by Ana Ruiz, 2026-11-25 14:02" with its end; NULL: nobody has. */
void plan_signed_add(struct buf *out, const struct config *config,
                     const struct plan_signature *signature, const unsigned char *facts,
                     const struct zone *zone);
void plan_signature_encode(const struct plan_signature *signature, struct buf *out);
/* The slice points into bytes. */
MUST_USE enum err plan_signature_decode(struct slice bytes, struct plan_signature *out);
