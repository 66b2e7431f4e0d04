/* The upstream port over real sockets: every row of upstream.cases, on a fresh and on a reused
 * connection, with a peer that counts what it reads; and what no script can show. */
#include <netdb.h>
#include <pthread.h>
#include <time.h>

#include "contract/upstream_rig.h"

/* --- names: libcurl's look-ups end here, so that no test asks a network --- */
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t names_released = PTHREAD_COND_INITIALIZER;
static bool names_are_stalled;
static int names_waiting;

/* "two.invalid": 127.0.0.2, where nobody listens, then 127.0.0.1. */
static int names_give_two(const char *service, struct addrinfo **out)
{
    static const char *const addresses[] = {"127.0.0.2", "127.0.0.1"};
    static struct sockaddr_in sockets[2];
    static struct addrinfo infos[2]; /* libcurl copies them, and frees nothing of ours */
    for (size_t i = 0; i < 2; i++) {
        sockets[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                          .sin_port = htons((uint16_t)strtoul(service, NULL, 10))};
        (void)inet_pton(AF_INET, addresses[i], &sockets[i].sin_addr); /* both are addresses */
        infos[i] = (struct addrinfo){.ai_family = AF_INET,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_addrlen = sizeof sockets[i],
                                     .ai_addr = (struct sockaddr *)&sockets[i],
                                     .ai_next = i == 0 ? &infos[1] : NULL};
    }
    *out = &infos[0];
    return 0;
}

void freeaddrinfo(struct addrinfo *infos)
{
    (void)infos;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    if (strcmp(name, "two.invalid") == 0)
        return names_give_two(service, out);
    (void)hints;
    (void)pthread_mutex_lock(&names_lock);
    names_waiting++;
    (void)pthread_cond_broadcast(&names_released);
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until); /* a clock that exists */
    until.tv_sec += 5; /* a broken loop is a failed test, not a hung one */
    while (names_are_stalled &&
           pthread_cond_timedwait(&names_released, &names_lock, &until) != ETIMEDOUT)
        continue;
    names_waiting--;
    (void)pthread_cond_broadcast(&names_released);
    (void)pthread_mutex_unlock(&names_lock);
    return EAI_NONAME;
}

static int names_count(void)
{
    (void)pthread_mutex_lock(&names_lock);
    int count = names_waiting;
    (void)pthread_mutex_unlock(&names_lock);
    return count;
}

static void names_stall(bool is_stalled)
{
    (void)pthread_mutex_lock(&names_lock);
    names_are_stalled = is_stalled;
    (void)pthread_cond_broadcast(&names_released);
    while (!is_stalled && names_waiting > 0)
        (void)pthread_cond_wait(&names_released, &names_lock);
    (void)pthread_mutex_unlock(&names_lock);
}

/* --- the rows --- */
enum { CASE_FIELDS = 5 };

static bool case_run(const struct slice fields[CASE_FIELDS], bool is_reused)
{
    struct rig rig;
    struct buf script, got, want;
    buf_init(&script, 10000);
    buf_init(&got, 1000);
    buf_init(&want, 1000);
    buf_add_fmt(&script, "%s%.*s", is_reused ? "read; ok; " : "", SLICE_FMT(fields[2]));
    buf_add_fmt(&want, "%.*s | %.*s", SLICE_FMT(fields[3]), SLICE_FMT(fields[4]));
    rig_start(&rig, buf_text(&script), false);
    if (is_reused)
        rig_warm(&rig);
    struct upstream_call call = rig_call(&rig);
    if (!strstr(buf_text(&want), "timeout"))
        call.timeout_ms = RIG_WATCHDOG_MS; /* however slow the machine */
    rig_run(&rig, &call);
    got_describe(&rig.got, &got);
    buf_add_fmt(&got, " | %zu", rig.peer.read_count);
    bool is_good = slice_equal(buf_slice(&got), buf_slice(&want)) && rig.got.asked == 1 &&
                   rig.got.what.size > 0 && rig.got.answer.peer.size > 0;
    if (!is_good)
        print_error("case \"%.*s\" (%s): got \"%s\" (%s), want \"%s\"\n", SLICE_FMT(fields[0]),
                    is_reused ? "reused" : "fresh", buf_text(&got), buf_text(&rig.got.what),
                    buf_text(&want));
    rig_stop(&rig);
    buf_done(&script);
    buf_done(&got);
    buf_done(&want);
    return is_good;
}

