/* contract/peer.h - a TCP peer that does what a script says, on the test's own loop.
 * Owns: the listener on a free port, its connections, and the count of requests that it has read.
 * A script is a text of steps with ";" between them (upstream.cases lists them); the n-th
 * connection takes the n-th script, the last script serves all later ones. After its last step a
 * connection holds until the other side closes. Plain descriptors, because libuv's streams read by
 * themselves and "bytes are there, unread" must be a step of its own. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/check.h"

enum { PEER_SCRIPTS = 4, PEER_CONNECTIONS = 8, PEER_REQUEST_MAX = 2 * 1024 * 1024 };

/* A call that must work for the test to mean anything. */
static inline void peer_must(bool is_true)
{
    CHECK(is_true);
}

struct peer;
struct peer_connection {
    uv_poll_t poll;
    struct peer *peer;
    int fd;              /* -1 = closed */
    struct slice script; /* what is left of it */
    struct buf bytes;    /* read, not yet a whole request */
    bool is_poll_open;
};

struct peer {
    uv_loop_t *loop;
    uv_poll_t poll;
    int fd;
    int port;
    struct slice scripts[PEER_SCRIPTS];
    size_t script_count;
    struct peer_connection connections[PEER_CONNECTIONS];
    size_t connection_count; /* accepted so far */
    size_t read_count;       /* whole requests */
    size_t byte_count;       /* all bytes read */
    size_t closed_count;     /* connections that the other side has ended */
    struct buf request;      /* the last one, with its body */
};

static inline void peer_closed(uv_handle_t *handle)
{
    (void)handle;
}

static inline void peer_end(struct peer_connection *connection)
{
    if (connection->fd < 0)
        return;
    uv_close((uv_handle_t *)&connection->poll, peer_closed);
    (void)close(connection->fd); /* ours */
    connection->fd = -1;
    buf_done(&connection->bytes);
}

static inline void peer_reset(struct peer_connection *connection)
{
    struct linger linger = {1, 0};
    (void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger); /* a socket */
    peer_end(connection);
}

static inline void peer_send(struct peer_connection *connection, struct slice bytes)
{
    (void)!send(connection->fd, bytes.at, bytes.size, MSG_NOSIGNAL); /* the other may have gone */
}

/* \r and \n are escapes in scripts. */
static inline void peer_send_text(struct peer_connection *connection, struct slice text)
{
    struct buf bytes;
    buf_init(&bytes, 10000);
    for (size_t i = 0; i < text.size; i++) {
        bool is_escape = text.at[i] == '\\' && i + 1 < text.size;
        if (is_escape)
            i++;
        buf_add_byte(&bytes, is_escape ? (text.at[i] == 'r' ? '\r' : '\n') : text.at[i]);
    }
    peer_send(connection, buf_slice(&bytes));
    buf_done(&bytes);
}

static inline void peer_send_many(struct peer_connection *connection, struct slice unit,
                                  struct slice count)
{
    uint64_t times = 0;
    struct buf bytes;
    buf_init(&bytes, 1000000);
    peer_must(slice_to_u64(count, 100000, &times));
    for (uint64_t i = 0; i < times; i++)
        buf_add(&bytes, unit);
    peer_send(connection, buf_slice(&bytes));
    buf_done(&bytes);
}

/* Size of the whole request at the front of what was read, 0 = not whole yet. */
static inline size_t peer_request_size(struct slice bytes)
{
    static const struct slice length = {"\r\nContent-Length: ", 18};
    for (size_t i = 0; i + 4 <= bytes.size; i++) {
        if (memcmp(bytes.at + i, "\r\n\r\n", 4) != 0)
            continue;
        uint64_t body = 0;
        for (size_t k = 0; k < i; k++)
            if (slice_starts(slice_from(bytes, k), length)) {
                struct slice value = slice_from(bytes, k + length.size);
                (void)slice_to_u64(slice_first(value, slice_find(value, '\r')), 1U << 30, &body);
            }
        return i + 4 + body <= bytes.size ? i + 4 + (size_t)body : 0;
    }
    return 0;
}

/* True when a whole request was read; it moves to peer->request. */
static inline bool peer_read(struct peer_connection *connection)
{
    char bytes[65536];
    struct peer *peer = connection->peer;
    size_t size = peer_request_size(buf_slice(&connection->bytes));
    while (size == 0) {
        ssize_t got = recv(connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got <= 0)
            return false;
        peer->byte_count += (size_t)got;
        buf_add(&connection->bytes, slice_of(bytes, (size_t)got));
        size = peer_request_size(buf_slice(&connection->bytes));
    }
    buf_reset(&peer->request);
    buf_add(&peer->request, slice_first(buf_slice(&connection->bytes), size));
    CHECK(size == connection->bytes.size); /* nobody pipelines */
    buf_reset(&connection->bytes);
    peer->read_count++;
    return true;
}

