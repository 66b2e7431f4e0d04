#include "base/calendar.h"

enum { CALENDAR_MINUTES = 24 * 60, CALENDAR_DAYS_MAX = 3660 };
enum { CALENDAR_MORNING = 9 * 60, CALENDAR_TURN_DAYS = 100 };
static const int64_t calendar_minute_ms = 60000;
static const int64_t calendar_day_ms = INT64_C(86400000);

static int64_t calendar_offset(const struct calendar *calendar, int64_t unix_ms)
{
    return calendar->utc_offset_ms ? calendar->utc_offset_ms(calendar->impl, unix_ms) : 0;
}

/* The first instant in (from, to] with another offset than at `from`. */
static int64_t calendar_change(const struct calendar *calendar, int64_t from, int64_t to)
{
    int64_t before = calendar_offset(calendar, from);
    while (to - from > 1) {
        int64_t middle = from + (to - from) / 2;
        if (calendar_offset(calendar, middle) == before)
            from = middle;
        else
            to = middle;
    }
    return to;
}

int64_t calendar_unix_ms(const struct calendar *calendar, int64_t local_ms)
{
    int64_t from = local_ms - calendar_day_ms;
    int64_t to = local_ms + calendar_day_ms;
    int64_t before = calendar_offset(calendar, from);
    int64_t after = calendar_offset(calendar, to);
    int64_t first = local_ms - before;
    if (before == after || calendar_offset(calendar, first) == before)
        return first; /* also the first of a doubled one */
    if (calendar_offset(calendar, local_ms - after) == after)
        return local_ms - after;
    return calendar_change(calendar, from, to); /* left out */
}

/* Is a minute of the day within the hours of that weekday (0 = Monday)? */
static bool calendar_is_open(const struct calendar *calendar, unsigned weekday, int minute)
{
    for (size_t i = 0; i < calendar->span_count; i++) {
        const struct calendar_span *span = &calendar->spans[i];
        if ((span->weekdays >> weekday & 1) && span->from_minute <= minute &&
            minute < span->to_minute)
            return true;
    }
    return false;
}

/* The next minute of the day, from `minute` on, at which it is open (or is not); 24:00 without. */
static int calendar_next(const struct calendar *calendar, unsigned weekday, int minute,
                         bool is_open)
{
    while (minute < CALENDAR_MINUTES && calendar_is_open(calendar, weekday, minute) != is_open)
        minute++;
    return minute;
}

/* One day: takes what it has open after *at off *rest. true: *at is when the rest was used up. */
static bool calendar_spend(const struct calendar *calendar, int64_t day, int64_t *at, int64_t *rest)
{
    unsigned weekday = (unsigned)((day % 7 + 7 + 3) % 7); /* 1970-01-01 was a Thursday */
    int minute = 0;
    while (minute < CALENDAR_MINUTES) {
        int opens = calendar_next(calendar, weekday, minute, true);
        int closes = calendar_next(calendar, weekday, opens, false);
        minute = closes;
        if (opens == CALENDAR_MINUTES)
            return false;
        int64_t from =
            calendar_unix_ms(calendar, day * calendar_day_ms + opens * calendar_minute_ms);
        int64_t to =
            calendar_unix_ms(calendar, day * calendar_day_ms + closes * calendar_minute_ms);
        if (to <= *at)
            continue;
        if (from > *at)
            *at = from;
        if (*rest <= to - *at) {
            *at += *rest;
            return true;
        }
        *rest -= to - *at;
        *at = to;
    }
    return false;
}

static int64_t calendar_day_of(const struct calendar *calendar, int64_t unix_ms)
{
    int64_t local = unix_ms + calendar_offset(calendar, unix_ms);
    return (local - (local % calendar_day_ms + calendar_day_ms) % calendar_day_ms) /
           calendar_day_ms;
}

int64_t calendar_due(const struct calendar *calendar, int64_t start_unix_ms, int64_t due_ms)
{
    int64_t at = start_unix_ms;
    int64_t rest = due_ms;
    int64_t day = calendar_day_of(calendar, start_unix_ms);
    for (int i = 0; calendar->span_count > 0 && i < CALENDAR_DAYS_MAX; i++)
        if (calendar_spend(calendar, day + i, &at, &rest))
            return at;
    return start_unix_ms + due_ms;
}

/* ---- days, weeks, months ---- */

static unsigned calendar_weekday(int64_t day)
{
    return (unsigned)((day % 7 + 7 + 3) % 7); /* 1970-01-01 was a Thursday */
}

/* The first minute of that day at which it is open; -1: it is not. */
static int calendar_opens(const struct calendar *calendar, int64_t day)
{
    if (calendar->span_count == 0)
        return CALENDAR_MORNING;
    int minute = calendar_next(calendar, calendar_weekday(day), 0, true);
    return minute < CALENDAR_MINUTES ? minute : -1;
}

/* Of the Gregorian calendar, from 1 on. Years begin in March: the leap day is their last. */
static int64_t calendar_day_of_month(int64_t day)
{
    int64_t since_0000 = day + 719468;
    int64_t of_era = since_0000 % 146097; /* 400 years */
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    return of_year - (153 * ((5 * of_year + 2) / 153) + 2) / 5 + 1;
}

static int64_t calendar_first_day(enum calendar_turn turn, int64_t day)
{
    switch (turn) {
    case CALENDAR_WEEK:
        return day - calendar_weekday(day);
    case CALENDAR_MONTH:
        return day - calendar_day_of_month(day) + 1;
    case CALENDAR_DAY:
    case CALENDAR_NEVER:
        break;
    }
    return day;
}

int64_t calendar_turned(const struct calendar *calendar, enum calendar_turn turn,
                        int64_t now_unix_ms)
{
    int64_t local = now_unix_ms + calendar_offset(calendar, now_unix_ms);
    int64_t today = local / calendar_day_ms;
    for (int64_t day = today; turn != CALENDAR_NEVER && day > today - CALENDAR_TURN_DAYS; day--) {
        int minute = calendar_opens(calendar, day);
        int64_t before = calendar_first_day(turn, day);
        while (before < day && calendar_opens(calendar, before) < 0)
            before++;
        if (minute < 0 || before < day)
            continue;
        int64_t at =
            calendar_unix_ms(calendar, day * calendar_day_ms + minute * calendar_minute_ms);
        if (at <= now_unix_ms)
            return at;
    }
    return 0;
}
