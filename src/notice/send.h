/* notice/send.h - one send under way, of whatever kind: mail, web, command.
 * Owns: struct notices, and one send under way.
 * Invariants:
 *   1. A send is freed exactly once: by notice_end, which tells its done unless the port is freed.
 */
#pragma once
#include "base/arena.h"
#include "base/list.h"
#include "notice/notice.h"
#include "notice/wire.h"

struct notices {
    uv_loop_t *loop;
    struct upstream_port upstream;
    struct list sends;
    size_t count;
    bool is_freed;
};

struct notice_send {
    struct list link; /* of notices->sends */
    struct notices *notices;
    notify_done_fn *done;
    void *arg;
    struct buf body;                        /* what is sent */
    struct buf what;                        /* why not */
    void (*stop)(struct notice_send *send); /* break it off: it ends, soon or at once */
    /* each kind has more behind it */
};

void notice_send_init(struct notices *notices, const struct notify_message *message,
                      struct notice_send *send);
/* Leaves the list and tells; its buffers go, the memory of the kind is the caller's. */
void notice_end(struct notice_send *send, const struct notify_result *result);
/* The same for one that was never begun: nobody is told. */
void notice_send_drop(struct notice_send *send);

MUST_USE enum err notice_mail_send(struct notices *notices, const struct notify_message *message);
MUST_USE enum err notice_web_send(struct notices *notices, const struct notify_message *message);
MUST_USE enum err notice_command_send(struct notices *notices,
                                      const struct notify_message *message);
