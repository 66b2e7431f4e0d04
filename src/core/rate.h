/* core/rate.h - how fast one upstream is called while it recovers (AIMD), and how fast it was.
 * Owns: the rate. Rates are in thousandths of a start a second.
 * Invariants:
 *   1. After an outage: a tenth of the former rate, one call at a time, for RATE_STEP_MS; then a
 *      tenth more each RATE_STEP_MS with < 5 % failures; halved at a failure, never below a tenth.
 *   2. Live starts go first. The queue gets what they leave, and half of the rate at most; after a
 *      restart a tenth of it whatever they leave, or steady live work would hold it for ever.
 *   3. The former rate is taken as at least RATE_LEAST, `drain: at most N/s` in its place. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    RATE_STEP_MS = 5000,
    RATE_SLOTS = 12,  /* of RATE_STEP_MS: a minute of starts */
    RATE_LEAST = 5000 /* 5/s */
};

struct rate {
    bool is_on;         /* something drains, or an outage has just ended */
    bool limits_live;   /* an outage has ended: live starts are paced until the rate is full */
    bool has_tenth;     /* the queue has its tenth */
    int64_t full_milli; /* what it rises to */
    int64_t rate_milli; /* now */
    int64_t step_unix_ms, tokens_unix_ms;
    int64_t tokens_micro, held_tokens_micro; /* millionths of a start */
    int64_t least_micro;                     /* of the queue's tenth */
    int starts, failures;                    /* in this step */
    bool is_halved;                          /* in this step */
    int64_t slot_unix_ms; /* the newest slot of the meter; 0 = nothing was seen */
    int slots_seen;       /* how many of them mean something */
    uint32_t slots[RATE_SLOTS];
};

/* Counts a start for the former rate; not while it is paced. */
void rate_count(struct rate *rate, int64_t now_unix_ms);
/* The rate of the last minute. */
int64_t rate_measure(struct rate *rate, int64_t now_unix_ms);
/* The rate rises from a tenth of full_milli. */
void rate_begin(struct rate *rate, int64_t full_milli, bool limits_live, int64_t now_unix_ms);
/* After a restart: at full_milli at once, as its ramp has risen already; live is not limited. */
void rate_begin_restarted(struct rate *rate, int64_t full_milli, int64_t now_unix_ms);
void rate_end(struct rate *rate);
/* Time passes. */
void rate_pass(struct rate *rate, int64_t now_unix_ms);
bool rate_is_full(const struct rate *rate);
/* May one more leave, with under_way calls under way? */
bool rate_lets_live(const struct rate *rate, int under_way);
bool rate_lets_held(const struct rate *rate, int under_way);
void rate_started(struct rate *rate, bool is_held);
void rate_failed(struct rate *rate);
/* What the queue may have of it now, beside so many live starts in a second. */
int64_t rate_held_milli(const struct rate *rate, int64_t live_milli);
/* How long until a start may be let, at least 1; under_way calls may hold it longer. */
int64_t rate_wait_ms(const struct rate *rate, bool is_held);
/* The same as a time, wait_ms after the last look at it: what else happens meanwhile does not put
 * it off. After now. */
int64_t rate_look_unix_ms(const struct rate *rate, int64_t wait_ms, int64_t now_unix_ms);
