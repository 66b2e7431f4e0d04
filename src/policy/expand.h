/* policy/expand.h - a configuration in its long form: every line, and where it came from.
 * Owns: the output of `interlock check --expand`.
 * Invariants:
 *   1. What was written is shown as it was read; what was not is shown with its preset or default.
 *   2. Each part of the output between two `# ==== FILE` lines is YAML that loads to the same
 *      meaning, and expands to itself but for the origins. */
#pragma once
#include "base/buf.h"
#include "policy/types.h"

void config_expand(const struct config *config, struct buf *out);
/* "hold 1d, then review, due 4h" */
void expand_add_what(struct buf *out, const struct step_terms *terms, enum cause cause);
