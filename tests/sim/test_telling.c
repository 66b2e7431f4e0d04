/* Telling people, in virtual time: the real engine on a memory store, a receiver that only the test
 * answers for, crashes between any two steps. */
#include "base/text.h"
#include "record/ids.h"
#include "sim/rig.h"

enum { SENT_MAX = 4096, HANDS = 64 };

static const char installation[] =
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "people:\n"
    "  ana: { email: ana@example.org }\n"
    "  ben: { email: ben@example.org }\n"
    "  cem: { email: cem@example.org }\n"
    "  dia: { email: dia@example.org }\n"
    "  eve: { email: eve@example.org }\n"
    "groups:\n"
    "  team: [ana, ben]\n"
    "  leads: [cem, dia]\n"
    "  admins: [eve]\n"
    "switch: { owner: team, restart: leads, inform: dia, ramp: [] }\n"
    "upstreams:\n"
    "  plain: { url: \"http://127.0.0.1:1\" }\n"
    "channels:\n"
    "  email: { smtp: \"smtp://127.0.0.1:25\", from: i@example.org }\n"
    "watchdog: { ping: \"http://127.0.0.1:2/ping\", every: 1m }\n";
static const char policy[] = "workflow: w\n"
                             "purpose: To be stopped\n"
                             "owner: team\n"
                             "restart: leads\n"
                             "inform: dia\n"
                             "mode: auto\n"
                             "ack_within: [5m, 15m]\n"
                             "ramp: []\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n";

struct sent {
    uint64_t id;
    enum notice_about about;
    uint8_t rung;
    int64_t at_unix_ms;
    char person[32];
    char line[512];
};
struct hand { /* a message that the receiver has, and did not answer yet */
    bool is_there;
    struct notify_message message;
};
struct world {
    struct rig rig;
    struct sent sent[SENT_MAX];
    size_t sent_count;
    struct hand hands[HANDS];
    bool is_held; /* the receiver answers when the test says so */
    enum notify_outcome outcome;
    int pings;
    const struct stop *stop;
    uint64_t incident;
    enum engine_refusal told;
};

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = 200};
    assert_true(slice_is(call->target, "/ping"));
    world->pings++;
    call->done(call->arg, &answer);
    return ERR_OK;
}

/* R9 of messages: what is sent stands in the store. */
static void check_durable(struct world *world, const struct notice *notice)
{
    struct arena arena;
    struct slice value = {0};
    struct buf key;
    struct notice stored = *notice;
    arena_init(&arena, 1 << 20);
    buf_init(&key, 96);
    stored.state = NOTICE_WAITING;
    notice_add_key(&stored, &key);
    assert_int_equal(world->rig.store_port.get_row(world->rig.store_port.impl, STORE_NOTICES,
                                                   buf_slice(&key), &arena, &value),
                     ERR_OK);
    buf_done(&key);
    arena_done(&arena);
}

static enum err world_send(void *impl, const struct notify_message *message)
{
    struct world *world = impl;
    const struct notice *notice = message->notice;
    check_durable(world, notice);
    for (size_t i = 0; i < HANDS; i++) { /* in order for each incident and channel */
        const struct hand *hand = &world->hands[i];
        if (hand->is_there && hand->message.notice->incident == notice->incident)
            fail_msg("two messages of one incident and channel at once");
    }
    for (size_t i = 0; i < HANDS; i++) {
        struct hand *hand = &world->hands[i];
        if (hand->is_there)
            continue;
        *hand = (struct hand){true, *message};
        assert_true(world->sent_count < SENT_MAX);
        struct sent *sent = &world->sent[world->sent_count++];
        *sent = (struct sent){.id = notice->id,
                              .about = notice->about,
                              .rung = notice->rung,
                              .at_unix_ms = world->rig.now_unix_ms};
        (void)snprintf(sent->person, sizeof sent->person, "%.*s", SLICE_FMT(notice->person));
        (void)snprintf(sent->line, sizeof sent->line, "%.*s", SLICE_FMT(notice->line));
        return ERR_OK;
    }
    return ERR_BUSY;
}

