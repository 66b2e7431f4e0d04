/* loop/clocks.h - the clock of the machine, beside the time that interlock counts (R29).
 * Owns: struct clocks (clocks.c): how far a run's time is from what the clock port tells, and what
 *   waits while the machine's clock is doubtful. core/wall.c says when it is.
 * Invariants:
 *   1. Stored time never goes back.
 *   2. While it is doubtful, nothing that was there before this start is started by a timer, and
 *      nothing of it expires.
 *   R6 how long ago something was sent is never taken for less than it may be. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "base/slice.h"

struct action;
struct alert;
struct buf;
struct engine;

struct clocks {
    int64_t shift_ms;       /* interlock's time is so far ahead of what the port tells */
    int64_t newest_unix_ms; /* of the records before this start; 0 = there are none */
    int64_t former_unix_ms; /* the last sign of life before it; 0 = none */
    int64_t lag_ms;         /* the machine's clock is so far ahead, as was confirmed */
    int64_t until_unix_ms;  /* what is due waits until then; 0 = it does not */
    int64_t unsure_unix_ms; /* how long ago what came before was sent is not known */
    int64_t down_ms;        /* before this start; -1 = nobody knows */
    bool is_recorded;       /* that it is off */
    int64_t told_ms;        /* by so much, when it was recorded */
};

/* Before anything else reads the time: from when on this run counts. */
MUST_USE enum err engine_load_clock(struct engine *engine);
/* At each beat: is it off, is it right again, has it been so for long enough? */
void engine_run_clock(struct engine *engine);
/* Somebody says that the machine's clock is right; its incident is closed by them. */
void engine_confirm_clock(struct engine *engine, struct slice actor);
/* What is wrong with it, in a sentence; nothing where it is right. */
void engine_add_clock(struct engine *engine, struct buf *out);
/* Does what was there before this start wait? */
bool engine_defers(const struct engine *engine);
/* Was this one there? */
bool engine_defers_action(const struct engine *engine, const struct action *action);
/* By the other reading of the clocks it was first sent so much earlier (R6). */
int64_t engine_late_ms(const struct engine *engine, const struct action *action);
/* How long ago that was, by the later reading while it is doubtful: of facts (R10). */
int64_t engine_age_ms(const struct engine *engine, int64_t since_unix_ms);
