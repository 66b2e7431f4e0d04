#include "core/breaker.h"

#include "base/check.h"
#include "base/prng.h"

void breaker_init(struct breaker *breaker, int64_t open_ms)
{
    *breaker = (struct breaker){.state = BREAKER_CLOSED, .open_ms = open_ms};
}

bool breaker_lets(const struct breaker *breaker, bool is_safe)
{
    switch (breaker->state) {
    case BREAKER_OPEN:
        return false;
    case BREAKER_HALF_OPEN:
        return !breaker->is_asking && (is_safe || breaker->has_contact); /* invariant 3 */
    case BREAKER_CLOSED:
        return true;
    case BREAKER_STATE_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

/* 30 s +- 20 %, doubled for each failed probe up to 5 min. */
static void breaker_open(struct breaker *breaker, int64_t now_unix_ms, uint64_t random)
{
    int64_t top = breaker->open_ms > BREAKER_OPEN_MAX_MS ? breaker->open_ms : BREAKER_OPEN_MAX_MS;
    int64_t wait = breaker->open_ms;
    for (int i = 0; i < breaker->failed_probes && wait < top; i++)
        wait *= 2;
    if (wait > top)
        wait = top;
    breaker->state = BREAKER_OPEN;
    breaker->until_unix_ms =
        now_unix_ms + wait * 8 / 10 + (int64_t)prng_scale(random, (uint64_t)(wait * 4 / 10) + 1);
    breaker->answers = 0;
    breaker->is_asking = false;
    breaker->has_contact = false;
}

bool breaker_wake(struct breaker *breaker, int64_t now_unix_ms)
{
    if (breaker->state != BREAKER_OPEN || now_unix_ms < breaker->until_unix_ms)
        return false; /* invariant 2 */
    breaker->state = BREAKER_HALF_OPEN;
    breaker->until_unix_ms = 0;
    breaker->answers = 0;
    breaker->is_asking = false;
    breaker->has_contact = false;
    return true;
}

void breaker_ask(struct breaker *breaker)
{
    CHECK(breaker->state == BREAKER_HALF_OPEN && !breaker->is_asking); /* invariant 3 */
    breaker->is_asking = true;
}

void breaker_reach(struct breaker *breaker)
{
    if (breaker->state != BREAKER_HALF_OPEN)
        return;
    breaker->is_asking = false;
    breaker->has_contact = true;
}

static void breaker_close(struct breaker *breaker, int64_t now_unix_ms)
{
    breaker->state = BREAKER_CLOSED;
    breaker->closed_unix_ms = now_unix_ms;
    breaker->until_unix_ms = 0;
    breaker->is_asking = false;
    breaker->has_contact = false;
    breaker->failures_in_row = 0;
    breaker->busy_in_row = 0;
    breaker->last_count = 0;
    breaker->last_next = 0;
}

bool breaker_asked(struct breaker *breaker, enum upstream_signal signal, int64_t now_unix_ms,
                   uint64_t random)
{
    if (breaker->state != BREAKER_HALF_OPEN)
        return false;
    breaker->is_asking = false;
    switch (signal) {
    case SIGNAL_NONE: /* it was not asked after all, or it said when to come back */
        return false;
    case SIGNAL_ANSWER:
        breaker->has_contact = true;
        if (++breaker->answers < BREAKER_CLOSE_AFTER)
            return false;
        breaker_close(breaker, now_unix_ms);
        return true;
    case SIGNAL_BUSY:
    case SIGNAL_FAILURE:
        breaker->failed_probes++;
        breaker_open(breaker, now_unix_ms, random);
        breaker->is_reopened = true;
        return true;
    }
    CHECK_UNREACHABLE();
}

static void breaker_note(struct breaker *breaker, bool is_failure, int64_t now_unix_ms)
{
    breaker->last[breaker->last_next] = (struct breaker_last){now_unix_ms, is_failure};
    breaker->last_next = (breaker->last_next + 1) % BREAKER_LAST;
    if (breaker->last_count < BREAKER_LAST)
        breaker->last_count++;
}

/* Half of the last ones, or more? */
static bool breaker_share(const struct breaker *breaker, int64_t now_unix_ms, int *out_failures,
                          int *out_of)
{
    *out_failures = 0;
    *out_of = 0;
    for (int i = 0; i < breaker->last_count; i++) {
        if (now_unix_ms - breaker->last[i].at_unix_ms > BREAKER_FORGET_MS)
            continue;
        ++*out_of;
        *out_failures += breaker->last[i].is_failure;
    }
    return *out_of >= BREAKER_LAST_MIN && *out_failures * 2 >= *out_of;
}

static bool breaker_must_open(struct breaker *breaker, int64_t now_unix_ms)
{
    breaker->cause_of = BREAKER_IN_ROW;
    if (breaker->failures_in_row >= BREAKER_IN_ROW) {
        breaker->cause = BREAKER_FOR_FAILURES;
        breaker->cause_count = breaker->failures_in_row;
        return true;
    }
    if (breaker->busy_in_row >= BREAKER_IN_ROW) {
        breaker->cause = BREAKER_FOR_BUSY;
        breaker->cause_count = breaker->busy_in_row;
        return true;
    }
    breaker->cause = BREAKER_FOR_SHARE;
    return breaker_share(breaker, now_unix_ms, &breaker->cause_count, &breaker->cause_of);
}

bool breaker_hear(struct breaker *breaker, enum upstream_signal signal, int64_t now_unix_ms,
                  uint64_t random)
{
    if (breaker->state != BREAKER_CLOSED || signal == SIGNAL_NONE)
        return false; /* it left before the breaker opened: old news */
    struct breaker before = *breaker;
    if (signal == SIGNAL_BUSY) {
        breaker->busy_in_row++;
    } else {
        breaker->busy_in_row = 0;
        breaker->failures_in_row = signal == SIGNAL_FAILURE ? breaker->failures_in_row + 1 : 0;
        breaker_note(breaker, signal == SIGNAL_FAILURE, now_unix_ms);
    }
    if (signal == SIGNAL_ANSWER || !breaker_must_open(breaker, now_unix_ms)) {
        breaker->cause = before.cause; /* of the last time it opened */
        breaker->cause_count = before.cause_count;
        breaker->cause_of = before.cause_of;
        return false;
    }
    bool is_calm =
        breaker->closed_unix_ms == 0 || now_unix_ms - breaker->closed_unix_ms >= BREAKER_FORGET_MS;
    if (is_calm)
        breaker->failed_probes = 0;
    breaker->opened_unix_ms = now_unix_ms;
    breaker->is_reopened = false;
    breaker_open(breaker, now_unix_ms, random);
    return true;
}

static const char *const breaker_states[BREAKER_STATE_COUNT] = {
    [BREAKER_OPEN] = "open",
    [BREAKER_HALF_OPEN] = "half_open",
    [BREAKER_CLOSED] = "closed",
};

static const char *const breaker_causes[BREAKER_CAUSE_COUNT] = {
    [BREAKER_FOR_UNKNOWN] = "unknown",
    [BREAKER_FOR_FAILURES] = "failures_in_row",
    [BREAKER_FOR_SHARE] = "failure_share",
    [BREAKER_FOR_BUSY] = "busy_in_row",
};

const char *breaker_state_name(enum breaker_state state)
{
    CHECK((unsigned)state < BREAKER_STATE_COUNT);
    return breaker_states[state];
}

const char *breaker_cause_name(enum breaker_cause cause)
{
    CHECK((unsigned)cause < BREAKER_CAUSE_COUNT);
    return breaker_causes[cause];
}

bool breaker_state_parse(struct slice name, enum breaker_state *out_state)
{
    for (unsigned i = 0; i < BREAKER_STATE_COUNT; i++)
        if (slice_is(name, breaker_states[i])) {
            *out_state = (enum breaker_state)i;
            return true;
        }
    return false;
}

bool breaker_cause_parse(struct slice name, enum breaker_cause *out_cause)
{
    for (unsigned i = 0; i < BREAKER_CAUSE_COUNT; i++)
        if (slice_is(name, breaker_causes[i])) {
            *out_cause = (enum breaker_cause)i;
            return true;
        }
    return false;
}
