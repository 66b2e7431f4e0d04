#include "core/pace.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/prng.h"

enum { PACE_RETRY_COST = 10 };

/* A random whole number in 0 .. below. */
static int64_t pace_uniform(int64_t below, uint64_t random)
{
    return (int64_t)prng_scale(random, (uint64_t)below + 1);
}

void pace_init(struct pace *pace, int concurrency, bool was_clean)
{
    *pace = (struct pace){.concurrency = concurrency,
                          .tokens_tenths = was_clean ? RETRY_BUDGET_TENTHS : 0};
}

bool pace_has_token(const struct pace *pace)
{
    return pace->tokens_tenths >= PACE_RETRY_COST;
}

void pace_spend(struct pace *pace)
{
    CHECK(pace_has_token(pace)); /* invariant 1 */
    pace->tokens_tenths -= PACE_RETRY_COST;
}

void pace_earn(struct pace *pace)
{
    if (pace->tokens_tenths < RETRY_BUDGET_TENTHS)
        pace->tokens_tenths++;
}

bool pace_has_room(const struct pace *pace)
{
    return pace->under_way < pace->concurrency;
}

bool pace_has_drain_room(const struct pace *pace)
{
    int half = pace->concurrency > 1 ? pace->concurrency / 2 : 1;
    return pace->under_way < half;
}

void pace_started(struct pace *pace)
{
    pace->under_way++;
}

void pace_ended(struct pace *pace)
{
    CHECK(pace->under_way > 0);
    pace->under_way--;
}

void pace_pause(struct pace *pace, int64_t until_unix_ms)
{
    if (until_unix_ms > pace->pause_until_unix_ms)
        pace->pause_until_unix_ms = until_unix_ms;
}

int64_t pace_backoff_ms(int64_t min_ms, int64_t max_ms, int n, uint64_t random)
{
    int64_t top = min_ms;
    for (int i = 1; i < n && top < max_ms; i++)
        top *= 2;
    return pace_uniform(top < max_ms ? top : max_ms, random);
}
