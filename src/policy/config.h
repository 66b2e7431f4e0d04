/* policy/config.h - from the files that people write to a struct config, and back to text.
 * Owns: reading whole installations. Pure: it works on memory; the caller reads the files.
 * Invariants:
 *   1. A configuration is returned only when there is no error at all (R28: all or nothing).
 *   2. All mistakes are told at once, up to LIMIT_PROBLEMS, in the order of the files.
 *   3. The same files give the same version, from wherever they are read: SHA-256 over `source`,
 *      which has every byte of them, with names as seen from the installation's folder.
 *   4. config_load_stored(config->source) gives an equal configuration with the same version.
 * Threads: a struct config never changes; any number of threads may read it. */
#pragma once
#include "policy/problem.h"
#include "policy/types.h"

struct config_file {
    /* As the user sees it: "interlock.yaml", "policies/invoice-reminders.yaml". */
    struct slice name;
    struct slice text;
};

/* Bytes that a configuration may take in its arena. */
enum { CONFIG_ARENA_MAX = 256 * 1024 * 1024 };

/* files[0] is the installation, the others are policies (their order does not matter). The arena
 * owns the configuration and keeps copies of all texts; problems_init was called. NULL: errors. */
const struct config *config_load(const struct config_file *files, size_t file_count,
                                 struct arena *arena, struct problems *problems);
/* From config->source of an earlier load. */
const struct config *config_load_stored(struct slice source, struct arena *arena,
                                        struct problems *problems);
/* The text of one of its files; empty: there is none of that name. */
struct slice config_file_text(const struct config *config, struct slice name);
