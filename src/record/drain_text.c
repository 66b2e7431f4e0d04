#include "record/drain_text.h"

void drain_add_rate(struct buf *out, int64_t milli)
{
    int64_t tenths = milli / 100;
    buf_add_fmt(out, "%lld", (long long)(tenths / 10));
    if (tenths % 10 != 0)
        buf_add_fmt(out, ".%lld", (long long)(tenths % 10));
}

uint64_t drain_seconds(uint64_t count, int64_t milli)
{
    uint64_t rate = milli > 0 ? (uint64_t)milli : 1;
    return (count * 1000 + rate - 1) / rate;
}

void drain_add_text(struct buf *out, uint64_t count, int64_t milli)
{
    drain_add_rate(out, milli);
    uint64_t seconds = drain_seconds(count, milli);
    uint64_t unit = seconds < 120 ? 1 : seconds < 2 * 3600 ? 60 : 3600;
    buf_add_fmt(out, "/s, about %llu %s", (unsigned long long)((seconds + unit - 1) / unit),
                unit == 1    ? "s"
                : unit == 60 ? "min"
                             : "h");
}
