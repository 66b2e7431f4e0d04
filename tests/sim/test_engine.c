/* The whole engine over thousands of seeds, with a crash between any two steps: I1 to I9 and R1.
 * SEEDS=n runs more, SEED=x repeats one. Failing seeds are kept in tests/sim/seeds. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/people.h"
#include "sim/store_oracle.h"
#include "sim/world.h"

/* Somebody pays. */
static void sim_pay(struct world *world)
{
    struct thing *thing = &world->things[WORLD_FRESH][prng_below(&world->rig.prng, WORLD_KEYS)];
    if (thing->paid_unix_ms == 0)
        thing->paid_unix_ms = world->rig.now_unix_ms;
}

static void sim_time(struct world *world)
{
    static const int64_t steps_ms[] = {1, 50, 500, 3000, 30000, 400000, 7200000, 90000000};
    int64_t step = steps_ms[prng_below(&world->rig.prng, 8)];
    if (step > 3000 && prng_below(&world->rig.prng, 6) != 0)
        step = 100;
    world->rig.now_unix_ms += step;
    rig_wake_if_due(&world->rig);
}

static void sim_calls(struct world *world)
{
    size_t first = (size_t)prng_below(&world->rig.prng, WORLD_CALLS);
    for (size_t i = 0; i < WORLD_CALLS; i++) {
        struct flying *flying = &world->flying[(first + i) % WORLD_CALLS];
        if (!flying->is_there)
            continue;
        world_move_call(world, flying);
        return;
    }
}

static void sim_event(struct world *world)
{
    world->events++;
    uint64_t dice = prng_below(&world->rig.prng, 1000);
    if (dice < 270)
        sim_submit(world);
    else if (dice < 300)
        sim_report(world);
    else if (dice < 620)
        sim_calls(world);
    else if (dice < 820)
        (void)store_memory_flush(world->rig.store, 1 + prng_below(&world->rig.prng, 4));
    else if (dice < 840)
        (void)store_memory_save(world->rig.store, 1); /* saved, but not told: a crash may follow */
    else if (dice < 900)
        sim_time(world);
    else if (dice < 935)
        sim_person_acts(world);
    else if (dice < 950)
        sim_meddle(world);
    else if (dice < 960)
        sim_stop(world);
    else if (dice < 978)
        sim_restart(world);
    else if (dice < 986) {
        world->is_provider_up = !world->is_provider_up;
        world->outage = prng_below(&world->rig.prng, OUTAGE_KINDS);
    } else if (dice < 991)
        world_crash(world);
    else if (dice < 993)
        world->rig.port.reload(world->rig.port.impl, &sim_other, rig_ignore, NULL);
    else if (dice < 996)
        sim_pay(world);
    else
        sim_label(world);
}

/* Whatever is in force, known to the simulation or not (a crash lost its acknowledgement). */
static void sim_restart_all(struct world *world)
{
    struct arena arena;
    arena_init(&arena, 1 << 24);
    struct stop *stops = ARENA_ARRAY(&arena, WORLD_STOPS * 2, struct stop);
    size_t count = WORLD_STOPS * 2;
    CHECK(world->rig.port.stops(world->rig.port.impl, false, &arena, stops, &count) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        sim_ask_restart(world, stops[i].incident, &sim_person);
        sim_approve(world, stops[i].incident, &sim_other);
    }
    arena_done(&arena);
}

/* Everybody comes back: the provider is up, stops are lifted, people answer. Then all must end. */
static size_t sim_settle(struct world *world)
{
    size_t open = 1;
    world->is_provider_up = true;
    for (int i = 0; i < 3000 && open > 0; i++) {
        sim_restart_all(world);
        sim_person_acts(world);
        for (int j = 0; j < 8; j++) {
            sim_calls(world);
            (void)store_memory_flush(world->rig.store, 64);
        }
        world->rig.now_unix_ms += 20000;
        rig_wake_if_due(&world->rig);
        (void)store_memory_flush(world->rig.store, 64);
        struct store_counts counts;
        world->rig.store_port.counts(world->rig.store_port.impl, &counts);
        open = counts.open_actions;
    }
    return open;
}