static bool case_run_line(struct slice line)
{
    struct slice fields[CASE_FIELDS] = {0};
    for (size_t i = 0; i < CASE_FIELDS; i++) {
        size_t end = slice_find(line, '|');
        fields[i] = slice_trim(slice_first(line, end));
        line = slice_from(line, end + 1);
    }
    bool is_good = fields[4].size > 0;
    if (!slice_is(fields[1], "reused"))
        is_good = case_run(fields, false) && is_good;
    if (!slice_is(fields[1], "fresh"))
        is_good = case_run(fields, true) && is_good;
    return is_good;
}

/* INTERLOCK_CASE=text runs only the cases whose line holds it. */
static void every_row_of_the_evidence(void **state)
{
    (void)state;
    char line[4096], path[4096];
    const char *root = getenv("INTERLOCK_ROOT");
    const char *only = getenv("INTERLOCK_CASE");
    (void)snprintf(path, sizeof path, "%s/tests/contract/upstream.cases", root ? root : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t good = 0, bad = 0;
    while (fgets(line, sizeof line, file)) {
        struct slice text = slice_text(line);
        text.size -= text.size > 0 && text.at[text.size - 1] == '\n';
        if (text.size == 0 || text.at[0] == '#' || (only && !strstr(line, only)))
            continue;
        if (case_run_line(text))
            good++;
        else
            bad++;
    }
    (void)fclose(file); /* only read */
    assert_int_equal(bad, 0);
    assert_true(good > 0);
}

/* --- the guard --- */
static void without_the_guard_a_write_arrives_twice(void **state)
{
    (void)state;
    static const char *const deaths[] = {"read; ok; read; close", "read; ok; read; reset",
                                         "read; ok; read; send HTTP/1.1 2; fin"};
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
        struct rig rig;
        rig_start(&rig, deaths[i], true);
        rig_warm(&rig);
        struct upstream_call call = rig_call(&rig);
        rig_run(&rig, &call);
        assert_got(&rig.got, "answered 200");     /* what libcurl says */
        assert_int_equal(rig.peer.read_count, 2); /* what it did */
        rig_stop(&rig);
    }
}

/* --- nothing may leave --- */
static void what_may_not_be_sent_is_not_sent(void **state)
{
    (void)state;
    for (int is_reused = 0; is_reused <= 1; is_reused++) {
        struct rig rig;
        rig_start(&rig, is_reused ? "read; ok; read; ok" : "read; ok", false);
        if (is_reused)
            rig_warm(&rig);
        struct upstream_call call = rig_call(&rig);
        rig.got.may_send = false;
        rig_run(&rig, &call);
        assert_got(&rig.got, "not_sent withheld");
        assert_int_equal(rig.got.asked, 1);
        while (rig.peer.closed_count == 0) /* its end arrives, and nothing before it */
            (void)uv_run(&rig.loop, UV_RUN_ONCE);
        assert_int_equal(rig.peer.byte_count, 0);
        call.may_send = NULL; /* always */
        rig_run(&rig, &call);
        assert_got(&rig.got, "answered 200");
        rig_stop(&rig);
    }
}

/* --- no connection --- */
static void rig_run_not_sent(struct rig *rig, struct upstream_call *call, const char *what)
{
    rig_run(rig, call);
    assert_int_equal(rig->got.answer.phase, UPSTREAM_NOT_SENT);
    assert_int_equal(rig->got.asked, 0);
    assert_int_equal(rig->peer.byte_count, 0);
    assert_string_equal(buf_text(&rig->got.what), what);
}

static void no_connection_is_not_sent(void **state)
{
    (void)state;
    struct rig rig;
    int port = 0;
    rig_start(&rig, "read; ok", false);
    struct upstream_call call = rig_call(&rig);
    call.timeout_ms = RIG_WATCHDOG_MS;

    int bound = peer_listen(-1, &port); /* bound, and nobody listens */
    (void)snprintf(rig.url, sizeof rig.url, "http://127.0.0.1:%d", port);
    rig.endpoint.base_url = slice_text(rig.url);
    rig_run_not_sent(&rig, &call, "no connection: connection refused");
    (void)close(bound); /* ours */

    rig.endpoint.base_url = SLICE("http://mail.invalid");
    rig_run_not_sent(&rig, &call, "the name mail.invalid cannot be resolved");
    assert_false(rig.got.answer.is_timeout);
    rig_stop(&rig);
}

