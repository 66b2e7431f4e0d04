/* api/submit_lines.h - a submit whose body has many lines (application/x-ndjson).
 * Owns: which line got which answer.
 * Invariants:
 *   1. All lines are handed to the engine, or, of too many or none, not one. */
#pragma once
#include "api/call.h"

/* The headers of the call are good for each line. */
void submit_lines_post(struct call *call);
