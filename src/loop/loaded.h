/* loop/loaded.h - one configuration in force, with the secrets that it names.
 * Owns: the arena of the configuration and the secret values; wiped at the end.
 * Invariants:
 *   I14 secret values stand here and in the bytes of a call under way, nowhere else.
 *   1. Never changed after loading; a reload makes a new one. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "policy/types.h"
#include "record/redact.h"

struct loaded {
    struct arena arena;
    const struct config *config;
    struct slice *secrets; /* config->secret_count values, by index; empty = could not be read */
    unsigned char (*digests)[32]; /* SHA-256 of each secret, for looking up tokens */
    struct redact redact;         /* the same values, as they must not show in answers (R23) */
    struct buf warnings_json;     /* ["…", …]: IL900 and other warnings */
};

/* After the secrets are in: their digests. */
MUST_USE enum err loaded_digest(struct loaded *loaded);
/* Wipes and frees. NULL is fine. */
void loaded_free(struct loaded *loaded);
