/* core/gate.h - may this action start by itself, now?
 * Owns: the order of answers (R18): risk first; all gates are always asked; the most
 *   restrictive answer wins: reject > refuse > hold > fallback > review > go; the first of equals
 *   is named.
 * Invariants:
 *   1. Every gate's answer is in the path, also when another one decided.
 *   2. What cannot be told is not "go": an undecidable rule reviews, an undecidable risk is the
 *      highest class, an absent confidence is low.
 *   3. An approval answers only `review`, for the request that was approved. */
#pragma once
#include "base/limits.h"
#include "core/outcome.h"
#include "core/switchboard.h"

enum gate {
    GATE_RISK,
    GATE_SWITCH,
    GATE_RULE,
    GATE_CONFIDENCE,
    GATE_MODE,
    GATE_FRESHNESS,
    GATE_UPSTREAM,
    GATE_ORDER, /* asked only where the step has an order key (R11) */
    GATE_COUNT
};
/* In order of force. SAYS_NOTE: recorded, no opinion (risk; an `allow` rule; a rule that is false).
 */
enum says {
    SAYS_NOTE,
    SAYS_GO,
    SAYS_REVIEW,
    SAYS_FALLBACK, /* its cause's fallback begins with something else than review or hold */
    SAYS_HOLD,
    SAYS_REFUSE, /* new work at a stop whose policy refuses it: nothing is stored */
    SAYS_REJECT,
    SAYS_COUNT
};

/* A stop holds what is stored already for so long, also where the policy refuses new work
 * (policy.md, Kinds). */
enum { GATE_HOLD_AT_STOP_MS = 24 * 3600 * 1000 };
/* Under caution this share of what is sure of itself goes to people too (design 6). */
enum { GATE_CAUTION_SHARE = 200000 };

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNDECIDABLE };

/* What the expressions said; policy/facts.h makes it. */
struct gate_facts {
    size_t rule_count;
    enum truth rules[LIMIT_RULES];
    size_t risk_count;
    enum truth risks[LIMIT_RISKS];
    bool has_confidence;
    double confidence;
};

struct gate_question {
    const struct step_terms *terms;
    const struct gate_facts *facts;
    const struct rule *rules; /* facts->rule_count of them; their says and hold_ms are read */
    unsigned restrictions;    /* enum restriction: of the stops that cover it (risk included) */
    uint32_t caution_roll;   /* of the action, in millionths, below GATE_CAUTION_SHARE = reviewed */
    uint64_t open_reviews;   /* of the step: caution stops at the review's `at most` */
    uint8_t route;           /* 0 = the step's own call */
    enum cause walked;       /* whose fallback it is in: what led there is not asked twice */
    bool is_stored;          /* already admitted: held at a stop whatever `stopped` says */
    int64_t age_ms;          /* since the submit, or the newest fresh fact (R10) */
    bool is_upstream_down;   /* work is held for its upstream: queue behind it */
    bool is_ordered;         /* it has an order key */
    bool is_older_open;      /* an older action of its order key has not ended */
    bool is_approved;        /* a valid approval of this very request */
    bool is_granted;         /* a person said "send": counts as an approval */
    bool is_hold_rule_spent; /* its rule's hold has run out: that hold does not repeat */
};

struct gate_step {
    enum gate gate;
    enum says says;
    uint8_t index;    /* RULE: which rule; RISK: the class (risk_count = normal); SWITCH: the
                         enum position, but 0 for running too, where it says go */
    enum truth truth; /* RULE and RISK */
};

struct gate_answer {
    enum says says;
    enum cause cause; /* whose fallback applies, for REVIEW, HOLD, REFUSE, REJECT */
    enum reason reason;
    struct what what;   /* review due, hold time */
    uint8_t entry;      /* of the fallback; 0: `what` alone */
    uint8_t decided_by; /* index into path */
    uint8_t risk;       /* class; terms->risk_count = normal */
    enum says would;    /* mode observe: what auto would have said; else == says */
    enum reason would_reason;
    uint8_t path_count;
    struct gate_step path[LIMIT_PATH_GATES];
};

/* The class alone (stops may be scoped to it, so it is known before is_stopped is asked). */
uint8_t gate_risk(const struct step_terms *terms, const struct gate_facts *facts);
void gate_decide(const struct gate_question *question, struct gate_answer *out_answer);

const char *gate_name(enum gate gate);
const char *says_name(enum says says);
