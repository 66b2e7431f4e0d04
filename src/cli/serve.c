#include "cli/command.h"
#include "cli/local.h"

int command_run_serve(struct invocation *invocation)
{
    const struct cli_world *world = invocation->world;
    bool is_dev = invocation_has(invocation, "dev");
    const char *config = local_config_path(invocation);
    struct cli_serve serve = {.config =
                                  is_dev && !invocation_has(invocation, "config") ? NULL : config,
                              .is_dev = is_dev,
                              .as_copy = invocation_has(invocation, "as-copy"),
                              .listen = invocation_option(invocation, "listen")};
    if (serve.config && !world->exists(world->impl, serve.config)) {
        say_error(invocation,
                  "interlock: there is no %s. Make one: interlock init. Nothing to set up: "
                  "interlock serve --dev\n",
                  serve.config);
        return CLI_REFUSED;
    }
    return world->serve(world->impl, &serve);
}
