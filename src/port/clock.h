/* port/clock.h - time and randomness, the two things that the core may not fetch for itself.
 * Invariants:
 *   1. now_unix_ms never goes back within a run, and advances as the boot clock does. From which
 *      time on a run counts is the engine's (loop/clocks.h).
 *   2. One alarm: the last wake_at counts; 0 takes it back. The owner then calls engine_wake(). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/wall.h"

struct clock_port {
    void *impl;
    int64_t (*now_unix_ms)(void *impl);
    void (*random)(void *impl, void *out_bytes, size_t size); /* fit for tokens and salts */
    void (*wake_at)(void *impl, int64_t unix_ms);
    /* How far the machine's wall clock is ahead of the time told here (R29: within a run that
     * advances with the boot clock); NULL = never. */
    int64_t (*step_ms)(void *impl);
    /* Which boot of the machine this is, and how old it is; NULL = it cannot be told. */
    void (*boot)(void *impl, struct wall_boot *out);
};
