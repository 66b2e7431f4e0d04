#include "cli/cli.h"

#include "cli/command.h"

enum { CLI_HELP_MAX = 64 * 1024 };

static void cli_say(const struct cli_world *world, void (*add)(struct buf *out))
{
    struct buf text;
    buf_init(&text, CLI_HELP_MAX);
    add(&text);
    world->write_out(world->impl, buf_slice(&text));
    buf_done(&text);
}

static int cli_unknown(const struct cli_world *world, struct slice name)
{
    struct slice nearest = command_nearest(name);
    struct buf text;
    buf_init(&text, CLI_HELP_MAX);
    buf_add_fmt(&text, "interlock: there is no command \"%.*s\"", SLICE_FMT(slice_first(name, 80)));
    if (nearest.size)
        buf_add_fmt(&text, "; did you mean \"interlock %.*s\"?", SLICE_FMT(nearest));
    buf_add_text(&text, "\nall of them: interlock help all\n");
    world->write_error(world->impl, buf_slice(&text));
    buf_done(&text);
    return CLI_WRONG_USE;
}

static void cli_say_help(const struct invocation *invocation, const struct command *command)
{
    struct buf text;
    buf_init(&text, CLI_HELP_MAX);
    command_add_help(command, &text);
    say_bytes(invocation, buf_slice(&text));
    buf_done(&text);
}

int command_run_help(struct invocation *invocation)
{
    const char *about = invocation_argument(invocation, 0);
    if (!about) {
        cli_say(invocation->world, command_add_groups);
        return CLI_DONE;
    }
    if (strcmp(about, "all") == 0) {
        cli_say(invocation->world, command_add_all);
        return CLI_DONE;
    }
    const struct command *command = command_find(slice_text(about));
    if (!command)
        return cli_unknown(invocation->world, slice_text(about));
    cli_say_help(invocation, command);
    return CLI_DONE;
}

/* --help counts wherever it stands, also beside mistakes: who is lost asks for it. */
static bool cli_asks_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int cli_run(const struct command *command, int argc, char **argv,
                   const struct cli_world *world)
{
    struct invocation invocation = {.world = world, .command = command};
    int code = CLI_WRONG_USE;
    arena_init(&invocation.arena, INVOCATION_ARENA_MAX);
    arena_init(&invocation.place_arena, INVOCATION_ARENA_MAX);
    if (cli_asks_help(argc, argv)) {
        cli_say_help(&invocation, command);
        code = CLI_DONE;
    } else if (invocation_parse(&invocation, argc, argv)) {
        code = command->run(&invocation);
    }
    arena_done(&invocation.arena);
    arena_done(&invocation.place_arena);
    return code;
}

/* `interlock --url U status` is `interlock status --url U`: moves the command to the front. */
static void cli_command_first(int argc, char **argv)
{
    int at = 1;
    while (at < argc && strncmp(argv[at], "--", 2) == 0 && argv[at][2])
        at += strcmp(argv[at], "--url") == 0 || strcmp(argv[at], "--config") == 0 ? 2 : 1;
    if (at >= argc || at == 1)
        return;
    char *command = argv[at];
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = command;
}

int cli_main(int argc, char **argv, const struct cli_world *world)
{
    cli_command_first(argc, argv);
    struct slice name = argc > 1 ? slice_text(argv[1]) : (struct slice){0};
    if (name.size == 0 || slice_is(name, "-h") || slice_is(name, "--help")) {
        cli_say(world, command_add_groups);
        return CLI_DONE;
    }
    if (slice_is(name, "--version")) {
        world->write_out(world->impl, SLICE("interlock "));
        world->write_out(world->impl, slice_text(world->version));
        world->write_out(world->impl, SLICE("\n"));
        return CLI_DONE;
    }
    const struct command *command = command_find(name);
    return command ? cli_run(command, argc - 2, argv + 2, world) : cli_unknown(world, name);
}
