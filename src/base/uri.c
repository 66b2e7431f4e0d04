#include "base/uri.h"

#include "base/text.h"

enum { URI_HOST_MAX = 253, URI_GROUPS = 8 };

static bool uri_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool uri_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The byte that the escape at `at` stands for, or -1. */
static int uri_escape_value(struct slice s, size_t at)
{
    if (s.size - at < 3)
        return -1;
    int high = text_hex_digit(s.at[at + 1]);
    int low = text_hex_digit(s.at[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool uri_can_decode(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        if (s.at[i] == '\0')
            return false;
        if (s.at[i] == '%' && uri_escape_value(s, i) <= 0)
            return false;
    }
    return true;
}

bool uri_decode(struct slice encoded, struct buf *out)
{
    if (!buf_ok(out) || !uri_can_decode(encoded))
        return false;
    size_t before = out->size;
    size_t at = 0;
    while (at < encoded.size) {
        size_t plain = slice_find(slice_from(encoded, at), '%');
        buf_add(out, slice_of(encoded.at + at, plain));
        at += plain;
        if (at < encoded.size) {
            buf_add_byte(out, (char)uri_escape_value(encoded, at));
            at += 3;
        }
    }
    if (!buf_ok(out)) {
        buf_cut(out, before); /* invariant 1: all or nothing; the overflow stays visible */
        return false;
    }
    return true;
}

bool uri_decode_query(struct slice encoded, struct buf *out)
{
    return uri_decode(encoded, out);
}

bool uri_next_parameter(struct slice *query, struct slice *out_name, struct slice *out_value)
{
    while (query->size > 0) {
        size_t end = slice_find(*query, '&');
        struct slice part = slice_first(*query, end);
        *query = slice_from(*query, end + 1);
        if (part.size == 0)
            continue;
        size_t equals = slice_find(part, '=');
        *out_name = slice_first(part, equals);
        *out_value = slice_from(part, equals + 1);
        return true;
    }
    return false;
}

static bool uri_is_unreserved(char c)
{
    return uri_is_letter(c) || uri_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void uri_encode_segment(struct buf *out, struct slice raw)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t plain = 0;
    for (size_t i = 0; i < raw.size; i++) {
        if (uri_is_unreserved(raw.at[i]))
            continue;
        unsigned char byte = (unsigned char)raw.at[i];
        char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        buf_add(out, slice_of(raw.at + plain, i - plain));
        buf_add(out, slice_of(escape, sizeof escape));
        plain = i + 1;
    }
    buf_add(out, slice_from(raw, plain));
}

bool uri_is_dot_segment(struct slice raw)
{
    return slice_is(raw, ".") || slice_is(raw, "..");
}

/* Four plain numbers 0..255; a leading zero is refused, because some read it as octal. */
static bool uri_parse_ipv4(struct slice s, uint8_t out_bytes[4])
{
    uint8_t bytes[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        size_t end = i < 3 ? slice_find(s, '.') : s.size;
        uint64_t value = 0;
        if (end > 3 || !slice_to_u64(slice_first(s, end), 255, &value))
            return false;
        if (end > 1 && s.at[0] == '0')
            return false;
        if (i < 3 && end == s.size)
            return false;
        bytes[i] = (uint8_t)value;
        s = slice_from(s, end + 1);
    }
    memcpy(out_bytes, bytes, 4);
    return true;
}

/* Groups up to a "::" or the end. Returns how many, or -1. An IPv4 address at the end is the last
 * two. */
static int uri_parse_groups(struct slice s, uint16_t out_groups[URI_GROUPS])
{
    int count = 0;
    while (s.size > 0) {
        size_t end = slice_find(s, ':');
        uint8_t bytes[4];
        if (end == s.size && count <= URI_GROUPS - 2 && uri_parse_ipv4(s, bytes)) {
            out_groups[count] = (uint16_t)(bytes[0] << 8 | bytes[1]);
            out_groups[count + 1] = (uint16_t)(bytes[2] << 8 | bytes[3]);
            return count + 2;
        }
        if (end == 0 || end > 4 || end + 1 == s.size || count == URI_GROUPS)
            return -1;
        unsigned value = 0;
        for (size_t i = 0; i < end; i++) {
            int digit = text_hex_digit(s.at[i]);
            if (digit < 0)
                return -1;
            value = value << 4 | (unsigned)digit;
        }
        out_groups[count++] = (uint16_t)value;
        s = slice_from(s, end + 1);
    }
    return count;
}

static bool uri_parse_ipv6(struct slice s, uint16_t out_groups[URI_GROUPS])
{
    size_t gap = 0;
    while (gap + 1 < s.size && !(s.at[gap] == ':' && s.at[gap + 1] == ':'))
        gap++;
    bool has_gap = gap + 1 < s.size;
    uint16_t head[URI_GROUPS] = {0};
    uint16_t tail[URI_GROUPS] = {0};
    int head_count = uri_parse_groups(has_gap ? slice_first(s, gap) : s, head);
    int tail_count = has_gap ? uri_parse_groups(slice_from(s, gap + 2), tail) : 0;
    if (head_count < 0 || tail_count < 0)
        return false;
    if (has_gap && slice_find(slice_first(s, gap), '.') < gap)
        return false; /* an IPv4 part only at the very end */
    if (has_gap ? head_count + tail_count >= URI_GROUPS : head_count != URI_GROUPS)
        return false;
    memset(out_groups, 0, URI_GROUPS * sizeof *out_groups);
    memcpy(out_groups, head, (size_t)head_count * sizeof *head);
    memcpy(out_groups + URI_GROUPS - tail_count, tail, (size_t)tail_count * sizeof *tail);
    return true;
}

static bool uri_is_host_name(struct slice host)
{
    if (host.size == 0 || host.size > URI_HOST_MAX)
        return false;
    for (size_t i = 0; i < host.size; i++) {
        char c = host.at[i];
        if (!uri_is_letter(c) && !uri_is_digit(c) && c != '-' && c != '.' && c != '_')
            return false;
    }
    return true;
}

bool uri_split_authority(struct slice text, struct uri_authority *out_authority)
{
    struct uri_authority a = {0};
    struct slice rest;
    if (text.size > 0 && text.at[0] == '[') {
        uint16_t groups[URI_GROUPS];
        size_t end = slice_find(text, ']');
        if (end == text.size)
            return false;
        a.host = slice_of(text.at + 1, end - 1);
        a.is_ipv6 = true;
        rest = slice_from(text, end + 1);
        if (!uri_parse_ipv6(a.host, groups))
            return false;
    } else {
        size_t end = slice_find(text, ':');
        a.host = slice_first(text, end);
        rest = slice_from(text, end);
        if (!uri_is_host_name(a.host))
            return false;
    }
    if (rest.size > 0) {
        uint64_t port = 0;
        /* RFC 3986 3.2.3 allows an empty port; nobody who means well sends one. */
        if (rest.at[0] != ':' || rest.size > 6 || !slice_to_u64(slice_from(rest, 1), 65535, &port))
            return false;
        a.has_port = true;
        a.port = (uint16_t)port;
    }
    *out_authority = a;
    return true;
}

/* Takes "http://" or "https://" off, in any case. */
static bool uri_take_scheme(struct slice *url, bool *out_is_https)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        struct slice want = slice_text(schemes[i]);
        size_t same = 0;
        while (same < want.size && same < url->size &&
               (url->at[same] == want.at[same] ||
                (uri_is_letter(url->at[same]) && (url->at[same] | 0x20) == want.at[same])))
            same++;
        if (same == want.size) {
            *url = slice_from(*url, same);
            *out_is_https = i == 1;
            return true;
        }
    }
    return false;
}

