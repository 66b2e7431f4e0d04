#include "server/http_answer.h"

#include "base/check.h"
#include "base/text.h"

static const struct {
    int status;
    const char *text;
} http_statuses[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

/* RFC 9112 4: the phrase may be empty, the blank before it may not. */
static const char *http_answer_phrase(int status)
{
    for (size_t i = 0; i < sizeof http_statuses / sizeof *http_statuses; i++)
        if (http_statuses[i].status == status)
            return http_statuses[i].text;
    return "";
}

static bool http_answer_is_value(struct slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        unsigned char byte = (unsigned char)value.at[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

/* Letters, digits and "-" are all that our own header names are made of. */
static bool http_answer_is_name(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return name.size > 0;
}

static bool http_answer_can_send(const struct door_response *response)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (!http_answer_is_name(response->headers[i].name) ||
            !http_answer_is_value(response->headers[i].value))
            return false;
    return http_answer_is_value(response->content_type);
}

static void http_answer_add_header(struct buf *out, struct slice name, struct slice value)
{
    buf_add(out, name);
    buf_add(out, SLICE(": "));
    buf_add(out, value);
    buf_add(out, SLICE("\r\n"));
}

static void http_answer_add_framing(struct buf *out, const struct door_response *response,
                                    const struct http_shape *shape)
{
    switch (shape->framing) {
    case HTTP_BY_LENGTH:
        buf_add(out, SLICE("Content-Length: "));
        buf_add_u64(out, response->body.size);
        buf_add(out, SLICE("\r\n"));
        return;
    case HTTP_BY_CHUNKS:
        buf_add(out, SLICE("Transfer-Encoding: chunked\r\n"));
        return;
    case HTTP_BY_END:
        return;
    }
}

static void http_answer_add_head(struct buf *out, const struct door_response *response,
                                 const struct http_shape *shape)
{
    bool has_body = response->status != 204 && response->status != 304;
    buf_add(out, SLICE("HTTP/1.1 "));
    buf_add_i64(out, response->status);
    buf_add_byte(out, ' ');
    buf_add_text(out, http_answer_phrase(response->status));
    buf_add(out, SLICE("\r\nDate: "));
    buf_add(out, shape->date);
    buf_add(out, SLICE("\r\n"));
    if (response->content_type.size > 0)
        http_answer_add_header(out, SLICE("Content-Type"), response->content_type);
    if (has_body)
        http_answer_add_framing(out, response, shape);
    if (shape->ends_connection)
        buf_add(out, SLICE("Connection: close\r\n"));
    if (shape->retry_after_s > 0) {
        buf_add(out, SLICE("Retry-After: "));
        buf_add_u64(out, shape->retry_after_s);
        buf_add(out, SLICE("\r\n"));
    }
    for (size_t i = 0; i < response->header_count; i++)
        http_answer_add_header(out, response->headers[i].name, response->headers[i].value);
    buf_add(out, SLICE("\r\n"));
    if (has_body && !shape->is_to_head)
        buf_add(out, response->body);
}

bool http_answer_add(struct buf *out, const struct door_response *response,
                     const struct http_shape *shape)
{
    CHECK(response->status >= 200 && response->status <= 599);
    if (!buf_ok(out) || !http_answer_can_send(response))
        return false;
    size_t before = out->size;
    http_answer_add_head(out, response, shape);
    if (buf_ok(out))
        return true;
    out->overflowed = false; /* what was there before is whole; only this answer did not fit */
    buf_cut(out, before);
    return false;
}

void http_answer_add_chunk(struct buf *out, struct slice bytes)
{
    if (bytes.size == 0)
        return;
    buf_add_fmt(out, "%zx\r\n", bytes.size);
    buf_add(out, bytes);
    buf_add(out, SLICE("\r\n"));
}

void http_answer_add_last_chunk(struct buf *out)
{
    buf_add(out, SLICE("0\r\n\r\n"));
}

void http_answer_add_date(struct buf *out, int64_t unix_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil c = text_civil(unix_ms);
    buf_add_fmt(out, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * c.weekday, c.day,
                months + 3 * (c.month - 1), c.year, c.hour, c.minute, c.second);
}
