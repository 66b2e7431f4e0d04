/* tests/contract/wire.h - a real server with a toy handler, and real sockets that talk to it, all
 * on one loop: no thread, no sleep; a test waits for what it wants to see, under one watchdog.
 *
 * The toy: a path that begins with /later or /stream is kept until the test answers it; /bytes/N is
 * answered with N bytes, /unfit with a header that must not leave, /empty with 204; any other at
 * once with "METHOD PATH BODY". Lanes: /stop, /outcome, /verdict by path; else POST is an
 * admission. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "server/server.h"

enum { WIRE_KEPT_MAX = 64, WIRE_WATCHDOG_MS = 20000, WIRE_GOT_MAX = 64 * 1024 * 1024 };

struct wire {
    uv_loop_t loop;
    uv_timer_t watchdog;
    struct server *server;
    struct door_exchange *kept[WIRE_KEPT_MAX]; /* in the order of arrival; NULL once answered */
    size_t kept_count;
    size_t begun_count; /* all that were handled */
    size_t gone_count;
    bool is_drained, is_closed;
};

struct client {
    struct wire *wire;
    uv_poll_t poll;
    int fd;
    struct buf got;
    bool has_ended; /* the server has closed */
    bool is_deaf;   /* reads nothing */
};

static inline bool wire_starts(struct slice s, const char *text)
{
    return slice_starts(s, slice_text(text));
}

static inline enum door_lane wire_lane(void *impl, struct slice method, struct slice path)
{
    (void)impl;
    if (wire_starts(path, "/stop"))
        return DOOR_LANE_STOP;
    if (wire_starts(path, "/outcome"))
        return DOOR_LANE_OUTCOME;
    if (wire_starts(path, "/verdict"))
        return DOOR_LANE_VERDICT;
    return slice_is(method, "POST") ? DOOR_LANE_ADMISSION : DOOR_LANE_READ;
}

static inline void wire_on_gone(struct door_exchange *exchange)
{
    struct wire *wire = exchange->handler_data;
    wire->gone_count++;
}

static inline void wire_respond(struct door_exchange *exchange, struct slice body)
{
    struct door_response response = {
        .status = 200, .content_type = SLICE("text/plain"), .body = body};
    exchange->respond(exchange, &response);
}

static inline void wire_echo(struct door_exchange *exchange)
{
    const struct door_request *request = exchange->request;
    struct buf body;
    buf_init(&body, WIRE_GOT_MAX);
    buf_add_fmt(&body, "%.*s %.*s %.*s", SLICE_FMT(request->method), SLICE_FMT(request->path),
                SLICE_FMT(request->body));
    wire_respond(exchange, buf_slice(&body));
    buf_done(&body);
}

static inline void wire_handle(void *impl, struct door_exchange *exchange)
{
    struct wire *wire = impl;
    struct slice path = exchange->request->path;
    wire->begun_count++;
    assert_true(exchange->request->is_loopback_peer);
    assert_true(wire_starts(exchange->request->peer, "127.0.0.1:"));
    if (wire_starts(path, "/later") || wire_starts(path, "/stream")) {
        assert_true(wire->kept_count < WIRE_KEPT_MAX);
        exchange->on_gone = wire_on_gone;
        exchange->handler_data = wire;
        wire->kept[wire->kept_count++] = exchange;
    } else if (wire_starts(path, "/bytes/")) {
        uint64_t size = 0;
        assert_true(slice_to_u64(slice_from(path, 7), WIRE_GOT_MAX, &size));
        char *bytes = malloc(size + 1);
        assert_non_null(bytes);
        memset(bytes, 'b', size);
        wire_respond(exchange, slice_of(bytes, size));
        free(bytes);
    } else if (wire_starts(path, "/unfit")) {
        struct door_header header = {SLICE("X-A"), SLICE("b\r\nX-Evil: c")};
        struct door_response response = {.status = 200, .headers = &header, .header_count = 1};
        exchange->respond(exchange, &response);
    } else if (wire_starts(path, "/empty")) {
        struct door_response response = {.status = 204};
        exchange->respond(exchange, &response);
    } else {
        wire_echo(exchange);
    }
}

static inline void wire_refuse(void *impl, int status, struct slice detail,
                               struct slice *out_content_type, char *buffer, size_t buffer_size,
                               size_t *out_size)
{
    (void)impl;
    *out_content_type = SLICE("text/plain");
    int size = snprintf(buffer, buffer_size, "%d: %.*s", status, SLICE_FMT(detail));
    assert_true(size > 0 && (size_t)size < buffer_size);
    *out_size = (size_t)size;
}

static inline void wire_on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("waited for %d ms in vain", WIRE_WATCHDOG_MS);
}

static inline struct server_config wire_config(struct wire *wire)
{
    struct server_config config = {
        .host = SLICE("127.0.0.1"),
        .handler = {wire, wire_lane, wire_handle, wire_refuse},
        .bounds = server_bounds_default(),
    };
    config.bounds.spare_max = 0; /* so that the sanitizer sees every use after the end */
    return config;
}

static inline struct server_bounds wire_bounds(void)
{
    return wire_config(NULL).bounds;
}

