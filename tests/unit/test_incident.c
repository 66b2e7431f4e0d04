/* The words of an incident, its report and its messages, and those of a plan:
 * tests/unit/answers/incidents.txt and plan.txt. With INTERLOCK_GOLDEN set the file is written
 * anew: read the difference, then keep it. */
#include "policy/config.h"
#include "record/incident_view.h"
#include "record/notice_text.h"
#include "record/plan.h"
#include "unit/view_fixture.h"

static const struct group *const team = &fixture_groups[0], *const leads = &fixture_groups[1];

/* The sample of the design: on fallback since 14:11. */
static void make_view(struct fixture *f, struct incident_view *out)
{
    static struct incident_entry entries[8];
    static struct incident_change changes[2];
    size_t n = 0;
    entries[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(14, 11, 0),
                                           .kind = RECORD_STOP,
                                           .actor = SLICE("ana"),
                                           .scope = SLICE("inquiry-routing")};
    entries[n++] = (struct incident_entry){
        .at_unix_ms = FIXTURE_AT(14, 11, 0), .kind = RECORD_INCIDENT, .subject = SLICE("open")};
    entries[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(14, 11, 2),
                                           .kind = RECORD_TOLD,
                                           .subject = SLICE("ana through email")};
    entries[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(14, 11, 9),
                                           .kind = RECORD_NOT_TOLD,
                                           .subject = SLICE("ben through pager")};
    entries[n++] = (struct incident_entry){
        .at_unix_ms = FIXTURE_AT(14, 12, 0), .kind = RECORD_ACKNOWLEDGED, .actor = SLICE("ana")};
    changes[0] =
        (struct incident_change){SLICE("context.model_version"), SLICE("m4"), {8, 9, 9, 18}};
    changes[1] = (struct incident_change){SLICE("input.channel"), SLICE("chat\nx"), {5, 9, 5, 80}};
    *out =
        (struct incident_view){.id = 7,
                               .config = &f->config,
                               .journal = {.incident = 7,
                                           .names = {"inquiry-routing"},
                                           .informs = "ben",
                                           .began_unix_ms = FIXTURE_AT(14, 2, 0),
                                           .since_unix_ms = FIXTURE_AT(14, 11, 0),
                                           .inform_due_unix_ms = FIXTURE_AT(14, 41, 0)},
                               .is_open = true,
                               .scope = SLICE("inquiry-routing"),
                               .why = SLICE("9 of the last 38 audited were wrong, limit 10 %"),
                               .position = SLICE("fallback"),
                               .has_ladder = true,
                               .ladder = {.ladder = {.state = LADDER_ACKNOWLEDGED,
                                                     .acknowledged_unix_ms = FIXTURE_AT(14, 12, 0)},
                                          .acknowledged_by = SLICE("ana")},
                               .entries = entries,
                               .entry_count = n,
                               .changes = changes,
                               .change_count = 2,
                               .changes_of = 89,
                               .changes_bad = 14,
                               .owner = team,
                               .restart = leads,
                               .zone = &f->zone,
                               .now_unix_ms = FIXTURE_AT(14, 20, 0)};
    out->impact = (struct incident_impact){.in_review = 40,
                                           .oldest_unix_ms = FIXTURE_AT(14, 14, 0),
                                           .people_due_unix_ms = FIXTURE_AT(18, 14, 0),
                                           .wrong_before = 31,
                                           .lost = 0,
                                           .waits = 40,
                                           .target_percent = 95};
    out->impact.counts.n[TALLY_TEMPLATE] = 212;
    out->impact.counts.n[TALLY_FALLBACK] = 3;
    out->impact.counts.n[TALLY_LOW_CONFIDENCE] = 215;
    out->impact.counts.n[TALLY_IN_TIME] = 979;
    out->impact.counts.n[TALLY_LATE] = 21;
}

