#include "server/connection.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "server/http_reader.h"
#include "server/outlet.h"

struct connection {
    uv_tcp_t tcp;
    struct front *front;
    struct list in_connections, in_woken;
    enum lanes_seat seat;
    struct http_reader reader;
    struct exchange *reading; /* NULL between requests */
    struct list queue;        /* whole requests and answers, in order */
    size_t queue_count;
    struct buf ahead; /* bytes that were read and wait for room (invariant 3) */
    struct outlet outlet;
    uv_shutdown_t shutdown;
    struct deadline waiting, unread;
    size_t unread_size;      /* when that deadline was set */
    size_t thrown_away_size; /* of what came after the last request */
    bool is_reading;         /* the socket is being read */
    bool has_ended_input;    /* the peer will send nothing more */
    bool is_deaf;            /* no further request is read */
    bool is_last_answered;
    bool must_linger; /* the peer may still be sending */
    bool is_lingering;
    bool is_broken;
    bool is_closing;
    struct peer peer;
};

enum {
    CONNECTION_SLACK = 64 * 1024, /* heads, refusals, sizes of chunks */
    CONNECTION_REASON = 160
};

static uv_stream_t *connection_stream(struct connection *connection)
{
    return (uv_stream_t *)&connection->tcp;
}

static struct exchange *connection_first(const struct connection *connection)
{
    if (list_is_empty(&connection->queue))
        return NULL;
    return LIST_ENTRY(connection->queue.next, struct exchange, in_queue);
}

static size_t connection_outlet_size(const struct connection *connection)
{
    return outlet_size(&connection->outlet, (const uv_stream_t *)&connection->tcp);
}

static bool connection_is_within_request(const struct connection *connection)
{
    return connection->reading && !http_reader_is_idle(&connection->reader);
}

static void connection_add(struct connection *connection, struct exchange *exchange)
{
    list_add_before(&connection->queue, &exchange->in_queue);
    connection->queue_count++;
    connection->reading = NULL;
}

/* --- for exchanges --- */

void connection_wake(struct connection *connection)
{
    if (!connection->is_closing)
        front_wake(connection->front, &connection->in_woken);
}

void connection_break(struct connection *connection)
{
    connection->is_broken = true;
    connection_wake(connection);
}

size_t connection_sink_max(const struct front *front)
{
    return front->bounds.unwritten_max + front->bounds.answer_max + front->bounds.stream_max +
           CONNECTION_SLACK;
}

struct buf *connection_sink(struct connection *connection, struct exchange *exchange)
{
    struct buf *outlet = &connection->outlet.filling;
    bool has_turn = exchange == connection_first(connection) && exchange->answer.size == 0;
    return has_turn && outlet->size <= connection->front->bounds.unwritten_max ? outlet
                                                                               : &exchange->answer;
}

size_t connection_unwritten_size(const struct connection *connection,
                                 const struct exchange *exchange)
{
    bool is_first = exchange == connection_first(connection);
    return exchange->answer.size + (is_first ? connection_outlet_size(connection) : 0);
}

bool connection_is_last(struct connection *connection, const struct exchange *exchange)
{
    bool is_end_of_queue = connection->queue.previous == &exchange->in_queue;
    if (connection->front->is_draining && is_end_of_queue &&
        !connection_is_within_request(connection))
        connection->is_deaf = true;
    return exchange->is_last || (connection->is_deaf && is_end_of_queue);
}

/* --- reading --- */

static void connection_refuse(struct connection *connection, int status, struct slice detail)
{
    struct exchange *exchange = connection->reading;
    CHECK(exchange != NULL);
    connection_add(connection, exchange);
    exchange->is_last = true;
    connection->is_deaf = true;
    connection->must_linger = true;
    exchange_refuse(exchange, status, detail);
}

static void connection_refuse_for_room(struct connection *connection, struct slice detail)
{
    connection->front->counts.busy++;
    connection_refuse(connection, 503, detail);
}

