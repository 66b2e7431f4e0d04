#include "core/gate.h"

#include "base/check.h"
#include "core/chain.h"

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
    uint8_t entry;
};

static struct gate_opinion gate_go(void)
{
    return (struct gate_opinion){.says = SAYS_GO};
}

/* The answer that a fallback makes by its first WHAT: review = review, hold = hold, all else =
 * fallback. */
static struct gate_opinion gate_by_what(const struct step_terms *terms, enum cause cause,
                                        enum reason reason)
{
    struct gate_opinion opinion = {
        .cause = cause, .reason = reason, .what = terms->what[cause], .entry = (uint8_t)cause};
    switch (opinion.what.kind) {
    case WHAT_REVIEW:
        opinion.says = SAYS_REVIEW;
        return opinion;
    case WHAT_HOLD:
        opinion.says = SAYS_HOLD;
        return opinion;
    case WHAT_REFUSE:
    case WHAT_END:
    case WHAT_SKIP:
    case WHAT_ANSWER:
    case WHAT_ROUTE:
        opinion.says = SAYS_FALLBACK;
        return opinion;
    }
    CHECK_UNREACHABLE();
}

/* A review that no fallback line can take away. */
static struct gate_opinion gate_review(const struct step_terms *terms, enum reason reason)
{
    return (struct gate_opinion){.says = SAYS_REVIEW,
                                 .cause = CAUSE_RULE,
                                 .reason = reason,
                                 .what = {.kind = WHAT_REVIEW, .ms = chain_review_due_ms(terms)}};
}

static struct gate_opinion gate_hold_at_stop(struct gate_opinion opinion)
{
    opinion.says = SAYS_HOLD;
    opinion.entry = 0;
    opinion.what = (struct what){.kind = WHAT_HOLD, .ms = GATE_HOLD_AT_STOP_MS};
    return opinion;
}

static bool gate_is_persons(const struct gate_question *question)
{
    return question->is_approved || question->is_granted;
}

/* `stopped`: nothing starts, whoever let it go. */
static struct gate_opinion gate_ask_stopped(const struct gate_question *question)
{
    struct gate_opinion opinion = gate_by_what(question->terms, CAUSE_STOPPED, REASON_STOP);
    if (opinion.what.kind == WHAT_REFUSE || opinion.what.kind == WHAT_END)
        opinion.says = SAYS_REFUSE;
    if (question->is_stored && opinion.says != SAYS_HOLD)
        return gate_hold_at_stop(opinion);
    /* `stopped: review` shows the work to a person, who cannot start it before the restart. */
    bool is_decided = opinion.says == SAYS_REVIEW && gate_is_persons(question);
    return is_decided ? gate_hold_at_stop(opinion) : opinion;
}

/* An upstream on fallback: no call of it, also not one that a person let go. */
static struct gate_opinion gate_ask_upstream_fallback(const struct gate_question *question)
{
    if (question->route > 0) /* another way that is closed too: the entry behind it */
        return (struct gate_opinion){
            .says = SAYS_FALLBACK, .cause = question->walked, .reason = REASON_ON_FALLBACK};
    struct gate_opinion opinion =
        gate_by_what(question->terms, CAUSE_UNAVAILABLE, REASON_ON_FALLBACK);
    bool is_decided = opinion.says == SAYS_REVIEW && gate_is_persons(question);
    return is_decided ? gate_hold_at_stop(opinion) : opinion;
}

/* Soft: only while the people have room. */
static bool gate_is_cautious(const struct gate_question *question)
{
    const struct step_terms *terms = question->terms;
    const struct what *review = &terms->what[CAUSE_LOW_CONFIDENCE];
    bool is_full = review->kind == WHAT_REVIEW && review->at_most > 0 &&
                   question->open_reviews >= review->at_most;
    bool is_low =
        terms->has_confidence && (!question->facts->has_confidence ||
                                  !(question->facts->confidence >= terms->confidence_at_least));
    return !is_full && question->route == 0 &&
           (is_low || question->caution_roll < GATE_CAUTION_SHARE);
}

static struct gate_opinion gate_stricter(struct gate_opinion first, struct gate_opinion second)
{
    return second.says > first.says ? second : first;
}

static struct gate_opinion gate_ask_switch(const struct gate_question *question)
{
    unsigned restrictions = question->restrictions;
    bool is_write = question->terms->effect == EFFECT_WRITE;
    struct gate_opinion opinion = gate_go();
    if (restrictions & RESTRICT_STARTS)
        return gate_ask_stopped(question);
    if (restrictions & RESTRICT_UPSTREAM)
        opinion = gate_ask_upstream_fallback(question);
    if ((restrictions & RESTRICT_PRIMARY) && question->route == 0 && !gate_is_persons(question))
        opinion = gate_stricter(
            opinion, gate_by_what(question->terms, CAUSE_LOW_CONFIDENCE, REASON_ON_FALLBACK));
    if ((restrictions & RESTRICT_APPROVAL) && is_write)
        opinion = gate_stricter(opinion, gate_review(question->terms, REASON_ON_REVIEW));
    if ((restrictions & RESTRICT_CAUTION) && is_write && gate_is_cautious(question))
        opinion = gate_stricter(opinion, gate_review(question->terms, REASON_ON_CAUTION));
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
        bool is_careful = opinion.says == SAYS_HOLD || opinion.says == SAYS_REVIEW;
        return is_careful && question->route == 0
                   ? opinion
                   : gate_review(question->terms, REASON_UNDECIDABLE);
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
                                     .what = {.kind = WHAT_HOLD, .ms = rule->hold_ms}};
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
    return opinion.says == SAYS_REVIEW && question->route == 0
               ? opinion
               : gate_review(terms, REASON_MODE_REVIEW);
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
                                                        : GATE_HOLD_AT_STOP_MS}};
    return gate_review(terms, REASON_STALE);
}

