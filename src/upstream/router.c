#include "upstream/router.h"

static enum err router_call(void *impl, const struct upstream_call *call)
{
    const struct router *router = impl;
    const struct upstream_port *port =
        call->endpoint->is_sandbox ? &router->sandbox : &router->network;
    return port->call(port->impl, call);
}

static size_t router_count(void *impl)
{
    const struct router *router = impl;
    return router->sandbox.count(router->sandbox.impl) +
           router->network.count(router->network.impl);
}

struct upstream_port router_port(struct router *router)
{
    return (struct upstream_port){router, router_call, router_count};
}
