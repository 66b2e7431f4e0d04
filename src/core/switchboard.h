/* core/switchboard.h - every stop in force, and what it covers.
 * Owns: the stops, the epoch, the receipts.
 * Invariants:
 *   I6  from switchboard_stop() on, switchboard_covers() finds a stop for the scope until
 *       switchboard_lift() of that very stop.
 *   I7  a loaded stop counts at once; nothing but a lift removes one.
 *   1.  The epoch grows with each stop and never falls: a start whose gate saw an older epoch asks
 *       again before its first byte.
 *   2.  A receipt says stopped only when none of its in-flight attempts is under way: what had
 *       ended before the stop is none of them, whenever that becomes durable. */
#pragma once
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

/* Empty = any. Everything empty = everything. Of a place also the former names: a stop that names
 * one stays in force over a rename (R28). */
struct scope {
    struct slice workflow, step, upstream, risk;
    struct slices workflow_was, step_was;
    const struct let_in *let_in; /* of a place: an action that ramps let start; or NULL */
};
/* Incidents whose ramps let an action start: their stops do not bind it (R19). */
struct let_in {
    uint64_t incidents[LIMIT_RAMPS];
    size_t count;
};

/* Where a stop puts its scope. A position is a set of restrictions; what holds is the union over
 * all stops that cover an action (R17). Zero is the careful one (R27). */
enum position {
    POSITION_STOPPED,  /* nothing starts */
    POSITION_FALLBACK, /* the step's own call is not used by itself; the fallback is */
    POSITION_REVIEW,   /* a person approves each write */
    POSITION_CAUTION,  /* what is unsure, and a share of the rest, goes to people while they have
                          room */
    POSITION_RUNNING,
    POSITION_COUNT
};
enum restriction {
    RESTRICT_NONE = 0,
    RESTRICT_STARTS = 1,   /* of every route */
    RESTRICT_UPSTREAM = 2, /* an upstream is on fallback: no call of it, also not an approved one */
    RESTRICT_PRIMARY = 4,  /* the step's own call, unless a person let it go */
    RESTRICT_APPROVAL = 8, /* of a write, unless a person let it go */
    RESTRICT_CAUTION = 16
};

enum { STOP_STATES = 16 }; /* room for every enum action_state */

struct stop {
    uint64_t id;
    uint64_t incident;
    uint64_t epoch;                /* starts at or before it may be in flight */
    char names[4][LIMIT_NAME + 1]; /* workflow, step, upstream, risk; "" = any */
    char by[LIMIT_NAME + 1];
    enum position position;
    bool spares_started; /* of this run: a start at an older epoch may still be sent */
    bool is_lifted;
    bool is_lifting;       /* its restart is on the way to the store */
    bool is_ramping;       /* it binds only what the ramp of its incident does not let in */
    bool is_receipt_saved; /* the record STOPPED is written */
    int64_t at_unix_ms, stopped_at_unix_ms, lifted_at_unix_ms; /* 0 = not yet */
    int64_t lifting_at_unix_ms;  /* is_lifting: when its restart was asked for */
    uint32_t in_flight_at_start; /* attempts in its scope that were under way */
    uint32_t in_flight;          /* of them, still under way */
    uint32_t ended[STOP_STATES]; /* of them, where they went, by enum action_state */
    uint32_t held, refused;      /* since then */
    int64_t alone_ms;            /* `alone:` when it was made (R20); 0 = never */
    uint64_t words_seq; /* a further cause of its incident: the record with its own reason; 0 = that
                         * of the incident, or none */
};

struct switchboard {
    struct stop *stops; /* in force and lifted ones whose receipt is open; order of id */
    size_t stop_count, capacity;
    uint64_t epoch;
};

void switchboard_init(struct switchboard *board);
void switchboard_done(struct switchboard *board);
/* Adds a stop (copied; its epoch is set here). ERR_LIMIT past LIMIT_STOPS, ERR_NO_MEMORY. The
 * pointer is good until the next stop is added. */
MUST_USE enum err switchboard_stop(struct switchboard *board, const struct stop *stop,
                                   struct stop **out_stop);
/* The same for a stop that is put on trial: lifted stops are swept only where there is no room. */
MUST_USE enum err switchboard_try(struct switchboard *board, const struct stop *stop,
                                  struct stop **out_stop);
/* Ends the trial: that stop must be lifted, and nothing of it under way (CHECK). */
void switchboard_end_try(struct switchboard *board, uint64_t id);
struct stop *switchboard_find(struct switchboard *board, uint64_t id);
/* false when there is none, or it is lifted already. */
bool switchboard_lift(struct switchboard *board, uint64_t id, int64_t now_unix_ms);
/* What has started and not been sent asks again. */
void switchboard_ask_again(struct switchboard *board);
/* The first stop in force at `stopped` that covers a start there, or NULL. */
struct stop *switchboard_covers(const struct switchboard *board, const struct scope *at);
/* What all of them restrict there: enum restriction, or-ed. *out_stop: the first one of the most
 * restrictive kind; NULL = none. */
unsigned switchboard_restrictions(const struct switchboard *board, const struct scope *at,
                                  const struct stop **out_stop);

/* A start that a gate has let go. */
struct start_right {
    bool is_primary, is_read;
    bool is_persons; /* a person let it go */
    bool is_started; /* at that epoch: it is durable, and about to be sent */
    uint64_t epoch;
};
/* The first stop in force that forbids that start, or NULL. */
struct stop *switchboard_forbids(const struct switchboard *board, const struct scope *at,
                                 const struct start_right *right);
/* The first stop in force for which stored work waits (rather than taking a fallback), or NULL.
 * is_by_fallback: it waits because its fallback, taken at the position `fallback`, is a hold. */
struct stop *switchboard_holds(const struct switchboard *board, const struct scope *at,
                               bool is_by_fallback);
/* The position of the most restrictive one; POSITION_STOPPED also for none. */
enum position restriction_position(unsigned restrictions);
const char *position_name(enum position position);
bool position_parse(struct slice name, enum position *out_position);
bool scope_covers(const struct stop *stop, const struct scope *at);

/* An attempt that has ended, and where it left its action. */
struct attempt_end {
    uint64_t epoch_at_start, epoch_at_end; /* a stop between the two counts it */
    unsigned state;
    int64_t now_unix_ms;
};
/* The receipts of the stops that count it move. Returns how many became stopped by it (their
 * stopped_at is now). at: where the attempt was. */
size_t switchboard_attempt_ended(struct switchboard *board, const struct scope *at,
                                 const struct attempt_end *end);
