/* loop/loaded.h - one configuration in force, with the secrets that it names.
 * Owns: the arena of the configuration and the secret values; wiped at the end.
 * Invariants:
 *   I14 secret values stand here and in the bytes of a call under way, nowhere else.
 *   R23 what people said is stored without secrets: all of it is encoded here.
 *   1. Never changed after loading; a reload makes a new one. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "policy/types.h"
#include "record/bundle.h"
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
/* What a person said, as it is stored: with REDACT_MARK where a secret stood. Out of memory: out
 * has overflowed. */
void loaded_encode_words(const struct loaded *loaded, const struct bundle_words *words,
                         struct buf *out);
/* Wipes and frees. NULL is fine. */
void loaded_free(struct loaded *loaded);
