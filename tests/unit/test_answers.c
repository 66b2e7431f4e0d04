/* The other forms of an action: JSON of the API, problems, inbox, receipts, log lines. Goldens in
 * tests/unit/answers; every JSON is also read by another parser. */
#include "unit/view_cases.h"

#include <jansson.h>

#include "record/action_json.h"
#include "record/ids.h"
#include "record/inbox_json.h"
#include "record/log_line.h"
#include "record/problem_json.h"
#include "record/receipt.h"
#include "record/review_json.h"

static json_t *parse(const struct buf *json)
{
    json_error_t error;
    json_t *value = json_loadb(buf_text(json), json->size, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        fail_msg("%s at %d in %s", error.text, error.position, buf_text(json));
    return value;
}

/* One line a member, so that a golden can be read. */
static void add_pretty(struct buf *out, const char *title, const struct buf *json)
{
    json_t *value = parse(json);
    char *text = json_dumps(value, JSON_INDENT(1));
    buf_add_fmt(out, "== %s\n%s\n", title, text);
    free(text);
    json_decref(value);
}

static void actions_as_json(void **state)
{
    (void)state;
    static const char *const names[] = {"uncertain",       "done",          "done_observe",
                                        "done_erased",     "done_by_hand",  "attempting_permit",
                                        "waiting_busy",    "review_rule",   "review_confidence",
                                        "held_stop",       "held_upstream", "rejected_rule",
                                        "uncertain_asked", "rejected_fresh"};
    struct buf out;
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fixture f;
        struct buf json;
        buf_init(&json, FIXTURE_GOLDEN_MAX);
        view_case(&f, names[i]);
        f.view.outcome.response_json =
            SLICE("{\"status\":202,\"headers\":{},\"body\":{\"id\":7.0}}");
        if (strcmp(names[i], "attempting_permit") == 0) {
            f.view.permit_token = SLICE("p_secret");
            f.view.start_by_unix_ms = f.action.due_unix_ms;
        }
        action_json_add(&json, &f.view);
        add_pretty(&out, names[i], &json);
        buf_done(&json);
    }
    fixture_golden("answers/actions.txt", buf_slice(&out));
    buf_done(&out);
}

/* I8 as callers see it: what has not ended names a person or a time; R9: the bytes of `response`.
 */
static void every_answer_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof view_cases / sizeof *view_cases; i++) {
        struct fixture f;
        struct buf json;
        buf_init(&json, FIXTURE_GOLDEN_MAX);
        view_case(&f, view_cases[i].name);
        f.view.has_outcome = true;
        f.view.outcome.response_json = SLICE("{\"status\":200,\"body\":{\"b\":1.0,\"a\":[]}}");
        action_json_add(&json, &f.view);
        json_t *value = parse(&json);
        bool waits = !json_is_null(json_object_get(value, "who")) ||
                     !json_is_null(json_object_get(value, "next"));
        if (!waits && !state_is_end(f.action.state))
            fail_msg("%s: neither who nor next", view_cases[i].name);
        if (!f.view.is_erased)
            assert_non_null(strstr(buf_text(&json),
                                   "\"response\":{\"status\":200,\"body\":{\"b\":1.0,\"a\":[]}}"));
        else
            assert_true(json_is_null(json_object_get(value, "response")));
        assert_true(json_is_string(json_object_get(value, "what")));
        assert_true(json_is_string(json_object_get(value, "why")));
        json_decref(value);
        buf_reset(&json);
        struct inbox_item item = {.kind = inbox_kind_of(f.view.action), .view = f.view};
        inbox_json_add(&json, &item);
        json_decref(parse(&json));
        buf_done(&json);
    }
}

static void a_stranger_sees_state_and_id(void **state)
{
    (void)state;
    struct fixture f;
    struct buf json;
    buf_init(&json, FIXTURE_GOLDEN_MAX);
    view_case(&f, "rejected_rule");
    f.view.is_for_stranger = true;
    action_json_add(&json, &f.view);
    assert_string_equal(buf_text(&json), "{\"action\":\"a_01J9ZZZZZZZZZ\",\"state\":\"rejected\"}");
    buf_reset(&json);
    problem_json_add(&json, &(struct problem_json){.status = 403,
                                                   .code = "rejected",
                                                   .title = "not done: rejected",
                                                   .view = &f.view});
    assert_string_equal(
        buf_text(&json),
        "{\"type\":\"urn:interlock:problem:rejected\",\"title\":\"not done: rejected\","
        "\"status\":403,\"retryable\":false,\"action\":\"a_01J9ZZZZZZZZZ\","
        "\"state\":\"rejected\"}");
    buf_done(&json);
}

