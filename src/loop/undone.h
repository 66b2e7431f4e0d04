/* loop/undone.h - somebody is told of what ended and was not done.
 * Owns: what of each workflow nobody was told of yet (struct undone in its counters), and when it
 *   is told (undone.c).
 * Invariants:
 *   1. That somebody is to be told is durable with the end that it is about, and who was told with
 *      the first messages: a crash in between tells again, and never nobody.
 *   2. One message for all of a workflow that ended so, at most one an hour. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct arena;
struct engine;
struct entry;
struct journal;
struct record;
struct store_write;
struct view;

/* An action ended by this record: whom it names, and the row that goes with it. */
void engine_undone_end(struct engine *engine, const struct entry *entry, struct record *record,
                       struct arena *arena, struct store_write *write);
/* Tells what is to be told by now. */
void engine_run_undone(struct engine *engine);
MUST_USE enum err engine_load_undone(struct engine *engine);
/* "INV-2041:2, INV-2042:1, INV-2043:1 and 3997 more": what people know the actions of that incident
 * by. */
void engine_undone_add_names(struct engine *engine, const struct journal *journal, struct buf *out);
/* The same, and the command that lists all of them where they are not all named. */
void engine_undone_add_all(struct engine *engine, const struct journal *journal, struct buf *out);
/* The incident that told of an action of that workflow which ended then; 0: it is still to come. */
MUST_USE enum err engine_undone_incident(struct engine *engine, struct slice workflow,
                                         int64_t ended_unix_ms, uint64_t *out_incident);
/* Who was told of that action, as far as it is known. */
MUST_USE enum err engine_undone_told(struct engine *engine, struct arena *arena, struct view *view);
