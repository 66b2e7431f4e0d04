/* loop/submit.h - admission: from a request of a caller to a stored action, or a refusal.
 * Owns: the order in which a request is looked at (submit.c).
 * Invariants:
 *   I5  one key is one action.
 *   I9  what cannot be stored is refused. */
#pragma once
#include "port/engine.h"

struct engine;
struct entry;

/* The submit of the port: a handle for engine_forget, 0 when done ran already. */
uint64_t engine_submit(void *impl, const struct engine_submit *submit);
/* ENGINE_AGAIN of an ended action (R9): same key and input, next generation. */
void engine_submit_again(struct engine *engine, struct entry *entry,
                         const struct engine_call *call);
/* Calls done at once, with no view. */
/* Tells of an action that the caller of this still holds: meanwhile none is read or acted on. */
void engine_answer(struct engine *engine, engine_done_fn *done, void *arg,
                   const struct engine_reply *reply);
void engine_refuse(engine_done_fn *done, void *arg, enum engine_refusal outcome,
                   const char *detail);
