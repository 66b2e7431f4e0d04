/* What a person granted, in virtual time: the real engine on a memory store. "It did not happen,
 * send" lets one start go also where `review` is in force; a stop elsewhere, between its gate and
 * its first byte, does not take that word away. */
#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "sim/rig.h"

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
                                   "  plain: { url: \"http://127.0.0.1:1\" }\n"
                                   "  other: { url: \"http://127.0.0.1:2\" }\n";
static const char policy[] = "workflow: w\n"
                             "purpose: To be granted\n"
                             "owner: team\n"
                             "restart: team\n"
                             "inform: ana\n"
                             "mode: auto\n"
                             "ramp: []\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "  t:\n"
                             "    kind: webhook\n"
                             "    call: other POST /x\n"
                             "    key: ${input.id}\n";

struct world {
    struct rig rig;
    uint64_t action;
    bool is_there;
    struct upstream_call call;
    int sent;
};

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    assert_false(world->is_there);
    world->is_there = true;
    world->call = *call;
    return ERR_OK;
}

/* What is under way ends so; a byte leaves only if the engine lets it. */
static void answer(struct world *world, enum upstream_phase phase, int status)
{
    struct upstream_answer said = {.phase = phase, .status = status};
    assert_true(world->is_there);
    world->is_there = false;
    if (world->call.may_send && !world->call.may_send(world->call.arg))
        said = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
    else
        world->sent++;
    world->call.done(world->call.arg, &said);
    rig_settle(&world->rig);
}

static void on_done(void *arg, const struct engine_reply *reply)
{
    struct world *world = arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
    if (reply->view)
        world->action = reply->view->action->id;
}

static void on_stop(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
}

static void open_world(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .loaded = rig_load(installation, policy)};
    *world = (struct world){0};
    rig_init(&world->rig, 1, RIG_BEGIN_UNIX_MS);
    rig_start(&world->rig, options);
    rig_settle(&world->rig);
}

static void stop(struct world *world, const char *step, const char *upstream,
                 enum position position)
{
    struct scope scope = {.workflow = upstream ? (struct slice){0} : SLICE("w"),
                          .step = step ? slice_text(step) : (struct slice){0},
                          .upstream = upstream ? slice_text(upstream) : (struct slice){0}};
    struct stop_order order = {.scope = &scope, .position = position};
    world->rig.port.stop(world->rig.port.impl, &rig_ana, &order, on_stop, NULL);
}

/* An action of which nobody knows whether it happened. */
static void submit_doubt(struct world *world)
{
    json_t *input = json_loads("{\"id\":1}", 0, NULL);
    struct engine_submit submit = {
        .principal = &rig_ana,
        .step = config_step(world->rig.port.config(world->rig.port.impl), SLICE("w"), SLICE("s")),
        .input_json = SLICE("{\"id\":1}"),
        .input = input,
        .done = on_done,
        .arg = world};
    (void)world->rig.port.submit(world->rig.port.impl, &submit);
    rig_settle(&world->rig);
    json_decref(input);
    answer(world, UPSTREAM_SENT_NO_ANSWER, 0);
    assert_int_equal(world->sent, 1);
}

static void send_again(struct world *world)
{
    struct engine_call call = {.act = ENGINE_RESOLVE,
                               .principal = &rig_ana,
                               .action = world->action,
                               .send = true,
                               .done = on_done,
                               .arg = world};
    world->rig.port.act(world->rig.port.impl, &call);
}

static void expect_state(struct world *world, enum action_state state, bool is_granted)
{
    struct arena arena;
    struct view view = {0};
    arena_init(&arena, 1 << 22);
    assert_int_equal(
        world->rig.port.view(world->rig.port.impl, world->action, false, &arena, &view), ERR_OK);
    assert_string_equal(state_name(view.action->state), state_name(state));
    assert_int_equal(view.action->is_granted, is_granted);
    arena_done(&arena);
}

/* At the save's return, and in the last moment before the first byte. */
static void a_stop_elsewhere_takes_no_grant(void **state)
{
    struct world world;
    (void)state;
    for (int is_late = 0; is_late < 2; is_late++) {
        open_world(&world);
        submit_doubt(&world);
        stop(&world, NULL, NULL, POSITION_REVIEW);
        rig_settle(&world.rig);
        send_again(&world);
        if (is_late)
            rig_settle(&world.rig);
        stop(&world, "t", NULL, POSITION_STOPPED);
        rig_settle(&world.rig);
        answer(&world, UPSTREAM_ANSWERED, 200);
        expect_state(&world, STATE_DONE, false);
        assert_int_equal(world.sent, 2);
        rig_done(&world.rig);
    }
}

/* A stop of its own keeps it, and the word with it. */
static void a_stop_keeps_the_grant(void **state)
{
    struct world world;
    (void)state;
    open_world(&world);
    submit_doubt(&world);
    send_again(&world);
    rig_settle(&world.rig);
    stop(&world, NULL, "plain", POSITION_STOPPED);
    rig_settle(&world.rig);
    answer(&world, UPSTREAM_ANSWERED, 200);
    expect_state(&world, STATE_HELD, true);
    assert_int_equal(world.sent, 1);
    rig_done(&world.rig);
}

/* port/engine.h, invariant 3: within a reply an action is neither read nor acted on. */
static void read_within(void *arg, const struct engine_reply *reply)
{
    struct world *world = arg;
    struct arena arena;
    struct view view = {0};
    arena_init(&arena, 1 << 22);
    (void)world->rig.port.view(world->rig.port.impl, reply->view->action->id, false, &arena, &view);
    arena_done(&arena);
}

static void submit_within(void *arg, const struct engine_reply *reply)
{
    struct world *world = arg;
    if (reply->outcome == ENGINE_NOT_NOW)
        submit_doubt(world);
}

static void ends_with(struct world *world, engine_done_fn *done, int want)
{
    struct engine_call call = {.act = ENGINE_APPROVE, /* of what waits for no decision: refused */
                               .principal = &rig_ana,
                               .action = world->action,
                               .done = done,
                               .arg = world};
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        (void)fclose(stderr);           /* the message is wanted, not shown */
        world->rig.port.act(world->rig.port.impl, &call);
        rig_settle(&world->rig);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, want);
}

static void on_refused(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    assert_int_equal(reply->outcome, ENGINE_NOT_NOW);
}

static void nothing_is_read_within_a_reply(void **state)
{
    struct world world;
    (void)state;
    open_world(&world);
    submit_doubt(&world);
    ends_with(&world, on_refused, 0);
    ends_with(&world, read_within, SIGABRT);
    ends_with(&world, submit_within, SIGABRT);
    rig_done(&world.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_stop_elsewhere_takes_no_grant),
                                       cmocka_unit_test(a_stop_keeps_the_grant),
                                       cmocka_unit_test(nothing_is_read_within_a_reply)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
