/* server/connection.h - one peer: its socket, the requests it has begun, the answers it is owed.
 * Owns: the socket; the order of its requests; when to read on, when to stop, when to end.
 * Invariants:
 *   1. Answers leave in the order of the requests.
 *   2. A request runs beside others only when they all are safe methods (RFC 9112 9.3.2); else it
 *      waits until those before it are answered.
 *   3. Between two requests nothing is read on while pipeline_max are owed an answer or more than
 *      unwritten_max is not written; a request that has begun is always read to its end.
 *   4. It ends only after the last answer was written: then it stops sending, and throws away
 *      what still comes, for a bounded time, so that a reset does not destroy the answer.
 *   5. Nothing is closed within a call of the handler's; what a call breaks is closed in the
 *      next turn.
 *
 *   open -> reading <-> owing answers -> [last answer written] -> lingering -> closing -> closed
 *   Every state -> closing, on an error of the socket, a deadline, or the server's end.
 * Threads: the loop thread. */
#pragma once
#include "server/exchange.h"

/* Takes the connection that waits at the listener; false: no memory, it still waits. The seat is
 * given back at the end, also on failure. */
bool connection_open(struct front *front, uv_stream_t *listener, enum lanes_seat seat);
/* At once. The handler's exchanges are detached. */
void connection_close(struct connection *connection);
/* Its turn (front.h, invariant 1): answers are taken, requests begun, bytes written. */
void connection_take_turn(struct list *woken);
void connection_wake(struct connection *connection);
/* A deadline of some connection is due. */
void connection_on_due(struct deadline *deadline, enum deadline_kind kind);
/* Closes the connection that has been idle the longest, if long enough; false: there is none. */
bool connection_evict(struct front *front);
void connection_close_all(struct front *front);
void connection_wake_all(struct front *front);

/* For exchanges. Where the exchange's answer goes: to the outlet when it is its turn. */
struct buf *connection_sink(struct connection *connection, struct exchange *exchange);
size_t connection_sink_max(const struct front *front);
size_t connection_unwritten_size(const struct connection *connection,
                                 const struct exchange *exchange);
/* Whether the connection ends after this answer. Asked when the answer is made; on true nothing
 * more is read from then on. */
bool connection_is_last(struct connection *connection, const struct exchange *exchange);
/* It will be closed in its next turn. */
void connection_break(struct connection *connection);
