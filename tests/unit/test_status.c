/* record/status and record/try_text: how it stands, and what would be. Goldens in
 * tests/unit/answers. */
#include "unit/view_cases.h"

#include <jansson.h>

#include "record/status.h"
#include "record/try_text.h"

enum { WORKFLOWS = 3, UPSTREAMS = 2 };

struct status_fixture {
    struct fixture view;
    struct upstream helpdesk;
    struct workflow payments, routing;
    struct step payment, ticket;
    struct status_workflow workflows[WORKFLOWS];
    struct status_upstream upstreams[UPSTREAMS];
    struct stop stops[2];
    struct status status;
};

static void fine(struct status_fixture *f)
{
    fixture_init(&f->view);
    f->payment = (struct step){.kind = KIND_PAYMENT};
    f->helpdesk = (struct upstream){.name = SLICE("helpdesk")};
    f->ticket = (struct step){.kind = KIND_TICKET, .upstream = &f->helpdesk};
    f->payments = (struct workflow){
        .name = SLICE("payouts"), .mode = MODE_REVIEW, .steps = &f->payment, .step_count = 1};
    f->routing = (struct workflow){
        .name = SLICE("inquiry-routing"), .mode = MODE_AUTO, .steps = &f->ticket, .step_count = 1};
    f->workflows[0] = (struct status_workflow){.name = SLICE("invoice-reminders"),
                                               .workflow = &f->view.workflow,
                                               .automatic = 441,
                                               .by_template = 7,
                                               .by_fallback = 2,
                                               .reviewed = 12};
    f->workflows[1] = (struct status_workflow){
        .name = SLICE("payouts"), .workflow = &f->payments, .reviewed = 31};
    f->workflows[2] = (struct status_workflow){
        .name = SLICE("inquiry-routing"),
        .audits = 20,
        .labels = {.drawn = 120, .labelled = 98, .wrong = 4, .open = 20, .unlabelled = 2},
        .workflow = &f->routing,
        .automatic = 9120,
        .sla_met = 979,
        .sla_missed = 21};
    f->upstreams[0] = (struct status_upstream){
        .name = SLICE("mailer"), .breaker = BREAKER_CLOSED, .rate_milli = -1, .concurrency = 64};
    f->upstreams[1] = (struct status_upstream){.name = SLICE("helpdesk"),
                                               .breaker = BREAKER_CLOSED,
                                               .rate_milli = -1,
                                               .under_way = 3,
                                               .concurrency = 64};
    f->status = (struct status){.workflows = f->workflows,
                                .workflow_count = WORKFLOWS,
                                .upstreams = f->upstreams,
                                .upstream_count = UPSTREAMS,
                                .stops = f->stops,
                                .is_ready = true,
                                .now_unix_ms = FIXTURE_AT(14, 2, 9),
                                .since_unix_ms = FIXTURE_DAY,
                                .zone = &f->view.zone};
}

static void degraded(struct status_fixture *f)
{
    fine(f);
    f->workflows[0].held = 59;
    f->workflows[0].degraded[CAUSE_UNAVAILABLE] = 2;
    f->workflows[0].degraded[CAUSE_LOW_CONFIDENCE] = 1;
    f->workflows[0].failed = 4;
    f->workflows[0].expired = 7;
    f->upstreams[0].breaker = BREAKER_OPEN;
    f->upstreams[0].cause = BREAKER_FOR_FAILURES;
    f->upstreams[0].cause_count = 5;
    f->upstreams[0].cause_of = 5;
    f->upstreams[0].failed_probes = 1;
    f->upstreams[0].opened_unix_ms = FIXTURE_AT(14, 1, 10);
    f->upstreams[0].held = 59;
    f->upstreams[0].probe_at_unix_ms = FIXTURE_AT(14, 2, 40);
    f->upstreams[1].pause_until_unix_ms = FIXTURE_AT(14, 3, 0);
    f->status.warnings_json =
        SLICE("[\"not enforced in this version: triggers (payouts.yaml:30)\",\"two\\nlines\"]");
}

/* After a crash: its breaker is closed, and what was under way waits for the next round. */
static void without_budget(struct status_fixture *f)
{
    fine(f);
    f->workflows[0].held = 3;
    f->upstreams[0].held = 2;
    f->upstreams[0].probe_at_unix_ms = FIXTURE_AT(14, 2, 40);
    f->upstreams[1].held = 1;
    f->upstreams[1].retry_budget = 3;
    f->upstreams[1].probe_at_unix_ms = FIXTURE_AT(14, 2, 45);
}

/* What a stop held leaves after the restart. */
static void draining(struct status_fixture *f)
{
    fine(f);
    f->workflows[0].held = 320;
    f->workflows[0].draining = 312;
    f->workflows[0].drain_milli = 4000;
    f->workflows[1].held = f->workflows[1].draining = 4000;
    f->workflows[1].drain_milli = 2500;
}

