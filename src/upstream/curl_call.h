/* upstream/curl_call.h - one call: a libcurl easy handle from its options to the judged answer.
 * Owns: the re-send guard and the reading of what happened into a phase. Never by the result
 *   code alone: libcurl's 28, 52 and 56 mean both "never arrived" and "arrived, and the answer
 *   was lost".
 * Invariants:
 *   1. The pre-request callback is the last moment before the first byte. Never called, or
 *      refused at its first call: NOT_SENT. Otherwise something may have left.
 *   2. Its second call in one transfer is libcurl's silent re-send (lib/transfer.c,
 *      Curl_retry_request: a reused connection that died before the answer): refused, always.
 *   3. ANSWERED needs the end of the final header block; it is cut unless libcurl ended with 0.
 *      (A header block that ends in the middle by a close is 0 and "HTTP 200" to libcurl.)
 *   4. HTTP/1.1, no redirects, no proxy, no cookies, no .netrc, verified TLS 1.2 or later;
 *      nothing from the environment.
 * Life: new -> [begin -> transfer -> end -> clear] again and again -> free. */
#pragma once
#include "base/list.h"
#include "upstream/curl_drive.h"
#include "upstream/curl_head.h"
#include "upstream/curl_request.h"

struct curl_call {
    struct list node; /* the owner's */
    CURL *easy;
    struct curl_request request;
    struct curl_head head;
    struct buf body;
    struct buf what;
    struct buf tls_ca; /* what the handle is set to; empty = the system's */
    struct buf peer;
    char trouble[CURL_ERROR_SIZE]; /* libcurl's words */
    unsigned prereq_count;
    bool was_withheld;
    bool is_body_too_large;
    bool is_guard_off; /* tests only */
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    upstream_may_send_fn *may_send;
    upstream_done_fn *done;
    void *arg;
};

/* NULL without memory. */
struct curl_call *curl_call_new(struct curl_drive *drive);
/* Takes NULL. The easy handle must have left the multi handle. */
void curl_call_free(struct curl_call *call);
/* Copies the call and sets the handle; ready to be added to the multi handle. */
MUST_USE enum err curl_call_begin(struct curl_call *call, const struct upstream_call *from);
/* The transfer has ended with code. The answer's slices live until clear. */
struct upstream_answer curl_call_end(struct curl_call *call, CURLcode code);
/* Forgets request (secrets wiped) and answer; ready for begin. */
void curl_call_clear(struct curl_call *call);
