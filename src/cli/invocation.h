/* cli/invocation.h - one call of the command line, taken apart: the command, its arguments,
 * options.
 * Owns: the rules of options, and the arena in which all of one invocation lives.
 * Invariants:
 *   1. Options may stand anywhere; "--" ends them; "--name value" and "--name=value" are the
 *      same. An option whose value is NAME=VALUE may stand there more than once; others stand
 *      once.
 *   2. An option that the command does not have is a mistake with a hint, never ignored.
 *   3. Every command has --help; every command that asks the daemon has --url, --config, --json. */
#pragma once
#include "base/arena.h"
#include "cli/cli.h"
#include "record/zone.h"

enum {
    INVOCATION_ARGUMENTS = 256,
    INVOCATION_OPTIONS = 24,
    INVOCATION_ARENA_MAX = 64 * 1024 * 1024
};

enum command_group { GROUP_START, GROUP_EVERY_DAY, GROUP_TROUBLE, GROUP_LATER, GROUP_COUNT };

struct option {
    const char *name;  /* without the dashes */
    const char *value; /* what stands for the value in help; NULL = a flag */
    const char *help;
};

struct invocation;
struct command {
    const char *name;
    enum command_group group;
    const char *arguments;        /* as in the usage line, without options */
    const char *help;             /* one line, no full stop */
    const char *more;             /* further lines for --help, or NULL */
    const struct option *options; /* ends with a NULL name */
    int argument_min, argument_max;
    bool is_local; /* works on files: has no --url */
    int (*run)(struct invocation *invocation);
};

struct invocation {
    const struct cli_world *world;
    const struct command *command;
    struct arena arena;
    size_t argument_count;
    const char *arguments[INVOCATION_ARGUMENTS];
    int exit;                 /* of the last thing that failed and was told */
    bool is_placed;           /* cli/daemon.c has found where the daemon is */
    struct arena place_arena; /* outlives the turns: url, token, the zone's name */
    struct slice url, token;
    struct zone zone; /* of the installation, as its last answer said; without: UTC */
    size_t option_count;
    struct {
        const char *name, *value;
    } options[INVOCATION_OPTIONS];
};

/* false after a mistake, which was told. */
bool invocation_parse(struct invocation *invocation, int argc, char **argv);
/* The value; NULL when it was not given. Of a flag: "". */
const char *invocation_option(const struct invocation *invocation, const char *name);
bool invocation_has(const struct invocation *invocation, const char *name);
/* The n-th argument, or NULL. */
const char *invocation_argument(const struct invocation *invocation, size_t n);
/* A turn of a long wait: what is allocated between the two is given back at its end. */
struct arena invocation_turn_begin(struct invocation *invocation);
void invocation_turn_end(struct invocation *invocation, struct arena kept);
/* "interlock: SENTENCE", then the usage line; gives CLI_WRONG_USE. */
int invocation_wrong(struct invocation *invocation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* To the user: answers; mistakes and notes. */
void say(const struct invocation *invocation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void say_bytes(const struct invocation *invocation, struct slice bytes);
void say_error(const struct invocation *invocation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
