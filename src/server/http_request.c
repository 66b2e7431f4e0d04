#include "server/http_request.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/uri.h"

/* A request that needed more gives its memory back instead of keeping it for the next one. */
enum { HTTP_KEEP_SIZE = 16 * 1024, HTTP_LENGTH_DIGITS = 18, HTTP_FIRST_FIELDS = 16 };

static const struct {
    int status;
    const char *name, *text;
} http_reasons[] = {
#define X(name, status, text) {status, #name, text},
    HTTP_REASON_LIST(X)
#undef X
};

int http_reason_status(enum http_reason reason)
{
    CHECK((unsigned)reason < HTTP_REASON_COUNT);
    return http_reasons[reason].status;
}

const char *http_reason_text(enum http_reason reason)
{
    CHECK((unsigned)reason < HTTP_REASON_COUNT);
    return http_reasons[reason].text;
}

const char *http_reason_name(enum http_reason reason)
{
    CHECK((unsigned)reason < HTTP_REASON_COUNT);
    return http_reasons[reason].name;
}

void http_request_init(struct http_request *request)
{
    *request = (struct http_request){0};
    buf_init(&request->head, LIMIT_HTTP_LINE + LIMIT_HTTP_HEADER_BLOCK);
}

void http_request_done(struct http_request *request)
{
    if (!request)
        return;
    buf_done(&request->head);
    buf_done(&request->body);
    free(request->headers);
    free(request->fields);
    *request = (struct http_request){0};
}

static void http_request_empty(struct buf *buf)
{
    if (buf->capacity > HTTP_KEEP_SIZE)
        buf_done(buf);
    buf_reset(buf);
}

void http_request_reset(struct http_request *request, size_t body_max)
{
    http_request_empty(&request->head);
    http_request_empty(&request->body);
    request->body.size_max = body_max;
    *request = (struct http_request){.head = request->head,
                                     .body = request->body,
                                     .headers = request->headers,
                                     .fields = request->fields,
                                     .capacity = request->capacity};
}

/* Compares without case; `lower` has no upper case letters. */
static bool http_request_is(struct slice s, const char *lower)
{
    size_t i = 0;
    for (; i < s.size && lower[i] != '\0'; i++) {
        char c = s.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c | 0x20);
        if (c != lower[i])
            return false;
    }
    return i == s.size && lower[i] == '\0';
}

/* Takes the next element off a comma-separated list (RFC 9110 5.6.1). */
static bool http_request_next_item(struct slice *list, struct slice *out_item)
{
    if (list->size == 0)
        return false;
    size_t end = slice_find(*list, ',');
    *out_item = slice_trim(slice_first(*list, end));
    *list = slice_from(*list, end + 1);
    return true;
}

static struct slice http_request_part(const struct http_request *request, uint32_t at,
                                      uint32_t size)
{
    return slice_of(request->head.at + at, size);
}

static bool http_request_has_bad_escape(struct slice target)
{
    size_t at = slice_find(target, '%');
    while (at < target.size) {
        static const char digits[] = "0123456789abcdefABCDEF";
        struct slice hex = slice_first(slice_from(target, at + 1), 2);
        if (hex.size < 2 || !memchr(digits, hex.at[0], sizeof digits - 1) ||
            !memchr(digits, hex.at[1], sizeof digits - 1) || slice_is(hex, "00"))
            return true;
        at += 3;
        at += slice_find(slice_from(target, at), '%');
    }
    return false;
}

enum http_reason http_request_end_line(struct http_request *request)
{
    struct slice method = http_request_part(request, 0, request->method_size);
    struct slice target = http_request_part(request, request->method_size, request->target_size);
    struct uri uri;
    if (slice_is(method, "CONNECT"))
        return HTTP_CONNECT;
    if (slice_is(target, "*"))
        return slice_is(method, "OPTIONS") ? HTTP_ASTERISK : HTTP_TARGET_FORM;
    if (http_request_has_bad_escape(target))
        return HTTP_BAD_ESCAPE;
    if (target.at[0] != '/' && !uri_split(target, &uri))
        return HTTP_TARGET_FORM;
    return HTTP_FINE;
}

static enum http_reason http_request_set_length(struct http_request *request, struct slice value)
{
    if (request->has_length)
        return HTTP_TWO_LENGTHS; /* also when both are the same: nobody needs it */
    if (value.size == 0)
        return HTTP_BAD_LENGTH;
    for (size_t i = 0; i < value.size; i++)
        if (value.at[i] < '0' || value.at[i] > '9')
            return HTTP_BAD_LENGTH;
    if (value.size > HTTP_LENGTH_DIGITS)
        return HTTP_LARGE_BODY;
    request->has_length = true;
    bool is_number = slice_to_u64(value, UINT64_MAX, &request->content_length);
    CHECK(is_number); /* 1 to 18 digits */
    return HTTP_FINE;
}

static enum http_reason http_request_set_coding(struct http_request *request, struct slice value)
{
    if (request->is_chunked)
        return HTTP_TWO_CODINGS;
    if (request->is_version_1_0)
        return HTTP_OLD_CODING; /* RFC 9112 6.1: faulty framing */
    if (http_request_is(value, "chunked")) {
        request->is_chunked = true;
        return HTTP_FINE;
    }
    /* RFC 9112 6.3: without a final chunked the length is unknown, 400; else we just do not know
     * the other codings, 501. */
    size_t comma = value.size;
    while (comma > 0 && value.at[comma - 1] != ',')
        comma--;
    struct slice others = slice_trim(slice_first(value, comma ? comma - 1 : 0));
    struct slice item = {0};
    if (others.size == 0 || !http_request_is(slice_trim(slice_from(value, comma)), "chunked"))
        return HTTP_BAD_CODING;
    while (http_request_next_item(&others, &item))
        if (http_request_is(item, "chunked"))
            return HTTP_BAD_CODING;
    return HTTP_OTHER_CODING;
}

