#include "server/server.h"

#include <signal.h>
#include <stdlib.h>

#include "base/check.h"
#include "server/connection.h"

struct server_notice {
    void (*run)(void *arg);
    void *arg;
};

struct server {
    struct front front; /* first: front callbacks find the server by it */
    uv_tcp_t listener;
    bool has_listener; /* its handle is not closed yet */
    bool is_stopped;   /* its closing has begun */
    bool has_waiting;  /* a connection that there was no seat for */
    uv_tcp_t turned_away;
    bool is_turning_away; /* its handle is not closed yet */
    bool is_closing;
    uint16_t port;
    struct server_notice on_drained, on_closed;
};

static struct server *server_of(struct front *front)
{
    return (struct server *)(void *)front;
}

static void server_notify(struct server_notice *notice)
{
    struct server_notice once = *notice;
    *notice = (struct server_notice){0};
    if (once.run)
        once.run(once.arg);
}

/* Invariant 1. */
static enum lanes_seat server_find_seat(struct server *server)
{
    struct front *front = &server->front;
    enum lanes_seat seat = lanes_sit(&front->lanes);
    if (seat == LANES_NORMAL || !connection_evict(front))
        return seat;
    lanes_stand(&front->lanes, seat);
    return lanes_sit(&front->lanes);
}

static void server_accept(struct server *server);
static void server_settle(struct server *server);

static void server_on_turned_away(uv_handle_t *handle)
{
    struct server *server = handle->data;
    server->is_turning_away = false;
    if (server->has_waiting && !server->is_stopped)
        server_accept(server);
    server_settle(server);
}

/* Without memory for a connection: it must not wait, since perhaps nobody will leave. */
static void server_turn_away(struct server *server)
{
    server->has_waiting = server->is_turning_away;
    if (server->has_waiting || uv_tcp_init(server->front.loop, &server->turned_away) != 0)
        return;
    server->turned_away.data = server;
    server->is_turning_away = true;
    (void)uv_accept((uv_stream_t *)&server->listener,
                    (uv_stream_t *)&server->turned_away); /* it is closed in any case */
    uv_close((uv_handle_t *)&server->turned_away, server_on_turned_away);
}

static void server_accept(struct server *server)
{
    enum lanes_seat seat = server_find_seat(server);
    server->has_waiting = seat == LANES_NO_SEAT;
    if (seat != LANES_NO_SEAT &&
        !connection_open(&server->front, (uv_stream_t *)&server->listener, seat))
        server_turn_away(server);
}

static void server_on_connection(uv_stream_t *listener, int status)
{
    if (status == 0) /* else the peer has gone again, or no descriptors: nothing to answer with */
        server_accept(listener->data);
}

/* Frees the server once the last handle is closed. */
static void server_settle(struct server *server)
{
    struct front *front = &server->front;
    if (front->connection_count > 0 || server->has_listener || server->is_turning_away)
        return;
    if (server->is_stopped)
        server_notify(&server->on_drained);
    if (!server->is_closing || front->handle_count > 0)
        return;
    struct server_notice on_closed = server->on_closed;
    front_done(front);
    free(server);
    server_notify(&on_closed);
}

static void server_on_seat_free(struct front *front)
{
    struct server *server = server_of(front);
    if (server->has_waiting && !server->is_stopped)
        server_accept(server);
}

static void server_on_closed(struct front *front)
{
    server_settle(server_of(front));
}

static void server_on_listener_closed(uv_handle_t *handle)
{
    struct server *server = handle->data;
    server->has_listener = false;
    server_settle(server);
}

static bool server_parse_host(struct slice host, uint16_t port,
                              struct sockaddr_storage *out_address)
{
    char text[INET6_ADDRSTRLEN + 1];
    if (slice_is(host, "localhost"))
        host = SLICE("127.0.0.1");
    if (host.size == 0 || host.size >= sizeof text || slice_find(host, '\0') < host.size)
        return false;
    memcpy(text, host.at, host.size);
    text[host.size] = '\0';
    return uv_ip4_addr(text, port, (struct sockaddr_in *)out_address) == 0 ||
           uv_ip6_addr(text, port, (struct sockaddr_in6 *)out_address) == 0;
}

