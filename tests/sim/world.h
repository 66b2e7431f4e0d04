/* tests/sim/world.h - a whole interlock in virtual time: the real engine on a memory store, a clock
 * that only the simulation moves, upstreams that fail in every way, and crashes between any two
 * steps.
 * Owns: start, crash and end of the engine, and what must hold after a crash. */
#pragma once
#include "sim/provider.h"

#define WORLD_BEGIN_UNIX_MS 1800000000000

/* Checked once for all seeds: what a start has. */
static const struct config *world_config(void)
{
    static struct arena arena;
    static const struct config *config;
    if (!config) {
        arena_init(&arena, CONFIG_ARENA_MAX);
        config = rig_config(&arena, world_installation, "policies/sim.yaml", world_policy);
    }
    return config;
}

/* The same policy in memory of its own; each second time with another version of the files. */
static struct loaded *world_load(void *arg, struct buf *out_problems)
{
    struct world *world = arg;
    struct buf installation;
    (void)out_problems;
    buf_init(&installation, 1 << 20);
    buf_add_text(&installation, world_installation);
    buf_add_text(&installation, world->reloads++ % 2 == 0 ? "# once more\n" : "");
    struct loaded *loaded = rig_loaded(NULL);
    loaded->config =
        rig_config(&loaded->arena, buf_text(&installation), "policies/sim.yaml", world_policy);
    CHECK(loaded_digest(loaded) == ERR_OK);
    buf_done(&installation);
    return loaded;
}

static void world_start(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .arg = world,
                                     .load = world_load,
                                     .loaded = rig_loaded(world_config())};
    rig_start(&world->rig, options);
}

/* What incidents and their messages say of what is lost is a count, and it is true: nothing is. */
static void world_check_lost(struct world *world)
{
    struct arena arena;
    arena_init(&arena, 1 << 26);
    struct engine_incident *open = ARENA_ARRAY(&arena, LIMIT_PAGE, struct engine_incident);
    size_t count = LIMIT_PAGE;
    CHECK(world->rig.port.incidents(world->rig.port.impl, true, &arena, open, &count) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct incident_view view;
        if (world->rig.port.incident_view(world->rig.port.impl, open[i].id, &arena, &view) !=
            ERR_OK)
            continue; /* its journal is not durable yet */
        if (view.impact.lost != 0)
            WORLD_FAIL(world, "I9: an incident counts %lld as lost", (long long)view.impact.lost);
    }
    arena_done(&arena);
}

/* A stop and its incident are one write: after a crash each stop has its incident, open as long as
 * the stop is in force, and the other way round. */
static void world_check_incidents(struct world *world)
{
    struct arena arena;
    arena_init(&arena, 1 << 24);
    struct stop *stops = ARENA_ARRAY(&arena, WORLD_STOPS * 2, struct stop);
    struct engine_incident *open = ARENA_ARRAY(&arena, LIMIT_PAGE, struct engine_incident);
    size_t stop_count = WORLD_STOPS * 2;
    size_t open_count = LIMIT_PAGE;
    CHECK(world->rig.port.stops(world->rig.port.impl, false, &arena, stops, &stop_count) == ERR_OK);
    CHECK(world->rig.port.incidents(world->rig.port.impl, true, &arena, open, &open_count) ==
          ERR_OK);
    for (size_t i = 0; i < stop_count; i++) {
        bool is_found = false;
        for (size_t j = 0; j < open_count; j++)
            is_found = is_found || open[j].id == stops[i].incident;
        if (!is_found)
            WORLD_FAIL(world, "I7: a stop in force has no open incident%s", "");
    }
    for (size_t j = 0; j < open_count; j++) {
        bool is_found = false;
        for (size_t i = 0; i < stop_count; i++)
            is_found = is_found || open[j].id == stops[i].incident;
        if (!is_found)
            WORLD_FAIL(world, "I7: an open incident has no stop in force%s", "");
    }
    arena_done(&arena);
}

static void world_crash(struct world *world)
{
    world->crashes++;
    rig_crash(&world->rig);
    /* The sockets are gone; what was read was read. What was told may not have been stored. */
    for (size_t i = 0; i < WORLD_CALLS; i++)
        if (world->flying[i].is_there && world->flying[i].has_left && world->flying[i].step >= 0 &&
            !world->flying[i].is_ask)
            world->things[world->flying[i].step][world->flying[i].thing].doubt_at =
                1 + world->flying[i].upstream;
    memset(world->flying, 0, sizeof world->flying);
    for (size_t i = 0; i < WORLD_STEPS * WORLD_KEYS; i++)
        memset((&world->things[0][0])[i].refused_at, 0, WORLD_UPSTREAMS);
    for (size_t i = 0; i < world->stop_count; i++)
        world->stops[i].is_asked = false;
    world->rig.now_unix_ms += (int64_t)prng_below(&world->rig.prng, 120000);
    world_start(world);
    world_check_incidents(world);
    world_check_lost(world);
    /* I7: every acknowledged stop is in force again. */
    struct arena arena;
    arena_init(&arena, 1 << 24);
    struct stop *stops = ARENA_ARRAY(&arena, WORLD_STOPS * 2, struct stop);
    size_t count = WORLD_STOPS * 2;
    CHECK(world->rig.port.stops(world->rig.port.impl, false, &arena, stops, &count) == ERR_OK);
    for (size_t i = 0; i < world->stop_count; i++) {
        bool is_found = false;
        for (size_t j = 0; j < count; j++)
            is_found = is_found || stops[j].id == world->stops[i].id;
        if (world->stops[i].is_acknowledged && !is_found)
            WORLD_FAIL(world, "I7: an acknowledged stop is gone after a crash");
    }
    arena_done(&arena);
}

static void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.is_provider_up = true};
    rig_init(&world->rig, seed, WORLD_BEGIN_UNIX_MS);
    world_start(world);
}
