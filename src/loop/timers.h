/* loop/timers.h - what is due in the store, and the callers that wait.
 * Owns: struct waiter (timers.c).
 * Invariants:
 *   I9  a waiter is told only what is durable; each is told once. */
#pragma once
#include "base/buf.h"
#include "base/list.h"
#include "core/action.h"
#include "port/engine.h"

struct engine;
struct entry;

/* A caller that waits for an answer. */
struct waiter {
    struct list by_entry, by_deadline;
    struct entry *entry;
    uint64_t handle;
    int64_t deadline_unix_ms;
    bool is_replay, is_stranger, is_late;
    bool is_act;                 /* a person said something: the answer says who, and what */
    char permit[72];             /* token for the creating answer, hex; "" = none */
    enum engine_refusal outcome; /* what it is told: taken, or why not */
    enum refusal refusal;
    struct buf pointer, detail; /* of a refusal; or empty */
    engine_done_fn *done;
    void *arg;
};

/* Something is due then: the alarm goes off no later. */
void engine_due_at(struct engine *engine, int64_t unix_ms);
/* One page of what is due in the store. */
void engine_run_due(struct engine *engine);
/* It lives until it is told or forgotten. NULL without memory: done does not run. */
struct waiter *waiter_add(struct engine *engine, struct entry *entry, int64_t wait_ms,
                          engine_done_fn *done, void *arg);
/* Answers those that need not wait longer. */
void waiters_tell(struct engine *engine, struct entry *entry);
/* Wipes its token. It is in no list any more. */
void waiter_free(struct waiter *waiter);
/* Those whose time is over get what is durable by now, or that the store is late. */
void waiters_run_deadlines(struct engine *engine);
/* The forget of the port. */
void engine_forget(void *impl, uint64_t handle);
