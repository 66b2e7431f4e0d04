#include "record/trigger_row.h"

#include "record/number.h"

enum {
    TRIGGER_ROW_VERSION = 3,
    TRIGGER_ROW_BEFORE = 2, /* without the numbers that came with version 3 */
    TRIGGER_ROW_ADDED = 7,
    TRIGGER_ROW_NUMBERS = 32,
    REPEAT_ROW_VERSION = 2
};

/* Every number of a row, in their order in its bytes; flags and levels stand apart. */
static size_t trigger_row_numbers(struct trigger_row *row, int64_t *out[TRIGGER_ROW_NUMBERS])
{
    struct trigger_state *state = &row->state;
    int64_t *const all[] = {&state->s_micro,
                            &state->samples,
                            &state->recent_count,
                            &state->bucket,
                            &state->value,
                            &state->baseline_total,
                            &state->baseline_bad,
                            &state->next_total,
                            &state->next_bad,
                            &state->next_since_unix_ms,
                            &state->hour,
                            &state->hour_amount,
                            &state->busiest,
                            &state->normal_since_unix_ms,
                            &state->last_unix_ms,
                            &row->answer.observed,
                            &row->answer.total,
                            &row->answer.limit,
                            &row->tripped_unix_ms,
                            &row->restarted_unix_ms,
                            &row->seen_unix_ms,
                            &row->forgiven_ms,
                            &row->window_ms,
                            &state->rising_unix_ms,
                            &row->answer.began_unix_ms,
                            &state->known_value, /* since version 3 */
                            &row->statistic,
                            &row->counts,
                            &row->from_ids[0],
                            &row->from_ids[1],
                            &row->block_samples,
                            &row->answer.known};
    size_t count = sizeof all / sizeof *all;
    for (size_t i = 0; i < count; i++)
        out[i] = all[i];
    return count;
}

static void trigger_row_add_text(struct buf *out, struct slice text)
{
    number_add_varint(out, text.size);
    buf_add(out, text);
}

static bool trigger_row_take_text(struct slice *rest, struct slice *out)
{
    uint64_t size = 0;
    if (!number_take_varint(rest, &size) || size > rest->size)
        return false;
    *out = slice_first(*rest, (size_t)size);
    *rest = slice_from(*rest, (size_t)size);
    return true;
}

void trigger_row_encode(const struct trigger_row *row, struct buf *out)
{
    struct trigger_row copy = *row;
    int64_t *numbers[TRIGGER_ROW_NUMBERS];
    size_t count = trigger_row_numbers(&copy, numbers);
    buf_add_byte(out, TRIGGER_ROW_VERSION);
    trigger_row_add_text(out, row->workflow);
    trigger_row_add_text(out, row->name);
    number_add_varint(out, row->state.level);
    number_add_varint(out, (row->is_trip_due ? 1U : 0U) | (row->answer.is_share ? 2U : 0U) |
                               (row->answer.must_not_start ? 4U : 0U) |
                               (row->state.is_known_over ? 8U : 0U));
    number_add_varint(out, row->stop);
    number_add_varint(out, row->caution);
    number_add_varint(out, row->state.recent[0]);
    number_add_varint(out, row->state.recent[1]);
    for (size_t i = 0; i < count; i++)
        number_add_varint(out, number_zigzag((uint64_t)*numbers[i]));
    for (int i = 0; i <= TRIGGER_BUCKETS; i++) { /* most are empty */
        const struct trigger_bucket *bucket = &row->state.buckets[i];
        if (bucket->amount == 0 && bucket->bad == 0)
            continue;
        number_add_varint(out, (uint64_t)i);
        number_add_varint(out, (uint64_t)bucket->amount);
        number_add_varint(out, (uint64_t)bucket->bad);
    }
}

