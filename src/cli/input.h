/* cli/input.h - the input of an action, from what stands on the command line.
 * Owns: the rule how NAME=VALUE becomes JSON: by the type that the step's `input:` gives the name;
 *   without one JSON where it parses, else text.
 * Invariants:
 *   1. A number keeps its digits as typed: it is copied, never read and printed again (R8). */
#pragma once
#include "cli/invocation.h"
#include "policy/types.h"

/* The arguments from `first` on, or --input. step may be NULL: no types are known.
 * false: wrong use, told. */
bool input_build(struct invocation *invocation, size_t first, const struct step *step,
                 struct slice *out_json);
/* An option that must be a JSON object, or empty when it was not given. false: told. */
bool input_object(struct invocation *invocation, const char *option, struct slice *out_json);
/* --confidence as a number from 0 to 1. false: told. */
bool input_confidence(struct invocation *invocation, bool *out_has, double *out_value);
