/* loop/views.h - reads: an action with all that is known of it, lists, the inbox.
 * Owns: what one read sees (views.c), and the order of the inbox (inbox.c).
 * Invariants:
 *   1.  Nothing is changed by a read.
 *   R30 a read returns a page, never the backlog. */
#pragma once
#include "port/engine.h"

struct arena;
struct engine;
struct entry;
struct view;

/* ---- views.c ---- */
/* The action as it is, without history: what it needs is copied into the arena. */
MUST_USE enum err engine_fill_view(struct engine *engine, struct entry *entry, struct arena *arena,
                                   struct view *out);
/* Key and run as they may be shown; of what was admitted before its fields were masked, also what
 * was stored to be shown. */
void engine_view_mask(struct arena *arena, struct view *view);
/* The same, to answer with: where people had a word its newest records too, for their names. */
MUST_USE enum err engine_fill_answer(struct engine *engine, struct entry *entry,
                                     struct arena *arena, struct view *out);
/* The newest records of it, at most that many. */
MUST_USE enum err engine_fill_history(struct engine *engine, const struct entry *entry, size_t max,
                                      struct arena *arena, struct view *out);
enum err engine_view(void *impl, uint64_t id, bool with_history, struct arena *arena,
                     struct view *out);
void engine_port_reads(struct engine_port *port);

/* ---- evidence.c ---- */
enum err engine_evidence(void *impl, const struct engine_evidence_query *query, struct arena *arena,
                         struct evidence *out);

/* ---- inbox.c ---- */
enum err engine_inbox(void *impl, const struct engine_inbox_query *query, struct arena *arena,
                      struct inbox_item *out_items, struct engine_inbox_page *out_page);
