/* core/ramp.h - how work starts again after an approved restart, a little at a time (R19).
 * Owns: the stage, what it counts, and who may start in it. The stages are the policy's `ramp:`.
 * Invariants:
 *   1. A count stage has at most one start under way, at most its number of starts, and passes only
 *      when that many have ended ok. One that ends otherwise makes the ramp stuck: nothing more
 *      starts until a person restarts anew or stops.
 *   2. A share stage lets the same actions start however often they ask: the draw is the action's.
 *   3. A share stage passes when RAMP_SHARE_MS have passed and RAMP_SHARE_ENDED have ended, none
 *      of them uncertain. Time alone passes nothing.
 *   4. The safe queue takes part only when all may start. */
#pragma once
#include "policy/types.h"

enum {
    RAMP_SHARE_MS = 5 * 60 * 1000,
    RAMP_SHARE_ENDED = 20,
    RAMP_DUE_MS = 24 * 3600 * 1000 /* `stage_due` of what is wider than a workflow */
};

struct ramp_state {
    size_t stage;              /* index into the stages; stage_count = over, all may start */
    int64_t since_unix_ms;     /* of the stage */
    int64_t progress_unix_ms;  /* of the last start or end in it */
    int64_t started, ended_ok; /* in this stage */
    int64_t ended_otherwise;   /* known not to have happened */
    int64_t uncertain;
    uint64_t under_way;    /* count stage: the action that started and has not ended; 0 = none */
    bool is_stuck;         /* a person must act */
    uint64_t stuck_action; /* the one that made it so; 0 = too few ended in the time of a stage */
};

struct ramp_start {
    uint64_t action;
    uint64_t draw;       /* HMAC(incident, action): spread evenly over 64 bits */
    bool is_first_start; /* a retry belongs to the start that it repeats */
    bool is_backlog;     /* out of the safe queue */
};

enum ramp_ended { RAMP_UNCERTAIN, RAMP_OTHERWISE, RAMP_OK };

struct ramp_effects {
    bool is_changed; /* save it */
    bool is_passed;  /* a new stage, or over */
    bool is_over;
    bool is_stuck; /* since this event */
};

void ramp_begin(struct ramp_state *state, int64_t now_unix_ms);
/* People have approved a restart of a ramp that is stuck: one that lacked only traffic passes its
 * stage, by their word; another one begins anew. */
void ramp_begin_again(struct ramp_state *state, int64_t now_unix_ms);
bool ramp_is_over(const struct ramp_state *state, const struct ramp *ramp);
/* May this start happen now? Asked again at each start; changes nothing. */
bool ramp_may_start(const struct ramp_state *state, const struct ramp *ramp,
                    const struct ramp_start *start);
void ramp_started(struct ramp_state *state, const struct ramp *ramp, const struct ramp_start *start,
                  int64_t now_unix_ms);
/* An action that started in this ramp has ended, or is uncertain. */
void ramp_ended(struct ramp_state *state, const struct ramp *ramp, uint64_t action,
                enum ramp_ended ended, int64_t now_unix_ms, struct ramp_effects *out_effects);
/* Time has passed: a share stage may be ripe, or nothing has moved for stage_due_ms. */
void ramp_tick(struct ramp_state *state, const struct ramp *ramp, int64_t stage_due_ms,
               int64_t now_unix_ms, struct ramp_effects *out_effects);
/* When ramp_tick is worth calling; 0 = not by time. */
int64_t ramp_due_unix_ms(const struct ramp_state *state, const struct ramp *ramp,
                         int64_t stage_due_ms);