static inline void wire_open(struct wire *wire, struct server_bounds bounds)
{
    *wire = (struct wire){0};
    assert_int_equal(uv_loop_init(&wire->loop), 0);
    assert_int_equal(uv_timer_init(&wire->loop, &wire->watchdog), 0);
    assert_int_equal(uv_timer_start(&wire->watchdog, wire_on_watchdog, WIRE_WATCHDOG_MS, 0), 0);
    struct server_config config = wire_config(wire);
    config.bounds = bounds;
    const char *what = NULL;
    assert_int_equal(server_open(&wire->loop, &config, &wire->server, &what), ERR_OK);
    assert_int_not_equal(server_port(wire->server), 0);
}

/* Runs the loop until it holds. */
#define WIRE_UNTIL(wire, condition)                                                                \
    while (!(condition))                                                                           \
    (void)uv_run(&(wire)->loop, UV_RUN_ONCE)

static inline void wire_on_passed(uv_timer_t *timer)
{
    bool *has_passed = timer->data;
    *has_passed = true;
}

/* Runs the loop for that long: for what must not happen meanwhile. */
static inline void wire_pass(struct wire *wire, uint64_t ms)
{
    bool has_passed = false;
    uv_timer_t *timer = malloc(sizeof *timer);
    assert_non_null(timer);
    assert_int_equal(uv_timer_init(&wire->loop, timer), 0);
    timer->data = &has_passed;
    assert_int_equal(uv_timer_start(timer, wire_on_passed, ms, 0), 0);
    WIRE_UNTIL(wire, has_passed);
    uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

static inline void wire_on_closed(void *arg)
{
    struct wire *wire = arg;
    wire->is_closed = true;
}

static inline void wire_close(struct wire *wire)
{
    server_close(wire->server, wire_on_closed, wire);
    WIRE_UNTIL(wire, wire->is_closed);
    uv_close((uv_handle_t *)&wire->watchdog, NULL);
    (void)uv_run(&wire->loop, UV_RUN_DEFAULT); /* until all handles are closed */
    assert_int_equal(uv_loop_close(&wire->loop), 0);
    for (size_t i = 0; i < wire->kept_count; i++)
        if (wire->kept[i])
            wire_respond(wire->kept[i], SLICE("nobody hears")); /* after the end: harmless */
}

/* Answers the i-th kept exchange. */
static inline void wire_answer(struct wire *wire, size_t i, const char *body)
{
    assert_true(i < wire->kept_count && wire->kept[i] != NULL);
    struct door_exchange *exchange = wire->kept[i];
    wire->kept[i] = NULL;
    wire_respond(exchange, slice_text(body));
}

static inline void client_on_poll(uv_poll_t *poll, int status, int events)
{
    struct client *client = poll->data;
    static char bytes[64 * 1024];
    (void)status, (void)events; /* recv says all */
    ssize_t size = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size > 0) {
        buf_add(&client->got, slice_of(bytes, (size_t)size));
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        client->has_ended = true;
        (void)uv_poll_stop(poll); /* always 0 */
    }
}

static inline struct client *client_new(struct wire *wire, bool is_deaf)
{
    struct client *client = calloc(1, sizeof *client);
    assert_non_null(client);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(server_port(wire->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    client->wire = wire;
    client->is_deaf = is_deaf;
    buf_init(&client->got, WIRE_GOT_MAX);
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(client->fd >= 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(uv_poll_init(&wire->loop, &client->poll, client->fd), 0);
    client->poll.data = client;
    if (!is_deaf)
        assert_int_equal(uv_poll_start(&client->poll, UV_READABLE, client_on_poll), 0);
    return client;
}

static inline void client_on_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    buf_done(&client->got);
    free(client);
}

/* Closes the socket: by a FIN, or by a reset. */
static inline void client_free(struct client *client, bool is_reset)
{
    struct linger linger = {is_reset, 0};
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    (void)uv_poll_stop(&client->poll); /* always 0 */
    assert_int_equal(close(client->fd), 0);
    uv_close((uv_handle_t *)&client->poll, client_on_closed);
}

/* Sends it all, running the loop when the socket is full; stops when the server has closed. */
static inline void client_send(struct client *client, struct slice bytes)
{
    while (bytes.size > 0 && !client->has_ended) {
        ssize_t size = send(client->fd, bytes.at, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size > 0)
            bytes = slice_from(bytes, (size_t)size);
        else if (errno != EAGAIN)
            return;
        if (bytes.size > 0)
            (void)uv_run(&client->wire->loop, UV_RUN_NOWAIT); /* the server reads meanwhile */
    }
}

static inline void client_say(struct client *client, const char *text)
{
    client_send(client, slice_text(text));
}

static inline bool client_has(const struct client *client, const char *text)
{
    return client->got.size > 0 &&
           memmem(client->got.at, client->got.size, text, strlen(text)) != NULL;
}

static inline size_t client_count(const struct client *client, const char *text)
{
    size_t count = 0;
    struct slice rest = buf_slice(&client->got);
    while (rest.size > 0) {
        const char *at = memmem(rest.at, rest.size, text, strlen(text));
        if (!at)
            break;
        count++;
        rest = slice_from(rest, (size_t)(at - rest.at) + 1);
    }
    return count;
}

/* Runs the loop until it was received; fails when the connection ends without it. */
static inline void client_expect(struct client *client, const char *text)
{
    WIRE_UNTIL(client->wire, client->has_ended || client_has(client, text));
    if (!client_has(client, text))
        fail_msg("wanted \"%s\", got \"%s\"", text, buf_text(&client->got));
}

static inline void client_expect_end(struct client *client)
{
    WIRE_UNTIL(client->wire, client->has_ended);
}