/* The receiver answers all that it has; saves come through; until nothing moves. */
static void settle(struct world *world)
{
    for (bool moved = true; moved;) {
        moved = store_memory_flush(world->rig.store, 1000) > 0;
        for (size_t i = 0; !world->is_held && i < HANDS; i++) {
            struct hand *hand = &world->hands[i];
            struct notify_result result = {.outcome = world->outcome, .what = SLICE("as it is")};
            if (!hand->is_there)
                continue;
            hand->is_there = false;
            hand->message.done(hand->message.arg, &result);
            moved = true;
        }
    }
}

static void start(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .notify = {world, world_send},
                                     .loaded = rig_load(installation, policy)};
    rig_start(&world->rig, options);
}

static void crash(struct world *world)
{
    rig_crash(&world->rig);
    memset(world->hands, 0, sizeof world->hands);
    start(world);
}

/* Time goes by, with a beat each second. */
static void pass(struct world *world, int64_t ms)
{
    for (int64_t end = world->rig.now_unix_ms + ms; world->rig.now_unix_ms < end;) {
        world->rig.now_unix_ms += 1000;
        engine_wake(world->rig.engine);
        engine_beat(world->rig.engine);
        settle(world);
    }
}

static void open_world(struct world *world, uint64_t seed)
{
    *world = (struct world){.outcome = NOTIFY_DELIVERED};
    rig_init(&world->rig, seed, RIG_BEGIN_UNIX_MS);
    start(world);
    settle(world);
}

static void close_world(struct world *world)
{
    rig_done(&world->rig);
}

static void on_done(void *arg, const struct engine_reply *reply)
{
    struct world *world = arg;
    world->told = reply->outcome;
    if (reply->stop)
        world->incident = reply->stop->incident;
}

static const struct person cem = {.name = {"cem", 3}};
static const struct principal as_cem = {
    .kind = PRINCIPAL_PERSON, .name = {"cem", 3}, .person = &cem};

static void do_stop(struct world *world)
{
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .reason = SLICE("it drifts")};
    world->rig.port.stop(world->rig.port.impl, &rig_ana, &order, on_done, world);
}

static void do_ack(struct world *world)
{
    world->rig.port.ack(world->rig.port.impl, &rig_ana, world->incident, on_done, world);
    settle(world);
    assert_int_equal(world->told, ENGINE_TAKEN);
}

static void do_restart(struct world *world)
{
    world->rig.port.restart(world->rig.port.impl, &rig_ana, world->incident, SLICE("mended"),
                            on_done, world);
    world->rig.port.approve(world->rig.port.impl, &as_cem, world->incident, on_done, world);
}

/* Also a stop that was stored, but not told to who asked for it. */
static void restart_all(struct world *world)
{
    struct arena arena;
    size_t count = 16;
    arena_init(&arena, 1 << 20);
    struct stop *stops = ARENA_ARRAY(&arena, count, struct stop);
    assert_int_equal(world->rig.port.stops(world->rig.port.impl, false, &arena, stops, &count),
                     ERR_OK);
    for (size_t i = 0; i < count; i++) {
        world->incident = stops[i].incident;
        do_restart(world);
    }
    arena_done(&arena);
}

/* "1:ana 2:ben": rung and person of all that were sent, in order; not those to who informs, nor
 * of a restart. */
static void expect_sent(const struct world *world, const char *want)
{
    struct buf got;
    buf_init(&got, 1 << 16);
    for (size_t i = 0; i < world->sent_count; i++)
        if (world->sent[i].about != NOTICE_INFORM && world->sent[i].about != NOTICE_RESTART)
            buf_add_fmt(&got, "%s%s%u:%s", got.size ? " " : "",
                        world->sent[i].about == NOTICE_RECOVERED ? "over"
                        : world->sent[i].about == NOTICE_DOWN    ? "down"
                                                                 : "",
                        world->sent[i].rung, world->sent[i].person);
    assert_string_equal(buf_text(&got), want);
    buf_done(&got);
}

