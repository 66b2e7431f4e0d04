/* Who is told of what ended undone: each such end has a telling, or waits in the row of its
 * workflow to be told. Rows of both: record/undone_row.h. */
#include "record/verify_inside.h"

#include "base/text.h"
#include "record/ids.h"
#include "record/undone_row.h"

enum { UNDONE_KEY = LIMIT_NAME + 2 * TEXT_ID_MAX };

/* Is there a telling about what ended then? The first one that reaches so far. */
static enum err undone_is_told(struct verify *verify, const struct row *row, bool *out_is_told)
{
    struct store_row found;
    struct buf after;
    size_t count = 0;
    buf_init(&after, UNDONE_KEY);
    undone_key_add(&after, row->workflow, row->action.ended_unix_ms - 1);
    enum err err = verify->store->list_rows(verify->store->impl, STORE_UNDONE, buf_slice(&after), 1,
                                            &verify->page, &found, &count);
    *out_is_told = err == ERR_OK && count > 0 && undone_key_is_of(found.key, row->workflow);
    buf_done(&after);
    return err;
}

enum err verify_undone_end(struct verify *verify, const struct row *row)
{
    static const unsigned char none[RECORD_DIGEST];
    bool is_told = false;
    uint64_t id = verify_name_id(row->workflow);
    if (!action_is_undone(&row->action))
        return ERR_OK; /* it was told, and is something else by now */
    enum err err = undone_is_told(verify, row, &is_told);
    if (err != ERR_OK || is_told)
        return err;
    struct verify_thing *waits = verify_thing(&verify->untold, id);
    if (!waits)
        return verify_note(&verify->untold, id, 1, none);
    waits->seq++;
    return ERR_OK;
}

/* A telling is of an incident that a record opened. */
static void undone_telling(struct verify *verify, const struct store_row *stored)
{
    uint64_t incident = 0;
    size_t size = slice_find(slice_from(stored->key, 1), '/');
    struct slice workflow = slice_first(slice_from(stored->key, 1), size);
    if (undone_telling_decode(stored->value, &incident) != ERR_OK)
        verify_find(verify, "a telling of %.*s cannot be read", SLICE_FMT(workflow));
    else if (!verify_thing(&verify->incidents, incident) && verify_is_still(verify))
        verify_find(verify,
                    "a telling of what ended and was not done in %.*s is of an incident that no "
                    "record opened",
                    SLICE_FMT(workflow));
}

void verify_undone_row(struct verify *verify, const struct store_row *stored)
{
    struct undone undone = {0};
    struct slice workflow = stored->key;
    if (slice_starts(stored->key, SLICE("/"))) {
        undone_telling(verify, stored);
        return;
    }
    struct verify_thing *waits = verify_thing(&verify->untold, verify_name_id(workflow));
    if (waits)
        waits->is_seen = true;
    if (undone_decode(stored->value, &undone) != ERR_OK)
        verify_find(verify, "what ended and was not done in %.*s cannot be read",
                    SLICE_FMT(workflow));
    else if (waits && undone_count_all(&undone.count) < waits->seq && verify_is_still(verify))
        verify_find(verify,
                    "%llu ended and were not done in %.*s, and nobody was told of them; only %llu "
                    "wait to be told",
                    (unsigned long long)waits->seq, SLICE_FMT(workflow),
                    (unsigned long long)undone_count_all(&undone.count));
}

void verify_missing_undone(struct verify *verify)
{
    for (size_t i = 0; i < verify->untold.count && verify_is_still(verify); i++)
        if (!verify->untold.items[i].is_seen)
            verify_find(
                verify,
                "%llu ended and were not done in one workflow, nobody was told of them, and "
                "its row of what waits to be told is gone",
                (unsigned long long)verify->untold.items[i].seq);
}
