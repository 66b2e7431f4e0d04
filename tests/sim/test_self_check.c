/* The stop path tried by the daemon itself, in virtual time: the real engine on a memory store. The
 * trial stop is seen by nobody, takes no place, and no crash leaves it; what breaks is said. */
#include "sim/rig.h"

enum { SECOND = 1000, SEED_COUNT = 100 };

static const char installation[] = "listen: 127.0.0.1:0\n"
                                   "store: ./data\n"
                                   "people:\n"
                                   "  ana: { email: ana@example.org }\n"
                                   "  ben: { email: ben@example.org }\n"
                                   "groups:\n"
                                   "  team: [ana, ben]\n"
                                   "  admins: [ana]\n"
                                   "switch: { owner: team, restart: team, inform: ana, ramp: [] }\n"
                                   "upstreams:\n"
                                   "  plain: { url: \"http://127.0.0.1:1\" }\n";
static const char policy[] = "workflow: w\n"
                             "purpose: To be stopped\n"
                             "owner: team\n"
                             "restart: team\n"
                             "inform: ana\n"
                             "mode: auto\n"
                             "ramp: []\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n";

struct world {
    struct rig rig;
    enum engine_refusal told;
};

static enum err world_call(void *impl, const struct upstream_call *call)
{
    (void)impl;
    (void)call;
    return ERR_BUSY;
}

static enum err world_send(void *impl, const struct notify_message *message)
{
    (void)impl;
    (void)message;
    return ERR_BUSY;
}

static void start(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .notify = {world, world_send},
                                     .loaded = rig_load(installation, policy)};
    rig_start(&world->rig, options);
}

static void open_world(struct world *world, uint64_t seed)
{
    *world = (struct world){0};
    rig_init(&world->rig, seed, RIG_BEGIN_UNIX_MS);
    start(world);
    (void)store_memory_flush(world->rig.store, 1000);
}

static void close_world(struct world *world)
{
    rig_done(&world->rig);
}

static void pass(struct world *world, int64_t ms, bool saves)
{
    for (int64_t end = world->rig.now_unix_ms + ms; world->rig.now_unix_ms < end;) {
        world->rig.now_unix_ms += SECOND;
        engine_wake(world->rig.engine);
        engine_beat(world->rig.engine);
        if (saves)
            (void)store_memory_flush(world->rig.store, 1000);
    }
}

static void expect(struct world *world, enum stop_check_result result, const char *what)
{
    struct arena arena;
    struct engine_health health;
    arena_init(&arena, 1 << 20);
    world->rig.port.health(world->rig.port.impl, &arena, &health);
    assert_int_equal(health.stop_check.result, result);
    if (!what)
        assert_int_equal(health.stop_check.what.size, 0);
    else if (health.stop_check.what.size == 0 ||
             !memmem(health.stop_check.what.at, health.stop_check.what.size, what, strlen(what)))
        fail_msg("it says: %.*s", SLICE_FMT(health.stop_check.what));
    arena_done(&arena);
}

static int64_t age(struct world *world)
{
    struct arena arena;
    struct engine_health health;
    arena_init(&arena, 1 << 20);
    world->rig.port.health(world->rig.port.impl, &arena, &health);
    arena_done(&arena);
    return health.stop_check.age_ms;
}

static size_t count_stops(struct world *world)
{
    struct arena arena;
    size_t count = LIMIT_STOPS;
    arena_init(&arena, 64 << 20);
    struct stop *stops = ARENA_ARRAY(&arena, count, struct stop);
    assert_non_null(stops);
    assert_int_equal(world->rig.port.stops(world->rig.port.impl, true, &arena, stops, &count),
                     ERR_OK);
    arena_done(&arena);
    return count;
}

static void on_done(void *arg, const struct engine_reply *reply)
{
    ((struct world *)arg)->told = reply->outcome;
}

static void do_caution(struct world *world)
{
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_CAUTION};
    world->rig.port.stop(world->rig.port.impl, &rig_ana, &order, on_done, world);
    (void)store_memory_flush(world->rig.store, 1000);
}

