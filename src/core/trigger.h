/* core/trigger.h - has a signal crossed its limit?
 * Owns: the statistic of each kind of trigger, its state, and the numbers that a trip is told by.
 *   docs/triggers.md says why these statistics; semantics of a sequential test: Page 1954 (CUSUM),
 *   Lorden 1971 (a false trip comes no sooner than every e^h samples), Lucas and Crosier 1982 (a
 *   restart begins at half of h).
 * Invariants:
 *   I13 a start is tested before it happens (trigger_exceeds), and one that would exceed is not
 *       counted: TRIGGER_START tests and counts in one call, TRIGGER_AMOUNT counts what happens.
 *   1.  State is whole numbers: the same events give the same state everywhere.
 *   2.  Nothing trips on fewer samples than `floor`, and never twice: what has tripped is silent
 *       until trigger_restart(), or, for caution and alert, until it has been normal for
 *       TRIGGER_CLEAR_MS.
 *   3.  Time that goes back counts as no time.
 *   4.  A restart that left a standing level over its limit is not undone by what people knew: it
 *       trips once it has been normal, or is worse by half than after that restart. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    TRIGGER_MILLION = 1000000, /* shares are parts of a million */
    TRIGGER_BUCKETS = 60,      /* of one window; the oldest counts whole: careful by a sixtieth */
    TRIGGER_RECENT = 100,      /* samples that people are told about */
    TRIGGER_FLOOR = 20,        /* samples before a share may trip */
    TRIGGER_BASELINE = 200,    /* samples that make a baseline */
    TRIGGER_BUSIEST_TIMES = 5, /* volume: so many times the busiest hour seen */
    TRIGGER_REPEATS = 32,      /* the largest limit of `repeat` */
    TRIGGER_CLEAR_MS = 30 * 60 * 1000
};

/* Thresholds h of the sequential test, in millionths of a nat (`sensitivity`). */
#define TRIGGER_H_QUICK 4605170    /* ln 100 */
#define TRIGGER_H_NORMAL 6907755   /* ln 1000 */
#define TRIGGER_H_CALM 9210340     /* ln 10000 */
#define TRIGGER_H_CALMER 11512925  /* ln 100000 and */
#define TRIGGER_H_CALMEST 13815511 /* ln 1000000: RISE, which has no fixed limit */

enum trigger_statistic {
    TRIGGER_NONE,
    TRIGGER_SHARE,    /* yes/no samples: a sequential test from the limit to twice the limit */
    TRIGGER_SHARE_IN, /* yes/no samples of a window: surely above the limit (Wilson, 99.9 %) */
    TRIGGER_RISE,     /* yes/no samples: a sequential test from their own baseline to half more */
    TRIGGER_COUNT,    /* amounts of a window */
    TRIGGER_BUSIEST,  /* the same, for a limit that grows with the busiest hour seen */
    TRIGGER_LEVEL     /* a value as it is now */
};

/* Where a trip moves the switch. Zero is the careful one. */
enum trigger_move { MOVE_STOPPED, MOVE_FALLBACK, MOVE_REVIEW, MOVE_CAUTION, MOVE_ALERT };

struct trigger_terms {
    enum trigger_statistic statistic;
    enum trigger_move move;
    int64_t limit;     /* SHARE, SHARE_IN: millionths. Else units of the signal: a count, ms, or
                          millionths of a sum. BUSIEST: the least limit */
    int64_t window_ms; /* SHARE_IN, COUNT, BUSIEST */
    int64_t h_micro;   /* SHARE, RISE */
    bool is_standing;  /* LEVEL: what it counts is still there after a restart */
};

enum trigger_level { TRIGGER_NORMAL, TRIGGER_WARNED, TRIGGER_TRIPPED };

struct trigger_bucket {
    int64_t amount; /* SHARE_IN: samples */
    int64_t bad;
};

struct trigger_state {
    enum trigger_level level;
    int64_t s_micro;    /* of the sequential test, 0 .. h */
    int64_t samples;    /* since the last restart */
    uint64_t recent[2]; /* the last TRIGGER_RECENT samples, bit 0 the newest; 1 = bad */
    int64_t recent_count;
    int64_t bucket; /* number of the newest one: unix ms / its width */
    struct trigger_bucket buckets[TRIGGER_BUCKETS + 1]; /* ring by number */
    int64_t value;                                      /* LEVEL: the last one */
    bool is_known_over;  /* LEVEL, standing: over at the last restart, and not normal since */
    int64_t known_value; /* and so much after it; 0 = not seen yet */
    int64_t baseline_total, baseline_bad;             /* RISE: in force; 0 = none yet */
    int64_t next_total, next_bad, next_since_unix_ms; /* RISE: the one being measured */
    int64_t hour, hour_amount, busiest;               /* BUSIEST */
    int64_t rising_unix_ms;       /* of the sequential test: when its sum left zero last */
    int64_t normal_since_unix_ms; /* tripped to caution or alert: normal since; 0 = it is not */
    int64_t last_unix_ms;
};

