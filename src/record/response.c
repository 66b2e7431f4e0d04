#include "record/response.h"

#include "base/text.h"
#include "record/scan.h"

/* Kept because they tell a caller or a person something; all else may carry more than it should. A
 * trailing "*" keeps what begins so. */
static const char *const response_headers[] = {
    "content-type",
    "content-language",
    "date",
    "retry-after",
    "retry-after-ms",
    "x-request-id",
    "request-id",
    "location",
    "etag",
    "idempotency-key",
    "idempotency-replayed",
    "idempotent-replayed",
    "x-should-retry",
    "stripe-should-retry",
    "ratelimit-*",
    "x-ratelimit-*",
};

static char response_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool response_name_fits(struct slice name, const char *pattern)
{
    size_t i = 0;
    for (; pattern[i] && pattern[i] != '*'; i++)
        if (i == name.size || response_lower(name.at[i]) != pattern[i])
            return false;
    return pattern[i] == '*' || i == name.size;
}

/* Is a header with this name kept? */
static bool response_keeps_header(struct slice name)
{
    for (size_t i = 0; i < sizeof response_headers / sizeof *response_headers; i++)
        if (response_name_fits(name, response_headers[i]))
            return true;
    return false;
}

static bool response_same_name(struct slice a, struct slice b)
{
    bool is_same = a.size == b.size;
    for (size_t i = 0; is_same && i < a.size; i++)
        is_same = response_lower(a.at[i]) == response_lower(b.at[i]);
    return is_same;
}

/* The values of all fields with the name of field `from`, as one list (RFC 9110 5.2). */
static void response_add_values(const struct response_parts *parts, size_t from,
                                const struct redact *redact, struct buf *out)
{
    struct buf value;
    buf_init(&value, LIMIT_HEADER_STORED);
    for (size_t i = from; i < parts->header_count; i++) {
        if (!response_same_name(parts->headers[i].name, parts->headers[from].name))
            continue;
        if (i > from)
            buf_add(&value, SLICE(", "));
        redact_add(redact, parts->headers[i].value, false, &value);
    }
    /* A value past the limit is left out whole: half a location is worse than none. */
    buf_add_json_text(out, buf_ok(&value) ? buf_slice(&value) : SLICE("\xe2\x80\xa6"));
    buf_done(&value);
}

static bool response_is_first(const struct response_parts *parts, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (response_same_name(parts->headers[i].name, parts->headers[index].name))
            return false;
    return true;
}

static void response_add_headers(const struct response_parts *parts, const struct redact *redact,
                                 struct buf *out)
{
    bool is_first = true;
    buf_add(out, SLICE(",\"headers\":{"));
    for (size_t i = 0; i < parts->header_count; i++) {
        struct slice name = parts->headers[i].name;
        if (!response_keeps_header(name) || !response_is_first(parts, i))
            continue;
        buf_add(out, is_first ? SLICE("\"") : SLICE(",\""));
        for (size_t j = 0; j < name.size; j++)
            buf_add_byte(out, response_lower(name.at[j]));
        buf_add(out, SLICE("\":"));
        response_add_values(parts, i, redact, out);
        is_first = false;
    }
    buf_add_byte(out, '}');
}

/* Cuts to at most `size` bytes, not inside a character. */
static struct slice response_cut(struct slice text, size_t size)
{
    struct slice cut = slice_first(text, size);
    for (size_t back = 0; back < 4 && cut.size < text.size; back++) {
        size_t at = cut.size - back;
        if (at > 0 && ((unsigned char)text.at[at] & 0xc0) != 0x80)
            return slice_first(text, at);
    }
    return cut;
}

static void response_add_body(struct slice body, bool is_cut, struct buf *out)
{
    struct slice json;
    bool is_utf8 = text_is_utf8(body);
    if (!is_cut && is_utf8 && scan_document(body, &json)) {
        buf_add(out, SLICE(",\"body\":"));
        scan_add_compact(json, out);
    } else if (is_utf8) {
        buf_add(out, SLICE(",\"text\":"));
        buf_add_json_text(out, body);
    } else {
        buf_add(out, SLICE(",\"base64\":\""));
        text_add_base64(out, body);
        buf_add_byte(out, '"');
    }
}

void response_encode(const struct response_parts *parts, const struct redact *redact,
                     struct buf *out)
{
    /* Secrets go before the cut, so that half of one does not stay; and the longest one that could
     * begin in what is kept is looked at whole. */
    size_t look = LIMIT_ANSWER_STORED + (redact ? redact->longest : 0);
    bool is_cut = parts->is_cut || parts->body.size > look;
    struct buf body;
    buf_init(&body, 2 * look + LIMIT_ANSWER_STORED);
    redact_add(redact, slice_first(parts->body, look), is_cut, &body);
    is_cut = is_cut || body.size > LIMIT_ANSWER_STORED;
    buf_add(out, SLICE("{\"status\":"));
    if (parts->status > 0)
        buf_add_i64(out, parts->status);
    else
        buf_add(out, SLICE("null"));
    response_add_headers(parts, redact, out);
    if (body.size > 0)
        response_add_body(response_cut(buf_slice(&body), LIMIT_ANSWER_STORED), is_cut, out);
    if (is_cut)
        buf_add(out, SLICE(",\"cut\":true"));
    buf_add_byte(out, '}');
    buf_done(&body);
}