/* The second socket gets the number of the first one, which libcurl closes without a word. */
static void the_next_address_is_tried(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, "read; ok; read; ok", false);
    (void)snprintf(rig.url, sizeof rig.url, "http://two.invalid:%d", rig.peer.port);
    rig.endpoint.base_url = slice_text(rig.url);
    struct upstream_call call = rig_call(&rig);
    call.timeout_ms = RIG_WATCHDOG_MS;
    call.connect_timeout_ms = RIG_WATCHDOG_MS / 2;
    for (int i = 0; i < 2; i++) {
        rig_run(&rig, &call);
        assert_got(&rig.got, "answered 200");
        assert_int_equal(rig.got.asked, i + 1);
    }
    assert_int_equal(rig.peer.connection_count, 1);
    rig_stop(&rig);
}

static void a_full_backlog_is_a_connect_timeout(void **state)
{
    (void)state;
    enum { FILLERS = 4 };
    struct rig rig;
    int port = 0, fillers[FILLERS];
    rig_start(&rig, "read; ok", false);
    int listener = peer_listen(0, &port);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)port)};
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof address); /* in progress */
    }
    (void)snprintf(rig.url, sizeof rig.url, "http://127.0.0.1:%d", port);
    rig.endpoint.base_url = slice_text(rig.url);
    struct upstream_call call = rig_call(&rig);
    call.timeout_ms = RIG_WATCHDOG_MS;
    call.connect_timeout_ms = 100;
    rig_run_not_sent(&rig, &call, "no connection in 100ms");
    assert_true(rig.got.answer.is_timeout);
    for (int i = 0; i < FILLERS; i++)
        (void)close(fillers[i]); /* ours */
    (void)close(listener);
    rig_stop(&rig);
}

