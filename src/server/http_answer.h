/* server/http_answer.h - the bytes of an answer: status line, headers, framing. Pure.
 * Owns: the spelling of our answers on the wire.
 * Invariants:
 *   1. The framing headers are ours alone, and they are true: Content-Length is the size of the
 *      body, an answer to HEAD has the length and not the body, 204 and 304 have neither.
 *   2. No header with a CR, LF or other control byte leaves: an answer that holds one is refused
 *      whole, so nothing that a caller sent and we echo can add a header or an answer. */
#pragma once
#include "base/buf.h"
#include "port/door.h"

enum http_framing { HTTP_BY_LENGTH, HTTP_BY_CHUNKS, HTTP_BY_END /* a stream to HTTP/1.0 */ };

struct http_shape {
    struct slice date; /* from http_answer_add_date */
    enum http_framing framing;
    bool is_to_head; /* the request's method was HEAD */
    bool ends_connection;
    unsigned retry_after_s; /* 0 = without */
};

/* Adds the answer, or for a stream its head. false when a header is not fit to be sent, or out is
 * full; out is as before then. */
bool http_answer_add(struct buf *out, const struct door_response *response,
                     const struct http_shape *shape);
/* One chunk; nothing for an empty one, which would end the body. */
void http_answer_add_chunk(struct buf *out, struct slice bytes);
void http_answer_add_last_chunk(struct buf *out);
/* IMF-fixdate of RFC 9110 5.6.7. */
void http_answer_add_date(struct buf *out, int64_t unix_ms);
