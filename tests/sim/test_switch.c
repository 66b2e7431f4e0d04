/* The switch where two things meet: a stop and an outcome that is not durable yet, a trip and the
 * ramp of its own stop, an alarm and a crash, a trigger that is gone and its caution. Each is one
 * story, played step by step; test_engine.c, test_ramp.c and test_triggers.c play at random.
 * Virtual time, a store in memory, a provider whose calls end when the test says so. */
#include "sim/rig.h"

enum { IDS = 64, CALLS = 64, MINUTE_MS = 60 * 1000 };

static const char installation[] =
    RIG_INSTALLATION("") "  spare: { url: \"http://127.0.0.1:1\" }\n";

#define POLICY_HEAD                                                                                \
    "workflow: w\n"                                                                                \
    "purpose: To be stopped\n"                                                                     \
    "owner: team\n"                                                                                \
    "restart: team\n"                                                                              \
    "inform: ana\n"                                                                                \
    "mode: auto\n"                                                                                 \
    "sensitivity: quick\n"
#define POLICY_STEP                                                                                \
    "steps:\n"                                                                                     \
    "  s:\n"                                                                                       \
    "    kind: webhook\n"                                                                          \
    "    call: plain POST /x/${input.id}\n"                                                        \
    "    key: ${input.id}\n"

struct world {
    struct rig rig;
    struct upstream_call calls[CALLS]; /* under way; arg NULL: none */
    int id_of[CALLS];
    int sent; /* first bytes */
};

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    int place = rig_call_take(world->calls, CALLS, call);
    if (place < 0)
        return ERR_OK;
    world->id_of[place] = rig_id_of(call, IDS);
    world->sent++;
    return ERR_OK;
}

static void start(struct world *world, const char *policy)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .loaded = rig_load(installation, policy)};
    rig_start(&world->rig, options);
}

static void open_world(struct world *world, const char *policy)
{
    *world = (struct world){0};
    rig_init(&world->rig, 1, RIG_BEGIN_UNIX_MS);
    start(world, policy);
}

static void crash(struct world *world, const char *policy)
{
    rig_crash(&world->rig);
    memset(world->calls, 0, sizeof world->calls);
    start(world, policy);
}

static void answer(struct world *world, int id, int status)
{
    for (int place = 0; place < CALLS; place++) {
        struct upstream_call call = world->calls[place];
        struct upstream_answer given = {.phase = UPSTREAM_ANSWERED, .status = status};
        if (!call.arg || world->id_of[place] != id)
            continue;
        world->calls[place] = (struct upstream_call){0};
        call.done(call.arg, &given);
        return;
    }
    fail_msg("%d is not under way", id);
}

/* Submits it, and lets it be done if it starts. */
static void submit_and_answer(struct world *world, int id)
{
    int sent = world->sent;
    rig_submit(&world->rig, id);
    rig_settle(&world->rig);
    if (world->sent > sent)
        answer(world, id, 200);
    rig_settle(&world->rig);
}

static void submit_to(struct world *world, const char *workflow, int id)
{
    char input[64];
    (void)snprintf(input, sizeof input, "{\"id\":\"%d\"}", id);
    json_t *json = json_loads(input, 0, NULL);
    struct engine_submit call = {.principal = &rig_ben,
                                 .step = config_step(world->rig.port.config(world->rig.port.impl),
                                                     slice_text(workflow), SLICE("s")),
                                 .input_json = slice_text(input),
                                 .input = json,
                                 .done = rig_ignore};
    (void)world->rig.port.submit(world->rig.port.impl, &call);
    json_decref(json);
}

static void stop(struct world *world, const struct scope *scope)
{
    struct stop_order order = {.scope = scope, .position = POSITION_STOPPED};
    world->rig.port.stop(world->rig.port.impl, &rig_ana, &order, rig_ignore, NULL);
}

/* The stops in force. */
static size_t stops_of(struct world *world, struct stop out[8])
{
    size_t count = 8;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_int_equal(world->rig.port.stops(world->rig.port.impl, false, &arena, out, &count),
                     ERR_OK);
    arena_done(&arena);
    return count;
}

static bool is_at(struct world *world, enum position position)
{
    struct stop stops[8];
    size_t count = stops_of(world, stops);
    bool is_found = false;
    for (size_t i = 0; i < count; i++)
        is_found = is_found || stops[i].position == position;
    return is_found;
}

