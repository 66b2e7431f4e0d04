#include "upstream/curl_request.h"

#include "base/check.h"

/* Room for the copies besides body and head: terminators and alignment. */
enum {
    CURL_REQUEST_SLACK = 64 * (LIMIT_CALL_HEADERS + 8),
    CURL_REQUEST_TIME_MAX_MS = 86400000 /* libcurl's own limit is a few weeks */
};

static const char *const curl_request_methods[CURL_REQUEST_METHOD_COUNT] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

const char *curl_request_method_name(enum curl_request_method method)
{
    return curl_request_methods[method];
}

void curl_request_init(struct curl_request *request)
{
    *request = (struct curl_request){0};
    arena_init(&request->memory, LIMIT_CALL_BODY + 2 * LIMIT_CALL_HEAD + CURL_REQUEST_SLACK);
}

void curl_request_reset(struct curl_request *request)
{
    for (size_t i = request->secret_at; i < request->line_count; i++)
        explicit_bzero(request->lines[i].data, strlen(request->lines[i].data)); /* invariant 3 */
    arena_reset(&request->memory);
    request->line_count = 0;
    request->secret_at = 0;
}

void curl_request_done(struct curl_request *request)
{
    curl_request_reset(request);
    arena_done(&request->memory);
}

/* token, RFC 9110 5.6.2 */
static bool curl_request_is_token(struct slice s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.size; i++) {
        char c = s.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_plain && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return s.size > 0;
}

static bool curl_request_name_is(struct slice name, struct slice lower)
{
    if (name.size != lower.size)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c + 32) : c) != lower.at[i])
            return false;
    }
    return true;
}

/* Headers that frame the message or the connection: libcurl's business alone. */
static bool curl_request_is_framing(struct slice name)
{
    static const char *const framing[] = {
        "content-length", "transfer-encoding", "connection",      "expect", "upgrade", "te",
        "trailer",        "keep-alive",        "proxy-connection"};
    for (size_t i = 0; i < sizeof framing / sizeof *framing; i++)
        if (curl_request_name_is(name, slice_text(framing[i])))
            return true;
    return false;
}

static bool curl_request_is_value(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.at[i] == '\r' || s.at[i] == '\n' || s.at[i] == '\0')
            return false;
    return true;
}

/* Visible ASCII; a fragment would be cut off. */
static bool curl_request_is_url_part(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~' || s.at[i] == '#')
            return false;
    return true;
}

static bool curl_request_headers_are_valid(const struct upstream_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!curl_request_is_token(headers[i].name) || curl_request_is_framing(headers[i].name) ||
            !curl_request_is_value(headers[i].value))
            return false;
    return true;
}

static size_t curl_request_headers_size(const struct upstream_header *headers, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += headers[i].name.size + headers[i].value.size; /* each is in memory: no overflow */
    return size;
}

/* What follows "http://" or "https://"; empty when it is neither. */
static struct slice curl_request_authority(struct slice base_url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (slice_starts(base_url, slice_text(schemes[i])))
            return slice_from(base_url, strlen(schemes[i]));
    return (struct slice){0};
}

static bool curl_request_is_base_url(struct slice base_url)
{
    struct slice rest = curl_request_authority(base_url);
    struct slice host = slice_first(rest, slice_find(rest, '/'));
    return host.size > 0 && slice_find(host, '@') == host.size &&
           slice_find(rest, '?') == rest.size && rest.at[rest.size - 1] != '/' &&
           curl_request_is_url_part(rest);
}

static bool curl_request_find_method(struct slice name, enum curl_request_method *out_method)
{
    for (int i = 0; i < CURL_REQUEST_METHOD_COUNT; i++)
        if (slice_is(name, curl_request_methods[i])) {
            *out_method = (enum curl_request_method)i;
            return true;
        }
    return false;
}

/* Zero would mean "for ever" to libcurl. */
static bool curl_request_is_time(int64_t ms)
{
    return ms > 0 && ms <= CURL_REQUEST_TIME_MAX_MS;
}