static void it_is_tried_at_intervals(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 1);
    expect(&world, STOP_CHECK_NOT_YET, NULL);
    pass(&world, STOP_CHECK_FIRST_MS - SECOND, true);
    expect(&world, STOP_CHECK_NOT_YET, NULL);
    pass(&world, SECOND, true);
    for (int turn = 0; turn < 5; turn++) {
        expect(&world, STOP_CHECK_WORKS, NULL);
        assert_int_equal(age(&world), 0);
        assert_int_equal(count_stops(&world), 0);
        pass(&world, STOP_CHECK_MS - SECOND, true);
        assert_int_equal(age(&world), STOP_CHECK_MS - SECOND);
        pass(&world, SECOND, true);
    }
    world.rig.now_unix_ms += STOP_CHECK_OLD_MS + SECOND; /* the loop is stuck */
    expect(&world, STOP_CHECK_FAILS, "not tried");
    close_world(&world);
}

static void a_slow_store_is_said(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 1);
    pass(&world, STOP_CHECK_FIRST_MS + STOP_CHECK_WAIT_MS - SECOND, false);
    expect(&world, STOP_CHECK_NOT_YET, NULL);
    pass(&world, SECOND, false);
    expect(&world, STOP_CHECK_FAILS, "durable in time");
    pass(&world, SECOND, true);
    expect(&world, STOP_CHECK_WORKS, NULL);
    store_memory_set_full(world.rig.store, true);
    pass(&world, SECOND, true); /* at once: it needs no try */
    expect(&world, STOP_CHECK_FAILS, "disk");
    store_memory_set_full(world.rig.store, false);
    pass(&world, STOP_CHECK_AGAIN_MS, true);
    expect(&world, STOP_CHECK_WORKS, NULL);
    store_memory_fail(world.rig.store, ERR_IO);
    expect(&world, STOP_CHECK_FAILS, "the store failed");
    close_world(&world);
}

static void it_takes_no_place(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 1);
    for (size_t i = 0; i + 1 < LIMIT_STOPS; i++)
        do_caution(&world);
    pass(&world, STOP_CHECK_FIRST_MS, true);
    expect(&world, STOP_CHECK_WORKS, NULL);
    do_caution(&world);
    assert_int_equal(world.told, ENGINE_TAKEN);
    assert_int_equal(count_stops(&world), LIMIT_STOPS);
    pass(&world, STOP_CHECK_MS, true);
    expect(&world, STOP_CHECK_FAILS, "no room");
    assert_int_equal(count_stops(&world), LIMIT_STOPS);
    close_world(&world);
}

static void no_crash_leaves_it(void **state)
{
    const char *seeds = getenv("SEEDS");
    uint64_t count = seeds ? strtoull(seeds, NULL, 10) : SEED_COUNT;
    (void)state;
    for (uint64_t seed = 1; seed <= count; seed++) {
        struct world world;
        open_world(&world, seed);
        for (int i = 0; i < 60; i++) {
            pass(&world, 1 + (int64_t)prng_below(&world.rig.prng, 20 * SECOND), false);
            if (prng_below(&world.rig.prng, 2))
                (void)store_memory_save(world.rig.store, 1 + prng_below(&world.rig.prng, 4));
            if (prng_below(&world.rig.prng, 2))
                (void)store_memory_tell(world.rig.store, 1 + prng_below(&world.rig.prng, 4));
            if (prng_below(&world.rig.prng, 4) == 0) {
                rig_crash(&world.rig);
                start(&world);
            }
            assert_int_equal(count_stops(&world), 0);
        }
        pass(&world, STOP_CHECK_FIRST_MS + STOP_CHECK_MS, true);
        expect(&world, STOP_CHECK_WORKS, NULL);
        close_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_tried_at_intervals),
        cmocka_unit_test(a_slow_store_is_said),
        cmocka_unit_test(it_takes_no_place),
        cmocka_unit_test(no_crash_leaves_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
