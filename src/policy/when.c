#include "policy/when.h"

enum { WHEN_DAYS = 7 };

static int when_day(struct slice text)
{
    static const char *const days[WHEN_DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (int i = 0; i < WHEN_DAYS; i++)
        if (slice_is(text, days[i]))
            return i;
    return -1;
}

bool when_parse_days(struct slice text, unsigned *out_weekdays)
{
    if (slice_is(text, "daily")) {
        *out_weekdays = (1U << WHEN_DAYS) - 1;
        return true;
    }
    size_t dash = slice_find(text, '-');
    int first = when_day(slice_first(text, dash));
    int last = dash == text.size ? first : when_day(slice_from(text, dash + 1));
    if (first < 0 || last < 0)
        return false;
    unsigned weekdays = 0;
    for (int day = first; day != last; day = (day + 1) % WHEN_DAYS)
        weekdays |= 1U << day;
    *out_weekdays = weekdays | 1U << last;
    return true;
}

bool when_parse_time(struct slice text, int *out_minute_of_day)
{
    uint64_t hour = 0, minute = 0;
    bool is_time = text.size == 5 && text.at[2] == ':' &&
                   slice_to_u64(slice_first(text, 2), 24, &hour) &&
                   slice_to_u64(slice_from(text, 3), 59, &minute) && hour * 60 + minute <= 24 * 60;
    if (is_time)
        *out_minute_of_day = (int)(hour * 60 + minute);
    return is_time;
}
