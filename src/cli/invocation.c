#include "cli/invocation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "cli/command.h"
#include "policy/near.h"

enum { SAY_MAX = 4 * 1024 * 1024 };

static const struct option *invocation_option_in(const struct option *options, struct slice name)
{
    for (; options->name; options++)
        if (slice_is(name, options->name))
            return options;
    return NULL;
}

static const struct option *invocation_option_known(const struct command *command,
                                                    struct slice name)
{
    const struct option *own = invocation_option_in(command->options, name);
    return own ? own : invocation_option_in(command_common_options(command), name);
}

static void invocation_near_option(const struct command *command, struct near *near)
{
    for (const struct option *o = command->options; o->name; o++)
        near_offer(near, slice_text(o->name));
    for (const struct option *o = command_common_options(command); o->name; o++)
        near_offer(near, slice_text(o->name));
}

static bool invocation_unknown_option(struct invocation *invocation, struct slice name)
{
    struct near near;
    near_init(&near, name);
    invocation_near_option(invocation->command, &near);
    if (near.best.size)
        (void)invocation_wrong(invocation, "there is no option --%.*s; did you mean --%.*s?",
                               SLICE_FMT(name), SLICE_FMT(near.best));
    else
        (void)invocation_wrong(invocation, "there is no option --%.*s", SLICE_FMT(name));
    return false;
}

/* Takes one "--name[=value]"; *at moves past a value that stands by itself. */
static bool invocation_take_option(struct invocation *invocation, int argc, char **argv, int *at)
{
    struct slice text = slice_text(argv[*at] + 2);
    struct slice name = slice_first(text, slice_find(text, '='));
    const struct option *option = invocation_option_known(invocation->command, name);
    if (!option)
        return invocation_unknown_option(invocation, name);
    const char *value = name.size < text.size ? argv[*at] + 2 + name.size + 1 : NULL;
    if (!option->value && value) {
        (void)invocation_wrong(invocation, "--%s takes no value", option->name);
        return false;
    }
    if (option->value && !value) {
        if (*at + 1 >= argc) {
            (void)invocation_wrong(invocation, "--%s needs a value: %s", option->name,
                                   option->value);
            return false;
        }
        value = argv[++*at];
    }
    bool is_list = strchr(option->value ? option->value : "", '=') != NULL; /* NAME=VALUE: again */
    if (!is_list && invocation_has(invocation, option->name)) {
        (void)invocation_wrong(invocation, "--%s stands there twice", option->name);
        return false;
    }
    if (invocation->option_count == INVOCATION_OPTIONS) {
        (void)invocation_wrong(invocation, "more than %d options", INVOCATION_OPTIONS);
        return false;
    }
    invocation->options[invocation->option_count].name = option->name;
    invocation->options[invocation->option_count].value = option->value ? value : "";
    invocation->option_count++;
    return true;
}

static bool invocation_take_argument(struct invocation *invocation, const char *text)
{
    const struct command *command = invocation->command;
    if (invocation->argument_count >= (size_t)command->argument_max) {
        (void)invocation_wrong(invocation, "%s: this argument is too much: %s", command->name,
                               text);
        return false;
    }
    invocation->arguments[invocation->argument_count++] = text;
    return true;
}

bool invocation_parse(struct invocation *invocation, int argc, char **argv)
{
    bool is_ended = false;
    for (int at = 0; at < argc; at++) {
        struct slice text = slice_text(argv[at]);
        bool is_long = !is_ended && text.size > 2 && slice_starts(text, SLICE("--"));
        bool is_short = !is_ended && text.size == 2 && text.at[0] == '-' && text.at[1] != '-';
        if (!is_ended && slice_is(text, "--")) {
            is_ended = true;
        } else if (is_long) {
            if (!invocation_take_option(invocation, argc, argv, &at))
                return false;
        } else if (is_short) {
            (void)invocation_wrong(invocation, "there is no option %s", argv[at]);
            return false;
        } else if (!invocation_take_argument(invocation, argv[at])) {
            return false;
        }
    }
    if (invocation->argument_count < (size_t)invocation->command->argument_min) {
        (void)invocation_wrong(invocation, "%s: something is missing", invocation->command->name);
        return false;
    }
    return true;
}

const char *invocation_option(const struct invocation *invocation, const char *name)
{
    for (size_t i = 0; i < invocation->option_count; i++)
        if (strcmp(invocation->options[i].name, name) == 0)
            return invocation->options[i].value;
    return NULL;
}

bool invocation_has(const struct invocation *invocation, const char *name)
{
    return invocation_option(invocation, name) != NULL;
}

const char *invocation_argument(const struct invocation *invocation, size_t n)
{
    return n < invocation->argument_count ? invocation->arguments[n] : NULL;
}

struct arena invocation_turn_begin(struct invocation *invocation)
{
    struct arena kept = invocation->arena;
    arena_init(&invocation->arena, INVOCATION_ARENA_MAX);
    return kept;
}

void invocation_turn_end(struct invocation *invocation, struct arena kept)
{
    arena_done(&invocation->arena);
    invocation->arena = kept;
}

__attribute__((format(printf, 3, 0))) static void
say_to(void (*write)(void *impl, struct slice bytes), void *impl, const char *format,
       va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    char *text = size > 0 && size < SAY_MAX ? malloc((size_t)size + 1) : NULL;
    if (text) {
        (void)vsnprintf(text, (size_t)size + 1, format, again); /* its size was just told */
        write(impl, slice_of(text, (size_t)size));
    }
    free(text);
    va_end(again);
}

void say(const struct invocation *invocation, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_to(invocation->world->write_out, invocation->world->impl, format, arguments);
    va_end(arguments);
}

void say_error(const struct invocation *invocation, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_to(invocation->world->write_error, invocation->world->impl, format, arguments);
    va_end(arguments);
}

void say_bytes(const struct invocation *invocation, struct slice bytes)
{
    invocation->world->write_out(invocation->world->impl, bytes);
}

int invocation_wrong(struct invocation *invocation, const char *format, ...)
{
    const struct cli_world *world = invocation->world;
    va_list arguments;
    say_error(invocation, "interlock: ");
    va_start(arguments, format);
    say_to(world->write_error, world->impl, format, arguments);
    va_end(arguments);
    struct buf usage;
    buf_init(&usage, LIMIT_SUMMARY * 8);
    command_add_usage(invocation->command, &usage);
    say_error(invocation, "\nusage: %s\nmore:  interlock %s --help\n", buf_text(&usage),
              invocation->command->name);
    buf_done(&usage);
    return CLI_WRONG_USE;
}
