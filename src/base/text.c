#include "base/text.h"

#include "base/check.h"

size_t text_utf8_decode(struct slice s, uint32_t *out_code)
{
    if (s.size == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)s.at;
    if (p[0] < 0x80) {
        *out_code = p[0];
        return 1;
    }
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || s.size < size)
        return 0;
    uint32_t code = p[0] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3fU);
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < smallest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *out_code = code;
    return size;
}

size_t text_utf8_size(struct slice s)
{
    uint32_t code = 0;
    return text_utf8_decode(s, &code);
}

bool text_is_utf8(struct slice s)
{
    while (s.size > 0) {
        size_t size = text_utf8_size(s);
        if (size == 0)
            return false;
        s = slice_from(s, size);
    }
    return true;
}

size_t text_utf8_count(struct slice s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.size; i++)
        count += ((unsigned char)s.at[i] & 0xc0) != 0x80;
    return count;
}

void text_add_hex(struct buf *out, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char chunk[64]; /* whole digests at once: records are full of them */
    size_t size = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        chunk[size++] = digits[byte >> 4];
        chunk[size++] = digits[byte & 15];
        if (size == sizeof chunk || i + 1 == bytes.size) {
            buf_add(out, slice_of(chunk, size));
            size = 0;
        }
    }
}

int text_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_parse_hex(struct slice s, void *out_bytes, size_t size)
{
    if (s.size != size * 2)
        return false;
    for (size_t i = 0; i < s.size; i++)
        if (text_hex_digit(s.at[i]) < 0)
            return false;
    unsigned char *out = out_bytes;
    for (size_t i = 0; i < size; i++)
        out[i] =
            (unsigned char)(text_hex_digit(s.at[2 * i]) << 4 | text_hex_digit(s.at[2 * i + 1]));
    return true;
}

/* Digits of `bits` each, most significant first; RFC 4648 sections 4 and 6. */
static void text_add_radix(struct buf *out, struct slice bytes, const char *digits, unsigned bits)
{
    uint32_t window = 0;
    unsigned held = 0;
    uint32_t mask = (1U << bits) - 1;
    for (size_t i = 0; i < bytes.size; i++) {
        window = window << 8 | (unsigned char)bytes.at[i];
        held += 8;
        while (held >= bits) {
            held -= bits;
            buf_add_byte(out, digits[window >> held & mask]);
        }
        window &= (1U << held) - 1;
    }
    if (held > 0)
        buf_add_byte(out, digits[window << (bits - held) & mask]);
}

void text_add_base32(struct buf *out, struct slice bytes)
{
    text_add_radix(out, bytes, "abcdefghijklmnopqrstuvwxyz234567", 5);
}

void text_add_pointer_part(struct buf *out, struct slice name)
{
    buf_add_byte(out, '/');
    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        if (c == '~' || c == '/')
            buf_add_text(out, c == '~' ? "~0" : "~1");
        else
            buf_add_byte(out, c);
    }
}

void text_add_base64(struct buf *out, struct slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text_add_radix(out, bytes, digits, 6);
    for (size_t i = bytes.size % 3; i > 0 && i < 3; i++)
        buf_add_byte(out, '=');
}

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void text_add_id(struct buf *out, const char *prefix, uint64_t id)
{
    char digits[13];
    for (size_t i = sizeof digits; i > 0; i--) {
        digits[i - 1] = crockford[id & 31];
        id >>= 5;
    }
    buf_add_text(out, prefix);
    buf_add(out, slice_of(digits, sizeof digits));
}

