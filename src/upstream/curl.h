/* upstream/curl.h - the upstream port over libcurl: real calls over the network, on the loop.
 * Owns: the calls under way and the spare ones; the parts are curl_call (one call and what
 *   became of it), curl_request (what is sent), curl_head (what is read) and curl_drive (sockets
 *   and time).
 * Invariants:
 *   1. done runs outside of libcurl, once for each call taken, never within the call itself. It
 *      may begin calls, and may free the port.
 *   2. At most LIMIT_UPSTREAM_CALLS are under way; one more is ERR_BUSY.
 *   3. After upstream_curl_free no done runs: what was under way is broken off, and whoever
 *      stops must take it for uncertain. may_send runs inside of libcurl and must not begin
 *      calls (such a one is refused as ERR_BUSY).
 * Threads: the loop thread only; libcurl's name look-ups have their own. */
#pragma once
#include <uv.h>

#include "base/err.h"
#include "port/upstream.h"

struct upstream_curl;

struct upstream_curl_options {
    bool is_guard_off; /* for the test that shows what the re-send guard is good for; never else */
};

MUST_USE enum err upstream_curl_new(uv_loop_t *loop, const struct upstream_curl_options *options,
                                    struct upstream_curl **out_curl);
/* Breaks off all calls (invariant 3). The memory goes when the loop has closed the handles: run it
 * once more afterwards. Takes NULL. */
void upstream_curl_free(struct upstream_curl *curl);
struct upstream_port upstream_curl_port(struct upstream_curl *curl);
