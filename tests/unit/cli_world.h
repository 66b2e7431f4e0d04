/* A world for the command line that is all memory: files, answers of a daemon, a keyboard. What the
 * command line does to it is written down, line by line, as a transcript. */
#pragma once
#include "base/arena.h"
#include "cli/cli.h"

enum { WORLD_FILES = 128, WORLD_LINES = 32 };

struct world_file {
    struct slice path, text;
    bool is_secret;
};

struct world {
    struct arena arena;
    struct buf transcript;
    size_t file_count;
    struct world_file files[WORLD_FILES];
    size_t variable_count;
    struct slice variables[WORLD_LINES]; /* NAME=VALUE */
    size_t answer_count, answered;
    struct slice answers[WORLD_LINES]; /* "STATUS BODY", or "unreached WHAT", "lost WHAT" */
    size_t typed_count, typed;
    struct slice keyboard[WORLD_LINES];
    unsigned char random;
    struct cli_world cli;
};

void world_init(struct world *world);
void world_done(struct world *world);
void world_add_file(struct world *world, struct slice path, struct slice text, bool is_secret);
const struct world_file *world_file(const struct world *world, struct slice path);
/* Runs `interlock COMMAND`, the command as a shell would read it; adds "exit: N". */
int world_run(struct world *world, struct slice command);
