/* The first line of every kind of message: tests/unit/answers/first_lines.txt. Each kind with short
 * names, with the longest that a policy allows, and with letters of several bytes. With
 * INTERLOCK_GOLDEN set the file is written anew: read the difference, then keep it. */
#include "record/incident_view.h"
#include "record/notice_text.h"
#include "record/report.h"
#include "record/restart_notice.h"
#include "unit/view_fixture.h"

#define NAME_64 "a-name-of-64-letters-that-goes-on-until-there-is-no-more-room-it"
#define LONG_WHY                                                                                   \
    "the next start would be number 501 in 1 h, limit 500, and somebody had a lot more to say "    \
    "about that than any pager shows, so this is what is cut first of all, as it should be"
/* é, 漢 and 🧭: 2, 3 and 4 bytes. */
#define WIDE "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\xa7\xad"
#define WIDE_8 WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE

struct names {
    const char *scope, *upstream, *workflows, *person, *trigger, *why, *group;
    uint64_t count;
};
static const struct names sets[] = {
    {"inquiry-routing", "upstream mailer", "a, b", "ana", "trigger runaway", "model drift",
     "finance", 41},
    {NAME_64 "/" NAME_64 ", risk " NAME_64, "upstream " NAME_64, NAME_64 ", " NAME_64, NAME_64,
     "trigger " NAME_64, LONG_WHY, NAME_64, LIMIT_UNENDED},
    {WIDE_8, WIDE_8, WIDE_8, WIDE_8, WIDE_8, WIDE_8 WIDE_8 WIDE_8, WIDE_8, 1},
};

