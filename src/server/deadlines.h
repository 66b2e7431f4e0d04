/* server/deadlines.h - what may last how long, for many connections, with one timer.
 * Owns: one queue for each kind. All of a kind last equally long, so a queue is in order by
 *   itself, and setting or clearing one costs a few pointers.
 * Invariants:
 *   1. A deadline is in at most one queue; kind says which.
 *   2. The timer fires no later than the earliest deadline; it may fire with nothing due.
 * Threads: the loop thread. */
#pragma once
#include <uv.h>

#include "base/list.h"
#include "server/bounds.h"

enum deadline_kind {
    DEADLINE_NONE,
    DEADLINE_IDLE,    /* nothing is under way */
    DEADLINE_SLOW,    /* a request has begun and is not whole */
    DEADLINE_RESERVE, /* on a seat of the reserve: from the beginning until its request is whole */
    DEADLINE_GONE,    /* the peer has ended its side; answers are owed */
    DEADLINE_LINGER,  /* all is said; what still comes is thrown away */
    DEADLINE_UNREAD,  /* the peer does not read */
    DEADLINE_COUNT
};

struct deadline {
    struct list node;
    enum deadline_kind kind;
    uint64_t at_ms; /* by uv_now */
};

/* The deadline is DEADLINE_NONE again; `kind` is what it was. */
typedef void deadline_due_fn(struct deadline *deadline, enum deadline_kind kind);

struct deadlines {
    uv_timer_t timer;
    struct list queues[DEADLINE_COUNT];
    uint64_t after_ms[DEADLINE_COUNT];
    uint64_t armed_ms; /* UINT64_MAX = not armed */
    deadline_due_fn *on_due;
};

void deadlines_init(struct deadlines *deadlines, uv_loop_t *loop,
                    const struct server_bounds *bounds, deadline_due_fn *on_due);
/* No deadline is set any more. `on_closed` gets &deadlines->timer. */
void deadlines_close(struct deadlines *deadlines, uv_close_cb on_closed);

void deadline_init(struct deadline *deadline);
/* From now on, whatever it was before. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind);
void deadline_clear(struct deadline *deadline);
/* The one that is idle the longest, if for that long; else NULL. */
struct deadline *deadlines_longest_idle(struct deadlines *deadlines, uint64_t at_least_ms);
