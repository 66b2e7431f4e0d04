/* bench/upstream_cost.c - CPU time of one upstream call on a kept connection, by way of driving
 * libcurl.
 *
 * Three ways make the same POST (200 bytes up, 59 down) against the same stub in another process:
 *   port    ours: upstream/curl (cached watchers, all checks, guard, answer copied)
 *   poll    bare libcurl, curl_multi_poll and curl_multi_perform
 *   churn   bare libcurl, curl_multi_socket_action with uv_poll_start at every change that it tells
 * The client's CPU time is its own thread's; the stub's is not counted. The host varies: compare
 * within one run.  Usage: upstream_cost [CALLS [WAY]] */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "upstream/curl.h"

#include <curl/curl.h>

enum { BENCH_BODY = 200, BENCH_EVENTS = 64, BENCH_CALLS = 100000 };

static const char bench_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    "Content-Length: 59\r\n\r\n"
    "{\"id\":\"m_000000000000000000000000000000\",\"status\":\"queued\"}";

/* The stub: a request is whole when its body's last byte '}' has come. One process, one thread. */
static void stub_serve(int listener)
{
    static char bytes[65536];
    struct epoll_event events[BENCH_EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event); /* a bench: the result shows it */
    for (;;) {
        int count = epoll_wait(epoll, events, BENCH_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                event.data.fd = accept(listener, NULL, NULL);
                (void)epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event); /* as above */
                continue;
            }
            ssize_t size = read(fd, bytes, sizeof bytes);
            if (size <= 0)
                (void)close(fd); /* the client has gone */
            else if (bytes[size - 1] == '}')
                (void)!write(fd, bench_answer, sizeof bench_answer - 1); /* as above */
        }
    }
}

static pid_t stub_start(int *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return -1;
    *out_port = ntohs(address.sin_port);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it never ends by itself */
        stub_serve(fd);
    }
    (void)close(fd);
    return pid;
}

struct bench {
    char url[64];
    char body[BENCH_BODY];
    size_t calls_left; /* to be begun */
    size_t calls_ended;
    size_t calls_bad;
    uv_loop_t loop;
    /* port */
    struct upstream_endpoint endpoint;
    struct upstream_port port;
    /* poll, churn */
    CURLM *multi;
    struct curl_slist *headers;
    uv_timer_t timer;
};

/* --- port --- */
static void port_begin(struct bench *bench);

static void port_done(void *arg, const struct upstream_answer *answer)
{
    struct bench *bench = arg;
    bench->calls_ended++;
    bench->calls_bad += answer->phase != UPSTREAM_ANSWERED || answer->status != 200;
    port_begin(bench);
}

static void port_begin(struct bench *bench)
{
    static const struct upstream_header headers[] = {
        {{"Content-Type", 12}, {"application/json", 16}},
        {{"Idempotency-Key", 15}, {"0123456789abcdef0123456789abcdef", 32}},
    };
    if (bench->calls_left == 0)
        return;
    bench->calls_left--;
    const struct upstream_call call = {
        .endpoint = &bench->endpoint,
        .method = SLICE("POST"),
        .target = SLICE("/v1/messages"),
        .headers = headers,
        .header_count = 2,
        .body = {bench->body, BENCH_BODY},
        .timeout_ms = 10000,
        .connect_timeout_ms = 2000,
        .answer_max = LIMIT_ANSWER,
        .done = port_done,
        .arg = bench,
    };
    CHECK(bench->port.call);
    if (bench->port.call(bench->port.impl, &call) != ERR_OK)
        bench->calls_bad++;
}

static void port_run(struct bench *bench, size_t concurrency)
{
    struct upstream_curl *curl = NULL;
    if (upstream_curl_new(&bench->loop, NULL, &curl) != ERR_OK)
        return;
    bench->port = upstream_curl_port(curl);
    bench->endpoint = (struct upstream_endpoint){.base_url = slice_text(bench->url)};
    for (size_t i = 0; i < concurrency; i++)
        port_begin(bench);
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT); /* until nothing is under way */
    upstream_curl_free(curl);
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT); /* closes the handles */
}

/* --- bare libcurl --- */
static size_t bare_on_bytes(char *bytes, size_t one, size_t size, void *arg)
{
    (void)bytes;
    (void)one;
    (void)arg;
    return size;
}

static CURL *bare_new(struct bench *bench)
{
    CURL *easy = curl_easy_init();
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* a bench */
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, bare_on_bytes);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, bench);
    return easy;
}

/* The same settings that a call of ours needs. */
static void bare_begin(struct bench *bench, CURL *easy)
{
    if (bench->calls_left == 0)
        return;
    bench->calls_left--;
    (void)curl_easy_setopt(easy, CURLOPT_URL, bench->url); /* a bench */
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, bench->headers);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bench->body);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)BENCH_BODY);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 10000L);
    (void)curl_multi_add_handle(bench->multi, easy);
}

static size_t bare_take(struct bench *bench)
{
    size_t count = 0;
    const CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(bench->multi, &left))) {
        CURL *easy = message->easy_handle;
        bench->calls_ended++;
        bench->calls_bad += message->data.result != CURLE_OK;
        (void)curl_multi_remove_handle(bench->multi, easy); /* it is there */
        bare_begin(bench, easy);
        count++;
    }
    return count;
}

static void poll_drive(struct bench *bench, size_t calls)
{
    int running = 0;
    while (bench->calls_ended < calls) {
        (void)curl_multi_perform(bench->multi, &running); /* a bench */
        if (bare_take(bench) == 0)
            (void)curl_multi_poll(bench->multi, NULL, 0, 1000, NULL);
    }
}

