/* policy/when.h - days and times of day as configurations write them.
 * Owns: the spelling of weekdays and of times of day. */
#pragma once
#include "base/slice.h"

/* Mon, Mon-Fri, Fri-Mon, daily: bit 0 = Monday. */
bool when_parse_days(struct slice text, unsigned *out_weekdays);
/* HH:MM, 00:00 to 24:00. */
bool when_parse_time(struct slice text, int *out_minute_of_day);
