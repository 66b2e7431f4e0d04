/* upstream/router.h - one upstream port in front of two: the sandbox, and the network.
 * Owns: the choice, by endpoint->is_sandbox. Holds no call itself, so the contract is theirs.
 * Threads: the loop thread only. */
#pragma once
#include "port/upstream.h"

struct router {
    struct upstream_port sandbox;
    struct upstream_port network;
};

/* The router must outlive the port. */
struct upstream_port router_port(struct router *router);
