/* core/outcome.h - what one attempt's result means, and what follows from it.
 * Owns: the outcome of every status and phase (design 4.1, semantics 1.2) and the table outcome
 *   x effect (design 4.2).
 * Invariants:
 *   1. Zero is OUTCOME_UNCERTAIN: what is unknown may have happened.
 *   2. not_sent only if no byte left.
 *   3. A 2xx to a write is ok or uncertain, never failed, unless `failure` holds (R2).
 *   4. What may have happened is repeated only where the upstream recognises it (I3). */
#pragma once
#include "policy/types.h"

enum outcome {
    OUTCOME_UNCERTAIN,
    OUTCOME_OK,
    OUTCOME_NOT_SENT,
    OUTCOME_BUSY,
    OUTCOME_FAILED,
    OUTCOME_COUNT
};

/* Why an action is where it is. The stable code and the words for people stand in one table. */
#define REASON_LIST(X)                                                                             \
    X(REASON_NONE, "none")                                                                         \
    /* how an attempt was read */                                                                  \
    X(REASON_STATUS, "status")                                                                     \
    X(REASON_STATUS_DECLARED, "status_declared")                                                   \
    X(REASON_SUCCESS_TRUE, "success_true")                                                         \
    X(REASON_SUCCESS_FALSE, "success_false")                                                       \
    X(REASON_SUCCESS_ERROR, "success_error")                                                       \
    X(REASON_FAILURE_TRUE, "failure_true")                                                         \
    X(REASON_NO_CONNECTION, "no_connection")                                                       \
    X(REASON_CERTIFICATE, "certificate")                                                           \
    X(REASON_WITHHELD, "withheld")                                                                 \
    X(REASON_NO_ANSWER, "no_answer")                                                               \
    X(REASON_TIMEOUT, "timeout")                                                                   \
    X(REASON_CRASH, "crash")                                                                       \
    X(REASON_LEASE, "lease_over")                                                                  \
    X(REASON_NOT_BEGUN, "not_begun")                                                               \
    X(REASON_REPORTED, "reported")                                                                 \
    X(REASON_CONFLICT_409, "conflict_after_uncertain")                                             \
    /* why nothing is tried again by itself */                                                     \
    X(REASON_HINT, "upstream_says_no_retry")                                                       \
    X(REASON_ATTEMPTS_SPENT, "attempts_spent")                                                     \
    X(REASON_WITHIN_OVER, "within_over")                                                           \
    X(REASON_NO_TOKEN, "retry_budget_empty")                                                       \
    X(REASON_RETRY_AFTER, "retry_after_too_long")                                                  \
    X(REASON_UPSTREAM_DOWN, "upstream_down")                                                       \
    X(REASON_NO_IDEMPOTENCY, "no_idempotency")                                                     \
    X(REASON_KEEPS_OVER, "keeps_over")                                                             \
    X(REASON_OBSERVE, "observe_tries_once")                                                        \
    X(REASON_RELEASES_SPENT, "releases_spent")                                                     \
    X(REASON_NO_ROOM, "waits_for_a_free_call")                                                     \
    /* gates and people */                                                                         \
    X(REASON_STOP, "stop")                                                                         \
    X(REASON_ON_FALLBACK, "switch_on_fallback")                                                    \
    X(REASON_ON_REVIEW, "switch_on_review")                                                        \
    X(REASON_ON_CAUTION, "switch_on_caution")                                                      \
    X(REASON_RULE, "rule")                                                                         \
    X(REASON_LOW_CONFIDENCE, "low_confidence")                                                     \
    X(REASON_MODE_REVIEW, "mode_review")                                                           \
    X(REASON_STALE, "stale")                                                                       \
    X(REASON_UNDECIDABLE, "undecidable")                                                           \
    X(REASON_RENDER, "cannot_render")                                                              \
    X(REASON_HOLD_ENDED, "hold_ended")                                                             \
    X(REASON_PERSON, "person")                                                                     \
    X(REASON_PERSON_BY_HAND, "person_by_hand")                                                     \
    X(REASON_QUARANTINE, "quarantine")                                                             \
    X(REASON_LATE, "late_outcome")                                                                 \
    X(REASON_RETIRED, "retired")                                                                   \
    /* what interlock asked for */                                                                 \
    X(REASON_BY_CHECK, "by_check")                                                                 \
    X(REASON_CHECK_SAYS_NOT, "check_says_not")                                                     \
    X(REASON_CHECK_CANNOT_TELL, "check_cannot_tell")                                               \
    X(REASON_FACT, "needs_fresh_fact")                                                             \
    /* one thing at a time (R11) */                                                                \
    X(REASON_ORDER, "older_one_first")                                                             \
    X(REASON_OVERTAKEN, "newer_one_has_started")                                                   \
    X(REASON_SUPERSEDED, "superseded")                                                             \
    /* fallbacks */                                                                                \
    X(REASON_FALLBACK, "fallback")                                                                 \
    X(REASON_TEMPLATE, "template")                                                                 \
    X(REASON_PAST_DUE, "past_due")

enum reason {
#define X(name, text) name,
    REASON_LIST(X)
#undef X
        REASON_COUNT
};

enum hint { HINT_NONE, HINT_NO_RETRY, HINT_RETRY };
enum tested { TESTED_ABSENT, TESTED_TRUE, TESTED_FALSE, TESTED_ERROR };
enum phase { PHASE_SENT, PHASE_NOT_SENT, PHASE_ANSWERED };

/* What is known of one attempt, in numbers. */
struct attempt_result {
    enum phase phase;
    bool is_withheld, is_certificate_bad, is_timeout, is_cut;
    int status;
    enum status_meaning declared; /* the step's `outcomes` before the upstream's */
    enum hint hint;
    int64_t retry_after_ms; /* -1 = none */
    enum tested success, failure;
};

struct verdict {
    enum outcome outcome;
    enum reason reason;
    bool is_once;   /* 421 and 425: one more try at most */
    bool may_retry; /* false: a hint or a permanent fault forbids another try */
};

/* had_uncertain: an earlier attempt of the action may have happened (409 under by-key). */
struct verdict outcome_classify(const struct step_terms *terms, const struct attempt_result *result,
                                bool had_uncertain);

/* What the table of design 4.2 says next, before caps, time and budget are asked. */
enum follow { FOLLOW_UNCERTAIN, FOLLOW_DONE, FOLLOW_RETRY, FOLLOW_CHAIN };
enum follow outcome_follow(enum effect_class effect, enum idempotency idempotency,
                           enum outcome outcome, bool may_have_happened);

/* What an attempt says about its upstream, whatever it means for the action (semantics 1.2, B). */
enum upstream_signal {
    SIGNAL_NONE,    /* nothing: it was not asked, or it said when to come back */
    SIGNAL_ANSWER,  /* it lives: also 4xx, and what the policy declares */
    SIGNAL_FAILURE, /* not reached, no whole answer, 408, 5xx that may pass */
    SIGNAL_BUSY     /* it takes no more, and did not say until when */
};
enum upstream_signal outcome_signal(const struct verdict *verdict,
                                    const struct attempt_result *result);

const char *outcome_name(enum outcome outcome);
bool outcome_parse(struct slice name, enum outcome *out_outcome);
const char *reason_name(enum reason reason); /* the stable code: "no_answer" */
