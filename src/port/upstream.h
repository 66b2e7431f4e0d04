/* port/upstream.h - one call to an outside system, and exactly what is known of it afterwards.
 * Owns: the phases. The meaning of a status is core/outcome.h, not here.
 * Invariants:
 *   1. UPSTREAM_NOT_SENT is told only if no byte of the request was handed to the socket.
 *   2. A request reaches the peer at most once per call: nothing is sent again behind our back.
 *   3. may_send is asked on the loop thread in the last moment before the first byte; on false
 *      nothing leaves and the call ends NOT_SENT with was_withheld.
 *   4. done runs exactly once for each call that returned ERR_OK, later, on the loop thread.
 *   5. UPSTREAM_ANSWERED is told only when the empty line that ends the header block was read.
 * Threads: the loop thread only. */
#pragma once
#include "base/err.h"
#include "base/slice.h"

enum upstream_phase { UPSTREAM_SENT_NO_ANSWER, UPSTREAM_NOT_SENT, UPSTREAM_ANSWERED };

struct upstream_header {
    struct slice name, value;
};

/* Where and how to reach it. The slices live as long as the call. */
struct upstream_endpoint {
    struct slice name;     /* of the upstream, for the sandbox and for messages */
    bool is_sandbox;       /* the built-in provider instead of the network */
    struct slice base_url; /* http(s)://host[:port][/prefix], no trailing slash */
    struct slice tls_ca;   /* a file of CA certificates, or empty: the system's */
    const struct upstream_header *secret_headers; /* auth: added here, never frozen, never stored */
    size_t secret_header_count;
};

struct upstream_answer {
    enum upstream_phase phase;
    bool was_withheld;       /* NOT_SENT because may_send said no */
    bool is_certificate_bad; /* NOT_SENT because the peer's certificate does not verify */
    bool is_cut;             /* header block whole, body not (or larger than answer_max) */
    bool is_timeout;
    int status;                            /* ANSWERED: the final status (never 1xx) */
    const struct upstream_header *headers; /* ANSWERED: all of the final block, in order */
    size_t header_count;
    struct slice body; /* up to answer_max bytes */
    struct slice peer; /* address and port, for the record; may be empty */
    struct slice what; /* a clause for people: "no answer in 10s", "connection refused" */
};

typedef void upstream_done_fn(void *arg, const struct upstream_answer *answer);
typedef bool upstream_may_send_fn(void *arg);

struct upstream_call {
    const struct upstream_endpoint *endpoint;
    struct slice method;
    struct slice target; /* path and query, begins with "/" */
    const struct upstream_header *headers;
    size_t header_count;
    struct slice body;
    int64_t timeout_ms;         /* whole call */
    int64_t connect_timeout_ms; /* until the request may leave */
    size_t answer_max;
    size_t body_max; /* at most LIMIT_CALL_BODY; 0 = LIMIT_REQUEST: what a policy may render */
    upstream_may_send_fn *may_send; /* NULL = always */
    upstream_done_fn *done;
    void *arg;
};

struct upstream_port {
    void *impl;
    /* Copies all it needs. ERR_BUSY, ERR_NO_MEMORY, ERR_INVALID (method, address, target or a
     * header cannot be sent as it is) or ERR_LIMIT (too large): nothing was begun, done never runs.
     */
    enum err (*call)(void *impl, const struct upstream_call *call);
    /* Calls under way. */
    size_t (*count)(void *impl);
};
