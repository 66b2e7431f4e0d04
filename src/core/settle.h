/* core/settle.h - what the answer of a check means (R12), and how long a fresh fact is waited for
 * (R10).
 * Owns: when a check is asked, what it proves, and when it is given up; the waits between two reads
 *   of a fact. core/action.c moves the action accordingly.
 * Invariants:
 *   I3 "not there" counts only `settle` after the attempt's end and once more one settle later,
 *      unless the policy calls the check definitive; before that nothing is sent again.
 *   I8 a question has a due time until it is answered; at most LIMIT_ASKS, then a person. */
#pragma once
#include "core/action.h"

/* Does a check settle what this action's last attempt left open? */
bool settle_applies(const struct action *action, const struct step_terms *terms);
/* An uncertain action whose attempt has just ended: when the first question is due. */
void settle_begin(struct action *action, const struct action_event *event);

enum settled { SETTLED_OPEN, SETTLED_HAPPENED, SETTLED_NOT_HAPPENED, SETTLED_PERSON };
/* One answer. SETTLED_OPEN: asked again at action->due_unix_ms. */
enum settled settle_take(struct action *action, const struct action_event *event);

/* How long until a fact is read again that could not be read. */
int64_t settle_fact_wait_ms(int asks, uint64_t random);
