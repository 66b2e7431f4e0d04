/* notice/notice.h - the notify port: mail by libcurl, webhooks through the upstream port,
 * commands as processes of their own.
 * Owns: the messages under way.
 * Invariants (those of port/notify.h), and:
 *   1. Mail runs on threads of libuv's pool: libcurl 7.88 waits for the answer to QUIT inside of
 *      the call that ends a mail (smtp_disconnect), so a server that hangs there would hold up
 *      the loop.
 *   2. A command gets no shell, no environment but PATH, and a time; its whole group of
 *      processes ends with it.
 * Threads: the loop thread; a mail under way is touched by its worker alone. */
#pragma once
#include <uv.h>

#include "port/notify.h"
#include "port/upstream.h"

struct notices;

MUST_USE enum err notices_new(uv_loop_t *loop, struct upstream_port upstream,
                              struct notices **out_notices);
/* What is under way is broken off and its done never runs: whoever stops sends it again at the next
 * start. The memory goes when the loop has closed the handles: run it once more. Takes NULL. */
void notices_free(struct notices *notices);
struct notify_port notices_port(struct notices *notices);
