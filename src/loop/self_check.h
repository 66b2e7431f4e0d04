/* loop/self_check.h - is a stop possible? Tried at intervals with one that binds nothing.
 * Owns: struct self_check: the trial stop, and what came of it (self_check.c).
 * Invariants:
 *   1. The trial stop meets no action, shows in no list, and takes no place from a real stop. */
#pragma once
#include "core/switchboard.h"
#include "port/engine.h"
#include "record/notice.h"

struct arena;
struct engine;

/* The stop path, as it was tried last. */
struct self_check {
    struct stop trial; /* the one that was written last */
    bool is_waiting;   /* it is on the way to the store */
    bool is_tried, is_good, is_told_bad;
    int64_t asked_unix_ms, tried_unix_ms, next_unix_ms;
    char what[LIMIT_NOTICE_WHAT]; /* why it does not work */
};

/* Tries the stop path when it is time. */
void engine_run_self_check(struct engine *engine);
/* What is known of it now; its words live in the arena. */
struct stop_check engine_view_self_check(const struct engine *engine, struct arena *arena);
