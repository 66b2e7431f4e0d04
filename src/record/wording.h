/* record/wording.h - how interlock speaks: verbs of each kind, words of each reason, safe lines.
 * Owns: every word about an action that people read, in one place (wording.c); the other forms
 *   only put them together.
 * Invariants:
 *   1. Text from callers, people and upstreams goes out by wording_add_line alone: no control,
 *      no line break, no change of direction comes through, so nobody can forge a line of an
 *      answer.
 *   2. Each state and each reason has words: the tables are asserted to be whole. */
#pragma once
#include "core/action.h"
#include "record/zone.h"

/* "Not known whether it was sent", "send", "Sent: …" */
struct wording_verb {
    const char *done;  /* "sent" */
    const char *act;   /* "send" */
    const char *doing; /* "being sent" */
};
/* NULL step: an action of a step that is no more. */
const struct wording_verb *wording_verb_of(const struct step *step);

/* One line of it, at most max bytes; longer is cut with "…". */
void wording_add_line(struct buf *out, struct slice text, size_t max);
/* The same in double quotes. */
void wording_add_quoted(struct buf *out, struct slice text, size_t max);
/* A word for a shell: as it is, or in single quotes. */
void wording_add_shell(struct buf *out, struct slice text);
/* The first letter from here on is a capital one. */
void wording_capital(struct buf *out, size_t from);

/* "invoice-reminders.yaml:9"; nothing when it is not from a file. */
bool wording_add_place(struct buf *out, const struct origin *origin);
/* " (invoice-reminders.yaml:9)": the first of both that is from a file, or nothing. */
void wording_add_origin(struct buf *out, const struct origin *first, const struct origin *second);

/* What the reason says, in a clause that follows "why: ". Never empty. */
const char *wording_of_reason(enum reason reason);
/* How an attempt was read, in a clause: "no answer came", "the connection was refused". */
const char *wording_of_attempt(enum reason reason);
const char *wording_of_state(enum action_state state);
const char *wording_of_says(enum says says,
                            const struct wording_verb *verb); /* "send", "ask", "hold" */
