/* server/server.h - interlock's HTTP/1.1 front: a listener and what it serves, behind port/door.h.
 * Owns: the listening socket; accepting; the server's end.
 * Invariants:
 *   1. When all normal seats are taken, the connection that was idle the longest makes room; if
 *      none was idle long enough the new one sits on the reserve, where only urgent lanes are
 *      served (R30). When the reserve is full too, new ones wait in the kernel until one leaves.
 *   2. After server_stop_accepting nobody gets in; each connection is closed as soon as it owes
 *      no answer. After server_close nothing of the server is left but exchanges that the handler
 *      still holds: it must still answer them, which does nothing.
 *   3. No function here is called from within the handler's functions.
 * Threads: the loop thread. */
#pragma once
#include "server/front.h"

struct server_config {
    struct slice host; /* an IPv4 or IPv6 address (no brackets), or "localhost" = 127.0.0.1 */
    uint16_t port;     /* 0 = any free one */
    struct door_handler handler;
    struct server_bounds bounds;
};

struct server;

/* Listens. Ignores SIGPIPE for the process: a peer that has gone is an error of a write, not the
 * end. ERR_INVALID: not an address; ERR_CONFLICT: in use; ERR_DENIED: not allowed; ERR_IO: any
 * other. out_what is a constant text for people and set on failure. */
MUST_USE enum err server_open(uv_loop_t *loop, const struct server_config *config,
                              struct server **out_server, const char **out_what);
uint16_t server_port(const struct server *server);
struct front_counts server_counts(const struct server *server);
size_t server_connection_count(const struct server *server);
/* Requests that the handler holds, in this lane. */
size_t server_lane_count(const struct server *server, enum door_lane lane);

/* on_drained runs once, later, when no connection is left. Streams do not end by themselves. */
void server_stop_accepting(struct server *server, void (*on_drained)(void *arg), void *arg);
/* Cuts what is left. on_closed runs once, later; the server is freed then. NULL is allowed for it.
 */
void server_close(struct server *server, void (*on_closed)(void *arg), void *arg);
