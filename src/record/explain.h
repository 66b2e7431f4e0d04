/* record/explain.h - the answer of `interlock explain`: eight lines, always the same ones.
 * Owns: the shape (design 7): ACTION INPUT WHAT WHY PATH FINAL WHO DO. The words are story.h's.
 * Invariants:
 *   1. Each line is there, in this order, whatever the state; none is longer than one line, but DO,
 *      which has a line for each of two commands: each can be pasted as it stands. */
#pragma once
#include "record/view.h"
#include "record/zone.h"

void explain_add(struct buf *out, const struct view *view);