/* What people see of a review: open and claimed, revealed, decided, overtaken. */
static void cards(void **state)
{
    static const struct slice masked[] = {{"email", 5}};
    (void)state;
    struct fixture f;
    struct arena scratch;
    struct buf out, json;
    arena_init(&scratch, 1 << 20);
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    buf_init(&json, FIXTURE_GOLDEN_MAX);
    static const char *const names[] = {"open", "revealed", "decided", "overtaken"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        view_case(&f, "review_rule");
        f.step.masked = masked;
        f.step.masked_count = 1;
        f.step.terms.is_caller = true; /* nothing is rendered: requests are tested elsewhere */
        f.action.reviews = i < 2 ? 1 : 2;
        f.view.submit.input_json = SLICE("{\"balance\":12000.10,\"email\":\"m@example.org\"}");
        f.view.claimed_by = SLICE("ana");
        f.view.claimed_until_unix_ms = f.view.now_unix_ms + 900000;
        struct view_record history[2] = {
            {.record =
                 {.kind = RECORD_SAID, .review = 1, .actor = SLICE("ben"), .at_unix_ms = 1000},
             .words = {.reason = SLICE("asked the customer")}},
            {.record = {.kind = i == 2 ? RECORD_DECLINED : RECORD_REFUSED,
                        .review = 1,
                        .actor = SLICE("ben"),
                        .at_unix_ms = 2000},
             .words = {.reason = SLICE("paid by now")}}};
        f.view.history = history;
        f.view.history_count = 2;
        struct review_card card = {.view = &f.view, .review = 1, .is_revealed = i == 1};
        buf_reset(&json);
        review_json_add(&json, &card, &scratch);
        assert_true((strstr(buf_text(&json), "m@example.org") != NULL) == (i == 1)); /* I14 */
        add_pretty(&out, names[i], &json);
    }
    fixture_golden("answers/cards.txt", buf_slice(&out));
    buf_done(&json);
    buf_done(&out);
    arena_done(&scratch);
}

static void problems_and_inbox(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;
    struct buf json;
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    buf_init(&json, FIXTURE_GOLDEN_MAX);
    view_case(&f, "rejected_rule");
    problem_json_add(&json, &(struct problem_json){.status = 403,
                                                   .code = "rejected",
                                                   .title = "not done: rejected",
                                                   .view = &f.view});
    add_pretty(&out, "problem of a rejected action", &json);
    buf_reset(&json);
    problem_json_add(&json,
                     &(struct problem_json){.status = 422,
                                            .code = "bad-input",
                                            .title = "the input is not what the step takes",
                                            .detail = SLICE("`balance` is \"x\", not a number"),
                                            .pointer = SLICE("/input/balance"),
                                            .is_retryable = false});
    add_pretty(&out, "problem without an action", &json);
    static const char *const names[] = {"uncertain", "review_rule", "uncertain_lease", "hostile",
                                        "uncertain_look"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        buf_reset(&json);
        view_case(&f, names[i]);
        f.action.reviews = 1;
        struct inbox_item item = {.kind = inbox_kind_of(f.view.action), .view = f.view};
        inbox_json_add(&json, &item);
        add_pretty(&out, names[i], &json);
    }
    fixture_golden("answers/problems_and_inbox.txt", buf_slice(&out));
    buf_done(&json);
    buf_done(&out);
}

static void add_receipt(struct buf *out, const char *title, const struct receipt_text *text)
{
    struct buf json;
    buf_init(&json, FIXTURE_GOLDEN_MAX);
    receipt_json_add(&json, text->stop, SLICE("a reason"), text->in_flight, text->in_flight_count);
    add_pretty(out, title, &json);
    receipt_text_add(out, text);
    buf_add_byte(out, '\n');
    receipt_add_scope(out, text->stop);
    buf_add_byte(out, '\n');
    buf_done(&json);
}

