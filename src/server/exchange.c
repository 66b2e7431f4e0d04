#include "server/exchange.h"

#include <stdlib.h>

#include "base/check.h"
#include "server/connection.h"
#include "server/http_answer.h"

enum { EXCHANGE_REFUSAL_SIZE = 2048, EXCHANGE_KEEP_SIZE = 16 * 1024 };

static struct exchange *exchange_of(struct door_exchange *door)
{
    return (struct exchange *)(void *)door; /* its first member */
}

static void exchange_give_back_room(struct exchange *exchange)
{
    if (exchange->front)
        lanes_release(&exchange->front->lanes, exchange->held_size);
    exchange->held_size = 0;
}

static void exchange_destroy(struct exchange *exchange)
{
    http_request_done(&exchange->http);
    buf_done(&exchange->answer);
    free(exchange);
}

void exchange_free(struct exchange *exchange)
{
    if (!exchange)
        return;
    struct front *front = exchange->front;
    CHECK(exchange->state != EXCHANGE_RUNNING && exchange->state != EXCHANGE_STREAMING);
    exchange_give_back_room(exchange);
    list_remove(&exchange->in_queue);
    list_remove(&exchange->in_running);
    if (!front || front->spare_count >= front->bounds.spare_max) {
        exchange_destroy(exchange);
        return;
    }
    if (exchange->answer.capacity > EXCHANGE_KEEP_SIZE)
        buf_done(&exchange->answer);
    exchange->connection = NULL;
    http_request_reset(&exchange->http, 0);                  /* gives large memory back */
    list_add_before(front->spare.next, &exchange->in_queue); /* the last used is the warmest */
    front->spare_count++;
}

static void exchange_leave_lane(struct exchange *exchange)
{
    list_remove(&exchange->in_running);
    if (exchange->front)
        lanes_leave(&exchange->front->lanes, exchange->lane);
    exchange_give_back_room(exchange);
}

void exchange_orphan(struct exchange *exchange)
{
    CHECK(!exchange->connection);
    exchange_leave_lane(exchange);
    exchange->front = NULL;
}

/* The handler is done with it. */
static void exchange_leave(struct exchange *exchange)
{
    exchange_leave_lane(exchange);
    exchange->state = EXCHANGE_ANSWERED;
    if (!exchange->connection)
        exchange_free(exchange); /* invariant 2 */
    else
        connection_wake(exchange->connection);
}

static struct http_shape exchange_shape(const struct exchange *exchange)
{
    return (struct http_shape){.date = front_date(exchange->front),
                               .is_to_head = slice_is(exchange->http.method, "HEAD"),
                               .ends_connection = exchange->is_last};
}

/* When the answer cannot be sent as it is (an unfit header, over the maximum), the peer
 * gets a 500 and not half of it. */
static void exchange_answer_500(struct exchange *exchange)
{
    exchange_refuse(exchange, 500, SLICE("the answer could not be sent as it was"));
}

static void exchange_respond(struct door_exchange *door, const struct door_response *response)
{
    struct exchange *exchange = exchange_of(door);
    CHECK(exchange->state == EXCHANGE_RUNNING);
    if (exchange->connection) {
        exchange->is_last = connection_is_last(exchange->connection, exchange);
        struct http_shape shape = exchange_shape(exchange);
        if (response->body.size > exchange->front->bounds.answer_max ||
            !http_answer_add(connection_sink(exchange->connection, exchange), response, &shape))
            exchange_answer_500(exchange);
    }
    exchange_leave(exchange);
}

static enum err exchange_stream_begin(struct door_exchange *door, const struct door_response *head)
{
    struct exchange *exchange = exchange_of(door);
    CHECK(exchange->state == EXCHANGE_RUNNING);
    exchange->state = EXCHANGE_STREAMING;
    if (!exchange->connection)
        return ERR_CLOSED;
    struct buf *sink = connection_sink(exchange->connection, exchange);
    bool is_old = exchange->http.is_version_1_0;
    exchange->is_last = is_old || connection_is_last(exchange->connection, exchange);
    exchange->stream = is_old ? EXCHANGE_BY_END : EXCHANGE_BY_CHUNKS;
    struct http_shape shape = exchange_shape(exchange);
    shape.framing = is_old ? HTTP_BY_END : HTTP_BY_CHUNKS;
    struct door_response only_head = *head;
    only_head.body = (struct slice){0};
    connection_wake(exchange->connection);
    if (!http_answer_add(sink, &only_head, &shape)) {
        exchange->has_failed = true;
        exchange_answer_500(exchange);
        exchange->state = EXCHANGE_STREAMING; /* the handler still ends it */
        return ERR_INVALID;
    }
    if (shape.is_to_head) /* RFC 9110 9.3.2: the head and nothing else */
        exchange->stream = EXCHANGE_HEAD_ONLY;
    return ERR_OK;
}

static enum err exchange_stream_chunk(struct door_exchange *door, struct slice bytes)
{
    struct exchange *exchange = exchange_of(door);
    CHECK(exchange->state == EXCHANGE_STREAMING);
    if (!exchange->connection || exchange->has_failed || exchange->stream == EXCHANGE_HEAD_ONLY)
        return ERR_CLOSED;
    size_t waiting = connection_unwritten_size(exchange->connection, exchange);
    size_t max = exchange->front->bounds.stream_max;
    if (waiting > max || bytes.size > max - waiting)
        return ERR_BUSY;
    struct buf *sink = connection_sink(exchange->connection, exchange);
    if (exchange->stream == EXCHANGE_BY_CHUNKS)
        http_answer_add_chunk(sink, bytes);
    else
        buf_add(sink, bytes);
    connection_wake(exchange->connection);
    return ERR_OK;
}

