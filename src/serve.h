/* serve.h - the daemon: makes the parts and joins them.
 * Owns: the order of starting and of ending. With main.c the only files that see both the shell and
 *   the doors.
 * Start: configuration, store (lock), stops and attempts of the last run, listening, ready line.
 * End: nobody new, what is under way ends (up to the longest timeout), the store closes. */
#pragma once
#include "cli/cli.h"

/* Returns the exit code. version: of interlock, for answers. */
int serve_run(const struct cli_serve *options, const char *version);
/* `verify` on files, with or without a daemon running. */
int serve_verify(const struct cli_verify *options);