static bool trigger_row_take_buckets(struct slice *rest, struct trigger_state *state)
{
    while (rest->size > 0) {
        uint64_t place = 0, amount = 0, bad = 0;
        if (!number_take_varint(rest, &place) || !number_take_varint(rest, &amount) ||
            !number_take_varint(rest, &bad) || place > TRIGGER_BUCKETS || amount > INT64_MAX ||
            bad > INT64_MAX)
            return false;
        state->buckets[place] = (struct trigger_bucket){(int64_t)amount, (int64_t)bad};
    }
    return true;
}

/* Numbers that index or shift are held to their bounds: a row from outside is no bug of ours. */
static bool trigger_row_is_sane(const struct trigger_row *row)
{
    const struct trigger_state *state = &row->state;
    return state->recent_count >= 0 && state->recent_count <= TRIGGER_RECENT &&
           state->bucket >= 0 && state->last_unix_ms >= 0 && state->s_micro >= 0 &&
           state->baseline_total >= 0 && state->baseline_bad >= 0 && state->busiest >= 0 &&
           state->baseline_bad <= state->baseline_total && state->known_value >= 0;
}

enum err trigger_row_decode(struct slice bytes, struct trigger_row *out)
{
    struct trigger_row row = {0};
    int64_t *numbers[TRIGGER_ROW_NUMBERS];
    size_t count = trigger_row_numbers(&row, numbers);
    uint64_t level = 0, flags = 0, number = 0;
    if (bytes.size == 0)
        return ERR_CORRUPT;
    if (bytes.at[0] == TRIGGER_ROW_BEFORE)
        count -= TRIGGER_ROW_ADDED;
    else if (bytes.at[0] != TRIGGER_ROW_VERSION)
        return ERR_VERSION;
    bytes = slice_from(bytes, 1);
    bool is_good = trigger_row_take_text(&bytes, &row.workflow) &&
                   trigger_row_take_text(&bytes, &row.name) && number_take_varint(&bytes, &level) &&
                   number_take_varint(&bytes, &flags) && number_take_varint(&bytes, &row.stop) &&
                   number_take_varint(&bytes, &row.caution) &&
                   number_take_varint(&bytes, &row.state.recent[0]) &&
                   number_take_varint(&bytes, &row.state.recent[1]);
    for (size_t i = 0; is_good && i < count; i++) {
        is_good = number_take_varint(&bytes, &number);
        *numbers[i] = (int64_t)number_unzigzag(number);
    }
    if (!is_good || !trigger_row_take_buckets(&bytes, &row.state) || !trigger_row_is_sane(&row))
        return ERR_CORRUPT;
    row.state.level = level < TRIGGER_TRIPPED ? (enum trigger_level)level : TRIGGER_TRIPPED;
    row.is_trip_due = (flags & 1) != 0;
    row.answer.is_share = (flags & 2) != 0;
    row.answer.must_not_start = (flags & 4) != 0;
    row.state.is_known_over = (flags & 8) != 0;
    *out = row;
    return ERR_OK;
}

void repeat_row_encode(const struct repeat_state *repeat, struct buf *out)
{
    buf_add_byte(out, REPEAT_ROW_VERSION);
    for (int i = 0; i < TRIGGER_REPEATS && repeat->starts_unix_ms[i] != 0; i++)
        number_add_varint(out, (uint64_t)repeat->starts_unix_ms[i]);
}

enum err repeat_row_decode(struct slice bytes, struct repeat_state *out)
{
    struct repeat_state repeat = {0};
    if (bytes.size == 0)
        return ERR_CORRUPT;
    if (bytes.at[0] != REPEAT_ROW_VERSION)
        return ERR_VERSION;
    bytes = slice_from(bytes, 1);
    for (int i = 0; bytes.size > 0; i++) {
        uint64_t number = 0;
        if (i == TRIGGER_REPEATS || !number_take_varint(&bytes, &number) || number > INT64_MAX)
            return ERR_CORRUPT;
        repeat.starts_unix_ms[i] = (int64_t)number;
    }
    *out = repeat;
    return ERR_OK;
}
