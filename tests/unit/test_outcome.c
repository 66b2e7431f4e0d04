/* Every cell of the outcome table: tests/unit/outcome.cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/outcome.h"
#include "unit/cases.h"

static enum tested read_tested(const char *word)
{
    return word[0] == 'T' ? TESTED_TRUE : word[0] == 'F' ? TESTED_FALSE : TESTED_ERROR;
}

static enum status_meaning read_meaning(const char *word)
{
    if (strcmp(word, "busy") == 0)
        return MEANING_BUSY;
    if (strcmp(word, "uncertain") == 0)
        return MEANING_UNCERTAIN;
    return strcmp(word, "failed") == 0 ? MEANING_FAILED : MEANING_OK;
}

static void read_word(char *word, struct attempt_result *result, struct step_terms *terms,
                      bool *had_uncertain)
{
    if (strcmp(word, "not_sent") == 0)
        result->phase = PHASE_NOT_SENT;
    else if (strcmp(word, "sent") == 0)
        result->phase = PHASE_SENT;
    else if (strcmp(word, "cert") == 0)
        result->is_certificate_bad = true;
    else if (strcmp(word, "withheld") == 0)
        result->is_withheld = true;
    else if (strcmp(word, "timeout") == 0)
        result->is_timeout = true;
    else if (strcmp(word, "cut") == 0)
        result->is_cut = true;
    else if (strcmp(word, "trusted") == 0)
        terms->trusts_hint = true;
    else if (strcmp(word, "after") == 0)
        *had_uncertain = true;
    else if (strncmp(word, "success=", 8) == 0)
        result->success = read_tested(word + 8);
    else if (strncmp(word, "failure=", 8) == 0)
        result->failure = read_tested(word + 8);
    else if (strncmp(word, "hint=", 5) == 0)
        result->hint = word[5] == 'n' ? HINT_NO_RETRY : HINT_RETRY;
    else if (strncmp(word, "declared=", 9) == 0)
        result->declared = read_meaning(word + 9);
    else {
        result->phase = PHASE_ANSWERED;
        result->status = (int)strtol(word, NULL, 10);
        assert_in_range(result->status, 200, 599);
    }
}

static const char *follow_name(enum follow follow)
{
    switch (follow) {
    case FOLLOW_UNCERTAIN:
        return "people";
    case FOLLOW_DONE:
        return "done";
    case FOLLOW_RETRY:
        return "retry";
    case FOLLOW_CHAIN:
        return "chain";
    }
    return "?";
}

static void every_cell(void **state)
{
    (void)state;
    static const struct {
        enum effect_class effect;
        enum idempotency idempotency;
    } classes[] = {{EFFECT_READ, IDEMPOTENCY_NONE},
                   {EFFECT_WRITE, IDEMPOTENCY_NONE},
                   {EFFECT_WRITE, IDEMPOTENCY_BY_CHECK},
                   {EFFECT_WRITE, IDEMPOTENCY_BY_KEY},
                   {EFFECT_WRITE, IDEMPOTENCY_BY_NATURE}};
    struct cases cases;
    int wrong = 0;
    int cells = 0;
    cases_open(&cases, "outcome.cases");
    while (cases_next(&cases)) {
        assert_int_equal(cases.field_count, 6);
        struct attempt_result result = {.retry_after_ms = -1};
        struct step_terms base = {0};
        bool had_uncertain = false;
        char situation[256];
        (void)snprintf(situation, sizeof situation, "%s", cases.fields[0]);
        char *rest = NULL;
        for (char *word = strtok_r(situation, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
            read_word(word, &result, &base, &had_uncertain);
        for (int i = 0; i < 5; i++) {
            struct step_terms terms = base;
            terms.effect = classes[i].effect;
            terms.idempotency = classes[i].idempotency;
            bool is_write = terms.effect == EFFECT_WRITE;
            struct verdict verdict = outcome_classify(&terms, &result, had_uncertain && is_write);
            bool may_have_happened =
                is_write && (had_uncertain || verdict.outcome == OUTCOME_UNCERTAIN);
            enum follow follow =
                outcome_follow(terms.effect, terms.idempotency, verdict.outcome, may_have_happened);
            char got[64];
            (void)snprintf(got, sizeof got, "%s.%s%s%s", outcome_name(verdict.outcome),
                           follow_name(follow), verdict.may_retry ? "" : "!",
                           verdict.is_once ? "1" : "");
            cells++;
            if (strcmp(got, cases.fields[i + 1]) == 0)
                continue;
            wrong++;
            print_message("%s:%d: %s, column %d: got %s, want %s\n", cases.name, cases.line,
                          cases.fields[0], i + 1, got, cases.fields[i + 1]);
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(cells >= 5 * 80);
}

/* What an attempt of a by-key write says about its upstream: tests/unit/signal.cases. */
static void every_signal(void **state)
{
    (void)state;
    static const char *const names[] = {"none", "answer", "failure", "busy"};
    struct cases cases;
    int wrong = 0;
    cases_open(&cases, "signal.cases");
    while (cases_next(&cases)) {
        assert_int_equal(cases.field_count, 2);
        struct attempt_result result = {.retry_after_ms = -1};
        struct step_terms terms = {.idempotency = IDEMPOTENCY_BY_KEY};
        bool had_uncertain = false;
        char situation[256];
        (void)snprintf(situation, sizeof situation, "%s", cases.fields[0]);
        char *rest = NULL;
        for (char *word = strtok_r(situation, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
            if (strcmp(word, "retry-after") == 0)
                result.retry_after_ms = 1000;
            else
                read_word(word, &result, &terms, &had_uncertain);
        struct verdict verdict = outcome_classify(&terms, &result, had_uncertain);
        const char *got = names[outcome_signal(&verdict, &result)];
        if (strcmp(got, cases.fields[1]) == 0)
            continue;
        wrong++;
        print_message("%s:%d: %s: got %s, want %s\n", cases.name, cases.line, cases.fields[0], got,
                      cases.fields[1]);
    }
    assert_int_equal(wrong, 0);
}

static void names_are_told_apart(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(reason_name((enum reason)i), reason_name((enum reason)j));
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        enum outcome back = OUTCOME_COUNT;
        assert_true(outcome_parse(slice_text(outcome_name((enum outcome)i)), &back));
        assert_int_equal(back, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell),
        cmocka_unit_test(every_signal),
        cmocka_unit_test(names_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
