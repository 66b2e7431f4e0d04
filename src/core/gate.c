#include "core/gate.h"

#include "base/check.h"

/* A stop holds what is stored already for at least this long, also where the policy refuses new
 * work (policy.md, Kinds). */
enum { GATE_HOLD_AT_STOP_MS = 24 * 3600 * 1000, GATE_REVIEW_DUE_MS = 4 * 3600 * 1000 };

uint8_t gate_risk(const struct step_terms *terms, const struct gate_facts *facts)
{
    for (size_t i = 0; i < facts->risk_count; i++)
        if (facts->risks[i] == TRUTH_UNDECIDABLE)
            return 0; /* invariant 2: the highest declared class */
    for (size_t i = 0; i < facts->risk_count; i++)
        if (facts->risks[i] == TRUTH_TRUE)
            return (uint8_t)i;
    return (uint8_t)terms->risk_count;
}

/* What one gate thinks, before it is compared with the others. */
struct gate_opinion {
    enum says says;
    enum cause cause;
    enum reason reason;
    struct what what;
};

static struct gate_opinion gate_go(void)
{
    return (struct gate_opinion){.says = SAYS_GO};
}

/* The answer that a fallback's WHAT makes: review = review, hold = hold, all else refuses. */
static struct gate_opinion gate_by_what(const struct step_terms *terms, enum cause cause,
                                        enum reason reason)
{
    struct gate_opinion opinion = {.cause = cause, .reason = reason, .what = terms->what[cause]};
    switch (opinion.what.kind) {
    case WHAT_REVIEW:
        opinion.says = SAYS_REVIEW;
        return opinion;
    case WHAT_HOLD:
        opinion.says = SAYS_HOLD;
        return opinion;
    case WHAT_REFUSE:
    case WHAT_END:
        opinion.says = SAYS_REFUSE;
        return opinion;
    }
    CHECK_UNREACHABLE();
}

static struct gate_opinion gate_ask_switch(const struct gate_question *question)
{
    if (!question->is_stopped)
        return gate_go();
    struct gate_opinion opinion = gate_by_what(question->terms, CAUSE_STOPPED, REASON_STOP);
    if (question->is_stored && opinion.says != SAYS_HOLD) {
        opinion.says = SAYS_HOLD;
        opinion.what = (struct what){.kind = WHAT_HOLD,
                                     .ms = GATE_HOLD_AT_STOP_MS,
                                     .then_kind = WHAT_REVIEW,
                                     .then_ms = GATE_REVIEW_DUE_MS};
    }
    /* `stopped: review` shows the work to a person, who cannot start it before the restart. */
    return opinion;
}

static struct gate_opinion gate_ask_rule(const struct gate_question *question, size_t index)
{
    const struct rule *rule = &question->rules[index];
    enum truth truth = question->facts->rules[index];
    struct gate_opinion note = {.says = SAYS_NOTE};
    if (truth == TRUTH_FALSE)
        return note;
    if (truth == TRUTH_UNDECIDABLE) { /* invariant 2, also for `allow`: the policy cannot be read */
        struct gate_opinion opinion = gate_by_what(question->terms, CAUSE_RULE, REASON_UNDECIDABLE);
        return opinion.says == SAYS_HOLD || opinion.says == SAYS_REVIEW
                   ? opinion
                   : (struct gate_opinion){.says = SAYS_REVIEW,
                                           .cause = CAUSE_RULE,
                                           .reason = REASON_UNDECIDABLE,
                                           .what = {.kind = WHAT_REVIEW, .ms = GATE_REVIEW_DUE_MS}};
    }
    switch (rule->says) {
    case RULE_REJECT:
        return (struct gate_opinion){
            .says = SAYS_REJECT, .cause = CAUSE_RULE, .reason = REASON_RULE};
    case RULE_HOLD:
        if (question->is_hold_rule_spent)
            return note;
        return (struct gate_opinion){.says = SAYS_HOLD,
                                     .cause = CAUSE_RULE,
                                     .reason = REASON_RULE,
                                     .what = {.kind = WHAT_HOLD,
                                              .ms = rule->hold_ms,
                                              .then_kind = WHAT_REVIEW,
                                              .then_ms = GATE_REVIEW_DUE_MS}};
    case RULE_REVIEW:
        return gate_by_what(question->terms, CAUSE_RULE, REASON_RULE);
    case RULE_ALLOW:
        return note;
    }
    CHECK_UNREACHABLE();
}

