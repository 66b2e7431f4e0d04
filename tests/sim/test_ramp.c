/* The ramp of an approved restart (R19): one canary under way, never more than its number, the next
 * only after the last has ended well, and nothing else while the stop stands; no crash lifts it. A
 * trip, a further stop, or another policy of the workflow sends it back, over crashes too.
 * Virtual time, a store in memory, a provider whose calls end when the test says so. SEEDS=n runs
 * more, SEED=x repeats one. */
#include "sim/rig.h"

enum { IDS = 512, CALLS = 64, CANARIES = 3, STEPS = 120 };

static const char installation[] = RIG_INSTALLATION("");
/* Two policies of the same workflow: the second has one more trigger. */
#define TRIP "  - load: stopped if posted(load) > 5\n"
static const char policy[] = RIG_POLICY_TRIGGERS("[3]", TRIP);
static const char other_policy[] =
    RIG_POLICY_TRIGGERS("[3]", TRIP "  - doubt: stopped if uncertain > 100000 in 1h\n");

struct world {
    struct rig rig;
    struct upstream_call calls[CALLS]; /* under way; arg NULL: none */
    int id_of[CALLS];
    int next_id;
    bool is_sent[IDS];
    int canary; /* it has started and has not ended; -1 = none */
    int started, ok;
    bool is_ramping, is_stuck, is_tripped;
    bool is_other;           /* the files have the other policy */
    bool is_lost_by_a_crash; /* nothing was stopped before the stop that is not durable yet */
    int next_signal;
};

#define FAIL(world, ...) RIG_FAIL(&(world)->rig, __VA_ARGS__)

static bool is_stopped(struct world *world)
{
    return rig_incident(&world->rig) != 0;
}

/* The oracle: it looks at first bytes alone. */
static void world_sent(struct world *world, int id)
{
    bool is_repeat = world->is_sent[id];
    world->is_sent[id] = true;
    if (!is_stopped(world) || is_repeat || world->ok == CANARIES)
        return; /* all may start, or are about to; or the canary again, after a crash */
    if (!world->is_ramping || world->is_stuck)
        FAIL(world, "%d started while the stop stands", id);
    if (world->canary >= 0)
        FAIL(world, "%d started while %d is under way: two canaries", id, world->canary);
    if (world->started != world->ok || world->started == CANARIES)
        FAIL(world, "%d started after %d starts, %d ok", id, world->started, world->ok);
    world->started++;
    world->canary = id;
}

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    int id = rig_id_of(call, IDS);
    int place = rig_call_take(world->calls, CALLS, call);
    if (place < 0)
        return ERR_OK;
    world->id_of[place] = id;
    world_sent(world, id);
    return ERR_OK;
}

static size_t world_calls(void *impl)
{
    const struct world *world = impl;
    return rig_calls_count(world->calls, CALLS);
}

static struct loaded *world_files(void *arg, struct buf *out_text)
{
    const struct world *world = arg;
    (void)out_text;
    struct loaded *loaded = rig_load(installation, world->is_other ? other_policy : policy);
    CHECK(loaded_digest(loaded) == ERR_OK);
    return loaded;
}

static void start(struct world *world)
{
    struct engine_options options = {
        .upstream = {world, world_call, world_calls},
        .arg = world,
        .load = world_files,
        .loaded = rig_load(installation, world->is_other ? other_policy : policy)};
    rig_start(&world->rig, options);
}

/* What was under way is not heard of any more; who was the canary is it still. */
static void crash(struct world *world)
{
    bool was_stopped = is_stopped(world) && !world->is_lost_by_a_crash;
    bool is_over = world->ok == CANARIES;
    rig_crash(&world->rig);
    memset(world->calls, 0, sizeof world->calls);
    start(world);
    if (was_stopped && !is_over && !is_stopped(world))
        FAIL(world, "a crash lifted the stop of a ramp%s", "");
    rig_settle(&world->rig);
}

static void submit(struct world *world)
{
    int id = world->next_id++;
    CHECK(id < IDS);
    rig_submit(&world->rig, id);
}

