/* record/fallback.h - a fallback in words: what an entry does, and why those before it did not.
 * Owns: the words. Names are those of the policy in force; a number that it does not have is
 *   told as such. */
#pragma once
#include "record/view.h"

/* "review", "hold 1d", "template general-queue", "upstream helpdesk-backup". */
void fallback_add_entry(struct buf *out, const struct what *what);
/* "template general-queue": the entry that it is at; false: it is in none. */
bool fallback_add_name(struct buf *out, const struct view *view);
/* "low_confidence: template general-queue (review: 40 of 40 are open)"; false: it is in none. */
bool fallback_add_place(struct buf *out, const struct view *view);
/* " (review: 40 of 40 are open; …)": the entries that did not do it; nothing where there are none.
 */
void fallback_add_passed(struct buf *out, const struct view *view);
/* Who decides the reviews of the step. */
struct slice fallback_people(const struct step *step);
/* The whole list as a sentence: "try helpdesk-backup, else answer with general-queue"; `people` is
 * who is asked. */
void fallback_add_chain(struct buf *out, const struct step *step, uint8_t entry,
                        struct slice people);
