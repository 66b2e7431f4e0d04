/* Scheduled reports, in virtual time: the real engine on a memory store, crashes at any moment,
 * days on which it is down. Each day, week and month is reported once. */
#include "base/text.h"
#include "record/notice.h"
#include "sim/rig.h"

enum { HOUR = 3600 * 1000, LINES = 512, HANDS = 64, DAYS = 45 };
#define DAY (24 * INT64_C(3600000))

static const char installation[] =
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "hours: Mon-Fri 09:00-18:00\n"
    "people:\n"
    "  ana: { email: ana@example.org }\n"
    "  ben: { email: ben@example.org }\n"
    "  dia: { email: dia@example.org, tell: pager }\n"
    "groups:\n"
    "  team: [ana]\n"
    "  leads: [ana, ben]\n"
    "  admins: [ben]\n"
    "switch: { owner: team, restart: leads, inform: ana }\n"
    "upstreams: { plain: { url: \"http://127.0.0.1:1\" } }\n"
    "channels:\n"
    "  email: { smtp: \"smtp://127.0.0.1:25\", from: i@example.org }\n"
    "  pager: { pagerduty: { env: X_PAGER } }\n";
static const char policy[] = "workflow: w\n"
                             "purpose: To be reported\n"
                             "owner: team\n"
                             "restart: leads\n"
                             "inform: ana\n"
                             "mode: auto\n"
                             "report: %s\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n";

struct world {
    struct rig rig;
    const char *policy;
    char lines[LINES][400]; /* "ana email: REPORT w since …" */
    uint64_t ids[LINES];
    size_t line_count;
    bool is_hanging; /* the receiver takes nothing */
    struct {
        bool is_there;
        struct notify_message message;
    } mails[HANDS];
};

static enum err world_call(void *impl, const struct upstream_call *call)
{
    (void)impl;
    (void)call;
    return ERR_BUSY;
}

static enum err world_send(void *impl, const struct notify_message *message)
{
    struct world *world = impl;
    const struct notice *notice = message->notice;
    for (size_t i = 0; i < HANDS; i++) {
        if (world->mails[i].is_there)
            continue;
        world->mails[i].is_there = true;
        world->mails[i].message = *message;
        bool is_known = false; /* sent at least once, with the same id */
        for (size_t k = 0; k < world->line_count; k++)
            is_known = is_known || world->ids[k] == notice->id;
        if (is_known)
            return ERR_OK;
        assert_true(world->line_count < LINES);
        world->ids[world->line_count] = notice->id;
        (void)snprintf(world->lines[world->line_count++], sizeof world->lines[0], "%.*s %.*s: %.*s",
                       SLICE_FMT(notice->person), SLICE_FMT(notice->channel),
                       SLICE_FMT(notice->line));
        assert_true(notice->about == NOTICE_DOWN ||
                    slice_starts(notice->body, SLICE("REPORT     w from ")));
        return ERR_OK;
    }
    return ERR_BUSY;
}

static void settle(struct world *world)
{
    for (bool moved = true; moved;) {
        moved = store_memory_flush(world->rig.store, 1000) > 0;
        for (size_t i = 0; i < HANDS && !world->is_hanging; i++) {
            struct notify_result result = {.outcome = NOTIFY_DELIVERED};
            if (!world->mails[i].is_there)
                continue;
            world->mails[i].is_there = false;
            world->mails[i].message.done(world->mails[i].message.arg, &result);
            moved = true;
        }
    }
}

static void start(struct world *world)
{
    char text[2048];
    (void)snprintf(text, sizeof text, policy, world->policy);
    rig_start(&world->rig, (struct engine_options){.upstream = {world, world_call, rig_no_calls},
                                                   .notify = {world, world_send},
                                                   .loaded = rig_load(installation, text)});
}

static void crash(struct world *world)
{
    rig_crash(&world->rig);
    memset(world->mails, 0, sizeof world->mails);
    start(world);
}

static void beat(struct world *world)
{
    engine_wake(world->rig.engine);
    engine_beat(world->rig.engine);
}

/* 2023-11-14 is a Tuesday; days pass an hour at a time, with a crash between any two steps. */
static void play(struct world *world, const char *schedule, int days, unsigned crash_percent)
{
    rig_init(&world->rig, 3, RIG_BEGIN_UNIX_MS);
    world->policy = schedule;
    start(world);
    settle(world);
    for (int hour = 0; hour < days * 24; hour++) {
        world->rig.now_unix_ms += HOUR;
        beat(world);
        if (prng_below(&world->rig.prng, 100) < crash_percent) {
            (void)store_memory_flush(world->rig.store, prng_below(&world->rig.prng, 3));
            crash(world);
            beat(world);
        }
        settle(world);
    }
}

static void expect(const struct world *world, const char *begin, size_t want)
{
    size_t count = 0;
    for (size_t i = 0; i < world->line_count; i++)
        count += strncmp(world->lines[i], begin, strlen(begin)) == 0;
    if (count == want)
        return;
    for (size_t i = 0; i < world->line_count; i++)
        print_error("%s\n", world->lines[i]);
    fail_msg("\"%s\": %zu times, not %zu", begin, count, want);
}

static void each_turn_is_reported_once(void **state)
{
    static const struct {
        const char *schedule, *line;
        size_t count;
    } cases[] = {
        /* from Tuesday the 14th, 22:13, on: 33 working days, 6 Mondays, the first of December */
        {"daily", "ana email: REPORT w since 2023-", 33},
        {"weekly", "ana email: REPORT w since 2023-", 6},
        {"monthly", "ana email: REPORT w since 2023-", 1},
        {"weekly to leads", "ben email: REPORT w since 2023-", 6},
        {"weekly to dia", "dia email: REPORT w since 2023-", 6}, /* no pager rings */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned crashes = 0; crashes <= 40; crashes += 20) {
            struct world *world = calloc(1, sizeof *world);
            assert_non_null(world);
            play(world, cases[i].schedule, DAYS, crashes);
            expect(world, cases[i].line, cases[i].count);
            rig_done(&world->rig);
            free(world);
        }
}

/* Down over three Mondays: one report, over all of that time, right after the start. */
static void what_was_missed_is_sent_once(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    (void)state;
    assert_non_null(world);
    play(world, "weekly", 7, 0);
    expect(world, "ana email: REPORT w since 2023-11-14 23:13: 0 submitted", 1);
    world->rig.now_unix_ms += 21 * DAY;
    world->is_hanging = true;
    crash(world);
    beat(world);
    settle(world);
    world->rig.now_unix_ms += 20000;
    crash(world); /* it was made, and not delivered: sent again, and not made again */
    world->is_hanging = false;
    for (int i = 0; i < 5; i++) {
        beat(world);
        settle(world);
        world->rig.now_unix_ms += 60000;
    }
    expect(world, "ana email: REPORT w since 2023-11-20 ", 1);
    expect(world, "ana email: ", 3); /* the third tells that it was down */
    rig_done(&world->rig);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_turn_is_reported_once),
                                       cmocka_unit_test(what_was_missed_is_sent_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
