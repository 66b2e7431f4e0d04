#include "core/outcome.h"

#include "base/check.h"

/* The meaning of a status by itself. Sources: RFC 9110 section 15, RFC 8470 (425), RFC 4918 11.5
 * (507), and semantics 1.2, which has the reason of each row. */
static enum outcome outcome_of_status(int status, enum effect_class effect)
{
    if (status >= 200 && status <= 299)
        return OUTCOME_OK;
    switch (status) {
    case 302: /* a POST that is answered so did happen (R2) */
    case 303:
        return effect == EFFECT_WRITE ? OUTCOME_UNCERTAIN : OUTCOME_FAILED;
    case 408: /* gateways send it for slow backends */
        return OUTCOME_UNCERTAIN;
    case 421: /* misdirected: another connection may do */
    case 425: /* too early: not processed */
    case 429: /* rejected before processing, by convention */
        return OUTCOME_BUSY;
    case 501:
    case 505:
    case 506:
    case 507:
    case 508:
    case 510:
    case 511: /* permanent */
        return OUTCOME_FAILED;
    default:
        break;
    }
    if (status >= 300 && status <= 499)
        return OUTCOME_FAILED;
    return OUTCOME_UNCERTAIN; /* 500, 502, 503, 504, and what nobody has heard of */
}

static struct verdict outcome_of_success(const struct step_terms *terms,
                                         const struct attempt_result *result, enum reason reason)
{
    struct verdict verdict = {.outcome = OUTCOME_OK, .reason = reason, .may_retry = true};
    switch (result->success) {
    case TESTED_ABSENT:
        /* A read without its body is no answer; a write with a cut one did happen. */
        if (result->is_cut && terms->effect == EFFECT_READ)
            verdict = (struct verdict){OUTCOME_UNCERTAIN, REASON_NO_ANSWER, false, true};
        return verdict;
    case TESTED_TRUE:
        verdict.reason = REASON_SUCCESS_TRUE;
        return verdict;
    case TESTED_FALSE:
        verdict = (struct verdict){OUTCOME_UNCERTAIN, REASON_SUCCESS_FALSE, false, true};
        return verdict;
    case TESTED_ERROR:
        verdict = (struct verdict){OUTCOME_UNCERTAIN, REASON_SUCCESS_ERROR, false, true};
        return verdict;
    }
    CHECK_UNREACHABLE();
}

static enum outcome outcome_of_meaning(enum status_meaning meaning, int status,
                                       enum effect_class effect)
{
    bool is_2xx = status >= 200 && status <= 299;
    switch (meaning) {
    case MEANING_NONE:
        return outcome_of_status(status, effect);
    case MEANING_BUSY: /* invariant 3: a 2xx is no promise that nothing happened */
        return is_2xx && effect == EFFECT_WRITE ? OUTCOME_UNCERTAIN : OUTCOME_BUSY;
    case MEANING_UNCERTAIN:
        return OUTCOME_UNCERTAIN;
    case MEANING_FAILED:
        return is_2xx && effect == EFFECT_WRITE ? OUTCOME_UNCERTAIN : OUTCOME_FAILED;
    case MEANING_OK:
        return OUTCOME_OK;
    }
    CHECK_UNREACHABLE();
}

/* x-should-retry: true makes a final answer one to repeat, where a repeat is harmless. */
static bool outcome_hint_applies(const struct step_terms *terms)
{
    return terms->effect == EFFECT_READ || terms->idempotency == IDEMPOTENCY_BY_KEY ||
           terms->idempotency == IDEMPOTENCY_BY_NATURE || terms->trusts_hint;
}

static struct verdict outcome_of_answer(const struct step_terms *terms,
                                        const struct attempt_result *result, bool had_uncertain)
{
    bool is_declared = result->declared != MEANING_NONE;
    enum reason reason = is_declared ? REASON_STATUS_DECLARED : REASON_STATUS;
    if (result->failure == TESTED_TRUE)
        return (struct verdict){OUTCOME_FAILED, REASON_FAILURE_TRUE, false, false};
    enum outcome outcome = outcome_of_meaning(result->declared, result->status, terms->effect);
    struct verdict verdict = {.outcome = outcome, .reason = reason, .may_retry = true};
    if (outcome == OUTCOME_OK)
        return outcome_of_success(terms, result, reason);
    if (!is_declared && outcome == OUTCOME_BUSY)
        verdict.is_once = result->status == 421 || result->status == 425;
    /* Same key, first try still in progress: it says nothing about that first try. */
    if (!is_declared && result->status == 409 && had_uncertain &&
        terms->idempotency == IDEMPOTENCY_BY_KEY)
        verdict = (struct verdict){OUTCOME_UNCERTAIN, REASON_CONFLICT_409, false, true};
    if (result->hint == HINT_NO_RETRY)
        verdict.may_retry = false;
    if (result->hint == HINT_RETRY && outcome == OUTCOME_FAILED && !is_declared &&
        outcome_hint_applies(terms))
        verdict.outcome = OUTCOME_BUSY;
    return verdict;
}

