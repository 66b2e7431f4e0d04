/* core/pace.h - how hard one upstream may be pressed: retry budget, pause, concurrency, recovery.
 * Owns: the numbers of one upstream.
 * Invariants:
 *   1. Attempts <= 1.1 x actions + 10 (semantics 1.3): a retry costs 10 tenths, an ok first
 *      attempt gives 1, never above RETRY_BUDGET_TENTHS.
 *   2. After an unclean start the budget begins empty (R30).
 *   3. After PACE_DOWN_AFTER failures in a row new work is held. While anything is held one probe
 * at a time asks; any ok answer ends that and opens the drain, at half of the concurrency.
 *   4. under_way <= concurrency. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { PACE_DOWN_AFTER = 5 }; /* semantics 3: 5 failures in a row */

struct pace {
    int tokens_tenths;
    int concurrency;
    int under_way;
    int64_t pause_until_unix_ms; /* Retry-After; 0 = none */
    int failures_in_row; /* attempts without an answer, or with a 5xx; PACE_DOWN_AFTER of them */
    bool is_down;        /* new work queues: it does not answer */
    bool is_draining;    /* it answered again; the held work leaves */
    bool is_probing;     /* the one probe is under way */
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
/* An attempt failed so that the upstream may be down (not_sent, no answer, 5xx). True when it is
 * down from now on. */
bool pace_failed(struct pace *pace, int64_t now_unix_ms, uint64_t random);
/* Something was held for it: a probe is due some time later. */
void pace_holds(struct pace *pace, int64_t now_unix_ms, uint64_t random);
/* It answered with ok: up again, and what is held may leave. True when it was down. */
bool pace_answered(struct pace *pace);
void pace_pause(struct pace *pace, int64_t until_unix_ms);
/* Is it time to let the oldest held action try? */
bool pace_probe_is_due(const struct pace *pace, int64_t now_unix_ms);
void pace_probe_started(struct pace *pace);
/* The probe ended without ok: the next one later, doubling to 5 min. */
void pace_probe_failed(struct pace *pace, int64_t now_unix_ms, uint64_t random);
/* Nothing is held any more. */
void pace_drained(struct pace *pace);
/* Full jitter: U(0, min(max, min_ms * 2^(n-1))), n from 1 (semantics 1.3). */
int64_t pace_backoff_ms(int64_t min_ms, int64_t max_ms, int n, uint64_t random);
