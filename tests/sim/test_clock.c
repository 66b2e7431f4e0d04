/* The machine's clock is wrong, in virtual time (R29): a step while interlock runs, and a start
 * behind the last sign of life, are both said; nothing comes due by a step. */
#include "sim/rig.h"

static const char installation[] = "listen: 127.0.0.1:0\n"
                                   "store: ./data\n"
                                   "people: { ana: { email: ana@example.org } }\n"
                                   "upstreams: { plain: { url: \"http://127.0.0.1:1\" } }\n";
static const char policy[] = "workflow: w\n"
                             "mode: review\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n";

enum { HOUR = 3600 * 1000 };

struct world {
    struct rig rig;
};

static int64_t world_step_of_the_clock;

static int64_t world_step(void *impl)
{
    (void)impl;
    return world_step_of_the_clock;
}

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
                                     .clock.step_ms = world_step,
                                     .loaded = rig_load(installation, policy)};
    rig_start(&world->rig, options);
    (void)store_memory_flush(world->rig.store, 1000);
}

/* what: a part of the flag; NULL: there is none. */
static void expect(struct world *world, const char *what)
{
    struct arena arena;
    struct engine_health health;
    arena_init(&arena, 1 << 20);
    world->rig.port.health(world->rig.port.impl, &arena, &health);
    bool has = what && health.flag.size > 0 &&
               memmem(health.flag.at, health.flag.size, what, strlen(what)) != NULL;
    if (what ? !has : health.flag.size > 0)
        fail_msg("it says: %.*s", SLICE_FMT(health.flag));
    arena_done(&arena);
}

static void a_step_is_said(void **state)
{
    (void)state;
    struct world world = {0};
    rig_init(&world.rig, 1, RIG_BEGIN_UNIX_MS);
    world_step_of_the_clock = 0;
    start(&world);
    expect(&world, NULL);
    world_step_of_the_clock = 30 * 1000; /* drift, and its correction */
    expect(&world, NULL);
    world_step_of_the_clock = 24 * HOUR;
    expect(&world, "moved by 1 d ahead");
    world_step_of_the_clock = -2 * HOUR;
    expect(&world, "moved by 2 h back");
    world_step_of_the_clock = 0;
    expect(&world, NULL);
    rig_done(&world.rig);
}

static void a_start_behind_the_store_is_said(void **state)
{
    (void)state;
    struct world world = {0};
    rig_init(&world.rig, 2, RIG_BEGIN_UNIX_MS);
    world_step_of_the_clock = 0;
    start(&world);
    rig_crash(&world.rig);
    world.rig.now_unix_ms -= 24 * HOUR;
    start(&world);
    expect(&world, "is 1 d behind the last sign of life");
    world.rig.now_unix_ms += 24 * HOUR; /* caught up */
    engine_wake(world.rig.engine);
    expect(&world, NULL);
    rig_done(&world.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_said),
        cmocka_unit_test(a_start_behind_the_store_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
