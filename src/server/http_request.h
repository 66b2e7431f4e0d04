/* server/http_request.h - one HTTP/1.1 request as it was read, and what its header fields mean
 * for its framing. Pure.
 * Owns: the bytes of one request (head and body), the reasons of refusal, and the decision how
 *   long the body is. Not the order of bytes: that is http_reader.
 * Invariants:
 *   1. Exactly one of these frames a body: one Content-Length, or one "Transfer-Encoding: chunked"
 *      on HTTP/1.1; neither means no body (RFC 9112 6.3). Everything else is refused, never
 *      repaired: what two readers can read in two ways is how requests are smuggled.
 *   2. After http_request_end_head the slices are set, path begins with "/", names are lower case.
 *   3. All slices point into head, body, or a constant; they live until _reset or _done. */
#pragma once
#include "base/buf.h"
#include "port/door.h"

/* Name, status of the answer, text for people without a full stop. */
#define HTTP_REASON_LIST(X)                                                                        \
    X(HTTP_FINE, 0, "")                                                                            \
    X(HTTP_EMPTY_LINES, 400, "more than one empty line before the request")                        \
    X(HTTP_BAD_METHOD, 400, "the method is not a token followed by one space")                     \
    X(HTTP_LONG_METHOD, 501, "the method is longer than any that is known here")                   \
    X(HTTP_CONNECT, 501, "CONNECT is not served")                                                  \
    X(HTTP_BAD_TARGET, 400, "the target holds a byte that no URI may hold")                        \
    X(HTTP_BAD_ESCAPE, 400, "the target holds a percent sign without two hex digits, or %00")      \
    X(HTTP_ASTERISK, 501, "the target * is not served")                                            \
    X(HTTP_TARGET_FORM, 400, "the target is neither a path nor an absolute http URL")              \
    X(HTTP_LONG_LINE, 414, "the request line is over LIMIT_HTTP_LINE")                             \
    X(HTTP_NO_VERSION, 400, "the request line has no version")                                     \
    X(HTTP_BAD_VERSION, 400, "the version is not HTTP/1.1 and the end of the line")                \
    X(HTTP_OTHER_VERSION, 505, "the version is not HTTP/1.1 or HTTP/1.0")                          \
    X(HTTP_BARE_CR, 400, "a CR without LF")                                                        \
    X(HTTP_BARE_LF, 400, "a LF without CR")                                                        \
    X(HTTP_FOLDED, 400, "a header line begins with a blank (obsolete folding)")                    \
    X(HTTP_BAD_NAME, 400, "a header name is not a token")                                          \
    X(HTTP_BLANK_IN_NAME, 400, "a blank between a header name and its colon")                      \
    X(HTTP_NO_COLON, 400, "a header line without a colon")                                         \
    X(HTTP_BAD_VALUE, 400, "a control byte in a header value")                                     \
    X(HTTP_MANY_HEADERS, 431, "more header lines than LIMIT_HTTP_HEADERS")                         \
    X(HTTP_LONG_HEADERS, 431, "the header block is over LIMIT_HTTP_HEADER_BLOCK")                  \
    X(HTTP_NO_HOST, 400, "no Host header")                                                         \
    X(HTTP_TWO_HOSTS, 400, "more than one Host header")                                            \
    X(HTTP_BAD_HOST, 400, "the Host header is not a host with an optional port")                   \
    X(HTTP_OTHER_HOST, 400, "the Host header differs from the host in the target")                 \
    X(HTTP_BAD_LENGTH, 400, "Content-Length is not digits only")                                   \
    X(HTTP_TWO_LENGTHS, 400, "more than one Content-Length")                                       \
    X(HTTP_LENGTH_AND_CODING, 400, "both Content-Length and Transfer-Encoding")                    \
    X(HTTP_BAD_CODING, 400, "Transfer-Encoding does not end in one chunked")                       \
    X(HTTP_OTHER_CODING, 501, "a transfer coding other than chunked")                              \
    X(HTTP_TWO_CODINGS, 400, "more than one Transfer-Encoding")                                    \
    X(HTTP_OLD_CODING, 400, "Transfer-Encoding on HTTP/1.0")                                       \
    X(HTTP_EXPECTATION, 417, "an expectation other than 100-continue")                             \
    X(HTTP_LARGE_BODY, 413, "the body is over the limit")                                          \
    X(HTTP_BAD_CHUNK_SIZE, 400, "a chunk size is not 1 to 8 hex digits")                           \
    X(HTTP_BAD_CHUNK_EXTENSION, 400, "a control byte in a chunk extension")                        \
    X(HTTP_BAD_CHUNK_END, 400, "a chunk is not followed by CR LF")                                 \
    X(HTTP_LONG_CHUNKS, 400, "the chunk sizes and extensions are over LIMIT_HTTP_CHUNK_FRAMING")   \
    X(HTTP_BAD_TRAILER, 400, "a trailer that would change the framing")                            \
    X(HTTP_CUT, 400, "the request ended before it was whole")                                      \
    X(HTTP_NO_MEMORY, 503, "no memory for the request")

enum http_reason {
#define X(name, status, text) name,
    HTTP_REASON_LIST(X)
#undef X
        HTTP_REASON_COUNT
};
int http_reason_status(enum http_reason reason);
const char *http_reason_text(enum http_reason reason);
/* "HTTP_BARE_LF", for tests and logs. */
const char *http_reason_name(enum http_reason reason);

/* While the head is read its buffer may move, so positions are kept instead of slices. */
struct http_field {
    uint32_t name_at, name_size, value_at, value_size;
};

struct http_request {
    struct slice method, path, query;
    struct door_header *headers; /* header_count of them */
    size_t header_count;
    struct buf body;
    bool is_version_1_0;
    bool wants_close; /* Connection: close, or HTTP/1.0 */
    bool expects_continue;
    bool is_chunked;
    uint64_t content_length; /* 0 without one */

    /* Used while the head is read. */
    struct buf head; /* method, target, names and values, back to back */
    uint32_t method_size, target_size;
    struct http_field *fields;
    size_t capacity;     /* of fields and of headers */
    uint32_t host_field; /* index + 1, 0 = none */
    bool has_length;
};

void http_request_init(struct http_request *request);
void http_request_done(struct http_request *request);
/* Empty again; keeps small memory for the next one. */
void http_request_reset(struct http_request *request, size_t body_max);

/* The request line is whole: head holds method and target, sizes are set. */
enum http_reason http_request_end_line(struct http_request *request);
/* One more field line: the name and the trimmed value are in head at the given places. */
enum http_reason http_request_add_field(struct http_request *request, struct http_field field);
/* A field line of the trailers: looked at, never kept. */
enum http_reason http_request_check_trailer(struct slice name);
/* The empty line was read: decides the framing and sets the slices. */
enum http_reason http_request_end_head(struct http_request *request);
