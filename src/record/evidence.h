/* record/evidence.h - what is known of one workflow over a time: the facts of report and ready.
 * Owns: the shape; the engine's numbers are put together by loop/evidence.c. */
#pragma once
#include "core/estimate.h"
#include "core/switchboard.h"
#include "record/label_row.h"
#include "record/tally.h"
#include "record/zone.h"

/* A stop that covered the workflow, or a part of it. */
struct evidence_stop {
    int64_t at_unix_ms, lifted_at_unix_ms; /* lifted: 0 = it is in force */
    bool is_whole;                         /* of the whole workflow, or of more */
};

struct evidence {
    const struct config *config;
    const struct workflow *workflow;
    int64_t since_unix_ms, now_unix_ms;
    const struct zone *zone;
    struct tally tally;      /* since then */
    struct label_sum labels; /* of actions that were submitted since then */
    uint64_t held, uncertain, in_review, waiting, attempting; /* now */
    const struct evidence_stop *stops;                        /* since then, or still in force */
    size_t stop_count;
    uint64_t oldest_action; /* of those that have not ended; 0 = all have */
    int64_t oldest_unix_ms;
    struct slice oldest_handle; /* its key as people type it, or its id; empty: not known */
};

/* Of what was approved, edited or not approved: the share that was approved unchanged. */
static inline struct estimate evidence_unchanged(const struct tally *tally)
{
    return estimate_make(tally->n[TALLY_APPROVED], tally->n[TALLY_APPROVED] +
                                                       tally->n[TALLY_EDITED] +
                                                       tally->n[TALLY_DECLINED]);
}
