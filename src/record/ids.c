#include "record/ids.h"

void id_add_review(struct buf *out, uint64_t action, uint8_t review)
{
    text_add_id(out, ID_REVIEW, action);
    buf_add_byte(out, '.');
    buf_add_u64(out, review);
}

bool id_parse_review(struct slice s, uint64_t *out_action, uint8_t *out_review)
{
    size_t dot = slice_find(s, '.');
    uint64_t action = 0;
    uint64_t review = 0;
    if (!text_parse_id(slice_first(s, dot), ID_REVIEW, &action) ||
        !slice_to_u64(slice_from(s, dot + 1), UINT8_MAX, &review))
        return false;
    *out_action = action;
    *out_review = (uint8_t)review;
    return true;
}
