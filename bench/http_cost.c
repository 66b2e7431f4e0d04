/* bench/http_cost - processor time of the bare server for a small POST, over keep-alive
 * connections. The handler answers at once or, as the real one, for a whole batch later in the
 * turn. The load comes from a process of its own, so that the server's time is the server's. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "server/server.h"

enum { COST_REQUESTS = 300000, COST_BATCH_MAX = 2048 };

static const char cost_json[] =
    "{\"run\":\"INV-2041\",\"input\":{\"invoice\":\"INV-2041\",\"stage\":2,\"balance\":12000.50}}";
static struct buf cost_request;
static char cost_body[700]; /* about as much as an action's view */

struct cost {
    bool is_batched;
    struct door_exchange *batch[COST_BATCH_MAX];
    size_t batch_count;
    uv_check_t check;
};

/* A bench has nobody to tell: what fails ends it. */
static void cost_must(bool is_good)
{
    if (!is_good) {
        perror("http_cost");
        exit(1);
    }
}

static double cost_seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double cost_cpu_s(void)
{
    struct rusage usage;
    cost_must(getrusage(RUSAGE_SELF, &usage) == 0);
    return cost_seconds(usage.ru_utime) + cost_seconds(usage.ru_stime);
}

static double cost_wall_s(void)
{
    struct timespec now;
    cost_must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void cost_answer(struct door_exchange *exchange)
{
    struct door_header header = {SLICE("Interlock-State"), SLICE("done")};
    struct door_response response = {.status = 200,
                                     .headers = &header,
                                     .header_count = 1,
                                     .content_type = SLICE("application/json"),
                                     .body = slice_of(cost_body, sizeof cost_body)};
    exchange->respond(exchange, &response);
}

static void cost_on_check(uv_check_t *check)
{
    struct cost *cost = check->data;
    for (size_t i = 0; i < cost->batch_count; i++)
        cost_answer(cost->batch[i]);
    cost->batch_count = 0;
}

static enum door_lane cost_lane(void *impl, struct slice method, struct slice path)
{
    (void)impl, (void)method, (void)path; /* all are alike */
    return DOOR_LANE_ADMISSION;
}

static void cost_handle(void *impl, struct door_exchange *exchange)
{
    struct cost *cost = impl;
    if (cost->is_batched && cost->batch_count < COST_BATCH_MAX)
        cost->batch[cost->batch_count++] = exchange;
    else
        cost_answer(exchange);
}

static void cost_refuse(void *impl, int status, struct slice detail, struct slice *out_content_type,
                        char *buffer, size_t buffer_size, size_t *out_size)
{
    (void)impl, (void)out_content_type, (void)buffer, (void)buffer_size;
    (void)fprintf(stderr, "refused: %d %.*s\n", status, SLICE_FMT(detail)); /* only told */
    *out_size = 0;
    exit(1);
}

/* --- the load, in the child --- */

static int cost_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cost_must(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void cost_send(int fd)
{
    ssize_t size = send(fd, cost_request.at, cost_request.size, 0);
    cost_must(size == (ssize_t)cost_request.size);
}

static void cost_load(uint16_t port, int connections)
{
    struct epoll_event events[256];
    int poll = epoll_create1(0);
    char answer[4096];
    cost_must(poll >= 0);
    for (int i = 0; i < connections; i++) {
        int fd = cost_connect(port);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        cost_must(epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0);
        cost_send(fd);
    }
    int sent = connections;
    int received = 0;
    while (received < COST_REQUESTS) {
        int count = epoll_wait(poll, events, 256, -1);
        cost_must(count >= 0);
        for (int i = 0; i < count; i++) {
            cost_must(recv(events[i].data.fd, answer, sizeof answer, 0) >
                      0); /* one answer, whole */
            received++;
            if (sent < COST_REQUESTS) {
                cost_send(events[i].data.fd);
                sent++;
            }
        }
    }
}

/* --- the server, in the parent --- */

static void cost_on_end(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events; /* the child has ended */
    uv_stop(poll->loop);
}

static void cost_run(bool is_batched, int connections)
{
    int port_pipe[2], end_pipe[2];
    cost_must(pipe(port_pipe) == 0 && pipe(end_pipe) == 0);
    pid_t child = fork();
    cost_must(child >= 0);
    if (child == 0) {
        uint16_t port = 0;
        (void)close(end_pipe[0]); /* not ours */
        cost_must(read(port_pipe[0], &port, sizeof port) == sizeof port);
        cost_load(port, connections);
        _exit(0); /* closes end_pipe: the sign */
    }
    cost_must(close(end_pipe[1]) == 0);
    uv_loop_t loop;
    static struct cost cost;
    cost = (struct cost){.is_batched = is_batched};
    cost_must(uv_loop_init(&loop) == 0);
    cost_must(uv_check_init(&loop, &cost.check) == 0);
    cost.check.data = &cost;
    cost_must(uv_check_start(&cost.check, cost_on_check) == 0);
    struct server_config config = {
        .host = SLICE("127.0.0.1"),
        .handler = {&cost, cost_lane, cost_handle, cost_refuse},
        .bounds = server_bounds_default(),
    };
    struct server *server = NULL;
    const char *what = NULL;
    cost_must(server_open(&loop, &config, &server, &what) == ERR_OK);
    uv_poll_t end;
    cost_must(uv_poll_init(&loop, &end, end_pipe[0]) == 0);
    cost_must(uv_poll_start(&end, UV_READABLE | UV_DISCONNECT, cost_on_end) == 0);
    uint16_t port = server_port(server);
    double cpu_s = cost_cpu_s();
    double wall_s = cost_wall_s();
    cost_must(write(port_pipe[1], &port, sizeof port) == sizeof port);
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* until uv_stop */
    cpu_s = cost_cpu_s() - cpu_s;
    wall_s = cost_wall_s() - wall_s;
    (void)printf("%-8s %11d %10.0f %14.2f\n", is_batched ? "batched" : "at once", connections,
                 COST_REQUESTS / wall_s, cpu_s * 1e6 / COST_REQUESTS); /* only told */
    cost_must(waitpid(child, NULL, 0) == child);
    server_close(server, NULL, NULL);
    uv_close((uv_handle_t *)&end, NULL);
    uv_close((uv_handle_t *)&cost.check, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* until all is closed */
    cost_must(uv_loop_close(&loop) == 0);
    cost_must(close(port_pipe[0]) == 0 && close(port_pipe[1]) == 0 && close(end_pipe[0]) == 0);
}

int main(void)
{
    static const int connections[] = {1, 16, 64, 256};
    buf_init(&cost_request, 4096);
    buf_add_fmt(&cost_request,
                "POST /v1/workflows/invoice-reminders/steps/send_reminder/actions HTTP/1.1\r\n"
                "Host: 127.0.0.1:7070\r\nUser-Agent: python-requests/2.31\r\nAccept: */*\r\n"
                "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n"
                "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                sizeof cost_json - 1, cost_json);
    memset(cost_body, 'x', sizeof cost_body);
    (void)printf("answers  connections  requests/s  cpu us/request\n"); /* only told */
    for (int is_batched = 0; is_batched < 2; is_batched++)
        for (size_t i = 0; i < sizeof connections / sizeof *connections; i++)
            cost_run(is_batched, connections[i]);
    buf_done(&cost_request);
    return 0;
}
