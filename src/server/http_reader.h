/* server/http_reader.h - a strict, incremental reader of HTTP/1.1 requests (RFC 9112). Pure:
 * bytes in, a request or a refusal out; no socket, no clock.
 * Owns: which bytes may follow which. What a header means is http_request.
 * Invariants:
 *   1. However the input is cut into pieces, requests, refusal and the offset of the refusal are
 *      the same: every decision is made at one byte, from the bytes before it.
 *   2. Nothing is repaired: no bare LF, no folding, no blank before a colon, no second length.
 *   3. Sizes are bounded while reading: request line, header block and trailers together, number
 *      of lines, body, and all that frames chunks.
 *   4. After a refusal nothing more is read: where the next request begins is not known.
 *
 *   START -> METHOD -> TARGET -> VERSION -> LINE_LF -> FIELD -> ... -> HEAD_LF -> BODY_DUE
 *   FIELD -> NAME -> BLANK -> VALUE -> FIELD_LF -> FIELD
 *   BODY_DUE -> WHOLE | BODY -> WHOLE | CHUNK_SIZE
 *   CHUNK_SIZE -> [CHUNK_EXTENSION] -> CHUNK_LF -> CHUNK_DATA -> CHUNK_CR -> CHUNK_END
 *   CHUNK_END -> CHUNK_SIZE
 *   CHUNK_LF of the size 0 -> FIELD (trailers) -> ... -> HEAD_LF -> WHOLE
 *   Every state -> REFUSED. */
#pragma once
#include "server/http_request.h"

enum http_step {
    HTTP_MORE,  /* all bytes taken; more are needed */
    HTTP_HEAD,  /* the head is whole, told once: look at it, then call again, even without bytes */
    HTTP_WHOLE, /* the request is whole; bytes behind it are left */
    HTTP_REFUSED, /* see reason */
};

enum http_state {
    HTTP_AT_START,
    HTTP_AT_START_LF,
    HTTP_AT_METHOD,
    HTTP_AT_TARGET,
    HTTP_AT_VERSION,
    HTTP_AT_LINE_LF,
    HTTP_AT_FIELD,
    HTTP_AT_NAME,
    HTTP_AT_BLANK,
    HTTP_AT_VALUE,
    HTTP_AT_FIELD_LF,
    HTTP_AT_HEAD_LF,
    HTTP_AT_BODY,
    HTTP_AT_CHUNK_SIZE,
    HTTP_AT_CHUNK_EXTENSION,
    HTTP_AT_CHUNK_LF,
    HTTP_AT_CHUNK_DATA,
    HTTP_AT_CHUNK_CR,
    HTTP_AT_CHUNK_END,
    HTTP_AT_BODY_DUE, /* these three take no byte */
    HTTP_AT_WHOLE,
    HTTP_AT_REFUSED,
};

/* What shares one bound. */
enum http_section {
    HTTP_IN_LINE,
    HTTP_IN_FIELDS,
    HTTP_IN_CHUNKS,
    HTTP_IN_BODY,
    HTTP_SECTION_COUNT
};

struct http_reader {
    struct http_request *request; /* the caller's */
    enum http_state state;
    enum http_reason reason;
    size_t section_size[HTTP_SECTION_COUNT]; /* bytes taken so far */
    bool has_skipped_line;
    bool is_in_trailers;
    size_t trailer_count;
    char trailer_name[32];
    struct http_field field;
    size_t version_size;
    char version_minor, version_major;
    size_t chunk_digits;
    uint64_t body_left; /* of the body or of this chunk */
};

/* Begins to read one request into `request` (initialized; it is reset here). */
void http_reader_begin(struct http_reader *reader, struct http_request *request, size_t body_max);
/* Takes bytes off the front of *bytes. */
enum http_step http_reader_read(struct http_reader *reader, struct slice *bytes);
/* No byte of a request was seen yet (an empty line before it does not count). */
bool http_reader_is_idle(const struct http_reader *reader);