struct verdict outcome_classify(const struct step_terms *terms, const struct attempt_result *result,
                                bool had_uncertain)
{
    switch (result->phase) {
    case PHASE_NOT_SENT:
        if (result->is_withheld)
            return (struct verdict){OUTCOME_NOT_SENT, REASON_WITHHELD, false, true};
        if (result->is_certificate_bad)
            return (struct verdict){OUTCOME_FAILED, REASON_CERTIFICATE, false, false};
        return (struct verdict){OUTCOME_NOT_SENT, REASON_NO_CONNECTION, false, true};
    case PHASE_SENT:
        return (struct verdict){
            OUTCOME_UNCERTAIN, result->is_timeout ? REASON_TIMEOUT : REASON_NO_ANSWER, false, true};
    case PHASE_ANSWERED:
        return outcome_of_answer(terms, result, had_uncertain);
    }
    CHECK_UNREACHABLE();
}

static enum follow outcome_follow_write(enum idempotency idempotency, enum outcome outcome,
                                        bool may_have_happened)
{
    bool is_recognised = idempotency == IDEMPOTENCY_BY_KEY || idempotency == IDEMPOTENCY_BY_NATURE;
    switch (outcome) {
    case OUTCOME_OK:
        return FOLLOW_DONE;
    case OUTCOME_UNCERTAIN:
        return is_recognised ? FOLLOW_RETRY : FOLLOW_UNCERTAIN; /* invariant 4 */
    case OUTCOME_NOT_SENT:
    case OUTCOME_BUSY:
        return may_have_happened && !is_recognised ? FOLLOW_UNCERTAIN : FOLLOW_RETRY;
    case OUTCOME_FAILED:
        return may_have_happened ? FOLLOW_UNCERTAIN : FOLLOW_CHAIN; /* R1 */
    case OUTCOME_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

enum follow outcome_follow(enum effect_class effect, enum idempotency idempotency,
                           enum outcome outcome, bool may_have_happened)
{
    if (effect == EFFECT_WRITE)
        return outcome_follow_write(idempotency, outcome, may_have_happened);
    if (outcome == OUTCOME_OK)
        return FOLLOW_DONE;
    return outcome == OUTCOME_FAILED ? FOLLOW_CHAIN : FOLLOW_RETRY;
}

static enum upstream_signal outcome_signal_of_answer(const struct verdict *verdict,
                                                     const struct attempt_result *result)
{
    int status = result->status;
    bool is_2xx = status >= 200 && status <= 299;
    switch (verdict->outcome) {
    case OUTCOME_OK:
    case OUTCOME_FAILED: /* 4xx, what will never be done, and what `failure` says */
        break;
    case OUTCOME_BUSY:
        if (result->retry_after_ms >= 0 || status == 421 || status == 425)
            return SIGNAL_NONE;
        return SIGNAL_BUSY;
    case OUTCOME_UNCERTAIN: /* 302, 303, 409 and a false `success` are answers */
        if (status == 408 || status >= 500)
            return SIGNAL_FAILURE;
        break;
    case OUTCOME_NOT_SENT:
    case OUTCOME_COUNT:
        CHECK_UNREACHABLE();
    }
    return is_2xx && result->is_cut ? SIGNAL_FAILURE : SIGNAL_ANSWER;
}

enum upstream_signal outcome_signal(const struct verdict *verdict,
                                    const struct attempt_result *result)
{
    switch (result->phase) {
    case PHASE_NOT_SENT:
        return result->is_withheld ? SIGNAL_NONE : SIGNAL_FAILURE; /* also a bad certificate */
    case PHASE_SENT:
        return SIGNAL_FAILURE;
    case PHASE_ANSWERED:
        return outcome_signal_of_answer(verdict, result);
    }
    CHECK_UNREACHABLE();
}

static const char *const outcome_names[OUTCOME_COUNT] = {
    [OUTCOME_UNCERTAIN] = "uncertain", [OUTCOME_OK] = "ok",         [OUTCOME_NOT_SENT] = "not_sent",
    [OUTCOME_BUSY] = "busy",           [OUTCOME_FAILED] = "failed",
};

const char *outcome_name(enum outcome outcome)
{
    CHECK((unsigned)outcome < OUTCOME_COUNT);
    return outcome_names[outcome];
}

bool outcome_parse(struct slice name, enum outcome *out_outcome)
{
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        if (slice_is(name, outcome_names[i])) {
            *out_outcome = (enum outcome)i;
            return true;
        }
    return false;
}

const char *reason_name(enum reason reason)
{
    static const char *const names[] = {
#define X(name, text) text,
        REASON_LIST(X)
#undef X
    };
    CHECK((unsigned)reason < REASON_COUNT);
    return names[reason];
}
