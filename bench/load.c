/* bench/load.c - CONNECTIONS callers that submit ACTIONS in all, one at a time each.
 * load PORT TOKEN CONNECTIONS ACTIONS PREFIX -> one line: seconds, actions, p50 ms, p99 ms, not
 * done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/check.h"

struct caller {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uint64_t sent_ns;
    char bytes[16384];
    size_t size;
};

static struct {
    const char *token, *prefix;
    long actions, begun, ended, bad;
    uint32_t *micros;
    struct sockaddr_in address;
} load;

static void load_next(struct caller *caller)
{
    char body[512];
    char head[1024];
    if (load.begun == load.actions) {
        uv_close((uv_handle_t *)&caller->tcp, NULL);
        return;
    }
    long n = load.begun++;
    int body_size = snprintf(body, sizeof body,
                             "{\"run\":\"%s%ld\",\"input\":{\"invoice\":\"%s%ld\",\"stage\":2,"
                             "\"balance\":420,\"email\":\"m%ld@example.org\"},"
                             "\"because\":\"12 days overdue\"}",
                             load.prefix, n, load.prefix, n, n);
    int head_size =
        snprintf(head, sizeof head,
                 "POST /v1/workflows/invoice-reminders/steps/send_reminder/actions HTTP/1.1\r\n"
                 "Host: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                 "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                 load.token, body_size, body);
    uv_buf_t out = uv_buf_init(head, (unsigned)head_size);
    caller->sent_ns = uv_hrtime();
    CHECK(uv_try_write((uv_stream_t *)&caller->tcp, &out, 1) == head_size);
}

static void load_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct caller *caller = handle->data;
    (void)size;
    *out = uv_buf_init(caller->bytes + caller->size,
                       (unsigned)(sizeof caller->bytes - 1 - caller->size));
}

static void load_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct caller *caller = stream->data;
    (void)buf;
    CHECK(got >= 0);
    caller->size += (size_t)got;
    caller->bytes[caller->size] = '\0';
    const char *end = strstr(caller->bytes, "\r\n\r\n");
    if (!end)
        return;
    const char *length = strcasestr(caller->bytes, "\r\ncontent-length:");
    CHECK(length != NULL);
    size_t whole = (size_t)(end - caller->bytes) + 4 + (size_t)strtoul(length + 17, NULL, 10);
    if (caller->size < whole)
        return;
    load.micros[load.ended++] = (uint32_t)((uv_hrtime() - caller->sent_ns) / 1000);
    if (!strstr(caller->bytes, "\"state\":\"done\"")) {
        if (load.bad++ == 0)
            (void)fprintf(stderr, "first that is not done: %.600s\n", caller->bytes);
    }
    caller->size = 0;
    load_next(caller);
}

static void load_connected(uv_connect_t *connect, int status)
{
    struct caller *caller = connect->data;
    CHECK(status == 0);
    CHECK(uv_read_start((uv_stream_t *)&caller->tcp, load_alloc, load_read) == 0);
    load_next(caller);
}

static int load_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    CHECK(argc == 6);
    uv_loop_t *loop = uv_default_loop();
    int connections = (int)strtol(argv[3], NULL, 10);
    load.token = argv[2];
    load.actions = strtol(argv[4], NULL, 10);
    load.prefix = argv[5];
    load.micros = calloc((size_t)load.actions, sizeof *load.micros);
    struct caller *callers = calloc((size_t)connections, sizeof *callers);
    CHECK(load.micros && callers);
    CHECK(uv_ip4_addr("127.0.0.1", (int)strtol(argv[1], NULL, 10), &load.address) == 0);
    uint64_t begin = uv_hrtime();
    for (int i = 0; i < connections; i++) {
        callers[i].tcp.data = &callers[i];
        callers[i].connect.data = &callers[i];
        CHECK(uv_tcp_init(loop, &callers[i].tcp) == 0);
        CHECK(uv_tcp_connect(&callers[i].connect, &callers[i].tcp, (struct sockaddr *)&load.address,
                             load_connected) == 0);
    }
    (void)uv_run(loop, UV_RUN_DEFAULT);
    double seconds = (double)(uv_hrtime() - begin) / 1e9;
    CHECK(load.ended == load.actions);
    qsort(load.micros, (size_t)load.actions, sizeof *load.micros, load_order);
    (void)printf("%.3f %ld %.2f %.2f %ld\n", seconds, load.actions,
                 load.micros[load.actions / 2] / 1000.0,
                 load.micros[load.actions * 99 / 100] / 1000.0, load.bad);
    return 0;
}