static void receipts(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    view_case(&f, "attempting");
    struct view views[2] = {f.view, f.view};
    struct stop stop = {.id = 0x00c93ffffffffff1,
                        .incident = 0x00c93ffffffffff0,
                        .names = {"invoice-reminders"},
                        .by = "ana",
                        .at_unix_ms = FIXTURE_AT(14, 2, 13),
                        .in_flight_at_start = 2,
                        .in_flight = 2};
    struct receipt_text text = {.stop = &stop,
                                .in_flight = views,
                                .in_flight_count = 2,
                                .config = &f.config,
                                .zone = &f.zone,
                                .now_unix_ms = FIXTURE_AT(14, 2, 13)};
    add_receipt(&out, "two calls are under way", &text);
    text.in_flight_count = 0;
    add_receipt(&out, "the same, the calls not known", &text);
    stop.in_flight = 0;
    stop.stopped_at_unix_ms = FIXTURE_AT(14, 3, 9);
    stop.ended[STATE_DONE] = 1;
    stop.ended[STATE_UNCERTAIN] = 1;
    stop.held = 12;
    stop.refused = 3;
    add_receipt(&out, "stopped", &text);
    stop = (struct stop){.id = 7,
                         .names = {"", "", "mailer", "high"},
                         .at_unix_ms = FIXTURE_AT(14, 2, 13),
                         .stopped_at_unix_ms = FIXTURE_AT(14, 2, 13),
                         .is_lifted = true,
                         .lifted_at_unix_ms = FIXTURE_AT(14, 10, 0)};
    add_receipt(&out, "nothing was under way; lifted", &text);
    memset(stop.names, 0, sizeof stop.names);
    memcpy(stop.names[0], "w", 2);
    memcpy(stop.names[1], "s", 2);
    memcpy(stop.names[3], "high", 5);
    add_receipt(&out, "a risk class of a step, which is not in the configuration", &text);
    memset(stop.names, 0, sizeof stop.names);
    stop.ended[STATE_WAITING] = 1;
    add_receipt(&out, "everything", &text);
    stop.ended[STATE_WAITING] = 0;
    stop.ended[STATE_HELD] = 1;
    stop.held = 1;
    add_receipt(&out, "what was under way is held", &text);
    stop.held = 3;
    add_receipt(&out, "what was under way is held, and more", &text);
    stop = (struct stop){.id = 7,
                         .names = {"invoice-reminders", "send_reminder", "", "high"},
                         .position = POSITION_FALLBACK,
                         .at_unix_ms = FIXTURE_AT(14, 2, 13)};
    add_receipt(&out, "on fallback", &text);
    text.is_stopped_too = true;
    add_receipt(&out, "on fallback, and stopped", &text);
    text.is_stopped_too = false;
    stop.position = POSITION_REVIEW;
    memset(stop.names[0], 0, sizeof stop.names[0]);
    memset(stop.names[1], 0, sizeof stop.names[1]);
    add_receipt(&out, "all of a risk class on review", &text);
    fixture_golden("answers/receipts.txt", buf_slice(&out));
    buf_done(&out);
}

/* The record that an action's state of now would have made. */
static struct record record_of(const struct fixture *f, enum record_kind kind)
{
    const struct action *a = &f->action;
    return (struct record){.kind = kind,
                           .at_unix_ms = FIXTURE_AT(14, 2, 21),
                           .action = a->id,
                           .workflow = SLICE("invoice-reminders"),
                           .step = SLICE("send_reminder"),
                           .upstream = SLICE("mailer"),
                           .state = a->state,
                           .reason = a->reason,
                           .attempt = a->starts_total,
                           .has_verdict = kind == RECORD_OUTCOME || kind == RECORD_CRASHED ||
                                          kind == RECORD_LATE,
                           .verdict = {a->last_outcome, a->last_reason, false, true},
                           .status = a->last_status,
                           .hold_for = a->hold_for,
                           .people_due_unix_ms = a->people_due_unix_ms,
                           .policy = SLICE("0123456789abcdef"),
                           .path_count = f->decided.path_count,
                           .decided_by = f->decided.decided_by,
                           .says = f->decided.says,
                           .would = f->decided.would};
}

static const struct {
    const char *name;
    enum record_kind kind;
    const char *actor;
} log_cases[] = {
    {"attempting", RECORD_ADMITTED, "billing-cron"},
    {"review_rule", RECORD_ADMITTED, "billing-cron"},
    {"done_observe", RECORD_OUTCOME, ""},
    {"done", RECORD_OUTCOME, ""},
    {"uncertain", RECORD_OUTCOME, ""},
    {"uncertain_after_crash", RECORD_CRASHED, ""},
    {"uncertain_tries_used", RECORD_OUTCOME, ""},
    {"waiting_by_key", RECORD_OUTCOME, ""},
    {"waiting_not_sent", RECORD_OUTCOME, ""},
    {"waiting_busy", RECORD_OUTCOME, ""},
    {"held_stop", RECORD_GATED, ""},
    {"done_late", RECORD_LATE, ""},
    {"review_after_hold", RECORD_TIMER, ""},
    {"uncertain_quarantine", RECORD_QUARANTINED, ""},
    {"done_by_person", RECORD_RESOLVED, "ben"},
    {"failed_person", RECORD_RESOLVED, "ben"},
    {"attempting", RECORD_APPROVED, "ben"},
    {"rejected_person", RECORD_DECLINED, "ben"},
    {"cancelled", RECORD_CANCELLED, "ben"},
    {"attempting_lease", RECORD_BEGUN, "billing-cron"},
    {"done_erased", RECORD_ERASED, "ben"},
    {"hostile", RECORD_OUTCOME, ""},
    {"uncertain_asked", RECORD_ASKED, ""},
    {"uncertain_cannot_tell", RECORD_ASKED, ""},
    {"done_by_check", RECORD_ASKED, ""},
    {"waiting_check_says_not", RECORD_ASKED, ""},
    {"held_fact", RECORD_REFRESHED, ""},
    {"held_fact", RECORD_REFRESHED, "billing-cron"},
};

