/* Triggers under crashes and time: what is sent within a window never exceeds the limit (I13, R22),
 * and caution takes itself back. Virtual time, a store in memory, a provider that answers at once.
 */
#include "record/row.h"
#include "sim/rig.h"

enum { LIMIT = 7, WINDOW_MS = 10 * 60 * 1000, MINUTE_MS = 60 * 1000, IDS = 1000, STEPS = 400 };

static const char installation[] = "listen: 127.0.0.1:0\n"
                                   "store: ./data\n"
                                   "people:\n"
                                   "  ana: { email: ana@example.org }\n"
                                   "  ben: { email: ben@example.org }\n"
                                   "services:\n"
                                   "  cron: { human: ben, submits: [w], token: { env: T } }\n"
                                   "groups: { team: [ana, ben], admins: [ben] }\n"
                                   "switch: { owner: team, restart: team, inform: ana }\n"
                                   "upstreams:\n"
                                   "  plain: { url: \"http://127.0.0.1:1\" }\n";
static const char policy[] = "workflow: w\n"
                             "purpose: To be stopped\n"
                             "owner: team\n"
                             "restart: team\n"
                             "inform: ana\n"
                             "mode: auto\n"
                             "triggers:\n"
                             "  - runaway: stopped if volume > 7 in 10m\n"
                             "  - doubt: stopped if uncertain > 1000 in 1h\n"
                             "  - load: caution if posted(load) > 5\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x/${input.id}\n"
                             "    key: ${input.id}\n";

struct world {
    struct rig rig;
    int64_t started_unix_ms[IDS]; /* first starts: a repeat of one counts nothing */
    int64_t sent_unix_ms[IDS];
    int sent_count;
    int64_t restarted_unix_ms;
    bool is_backlog[IDS]; /* it came while a stop was in force: it counts apart (R22) */
    int next_id;
};

/* The oracle: of those sent, the first starts in the window before now. */
static void check_i13(struct world *world)
{
    int count = 0;
    for (int i = 0; i < world->sent_count; i++)
        count += world->rig.now_unix_ms - world->sent_unix_ms[i] < WINDOW_MS &&
                 world->sent_unix_ms[i] > world->restarted_unix_ms;
    if (count > LIMIT)
        print_message("seed %llu: I13: too many starts\n", (unsigned long long)world->rig.seed);
    if (count > LIMIT)
        fail_msg("I13: %d starts in the window, the limit is %d", count, (int)LIMIT);
}

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = 200};
    int id = rig_id_of(call, IDS);
    if (call->may_send && !call->may_send(call->arg)) {
        answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
    } else if (!world->is_backlog[id]) {
        world->sent_unix_ms[world->sent_count++] = world->started_unix_ms[id];
        check_i13(world);
    }
    call->done(call->arg, &answer);
    return ERR_OK;
}

static void start(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .loaded = rig_load(installation, policy)};
    rig_start(&world->rig, options);
}

static void open_world(struct world *world, uint64_t seed)
{
    *world = (struct world){0};
    rig_init(&world->rig, seed, RIG_BEGIN_UNIX_MS);
    start(world);
}

static void close_world(struct world *world)
{
    rig_done(&world->rig);
}

static size_t stops_in_force(struct world *world, struct arena *arena, struct stop **out)
{
    size_t count = 16;
    *out = ARENA_ARRAY(arena, count, struct stop);
    assert_int_equal(world->rig.port.stops(world->rig.port.impl, false, arena, *out, &count),
                     ERR_OK);
    return count;
}

static bool is_at(struct world *world, enum position position)
{
    struct arena arena;
    struct stop *stops = NULL;
    bool is_found = false;
    arena_init(&arena, 1 << 20);
    size_t count = stops_in_force(world, &arena, &stops);
    for (size_t i = 0; i < count; i++)
        is_found = is_found || stops[i].position == position;
    arena_done(&arena);
    return is_found;
}

static void submit(struct world *world)
{
    int id = world->next_id++;
    if (id >= IDS)
        return;
    world->started_unix_ms[id] = world->rig.now_unix_ms;
    rig_submit(&world->rig, id);
    world->is_backlog[id] = is_at(world, POSITION_STOPPED);
}

static void post(struct world *world, int id, double value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "s%d", id);
    struct engine_signal signal = {
        .workflow = config_workflow(world->rig.port.config(world->rig.port.impl), SLICE("w")),
        .id = slice_text(text),
        .name = SLICE("load"),
        .value = value,
        .done = rig_ignore};
    world->rig.port.signal(world->rig.port.impl, &signal);
}