static void add_pages(struct buf *out, struct fixture *f)
{
    struct incident_view view;
    make_view(f, &view);
    incident_text_add(out, &view);
    buf_add_text(out, "\n== another stop has joined it, for a reason of its own\n");
    struct incident_entry said[16];
    memcpy(said, view.entries, view.entry_count * sizeof *said);
    size_t n = view.entry_count;
    said[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(14, 20, 0),
                                        .kind = RECORD_STOP,
                                        .actor = SLICE("trigger runaway"),
                                        .scope = SLICE("inquiry-routing"),
                                        .words = SLICE("501 starts in 1 h, limit 500")};
    said[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(14, 21, 0),
                                        .kind = RECORD_INCIDENT,
                                        .actor = SLICE("ana"),
                                        .subject = SLICE("open"),
                                        .words = SLICE("a reason said later")};
    view.entries = said;
    view.entry_count = n;
    incident_text_add(out, &view);
    buf_add_text(out, "\n== closed, with all that was said\n");
    said[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(14, 25, 0),
                                        .kind = RECORD_REMARK,
                                        .actor = SLICE("ana"),
                                        .subject = SLICE("note"),
                                        .words = SLICE("m4 has another\nvocabulary")};
    said[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(14, 30, 0),
                                        .kind = RECORD_REMARK,
                                        .actor = SLICE("ben"),
                                        .subject = SLICE("informed"),
                                        .words = SLICE("the teams know")};
    said[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(15, 2, 0),
                                        .kind = RECORD_RESTART,
                                        .actor = SLICE("ben"),
                                        .scope = SLICE("inquiry-routing")};
    said[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(15, 10, 0),
                                        .kind = RECORD_REMARK,
                                        .actor = SLICE("ana"),
                                        .subject = SLICE("cause"),
                                        .words = SLICE("m4:\n# not a head line")};
    said[n++] = (struct incident_entry){.at_unix_ms = FIXTURE_AT(15, 2, 0),
                                        .kind = RECORD_INCIDENT,
                                        .actor = SLICE("ben"),
                                        .subject = SLICE("closed"),
                                        .words = SLICE("m3 is back")};
    view.entries = said;
    view.entry_count = n;
    view.is_open = false;
    view.impact.was_held = 2;
    view.closed_unix_ms = FIXTURE_AT(15, 2, 0);
    incident_text_add(out, &view);
    buf_add_text(out, "\n== its report\n");
    incident_report_add(out, &view);
    buf_add_text(out, "\n== as JSON\n{");
    incident_json_add(out, &view);
    buf_add_text(out, "}\n");
}

/* Each stage of a ramp, sent back twice. */
static void add_ramp(struct buf *out, struct fixture *f)
{
    static const struct incident_entry ramp[] = {
        {.kind = RECORD_STOP, .stop = 3, .actor = SLICE("ana"), .scope = SLICE("w")},
        {.kind = RECORD_STOP, .stop = 4, .actor = SLICE("ana"), .scope = SLICE("w/s")},
        {.kind = RECORD_RESTART, .stop = 3, .number = 1, .scope = SLICE("w")},
        {.kind = RECORD_RAMP, .number = 1, .subject = SLICE("passed")},
        {.kind = RECORD_RAMP, .number = 1, .subject = SLICE("stuck")},
        {.kind = RECORD_RAMP, .number = 1, .actor = SLICE("ben"), .subject = SLICE("reloaded")},
        {.kind = RECORD_STOP, .stop = 3, .actor = SLICE("ben"), .scope = SLICE("w")},
        {.kind = RECORD_STOP, .stop = 4, .actor = SLICE("ben"), .scope = SLICE("w/s")},
        {.kind = RECORD_RAMP, .actor = SLICE("trigger t"), .subject = SLICE("stopped")},
        {.kind = RECORD_RAMP, .number = 3, .subject = SLICE("over")},
        {.kind = RECORD_RESTART_ASKED, .actor = SLICE("ana"), .words = SLICE("m3 is back")},
        {.kind = RECORD_RESTART_REFUSED, .actor = SLICE("ana"), .subject = SLICE("own")},
        {.kind = RECORD_RESTART_REFUSED, .actor = SLICE("ben"), .subject = SLICE("changed")},
        {.kind = RECORD_RESTART_REFUSED, .actor = SLICE("interlock"), .subject = SLICE("over")},
        {.kind = RECORD_RESTART_REJECTED, .actor = SLICE("ben"), .subject = SLICE("ana")},
        {.kind = RECORD_RESTART_REJECTED,
         .number = 1,
         .actor = SLICE("ana"),
         .subject = SLICE("ana")},
        {.kind = RECORD_RESTART_APPROVED, .actor = SLICE("ben"), .subject = SLICE("ana")},
        {.kind = RECORD_RESTART_APPROVED,
         .number = 1,
         .actor = SLICE("ana"),
         .subject = SLICE("ana")},
        {.kind = RECORD_LIFTED, .stop = 3, .actor = SLICE("ben"), .scope = SLICE("w")}};
    struct incident_view ramped = {
        .id = 7, .config = &f->config, .entries = ramp, .entry_count = sizeof ramp / sizeof *ramp};
    for (size_t i = 0; i < ramped.entry_count; i++) {
        incident_entry_add(out, &ramped, &ramp[i]);
        buf_add_byte(out, '\n');
    }
}

