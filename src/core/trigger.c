#include "core/trigger.h"

#include <string.h>

#include "base/check.h"
#include "base/log_ratio.h"

/* Semantics 6: a warning at a fifth of h gains most of the time to a trip and costs few reviews. */
enum { TRIGGER_WARN_PARTS = 5, TRIGGER_WEEK_MS = 7 * 24 * 3600 * 1000 };
enum { TRIGGER_HOUR_MS = 3600 * 1000 };
#define TRIGGER_Z_SQUARED 9.548 /* 3.09 squared: one-sided 99.9 % */

void trigger_init(struct trigger_state *state, int64_t now_unix_ms)
{
    *state = (struct trigger_state){.next_since_unix_ms = now_unix_ms, .last_unix_ms = now_unix_ms};
}

void trigger_restart(struct trigger_state *state, const struct trigger_terms *terms,
                     int64_t now_unix_ms)
{
    state->level = TRIGGER_NORMAL;
    state->s_micro = terms->h_micro / 2;
    state->rising_unix_ms = now_unix_ms;
    if (terms->statistic == TRIGGER_SHARE)
        state->level = TRIGGER_WARNED; /* reviews stay boosted until it is calm */
    state->samples = 0;
    state->recent_count = 0;
    memset(state->recent, 0, sizeof state->recent);
    memset(state->buckets, 0, sizeof state->buckets);
    state->is_known_over =
        terms->is_standing && (state->is_known_over || state->value > terms->limit);
    state->known_value = 0;
    state->value = 0;
    state->hour_amount = 0;
    state->normal_since_unix_ms = 0;
    state->last_unix_ms = now_unix_ms > state->last_unix_ms ? now_unix_ms : state->last_unix_ms;
}

/* ---- windows ---- */

static int64_t trigger_width_ms(const struct trigger_terms *terms)
{
    int64_t width = terms->window_ms / TRIGGER_BUCKETS;
    return width > 0 ? width : 1;
}

static struct trigger_bucket *trigger_bucket_at(struct trigger_state *state, int64_t number)
{
    return &state->buckets[number % (TRIGGER_BUCKETS + 1)];
}

/* Empties what has become too old. */
static void trigger_advance(struct trigger_state *state, const struct trigger_terms *terms)
{
    int64_t number = state->last_unix_ms / trigger_width_ms(terms);
    if (number - state->bucket > TRIGGER_BUCKETS)
        memset(state->buckets, 0, sizeof state->buckets);
    else
        for (int64_t i = state->bucket + 1; i <= number; i++)
            *trigger_bucket_at(state, i) = (struct trigger_bucket){0};
    if (number > state->bucket)
        state->bucket = number;
}

static int64_t trigger_sum(int64_t a, int64_t b)
{
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum; /* amounts are never negative */
}

static struct trigger_bucket trigger_window(const struct trigger_state *state)
{
    struct trigger_bucket all = {0};
    for (int i = 0; i <= TRIGGER_BUCKETS; i++) {
        all.amount = trigger_sum(all.amount, state->buckets[i].amount);
        all.bad += state->buckets[i].bad;
    }
    return all;
}

/* ---- the sequential test ---- */

static bool trigger_is_sequential(const struct trigger_terms *terms)
{
    return terms->statistic == TRIGGER_SHARE || terms->statistic == TRIGGER_RISE;
}

/* The two shares that the test tells apart; false: there are none yet, or none that differ. */
static bool trigger_shares(const struct trigger_state *state, const struct trigger_terms *terms,
                           int64_t *out_from, int64_t *out_to)
{
    int64_t from = terms->limit;
    int64_t to = from <= 400000 ? 2 * from : (TRIGGER_MILLION + from) / 2;
    if (terms->statistic == TRIGGER_RISE) {
        if (state->baseline_total == 0)
            return false;
        from = state->baseline_bad * TRIGGER_MILLION / state->baseline_total;
        from = from > 10000 ? from : 10000;
        to = from + (from / 2 > 50000 ? from / 2 : 50000); /* half more, at least 5 points */
    }
    *out_from = from;
    *out_to = to < TRIGGER_MILLION ? to : TRIGGER_MILLION - 1;
    return from < *out_to;
}