static bool is_ramping(struct world *world)
{
    struct engine_restart restart;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_int_equal(world->rig.port.restart_of(world->rig.port.impl, rig_incident(&world->rig),
                                                &arena, &restart),
                     ERR_OK);
    arena_done(&arena);
    return restart.state == RESTART_RAMPING;
}

static void restart(struct world *world)
{
    uint64_t incident = rig_incident(&world->rig);
    world->rig.port.restart(world->rig.port.impl, &rig_ana, incident, SLICE("x"), rig_ignore, NULL);
    rig_settle(&world->rig);
    world->rig.port.approve(world->rig.port.impl, &rig_ben, incident, rig_ignore, NULL);
    rig_settle(&world->rig);
}

static void post(struct world *world, const char *id, const char *name, double value)
{
    struct engine_signal signal = {
        .workflow = config_workflow(world->rig.port.config(world->rig.port.impl), SLICE("w")),
        .id = slice_text(id),
        .name = slice_text(name),
        .value = value,
        .done = rig_ignore};
    world->rig.port.signal(world->rig.port.impl, &signal);
}

/* Incidents that are open. */
static size_t incidents_of(struct world *world)
{
    struct engine_incident incidents[16];
    size_t count = 16;
    struct arena arena;
    arena_init(&arena, 1 << 24);
    assert_int_equal(
        world->rig.port.incidents(world->rig.port.impl, true, &arena, incidents, &count), ERR_OK);
    arena_done(&arena);
    return count;
}

/* ---- receipts (R16) ---- */

/* One has ended, and that is on its way to the store when the stop comes: it is not in flight, and
 * when it is durable the receipt still waits for the other one. */
static void a_receipt_waits_for_what_it_counted(void **state)
{
    static const char policy[] = RIG_POLICY("[]");
    struct world world;
    struct stop stops[8];
    (void)state;
    open_world(&world, policy);
    rig_submit(&world.rig, 1);
    rig_submit(&world.rig, 2);
    rig_settle(&world.rig);
    answer(&world, 1, 200);
    stop(&world, &(struct scope){.workflow = SLICE("w")});
    rig_settle(&world.rig);
    assert_int_equal(stops_of(&world, stops), 1);
    assert_int_equal(stops[0].in_flight_at_start, 1);
    assert_int_equal(stops[0].in_flight, 1);
    assert_int_equal(stops[0].stopped_at_unix_ms, 0);
    answer(&world, 2, 200);
    rig_settle(&world.rig);
    assert_int_equal(stops_of(&world, stops), 1);
    assert_true(stops[0].stopped_at_unix_ms != 0);
    rig_done(&world.rig);
}

/* What was in flight at a stopped upstream goes on at another one: it is in flight no more. */
static void a_receipt_of_an_upstream_ends_with_its_call(void **state)
{
    static const char policy[] = RIG_POLICY("[]") "    fallback: { failed: upstream spare }\n";
    struct world world;
    struct stop stops[8];
    (void)state;
    open_world(&world, policy);
    rig_submit(&world.rig, 1);
    rig_settle(&world.rig);
    stop(&world, &(struct scope){.upstream = SLICE("plain")});
    rig_settle(&world.rig);
    assert_int_equal(stops_of(&world, stops), 1);
    assert_int_equal(stops[0].in_flight, 1);
    answer(&world, 1, 404);
    rig_settle(&world.rig);
    assert_int_equal(world.sent, 2); /* at the other one */
    assert_int_equal(stops_of(&world, stops), 1);
    assert_int_equal(stops[0].in_flight, 0);
    assert_true(stops[0].stopped_at_unix_ms != 0);
    rig_done(&world.rig);
}

/* All that it waited for had ended, and a crash came before it said so: the start says it, once.
 */
