/* The life of one action as stories: tests/unit/action.cases.
 * name | terms | events; … | trace; …
 * Time stands at 0 and moves by `+DUR`. Jitter is always the longest wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/action.h"
#include "unit/cases.h"

struct story {
    struct step_terms terms;
    struct action action;
    int64_t now_ms;
    uint64_t stop_id;
    bool has_token, has_room, is_release;
    enum says gate_says;
    unsigned char rendering; /* digest of what would be sent */
    enum cause gate_cause;   /* whose fallback it answers with; NONE: a plain answer of a rule */
    uint64_t open_reviews, open_held;
    struct what more[LIMIT_ENTRIES];
    struct step_route routes[4];
    bool gate_asks_fact;   /* hold for a fresh fact, until there is one (R10) */
    bool gate_asks_person; /* review, unless what a person said still holds (R18) */
    char trace[4096];
};

static const char *after(const char *word, const char *head)
{
    size_t size = strlen(head);
    return strncmp(word, head, size) == 0 ? word + size : NULL;
}

static int64_t duration(const char *text)
{
    int64_t ms = 0;
    assert_true(text_parse_duration(slice_text(text), &ms));
    return ms;
}

static struct step_terms terms_default(void)
{
    struct step_terms terms = {.effect = EFFECT_WRITE,
                               .idempotency = IDEMPOTENCY_NONE,
                               .mode = MODE_AUTO,
                               .keeps_ms = 86400000,
                               .timeout_ms = 10000,
                               .attempts = 3,
                               .backoff_min_ms = 200,
                               .backoff_max_ms = 20000,
                               .within_ms = 600000,
                               .stale_after_ms = 3600000,
                               .start_by_ms = 10000,
                               .lease_ms = 300000,
                               .uncertain_due_ms = 14400000};
    static const struct what review = {.kind = WHAT_REVIEW, .ms = 14400000};
    for (int i = 0; i < CAUSE_COUNT; i++)
        terms.what[i] = review;
    terms.more = &review;
    terms.more_count = 1;
    terms.what[CAUSE_UNAVAILABLE] =
        (struct what){.kind = WHAT_HOLD, .ms = 86400000, .then = CAUSE_COUNT};
    terms.what[CAUSE_STOPPED] = terms.what[CAUSE_UNAVAILABLE];
    terms.what[CAUSE_FAILED] = (struct what){.kind = WHAT_END};
    terms.what[CAUSE_EXPIRED] = (struct what){.kind = WHAT_END};
    return terms;
}

static enum cause read_cause(struct slice name)
{
    for (int i = 1; i < CAUSE_COUNT; i++)
        if (slice_is(name, cause_name((enum cause)i)))
            return (enum cause)i;
    fail_msg("unknown cause %.*s", SLICE_FMT(name));
    return CAUSE_NONE;
}

/* "review", "review@2" (at most 2), "hold@2", "upstream1", "answer", "skip", "refuse" */
static struct what read_entry(struct slice word)
{
    struct what what = {.ms = 14400000};
    size_t at = slice_find(word, '@');
    uint64_t at_most = 0;
    if (at < word.size) {
        assert_true(slice_to_u64(slice_from(word, at + 1), 99, &at_most));
        what.at_most = (uint32_t)at_most;
        word = slice_first(word, at);
    }
    if (slice_is(word, "hold")) {
        what.kind = WHAT_HOLD;
        what.ms = 86400000;
    } else if (slice_is(word, "answer")) {
        what.kind = WHAT_ANSWER;
    } else if (slice_is(word, "skip")) {
        what.kind = WHAT_SKIP;
    } else if (slice_is(word, "refuse")) {
        what.kind = WHAT_REFUSE;
    } else if (slice_starts(word, SLICE("upstream"))) {
        what.kind = WHAT_ROUTE;
        what.route = (uint8_t)(word.at[8] - '0');
    } else {
        assert_true(slice_is(word, "review"));
    }
    return what;
}

