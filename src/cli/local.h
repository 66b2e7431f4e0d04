/* cli/local.h - the configuration of this folder, read from its files.
 * Owns: which files belong to an installation: the config, and the policies of its `policies:`
 *   folder. Checking them is policy/config.h. */
#pragma once
#include "cli/invocation.h"
#include "policy/config.h"

struct local {
    bool is_quiet;      /* what cannot be read is not told */
    struct arena arena; /* of the configuration */
    struct problems problems;
    const struct config *config; /* NULL: problems has errors, or reading failed (told) */
    size_t file_count;
    struct config_file *files; /* [0] is the installation */
};

/* ./interlock.yaml or --config. */
const char *local_config_path(const struct invocation *invocation);
/* NAME beside the config file: "secrets/cli-token" -> "conf/secrets/cli-token". */
struct slice local_beside(struct invocation *invocation, struct slice name);
/* The value of a line "NAME: VALUE" at the left edge of a config, without quotes and comment, for
 * what must be known before (or without) the configuration being good. Pure. */
bool local_line(struct slice config, const char *name, struct slice *out_value);

/* Reads the files; with policies given, those in place of the folder's. false: told. */
bool local_read(struct invocation *invocation, const char *const *policies, size_t policy_count,
                struct local *local);
/* Checks what was read. */
void local_load(struct local *local);
/* To standard error, with what to do. */
void local_tell_problems(struct invocation *invocation, struct local *local);
/* Harmless on a zeroed one. */
void local_done(struct local *local);
