/* serve_suspects.h - which action was in work when a bug ended the process (R27).
 * Owns: the file `suspects` beside the store: a line with an action's id for each such end,
 *   written by the handler of SIGABRT. An action that stands there twice is taken to a person at
 *   the next start.
 * Invariants:
 *   1. The handler does only what a signal handler may. */
#pragma once
#include "base/slice.h"
#include "loop/engine.h"

enum { SUSPECTS_MAX = 64 };

/* The ids that stand in FOLDER/suspects at least twice; at most SUSPECTS_MAX. */
size_t serve_suspects_read(struct slice folder, uint64_t out_ids[SUSPECTS_MAX]);
/* From now on a bug writes down what it was about. engine NULL: no more. */
void serve_suspects_watch(struct slice folder, const struct engine *engine);
/* The start went well with those quarantined: the file begins anew. */
void serve_suspects_forget(struct slice folder);
