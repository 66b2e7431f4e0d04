/* loop/attempts.h - calls to upstreams for an action: the attempt itself, and the reads around it.
 * Owns: sending and reading of outcomes (attempts.c); checks and fresh facts (asks.c).
 * Invariants:
 *   I6  every start asks the stops again at the save's return and before the first byte.
 *   R12 a question is a read: it proves what core/settle.h says, and nothing else. */
#pragma once
#include <jansson.h>

#include "base/slice.h"
#include "port/upstream.h"

struct arena;
struct buf;
struct engine;
struct entry;
struct stop;
struct upstream;
struct view;

/* ---- attempts.c ---- */
/* Its start is durable (I1): the request leaves, or the attempt ends as withheld. */
void engine_send(struct engine *engine, struct entry *entry, uint16_t attempt);
/* I6, R14: asked at the save's return, and again in the last moment before the first byte. */
bool engine_may_send(struct engine *engine, const struct entry *entry);
/* The stop that forbids its start as a gate let it go, or NULL. */
const struct stop *engine_forbids(const struct engine *engine, const struct entry *entry);
/* Where an upstream is, with what authorizes us; in the arena. */
MUST_USE enum err engine_endpoint(struct engine *engine, const struct upstream *upstream,
                                  struct arena *scratch, struct upstream_endpoint *out);
/* The stored bundle of an answer; `response` gets its response member. */
void engine_encode_answer(struct engine *engine, const struct upstream_answer *answer,
                          struct buf *response, struct buf *out);

/* ---- asks.c ---- */
/* Puts the question that is due (DUE_CHECK, DUE_FACT), if the upstream has a free call. */
void engine_ask(struct engine *engine, struct entry *entry);
/* R10: a repeat of key and input makes the facts of a waiting action fresh. */
void engine_renew(struct engine *engine, struct entry *entry, struct slice actor);
/* The input as it is by now: with the newest fresh fact. A new reference. */
json_t *engine_fresh_input(struct entry *entry, json_t *input);
/* Its newest fact, and the call of its check, into the view; in the arena. */
MUST_USE enum err engine_view_asks(struct entry *entry, struct arena *arena, struct view *out);
/* The end: their upstream calls are gone already. */
void engine_free_asks(struct engine *engine);
