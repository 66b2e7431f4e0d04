/* The ramp of an approved restart (R19): one canary under way, never more than its number, the next
 * only after the last has ended well, and nothing else while the stop stands; no crash lifts it.
 * Virtual time, a store in memory, a provider whose calls end when the test says so. SEEDS=n runs
 * more, SEED=x repeats one. */
#include <jansson.h>

#include "base/text.h"
#include "sim/rig.h"

enum { IDS = 512, CALLS = 64, CANARIES = 3, STEPS = 120 };

static const char installation[] =
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "people:\n"
    "  ana: { email: ana@example.org }\n"
    "  ben: { email: ben@example.org }\n"
    "groups: { team: [ana, ben], admins: [ben] }\n"
    "switch: { owner: team, restart: team, inform: ana }\n"
    "upstreams:\n"
    "  plain: { url: \"http://127.0.0.1:1\", idempotency: { header: Idempotency-Key } }\n";
static const char policy[] = "workflow: w\n"
                             "purpose: To be stopped\n"
                             "owner: team\n"
                             "restart: team\n"
                             "inform: ana\n"
                             "mode: auto\n"
                             "ramp: [3]\n"
                             "triggers:\n"
                             "  - far: stopped if volume > 100000 in 1h\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x/${input.id}\n"
                             "    key: ${input.id}\n";

struct world {
    uint64_t seed;
    struct rig rig;
    struct upstream_call calls[CALLS]; /* under way; arg NULL: none */
    int id_of[CALLS];
    int next_id;
    bool is_sent[IDS];
    int canary; /* it has started and has not ended; -1 = none */
    int started, ok;
    bool is_ramping, is_stuck;
};

#define FAIL(world, ...)                                                                           \
    do {                                                                                           \
        print_message("seed %llu: ", (unsigned long long)(world)->seed);                           \
        print_message(__VA_ARGS__);                                                                \
        print_message("\n");                                                                       \
        fail();                                                                                    \
    } while (0)

static bool is_stopped(struct world *world)
{
    struct stop stops[4];
    struct arena arena;
    size_t count = 4;
    arena_init(&arena, 1 << 20);
    assert_int_equal(world->rig.port.stops(world->rig.port.impl, false, &arena, stops, &count),
                     ERR_OK);
    arena_done(&arena);
    return count > 0;
}

static uint64_t incident(struct world *world)
{
    struct stop stops[4];
    struct arena arena;
    size_t count = 4;
    arena_init(&arena, 1 << 20);
    assert_int_equal(world->rig.port.stops(world->rig.port.impl, false, &arena, stops, &count),
                     ERR_OK);
    arena_done(&arena);
    return count > 0 ? stops[0].incident : 0;
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
    uint64_t id = 0;
    int place = 0;
    assert_true(slice_to_u64(slice_from(call->target, 3), IDS - 1, &id));
    if (call->may_send && !call->may_send(call->arg)) {
        struct upstream_answer withheld = {.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
        call->done(call->arg, &withheld);
        return ERR_OK;
    }
    while (place < CALLS && world->calls[place].arg)
        place++;
    CHECK(place < CALLS);
    world->calls[place] = *call;
    world->id_of[place] = (int)id;
    world_sent(world, (int)id);
    return ERR_OK;
}

static size_t world_calls(void *impl)
{
    const struct world *world = impl;
    size_t count = 0;
    for (int i = 0; i < CALLS; i++)
        count += world->calls[i].arg != NULL;
    return count;
}

static void start(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, world_calls},
                                     .loaded = rig_load(installation, policy)};
    rig_start(&world->rig, options);
}

static void settle(struct world *world)
{
    while (store_memory_flush(world->rig.store, 1000) > 0)
        ;
}

/* What was under way is not heard of any more; who was the canary is it still. */
static void crash(struct world *world)
{
    bool was_stopped = is_stopped(world);
    bool is_over = world->ok == CANARIES;
    rig_crash(&world->rig);
    memset(world->calls, 0, sizeof world->calls);
    start(world);
    if (was_stopped && !is_over && !is_stopped(world))
        FAIL(world, "a crash lifted the stop of a ramp%s", "");
    settle(world);
}