static bool nobody_answers(struct world *world)
{
    struct arena arena;
    struct engine_health health = {0};
    arena_init(&arena, 1 << 20);
    world->rig.port.health(world->rig.port.impl, &arena, &health);
    bool is_loud = health.unanswered_count > 0;
    arena_done(&arena);
    return is_loud;
}

static size_t count_informs(const struct world *world)
{
    size_t count = 0;
    for (size_t i = 0; i < world->sent_count; i++)
        count += world->sent[i].about == NOTICE_INFORM;
    return count;
}

enum { MINUTE = 60 * 1000 };

static void said_so(void *arg, const struct engine_reply *reply)
{
    *(bool *)arg = reply->outcome == ENGINE_TAKEN;
}

/* Who informs hears of it at once with what to say, and once more when that is due; not when they
 * have said that they did. */
static void who_informs_is_told_and_reminded(void **state)
{
    struct world world;
    struct engine_remark remark = {"informed", SLICE("told the teams")};
    bool is_said = false;
    (void)state;
    for (int has_informed = 0; has_informed < 2; has_informed++) {
        open_world(&world, 1);
        do_stop(&world);
        settle(&world);
        assert_int_equal(count_informs(&world), 1);
        assert_string_equal(world.sent[1].person, "dia");
        assert_non_null(strstr(world.sent[1].line, "INFORM STAKEHOLDERS by "));
        do_ack(&world); /* an acknowledgement is another thing */
        if (has_informed)
            world.rig.port.incident_remark(world.rig.port.impl, &rig_ana, world.incident, &remark,
                                           said_so, &is_said);
        pass(&world, 29 * MINUTE);
        assert_int_equal(count_informs(&world), 1);
        pass(&world, 2 * MINUTE);
        assert_int_equal(count_informs(&world), has_informed ? 1 : 2);
        pass(&world, 24 * 60 * MINUTE);
        assert_int_equal(count_informs(&world), has_informed ? 1 : 2);
        assert_int_equal(is_said, has_informed);
        close_world(&world);
    }
}

static void nobody_answers_and_all_are_told(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 1);
    do_stop(&world);
    settle(&world);
    expect_sent(&world, "1:ana");
    pass(&world, 5 * MINUTE);
    expect_sent(&world, "1:ana 2:ben");
    pass(&world, 10 * MINUTE);
    expect_sent(&world, "1:ana 2:ben 3:cem 3:dia");
    assert_false(nobody_answers(&world));
    pass(&world, 60 * MINUTE);
    expect_sent(&world, "1:ana 2:ben 3:cem 3:dia 4:ana 4:ben 4:cem 4:dia 5:ana 5:ben 5:cem 5:dia "
                        "6:ana 6:ben 6:cem 6:dia 7:eve");
    pass(&world, 15 * MINUTE);
    assert_true(nobody_answers(&world));
    assert_non_null(strstr(world.sent[world.sent_count - 1].line, "nobody answers"));
    do_ack(&world);
    assert_false(nobody_answers(&world));
    close_world(&world);
}

static void an_acknowledgement_holds_and_runs_out(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 2);
    do_stop(&world);
    settle(&world);
    do_ack(&world);
    pass(&world, 29 * MINUTE);
    expect_sent(&world, "1:ana");
    pass(&world, 1 * MINUTE);
    expect_sent(&world, "1:ana 1:ana");
    do_restart(&world);
    settle(&world);
    expect_sent(
        &world,
        "1:ana 1:ana over1:ana over1:dia"); /* told twice, and once of the end; dia informed */
    pass(&world, 120 * MINUTE);
    expect_sent(&world, "1:ana 1:ana over1:ana over1:dia");
    close_world(&world);
}

