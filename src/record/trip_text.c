#include "record/trip_text.h"

#include "base/check.h"
#include "record/wording.h"

enum { TRIP_ARGUMENT = 60, TRIP_PERCENT = TRIGGER_MILLION / 100 };

/* What is counted: "of the last 38 X were Y", "Y in 1 h". */
static const struct trip_words {
    const char *things; /* of a share: what the samples are */
    const char *bad;    /* what a bad one is, after "were" */
    const char *count;  /* several of them, alone */
    const char *one;    /* the first one: what trips at a limit of nothing; NULL = none such */
    const char *single; /* one of them, behind a number; NULL = as several */
} trip_words[SIGNAL_COUNT] = {
    [SIGNAL_MISCLASSIFIED] = {"audited", "were wrong", "wrong", "an audited one was wrong"},
    [SIGNAL_ERRORS] = {"attempts", "were not ok", "attempts that were not ok",
                       "an attempt was not ok", "attempt that was not ok"},
    [SIGNAL_UNCERTAIN] = {"actions", "became uncertain", "uncertain", "an action became uncertain"},
    [SIGNAL_DEGRADED] = {"actions", "were degraded", "degraded actions", "an action was degraded",
                         "degraded action"},
    [SIGNAL_LOW_CONFIDENCE] = {"actions", "were below the confidence limit",
                               "actions below the confidence limit",
                               "an action was below the confidence limit",
                               "action below the confidence limit"},
    [SIGNAL_OVERRIDES] = {"verdicts", "were no approval", "verdicts that were no approval",
                          "a verdict was no approval", "verdict that was no approval"},
    [SIGNAL_COMPLAINTS] = {"labels", "were complaints", "complaints", "somebody complained",
                           "complaint"},
    [SIGNAL_VOLUME] = {"starts", "happened", "starts"},
    [SIGNAL_BACKLOG] = {"actions", "wait", "wait for people or in the safe queue",
                        "an action waits for people or in the safe queue",
                        "waits for people or in the safe queue"},
    [SIGNAL_HELD_AGE] = {"actions", "are held", "held"},
    [SIGNAL_LATENCY] = {"actions", "were done late", "done late"},
    [SIGNAL_SILENT] = {"actions", "came", "came"},
    [SIGNAL_SUM] = {"starts", "happened", "starts"},
    [SIGNAL_REPEAT] = {"starts", "happened", "starts"},
    [SIGNAL_POSTED] = {"signals", "were posted", "posted"},
    [SIGNAL_OVERDUE] = {"actions", "are past due", "past due", "an action is past due"},
};

/* "4.5 %", "10 %" of millionths. */
static void trip_text_add_share(struct buf *out, int64_t millionths)
{
    int64_t tenths = (millionths + TRIP_PERCENT / 20) / (TRIP_PERCENT / 10);
    buf_add_i64(out, tenths / 10);
    if (tenths % 10 != 0)
        buf_add_fmt(out, ".%lld", (long long)(tenths % 10));
    buf_add_text(out, " %");
}

