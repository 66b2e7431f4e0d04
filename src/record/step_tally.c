#include "record/step_tally.h"

#include "base/text.h"
#include "record/number.h"

enum { STEP_TALLY_VERSION = 2, STEP_TALLY_DIGITS = 10 };

struct risk_counts *step_tally_class(struct step_tally *tally, uint32_t risk_id)
{
    for (size_t i = 0; i < tally->class_count; i++)
        if (tally->classes[i].risk_id == risk_id)
            return &tally->classes[i].counts;
    if (tally->class_count == STEP_CLASSES)
        return &tally->classes[0].counts;
    tally->classes[tally->class_count] = (struct step_class){.risk_id = risk_id};
    return &tally->classes[tally->class_count++].counts;
}

const struct risk_counts *step_tally_find(const struct step_tally *tally, uint32_t risk_id)
{
    for (size_t i = 0; i < tally->class_count; i++)
        if (tally->classes[i].risk_id == risk_id)
            return &tally->classes[i].counts;
    return NULL;
}

void step_tally_encode(const struct step_tally *tally, struct buf *out)
{
    buf_add_byte(out, STEP_TALLY_VERSION);
    number_add_varint(out, CAUSE_COUNT);
    for (size_t i = 0; i < CAUSE_COUNT; i++)
        number_add_varint(out, tally->degraded[i]);
    number_add_varint(out, tally->class_count);
    for (size_t i = 0; i < tally->class_count; i++) {
        const struct step_class *one = &tally->classes[i];
        number_add_varint(out, one->risk_id);
        number_add_varint(out, one->counts.automatic);
        number_add_varint(out, one->counts.reviewed);
        number_add_varint(out, one->counts.degraded);
        number_add_varint(out, one->counts.other);
        number_add_varint(out, one->counts.fallback);
    }
}

static bool step_tally_take_class(struct slice *bytes, struct step_class *out)
{
    uint64_t id = 0;
    bool is_good = number_take_varint(bytes, &id) && id <= UINT32_MAX &&
                   number_take_varint(bytes, &out->counts.automatic) &&
                   number_take_varint(bytes, &out->counts.reviewed) &&
                   number_take_varint(bytes, &out->counts.degraded) &&
                   number_take_varint(bytes, &out->counts.other) &&
                   number_take_varint(bytes, &out->counts.fallback);
    out->risk_id = (uint32_t)id;
    return is_good;
}

enum err step_tally_decode(struct slice bytes, struct step_tally *out)
{
    struct step_tally tally = {.class_count = 0};
    uint64_t count = 0, number = 0;
    bool is_good = bytes.size > 0 && bytes.at[0] == STEP_TALLY_VERSION;
    bytes = slice_from(bytes, 1);
    is_good = is_good && number_take_varint(&bytes, &count);
    for (uint64_t i = 0; is_good && i < count; i++) {
        is_good = number_take_varint(&bytes, &number);
        if (i < CAUSE_COUNT) /* more are of a newer version */
            tally.degraded[i] = number;
    }
    is_good = is_good && number_take_varint(&bytes, &count) && count <= STEP_CLASSES;
    for (uint64_t i = 0; is_good && i < count; i++)
        is_good = step_tally_take_class(&bytes, &tally.classes[tally.class_count++]);
    if (!is_good)
        return ERR_CORRUPT;
    *out = tally;
    return ERR_OK;
}

void step_tally_key_add(struct buf *out, struct slice workflow, struct slice step, int64_t hour)
{
    buf_add_text(out, STEP_TALLY_PREFIX);
    buf_add(out, workflow);
    buf_add_byte(out, '/');
    buf_add(out, step);
    buf_add_fmt(out, "/%0*lld", STEP_TALLY_DIGITS, (long long)(hour > 0 ? hour : 0));
}

bool step_tally_key_names(struct slice key, struct slice *out_workflow, struct slice *out_step)
{
    size_t from = sizeof STEP_TALLY_PREFIX - 1;
    size_t end = key.size > STEP_TALLY_DIGITS ? key.size - STEP_TALLY_DIGITS - 1 : 0;
    size_t at = from;
    if (!slice_starts(key, SLICE(STEP_TALLY_PREFIX)))
        return false;
    while (at < end && key.at[at] != '/')
        at++;
    if (at >= end || key.at[end] != '/')
        return false;
    *out_workflow = slice_first(slice_from(key, from), at - from);
    *out_step = slice_first(slice_from(key, at + 1), end - at - 1);
    return true;
}

bool step_tally_key_hour(struct slice key, int64_t *out_hour)
{
    uint64_t hour = 0;
    if (!slice_starts(key, SLICE(STEP_TALLY_PREFIX)) || key.size <= STEP_TALLY_DIGITS ||
        !slice_to_u64(slice_from(key, key.size - STEP_TALLY_DIGITS), INT32_MAX, &hour))
        return false;
    *out_hour = (int64_t)hour;
    return true;
}