static struct gate_opinion gate_ask_upstream(const struct gate_question *question)
{
    if (!question->is_upstream_down)
        return gate_go();
    if (question->route > 0) /* another way that is closed too: the entry behind it */
        return (struct gate_opinion){
            .says = SAYS_FALLBACK, .cause = question->walked, .reason = REASON_UPSTREAM_DOWN};
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
        opinion.what = (struct what){.kind = WHAT_HOLD, .ms = GATE_HOLD_AT_STOP_MS};
    return opinion;
}

/* Was this answered already: by a person who approved, or by the fallback that the action is in,
 * which is there because of it? What the mode, freshness and undecidable rules say is never. */
static bool gate_is_answered(const struct gate_question *question,
                             const struct gate_opinion *opinion)
{
    bool is_approved = gate_is_persons(question);
    if (opinion->says == SAYS_REVIEW && is_approved)
        return true; /* invariant 3 */
    if (opinion->entry == 0 || question->walked == CAUSE_NONE ||
        opinion->cause != question->walked || opinion->cause == CAUSE_STOPPED)
        return false;
    if (opinion->reason != REASON_RULE && opinion->reason != REASON_LOW_CONFIDENCE)
        return opinion->says == SAYS_FALLBACK && is_approved;
    return question->route > 0 || (opinion->says == SAYS_FALLBACK && is_approved);
}

/* Adds an answer to the path; the first most restrictive one decides. */
static void gate_add(struct gate_answer *answer, struct gate_step step,
                     const struct gate_opinion *opinion, const struct gate_question *question)
{
    CHECK(answer->path_count < LIMIT_PATH_GATES);
    step.says = opinion->says;
    answer->path[answer->path_count] = step;
    bool counts = !gate_is_answered(question, opinion);
    if (counts && opinion->says > answer->says) {
        answer->says = opinion->says;
        answer->cause = opinion->cause;
        answer->reason = opinion->reason;
        answer->what = opinion->what;
        answer->entry = opinion->entry;
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
    struct gate_question stops = *question;
    stops.restrictions &= RESTRICT_STARTS | RESTRICT_UPSTREAM;
    struct gate_opinion opinion = gate_ask_switch(&stops);
    answer->says = opinion.says;
    answer->cause = opinion.cause;
    answer->reason = opinion.reason;
    answer->what = opinion.what;
    answer->entry = opinion.entry;
    answer->decided_by = 1; /* the switch stands second, after risk */
}

void gate_decide(const struct gate_question *question, struct gate_answer *out_answer)
{
    const struct step_terms *terms = question->terms;
    const struct gate_facts *facts = question->facts;
    CHECK(facts->rule_count <= LIMIT_RULES);
    struct gate_answer answer = {.says = SAYS_NOTE, .risk = gate_risk(terms, facts)};
    struct gate_opinion opinion = {.says = SAYS_NOTE};
    enum truth risk_truth = TRUTH_FALSE;
    if (answer.risk < facts->risk_count)
        risk_truth = facts->risks[answer.risk];
    gate_add(&answer, (struct gate_step){GATE_RISK, SAYS_NOTE, answer.risk, risk_truth}, &opinion,
             question);
    opinion = gate_ask_switch(question);
    gate_add(&answer,
             (struct gate_step){.gate = GATE_SWITCH,
                                .index = (uint8_t)restriction_position(question->restrictions)},
             &opinion, question);
    for (size_t i = 0; i < facts->rule_count; i++) {
        opinion = gate_ask_rule(question, i);
        gate_add(&answer, (struct gate_step){GATE_RULE, SAYS_NOTE, (uint8_t)i, facts->rules[i]},
                 &opinion, question);
    }
    opinion = gate_ask_confidence(question);
    gate_add(&answer, (struct gate_step){.gate = GATE_CONFIDENCE}, &opinion, question);
    opinion = gate_ask_mode(question);
    gate_add(&answer, (struct gate_step){.gate = GATE_MODE}, &opinion, question);
    opinion = gate_ask_freshness(question);
    gate_add(&answer, (struct gate_step){.gate = GATE_FRESHNESS}, &opinion, question);
    opinion = gate_ask_upstream(question);
    gate_add(&answer, (struct gate_step){.gate = GATE_UPSTREAM}, &opinion, question);
    if (question->is_ordered) {
        opinion = gate_ask_order(question);
        gate_add(&answer, (struct gate_step){.gate = GATE_ORDER}, &opinion, question);
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
        [SAYS_NOTE] = "note",         [SAYS_GO] = "go",     [SAYS_REVIEW] = "review",
        [SAYS_FALLBACK] = "fallback", [SAYS_HOLD] = "hold", [SAYS_REFUSE] = "refuse",
        [SAYS_REJECT] = "reject",
    };
    CHECK((unsigned)says < SAYS_COUNT);
    return names[says];
}
