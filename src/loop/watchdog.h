/* loop/watchdog.h - who notices when interlock is down: pings out, and signs of life in the store.
 * Owns: struct life (watchdog.c).
 * Invariants:
 *   R29 the time without a sign of life is told after a start. */
#pragma once
#include "base/check.h"
#include "record/notice.h"

struct engine;

/* Who notices when interlock is down. */
struct life {
    bool is_asking, was_asked, is_good; /* the last ping */
    int64_t asked_unix_ms, next_unix_ms;
    char what[LIMIT_NOTICE_WHAT];
    int64_t sign_unix_ms; /* the last sign of life in the store */
    int64_t down_ms;      /* how long interlock was not running before this start */
};

void engine_run_watchdog(struct engine *engine);
MUST_USE enum err engine_load_life(struct engine *engine);
/* So long no sign of life came before this start. */
void engine_tell_down(struct engine *engine, int64_t down_ms);
/* The end is a sign of life, too. */
void engine_save_life(struct engine *engine);