/* Two that were told before it are part of it; the one of them as it stands. */
static void add_joined(struct buf *out, struct fixture *f)
{
    const struct incident_entry entries[] = {
        {.at_unix_ms = FIXTURE_AT(14, 11, 0), .kind = RECORD_INCIDENT, .subject = SLICE("open")},
        {.at_unix_ms = FIXTURE_AT(14, 12, 0),
         .kind = RECORD_REMARK,
         .number = 5,
         .subject = SLICE("joined"),
         .words = SLICE("w: held work is past half of its time, since 14:01")},
        {.at_unix_ms = FIXTURE_AT(14, 12, 1), /* over a crash */
         .kind = RECORD_REMARK,
         .number = 5,
         .subject = SLICE("joined"),
         .words = SLICE("w: held work is past half of its time, since 14:01")},
        {.at_unix_ms = FIXTURE_AT(14, 13, 0),
         .kind = RECORD_REMARK,
         .actor = SLICE("trigger old"),
         .subject = SLICE("joined"),
         .words = SLICE("the oldest is held for 40 min, limit 30 min")}};
    const struct incident_entry part[] = {
        {.at_unix_ms = FIXTURE_AT(14, 5, 0), .kind = RECORD_INCIDENT, .subject = SLICE("open")},
        {.at_unix_ms = FIXTURE_AT(14, 12, 0),
         .kind = RECORD_REMARK,
         .number = 8,
         .subject = SLICE("joined")},
        {.at_unix_ms = FIXTURE_AT(14, 12, 0), .kind = RECORD_INCIDENT, .subject = SLICE("closed")}};
    struct incident_view view = {.id = 8,
                                 .config = &f->config,
                                 .journal = {.incident = 8,
                                             .kind = INCIDENT_DEGRADED,
                                             .lasting = LASTING_BREAKER,
                                             .names = {"", "", "mailer"},
                                             .since_unix_ms = FIXTURE_AT(14, 11, 0)},
                                 .is_open = true,
                                 .scope = SLICE("upstream mailer"),
                                 .entries = entries,
                                 .entry_count = sizeof entries / sizeof *entries,
                                 .zone = &f->zone,
                                 .now_unix_ms = FIXTURE_AT(14, 20, 0)};
    incident_text_add(out, &view);
    incident_report_add(out, &view);
    buf_add_byte(out, '{');
    incident_json_add(out, &view);
    buf_add_text(out, "}\n");
    view.id = 5;
    view.scope = SLICE("w");
    view.journal = (struct journal){.incident = 5,
                                    .kind = INCIDENT_DEGRADED,
                                    .lasting = LASTING_HELD,
                                    .names = {"w", "", "mailer"},
                                    .since_unix_ms = FIXTURE_AT(14, 5, 0),
                                    .joined_into = 8};
    view.is_open = false;
    view.closed_unix_ms = FIXTURE_AT(14, 12, 0);
    view.entries = part;
    view.entry_count = sizeof part / sizeof *part;
    incident_text_add(out, &view);
    incident_line_add(out, &view);
    buf_add_byte(out, '\n');
    incident_report_add(out, &view);
}

/* Each kind of trouble, as a line of a list and as the first line of its messages. */
static void add_troubles(struct buf *out, struct fixture *f)
{
    static const struct journal journals[] = {
        {.kind = INCIDENT_DEGRADED,
         .lasting = LASTING_BREAKER,
         .breaker = BREAKER_FOR_SHARE,
         .breaker_count = 12,
         .breaker_of = 20,
         .names = {"", "", "mailer"}},
        {.kind = INCIDENT_DEGRADED,
         .lasting = LASTING_CAUSE,
         .cause = CAUSE_UNAVAILABLE,
         .names = {"w"}},
        {.kind = INCIDENT_DEGRADED, .lasting = LASTING_HELD, .names = {"w", "", "mailer"}},
        {.kind = INCIDENT_OVERDUE, .lasting = LASTING_REVIEWS, .overdue = 1, .names = {"w"}},
        {.kind = INCIDENT_OVERDUE, .lasting = LASTING_UNCERTAIN, .overdue = 3, .names = {"w"}},
        {.kind = INCIDENT_ALERT, .names = {"w", "s"}},
    };
    static const char *const states[] = {"STOPPED", "DEGRADED", "WAITS FOR PEOPLE", "ALERT"};
    for (size_t i = 0; i < sizeof journals / sizeof *journals; i++) {
        struct incident_view view = {.id = 8,
                                     .config = &f->config,
                                     .journal = journals[i],
                                     .is_open = true,
                                     .scope = SLICE("w"),
                                     .zone = &f->zone,
                                     .now_unix_ms = FIXTURE_AT(14, 20, 0)};
        struct buf why;
        buf_init(&why, 4096);
        view.journal.since_unix_ms = FIXTURE_AT(14, 11, 0);
        view.journal.began_unix_ms = FIXTURE_AT(14, 1, 0);
        if (view.journal.kind == INCIDENT_ALERT)
            view.why = SLICE("6 uncertain in 1 h, limit 5");
        incident_line_add(out, &view);
        buf_add_byte(out, '\n');
        incident_add_trouble(&why, &view.journal, &f->zone, view.now_unix_ms);
        struct notice_facts facts = {.about = NOTICE_TROUBLE,
                                     .kind = view.journal.kind,
                                     .state = states[view.journal.kind],
                                     .incident = 8,
                                     .scope = SLICE("w"),
                                     .reason = why.size ? buf_slice(&why) : view.why,
                                     .since_unix_ms = FIXTURE_AT(14, 11, 0),
                                     .now_unix_ms = FIXTURE_AT(14, 11, 0),
                                     .zone = &f->zone};
        notice_text_line(&facts, out);
        buf_add_byte(out, '\n');
        buf_done(&why);
    }
}

