/* loop/order.h - one thing at a time: which of the actions with one order key goes first.
 * Owns: the ring of the entries in memory of one order key (order.c).
 * Invariants:
 *   R11 at most one of them, the oldest that has not ended, may start. */
#pragma once
#include "policy/expr.h"
#include "port/store.h"

struct arena;
struct bundle_request;
struct engine;
struct entry;
struct step;
struct view;

struct order_work {
    struct arena *scratch;                /* in */
    const struct bundle_request *request; /* in: as rendered */
    unsigned char order[STORE_KEY_SIZE];  /* zeros: it has none */
    struct expr_problem problem;
};
/* Are the actions of this step in order? */
bool engine_order_applies(const struct step *step);
/* The order key of an action that is about to be admitted. False with the problem. */
bool engine_order_key(struct engine *engine, const struct step *step, struct expr_scope *scope,
                      struct order_work *work);
/* Into the ring of its order key, and out of it; nothing happens without one. */
void order_enter(struct engine *engine, struct entry *entry);
void order_leave(struct engine *engine, struct entry *entry);
/* The oldest unended action of the order key, if it is older than id; 0 = none. */
uint64_t engine_order_before(struct engine *engine, const unsigned char order[STORE_KEY_SIZE],
                             uint64_t id);
bool engine_order_is_overtaken(struct engine *engine, const struct entry *entry);
/* `supersede`: what is older and known not to have happened is cancelled. */
void engine_order_admitted(struct engine *engine, struct entry *entry);
/* Of a superseded one: which took its place, and the key of that as it may be shown. */
MUST_USE enum err engine_order_view(struct engine *engine, const struct entry *entry,
                                    struct arena *arena, struct view *out);
/* `supersede`: cancels this one if a newer one is there. */
bool engine_order_gives_way(struct engine *engine, struct entry *entry);
/* A write of it is durable: the next one of its order key may go. */
void engine_order_saved(struct engine *engine, struct entry *entry);
/* Looks at all that is held for its order: after a start, and after a time without room. */
void engine_release_order(struct engine *engine);

/* ---- reorder.c ---- */
/* A start, or a reload: do the policies in force order by the things that the store knows? */
MUST_USE enum err engine_reorder_begin(struct engine *engine);
/* Moves a page of what is open to the order keys of the policies in force. */
void engine_run_reorder(struct engine *engine);
