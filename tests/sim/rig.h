/* tests/sim/rig.h - what all simulations stand on: the real engine on a memory store, a clock
 * and random numbers that the test sets.
 * Owns: loading a configuration of two texts, starting and ending the engine; two people, one
 *   policy and its submits for tests that need no other. What upstreams and receivers do is the
 *   test's.
 * Invariants:
 *   1. The same seed gives the same run.
 *   2. Nothing but rig_start() makes an engine. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/check.h"
#include "base/prng.h"
#include "base/text.h"
#include "loop/engine.h"
#include "policy/config.h"
#include "record/record.h"
#include "store/memory.h"

#define RIG_BEGIN_UNIX_MS 1700000000000

struct rig {
    uint64_t seed;
    struct prng prng;
    int64_t now_unix_ms;
    int64_t boot_unix_ms;  /* the machine's boot clock began then */
    unsigned char boot;    /* which boot it is: nothing but a test of clocks has another one */
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

static void rig_boot(void *impl, struct wall_boot *out)
{
    const struct rig *rig = impl;
    *out = (struct wall_boot){
        .is_known = true, .id = {rig->boot}, .ms = rig->now_unix_ms - rig->boot_unix_ms};
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
    options.clock.boot = rig_boot;
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

/* ---- the same in many of them ---- */

/* SEEDS=n runs so many, at most `most`; SEED=x repeats one. */
static inline void rig_each_seed(uint64_t seeds, uint64_t most, void (*play)(uint64_t seed))
{
    const char *one = getenv("SEED");
    const char *many = getenv("SEEDS");
    if (many)
        assert_true(slice_to_u64(slice_text(many), 1000000, &seeds));
    if (one)
        play(strtoull(one, NULL, 10));
    for (uint64_t seed = 1; !one && seed <= (seeds < most ? seeds : most); seed++)
        play(seed);
}

/* The line that says which seed to repeat, and the end of the test. */
#define RIG_FAIL(rig, ...)                                                                         \
    do {                                                                                           \
        print_message("seed %llu: ", (unsigned long long)(rig)->seed);                             \
        print_message(__VA_ARGS__);                                                                \
        print_message("\n");                                                                       \
        fail();                                                                                    \
    } while (0)

/* All that is queued becomes durable, and what follows from it. */
static inline void rig_settle(struct rig *rig)
{
    while (store_memory_flush(rig->store, 1000) > 0)
        continue;
}

static inline void rig_pass(struct rig *rig, int64_t ms, int64_t step_ms)
{
    for (int64_t end = rig->now_unix_ms + ms; rig->now_unix_ms < end;) {
        rig->now_unix_ms += step_ms;
        engine_wake(rig->engine);
        engine_beat(rig->engine);
        rig_settle(rig);
    }
}

static inline void rig_ignore(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    (void)reply;
}

static const struct person rig_person_ana = {.name = {"ana", 3}},
                           rig_person_ben = {.name = {"ben", 3}};
static const struct principal rig_ana = {
    .kind = PRINCIPAL_PERSON, .name = {"ana", 3}, .person = &rig_person_ana};
static const struct principal rig_ben = {
    .kind = PRINCIPAL_PERSON, .name = {"ben", 3}, .person = &rig_person_ben};

/* An installation of the two with one upstream that knows repeats; more: settings of that. */
#define RIG_INSTALLATION(more)                                                                     \
    "listen: 127.0.0.1:0\n"                                                                        \
    "store: ./data\n"                                                                              \
    "people:\n"                                                                                    \
    "  ana: { email: ana@example.org }\n"                                                          \
    "  ben: { email: ben@example.org }\n"                                                          \
    "groups: { team: [ana, ben], admins: [ben] }\n"                                                \
    "switch: { owner: team, restart: team, inform: ana }\n"                                        \
    "upstreams:\n"                                                                                 \
    "  plain: { url: \"http://127.0.0.1:1\", idempotency: { header: Idempotency-Key }" more " }\n"
/* The policy `w` with the step `s`; lines of the step may follow. triggers: more of them. */
#define RIG_POLICY(ramp) RIG_POLICY_TRIGGERS(ramp, "")
#define RIG_POLICY_TRIGGERS(ramp, triggers)                                                        \
    "workflow: w\n"                                                                                \
    "purpose: To be stopped\n"                                                                     \
    "owner: team\n"                                                                                \
    "restart: team\n"                                                                              \
    "inform: ana\n"                                                                                \
    "mode: auto\n"                                                                                 \
    "ramp: " ramp "\n"                                                                             \
    "triggers:\n"                                                                                  \
    "  - far: stopped if volume > 100000 in 1h\n" triggers "steps:\n"                              \
    "  s:\n"                                                                                       \
    "    kind: webhook\n"                                                                          \
    "    call: plain POST /x/${input.id}\n"                                                        \
    "    key: ${input.id}\n"

/* `{"id": …}` to the step `s` of `w`, by ben. */
static inline void rig_submit(struct rig *rig, int id)
{
    char input[64];
    (void)snprintf(input, sizeof input, "{\"id\":\"%d\"}", id);
    json_t *json = json_loads(input, 0, NULL);
    struct engine_submit call = {
        .principal = &rig_ben,
        .step = config_step(rig->port.config(rig->port.impl), SLICE("w"), SLICE("s")),
        .input_json = slice_text(input),
        .input = json,
        .done = rig_ignore};
    (void)rig->port.submit(rig->port.impl, &call);
    json_decref(json);
}

/* Which of those calls it is: the target is /x/ID. */
static inline int rig_id_of(const struct upstream_call *call, int ids)
{
    uint64_t id = 0;
    assert_true(slice_to_u64(slice_from(call->target, 3), (uint64_t)ids - 1, &id));
    return (int)id;
}

/* A call that the test answers later: its place among so many, where arg NULL is a free one; -1: it
 * was withheld, and has ended. */
static inline int rig_call_take(struct upstream_call *calls, int room,
                                const struct upstream_call *call)
{
    int place = 0;
    if (call->may_send && !call->may_send(call->arg)) {
        struct upstream_answer withheld = {.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
        call->done(call->arg, &withheld);
        return -1;
    }
    while (place < room && calls[place].arg)
        place++;
    CHECK(place < room);
    calls[place] = *call;
    return place;
}

/* Those of them that are under way. */
static inline size_t rig_calls_count(const struct upstream_call *calls, int room)
{
    size_t count = 0;
    for (int i = 0; i < room; i++)
        count += calls[i].arg != NULL;
    return count;
}

/* The number of the newest record that is durable; 0 = there is none. */
static inline uint64_t rig_last_record(struct rig *rig)
{
    unsigned char hash[STORE_HASH_SIZE];
    uint64_t last = 0;
    rig->store_port.head(rig->store_port.impl, &last, hash);
    return last;
}

/* That record; it must be there. Its texts live in the arena. */
static inline struct record rig_record(struct rig *rig, uint64_t seq, struct arena *arena)
{
    struct store_record stored;
    struct record record;
    CHECK(rig->store_port.get_record(rig->store_port.impl, seq, arena, &stored) == ERR_OK);
    CHECK(record_decode(stored.body, arena, &record) == ERR_OK);
    return record;
}

/* The first incident that has a stop in force; 0 = none. */
static inline uint64_t rig_incident(struct rig *rig)
{
    struct stop stops[4];
    struct arena arena;
    size_t count = 4;
    arena_init(&arena, 1 << 20);
    assert_int_equal(rig->port.stops(rig->port.impl, false, &arena, stops, &count), ERR_OK);
    arena_done(&arena);
    return count > 0 ? stops[0].incident : 0;
}