/* A peer that is no TLS server; `some` of the client's hello arrives, which is no request. */
static void tls_that_does_not_come_about_is_not_sent(void **state)
{
    (void)state;
    static const struct {
        const char *script, *want;
    } cases[] = {{"wait", "not_sent timeout"},
                 {"wait; close", "not_sent"},
                 {"wait; reset", "not_sent"},
                 {"fin", "not_sent"},
                 {"wait; send HTTP/1.1 400 Bad\\r\\n\\r\\n; fin", "not_sent"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        rig_start(&rig, cases[i].script, false);
        (void)snprintf(rig.url, sizeof rig.url, "https://127.0.0.1:%d", rig.peer.port);
        rig.endpoint.base_url = slice_text(rig.url);
        struct upstream_call call = rig_call(&rig);
        call.timeout_ms = RIG_WATCHDOG_MS;
        if (!strstr(cases[i].want, "timeout"))
            call.connect_timeout_ms = RIG_WATCHDOG_MS;
        rig_run(&rig, &call);
        assert_got(&rig.got, cases[i].want);
        assert_int_equal(rig.got.asked, 0);
        rig_stop(&rig);
    }
}

/* libcurl 7.88 waits for a look-up that is over its time, with the loop standing still; not ours.
 */
static void a_stalled_look_up_does_not_stop_the_loop(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, "read; ok", false);
    names_stall(true);
    struct upstream_endpoint nowhere = {.base_url = SLICE("http://stalled.invalid")};
    struct upstream_call call = rig_call(&rig);
    call.endpoint = &nowhere;
    call.connect_timeout_ms = 50;
    rig_run(&rig, &call);
    assert_got(&rig.got, "not_sent timeout");
    assert_int_equal(names_count(), 1); /* it still looks */
    rig_warm(&rig);                     /* others go on */

    size_t count = rig.got.count;
    call.connect_timeout_ms = RIG_WATCHDOG_MS;
    assert_int_equal(rig.port.call(rig.port.impl, &call), ERR_OK);
    (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
    rig_stop(&rig); /* neither does the end */
    assert_int_equal(rig.got.count, count);
    names_stall(false);
}

/* --- what is sent --- */
struct request_case {
    const char *method, *target, *body, *want_line, *want_rest;
};

static void requests_go_out_as_they_are(void **state)
{
    (void)state;
    static const struct request_case cases[] = {
        {"GET", "/a", "", "GET /p/a HTTP/1.1", "\r\n\r\n"},
        {"GET", "/a/../b//c?", "", "GET /p/a/../b//c? HTTP/1.1", "\r\n\r\n"},
        {"GET", "/?a=%20%2F&b=[1]'\"<>\\^`{|}", "", "GET /p/?a=%20%2F&b=[1]'\"<>\\^`{|} HTTP/1.1",
         "\r\n\r\n"},
        {"HEAD", "/a", "", "HEAD /p/a HTTP/1.1", "\r\n\r\n"},
        {"POST", "/a", "", "POST /p/a HTTP/1.1", "Content-Length: 0\r\n\r\n"},
        {"POST", "/a", "b=1", "POST /p/a HTTP/1.1", "Content-Length: 3\r\n\r\nb=1"},
        {"PUT", "/a", "x", "PUT /p/a HTTP/1.1", "Content-Length: 1\r\n\r\nx"},
        {"PUT", "/a", "", "PUT /p/a HTTP/1.1", "Content-Length: 0\r\n\r\n"},
        {"PATCH", "/a", "x", "PATCH /p/a HTTP/1.1", "Content-Length: 1\r\n\r\nx"},
        {"DELETE", "/a", "", "DELETE /p/a HTTP/1.1", "\r\n\r\n"},
        {"DELETE", "/a", "x", "DELETE /p/a HTTP/1.1", "Content-Length: 1\r\n\r\nx"},
        {"GET", "/a", "x", "GET /p/a HTTP/1.1", "Content-Length: 1\r\n\r\nx"},
        {"GET", "/a", "", "GET /p/a HTTP/1.1", "\r\n\r\n"},
    };
    struct rig rig;
    struct buf want;
    char prefixed[80];
    buf_init(&want, 10000);
    rig_start(&rig,
              "read; ok; read; ok; read; ok; read; send HTTP/1.1 200 OK\\r\\nContent-Length: "
              "2\\r\\n\\r\\n; read; ok; read; ok; read; ok; read; ok; read; ok; read; ok; read; "
              "ok; read; ok; read; ok",
              false);
    (void)snprintf(prefixed, sizeof prefixed, "%s/p", rig.url);
    rig.endpoint.base_url = slice_text(prefixed);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) { /* all on one handle */
        struct upstream_call call = rig_call(&rig);
        call.method = slice_text(cases[i].method);
        call.target = slice_text(cases[i].target);
        call.body = slice_text(cases[i].body);
        rig_run(&rig, &call);
        assert_got(&rig.got, "answered 200");
        buf_reset(&want);
        bool has_length = strncmp(cases[i].want_rest, "Content", 7) == 0;
        buf_add_fmt(&want, "%s\r\nHost: 127.0.0.1:%d\r\nUser-Agent: interlock\r\nAccept: */*%s%s",
                    cases[i].want_line, rig.peer.port, has_length ? "\r\n" : "",
                    cases[i].want_rest);
        assert_string_equal(buf_text(&rig.peer.request), buf_text(&want));
    }
    assert_int_equal(rig.peer.connection_count, 1);
    buf_done(&want);
    rig_stop(&rig);
}

static void headers_go_out_as_they_are(void **state)
{
    (void)state;
    const struct upstream_header headers[] = {
        {SLICE("Content-Type"), SLICE("application/json; charset=\"x\"")},
        {SLICE("X-Two"), SLICE("1")},
        {SLICE("X-Two"), SLICE("2")},
        {SLICE("X-Empty"), {0}},
        {SLICE("X-Blank"), SLICE("  ")},
        {SLICE("x-odd"), SLICE(" a:b;c\xc3\xa9\x01\t")},
    };
    const struct upstream_header secrets[] = {{SLICE("Authorization"), SLICE("Bearer s3cret")}};
    struct rig rig;
    rig_start(&rig, "read; ok", false);
    rig.endpoint.secret_headers = secrets;
    rig.endpoint.secret_header_count = 1;
    struct upstream_call call = rig_call(&rig);
    call.headers = headers;
    call.header_count = sizeof headers / sizeof *headers;
    rig_run(&rig, &call);
    static const char want[] = "\r\nContent-Type: application/json; charset=\"x\"\r\nX-Two: 1\r\n"
                               "X-Two: 2\r\nX-Empty:\r\nX-Blank:\r\nx-odd:  a:b;c\xc3\xa9\x01\t\r\n"
                               "Authorization: Bearer s3cret\r\n";
    assert_non_null(strstr(buf_text(&rig.peer.request), want));
    rig_stop(&rig);
}