/* One message: how it comes to be, and what its first line must say. */
struct first_line {
    const char *name;
    enum notice_about about;
    enum incident_kind kind;
    enum lasting_kind lasting;
    enum restart_news news;
    const char *state;
    bool is_held, is_by_trigger, is_upstream, is_again, is_answered, is_closed_by,
        has_no; /* has_no: a no came before */
    bool says_why, says_waits, says_lost;
};
static const struct first_line kinds[] = {
    {.name = "trip",
     .state = "STOPPED",
     .is_by_trigger = true,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "trip to fallback",
     .state = "ON FALLBACK",
     .is_by_trigger = true,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "hand stop",
     .state = "STOPPED",
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "hand stop, nobody answers",
     .state = "STOPPED",
     .is_again = true,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "hand stop, acknowledged and it goes on",
     .state = "STOPPED",
     .is_again = true,
     .is_answered = true,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "degraded: an upstream",
     .kind = INCIDENT_DEGRADED,
     .lasting = LASTING_BREAKER,
     .state = "DEGRADED",
     .is_upstream = true,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "degraded: an upstream, nobody answers",
     .kind = INCIDENT_DEGRADED,
     .lasting = LASTING_BREAKER,
     .state = "DEGRADED",
     .is_upstream = true,
     .is_again = true,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "degraded: a cause",
     .kind = INCIDENT_DEGRADED,
     .lasting = LASTING_CAUSE,
     .state = "DEGRADED",
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "degraded: held work",
     .kind = INCIDENT_DEGRADED,
     .lasting = LASTING_HELD,
     .state = "DEGRADED",
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "overdue reviews",
     .kind = INCIDENT_OVERDUE,
     .lasting = LASTING_REVIEWS,
     .state = "WAITS FOR PEOPLE",
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "uncertain writes",
     .kind = INCIDENT_OVERDUE,
     .lasting = LASTING_UNCERTAIN,
     .state = "WAITS FOR PEOPLE",
     .is_again = true,
     .is_answered = true,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "alert",
     .kind = INCIDENT_ALERT,
     .state = "ALERT",
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "undone", /* what is lost is what expired */
     .kind = INCIDENT_UNDONE,
     .lasting = LASTING_UNDONE,
     .state = "NOT DONE",
     .says_why = true,
     .says_waits = true},
    {.name = "the clock of the machine",
     .kind = INCIDENT_DEGRADED,
     .lasting = LASTING_CLOCK,
     .state = "DEGRADED",
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "inform",
     .about = NOTICE_INFORM,
     .state = "STOPPED",
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "acknowledged", .about = NOTICE_ACKNOWLEDGED},
    {.name = "runs again", .about = NOTICE_RECOVERED, .says_waits = true, .says_lost = true},
    {.name = "is still held by another stop",
     .about = NOTICE_RECOVERED,
     .is_held = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "recovered", /* its end says what went and what expired */
     .about = NOTICE_RECOVERED,
     .kind = INCIDENT_DEGRADED,
     .is_upstream = true,
     .says_why = true},
    {.name = "closed by a person, who knows better or not",
     .about = NOTICE_RECOVERED,
     .kind = INCIDENT_DEGRADED,
     .is_upstream = true,
     .is_closed_by = true},
    {.name = "is over", .about = NOTICE_RECOVERED, .kind = INCIDENT_OVERDUE},
    {.name = "alert is over", .about = NOTICE_RECOVERED, .kind = INCIDENT_ALERT},
    {.name = "undone is over", .about = NOTICE_RECOVERED, .kind = INCIDENT_UNDONE},
    {.name = "down", .about = NOTICE_DOWN, .says_waits = true, .says_lost = true},
    {.name = "restart waits",
     .about = NOTICE_RESTART,
     .news = RESTART_NEWS_ASKED,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "restart waits, nobody answers, after a no",
     .about = NOTICE_RESTART,
     .news = RESTART_NEWS_ASKED,
     .is_again = true,
     .has_no = true,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "restart approved",
     .about = NOTICE_RESTART,
     .news = RESTART_NEWS_APPROVED,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "restart approved alone",
     .about = NOTICE_RESTART,
     .news = RESTART_NEWS_ALONE,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "restart void",
     .about = NOTICE_RESTART,
     .news = RESTART_NEWS_CHANGED,
     .says_waits = true,
     .says_lost = true},
    {.name = "restart approved by nobody",
     .about = NOTICE_RESTART,
     .news = RESTART_NEWS_OVER,
     .says_waits = true,
     .says_lost = true},
    {.name = "ramp stuck",
     .about = NOTICE_RESTART,
     .news = RESTART_NEWS_STUCK,
     .says_waits = true,
     .says_lost = true},
    {.name = "ramp given up",
     .about = NOTICE_RESTART,
     .news = RESTART_NEWS_BACK,
     .says_waits = true,
     .says_lost = true},
    {.name = "restart rejected",
     .about = NOTICE_RESTART,
     .news = RESTART_NEWS_REJECTED,
     .has_no = true,
     .says_why = true,
     .says_waits = true,
     .says_lost = true},
    {.name = "scheduled report", .about = NOTICE_REPORT},
};

static void add_why(struct buf *out, const struct first_line *kind, const struct names *names,
                    const struct fixture *f)
{
    struct journal journal = {.kind = kind->kind,
                              .lasting = kind->lasting,
                              .breaker = BREAKER_FOR_SHARE,
                              .breaker_count = 12,
                              .breaker_of = 20,
                              .cause = CAUSE_LOW_CONFIDENCE,
                              .overdue = 3,
                              .clock_ms = 90 * 60000,
                              .began_unix_ms = FIXTURE_AT(14, 1, 0)};
    journal.undone = (struct undone_count){.expired = names->count,
                                           .cancelled = names->count,
                                           .rejected = names->count,
                                           .failed = names->count,
                                           .late = names->count};
    if (kind->is_upstream)
        memcpy(journal.names[JOURNAL_UPSTREAM], names->person,
               slice_first(slice_text(names->person), LIMIT_NAME - 1).size);
    if (kind->is_closed_by)
        return; /* its cause stands in the incident */
    if (kind->about == NOTICE_RECOVERED && kind->kind == INCIDENT_DEGRADED)
        buf_add_fmt(out, "15:10 \xc2\xb7 409 sent by 15:19 \xc2\xb7 3 expired \xe2\x86\x92 %s",
                    names->group);
    else if (kind->about == NOTICE_RECOVERED && kind->kind != INCIDENT_STOP)
        return; /* that it is over says it */
    else if (kind->lasting != LASTING_NONE)
        incident_add_trouble(out, &journal, &f->zone, FIXTURE_AT(14, 20, 0));
    else
        buf_add_text(out, names->why);
}

