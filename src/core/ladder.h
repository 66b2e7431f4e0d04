/* core/ladder.h - who is told next about one thing that somebody must answer for, until somebody
 * does.
 * Owns: the rungs of the escalation, and when each is reached. The thing may be an incident,
 *   work past its due time, or a write of which nobody knows whether it happened: the ladder
 *   knows no difference.
 * Rungs (policy.md, `ack_within`): 1 the owner's first member who is there, at once; 2 its other
 * members; 3 `restart` and `inform`; 4 to 6 all of these again; 7 admins; 8 nobody is left: all are
 * told, it is said loudly, and again each hour.
 * Invariants:
 *   1. An open ladder that is not closed has a next time, always.
 *   2. What was missed (interlock was down, a rung had nobody, all of its messages failed for
 *      good) is made up for in one step: the levels that were passed over are told once,
 *      together (R29).
 *   3. The times are those of the ladder's birth: a reload changes none of them.
 *   4. An acknowledgement holds for LADDER_HOLD_MS; then the ladder begins anew, unless it is
 *      closed. A closed one never moves again. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Zero is the careful one: it goes on telling. */
enum ladder_state { LADDER_RUNNING, LADDER_ACKNOWLEDGED, LADDER_CLOSED };

/* A set of levels. */
enum ladder_level {
    LADDER_FIRST = 1,  /* the owner's first member who is there */
    LADDER_OWNERS = 2, /* the other members */
    LADDER_DUTIES = 4, /* `restart` and `inform` */
    LADDER_ADMINS = 8
};

enum {
    LADDER_RUNG_REPEAT = 4,
    LADDER_RUNG_ADMINS = 7,
    LADDER_RUNG_NOBODY = 8,
    LADDER_HOLD_MS = 30 * 60 * 1000,
    LADDER_AGAIN_MS = 60 * 60 * 1000 /* past the last rung */
};

/* `ack_within`: level 2 and level 3, counted from the opening. */
struct ladder_times {
    int64_t level_2_ms, level_3_ms;
};

struct ladder {
    enum ladder_state state;
    uint8_t rung;        /* the last one that was told; 0 = none */
    uint32_t rounds;     /* how often it began anew */
    uint32_t told, lost; /* messages of this rung; of them, failed for good */
    struct ladder_times times;
    int64_t opened_unix_ms, next_unix_ms, acknowledged_unix_ms, closed_unix_ms;
};

enum ladder_event_kind {
    LADDER_OPEN,
    LADDER_TIMER,
    LADDER_TOLD, /* `count` messages of `rung` were made */
    LADDER_LOST, /* one message of `rung` failed for good */
    LADDER_ACK,
    LADDER_CLOSE
};
struct ladder_event {
    enum ladder_event_kind kind;
    int64_t now_unix_ms;
    struct ladder_times times; /* OPEN */
    uint8_t rung;              /* TOLD, LOST */
    uint32_t count;            /* TOLD */
};

struct ladder_effects {
    bool is_changed;
    unsigned levels;       /* whom to tell now: enum ladder_level; 0 = nobody */
    bool is_loud;          /* nobody is left: say it where it is seen */
    bool is_new_round;     /* the acknowledgement has run out */
    bool must_acknowledge; /* receivers that keep a state are told that somebody answers */
    bool must_recover;     /* all who were told are told that it is over */
};

void ladder_step(struct ladder *ladder, const struct ladder_event *event,
                 struct ladder_effects *out_effects);
/* Nobody answers, and nobody is left to tell. */
bool ladder_is_loud(const struct ladder *ladder);

/* ---- one message ---- */

enum { LADDER_TRIES = 5 };
/* How long to wait before the next try after `tries` of them; -1: it has failed for good. */
int64_t ladder_retry_ms(uint32_t tries);
