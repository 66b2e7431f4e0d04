/* tests/sim/clock_world.h - a machine whose clock is wrong: the world of tests/sim/test_clock.c.
 * Owns: the true time, which nobody tells the engine; the machine's clock, which is off from it;
 *   the boot clock, which is not, and ends with the boot. Upstreams and receivers, as they are
 *   asked.
 * Invariants:
 *   1. While the test says that a start is doubtful, no action of before is called for.
 *   2. No write that may have happened is repeated when its key may be forgotten, in true time. */
#pragma once
#include "record/record.h"
#include "sim/rig.h"

static const char installation[] =
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "people:\n"
    "  ana: { email: ana@example.org }\n"
    "  ben: { email: ben@example.org }\n"
    "  cyd: { email: cyd@example.org }\n"
    "groups: { team: [ana, ben], admins: [cyd] }\n"
    "channels: { mail: { smtp: \"smtp://127.0.0.1:1\", from: interlock@example.org } }\n"
    "switch: { owner: team, restart: team, inform: ana, ramp: [] }\n"
    "upstreams:\n"
    "  plain: { url: \"http://127.0.0.1:1\", idempotency: { header: Idempotency-Key, keeps: 2h } "
    "}\n";
static const char policy[] = "workflow: w\n"
                             "purpose: To be late\n"
                             "owner: team\n"
                             "restart: team\n"
                             "inform: ana\n"
                             "mode: auto\n"
                             "ramp: []\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x/${input.id}\n"
                             "    key: ${input.id}\n";

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum { IDS = 64, CALLS = 64, SENDS = 16, LINES = 64 };

struct thing {
    uint64_t action;
    int64_t first_ms;       /* when it was first sent, in truth; 0 = never */
    bool may_have_happened; /* an answer was lost */
    bool is_never;          /* the machine cannot tell how long ago that was */
    bool is_unknowable;     /* nor that it cannot */
    bool had_ended;         /* when the doubt began */
};

struct world {
    struct rig rig;
    const char *policy; /* NULL: the one above */
    bool is_copy;
    int64_t true_ms, off_ms, boot_ms; /* the machine's clock is off; its boot began then */
    struct upstream_call calls[CALLS];
    int id_of[CALLS];
    struct thing things[IDS + 1]; /* the last is no action */
    int next_id;
    int first_new;        /* what came before waits while it is doubtful */
    bool is_doubtful;     /* by the model, and so long: */
    int64_t until_ms;     /* in interlock's time */
    bool is_down_unknown; /* another boot */
    int64_t lag_ms;       /* confirmed */
    bool is_stopped;
    struct notify_message sends[SENDS];
    size_t send_count;
    char lines[LINES][LIMIT_NOTICE_BODY];
    size_t line_count;
};

#define FAIL(world, ...) RIG_FAIL(&(world)->rig, __VA_ARGS__)

/* ---- the machine ---- */

static int64_t world_wall(const struct world *world)
{
    return world->true_ms + world->off_ms;
}

static int64_t world_step_ms(void *impl)
{
    const struct world *world = impl;
    return world_wall(world) - world->rig.now_unix_ms;
}

static int64_t now_of(struct world *world)
{
    return world->rig.port.now_unix_ms(world->rig.port.impl);
}

static int64_t step_of(struct world *world)
{
    return world_wall(world) - now_of(world);
}

static bool is_off(int64_t ms)
{
    return ms > MINUTE || ms < -MINUTE;
}

/* ---- what is outside ---- */

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    bool is_probe = !slice_starts(call->target, SLICE("/x/")); /* is it back? */
    int id = is_probe ? IDS : rig_id_of(call, IDS);
    struct thing *thing = &world->things[id];
    int place = 0;
    if (world->is_doubtful && id < world->first_new)
        FAIL(world, "%d starts while the clock is doubtful", id);
    if (thing->may_have_happened && thing->is_never)
        FAIL(world, "%d is sent again, and nobody knows how long ago it was sent", id);
    if (thing->may_have_happened && !thing->is_unknowable &&
        world->true_ms - thing->first_ms > 2 * HOUR)
        FAIL(world, "%d is sent again when its key is forgotten", id);
    while (place < CALLS && world->calls[place].arg)
        place++;
    if (place == CALLS)
        return ERR_BUSY;
    world->calls[place] = *call;
    world->id_of[place] = id;
    if (thing->first_ms == 0 && !is_probe)
        thing->first_ms = world->true_ms;
    return ERR_OK;
}

static size_t world_calls(void *impl)
{
    const struct world *world = impl;
    return rig_calls_count(world->calls, CALLS);
}

