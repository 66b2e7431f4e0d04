/* api/subject.h - what the path of a call names: found before the right is asked, and before the
 * handler runs.
 * Owns: the step from words in a path to a step, an action, a stop, an incident, an upstream.
 * Invariants:
 *   1. On false the call is answered: 404 with what would be right.
 *   2. Names are suggested only to those who may see them.
 *   3. A caller without any right to an action adds no record to it. */
#pragma once
#include "api/call.h"

bool subject_find(struct call *call);
/* false: 403 is given, or will be: who may see the action and may not decide, settle or label it is
 * in its records first. A caller who may not even see it writes nothing. */
bool subject_allows(struct call *call, enum right right);
/* What the right is asked about. */
struct right_subject subject_of(const struct call *call);
