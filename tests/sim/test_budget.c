/* The retry budget (R30): attempts are at most 1.1 x actions + 10, while an upstream fails often
 * enough to be tried again and too seldom to be left alone. Virtual time, a store in memory. */
#include <jansson.h>

#include "base/text.h"
#include "sim/rig.h"

enum { ACTIONS = 300, TICK_MS = 50, ROUNDS_FREE = 2 };

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
                             "ramp: []\n"
                             "triggers:\n"
                             "  - far: stopped if volume > 100000 in 1h\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x/${input.id}\n"
                             "    key: ${input.id}\n"
                             "    retry: { attempts: 3, backoff: 10ms..50ms }\n";

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
    uint64_t id = 0;
    assert_true(slice_to_u64(slice_from(call->target, 3), ACTIONS - 1, &id));
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

static void ignore(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    (void)reply;
}

static void settle(struct world *world)
{
    while (store_memory_flush(world->rig.store, 1000) > 0)
        ;
}

static const struct person ben = {.name = {"ben", 3}};
static const struct principal as_ben = {
    .kind = PRINCIPAL_PERSON, .name = {"ben", 3}, .person = &ben};

static void submit(struct world *world, int id)
{
    char input[64];
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
    settle(world);
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
        submit(&world, id);
        for (int i = 0; i < 3; i++) {
            world.rig.now_unix_ms += TICK_MS;
            engine_wake(world.rig.engine);
            settle(&world);
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
