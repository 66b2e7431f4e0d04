#include "record/label_json.h"

#include "record/member.h"
#include "record/number.h"

static void label_json_add_said(struct buf *out, const char *name, const struct label_said *said)
{
    member_add_name(out, name);
    buf_add_byte(out, '{');
    member_add_text(out, "label", said->label);
    member_add_bool(out, "wrong", said->is_wrong);
    member_add_text(out, "by", said->by);
    member_add_time(out, "at", said->at_unix_ms);
    buf_add_byte(out, '}');
}

void label_json_add_members(struct buf *out, const struct label_row *row)
{
    member_add_bool(out, "drawn", row->is_drawn);
    member_add_word(out, "use", row->count > 0 ? label_use_name(row->use) : NULL);
    member_add_u64(out, "count", row->count);
    if (row->is_drawn)
        member_add_time(out, "due", row->due_unix_ms);
    if (row->is_drawn)
        member_add_bool(out, "over", row->is_over);
    if (row->count > 0)
        label_json_add_said(out, "first", &row->first);
    if (row->count > 1)
        label_json_add_said(out, "last", &row->last);
}

static void estimate_add_share(struct buf *out, const char *name, uint32_t millionths)
{
    member_add_name(out, name);
    number_add_real(out, (double)millionths / ESTIMATE_WHOLE);
}

void estimate_json_add(struct buf *out, const struct estimate *estimate)
{
    buf_add_byte(out, '{');
    member_add_u64(out, "hits", estimate->hits);
    member_add_u64(out, "count", estimate->count);
    estimate_add_share(out, "share", estimate->share);
    estimate_add_share(out, "from", estimate->low);
    estimate_add_share(out, "to", estimate->high);
    buf_add_byte(out, '}');
}

void label_json_add_sum(struct buf *out, const struct label_sum *sum)
{
    struct estimate estimate = estimate_make(sum->wrong, sum->labelled);
    buf_add_byte(out, '{');
    member_add_name(out, "wrong");
    if (sum->labelled > 0)
        estimate_json_add(out, &estimate);
    else
        buf_add_text(out, "null");
    member_add_u64(out, "drawn", sum->drawn);
    member_add_u64(out, "open", sum->open);
    member_add_u64(out, "overdue", sum->overdue);
    member_add_u64(out, "unlabelled", sum->unlabelled);
    member_add_u64(out, "corrected", sum->corrected);
    member_add_u64(out, "complaints", sum->complaints);
    member_add_u64(out, "other_labels", sum->others);
    member_add_u64(out, "reviewed_right", sum->reviewed_right);
    member_add_u64(out, "reviewed_wrong", sum->reviewed_wrong);
    buf_add_byte(out, '}');
}

void estimate_add_percent(struct buf *out, uint32_t millionths, bool is_up)
{
    uint32_t tenths = (millionths + (is_up ? 999 : 0)) / 1000;
    buf_add_fmt(out, "%u.%u %%", tenths / 10, tenths % 10);
}

void label_sum_add_text(struct buf *out, const struct label_sum *sum)
{
    struct estimate estimate = estimate_make(sum->wrong, sum->labelled);
    if (sum->labelled == 0) {
        buf_add_text(out, "nothing labelled yet");
        return;
    }
    buf_add_fmt(out, "%llu of %llu wrong", (unsigned long long)sum->wrong,
                (unsigned long long)sum->labelled);
    if (sum->corrected > 0)
        buf_add_fmt(out, " (%llu corrected)", (unsigned long long)sum->corrected);
    buf_add_text(out, ": ");
    estimate_add_percent(out, estimate.share, false);
    uint32_t low = estimate.low / 1000, high = (estimate.high + 999) / 1000;
    buf_add_fmt(out, " (%u.%u to %u.%u %%)", low / 10, low % 10, high / 10, high % 10);
}
