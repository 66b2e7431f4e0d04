/* base/uri.h - the parts of RFC 3986 that interlock needs: escapes, query parameters, http(s) URLs.
 * Owns: the one way of taking a URI apart and of putting a segment into one. Pure.
 * Invariants:
 *   1. out_x is untouched when a function returns false.
 *   2. Every result is a view into the input, never a copy; nothing is decoded unless it says so.
 *   3. What is not clearly a loopback address is not one. */
#pragma once
#include "base/buf.h"

/* Adds the decoded bytes to out. false on a bad escape, on NUL (raw or as %00), or past out's
 * maximum. A decoded segment may hold "/" and may not be UTF-8: the caller looks at what it got. */
bool uri_decode(struct slice encoded, struct buf *out);
/* The same for a name or value of a query. "+" stays "+": we are not an HTML form, and a caller
 * whose key holds a plus must get that key. */
bool uri_decode_query(struct slice encoded, struct buf *out);
/* Takes the next NAME[=VALUE] off the query; both still encoded. Empty parts ("&&") are skipped.
 * false at the end. */
bool uri_next_parameter(struct slice *query, struct slice *out_name, struct slice *out_value);

/* Keeps the unreserved characters of RFC 3986 2.3, escapes everything else ("/" too). */
void uri_encode_segment(struct buf *out, struct slice raw);
/* "." and "..", which no escape makes harmless: peers and proxies resolve "%2E%2E" as well. Whoever
 * puts a value into a path refuses these. */
bool uri_is_dot_segment(struct slice raw);

struct uri_authority {
    struct slice host; /* a name, an IPv4 address, or an IPv6 address without its brackets */
    bool is_ipv6;
    bool has_port;
    uint16_t port; /* 0 without one */
};
/* HOST[:PORT], as in a Host header or after "listen:". Names are letters, digits, "-", "_" and "."
 * only; no user, no zone, no escapes. */
bool uri_split_authority(struct slice text, struct uri_authority *out_authority);

struct uri {
    bool is_https;
    struct slice host; /* as in uri_authority */
    bool is_ipv6;
    uint16_t port;      /* the scheme's own when the URL has none */
    struct slice path;  /* from "/" on, up to "?"; empty when there is none */
    struct slice query; /* after "?"; may be empty */
};
/* An absolute http or https URL of visible ASCII with good escapes; without user and fragment. */
bool uri_split(struct slice url, struct uri *out_uri);
/* Of a url that uri_split takes: what names the server, and what is asked of it ("/" if nothing).
 */
void uri_split_base(struct slice url, struct slice *out_base, struct slice *out_target);
/* 127.0.0.0/8 as four plain numbers, ::1 in any spelling (no brackets), or "localhost". */
bool uri_host_is_loopback(struct slice host);