static struct gate_opinion gate_ask_confidence(const struct gate_question *question)
{
    const struct step_terms *terms = question->terms;
    if (!terms->has_confidence)
        return gate_go();
    bool is_low = !question->facts->has_confidence ||
                  !(question->facts->confidence >= terms->confidence_at_least);
    return is_low ? gate_by_what(terms, CAUSE_LOW_CONFIDENCE, REASON_LOW_CONFIDENCE) : gate_go();
}

static struct gate_opinion gate_ask_mode(const struct gate_question *question)
{
    const struct step_terms *terms = question->terms;
    if (terms->mode != MODE_REVIEW || terms->effect == EFFECT_READ)
        return gate_go();
    /* The mode promises a person; a fallback line cannot take that away. */
    struct gate_opinion opinion = gate_by_what(terms, CAUSE_RULE, REASON_MODE_REVIEW);
    if (opinion.says != SAYS_REVIEW) {
        opinion.says = SAYS_REVIEW;
        opinion.what = (struct what){.kind = WHAT_REVIEW, .ms = GATE_REVIEW_DUE_MS};
    }
    return opinion;
}

static struct gate_opinion gate_ask_freshness(const struct gate_question *question)
{
    const struct step_terms *terms = question->terms;
    if (terms->effect == EFFECT_READ || question->age_ms <= terms->stale_after_ms)
        return gate_go();
    if (terms->has_refresh) /* R10: read first; the whole gate decides when it is there */
        return (struct gate_opinion){.says = SAYS_HOLD,
                                     .cause = CAUSE_RULE,
                                     .reason = REASON_FACT,
                                     .what = {.kind = WHAT_HOLD,
                                              .ms = terms->what[CAUSE_UNAVAILABLE].kind == WHAT_HOLD
                                                        ? terms->what[CAUSE_UNAVAILABLE].ms
                                                        : GATE_HOLD_AT_STOP_MS,
                                              .then_kind = WHAT_REVIEW,
                                              .then_ms = GATE_REVIEW_DUE_MS}};
    return (struct gate_opinion){.says = SAYS_REVIEW,
                                 .cause = CAUSE_RULE,
                                 .reason = REASON_STALE,
                                 .what = {.kind = WHAT_REVIEW,
                                          .ms = terms->what[CAUSE_RULE].kind == WHAT_REVIEW
                                                    ? terms->what[CAUSE_RULE].ms
                                                    : GATE_REVIEW_DUE_MS}};
}

static struct gate_opinion gate_ask_upstream(const struct gate_question *question)
{
    if (!question->is_upstream_down)
        return gate_go();
    return gate_by_what(question->terms, CAUSE_UNAVAILABLE, REASON_UPSTREAM_DOWN);
}

/* At most one unended action of an order key may start: the oldest. */
static struct gate_opinion gate_ask_order(const struct gate_question *question)
{
    if (!question->is_older_open)
        return gate_go();
    struct gate_opinion opinion = {.says = SAYS_HOLD,
                                   .reason = REASON_ORDER,
                                   .what = question->terms->what[CAUSE_UNAVAILABLE]};
    if (opinion.what.kind != WHAT_HOLD)
        opinion.what = (struct what){.kind = WHAT_HOLD,
                                     .ms = GATE_HOLD_AT_STOP_MS,
                                     .then_kind = WHAT_REVIEW,
                                     .then_ms = GATE_REVIEW_DUE_MS};
    return opinion;
}

/* Adds an answer to the path; the first most restrictive one decides. */
static void gate_add(struct gate_answer *answer, struct gate_step step,
                     const struct gate_opinion *opinion, bool is_approved)
{
    CHECK(answer->path_count < LIMIT_PATH_GATES);
    step.says = opinion->says;
    answer->path[answer->path_count] = step;
    /* Invariant 3: what a person approved needs no second review. */
    bool counts = opinion->says != SAYS_REVIEW || !is_approved;
    if (counts && opinion->says > answer->says) {
        answer->says = opinion->says;
        answer->cause = opinion->cause;
        answer->reason = opinion->reason;
        answer->what = opinion->what;
        answer->decided_by = answer->path_count;
    }
    answer->path_count++;
}