static void add_notice(struct buf *out, const struct first_line *kind, const struct names *names,
                       struct slice why, const struct fixture *f)
{
    const char *scope = kind->about == NOTICE_DOWN ? "interlock"
                        : kind->is_upstream        ? names->upstream
                                                   : names->scope;
    const char *by = kind->is_by_trigger ? names->trigger : names->person;
    bool has_by = (kind->kind == INCIDENT_STOP && kind->about != NOTICE_DOWN) || kind->is_closed_by;
    struct notice_facts facts = {
        .about = kind->about,
        .kind = kind->kind,
        .state = kind->state,
        .incident = kind->about == NOTICE_DOWN ? 0 : 7,
        .scope = slice_text(scope),
        .workflows = kind->is_upstream ? slice_text(names->workflows) : (struct slice){0},
        .by = has_by ? slice_text(by) : (struct slice){0},
        .reason = why,
        .asked_by = kind->about == NOTICE_RECOVERED ? slice_text(names->group) : (struct slice){0},
        .holders = kind->is_held ? slice_text(names->scope) : (struct slice){0},
        .is_held = kind->is_held,
        .is_again = kind->is_again,
        .acknowledged_by = kind->is_answered ? slice_text(names->person) : (struct slice){0},
        .acknowledged_unix_ms = FIXTURE_AT(14, 12, 0) - 40LL * 24 * 3600000,
        .waiting = names->count,
        .in_flight = names->count,
        .refused = names->count,
        .uncertain = kind->about == NOTICE_DOWN ? names->count : 0,
        .inform_due_unix_ms = FIXTURE_AT(14, 41, 0),
        .since_unix_ms = FIXTURE_AT(14, 11, 0) - 41LL * 24 * 3600000,
        .now_unix_ms = FIXTURE_AT(14, 20, 0),
        .zone = &f->zone};
    notice_text_line(&facts, out);
}

static void add_restart(struct buf *out, const struct first_line *kind, const struct names *names,
                        struct slice why, const struct fixture *f)
{
    struct restart_no no = {.at_unix_ms = FIXTURE_AT(14, 12, 0)};
    size_t size = slice_first(slice_text(names->person), LIMIT_NAME - 1).size;
    memcpy(no.by, names->person, size);
    memcpy(no.asked_by, names->group, slice_first(slice_text(names->group), LIMIT_NAME - 1).size);
    struct restart_notice notice = {.news = kind->news,
                                    .incident = 7,
                                    .scope = slice_text(names->scope),
                                    .asked_by = slice_text(names->person),
                                    .approved_by = slice_text(names->person),
                                    .reason = why,
                                    .no = {.no = kind->has_no ? &no : NULL, .why = why},
                                    .is_again = kind->is_again,
                                    .stuck_action = names->count > 1 ? names->count : 0,
                                    .waiting = names->count,
                                    .asked_unix_ms = FIXTURE_AT(14, 11, 0),
                                    .now_unix_ms = FIXTURE_AT(14, 20, 0),
                                    .zone = &f->zone};
    restart_notice_line(&notice, out);
}

static void add_report(struct buf *out, const struct names *names, const struct fixture *f)
{
    struct workflow workflow = {.name = slice_text(names->scope)};
    struct evidence evidence = {.workflow = &workflow,
                                .uncertain = names->count,
                                .since_unix_ms = FIXTURE_AT(9, 0, 0) - 7LL * 24 * 3600000,
                                .now_unix_ms = FIXTURE_AT(9, 0, 0),
                                .zone = &f->zone};
    for (size_t i = 0; i < TALLY_COUNT; i++)
        evidence.tally.n[i] = names->count;
    report_line_add(out, &evidence);
}

static bool slice_has(struct slice text, struct slice what)
{
    for (size_t i = 0; i + what.size <= text.size; i++)
        if (slice_starts(slice_from(text, i), what))
            return true;
    return false;
}

