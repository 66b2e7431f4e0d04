/* core/wall.h - at a start: from which time on a run counts, and whether the clock of the machine
 * is to be believed.
 * Owns: the comparison of the last sign of life with two clocks: the machine's, which anything may
 *   set, and the boot clock, which nothing sets and which ends with the boot (R29).
 * Invariants:
 *   1. A run never begins before what is stored.
 *   2. Within one boot the time that has passed is what the boot clock says; what the machine's
 *      clock says differently is not believed before somebody, or WALL_CONFIRM_MS, confirms it.
 *   R6 how long ago something was sent is never taken for less than it may be. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    WALL_BOOT = 16,
    WALL_STEP_MS = 60 * 1000,        /* less is drift and its correction */
    WALL_CONFIRM_MS = 10 * 60 * 1000 /* a clock that stays so is taken for right */
};
/* Across a boot: a machine that was off for longer is rare, and waits WALL_CONFIRM_MS once; an
 * empty battery, a year that is wrong, are none of a week. */
#define WALL_DOWN_MS (7LL * 24 * 3600 * 1000)
/* Later than all that was ever sent may be recognised. */
#define WALL_LATE_MS (INT64_MAX / 4)

struct wall_boot {
    bool is_known;
    unsigned char id[WALL_BOOT]; /* of this boot of the machine */
    int64_t ms;                  /* since it */
};

/* The last sign of life, as it is stored. */
struct wall_sign {
    int64_t at_unix_ms; /* interlock's time then; 0 = there is none */
    struct wall_boot boot;
    int64_t lag_ms;        /* so far the machine's clock was ahead then, as was confirmed */
    int64_t until_unix_ms; /* what is due waited until then; 0 = it did not */
    /* Of what was first sent before, nobody knows how long ago that was; 0 = of nothing. */
    int64_t unsure_unix_ms;
};

struct wall_now {
    int64_t wall_unix_ms; /* the machine's clock */
    struct wall_boot boot;
    int64_t newest_unix_ms; /* of all records; 0 = there is none */
};

struct wall_start {
    int64_t at_unix_ms; /* the run begins then */
    int64_t step_ms;    /* the machine's clock is so far ahead of that; negative: behind */
    int64_t lag_ms;     /* of that, what is confirmed */
    bool is_doubtful;   /* it is not: what is due waits */
    int64_t down_ms;    /* how long no sign of life came; -1 = nobody knows */
    int64_t unsure_unix_ms;
};
void wall_begin(const struct wall_sign *sign, const struct wall_now *now, struct wall_start *out);

/* Is a difference of the clocks more than drift, and not the one that is confirmed? */
static inline bool wall_is_off(int64_t step_ms)
{
    return step_ms > WALL_STEP_MS || step_ms < -WALL_STEP_MS;
}
static inline bool wall_is_news(int64_t step_ms, int64_t lag_ms)
{
    return wall_is_off(step_ms) && wall_is_off(step_ms - lag_ms);
}
