/* server/peer.h - who is at the other end of a socket, as text.
 * Owns: the one spelling: "127.0.0.1:5123", "[::1]:5123". */
#pragma once
#include <uv.h>

#include "base/slice.h"

enum { PEER_SIZE = 64 };

struct peer {
    bool is_loopback; /* 127.0.0.0/8, also within IPv6, and ::1 */
    size_t size;
    char text[PEER_SIZE];
};

/* false: the other end has gone already. */
bool peer_init(struct peer *peer, const uv_tcp_t *tcp);
static inline struct slice peer_text(const struct peer *peer)
{
    return slice_of(peer->text, peer->size);
}
