/* loop/formers.h - earlier configurations, read again from the store for what they decided.
 * Owns: the formers of an engine; a path and a reason keep their names and lines over a reload.
 * Invariants:
 *   R28 every version is stored whole; what cannot be read again is told by its numbers.
 *   I14 no secret is read: a former has texts only.
 *   1.  At most FORMERS_MAX; none is let go within a turn of the loop: views point there. */
#pragma once
#include "policy/types.h"

struct engine;
struct formers;

/* The step as that version had it (16 hex digits); NULL: in force now, or not to be had. */
const struct step *formers_step(struct engine *engine, struct slice version, struct slice workflow,
                                struct slice step);
/* At a reload, and at the end. */
void formers_clear(struct engine *engine);