/* Millionths of a sum, as people write it: "1200", "0.5". */
static void trip_add_amount(struct buf *out, int64_t millionths)
{
    buf_add_i64(out, millionths / TRIGGER_MILLION);
    int64_t rest = millionths % TRIGGER_MILLION;
    if (rest == 0)
        return;
    int digits = 6;
    while (rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    buf_add_fmt(out, ".%0*lld", digits, (long long)rest);
}

static void trip_add_window(struct buf *out, int64_t window_ms)
{
    if (window_ms <= 0)
        return;
    buf_add_text(out, " in ");
    zone_add_span(out, window_ms);
}

static void trip_add_argument(struct buf *out, const struct trip *trip)
{
    wording_add_line(out, trip->argument, TRIP_ARGUMENT);
}

static void trip_add_limit(struct buf *out, const struct trip *trip)
{
    bool is_amount = trip->signal == SIGNAL_SUM || trip->signal == SIGNAL_POSTED;
    bool is_span =
        trip->signal == SIGNAL_HELD_AGE || trip->signal == SIGNAL_SILENT || trip->is_duration;
    buf_add_text(out, trip->is_rise ? "; usual is " : ", limit ");
    if (trip->is_share)
        trip_text_add_share(out, trip->limit);
    else if (is_amount)
        trip_add_amount(out, trip->limit);
    else if (is_span)
        zone_add_span(out, trip->limit);
    else
        buf_add_i64(out, trip->limit);
    if (trip->known <= 0)
        return;
    buf_add_text(out, ", after the restart ");
    if (is_span)
        zone_add_span(out, trip->known);
    else
        buf_add_i64(out, trip->known);
}

/* "9 of the last 38 audited were wrong", "12 of 40 attempts in 10 min were not ok" */
static void trip_add_shares(struct buf *out, const struct trip *trip)
{
    const struct trip_words *words = &trip_words[trip->signal];
    buf_add_i64(out, trip->observed);
    buf_add_text(out, trip->is_in_window ? " of " : " of the last ");
    buf_add_i64(out, trip->total);
    buf_add_fmt(out, " %s", words->things);
    if (trip->is_in_window)
        trip_add_window(out, trip->window_ms);
    if (trip->signal == SIGNAL_LATENCY) {
        buf_add_text(out, " took longer than ");
        zone_add_span(out, trip->late_ms);
        return;
    }
    buf_add_fmt(out, " %s", words->bad);
}

/* Of starts: what is so, or what the next one would have made so. */
static void trip_add_starts(struct buf *out, const struct trip *trip)
{
    if (trip->signal == SIGNAL_SUM) {
        buf_add_text(out,
                     trip->is_before ? "the next start would bring the sum of " : "the sum of ");
        trip_add_argument(out, trip);
        trip_add_window(out, trip->window_ms);
        buf_add_text(out, trip->is_before ? " to " : " is ");
        trip_add_amount(out, trip->observed);
        return;
    }
    if (trip->is_before) {
        buf_add_text(out, "the next start would be number ");
        buf_add_i64(out, trip->observed);
    } else {
        buf_add_i64(out, trip->observed);
        buf_add_text(out, trip->observed == 1 ? " start" : " starts");
    }
    if (trip->signal == SIGNAL_REPEAT && trip->argument.size > 0) {
        buf_add_text(out, " for the same ");
        trip_add_argument(out, trip);
    } else if (trip->signal == SIGNAL_REPEAT) {
        buf_add_text(out, " to the same recipient");
    }
    trip_add_window(out, trip->window_ms);
}

static void trip_add_posted(struct buf *out, const struct trip *trip)
{
    if (trip->window_ms > 0)
        buf_add_text(out, "the sum of ");
    trip_add_argument(out, trip);
    trip_add_window(out, trip->window_ms);
    buf_add_text(out, " is ");
    trip_add_amount(out, trip->observed);
}

static void trip_add_spans(struct buf *out, const struct trip *trip)
{
    buf_add_text(out, trip->signal == SIGNAL_HELD_AGE ? "the oldest held action has waited for "
                      : trip->signal == SIGNAL_SILENT ? "nothing has come for "
                                                      : "the oldest is past due by ");
    zone_add_span(out, trip->observed);
}

static void trip_add_counts(struct buf *out, const struct trip *trip)
{
    const struct trip_words *words = &trip_words[trip->signal];
    bool is_single = trip->observed == 1 && words->single;
    buf_add_i64(out, trip->observed);
    buf_add_fmt(out, " %s", is_single ? words->single : words->count);
    trip_add_window(out, trip->window_ms);
}

void trip_text_add(const struct trip *trip, struct buf *out)
{
    CHECK(trip->signal < SIGNAL_COUNT);
    if (trip->is_share)
        trip_add_shares(out, trip);
    else if (trip->signal == SIGNAL_VOLUME || trip->signal == SIGNAL_SUM ||
             trip->signal == SIGNAL_REPEAT)
        trip_add_starts(out, trip);
    else if (trip->signal == SIGNAL_POSTED)
        trip_add_posted(out, trip);
    else if (trip->signal == SIGNAL_SILENT && trip->limit == 0) {
        if (trip->observed <= 0) {
            buf_add_text(out, "what was expected by now has come");
            return;
        }
        buf_add_text(out, "nothing has come by the time that it was expected, ");
        zone_add_span(out, trip->observed);
        buf_add_text(out, " ago");
        return;
    } else if (trip->signal == SIGNAL_HELD_AGE || trip->signal == SIGNAL_SILENT ||
               trip->is_duration)
        trip_add_spans(out, trip);
    else
        trip_add_counts(out, trip);
    trip_add_limit(out, trip);
}

/* ---- as a record has it ---- */

enum { TRIP_NUMBERS = 11 };
struct trip_numbers {
    struct {
        const char *name;
        int64_t value;
    } all[TRIP_NUMBERS];
};

static struct trip_numbers trip_numbers(const struct trip *trip)
{
    return (struct trip_numbers){{{"observed", trip->observed},
                                  {"of", trip->total},
                                  {"limit", trip->limit},
                                  {"window", trip->window_ms},
                                  {"late", trip->late_ms},
                                  {"is_share", trip->is_share},
                                  {"is_rise", trip->is_rise},
                                  {"is_in_window", trip->is_in_window},
                                  {"is_before", trip->is_before},
                                  {"is_time", trip->is_duration},
                                  {"known", trip->known}}};
}

void trip_encode(const struct trip *trip, struct buf *out)
{
    struct trip_numbers numbers = trip_numbers(trip);
    buf_add_fmt(out, "signal=%s to=%s", signal_name(trip->signal), trigger_move_name(trip->move));
    if (trip->risk.size > 0)
        buf_add_fmt(out, " risk=%.*s", SLICE_FMT(trip->risk));
    for (size_t i = 0; i < TRIP_NUMBERS; i++)
        if (numbers.all[i].value != 0)
            buf_add_fmt(out, " %s=%lld", numbers.all[i].name, (long long)numbers.all[i].value);
    if (trip->argument.size > 0) {
        buf_add_text(out, " argument=");
        buf_add(out, trip->argument);
    }
}

static void trip_set(struct trip *trip, struct slice name, struct slice value)
{
    struct trip_numbers numbers = trip_numbers(trip);
    uint64_t number = 0;
    if (slice_is(name, "signal"))
        for (unsigned i = 0; i < SIGNAL_COUNT; i++)
            if (slice_is(value, signal_name((enum signal)i)))
                trip->signal = (enum signal)i;
    if (slice_is(name, "to"))
        for (unsigned i = 0; i <= MOVE_ALERT; i++)
            if (slice_is(value, trigger_move_name((enum trigger_move)i)))
                trip->move = (enum trigger_move)i;
    if (slice_is(name, "risk"))
        trip->risk = value;
    if (!slice_to_u64(value, INT64_MAX, &number))
        return;
    for (size_t i = 0; i < TRIP_NUMBERS; i++)
        if (slice_is(name, numbers.all[i].name))
            numbers.all[i].value = (int64_t)number;
    trip->observed = numbers.all[0].value;
    trip->total = numbers.all[1].value;
    trip->limit = numbers.all[2].value;
    trip->window_ms = numbers.all[3].value;
    trip->late_ms = numbers.all[4].value;
    trip->is_share = numbers.all[5].value != 0;
    trip->is_rise = numbers.all[6].value != 0;
    trip->is_in_window = numbers.all[7].value != 0;
    trip->is_before = numbers.all[8].value != 0;
    trip->is_duration = numbers.all[9].value != 0;
    trip->known = numbers.all[10].value;
}

void trip_decode(struct slice text, struct trip *out)
{
    *out = (struct trip){0};
    while (text.size > 0) {
        size_t space = slice_find(text, ' ');
        struct slice word = slice_first(text, space);
        struct slice name = slice_first(word, slice_find(word, '='));
        if (slice_is(name, "argument")) {
            out->argument = slice_from(text, name.size + 1);
            return;
        }
        if (name.size < word.size)
            trip_set(out, name, slice_from(word, name.size + 1));
        text = space < text.size ? slice_from(text, space + 1) : (struct slice){0};
    }
}

/* ---- what a trigger watches ---- */

static void watch_add_limit(struct buf *out, const struct trigger *trigger)
{
    struct trip trip = {.signal = trigger->signal,
                        .is_share = trigger->terms.statistic == TRIGGER_SHARE ||
                                    trigger->terms.statistic == TRIGGER_SHARE_IN,
                        .is_duration = trigger->is_duration,
                        .limit = trigger->terms.limit};
    struct buf text;
    buf_init(&text, LIMIT_SUMMARY);
    if (trigger->signal == SIGNAL_POSTED && trip.limit <= INT64_MAX / TRIGGER_MILLION)
        trip.limit *= TRIGGER_MILLION;
    trip_add_limit(&text, &trip);
    buf_add(out, slice_from(buf_slice(&text), sizeof ", limit " - 1));
    buf_done(&text);
}

/* What is compared with the limit. */
static void watch_add_value(struct buf *out, const struct trigger *trigger)
{
    struct trip trip = {.signal = trigger->signal, .argument = trigger->argument_text};
    switch (trigger->signal) {
    case SIGNAL_SUM:
        buf_add_text(out, "the sum of ");
        trip_add_argument(out, &trip);
        return;
    case SIGNAL_POSTED:
        buf_add_text(out, trigger->terms.window_ms > 0 ? "the sum of what is posted as " : "");
        trip_add_argument(out, &trip);
        return;
    case SIGNAL_REPEAT:
        buf_add_text(out, "the number of starts ");
        buf_add_text(out, trip.argument.size > 0 ? "for the same " : "to the same recipient");
        trip_add_argument(out, &trip);
        return;
    case SIGNAL_HELD_AGE:
        buf_add_text(out, "the oldest held action's age");
        return;
    case SIGNAL_SILENT:
        buf_add_text(out, "the time since the last sign");
        return;
    case SIGNAL_BACKLOG:
        buf_add_text(out, "the number held or in review");
        return;
    case SIGNAL_UNCERTAIN:
        buf_add_text(out, "the number of uncertain actions");
        return;
    case SIGNAL_OVERDUE:
        buf_add_text(out, trigger->is_duration ? "the oldest delay of people"
                                               : "the number of actions that are past due");
        return;
    default:
        break;
    }
    buf_add_fmt(out, "the number of %s", trip_words[trigger->signal].count);
}

void trip_text_add_condition(const struct trigger *trigger, struct buf *out)
{
    const struct trip_words *words = &trip_words[trigger->signal];
    const struct trigger_terms *terms = &trigger->terms;
    bool is_share = terms->statistic == TRIGGER_SHARE || terms->statistic == TRIGGER_SHARE_IN;
    if (terms->statistic == TRIGGER_RISE) {
        buf_add_fmt(out, "half more of the %s than usual (5 points at least) %s", words->things,
                    words->bad);
    } else if (terms->statistic == TRIGGER_BUSIEST) {
        buf_add_text(out, "a start would be over five times the busiest hour seen, at least ");
        buf_add_i64(out, terms->limit);
    } else if (is_share) {
        buf_add_text(out, "more than ");
        watch_add_limit(out, trigger);
        buf_add_fmt(out, " of the %s", words->things);
        trip_add_window(out, terms->window_ms);
        buf_add_byte(out, ' ');
        if (trigger->signal == SIGNAL_LATENCY) {
            buf_add_text(out, "took longer than ");
            zone_add_span(out, trigger->late_ms);
        } else {
            buf_add_text(out, words->bad);
        }
    } else if (trigger->signal == SIGNAL_SILENT && terms->limit == 0) {
        buf_add_text(out, "nothing has come by the time of `expect`");
    } else if (words->one && terms->limit == 0 && !trigger->is_duration) {
        buf_add_text(out, words->one);
    } else {
        watch_add_value(out, trigger);
        trip_add_window(out, terms->window_ms);
        buf_add_text(out, " is above ");
        watch_add_limit(out, trigger);
    }
}

void trip_text_add_watch(const struct trigger *trigger, struct buf *out)
{
    const struct trigger_terms *terms = &trigger->terms;
    bool is_warned = terms->statistic == TRIGGER_SHARE && terms->move < MOVE_CAUTION;
    buf_add_fmt(out, "%s when ", trigger_move_name(terms->move));
    trip_text_add_condition(trigger, out);
    if (trigger->risk.size > 0 && terms->statistic == TRIGGER_LEVEL)
        buf_add_text(out, ", of whatever class");
    if (terms->statistic == TRIGGER_SHARE || terms->statistic == TRIGGER_RISE)
        buf_add_fmt(out,
                    "; asked at each one from the 20th on%s; a false trip comes no sooner than "
                    "once in %s",
                    is_warned ? ", caution before that" : "",
                    terms->h_micro == TRIGGER_H_QUICK    ? "100"
                    : terms->h_micro == TRIGGER_H_NORMAL ? "1,000"
                    : terms->h_micro == TRIGGER_H_CALM   ? "10,000"
                    : terms->h_micro == TRIGGER_H_CALMER ? "100,000"
                                                         : "1,000,000");
    else if (terms->statistic == TRIGGER_SHARE_IN)
        buf_add_text(out, "; asked at each one from the 20th on; above it for certain (99.9 %)");
}