bool text_parse_id(struct slice s, const char *prefix, uint64_t *out_id)
{
    struct slice head = slice_text(prefix);
    if (!slice_starts(s, head) || s.size != head.size + 13)
        return false;
    uint64_t id = 0;
    for (size_t i = head.size; i < s.size; i++) {
        char c = s.at[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        const char *digit = c ? strchr(crockford, c) : NULL;
        if (!digit || id > UINT64_MAX >> 5)
            return false;
        id = id << 5 | (uint64_t)(digit - crockford);
    }
    *out_id = id;
    return true;
}

static const struct {
    const char *name;
    int64_t ms;
} text_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

bool text_parse_duration(struct slice s, int64_t *out_ms)
{
    size_t digits = 0;
    while (digits < s.size && s.at[digits] >= '0' && s.at[digits] <= '9')
        digits++;
    uint64_t count = 0;
    if (!slice_to_u64(slice_first(s, digits), 1000000000, &count))
        return false;
    for (size_t i = 0; i < sizeof text_units / sizeof *text_units; i++)
        if (slice_is(slice_from(s, digits), text_units[i].name)) {
            *out_ms = (int64_t)count * text_units[i].ms;
            return true;
        }
    return false;
}

void text_add_duration(struct buf *out, int64_t ms)
{
    CHECK(ms >= 0);
    if (ms == 0) {
        buf_add_text(out, "0s");
        return;
    }
    size_t i = 0;
    while (ms % text_units[i].ms != 0)
        i++;
    buf_add_i64(out, ms / text_units[i].ms);
    buf_add_text(out, text_units[i].name);
}

/* Days from 1970-01-01 and back; the algorithm of era arithmetic, exact for all years here. */
static int64_t text_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil text_civil(int64_t unix_ms)
{
    int64_t days = unix_ms / 86400000;
    int64_t rest = unix_ms % 86400000;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    struct civil civil = {.weekday = (int)(((days + 4) % 7 + 7) % 7)};
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    civil.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    civil.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    civil.year = (int)(yoe + era * 400 + (civil.month <= 2));
    civil.ms = (int)(rest % 1000);
    civil.second = (int)(rest / 1000 % 60);
    civil.minute = (int)(rest / 60000 % 60);
    civil.hour = (int)(rest / 3600000);
    return civil;
}

int64_t text_civil_ms(const struct civil *c)
{
    int64_t seconds =
        text_days(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
    return seconds * 1000 + c->ms;
}

/* Exactly `width` digits; a time stands in every record and answer, so this is not printf. */
static char *text_put_number(char *at, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + width;
}

void text_add_time(struct buf *out, int64_t unix_ms)
{
    char text[24];
    struct civil c = text_civil(unix_ms);
    if (c.year < 0 || c.year > 9999) { /* no such time is stored; still a text */
        buf_add_fmt(out, "%d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day, c.hour,
                    c.minute, c.second, c.ms);
        return;
    }
    char *at = text_put_number(text, c.year, 4);
    *at++ = '-';
    at = text_put_number(at, c.month, 2);
    *at++ = '-';
    at = text_put_number(at, c.day, 2);
    *at++ = 'T';
    at = text_put_number(at, c.hour, 2);
    *at++ = ':';
    at = text_put_number(at, c.minute, 2);
    *at++ = ':';
    at = text_put_number(at, c.second, 2);
    *at++ = '.';
    at = text_put_number(at, c.ms, 3);
    *at++ = 'Z';
    buf_add(out, slice_of(text, (size_t)(at - text)));
}

/* Takes exactly `digits` digits from the front. */
static bool text_take_number(struct slice *s, size_t digits, int *out_value)
{
    uint64_t value = 0;
    if (s->size < digits || !slice_to_u64(slice_first(*s, digits), 9999, &value))
        return false;
    *out_value = (int)value;
    *s = slice_from(*s, digits);
    return true;
}

static bool text_take(struct slice *s, const char *text)
{
    struct slice head = slice_text(text);
    if (!slice_starts(*s, head))
        return false;
    *s = slice_from(*s, head.size);
    return true;
}

static bool text_civil_is_valid(const struct civil *c)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (c->month < 1 || c->month > 12 || c->day < 1 || c->day > days[c->month - 1])
        return false;
    bool is_leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
    if (c->month == 2 && c->day == 29 && !is_leap)
        return false;
    return c->hour < 24 && c->minute < 60 && c->second < 61;
}

static bool text_take_fraction(struct slice *s, int *out_ms)
{
    size_t digits = 0;
    int ms = 0;
    while (digits < s->size && s->at[digits] >= '0' && s->at[digits] <= '9') {
        if (digits < 3)
            ms = ms * 10 + (s->at[digits] - '0');
        digits++;
    }
    if (digits == 0 || digits > 9)
        return false;
    for (size_t i = digits; i < 3; i++)
        ms *= 10;
    *out_ms = ms;
    *s = slice_from(*s, digits);
    return true;
}

bool text_parse_time(struct slice s, int64_t *out_unix_ms)
{
    struct civil c = {0};
    int offset_hour = 0;
    int offset_minute = 0;
    if (!text_take_number(&s, 4, &c.year) || !text_take(&s, "-") ||
        !text_take_number(&s, 2, &c.month) || !text_take(&s, "-") ||
        !text_take_number(&s, 2, &c.day) || !(text_take(&s, "T") || text_take(&s, "t")) ||
        !text_take_number(&s, 2, &c.hour) || !text_take(&s, ":") ||
        !text_take_number(&s, 2, &c.minute) || !text_take(&s, ":") ||
        !text_take_number(&s, 2, &c.second) || !text_civil_is_valid(&c))
        return false;
    if (text_take(&s, ".") && !text_take_fraction(&s, &c.ms))
        return false;
    int64_t sign = 1;
    if (text_take(&s, "Z") || text_take(&s, "z")) {
        sign = 0;
    } else {
        if (text_take(&s, "-"))
            sign = -1;
        else if (!text_take(&s, "+"))
            return false;
        if (!text_take_number(&s, 2, &offset_hour) || !text_take(&s, ":") ||
            !text_take_number(&s, 2, &offset_minute) || offset_hour > 23 || offset_minute > 59)
            return false;
    }
    if (s.size != 0)
        return false;
    *out_unix_ms = text_civil_ms(&c) - sign * (offset_hour * 60 + offset_minute) * 60000;
    return true;
}

static bool text_take_month(struct slice *s, int *out_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (slice_starts(*s, slice_of(names + 3 * i, 3))) {
            *out_month = i + 1;
            *s = slice_from(*s, 3);
            return true;
        }
    return false;
}

static bool text_take_clock(struct slice *s, struct civil *c)
{
    return text_take_number(s, 2, &c->hour) && text_take(s, ":") &&
           text_take_number(s, 2, &c->minute) && text_take(s, ":") &&
           text_take_number(s, 2, &c->second);
}

/* Sun Nov  6 08:49:37 1994, after the weekday. */
static bool text_take_asctime(struct slice *s, struct civil *c)
{
    if (!text_take_month(s, &c->month) || !text_take(s, " "))
        return false;
    bool has_day =
        text_take(s, " ") ? text_take_number(s, 1, &c->day) : text_take_number(s, 2, &c->day);
    return has_day && text_take(s, " ") && text_take_clock(s, c) && text_take(s, " ") &&
           text_take_number(s, 4, &c->year);
}

bool text_parse_http_date(struct slice s, int64_t *out_unix_ms)
{
    struct civil c = {0};
    size_t comma = slice_find(s, ',');
    bool is_good = false;
    if (comma == s.size) {
        s = slice_from(s, 4);
        is_good = text_take_asctime(&s, &c);
    } else if (comma == 3) { /* IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT */
        s = slice_from(s, 5);
        is_good = text_take_number(&s, 2, &c.day) && text_take(&s, " ") &&
                  text_take_month(&s, &c.month) && text_take(&s, " ") &&
                  text_take_number(&s, 4, &c.year) && text_take(&s, " ") &&
                  text_take_clock(&s, &c) && text_take(&s, " GMT");
    } else { /* RFC 850: Sunday, 06-Nov-94 08:49:37 GMT */
        s = slice_from(s, comma + 2);
        is_good = text_take_number(&s, 2, &c.day) && text_take(&s, "-") &&
                  text_take_month(&s, &c.month) && text_take(&s, "-") &&
                  text_take_number(&s, 2, &c.year) && text_take(&s, " ") &&
                  text_take_clock(&s, &c) && text_take(&s, " GMT");
        c.year += c.year < 70 ? 2000 : 1900;
    }
    if (!is_good || s.size != 0 || !text_civil_is_valid(&c))
        return false;
    *out_unix_ms = text_civil_ms(&c);
    return true;
}
