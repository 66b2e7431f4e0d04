#include "core/rate.h"

#include <string.h>

/* A start, in millionths; and how long unused time may be saved up. */
enum { RATE_START = 1000000, RATE_BURST_MS = 200, RATE_DEBT_MS = 1000 };

static int64_t rate_floor(const struct rate *rate)
{
    return rate->full_milli / 10;
}

/* Slots that have passed are empty. */
static void rate_turn(struct rate *rate, int64_t now_unix_ms)
{
    int64_t slot = now_unix_ms / RATE_STEP_MS * RATE_STEP_MS;
    if (rate->slot_unix_ms == 0 || slot - rate->slot_unix_ms >= RATE_STEP_MS * RATE_SLOTS) {
        memset(rate->slots, 0, sizeof rate->slots);
        rate->slots_seen = rate->slot_unix_ms == 0 ? 1 : RATE_SLOTS;
        rate->slot_unix_ms = slot;
    }
    while (rate->slot_unix_ms < slot) {
        rate->slot_unix_ms += RATE_STEP_MS;
        rate->slots[rate->slot_unix_ms / RATE_STEP_MS % RATE_SLOTS] = 0;
        if (rate->slots_seen < RATE_SLOTS)
            rate->slots_seen++;
    }
}

void rate_count(struct rate *rate, int64_t now_unix_ms)
{
    rate_turn(rate, now_unix_ms);
    rate->slots[rate->slot_unix_ms / RATE_STEP_MS % RATE_SLOTS]++;
}

int64_t rate_measure(struct rate *rate, int64_t now_unix_ms)
{
    rate_turn(rate, now_unix_ms);
    int64_t sum = 0;
    for (int i = 0; i < RATE_SLOTS; i++)
        sum += rate->slots[i];
    int64_t ms = (int64_t)(rate->slots_seen - 1) * RATE_STEP_MS + now_unix_ms - rate->slot_unix_ms;
    return sum * 1000 * 1000 / (ms > RATE_STEP_MS ? ms : RATE_STEP_MS); /* the newest is not over */
}

void rate_begin(struct rate *rate, int64_t full_milli, bool limits_live, int64_t now_unix_ms)
{
    rate->is_on = true;
    rate->limits_live = limits_live;
    rate->has_tenth = false;
    rate->full_milli = full_milli;
    rate->rate_milli = rate_floor(rate); /* invariant 1 */
    rate->step_unix_ms = now_unix_ms;
    rate->tokens_unix_ms = now_unix_ms;
    rate->tokens_micro = RATE_START;
    rate->held_tokens_micro = RATE_START;
    rate->least_micro = 0;
    rate->starts = 0;
    rate->failures = 0;
    rate->is_halved = false;
}

void rate_begin_restarted(struct rate *rate, int64_t full_milli, int64_t now_unix_ms)
{
    rate_begin(rate, full_milli, false, now_unix_ms);
    rate->rate_milli = full_milli;
    rate->has_tenth = true;
}

void rate_end(struct rate *rate)
{
    rate->is_on = false;
    rate->limits_live = false;
}

bool rate_is_full(const struct rate *rate)
{
    return rate->rate_milli >= rate->full_milli;
}

/* rate x time, but no more than a short burst, or one start. */
static int64_t rate_earn(int64_t tokens_micro, int64_t rate_milli, int64_t ms)
{
    int64_t top = rate_milli * RATE_BURST_MS;
    if (top < RATE_START)
        top = RATE_START;
    tokens_micro += rate_milli * ms;
    return tokens_micro < top ? tokens_micro : top;
}

static void rate_step(struct rate *rate)
{
    if (rate->failures * 20 < rate->starts || rate->starts == 0)
        rate->rate_milli += rate_floor(rate);
    if (rate->rate_milli > rate->full_milli)
        rate->rate_milli = rate->full_milli;
    rate->starts = 0;
    rate->failures = 0;
    rate->is_halved = false;
}

