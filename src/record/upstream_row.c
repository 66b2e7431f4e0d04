#include "record/upstream_row.h"

enum { UPSTREAM_ROW_NUMBER_MAX = 1000000 };

/* The next word of a line. */
static struct slice upstream_word(struct slice *rest)
{
    size_t space = slice_find(*rest, ' ');
    struct slice word = slice_first(*rest, space);
    *rest = space < rest->size ? slice_from(*rest, space + 1) : (struct slice){0};
    return word;
}

static bool upstream_time(struct slice *rest, int64_t *out)
{
    uint64_t number = 0;
    if (!slice_to_u64(upstream_word(rest), INT64_MAX, &number))
        return false;
    *out = (int64_t)number;
    return true;
}

static bool upstream_number(struct slice *rest, int *out)
{
    uint64_t number = 0;
    if (!slice_to_u64(upstream_word(rest), UPSTREAM_ROW_NUMBER_MAX, &number))
        return false;
    *out = (int)number;
    return true;
}

void upstream_row_encode(const struct upstream_row *row, struct buf *out)
{
    const struct breaker *breaker = &row->breaker;
    const int64_t numbers[] = {breaker->cause_count,    breaker->cause_of,
                               breaker->opened_unix_ms, breaker->closed_unix_ms,
                               breaker->until_unix_ms,  breaker->failed_probes,
                               row->former_milli};
    buf_add_i64(out, row->tokens_tenths);
    buf_add_byte(out, ' ');
    buf_add_i64(out, row->pause_until_unix_ms);
    buf_add_byte(out, ' ');
    buf_add_text(out, breaker_state_name(breaker->state));
    buf_add_byte(out, ' ');
    buf_add_text(out, breaker_cause_name(breaker->cause));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        buf_add_byte(out, ' ');
        buf_add_i64(out, numbers[i]);
    }
}

bool upstream_row_decode(struct slice bytes, struct upstream_row *out)
{
    struct slice rest = bytes;
    struct upstream_row row = {.breaker.open_ms = out->breaker.open_ms};
    struct breaker *breaker = &row.breaker;
    bool is_good = upstream_number(&rest, &row.tokens_tenths) &&
                   upstream_time(&rest, &row.pause_until_unix_ms);
    if (!breaker_state_parse(upstream_word(&rest), &breaker->state))
        breaker->state = BREAKER_OPEN; /* invariant 2 */
    if (!breaker_cause_parse(upstream_word(&rest), &breaker->cause))
        breaker->cause = BREAKER_FOR_UNKNOWN;
    is_good = is_good && upstream_number(&rest, &breaker->cause_count) &&
              upstream_number(&rest, &breaker->cause_of) &&
              upstream_time(&rest, &breaker->opened_unix_ms) &&
              upstream_time(&rest, &breaker->closed_unix_ms) &&
              upstream_time(&rest, &breaker->until_unix_ms) &&
              upstream_number(&rest, &breaker->failed_probes) &&
              upstream_time(&rest, &row.former_milli);
    if (is_good)
        *out = row;
    return is_good;
}

void upstream_change_encode(const struct breaker *breaker, struct buf *out)
{
    buf_add_text(out, breaker_state_name(breaker->state));
    if (breaker->state != BREAKER_OPEN)
        return;
    if (breaker->is_reopened)
        buf_add_fmt(out, " probe_failed %d", breaker->failed_probes);
    else
        buf_add_fmt(out, " %s %d/%d", breaker_cause_name(breaker->cause), breaker->cause_count,
                    breaker->cause_of);
}

void upstream_cause_add_words(enum breaker_cause cause, int count, int of, struct buf *out)
{
    switch (cause) {
    case BREAKER_FOR_FAILURES:
        buf_add_fmt(out, "%d failures in a row", count);
        return;
    case BREAKER_FOR_SHARE:
        buf_add_fmt(out, "%d of the last %d calls failed", count, of);
        return;
    case BREAKER_FOR_BUSY:
        buf_add_fmt(out, "%d times busy in a row, without a time to come back", count);
        return;
    case BREAKER_FOR_UNKNOWN:
    case BREAKER_CAUSE_COUNT:
        break;
    }
    buf_add_text(out, "not known why");
}

void upstream_change_add_words(struct slice change, struct buf *out)
{
    struct slice rest = change;
    enum breaker_state state = BREAKER_OPEN;
    enum breaker_cause cause = BREAKER_FOR_UNKNOWN;
    uint64_t count = 0;
    uint64_t of = 0;
    bool is_known = breaker_state_parse(upstream_word(&rest), &state);
    if (is_known && state == BREAKER_HALF_OPEN) {
        buf_add_text(out, "half-open: one call at a time asks whether it is back");
        return;
    }
    if (is_known && state == BREAKER_CLOSED) {
        buf_add_fmt(out, "closed: %d answers in a row; held work leaves at a rising rate",
                    BREAKER_CLOSE_AFTER);
        return;
    }
    buf_add_text(out, "open: ");
    struct slice word = upstream_word(&rest);
    size_t slash = slice_find(rest, '/');
    if (slice_is(word, "probe_failed") && slice_to_u64(rest, UPSTREAM_ROW_NUMBER_MAX, &count)) {
        buf_add_fmt(out, "it was asked %llu times and does not answer", (unsigned long long)count);
        return;
    }
    if (!breaker_cause_parse(word, &cause) || slash == rest.size ||
        !slice_to_u64(slice_first(rest, slash), UPSTREAM_ROW_NUMBER_MAX, &count) ||
        !slice_to_u64(slice_from(rest, slash + 1), UPSTREAM_ROW_NUMBER_MAX, &of))
        cause = BREAKER_FOR_UNKNOWN;
    upstream_cause_add_words(cause, (int)count, (int)of, out);
}
