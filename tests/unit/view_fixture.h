/* tests/unit/view_fixture.h - one action of the design's sample policy, to be told in every form.
 * A case changes what it is about, and leaves the rest as it is here. */
#pragma once
#include "unit/cases.h"

#include "core/switchboard.h"
#include "record/view.h"
#include "record/zone.h"

enum { FIXTURE_GOLDEN_MAX = 65536 };
#define FIXTURE_DAY 1795478400000 /* 2026-11-24 00:00 UTC; 01:00 in Madrid */
#define FIXTURE_AT(h, m, s)                                                                        \
    (FIXTURE_DAY + (((int64_t)(h)-1) * 3600 + (int64_t)(m)*60 + (int64_t)(s)) * 1000)

static struct person fixture_people[] = {
    {.name = {"ana", 3}, .full_name = {"Ana Ruiz", 8}, .email = {"ana@example.org", 15}},
    {.name = {"ben", 3}, .full_name = {"Ben Okafor", 10}, .email = {"ben@example.org", 15}},
};
static const struct person *const fixture_both[] = {&fixture_people[0], &fixture_people[1]};
static struct group fixture_groups[] = {
    {.name = {"finance", 7}, .members = fixture_both, .member_count = 2},
    {.name = {"finance-leads", 13}, .members = fixture_both, .member_count = 2},
    {.name = {"admins", 6}, .members = fixture_both + 1, .member_count = 1},
};

struct fixture {
    struct config config;
    struct workflow workflow;
    struct step step;
    struct rule rules[2];
    struct risk_class risks[1];
    struct action action;
    struct record decided;
    struct view_record history[2];
    struct stop stop;
    struct zone zone;
    struct view view;
};

static inline int64_t fixture_madrid(void *impl, int64_t unix_ms)
{
    (void)impl;
    (void)unix_ms; /* winter */
    return 3600000;
}

static inline struct origin fixture_line(int line)
{
    return (struct origin){ORIGIN_FILE, SLICE("policies/invoice-reminders.yaml"), line, 5};
}

static inline void fixture_policy(struct fixture *f)
{
    f->rules[0] = (struct rule){.name = SLICE("paid-already"),
                                .text = SLICE("input.balance <= 0"),
                                .says = RULE_REJECT,
                                .origin = fixture_line(21)};
    f->rules[1] = (struct rule){.name = SLICE("large-account"),
                                .text = SLICE("input.balance > 10000"),
                                .says = RULE_REVIEW,
                                .origin = fixture_line(22)};
    f->risks[0] = (struct risk_class){.name = SLICE("high"), .text = SLICE("input.stage > 3")};
    f->workflow = (struct workflow){.name = SLICE("invoice-reminders"),
                                    .duties = {.owner = &fixture_groups[0],
                                               .restart = &fixture_groups[1],
                                               .inform = &fixture_groups[0]},
                                    .mode = MODE_AUTO,
                                    .steps = &f->step,
                                    .step_count = 1,
                                    .origin = fixture_line(1)};
    f->step = (struct step){.workflow = &f->workflow,
                            .name = SLICE("send_reminder"),
                            .kind = KIND_EMAIL,
                            .method = SLICE("POST"),
                            .rules = f->rules,
                            .rule_count = 2,
                            .call_origin = fixture_line(9),
                            .origin = fixture_line(10)};
    f->step.terms = (struct step_terms){.mode = MODE_AUTO,
                                        .timeout_ms = 10000,
                                        .attempts = 3,
                                        .within_ms = 600000,
                                        .uncertain_due_ms = 14400000,
                                        .stale_after_ms = 3600000};
    for (size_t i = 0; i < CAUSE_COUNT; i++)
        f->step.terms.what[i] = (struct what){.kind = WHAT_REVIEW, .ms = 14400000};
    static const struct what fixture_review = {.kind = WHAT_REVIEW, .ms = 14400000};
    f->step.terms.more = &fixture_review;
    f->step.terms.more_count = 1;
    f->step.terms.what[CAUSE_UNAVAILABLE] =
        (struct what){.kind = WHAT_HOLD, .ms = 86400000, .then = CAUSE_COUNT};
    f->step.terms.what[CAUSE_STOPPED] = f->step.terms.what[CAUSE_UNAVAILABLE];
    f->config = (struct config){
        .workflows = &f->workflow,
        .workflow_count = 1,
        .people = fixture_people,
        .person_count = 2,
        .groups = fixture_groups,
        .group_count = 3,
        .switch_duties = {.owner = &fixture_groups[0], .restart = &fixture_groups[1]},
        .admins = &fixture_groups[2],
        .version = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}};
}