static void trigger_test(struct trigger_state *state, const struct trigger_terms *terms,
                         bool is_bad)
{
    int64_t from = 0;
    int64_t to = 0;
    if (is_bad && state->s_micro == 0)
        state->rising_unix_ms = state->last_unix_ms;
    if (terms->statistic == TRIGGER_SHARE && terms->limit == 0) { /* the first bad one crosses */
        state->s_micro = is_bad ? terms->h_micro : 0;
        return;
    }
    if (!trigger_shares(state, terms, &from, &to))
        return;
    state->s_micro += is_bad ? log_ratio_micro(to, from)
                             : -log_ratio_micro(TRIGGER_MILLION - from, TRIGGER_MILLION - to);
    if (state->s_micro < 0)
        state->s_micro = 0;
    if (state->s_micro > terms->h_micro)
        state->s_micro = terms->h_micro; /* so that a caution can clear */
}

/* The baseline is measured while all is normal, and renewed each week. */
static void trigger_measure(struct trigger_state *state, bool is_bad)
{
    if (state->level != TRIGGER_NORMAL)
        return;
    state->next_total++;
    state->next_bad += is_bad;
    bool is_week_over = state->last_unix_ms - state->next_since_unix_ms >= TRIGGER_WEEK_MS;
    if (state->next_total < TRIGGER_BASELINE || (state->baseline_total > 0 && !is_week_over))
        return;
    state->baseline_total = state->next_total;
    state->baseline_bad = state->next_bad;
    state->next_total = 0;
    state->next_bad = 0;
    state->next_since_unix_ms = state->last_unix_ms;
}

static void trigger_remember(struct trigger_state *state, bool is_bad)
{
    state->samples++;
    state->recent[1] = state->recent[1] << 1 | state->recent[0] >> 63;
    state->recent[0] = state->recent[0] << 1 | (is_bad ? 1U : 0U);
    if (state->recent_count < TRIGGER_RECENT)
        state->recent_count++;
}

static int64_t trigger_recent_bad(const struct trigger_state *state)
{
    int64_t bad = 0;
    for (int i = 0; i < state->recent_count; i++)
        bad += (int64_t)(state->recent[i / 64] >> (i % 64) & 1);
    return bad;
}

/* ---- is it over the limit? ---- */

static int64_t trigger_limit(const struct trigger_state *state, const struct trigger_terms *terms)
{
    int64_t most = 0;
    if (terms->statistic != TRIGGER_BUSIEST)
        return terms->limit;
    if (__builtin_mul_overflow(state->busiest, TRIGGER_BUSIEST_TIMES, &most))
        most = INT64_MAX;
    return most > terms->limit ? most : terms->limit;
}

int64_t trigger_most(const struct trigger_state *state, const struct trigger_terms *terms)
{
    return state->is_known_over ? trigger_sum(state->known_value, state->known_value / 2)
                                : terms->limit;
}

/* Wilson's lower bound is above the limit: the test of a share, solved without a root. */
static bool trigger_is_surely_above(const struct trigger_bucket *window, int64_t limit)
{
    double n = (double)window->amount;
    double t = (double)limit / TRIGGER_MILLION;
    double over = (double)window->bad - n * t;
    return over > 0 && over * over > TRIGGER_Z_SQUARED * n * t * (1 - t);
}