void rate_pass(struct rate *rate, int64_t now_unix_ms)
{
    if (!rate->is_on)
        return;
    int64_t ms = now_unix_ms - rate->tokens_unix_ms;
    if (ms > 0) {
        if (ms > 2 * RATE_STEP_MS)
            ms = 2 * RATE_STEP_MS; /* a burst is all that can be saved up anyway */
        rate->tokens_micro = rate_earn(rate->tokens_micro, rate->rate_milli, ms);
        rate->held_tokens_micro = rate_earn(rate->held_tokens_micro, rate->rate_milli / 2, ms);
        if (rate->has_tenth && rate->least_micro < RATE_START)
            rate->least_micro += rate->rate_milli / 10 * ms;
        rate->tokens_unix_ms = now_unix_ms;
    }
    for (int i = 0; i < 10 && now_unix_ms - rate->step_unix_ms >= RATE_STEP_MS; i++) {
        rate_step(rate);
        rate->step_unix_ms += RATE_STEP_MS;
    }
    if (now_unix_ms - rate->step_unix_ms >= RATE_STEP_MS || now_unix_ms < rate->step_unix_ms)
        rate->step_unix_ms = now_unix_ms;
}

/* One at a time where that is less: at a tenth. */
static bool rate_has_room(const struct rate *rate, int under_way)
{
    return rate->rate_milli > rate_floor(rate) || under_way == 0;
}

static bool rate_lets(const struct rate *rate, int under_way)
{
    return rate->tokens_micro >= RATE_START && rate_has_room(rate, under_way);
}

bool rate_lets_live(const struct rate *rate, int under_way)
{
    return !rate->is_on || !rate->limits_live || rate_is_full(rate) || rate_lets(rate, under_way);
}

bool rate_lets_held(const struct rate *rate, int under_way)
{
    if (!rate->is_on || !rate_has_room(rate, under_way))
        return false;
    return rate->least_micro >= RATE_START || /* invariant 2 */
           (rate->held_tokens_micro >= RATE_START && rate->tokens_micro >= RATE_START);
}

void rate_started(struct rate *rate, bool is_held)
{
    if (!rate->is_on)
        return;
    int64_t debt = -rate->full_milli * RATE_DEBT_MS;
    rate->tokens_micro -= RATE_START; /* invariant 2: also what is not limited is counted */
    if (rate->tokens_micro < debt)
        rate->tokens_micro = debt;
    if (is_held) {
        rate->held_tokens_micro -= RATE_START;
        rate->least_micro = 0;
    }
    rate->starts++;
}

void rate_failed(struct rate *rate)
{
    if (!rate->is_on)
        return;
    rate->failures++;
    if (rate->is_halved || rate->failures * 20 < rate->starts)
        return;
    rate->is_halved = true;
    rate->rate_milli /= 2;
    if (rate->rate_milli < rate_floor(rate))
        rate->rate_milli = rate_floor(rate);
}

int64_t rate_wait_ms(const struct rate *rate, bool is_held)
{
    int64_t missing = RATE_START - rate->tokens_micro;
    int64_t milli = rate->rate_milli > 0 ? rate->rate_milli : 1;
    int64_t wait = missing > 0 ? (missing + milli - 1) / milli : 1;
    int64_t held_missing = RATE_START - rate->held_tokens_micro;
    int64_t half = milli > 1 ? milli / 2 : 1;
    if (is_held && held_missing > 0 && (held_missing + half - 1) / half > wait)
        wait = (held_missing + half - 1) / half;
    int64_t tenth = milli > 10 ? milli / 10 : 1;
    int64_t least = (RATE_START - rate->least_micro + tenth - 1) / tenth;
    if (is_held && rate->has_tenth && least < wait)
        wait = least > 1 ? least : 1;
    return wait < RATE_STEP_MS ? wait : RATE_STEP_MS;
}

int64_t rate_held_milli(const struct rate *rate, int64_t live_milli)
{
    int64_t left = rate->rate_milli - live_milli;
    if (left > rate->rate_milli / 2)
        left = rate->rate_milli / 2;
    int64_t least = rate->has_tenth ? rate->rate_milli / 10 : 0;
    return left > least ? left : least;
}

int64_t rate_look_unix_ms(const struct rate *rate, int64_t wait_ms, int64_t now_unix_ms)
{
    bool is_known = rate->is_on && rate->tokens_unix_ms <= now_unix_ms;
    int64_t at = (is_known ? rate->tokens_unix_ms : now_unix_ms) + wait_ms;
    return at > now_unix_ms ? at : now_unix_ms + 1;
}
