/* What a ramp leaves on record (R19): each stage that passed has exactly one record, each time it
 * got stuck one record and one message, over crashes between any two writes. Virtual time, a store
 * in memory; the oracle reads records and messages, and asks how the ramp stands. SEEDS=n runs
 * more, SEED=x repeats one. */
#include "sim/rig.h"

#include "record/record.h"

enum { CALLS = 64, HANDS = 64, STEPS = 140, IDS = 4096, STAGES = 3, SENT = 512 };

static const char installation[] =
    RIG_INSTALLATION("") "channels:\n"
                         "  email: { smtp: \"smtp://127.0.0.1:25\", from: i@example.org }\n";
static const char policy[] = RIG_POLICY("[1, 2, 1]\nstage_due: 1h");

struct world {
    struct rig rig;
    struct upstream_call calls[CALLS]; /* under way; arg NULL: none */
    struct notify_message hands[HANDS];
    int next_id;
    uint64_t incident;
    size_t base;          /* the stage that the last approval began with */
    uint64_t stuck[SENT]; /* ids of the messages that it is stuck */
    size_t stuck_count;
    int passed, stucks, crashes; /* seen at all */
};

#define FAIL(world, ...) RIG_FAIL(&(world)->rig, __VA_ARGS__)

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    (void)rig_call_take(world->calls, CALLS, call);
    return ERR_OK;
}

static size_t world_calls(void *impl)
{
    const struct world *world = impl;
    return rig_calls_count(world->calls, CALLS);
}

static bool is_about_stuck(const struct world *world, const struct notice *notice)
{
    struct buf line;
    buf_init(&line, LIMIT_NOTICE_BODY);
    buf_add(&line, notice->line);
    bool is_it = slice_is(notice->person, "ana") && notice->incident == world->incident &&
                 strstr(buf_text(&line), "THE RAMP IS STUCK") != NULL;
    buf_done(&line);
    return is_it;
}

/* The same message may come twice; another one has another id. */
static enum err world_send(void *impl, const struct notify_message *message)
{
    struct world *world = impl;
    int place = 0;
    bool is_new = is_about_stuck(world, message->notice);
    for (size_t i = 0; i < world->stuck_count; i++)
        is_new = is_new && world->stuck[i] != message->notice->id;
    while (place < HANDS && world->hands[place].arg)
        place++;
    if (place == HANDS)
        return ERR_BUSY;
    world->hands[place] = *message;
    if (is_new) {
        CHECK(world->stuck_count < SENT);
        world->stuck[world->stuck_count++] = message->notice->id;
    }
    return ERR_OK;
}

static void settle(struct world *world)
{
    for (bool moved = true; moved;) {
        moved = store_memory_flush(world->rig.store, 1000) > 0;
        for (int i = 0; i < HANDS; i++) {
            struct notify_message message = world->hands[i];
            struct notify_result result = {.outcome = NOTIFY_DELIVERED, .what = SLICE("")};
            if (!message.arg)
                continue;
            world->hands[i] = (struct notify_message){.arg = NULL};
            message.done(message.arg, &result);
            moved = true;
        }
    }
}

static void pass(struct world *world, int64_t ms)
{
    for (int64_t end = world->rig.now_unix_ms + ms; world->rig.now_unix_ms < end;) {
        world->rig.now_unix_ms += 1000 + ms / 64;
        engine_wake(world->rig.engine);
        engine_beat(world->rig.engine);
        settle(world);
    }
}

static void start(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, world_calls},
                                     .notify = {world, world_send},
                                     .loaded = rig_load(installation, policy)};
    rig_start(&world->rig, options);
}

/* So many of the writes that are queued are saved, the others are lost. */
static void crash(struct world *world, size_t saved)
{
    if (saved > 0)
        (void)store_memory_save(world->rig.store, saved);
    rig_crash(&world->rig);
    memset(world->calls, 0, sizeof world->calls);
    memset(world->hands, 0, sizeof world->hands);
    start(world);
    world->crashes++;
}

/* ---- the oracle ---- */

/* Records of the ramp since it was approved last. */
struct story {
    size_t passed, stuck, over, back, stucks; /* stucks: ever */
    uint64_t first;                           /* the first stage that passed */
};

static struct story story_read(struct world *world)
{
    struct story story = {0};
    struct arena arena;
    uint64_t last = rig_last_record(&world->rig);
    arena_init(&arena, 1 << 26);
    for (uint64_t seq = 1; seq <= last; seq++) {
        struct record record = rig_record(&world->rig, seq, &arena);
        if (record.incident != world->incident)
            continue;
        if (record.kind == RECORD_RESTART_APPROVED)
            story = (struct story){.stucks = story.stucks};
        if (record.kind != RECORD_RAMP)
            continue;
        if (slice_is(record.subject, "passed")) {
            if (story.passed++ == 0)
                story.first = record.number;
            if (record.number != story.first + story.passed - 1)
                FAIL(world, "record %d says stage %d, record %d of its ramp", (int)seq,
                     (int)record.number, (int)story.passed);
        } else if (slice_is(record.subject, "stuck")) {
            story.stuck++;
            story.stucks++;
        } else if (slice_is(record.subject, "over")) {
            story.over++;
        } else {
            story.back++;
        }
    }
    arena_done(&arena);
    return story;
}

static enum restart_state ask(struct world *world, struct restart_row *out_row)
{
    struct arena arena;
    struct engine_restart restart;
    arena_init(&arena, 1 << 20);
    CHECK(world->rig.port.restart_of(world->rig.port.impl, world->incident, &arena, &restart) ==
          ERR_OK);
    arena_done(&arena);
    *out_row = restart.row;
    return restart.state;
}

