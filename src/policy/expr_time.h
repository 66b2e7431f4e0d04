/* policy/expr_time.h - timestamps and durations of expressions, to the nanosecond, in UTC.
 * Owns: their texts (RFC 3339; "1h30m"), their arithmetic and their calendar.
 * Invariants:
 *   1. A timestamp lies in the years 0001 to 9999; a duration fits an int64 of nanoseconds (about
 *      290 years): the ranges of the specification.
 *   2. out is untouched on false. Zones are UTC or a fixed offset; names of zones need files that a
 *      pure function may not read. */
#pragma once
#include "policy/expr.h"

#define EXPR_SECOND_NS 1000000000LL

/* RFC 3339 with up to 9 digits of a second. */
bool expr_time_parse(struct slice text, struct expr_time *out);
/* "1h34m5.5s", "-1.5h", "0": units h m s ms us ns. */
bool expr_duration_parse(struct slice text, int64_t *out_ns);
bool expr_time_from_seconds(int64_t unix_seconds, struct expr_time *out);
struct expr_time expr_time_from_ms(int64_t unix_ms);
/* Later, or with is_minus earlier. false: out of range. */
bool expr_time_shift(struct expr_time time, int64_t duration_ns, bool is_minus,
                     struct expr_time *out);
bool expr_time_subtract(struct expr_time a, struct expr_time b, int64_t *out_ns);
/* In UTC, with as many digits of a second as there are. */
void expr_time_add_text(struct buf *out, struct expr_time time);
/* Seconds and "s": "60.001s". */
void expr_duration_add_text(struct buf *out, int64_t duration_ns);

/* "UTC", "+02:00", "-09:30", "02:00". */
bool expr_zone_parse(struct slice text, int64_t *out_seconds);
enum expr_part {
    EXPR_PART_YEAR,
    EXPR_PART_MONTH,        /* from 0 */
    EXPR_PART_DATE,         /* day of the month from 1 */
    EXPR_PART_DAY_OF_MONTH, /* from 0 */
    EXPR_PART_DAY_OF_WEEK,  /* Sunday 0 */
    EXPR_PART_DAY_OF_YEAR,  /* from 0 */
    EXPR_PART_HOURS,
    EXPR_PART_MINUTES,
    EXPR_PART_SECONDS,
    EXPR_PART_MILLISECONDS
};
int64_t expr_time_part(struct expr_time time, int64_t zone_seconds, enum expr_part part);
/* Hours, minutes, seconds: the whole duration in that unit. Milliseconds: of its second. */
int64_t expr_duration_part(int64_t duration_ns, enum expr_part part);