static void tries_end_and_the_next_level_is_told(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 3);
    world.outcome = NOTIFY_LATER;
    do_stop(&world);
    settle(&world);
    pass(&world, 4 * MINUTE);
    expect_sent(&world, "1:ana 1:ana 1:ana 1:ana"); /* at 0 s, 2 s, 12 s, 72 s */
    pass(&world, 3 * MINUTE);
    assert_true(world.sent_count > 5); /* level 2 by its time, beside the fifth try */
    for (size_t i = 1; i < world.sent_count; i++)
        if (strcmp(world.sent[i].person, "ana") == 0)
            assert_int_equal(world.sent[i].id, world.sent[0].id); /* the same id at each try */
    close_world(&world);
}

static void what_was_missed_is_told_once(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 4);
    do_stop(&world);
    settle(&world);
    pass(&world, 2 * MINUTE);
    crash(&world);
    world.rig.now_unix_ms += 20 * MINUTE; /* the machine stood still */
    pass(&world, 1000);
    expect_sent(&world, "1:ana 3:ben 3:cem 3:dia"); /* R29: once, together */
    pass(&world, 14 * MINUTE);
    assert_int_equal(world.sent_count - count_informs(&world), 4);
    close_world(&world);
}

static void down_time_is_told_once(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 5);
    pass(&world, 2 * MINUTE);
    assert_int_equal(world.pings, 2); /* at its start, and each minute */
    rig_crash(&world.rig);
    world.rig.now_unix_ms += 3 * 60 * MINUTE;
    start(&world);
    settle(&world);
    pass(&world, 1000);
    expect_sent(&world, "down0:ana down0:ben");
    assert_non_null(strstr(world.sent[0].line, "interlock WAS DOWN for 3 h"));
    rig_crash(&world.rig);
    world.rig.now_unix_ms += 30 * 1000; /* a restart is no down time */
    start(&world);
    pass(&world, 1000);
    assert_int_equal(world.sent_count, 2);
    close_world(&world);
}

/* Ids grow with time, and within a millisecond begin at a random place: after a crash in the same
 * millisecond the newer message may have the smaller id. */
static void order_is_kept_while_the_clock_stands_still(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world world;
        open_world(&world, seed);
        world.is_held = true;
        do_stop(&world);
        settle(&world);
        crash(&world);
        settle(&world);
        do_restart(&world);
        settle(&world);
        world.sent_count = 0;
        crash(&world);
        world.is_held = false;
        engine_beat(world.rig.engine);
        settle(&world);
        expect_sent(&world, "1:ana over1:ana over1:dia");
        close_world(&world);
    }
}

static const struct person dia = {.name = {"dia", 3}};
static const struct principal as_dia = {
    .kind = PRINCIPAL_PERSON, .name = {"dia", 3}, .person = &dia};

/* Those who may approve are told until one of them does, or says no, or until it is too late: that
 * is told to who asked. Never to who asked before; over crashes between any two of them. */
static void who_may_approve_is_told_until_somebody_does(void **state)
{
    (void)state;
    for (int crashes = 0; crashes < 2; crashes++) {
        for (int answer = 0; answer < 3; answer++) { /* none, yes, no */
            struct world world;
            struct buf got;
            buf_init(&got, 1 << 16);
            open_world(&world, 4);
            do_stop(&world);
            settle(&world);
            do_ack(&world);
            world.rig.port.restart(world.rig.port.impl, &as_cem, world.incident, SLICE("mended"),
                                   on_done, &world);
            settle(&world);
            for (int minute = 0; minute < 62; minute++) {
                if (crashes)
                    crash(&world);
                pass(&world, MINUTE);
                if (answer == 0 || minute != 20)
                    continue;
                if (answer == 1)
                    world.rig.port.approve(world.rig.port.impl, &as_dia, world.incident, on_done,
                                           &world);
                else
                    world.rig.port.reject(world.rig.port.impl, &as_dia, world.incident,
                                          SLICE("not yet"), on_done, &world);
                settle(&world);
                assert_int_equal(world.told, ENGINE_TAKEN);
            }
            for (size_t i = 0; i < world.sent_count; i++) {
                if (world.sent[i].about != NOTICE_RESTART)
                    continue;
                assert_in_range(strlen(world.sent[i].line), 1, 160);
                if (world.sent[i].rung == 0 && answer == 2)
                    assert_non_null(strstr(world.sent[i].line, "dia SAID NO TO THE RESTART"));
                buf_add_fmt(&got, "%s%u:%s", got.size ? " " : "", world.sent[i].rung,
                            world.sent[i].person);
            }
            const char *want = answer ? "1:dia 3:dia 4:dia 0:cem 0:ana 0:ben"
                                      : "1:dia 3:dia 4:dia 5:dia 6:dia 0:cem 0:dia "
                                        "0:ana 0:ben";
            assert_string_equal(buf_text(&got), want);
            buf_done(&got);
            close_world(&world);
        }
    }
}