/* All is quiet: what the ramp is, the records say. */
static void check(struct world *world)
{
    struct restart_row row;
    pass(world, 1000);
    enum restart_state state = ask(world, &row);
    struct story story = story_read(world);
    if ((state == RESTART_RAMPING || state == RESTART_STUCK) && story.back == 0) {
        if (story.passed != row.ramp.stage - world->base)
            FAIL(world, "it is in stage %d, began in %d, and %d have a record", (int)row.ramp.stage,
                 (int)world->base, (int)story.passed);
        if (story.stuck != (state == RESTART_STUCK))
            FAIL(world, "it is %s, and %d records say that it is stuck",
                 state == RESTART_STUCK ? "stuck" : "not stuck", (int)story.stuck);
    }
    if (state == RESTART_RAMPING && row.ramp.stage >= STAGES)
        FAIL(world, "all may start, and the stop is not lifted%s", "");
    if (story.passed > 0 && story.first != world->base + 1)
        FAIL(world, "stage %d is recorded first, it began in %d", (int)story.first,
             (int)world->base);
    if (story.over > 1 || story.back > 1 || story.over + story.back > 1)
        FAIL(world, "%d records that it is over, %d that it went back", (int)story.over,
             (int)story.back);
    if (rig_incident(&world->rig) == 0 && world->base < STAGES &&
        (story.over != 1 || story.passed != STAGES - 1 - world->base))
        FAIL(world, "it is over: %d records of that, %d of stages", (int)story.over,
             (int)story.passed);
    if (world->stuck_count != story.stucks)
        FAIL(world, "it was stuck %d times, and ana was told %d times", (int)story.stucks,
             (int)world->stuck_count);
    world->passed += (int)story.passed;
    world->stucks = (int)story.stucks;
}

/* ---- what happens ---- */

static void submit(struct world *world)
{
    CHECK(world->next_id < IDS);
    rig_submit(&world->rig, world->next_id++);
}

static void on_stopped(void *arg, const struct engine_reply *reply)
{
    struct world *world = arg;
    if (!reply->stop || reply->stop->incident == world->incident)
        return;
    world->incident = reply->stop->incident; /* the former one was on its way to its end */
    world->stuck_count = world->base = 0;
}

static void stop(struct world *world)
{
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_STOPPED};
    world->rig.port.stop(world->rig.port.impl, &rig_ben, &order, on_stopped, world);
}

/* People let it run; from a stuck ramp that lacked only traffic the next stage on. */
static void approve(struct world *world)
{
    struct restart_row row;
    const struct engine_port *port = &world->rig.port;
    enum restart_state state = ask(world, &row);
    if (state == RESTART_RAMPING || rig_incident(&world->rig) == 0)
        return;
    bool is_idle =
        row.ramp.uncertain == 0 && row.ramp.ended_otherwise == 0 && row.ramp.under_way == 0;
    port->restart(port->impl, &rig_ana, world->incident, SLICE("x"), rig_ignore, NULL);
    world->base = row.is_ramping && is_idle ? row.ramp.stage + 1 : 0;
    port->approve(port->impl, &rig_ben, world->incident, rig_ignore, NULL);
    settle(world);
}

/* The answer to one call comes; a crash may come at any of the writes that follow. */
static void answer(struct world *world, int status)
{
    struct upstream_answer given = {.phase = UPSTREAM_ANSWERED, .status = status};
    for (int i = 0; i < CALLS; i++) {
        struct upstream_call call = world->calls[i];
        if (!call.arg)
            continue;
        world->calls[i] = (struct upstream_call){0};
        settle(world);
        call.done(call.arg, &given);
        if (prng_below(&world->rig.prng, 3) == 0)
            crash(world, prng_below(&world->rig.prng, 4));
        return;
    }
}

static void step(struct world *world)
{
    struct prng *prng = &world->rig.prng;
    switch (prng_below(prng, 16)) {
    case 0:
        crash(world, prng_below(prng, 4));
        return;
    case 1:
        answer(world, 404);
        if (prng_below(prng, 2))
            approve(world); /* at once, before the next beat */
        return;
    case 2:
        if (prng_below(prng, 4) == 0)
            stop(world); /* a further one: the ramp goes back */
        return;
    case 3:
        pass(world, 1000 * (int64_t)prng_below(prng, 30));
        return;
    case 4: /* nothing comes: it gets stuck by time, and a crash may follow */
        if (prng_below(prng, 3))
            return;
        settle(world);
        world->rig.now_unix_ms += 2 * 3600 * 1000;
        engine_wake(world->rig.engine);
        if (prng_below(prng, 2))
            crash(world, prng_below(prng, 4));
        return;
    case 5:
    case 6:
        approve(world);
        return;
    case 7:
    case 8:
        submit(world);
        if (prng_below(prng, 2))
            settle(world);
        return;
    case 9:
        check(world);
        return;
    default:
        submit(world);
        settle(world);
        answer(world, 200);
    }
}

static void play(uint64_t seed)
{
    static struct world world;
    world = (struct world){.incident = 0};
    rig_init(&world.rig, seed, RIG_BEGIN_UNIX_MS);
    start(&world);
    for (int i = 0; i < STEPS; i++) {
        if (rig_incident(&world.rig) == 0) {
            settle(&world);
            if (world.incident)
                check(&world);
            world.stuck_count = 0;
            world.base = 0;
            stop(&world);
            settle(&world);
        }
        step(&world);
    }
    settle(&world);
    check(&world);
    rig_done(&world.rig);
}

static void each_stage_has_its_record(void **state)
{
    (void)state;
    rig_each_seed(100, 2000, play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_stage_has_its_record)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
