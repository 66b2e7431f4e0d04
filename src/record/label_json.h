/* record/label_json.h - an action's audit and labels, and a sum of many, as JSON and in words.
 * Owns: the forms. Only the sample of the draw is called an estimate (R21). */
#pragma once
#include "core/estimate.h"
#include "record/label_row.h"

/* The members of {"drawn":…,"first":…,"last":…}, without the braces. */
void label_json_add_members(struct buf *out, const struct label_row *row);
/* The estimate of errors of what ran by itself, and beside it what is no sample. */
void label_json_add_sum(struct buf *out, const struct label_sum *sum);
/* {"hits":…,"count":…,"share":…,"from":…,"to":…}: shares of 1. */
void estimate_json_add(struct buf *out, const struct estimate *estimate);
/* "4.1 %": cut down to tenths, or up for a bound from above. */
void estimate_add_percent(struct buf *out, uint32_t millionths, bool is_up);
/* "4 of 98 wrong: 4.0 % (1.6 to 10.1 %)"; count 0: "nothing labelled yet". */
void label_sum_add_text(struct buf *out, const struct label_sum *sum);
