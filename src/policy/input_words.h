/* policy/input_words.h - an input from words, as people type them: NAME=VALUE.
 * Owns: the rule how a word becomes JSON: by the type that the step's `input:` gives its name;
 *   without one JSON where it parses, else text.
 * Invariants:
 *   1. A number keeps its digits as typed: it is copied, never read and printed again (R8).
 *   2. A word of the wrong type stays a text: the check of the input says what it should be. */
#pragma once
#include <jansson.h>

#include "base/buf.h"
#include "policy/types.h"

/* One number, as JSON writes it: no sign before it but -, no hex, no NaN. */
bool word_is_number(struct slice word);
/* Adds a JSON object. step may be NULL: no types are known. is_edit: `null` takes away what need
 * not be there. words: an object of texts; false: one of them is none. */
bool input_from_words(const struct step *step, bool is_edit, const json_t *words, struct buf *out);