static void restart(struct world *world)
{
    struct arena arena;
    struct stop *stops = NULL;
    arena_init(&arena, 1 << 20);
    size_t count = stops_in_force(world, &arena, &stops);
    for (size_t i = 0; i < count; i++)
        if (stops[i].incident != 0)
            world->rig.port.restart(world->rig.port.impl, &rig_ben, stops[i].incident,
                                    SLICE("mended"), rig_ignore, NULL);
    arena_done(&arena);
    rig_settle(&world->rig);
    if (!is_at(world, POSITION_STOPPED))
        world->restarted_unix_ms = world->rig.now_unix_ms;
}

static void crash(struct world *world)
{
    rig_crash(&world->rig);
    start(world);
}

static void play(uint64_t seed)
{
    struct world world;
    open_world(&world, seed);
    for (int i = 0; i < STEPS; i++) {
        switch (prng_below(&world.rig.prng, 12)) {
        case 0:
            crash(&world);
            break;
        case 1:
            rig_pass(&world.rig, 10000 * (int64_t)prng_below(&world.rig.prng, 12), 10000);
            break;
        case 2:
            if (prng_below(&world.rig.prng, 3) == 0) {
                rig_settle(&world.rig);
                restart(&world);
            }
            break;
        case 3:
        case 4:
            (void)store_memory_flush(world.rig.store, 1 + prng_below(&world.rig.prng, 3));
            break;
        case 5:
            rig_settle(&world.rig);
            break;
        default:
            submit(&world);
            break;
        }
    }
    rig_settle(&world.rig);
    close_world(&world);
}

static void no_window_has_more_starts_than_the_limit(void **state)
{
    (void)state;
    rig_each_seed(100, 400, play);
}

static void the_limit_is_reached_and_not_more(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 1);
    for (int i = 0; i < 3 * LIMIT; i++)
        submit(&world); /* nothing is durable yet: all of them are under way at once */
    rig_settle(&world.rig);
    assert_int_equal(world.sent_count, LIMIT);
    assert_true(is_at(&world, POSITION_STOPPED));
    crash(&world);
    assert_true(is_at(&world, POSITION_STOPPED));
    submit(&world);
    rig_settle(&world.rig);
    assert_int_equal(world.sent_count, LIMIT);
    close_world(&world);
}

/* Actions whose first start is durable: sent, or found open at the start after a crash. */
static int count_started(struct world *world)
{
    struct store_action page[LIMIT_PAGE];
    const struct store_port *store = &world->rig.store_port;
    size_t count = 0;
    int started = 0;
    struct arena arena;
    arena_init(&arena, 1 << 24);
    assert_int_equal(store->list_actions(store->impl, 0, LIMIT_PAGE, &arena, page, &count), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct row row = {0};
        assert_int_equal(row_decode(page[i].row, &row), ERR_OK);
        started += row.action.starts_total > 0;
    }
    arena_done(&arena);
    return started;
}

/* The crossing is in the middle of a batch of 64 starts (R22), and the process is killed after each
 * number of saves: what was counted is what has started, and never more than the limit. */
static void in_a_batch_of_64_the_limit_leaves(void **state)
{
    enum { BATCH = 64 };
    (void)state;
    for (size_t saves = 0; saves <= 2 * BATCH; saves++) {
        struct world world;
        open_world(&world, saves + 1);
        for (int i = 0; i < BATCH; i++)
            submit(&world); /* one batch: nothing of it is durable */
        if (saves < 2 * BATCH)
            (void)store_memory_flush(world.rig.store, saves);
        else
            rig_settle(&world.rig);
        bool is_whole = saves == 2 * BATCH;
        int before = world.sent_count;
        crash(&world);
        for (int i = 0; i < BATCH; i++)
            submit(&world);
        rig_settle(&world.rig);
        assert_true(world.sent_count <= LIMIT && before <= world.sent_count);
        assert_int_equal(count_started(&world), LIMIT);
        assert_true(!is_whole || world.sent_count == LIMIT);
        assert_true(is_at(&world, POSITION_STOPPED));
        close_world(&world);
    }
}

static void caution_takes_itself_back(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 1);
    post(&world, 1, 9);
    rig_settle(&world.rig);
    assert_true(is_at(&world, POSITION_CAUTION));
    rig_pass(&world.rig, 60 * MINUTE_MS, 10000);
    assert_true(is_at(&world, POSITION_CAUTION)); /* it is not normal yet */
    post(&world, 2, 1);
    rig_settle(&world.rig);
    rig_pass(&world.rig, 29 * MINUTE_MS, 10000);
    crash(&world); /* it goes on over a crash */
    assert_true(is_at(&world, POSITION_CAUTION));
    rig_pass(&world.rig, 3 * MINUTE_MS, 10000);
    assert_false(is_at(&world, POSITION_CAUTION));
    crash(&world);
    assert_false(is_at(&world, POSITION_CAUTION));
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_reached_and_not_more),
        cmocka_unit_test(in_a_batch_of_64_the_limit_leaves),
        cmocka_unit_test(caution_takes_itself_back),
        cmocka_unit_test(no_window_has_more_starts_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
