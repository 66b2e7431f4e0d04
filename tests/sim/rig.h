/* tests/sim/rig.h - what the small simulations stand on: the real engine on a memory store, a clock
 * and random numbers that the test sets.
 * Owns: loading a configuration of two texts, starting and ending the engine. What upstreams and
 *   receivers do is the test's. Invariants: the same seed gives the same run; nothing but
 *   rig_start() makes an engine. */
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
    struct prng prng;
    int64_t now_unix_ms;
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

/* The test wakes it. */
static void rig_wake_at(void *impl, int64_t unix_ms)
{
    (void)impl;
    (void)unix_ms;
}

/* An upstream whose calls have ended when they return, or that the test counts itself. */
static inline size_t rig_no_calls(void *impl)
{
    (void)impl;
    return 0;
}

/* The configuration of an installation and the one policy `w`; it must load. */
static struct loaded *rig_load(const char *installation, const char *policy)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);
    struct problems problems;
    struct config_file files[2] = {{SLICE("interlock.yaml"), slice_text(installation)},
                                   {SLICE("policies/w.yaml"), slice_text(policy)}};
    CHECK(loaded != NULL);
    arena_init(&loaded->arena, CONFIG_ARENA_MAX);
    redact_init(&loaded->redact);
    buf_init(&loaded->warnings_json, 1024);
    problems_init(&problems, &loaded->arena);
    loaded->config = config_load(files, 2, &loaded->arena, &problems);
    if (!loaded->config) {
        struct buf text;
        buf_init(&text, 1 << 20);
        problems_add_text(&text, &problems);
        fail_msg("%s", buf_text(&text));
    }
    loaded->secrets = calloc(1, sizeof *loaded->secrets);
    CHECK(loaded_digest(loaded) == ERR_OK);
    return loaded;
}

/* Before the first start. */
static void rig_init(struct rig *rig, uint64_t seed, int64_t now_unix_ms)
{
    *rig = (struct rig){.prng = {seed}, .now_unix_ms = now_unix_ms, .store = store_memory_new()};
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
    rig->engine = engine_new(&options, &message);
    assert_non_null(rig->engine);
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
