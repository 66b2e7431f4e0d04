#include "record/label_row.h"

#include "record/number.h"

enum {
    LABEL_ROW_VERSION = 2,
    LABEL_ROW_BEFORE = 1, /* without the class */
    LABEL_ROW_DRAWN = 1,
    LABEL_ROW_OVER = 2,
    LABEL_ROW_REVIEWED = 4,
    LABEL_ROW_FIRST_WRONG = 8,
    LABEL_ROW_LAST_WRONG = 16,
    LABEL_ROW_CLEARED = 32,
    LABEL_ROW_NUMBERS = 12
};

static void label_row_add_text(struct buf *out, struct slice text)
{
    number_add_varint(out, text.size);
    buf_add(out, text);
}

static bool label_row_take_text(struct slice *rest, struct slice *out_text)
{
    uint64_t size = 0;
    if (!number_take_varint(rest, &size) || size > rest->size)
        return false;
    *out_text = slice_first(*rest, (size_t)size);
    *rest = slice_from(*rest, (size_t)size);
    return true;
}

void label_row_encode(const struct label_row *row, struct buf *out)
{
    unsigned flags = (row->is_drawn ? LABEL_ROW_DRAWN : 0u) | (row->is_over ? LABEL_ROW_OVER : 0u) |
                     (row->is_reviewed ? LABEL_ROW_REVIEWED : 0u) |
                     (row->first.is_wrong ? LABEL_ROW_FIRST_WRONG : 0u) |
                     (row->last.is_wrong ? LABEL_ROW_LAST_WRONG : 0u) |
                     (row->is_cleared ? LABEL_ROW_CLEARED : 0u);
    const uint64_t numbers[LABEL_ROW_NUMBERS] = {row->action,
                                                 flags,
                                                 row->use,
                                                 row->count,
                                                 (uint64_t)row->started_unix_ms,
                                                 (uint64_t)row->ended_unix_ms,
                                                 (uint64_t)row->due_unix_ms,
                                                 row->made_seq,
                                                 (uint64_t)row->first.at_unix_ms,
                                                 row->first.seq,
                                                 (uint64_t)row->last.at_unix_ms,
                                                 row->last.seq};
    buf_add_byte(out, LABEL_ROW_VERSION);
    for (size_t i = 0; i < LABEL_ROW_NUMBERS; i++)
        number_add_varint(out, numbers[i]);
    number_add_varint(out, row->last_seq);
    const struct slice texts[] = {row->risk,     row->workflow,   row->step,   row->first.label,
                                  row->first.by, row->last.label, row->last.by};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        label_row_add_text(out, texts[i]);
}

enum err label_row_decode(struct slice bytes, struct label_row *out)
{
    struct label_row row = {0};
    uint64_t numbers[LABEL_ROW_NUMBERS] = {0};
    if (bytes.size == 0)
        return ERR_CORRUPT;
    bool is_before = bytes.at[0] == LABEL_ROW_BEFORE;
    if (!is_before && bytes.at[0] != LABEL_ROW_VERSION)
        return ERR_VERSION;
    bytes = slice_from(bytes, 1);
    bool is_good = true;
    for (size_t i = 0; is_good && i < LABEL_ROW_NUMBERS; i++)
        is_good = number_take_varint(&bytes, &numbers[i]);
    is_good = is_good && number_take_varint(&bytes, &row.last_seq);
    struct slice *texts[] = {&row.risk,     &row.workflow,   &row.step,   &row.first.label,
                             &row.first.by, &row.last.label, &row.last.by};
    for (size_t i = is_before; is_good && i < sizeof texts / sizeof *texts; i++)
        is_good = label_row_take_text(&bytes, texts[i]);
    if (!is_good || numbers[3] > UINT32_MAX)
        return ERR_CORRUPT;
    row.action = numbers[0];
    row.is_drawn = numbers[1] & LABEL_ROW_DRAWN;
    row.is_over = numbers[1] & LABEL_ROW_OVER;
    row.is_reviewed = numbers[1] & LABEL_ROW_REVIEWED;
    row.first.is_wrong = numbers[1] & LABEL_ROW_FIRST_WRONG;
    row.last.is_wrong = numbers[1] & LABEL_ROW_LAST_WRONG;
    row.is_cleared = numbers[1] & LABEL_ROW_CLEARED;
    row.use = numbers[2] < LABEL_USE_COUNT ? (enum label_use)numbers[2] : LABEL_KEPT;
    row.count = (uint32_t)numbers[3];
    row.started_unix_ms = (int64_t)numbers[4];
    row.ended_unix_ms = (int64_t)numbers[5];
    row.due_unix_ms = (int64_t)numbers[6];
    row.made_seq = numbers[7];
    row.first.at_unix_ms = (int64_t)numbers[8];
    row.first.seq = numbers[9];
    row.last.at_unix_ms = (int64_t)numbers[10];
    row.last.seq = numbers[11];
    *out = row;
    return ERR_OK;
}

static void label_row_put(uint64_t number, unsigned char out[8])
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (unsigned char)(number >> (56 - 8 * i));
}

static uint64_t label_row_get(struct slice bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | (unsigned char)bytes.at[i];
    return number;
}

void label_row_key(uint64_t action, unsigned char out[LABEL_ROW_KEY])
{
    label_row_put(action, out);
}

void audit_row_key(int64_t due_unix_ms, uint64_t action, unsigned char out[AUDIT_ROW_KEY])
{
    label_row_put((uint64_t)due_unix_ms, out);
    label_row_put(action, out + 8);
}

enum err audit_row_parse(struct slice key, int64_t *out_due_unix_ms, uint64_t *out_action)
{
    if (key.size != AUDIT_ROW_KEY)
        return ERR_CORRUPT;
    *out_due_unix_ms = (int64_t)label_row_get(key);
    *out_action = label_row_get(slice_from(key, 8));
    return ERR_OK;
}

/* ---- sums ---- */

static void label_sum_add_drawn(struct label_sum *sum, const struct label_row *row,
                                int64_t now_unix_ms)
{
    sum->drawn++;
    if (row->count > 0 && row->use == LABEL_SAMPLE) {
        sum->labelled++;
        sum->wrong += row->last.is_wrong;
    } else if (label_row_is_open(row)) {
        sum->open++;
        sum->overdue += row->due_unix_ms <= now_unix_ms;
    } else {
        sum->unlabelled++;
    }
}

void label_sum_add(struct label_sum *sum, const struct label_row *row, int64_t now_unix_ms)
{
    if (row->is_drawn)
        label_sum_add_drawn(sum, row, now_unix_ms);
    else if (row->is_reviewed)
        *(row->last.is_wrong ? &sum->reviewed_wrong : &sum->reviewed_right) += 1;
    else
        *(row->last.is_wrong ? &sum->complaints : &sum->others) += 1;
    sum->corrected += row->count > 0 && row->first.is_wrong != row->last.is_wrong;
}
