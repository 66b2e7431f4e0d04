/* loop/drains.h - after a restart: what the stop held leaves, and how fast (R19).
 * Owns: struct drain: the pace of a workflow (drains.c), and how far its queue has left, for each
 *   upstream by itself (drain_queues.c).
 * Invariants:
 *   1. The queue gets at most half of the pace, live starts go first. The pace is that of the
 * minute before the stop, or of the ramp's last stage where that is more, taken as at least
 *      RATE_LEAST; `drain: at most N/s` of its upstreams stands in its place.
 *   2. No workflow waits for the queue of another one, and what goes to one upstream does not wait
 *      for what another one does not take now, but behind an older one of its order key (R11).
 *   3. Memory holds cursors, never the queue (R30). A look costs a few reads of the store, however
 *      much is held. */
#pragma once
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"
#include "core/rate.h"

struct action;
struct action_effects;
struct engine;
struct entry;
struct stop;
struct workflow_state;

/* What of it goes to one upstream. */
struct drain_queue {
    char upstream[LIMIT_NAME + 1]; /* empty: to none */
    uint64_t after_id;             /* up to here each was looked at */
    uint64_t next_id;              /* the next one, as it was read; 0 = not read */
    uint64_t kept;                 /* of those looked at, how many some stop still holds */
    uint64_t passed;               /* and how many wait for an older one of their order key */
    uint64_t passed_after_id;      /* the first of them is behind this one */
    uint64_t passed_kept;          /* what was kept up to there */
    bool is_over;                  /* nothing is behind after_id */
};

struct drain {
    struct rate rate;     /* while it is off: the meter of the starts */
    int64_t former_milli; /* the pace before the stop */
    uint64_t held;        /* open actions that wait for a restart, or for their turn after it */
    bool is_on;
    struct drain_queue *queues; /* of each upstream that something held goes to */
    size_t queue_count;
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
/* An action of an order key is over, and the oldest behind it is this one: it is not passed over
 * any more. NULL: whoever was passed over is looked at again. */
void engine_drains_freed(struct engine *engine, const struct entry *entry);
/* It was held by a stop that is lifted, and its turn has not come. */
bool engine_drain_leaves(const struct engine *engine, const struct entry *entry);
/* Does it wait for a restart? */
bool drain_holds(const struct action *action);
/* How many leave, and how many a second (in thousandths); 0 = none does. */
uint64_t drain_left(const struct drain *drain);
int64_t drain_milli(struct engine *engine, struct drain *drain);
/* The paces of the last run. */
void engine_load_drains(struct engine *engine);

/* ---- drain_queues.c ---- */
/* Something held goes to that upstream: it has a queue from now on. */
MUST_USE enum err drain_queue_add(struct drain *drain, struct slice upstream);
struct drain_queue *drain_queue_of(struct drain *drain, struct slice upstream);
/* From its oldest again. */
void drain_queue_begin(struct drain_queue *queue);
/* The queue whose next is the oldest of all that their upstream takes now; NULL: there is none.
 * out_is_blocked: some upstream takes nothing now. */
struct drain_queue *drain_oldest(struct engine *engine, struct workflow_state *workflow,
                                 bool *out_is_blocked);
/* The next of it was looked at. */
void drain_queue_looked(struct drain_queue *queue);
/* It waits for an older one, and those behind it do not wait for it. */
void drain_queue_pass(struct drain_queue *queue);
/* From the first that was passed over again; false: none was. */
bool drain_queue_return(struct drain_queue *queue);
void drain_done(struct drain *drain);
