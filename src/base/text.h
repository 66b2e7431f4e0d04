/* base/text.h - bytes as text and back: UTF-8, hex, base32, base64, times and durations.
 * Owns: the one spelling of each in interlock. Pure. */
#pragma once
#include "base/buf.h"

/* Size (1..4) of the first character if it is well-formed UTF-8 (RFC 3629), else 0. */
size_t text_utf8_size(struct slice s);
/* The same, and its code point. */
size_t text_utf8_decode(struct slice s, uint32_t *out_code);
bool text_is_utf8(struct slice s);
/* Code points in valid UTF-8. */
size_t text_utf8_count(struct slice s);

void text_add_hex(struct buf *out, struct slice bytes);
/* 0..15, of lower or upper case; -1: it is none. */
int text_hex_digit(char c);
/* Lower or upper case; false when odd, not hex, or not exactly `size` bytes. */
bool text_parse_hex(struct slice s, void *out_bytes, size_t size);
/* RFC 4648 base32, lower case, without padding. */
void text_add_base32(struct buf *out, struct slice bytes);
/* RFC 4648 base64 with padding. */
void text_add_base64(struct buf *out, struct slice bytes);

/* A member's name as one part of a JSON pointer: / before it, ~ and / in it escaped (RFC 6901). */
void text_add_pointer_part(struct buf *out, struct slice name);

/* Ids in the API: PREFIX and 13 digits of Crockford's base32 ("a_01JABCDEFGHJK"). Time-ordered. */
enum { TEXT_ID_MAX = 32 };
void text_add_id(struct buf *out, const char *prefix, uint64_t id);
/* false unless s is exactly that prefix and 13 such digits (either case). */
bool text_parse_id(struct slice s, const char *prefix, uint64_t *out_id);

/* Durations as policies write them: a whole number and ms, s, m, h or d. */
bool text_parse_duration(struct slice s, int64_t *out_ms);
/* The largest unit that divides: 90000 -> "90s", 86400000 -> "1d", 0 -> "0s". */
void text_add_duration(struct buf *out, int64_t ms);

/* A civil time in UTC of proleptic Gregorian days; no zone files, no clock. */
struct civil {
    int year, month, day, hour, minute, second, ms, weekday; /* month, day from 1; Sunday = 0 */
};
struct civil text_civil(int64_t unix_ms);
int64_t text_civil_ms(const struct civil *civil);
/* RFC 3339 in UTC with ms: 2026-11-24T06:40:00.123Z */
void text_add_time(struct buf *out, int64_t unix_ms);
/* RFC 3339, any offset, up to 9 fraction digits (cut to ms). */
bool text_parse_time(struct slice s, int64_t *out_unix_ms);
/* An HTTP-date (RFC 9110 5.6.7, all three forms). */
bool text_parse_http_date(struct slice s, int64_t *out_unix_ms);
