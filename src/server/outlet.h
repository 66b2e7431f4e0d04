/* server/outlet.h - the bytes that one connection still has to send.
 * Owns: two buffers, one that answers are added to and one that the kernel is being given.
 * Invariants:
 *   1. At most one write is under way; what is added meanwhile goes out in the next one.
 *   2. A flush first tries to write at once, without a request to the loop: most answers fit the
 *      socket's buffer.
 * Threads: the loop thread. */
#pragma once
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"

struct outlet {
    struct buf filling, writing;
    uv_write_t request;
    bool is_writing;
};

void outlet_init(struct outlet *outlet, size_t size_max);
void outlet_done(struct outlet *outlet);
/* Sends what there is. When it does not all leave, on_written is called later (its handle is
 * `stream`) and must call outlet_end_write. ERR_CLOSED: the peer has gone. */
MUST_USE enum err outlet_flush(struct outlet *outlet, uv_stream_t *stream, uv_write_cb on_written);
void outlet_end_write(struct outlet *outlet);
/* Not yet taken by the kernel. */
size_t outlet_size(const struct outlet *outlet, const uv_stream_t *stream);
