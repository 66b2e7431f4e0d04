/* bench/stub.c - a provider that costs as little as possible: keep-alive, one small answer.
 * Prints "stub PORT" and serves until standard input closes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/check.h"

struct peer {
    uv_tcp_t tcp;
    char bytes[16384];
    size_t size;
};

static const char stub_answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                  "Content-Length: 27\r\n\r\n{\"id\":\"m1\",\"status\":\"sent\"}";

static void stub_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void stub_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct peer *peer = handle->data;
    (void)size;
    *out = uv_buf_init(peer->bytes + peer->size, (unsigned)(sizeof peer->bytes - 1 - peer->size));
}

/* Bytes of the first whole request, or 0. */
static size_t stub_request(const struct peer *peer)
{
    const char *end = strstr(peer->bytes, "\r\n\r\n");
    if (!end)
        return 0;
    size_t head = (size_t)(end - peer->bytes) + 4;
    const char *length = strcasestr(peer->bytes, "\r\ncontent-length:");
    size_t body = length && length < end ? (size_t)strtoul(length + 17, NULL, 10) : 0;
    return peer->size >= head + body ? head + body : 0;
}

static void stub_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct peer *peer = stream->data;
    (void)buf;
    if (got < 0) {
        uv_close((uv_handle_t *)stream, stub_closed);
        return;
    }
    peer->size += (size_t)got;
    peer->bytes[peer->size] = '\0';
    size_t used = 0;
    while ((used = stub_request(peer)) > 0) {
        uv_buf_t out = uv_buf_init((char *)(uintptr_t)stub_answer, sizeof stub_answer - 1);
        CHECK(uv_try_write(stream, &out, 1) == (int)sizeof stub_answer - 1);
        memmove(peer->bytes, peer->bytes + used, peer->size - used + 1);
        peer->size -= used;
    }
}

static void stub_accept(uv_stream_t *server, int status)
{
    struct peer *peer = calloc(1, sizeof *peer);
    CHECK(status == 0 && peer != NULL);
    CHECK(uv_tcp_init(server->loop, &peer->tcp) == 0);
    peer->tcp.data = peer;
    CHECK(uv_accept(server, (uv_stream_t *)&peer->tcp) == 0);
    CHECK(uv_tcp_nodelay(&peer->tcp, 1) == 0);
    CHECK(uv_read_start((uv_stream_t *)&peer->tcp, stub_alloc, stub_read) == 0);
}

static void stub_input(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    (void)buf;
    if (got < 0)
        uv_stop(stream->loop);
}

static void stub_input_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    static char bytes[64];
    (void)handle;
    (void)size;
    *out = uv_buf_init(bytes, sizeof bytes);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t server;
    uv_pipe_t input;
    struct sockaddr_in address;
    int size = sizeof address;
    CHECK(uv_ip4_addr("127.0.0.1", 0, &address) == 0 && uv_tcp_init(loop, &server) == 0);
    CHECK(uv_tcp_bind(&server, (struct sockaddr *)&address, 0) == 0);
    CHECK(uv_listen((uv_stream_t *)&server, 512, stub_accept) == 0);
    CHECK(uv_tcp_getsockname(&server, (struct sockaddr *)&address, &size) == 0);
    (void)printf("stub %d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    CHECK(uv_pipe_init(loop, &input, 0) == 0 && uv_pipe_open(&input, 0) == 0);
    CHECK(uv_read_start((uv_stream_t *)&input, stub_input_alloc, stub_input) == 0);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}
