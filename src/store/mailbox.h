/* store/mailbox.h - a bounded queue of pointers from one thread to another.
 * Owns: the slots; what lies in them belongs to the mailbox until it is taken.
 * Invariants:
 *   1. First in, first out; never more than capacity.
 *   2. A wake is not lost: it ends the wait that runs, or the next one.
 * Threads: one puts, one takes; either may wake and count. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    void **items;
    size_t capacity, first, count;
    bool is_woken;
};

MUST_USE enum err mailbox_init(struct mailbox *mailbox, size_t capacity);
/* Whoever still owns items frees them before. */
void mailbox_done(struct mailbox *mailbox);
/* false when it is full. */
MUST_USE bool mailbox_put(struct mailbox *mailbox, void *item);
/* Takes up to max; waits up to wait_ms (-1 = for ever) while there is nothing. 0 after a wake or at
 * the end of the time. With max = 0 only a wake or the time ends it. */
size_t mailbox_take(struct mailbox *mailbox, void **out_items, size_t max, int64_t wait_ms);
void mailbox_wake(struct mailbox *mailbox);
size_t mailbox_count(struct mailbox *mailbox);
