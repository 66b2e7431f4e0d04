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

void engine_due_at(struct engine *engine, int64_t unix_ms);
void engine_run_due(struct engine *engine);
struct waiter *waiter_add(struct engine *engine, struct entry *entry, int64_t wait_ms,
                          engine_done_fn *done, void *arg);
/* Answers those that need not wait longer. */
void waiters_tell(struct engine *engine, struct entry *entry);
void waiter_free(struct waiter *waiter);
void waiters_run_deadlines(struct engine *engine);
void engine_forget(void *impl, uint64_t handle);