bool uri_split(struct slice url, struct uri *out_uri)
{
    struct uri uri = {0};
    if (!uri_can_decode(url) || !uri_take_scheme(&url, &uri.is_https))
        return false;
    size_t end = 0;
    for (size_t i = 0; i < url.size; i++)
        if (url.at[i] <= ' ' || url.at[i] >= 0x7f || url.at[i] == '#' || url.at[i] == '\\')
            return false;
    while (end < url.size && url.at[end] != '/' && url.at[end] != '?')
        end++;
    struct uri_authority authority;
    if (!uri_split_authority(slice_first(url, end), &authority))
        return false;
    if (authority.has_port && authority.port == 0)
        return false;
    uri.host = authority.host;
    uri.is_ipv6 = authority.is_ipv6;
    uri.port = authority.has_port ? authority.port : (uint16_t)(uri.is_https ? 443 : 80);
    url = slice_from(url, end);
    uri.path = slice_first(url, slice_find(url, '?'));
    uri.query = slice_from(url, uri.path.size + 1);
    *out_uri = uri;
    return true;
}

bool uri_host_is_loopback(struct slice host)
{
    static const char name[] = "localhost";
    uint8_t ipv4[4];
    if (uri_parse_ipv4(host, ipv4))
        return ipv4[0] == 127;
    uint16_t groups[URI_GROUPS];
    static const uint16_t one[URI_GROUPS] = {0, 0, 0, 0, 0, 0, 0, 1};
    if (uri_parse_ipv6(host, groups))
        return memcmp(groups, one, sizeof one) == 0;
    if (host.size != sizeof name - 1)
        return false;
    for (size_t i = 0; i < host.size; i++)
        if (!uri_is_letter(host.at[i]) || (host.at[i] | 0x20) != name[i])
            return false;
    return true;
}

void uri_split_base(struct slice url, struct slice *out_base, struct slice *out_target)
{
    size_t host = slice_find(url, '/') + 2;
    size_t path = host + slice_find(slice_from(url, host), '/');
    size_t query = host + slice_find(slice_from(url, host), '?');
    bool has_path = path < url.size && path < query;
    *out_base = slice_first(url, has_path ? path : query);
    *out_target = has_path ? slice_from(url, path) : SLICE("/");
}
