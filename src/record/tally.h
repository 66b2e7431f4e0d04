/* record/tally.h - what is counted of one workflow in one hour, for status, report and ready.
 * Owns: the list of counters, which record moves which of them, and the bytes of a row in
 *   STORE_COUNTS: how many numbers, then the numbers.
 * Invariants:
 *   1. A counter is moved by one record, once, so that a start can count again what came after the
 *      last row from the records. Repeats are in no record: a crash may lose those of a second.
 *   2. New counters stand at the end of the list: a row with fewer is of an older version. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "record/record.h"
#include "record/row.h"

#define TALLY_LIST(X)                                                                              \
    X(TALLY_AUTOMATIC, "automatic") /* done by its own call, and no person had a hand in it */     \
    X(TALLY_REVIEWED, "reviewed")   /* done by people's word */                                    \
    X(TALLY_REJECTED, "rejected")                                                                  \
    X(TALLY_FAILED, "failed")                                                                      \
    X(TALLY_CANCELLED, "cancelled")                                                                \
    X(TALLY_EXPIRED, "expired")                                                                    \
    X(TALLY_IN_TIME, "in_time") /* within `sla` */                                                 \
    X(TALLY_LATE, "late")                                                                          \
    X(TALLY_LOW_CONFIDENCE, "degraded_low_confidence") /* done by the fallback of this cause */    \
    X(TALLY_RULE, "degraded_rule")                                                                 \
    X(TALLY_UNAVAILABLE, "degraded_unavailable")                                                   \
    X(TALLY_FAILURE, "degraded_failed")                                                            \
    X(TALLY_EXPIRY, "degraded_expired")                                                            \
    X(TALLY_STOPPED, "degraded_stopped")                                                           \
    X(TALLY_SUBMITTED, "submitted")                                                                \
    X(TALLY_REPEATS, "repeats")           /* asked again, and answered without doing it again */   \
    X(TALLY_PREVENTED, "prevented")       /* of them, those that had been sent already */          \
    X(TALLY_APPROVED, "approved")         /* unchanged, by a person */                             \
    X(TALLY_EDITED, "edited")             /* approved with a change */                             \
    X(TALLY_DECLINED, "declined")         /* not approved */                                       \
    X(TALLY_UNCERTAIN, "uncertain")       /* became uncertain */                                   \
    X(TALLY_HAPPENED, "happened")         /* settled by a person: it did happen */                 \
    X(TALLY_NOT_HAPPENED, "not_happened") /* settled by a person: it did not */                    \
    X(TALLY_LATE_ANSWER, "late_answer")   /* settled by an answer that came late, or by a check */ \
    X(TALLY_WOULD_REVIEW, "would_review") /* observe: auto would have asked a person */            \
    X(TALLY_WOULD_HOLD, "would_hold")                                                              \
    X(TALLY_WOULD_REJECT, "would_reject")                                                          \
    X(TALLY_KEY_CONFLICT, "key_conflict")       /* observe: same key, other input */               \
    X(TALLY_NO_KEY, "no_key")                   /* observe: nothing says when two are the same */  \
    X(TALLY_OBSERVED, "observed")               /* submitted in mode observe */                    \
    X(TALLY_WOULD_FALL_BACK, "would_fall_back") /* observe: auto would have taken a fallback */    \
    X(TALLY_TEMPLATE, "by_template")            /* answered by a template */                       \
    X(TALLY_TWICE, "answered_twice") /* one more attempt of what had ended was answered with ok */ \
    X(TALLY_FALLBACK,                                                                              \
      "by_fallback") /* done by a call of its fallback, no person had a hand in it */
enum tally_counter {
#define X(name, text) name,
    TALLY_LIST(X)
#undef X
        TALLY_COUNT
};
/* The fallbacks' causes stand in the order of enum cause. */
static inline enum tally_counter tally_of_cause(enum cause cause)
{
    return (enum tally_counter)(TALLY_LOW_CONFIDENCE + cause - CAUSE_LOW_CONFIDENCE);
}

struct tally {
    uint64_t n[TALLY_COUNT];
};

/* All that was done by a call: what a template answered was not. */
static inline uint64_t tally_done(const struct tally *tally)
{
    return tally->n[TALLY_AUTOMATIC] + tally->n[TALLY_REVIEWED] + tally->n[TALLY_FALLBACK];
}

/* What became of the actions of one risk class of a step. */
struct risk_counts {
    uint64_t automatic, reviewed, fallback, other; /* other: not done */
    uint64_t degraded;                             /* in these, by a fallback */
};
/* One step, for status and metrics. */
struct step_counts {
    struct slice step;
    uint64_t in_review, held;             /* now */
    uint64_t degraded[CAUSE_COUNT];       /* since the time that was asked for */
    uint64_t degraded_total[CAUSE_COUNT]; /* since the process started */
    size_t risk_count;                    /* declared classes; the one behind them is normal */
    struct slice risk_names[LIMIT_RISKS + 1];
    struct risk_counts risks[LIMIT_RISKS + 1];
};

/* Marks of an admission in mode observe (the record's `subject`). */
#define TALLY_MARK_CONFLICT "key-conflict"
#define TALLY_MARK_NO_KEY "no-key"

/* Does this record end the action of this row? Then the row is needed for tally_add. */
bool tally_is_end(const struct record *record);
/* Was it done by people's word? */
bool tally_had_people(const struct action *action);
/* By what it was done: one of AUTOMATIC, FALLBACK, TEMPLATE, REVIEWED. */
enum tally_counter tally_of_done(const struct action *action);
/* What the record moves. row: of the action, as it is now; read only where tally_is_end. sla_ms: of
 * its step, 0 = none. */
void tally_add(struct tally *tally, const struct record *record, const struct row *row,
               int64_t sla_ms);
void tally_sum(struct tally *into, const struct tally *other);

void tally_encode(const struct tally *tally, struct buf *out);
MUST_USE enum err tally_decode(struct slice bytes, struct tally *out);
/* "WORKFLOW/0000491234": hours since 1970, so that keys are in order of time. */
void tally_key_add(struct buf *out, struct slice workflow, int64_t hour);
bool tally_key_parse(struct slice key, struct slice workflow, int64_t *out_hour);
const char *tally_name(enum tally_counter counter);
