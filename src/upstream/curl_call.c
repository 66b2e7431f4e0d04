#include "upstream/curl_call.h"

#include <stdlib.h>

#include "base/text.h"

enum {
    CURL_CALL_WHAT = 512,           /* a clause for people */
    CURL_CALL_PEER = 128,           /* an address and a port */
    CURL_CALL_KEPT_BODY = 64 * 1024 /* memory for answers that a spare call keeps */
};

/* Invariants 1 and 2. */
static int curl_call_on_prereq(void *arg, char *peer_ip, char *local_ip, int peer_port,
                               int local_port)
{
    (void)local_ip;
    (void)local_port;
    struct curl_call *call = arg;
    call->prereq_count++;
    if (call->prereq_count > 1)
        return call->is_guard_off ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
    bool is_v6 = strchr(peer_ip, ':') != NULL;
    buf_add_text(&call->peer, is_v6 ? "[" : "");
    buf_add_text(&call->peer, peer_ip);
    buf_add_text(&call->peer, is_v6 ? "]:" : ":");
    buf_add_i64(&call->peer, peer_port);
    call->was_withheld = call->may_send && !call->may_send(call->arg);
    return call->was_withheld ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* Anything but the size ends the transfer. */
static size_t curl_call_on_header(char *bytes, size_t one, size_t size, void *arg)
{
    (void)one;
    struct curl_call *call = arg;
    return curl_head_add(&call->head, slice_of(bytes, size)) ? size : 0;
}

static size_t curl_call_on_body(char *bytes, size_t one, size_t size, void *arg)
{
    (void)one;
    struct curl_call *call = arg;
    size_t room = call->body.size_max - call->body.size;
    buf_add(&call->body, slice_first(slice_of(bytes, size), room));
    call->is_body_too_large = size > room;
    return size <= room && buf_ok(&call->body) ? size : 0;
}

/* Invariant 4: what is the same for every call. */
static bool curl_call_set_constant(CURL *easy)
{
    static const struct {
        CURLoption option;
        long value;
    } options[] = {
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_NOPROGRESS, 1},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
        {CURLOPT_PATH_AS_IS, 1},
        {CURLOPT_TCP_NODELAY, 1},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_CA_CACHE_TIMEOUT, 3600}, /* reading the system's file takes 16 ms */
        {CURLOPT_MAXAGE_CONN, UPSTREAM_IDLE_S},
        /* Otherwise a look-up that is over its time is waited for, and the loop stands still. */
        {CURLOPT_QUICK_EXIT, 1},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (curl_easy_setopt(easy, options[i].option, options[i].value) != CURLE_OK)
            return false;
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "interlock") == CURLE_OK;
}

static bool curl_call_set_callbacks(struct curl_call *call)
{
    CURL *easy = call->easy;
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, curl_call_on_prereq) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, curl_call_on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, curl_call_on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->trouble) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK;
}

struct curl_call *curl_call_new(struct curl_drive *drive)
{
    struct curl_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    list_init(&call->node);
    curl_request_init(&call->request);
    curl_head_init(&call->head);
    buf_init(&call->body, 0);
    buf_init(&call->what, CURL_CALL_WHAT);
    buf_init(&call->peer, CURL_CALL_PEER);
    buf_init(&call->tls_ca, LIMIT_CALL_HEAD);
    call->easy = curl_easy_init();
    if (call->easy && curl_call_set_constant(call->easy) && curl_call_set_callbacks(call) &&
        curl_drive_adopt(drive, call->easy))
        return call;
    curl_call_free(call);
    return NULL;
}

void curl_call_free(struct curl_call *call)
{
    if (!call)
        return;
    curl_easy_cleanup(call->easy); /* takes NULL */
    curl_request_done(&call->request);
    curl_head_done(&call->head);
    buf_done(&call->body);
    buf_done(&call->what);
    buf_done(&call->peer);
    buf_done(&call->tls_ca);
    free(call);
}

