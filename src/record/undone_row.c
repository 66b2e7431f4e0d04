#include "record/undone_row.h"

#include "base/text.h"
#include "record/number.h"

enum { UNDONE_VERSION = 2, UNDONE_NUMBERS = 8 + JOURNAL_FIRST };

void undone_encode(const struct undone *undone, struct buf *out)
{
    buf_add_byte(out, UNDONE_VERSION);
    number_add_varint(out, undone->count.expired);
    number_add_varint(out, undone->count.cancelled);
    number_add_varint(out, undone->count.rejected);
    number_add_varint(out, undone->count.failed);
    number_add_varint(out, undone->count.late);
    number_add_varint(out, (uint64_t)undone->since_unix_ms);
    number_add_varint(out, (uint64_t)undone->until_unix_ms);
    number_add_varint(out, (uint64_t)undone->told_unix_ms);
    for (size_t i = 0; i < JOURNAL_FIRST; i++)
        number_add_varint(out, undone->first[i]);
}

enum err undone_decode(struct slice bytes, struct undone *out)
{
    uint64_t n[UNDONE_NUMBERS] = {0};
    bool is_good = bytes.size > 0 && bytes.at[0] == UNDONE_VERSION;
    bytes = slice_from(bytes, 1);
    for (size_t i = 0; is_good && i < UNDONE_NUMBERS; i++)
        is_good = number_take_varint(&bytes, &n[i]);
    if (!is_good)
        return ERR_CORRUPT;
    *out = (struct undone){.count = {n[0], n[1], n[2], n[3], n[4]},
                           .since_unix_ms = (int64_t)n[5],
                           .until_unix_ms = (int64_t)n[6],
                           .told_unix_ms = (int64_t)n[7]};
    for (size_t i = 0; i < JOURNAL_FIRST; i++)
        out->first[i] = n[8 + i];
    return ERR_OK;
}

void undone_key_add(struct buf *out, struct slice workflow, int64_t until_unix_ms)
{
    buf_add_byte(out, '/'); /* no workflow has such a name: tellings stand before all of them */
    buf_add(out, workflow);
    buf_add_byte(out, '/');
    text_add_id(out, "", (uint64_t)until_unix_ms); /* of one width: in order of time */
}

bool undone_key_is_of(struct slice key, struct slice workflow)
{
    return key.size > workflow.size + 1 && slice_starts(slice_from(key, 1), workflow) &&
           key.at[workflow.size + 1] == '/';
}

void undone_telling_encode(uint64_t incident, struct buf *out)
{
    buf_add_byte(out, UNDONE_VERSION);
    number_add_varint(out, incident);
}

enum err undone_telling_decode(struct slice bytes, uint64_t *out_incident)
{
    bool is_good = bytes.size > 0 && bytes.at[0] == UNDONE_VERSION;
    bytes = slice_from(bytes, 1);
    return is_good && number_take_varint(&bytes, out_incident) ? ERR_OK : ERR_CORRUPT;
}
