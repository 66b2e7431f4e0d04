/* base/calendar.h - due times that count opening hours of a time zone.
 * Owns: the arithmetic. The zone's rules come from the shell; there is no clock here. Pure.
 * Invariants (R29):
 *   1. A time of day that a change of the clocks leaves out is the first instant after it; one
 *      that comes twice is the first.
 *   2. A due time is never before its start, and 1 d is 24 h: of opening hours, where there are
 *      some. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Open on these days, from a minute of the day to another, at most 24:00. */
struct calendar_span {
    unsigned weekdays; /* bit 0 = Monday */
    int from_minute, to_minute;
};
struct calendar {
    const struct calendar_span *spans; /* those that touch or overlap count once */
    size_t span_count;                 /* 0 = always open */
    void *impl;
    int64_t (*utc_offset_ms)(void *impl, int64_t unix_ms); /* NULL: UTC */
};

/* What begins again and again. */
enum calendar_turn { CALENDAR_NEVER, CALENDAR_DAY, CALENDAR_WEEK, CALENDAR_MONTH };

/* The instant of a local time, given as if it were UTC. */
int64_t calendar_unix_ms(const struct calendar *calendar, int64_t local_ms);
/* start, and due_ms of opening hours later. Where it never opens, or not for years: by the clock.
 */
int64_t calendar_due(const struct calendar *calendar, int64_t start_unix_ms, int64_t due_ms);
/* When the newest day, week or month began for people, at or before now: it first opens then; where
 * it is always open, at 09:00 of its first day. 0: it has not opened for a hundred days. */
int64_t calendar_turned(const struct calendar *calendar, enum calendar_turn turn,
                        int64_t now_unix_ms);
