#include "policy/expr_time.h"

#include "base/text.h"

#define EXPR_TIME_MIN (-62135596800LL) /* 0001-01-01T00:00:00Z */
#define EXPR_TIME_MAX 253402300799LL   /* 9999-12-31T23:59:59Z */

bool expr_time_from_seconds(int64_t unix_seconds, struct expr_time *out)
{
    if (unix_seconds < EXPR_TIME_MIN || unix_seconds > EXPR_TIME_MAX)
        return false;
    *out = (struct expr_time){.unix_seconds = unix_seconds};
    return true;
}

struct expr_time expr_time_from_ms(int64_t unix_ms)
{
    int64_t seconds = unix_ms / 1000;
    int64_t ms = unix_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    return (struct expr_time){seconds, (int32_t)(ms * 1000000)};
}

/* Digits after the dot, up to nine; without them 0. */
static bool expr_time_take_nanos(struct slice *rest, int32_t *out_nanos)
{
    int32_t nanos = 0;
    size_t digits = 0;
    if (rest->size == 0 || rest->at[0] != '.')
        return true;
    *rest = slice_from(*rest, 1);
    while (digits < rest->size && rest->at[digits] >= '0' && rest->at[digits] <= '9') {
        if (digits == 9)
            return false;
        nanos = nanos * 10 + (rest->at[digits] - '0');
        digits++;
    }
    if (digits == 0)
        return false;
    *rest = slice_from(*rest, digits);
    for (; digits < 9; digits++)
        nanos *= 10;
    *out_nanos = nanos;
    return true;
}

bool expr_time_parse(struct slice text, struct expr_time *out)
{
    enum { DATE_AND_CLOCK = 19, WHOLE_MAX = 25 };
    /* base/text checks and converts a time of whole seconds; what it lets pass and RFC 3339 with
     * CEL does not are small letters and the leap second. */
    if (text.size <= DATE_AND_CLOCK || text.at[10] != 'T' || text.at[17] == '6')
        return false;
    struct slice rest = slice_from(text, DATE_AND_CLOCK);
    int32_t nanos = 0;
    if (!expr_time_take_nanos(&rest, &nanos) || rest.size == 0 || rest.at[0] == 'z' ||
        rest.size > WHOLE_MAX - DATE_AND_CLOCK)
        return false;
    char whole[WHOLE_MAX];
    memcpy(whole, text.at, DATE_AND_CLOCK);
    memcpy(whole + DATE_AND_CLOCK, rest.at, rest.size);
    int64_t unix_ms = 0;
    struct expr_time time;
    if (!text_parse_time(slice_of(whole, DATE_AND_CLOCK + rest.size), &unix_ms) ||
        !expr_time_from_seconds(unix_ms / 1000, &time))
        return false;
    time.nanos = nanos;
    *out = time;
    return true;
}

static const struct {
    const char *name;
    int64_t ns;
} expr_units[] = {{"ns", 1},
                  {"us", 1000},
                  {"ms", 1000000},
                  {"s", EXPR_SECOND_NS},
                  {"m", 60 * EXPR_SECOND_NS},
                  {"h", 3600 * EXPR_SECOND_NS}};

/* Takes "ms" before "m". */
static bool expr_duration_take_unit(struct slice *rest, int64_t *out_ns)
{
    for (size_t i = 0; i < sizeof expr_units / sizeof *expr_units; i++) {
        struct slice name = slice_text(expr_units[i].name);
        if (slice_starts(*rest, name)) {
            *rest = slice_from(*rest, name.size);
            *out_ns = expr_units[i].ns;
            return true;
        }
    }
    return false;
}