static void connection_refuse_for_form(struct connection *connection, enum http_reason reason)
{
    char text[CONNECTION_REASON];
    connection->front->counts.refused++;
    (void)snprintf(text, sizeof text, "%s", http_reason_text(reason)); /* ours: short */
    if (reason == HTTP_LARGE_BODY) /* the one limit that an installation sets */
        (void)snprintf(text, sizeof text,
                       "the body is over %zu bytes (`limits.body`): send less at once, or raise "
                       "that limit",
                       connection->front->bounds.body_max);
    connection_refuse(connection, http_reason_status(reason), slice_text(text));
}

/* RFC 9110 10.1.1: when it is this request's turn, so that nothing precedes its own answer. */
static void connection_offer_continue(struct connection *connection)
{
    struct exchange *exchange = connection->reading;
    if (!exchange || !exchange->owes_continue || connection->queue_count > 0)
        return;
    exchange->owes_continue = false;
    buf_add(&connection->outlet.filling, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    connection_wake(connection);
}

static void connection_on_head(struct connection *connection, bool has_more)
{
    struct front *front = connection->front;
    struct exchange *exchange = connection->reading;
    const struct http_request *http = &exchange->http;
    size_t body_size = http->is_chunked ? front->bounds.body_max : (size_t)http->content_length;
    exchange->lane = front->handler.lane(front->handler.impl, http->method, http->path);
    CHECK((unsigned)exchange->lane < DOOR_LANE_COUNT);
    if (!lanes_may_serve(&front->lanes, connection->seat, exchange->lane)) {
        connection_refuse_for_room(connection, SLICE("all connections are in use"));
        return;
    }
    if (!lanes_hold(&front->lanes, exchange->lane, body_size)) {
        connection_refuse_for_room(connection, SLICE("too many request bodies are being read"));
        return;
    }
    exchange->held_size = body_size;
    exchange->owes_continue = http->expects_continue && body_size > 0 && !has_more;
    connection_offer_continue(connection);
}

/* Hands over what may run now (invariant 2). */
static void connection_run(struct connection *connection)
{
    bool is_alone = true;
    bool are_safe = true;
    size_t unwritten_max = connection->front->bounds.unwritten_max;
    for (struct list *at = connection->queue.next; at != &connection->queue; at = at->next) {
        struct exchange *exchange = LIST_ENTRY(at, struct exchange, in_queue);
        if (exchange->state == EXCHANGE_READY) {
            bool may_run = is_alone || (are_safe && exchange->is_safe);
            if (!may_run || connection_outlet_size(connection) > unwritten_max)
                return;
            exchange_run(exchange);
        }
        if (exchange->state != EXCHANGE_ANSWERED) {
            is_alone = false;
            are_safe = are_safe && exchange->is_safe;
        }
    }
}

/* Moves what waited for its turn; takes answered requests off the front of the queue. */
static void connection_take_answers(struct connection *connection)
{
    struct buf *outlet = &connection->outlet.filling;
    size_t unwritten_max = connection->front->bounds.unwritten_max;
    struct exchange *exchange = connection_first(connection);
    while (exchange && outlet->size <= unwritten_max) {
        buf_add(outlet, buf_slice(&exchange->answer));
        buf_reset(&exchange->answer);
        if (exchange->state != EXCHANGE_ANSWERED)
            return;
        connection->is_last_answered = connection->is_last_answered || exchange->is_last;
        connection->queue_count--;
        exchange_free(exchange);
        exchange = connection_first(connection);
    }
}

static void connection_advance(struct connection *connection)
{
    const struct exchange *first = NULL;
    do { /* again as long as the handler answers at once and there is room for the answers */
        connection_take_answers(connection);
        connection_run(connection);
        first = connection_first(connection);
    } while (first && first->state == EXCHANGE_ANSWERED &&
             connection->outlet.filling.size <= connection->front->bounds.unwritten_max);
}

static void connection_on_whole(struct connection *connection)
{
    struct exchange *exchange = connection->reading;
    exchange_make_ready(exchange, &connection->peer);
    exchange->is_last = exchange->http.wants_close || connection->seat == LANES_RESERVE;
    connection->is_deaf = exchange->is_last;
    deadline_clear(&connection->waiting); /* the next request has a clock of its own */
    connection_add(connection, exchange);
    connection_advance(connection);
}

static bool connection_may_read(const struct connection *connection)
{
    const struct front *front = connection->front;
    if (connection->is_deaf || connection->is_broken)
        return false;
    if (connection_is_within_request(connection))
        return true;
    return !front->is_draining && connection->queue_count < front->bounds.pipeline_max &&
           connection_outlet_size(connection) <= front->bounds.unwritten_max;
}

static bool connection_begin_request(struct connection *connection)
{
    struct front *front = connection->front;
    connection->reading = exchange_new(front, connection);
    if (!connection->reading)
        return false;
    http_reader_begin(&connection->reader, &connection->reading->http, front->bounds.body_max);
    return true;
}

/* Takes as many requests off *in as there is room for. */
static void connection_consume(struct connection *connection, struct slice *in)
{
    enum http_step step = HTTP_HEAD;
    while (step != HTTP_MORE && connection_may_read(connection)) {
        if (!connection->reading && in->size == 0)
            return;
        if (!connection->reading && !connection_begin_request(connection)) {
            connection_break(connection);
            return;
        }
        step = http_reader_read(&connection->reader, in);
        switch (step) {
        case HTTP_MORE:
            break;
        case HTTP_HEAD:
            connection_on_head(connection, in->size > 0);
            break;
        case HTTP_WHOLE:
            connection_on_whole(connection);
            break;
        case HTTP_REFUSED:
            connection_refuse_for_form(connection, connection->reader.reason);
            break;
        }
    }
}

static void connection_stop_reading(struct connection *connection)
{
    (void)uv_read_stop(connection_stream(connection)); /* always 0 */
    connection->is_reading = false;
}

static void connection_throw_away(struct connection *connection, size_t size)
{
    if (size == 0)
        return;
    connection->must_linger = true;
    connection->thrown_away_size += size;
    if (connection->thrown_away_size <= connection->front->bounds.linger_max)
        return;
    connection_stop_reading(connection);
    if (connection->is_lingering)
        connection_break(connection);
}

/* The deadline that fits what the connection is doing now; one that runs already is left alone. */
static void connection_watch(struct connection *connection)
{
    bool is_on_reserve = connection->seat == LANES_RESERVE;
    bool owes_nothing = connection->queue_count == 0 && connection_outlet_size(connection) == 0;
    enum deadline_kind kind = DEADLINE_NONE;
    if (connection->is_lingering) {
        kind = DEADLINE_LINGER;
    } else if (connection->has_ended_input) {
        kind = DEADLINE_GONE;
    } else if (connection_is_within_request(connection)) {
        if (!connection->reading->owes_continue)
            kind = is_on_reserve ? DEADLINE_RESERVE : DEADLINE_SLOW;
    } else if (owes_nothing && connection->ahead.size == 0) {
        kind = is_on_reserve ? DEADLINE_RESERVE : DEADLINE_IDLE;
    }
    if (kind == connection->waiting.kind)
        return;
    if (kind == DEADLINE_NONE)
        deadline_clear(&connection->waiting);
    else
        deadline_set(&connection->front->deadlines, &connection->waiting, kind);
}

/* The peer has ended its side. It may still read: what it asked whole is answered. */
static void connection_on_end(struct connection *connection)
{
    connection->has_ended_input = true;
    connection->is_reading = false;
    if (connection_is_within_request(connection))
        connection_refuse_for_form(connection, HTTP_CUT);
    connection->is_deaf = true;
    connection_wake(connection);
}

static void connection_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct connection *connection = stream->data;
    if (size == UV_EOF) {
        connection_on_end(connection);
    } else if (size < 0) {
        connection_close(connection);
        return;
    } else {
        struct slice in = slice_of(bytes->base, (size_t)size);
        connection_consume(connection, &in);
        if (connection->is_deaf) {
            connection_throw_away(connection, in.size);
        } else if (in.size > 0) { /* invariant 3 */
            buf_add(&connection->ahead, in);
            connection_stop_reading(connection);
            if (!buf_ok(&connection->ahead))
                connection_break(connection);
        }
    }
    connection_watch(connection);
}