static void people(struct status_fixture *f)
{
    fine(f);
    f->workflows[0].uncertain = 1;
    f->workflows[1].uncertain = 2;
    f->workflows[1].in_review = 3;
    f->workflows[1].oldest_people_due_unix_ms = FIXTURE_AT(13, 0, 0);
}

static void decide_in_time(struct status_fixture *f)
{
    fine(f);
    f->workflows[1].in_review = 1;
    f->workflows[1].oldest_people_due_unix_ms = FIXTURE_AT(15, 0, 0);
}

static void stopped(struct status_fixture *f)
{
    people(f);
    f->stops[0] = (struct stop){.id = 1,
                                .incident = 2,
                                .names = {"payouts"},
                                .by = "ana",
                                .at_unix_ms = FIXTURE_AT(13, 58, 9),
                                .stopped_at_unix_ms = FIXTURE_AT(13, 58, 9)};
    f->stops[1] = (struct stop){.id = 3,
                                .incident = 4,
                                .names = {"", "", "helpdesk"},
                                .by = "ben",
                                .at_unix_ms = FIXTURE_AT(14, 2, 8),
                                .in_flight = 1};
    f->status.stop_count = 2;
}

/* The first one starts again, and asks nobody; the second one is stuck. */
static void ramping(struct status_fixture *f)
{
    static const struct status_ramp ramps[] = {
        {2, {"5 one by one, 3 ok", 18}, false},
        {4, {"5 one by one, 1 ok, 1 not ok, STUCK", 35}, true}};
    stopped(f);
    f->status.ramps = ramps;
    f->status.ramp_count = 2;
}

/* Both start again, and nobody has said that they know of the second one. */
static void ramping_unanswered(struct status_fixture *f)
{
    static const struct status_ramp ramps[] = {{2, {"5 one by one, 3 ok", 18}, false},
                                               {4, {"5 one by one, 1 ok", 18}, false}};
    static const struct status_answer answers[] = {{.incident = 2},
                                                   {.incident = 4, .is_open = true}};
    stopped(f);
    f->workflows[0].uncertain = f->workflows[1].uncertain = f->workflows[1].in_review = 0;
    f->workflows[1].oldest_people_due_unix_ms = 0;
    f->status.ramps = ramps;
    f->status.ramp_count = 2;
    f->status.answers = answers;
    f->status.answer_count = 2;
}

/* Two stops of one incident: what that waits for is said once. */
static void ramping_twice(struct status_fixture *f)
{
    ramping_unanswered(f);
    f->stops[0].incident = 4;
}

/* All that binds starts again, or only warns: nobody is needed, and not all run. */
static void ramping_and_caution(struct status_fixture *f)
{
    static const struct slice whys[] = {{"rolled back", 11}, {"9 of the last 38", 16}};
    ramping_unanswered(f);
    f->status.ramp_count = f->status.answer_count = 1;
    f->stops[1].position = POSITION_CAUTION;
    f->stops[1].incident = 0;
    f->status.whys = whys;
}

/* The workflow has another name since, and the stop binds it all the same. */
static void renamed(struct status_fixture *f)
{
    static struct slice was[] = {{"pay-outs", 8}};
    stopped(f);
    memcpy(f->stops[0].names[0], "pay-outs", 9);
    f->payments.was = (struct slices){was, 1};
    f->status.stop_count = 1;
}

static void nobody_answers(struct status_fixture *f)
{
    static const struct status_answer answers[] = {{.incident = 2, .is_open = true},
                                                   {.incident = 4, .is_open = true}};
    static const struct slice plans[] = {{"payouts", 7}, {"inquiry-routing", 15}};
    stopped(f);
    f->status.answers = answers;
    f->status.answer_count = 2;
    f->status.unanswered = SLICE("i_0000000000002");
    f->status.flag = SLICE("the last good version is in force");
    f->status.unsigned_plans = (struct slices){plans, 2};
}

static void restart_asked(struct status_fixture *f)
{
    static const struct status_answer answers[] = {
        {.incident = 2, .is_asked = true, .approvers = {"ben, cleo (owners)", 18}},
        {.incident = 4, .is_open = true}};
    stopped(f);
    f->status.answers = answers;
    f->status.answer_count = 2;
}

static void lifted(struct status_fixture *f)
{
    stopped(f);
    fine(f);
    f->stops[0].is_lifted = f->stops[1].is_lifted = true;
    f->status.stop_count = 2;
}

