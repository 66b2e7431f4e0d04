#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"

void buf_init(struct buf *buf, size_t size_max)
{
    *buf = (struct buf){.size_max = size_max};
}

void buf_done(struct buf *buf)
{
    if (!buf)
        return;
    free(buf->at);
    *buf = (struct buf){.size_max = buf->size_max};
}

void buf_reset(struct buf *buf)
{
    buf->size = 0;
    buf->overflowed = false;
    if (buf->at)
        buf->at[0] = '\0';
}

void buf_cut(struct buf *buf, size_t size)
{
    CHECK(size <= buf->size);
    buf->size = size;
    if (buf->at)
        buf->at[size] = '\0';
}

bool buf_grow(struct buf *buf, size_t more)
{
    size_t need = 0;
    if (buf->overflowed)
        return false;
    if (__builtin_add_overflow(buf->size, more, &need) || need > buf->size_max) {
        buf->overflowed = true;
        return false;
    }
    if (need < buf->capacity)
        return true;
    size_t capacity = buf->capacity ? buf->capacity : 512; /* most grow beyond that */
    while (capacity <= need)
        capacity = capacity > SIZE_MAX / 2 ? need + 1 : capacity * 2;
    char *at = realloc(buf->at, capacity);
    if (!at) {
        buf->overflowed = true;
        return false;
    }
    buf->at = at;
    buf->capacity = capacity;
    return true;
}

void buf_add_fmt(struct buf *buf, const char *format, ...)
{
    enum { GUESS = 96 }; /* most texts fit the first time, so they are formatted once */
    size_t guess = buf->size_max - buf->size < GUESS ? buf->size_max - buf->size : GUESS;
    va_list args;
    if (!buf_reserve(buf, guess))
        return;
    va_start(args, format);
    int size = vsnprintf(buf->at + buf->size, guess + 1, format, args);
    va_end(args);
    CHECK(size >= 0);
    if ((size_t)size > guess) {
        buf->at[buf->size] = '\0';
        if (!buf_reserve(buf, (size_t)size))
            return;
        va_start(args, format);
        (void)vsnprintf(buf->at + buf->size, (size_t)size + 1, format, args); /* measured above */
        va_end(args);
    }
    buf->size += (size_t)size;
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_add(buf, slice_of(digits + at, sizeof digits - at));
}

void buf_add_i64(struct buf *buf, int64_t value)
{
    if (value < 0)
        buf_add_byte(buf, '-');
    buf_add_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void buf_add_json_special(struct buf *buf, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    switch (byte) {
    case '"':
        buf_add(buf, SLICE("\\\""));
        return;
    case '\\':
        buf_add(buf, SLICE("\\\\"));
        return;
    case '\n':
        buf_add(buf, SLICE("\\n"));
        return;
    case '\r':
        buf_add(buf, SLICE("\\r"));
        return;
    case '\t':
        buf_add(buf, SLICE("\\t"));
        return;
    default:
        buf_add(buf, SLICE("\\u00"));
        buf_add_byte(buf, hex[byte >> 4]);
        buf_add_byte(buf, hex[byte & 15]);
    }
}

/* ASCII that does not go into a JSON string as it is: controls, a quote, a backslash. A table,
 * since each byte of an answer comes by here. */
static const bool buf_is_special[128] = {
    true, true, true, true, true, true, true, true, true,         true,          true,         true,
    true, true, true, true, true, true, true, true, true,         true,          true,         true,
    true, true, true, true, true, true, true, true, ['"'] = true, ['\\'] = true, [0x7f] = true};

void buf_add_json_text(struct buf *buf, struct slice text)
{
    buf_add_byte(buf, '"');
    size_t plain = 0; /* start of the run of bytes that go out as they are */
    size_t i = 0;
    while (i < text.size) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte < 0x80 && !buf_is_special[byte]) {
            i++;
            continue;
        }
        size_t step = byte < 0x80 ? 0 : text_utf8_size(slice_from(text, i));
        if (step > 0) {
            i += step;
            continue;
        }
        buf_add(buf, slice_first(slice_from(text, plain), i - plain));
        if (byte < 0x80)
            buf_add_json_special(buf, byte);
        else
            buf_add(buf, SLICE("\xef\xbf\xbd"));
        plain = ++i;
    }
    buf_add(buf, slice_from(text, plain));
    buf_add_byte(buf, '"');
}

const char *buf_text(const struct buf *buf)
{
    return buf->at ? buf->at : "";
}

char *buf_take(struct buf *buf, size_t *out_size)
{
    char *at = buf->at;
    *out_size = buf->size;
    *buf = (struct buf){.size_max = buf->size_max};
    return at;
}