static void connection_on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out_bytes)
{
    struct connection *connection = handle->data;
    (void)size; /* only a suggestion */
    *out_bytes = uv_buf_init(connection->front->read_buffer, FRONT_READ_SIZE);
}

static void connection_read_on(struct connection *connection)
{
    size_t size = connection->ahead.size;
    if (size > 0) {
        struct slice in = buf_slice(&connection->ahead);
        connection_consume(connection, &in);
        if (connection->is_deaf) {
            connection_throw_away(connection, in.size);
            in.size = 0;
        }
        if (in.size > 0 && in.size < size)
            memmove(connection->ahead.at, in.at, in.size);
        buf_cut(&connection->ahead, in.size);
        if (in.size == 0)
            buf_done(&connection->ahead);
    }
    bool may_listen = connection->ahead.size == 0 && !connection->has_ended_input &&
                      connection->thrown_away_size <= connection->front->bounds.linger_max;
    if (!connection->is_reading && may_listen)
        connection->is_reading = uv_read_start(connection_stream(connection), connection_on_alloc,
                                               connection_on_read) == 0;
}

/* --- writing and ending --- */

static void connection_on_written(uv_write_t *request, int status)
{
    struct connection *connection = request->handle->data;
    outlet_end_write(&connection->outlet);
    deadline_clear(&connection->unread);
    if (status < 0)
        connection_break(connection); /* does nothing while closing */
    connection_wake(connection);
}