static void exchange_stream_end(struct door_exchange *door)
{
    struct exchange *exchange = exchange_of(door);
    CHECK(exchange->state == EXCHANGE_STREAMING);
    if (exchange->connection && !exchange->has_failed && exchange->stream == EXCHANGE_BY_CHUNKS)
        http_answer_add_last_chunk(connection_sink(exchange->connection, exchange));
    exchange_leave(exchange);
}

static struct exchange *exchange_take_spare(struct front *front)
{
    if (list_is_empty(&front->spare)) {
        struct exchange *exchange = calloc(1, sizeof *exchange);
        if (exchange)
            http_request_init(&exchange->http);
        return exchange;
    }
    struct exchange *exchange = LIST_ENTRY(front->spare.next, struct exchange, in_queue);
    list_remove(&exchange->in_queue);
    front->spare_count--;
    return exchange;
}

struct exchange *exchange_new(struct front *front, struct connection *connection)
{
    struct exchange *exchange = exchange_take_spare(front);
    if (!exchange)
        return NULL;
    struct buf answer = exchange->answer;
    buf_reset(&answer);
    answer.size_max = connection_sink_max(front);
    struct http_request http = exchange->http; /* http_reader_begin resets it */
    *exchange = (struct exchange){.front = front,
                                  .connection = connection,
                                  .http = http,
                                  .answer = answer,
                                  .lane = DOOR_LANE_READ};
    exchange->door = (struct door_exchange){.request = &exchange->request,
                                            .respond = exchange_respond,
                                            .stream_begin = exchange_stream_begin,
                                            .stream_chunk = exchange_stream_chunk,
                                            .stream_end = exchange_stream_end};
    list_init(&exchange->in_queue);
    list_init(&exchange->in_running);
    return exchange;
}

void exchange_make_ready(struct exchange *exchange, const struct peer *peer)
{
    const struct http_request *http = &exchange->http;
    CHECK(exchange->state == EXCHANGE_READING);
    exchange->state = EXCHANGE_READY;
    exchange->is_safe = slice_is(http->method, "GET") || slice_is(http->method, "HEAD") ||
                        slice_is(http->method, "OPTIONS");
    exchange->request = (struct door_request){.method = http->method,
                                              .path = http->path,
                                              .query = http->query,
                                              .headers = http->headers,
                                              .header_count = http->header_count,
                                              .body = buf_slice(&http->body),
                                              .peer = peer_text(peer),
                                              .is_loopback_peer = peer->is_loopback};
    CHECK(exchange->held_size >= http->body.size);
    lanes_release(&exchange->front->lanes, exchange->held_size - http->body.size);
    exchange->held_size = http->body.size;
}

void exchange_run(struct exchange *exchange)
{
    struct front *front = exchange->front;
    CHECK(exchange->state == EXCHANGE_READY);
    if (!lanes_enter(&front->lanes, exchange->lane)) {
        front->counts.busy++;
        exchange->is_last = connection_is_last(exchange->connection, exchange);
        exchange_refuse(exchange, 503, SLICE("too many requests of this kind are under way"));
        return;
    }
    front->counts.requests++;
    exchange->state = EXCHANGE_RUNNING;
    list_add_before(&front->running, &exchange->in_running);
    front->handler.handle(front->handler.impl, &exchange->door);
}

void exchange_refuse(struct exchange *exchange, int status, struct slice detail)
{
    struct front *front = exchange->front;
    char buffer[EXCHANGE_REFUSAL_SIZE];
    size_t size = 0;
    struct door_response response = {.status = status,
                                     .headers = front->handler.refuse_headers,
                                     .header_count = front->handler.refuse_header_count};
    struct http_shape shape = exchange_shape(exchange);
    shape.retry_after_s = status == 503 ? RETRY_AFTER_BUSY_S : 0;
    front->handler.refuse(front->handler.impl, status, detail, &response.content_type, buffer,
                          sizeof buffer, &size);
    CHECK(size <= sizeof buffer);
    response.body = slice_of(buffer, size);
    exchange->state = EXCHANGE_ANSWERED;
    struct buf *sink = connection_sink(exchange->connection, exchange);
    bool is_added = http_answer_add(sink, &response, &shape);
    if (!is_added)
        connection_break(exchange->connection); /* no memory even for this: nothing can be said */
    connection_wake(exchange->connection);
}

void exchange_detach(struct exchange *exchange)
{
    CHECK(exchange->state == EXCHANGE_RUNNING || exchange->state == EXCHANGE_STREAMING);
    struct slice text = exchange->request.peer; /* the connection's */
    CHECK(text.size <= sizeof exchange->peer.text);
    exchange->peer.size = text.size;
    if (text.size > 0)
        memcpy(exchange->peer.text, text.at, text.size);
    exchange->request.peer = peer_text(&exchange->peer);
    exchange->connection = NULL;
    list_remove(&exchange->in_queue);
    if (exchange->door.on_gone)
        exchange->door.on_gone(&exchange->door); /* last: it may respond, which frees it */
}
