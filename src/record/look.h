/* record/look.h - what helps a person to settle what is uncertain, and the facts that were read.
 * Owns: where it was sent and when, the key that the provider knows it by, the question that the
 *   policy's check puts (all masked), and how a fresh fact is told (R10). */
#pragma once
#include "record/view.h"

/* "mailer POST /v1/messages at 14:02:11; provider key abc; ask: GET https://…" False: nothing. */
bool look_add(const struct view *view, struct buf *out);
/* The same as a member `look`, where there is anything. */
void look_add_json(const struct view *view, struct buf *out);
/* "balance 0; from billing GET /invoices/INV-2041 at 14:02:11". False: there is no fresh fact. */
bool look_add_fact(const struct view *view, struct buf *out);
/* As a member `fresh`. */
void look_add_fact_json(const struct view *view, struct buf *out);
