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
/* Does somebody take care of it? Their word holds for a while only. */
static inline bool incident_is_answered(const struct incident_view *view)
{
    return view->has_ladder && view->ladder.ladder.state == LADDER_ACKNOWLEDGED;
}

/* ---- incident_do.c ---- */
enum { INCIDENT_COMMANDS = 6 };
struct incident_command {
    const char *verb, *rest, *what; /* "ack", "", "you take care of it" */
    uint64_t incident;              /* 0: the command names none */
};
/* What it waits for; returns how many. */
size_t incident_commands(const struct incident_view *view,
                         struct incident_command out[INCIDENT_COMMANDS]);
/* "interlock ack i_…" */
void incident_command_add(struct buf *out, const struct incident_command *command);

/* ---- incident_text.c, incident_report.c ---- */
/* Does it tell how it came to run again, or why it did not? */
bool incident_is_restart(const struct incident_entry *entry);
/* When it was over; 0 = it is not, or goes on as another. */
static inline int64_t incident_end(const struct incident_view *view)
{
    return view->is_open || view->journal.joined_into != 0 ? 0 : view->closed_unix_ms;
}
/* The incident that joined by this entry; 0 = it tells of none. */
uint64_t incident_joined_by(const struct incident_view *view, const struct incident_entry *entry);
void incident_add_end_words(struct buf *out, const struct incident_view *view);