static bool trigger_is_over(const struct trigger_state *state, const struct trigger_terms *terms)
{
    struct trigger_bucket window;
    switch (terms->statistic) {
    case TRIGGER_SHARE:
    case TRIGGER_RISE:
        return state->samples >= TRIGGER_FLOOR && state->s_micro >= terms->h_micro;
    case TRIGGER_SHARE_IN:
        window = trigger_window(state);
        return window.amount >= TRIGGER_FLOOR && trigger_is_surely_above(&window, terms->limit);
    case TRIGGER_COUNT:
    case TRIGGER_BUSIEST:
        window = trigger_window(state);
        return window.amount > trigger_limit(state, terms);
    case TRIGGER_LEVEL:
        return state->value > trigger_most(state, terms);
    case TRIGGER_NONE:
        break;
    }
    return false;
}

/* Normal again: for a sequential test below the warning, else not over. */
static bool trigger_is_normal(const struct trigger_state *state, const struct trigger_terms *terms)
{
    if (trigger_is_sequential(terms))
        return state->s_micro < terms->h_micro / TRIGGER_WARN_PARTS;
    return !trigger_is_over(state, terms);
}

/* The first bad one in the window, to a bucket; of amounts the first that counts. */
static int64_t trigger_window_began(const struct trigger_state *state,
                                    const struct trigger_terms *terms)
{
    int64_t width = trigger_width_ms(terms);
    int64_t first = state->bucket < TRIGGER_BUCKETS ? 0 : state->bucket - TRIGGER_BUCKETS;
    for (int64_t number = first; number <= state->bucket; number++) {
        const struct trigger_bucket *bucket = &state->buckets[number % (TRIGGER_BUCKETS + 1)];
        if (terms->statistic == TRIGGER_SHARE_IN ? bucket->bad > 0 : bucket->amount > 0)
            return number * width;
    }
    return state->last_unix_ms; /* a start that would exceed by itself */
}

static int64_t trigger_began(const struct trigger_state *state, const struct trigger_terms *terms)
{
    switch (terms->statistic) {
    case TRIGGER_SHARE:
    case TRIGGER_RISE:
        return state->rising_unix_ms;
    case TRIGGER_SHARE_IN:
    case TRIGGER_COUNT:
    case TRIGGER_BUSIEST:
        return trigger_window_began(state, terms);
    case TRIGGER_LEVEL:
    case TRIGGER_NONE:
        break;
    }
    return 0;
}

static void trigger_numbers(const struct trigger_state *state, const struct trigger_terms *terms,
                            struct trigger_answer *out)
{
    int64_t to = 0;
    out->limit = trigger_limit(state, terms);
    out->is_share = trigger_is_sequential(terms) || terms->statistic == TRIGGER_SHARE_IN;
    if (trigger_is_sequential(terms)) {
        out->observed = trigger_recent_bad(state);
        out->total = state->recent_count;
        if (terms->statistic == TRIGGER_RISE)
            (void)trigger_shares(state, terms, &out->limit, &to); /* its baseline, or 0 */
        return;
    }
    struct trigger_bucket window = trigger_window(state);
    if (!out->is_crossing && state->is_known_over)
        out->known = state->known_value;
    out->observed = terms->statistic == TRIGGER_LEVEL      ? state->value
                    : terms->statistic == TRIGGER_SHARE_IN ? window.bad
                                                           : window.amount;
    out->total = terms->statistic == TRIGGER_SHARE_IN ? window.amount : 0;
}

/* ---- one event ---- */

/* A finished hour may be the busiest; an hour in which it tripped is none. */
static void trigger_busiest(struct trigger_state *state, int64_t amount)
{
    int64_t hour = state->last_unix_ms / TRIGGER_HOUR_MS;
    if (hour != state->hour) {
        if (state->hour_amount > state->busiest && state->level != TRIGGER_TRIPPED)
            state->busiest = state->hour_amount;
        state->hour = hour;
        state->hour_amount = 0;
    }
    state->hour_amount = trigger_sum(state->hour_amount, amount);
}