static int server_read_port(struct server *server)
{
    struct sockaddr_storage address = {0};
    int size = sizeof address;
    int result = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &size);
    in_port_t port = address.ss_family == AF_INET6
                         ? ((const struct sockaddr_in6 *)&address)->sin6_port
                         : ((const struct sockaddr_in *)&address)->sin_port;
    server->port = ntohs(port);
    return result;
}

static enum err server_err(int uv_error)
{
    if (uv_error == UV_EADDRINUSE)
        return ERR_CONFLICT;
    return uv_error == UV_EACCES || uv_error == UV_EPERM ? ERR_DENIED : ERR_IO;
}

static int server_listen(struct server *server, const struct sockaddr_storage *address)
{
    int result = uv_tcp_bind(&server->listener, (const struct sockaddr *)address, 0);
    if (result == 0)
        result = uv_listen((uv_stream_t *)&server->listener, LIMIT_BACKLOG, server_on_connection);
    return result == 0 ? server_read_port(server) : result;
}

enum err server_open(uv_loop_t *loop, const struct server_config *config,
                     struct server **out_server, const char **out_what)
{
    struct sockaddr_storage address = {0};
    if (!server_parse_host(config->host, config->port, &address)) {
        *out_what = "not an IPv4 or IPv6 address";
        return ERR_INVALID;
    }
    struct server *server = calloc(1, sizeof *server);
    if (!server || uv_tcp_init(loop, &server->listener) != 0) {
        free(server);
        *out_what = err_text(ERR_NO_MEMORY);
        return ERR_NO_MEMORY;
    }
    server->has_listener = true;
    server->listener.data = server;
    server->front.loop = loop;
    server->front.handler = config->handler;
    server->front.bounds = config->bounds;
    if (config->bounds.held_max < config->bounds.body_max) /* one must always fit */
        server->front.bounds.held_max = config->bounds.body_max;
    server->front.take_turn = connection_take_turn;
    server->front.on_seat_free = server_on_seat_free;
    server->front.on_closed = server_on_closed;
    front_init(&server->front, connection_on_due);
    (void)signal(SIGPIPE, SIG_IGN); /* fails only for a bad signal number */
    int result = server_listen(server, &address);
    if (result != 0) {
        *out_what = uv_strerror(result);
        server_close(server, NULL, NULL);
        return server_err(result);
    }
    *out_server = server;
    return ERR_OK;
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

struct front_counts server_counts(const struct server *server)
{
    return server->front.counts;
}

size_t server_connection_count(const struct server *server)
{
    return server->front.connection_count;
}

size_t server_lane_count(const struct server *server, enum door_lane lane)
{
    CHECK((unsigned)lane < DOOR_LANE_COUNT);
    return server->front.lanes.under_way[lane];
}

static void server_stop(struct server *server)
{
    if (server->is_stopped)
        return;
    server->is_stopped = true;
    uv_close((uv_handle_t *)&server->listener, server_on_listener_closed);
}

void server_stop_accepting(struct server *server, void (*on_drained)(void *arg), void *arg)
{
    CHECK(!server->is_closing && !server->is_stopped);
    server->on_drained = (struct server_notice){on_drained, arg};
    server->front.is_draining = true;
    server_stop(server);
    connection_wake_all(&server->front);
}

void server_close(struct server *server, void (*on_closed)(void *arg), void *arg)
{
    CHECK(!server->is_closing);
    server->is_closing = true;
    server->on_closed = (struct server_notice){on_closed, arg};
    server_stop(server);
    connection_close_all(&server->front);
    front_close(&server->front);
}