/* "CAUSE=ENTRY,ENTRY": each may be "ENTRY>THEN", or "ENTRY!THEN" for at due then. */
static bool read_chain(struct story *story, struct slice word)
{
    size_t equal = slice_find(word, '=');
    if (slice_find(word, ':') != 0 || equal == word.size)
        return false;
    struct step_terms *terms = &story->terms;
    uint8_t number = (uint8_t)read_cause(slice_of(word.at + 1, equal - 1));
    struct slice rest = slice_from(word, equal + 1);
    terms->more = story->more;
    terms->routes = story->routes;
    terms->route_count = 4;
    for (size_t i = 0; i < 4; i++) /* the second one recognises a repeat */
        story->routes[i] =
            (struct step_route){.idempotency = i == 1 ? IDEMPOTENCY_BY_KEY : IDEMPOTENCY_NONE,
                                .keeps_ms = 86400000,
                                .timeout_ms = 10000};
    story->more[0] = (struct what){.kind = WHAT_REVIEW, .ms = 14400000};
    while (rest.size > 0) {
        struct slice item = slice_first(rest, slice_find(rest, ','));
        rest = slice_from(rest, item.size + 1);
        size_t then = slice_find(item, '>') < slice_find(item, '!') ? slice_find(item, '>')
                                                                    : slice_find(item, '!');
        struct what *what =
            number < CAUSE_COUNT ? &terms->what[number] : &story->more[number - CAUSE_COUNT];
        *what = read_entry(slice_first(item, then));
        if (then < item.size) {
            what->is_then_at_due = item.at[then] == '!';
            what->then = (uint8_t)(CAUSE_COUNT + terms->more_count);
            story->more[terms->more_count++] = read_entry(slice_from(item, then + 1));
        }
        if (rest.size > 0) {
            number = (uint8_t)(CAUSE_COUNT + terms->more_count++);
            what->next = number;
            if (then < item.size) /* both ways lead on */
                story->more[what->then - CAUSE_COUNT].next = number;
        }
    }
    return true;
}

static void read_term(struct step_terms *terms, const char *word)
{
    const char *value = NULL;
    if (strcmp(word, "read") == 0)
        terms->effect = EFFECT_READ;
    else if (strcmp(word, "key") == 0)
        terms->idempotency = IDEMPOTENCY_BY_KEY;
    else if (strcmp(word, "nature") == 0)
        terms->idempotency = IDEMPOTENCY_BY_NATURE;
    else if (strcmp(word, "check") == 0)
        terms->idempotency = IDEMPOTENCY_BY_CHECK;
    else if (strcmp(word, "settle") == 0 || strcmp(word, "definitive") == 0) {
        terms->idempotency = IDEMPOTENCY_BY_CHECK;
        terms->has_check = true;
        terms->settle_ms = 60000;
        terms->is_check_definitive = word[0] == 'd';
    } else if (strcmp(word, "caller") == 0)
        terms->is_caller = true;
    else if (strcmp(word, "observe") == 0)
        terms->mode = MODE_OBSERVE;
    else if (strcmp(word, "refuse") == 0)
        terms->what[CAUSE_UNAVAILABLE].kind = terms->what[CAUSE_STOPPED].kind = WHAT_REFUSE;
    else if (strcmp(word, "expires") == 0)
        terms->what[CAUSE_UNAVAILABLE].then = 0;
    else if ((value = after(word, "attempts=")))
        terms->attempts = (int)strtol(value, NULL, 10);
    else if ((value = after(word, "within=")))
        terms->within_ms = duration(value);
    else if ((value = after(word, "stale=")))
        terms->stale_after_ms = duration(value);
    else if ((value = after(word, "keeps=")))
        terms->keeps_ms = duration(value);
    else if (strcmp(word, "none") != 0)
        fail_msg("unknown term %s", word);
}

/* "200", "503", "not_sent", "sent", "withheld", "429/2s" (Retry-After), "503!" (x-should-retry:
 * false) */
static struct attempt_result read_result(char *word)
{
    struct attempt_result result = {.phase = PHASE_ANSWERED, .retry_after_ms = -1};
    size_t size = strlen(word);
    if (word[size - 1] == '!') {
        result.hint = HINT_NO_RETRY;
        word[size - 1] = '\0';
    }
    char *slash = strchr(word, '/');
    if (slash)
        result.retry_after_ms = duration(slash + 1);
    if (strcmp(word, "not_sent") == 0 || strcmp(word, "withheld") == 0 ||
        strcmp(word, "cert") == 0) {
        result.phase = PHASE_NOT_SENT;
        result.is_withheld = word[0] == 'w';
        result.is_certificate_bad = word[0] == 'c';
    } else if (strcmp(word, "sent") == 0) {
        result.phase = PHASE_SENT;
    } else {
        result.status = (int)strtol(word, NULL, 10);
    }
    return result;
}