static void bodies_are_byte_exact(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 255, 65536, 65537, LIMIT_REQUEST};
    char *body = malloc(LIMIT_REQUEST);
    assert_non_null(body);
    for (size_t i = 0; i < LIMIT_REQUEST; i++)
        body[i] = (char)(i * 31 + i / 251); /* NUL bytes among them */
    struct rig rig;
    rig_start(&rig, "read; ok; read; ok; read; ok; read; ok; read; ok", false);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct upstream_call call = rig_call(&rig);
        call.timeout_ms = RIG_WATCHDOG_MS;
        call.body = slice_of(body, sizes[i]);
        rig_run(&rig, &call);
        assert_got(&rig.got, "answered 200");
        struct slice request = buf_slice(&rig.peer.request);
        struct slice sent = slice_from(request, request.size - sizes[i]);
        assert_true(slice_equal(sent, call.body));
        assert_null(strstr(buf_text(&rig.peer.request), "Expect"));
    }
    free(body);
    rig_stop(&rig);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    (void)state;
    static const struct upstream_header bad[] = {
        {{"", 0}, {"a", 1}},
        {{"a b", 3}, {"a", 1}},
        {{"a:", 2}, {"b", 1}},
        {{"a\r\nb", 4}, {"a", 1}},
        {{"a", 1}, {"b\r\nc", 4}},
        {{"a", 1}, {"b\nc", 3}},
        {{"a", 1}, {"b\0c", 3}},
        {{"a\0", 2}, {"b", 1}},
        {{"\xc3\xa9", 2}, {"b", 1}},
        {{"Content-Length", 14}, {"1", 1}},
        {{"transfer-encoding", 17}, {"chunked", 7}},
        {{"EXPECT", 6}, {"100-continue", 12}},
        {{"Connection", 10}, {"close", 5}},
    };
    static const char *const methods[] = {"", "get", "CONNECT", "TRACE", "POST\r\n"};
    static const char *const targets[] = {"", "a", "/a b", "/a\r\nX: y", "/a#b", "/\xc3\xa9", "*"};
    static const char *const urls[] = {"",          "ftp://h",    "file:///etc/passwd",
                                       "http://",   "http:///a",  "http://u:p@h",
                                       "http://h/", "http://h?x", "http://h h"};
    struct rig rig;
    rig_start(&rig, "read; ok", false);
    void *impl = rig.port.impl;
    struct upstream_call call = rig_call(&rig);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct upstream_call with = call;
        struct upstream_endpoint endpoint = rig.endpoint;
        with.headers = &bad[i];
        with.header_count = 1;
        assert_int_equal(rig.port.call(impl, &with), ERR_INVALID);
        with.header_count = 0;
        with.endpoint = &endpoint;
        endpoint.secret_headers = &bad[i];
        endpoint.secret_header_count = 1;
        assert_int_equal(rig.port.call(impl, &with), ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct upstream_call with = call;
        with.method = slice_text(methods[i]);
        assert_int_equal(rig.port.call(impl, &with), ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct upstream_call with = call;
        with.target = slice_text(targets[i]);
        assert_int_equal(rig.port.call(impl, &with), ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct upstream_call with = call;
        struct upstream_endpoint endpoint = {.base_url = slice_text(urls[i])};
        with.endpoint = &endpoint;
        assert_int_equal(rig.port.call(impl, &with), ERR_INVALID);
    }
    struct upstream_call endless = call;
    endless.timeout_ms = 0;
    assert_int_equal(rig.port.call(impl, &endless), ERR_INVALID);
    struct upstream_call headed = call;
    headed.method = SLICE("HEAD");
    assert_int_equal(rig.port.call(impl, &headed), ERR_INVALID); /* with a body */
    assert_int_equal(rig.port.count(impl), 0);
    rig_stop(&rig);
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    static char bytes[LIMIT_REQUEST + 1];
    static struct upstream_header headers[LIMIT_CALL_HEADERS + 1];
    memset(bytes, '/', sizeof bytes);
    for (size_t i = 0; i <= LIMIT_CALL_HEADERS; i++)
        headers[i] = (struct upstream_header){SLICE("a"), SLICE("b")};
    struct rig rig;
    rig_start(&rig, "read; ok", false);
    struct upstream_call call = rig_call(&rig);
    call.body = slice_of(bytes, sizeof bytes);
    assert_int_equal(rig.port.call(rig.port.impl, &call), ERR_LIMIT);
    call = rig_call(&rig);
    call.target = slice_of(bytes, LIMIT_CALL_HEAD);
    assert_int_equal(rig.port.call(rig.port.impl, &call), ERR_LIMIT);
    call = rig_call(&rig);
    call.headers = headers;
    call.header_count = LIMIT_CALL_HEADERS + 1;
    assert_int_equal(rig.port.call(rig.port.impl, &call), ERR_LIMIT);
    call.header_count = LIMIT_CALL_HEADERS;
    rig_run(&rig, &call);
    assert_got(&rig.got, "answered 200");
    rig_stop(&rig);
}

/* --- what is read --- */
static void answers_are_told_whole(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(
        &rig,
        "read; send HTTP/1.1 103 Early\\r\\nX: hint\\r\\n\\r\\nHTTP/1.1 201 \\r\\nA:  1 \\r\\n"
        "b:\\r\\nA: 2\\r\\n folded\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
        "3\\r\\nabc\\r\\n2\\r\\nde\\r\\n0\\r\\nTrailer: t\\r\\n\\r\\n",
        false);
    struct upstream_call call = rig_call(&rig);
    rig_run(&rig, &call);
    assert_got(&rig.got, "answered 201");
    assert_string_equal(buf_text(&rig.got.headers),
                        "A=1\nb=\nA=2 folded\nTransfer-Encoding=chunked\n");
    assert_string_equal(buf_text(&rig.got.body), "abcde");
    assert_string_equal(buf_text(&rig.got.what), "answered 201");
    rig_stop(&rig);
}

static void an_oversize_body_is_cut_and_its_connection_ended(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, "read; send HTTP/1.1 200 OK\\r\\nContent-Length: 50000\\r\\n\\r\\n; fill 50000",
              false);
    struct upstream_call call = rig_call(&rig);
    rig_run(&rig, &call);
    assert_got(&rig.got, "answered cut 200");
    assert_int_equal(rig.got.body.size, RIG_ANSWER_MAX);
    assert_string_equal(buf_text(&rig.got.what), "answered 200, cut after 1000 bytes");
    while (rig.peer.closed_count == 0)
        (void)uv_run(&rig.loop, UV_RUN_ONCE);
    rig_run(&rig, &call);
    assert_got(&rig.got, "answered 200");
    assert_int_equal(rig.peer.connection_count, 2);
    rig_stop(&rig);
}