static void a_receipt_is_closed_once(void **state)
{
    static const char policy[] = RIG_POLICY("[]");
    struct world world;
    struct stop before[8], after[8];
    (void)state;
    open_world(&world, policy);
    rig_submit(&world.rig, 1);
    rig_settle(&world.rig);
    stop(&world, &(struct scope){.upstream = SLICE("plain"), .risk = SLICE("normal")});
    rig_settle(&world.rig);
    answer(&world, 1, 200);
    (void)store_memory_flush(world.rig.store, 1); /* its end, but not that of the receipt */
    world.rig.now_unix_ms += MINUTE_MS;
    crash(&world, policy);
    rig_settle(&world.rig);
    assert_int_equal(stops_of(&world, before), 1);
    assert_true(before[0].stopped_at_unix_ms != 0 && before[0].in_flight == 0);
    world.rig.now_unix_ms += MINUTE_MS;
    crash(&world, policy);
    rig_settle(&world.rig);
    assert_int_equal(stops_of(&world, after), 1);
    assert_int_equal(after[0].stopped_at_unix_ms, before[0].stopped_at_unix_ms);
    rig_done(&world.rig);
}

static void reply_is_a_stop(void *arg, const struct engine_reply *reply)
{
    int *taken = arg;
    *taken += reply->outcome == ENGINE_TAKEN && reply->stop != NULL;
}

/* A script that stops the same thing again and again takes nobody the room to stop another one, nor
 * does it open an incident each time. */
static void the_same_stop_again_takes_no_room(void **state)
{
    static const char policy[] = RIG_POLICY("[]");
    struct scope scope = {.workflow = SLICE("w")}, everything = {.workflow = SLICE("")};
    struct stop_order order = {.scope = &scope, .position = POSITION_STOPPED};
    struct world world;
    int taken = 0;
    (void)state;
    open_world(&world, policy);
    for (int i = 0; i < LIMIT_STOPS + 10; i++) {
        world.rig.port.stop(world.rig.port.impl, &rig_ben, &order, reply_is_a_stop, &taken);
        rig_settle(&world.rig);
    }
    assert_int_equal(taken, LIMIT_STOPS + 10);
    assert_int_equal(incidents_of(&world), 1);
    order.scope = &everything;
    world.rig.port.stop(world.rig.port.impl, &rig_ana, &order, reply_is_a_stop, &taken);
    rig_settle(&world.rig);
    assert_int_equal(taken, LIMIT_STOPS + 11);
    assert_int_equal(incidents_of(&world), 2);
    rig_done(&world.rig);
}

/* ---- a trip in the ramp of its own stop (R19) ---- */

static void a_trip_in_its_own_ramp_stops_again(void **state)
{
    static const char policy[] =
        POLICY_HEAD "ramp: [9]\n"
                    "triggers:\n"
                    "  - runaway: stopped if volume > 3 in 1h\n" POLICY_STEP;
    struct world world;
    int id = 0;
    (void)state;
    open_world(&world, policy);
    while (id < 5)
        submit_and_answer(&world, id++);
    assert_int_equal(world.sent, 3);
    assert_true(is_at(&world, POSITION_STOPPED));
    restart(&world);
    assert_true(is_ramping(&world));
    while (id < 15)
        submit_and_answer(&world, id++);
    assert_int_equal(world.sent, 3 + 3); /* the fourth canary would exceed the limit again */
    assert_true(is_at(&world, POSITION_STOPPED));
    assert_false(is_ramping(&world));
    crash(&world, policy);
    submit_and_answer(&world, id++);
    assert_int_equal(world.sent, 3 + 3);
    rig_done(&world.rig);
}

/* After each number of saves of that trip a crash comes: nothing starts, and people may ask again.
 */
static void no_crash_leaves_a_ramp_that_has_tripped(void **state)
{
    static const char policy[] = POLICY_HEAD "ramp: [9]\n"
                                             "triggers:\n"
                                             "  - load: stopped if posted(load) > 5\n" POLICY_STEP;
    (void)state;
    for (size_t saves = 1; saves < 12; saves++) {
        struct world world;
        open_world(&world, policy);
        post(&world, "a", "load", 9);
        rig_settle(&world.rig);
        restart(&world);
        submit_and_answer(&world, 1);
        assert_int_equal(world.sent, 1);
        post(&world, "b", "load", 1);
        post(&world, "c", "load", 9);
        (void)store_memory_flush(world.rig.store, saves);
        crash(&world, policy);
        rig_settle(&world.rig);
        bool was_saved = !is_ramping(&world);
        submit_and_answer(&world, 2);
        assert_int_equal(world.sent, was_saved ? 1 : 2);
        assert_true(was_saved || saves < 3);
        restart(&world);
        assert_true(is_ramping(&world));
        rig_done(&world.rig);
    }
}

