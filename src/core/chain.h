/* core/chain.h - the entries of a fallback, by number.
 * Owns: what a number of an entry or a route means in the policy in force. One that this policy
 *   does not have is NULL: the policy was changed meanwhile, and the reader takes the careful
 *   way. */
#pragma once
#include "core/action.h"

const struct what *chain_entry(const struct step_terms *terms, uint8_t entry);
/* route > 0: another way than the step's own call; NULL for 0. */
const struct step_route *chain_route(const struct step_terms *terms, uint8_t route);
/* The first hold of a cause's list, which acts on nothing; NULL = none. */
const struct what *chain_hold(const struct step_terms *terms, enum cause cause, uint8_t *out_entry);
/* By when a review is due that no entry says the time of. */
int64_t chain_review_due_ms(const struct step_terms *terms);
