/* core/pace.h - how hard one upstream may be pressed: retry budget, pause, concurrency.
 * Owns: the numbers of one upstream. core/breaker says whether it is called, core/rate how fast.
 * Invariants:
 *   1. Attempts <= 1.1 x actions + 10 (semantics 1.3): a retry costs 10 tenths, an ok first
 *      attempt gives 1, never above RETRY_BUDGET_TENTHS.
 *   2. After an unclean start the budget begins empty (R30).
 *   3. under_way <= concurrency. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct pace {
    int tokens_tenths;
    int concurrency;
    int under_way;
    int64_t pause_until_unix_ms; /* Retry-After; 0 = none */
};

void pace_init(struct pace *pace, int concurrency, bool was_clean);
bool pace_has_token(const struct pace *pace);
void pace_spend(struct pace *pace);
void pace_earn(struct pace *pace);
bool pace_has_room(const struct pace *pace);
/* Room for one more from the safe queue: half of the concurrency. */
bool pace_has_drain_room(const struct pace *pace);
void pace_started(struct pace *pace);
void pace_ended(struct pace *pace);
void pace_pause(struct pace *pace, int64_t until_unix_ms);
/* Full jitter: U(0, min(max, min_ms * 2^(n-1))), n from 1 (semantics 1.3). */
int64_t pace_backoff_ms(int64_t min_ms, int64_t max_ms, int n, uint64_t random);
