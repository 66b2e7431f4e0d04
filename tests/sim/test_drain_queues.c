/* What a stop held for two upstreams, of which one takes nothing for a time after the restart (its
 * calls hang and it is full, it asked for a pause, its `drain:` is slow): that one holds only its
 * own, and what is of their order key (R11, R19); over crashes. Virtual time, a store in memory, a
 * provider that counts. SEEDS=n runs more, SEED=x repeats one. */
#include "sim/rig.h"

enum { IDS = 512, TICK_MS = 50, WINDOW_MS = 4000, LEAST = 5, PLAIN = 0, OTHER = 1 };
enum trouble { TROUBLE_NONE, TROUBLE_FULL, TROUBLE_PAUSE, TROUBLE_SLOW, TROUBLE_COUNT };

static const char installation[] = RIG_INSTALLATION(
    "") "  other: { url: \"http://127.0.0.1:2\", concurrency: 4%s, idempotency: { header: "
        "Idempotency-Key } }\n";
static const char policy[] = RIG_POLICY("[]") "    order_by: ${input.thing}\n"
                                              "  t:\n"
                                              "    kind: webhook\n"
                                              "    call: other POST /y/${input.id}\n"
                                              "    key: ${input.id}\n"
                                              "    order_by: ${input.thing}\n";

struct hanging {
    upstream_done_fn *done;
    void *arg;
    int id;
};

struct world {
    struct rig rig;
    enum trouble trouble;
    bool is_over; /* the trouble */
    int count, left;
    int of[IDS], thing[IDS];
    int64_t sent_unix_ms[IDS];  /* first time each; 0 = not yet */
    int64_t ended_unix_ms[IDS]; /* it was answered well; 0 = not yet */
    struct hanging hanging[IDS];
    size_t hanging_count;
    int crashes;
};

#define FAIL(world, ...) RIG_FAIL(&(world)->rig, __VA_ARGS__)

/* An older one of the same thing was under way for a while: this one had its place in the queue
 * before it went. */
static bool is_chained(const struct world *world, int id)
{
    for (int i = 0; i < id; i++)
        if (world->thing[i] == world->thing[id] &&
            world->ended_unix_ms[i] - world->sent_unix_ms[i] > TICK_MS)
            return true;
    return false;
}

/* Half of 5/s in any window, whatever upstream it goes to. */
static void check_pace(struct world *world)
{
    int count = 0;
    for (int i = 0; i < world->count; i++)
        count += world->sent_unix_ms[i] != 0 && !is_chained(world, i) &&
                 world->rig.now_unix_ms - world->sent_unix_ms[i] < WINDOW_MS;
    if (count * 2 * 1000 > LEAST * WINDOW_MS + (2 + world->crashes) * 2 * 1000)
        FAIL(world, "%d left in %d ms, the pace is %d/s", count, WINDOW_MS, LEAST);
}

/* One of the same thing that is older and has not ended so long ago. */
static bool is_behind(const struct world *world, int id, int64_t ago_ms)
{
    for (int i = 0; i < id; i++)
        if (world->thing[i] == world->thing[id] &&
            (world->ended_unix_ms[i] == 0 ||
             world->rig.now_unix_ms - world->ended_unix_ms[i] < ago_ms))
            return true;
    return false;
}

static void world_sent(struct world *world, int id)
{
    if (world->sent_unix_ms[id] != 0)
        return; /* again, after a crash or a pause: the provider recognises it */
    if (is_behind(world, id, 0))
        FAIL(world, "%d was sent before an older one of its thing has ended", id);
    for (int i = 0; i < id && world->crashes == 0 && !is_chained(world, id); i++)
        if (world->of[i] == world->of[id] && world->sent_unix_ms[i] == 0 &&
            !is_behind(world, i, 2 * TICK_MS))
            FAIL(world, "%d left after %d, which goes to the same upstream", i, id);
    world->sent_unix_ms[id] = world->rig.now_unix_ms;
    world->left++;
    check_pace(world);
}

static enum err world_call(void *impl, const struct upstream_call *call)
{
    static const struct upstream_header later = {SLICE("retry-after"), SLICE("120")};
    struct world *world = impl;
    struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = 200};
    int id = rig_id_of(call, IDS);
    if (call->may_send && !call->may_send(call->arg)) {
        answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
        call->done(call->arg, &answer);
        return ERR_OK;
    }
    world_sent(world, id);
    bool is_troubled = world->of[id] == OTHER && !world->is_over;
    if (is_troubled && world->trouble == TROUBLE_FULL) {
        world->hanging[world->hanging_count++] = (struct hanging){call->done, call->arg, id};
        return ERR_OK;
    }
    if (is_troubled && world->trouble == TROUBLE_PAUSE) {
        answer.status = 429;
        answer.headers = &later;
        answer.header_count = 1;
    }
    if (answer.status == 200)
        world->ended_unix_ms[id] = world->rig.now_unix_ms;
    call->done(call->arg, &answer);
    return ERR_OK;
}

static void end_trouble(struct world *world)
{
    static const struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = 200};
    world->is_over = true;
    for (size_t i = 0; i < world->hanging_count; i++) {
        world->ended_unix_ms[world->hanging[i].id] = world->rig.now_unix_ms;
        world->hanging[i].done(world->hanging[i].arg, &answer);
    }
    world->hanging_count = 0;
}

static void start(struct world *world)
{
    char text[1024];
    (void)snprintf(text, sizeof text, installation,
                   world->trouble == TROUBLE_SLOW ? ", drain: at most 1/s" : "");
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .loaded = rig_load(text, policy)};
    rig_start(&world->rig, options);
}

static void tick(struct world *world)
{
    world->rig.now_unix_ms += TICK_MS;
    engine_wake(world->rig.engine);
    rig_settle(&world->rig);
}

