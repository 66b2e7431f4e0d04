/* port/door.h - what a front door is to a server: a request in, one answer out, no socket seen.
 * Invariants:
 *   1. respond is called exactly once for each request, at once or later, on the loop thread.
 *   2. The request's slices live until respond returns. */
#pragma once
#include "base/err.h"
#include "base/slice.h"

struct door_header {
    struct slice name, value; /* name in lower case */
};

struct door_request {
    struct slice method;
    struct slice path;  /* still percent-encoded, without the query */
    struct slice query; /* after "?", may be empty */
    const struct door_header *headers;
    size_t header_count;
    struct slice body;
    struct slice peer; /* "127.0.0.1:5123" */
    bool is_loopback_peer;
};

struct door_response {
    int status;
    const struct door_header *headers; /* besides content-type, content-length, date, connection */
    size_t header_count;
    struct slice content_type;
    struct slice body;
};

/* A request under way. The handler keeps the pointer until it responds. */
struct door_exchange {
    const struct door_request *request;
    void (*respond)(struct door_exchange *exchange, const struct door_response *response);
    /* Streams (log --follow): after stream_begin, chunks until stream_end, which takes the place of
     * respond and must be called whatever stream_begin gave. A chunk that the peer is too slow for
     * is ERR_BUSY and not taken; ERR_CLOSED once nobody hears it (the peer has gone, or it asked
     * with HEAD). */
    enum err (*stream_begin)(struct door_exchange *exchange, const struct door_response *head);
    enum err (*stream_chunk)(struct door_exchange *exchange, struct slice bytes);
    void (*stream_end)(struct door_exchange *exchange);
    /* The handler may set it: called at most once, never from within respond or handle, when the
     * peer has gone before the answer; respond (or stream_end) must still be called, and does
     * nothing then. */
    void (*on_gone)(struct door_exchange *exchange);
    void *handler_data;
};

/* Lanes (R30): which door a request belongs to, decided from method and path before its body is
 * read, so that a stop gets in when all else is full. First = most urgent. */
enum door_lane {
    DOOR_LANE_STOP,
    DOOR_LANE_OUTCOME,
    DOOR_LANE_VERDICT,
    DOOR_LANE_ADMISSION,
    DOOR_LANE_READ,
    DOOR_LANE_COUNT
};

struct door_handler {
    void *impl;
    enum door_lane (*lane)(void *impl, struct slice method, struct slice path);
    void (*handle)(void *impl, struct door_exchange *exchange);
    /* The answer for a request that the server itself must refuse (bad framing, too large, too
     * slow, no room): status and a short reason; fills a response whose slices are static or live
     * in the given buffer. */
    void (*refuse)(void *impl, int status, struct slice detail, struct slice *out_content_type,
                   char *buffer, size_t buffer_size, size_t *out_size);
    const struct door_header *refuse_headers; /* that such an answer has; constant */
    size_t refuse_header_count;
};