static void trigger_add(struct trigger_state *state, const struct trigger_terms *terms,
                        int64_t amount, bool is_bad)
{
    struct trigger_bucket *bucket = trigger_bucket_at(state, state->bucket);
    bucket->amount = trigger_sum(bucket->amount, amount);
    bucket->bad += is_bad;
    if (terms->statistic == TRIGGER_BUSIEST)
        trigger_busiest(state, amount);
}

static void trigger_see(struct trigger_state *state, const struct trigger_terms *terms,
                        const struct trigger_event *event)
{
    state->value = event->amount;
    if (state->value <= terms->limit)
        state->is_known_over = false;
    else if (state->is_known_over && (state->known_value == 0 || event->is_ramping))
        state->known_value = state->value;
}

/* false: the start would cross. */
static bool trigger_take(struct trigger_state *state, const struct trigger_terms *terms,
                         const struct trigger_event *event)
{
    CHECK(event->amount >= 0);
    switch (event->kind) {
    case TRIGGER_SAMPLE:
        trigger_remember(state, event->is_bad);
        if (terms->statistic == TRIGGER_SHARE_IN)
            trigger_add(state, terms, 1, event->is_bad);
        else
            trigger_test(state, terms, event->is_bad);
        if (terms->statistic == TRIGGER_RISE)
            trigger_measure(state, event->is_bad);
        return true;
    case TRIGGER_START:
        if (terms->statistic == TRIGGER_BUSIEST)
            trigger_busiest(state, 0);
        if (terms->move != MOVE_ALERT &&
            trigger_sum(trigger_window(state).amount, event->amount) > trigger_limit(state, terms))
            return false;
        trigger_add(state, terms, event->amount, false);
        return true;
    case TRIGGER_AMOUNT:
        trigger_add(state, terms, event->amount, false);
        return true;
    case TRIGGER_VALUE:
        trigger_see(state, terms, event);
        return true;
    case TRIGGER_TICK:
        return true;
    }
    CHECK_UNREACHABLE();
}

static bool trigger_clears_itself(const struct trigger_terms *terms)
{
    return terms->move == MOVE_CAUTION || terms->move == MOVE_ALERT;
}

static void trigger_after_trip(struct trigger_state *state, const struct trigger_terms *terms,
                               struct trigger_answer *out)
{
    if (!trigger_clears_itself(terms))
        return; /* only a restart */
    if (!trigger_is_normal(state, terms)) {
        state->normal_since_unix_ms = 0;
        return;
    }
    if (state->normal_since_unix_ms == 0)
        state->normal_since_unix_ms = state->last_unix_ms;
    if (state->last_unix_ms - state->normal_since_unix_ms < TRIGGER_CLEAR_MS)
        return;
    state->level = TRIGGER_NORMAL;
    state->normal_since_unix_ms = 0;
    out->is_clearing = true;
}

void trigger_step(struct trigger_state *state, const struct trigger_terms *terms,
                  const struct trigger_event *event, struct trigger_answer *out_answer)
{
    struct trigger_answer out = {0};
    if (event->now_unix_ms > state->last_unix_ms)
        state->last_unix_ms = event->now_unix_ms;
    if (terms->window_ms > 0)
        trigger_advance(state, terms);
    bool is_taken = trigger_take(state, terms, event);
    out.must_not_start = !is_taken;
    if (state->level == TRIGGER_TRIPPED) {
        trigger_after_trip(state, terms, &out);
    } else if (!is_taken || trigger_is_over(state, terms)) {
        state->level = TRIGGER_TRIPPED;
        state->normal_since_unix_ms = 0;
        out.known = state->is_known_over ? state->known_value : 0;
        state->is_known_over = false; /* now it is news */
        out.is_crossing = true;
    } else if (terms->statistic == TRIGGER_SHARE) {
        bool is_warned = state->level == TRIGGER_WARNED;
        out.is_warning = !is_warned && state->s_micro > 0 &&
                         state->s_micro >= terms->h_micro / TRIGGER_WARN_PARTS;
        out.is_warning_over = is_warned && state->s_micro == 0;
        if (out.is_warning)
            state->level = TRIGGER_WARNED;
        if (out.is_warning_over)
            state->level = TRIGGER_NORMAL;
    }
    trigger_numbers(state, terms, &out);
    if (!is_taken)
        out.observed = trigger_sum(out.observed, event->amount);
    if (out.is_crossing)
        out.began_unix_ms = trigger_began(state, terms);
    *out_answer = out;
}