static void log_lines(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    for (size_t i = 0; i < sizeof log_cases / sizeof *log_cases; i++) {
        view_case(&f, log_cases[i].name);
        struct record record = record_of(&f, log_cases[i].kind);
        memcpy(record.path, f.decided.path, sizeof record.path);
        record.actor = slice_text(log_cases[i].actor);
        record.due_unix_ms = f.action.due_unix_ms;
        if (f.action.reason == REASON_BY_CHECK)
            record.told = CHECK_HAPPENED;
        if (f.action.reason == REASON_CHECK_SAYS_NOT)
            record.told = CHECK_NOT_HAPPENED;
        log_line_add(&out, &record, &f.view, f.view.zone);
    }
    view_case(&f, "cancelled");
    struct record newer = record_of(&f, RECORD_CANCELLED);
    newer.reason = REASON_SUPERSEDED;
    log_line_add(&out, &newer, &f.view, f.view.zone);
    struct view none = {.zone = &f.zone, .config = &f.config, .now_unix_ms = FIXTURE_AT(14, 2, 21)};
    const struct record controls[] = {
        {.kind = RECORD_SERVING, .number = 3},
        {.kind = RECORD_POLICY, .policy = SLICE("0123456789abcdef"), .actor = SLICE("ben")},
        {.kind = RECORD_STOP,
         .actor = SLICE("ana"),
         .workflow = SLICE("invoice-reminders"),
         .number = 2},
        {.kind = RECORD_INCIDENT, .incident = 2, .actor = SLICE("ana"), .subject = SLICE("open")},
        {.kind = RECORD_STOPPED, .workflow = SLICE("invoice-reminders")},
        {.kind = RECORD_RESTART, .upstream = SLICE("mailer"), .subject = SLICE("high")},
        {.kind = RECORD_TOKEN, .subject = SLICE("ci\nbot"), .actor = SLICE("ben")},
        {.kind = RECORD_TOKEN, .subject = SLICE("ci"), .actor = SLICE("ben"), .number = 1},
        {.kind = RECORD_UPSTREAM,
         .upstream = SLICE("mailer"),
         .subject = SLICE("open failures_in_row 5/5")},
        {.kind = RECORD_NOTE},
        {.kind = RECORD_CHECKPOINT},
        {.kind = RECORD_ENDING},
    };
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        struct record record = controls[i];
        record.at_unix_ms = FIXTURE_AT(14, 2, 21) - (i == 0 ? 86400000 : 0);
        log_line_add(&out, &record, &none, none.zone);
    }
    fixture_golden("answers/log.txt", buf_slice(&out));
    buf_done(&out);
}

/* Any record is one line that begins with a time, with and without a view. */
static void any_record_is_one_line(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++)
        for (unsigned with = 0; with < STATE_COUNT * 4; with++) {
            struct fixture f;
            struct buf out;
            buf_init(&out, FIXTURE_GOLDEN_MAX);
            fixture_init(&f);
            struct record record = record_of(&f, (enum record_kind)kind);
            record.state = (enum action_state)(with / 4);
            record.action = with & 1 ? record.action : 0;
            log_line_add(&out, &record, with & 2 ? &f.view : NULL, f.view.zone);
            assert_int_equal(slice_find(buf_slice(&out), '\n'), out.size - 1);
            assert_true(out.at[2] == ':' && out.at[8] == ' ');
            buf_done(&out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_as_json),
        cmocka_unit_test(every_answer_is_whole),
        cmocka_unit_test(a_stranger_sees_state_and_id),
        cmocka_unit_test(problems_and_inbox),
        cmocka_unit_test(cards),
        cmocka_unit_test(receipts),
        cmocka_unit_test(log_lines),
        cmocka_unit_test(any_record_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
