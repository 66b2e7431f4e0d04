/* tests/sim/rig.h - what all simulations stand on: the real engine on a memory store, a clock
 * and random numbers that the test sets.
 * Owns: loading a configuration of two texts, starting and ending the engine. What upstreams and
 *   receivers do is the test's.
 * Invariants:
 *   1. The same seed gives the same run.
 *   2. Nothing but rig_start() makes an engine. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/prng.h"
#include "loop/engine.h"
#include "policy/config.h"
#include "store/memory.h"

#define RIG_BEGIN_UNIX_MS 1700000000000

struct rig {
    uint64_t seed;
    struct prng prng;
    int64_t now_unix_ms;
    int64_t alarm_unix_ms; /* when the engine wants to be woken; 0 = not by time */
    struct store_memory *store;
    struct store_port store_port;
    struct engine *engine;
    struct engine_port port;
};

static int64_t rig_now(void *impl)
{
    return ((struct rig *)impl)->now_unix_ms;
}

static void rig_random(void *impl, void *out, size_t size)
{
    struct rig *rig = impl;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)out)[i] = (unsigned char)prng_next(&rig->prng);
}

static void rig_wake_at(void *impl, int64_t unix_ms)
{
    ((struct rig *)impl)->alarm_unix_ms = unix_ms;
}

/* For tests that do not wake it at each of their steps. */
static inline void rig_wake_if_due(struct rig *rig)
{
    if (rig->alarm_unix_ms == 0 || rig->alarm_unix_ms > rig->now_unix_ms)
        return;
    rig->alarm_unix_ms = 0;
    engine_wake(rig->engine);
}

/* An upstream whose calls have ended when they return, or that the test counts itself. */
static inline size_t rig_no_calls(void *impl)
{
    (void)impl;
    return 0;
}

/* These files, the installation first; they must load. */
static const struct config *rig_config_of(struct arena *arena, const struct config_file *files,
                                          size_t count)
{
    struct problems problems;
    problems_init(&problems, arena);
    const struct config *config = config_load(files, count, arena, &problems);
    if (!config) {
        struct buf text;
        buf_init(&text, 1 << 20);
        problems_add_text(&text, &problems);
        fail_msg("%s", buf_text(&text));
    }
    return config;
}

/* An installation with one policy. */
static inline const struct config *rig_config(struct arena *arena, const char *installation,
                                              const char *policy_path, const char *policy)
{
    struct config_file files[2] = {{SLICE("interlock.yaml"), slice_text(installation)},
                                   {slice_text(policy_path), slice_text(policy)}};
    return rig_config_of(arena, files, 2);
}

/* In force with no secrets. config: NULL, or it outlives what is returned. */
static struct loaded *rig_loaded(const struct config *config)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);
    CHECK(loaded != NULL);
    arena_init(&loaded->arena, CONFIG_ARENA_MAX);
    redact_init(&loaded->redact);
    buf_init(&loaded->warnings_json, 1024);
    loaded->config = config;
    loaded->secrets = calloc(1, sizeof *loaded->secrets);
    return loaded;
}

/* The configuration of an installation and the one policy `w`. */
static inline struct loaded *rig_load(const char *installation, const char *policy)
{
    struct loaded *loaded = rig_loaded(NULL);
    loaded->config = rig_config(&loaded->arena, installation, "policies/w.yaml", policy);
    return loaded;
}

/* Before the first start. */
static void rig_init(struct rig *rig, uint64_t seed, int64_t now_unix_ms)
{
    *rig = (struct rig){.seed = seed, .prng = {seed}, .now_unix_ms = now_unix_ms};
    rig->store = store_memory_new();
    rig->store_port = store_memory_port(rig->store);
}

/* The options hold what is the test's: upstream, notify, loaded, zone. */
static void rig_start(struct rig *rig, struct engine_options options)
{
    static const unsigned char key[] = {1, 2, 3};
    struct buf message;
    buf_init(&message, 4096);
    options.store = rig->store_port;
    options.clock.impl = rig;
    options.clock.now_unix_ms = rig_now;
    options.clock.random = rig_random;
    options.clock.wake_at = rig_wake_at;
    memcpy(options.installation_key, key, sizeof key);
    CHECK(loaded_digest(options.loaded) == ERR_OK);
    rig->alarm_unix_ms = 0;
    rig->engine = engine_new(&options, &message);
    if (!rig->engine)
        fail_msg("seed %llu: the engine does not start: %s", (unsigned long long)rig->seed,
                 buf_text(&message));
    engine_as_port(rig->engine, &rig->port);
    buf_done(&message);
}

/* What was not saved is lost; rig_start() follows. */
static inline void rig_crash(struct rig *rig)
{
    engine_free(rig->engine);
    store_memory_crash(rig->store);
}

static void rig_done(struct rig *rig)
{
    engine_free(rig->engine);
    store_memory_free(rig->store);
}