static enum http_reason http_request_set_host(struct http_request *request, struct slice value)
{
    struct uri_authority authority;
    if (request->host_field != 0)
        return HTTP_TWO_HOSTS;
    if (!uri_split_authority(value, &authority))
        return HTTP_BAD_HOST;
    request->host_field = (uint32_t)request->header_count + 1;
    return HTTP_FINE;
}

/* "close" wins over everything; other options are nothing to us. */
static enum http_reason http_request_set_connection(struct http_request *request,
                                                    struct slice value)
{
    struct slice item = {0};
    while (http_request_next_item(&value, &item))
        if (http_request_is(item, "close"))
            request->wants_close = true;
    return HTTP_FINE;
}

static enum http_reason http_request_set_expect(struct http_request *request, struct slice value)
{
    if (!http_request_is(value, "100-continue"))
        return HTTP_EXPECTATION;
    request->expects_continue = !request->is_version_1_0; /* RFC 9110 10.1.1 */
    return HTTP_FINE;
}

static const struct {
    const char *name;
    bool is_forbidden_trailer;
    enum http_reason (*set)(struct http_request *request, struct slice value);
} http_known_fields[] = {
    {"host", true, http_request_set_host},
    {"expect", false, http_request_set_expect},
    {"connection", false, http_request_set_connection},
    {"content-length", true, http_request_set_length},
    {"transfer-encoding", true, http_request_set_coding},
};
enum { HTTP_KNOWN_COUNT = sizeof http_known_fields / sizeof *http_known_fields };

/* Index, or HTTP_KNOWN_COUNT. */
static size_t http_request_find_known(struct slice name)
{
    size_t i = 0;
    while (i < HTTP_KNOWN_COUNT && !slice_is(name, http_known_fields[i].name))
        i++;
    return i;
}

static bool http_request_grow(struct http_request *request)
{
    size_t capacity = request->capacity ? request->capacity * 2 : HTTP_FIRST_FIELDS;
    struct http_field *fields = realloc(request->fields, capacity * sizeof *fields);
    if (!fields)
        return false;
    request->fields = fields;
    struct door_header *headers = realloc(request->headers, capacity * sizeof *headers);
    if (!headers)
        return false;
    request->headers = headers;
    request->capacity = capacity;
    return true;
}

enum http_reason http_request_add_field(struct http_request *request, struct http_field field)
{
    CHECK(request->header_count < LIMIT_HTTP_HEADERS);
    if (request->header_count == request->capacity && !http_request_grow(request))
        return HTTP_NO_MEMORY;
    size_t known =
        http_request_find_known(http_request_part(request, field.name_at, field.name_size));
    if (known < HTTP_KNOWN_COUNT) {
        struct slice value = http_request_part(request, field.value_at, field.value_size);
        enum http_reason reason = http_known_fields[known].set(request, value);
        if (reason != HTTP_FINE)
            return reason;
    }
    request->fields[request->header_count++] = field;
    return HTTP_FINE;
}

enum http_reason http_request_check_trailer(struct slice name)
{
    size_t known = http_request_find_known(name);
    bool is_bad = known < HTTP_KNOWN_COUNT && http_known_fields[known].is_forbidden_trailer;
    return is_bad ? HTTP_BAD_TRAILER : HTTP_FINE;
}

/* RFC 9112 3.2.2: an absolute target names the host; a client that means well sends the same one in
 * Host, and one that does not is trying to make two readers disagree. */
static bool http_request_is_same_host(struct slice host, const struct uri *uri)
{
    struct uri_authority authority;
    if (!uri_split_authority(host, &authority) || authority.host.size != uri->host.size)
        return false;
    for (size_t i = 0; i < uri->host.size; i++) {
        char a = authority.host.at[i], b = uri->host.at[i];
        a = a >= 'A' && a <= 'Z' ? (char)(a | 0x20) : a;
        b = b >= 'A' && b <= 'Z' ? (char)(b | 0x20) : b;
        if (a != b)
            return false;
    }
    unsigned port = authority.has_port ? authority.port : uri->is_https ? 443 : 80;
    return authority.is_ipv6 == uri->is_ipv6 && port == uri->port;
}

static enum http_reason http_request_set_target(struct http_request *request)
{
    struct slice target = http_request_part(request, request->method_size, request->target_size);
    if (target.at[0] == '/') {
        request->path = slice_first(target, slice_find(target, '?'));
        request->query = slice_from(target, request->path.size + 1);
        return HTTP_FINE;
    }
    struct uri uri;
    if (!uri_split(target, &uri))
        return HTTP_TARGET_FORM;
    if (request->host_field != 0 &&
        !http_request_is_same_host(request->headers[request->host_field - 1].value, &uri))
        return HTTP_OTHER_HOST;
    request->path = uri.path.size > 0 ? uri.path : SLICE("/");
    request->query = uri.query;
    return HTTP_FINE;
}

enum http_reason http_request_end_head(struct http_request *request)
{
    if (!request->is_version_1_0 && request->host_field == 0)
        return HTTP_NO_HOST;
    if (request->has_length && request->is_chunked)
        return HTTP_LENGTH_AND_CODING; /* invariant 1 */
    if (request->content_length > request->body.size_max)
        return HTTP_LARGE_BODY;
    request->method = http_request_part(request, 0, request->method_size);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_field *field = &request->fields[i];
        request->headers[i].name = http_request_part(request, field->name_at, field->name_size);
        request->headers[i].value = http_request_part(request, field->value_at, field->value_size);
    }
    request->wants_close = request->wants_close || request->is_version_1_0;
    return http_request_set_target(request);
}
