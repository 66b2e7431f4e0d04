/* record/step_tally.h - what came of the actions of one step in one hour, by cause and risk class,
 * for status.
 * Owns: the bytes of its row in STORE_COUNTS, beside those of tally.h.
 * Invariants:
 *   1. decode(encode(x)) == x.
 *   2. A class is known by the id of its name (row_risk_id), never by its place in a policy. */
#pragma once
#include "base/limits.h"
#include "record/tally.h"

/* Those of a policy and of one before it, and normal. */
enum { STEP_CLASSES = 2 * LIMIT_RISKS + 1 };

struct step_class {
    uint32_t risk_id; /* 0 = normal */
    struct risk_counts counts;
};
struct step_tally {
    uint64_t degraded[CAUSE_COUNT];
    size_t class_count;
    struct step_class classes[STEP_CLASSES];
};

/* The counters of that class, which begin with its first action. When there is no room for one more
 * class it counts as the first one. */
struct risk_counts *step_tally_class(struct step_tally *tally, uint32_t risk_id);
/* What is counted of that class; NULL: nothing. */
const struct risk_counts *step_tally_find(const struct step_tally *tally, uint32_t risk_id);

void step_tally_encode(const struct step_tally *tally, struct buf *out);
MUST_USE enum err step_tally_decode(struct slice bytes, struct step_tally *out);
/* "/step/WORKFLOW/STEP/0000491234": before the rows of all workflows. */
#define STEP_TALLY_PREFIX "/step/"
void step_tally_key_add(struct buf *out, struct slice workflow, struct slice step, int64_t hour);
/* Whose it is, and the hour at its end; false: it is no such key. */
bool step_tally_key_names(struct slice key, struct slice *out_workflow, struct slice *out_step);
bool step_tally_key_hour(struct slice key, int64_t *out_hour);
