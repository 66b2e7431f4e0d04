/* port/notify.h - one message to one person through one channel, and what became of it.
 * Owns: the shape of a message and of its end. What a channel looks like on the wire is not here.
 * Invariants:
 *   1. done runs exactly once for each message that send took, later, on the loop thread, within
 *      NOTICE_TIMEOUT_MS and a little.
 *   2. NOTIFY_DELIVERED is told only when the receiver has said so. A message that is sent twice
 *      has the same id both times: a receiver can tell.
 *   3. Whatever a receiver does, the loop thread does not wait for it.
 * Threads: the loop thread only. */
#pragma once
#include "base/err.h"
#include "policy/types.h"
#include "record/notice.h"

/* Zero is the careful one: it is sent again. */
enum notify_outcome {
    NOTIFY_LATER, /* not delivered now: try again */
    NOTIFY_DELIVERED,
    NOTIFY_NEVER /* the receiver, or what is configured, will never take it */
};
struct notify_result {
    enum notify_outcome outcome;
    struct slice what;      /* a clause for people: "refused: 550 no such user" */
    int64_t retry_after_ms; /* the receiver's wish, 0 = none */
};
typedef void notify_done_fn(void *arg, const struct notify_result *result);

struct notify_message {
    const struct channel *channel;
    struct slice secret; /* of the channel; empty: it has none, or it could not be read */
    const struct notice *notice;
    struct slice address; /* the person's mail address */
    int64_t now_unix_ms;
    notify_done_fn *done;
    void *arg;
};

struct notify_port {
    void *impl;
    /* Copies all it needs. Anything but ERR_OK: nothing was begun, done never runs. ERR_BUSY: as
     * many as may be are under way. ERR_INVALID: it can never be sent as it is. */
    enum err (*send)(void *impl, const struct notify_message *message);
};