enum err curl_request_check(const struct upstream_call *call)
{
    const struct upstream_endpoint *endpoint = call->endpoint;
    enum curl_request_method method = CURL_REQUEST_GET;
    size_t head_size =
        call->target.size + endpoint->base_url.size + endpoint->tls_ca.size +
        curl_request_headers_size(call->headers, call->header_count) +
        curl_request_headers_size(endpoint->secret_headers, endpoint->secret_header_count);
    if (call->header_count > LIMIT_CALL_HEADERS ||
        endpoint->secret_header_count > LIMIT_CALL_HEADERS - call->header_count ||
        call->body.size > (call->body_max ? call->body_max : LIMIT_REQUEST) ||
        head_size > LIMIT_CALL_HEAD)
        return ERR_LIMIT;
    bool is_valid =
        curl_request_find_method(call->method, &method) &&
        !(method == CURL_REQUEST_HEAD && call->body.size > 0) && call->target.size > 0 &&
        call->target.at[0] == '/' && curl_request_is_url_part(call->target) &&
        curl_request_is_time(call->timeout_ms) && curl_request_is_time(call->connect_timeout_ms) &&
        curl_request_headers_are_valid(call->headers, call->header_count) &&
        curl_request_headers_are_valid(endpoint->secret_headers, endpoint->secret_header_count);
    return is_valid ? ERR_OK : ERR_INVALID;
}

/* The parts one after the other, and a NUL; NULL without memory. */
static char *curl_request_join(struct arena *arena, const struct slice *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    char *text = arena_alloc(arena, size + 1); /* zeroed */
    char *at = text;
    for (size_t i = 0; i < count && text; i++) {
        if (parts[i].size > 0)
            memcpy(at, parts[i].at, parts[i].size);
        at += parts[i].size;
    }
    return text;
}

static void curl_request_add_line(struct curl_request *request, const struct slice parts[3])
{
    CHECK(request->line_count < CURL_REQUEST_LINES);
    char *line = curl_request_join(&request->memory, parts, 3);
    if (!line)
        return; /* the arena remembers */
    struct curl_slist *node = &request->lines[request->line_count];
    *node = (struct curl_slist){.data = line};
    if (request->line_count > 0)
        request->lines[request->line_count - 1].next = node;
    request->line_count++;
}

/* "Name: value"; libcurl wants "Name;" for one without a value. */
static void curl_request_add_header(struct curl_request *request,
                                    const struct upstream_header *header)
{
    bool is_empty = slice_trim(header->value).size == 0;
    const struct slice with[3] = {header->name, SLICE(": "), header->value};
    const struct slice without[3] = {header->name, SLICE(";")};
    curl_request_add_line(request, is_empty ? without : with);
}

static bool curl_request_has(const struct upstream_header *headers, size_t count,
                             struct slice lower)
{
    for (size_t i = 0; i < count; i++)
        if (curl_request_name_is(headers[i].name, lower))
            return true;
    return false;
}

static void curl_request_copy_headers(struct curl_request *request,
                                      const struct upstream_call *call)
{
    const struct upstream_endpoint *endpoint = call->endpoint;
    const struct slice no_expect[3] = {SLICE("Expect:")};
    const struct slice no_type[3] = {SLICE("Content-Type:")};
    curl_request_add_line(request, no_expect);
    if (!curl_request_has(call->headers, call->header_count, SLICE("content-type")))
        curl_request_add_line(request, no_type);
    for (size_t i = 0; i < call->header_count; i++)
        curl_request_add_header(request, &call->headers[i]);
    request->secret_at = request->line_count;
    for (size_t i = 0; i < endpoint->secret_header_count; i++)
        curl_request_add_header(request, &endpoint->secret_headers[i]);
}

enum err curl_request_copy(struct curl_request *request, const struct upstream_call *call)
{
    const struct upstream_endpoint *endpoint = call->endpoint;
    enum err err = curl_request_check(call); /* invariant 1 */
    if (err != ERR_OK)
        return err;
    if (!curl_request_is_base_url(endpoint->base_url) || !curl_request_is_value(endpoint->tls_ca))
        return ERR_INVALID;
    struct arena *memory = &request->memory;
    bool is_known = curl_request_find_method(call->method, &request->method);
    CHECK(is_known);
    request->url = arena_copy(memory, endpoint->base_url);
    struct slice authority = curl_request_authority(request->url);
    request->host = slice_first(authority, slice_find(authority, '/'));
    const struct slice target[2] = {slice_from(authority, request->host.size), call->target};
    request->target = slice_text(curl_request_join(memory, target, 2));
    request->tls_ca = arena_copy(memory, endpoint->tls_ca);
    request->body = arena_copy(memory, call->body);
    curl_request_copy_headers(request, call);
    return memory->overflowed ? ERR_NO_MEMORY : ERR_OK;
}
