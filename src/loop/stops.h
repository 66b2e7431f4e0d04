/* loop/stops.h - stop, receipt, lift.
 * Owns: the stops in force, and their rows (stops.c); how they are read, and how they come back at
 *   a start (stop_reads.c).
 * Invariants:
 *   I6  a stop counts in memory before anything else, and is durable before it is acknowledged.
 *   I7  what the store holds is in force before anything else after a start. */
#pragma once
#include "core/switchboard.h"
#include "loop/steps.h"
#include "port/engine.h"

struct arena;
struct engine;

/* ---- stops.c ---- */
void engine_port_stops(struct engine_port *port);
/* Puts a stop in force, and saves it. acknowledge: what follows when it is durable (its id is
 * filled in), or NULL. NULL: LIMIT_STOPS. The pointer is good until the next stop. */
const struct stop *engine_stop(struct engine *engine, struct slice by,
                               const struct stop_order *order, const struct pending *acknowledge);
/* An attempt ended, and that is durable: the receipts that waited for it move. */
void engine_receipts(struct engine *engine, const struct pending *pending);
/* Of each stop that waits for nothing any more: the record STOPPED, once. */
void engine_close_receipts(struct engine *engine);
/* Its first stop in force; else one that is lifted; NULL: none that is in memory. */
struct stop *engine_incident_stop(struct engine *engine, uint64_t incident);

/* All stops of an incident change alike, in one unit with the record `about` it. LIFTED also closes
 * the incident, and counts when it is durable; the others count at once. */
struct stops_change {
    uint64_t incident;
    enum stops_to { STOPS_BOUND, STOPS_RAMPING, STOPS_LIFTED } to;
    bool is_approval;
    struct slice actor, reason;
    const struct control *about;
};
void engine_change_stops(struct engine *engine, const struct stops_change *change,
                         const struct pending *pending);
/* Takes a caution back, with a record of its own in the same unit (or NULL). */
void engine_lift_caution(struct engine *engine, uint64_t stop, struct slice by,
                         const struct control *with);

/* For calls that nobody waits for. */
void engine_ignore(void *arg, const struct engine_reply *reply);

/* ---- stop_reads.c ---- */
void engine_port_stop_reads(struct engine_port *port);
/* In force, lifted, or long gone; NULL: there is none, or the store cannot tell. */
const struct stop *engine_read_stop(struct engine *engine, uint64_t id, struct arena *arena);
/* The newest stop that covered what is there at that time, read from the store only where
 * with_lifted; NULL: there is none, or the store cannot tell. */
const struct stop *engine_stop_at(struct engine *engine, const struct scope *at, int64_t unix_ms,
                                  bool with_lifted, struct arena *arena);
/* What was in force when the last run ended is in force again. */
MUST_USE enum err engine_load_stops(struct engine *engine);