struct churn_watch {
    uv_poll_t poll;
    struct bench *bench;
    curl_socket_t fd;
};

static void churn_act(struct bench *bench, curl_socket_t fd, int flags)
{
    int running = 0;
    (void)curl_multi_socket_action(bench->multi, fd, flags, &running); /* a bench */
    (void)bare_take(bench);
}

static void churn_ready(uv_poll_t *poll, int status, int events)
{
    struct churn_watch *watch = poll->data;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    churn_act(watch->bench, watch->fd, status < 0 ? 0 : flags);
}

static void churn_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int churn_on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    (void)easy;
    struct bench *bench = arg;
    struct churn_watch *watch = known;
    if (what == CURL_POLL_REMOVE) {
        (void)uv_poll_stop(&watch->poll); /* cannot fail */
        uv_close((uv_handle_t *)&watch->poll, churn_closed);
        return 0;
    }
    if (!watch) {
        watch = calloc(1, sizeof *watch);
        CHECK(watch);
        watch->bench = bench;
        watch->fd = fd;
        watch->poll.data = watch;
        (void)uv_poll_init(&bench->loop, &watch->poll, fd); /* a bench */
        (void)curl_multi_assign(bench->multi, fd, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, events, churn_ready);
}

static void churn_on_time(uv_timer_t *timer)
{
    churn_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int churn_on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct bench *bench = arg;
    if (timeout_ms < 0)
        return uv_timer_stop(&bench->timer);
    return uv_timer_start(&bench->timer, churn_on_time, (uint64_t)timeout_ms, 0);
}

static void bare_run(struct bench *bench, size_t concurrency, bool is_churn)
{
    CURL *easy[256];
    size_t calls = bench->calls_left;
    bench->multi = curl_multi_init();
    bench->headers = curl_slist_append(NULL, "Expect:");
    bench->headers = curl_slist_append(bench->headers, "Content-Type: application/json");
    bench->headers =
        curl_slist_append(bench->headers, "Idempotency-Key: 0123456789abcdef0123456789abcdef");
    (void)uv_timer_init(&bench->loop, &bench->timer); /* cannot fail */
    bench->timer.data = bench;
    if (is_churn) {
        (void)curl_multi_setopt(bench->multi, CURLMOPT_SOCKETFUNCTION,
                                churn_on_socket); /* a bench */
        (void)curl_multi_setopt(bench->multi, CURLMOPT_SOCKETDATA, bench);
        (void)curl_multi_setopt(bench->multi, CURLMOPT_TIMERFUNCTION, churn_on_timer);
        (void)curl_multi_setopt(bench->multi, CURLMOPT_TIMERDATA, bench);
    }
    for (size_t i = 0; i < concurrency; i++) {
        easy[i] = bare_new(bench);
        bare_begin(bench, easy[i]);
    }
    if (is_churn)
        (void)uv_run(&bench->loop, UV_RUN_DEFAULT); /* until nothing is under way */
    else
        poll_drive(bench, calls);
    for (size_t i = 0; i < concurrency; i++)
        curl_easy_cleanup(easy[i]);
    (void)curl_multi_cleanup(bench->multi); /* a bench */
    curl_slist_free_all(bench->headers);
    uv_close((uv_handle_t *)&bench->timer, NULL);
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT); /* closes the handles */
}

static double bench_cpu_us(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_THREAD, &usage); /* cannot fail */
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void bench_measure(struct bench *bench, const char *way, size_t concurrency, size_t calls)
{
    bench->calls_left = calls;
    bench->calls_ended = 0;
    bench->calls_bad = 0;
    uint64_t wall = uv_hrtime();
    double cpu = bench_cpu_us();
    if (strcmp(way, "port") == 0)
        port_run(bench, concurrency);
    else
        bare_run(bench, concurrency, strcmp(way, "churn") == 0);
    cpu = bench_cpu_us() - cpu;
    wall = uv_hrtime() - wall;
    printf("%-6s %5zu at once  %6.1f us CPU a call  %7.0f calls/s%s\n", way, concurrency,
           cpu / (double)calls, (double)calls * 1e9 / (double)wall,
           bench->calls_bad ? "  SOME WENT WRONG" : "");
}

int main(int argc, char **argv)
{
    static const size_t concurrency[] = {1, 16, 64, 256};
    static const char *const ways[] = {"port", "poll", "churn"};
    size_t calls = argc > 1 ? strtoul(argv[1], NULL, 10) : BENCH_CALLS;
    struct bench bench = {0};
    int port = 0;
    pid_t stub = stub_start(&port);
    if (stub < 0 || calls == 0 || uv_loop_init(&bench.loop) != 0)
        return 1;
    memset(bench.body, 'x', BENCH_BODY);
    bench.body[BENCH_BODY - 1] = '}';
    (void)snprintf(bench.url, sizeof bench.url, "http://127.0.0.1:%d", port); /* fits */
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);                              /* a bench */
    for (size_t i = 0; i < sizeof concurrency / sizeof *concurrency; i++)
        for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
            if (argc < 3 || strcmp(argv[2], ways[way]) == 0)
                bench_measure(&bench, ways[way], concurrency[i], calls);
    (void)kill(stub, SIGKILL); /* our own child */
    (void)waitpid(stub, NULL, 0);
    (void)uv_loop_close(&bench.loop); /* all handles are closed */
    return 0;
}