enum trigger_event_kind {
    TRIGGER_SAMPLE, /* is_bad */
    TRIGGER_AMOUNT, /* amount: it has happened */
    TRIGGER_START,  /* amount: it is about to happen, unless must_not_start */
    TRIGGER_VALUE,  /* amount: as it is now */
    TRIGGER_TICK    /* time has passed */
};
struct trigger_event {
    enum trigger_event_kind kind;
    int64_t now_unix_ms;
    bool is_bad;
    bool is_ramping; /* VALUE: a restart under way holds work back, so that it grows */
    int64_t amount;
};

struct trigger_answer {
    bool is_crossing;    /* it trips by this event */
    bool must_not_start; /* START: it would exceed, and was not counted (not for an alert) */
    bool is_warning;     /* SHARE: at a fifth of h; audit draws are all taken from here on (R21) */
    bool is_warning_over;
    bool is_clearing; /* caution, alert: normal for TRIGGER_CLEAR_MS */
    bool is_share;    /* observed of total, against limit in millionths; else observed alone */
    int64_t observed, total, limit;
    int64_t known; /* a standing level: so much there was after the restart; 0 = it is news */
    /* Since when there is trouble, as far as it can be told: a sequential test since its sum left
     * zero; a window since the first bad one in it, to a bucket. 0 = of a level nobody knows. */
    int64_t began_unix_ms;
};

void trigger_init(struct trigger_state *state, int64_t now_unix_ms);
/* An approved restart: windows begin anew, sequential tests at half of h (R22). */
void trigger_restart(struct trigger_state *state, const struct trigger_terms *terms,
                     int64_t now_unix_ms);
void trigger_step(struct trigger_state *state, const struct trigger_terms *terms,
                  const struct trigger_event *event, struct trigger_answer *out_answer);
/* SHARE_IN: a bad sample of that time was none after all (R21). */
void trigger_take_back(struct trigger_state *state, const struct trigger_terms *terms,
                       int64_t at_unix_ms);
/* What an event of the past has counted, without a trip by it: the next event trips (R22). */
void trigger_replay(struct trigger_state *state, const struct trigger_terms *terms,
                    const struct trigger_event *event);
/* At a start whose clock was put back: what it has counted is as old as it was before (R29). */
void trigger_set_back(struct trigger_state *state, const struct trigger_terms *terms,
                      int64_t now_unix_ms);
/* Its definition has changed: a state for these terms from what the former one has counted of the
 * same things. Windows keep what is in them, each bucket as late as it may be; a test of a share
 * takes the last TRIGGER_RECENT samples, from half of h unless they are all since its beginning. */
struct trigger_former {
    const struct trigger_state *state;
    enum trigger_statistic statistic;
    int64_t window_ms;
    bool is_restarted;
};
void trigger_rebuild(struct trigger_state *state, const struct trigger_terms *terms,
                     const struct trigger_former *former, int64_t now_unix_ms);

/* LEVEL: above which value it trips. What people knew when they let it run again is no news. */
int64_t trigger_most(const struct trigger_state *state, const struct trigger_terms *terms);

/* I13: would this start exceed the limit? Nothing is counted. Never for an alert, nor for what has
 * tripped already: then the position decides. */
bool trigger_exceeds(struct trigger_state *state, const struct trigger_terms *terms,
                     int64_t now_unix_ms, int64_t amount);

/* Starts towards one recipient (`repeat`). */
struct repeat_state {
    int64_t starts_unix_ms[TRIGGER_REPEATS]; /* newest first; 0 = none */
};
/* Starts within the window before now, after since (the last restart; 0 = none). */
int64_t repeat_count(const struct repeat_state *state, int64_t window_ms, int64_t since_unix_ms,
                     int64_t now_unix_ms);
void repeat_add(struct repeat_state *state, int64_t now_unix_ms);

const char *trigger_move_name(enum trigger_move move);