static void add_messages(struct buf *out, struct fixture *f)
{
    struct notice_facts facts = {.about = NOTICE_INFORM,
                                 .state = "STOPPED",
                                 .incident = 7,
                                 .scope = SLICE("inquiry-routing"),
                                 .reason = SLICE("model drift"),
                                 .waiting = 41,
                                 .informs = SLICE("ben"),
                                 .inform_due_unix_ms = FIXTURE_AT(14, 41, 0),
                                 .since_unix_ms = FIXTURE_AT(14, 11, 0),
                                 .now_unix_ms = FIXTURE_AT(14, 11, 0),
                                 .zone = &f->zone};
    notice_text_line(&facts, out);
    buf_add_byte(out, '\n');
    notice_text_body(&facts, out);
    buf_add_byte(out, '\n');
    facts = (struct notice_facts){.about = NOTICE_RECOVERED,
                                  .kind = INCIDENT_DEGRADED,
                                  .incident = 7,
                                  .scope = SLICE("upstream mailer"),
                                  .reason = SLICE("15:10 \xc2\xb7 409 sent by 15:19 \xc2\xb7 3 "
                                                  "expired \xe2\x86\x92 finance \xc2\xb7 0 sent "
                                                  "twice"),
                                  .since_unix_ms = FIXTURE_AT(14, 11, 0),
                                  .now_unix_ms = FIXTURE_AT(15, 20, 0),
                                  .zone = &f->zone};
    notice_text_line(&facts, out);
    buf_add_byte(out, '\n');
    notice_text_body(&facts, out);
}

static void words_of_incidents(void **state)
{
    struct fixture f;
    struct buf out;
    (void)state;
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    fixture_init(&f);
    add_pages(&out, &f);
    buf_add_text(&out, "\n== its ramp\n");
    add_ramp(&out, &f);
    buf_add_text(&out, "\n== others are part of it\n");
    add_joined(&out, &f);
    buf_add_text(&out, "\n== troubles: in a list, as a message\n");
    add_troubles(&out, &f);
    buf_add_text(&out, "\n== messages\n");
    add_messages(&out, &f);
    fixture_golden("answers/incidents.txt", buf_slice(&out));
    buf_done(&out);
}

static const char installation[] = "listen: 127.0.0.1:0\n"
                                   "store: ./data\n"
                                   "people:\n"
                                   "  ana: { name: Ana Ruiz, email: ana@example.org }\n"
                                   "  ben: { name: Ben Okafor, email: ben@example.org }\n"
                                   "groups:\n"
                                   "  support: [ana, ben]\n"
                                   "  leads: [ben, ana]\n"
                                   "  admins: [ben]\n"
                                   "switch: { owner: support, restart: leads, inform: ana }\n"
                                   "upstreams:\n"
                                   "  helpdesk: { url: \"http://127.0.0.1:1\" }\n"
                                   "  bank: { url: \"http://127.0.0.1:2\" }\n";