static void read_term_or_chain(struct story *story, const char *word)
{
    if (word[0] != ':')
        read_term(&story->terms, word);
    else
        assert_true(read_chain(story, slice_text(word)));
}

/* As the gate answers by the first WHAT of a cause; "down" on another route: the entry behind it.
 */
static void gate_of_cause(const struct story *story, struct gate_answer *gate)
{
    enum cause cause = story->gate_cause;
    gate->cause = cause;
    gate->entry = (uint8_t)cause;
    gate->what = story->terms.what[cause];
    gate->says = gate->what.kind == WHAT_REVIEW ? SAYS_REVIEW
                 : gate->what.kind == WHAT_HOLD ? SAYS_HOLD
                                                : SAYS_FALLBACK;
    gate->reason = cause == CAUSE_LOW_CONFIDENCE ? REASON_LOW_CONFIDENCE
                   : cause == CAUSE_UNAVAILABLE  ? REASON_UPSTREAM_DOWN
                   : cause == CAUSE_STOPPED      ? REASON_STOP
                                                 : REASON_RULE;
    if (cause == CAUSE_UNAVAILABLE && story->action.route > 0) {
        gate->says = SAYS_FALLBACK;
        gate->entry = 0;
    }
}

static struct gate_answer make_gate(const struct story *story)
{
    enum says says = story->gate_says;
    if (story->gate_asks_person && !action_is_approved(&story->action, story->now_ms) &&
        !action_is_granted(&story->action, story->now_ms))
        says = SAYS_REVIEW;
    struct gate_answer gate = {.says = says, .would = says};
    gate.path_count = 1;
    gate.path[0] = (struct gate_step){.gate = GATE_RULE, .says = says};
    gate.cause = CAUSE_RULE;
    gate.reason = REASON_RULE;
    gate.what = (struct what){.kind = WHAT_REVIEW, .ms = 14400000};
    if (story->gate_cause != CAUSE_NONE && story->gate_says != SAYS_GO)
        gate_of_cause(story, &gate);
    if (story->gate_asks_fact && story->action.fact_unix_ms == 0) {
        gate.says = SAYS_HOLD;
        gate.path[0].gate = GATE_FRESHNESS;
        gate.reason = REASON_FACT;
        gate.what.ms = 86400000;
    }
    if (story->stop_id != 0 && (says == SAYS_GO || story->gate_asks_person)) {
        gate.says = story->action.starts_total == 0 &&
                            story->terms.what[CAUSE_STOPPED].kind == WHAT_REFUSE &&
                            story->action.state == STATE_UNCERTAIN
                        ? SAYS_REFUSE
                        : SAYS_HOLD;
        gate.path[0].gate = GATE_SWITCH;
        gate.cause = CAUSE_STOPPED;
        gate.reason = REASON_STOP;
        gate.what = (struct what){.kind = WHAT_HOLD, .ms = 86400000};
    }
    return gate;
}

static void add_trace(struct story *story, const char *text)
{
    size_t size = strlen(story->trace);
    (void)snprintf(story->trace + size, sizeof story->trace - size, "%s%s", size ? "; " : "", text);
}

static void trace(struct story *story, const struct action_effects *effects)
{
    const struct action *action = &story->action;
    char line[256];
    char due[64] = "";
    if (effects->refusal != REFUSAL_NONE) {
        (void)snprintf(line, sizeof line, "refused %s", refusal_name(effects->refusal));
        add_trace(story, line);
        return;
    }
    if (effects->is_refused_by_stop) {
        add_trace(story, "not stored");
        return;
    }
    if (action->due_unix_ms > 0) {
        struct buf text;
        buf_init(&text, 64);
        text_add_duration(&text, action->due_unix_ms - story->now_ms);
        (void)snprintf(due, sizeof due, " %s in %s", due_kind_name(action->due_kind),
                       buf_text(&text));
        buf_done(&text);
    }
    char fallback[64] = "";
    if (action->route > 0 && action->state == STATE_ATTEMPTING)
        (void)snprintf(fallback, sizeof fallback, " route %u", (unsigned)action->route);
    if (action->state == STATE_DONE && (action->route > 0 || action->reason == REASON_TEMPLATE))
        (void)snprintf(fallback, sizeof fallback, " by %s", cause_name(action->cause));
    for (size_t i = 0; i < action->passed_count; i++)
        (void)snprintf(fallback + strlen(fallback), sizeof fallback - strlen(fallback), " -%s",
                       pass_name(action->passed[i].why));
    bool has_reason = action->reason != REASON_NONE && action->state != STATE_ATTEMPTING;
    (void)snprintf(line, sizeof line, "%s%s%s%s%s%s%s%s%s%s%s", state_name(action->state),
                   has_reason ? " " : "", has_reason ? reason_name(action->reason) : "",
                   action->may_have_happened ? " (?)" : "", fallback, due,
                   effects->must_send ? " SEND" : "", effects->must_permit ? " PERMIT" : "",
                   effects->spends_token ? " token" : "", effects->must_enter_gate ? " gate" : "",
                   effects->is_contradiction ? " CONTRADICTION" : "");
    add_trace(story, line);
}