bool trigger_exceeds(struct trigger_state *state, const struct trigger_terms *terms,
                     int64_t now_unix_ms, int64_t amount)
{
    if (terms->move == MOVE_ALERT || state->level == TRIGGER_TRIPPED)
        return false;
    if (now_unix_ms > state->last_unix_ms)
        state->last_unix_ms = now_unix_ms;
    trigger_advance(state, terms);
    if (terms->statistic == TRIGGER_BUSIEST)
        trigger_busiest(state, 0);
    return trigger_sum(trigger_window(state).amount, amount) > trigger_limit(state, terms);
}

void trigger_take_back(struct trigger_state *state, const struct trigger_terms *terms,
                       int64_t at_unix_ms)
{
    int64_t number = at_unix_ms / trigger_width_ms(terms);
    struct trigger_bucket *bucket = trigger_bucket_at(state, number);
    if (terms->statistic == TRIGGER_SHARE_IN && number <= state->bucket &&
        number >= state->bucket - TRIGGER_BUCKETS && bucket->bad > 0)
        bucket->bad--;
}

static void trigger_move_time(int64_t *at, int64_t by_ms)
{
    if (*at != 0)
        *at = *at > by_ms ? *at - by_ms : 1;
}

void trigger_set_back(struct trigger_state *state, const struct trigger_terms *terms,
                      int64_t now_unix_ms)
{
    struct trigger_state before = *state;
    int64_t by_ms = state->last_unix_ms - now_unix_ms;
    if (by_ms <= 0)
        return;
    int64_t width = trigger_width_ms(terms);
    int64_t moved = state->bucket - now_unix_ms / width;
    for (int64_t i = 0; moved > 0 && i <= TRIGGER_BUCKETS && before.bucket >= i; i++)
        if (before.bucket - i - moved >= 0)
            *trigger_bucket_at(state, before.bucket - i - moved) =
                *trigger_bucket_at(&before, before.bucket - i);
    state->bucket -= moved > 0 ? moved : 0;
    state->hour = now_unix_ms / TRIGGER_HOUR_MS;
    state->last_unix_ms = now_unix_ms;
    trigger_move_time(&state->next_since_unix_ms, by_ms);
    trigger_move_time(&state->rising_unix_ms, by_ms);
    trigger_move_time(&state->normal_since_unix_ms, by_ms);
}

/* ---- another definition ---- */

void trigger_replay(struct trigger_state *state, const struct trigger_terms *terms,
                    const struct trigger_event *event)
{
    struct trigger_answer answer;
    trigger_step(state, terms, event, &answer);
    if (state->level == TRIGGER_TRIPPED)
        state->level = terms->statistic == TRIGGER_SHARE ? TRIGGER_WARNED : TRIGGER_NORMAL;
}

static bool trigger_has_window(enum trigger_statistic statistic)
{
    return statistic == TRIGGER_SHARE_IN || statistic == TRIGGER_COUNT ||
           statistic == TRIGGER_BUSIEST;
}

