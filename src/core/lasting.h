/* core/lasting.h - how long a trouble lasts that is known only by what it does to actions.
 * Owns: when an episode begins, goes on, and is over.
 * Invariants:
 *   1. Silence ends nothing: an episode is over when LASTING_GOOD actions in a row went well.
 *   2. It lasts as long as from its first to its last bad action: one bad action never lasts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    LASTING_GOOD = 3,
    LASTING_CAUSE_MS = 30 * 60000,   /* a workflow lives on its fallbacks */
    LASTING_BREAKER_MS = 10 * 60000, /* an upstream is not called */
    LASTING_DRAIN_MS = 30 * 60000    /* what waited for it goes; then it is over all the same */
};

struct lasting {
    int64_t since_unix_ms; /* 0 = there is no trouble */
    int64_t last_unix_ms;
    uint32_t good; /* in a row */
};

void lasting_hear(struct lasting *lasting, bool is_bad, int64_t now_unix_ms);
static inline bool lasting_is_on(const struct lasting *lasting)
{
    return lasting->since_unix_ms != 0;
}
bool lasting_is_long(const struct lasting *lasting, int64_t ms);