static void step(struct story *story, struct action_event *event)
{
    struct action_effects effects;
    struct action before = story->action;
    event->now_unix_ms = story->now_ms;
    event->random = UINT64_MAX;
    event->terms = &story->terms;
    event->stop_id = story->stop_id;
    event->has_token = story->has_token;
    event->has_room = story->has_room;
    event->open_reviews = story->open_reviews;
    event->open_held = story->open_held;
    action_step(&story->action, event, &effects);
    if (effects.refusal != REFUSAL_NONE)
        assert_memory_equal(&before, &story->action, sizeof before);
    if (effects.is_changed && !effects.must_enter_gate)
        action_check(&story->action, story->terms.attempts);
    if (effects.is_changed && event->is_edit) { /* R4: another request, with a key of its own */
        assert_int_equal(story->action.revision, before.revision + 1);
        assert_false(story->action.is_frozen);
        assert_int_equal(story->action.approved_digest[0], story->rendering);
    }
    trace(story, &effects);
}

static bool read_setting(struct story *story, const char *word)
{
    if (word[0] == '+')
        story->now_ms += duration(word + 1);
    else if (strcmp(word, "stop") == 0)
        story->stop_id = 7;
    else if (strcmp(word, "restart") == 0)
        story->stop_id = 0;
    else if (strcmp(word, "no-token") == 0)
        story->has_token = false;
    else if (strcmp(word, "no-room") == 0)
        story->has_room = false;
    else if (strcmp(word, "room") == 0)
        story->has_room = true;
    else if (strncmp(word, "open=", 5) == 0)
        story->open_reviews = strtoull(word + 5, NULL, 10);
    else if (strncmp(word, "held=", 5) == 0)
        story->open_held = strtoull(word + 5, NULL, 10);
    else if (strncmp(word, "gate:", 5) == 0) {
        story->gate_cause = read_cause(slice_text(word + 5));
        story->gate_says = SAYS_FALLBACK; /* or as its first WHAT says */
    } else if (strcmp(word, "gate=review") == 0)
        story->gate_says = SAYS_REVIEW;
    else if (strcmp(word, "gate=reject") == 0)
        story->gate_says = SAYS_REJECT;
    else if (strcmp(word, "gate=hold") == 0)
        story->gate_says = SAYS_HOLD;
    else if (strcmp(word, "gate=fact") == 0)
        story->gate_asks_fact = true;
    else if (strcmp(word, "gate=person") == 0)
        story->gate_asks_person = true;
    else if (strcmp(word, "gate=nobody") == 0)
        story->gate_asks_person = false;
    else if (strcmp(word, "gate=go") == 0)
        story->gate_says = SAYS_GO;
    else
        return false;
    return true;
}

/* What interlock asked for: "says=happened", "fact". */
static bool read_asked(const struct story *story, const char *word, struct action_event *event)
{
    const char *told = after(word, "says=");
    event->attempt = story->action.starts_total;
    event->asked_unix_ms = story->now_ms;
    event->has_fact = strcmp(word, "fact") == 0;
    event->kind = told ? EVENT_ASKED : EVENT_FACT;
    for (unsigned i = 0; told && i < CHECK_TOLD_COUNT; i++)
        if (strcmp(told, check_told_name((enum check_told)i)) == 0)
            event->told = (enum check_told)i;
    return told || event->has_fact || strcmp(word, "no-fact") == 0;
}

