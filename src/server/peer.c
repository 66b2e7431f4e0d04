#include "server/peer.h"

#include <arpa/inet.h>
#include <stdio.h>

static bool peer_is_loopback(const struct sockaddr_storage *address)
{
    static const unsigned char mapped[13] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    if (address->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *ipv6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(ipv6) || memcmp(ipv6->s6_addr, mapped, sizeof mapped) == 0;
}

bool peer_init(struct peer *peer, const uv_tcp_t *tcp)
{
    struct sockaddr_storage address = {0};
    int size = sizeof address;
    char host[INET6_ADDRSTRLEN];
    if (uv_tcp_getpeername(tcp, (struct sockaddr *)&address, &size) != 0 ||
        uv_ip_name((const struct sockaddr *)&address, host, sizeof host) != 0)
        return false;
    bool is_ipv6 = address.ss_family == AF_INET6;
    in_port_t port = is_ipv6 ? ((const struct sockaddr_in6 *)&address)->sin6_port
                             : ((const struct sockaddr_in *)&address)->sin_port;
    int written = snprintf(peer->text, sizeof peer->text, is_ipv6 ? "[%s]:%d" : "%s:%d", host,
                           (int)ntohs(port));
    if (written < 0 || (size_t)written >= sizeof peer->text)
        return false; /* no address is that long */
    peer->size = (size_t)written;
    peer->is_loopback = peer_is_loopback(&address);
    return true;
}
