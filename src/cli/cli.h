/* cli/cli.h - the command line: one call in, texts and an exit code out.
 * Owns: what the command line asks of the world. It opens no file and no socket by itself, so
 *   that a test can be the world.
 * Invariants:
 *   1. Answers go to write_out; mistakes, hints and notes go to write_error.
 *   2. Exit codes: 0 done, 1 refused or not possible, 2 wrong use, 3 the daemon was not reached.
 *   3. A secret is written to a 0600 file or shown once at the terminal, never into YAML.
 *   4. No file is ever overwritten. */
#pragma once
#include "base/buf.h"
#include "port/upstream.h"
#include "record/zone.h"

enum cli_exit { CLI_DONE = 0, CLI_REFUSED = 1, CLI_WRONG_USE = 2, CLI_NOT_REACHED = 3 };

/* What `interlock serve` was asked. */
struct cli_serve {
    const char *config; /* path, or NULL with is_dev */
    bool is_dev;        /* temporary store, sandbox, one token */
    bool as_copy;       /* R27: this folder is a copy: new id, everything stopped */
    const char *listen; /* in place of the config's line, or NULL */
};

/* What `interlock verify --config` was asked. */
struct cli_verify {
    const char *config;
    struct slice head; /* "SEQ:HASH" that the store must contain, or empty */
    bool is_json;
};

struct cli_world {
    void *impl;
    const char *version;

    /* The daemon: run_until turns the loop until *is_done; false when the user broke it off, and
     * then nothing that is under way calls back any more. wait_ms passes that time, or false. */
    const struct upstream_port *upstream;
    bool (*run_until)(void *impl, const bool *is_done);
    bool (*wait_ms)(void *impl, int64_t ms);

    /* Files. ERR_NOT_FOUND, ERR_LIMIT, ERR_DENIED, ERR_IO. */
    enum err (*read_file)(void *impl, const char *path, struct buf *out);
    /* Makes missing folders (0700 for a secret's). 0600 for a secret. ERR_CONFLICT when it exists.
     */
    enum err (*write_new)(void *impl, const char *path, struct slice bytes, bool is_secret);
    /* Names of the files in a folder, one a line, in byte order. */
    enum err (*list_folder)(void *impl, const char *path, struct buf *out);
    bool (*exists)(void *impl, const char *path);

    const char *(*environment)(void *impl, const char *name); /* NULL when not set */
    void (*write_out)(void *impl, struct slice bytes);
    void (*write_error)(void *impl, struct slice bytes);
    bool (*read_line)(void *impl, struct buf *out); /* what was typed; false at the end */
    bool is_terminal;                               /* a person reads and types */
    int64_t now_unix_ms;
    /* Local time of a zone by its name, which must live as long. false: unknown here, UTC. */
    bool (*zone)(void *impl, struct slice name, struct zone *out_zone);
    enum err (*random)(void *impl, void *out_bytes, size_t size);

    /* Return the exit code. */
    int (*serve)(void *impl, const struct cli_serve *serve);
    int (*verify_store)(void *impl, const struct cli_verify *verify);
};

int cli_main(int argc, char **argv, const struct cli_world *world);
