/* core/pace.h - how hard one upstream may be pressed: retry budget, pause, concurrency, recovery.
 * Owns: the numbers of one upstream.
 * Invariants:
 *   1. Attempts <= 1.1 x actions + 10 (semantics 1.3): a retry costs 10 tenths, an ok first
 *      attempt gives 1, never above RETRY_BUDGET_TENTHS.
 *   2. After an unclean start the budget begins empty (R30).
 *   3. While work is held for the upstream, new work queues behind it and one probe asks; a probe
 *      that is answered opens the drain, at half of the concurrency, oldest first.
 *   4. under_way <= concurrency. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct pace {
    int tokens_tenths;
    int concurrency;
    int under_way;
    int64_t pause_until_unix_ms; /* Retry-After; 0 = none */
    bool is_down;                /* work is held for it */
    bool is_draining;            /* it answered again; the held work leaves */
    bool is_probing;             /* the one probe is under way */
    int64_t probe_at_unix_ms;
    int probe_failures;
};

void pace_init(struct pace *pace, int concurrency, bool was_clean);
bool pace_has_token(const struct pace *pace);
void pace_spend(struct pace *pace);
void pace_earn(struct pace *pace);
/* Is new work to queue behind held work? */
bool pace_is_down(const struct pace *pace);
bool pace_has_room(const struct pace *pace);
/* Room for one more from the safe queue: half of the concurrency. */
bool pace_has_drain_room(const struct pace *pace);
void pace_started(struct pace *pace);
void pace_ended(struct pace *pace);
void pace_went_down(struct pace *pace, int64_t now_unix_ms, uint64_t random);
void pace_answered(struct pace *pace);
void pace_pause(struct pace *pace, int64_t until_unix_ms);
/* Is it time to let the oldest held action try? */
bool pace_probe_is_due(const struct pace *pace, int64_t now_unix_ms);
void pace_probe_started(struct pace *pace);
void pace_probe_failed(struct pace *pace, int64_t now_unix_ms, uint64_t random);
/* Nothing is held any more. */
void pace_drained(struct pace *pace);
/* Full jitter: U(0, min(max, min_ms * 2^(n-1))), n from 1 (semantics 1.3). */
int64_t pace_backoff_ms(int64_t min_ms, int64_t max_ms, int n, uint64_t random);