/* A proxy's 408 on an idle connection, or a doubled answer, is not the next call's answer. */
static void bytes_that_nobody_asked_for_are_no_answer(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, "read; ok; wait", false);
    struct upstream_call call = rig_call(&rig);
    rig_run(&rig, &call);
    peer_send_text(&rig.peer.connections[0],
                   SLICE("HTTP/1.1 500 Stray\\r\\nContent-Length: 0\\r\\n\\r\\n"));
    while (rig.peer.closed_count == 0) /* ended from our side */
        (void)uv_run(&rig.loop, UV_RUN_ONCE);
    rig_run(&rig, &call);
    assert_got(&rig.got, "answered 200");
    assert_int_equal(rig.peer.connection_count, 2);
    rig_stop(&rig);
}

/* --- life --- */
static void at_the_limit_a_call_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, "read; ok", false);
    rig.endpoint.base_url = SLICE("http://127.0.0.1:1"); /* begun in the loop's next turn */
    struct upstream_call call = rig_call(&rig);
    for (size_t i = 0; i < LIMIT_UPSTREAM_CALLS; i++)
        assert_int_equal(rig.port.call(rig.port.impl, &call), ERR_OK);
    assert_int_equal(rig.port.call(rig.port.impl, &call), ERR_BUSY);
    assert_int_equal(rig.port.count(rig.port.impl), LIMIT_UPSTREAM_CALLS);
    rig_wait(&rig, LIMIT_UPSTREAM_CALLS);
    assert_got(&rig.got, "not_sent");
    rig_stop(&rig);
}

static struct upstream_call chain_call;

