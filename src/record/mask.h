/* record/mask.h - what stands in place of a masked input field wherever it is not shown (R23).
 * Owns: the hint forms, and which `saw` names touch a masked field.
 * Invariants:
 *   1. The value of a masked field never comes out, whatever its type: an address keeps its first
 *      character and its host, all else becomes MASK_TEXT. */
#pragma once
#include "base/buf.h"
#include "policy/types.h"

#define MASK_TEXT "***"

/* "m…@example.org" for an address, else "***". */
void mask_add_value(struct slice text, struct buf *out);
/* Is this path ("input.email", "input.email.host", "input") one that shows a masked field? */
bool mask_covers(const struct step *step, struct slice path);
/* The input with masked members replaced by their hints: what summaries are rendered from. The
 * JSON was checked. */
void mask_add_input(const struct step *step, struct slice input_json, struct buf *out);

/* ---- mask_echo.c ---- */
/* A response, or an answer of a template, without what masked members hold: what came back often
 * repeats what was sent. A text is found in any letter case (of ASCII) and URL-encoded, and becomes
 * its hint; a number as a number and as a text, and becomes MASK_TEXT. What is shorter than
 * MASK_FIND_MIN bytes is not looked for; of more values than MASK_LEAVES nothing is shown. */
enum { MASK_FIND_MIN = 4, MASK_LEAVES = 64 };
void mask_add_response(const struct step *step, struct slice input_json, struct slice response_json,
                       struct buf *out);
/* The same for a text that a caller made: a key, a run, a reason. */
void mask_add_text(const struct step *step, struct slice input_json, struct slice text,
                   struct buf *out);
