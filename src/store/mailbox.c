#include "store/mailbox.h"

#include <stdlib.h>
#include <time.h>

#include "base/check.h"

enum err mailbox_init(struct mailbox *mailbox, size_t capacity)
{
    *mailbox = (struct mailbox){.capacity = capacity};
    CHECK(pthread_mutex_init(&mailbox->mutex, NULL) == 0); /* cannot fail with these attributes */
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&mailbox->filled, &attributes) == 0);
    CHECK(pthread_condattr_destroy(&attributes) == 0);
    mailbox->items = calloc(capacity, sizeof *mailbox->items);
    return mailbox->items ? ERR_OK : ERR_NO_MEMORY;
}

void mailbox_done(struct mailbox *mailbox)
{
    if (mailbox->capacity == 0)
        return;
    CHECK(pthread_cond_destroy(&mailbox->filled) == 0);
    CHECK(pthread_mutex_destroy(&mailbox->mutex) == 0);
    free(mailbox->items);
    *mailbox = (struct mailbox){0};
}

static void mailbox_lock(struct mailbox *mailbox)
{
    CHECK(pthread_mutex_lock(&mailbox->mutex) == 0);
}

static void mailbox_unlock(struct mailbox *mailbox)
{
    CHECK(pthread_mutex_unlock(&mailbox->mutex) == 0);
}

bool mailbox_put(struct mailbox *mailbox, void *item)
{
    mailbox_lock(mailbox);
    bool has_room = mailbox->count < mailbox->capacity;
    if (has_room) {
        size_t at = (mailbox->first + mailbox->count++) % mailbox->capacity;
        mailbox->items[at] = item;
    }
    bool is_first = has_room && mailbox->count == 1;
    mailbox_unlock(mailbox);
    if (is_first)
        CHECK(pthread_cond_signal(&mailbox->filled) == 0);
    return has_room;
}

static struct timespec mailbox_deadline(int64_t wait_ms)
{
    struct timespec at;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &at) == 0);
    at.tv_sec += wait_ms / 1000;
    at.tv_nsec += wait_ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

/* Holding the lock: until there is something, a wake, or the end of the time. */
static void mailbox_wait(struct mailbox *mailbox, size_t max, int64_t wait_ms)
{
    struct timespec deadline = {0};
    if (wait_ms > 0)
        deadline = mailbox_deadline(wait_ms);
    int rc = 0;
    while (!mailbox->is_woken && rc == 0 && (max == 0 || mailbox->count == 0) && wait_ms != 0)
        rc = wait_ms > 0 ? pthread_cond_timedwait(&mailbox->filled, &mailbox->mutex, &deadline)
                         : pthread_cond_wait(&mailbox->filled, &mailbox->mutex);
    mailbox->is_woken = false;
}

size_t mailbox_take(struct mailbox *mailbox, void **out_items, size_t max, int64_t wait_ms)
{
    mailbox_lock(mailbox);
    mailbox_wait(mailbox, max, wait_ms);
    size_t count = mailbox->count < max ? mailbox->count : max;
    for (size_t i = 0; i < count; i++)
        out_items[i] = mailbox->items[(mailbox->first + i) % mailbox->capacity];
    mailbox->first = (mailbox->first + count) % mailbox->capacity;
    mailbox->count -= count;
    mailbox_unlock(mailbox);
    return count;
}

void mailbox_wake(struct mailbox *mailbox)
{
    mailbox_lock(mailbox);
    mailbox->is_woken = true;
    mailbox_unlock(mailbox);
    CHECK(pthread_cond_signal(&mailbox->filled) == 0);
}

size_t mailbox_count(struct mailbox *mailbox)
{
    mailbox_lock(mailbox);
    size_t count = mailbox->count;
    mailbox_unlock(mailbox);
    return count;
}