static void chain_done(void *arg, const struct upstream_answer *answer)
{
    struct rig *rig = arg;
    rig_done(arg, answer);
    if (rig->got.count < 20)
        assert_int_equal(rig->port.call(rig->port.impl, &chain_call), ERR_OK);
}

static void a_call_may_begin_the_next_one(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, "read; ok", false);
    rig.endpoint.base_url =
        SLICE("http://127.0.0.1:1"); /* ends at once: more than one turn's kicks */
    chain_call = rig_call(&rig);
    chain_call.done = chain_done;
    assert_int_equal(rig.port.call(rig.port.impl, &chain_call), ERR_OK);
    rig_wait(&rig, 20);
    rig_stop(&rig);
}

static bool refused_may_send(void *arg)
{
    struct rig *rig = arg;
    struct upstream_call call = rig_call(rig);
    assert_int_equal(rig->port.call(rig->port.impl, &call), ERR_BUSY);
    return true;
}

static void may_send_cannot_begin_calls(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, "read; ok", false);
    struct upstream_call call = rig_call(&rig);
    call.may_send = refused_may_send;
    rig_run(&rig, &call);
    assert_got(&rig.got, "answered 200");
    rig_stop(&rig);
}

static void freeing_done(void *arg, const struct upstream_answer *answer)
{
    struct rig *rig = arg;
    rig_done(arg, answer);
    upstream_curl_free(rig->curl);
    rig->curl = NULL;
}

/* Sanitizers look for what is left. */
static void the_end_breaks_calls_off_without_a_word(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, "read; ok; read", false);
    rig_warm(&rig);
    size_t count = rig.got.count;
    struct upstream_call call = rig_call(&rig);
    call.timeout_ms = RIG_WATCHDOG_MS;
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig.port.call(rig.port.impl, &call), ERR_OK);
    while (rig.peer.read_count == 0)
        (void)uv_run(&rig.loop, UV_RUN_ONCE);
    assert_int_equal(rig.port.call(rig.port.impl, &call), ERR_OK); /* not even begun */
    rig_stop(&rig);
    assert_true(rig.got.count <= count + 2); /* the two that had a connection of their own */

    rig_start(&rig, "read; ok", false); /* from within done, others under way */
    call = rig_call(&rig);
    call.done = freeing_done;
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig.port.call(rig.port.impl, &call), ERR_OK);
    while (rig.got.count == 0)
        (void)uv_run(&rig.loop, UV_RUN_ONCE);
    rig_stop(&rig);
    assert_int_equal(rig.got.count, 1);
}

static void the_loop_ends_when_no_call_is_under_way(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, "read; ok", false);
    uv_unref((uv_handle_t *)&rig.peer.poll);
    struct upstream_call call = rig_call(&rig);
    rig_run(&rig, &call);
    for (size_t i = 0; i < rig.peer.connection_count; i++)
        uv_unref((uv_handle_t *)&rig.peer.connections[i].poll);
    assert_int_equal(uv_run(&rig.loop, UV_RUN_DEFAULT), 0); /* although the connection is kept */
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_evidence),
        cmocka_unit_test(without_the_guard_a_write_arrives_twice),
        cmocka_unit_test(what_may_not_be_sent_is_not_sent),
        cmocka_unit_test(no_connection_is_not_sent),
        cmocka_unit_test(the_next_address_is_tried),
        cmocka_unit_test(a_full_backlog_is_a_connect_timeout),
        cmocka_unit_test(tls_that_does_not_come_about_is_not_sent),
        cmocka_unit_test(a_stalled_look_up_does_not_stop_the_loop),
        cmocka_unit_test(requests_go_out_as_they_are),
        cmocka_unit_test(headers_go_out_as_they_are),
        cmocka_unit_test(bodies_are_byte_exact),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(answers_are_told_whole),
        cmocka_unit_test(an_oversize_body_is_cut_and_its_connection_ended),
        cmocka_unit_test(bytes_that_nobody_asked_for_are_no_answer),
        cmocka_unit_test(at_the_limit_a_call_is_refused),
        cmocka_unit_test(a_call_may_begin_the_next_one),
        cmocka_unit_test(may_send_cannot_begin_calls),
        cmocka_unit_test(the_end_breaks_calls_off_without_a_word),
        cmocka_unit_test(the_loop_ends_when_no_call_is_under_way),
    };
    return cmocka_run_group_tests_name("upstream", tests, NULL, NULL);
}
