/* record/path.h - the gates that an action went through, as a line for people and as JSON.
 * Owns: how a gate, what it said and what it saw are shown: "rule large-account no (420 ≤ 10000)".
 * Invariants:
 *   1. Names and lines come from the policy that decided; where that is not known, numbers do.
 *   2. Shown values are those that were recorded, masked ones as they were recorded. */
#pragma once
#include "record/view.h"
#include "record/wording.h"

/* Filled from a view, or by hand for what would be (try). */
struct path {
    const struct gate_step *steps;
    size_t count;
    uint8_t decided_by;
    enum says says, would;
    enum reason would_reason;
    const struct step *step; /* of the policy that decided, or NULL */
    const struct step *now;  /* as it is now, for its verb and its people; or NULL */
    const struct bundle_saw *saw;
    size_t saw_count;
    bool has_confidence;
    double confidence;
};

/* false: no path is known. */
bool path_of_view(const struct view *view, struct path *out);
/* "switch running · rule paid-already no (balance 420 > 0) · risk normal → send" */
void path_add_text(const struct path *path, struct buf *out);
/* The gate at this index as a cause: "rule large-account (balance 12000 > 10000, file.yaml:22)". */
void path_add_cause(const struct path *path, size_t index, struct buf *out);
/* "send", "ask finance", "hold", … */
void path_add_says(const struct path *path, enum says says, struct buf *out);
/* The first gate that gave this reason (what observe would have named), or count. */
size_t path_find_would(const struct path *path);
/* [{"gate":"switch","says":"go","saw":{"position":"running"}},…] */
void path_add_json(const struct path *path, struct buf *out);
