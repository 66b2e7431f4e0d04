/* upstream/curl_request.h - one request in the form that libcurl takes, copied from a call.
 * Owns: what may be sent at all: methods, targets and headers that reach the peer as they were
 *   given.
 * Invariants:
 *   1. Everything is checked before anything is copied; nothing is repaired.
 *   2. No CR, LF or NUL gets into a header or the request line, and no header that frames the
 *      message is the caller's.
 *   3. Lines with secrets are wiped before their memory goes. (libcurl's own copies are not.)
 * Pure: no handle, no socket. */
#pragma once
#include <curl/curl.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "port/upstream.h"

enum curl_request_method {
    CURL_REQUEST_GET,
    CURL_REQUEST_HEAD,
    CURL_REQUEST_POST,
    CURL_REQUEST_PUT,
    CURL_REQUEST_PATCH,
    CURL_REQUEST_DELETE,
    CURL_REQUEST_METHOD_COUNT
};

/* Our own lines: "Expect:" and perhaps "Content-Type:", which keep libcurl from adding them. */
enum { CURL_REQUEST_LINES = LIMIT_CALL_HEADERS + 2 };

struct curl_request {
    struct arena memory;
    enum curl_request_method method;
    struct slice url;    /* these end with a NUL */
    struct slice target; /* with the prefix of the base URL */
    struct slice host;   /* a part of url, for messages */
    struct slice tls_ca;
    struct slice body;
    struct curl_slist lines[CURL_REQUEST_LINES];
    size_t line_count;
    size_t secret_at; /* first line with a secret; they are the last ones */
};

void curl_request_init(struct curl_request *request);
void curl_request_done(struct curl_request *request);
/* Wiped and empty; a small memory is kept. */
void curl_request_reset(struct curl_request *request);
/* All but the address, which a sandbox has none of. ERR_INVALID: cannot be sent as it is.
 * ERR_LIMIT: too large. */
MUST_USE enum err curl_request_check(const struct upstream_call *call);
/* The same errors, and ERR_NO_MEMORY. After a failure only
 * reset or done may follow. */
MUST_USE enum err curl_request_copy(struct curl_request *request, const struct upstream_call *call);
const char *curl_request_method_name(enum curl_request_method method);
