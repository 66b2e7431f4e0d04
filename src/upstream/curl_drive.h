/* upstream/curl_drive.h - runs one libcurl multi handle on a libuv loop.
 * Owns: the multi handle, its timer, and one watcher for each socket that libcurl uses.
 * Invariants:
 *   1. The watcher of a connection that was used once lives until its close(). Between two
 *      requests it stays in epoll as it was: a reused connection costs no system call for
 *      watching.
 *   2. Any other watcher lives while libcurl asks for it: libcurl does not tell us when it
 *      closes its resolver's pipe, nor (7.88, cf_socket_close "not active") a socket that did
 *      not connect.
 *   3. libcurl runs only from the loop: socket events, the timer, and once before each poll for
 *      all calls begun in this turn. `after` follows each of these runs, outside of libcurl.
 *   4. Watchers of idle connections do not keep the loop alive; a call under way does, by the
 *      timer (each call has a timeout).
 *   5. A connection on which anything comes while no call uses it, an end or bytes that nobody
 *      asked for, is ended at once: libcurl 7.88 would take such bytes for the answer to the
 *      next request.
 *   6. A new socket with the number of one that is watched means that the old one was closed
 *      behind our back; libcurl takes both for one and does not ask again, so the new one
 *      inherits. Why not uv_poll_start for each change that libcurl tells: libuv 1.44 answers
 *      each with two epoll_ctl; libcurl tells two changes a request. Measured by
 *      bench/upstream_cost.c.
 * Threads: the loop thread only. */
#pragma once
#include <curl/curl.h>
#include <uv.h>

#include "base/err.h"
#include "base/map.h"

typedef void curl_drive_fn(void *arg);

struct curl_drive {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    uv_prepare_t kick;   /* active while calls wait to be begun in this turn */
    struct map watches;  /* fd -> struct curl_watch */
    size_t handle_count; /* libuv handles not closed yet */
    bool is_closing;
    curl_drive_fn *after;
    curl_drive_fn *closed; /* the last handle is closed: the memory may go */
    void *arg;
};

/* On failure nothing is left behind. */
MUST_USE enum err curl_drive_init(struct curl_drive *drive, uv_loop_t *loop);
/* All easy handles must have left. `closed` comes later, from the loop. */
void curl_drive_close(struct curl_drive *drive);
/* Options by which an easy handle takes part: its sockets come from here. */
MUST_USE bool curl_drive_adopt(struct curl_drive *drive, CURL *easy);
