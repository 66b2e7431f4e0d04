#include "core/pace.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/prng.h"

/* Semantics 3: 30 s +- 20 %, doubling per failed probe to 5 min. */
enum { PACE_PROBE_MS = 30000, PACE_PROBE_MAX_MS = 300000, PACE_RETRY_COST = 10 };

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

bool pace_is_down(const struct pace *pace)
{
    return pace->is_down;
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

static void pace_plan_probe(struct pace *pace, int64_t now_unix_ms, uint64_t random)
{
    int64_t wait = PACE_PROBE_MS;
    for (int i = 0; i < pace->probe_failures && wait < PACE_PROBE_MAX_MS; i++)
        wait *= 2;
    if (wait > PACE_PROBE_MAX_MS)
        wait = PACE_PROBE_MAX_MS;
    pace->probe_at_unix_ms = now_unix_ms + wait * 8 / 10 + pace_uniform(wait * 4 / 10, random);
}

bool pace_failed(struct pace *pace, int64_t now_unix_ms, uint64_t random)
{
    if (++pace->failures_in_row < PACE_DOWN_AFTER || pace->is_down)
        return false;
    pace->is_down = true;
    pace->is_draining = false;
    pace_plan_probe(pace, now_unix_ms, random);
    return true;
}

void pace_holds(struct pace *pace, int64_t now_unix_ms, uint64_t random)
{
    pace->is_draining = false; /* what is held anew waits for a probe, or for an answer */
    if (pace->probe_at_unix_ms == 0)
        pace_plan_probe(pace, now_unix_ms, random);
}

bool pace_answered(struct pace *pace)
{
    bool was_down = pace->is_down;
    pace->failures_in_row = 0;
    pace->is_down = false;
    if (pace->probe_at_unix_ms != 0)
        pace->is_draining = true; /* something may be held */
    pace->probe_at_unix_ms = 0;
    pace->probe_failures = 0;
    pace->is_probing = false;
    return was_down;
}

void pace_pause(struct pace *pace, int64_t until_unix_ms)
{
    if (until_unix_ms > pace->pause_until_unix_ms)
        pace->pause_until_unix_ms = until_unix_ms;
}

bool pace_probe_is_due(const struct pace *pace, int64_t now_unix_ms)
{
    return pace->probe_at_unix_ms != 0 && !pace->is_probing &&
           now_unix_ms >= pace->probe_at_unix_ms && now_unix_ms >= pace->pause_until_unix_ms;
}

void pace_probe_started(struct pace *pace)
{
    pace->is_probing = true;
}

void pace_probe_failed(struct pace *pace, int64_t now_unix_ms, uint64_t random)
{
    pace->is_probing = false;
    pace->probe_failures++;
    pace_plan_probe(pace, now_unix_ms, random);
}

void pace_drained(struct pace *pace)
{
    pace->is_draining = false;
}

int64_t pace_backoff_ms(int64_t min_ms, int64_t max_ms, int n, uint64_t random)
{
    int64_t top = min_ms;
    for (int i = 1; i < n && top < max_ms; i++)
        top *= 2;
    return pace_uniform(top < max_ms ? top : max_ms, random);
}