static size_t expr_duration_digits(struct slice text)
{
    size_t digits = 0;
    while (digits < text.size && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    return digits;
}

/* One number with a unit, as nanoseconds. Below zero is the caller's. */
static bool expr_duration_take(struct slice *rest, uint64_t *out_ns)
{
    size_t digits = expr_duration_digits(*rest);
    struct slice whole_text = slice_first(*rest, digits);
    *rest = slice_from(*rest, digits);
    struct slice fraction = {0};
    if (rest->size > 0 && rest->at[0] == '.') {
        *rest = slice_from(*rest, 1);
        fraction = slice_first(*rest, expr_duration_digits(*rest));
        *rest = slice_from(*rest, fraction.size);
    }
    uint64_t whole = 0;
    int64_t unit = 0;
    if (digits + fraction.size == 0 || !expr_duration_take_unit(rest, &unit) ||
        (digits > 0 && !slice_to_u64(whole_text, UINT64_MAX, &whole)) ||
        __builtin_mul_overflow(whole, (uint64_t)unit, &whole))
        return false;
    /* From the last digit to the first: rounding down at each step is rounding down once. */
    uint64_t part = 0;
    for (size_t i = fraction.size; i > 0; i--)
        part = (part + (uint64_t)(fraction.at[i - 1] - '0') * (uint64_t)unit) / 10;
    return !__builtin_add_overflow(whole, part, out_ns);
}

bool expr_duration_parse(struct slice text, int64_t *out_ns)
{
    bool is_negative = text.size > 0 && text.at[0] == '-';
    if (text.size > 0 && (is_negative || text.at[0] == '+'))
        text = slice_from(text, 1);
    if (text.size == 0)
        return false;
    uint64_t total = 0;
    if (!slice_is(text, "0"))
        while (text.size > 0) {
            uint64_t ns = 0;
            if (!expr_duration_take(&text, &ns) || __builtin_add_overflow(total, ns, &total))
                return false;
        }
    if (total > (uint64_t)INT64_MAX + is_negative)
        return false;
    *out_ns = is_negative ? (int64_t)(0 - total) : (int64_t)total;
    return true;
}

bool expr_time_shift(struct expr_time time, int64_t duration_ns, bool is_minus,
                     struct expr_time *out)
{
    int64_t sign = is_minus ? -1 : 1; /* of the parts: the smallest duration has no negative */
    int64_t seconds = time.unix_seconds + sign * (duration_ns / EXPR_SECOND_NS);
    int64_t nanos = time.nanos + sign * (duration_ns % EXPR_SECOND_NS);
    if (nanos < 0) {
        nanos += EXPR_SECOND_NS;
        seconds--;
    } else if (nanos >= EXPR_SECOND_NS) {
        nanos -= EXPR_SECOND_NS;
        seconds++;
    }
    struct expr_time sum;
    if (!expr_time_from_seconds(seconds, &sum))
        return false;
    sum.nanos = (int32_t)nanos;
    *out = sum;
    return true;
}

bool expr_time_subtract(struct expr_time a, struct expr_time b, int64_t *out_ns)
{
    int64_t ns = 0;
    if (__builtin_mul_overflow(a.unix_seconds - b.unix_seconds, EXPR_SECOND_NS, &ns))
        return false;
    return !__builtin_add_overflow(ns, (int64_t)a.nanos - b.nanos, out_ns);
}

/* ".5" for 500000000; nothing for 0. */
static void expr_time_add_nanos(struct buf *out, int64_t nanos)
{
    if (nanos == 0)
        return;
    size_t digits = 9;
    while (nanos % 10 == 0) {
        nanos /= 10;
        digits--;
    }
    buf_add_fmt(out, ".%0*lld", (int)digits, (long long)nanos);
}

void expr_time_add_text(struct buf *out, struct expr_time time)
{
    struct civil c = text_civil(time.unix_seconds * 1000);
    buf_add_fmt(out, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
                c.second);
    expr_time_add_nanos(out, time.nanos);
    buf_add_byte(out, 'Z');
}

void expr_duration_add_text(struct buf *out, int64_t duration_ns)
{
    uint64_t ns = duration_ns < 0 ? 0 - (uint64_t)duration_ns : (uint64_t)duration_ns;
    if (duration_ns < 0)
        buf_add_byte(out, '-');
    buf_add_u64(out, ns / (uint64_t)EXPR_SECOND_NS);
    expr_time_add_nanos(out, (int64_t)(ns % (uint64_t)EXPR_SECOND_NS));
    buf_add_byte(out, 's');
}

bool expr_zone_parse(struct slice text, int64_t *out_seconds)
{
    if (slice_is(text, "UTC")) {
        *out_seconds = 0;
        return true;
    }
    bool is_negative = text.size > 0 && text.at[0] == '-';
    if (text.size == 6 && (is_negative || text.at[0] == '+'))
        text = slice_from(text, 1);
    uint64_t hours = 0;
    uint64_t minutes = 0;
    if (text.size != 5 || text.at[2] != ':' || !slice_to_u64(slice_first(text, 2), 23, &hours) ||
        !slice_to_u64(slice_from(text, 3), 59, &minutes))
        return false;
    int64_t seconds = (int64_t)(hours * 3600 + minutes * 60);
    *out_seconds = is_negative ? -seconds : seconds;
    return true;
}

static int64_t expr_time_day_of_year(const struct civil *c)
{
    struct civil first = {.year = c->year, .month = 1, .day = 1};
    struct civil today = {.year = c->year, .month = c->month, .day = c->day};
    return (text_civil_ms(&today) - text_civil_ms(&first)) / 86400000;
}

int64_t expr_time_part(struct expr_time time, int64_t zone_seconds, enum expr_part part)
{
    struct civil c = text_civil((time.unix_seconds + zone_seconds) * 1000);
    switch (part) {
    case EXPR_PART_YEAR:
        return c.year;
    case EXPR_PART_MONTH:
        return c.month - 1;
    case EXPR_PART_DATE:
        return c.day;
    case EXPR_PART_DAY_OF_MONTH:
        return c.day - 1;
    case EXPR_PART_DAY_OF_WEEK:
        return c.weekday;
    case EXPR_PART_DAY_OF_YEAR:
        return expr_time_day_of_year(&c);
    case EXPR_PART_HOURS:
        return c.hour;
    case EXPR_PART_MINUTES:
        return c.minute;
    case EXPR_PART_SECONDS:
        return c.second;
    case EXPR_PART_MILLISECONDS:
        break;
    }
    return time.nanos / 1000000;
}

int64_t expr_duration_part(int64_t duration_ns, enum expr_part part)
{
    int64_t seconds = duration_ns / EXPR_SECOND_NS;
    if (part == EXPR_PART_HOURS)
        return seconds / 3600;
    if (part == EXPR_PART_MINUTES)
        return seconds / 60;
    if (part == EXPR_PART_SECONDS)
        return seconds;
    return duration_ns % EXPR_SECOND_NS / 1000000;
}
