/* record/redact.h - takes configured secrets out of what providers and people give us (R23).
 * Owns: the patterns of every secret: as it is, escaped in JSON, in base64 (both alphabets, at
 *   every alignment, so also inside a larger value such as "user:password"), and URL-encoded.
 * Invariants:
 *   I14 patterns live in memory only and are wiped at the end.
 *   1. What was added by redact_add holds no pattern of a secret of at least REDACT_SECRET_MIN
 *      bytes.
 *   2. Secrets shorter than that are not looked for: they would eat ordinary text. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum { REDACT_SECRET_MIN = 4, REDACT_PATTERNS_MAX = 16384 };
#define REDACT_MARK "***"

struct redact_pattern {
    size_t start, size; /* in bytes */
};
struct redact {
    struct buf bytes; /* all patterns, one behind the other */
    struct redact_pattern *patterns;
    size_t count, capacity;
    size_t longest;
    unsigned char *pairs; /* a bit for each first two bytes of a pattern: one look rules most out */
};

void redact_init(struct redact *redact);
void redact_done(struct redact *redact);
/* ERR_NO_MEMORY, ERR_LIMIT. */
MUST_USE enum err redact_add_secret(struct redact *redact, struct slice secret);
/* Appends text with each pattern replaced by REDACT_MARK. is_cut: the text was cut at its end, and
 * the beginning of a secret there goes, too. redact may be NULL: nothing is secret. */
void redact_add(const struct redact *redact, struct slice text, bool is_cut, struct buf *out);
/* Does the text hold one? For tests of everything that is stored or shown. */
bool redact_finds(const struct redact *redact, struct slice text);
