/* What a stop held leaves after the restart (R19): at most half of the pace before the stop,
 * steady, oldest first, live work at once, and all of it in the end; over crashes. Virtual time, a
 * store in memory, a provider that answers at once and counts. SEEDS=n runs more, SEED=x repeats
 * one. */
#include "sim/rig.h"

enum { IDS = 16384, TICK_MS = 50, WINDOW_MS = 4000, LEAST = 5 };

static const char installation[] = RIG_INSTALLATION("%s");
static const char policy[] = RIG_POLICY("[]");

struct world {
    struct rig rig;
    int drain; /* `drain: at most N/s`; 0 = none */
    int pace;  /* live submits a second before the stop */
    int next_id, submitted_live;
    int64_t submitted_unix_ms[IDS], sent_unix_ms[IDS]; /* first time each; 0 = not yet */
    bool is_backlog[IDS];
    int backlog, left;
    int last_of_backlog; /* the newest of it that left */
    int crashes;
    bool is_measured; /* the stop was durable with its pace */
};

#define FAIL(world, ...) RIG_FAIL(&(world)->rig, __VA_ARGS__)

/* The oracle: half of the pace in any window, and what was saved up in a fifth of a second; a crash
 * begins a window of its own. */
static void check_pace(struct world *world)
{
    int pace = world->drain ? world->drain : world->pace > LEAST ? world->pace : LEAST;
    int count = 0;
    for (int i = 0; i < world->next_id; i++)
        count += world->is_backlog[i] && world->sent_unix_ms[i] != 0 &&
                 world->rig.now_unix_ms - world->sent_unix_ms[i] < WINDOW_MS;
    int burst = 2 + pace / 10 + world->crashes;
    if (count * 2 * 1000 > pace * WINDOW_MS + burst * 2 * 1000)
        FAIL(world, "%d of the queue left in %d ms, the pace is %d/s", count, WINDOW_MS, pace);
}

static void world_sent(struct world *world, int id)
{
    bool is_repeat = world->sent_unix_ms[id] != 0;
    if (is_repeat)
        return; /* after a crash: the provider recognises it */
    world->sent_unix_ms[id] = world->rig.now_unix_ms;
    if (!world->is_backlog[id]) {
        if (world->crashes == 0 &&
            world->rig.now_unix_ms - world->submitted_unix_ms[id] > 2 * TICK_MS)
            FAIL(world, "live work waited for the queue");
        return;
    }
    world->left++;
    if (id < world->last_of_backlog && world->crashes == 0)
        FAIL(world, "%d left after %d", id, world->last_of_backlog);
    world->last_of_backlog = id;
    check_pace(world);
}

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = 200};
    int id = rig_id_of(call, IDS);
    if (call->may_send && !call->may_send(call->arg))
        answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
    else
        world_sent(world, id);
    call->done(call->arg, &answer);
    return ERR_OK;
}

static void start(struct world *world)
{
    char text[1024], drain[64] = "";
    if (world->drain > 0)
        (void)snprintf(drain, sizeof drain, ", drain: at most %d/s", world->drain);
    (void)snprintf(text, sizeof text, installation, drain);
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .loaded = rig_load(text, policy)};
    rig_start(&world->rig, options);
}

static void tick(struct world *world)
{
    world->rig.now_unix_ms += TICK_MS;
    engine_wake(world->rig.engine);
    rig_settle(&world->rig);
}

static void submit(struct world *world, bool is_backlog)
{
    int id = world->next_id++;
    CHECK(id < IDS);
    world->submitted_unix_ms[id] = world->rig.now_unix_ms;
    world->is_backlog[id] = is_backlog;
    world->backlog += is_backlog;
    rig_submit(&world->rig, id);
    rig_settle(&world->rig);
}

/* Live work at that rate for one tick. */
static void live(struct world *world, int pace, int64_t from_unix_ms)
{
    while (world->submitted_live * 1000 < pace * (world->rig.now_unix_ms - from_unix_ms)) {
        submit(world, false);
        world->submitted_live++;
    }
}

static void crash(struct world *world)
{
    rig_crash(&world->rig);
    world->crashes++;
    world->rig.now_unix_ms += TICK_MS;
    start(world);
    rig_settle(&world->rig);
}

