/* loop/drains.h - after a restart: what the stop held leaves, and how fast (R19).
 * Owns: struct drain: the pace of a workflow, and how far its queue has left (drains.c).
 * Invariants:
 *   1. The queue gets at most half of the pace, live starts go first. The pace is that of the
 * minute before the stop, or of the ramp's last stage where that is more, taken as at least
 *      RATE_LEAST; `drain: at most N/s` of its upstreams stands in its place.
 *   2. No workflow waits for the queue of another one.
 *   3. Memory holds a cursor, never the queue (R30). */
#pragma once
#include "base/err.h"
#include "core/rate.h"

struct action;
struct action_effects;
struct engine;
struct entry;
struct stop;
struct workflow_state;

struct drain {
    struct rate rate;     /* while it is off: the meter of the starts */
    int64_t former_milli; /* the pace before the stop */
    uint64_t held;        /* open actions that wait for a restart, or for their turn after it */
    bool is_on;
    uint64_t after_id; /* up to here each was looked at */
    uint64_t kept;     /* of those, how many some stop still holds */
};

/* A stop is in force: from now on the pace is none. */
void engine_drains_stopped(struct engine *engine, const struct stop *stop);
/* The ramp of that stop is at its end: so fast it went in its last stage. */
void engine_drains_ramped(struct engine *engine, const struct stop *stop);
/* Some stop is lifted, or may have been just before a crash. */
void engine_drains_begin(struct engine *engine);
/* Lets those go that no stop covers any more, oldest first, as pace and room allow. */
void engine_run_drains(struct engine *engine);
/* When that is worth calling; 0 = nothing leaves. */
int64_t engine_drains_due_unix_ms(const struct engine *engine);
/* What one event of an action means for the pace. */
void engine_drains_after(struct engine *engine, const struct entry *entry,
                         const struct action_effects *effects);
/* Held for a stop that was lifted while the save was on its way: it must not be overlooked. */
void engine_drains_saved(struct engine *engine, const struct entry *entry);
/* It was held by a stop that is lifted, and its turn has not come. */
bool engine_drain_leaves(const struct engine *engine, const struct entry *entry);
/* Does it wait for a restart? */
bool drain_holds(const struct action *action);
/* How many leave, and how many a second (in thousandths); 0 = none does. */
uint64_t drain_left(const struct drain *drain);
int64_t drain_milli(struct engine *engine, struct drain *drain);
/* The paces of the last run. */
void engine_load_drains(struct engine *engine);
