/* The stop path tried by the daemon itself, in virtual time: the real engine on a memory store. The
 * trial stop is seen by nobody, takes no place, and no crash leaves it; what breaks is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/prng.h"
#include "loop/engine.h"
#include "policy/config.h"
#include "store/memory.h"

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
    struct prng prng;
    int64_t now_unix_ms;
    struct store_memory *store;
    struct store_port store_port;
    struct engine *engine;
    struct engine_port port;
    enum engine_refusal told;
};

static int64_t world_now(void *impl)
{
    return ((struct world *)impl)->now_unix_ms;
}

static void world_random(void *impl, void *out, size_t size)
{
    struct world *world = impl;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)out)[i] = (unsigned char)prng_next(&world->prng);
}

static void world_wake_at(void *impl, int64_t unix_ms)
{
    (void)impl;
    (void)unix_ms;
}

static enum err world_call(void *impl, const struct upstream_call *call)
{
    (void)impl;
    (void)call;
    return ERR_BUSY;
}

static size_t world_call_count(void *impl)
{
    (void)impl;
    return 0;
}

static enum err world_send(void *impl, const struct notify_message *message)
{
    (void)impl;
    (void)message;
    return ERR_BUSY;
}

static struct loaded *load(void)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);
    struct problems problems;
    struct config_file files[2] = {{SLICE("interlock.yaml"), slice_text(installation)},
                                   {SLICE("policies/w.yaml"), slice_text(policy)}};
    CHECK(loaded != NULL);
    arena_init(&loaded->arena, CONFIG_ARENA_MAX);
    redact_init(&loaded->redact);
    buf_init(&loaded->warnings_json, 1024);
    problems_init(&problems, &loaded->arena);
    loaded->config = config_load(files, 2, &loaded->arena, &problems);
    assert_non_null(loaded->config);
    loaded->secrets = calloc(1, sizeof *loaded->secrets);
    CHECK(loaded_digest(loaded) == ERR_OK);
    return loaded;
}

static void start(struct world *world)
{
    struct buf message;
    buf_init(&message, 4096);
    struct engine_options options = {.store = world->store_port,
                                     .upstream = {world, world_call, world_call_count},
                                     .notify = {world, world_send},
                                     .clock = {world, world_now, world_random, world_wake_at},
                                     .loaded = load(),
                                     .installation_key = {1, 2, 3}};
    world->engine = engine_new(&options, &message);
    assert_non_null(world->engine);
    engine_as_port(world->engine, &world->port);
    buf_done(&message);
}

static void open_world(struct world *world, uint64_t seed)
{
    *world = (struct world){.prng = {seed}, .now_unix_ms = 1700000000000};
    world->store = store_memory_new();
    world->store_port = store_memory_port(world->store);
    start(world);
    (void)store_memory_flush(world->store, 1000);
}

static void close_world(struct world *world)
{
    engine_free(world->engine);
    store_memory_free(world->store);
}

static void pass(struct world *world, int64_t ms, bool saves)
{
    for (int64_t end = world->now_unix_ms + ms; world->now_unix_ms < end;) {
        world->now_unix_ms += SECOND;
        engine_wake(world->engine);
        engine_beat(world->engine);
        if (saves)
            (void)store_memory_flush(world->store, 1000);
    }
}

static void expect(struct world *world, enum stop_check_result result, const char *what)
{
    struct arena arena;
    struct engine_health health;
    arena_init(&arena, 1 << 20);
    world->port.health(world->port.impl, &arena, &health);
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
    world->port.health(world->port.impl, &arena, &health);
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
    assert_int_equal(world->port.stops(world->port.impl, true, &arena, stops, &count), ERR_OK);
    arena_done(&arena);
    return count;
}

static void on_done(void *arg, const struct engine_reply *reply)
{
    ((struct world *)arg)->told = reply->outcome;
}

static const struct person ana = {.name = {"ana", 3}};
static const struct principal as_ana = {
    .kind = PRINCIPAL_PERSON, .name = {"ana", 3}, .person = &ana};

static void do_caution(struct world *world)
{
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_CAUTION};
    world->port.stop(world->port.impl, &as_ana, &order, on_done, world);
    (void)store_memory_flush(world->store, 1000);
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
    world.now_unix_ms += STOP_CHECK_OLD_MS + SECOND; /* the loop is stuck */
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
    store_memory_set_full(world.store, true);
    pass(&world, SECOND, true); /* at once: it needs no try */
    expect(&world, STOP_CHECK_FAILS, "disk");
    store_memory_set_full(world.store, false);
    pass(&world, STOP_CHECK_AGAIN_MS, true);
    expect(&world, STOP_CHECK_WORKS, NULL);
    store_memory_fail(world.store, ERR_IO);
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
            pass(&world, 1 + (int64_t)prng_below(&world.prng, 20 * SECOND), false);
            if (prng_below(&world.prng, 2))
                (void)store_memory_save(world.store, 1 + prng_below(&world.prng, 4));
            if (prng_below(&world.prng, 2))
                (void)store_memory_tell(world.store, 1 + prng_below(&world.prng, 4));
            if (prng_below(&world.prng, 4) == 0) {
                engine_free(world.engine);
                store_memory_crash(world.store);
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
