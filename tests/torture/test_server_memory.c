/* The server without memory: each allocation of its own fails in turn, once and for ever. A peer
 * gets its answer, a refusal, or the end of the connection; the server goes on, and nothing leaks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/http_reader.h"
#include "server/server.h"
#include "torture/failing.h"

enum { TORTURE_MAX = 1000, TORTURE_GOT = 1024 * 1024, TORTURE_WATCHDOG_MS = 60000 };

static const char torture_request[] =
    "POST /a?b=c HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\n"
    "H: 8\r\nI: 9\r\nJ: 10\r\nK: 11\r\nL: 12\r\nM: 13\r\nN: 14\r\nO: 15\r\nP: 16\r\nQ: 17\r\n"
    "Transfer-Encoding: chunked\r\n\r\n40\r\n"
    "0123456789012345678901234567890123456789012345678901234567890123\r\n"
    "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";

/* Tells whether any allocation failed. */
static bool read_with_failure(size_t k, bool is_for_ever)
{
    struct http_request request;
    struct http_reader reader;
    http_request_init(&request);
    failing_arm(k, is_for_ever);
    http_reader_begin(&reader, &request, 1000);
    struct slice in = SLICE(torture_request);
    enum http_step step = HTTP_HEAD;
    while (step == HTTP_HEAD)
        step = http_reader_read(&reader, &in);
    bool has_failed = failing_disarm();
    if (has_failed) {
        assert_int_equal(step, HTTP_REFUSED);
        assert_int_equal(reader.reason, HTTP_NO_MEMORY);
    } else {
        assert_int_equal(step, HTTP_WHOLE);
        assert_int_equal(request.body.size, 69);
    }
    http_request_done(&request);
    return has_failed;
}

static void reader_refuses_without_memory(void **state)
{
    (void)state;
    for (int is_for_ever = 0; is_for_ever < 2; is_for_ever++) {
        size_t k = 1;
        while (k < TORTURE_MAX && read_with_failure(k, is_for_ever))
            k++;
        assert_in_range(k, 5, TORTURE_MAX - 1);
    }
}

/* --- the whole server, on one loop with its client --- */

static struct door_exchange *torture_stream;

static enum door_lane torture_lane(void *impl, struct slice method, struct slice path)
{
    (void)impl, (void)method, (void)path;
    return DOOR_LANE_ADMISSION;
}

static void torture_handle(void *impl, struct door_exchange *exchange)
{
    (void)impl;
    static char body[100000];
    struct door_response response = {.status = 200, .body = slice_of(body, sizeof body)};
    if (slice_is(exchange->request->path, "/stream")) {
        torture_stream = exchange;
        (void)exchange->stream_begin(exchange, &response);        /* it may fail here */
        (void)exchange->stream_chunk(exchange, SLICE("a chunk")); /* it may fail here */
        return;
    }
    exchange->respond(exchange, &response);
}

static void torture_refuse(void *impl, int status, struct slice detail,
                           struct slice *out_content_type, char *buffer, size_t buffer_size,
                           size_t *out_size)
{
    (void)impl, (void)status, (void)detail, (void)buffer, (void)buffer_size;
    *out_content_type = SLICE("text/plain");
    *out_size = 0;
}

static void torture_on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("waited for %d ms in vain", TORTURE_WATCHDOG_MS);
}

struct torture {
    uv_loop_t loop;
    uv_timer_t watchdog;
    struct server *server;
};

static void torture_open(struct torture *torture)
{
    struct server_config config = {
        .host = SLICE("127.0.0.1"),
        .handler = {torture, torture_lane, torture_handle, torture_refuse},
        .bounds = server_bounds_default(),
    };
    config.bounds.spare_max = 0; /* so that each request allocates all it needs */
    const char *what = NULL;
    assert_int_equal(uv_loop_init(&torture->loop), 0);
    assert_int_equal(uv_timer_init(&torture->loop, &torture->watchdog), 0);
    assert_int_equal(
        uv_timer_start(&torture->watchdog, torture_on_watchdog, TORTURE_WATCHDOG_MS, 0), 0);
    assert_int_equal(server_open(&torture->loop, &config, &torture->server, &what), ERR_OK);
}

static void torture_close(struct torture *torture)
{
    server_close(torture->server, NULL, NULL);
    uv_close((uv_handle_t *)&torture->watchdog, NULL);
    (void)uv_run(&torture->loop, UV_RUN_DEFAULT); /* until all is closed */
    assert_int_equal(uv_loop_close(&torture->loop), 0);
}

/* One connection that says all it wants at once and then ends its side. Returns what came back. It
 * polls: a client that waits in the loop would need allocations of its own. */
static size_t torture_talk(struct torture *torture, struct slice text, char *out_got)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(server_port(torture->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, text.at, text.size, MSG_NOSIGNAL), text.size);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    size_t size = 0;
    while (size < TORTURE_GOT) {
        (void)uv_run(&torture->loop, UV_RUN_NOWAIT); /* whether handles are left is known */
        if (torture_stream) {
            struct door_exchange *exchange = torture_stream;
            torture_stream = NULL;
            exchange->stream_end(exchange);
        }
        ssize_t got = recv(fd, out_got + size, TORTURE_GOT - size, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
        size += got > 0 ? (size_t)got : 0;
    }
    assert_int_equal(close(fd), 0);
    return size;
}

static void server_goes_on_without_memory(void **state)
{
    (void)state;
    static char got[TORTURE_GOT];
    static const char talk[] =
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
        "GET /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"
        "GET /c HTTP/1.1\r\nHost: h\r\n\r\nGET /d HTTP/1.1\r\nHost: h\r\n\r\n";
    struct torture torture;
    torture_open(&torture);
    size_t whole = torture_talk(&torture, SLICE(talk), got);
    assert_in_range(whole, 400000, 500000);
    for (int is_for_ever = 0; is_for_ever < 2; is_for_ever++) {
        bool has_failed = true;
        size_t k = 1;
        for (; has_failed && k < TORTURE_MAX; k++) {
            failing_arm(k, is_for_ever);
            size_t size = torture_talk(&torture, SLICE(talk), got);
            has_failed = failing_disarm();
            assert_true(size <= whole + 1000);
            assert_true(has_failed || size == whole);
            assert_int_equal(torture_talk(&torture, SLICE(talk), got), whole);
        }
        assert_in_range(k, 10, TORTURE_MAX - 1);
    }
    torture_close(&torture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_refuses_without_memory),
        cmocka_unit_test(server_goes_on_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
