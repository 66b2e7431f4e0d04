/* core/moves.h - entering a state: each function sets all that its state needs, and checks that
 * it may.
 * Owns: what belongs to a state (timers, people's due times, what a start freezes).
 *   core/action.c decides which state; only it calls these.
 * Invariants: I2, I3 and I4 are checked in move_start, R1 in move_end, I8 by construction. */
#pragma once
#include "core/action.h"

/* The end; never while it may have happened, unless it is done. */
void move_end(struct action *action, const struct action_event *event, enum action_state state,
              enum reason reason);
void move_to_uncertain(struct action *action, const struct action_event *event, enum reason reason);
/* To a person, or to `uncertain` where it may have happened. */
void move_to_review(struct action *action, const struct action_event *event, enum reason reason,
                    int64_t due_ms);
/* Into the safe queue; a hold does not extend `keeps`. */
void move_to_held(struct action *action, const struct action_event *event, enum reason reason,
                  enum hold_for hold_for, int64_t hold_ms);
/* Held until a fresh fact is read (R10): at once, and within the hold that it may be in. */
void move_to_fact(struct action *action, const struct action_event *event, int64_t hold_ms);
/* Another way to act, which was not entered before (R15): its own cap, its own request and class.
 */
void move_to_route(struct action *action, const struct action_event *event, uint8_t route);
/* Begins the next attempt; the first one of a route freezes what R5 and R6 name. */
void move_start(struct action *action, const struct action_event *event,
                struct action_effects *out);
/* No timer, no due time of people. */
void move_clear_timer(struct action *action);