void curl_call_clear(struct curl_call *call)
{
    curl_request_reset(&call->request);
    curl_head_reset(&call->head);
    if (call->body.capacity > CURL_CALL_KEPT_BODY)
        buf_done(&call->body);
    buf_reset(&call->body);
    buf_reset(&call->what);
    buf_reset(&call->peer);
    call->trouble[0] = '\0';
    call->prereq_count = 0;
    call->was_withheld = false;
    call->is_body_too_large = false;
}

/* libcurl's own notion of GET, HEAD and POST decides about bodies; CUSTOMREQUEST names the rest.
 * POSTFIELDS, even NULL, makes a POST of it: so it comes first. */
static bool curl_call_set_method(struct curl_call *call)
{
    CURL *easy = call->easy;
    enum curl_request_method method = call->request.method;
    struct slice body = call->request.body;
    bool is_head = method == CURL_REQUEST_HEAD;
    bool is_post = body.size > 0 || method == CURL_REQUEST_POST || method == CURL_REQUEST_PUT ||
                   method == CURL_REQUEST_PATCH;
    bool is_named = !is_head && method != (is_post ? CURL_REQUEST_POST : CURL_REQUEST_GET);
    CURLoption kind = is_head ? CURLOPT_NOBODY : is_post ? CURLOPT_POST : CURLOPT_HTTPGET;
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, is_post ? body.at : NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size) == CURLE_OK &&
           curl_easy_setopt(easy, kind, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                            is_named ? curl_request_method_name(method) : NULL) == CURLE_OK;
}

/* Only when it differs from the handle's last call: each setting is a copy. */
static bool curl_call_set_tls(struct curl_call *call)
{
    struct slice tls_ca = call->request.tls_ca;
    if (slice_equal(buf_slice(&call->tls_ca), tls_ca))
        return true;
    const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
    bool is_own = tls_ca.size > 0; /* then the system's are not trusted */
    buf_reset(&call->tls_ca);
    buf_add(&call->tls_ca, tls_ca);
    return buf_ok(&call->tls_ca) &&
           curl_easy_setopt(call->easy, CURLOPT_CAINFO, is_own ? tls_ca.at : built->cainfo) ==
               CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_CAPATH, is_own ? NULL : built->capath) == CURLE_OK;
}

static bool curl_call_set(struct curl_call *call)
{
    CURL *easy = call->easy;
    const struct curl_request *request = &call->request;
    return curl_call_set_method(call) && curl_call_set_tls(call) &&
           curl_easy_setopt(easy, CURLOPT_URL, request->url.at) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, request->target.at) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->lines) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->connect_timeout_ms) ==
               CURLE_OK;
}

enum err curl_call_begin(struct curl_call *call, const struct upstream_call *from)
{
    enum err err = curl_request_copy(&call->request, from);
    if (err != ERR_OK)
        return err;
    call->timeout_ms = from->timeout_ms;
    call->connect_timeout_ms = from->connect_timeout_ms;
    call->body.size_max = from->answer_max;
    call->may_send = from->may_send;
    call->done = from->done;
    call->arg = from->arg;
    return curl_call_set(call) ? ERR_OK : ERR_NO_MEMORY;
}

/* A certificate is why there is no connection. With OpenSSL what does not verify is always
 * PEER_FAILED_VERIFICATION, never SSL_CONNECT_ERROR (lib/vtls/openssl.c, ossl_connect_step2). */
static bool curl_call_is_certificate(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_CRL_BADFILE ||
           code == CURLE_SSL_PINNEDPUBKEYNOTMATCH || code == CURLE_SSL_INVALIDCERTSTATUS;
}

static void curl_call_tell_time(struct curl_call *call, const char *text, int64_t ms)
{
    buf_add_text(&call->what, text);
    text_add_duration(&call->what, ms);
}

static void curl_call_tell_trouble(struct curl_call *call, const char *text, CURLcode code)
{
    buf_add_text(&call->what, text);
    buf_add_text(&call->what, call->trouble[0] ? call->trouble : curl_easy_strerror(code));
}

static void curl_call_tell_no_connection(struct curl_call *call)
{
    long number = 0;
    CURLcode code = curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &number);
    bool is_known = code == CURLE_OK && number != 0;
    buf_add_fmt(&call->what, "no connection%s%s", is_known ? ": " : "",
                is_known ? uv_strerror(uv_translate_sys_error((int)number)) : "");
}