static void stop_and_hold(struct world *world, int count, bool may_crash)
{
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_STOPPED};
    world->rig.port.stop(world->rig.port.impl, &rig_ana, &order, rig_ignore, NULL);
    rig_settle(&world->rig);
    for (int i = 0; i < count; i++) {
        submit(world, true);
        if (i % 10 == 0)
            tick(world);
    }
    if (may_crash)
        crash(world);              /* the pace before the stop is known still */
    for (int i = 0; i < 2000; i++) /* long enough that the last minute says nothing */
        tick(world);
    world->rig.port.restart(world->rig.port.impl, &rig_ana, rig_incident(&world->rig), SLICE("x"),
                            rig_ignore, NULL);
    rig_settle(&world->rig);
    world->rig.port.approve(world->rig.port.impl, &rig_ben, rig_incident(&world->rig), rig_ignore,
                            NULL);
    rig_settle(&world->rig);
}

/* live_pace beside the queue until it is empty; tells how long it took. */
static int64_t drain(struct world *world, int live_pace, int crash_of)
{
    int64_t begin = world->rig.now_unix_ms;
    world->submitted_live = 0;
    while (world->left < world->backlog) {
        int pace = world->drain ? world->drain : world->pace > LEAST ? world->pace : LEAST;
        int64_t most = 20000 + world->backlog * 10 * 1000 / pace + world->crashes * 5000;
        if (world->rig.now_unix_ms - begin > most)
            FAIL(world, "%d of %d have not left", world->backlog - world->left, world->backlog);
        tick(world);
        live(world, live_pace, begin);
        if (crash_of > 0 && prng_below(&world->rig.prng, (uint64_t)crash_of) == 0)
            crash(world);
    }
    return world->rig.now_unix_ms - begin;
}

static void open_world(struct world *world, uint64_t seed, int pace, int drain_rate)
{
    *world = (struct world){.pace = pace, .drain = drain_rate};
    rig_init(&world->rig, seed, RIG_BEGIN_UNIX_MS);
    start(world);
    int64_t begin = world->rig.now_unix_ms;
    for (int i = 0; i < 70 * 1000 / TICK_MS; i++) {
        tick(world);
        live(world, pace, begin);
    }
}

static void close_world(struct world *world)
{
    for (int i = 0; i < world->next_id; i++)
        if (world->sent_unix_ms[i] == 0)
            FAIL(world, "%d was never sent", i);
    rig_done(&world->rig);
}

static void play(uint64_t seed)
{
    struct world world;
    struct prng prng = {seed};
    static const int drains[] = {0, 0, 2, 4, 30};
    int pace = (int)prng_below(&prng, 3) ? (int)prng_below(&prng, 24) : 0;
    open_world(&world, seed, pace, drains[prng_below(&prng, 5)]);
    stop_and_hold(&world, 1 + (int)prng_below(&prng, 60), prng_below(&prng, 2));
    int live_pace = prng_below(&prng, 2) ? pace : 0;
    (void)drain(&world, live_pace, prng_below(&prng, 2) ? 0 : 100);
    close_world(&world);
}

static void the_queue_leaves_at_half_of_the_pace(void **state)
{
    (void)state;
    rig_each_seed(50, 200, play);
}

/* So fast, and no slower than it must be: seconds for so many. */
static void it_is_steady(void **state)
{
    (void)state;
    static const struct {
        int pace, drain, live, count, least_s, most_s;
        bool crashes;
    } rows[] = {
        {0, 0, 0, 50, 18, 22, false},  /* 5/s is taken: half of it */
        {20, 0, 0, 100, 9, 12, false}, /* half of 20/s */
        {20, 0, 0, 100, 9, 12, true},  /* and it is known after a crash */
        {20, 0, 16, 40, 9, 12, false}, /* live work leaves 4/s of them */
        {20, 0, 20, 20, 9, 12, false}, /* and a tenth whatever it leaves */
        {20, 4, 0, 20, 9, 12, false},  /* `drain: at most 4/s` */
        {2, 40, 0, 200, 9, 12, false}, /* in place of what was measured */
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct world world;
        open_world(&world, row, rows[row].pace, rows[row].drain);
        stop_and_hold(&world, rows[row].count, rows[row].crashes);
        int64_t seconds = drain(&world, rows[row].live, 0) / 1000;
        if (seconds < rows[row].least_s || seconds > rows[row].most_s)
            fail_msg("row %zu: it took %lld s", row, (long long)seconds);
        close_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_steady),
        cmocka_unit_test(the_queue_leaves_at_half_of_the_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