/* ---- volume (R22) ---- */

/* A delay that a rule asks for is no backlog: what it lets go is counted as it starts. */
static void what_a_rule_has_delayed_counts(void **state)
{
    static const char policy[] =
        POLICY_HEAD "ramp: []\n"
                    "triggers:\n"
                    "  - runaway: stopped if volume > 3 in 1h\n" POLICY_STEP "    rules:\n"
                    "      - later: hold 1m if input.id != \"\"\n";
    struct world world;
    (void)state;
    open_world(&world, policy);
    for (int id = 0; id < 8; id++)
        rig_submit(&world.rig, id);
    rig_settle(&world.rig);
    assert_int_equal(world.sent, 0);
    rig_pass(&world.rig, 2 * MINUTE_MS, 1000);
    assert_int_equal(world.sent, 3);
    assert_true(is_at(&world, POSITION_STOPPED));
    rig_done(&world.rig);
}

static void approve_all(struct world *world)
{
    struct store_action page[LIMIT_PAGE];
    const struct store_port *store = &world->rig.store_port;
    size_t count = 0;
    struct arena arena;
    arena_init(&arena, 1 << 24);
    struct store_open_query query = {.limit = LIMIT_PAGE};
    assert_int_equal(store->list_open(store->impl, &query, &arena, page, &count), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct engine_call call = {
            .act = ENGINE_APPROVE, .principal = &rig_ana, .action = page[i].id, .done = rig_ignore};
        world->rig.port.act(world->rig.port.impl, &call);
        rig_settle(&world->rig);
    }
    arena_done(&arena);
}

#define NAMED(name)                                                                                \
    name "purpose: To be stopped\n"                                                                \
         "owner: team\n"                                                                           \
         "restart: team\n"                                                                         \
         "inform: ana\n"                                                                           \
         "mode: auto\n"                                                                            \
         "ramp: []\n"                                                                              \
         "triggers:\n"                                                                             \
         "  - runaway: stopped if volume > 3 in 1h\n" POLICY_STEP
/* The same thing under another name is counted on, in whatever order `was:` has the names (R28). */
static void a_limit_holds_over_two_renames(void **state)
{
    static const char *const policies[] = {
        NAMED("workflow: w\n"), NAMED("workflow: later\nwas: w\n"),
        NAMED("workflow: last\nwas: [w, later]\n"), NAMED("workflow: last\nwas: [later, w]\n")};
    static const char *const names[] = {"w", "later", "last", "last"};
    struct world world;
    (void)state;
    open_world(&world, policies[0]);
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            crash(&world, policies[i]);
        submit_to(&world, names[i], (int)i);
        rig_settle(&world.rig);
    }
    assert_int_equal(world.sent, 3);
    rig_done(&world.rig);
}

#define HOLDING(name, trigger)                                                                     \
    name "purpose: To be stopped\n"                                                                \
         "owner: team\n"                                                                           \
         "restart: team\n"                                                                         \
         "inform: ana\n"                                                                           \
         "mode: auto\n"                                                                            \
         "ramp: []\n"                                                                              \
         "triggers:\n"                                                                             \
         "  - far: stopped if volume > 1000 in 1h\n"                                               \
         "  - pile: caution if " trigger "\n" POLICY_STEP "    rules:\n"                           \
         "      - later: hold 5h if input.id != \"\"\n"
/* What waits under the former name waits all the same. */
static void what_waits_counts_over_a_rename(void **state)
{
    static const char *const policies[][2] = {
        {HOLDING("workflow: w\n", "backlog > 3"),
         HOLDING("workflow: later\nwas: w\n", "backlog > 3")},
        {HOLDING("workflow: w\n", "held_age > 30m"),
         HOLDING("workflow: later\nwas: w\n", "held_age > 30m")}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        open_world(&world, policies[i][0]);
        submit_to(&world, "w", 1);
        submit_to(&world, "w", 2);
        rig_settle(&world.rig);
        rig_pass(&world.rig, 20 * MINUTE_MS, 10000);
        crash(&world, policies[i][1]);
        submit_to(&world, "later", 3);
        rig_settle(&world.rig);
        assert_false(is_at(&world, POSITION_CAUTION));
        if (i == 0)
            submit_to(&world, "later", 4);
        else
            rig_pass(&world.rig, 15 * MINUTE_MS, 10000);
        rig_settle(&world.rig);
        assert_true(is_at(&world, POSITION_CAUTION));
        rig_done(&world.rig);
    }
}

