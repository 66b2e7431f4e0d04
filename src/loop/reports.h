/* loop/reports.h - scheduled reports to the people who answer for a workflow (`report:`).
 * Owns: up to when each workflow was reported, as a row of STORE_META (reports.c).
 * Invariants:
 *   1. Each is sent once for each day, week or month, over crashes; what was due while interlock
 *      was down is sent once.
 *   2. A report never rings a pager. */
#pragma once

struct engine;

/* Sends what is due. */
void engine_run_reports(struct engine *engine);