static struct status_incident status_incidents[] = {
    {.id = 6,
     .kind = {"degraded", 8},
     .scope = {"upstream mailer", 15},
     .what = {"mailer is not called, since 14:01", 33},
     .since_unix_ms = FIXTURE_AT(14, 11, 0)},
    {.id = 8,
     .kind = {"overdue", 7},
     .scope = {"payouts", 7},
     .what = {"2 reviews are past due", 22},
     .acknowledged_by = {"ana", 3},
     .since_unix_ms = FIXTURE_AT(14, 2, 0)}};

static void in_trouble(struct status_fixture *f)
{
    fine(f);
    f->status.incidents = status_incidents;
    f->status.incident_count = 2;
}

static void trouble_in_hand(struct status_fixture *f)
{
    fine(f);
    f->status.incidents = &status_incidents[1];
    f->status.incident_count = 1;
}

static struct status_trigger status_triggers[] = {
    {.workflow = {"payouts", 7},
     .step = {"pay", 3},
     .name = {"late", 4},
     .what = {"8 of the last 60 actions took longer than 2 h, limit 5 %", 56},
     .tripped_unix_ms = FIXTURE_AT(14, 2, 0)},
    {.workflow = {"payouts", 7},
     .name = {"odd", 3},
     .what = {"2 of the last 2 audited were wrong, limit 10 %", 46}}};

/* Who answers for it has been told: nobody is needed now. */
static void alerts(struct status_fixture *f)
{
    fine(f);
    f->status.triggers = status_triggers;
    f->status.trigger_count = 2;
}

static void not_ready(struct status_fixture *f)
{
    fine(f);
    f->status.is_ready = false;
    f->status.why = SLICE("the disk of the store is full");
}

static void stop_path_works(struct status_fixture *f)
{
    fine(f);
    f->status.stop_check = (struct stop_check){
        .result = STOP_CHECK_WORKS, .at_unix_ms = FIXTURE_AT(14, 2, 1), .age_ms = 8000};
}

static void stop_path_fails(struct status_fixture *f)
{
    stop_path_works(f);
    f->status.stop_check.result = STOP_CHECK_FAILS;
    f->status.stop_check.what = SLICE("the disk\nis full");
}

static void nothing_at_all(struct status_fixture *f)
{
    fine(f);
    f->status.workflow_count = f->status.upstream_count = 0;
}

/* Nothing waits, and what went last was done by a fallback. */
static void on_fallback(struct status_fixture *f)
{
    fine(f);
    f->workflows[0].degraded[CAUSE_UNAVAILABLE] = 1;
    f->workflows[0].is_on_fallback = true;
}

static const struct {
    const char *name;
    void (*change)(struct status_fixture *f);
    enum status_exit exit;
    bool needs_you;
} statuses[] = {
    {"fine", fine, STATUS_FINE, false},
    {"degraded", degraded, STATUS_DEGRADED, false},
    {"on a fallback", on_fallback, STATUS_DEGRADED, false},
    {"draining", draining, STATUS_DEGRADED, false},
    {"without_budget", without_budget, STATUS_DEGRADED, false},
    {"people", people, STATUS_DEGRADED, true},
    {"decide in time", decide_in_time, STATUS_FINE, true},
    {"stopped", stopped, STATUS_STOPPED, true},
    {"one ramping, one stuck", ramping, STATUS_STOPPED, true},
    {"ramping, unacknowledged", ramping_unanswered, STATUS_DEGRADED, true},
    {"two stops of one ramp", ramping_twice, STATUS_DEGRADED, true},
    {"ramping and on caution", ramping_and_caution, STATUS_DEGRADED, false},
    {"nobody answers", nobody_answers, STATUS_STOPPED, true},
    {"renamed under a stop", renamed, STATUS_STOPPED, true},
    {"restart asked", restart_asked, STATUS_STOPPED, true},
    {"lifted", lifted, STATUS_FINE, false},
    {"in trouble", in_trouble, STATUS_STOPPED, true},
    {"trouble in hand", trouble_in_hand, STATUS_DEGRADED, false},
    {"alerts", alerts, STATUS_FINE, false},
    {"not ready", not_ready, STATUS_STOPPED, true},
    {"stop path works", stop_path_works, STATUS_FINE, false},
    {"stop path fails", stop_path_fails, STATUS_DEGRADED, true},
    {"nothing at all", nothing_at_all, STATUS_FINE, false},
};

