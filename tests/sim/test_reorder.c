/* A policy that orders by another thing, in virtual time: the real engine on a memory store, and
 * crashes. What is open moves to its new order key before anything of that thing starts. */
#include <jansson.h>

#include "base/text.h"
#include "sim/rig.h"

enum { SEED_COUNT = 40, OLD_ONES = 300 }; /* more than a page */

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
#define POLICY(field)                                                                              \
    "workflow: w\n"                                                                                \
    "purpose: One thing at a time\n"                                                               \
    "owner: team\n"                                                                                \
    "restart: team\n"                                                                              \
    "inform: ana\n"                                                                                \
    "mode: auto\n"                                                                                 \
    "triggers:\n"                                                                                  \
    "  - volume: stopped if volume > 100000 in 1h\n"                                               \
    "  - uncertain: stopped if uncertain > 100000 in 1h\n"                                         \
    "  - overdue: stopped if overdue > 100000\n"                                                   \
    "steps:\n"                                                                                     \
    "  s:\n"                                                                                       \
    "    kind: ticket\n"                                                                           \
    "    call: plain POST /x\n"                                                                    \
    "    key: ${input.id}\n"                                                                       \
    "    order_by: ${input." field "}\n"                                                           \
    "    rules:\n"                                                                                 \
    "      - ask: review if input.ask\n"

struct world {
    struct rig rig;
    uint64_t action;
    int sent;
};

/* Each call is answered at once. */
static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = 200};
    if (call->may_send && !call->may_send(call->arg))
        return ERR_BUSY;
    world->sent++;
    call->done(call->arg, &answer);
    return ERR_OK;
}

static void start(struct world *world, const char *policy)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .loaded = rig_load(installation, policy)};
    world->rig.now_unix_ms += 1000; /* ids grow with time */
    rig_start(&world->rig, options);
}

static void on_done(void *arg, const struct engine_reply *reply)
{
    struct world *world = arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
    if (reply->view)
        world->action = reply->view->action->id;
}

static void submit(struct world *world, int id, const char *thing, const char *team, bool ask)
{
    struct buf text;
    buf_init(&text, 256);
    buf_add_fmt(&text, "{\"id\":%d,\"thing\":\"%s\",\"team\":\"%s\",\"ask\":%s}", id, thing, team,
                ask ? "true" : "false");
    json_t *input = json_loads(buf_text(&text), 0, NULL);
    struct engine_submit submit = {
        .principal = &rig_ana,
        .step = config_step(world->rig.port.config(world->rig.port.impl), SLICE("w"), SLICE("s")),
        .input_json = buf_slice(&text),
        .input = input,
        .done = on_done,
        .arg = world};
    (void)world->rig.port.submit(world->rig.port.impl, &submit);
    rig_settle(&world->rig);
    json_decref(input);
    buf_done(&text);
}

static enum action_state state_of(struct world *world, uint64_t action)
{
    struct arena arena;
    struct view view = {0};
    arena_init(&arena, 1 << 22);
    assert_int_equal(world->rig.port.view(world->rig.port.impl, action, false, &arena, &view),
                     ERR_OK);
    enum action_state state = view.action->state;
    arena_done(&arena);
    return state;
}

static void reject(struct world *world, uint64_t action)
{
    struct engine_call call = {.act = ENGINE_REJECT,
                               .principal = &rig_ana,
                               .action = action,
                               .done = on_done,
                               .arg = world};
    world->rig.port.act(world->rig.port.impl, &call);
    rig_settle(&world->rig);
}

static void wake(struct world *world, int times)
{
    for (int i = 0; i < times; i++) {
        world->rig.now_unix_ms += 50;
        engine_wake(world->rig.engine);
        rig_settle(&world->rig);
    }
}

/* The oldest one waits for people; it was about another thing by the policy of its submit. */
static void what_is_open_moves(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
        struct world world = {.sent = 0};
        rig_init(&world.rig, seed, RIG_BEGIN_UNIX_MS);
        start(&world, POLICY("thing"));
        rig_settle(&world.rig);
        for (int i = 0; i < OLD_ONES; i++) {
            char thing[16];
            (void)snprintf(thing, sizeof thing, "t%d", i);
            submit(&world, i, thing, i == OLD_ONES - 1 ? "x" : "others", true);
        }
        uint64_t first = world.action; /* on the second page */
        for (uint64_t crash = prng_below(&world.rig.prng, 4); crash > 0; crash--) {
            rig_crash(&world.rig);
            start(&world, POLICY("team"));
            for (uint64_t n = prng_below(&world.rig.prng, 3); n > 0; n--) {
                world.rig.now_unix_ms += 50;
                engine_wake(world.rig.engine);
                (void)store_memory_flush(world.rig.store, prng_below(&world.rig.prng, 200));
            }
        }
        rig_crash(&world.rig);
        start(&world, POLICY("team"));
        submit(&world, 1000, "new", "x", false);
        uint64_t newer = world.action;
        assert_int_equal(state_of(&world, newer), STATE_HELD); /* who is before it is not known */
        wake(&world, 8);
        assert_int_equal(state_of(&world, newer), STATE_HELD); /* and now it is */
        assert_int_equal(world.sent, 0);
        reject(&world, first);
        wake(&world, 4);
        assert_int_equal(state_of(&world, newer), STATE_DONE);
        assert_int_equal(world.sent, 1);
        submit(&world, 1001, "t0", "y", false); /* no longer the same thing as the first of all */
        assert_int_equal(state_of(&world, world.action), STATE_DONE);
        rig_done(&world.rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_open_moves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