static void crash(struct world *world)
{
    rig_crash(&world->rig);
    world->hanging_count = 0;
    world->crashes++;
    world->rig.now_unix_ms += TICK_MS;
    start(world);
    rig_settle(&world->rig);
}

/* things: how many there are; 0 = each action is of its own. */
static void submit(struct world *world, int of, int things)
{
    char input[64];
    int id = world->count++;
    CHECK(id < IDS);
    world->of[id] = of;
    world->thing[id] = things > 0 ? (int)prng_below(&world->rig.prng, (uint64_t)things) : id;
    (void)snprintf(input, sizeof input, "{\"id\":\"%d\",\"thing\":\"%d\"}", id, world->thing[id]);
    json_t *json = json_loads(input, 0, NULL);
    struct engine_submit call = {.principal = &rig_ben,
                                 .step = config_step(world->rig.port.config(world->rig.port.impl),
                                                     SLICE("w"), of ? SLICE("t") : SLICE("s")),
                                 .input_json = slice_text(input),
                                 .input = json,
                                 .done = rig_ignore};
    (void)world->rig.port.submit(world->rig.port.impl, &call);
    json_decref(json);
    rig_settle(&world->rig);
}

static void open_world(struct world *world, uint64_t seed, enum trouble trouble)
{
    *world = (struct world){.trouble = trouble};
    rig_init(&world->rig, seed, RIG_BEGIN_UNIX_MS);
    start(world);
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_STOPPED};
    world->rig.port.stop(world->rig.port.impl, &rig_ana, &order, rig_ignore, NULL);
    rig_settle(&world->rig);
}

static void restart(struct world *world)
{
    struct engine_port *port = &world->rig.port;
    uint64_t incident = rig_incident(&world->rig);
    tick(world);
    port->restart(port->impl, &rig_ana, incident, SLICE("x"), rig_ignore, NULL);
    rig_settle(&world->rig);
    port->approve(port->impl, &rig_ben, incident, rig_ignore, NULL);
    rig_settle(&world->rig);
}

/* What goes to `plain` and waits for nothing that goes to the other one, nor for what waits. */
static bool is_free(const struct world *world, int id)
{
    if (world->of[id] == OTHER)
        return false;
    for (int i = 0; i < id; i++)
        if (world->thing[i] == world->thing[id] && world->of[i] == OTHER)
            return false;
    return true;
}

static int unsent_ones(const struct world *world)
{
    int count = 0;
    for (int i = 0; i < world->count; i++)
        count += is_free(world, i) && world->sent_unix_ms[i] == 0;
    return count;
}

static void run(struct world *world, int64_t until_unix_ms, int crash_of)
{
    while (world->rig.now_unix_ms < until_unix_ms) {
        tick(world);
        if (crash_of > 0 && prng_below(&world->rig.prng, (uint64_t)crash_of) == 0)
            crash(world);
    }
}

static int64_t seconds_for(int count)
{
    return (int64_t)count * 2 * 1000 / LEAST;
}

/* As long as all of them take at their pace: of those that wait for nothing of the other upstream
 * none is left then, though the trouble lasts. */
static void play_trouble(struct world *world, int crash_of)
{
    int64_t most = 2000 + seconds_for(world->count) * 11 / 10;
    run(world, world->rig.now_unix_ms + most + world->crashes * 3000, crash_of);
    int unsent = unsent_ones(world);
    if (unsent > 0 && world->crashes == 0)
        FAIL(world, "%d of %d wait for what goes to the other upstream", unsent, world->count);
    end_trouble(world);
    world->rig.now_unix_ms += world->trouble == TROUBLE_PAUSE ? 120 * 1000 : 0;
    most = 20000 + seconds_for(world->count) * 10 + world->crashes * 60000;
    int64_t end = world->rig.now_unix_ms + most;
    while (world->left < world->count && world->rig.now_unix_ms < end)
        tick(world);
    for (int i = 0; i < world->count; i++)
        if (world->sent_unix_ms[i] == 0)
            FAIL(world, "%d was never sent", i);
    rig_done(&world->rig);
}

static void play(uint64_t seed)
{
    struct world world;
    struct prng prng = {seed};
    open_world(&world, seed, (enum trouble)prng_below(&prng, TROUBLE_COUNT));
    int things = prng_below(&prng, 2) ? 1 + (int)prng_below(&prng, 30) : 0;
    int count = 2 + (int)prng_below(&prng, 40);
    for (int i = 0; i < count; i++)
        submit(&world, (int)prng_below(&prng, 2), things);
    int crash_of = prng_below(&prng, 2) ? 0 : 100;
    if (crash_of > 0 && prng_below(&prng, 2))
        crash(&world);
    restart(&world);
    play_trouble(&world, crash_of);
}

static void one_that_takes_nothing_holds_its_own(void **state)
{
    (void)state;
    rig_each_seed(80, 400, play);
}

/* 300 before it, and one behind them that goes elsewhere: at once. */
static void many_before_it_do_not_matter(void **state)
{
    (void)state;
    for (int trouble = TROUBLE_FULL; trouble < TROUBLE_COUNT; trouble++) {
        struct world world;
        open_world(&world, 1, (enum trouble)trouble);
        for (int i = 0; i < 300; i++)
            submit(&world, OTHER, 0);
        submit(&world, PLAIN, 0);
        restart(&world);
        run(&world, world.rig.now_unix_ms + 4000, 0);
        if (world.sent_unix_ms[300] == 0)
            fail_msg("trouble %d: it waits for those before it", trouble);
        rig_done(&world.rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_before_it_do_not_matter),
        cmocka_unit_test(one_that_takes_nothing_holds_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