static void status_says_how_it_stands(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct status_fixture f;
        struct buf json;
        json_error_t error;
        memset(&f, 0, sizeof f);
        buf_init(&json, FIXTURE_GOLDEN_MAX);
        statuses[i].change(&f);
        buf_add_fmt(&out, "== %s\n", statuses[i].name);
        size_t start = out.size;
        status_text_add(&out, &f.status);
        struct slice text = slice_from(buf_slice(&out), start);
        assert_int_equal(status_exit_code(&f.status), statuses[i].exit);
        assert_int_equal(slice_starts(text, SLICE("NEEDS YOU: ")), statuses[i].needs_you);
        assert_int_equal(slice_starts(text, SLICE("Nothing needs you. ")), !statuses[i].needs_you);
        status_json_add(&json, &f.status);
        json_t *value = json_loadb(buf_text(&json), json.size, JSON_REJECT_DUPLICATES, &error);
        assert_non_null(value);
        assert_true(
            slice_starts(text, slice_text(json_string_value(json_object_get(value, "says")))));
        assert_int_equal(json_integer_value(json_object_get(value, "exit")), statuses[i].exit);
        if (statuses[i].change == stopped)
            buf_add_fmt(&out, "%s\n", buf_text(&json));
        json_decref(value);
        buf_done(&json);
    }
    fixture_golden("answers/status.txt", buf_slice(&out));
    buf_done(&out);
}

static void observe(struct fixture *f, struct gate_answer *gate)
{
    f->step.terms.mode = MODE_OBSERVE;
    gate->would = gate->says;
    gate->says = SAYS_GO;
    gate->decided_by = 1;
}

static void by_key(struct fixture *f, struct gate_answer *gate)
{
    (void)gate;
    f->step.terms.idempotency = IDEMPOTENCY_BY_KEY;
}

static void goes(struct fixture *f, struct gate_answer *gate)
{
    (void)f;
    gate->says = gate->would = SAYS_GO;
    gate->path[3].says = SAYS_NOTE;
    gate->path[3].truth = TRUTH_FALSE;
}

static void rejected(struct fixture *f, struct gate_answer *gate)
{
    (void)f;
    goes(f, gate);
    gate->says = gate->would = gate->path[2].says = SAYS_REJECT;
    gate->path[2].truth = TRUTH_TRUE;
    gate->decided_by = 2;
}

static void held(struct fixture *f, struct gate_answer *gate)
{
    goes(f, gate);
    gate->says = gate->would = gate->path[1].says = SAYS_HOLD;
    gate->what = f->step.terms.what[CAUSE_STOPPED];
    gate->decided_by = 1;
}

static void caller(struct fixture *f, struct gate_answer *gate)
{
    goes(f, gate);
    f->step.kind = KIND_COMMAND;
    f->step.terms.is_caller = true;
    f->step.terms.start_by_ms = 10000;
    f->step.terms.what[CAUSE_UNAVAILABLE] = (struct what){.kind = WHAT_REFUSE};
}

static void lookup(struct fixture *f, struct gate_answer *gate)
{
    goes(f, gate);
    f->step.kind = KIND_LOOKUP;
    f->step.terms.effect = EFFECT_READ;
    f->step.terms.within_ms = 30000;
    f->step.terms.what[CAUSE_UNAVAILABLE] = (struct what){.kind = WHAT_REFUSE};
}

static const struct {
    const char *name;
    void (*change)(struct fixture *f, struct gate_answer *gate);
} tries[] = {
    {"as designed", by_key}, {"none", NULL},       {"goes", goes},     {"rejected", rejected},
    {"held", held},          {"observe", observe}, {"caller", caller}, {"lookup", lookup},
};

static void try_says_what_would_be(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct fixture f;
        struct upstream mailer = {.name = SLICE("mailer")};
        struct bundle_request request = {
            .method = SLICE("POST"),
            .target = SLICE("/v1/messages"),
            .body = SLICE("{\"to\":\"a@b.c\",\"template\":\"reminder\",\"invoice\":\"INV-1\"}")};
        view_case(&f, "review_rule");
        f.step.upstream = &mailer;
        struct gate_answer gate = {.says = SAYS_REVIEW,
                                   .would = SAYS_REVIEW,
                                   .cause = CAUSE_RULE,
                                   .reason = REASON_RULE,
                                   .would_reason = REASON_RULE,
                                   .decided_by = 3,
                                   .path_count = f.decided.path_count};
        memcpy(gate.path, f.decided.path, sizeof gate.path);
        if (tries[i].change)
            tries[i].change(&f, &gate);
        struct try_case try_case = {.step = &f.step,
                                    .gate = &gate,
                                    .saw = f.view.submit.saw,
                                    .saw_count = f.view.submit.saw_count,
                                    .request = &request};
        struct buf json;
        json_error_t error;
        buf_init(&json, FIXTURE_GOLDEN_MAX);
        buf_add_fmt(&out, "== %s\n", tries[i].name);
        try_text_add(&out, &try_case);
        try_json_add(&json, &try_case);
        json_t *value = json_loadb(buf_text(&json), json.size, JSON_REJECT_DUPLICATES, &error);
        assert_non_null(value);
        json_decref(value);
        buf_done(&json);
    }
    fixture_golden("answers/try.txt", buf_slice(&out));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_says_how_it_stands),
        cmocka_unit_test(try_says_what_would_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
