/* server/front.h - what all connections of one server share.
 * Owns: lanes, deadlines, the list of connections with something to do, spare exchanges,
 *   counters, the cached date, and the one buffer that all sockets are read into.
 * Invariants:
 *   1. A connection that was woken has its turn (connection_take_turn) once before the loop waits
 *      again, in whatever phase of the loop it was woken: an idle handle is active until then,
 *      which makes the next poll return at once. So all answers of one turn leave in one write.
 *   2. The read buffer is used only within one read callback.
 * Threads: the loop thread. */
#pragma once
#include "server/deadlines.h"
#include "server/lanes.h"

enum { FRONT_READ_SIZE = 64 * 1024, FRONT_DATE_SIZE = 32 };

struct front_counts {
    uint64_t accepted; /* connections */
    uint64_t requests; /* handed to the handler */
    uint64_t refused;  /* by the server itself, for their form, size or pace */
    uint64_t busy;     /* by the server itself, for want of room */
};

struct front {
    uv_loop_t *loop;
    struct door_handler handler;
    struct server_bounds bounds;
    struct lanes lanes;
    struct deadlines deadlines;
    uv_idle_t turn;
    struct list woken;       /* connections */
    struct list connections; /* those that are not closing */
    size_t connection_count; /* those that are not closed, too */
    struct list running;     /* exchanges that the handler holds */
    struct list spare;       /* exchanges */
    size_t spare_count;
    bool is_draining; /* no new requests; each connection ends when it owes nothing */
    struct front_counts counts;
    void (*take_turn)(struct list *woken); /* connection_take_turn */
    void (*on_seat_free)(struct front *front);
    void (*on_closed)(struct front *front); /* a connection has gone, or a handle of the front's */
    size_t handle_count;                    /* of the front's own, not closed */
    int64_t date_s;
    char date[FRONT_DATE_SIZE];
    size_t date_size;
    char read_buffer[FRONT_READ_SIZE];
};

/* What is zero or set by the caller before: loop, handler, bounds, the functions. */
void front_init(struct front *front, deadline_due_fn *on_due);
/* Begins to close the front's own handles; no connection may be open or woken. */
void front_close(struct front *front);
/* Frees the spare exchanges and lets go of those that the handler still holds. All is closed. */
void front_done(struct front *front);
/* Invariant 1. `woken` is the node of a connection, linked or not. */
void front_wake(struct front *front, struct list *woken);
/* The value of a Date header for now. */
struct slice front_date(struct front *front);
