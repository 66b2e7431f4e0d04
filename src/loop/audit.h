/* loop/audit.h - audits that the draw opens, labels, and what both say together.
 * Owns: which audits are open (audit.c).
 * Invariants:
 *   R21 an open audit is in the inbox until its label.
 *   1. An audit is opened in the write that ends its action, closed in the write of its label. */
#pragma once
#include "port/engine.h"
#include "port/store.h"
#include "record/label_row.h"

struct arena;
struct engine;
struct entry;
struct record;
struct step_note;
struct workflow_state;

struct audit_rows {
    struct store_row rows[2];
    size_t count;
    unsigned char label_key[LABEL_ROW_KEY], audit_key[AUDIT_ROW_KEY];
};
/* The audit that the end of this action opens; false = none. */
bool engine_audit_open(struct engine *engine, const struct entry *entry, struct label_row *out);
/* What goes with the record engine->seq; the rows point into out and into the engine. */
void engine_audit_rows(struct engine *engine, struct entry *entry, const struct step_note *note,
                       struct record *record, struct audit_rows *out);
/* One more (1) or one less (-1) is open. due_unix_ms: of one that opens, else 0. */
void engine_audit_count(struct engine *engine, struct workflow_state *workflow, int change,
                        int64_t due_unix_ms);
/* ENGINE_LABEL; false: refused, and told. */
bool engine_label(struct engine *engine, const struct engine_call *call, struct entry *entry);
/* Closes a page of those whose label would not count any more. */
void engine_run_audits(struct engine *engine);
/* The start: how many are open, and when the first is past due. */
MUST_USE enum err engine_recover_audits(struct engine *engine);
/* Those of the port. */
enum err engine_label_of(void *impl, uint64_t action, struct arena *arena, struct label_row *out);

/* Open audits after that place, in the order of the inbox. *inout_count: capacity. */
struct audit_place {
    int64_t due_unix_ms;
    uint64_t action;
};
MUST_USE enum err engine_audits(struct engine *engine, struct audit_place after,
                                struct slice workflow, struct audit_place *out,
                                size_t *inout_count);
enum err engine_label_sums(void *impl, int64_t since_unix_ms, label_sum_fn *each, void *arg);