/* At least once, in order, whatever falls over and when: after each crash every message that was
 * made arrives, trouble before recovery, and the same message keeps its id. */
static void crashes_lose_nothing(void **state)
{
    const char *seeds = getenv("SEEDS");
    uint64_t count = seeds ? strtoull(seeds, NULL, 10) : 300;
    (void)state;
    for (uint64_t seed = 1; seed <= count; seed++) {
        struct world world;
        bool is_restarted = false;
        open_world(&world, seed);
        world.is_held = true;
        do_stop(&world);
        for (int i = 0; i < 60; i++) {
            world.outcome = prng_below(&world.rig.prng, 3) ? NOTIFY_DELIVERED : NOTIFY_LATER;
            switch (prng_below(&world.rig.prng, 6)) {
            case 0:
                (void)store_memory_save(world.rig.store, 1 + prng_below(&world.rig.prng, 3));
                break;
            case 1:
                (void)store_memory_tell(world.rig.store, 1 + prng_below(&world.rig.prng, 3));
                break;
            case 2:
                world.is_held = false;
                settle(&world);
                world.is_held = true;
                break;
            case 3:
                if (world.told == ENGINE_TAKEN && world.incident && !is_restarted &&
                    prng_below(&world.rig.prng, 4) == 0) {
                    do_restart(&world);
                    is_restarted = true;
                }
                break;
            case 4:
                if (prng_below(&world.rig.prng, 3) == 0) {
                    bool is_stored = world.incident != 0;
                    crash(&world);
                    if (!is_stored)
                        do_stop(&world); /* it was never acknowledged */
                    is_restarted = false;
                }
                break;
            default:
                world.rig.now_unix_ms += (int64_t)prng_below(&world.rig.prng, 5000);
                engine_beat(world.rig.engine);
            }
        }
        world.is_held = false;
        world.outcome = NOTIFY_DELIVERED;
        settle(&world);
        crash(&world);
        settle(&world);
        restart_all(&world);
        settle(&world);
        pass(&world, 12 * MINUTE);
        bool is_told = false;
        for (size_t i = 0; i < world.sent_count; i++) {
            is_told = is_told || world.sent[i].about == NOTICE_TROUBLE;
            if (world.sent[i].about == NOTICE_RECOVERED && !is_told)
                fail_msg("seed %llu: the end was told before the beginning",
                         (unsigned long long)seed);
        }
        if (!is_told || world.sent[world.sent_count - 1].about != NOTICE_RECOVERED)
            fail_msg("seed %llu: %s", (unsigned long long)seed,
                     is_told ? "the end is not the last that was told" : "nobody was told");
        close_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_answers_and_all_are_told),
        cmocka_unit_test(who_informs_is_told_and_reminded),
        cmocka_unit_test(an_acknowledgement_holds_and_runs_out),
        cmocka_unit_test(tries_end_and_the_next_level_is_told),
        cmocka_unit_test(what_was_missed_is_told_once),
        cmocka_unit_test(down_time_is_told_once),
        cmocka_unit_test(order_is_kept_while_the_clock_stands_still),
        cmocka_unit_test(who_may_approve_is_told_until_somebody_does),
        cmocka_unit_test(crashes_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
