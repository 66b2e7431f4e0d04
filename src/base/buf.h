/* base/buf.h - a growing byte buffer that is born with its maximum.
 * Owns: its bytes, by malloc.
 * Invariants:
 *   1. size <= size_max. Past it, or without memory, the buffer is `overflowed`: sticky, the
 * content so far stays, later adds do nothing. The caller checks once at the end with buf_ok().
 *   2. at[size] is always a NUL once something was added, so buf_text() is free. */
#pragma once
#include "base/slice.h"

struct buf {
    char *at;
    size_t size;
    size_t capacity;
    size_t size_max;
    bool overflowed;
};

void buf_init(struct buf *buf, size_t size_max);
void buf_done(struct buf *buf);
/* Empty again, memory kept, overflow forgotten. */
void buf_reset(struct buf *buf);
/* Cuts back to an earlier size. */
void buf_cut(struct buf *buf, size_t size);
void buf_add(struct buf *buf, struct slice bytes);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_byte(struct buf *buf, char byte);
void buf_add_fmt(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_add_i64(struct buf *buf, int64_t value);
void buf_add_u64(struct buf *buf, uint64_t value);
/* A JSON string with its quotes, RFC 8259 section 7. The bytes must be valid UTF-8 (else U+FFFD).
 */
void buf_add_json_text(struct buf *buf, struct slice text);
static inline bool buf_ok(const struct buf *buf)
{
    return !buf->overflowed;
}
static inline struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->at, buf->size};
}
/* NUL-terminated; "" when nothing was added. */
const char *buf_text(const struct buf *buf);
/* Hands the bytes (malloc, NUL-terminated, may be NULL when empty) over; the buffer is empty. */
char *buf_take(struct buf *buf, size_t *out_size);