static void trigger_rebuild_window(struct trigger_state *state, const struct trigger_terms *terms,
                                   const struct trigger_former *former)
{
    const struct trigger_terms were = {.window_ms = former->window_ms};
    const struct trigger_state *old = former->state;
    bool was_share = former->statistic == TRIGGER_SHARE_IN;
    bool is_share = terms->statistic == TRIGGER_SHARE_IN;
    if (!trigger_has_window(former->statistic) || (is_share && !was_share))
        return; /* of a count only the bad ones are known */
    int64_t first = old->bucket < TRIGGER_BUCKETS ? 0 : old->bucket - TRIGGER_BUCKETS;
    for (int64_t number = first; number <= old->bucket; number++) {
        const struct trigger_bucket *bucket = &old->buckets[number % (TRIGGER_BUCKETS + 1)];
        int64_t at = (number + 1) * trigger_width_ms(&were) - 1; /* at the latest */
        int64_t into =
            (at < state->last_unix_ms ? at : state->last_unix_ms) / trigger_width_ms(terms);
        if (into < state->bucket - TRIGGER_BUCKETS)
            continue;
        struct trigger_bucket *to = trigger_bucket_at(state, into);
        to->amount = trigger_sum(to->amount, was_share && !is_share ? bucket->bad : bucket->amount);
        to->bad += is_share ? bucket->bad : 0;
    }
    state->hour = old->hour;
    state->hour_amount = old->hour_amount;
    state->busiest = old->busiest;
}

static void trigger_rebuild_test(struct trigger_state *state, const struct trigger_terms *terms,
                                 const struct trigger_former *former)
{
    const struct trigger_state *old = former->state;
    if (former->statistic != TRIGGER_SHARE_IN && former->statistic != TRIGGER_SHARE &&
        former->statistic != TRIGGER_RISE)
        return;
    bool is_whole = old->samples <= old->recent_count && !former->is_restarted;
    if (is_whole) {
        state->s_micro = 0;
        state->level = TRIGGER_NORMAL;
    }
    for (int64_t i = old->recent_count - 1; i >= 0; i--) {
        struct trigger_event event = {.kind = TRIGGER_SAMPLE,
                                      .is_bad = (old->recent[i / 64] >> (i % 64) & 1) != 0};
        trigger_replay(state, terms, &event);
    }
    state->samples = old->samples;
}

void trigger_rebuild(struct trigger_state *state, const struct trigger_terms *terms,
                     const struct trigger_former *former, int64_t now_unix_ms)
{
    const struct trigger_state *old = former->state;
    bool was_same = former->statistic == terms->statistic;
    *state = was_same ? *old : (struct trigger_state){.next_since_unix_ms = now_unix_ms};
    state->last_unix_ms = now_unix_ms > old->last_unix_ms ? now_unix_ms : old->last_unix_ms;
    trigger_restart(state, terms, state->last_unix_ms);
    state->is_known_over = was_same && terms->is_standing && old->is_known_over;
    state->known_value = state->is_known_over ? old->known_value : 0;
    if (trigger_has_window(terms->statistic)) {
        state->bucket = state->last_unix_ms / trigger_width_ms(terms);
        trigger_rebuild_window(state, terms, former);
    } else if (terms->statistic == TRIGGER_SHARE) {
        trigger_rebuild_test(state, terms, former);
    }
}

int64_t repeat_count(const struct repeat_state *state, int64_t window_ms, int64_t since_unix_ms,
                     int64_t now_unix_ms)
{
    int64_t count = 0;
    while (count < TRIGGER_REPEATS && state->starts_unix_ms[count] > since_unix_ms &&
           now_unix_ms - state->starts_unix_ms[count] < window_ms)
        count++;
    return count;
}

void repeat_add(struct repeat_state *state, int64_t now_unix_ms)
{
    memmove(state->starts_unix_ms + 1, state->starts_unix_ms,
            (TRIGGER_REPEATS - 1) * sizeof *state->starts_unix_ms);
    state->starts_unix_ms[0] = now_unix_ms;
}

const char *trigger_move_name(enum trigger_move move)
{
    static const char *const names[] = {
        [MOVE_STOPPED] = "stopped", [MOVE_FALLBACK] = "fallback", [MOVE_REVIEW] = "review",
        [MOVE_CAUTION] = "caution", [MOVE_ALERT] = "alert",
    };
    CHECK((unsigned)move < sizeof names / sizeof *names);
    return names[move];
}