static inline bool peer_has_ended(const struct peer_connection *connection)
{
    char byte;
    ssize_t got = recv(connection->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return got == 0 || (got < 0 && errno != EAGAIN);
}

static inline bool peer_has_bytes(const struct peer_connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0;
}

/* One step; false = it waits for the other side, and is tried again. */
static inline bool peer_step(struct peer_connection *connection, struct slice step)
{
    size_t space = slice_find(step, ' ');
    struct slice verb = slice_first(step, space);
    struct slice rest = slice_from(step, space + 1);
    if (slice_is(verb, "wait"))
        return peer_has_bytes(connection);
    if (slice_is(verb, "read"))
        return peer_read(connection);
    if (slice_is(verb, "send"))
        peer_send_text(connection, rest);
    else if (slice_is(verb, "ok"))
        peer_send_text(connection, SLICE("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"));
    else if (slice_is(verb, "fill"))
        peer_send_many(connection, SLICE("x"), rest);
    else if (slice_is(verb, "lines"))
        peer_send_many(connection, SLICE("H: v\r\n"), rest);
    else if (slice_is(verb, "fin"))
        (void)shutdown(connection->fd, SHUT_WR); /* a socket */
    else if (slice_is(verb, "close"))
        peer_end(connection);
    else if (slice_is(verb, "reset"))
        peer_reset(connection);
    else
        CHECK_UNREACHABLE();
    return true;
}

static inline void peer_run(struct peer_connection *connection)
{
    while (connection->fd >= 0 && connection->script.size > 0) {
        size_t end = slice_find(connection->script, ';');
        struct slice step = slice_first(connection->script, end);
        while (step.size > 0 && step.at[0] == ' ')
            step = slice_from(step, 1); /* blanks at the end belong to `send` */
        if (!slice_starts(step, SLICE("send")))
            step = slice_trim(step);
        if (!peer_step(connection, step))
            return;
        connection->script = slice_from(connection->script, end + 1);
    }
}

static inline void peer_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct peer_connection *connection = poll->data;
    peer_run(connection);
    if (connection->fd < 0)
        return;
    if (peer_has_ended(connection)) {
        connection->peer->closed_count++;
        peer_end(connection);
    } else if (peer_has_bytes(connection) && connection->script.size == 0) {
        (void)uv_poll_stop(poll); /* unread for ever: no busy waiting */
    }
}

static inline void peer_accept(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct peer *peer = poll->data;
    int fd = accept4(peer->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    CHECK(peer->connection_count < PEER_CONNECTIONS);
    size_t script = peer->connection_count < peer->script_count ? peer->connection_count
                                                                : peer->script_count - 1;
    struct peer_connection *connection = &peer->connections[peer->connection_count++];
    *connection = (struct peer_connection){.peer = peer, .fd = fd, .script = peer->scripts[script]};
    buf_init(&connection->bytes, PEER_REQUEST_MAX);
    connection->poll.data = connection;
    peer_must(uv_poll_init(peer->loop, &connection->poll, fd) == 0);
    peer_must(uv_poll_start(&connection->poll, UV_READABLE | UV_DISCONNECT, peer_ready) == 0);
    peer_run(connection);
}

static inline int peer_listen(int backlog, int *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    peer_must(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0);
    peer_must(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    peer_must(backlog < 0 || listen(fd, backlog) == 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

/* first = the script of the first connection; all others read and answer. */
static inline void peer_start(struct peer *peer, uv_loop_t *loop, const char *first)
{
    *peer = (struct peer){.loop = loop, .script_count = 2};
    peer->scripts[0] = slice_text(first);
    peer->scripts[1] = SLICE("read; ok; read; ok; read; ok; read; ok");
    buf_init(&peer->request, PEER_REQUEST_MAX);
    peer->fd = peer_listen(16, &peer->port);
    peer->poll.data = peer;
    peer_must(uv_poll_init(loop, &peer->poll, peer->fd) == 0);
    peer_must(uv_poll_start(&peer->poll, UV_READABLE, peer_accept) == 0);
}

static inline void peer_stop(struct peer *peer)
{
    for (size_t i = 0; i < peer->connection_count; i++)
        peer_end(&peer->connections[i]);
    uv_close((uv_handle_t *)&peer->poll, peer_closed);
    (void)close(peer->fd); /* ours */
    buf_done(&peer->request);
}
