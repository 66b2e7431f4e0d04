/* loop/engine.h - the running gate: feeds events to the core and carries out what it says.
 * Owns: the actions in memory, the order of writes, the stops in force, the pace of each upstream.
 * Invariants (numbers of docs/invariants.md):
 *   I1  an attempt is handed to the upstream only in the callback of its saved start.
 *   I5  one key is one action: looked up in memory, then in the store, before it is admitted.
 *   I6  a stop counts in memory before anything else; every start asks again at the save's return
 *       and before the first byte.
 *   I9  a caller is answered only with what is durable; what cannot be stored is refused.
 *   1.  Memory holds what is under way; what waits longer sleeps in the store (R30).
 * The turn of the loop:
 *   1. requests, answers of upstreams, saves and the alarm arrive as calls, one after the other;
 *   2. each reads the clock once, moves one action by one event, and queues one write;
 *   3. the store makes all queued writes durable in their order;
 *   4. its callback sends what was started, and answers who waits.
 * Threads: the loop thread only. */
#pragma once
#include "loop/loaded.h"
#include "port/clock.h"
#include "port/engine.h"
#include "port/notify.h"
#include "port/upstream.h"
#include "record/zone.h"

struct engine;

/* Reads the configuration anew for a reload. NULL, with every problem as text, when it is bad. */
typedef struct loaded *engine_load_fn(void *arg, struct buf *out_problems);
/* Settings and report of a sandbox provider (upstream/sandbox.h); JSON in and out. */
typedef enum err engine_sandbox_fn(void *arg, struct slice upstream, struct slice settings_json,
                                   struct buf *out_report_json);

struct engine_options {
    struct store_port store;
    struct upstream_port upstream;
    struct notify_port notify; /* send NULL: no message can be delivered */
    struct clock_port clock;
    struct loaded *loaded; /* taken over */
    unsigned char installation_key[32];
    uint64_t run_epoch; /* of this opening of the store (R27) */
    struct slice place; /* machine and folder of the store; read while engine_new runs */
    /* Actions whose events ended the process twice (R27); read at start. */
    const uint64_t *suspects;
    size_t suspect_count;
    bool is_copy;            /* the store is a backup or a clone: everything starts stopped */
    struct slice flag;       /* a warning to show in readyz, or empty; copied */
    const struct zone *zone; /* local time of what is told to people; NULL: UTC. Outlives it */
    engine_load_fn *load;
    engine_sandbox_fn *sandbox;
    void *arg;
};

/* Recovers what the store holds: stops first, then attempts that were open. NULL with a sentence in
 * out_message. */
struct engine *engine_new(const struct engine_options *options, struct buf *out_message);
/* Ends at once, as a crash would; nothing is lost. */
void engine_free(struct engine *engine);
void engine_as_port(struct engine *engine, struct engine_port *out_port);
/* The alarm has gone off. */
void engine_wake(struct engine *engine);
/* Every second or so: people are told, receivers are tried again, the watchdog is pinged. */
void engine_beat(struct engine *engine);
/* No new starts from here on. engine_is_idle: no attempt is under way and no write is queued. */
void engine_close(struct engine *engine);
bool engine_is_idle(const struct engine *engine);
/* The action whose event is being worked on, or 0: what a crash was about. Fit for a signal
 * handler. */
uint64_t engine_in_work(const struct engine *engine);
/* Once a turn: whoever waits for a stop that finds no room is told that it is not durable (R16). */
void engine_tell_full(struct engine *engine);
/* The store failed for good, or an invariant of it: the process should end. */
bool engine_has_failed(const struct engine *engine);