/* Uncertain, as in design 7. */
static inline void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    fixture_policy(f);
    f->action = (struct action){.id = 0x00c93fffffffffff,
                                .state = STATE_UNCERTAIN,
                                .reason = REASON_TIMEOUT,
                                .people_due_unix_ms = FIXTURE_AT(18, 2, 21),
                                .submitted_unix_ms = FIXTURE_AT(14, 2, 11),
                                .mode = MODE_AUTO,
                                .starts = 1,
                                .starts_total = 1,
                                .may_have_happened = true,
                                .attempt_unix_ms = FIXTURE_AT(14, 2, 11),
                                .last_outcome = OUTCOME_UNCERTAIN,
                                .last_reason = REASON_TIMEOUT,
                                .is_frozen = true,
                                .effect = EFFECT_WRITE,
                                .timeout_ms = 10000};
    f->decided = (struct record){.kind = RECORD_ADMITTED,
                                 .action = f->action.id,
                                 .path_count = 7,
                                 .path = {{GATE_RISK, SAYS_NOTE, 0, TRUTH_FALSE},
                                          {GATE_SWITCH, SAYS_GO, 0, TRUTH_FALSE},
                                          {GATE_RULE, SAYS_NOTE, 0, TRUTH_FALSE},
                                          {GATE_RULE, SAYS_NOTE, 1, TRUTH_FALSE},
                                          {GATE_CONFIDENCE, SAYS_GO, 0, TRUTH_FALSE},
                                          {GATE_MODE, SAYS_GO, 0, TRUTH_FALSE},
                                          {GATE_FRESHNESS, SAYS_GO, 0, TRUTH_FALSE}},
                                 .decided_by = 1,
                                 .says = SAYS_GO,
                                 .would = SAYS_GO};
    f->zone = (struct zone){.name = SLICE("Europe/Madrid"), .utc_offset_ms = fixture_madrid};
    f->view = (struct view){
        .action = &f->action,
        .config = &f->config,
        .step = &f->step,
        .workflow = SLICE("invoice-reminders"),
        .step_name = SLICE("send_reminder"),
        .upstream = SLICE("mailer"),
        .policy_version = SLICE("0123456789abcdef"),
        .decided = &f->decided,
        .submit = {.key = SLICE("INV-2041:2"),
                   .actor = SLICE("billing-cron"),
                   .summary = SLICE("Reminder 2 for INV-2041, 420.00 EUR, to m…@example.org"),
                   .because = SLICE("12 days overdue"),
                   .input_json = SLICE("{}"),
                   .saw_count = 2,
                   .saw = {{2, SLICE("input.balance"), SLICE("420")},
                           {3, SLICE("input.balance"), SLICE("420")}}},
        .has_outcome = true,
        .outcome = {.what = SLICE("no answer in 10 s")},
        .now_unix_ms = FIXTURE_AT(14, 10, 0),
        .zone = &f->zone};
}

/* The action ended so, with this answer. */
static inline void fixture_end(struct fixture *f, enum action_state state, enum reason reason)
{
    f->action.state = state;
    f->action.reason = reason;
    f->action.may_have_happened = false;
    f->action.people_due_unix_ms = 0;
    f->action.ended_unix_ms = FIXTURE_AT(14, 2, 12);
}

static inline void fixture_answer(struct fixture *f, enum outcome outcome, enum reason reason,
                                  int status)
{
    f->action.last_outcome = outcome;
    f->action.last_reason = reason;
    f->action.last_status = status;
}

/* The gate said this, by the gate at `index` of the path. */
static inline void fixture_gate(struct fixture *f, enum says says, uint8_t index)
{
    f->decided.says = f->decided.would = says;
    f->decided.decided_by = index;
    f->decided.path[index].says = says;
}

/* Nothing was started yet. */
static inline void fixture_unstarted(struct fixture *f, enum action_state state, enum reason reason)
{
    f->action.state = state;
    f->action.reason = reason;
    f->action.may_have_happened = false;
    f->action.starts = f->action.starts_total = 0;
    f->action.is_frozen = false;
    f->action.attempt_unix_ms = 0;
    f->view.has_outcome = false;
}

/* Compares with tests/unit/NAME; writes it when INTERLOCK_GOLDEN is set. */
static inline void fixture_golden(const char *name, struct slice got)
{
    struct buf want;
    buf_init(&want, FIXTURE_GOLDEN_MAX);
    if (getenv("INTERLOCK_GOLDEN")) {
        char path[1024];
        const char *root = getenv("INTERLOCK_ROOT");
        (void)snprintf(path, sizeof path, "%s/tests/unit/%s", root ? root : ".", name);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(got.at, 1, got.size, file), got.size);
        assert_int_equal(fclose(file), 0);
    }
    (void)cases_read(name, &want);
    if (!slice_equal(got, buf_slice(&want)))
        fail_msg("%s\n got:\n%.*s\nwant:\n%s", name, SLICE_FMT(got), buf_text(&want));
    buf_done(&want);
}
