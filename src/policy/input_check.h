/* policy/input_check.h - does a caller's input have the shape that the step declares?
 * Owns: what `input:` means for a submit. Without a declared shape every object is good.
 * Invariants:
 *   1. An unknown, missing or wrongly typed field is told with its JSON pointer and what was meant.
 */
#pragma once
#include <jansson.h>

#include "base/arena.h"
#include "policy/types.h"

struct input_problem {
    struct slice pointer; /* "/balance" */
    struct slice message; /* a sentence without its full stop */
};

/* The texts live in scratch. */
bool input_check(const struct step *step, const json_t *input, struct arena *scratch,
                 struct input_problem *out_problem);
