/* api/header.h - what the request headers that interlock reads mean.
 * Owns: Authorization, Idempotency-Key, Prefer, Accept, Content-Type, traceparent. Pure.
 * Invariants:
 *   1. A header that changes what is done is there once and well-formed, or the request is refused:
 *      nothing is guessed (Authorization, Idempotency-Key, Content-Type, Prefer: wait).
 *   2. A header that only helps is ignored when it is malformed (traceparent, Accept).
 *   3. out_x is untouched unless HEADER_GOOD is returned. */
#pragma once
#include "base/arena.h"
#include "port/door.h"

enum header_found { HEADER_BAD, HEADER_TWICE, HEADER_ABSENT, HEADER_GOOD };

/* "Bearer TOKEN". HEADER_BAD: another scheme, an empty token, or bytes that no token has. */
enum header_found header_bearer(const struct door_request *request, struct slice *out_token);

/* A key as an sf-string in quotes (RFC 8941) or bare: 1..LIMIT_KEY visible ASCII characters. */
enum header_found header_key(const struct door_request *request, struct arena *arena,
                             struct slice *out_key);

/* The same of a key that stands elsewhere. */
bool header_is_key(struct slice key);

/* RFC 7240. Preferences that are not known are ignored, as it says; a bad `wait` is not. */
struct header_prefer {
    bool has_wait, is_async;
    bool is_cut;     /* asked for more than WAIT_MAX_MS: the answer says what was applied */
    int64_t wait_ms; /* what to do: WAIT_DEFAULT_MS without any preference */
};
enum header_found header_prefer(const struct door_request *request,
                                struct header_prefer *out_prefer);

/* Content-Type is absent, application/json or some +json, in UTF-8, without a content coding. */
bool header_is_json(const struct door_request *request);
/* Content-Type: application/x-ndjson, without a content coding: one JSON value a line. */
bool header_is_lines(const struct door_request *request);

/* Does Accept name text/plain before any JSON? Absent, or anything else: no. */
bool header_wants_text(const struct door_request *request);
bool header_wants_markdown(const struct door_request *request);

/* A valid W3C traceparent, else the empty slice: an invalid one starts a new trace. */
struct slice header_trace(const struct door_request *request);
