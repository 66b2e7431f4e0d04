#include "record/clock_text.h"

static const struct clock_words {
    struct slice code;
    const char *before, *after;
} clock_words[] = {
    {{"moved_ahead", 11}, "the clock of this machine was moved ", " ahead"},
    {{"moved_back", 10}, "the clock of this machine was moved ", " back"},
    {{"ahead", 5}, "the clock of this machine was ", " ahead at the start"},
    {{"behind", 6}, "the clock of this machine was ", " behind at the start"},
    {{"right", 5}, "the clock of this machine is right again; it was off by ", ""},
    {{"taken", 5}, "interlock takes the time of this machine's clock, ", " ahead of its own"},
    {{"kept", 4}, "interlock goes on by its own time, ", " ahead of this machine's clock"}};

void clock_text_add(struct buf *out, struct slice code, int64_t ms)
{
    for (size_t i = 0; i < sizeof clock_words / sizeof *clock_words; i++) {
        if (!slice_equal(code, clock_words[i].code))
            continue;
        buf_add_text(out, clock_words[i].before);
        zone_add_span(out, ms);
        buf_add_text(out, clock_words[i].after);
        return;
    }
    buf_add_text(out, "clock: ");
    buf_add(out, code);
}

struct slice clock_code(int64_t step_ms, bool is_at_start)
{
    if (is_at_start)
        return step_ms > 0 ? CLOCK_AHEAD : CLOCK_BEHIND;
    return step_ms > 0 ? CLOCK_MOVED_AHEAD : CLOCK_MOVED_BACK;
}

void clock_trouble_add(struct buf *out, const struct journal *journal, const struct zone *zone,
                       int64_t now_unix_ms)
{
    int64_t step = journal->clock_ms;
    bool is_at_start = journal->clock_until_unix_ms != 0;
    clock_text_add(out, clock_code(step, is_at_start), step < 0 ? -step : step);
    if (journal->closed_unix_ms != 0)
        return;
    if (!is_at_start) {
        buf_add_text(out, ": interlock goes on by its own time, and nothing comes due by that");
        return;
    }
    buf_add_text(out, ": what is due waits until ");
    zone_add_time(out, zone, (struct zone_time){journal->clock_until_unix_ms, now_unix_ms},
                  ZONE_MINUTES);
}
