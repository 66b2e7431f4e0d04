/* record/trip_text.h - what a trigger saw, in a sentence for people, and what it watches.
 * Owns: the words "9 of the last 38 audited were wrong, limit 10 %". Pure. */
#pragma once
#include "base/buf.h"
#include "policy/types.h"

/* The numbers of a crossing. Zero: nothing of the kind. */
struct trip {
    enum signal signal;
    enum trigger_move move;
    struct slice argument; /* of sum, repeat, posted, as written */
    struct slice risk;     /* the class that it is for; empty = any */
    bool is_share;         /* observed of total, against millionths */
    bool is_rise;          /* limit is what is usual, in millionths */
    bool is_in_window;     /* a share: of the window, not of the last samples */
    bool is_before;        /* it would have been so by a start, which did not happen */
    bool is_duration;      /* overdue: times, not a count */
    int64_t observed, total, limit, window_ms;
    int64_t late_ms; /* latency: what counts as late */
    int64_t known;   /* so much there was after the last restart; 0 = it is news */
};

/* "9 of the last 38 audited were wrong, limit 10 %" */
void trip_text_add(const struct trip *trip, struct buf *out);
/* "signal=misclassified to=fallback is_share=1 observed=9 of=38 limit=100000": as a record has it.
 * What is zero is left out; `argument` is last and goes to the end. */
void trip_encode(const struct trip *trip, struct buf *out);
/* Words that this version does not know are skipped. The slices point into text. */
void trip_decode(struct slice text, struct trip *out);
/* What it watches: "more than 10 % of the audited were wrong". */
void trip_text_add_condition(const struct trigger *trigger, struct buf *out);
/* What a trigger watches and how it was tuned: "stopped when more than 5 in 1 h are uncertain
 * (step send_reminder)". */
void trip_text_add_watch(const struct trigger *trigger, struct buf *out);
