/* record/story.h - what happened to an action, why, what comes next and what to do: sentences.
 * Owns: the sentence of each state and reason. explain, the action's JSON, the inbox and the log
 *   all take theirs from here, so that they never say different things.
 * Invariants:
 *   I10 each sentence names what, why or who, and where the policy says so (file and line).
 *   1. One line each; see wording.h invariant 1. */
#pragma once
#include "record/view.h"
#include "record/wording.h"

/* "Not known whether it was sent: sent to mailer at 14:02:11, no answer in 10 s." */
void story_add_what(const struct view *view, struct buf *out);
/* "not tried again by itself: mailer cannot recognise a repeat (invoice-reminders.yaml:9)" */
/* The attempt that ended last: "sent to mailer at 14:02:11, no answer in 10 s"; "mailer answered
 * 422 at 14:02:11"; "could not reach mailer at 14:02:11: connection refused". */
void story_add_attempt(const struct view *view, struct buf *out);
void story_add_why(const struct view *view, struct buf *out);
/* "none yet", "sent, 14:02:12" */
void story_add_final(const struct view *view, struct buf *out);
/* "approved by Ben Okafor 14:02": the word that let it start; false: nothing added. */
bool story_add_verdict(const struct view *view, struct buf *out);
/* A command, or "nothing". */
void story_add_do(const struct view *view, struct buf *out);
/* What happens by itself; false when nothing does. *out_at: 0 when the time is not known. */
bool story_next(const struct view *view, int64_t *out_at_unix_ms, struct buf *out_what);
/* The key as people type it in a command, or the id where the key cannot be typed. */
void story_add_handle(const struct view *view, struct buf *out);
/* The record that made its state, where it is known, with its words; or NULL. */
const struct record *story_last(const struct view *view, const struct bundle_words **out_words);
/* A time of the view, local. */
void story_add_time(const struct view *view, int64_t unix_ms, enum zone_detail detail,
                    struct buf *out);
/* "Ana Ruiz" for a principal's name "ana", else the name itself. */
void story_add_principal(const struct config *config, struct slice name, struct buf *out);