/* Of what one trigger cannot tell, the others are asked all the same. */
static void what_one_cannot_tell_the_others_count(void **state)
{
    static const char policy[] =
        POLICY_HEAD "ramp: []\n"
                    "triggers:\n"
                    "  - runaway: stopped if volume > 3 in 1h\n"
                    "  - money: stopped if sum(input.amount) > 100 in 1h\n" POLICY_STEP;
    struct world world;
    (void)state;
    open_world(&world, policy);
    for (int id = 0; id < 8; id++)
        rig_submit(&world.rig, id); /* without an amount: people look at it */
    rig_settle(&world.rig);
    assert_int_equal(world.sent, 0);
    approve_all(&world);
    assert_int_equal(world.sent, 3);
    assert_true(is_at(&world, POSITION_STOPPED));
    rig_done(&world.rig);
}

/* ---- alarms ---- */

/* At each number of saves after which a crash comes: what has tripped is told. */
static void no_crash_loses_an_alarm(void **state)
{
    static const char policy[] = POLICY_HEAD "ramp: []\n"
                                             "triggers:\n"
                                             "  - far: stopped if volume > 1000 in 1h\n"
                                             "  - load: alert if posted(load) > 5\n" POLICY_STEP;
    (void)state;
    for (size_t saves = 1; saves < 8; saves++) {
        struct world world;
        open_world(&world, policy);
        rig_settle(&world.rig);
        post(&world, "a", "load", 9);
        (void)store_memory_flush(world.rig.store, saves);
        crash(&world, policy);
        rig_settle(&world.rig);
        rig_pass(&world.rig, MINUTE_MS, 10000);
        if (incidents_of(&world) != 1)
            fail_msg("after %zu saves %zu incidents are open", saves, incidents_of(&world));
        rig_done(&world.rig);
    }
}

/* ---- caution ---- */

/* The files were changed while nobody served: nobody would take its caution back. */
static void a_trigger_that_is_gone_leaves_no_caution(void **state)
{
    static const char policy[] = POLICY_HEAD "ramp: []\n"
                                             "triggers:\n"
                                             "  - far: stopped if volume > 1000 in 1h\n"
                                             "  - load: caution if posted(load) > 5\n" POLICY_STEP;
    static const char without[] =
        POLICY_HEAD "ramp: []\n"
                    "triggers:\n"
                    "  - far: stopped if volume > 1000 in 1h\n" POLICY_STEP;
    struct world world;
    (void)state;
    open_world(&world, policy);
    post(&world, "a", "load", 9);
    rig_settle(&world.rig);
    assert_true(is_at(&world, POSITION_CAUTION));
    crash(&world, policy);
    rig_settle(&world.rig);
    assert_true(is_at(&world, POSITION_CAUTION));
    crash(&world, without);
    rig_settle(&world.rig);
    rig_pass(&world.rig, MINUTE_MS, 10000);
    assert_false(is_at(&world, POSITION_CAUTION));
    rig_done(&world.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_waits_for_what_it_counted),
        cmocka_unit_test(a_receipt_of_an_upstream_ends_with_its_call),
        cmocka_unit_test(a_receipt_is_closed_once),
        cmocka_unit_test(the_same_stop_again_takes_no_room),
        cmocka_unit_test(a_trip_in_its_own_ramp_stops_again),
        cmocka_unit_test(no_crash_leaves_a_ramp_that_has_tripped),
        cmocka_unit_test(what_a_rule_has_delayed_counts),
        cmocka_unit_test(a_limit_holds_over_two_renames),
        cmocka_unit_test(what_waits_counts_over_a_rename),
        cmocka_unit_test(what_one_cannot_tell_the_others_count),
        cmocka_unit_test(no_crash_loses_an_alarm),
        cmocka_unit_test(a_trigger_that_is_gone_leaves_no_caution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