static bool connection_flush(struct connection *connection)
{
    uv_stream_t *stream = connection_stream(connection);
    if (!buf_ok(&connection->outlet.filling) ||
        outlet_flush(&connection->outlet, stream, connection_on_written) != ERR_OK)
        return false;
    if (connection->outlet.is_writing && connection->unread.kind == DEADLINE_NONE) {
        connection->unread_size = uv_stream_get_write_queue_size(stream);
        deadline_set(&connection->front->deadlines, &connection->unread, DEADLINE_UNREAD);
    }
    return true;
}

static void connection_on_shutdown(uv_shutdown_t *request, int status)
{
    if (status < 0)
        connection_break(request->handle->data); /* does nothing while closing */
}

/* Invariant 4. */
static bool connection_linger(struct connection *connection)
{
    struct front *front = connection->front;
    connection->is_lingering = true;
    if (!lanes_linger(&front->lanes, &connection->seat) ||
        uv_shutdown(&connection->shutdown, connection_stream(connection), connection_on_shutdown) !=
            0)
        return false;
    front->on_seat_free(front);
    return true;
}

/* Ends the connection when it owes nothing and will be asked nothing; false: it is closed. */
static bool connection_try_end(struct connection *connection)
{
    bool owes_nothing = connection->queue_count == 0 && connection_outlet_size(connection) == 0;
    if (!owes_nothing || connection->is_lingering)
        return !(connection->is_lingering && connection->has_ended_input);
    if (connection->has_ended_input)
        return false;
    if (connection->is_last_answered)
        return connection->must_linger && connection_linger(connection);
    return !connection->front->is_draining || connection_is_within_request(connection);
}

/* Something waits for nothing but room in the outlet, and the flush has just made some. */
static bool connection_can_go_on(const struct connection *connection)
{
    const struct exchange *first = connection_first(connection);
    if (connection_outlet_size(connection) > connection->front->bounds.unwritten_max)
        return false;
    if (connection->ahead.size > 0 && connection_may_read(connection))
        return true;
    return first && (first->state == EXCHANGE_READY || first->state == EXCHANGE_ANSWERED ||
                     first->answer.size > 0);
}

static void connection_turn(struct connection *connection)
{
    if (connection->is_broken) {
        connection_close(connection);
        return;
    }
    connection_advance(connection);
    connection_read_on(connection);
    connection_offer_continue(connection);
    if (!connection_flush(connection) || !connection_try_end(connection)) {
        connection_close(connection);
        return;
    }
    connection_watch(connection);
    if (connection_can_go_on(connection))
        connection_wake(connection);
}

