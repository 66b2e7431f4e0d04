/* loop/gates.h - asks the gate about an action, and renders what it would send.
 * Owns: what expressions see of an action, and its request (gates.c).
 * Invariants:
 *   R4  a repeat has the provider key of the first try.
 *   R5  what was frozen at the first start is what is sent. */
#pragma once
#include "core/gate.h"
#include "policy/expr.h"
#include "policy/facts.h"

struct action;
struct arena;
struct buf;
struct bundle_submit;
struct engine;
struct entry;
struct step;

struct gate_work {
    struct arena *scratch;
    bool is_stored;                /* in: already admitted */
    struct slice upstream;         /* in: where it goes */
    const unsigned char *order;    /* in: its order key, or zeros */
    const unsigned char *key_hash; /* in: where it stands in a ramp */
    struct facts_saw saw;
    struct gate_answer answer;
    uint64_t stop_id; /* the first stop that covers it, or 0 */
};
/* Asks the whole gate for an action. */
void engine_ask_gate(struct engine *engine, const struct step *step, const struct action *action,
                     const struct expr_scope *scope, struct gate_work *work);
void engine_provider_key(struct engine *engine, const struct step *step, struct slice key,
                         const struct action *action, struct buf *out);
/* What the expressions of a stored action see. False when its submit cannot be read; the caller
 * gives back *out_input and *out_context in either case. */
bool engine_open_scope(struct entry *entry, struct arena *scratch, struct bundle_submit *submit,
                       struct expr_scope *out, json_t **out_input, json_t **out_context);
/* The scope of an action from what was submitted. false: it cannot be read. */
bool engine_submit_scope(struct entry *entry, const struct bundle_submit *submit,
                         struct expr_scope *out, json_t **out_input, json_t **out_context);
/* The request as this action (its revision counts) would send it, and its digest. */
bool engine_render_request(struct entry *entry, const struct action *action,
                           struct expr_scope *scope, struct arena *scratch, struct buf *out_frozen);
/* Feeds EVENT_GATE to a stored action: facts, gate, render, step, save. */
void engine_enter_gate(struct engine *engine, struct entry *entry, bool is_release,
                       struct slice actor);
