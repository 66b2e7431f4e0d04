/* policy/load_hours.c - `hours:` of the installation: when people are there. */
#include "policy/load.h"
#include "policy/when.h"

/* DAYS HH:MM-HH:MM */
static bool load_hours_span(struct words *words, struct calendar_span *out)
{
    struct slice span = {NULL, 0};
    if (!when_parse_days(words_peek(words), &out->weekdays))
        return words_refuse(words, "hours, as in Mon-Fri 09:00-18:00,");
    (void)words_next(words);
    span = words_peek(words);
    bool is_good = span.size == 11 && span.at[5] == '-' &&
                   when_parse_time(slice_first(span, 5), &out->from_minute) &&
                   when_parse_time(slice_from(span, 6), &out->to_minute) &&
                   out->from_minute < out->to_minute;
    if (!is_good)
        return words_refuse(words, "hours, as in Mon-Fri 09:00-18:00,");
    (void)words_next(words);
    return words_are_over(words) || words_refuse(words, "the end");
}

/* `always`, one span, or a list of them. `always` in a list makes it always. */
void load_hours(struct load *load, const struct yaml *node)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count);
    struct calendar_span *spans = ARENA_ARRAY(load->arena, count + 1, struct calendar_span);
    size_t used = 0;
    bool is_always = false;
    for (; spans && item && count > 0; item = item->next, count--) {
        struct words words;
        if (!words_init(&words, load, item))
            return;
        if (words_take(&words, "always") && words_are_over(&words))
            is_always = true;
        else if (!load_hours_span(&words, &spans[used++]))
            return;
    }
    if (!spans || is_always)
        return;
    load->config->hours = spans;
    load->config->hour_count = used;
}
