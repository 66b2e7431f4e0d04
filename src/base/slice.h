/* base/slice.h - a view of bytes that somebody else owns.
 * Invariants:
 *   1. Never stored past the life of its source; not NUL-terminated.
 *   2. The empty slice may have at == NULL. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *at;
    size_t size;
};

/* For literals and NUL-terminated texts. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_FMT(s) (int)(s).size, ((s).at ? (s).at : "") /* for "%.*s" */

static inline struct slice slice_of(const void *at, size_t size)
{
    return (struct slice){(const char *)at, size};
}

static inline struct slice slice_text(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static inline bool slice_is(struct slice s, const char *text)
{
    return slice_equal(s, slice_text(text));
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.size >= prefix.size && (prefix.size == 0 || memcmp(s.at, prefix.at, prefix.size) == 0);
}

/* Some texts that somebody else owns; zero = none. */
struct slices {
    const struct slice *at;
    size_t count;
};

static inline bool slices_have(struct slices list, struct slice text)
{
    for (size_t i = 0; i < list.count; i++)
        if (slice_equal(list.at[i], text))
            return true;
    return false;
}

/* The part of s from `from` on; from is cut to the size. */
static inline struct slice slice_from(struct slice s, size_t from)
{
    if (from > s.size)
        from = s.size;
    return (struct slice){s.at ? s.at + from : NULL, s.size - from};
}

static inline struct slice slice_first(struct slice s, size_t size)
{
    return (struct slice){s.at, size < s.size ? size : s.size};
}

/* Index of the first such byte, or s.size. */
static inline size_t slice_find(struct slice s, char byte)
{
    const char *p = s.size ? (const char *)memchr(s.at, byte, s.size) : NULL;
    return p ? (size_t)(p - s.at) : s.size;
}

/* Without blanks and tabs at both ends. */
static inline struct slice slice_trim(struct slice s)
{
    while (s.size > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = slice_from(s, 1);
    while (s.size > 0 && (s.at[s.size - 1] == ' ' || s.at[s.size - 1] == '\t'))
        s.size--;
    return s;
}

/* Total order by bytes, then size: <0, 0, >0. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.at, b.at, size) : 0;
    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

/* Decimal digits only; false when empty, not a number, or over max. */
static inline bool slice_to_u64(struct slice s, uint64_t max, uint64_t *out_value)
{
    uint64_t value = 0;
    if (s.size == 0)
        return false;
    for (size_t i = 0; i < s.size; i++) {
        uint64_t digit = (uint64_t)(unsigned char)s.at[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value > max)
        return false;
    *out_value = value;
    return true;
}