/* The answer to one call comes. A crash before it is durable forgets it; one right after loses what
 * follows from it. */
enum then { THEN_GO_ON, THEN_CRASH_BEFORE, THEN_CRASH_AFTER };
static void answer(struct world *world, int status, enum then then)
{
    int place = (int)prng_below(&world->rig.prng, CALLS);
    for (int i = 0; i < CALLS && !world->calls[place].arg; i++)
        place = (place + 1) % CALLS;
    struct upstream_call call = world->calls[place];
    if (!call.arg)
        return;
    struct upstream_answer given = {.phase = UPSTREAM_ANSWERED, .status = status};
    bool is_canary = world->id_of[place] == world->canary;
    world->calls[place] = (struct upstream_call){0};
    if (is_canary && then != THEN_CRASH_BEFORE) {
        world->canary = -1;
        world->ok += status == 200;
        world->is_stuck = status != 200;
    }
    rig_settle(&world->rig);
    call.done(call.arg, &given);
    if (then == THEN_CRASH_AFTER)
        (void)store_memory_flush(world->rig.store, 1);
    if (then != THEN_GO_ON)
        crash(world);
    else
        rig_settle(&world->rig);
}

/* People look: a canary that a crash left without an answer may have made it stuck. */
static void look(struct world *world)
{
    struct engine_restart restart;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_int_equal(world->rig.port.restart_of(world->rig.port.impl, rig_incident(&world->rig),
                                                &arena, &restart),
                     ERR_OK);
    if (restart.state == RESTART_STUCK && !world->is_stuck) {
        world->is_stuck = true;
        world->canary = -1;
    }
    arena_done(&arena);
}

static void approve(struct world *world)
{
    if (is_stopped(world))
        look(world);
    if (!is_stopped(world) || (world->is_ramping && !world->is_stuck))
        return;
    world->rig.port.restart(world->rig.port.impl, &rig_ana, rig_incident(&world->rig), SLICE("x"),
                            rig_ignore, NULL);
    rig_settle(&world->rig);
    world->started = world->ok = 0;
    world->is_ramping = true;
    world->is_stuck = world->is_tripped = false;
    world->rig.port.approve(world->rig.port.impl, &rig_ben, rig_incident(&world->rig), rig_ignore,
                            NULL);
    rig_settle(&world->rig);
}

/* ---- what sends it back ---- */

static enum restart_state state_of(struct world *world)
{
    struct engine_restart restart;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_int_equal(world->rig.port.restart_of(world->rig.port.impl, rig_incident(&world->rig),
                                                &arena, &restart),
                     ERR_OK);
    arena_done(&arena);
    return restart.state;
}

static void trip(struct world *world)
{
    char id[16];
    (void)snprintf(id, sizeof id, "s%d", world->next_signal++);
    struct engine_signal signal = {
        .workflow = config_workflow(world->rig.port.config(world->rig.port.impl), SLICE("w")),
        .id = slice_text(id),
        .name = SLICE("load"),
        .value = 9,
        .done = rig_ignore};
    world->is_tripped = true;
    world->rig.port.signal(world->rig.port.impl, &signal);
}

static void stop(struct world *world)
{
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_STOPPED};
    world->rig.port.stop(world->rig.port.impl, &rig_ana, &order, rig_ignore, NULL);
}

/* In memory it is in force at once; a crash may lose it whole, but no half of it. */
static void send_back(struct world *world, void (*how)(struct world *world), enum then then)
{
    struct world before = *world;
    rig_settle(&world->rig);
    world->is_lost_by_a_crash = !is_stopped(world);
    how(world);
    world->is_ramping = world->is_stuck = false;
    world->canary = -1;
    world->started = world->ok = 0;
    if (then == THEN_GO_ON) {
        rig_settle(&world->rig);
        world->is_lost_by_a_crash = false;
        return;
    }
    (void)store_memory_flush(world->rig.store, prng_below(&world->rig.prng, 4));
    crash(world);
    world->is_lost_by_a_crash = false;
    enum restart_state state = state_of(world);
    bool is_lost = state == RESTART_RAMPING || state == RESTART_STUCK || !is_stopped(world);
    if (!is_lost)
        return;
    world->is_ramping = before.is_ramping;
    world->is_stuck = before.is_stuck;
    world->is_tripped = before.is_tripped;
    world->canary = before.canary;
    world->started = before.started;
    world->ok = before.ok;
    look(world);
}

