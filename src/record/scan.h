/* record/scan.h - walks over JSON bytes without building a tree, and hands out raw slices.
 * Owns: how stored JSON is read: records, payloads, and callers' bytes, which must come out
 *   exactly as they came in (a parser that dumps again changes 1.0 to 1).
 * Invariants:
 *   1. Any bytes may come in: what is not RFC 8259 is refused. Bytes inside a string are not
 *      checked to be UTF-8; who passes them on does that.
 *   2. No recursion; deeper than LIMIT_JSON_DEPTH is refused. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

enum scan_type {
    SCAN_BAD,
    SCAN_NULL,
    SCAN_FALSE,
    SCAN_TRUE,
    SCAN_NUMBER,
    SCAN_TEXT,
    SCAN_ARRAY,
    SCAN_OBJECT
};

/* The bytes are one value, with nothing but blanks around it. */
bool scan_document(struct slice bytes, struct slice *out_raw);
/* Of a raw value, by its first byte. */
enum scan_type scan_type(struct slice raw);

/* The members of an object, or the items of an array, in order. */
struct scan_walk {
    struct slice rest;
    char close;
    bool is_first, is_bad;
};
/* raw need not be checked before. A value that is neither walks as a bad one. */
void scan_open(struct scan_walk *walk, struct slice raw);
/* false at the end, or when walk->is_bad. The key keeps its quotes. */
bool scan_next(struct scan_walk *walk, struct slice *out_key, struct slice *out_value);

/* Size of the string in front of s, quotes included; 0 when there is none. */
size_t scan_string_size(struct slice s);
/* A raw string (with its quotes) as text: points into raw, or into the arena when it has escapes.
 */
bool scan_text(struct slice raw, struct arena *arena, struct slice *out_text);
/* The same, appended. */
bool scan_add_text(struct slice raw, struct buf *out);
/* A raw string is exactly this text, written without escapes. */
bool scan_is(struct slice raw, const char *text);
/* Integers, written plainly. */
bool scan_u64(struct slice raw, uint64_t max, uint64_t *out_value);
bool scan_i64(struct slice raw, int64_t *out_value);
bool scan_real(struct slice raw, double *out_value);
/* A checked value without the blanks between its tokens. */
void scan_add_compact(struct slice raw, struct buf *out);