static void sim_show_open(struct world *world)
{
    struct arena arena;
    struct engine_upstream upstreams[4];
    size_t upstream_count = 4;
    arena_init(&arena, 1 << 26);
    world->rig.port.upstreams(world->rig.port.impl, &arena, upstreams, &upstream_count);
    for (size_t i = 0; i < upstream_count; i++)
        print_message(
            "upstream %.*s breaker %d, probe in %lld s, pause %lld s, under way %d, held %llu\n",
            SLICE_FMT(upstreams[i].name), upstreams[i].breaker,
            (long long)(upstreams[i].probe_at_unix_ms - world->rig.now_unix_ms) / 1000,
            (long long)(upstreams[i].pause_until_unix_ms - world->rig.now_unix_ms) / 1000,
            upstreams[i].under_way, (unsigned long long)upstreams[i].held);
    print_message("alarm in %lld ms\n",
                  (long long)(world->rig.alarm_unix_ms - world->rig.now_unix_ms));
    struct store_action *page = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_action);
    struct store_open_query query = {.limit = LIMIT_PAGE};
    size_t count = 0;
    CHECK(world->rig.store_port.list_open(world->rig.store_port.impl, &query, &arena, page,
                                          &count) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        const struct action *a = &row.action;
        print_message(
            "open: %.*s %s %s hold=%s due=%s in %lld s, starts %d grants %d releases %d\n",
            SLICE_FMT(row.step), state_name(a->state), reason_name(a->reason),
            hold_for_name(a->hold_for), due_kind_name(a->due_kind),
            (long long)(a->due_unix_ms - world->rig.now_unix_ms) / 1000, a->starts, a->grants,
            a->releases);
    }
    arena_done(&arena);
}

/* R24: what ended is erased by itself when `retain:` has passed, and nothing of it is left: nor
 * what people have said of it since (said_seq). Says something of the newest action. */
static uint64_t sim_retain(struct world *world, uint64_t said_seq)
{
    world->rig.now_unix_ms += 31 * 3600000;
    for (int i = 0; i < 600; i++) {
        world->rig.now_unix_ms += 1000;
        rig_wake_if_due(&world->rig);
        (void)store_memory_flush(world->rig.store, 64);
    }
    struct arena arena;
    arena_init(&arena, 1 << 26);
    size_t count = 0;
    const struct store_action *page = sim_actions(world, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        struct slice payload;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        if (row.erased_unix_ms == 0 ||
            world->rig.store_port.get_payload(world->rig.store_port.impl, row.first_seq, &arena,
                                              &payload) != ERR_NOT_FOUND)
            WORLD_FAIL(world, "R24: an action that ended %lld h ago is not erased",
                       (long long)(world->rig.now_unix_ms - row.action.ended_unix_ms) / 3600000);
    }
    struct slice said;
    if (said_seq != 0 && world->rig.store_port.get_payload(world->rig.store_port.impl, said_seq,
                                                           &arena, &said) != ERR_NOT_FOUND)
        WORLD_FAIL(world, "R24: what was said of an erased action stays for ever");
    struct engine_call call = {.act = ENGINE_NOTE,
                               .principal = &sim_person,
                               .action = page[0].id,
                               .reason = SLICE("looked at it again"),
                               .done = told_done,
                               .arg = told_new(world, TOLD_ACT, 0, 0)};
    world->rig.port.act(world->rig.port.impl, &call);
    (void)store_memory_flush(world->rig.store, 64);
    arena_done(&arena);
    unsigned char hash[STORE_HASH_SIZE];
    world->rig.store_port.head(world->rig.store_port.impl, &said_seq, hash);
    return said_seq;
}

static void sim_run(uint64_t seed)
{
    struct world world;
    world_init(&world, seed);
    for (int i = 0; i < 600; i++)
        sim_event(&world);
    world_check_receipts(&world);
    world_check_lost(&world);
    sim_check_things(&world);
    sim_check_rows(&world);
    sim_verify(&world, seed);
    size_t open = sim_settle(&world);
    if (open > 0) {
        sim_show_open(&world);
        WORLD_FAIL(&world, "I8: %zu actions never end", open);
    }
    sim_check_things(&world);
    sim_check_rows(&world);
    sim_check_draws(&world);
    sim_check_counts(&world);
    sim_check_undone(&world);
    if (seed % 8 == 1)
        (void)sim_retain(&world, sim_retain(&world, 0));
    sim_verify(&world, seed);
    assert_true(world.answers > 0);
    rig_done(&world.rig);
    while (world.tolds) {
        struct told *next = world.tolds->next;
        free(world.tolds);
        world.tolds = next;
    }
}

static void many_seeds(void **state)
{
    (void)state;
    const char *one = getenv("SEED");
    const char *many = getenv("SEEDS");
    if (one) {
        sim_run(strtoull(one, NULL, 10));
        return;
    }
    uint64_t count = many ? strtoull(many, NULL, 10) : 2000;
    for (uint64_t seed = 1; seed <= count; seed++)
        sim_run(seed);
}

/* Every seed that ever failed. */
static void kept_seeds(void **state)
{
    (void)state;
    char path[1024];
    char line[128];
    const char *root = getenv("INTERLOCK_ROOT");
    (void)snprintf(path, sizeof path, "%s/tests/sim/seeds", root ? root : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (line[0] != '#')
            sim_run(strtoull(line, NULL, 10));
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_seeds),
        cmocka_unit_test(many_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