/* Another policy of the workflow sends it back, the same one does not. */
static void reload(struct world *world, bool is_change, enum then then)
{
    rig_settle(&world->rig);
    if (is_change) {
        world->is_other = !world->is_other;
        world->is_ramping = world->is_stuck = false;
        world->canary = -1;
        world->started = world->ok = 0;
    }
    world->rig.port.reload(world->rig.port.impl, &rig_ben, rig_ignore, NULL);
    if (then == THEN_GO_ON) {
        rig_settle(&world->rig);
        return;
    }
    (void)store_memory_flush(world->rig.store, prng_below(&world->rig.prng, 3));
    crash(world);
}

static void meddle(struct world *world)
{
    enum then then = prng_below(&world->rig.prng, 2) ? THEN_GO_ON : THEN_CRASH_AFTER;
    switch (prng_below(&world->rig.prng, 4)) {
    case 0:
        if (!world->is_tripped) /* what has tripped is silent until a restart */
            send_back(world, trip, then);
        return;
    case 1:
        send_back(world, stop, then);
        return;
    case 2:
        reload(world, true, then);
        return;
    default:
        reload(world, false, then);
        return;
    }
}

static void step(struct world *world)
{
    if (prng_below(&world->rig.prng, 10) == 0) {
        meddle(world);
        return;
    }
    switch (prng_below(&world->rig.prng, 12)) {
    case 0:
        crash(world);
        return;
    case 1:
        answer(world, 404, THEN_GO_ON);
        return;
    case 2:
        answer(world, 200, THEN_CRASH_BEFORE);
        return;
    case 3:
        answer(world, 200, THEN_CRASH_AFTER);
        return;
    case 4:
    case 5:
        answer(world, 200, THEN_GO_ON);
        return;
    case 6:
        approve(world);
        return;
    case 7:
        rig_pass(&world->rig, 500 * (int64_t)prng_below(&world->rig.prng, 20), 500);
        return;
    default:
        for (uint64_t i = 0; i <= prng_below(&world->rig.prng, 3); i++)
            submit(world); /* several before anything is durable */
        rig_settle(&world->rig);
    }
}

static void play(uint64_t seed)
{
    struct world world = {.canary = -1};
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_STOPPED};
    rig_init(&world.rig, seed, RIG_BEGIN_UNIX_MS);
    start(&world);
    world.rig.port.stop(world.rig.port.impl, &rig_ana, &order, rig_ignore, NULL);
    rig_settle(&world.rig);
    for (int i = 0; i < STEPS && world.next_id < IDS - 8; i++) {
        bool was_stopped = is_stopped(&world);
        step(&world);
        if (was_stopped && !is_stopped(&world) && world.ok != CANARIES)
            FAIL(&world, "the stop is lifted after %d ok", world.ok);
    }
    for (int i = 0; i < 200 && is_stopped(&world); i++) { /* it comes to its end */
        approve(&world);
        if (world.next_id < IDS)
            submit(&world);
        rig_settle(&world.rig);
        answer(&world, 200, THEN_GO_ON);
        rig_pass(&world.rig, 2000, 500);
    }
    if (is_stopped(&world))
        FAIL(&world, "the ramp does not end: %d started, %d ok", world.started, world.ok);
    for (int i = 0; i < 2000 && world_calls(&world) + (i < 1000) > 0; i++) {
        answer(&world, 200, THEN_GO_ON);
        rig_pass(&world.rig, 500, 500);
    }
    for (int i = 0; i < world.next_id; i++)
        if (!world.is_sent[i])
            FAIL(&world, "%d was never sent", i);
    rig_done(&world.rig);
}

static void one_canary_at_a_time(void **state)
{
    (void)state;
    rig_each_seed(60, 300, play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_canary_at_a_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
