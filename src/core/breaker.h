/* core/breaker.h - may an upstream be called, judged by what came back from it (semantics 3).
 * Owns: the state of one upstream's breaker. core/pace has its budget, core/rate its rate.
 * Invariants:
 *   1. Zero is BREAKER_OPEN: what is not known is not called.
 *   2. OPEN lets nothing through before until_unix_ms.
 *   3. HALF_OPEN has one call under way at most; a write that could be doubled is never the first.
 *   4. It opens at 5 failures in a row, at half of the last 20 (at least 10, none older than
 *      10 min), or at 5 busy answers in a row without Retry-After; 3 answers in a row close it. */
#pragma once
#include "core/outcome.h"

enum {
    BREAKER_IN_ROW = 5,
    BREAKER_LAST = 20,
    BREAKER_LAST_MIN = 10,
    BREAKER_CLOSE_AFTER = 3,
    BREAKER_OPEN_MS = 30000,
    BREAKER_OPEN_MAX_MS = 300000,
    BREAKER_FORGET_MS = 600000 /* an outcome's age; also how long closed until it is calm again */
};

enum breaker_state { BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_CLOSED, BREAKER_STATE_COUNT };

/* Why it opened. */
enum breaker_cause {
    BREAKER_FOR_UNKNOWN,
    BREAKER_FOR_FAILURES, /* in a row */
    BREAKER_FOR_SHARE,    /* of the last ones */
    BREAKER_FOR_BUSY,     /* in a row, without Retry-After */
    BREAKER_CAUSE_COUNT
};

struct breaker {
    enum breaker_state state;
    enum breaker_cause cause;
    int cause_count, cause_of; /* 5 of 5 in a row, 12 of the last 20 */
    int64_t open_ms;           /* how long it is open at first */
    int64_t opened_unix_ms;    /* when it left CLOSED; 0 = it never did */
    int64_t closed_unix_ms;    /* when it was closed again; 0 = it never opened */
    int64_t until_unix_ms;     /* OPEN: then it is asked */
    int failed_probes;         /* since it opened, and before that within BREAKER_FORGET_MS */
    bool is_reopened;          /* OPEN: by a failed probe */
    int answers;               /* HALF_OPEN: in a row */
    bool is_asking;            /* HALF_OPEN: the one call is under way */
    bool has_contact;          /* HALF_OPEN: it was reached, so a write may follow */
    int failures_in_row, busy_in_row; /* CLOSED */
    int last_count, last_next;
    struct breaker_last {
        int64_t at_unix_ms;
        bool is_failure;
    } last[BREAKER_LAST];
};

/* Closed. open_ms: the setting `breaker: { open }`, or BREAKER_OPEN_MS. */
void breaker_init(struct breaker *breaker, int64_t open_ms);
/* May a call go? is_safe: it is a read, or the upstream recognises its repeat. */
bool breaker_lets(const struct breaker *breaker, bool is_safe);
/* Its time is over: half-open from now on. True when that changed now. */
bool breaker_wake(struct breaker *breaker, int64_t now_unix_ms);
/* HALF_OPEN: the one call leaves. */
void breaker_ask(struct breaker *breaker);
/* HALF_OPEN: a connection was made and nothing was sent. */
void breaker_reach(struct breaker *breaker);
/* What came of the one call. True when the state changed. */
bool breaker_asked(struct breaker *breaker, enum upstream_signal signal, int64_t now_unix_ms,
                   uint64_t random);
/* What came of any other call; counts while closed. True when it opened. */
bool breaker_hear(struct breaker *breaker, enum upstream_signal signal, int64_t now_unix_ms,
                  uint64_t random);

const char *breaker_state_name(enum breaker_state state);
const char *breaker_cause_name(enum breaker_cause cause);
bool breaker_state_parse(struct slice name, enum breaker_state *out_state);
bool breaker_cause_parse(struct slice name, enum breaker_cause *out_cause);
