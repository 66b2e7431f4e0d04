/* core/audit.h - the random draw of automatic actions, and what a label of an action is worth.
 * Owns: whether an action is drawn, whether its draw counts, and R21: which labels are the unbiased
 *   sample, which are complaints, which only correct reports.
 * Invariants:
 *   1. An action is drawn once, at its submit, by the random number of that event; the record keeps
 *      the roll and the share, so that the draw can be repeated from the store.
 *   2. A draw counts only if the action ran by itself: no person let it go or settled it, and no
 *      fallback took its place.
 *   3. A label counts once: the first one, while it is young enough. Without a label nothing is
 *      "right". */
#pragma once
#include "core/action.h"

enum { AUDIT_WHOLE = 1000000 }; /* shares and rolls are in millionths */

/* 0 to AUDIT_WHOLE - 1; drawn when it is below the share. */
uint32_t audit_roll(uint64_t random);
/* Done as it was asked for: by no fallback, and no person let it go, did it or settled it. */
bool action_ran_by_itself(const struct action *action);
/* Does its draw count? */
static inline bool audit_counts(const struct action *action)
{
    return action->is_drawn && action_ran_by_itself(action);
}

/* What a label is used for. */
#define LABEL_USE_LIST(X)                                                                          \
    X(LABEL_KEPT, "kept")             /* zero: for reports only */                                 \
    X(LABEL_SAMPLE, "sample")         /* of the draw: feeds `misclassified` and the estimate */    \
    X(LABEL_COMPLAINT, "complaint")   /* says wrong, and nobody drew it */                         \
    X(LABEL_CORRECTION, "correction") /* not the first one */
enum label_use {
#define X(name, text) name,
    LABEL_USE_LIST(X)
#undef X
        LABEL_USE_COUNT
};

/* One label of one action, as the triggers get it. */
struct label_event {
    struct slice workflow, step;
    bool is_drawn;  /* the draw counts: an audit was opened for it */
    bool is_wrong;  /* not the first of the step's labels */
    bool is_first;  /* of this action */
    bool was_wrong; /* it counts as wrong so far; is_first: false */
    int64_t started_unix_ms, labelled_unix_ms;
    int64_t first_label_unix_ms; /* is_first: 0 */
};
enum label_use label_use_of(const struct label_event *event, int64_t label_age_ms);
/* A wrong that has become right: what was counted for it is taken back (R21). */
static inline bool label_clears(const struct label_event *event)
{
    return !event->is_first && event->was_wrong && !event->is_wrong;
}
/* Does it feed a trigger of its scope, whose last restart was then (0 = none)? */
static inline bool label_feeds(const struct label_event *event, enum label_use use,
                               int64_t restart_unix_ms)
{
    return (use == LABEL_SAMPLE || use == LABEL_COMPLAINT) &&
           event->started_unix_ms > restart_unix_ms;
}
const char *label_use_name(enum label_use use);
