#include "server/outlet.h"

#include <limits.h>

#include "base/check.h"

enum { OUTLET_KEEP_SIZE = 16 * 1024 };

void outlet_init(struct outlet *outlet, size_t size_max)
{
    CHECK(size_max <= UINT_MAX); /* uv_buf_init takes an unsigned int */
    *outlet = (struct outlet){0};
    buf_init(&outlet->filling, size_max);
    buf_init(&outlet->writing, size_max);
}

void outlet_done(struct outlet *outlet)
{
    buf_done(&outlet->filling);
    buf_done(&outlet->writing);
}

static void outlet_empty(struct buf *buf)
{
    if (buf->capacity > OUTLET_KEEP_SIZE)
        buf_done(buf);
    buf_reset(buf);
}

static uv_buf_t outlet_rest(const struct buf *buf, size_t from)
{
    return uv_buf_init(buf->at + from, (unsigned)(buf->size - from));
}

enum err outlet_flush(struct outlet *outlet, uv_stream_t *stream, uv_write_cb on_written)
{
    if (outlet->is_writing || outlet->filling.size == 0)
        return ERR_OK;
    uv_buf_t bytes = outlet_rest(&outlet->filling, 0);
    int written = uv_try_write(stream, &bytes, 1);
    if (written == UV_EAGAIN)
        written = 0;
    if (written < 0)
        return ERR_CLOSED;
    if ((size_t)written == outlet->filling.size) {
        outlet_empty(&outlet->filling);
        return ERR_OK;
    }
    struct buf rest = outlet->filling;
    outlet->filling = outlet->writing;
    outlet->writing = rest;
    bytes = outlet_rest(&outlet->writing, (size_t)written);
    if (uv_write(&outlet->request, stream, &bytes, 1, on_written) != 0)
        return ERR_CLOSED;
    outlet->is_writing = true;
    return ERR_OK;
}

void outlet_end_write(struct outlet *outlet)
{
    CHECK(outlet->is_writing);
    outlet->is_writing = false;
    outlet_empty(&outlet->writing);
}

size_t outlet_size(const struct outlet *outlet, const uv_stream_t *stream)
{
    return outlet->filling.size + (outlet->is_writing ? uv_stream_get_write_queue_size(stream) : 0);
}
