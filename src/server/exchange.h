/* server/exchange.h - one request and its answer, from the first byte until the answer is handed
 * to the connection.
 * Owns: the request's bytes; its place in a lane; the answer while earlier ones are still owed.
 * Invariants:
 *   1. READING -> READY [exchange_make_ready] -> RUNNING [exchange_run] -> ANSWERED [respond], or
 *      RUNNING -> STREAMING [stream_begin] -> ANSWERED [stream_end], or
 *      READING or READY -> ANSWERED [exchange_refuse].
 *   2. Whoever is RUNNING or STREAMING belongs to the handler, and is freed only by respond or
 *      stream_end. When the peer or the server has gone before, connection or front is NULL, and
 *      these do nothing else.
 *   3. It is in its lane from exchange_run until the handler has answered, also when the peer has
 *      gone meanwhile: the work is still under way. */
#pragma once
#include "server/front.h"
#include "server/http_request.h"
#include "server/peer.h"

enum exchange_state {
    EXCHANGE_READING,
    EXCHANGE_READY,
    EXCHANGE_RUNNING,
    EXCHANGE_STREAMING,
    EXCHANGE_ANSWERED,
};

enum exchange_stream { EXCHANGE_BY_CHUNKS, EXCHANGE_BY_END, EXCHANGE_HEAD_ONLY };

struct connection;
struct exchange {
    struct door_exchange door; /* first: what the handler sees */
    struct door_request request;
    struct http_request http;
    struct front *front;           /* NULL: the server has gone */
    struct connection *connection; /* NULL: the peer has gone */
    struct list in_queue;          /* of the connection, or of the spare ones */
    struct list in_running;        /* of the front */
    enum exchange_state state;
    enum door_lane lane;
    size_t held_size; /* room for its body, in lanes */
    bool owes_continue;
    bool is_safe;    /* RFC 9110 9.2.1: may run beside others of its connection */
    bool is_last;    /* the connection ends after it */
    bool has_failed; /* a stream whose head could not be sent */
    enum exchange_stream stream;
    struct buf answer; /* until its turn comes */
    struct peer peer;  /* copied once the connection has gone */
};

/* NULL without memory. */
struct exchange *exchange_new(struct front *front, struct connection *connection);
/* Not one that the handler holds. NULL is fine. */
void exchange_free(struct exchange *exchange);
/* The request is whole. */
void exchange_make_ready(struct exchange *exchange, const struct peer *peer);
/* Hands it to the handler, which may answer at once; or answers 503 when its lane is full. */
void exchange_run(struct exchange *exchange);
/* The server's own answer. */
void exchange_refuse(struct exchange *exchange, int status, struct slice detail);
/* The server goes, the handler still holds it: it frees itself when it is answered. */
void exchange_orphan(struct exchange *exchange);
/* The peer has gone, the handler still holds it. Calls on_gone. */
void exchange_detach(struct exchange *exchange);
