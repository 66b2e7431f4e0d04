/* The retry budget (R30): attempts are at most 1.1 x actions + 10, while an upstream fails often
 * enough to be tried again and too seldom to be left alone. Virtual time, a store in memory. */
#include "sim/rig.h"

enum { ACTIONS = 300, TICK_MS = 50, ROUNDS_FREE = 2 };

static const char installation[] = RIG_INSTALLATION("");
static const char policy[] = RIG_POLICY("[]") "    retry: { attempts: 3, backoff: 10ms..50ms }\n";

struct world {
    struct rig rig;
    int calls_of[ACTIONS];
    int calls;
};

/* The first call of each third action fails. */
static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = 200};
    int id = rig_id_of(call, ACTIONS);
    if (call->may_send && !call->may_send(call->arg)) {
        answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
    } else {
        world->calls++;
        if (world->calls_of[id]++ == 0 && id % 3 == 0)
            answer.status = 500;
    }
    call->done(call->arg, &answer);
    return ERR_OK;
}

static void attempts_stay_within_the_budget(void **state)
{
    struct world world = {.calls = 0};
    struct engine_options options = {.upstream = {&world, world_call, rig_no_calls},
                                     .loaded = rig_load(installation, policy)};
    (void)state;
    rig_init(&world.rig, 1, RIG_BEGIN_UNIX_MS);
    rig_start(&world.rig, options);
    for (int id = 0; id < ACTIONS; id++) {
        rig_submit(&world.rig, id);
        rig_settle(&world.rig);
        for (int i = 0; i < 3; i++) {
            world.rig.now_unix_ms += TICK_MS;
            engine_wake(world.rig.engine);
            rig_settle(&world.rig);
        }
    }
    int most = ACTIONS * 11 / 10 + 10 + ROUNDS_FREE;
    if (world.calls > most)
        print_message("seed 1: R30: %d actions, %d attempts\n", (int)ACTIONS, world.calls);
    assert_in_range(world.calls, ACTIONS + 15, most); /* and it does try again */
    rig_done(&world.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(attempts_stay_within_the_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