static void curl_call_tell_not_sent(struct curl_call *call, CURLcode code)
{
    int64_t connect_ms = call->connect_timeout_ms;
    if (call->was_withheld)
        buf_add_text(&call->what, "withheld before its first byte");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        curl_call_tell_time(call, "no connection in ",
                            connect_ms < call->timeout_ms ? connect_ms : call->timeout_ms);
    else if (code == CURLE_COULDNT_RESOLVE_HOST)
        buf_add_fmt(&call->what, "the name %.*s cannot be resolved",
                    SLICE_FMT(slice_first(call->request.host, 255)));
    else if (code == CURLE_COULDNT_CONNECT)
        curl_call_tell_no_connection(call);
    else if (curl_call_is_certificate(code))
        curl_call_tell_trouble(call, "certificate refused: ", code);
    else if (code == CURLE_SSL_CONNECT_ERROR)
        curl_call_tell_trouble(call, "TLS handshake failed: ", code);
    else
        curl_call_tell_trouble(call, "not sent: ", code);
}

static void curl_call_tell_no_answer(struct curl_call *call, CURLcode code)
{
    bool has_part = call->head.seen_size > 0;
    if (call->head.is_too_large)
        buf_add_text(&call->what, "the answer's headers are too large");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        curl_call_tell_time(call, has_part ? "no whole answer in " : "no answer in ",
                            call->timeout_ms);
    else if (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR)
        buf_add_text(&call->what, has_part ? "the connection was reset within the answer's headers"
                                           : "the connection was reset without an answer");
    else if (code == CURLE_OK || code == CURLE_GOT_NOTHING || code == CURLE_ABORTED_BY_CALLBACK)
        buf_add_text(&call->what, has_part ? "the connection ended within the answer's headers"
                                           : "the connection ended without an answer");
    else if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY ||
             code == CURLE_WRITE_ERROR)
        buf_add_text(&call->what, "the answer is not HTTP/1.1");
    else
        curl_call_tell_trouble(call, "no answer: ", code);
}

static void curl_call_tell_answered(struct curl_call *call, CURLcode code)
{
    buf_add_text(&call->what, "answered ");
    buf_add_i64(&call->what, call->head.status);
    if (call->is_body_too_large)
        buf_add_fmt(&call->what, ", cut after %zu bytes", call->body.size);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        curl_call_tell_time(call, ", not whole in ", call->timeout_ms);
    else if (code != CURLE_OK)
        buf_add_text(&call->what, ", cut");
}

/* Invariants 1 and 3. */
static enum upstream_phase curl_call_phase(const struct curl_call *call)
{
    if (call->prereq_count == 0 || call->was_withheld)
        return UPSTREAM_NOT_SENT;
    return call->head.is_whole ? UPSTREAM_ANSWERED : UPSTREAM_SENT_NO_ANSWER;
}

struct upstream_answer curl_call_end(struct curl_call *call, CURLcode code)
{
    struct upstream_answer answer = {.phase = curl_call_phase(call)};
    switch (answer.phase) {
    case UPSTREAM_NOT_SENT:
        answer.was_withheld = call->was_withheld;
        answer.is_certificate_bad = !call->was_withheld && curl_call_is_certificate(code);
        curl_call_tell_not_sent(call, code);
        break;
    case UPSTREAM_SENT_NO_ANSWER:
        curl_call_tell_no_answer(call, code);
        break;
    case UPSTREAM_ANSWERED:
        curl_head_finish(&call->head);
        answer.is_cut = code != CURLE_OK;
        answer.status = call->head.status;
        answer.headers = call->head.headers;
        answer.header_count = call->head.count;
        answer.body = buf_slice(&call->body);
        curl_call_tell_answered(call, code);
        break;
    }
    answer.is_timeout = code == CURLE_OPERATION_TIMEDOUT;
    answer.peer = buf_slice(&call->peer);
    answer.what = buf_slice(&call->what);
    return answer;
}