void connection_take_turn(struct list *woken)
{
    connection_turn(LIST_ENTRY(woken, struct connection, in_woken));
}

void connection_on_due(struct deadline *deadline, enum deadline_kind kind)
{
    struct connection *connection = LIST_ENTRY(deadline, struct connection, waiting);
    switch (kind) {
    case DEADLINE_UNREAD:
        connection = LIST_ENTRY(deadline, struct connection, unread);
        if (uv_stream_get_write_queue_size(connection_stream(connection)) >=
            connection->unread_size) {
            connection_close(connection);
        } else { /* slow, but it reads */
            connection->unread_size = uv_stream_get_write_queue_size(connection_stream(connection));
            deadline_set(&connection->front->deadlines, deadline, DEADLINE_UNREAD);
        }
        return;
    case DEADLINE_SLOW:
    case DEADLINE_RESERVE:
        if (connection_is_within_request(connection)) {
            connection->front->counts.refused++;
            connection_refuse(connection, 408, SLICE("the request was not whole in time"));
            return;
        }
        connection_close(connection);
        return;
    case DEADLINE_IDLE:
    case DEADLINE_GONE:
    case DEADLINE_LINGER:
        connection_close(connection);
        return;
    case DEADLINE_NONE:
    case DEADLINE_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

/* --- life --- */

static void connection_on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct front *front = connection->front;
    outlet_done(&connection->outlet);
    buf_done(&connection->ahead);
    free(connection);
    front->connection_count--;
    front->on_seat_free(front);
    front->on_closed(front);
}

void connection_close(struct connection *connection)
{
    if (connection->is_closing)
        return;
    connection->is_closing = true;
    deadline_clear(&connection->waiting);
    deadline_clear(&connection->unread);
    list_remove(&connection->in_woken);
    list_remove(&connection->in_connections);
    lanes_stand(&connection->front->lanes, connection->seat);
    uv_close((uv_handle_t *)&connection->tcp, connection_on_closed);
    exchange_free(connection->reading);
    connection->reading = NULL;
    for (struct exchange *exchange = connection_first(connection); exchange;
         exchange = connection_first(connection)) {
        if (exchange->state == EXCHANGE_RUNNING || exchange->state == EXCHANGE_STREAMING)
            exchange_detach(exchange);
        else
            exchange_free(exchange);
    }
}

bool connection_open(struct front *front, uv_stream_t *listener, enum lanes_seat seat)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection || uv_tcp_init(front->loop, &connection->tcp) != 0) {
        free(connection);
        lanes_stand(&front->lanes, seat);
        return false;
    }
    connection->tcp.data = connection;
    connection->front = front;
    connection->seat = seat;
    list_init(&connection->in_woken);
    list_init(&connection->queue);
    deadline_init(&connection->waiting);
    deadline_init(&connection->unread);
    buf_init(&connection->ahead, FRONT_READ_SIZE);
    outlet_init(&connection->outlet, connection_sink_max(front));
    list_add_before(&front->connections, &connection->in_connections);
    front->connection_count++;
    front->counts.accepted++;
    if (uv_accept(listener, connection_stream(connection)) != 0 ||
        uv_tcp_nodelay(&connection->tcp, 1) != 0 ||
        !peer_init(&connection->peer, &connection->tcp)) {
        connection_close(connection);
        return true;
    }
    connection_wake(connection); /* its first turn begins to read */
    return true;
}

bool connection_evict(struct front *front)
{
    struct deadline *idle = deadlines_longest_idle(&front->deadlines, front->bounds.evict_ms);
    if (!idle)
        return false;
    connection_close(LIST_ENTRY(idle, struct connection, waiting));
    return true;
}

void connection_close_all(struct front *front)
{
    while (!list_is_empty(&front->connections))
        connection_close(LIST_ENTRY(front->connections.next, struct connection, in_connections));
}

void connection_wake_all(struct front *front)
{
    for (struct list *at = front->connections.next; at != &front->connections; at = at->next)
        connection_wake(LIST_ENTRY(at, struct connection, in_connections));
}
