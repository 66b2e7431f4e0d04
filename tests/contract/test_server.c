/* The server over real sockets: order, bounds, time, streams, the peer's end and its own. */
#include "contract/wire.h"

static void answers_are_framed(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire, wire_bounds());
    struct client *c = client_new(&wire, false);
    client_say(c, "POST /a?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    client_expect(c, "POST /a hi");
    assert_true(wire_starts(buf_slice(&c->got), "HTTP/1.1 200 OK\r\nDate: "));
    assert_true(client_has(c, " GMT\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n"));
    assert_false(client_has(c, "Connection:"));
    buf_reset(&c->got);
    client_say(c, "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect(c, "GET /b ");
    assert_true(client_has(c, "Content-Length: 8\r\n\r\nHTTP/1.1 200 OK")); /* HEAD: no body */
    buf_reset(&c->got);
    client_say(c, "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect(c, "HTTP/1.1 204 No Content");
    client_expect(c, "\r\n\r\n");
    assert_false(client_has(c, "Content-"));
    buf_reset(&c->got);
    client_say(c, "GET /unfit HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect(c, "500: the answer could not be sent");
    assert_false(client_has(c, "Evil"));
    buf_reset(&c->got);
    client_say(c, "GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client_expect(c, "GET /c ");
    assert_true(client_has(c, "Connection: close\r\n"));
    client_expect_end(c);
    client_free(c, false);
    c = client_new(&wire, false);
    client_say(c, "GET /d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client_expect(c, "GET /d ");
    client_expect_end(c);
    assert_true(client_has(c, "Connection: close\r\n"));
    client_free(c, false);
    wire_close(&wire);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire, wire_bounds());
    struct client *c = client_new(&wire, false);
    client_say(c, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
                  "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /c HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect(c, "400: both Content-Length and Transfer-Encoding");
    client_expect_end(c);
    assert_true(client_has(c, "GET /a ") && client_has(c, "Connection: close\r\n"));
    assert_int_equal(wire.begun_count, 1); /* what followed is not a request */
    client_free(c, false);
    c = client_new(&wire, false);
    client_say(c, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
    client_expect(c, "400: the request ended before it was whole");
    client_expect_end(c);
    client_free(c, false);
    assert_int_equal(server_counts(wire.server).refused, 2);
    wire_close(&wire);
}

static void too_large_is_told_before_it_is_read(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.body_max = 1000;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    size_t size = 4 * 1024 * 1024;
    char *body = calloc(1, size);
    assert_non_null(body);
    client_say(c, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n");
    client_send(c, slice_of(body, size)); /* sends on: the answer must survive that */
    client_expect(
        c,
        "413: the body is over 1000 bytes (`limits.body`): send less at once, or raise that limit");
    client_free(c, false);
    c = client_new(&wire, false);
    client_say(c, "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n");
    client_send(c, slice_of(body, 1000));
    client_say(c, "\r\n1\r\n");
    client_expect(
        c,
        "413: the body is over 1000 bytes (`limits.body`): send less at once, or raise that limit");
    client_expect_end(c);
    client_free(c, false);
    assert_int_equal(wire.begun_count, 0);
    free(body);
    wire_close(&wire);
}

static void pipelined_answers_keep_their_order(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire, wire_bounds());
    struct client *c = client_new(&wire, false);
    client_say(c, "GET /later/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
                  "GET /later/3 HTTP/1.1\r\nHost: h\r\n\r\n"
                  "POST /4 HTTP/1.1\r\nHost: h\r\n\r\nGET /5 HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 2);
    assert_int_equal(wire.begun_count, 3); /* the safe ones run side by side; the POST waits */
    wire_answer(&wire, 1, "answer 3");
    (void)uv_run(&wire.loop, UV_RUN_NOWAIT);
    assert_int_equal(c->got.size, 0);
    wire_answer(&wire, 0, "answer 1");
    client_expect(c, "GET /5 ");
    assert_int_equal(wire.begun_count, 5);
    static const char *const order[] = {"answer 1", "GET /2 ", "answer 3", "POST /4 ", "GET /5 "};
    const char *at = buf_text(&c->got);
    for (size_t i = 0; i < 5; i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
    }
    client_free(c, false);
    wire_close(&wire);
}

static void many_pipelined_requests_are_all_answered(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.unwritten_max = 4096;
    bounds.spare_max = 16;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    struct buf all;
    buf_init(&all, 1024 * 1024);
    for (int i = 0; i < COUNT; i++)
        buf_add_fmt(&all, "%s /%d. HTTP/1.1\r\nHost: h\r\n\r\n", i % 3 ? "GET" : "POST", i);
    client_send(c, buf_slice(&all));
    WIRE_UNTIL(&wire, client_has(c, "/4999. "));
    const char *at = buf_text(&c->got);
    for (int i = 0; i < COUNT; i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "%s /%d. ", i % 3 ? "GET" : "POST", i); /* it fits */
        at = strstr(at, want);
        assert_non_null(at);
    }
    assert_int_equal(client_count(c, "HTTP/1.1 200 OK"), COUNT);
    buf_done(&all);
    client_free(c, false);
    wire_close(&wire);
}

static void read_ahead_is_bounded(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.pipeline_max = 4;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    for (int i = 0; i < 20; i++)
        client_say(c, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 4);
    for (int i = 0; i < 10; i++)
        (void)uv_run(&wire.loop, UV_RUN_NOWAIT);
    assert_int_equal(wire.kept_count, 4);
    for (size_t i = 0; i < 20; i++) {
        WIRE_UNTIL(&wire, wire.kept_count > i);
        assert_true(wire.kept_count <= i + 4);
        wire_answer(&wire, i, "x");
    }
    WIRE_UNTIL(&wire, client_count(c, "HTTP/1.1 200 OK") == 20);
    client_free(c, false);
    wire_close(&wire);
}

static void slow_senders_are_told_and_closed(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.slow_ms = 30;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    client_say(c, "POST /later HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 1);
    struct client *slow = client_new(&wire, false);
    client_say(slow, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    client_expect(slow, "HTTP/1.1 408 Request Timeout");
    client_expect_end(slow);
    client_free(slow, false);
    slow = client_new(&wire, false);
    client_say(slow, "GET /b HTTP/1.1\r\nHo");
    client_expect(slow, "HTTP/1.1 408 Request Timeout");
    client_expect_end(slow);
    client_free(slow, false);
    wire_answer(&wire, 0, "ours took longer"); /* a slow answer is not a slow sender */
    client_expect(c, "ours took longer");
    client_free(c, false);
    wire_close(&wire);
}

static void a_trickle_is_slow_too(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.slow_ms = 30;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    client_say(c, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    while (!c->has_ended && !client_has(c, "HTTP/1.1 408 ")) {
        client_say(c, "x");
        (void)uv_run(&wire.loop, UV_RUN_ONCE); /* the byte is something to wait for */
    }
    assert_true(client_has(c, "HTTP/1.1 408 "));
    client_free(c, false);
    wire_close(&wire);
}

/* No clock of the peer's runs while it is our turn. */
static void waiting_for_us_is_no_fault(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.idle_ms = 500;
    bounds.slow_ms = 500;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    client_say(c, "POST /later HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\n"
                  "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 1);
    wire_pass(&wire, 700);
    wire_answer(&wire, 0, "at last");
    client_expect(c, "HTTP/1.1 100 Continue\r\n\r\n");
    client_say(c, "hi");
    client_expect(c, "POST /b hi");
    assert_true(client_has(c, "at last"));
    client_free(c, false);
    wire_close(&wire);
}

static void who_is_refused_is_heard_for_a_bounded_time(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.linger_ms = 30;
    bounds.linger_max = 100000;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    client_say(c, "nonsense\r\n"); /* and never closes */
    client_expect(c, "HTTP/1.1 400 ");
    client_expect_end(c);
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 0);
    client_free(c, false);
    wire_close(&wire);
    bounds.linger_ms = 100000;
    wire_open(&wire, bounds);
    c = client_new(&wire, false);
    static char bytes[60000];
    client_say(c, "nonsense\r\n");
    client_expect(c, "HTTP/1.1 400 ");
    client_expect_end(c);
    assert_int_equal(server_connection_count(wire.server), 1);
    for (int i = 0; i < 100 && server_connection_count(wire.server) > 0; i++) {
        ssize_t size = send(c->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)size; /* the socket may be full, or closed */
        (void)uv_run(&wire.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(server_connection_count(wire.server), 0); /* it sent more than linger_max */
    client_free(c, false);
    wire_close(&wire);
}

static void idle_connections_are_closed(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.idle_ms = 100;
    wire_open(&wire, bounds);
    struct client *silent = client_new(&wire, false);
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 1);
    wire_pass(&wire, 20); /* so that one deadline is later than the other */
    struct client *c = client_new(&wire, false);
    client_say(c, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect(c, "GET /a ");
    client_expect_end(silent);
    client_expect_end(c);
    assert_int_equal(silent->got.size, 0);
    client_free(silent, false);
    client_free(c, false);
    wire_close(&wire);
}

static void bytes_may_come_one_by_one(void **state)
{
    (void)state;
    static const char text[] =
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n";
    struct wire wire;
    wire_open(&wire, wire_bounds());
    struct client *c = client_new(&wire, false);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        client_send(c, slice_of(text + i, 1));
        (void)uv_run(&wire.loop, UV_RUN_NOWAIT);
    }
    client_expect(c, "GET /b ");
    assert_true(client_has(c, "POST /a hello"));
    client_free(c, false);
    wire_close(&wire);
}

static void continue_is_offered_in_turn(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.body_max = 1000;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    client_say(c, "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                  "Content-Length: 5\r\n\r\n");
    client_expect(c, "HTTP/1.1 100 Continue\r\n\r\n");
    client_say(c, "hello");
    client_expect(c, "POST /a hello");
    assert_int_equal(client_count(c, " 100 "), 1);
    buf_reset(&c->got);
    client_say(c, "POST /later HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\n"
                  "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 1);
    (void)uv_run(&wire.loop, UV_RUN_NOWAIT);
    assert_int_equal(c->got.size, 0); /* not before the answer that is owed first */
    wire_answer(&wire, 0, "first");
    client_expect(c, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_true(strstr(buf_text(&c->got), "first") < strstr(buf_text(&c->got), " 100 "));
    client_say(c, "hi");
    client_expect(c, "POST /b hi");
    buf_reset(&c->got);
    client_say(c, "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                  "Content-Length: 5\r\n\r\nhello"); /* did not wait: nothing to offer */
    client_expect(c, "POST /a hello");
    assert_false(client_has(c, " 100 "));
    buf_reset(&c->got);
    client_say(c, "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                  "Content-Length: 1001\r\n\r\n");
    client_expect(c, "413: ");
    assert_false(client_has(c, " 100 "));
    client_expect_end(c);
    client_free(c, false);
    wire_close(&wire);
}

static void large_answers_arrive_whole(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.answer_max = 8000000;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    client_say(c, "GET /bytes/8000000 HTTP/1.1\r\nHost: h\r\n\r\nGET /bytes/8000000 HTTP/1.1\r\n"
                  "Host: h\r\n\r\nGET /bytes/8000001 HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect(c, "500: the answer could not be sent");
    assert_int_equal(client_count(c, "Content-Length: 8000000\r\n"), 2);
    assert_true(c->got.size > 16000000);
    client_free(c, false);
    wire_close(&wire);
}

/* Larger than unwritten_max, and yet taken by the socket at once. */
static void answers_over_the_bound_do_not_stall(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.unwritten_max = 100;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    client_say(c, "POST /later HTTP/1.1\r\nHost: h\r\n\r\n"
                  "POST /bytes/201 HTTP/1.1\r\nHost: h\r\n\r\n"
                  "GET /bytes/202 HTTP/1.1\r\nHost: h\r\n\r\n"
                  "GET /bytes/203 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 1);
    char long_answer[201];
    memset(long_answer, 'x', 200);
    long_answer[200] = '\0';
    wire_answer(&wire, 0, long_answer);
    client_expect(c, "Content-Length: 203\r\n");
    client_expect_end(c);
    assert_int_equal(client_count(c, "HTTP/1.1 200 OK"), 4);
    client_free(c, false);
    wire_close(&wire);
}

static void who_reads_nothing_is_dropped(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.unread_ms = 30;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, true);
    client_say(c, "GET /bytes/16000000 HTTP/1.1\r\nHost: h\r\n\r\n"
                  "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.begun_count == 1);
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 0);
    client_free(c, false);
    wire_close(&wire);
}

static void streams_flow_and_are_bounded(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire, wire_bounds());
    struct door_response head = {.status = 200,
                                 .content_type = SLICE("application/x-ndjson"),
                                 .body = SLICE("only chunks are sent")};
    struct client *c = client_new(&wire, false);
    client_say(c, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 1);
    struct door_exchange *e = wire.kept[0];
    assert_int_equal(e->stream_begin(e, &head), ERR_OK);
    client_expect(c, "Transfer-Encoding: chunked\r\n\r\n");
    assert_int_equal(e->stream_chunk(e, SLICE("one\n")), ERR_OK);
    client_expect(c, "chunked\r\n\r\n4\r\none\n\r\n");
    assert_int_equal(e->stream_chunk(e, SLICE("")), ERR_OK); /* does not end it */
    assert_int_equal(e->stream_chunk(e, SLICE("two\n")), ERR_OK);
    client_expect(c, "two\n");
    wire.kept[0] = NULL;
    e->stream_end(e);
    client_expect(c, "GET /b ");
    assert_true(client_has(c, "two\n\r\n0\r\n\r\nHTTP/1.1 200 OK"));
    client_free(c, false);

    c = client_new(&wire, true); /* reads nothing */
    client_say(c, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 2);
    e = wire.kept[1];
    assert_int_equal(e->stream_begin(e, &head), ERR_OK);
    static char bytes[60000];
    enum err err = ERR_OK;
    for (int i = 0; i < 1000 && err == ERR_OK; i++) {
        err = e->stream_chunk(e, slice_of(bytes, sizeof bytes));
        (void)uv_run(&wire.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(err, ERR_BUSY);
    wire.kept[1] = NULL;
    client_free(c, true);
    WIRE_UNTIL(&wire, wire.gone_count == 1);
    assert_int_equal(e->stream_chunk(e, SLICE("x")), ERR_CLOSED);
    e->stream_end(e);

    c = client_new(&wire, false);
    client_say(c, "GET /stream HTTP/1.0\r\n\r\n"); /* no chunks there: the end ends it */
    WIRE_UNTIL(&wire, wire.kept_count == 3);
    e = wire.kept[2];
    wire.kept[2] = NULL;
    assert_int_equal(e->stream_begin(e, &head), ERR_OK);
    assert_int_equal(e->stream_chunk(e, SLICE("bare\n")), ERR_OK);
    e->stream_end(e);
    client_expect(c, "Connection: close\r\n\r\nbare\n");
    client_expect_end(c);
    client_free(c, false);

    c = client_new(&wire, false);
    client_say(c, "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 4);
    e = wire.kept[3];
    wire.kept[3] = NULL;
    assert_int_equal(e->stream_begin(e, &head), ERR_OK);
    assert_int_equal(e->stream_chunk(e, SLICE("x")), ERR_CLOSED);
    e->stream_end(e);
    client_expect(c, "GET /b ");
    assert_true(client_has(c, "Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK"));
    client_free(c, false);
    wire_close(&wire);
}

static void a_stream_that_cannot_begin_is_ended(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire, wire_bounds());
    struct door_header unfit = {SLICE("X-A"), SLICE("b\r\nX-Evil: c")};
    struct door_response head = {.status = 200, .headers = &unfit, .header_count = 1};
    struct client *c = client_new(&wire, false);
    client_say(c, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 1);
    struct door_exchange *e = wire.kept[0];
    wire.kept[0] = NULL;
    assert_int_equal(e->stream_begin(e, &head), ERR_INVALID);
    assert_int_equal(e->stream_chunk(e, SLICE("x")), ERR_CLOSED);
    e->stream_end(e);
    client_expect(c, "GET /b ");
    assert_true(client_has(c, "500: the answer could not be sent as it wasHTTP/1.1 200 OK"));
    buf_reset(&c->got);
    client_say(c, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 2);
    client_free(c, true);
    WIRE_UNTIL(&wire, wire.gone_count == 1);
    e = wire.kept[1];
    wire.kept[1] = NULL;
    assert_int_equal(e->stream_begin(e, &head), ERR_CLOSED);
    assert_int_equal(e->stream_chunk(e, SLICE("x")), ERR_CLOSED);
    e->stream_end(e);
    wire_close(&wire);
}

static void a_peer_that_goes_is_noticed(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.gone_ms = 500;
    wire_open(&wire, bounds);
    struct client *c = client_new(&wire, false);
    client_say(c, "POST /later HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 1);
    client_free(c, true);
    WIRE_UNTIL(&wire, wire.gone_count == 1);
    /* The request can still be read, and the answer harms nobody. */
    assert_true(slice_is(wire.kept[0]->request->path, "/later"));
    assert_true(wire_starts(wire.kept[0]->request->peer, "127.0.0.1:"));
    assert_int_equal(server_lane_count(wire.server, DOOR_LANE_ADMISSION), 1);
    wire_answer(&wire, 0, "nobody hears");
    assert_int_equal(server_lane_count(wire.server, DOOR_LANE_ADMISSION), 0);
    assert_int_equal(wire.begun_count, 1);
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 0);

    c = client_new(&wire, false); /* goes at the same time as it is answered: the write finds out */
    client_say(c, "POST /later HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 2);
    client_free(c, true);
    wire_answer(&wire, 1, "nobody hears");
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 0);
    assert_int_equal(wire.gone_count, 1);

    c = client_new(&wire, false); /* ends its side, but reads on: is answered */
    client_say(c, "POST /later HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
    WIRE_UNTIL(&wire, wire.kept_count == 3);
    for (int i = 0; i < 5; i++)
        (void)uv_run(&wire.loop, UV_RUN_NOWAIT); /* the end is read too */
    wire_answer(&wire, 2, "still here");
    client_expect(c, "POST /b ");
    client_expect_end(c);
    assert_true(client_has(c, "still here") && client_has(c, "Connection: close\r\n"));
    client_free(c, false);

    c = client_new(&wire, false); /* ends its side and waits too long */
    client_say(c, "POST /later HTTP/1.1\r\nHost: h\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 4);
    client_free(c, false);
    WIRE_UNTIL(&wire, wire.gone_count == 2);
    wire_answer(&wire, 3, "nobody hears");
    wire_close(&wire);
}

static void on_drained(void *arg)
{
    struct wire *wire = arg;
    wire->is_drained = true;
}

static void stopping_lets_answers_leave(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire, wire_bounds());
    struct client *idle = client_new(&wire, false);
    struct client *owed = client_new(&wire, false);
    struct client *half = client_new(&wire, false);
    client_say(idle, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    client_say(owed, "POST /later HTTP/1.1\r\nHost: h\r\n\r\n");
    client_say(half, "POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
    client_expect(idle, "GET /a ");
    WIRE_UNTIL(&wire, wire.kept_count == 1 && server_connection_count(wire.server) == 3);
    uint16_t port = server_port(wire.server);
    server_stop_accepting(wire.server, on_drained, &wire);
    client_expect_end(idle);
    assert_false(wire.is_drained);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
    assert_int_equal(close(fd), 0);
    client_say(half, "hi");
    client_expect(half, "POST /half hi");
    client_expect_end(half);
    wire_answer(&wire, 0, "the last word");
    client_expect(owed, "the last word");
    client_expect_end(owed);
    assert_true(client_has(owed, "Connection: close\r\n"));
    WIRE_UNTIL(&wire, wire.is_drained);
    client_free(idle, false);
    client_free(owed, false);
    client_free(half, false);
    wire_close(&wire);
}

static void closing_cuts_what_is_left(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire, wire_bounds());
    struct client *owed = client_new(&wire, false);
    struct client *half = client_new(&wire, false);
    client_say(owed, "POST /later HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\n\r\n");
    client_say(half, "POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
    WIRE_UNTIL(&wire, wire.kept_count == 1 && server_connection_count(wire.server) == 2);
    client_free(half, false);
    uv_unref((uv_handle_t *)&owed->poll);
    server_close(wire.server, wire_on_closed, &wire);
    WIRE_UNTIL(&wire, wire.is_closed);
    assert_int_equal(wire.gone_count, 1);
    wire_answer(&wire, 0, "after the server is freed"); /* harmless */
    client_expect_end(owed);
    client_free(owed, false);
    uv_close((uv_handle_t *)&wire.watchdog, NULL);
    (void)uv_run(&wire.loop, UV_RUN_DEFAULT); /* until all handles are closed */
    assert_int_equal(uv_loop_close(&wire.loop), 0);
}

static void a_bad_address_is_told(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire, wire_bounds());
    struct server_config config = wire_config(&wire);
    struct server *other = NULL;
    const char *what = NULL;
    config.port = server_port(wire.server);
    assert_int_equal(server_open(&wire.loop, &config, &other, &what), ERR_CONFLICT);
    assert_string_equal(what, "address already in use");
    static const char *const bad[] = {
        "",           "example.org",
        "127.0.0.1 ", "[::1]",
        "1.2.3.4.5",  "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        config.host = slice_text(bad[i]);
        assert_int_equal(server_open(&wire.loop, &config, &other, &what), ERR_INVALID);
    }
    assert_null(other);
    config.host = SLICE("localhost");
    config.port = 0;
    assert_int_equal(server_open(&wire.loop, &config, &other, &what), ERR_OK);
    assert_int_not_equal(server_port(other), server_port(wire.server));
    server_close(other, NULL, NULL);
    wire_close(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_framed),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(too_large_is_told_before_it_is_read),
        cmocka_unit_test(pipelined_answers_keep_their_order),
        cmocka_unit_test(many_pipelined_requests_are_all_answered),
        cmocka_unit_test(read_ahead_is_bounded),
        cmocka_unit_test(slow_senders_are_told_and_closed),
        cmocka_unit_test(a_trickle_is_slow_too),
        cmocka_unit_test(waiting_for_us_is_no_fault),
        cmocka_unit_test(who_is_refused_is_heard_for_a_bounded_time),
        cmocka_unit_test(idle_connections_are_closed),
        cmocka_unit_test(bytes_may_come_one_by_one),
        cmocka_unit_test(continue_is_offered_in_turn),
        cmocka_unit_test(large_answers_arrive_whole),
        cmocka_unit_test(answers_over_the_bound_do_not_stall),
        cmocka_unit_test(who_reads_nothing_is_dropped),
        cmocka_unit_test(streams_flow_and_are_bounded),
        cmocka_unit_test(a_stream_that_cannot_begin_is_ended),
        cmocka_unit_test(a_peer_that_goes_is_noticed),
        cmocka_unit_test(stopping_lets_answers_leave),
        cmocka_unit_test(closing_cuts_what_is_left),
        cmocka_unit_test(a_bad_address_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
