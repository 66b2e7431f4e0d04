/* base/buf.h - a growing byte buffer that is born with its maximum.
 * Owns: its bytes, by malloc.
 * Invariants:
 *   1. size <= size_max. Past it, or without memory, the buffer is `overflowed`: sticky, the
 *      content so far stays, later adds do nothing. The caller checks once at the end with
 *      buf_ok().
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
/* Grows; false makes the overflow sticky. */
bool buf_grow(struct buf *buf, size_t more);
/* Room for `more` bytes and the NUL. Inline, as the adds below: a record or an answer is hundreds
 * of them, and most find room. */
static inline bool buf_reserve(struct buf *buf, size_t more)
{
    bool has_room =
        !buf->overflowed && more <= buf->size_max - buf->size && more < buf->capacity - buf->size;
    return has_room || buf_grow(buf, more);
}
static inline void buf_add(struct buf *buf, struct slice bytes)
{
    if (bytes.size == 0 || !buf_reserve(buf, bytes.size))
        return;
    memcpy(buf->at + buf->size, bytes.at, bytes.size);
    buf->size += bytes.size;
    buf->at[buf->size] = '\0';
}
static inline void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, slice_text(text));
}
static inline void buf_add_byte(struct buf *buf, char byte)
{
    if (!buf_reserve(buf, 1))
        return;
    buf->at[buf->size++] = byte;
    buf->at[buf->size] = '\0';
}
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