/* The first characters of a text, as they stand in a line. */
static struct slice some_of(struct slice text, size_t characters)
{
    size_t size = 0;
    while (characters-- > 0 && size < text.size)
        size += text_utf8_size(slice_from(text, size));
    return slice_first(text, size);
}

static void expect(bool is_so, const struct first_line *kind, const char *what, struct slice line)
{
    if (!is_so)
        fail_msg("%s: %s: %.*s", kind->name, what, SLICE_FMT(line));
}

static void expect_line(const struct first_line *kind, const struct names *names, struct slice why,
                        struct slice line)
{
    const char *scope = kind->is_upstream ? names->upstream : names->scope;
    bool is_down = kind->about == NOTICE_DOWN;
    expect(text_is_utf8(line), kind, "no UTF-8", line);
    expect(text_utf8_count(line) <= LIMIT_NOTICE_LINE, kind, "too long", line);
    for (size_t i = 0; i < line.size; i++)
        expect((unsigned char)line.at[i] >= ' ', kind, "a control character", line);
    expect(is_down || slice_has(line, some_of(slice_text(scope), 4)), kind, "of what?", line);
    expect(!kind->says_why || slice_has(line, some_of(why, 8)), kind, "why?", line);
    expect(!kind->says_waits || slice_has(line, SLICE(" wait")), kind, "what waits?", line);
    expect(!kind->says_lost || slice_has(line, SLICE(", 0 lost.")), kind, "what is lost?", line);
    expect(is_down || kind->about == NOTICE_REPORT || slice_has(line, SLICE("i_0000000000007")),
           kind, "which incident?", line);
}

static void every_kind_says_all_in_one_line(void **state)
{
    struct fixture f;
    struct buf out;
    (void)state;
    fixture_init(&f);
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        buf_add_fmt(&out, "== %s\n", kinds[i].name);
        for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
            struct buf line, why;
            buf_init(&line, 4096);
            buf_init(&why, 4096);
            add_why(&why, &kinds[i], &sets[s], &f);
            if (kinds[i].about == NOTICE_RESTART)
                add_restart(&line, &kinds[i], &sets[s], buf_slice(&why), &f);
            else if (kinds[i].about == NOTICE_REPORT)
                add_report(&line, &sets[s], &f);
            else
                add_notice(&line, &kinds[i], &sets[s], buf_slice(&why), &f);
            expect_line(&kinds[i], &sets[s], buf_slice(&why), buf_slice(&line));
            buf_add(&out, buf_slice(&line));
            buf_add_byte(&out, '\n');
            buf_done(&why);
            buf_done(&line);
        }
    }
    fixture_golden("answers/first_lines.txt", buf_slice(&out));
    buf_done(&out);
}

static bool has_kind(enum notice_about about, int kind, int news)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].about == about && (kind < 0 || (int)kinds[i].kind == kind) &&
            (news < 0 || (int)kinds[i].news == news))
            return true;
    return false;
}

/* A kind that is new has a line of the table. */
static void the_table_has_every_kind(void **state)
{
    (void)state;
    for (int about = NOTICE_TROUBLE; about <= NOTICE_RESTART; about++)
        assert_true(has_kind((enum notice_about)about, -1, -1));
    for (int kind = INCIDENT_STOP; kind <= INCIDENT_UNDONE; kind++) {
        assert_true(has_kind(NOTICE_TROUBLE, kind, -1));
        assert_true(has_kind(NOTICE_RECOVERED, kind, -1));
    }
    for (int lasting = LASTING_BREAKER; lasting <= LASTING_CLOCK; lasting++) {
        bool has_it = false;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            has_it = has_it || (int)kinds[i].lasting == lasting;
        assert_true(has_it);
    }
    for (int news = RESTART_NEWS_ASKED; news <= RESTART_NEWS_REJECTED; news++)
        assert_true(has_kind(NOTICE_RESTART, -1, news));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind_says_all_in_one_line),
                                       cmocka_unit_test(the_table_has_every_kind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
