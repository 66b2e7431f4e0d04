/* loop/stops.h - stop, receipt, incident, lift.
 * Owns: the stops in force, and their rows (stops.c).
 * Invariants:
 *   I6  a stop counts in memory before anything else, and is durable before it is acknowledged.
 *   I7  what the store holds is in force before anything else after a start. */
#pragma once
#include "core/switchboard.h"
#include "loop/steps.h"
#include "port/engine.h"

struct arena;
struct engine;

void engine_port_stops(struct engine_port *port);
/* Puts a stop in force, and saves it. acknowledge: what follows when it is durable (its id is
 * filled in), or NULL. NULL: LIMIT_STOPS. The pointer is good until the next stop. */
const struct stop *engine_stop(struct engine *engine, struct slice by,
                               const struct stop_order *order, const struct pending *acknowledge);
void engine_receipts(struct engine *engine, const struct pending *pending);
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

MUST_USE enum err engine_read_incident(struct engine *engine, uint64_t id, struct arena *arena,
                                       struct engine_incident *out);
const struct stop *engine_read_stop(struct engine *engine, uint64_t id, struct arena *arena);
/* What a person said with that record; or empty. */
struct slice engine_words(struct engine *engine, uint64_t seq, struct arena *arena);
/* Why it was stopped, as somebody said; or empty. */
struct slice engine_stop_reason(struct engine *engine, const struct stop *stop,
                                struct arena *arena);
MUST_USE enum err engine_load_stops(struct engine *engine);
/* For calls that nobody waits for. */
void engine_ignore(void *arg, const struct engine_reply *reply);
