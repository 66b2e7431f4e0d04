/* record/ids.h - how ids are spelled in records, answers and commands.
 * Owns: the prefixes, and the id of a review (its action and which one it is).
 * Invariants:
 *   1. An id never says what an action is about: only that, and the order of time. */
#pragma once
#include "base/text.h"

#define ID_ACTION "a_"
#define ID_STOP "s_"
#define ID_INCIDENT "i_"
#define ID_REVIEW "r_"
#define ID_NOTICE "n_"

/* "r_01JABCDEFGHJK.2": the second review of that action. */
void id_add_review(struct buf *out, uint64_t action, uint8_t review);
bool id_parse_review(struct slice s, uint64_t *out_action, uint8_t *out_review);