static const char policy[] =
    "workflow: inquiry-routing\n"
    "purpose: Classify support tickets\n"
    "owner: support\n"
    "restart: leads\n"
    "inform: ben\n"
    "reviewers: leads\n"
    "mode: auto\n"
    "steps:\n"
    "  route_ticket:\n"
    "    kind: ticket\n"
    "    call: helpdesk PUT /tickets/${input.ticket}/team\n"
    "    key: ${input.ticket}\n"
    "    confidence: at least 0.80\n"
    "    risk: high if input.team == \"refunds\"\n"
    "    sla: 4h\n"
    "    audit: { share: 5%, ask: Right?, labels: [right, wrong-team] }\n"
    "    fallback:\n"
    "      low_confidence:\n"
    "        - review, due 4h, at most 40 open, then template general-queue\n"
    "      stopped: template general-queue\n"
    "    templates:\n"
    "      general-queue: { answer: { queue: general } }\n"
    "  refund:\n"
    "    kind: payment\n"
    "    call: bank POST /refunds\n"
    "    key: ${input.ticket}\n"
    "    amount: ${input.amount}\n"
    "triggers:\n"
    "  - misrouted: fallback if misclassified > 2%\n"
    "  - runaway: stopped if volume > 500 in 1h\n"
    "  - much: stopped if sum(input.amount) > 1000 in 1d for refund\n"
    "  - old: alert if held_age > 4h for risk high\n"
    "  - drift: review if posted(drift) > 3\n"
    "alone: after 10m\n"
    "ramp: [3, 20%]\n";

/* Sentences, from the configuration alone. */
static void words_of_a_plan(void **state)
{
    struct arena arena;
    struct problems problems;
    struct buf out;
    struct config_file files[2] = {{SLICE("interlock.yaml"), slice_text(installation)},
                                   {SLICE("policies/w.yaml"), slice_text(policy)}};
    unsigned char facts[DIGEST_SIZE];
    (void)state;
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    const struct config *config = config_load(files, 2, &arena, &problems);
    assert_non_null(config);
    plan_text_add(&out, config, &config->workflows[0]);
    plan_facts(config, &config->workflows[0], facts);
    struct plan_signature signature = {.at_unix_ms = FIXTURE_AT(14, 2, 0), .by = SLICE("ana")};
    plan_signed_add(&out, config, NULL, facts, NULL);
    plan_signed_add(&out, config, &signature, facts, NULL);
    memcpy(signature.facts, facts, sizeof facts);
    plan_signed_add(&out, config, &signature, facts, NULL);
    fixture_golden("answers/plan.txt", buf_slice(&out));
    buf_done(&out);
    arena_done(&arena);
}

static void journals_come_back(void **state)
{
    struct journal journal = {.incident = 7,
                              .kind = INCIDENT_OVERDUE,
                              .lasting = LASTING_REVIEWS,
                              .cause = CAUSE_RULE,
                              .names = {"w", "s", "u", "r"},
                              .answers = "judges",
                              .informs = "ana",
                              .informed_by = "ben",
                              .began_unix_ms = 1,
                              .since_unix_ms = 2,
                              .closed_unix_ms = 3,
                              .overdue = 4,
                              .joined_into = 99,
                              .trip = {true, SIGNAL_LATENCY, 5, 1}};
    struct journal back;
    struct buf bytes, key;
    uint64_t seq = 0;
    (void)state;
    journal.before.n[TALLY_COUNT - 1] = 99;
    buf_init(&bytes, 16384);
    buf_init(&key, 96);
    journal_encode(&journal, &bytes);
    assert_int_equal(journal_decode(buf_slice(&bytes), &back), ERR_OK);
    struct buf again;
    buf_init(&again, 16384);
    journal_encode(&back, &again);
    assert_true(slice_equal(buf_slice(&again), buf_slice(&bytes)));
    assert_string_equal(back.answers, "judges");
    assert_int_equal(back.overdue, 4);
    assert_int_equal(back.joined_into, 99);
    assert_true(back.trip.is_set && back.trip.signal == SIGNAL_LATENCY);
    assert_true(back.trip.late_ms == 5 && back.trip.began_unix_ms == 1);
    buf_done(&again);
    for (size_t i = 0; i < bytes.size; i++) /* every cut is found */
        assert_int_equal(journal_decode(slice_first(buf_slice(&bytes), i), &back), ERR_CORRUPT);
    bytes.at[2] = 99; /* a kind of a newer version: only people close it */
    assert_int_equal(journal_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_int_equal(back.kind, INCIDENT_STOP);
    journal_entry_key_add(&key, 7, 12345);
    assert_true(journal_entry_key_parse(buf_slice(&key), 7, &seq));
    assert_int_equal(seq, 12345);
    assert_false(journal_entry_key_parse(buf_slice(&key), 8, &seq));
    buf_done(&key);
    buf_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_of_incidents),
                                       cmocka_unit_test(words_of_a_plan),
                                       cmocka_unit_test(journals_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