/* In observe nothing but a stop keeps the call from going out; what auto would say is kept. */
static void gate_observe(const struct gate_question *question, struct gate_answer *answer)
{
    answer->would = answer->says;
    answer->would_reason = answer->reason;
    if (question->terms->mode != MODE_OBSERVE)
        return;
    struct gate_opinion opinion = gate_ask_switch(question);
    answer->says = opinion.says;
    answer->cause = opinion.cause;
    answer->reason = opinion.reason;
    answer->what = opinion.what;
    answer->decided_by = 1; /* the switch stands second, after risk */
}

void gate_decide(const struct gate_question *question, struct gate_answer *out_answer)
{
    const struct step_terms *terms = question->terms;
    const struct gate_facts *facts = question->facts;
    CHECK(facts->rule_count <= LIMIT_RULES);
    struct gate_answer answer = {.says = SAYS_NOTE, .risk = gate_risk(terms, facts)};
    bool is_approved = question->is_approved || question->is_granted;
    struct gate_opinion opinion = {.says = SAYS_NOTE};
    enum truth risk_truth = TRUTH_FALSE;
    if (answer.risk < facts->risk_count)
        risk_truth = facts->risks[answer.risk];
    gate_add(&answer, (struct gate_step){GATE_RISK, SAYS_NOTE, answer.risk, risk_truth}, &opinion,
             is_approved);
    opinion = gate_ask_switch(question);
    /* At a stop even an approved start waits: `stopped: review` then holds. */
    if (is_approved && opinion.says == SAYS_REVIEW)
        opinion.says = SAYS_HOLD, opinion.what = (struct what){.kind = WHAT_HOLD,
                                                               .ms = GATE_HOLD_AT_STOP_MS,
                                                               .then_kind = WHAT_REVIEW,
                                                               .then_ms = GATE_REVIEW_DUE_MS};
    gate_add(&answer, (struct gate_step){.gate = GATE_SWITCH}, &opinion, is_approved);
    for (size_t i = 0; i < facts->rule_count; i++) {
        opinion = gate_ask_rule(question, i);
        gate_add(&answer, (struct gate_step){GATE_RULE, SAYS_NOTE, (uint8_t)i, facts->rules[i]},
                 &opinion, is_approved);
    }
    opinion = gate_ask_confidence(question);
    gate_add(&answer, (struct gate_step){.gate = GATE_CONFIDENCE}, &opinion, is_approved);
    opinion = gate_ask_mode(question);
    gate_add(&answer, (struct gate_step){.gate = GATE_MODE}, &opinion, is_approved);
    opinion = gate_ask_freshness(question);
    gate_add(&answer, (struct gate_step){.gate = GATE_FRESHNESS}, &opinion, is_approved);
    opinion = gate_ask_upstream(question);
    gate_add(&answer, (struct gate_step){.gate = GATE_UPSTREAM}, &opinion, is_approved);
    if (question->is_ordered) {
        opinion = gate_ask_order(question);
        gate_add(&answer, (struct gate_step){.gate = GATE_ORDER}, &opinion, is_approved);
    }
    if (answer.says == SAYS_NOTE)
        answer.says = SAYS_GO;
    gate_observe(question, &answer);
    *out_answer = answer;
}

const char *gate_name(enum gate gate)
{
    static const char *const names[GATE_COUNT] = {
        [GATE_RISK] = "risk",         [GATE_SWITCH] = "switch",
        [GATE_RULE] = "rule",         [GATE_CONFIDENCE] = "confidence",
        [GATE_MODE] = "mode",         [GATE_FRESHNESS] = "freshness",
        [GATE_UPSTREAM] = "upstream", [GATE_ORDER] = "order",
    };
    CHECK((unsigned)gate < GATE_COUNT);
    return names[gate];
}

const char *says_name(enum says says)
{
    static const char *const names[SAYS_COUNT] = {
        [SAYS_NOTE] = "note", [SAYS_GO] = "go",         [SAYS_REVIEW] = "review",
        [SAYS_HOLD] = "hold", [SAYS_REFUSE] = "refuse", [SAYS_REJECT] = "reject",
    };
    CHECK((unsigned)says < SAYS_COUNT);
    return names[says];
}