static void pass(struct world *world, int64_t ms)
{
    for (int64_t end = world->rig.now_unix_ms + ms; world->rig.now_unix_ms < end;) {
        world->rig.now_unix_ms += 500;
        engine_wake(world->rig.engine);
        engine_beat(world->rig.engine);
        settle(world);
    }
}

static void ignore(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    (void)reply;
}

static const struct person ana = {.name = {"ana", 3}}, ben = {.name = {"ben", 3}};
static const struct principal as_ana = {
    .kind = PRINCIPAL_PERSON, .name = {"ana", 3}, .person = &ana};
static const struct principal as_ben = {
    .kind = PRINCIPAL_PERSON, .name = {"ben", 3}, .person = &ben};

static void submit(struct world *world)
{
    char input[64];
    int id = world->next_id++;
    CHECK(id < IDS);
    (void)snprintf(input, sizeof input, "{\"id\":\"%d\"}", id);
    json_t *json = json_loads(input, 0, NULL);
    struct engine_submit call = {
        .principal = &as_ben,
        .step = config_step(world->rig.port.config(world->rig.port.impl), SLICE("w"), SLICE("s")),
        .input_json = slice_text(input),
        .input = json,
        .done = ignore};
    (void)world->rig.port.submit(world->rig.port.impl, &call);
    json_decref(json);
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
    settle(world);
    call.done(call.arg, &given);
    if (then == THEN_CRASH_AFTER)
        (void)store_memory_flush(world->rig.store, 1);
    if (then != THEN_GO_ON)
        crash(world);
    else
        settle(world);
}

/* People look: a canary that a crash left without an answer may have made it stuck. */
static void look(struct world *world)
{
    struct engine_restart restart;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_int_equal(
        world->rig.port.restart_of(world->rig.port.impl, incident(world), &arena, &restart),
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
    world->rig.port.restart(world->rig.port.impl, &as_ana, incident(world), SLICE("x"), ignore,
                            NULL);
    settle(world);
    world->started = world->ok = 0;
    world->is_ramping = true;
    world->is_stuck = false;
    world->rig.port.approve(world->rig.port.impl, &as_ben, incident(world), ignore, NULL);
    settle(world);
}

static void step(struct world *world)
{
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
        pass(world, 500 * (int64_t)prng_below(&world->rig.prng, 20));
        return;
    default:
        for (uint64_t i = 0; i <= prng_below(&world->rig.prng, 3); i++)
            submit(world); /* several before anything is durable */
        settle(world);
    }
}

static void play(uint64_t seed)
{
    struct world world = {.seed = seed, .canary = -1};
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_STOPPED};
    rig_init(&world.rig, seed, RIG_BEGIN_UNIX_MS);
    start(&world);
    world.rig.port.stop(world.rig.port.impl, &as_ana, &order, ignore, NULL);
    settle(&world);
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
        settle(&world);
        answer(&world, 200, THEN_GO_ON);
        pass(&world, 2000);
    }
    if (is_stopped(&world))
        FAIL(&world, "the ramp does not end: %d started, %d ok", world.started, world.ok);
    for (int i = 0; i < 2000 && world_calls(&world) + (i < 1000) > 0; i++) {
        answer(&world, 200, THEN_GO_ON);
        pass(&world, 500);
    }
    for (int i = 0; i < world.next_id; i++)
        if (!world.is_sent[i])
            FAIL(&world, "%d was never sent", i);
    rig_done(&world.rig);
}

static void one_canary_at_a_time(void **state)
{
    const char *one = getenv("SEED");
    const char *many = getenv("SEEDS");
    uint64_t seeds = 60;
    (void)state;
    if (many)
        assert_true(slice_to_u64(slice_text(many), 1000000, &seeds));
    if (one) {
        play(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= (seeds < 300 ? seeds : 300); seed++)
        play(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_canary_at_a_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
