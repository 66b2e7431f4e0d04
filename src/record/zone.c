#include "record/zone.h"

static struct civil zone_civil(const struct zone *zone, int64_t unix_ms)
{
    int64_t offset_ms = zone && zone->utc_offset_ms ? zone->utc_offset_ms(zone->impl, unix_ms) : 0;
    return text_civil(unix_ms + offset_ms);
}

struct slice zone_name(const struct zone *zone)
{
    return zone && zone->name.size > 0 ? zone->name : SLICE("UTC");
}

static void zone_add_two(struct buf *out, int value)
{
    const char digits[2] = {(char)('0' + value / 10), (char)('0' + value % 10)};
    buf_add(out, slice_of(digits, sizeof digits));
}

void zone_add_time(struct buf *out, const struct zone *zone, struct zone_time time,
                   enum zone_detail detail)
{
    struct civil at = zone_civil(zone, time.at_unix_ms);
    struct civil now = zone_civil(zone, time.now_unix_ms);
    if (at.year != now.year || at.month != now.month || at.day != now.day)
        buf_add_fmt(out, "%04d-%02d-%02d ", at.year, at.month, at.day);
    zone_add_two(out, at.hour);
    buf_add_byte(out, ':');
    zone_add_two(out, at.minute);
    if (detail != ZONE_SECONDS)
        return;
    buf_add_byte(out, ':');
    zone_add_two(out, at.second);
}

void zone_add_span(struct buf *out, int64_t ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}};
    if (ms < 0)
        ms = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        int64_t count = (ms + units[i].ms / 2) / units[i].ms;
        int64_t lost = count * units[i].ms - ms;
        if (count > 0 && (lost < 0 ? -lost : lost) * 10 < ms) {
            buf_add_fmt(out, "%lld %s", (long long)count, units[i].name);
            return;
        }
    }
    if (ms >= 1000)
        buf_add_fmt(out, "%lld.%lld s", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
    else
        buf_add_fmt(out, "%lld ms", (long long)ms);
}
