/* record/incident_words.h - the clauses that the page of an incident and its report share.
 * Owns: nothing; each adds to a text.
 * Invariants: those of incident_view.h. */
#pragma once
#include "record/incident_view.h"

enum { INCIDENT_LONG = 2000 }; /* bytes of what somebody said */

void incident_add_at(struct buf *out, const struct incident_view *view, int64_t at_unix_ms);
void incident_add_person(struct buf *out, const struct incident_view *view, struct slice name);
void incident_add_count(struct buf *out, uint64_t count, const char *one, const char *many);
const char *incident_kind_words(const struct incident_view *view);
void incident_add_why(struct buf *out, const struct incident_view *view, size_t max);
void incident_add_impact(struct buf *out, const struct incident_view *view);
void incident_add_change(struct buf *out, const struct incident_view *view,
                         const struct incident_change *change);
void incident_add_changed_by(struct buf *out, const struct incident_view *view);
void incident_add_answer(struct buf *out, const struct incident_view *view);
void incident_add_informing(struct buf *out, const struct incident_view *view);
void incident_add_end_words(struct buf *out, const struct incident_view *view);