static void read_people(struct story *story, char *word, struct action_event *event)
{
    if (strcmp(word, "answered") == 0)
        event->kind = EVENT_ANSWERED;
    else if (strcmp(word, "unrendered") == 0)
        event->kind = EVENT_UNRENDERED;
    else if (strcmp(word, "approve") == 0)
        event->kind = EVENT_APPROVE;
    else if (strcmp(word, "approve-other") == 0) {
        event->kind = EVENT_APPROVE;
        event->request_digest[0] = 99;
    } else if (strcmp(word, "edit") == 0) { /* the next renderings are of what was edited */
        event->kind = EVENT_APPROVE;
        event->is_edit = true;
        event->edited_digest[0] = ++story->rendering;
    } else if (strcmp(word, "reject") == 0)
        event->kind = EVENT_REJECT;
    else if (strcmp(word, "cancel") == 0)
        event->kind = EVENT_CANCEL;
    else if (strcmp(word, "begin") == 0)
        event->kind = EVENT_BEGIN;
    else if (strcmp(word, "quarantine") == 0)
        event->kind = EVENT_QUARANTINE;
    else if (strcmp(word, "happened") == 0 || strcmp(word, "not-happened") == 0 ||
             strcmp(word, "send") == 0) {
        event->kind = EVENT_RESOLVE;
        event->happened = word[0] == 'h';
        event->send = word[0] == 's';
    } else
        fail_msg("unknown event %s", word);
}

static void run_word(struct story *story, char *word)
{
    struct action_event event = {.request_digest = {story->rendering},
                                 .result = {.retry_after_ms = -1}};
    struct gate_answer gate = make_gate(story);
    char *value = NULL;
    if (read_setting(story, word))
        return;
    if (strcmp(word, "submit") == 0) {
        event.kind = EVENT_SUBMIT;
        event.gate = &gate;
    } else if (strcmp(word, "gate") == 0 || strcmp(word, "release") == 0) {
        event.kind = EVENT_GATE;
        event.gate = &gate;
        event.is_release = word[0] == 'r';
    } else if (strcmp(word, "timer") == 0) {
        event.kind = EVENT_TIMER;
    } else if (strcmp(word, "crash") == 0) {
        event.kind = EVENT_CRASHED;
    } else if ((value = strchr(word, ':')) != NULL) { /* late: ATTEMPT:RESULT */
        event.kind = EVENT_OUTCOME;
        event.attempt = (uint16_t)strtol(word, NULL, 10);
        event.result = read_result(value + 1);
    } else if (strncmp(word, "report=", 7) == 0) {
        event.kind = EVENT_REPORT;
        event.attempt = story->action.starts_total;
        assert_true(outcome_parse(slice_text(word + 7), &event.reported));
    } else if (strchr("0123456789", word[0]) || strcmp(word, "sent") == 0 ||
               strncmp(word, "not_sent", 8) == 0 || strcmp(word, "withheld") == 0 ||
               strcmp(word, "cert") == 0) {
        event.kind = EVENT_OUTCOME;
        event.attempt = story->action.starts_total;
        event.result = read_result(word);
    } else if (!read_asked(story, word, &event)) {
        read_people(story, word, &event);
    }
    step(story, &event);
}

static void stories(void **state)
{
    (void)state;
    struct cases cases;
    int wrong = 0;
    int count = 0;
    cases_open(&cases, "action.cases");
    while (cases_next(&cases)) {
        assert_int_equal(cases.field_count, 4);
        struct story story = {.terms = terms_default(),
                              .has_token = true,
                              .has_room = true,
                              .rendering = 1,
                              .gate_says = SAYS_GO,
                              .now_ms = 1000000};
        char *rest = NULL;
        action_init(&story.action, 1, story.now_ms, 0);
        for (char *word = strtok_r(cases.fields[1], " ", &rest); word;
             word = strtok_r(NULL, " ", &rest))
            read_term_or_chain(&story, word);
        for (char *word = strtok_r(cases.fields[2], " ", &rest); word;
             word = strtok_r(NULL, " ", &rest))
            run_word(&story, word);
        count++;
        if (strcmp(story.trace, cases.fields[3]) == 0)
            continue;
        wrong++;
        print_message("%s:%d: %s\n  got  %s\n  want %s\n", cases.name, cases.line, cases.fields[0],
                      story.trace, cases.fields[3]);
    }
    assert_int_equal(wrong, 0);
    assert_true(count >= 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stories)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
