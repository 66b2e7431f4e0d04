#include "core/lasting.h"

void lasting_hear(struct lasting *lasting, bool is_bad, int64_t now_unix_ms)
{
    if (is_bad) {
        if (lasting->since_unix_ms == 0)
            lasting->since_unix_ms = now_unix_ms;
        lasting->last_unix_ms = now_unix_ms;
        lasting->good = 0;
    } else if (lasting->since_unix_ms != 0 && ++lasting->good >= LASTING_GOOD) {
        *lasting = (struct lasting){0};
    }
}

bool lasting_is_long(const struct lasting *lasting, int64_t ms)
{
    return lasting->since_unix_ms != 0 && lasting->last_unix_ms - lasting->since_unix_ms >= ms;
}
