/* loop/people.h - what people and callers do to an action that exists.
 * Owns: settling, cancel, a new try (people.c); verdicts, claims, edits (reviews.c).
 * Invariants:
 *   I9  they are told only what is durable.
 *   I11 who may is decided by the door; a claim of somebody else is respected here. */
#pragma once
#include "loop/steps.h"
#include "port/engine.h"

struct buf;
struct engine;
struct entry;

/* The act of the port; call->done runs once, now or when it is durable. */
void engine_act(void *impl, const struct engine_call *call);
void engine_label_refused(void *impl, const struct principal *principal, struct slice workflow,
                          struct slice name);
/* Tells how the action stands, when all of it is durable. */
void act_answer(struct engine *engine, const struct engine_call *call, struct entry *entry);
/* Says so at once when what is written by now is durable, whatever the action does meanwhile. A
 * refusal has its pointer and detail, or neither. */
void act_tell(struct engine *engine, const struct engine_call *call, struct entry *entry,
              const struct engine_reply *reply);
/* A record beside the state, with the person's words. */
void act_record(struct engine *engine, const struct engine_call *call, struct entry *entry,
                struct step_note note);
/* The same, and why it was not taken is recorded first; act_refuse_recorded: ENGINE_NOT_NOW. */
void act_tell_recorded(struct engine *engine, const struct engine_call *call, struct entry *entry,
                       enum refusal refusal, const struct engine_reply *reply);
void act_refuse_recorded(struct engine *engine, const struct engine_call *call, struct entry *entry,
                         enum refusal refusal);
/* A person's words as a payload; nothing when there are none. */
void act_words(struct engine *engine, const struct engine_call *call, struct buf *out);

/* ---- reviews.c ---- */
/* Those of ENGINE_… that are about a review; refused ones are recorded. */
void engine_act_review(struct engine *engine, const struct engine_call *call, struct entry *entry);
