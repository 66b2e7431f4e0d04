/* core/action_inside.h - the parts of the state machine, for core/action*.c only.
 * Owns: nothing; each function is told at the head of the file that has it. */
#pragma once
#include "core/action.h"

/* action_gate.c */
void action_submit(struct action *action, const struct action_event *event,
                   struct action_effects *out);
void action_gate(struct action *action, const struct action_event *event,
                 struct action_effects *out);

/* action_after.c */
void action_outcome(struct action *action, const struct action_event *event,
                    struct action_effects *out);
void action_crashed(struct action *action, const struct action_event *event,
                    struct action_effects *out);
/* One attempt has ended: what it means for the action. */
void action_conclude(struct action *action, const struct action_event *event,
                     struct verdict verdict, struct action_effects *out);
/* R14: the outcome of an attempt that was given up. */
void action_late(struct action *action, const struct action_event *event, uint16_t attempt,
                 enum outcome outcome, struct action_effects *out);
/* No further try by itself: R1 first, then the fallback, with why its present entry did not do it.
 */
void action_give_up(struct action *action, const struct action_event *event, enum reason reason,
                    enum pass_why why, struct action_effects *out);

/* action_chain.c: both for what is known not to have happened (R1). */
/* The fallback of a cause, from its first entry. */
void action_chain(struct action *action, const struct action_event *event, enum cause cause,
                  enum reason reason, struct action_effects *out);
/* The entry after the present one, which did not do it. */
void action_next(struct action *action, const struct action_event *event, enum pass_why why,
                 enum reason reason, struct action_effects *out);
void action_answered(struct action *action, const struct action_event *event,
                     struct action_effects *out);
void action_unrendered(struct action *action, const struct action_event *event,
                       struct action_effects *out);

/* action_asked.c */
void action_asked(struct action *action, const struct action_event *event,
                  struct action_effects *out);
void action_fact(struct action *action, const struct action_event *event,
                 struct action_effects *out);

/* action_timer.c */
void action_timer(struct action *action, const struct action_event *event,
                  struct action_effects *out);

/* action_people.c */
void action_approve(struct action *action, const struct action_event *event,
                    struct action_effects *out);
void action_reject(struct action *action, const struct action_event *event,
                   struct action_effects *out);
void action_resolve(struct action *action, const struct action_event *event,
                    struct action_effects *out);
void action_cancel(struct action *action, const struct action_event *event,
                   struct action_effects *out);

/* action_caller.c */
void action_begin(struct action *action, const struct action_event *event,
                  struct action_effects *out);
void action_report(struct action *action, const struct action_event *event,
                   struct action_effects *out);