/* All is delivered a moment later. */
static enum err world_send(void *impl, const struct notify_message *message)
{
    struct world *world = impl;
    if (world->send_count == SENDS)
        return ERR_BUSY;
    world->sends[world->send_count++] = *message;
    (void)snprintf(world->lines[world->line_count++ % LINES], LIMIT_NOTICE_BODY, "%.*s: %.*s\n%.*s",
                   SLICE_FMT(message->notice->person), SLICE_FMT(message->notice->line),
                   SLICE_FMT(message->notice->body));
    return ERR_OK;
}

static void deliver(struct world *world)
{
    static const struct notify_result delivered = {.outcome = NOTIFY_DELIVERED};
    while (world->send_count > 0) {
        struct notify_message message = world->sends[--world->send_count];
        message.done(message.arg, &delivered);
    }
    rig_settle(&world->rig);
}

static void answer(struct world *world, int place, enum upstream_phase phase, int status)
{
    struct upstream_call call = world->calls[place];
    struct thing *thing = &world->things[world->id_of[place]];
    struct upstream_answer said = {.phase = phase, .status = status};
    world->calls[place] = (struct upstream_call){0};
    if (call.may_send && !call.may_send(call.arg))
        said = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
    else if (phase == UPSTREAM_SENT_NO_ANSWER && thing->first_ms != 0)
        thing->may_have_happened = true;
    call.done(call.arg, &said);
    rig_settle(&world->rig);
}

static void answer_all(struct world *world)
{
    for (int i = 0; i < CALLS; i++)
        if (world->calls[i].arg)
            answer(world, i, UPSTREAM_ANSWERED, 200);
}

/* ---- the engine ---- */

static void start(struct world *world)
{
    struct engine_options options = {
        .upstream = {world, world_call, world_calls},
        .notify = {world, world_send},
        .clock.step_ms = world_step_ms,
        .is_copy = world->is_copy,
        .loaded = rig_load(installation, world->policy ? world->policy : policy)};
    world->rig.now_unix_ms = world_wall(world);
    world->rig.boot_unix_ms = world->rig.now_unix_ms - (world->true_ms - world->boot_ms);
    rig_start(&world->rig, options);
    rig_settle(&world->rig);
}

static void crash(struct world *world)
{
    for (int i = 0; i < CALLS; i++)
        if (world->calls[i].arg && world->id_of[i] < IDS)
            world->things[world->id_of[i]].may_have_happened = true;
    memset(world->calls, 0, sizeof world->calls);
    world->send_count = 0;
    rig_crash(&world->rig);
}

static void init(struct world *world, uint64_t seed)
{
    *world = (struct world){.true_ms = RIG_BEGIN_UNIX_MS, .boot_ms = RIG_BEGIN_UNIX_MS - DAY};
    rig_init(&world->rig, seed, RIG_BEGIN_UNIX_MS);
    start(world);
}

static void pass(struct world *world, int64_t ms, int64_t step_ms)
{
    for (int64_t end = world->true_ms + ms; world->true_ms < end;) {
        world->true_ms += step_ms;
        rig_pass(&world->rig, step_ms, step_ms);
        deliver(world);
    }
}

static void on_submitted(void *arg, const struct engine_reply *reply)
{
    struct thing *thing = arg;
    if (reply->view)
        thing->action = reply->view->action->id;
}

static void submit(struct world *world)
{
    char input[64];
    if (world->next_id == IDS)
        return;
    (void)snprintf(input, sizeof input, "{\"id\":\"%d\"}", world->next_id);
    json_t *json = json_loads(input, 0, NULL);
    struct engine_submit call = {
        .principal = &rig_ben,
        .step = config_step(world->rig.port.config(world->rig.port.impl), SLICE("w"), SLICE("s")),
        .input_json = slice_text(input),
        .input = json,
        .done = on_submitted,
        .arg = &world->things[world->next_id++]};
    (void)world->rig.port.submit(world->rig.port.impl, &call);
    json_decref(json);
    rig_settle(&world->rig);
}

static enum action_state state_of(struct world *world, const struct thing *thing)
{
    struct arena arena;
    struct view view = {0};
    arena_init(&arena, 1 << 22);
    assert_int_equal(
        world->rig.port.view(world->rig.port.impl, thing->action, false, &arena, &view), ERR_OK);
    enum action_state state = view.action->state;
    arena_done(&arena);
    return state;
}

/* The open incident of the clock; 0 = there is none. */
static uint64_t incident_of(struct world *world)
{
    struct status_incident open[8];
    struct arena arena;
    size_t count = 8;
    uint64_t found = 0;
    arena_init(&arena, 1 << 20);
    world->rig.port.troubles(world->rig.port.impl, &arena, open, &count);
    for (size_t i = 0; i < count; i++)
        if (slice_is(open[i].scope, "clock"))
            found = open[i].id;
    arena_done(&arena);
    return found;
}

static void confirm(struct world *world)
{
    world->rig.port.incident_close(world->rig.port.impl, &rig_ana, incident_of(world),
                                   SLICE("it is right"), rig_ignore, NULL);
    rig_settle(&world->rig);
}
