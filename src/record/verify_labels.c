/* Audits and labels: each row against the record that made it, and each open audit against the
 * table by which people find it. */
#include "record/verify_inside.h"

#include "base/text.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/label_row.h"

static void verify_label_find(struct verify *verify, uint64_t action, const char *what)
{
    struct buf id;
    buf_init(&id, TEXT_ID_MAX);
    text_add_id(&id, ID_ACTION, action);
    verify_find(verify, "action %.*s: %s", SLICE_FMT(buf_slice(&id)), what);
    buf_done(&id);
}

static enum err verify_read_label(struct verify *verify, uint64_t action, struct label_row *out)
{
    unsigned char key[LABEL_ROW_KEY];
    struct slice value;
    label_row_key(action, key);
    enum err err = verify->store->get_row(verify->store->impl, STORE_LABELS,
                                          slice_of(key, sizeof key), &verify->page, &value);
    return err == ERR_OK ? label_row_decode(value, out) : err;
}

enum err verify_audit_row(struct verify *verify, const struct store_row *stored)
{
    int64_t due_unix_ms = 0;
    uint64_t action = 0;
    struct label_row row = {0};
    if (audit_row_parse(stored->key, &due_unix_ms, &action) != ERR_OK) {
        verify_find(verify, "an open audit has a key that cannot be read");
        return ERR_OK;
    }
    enum err err = verify_read_label(verify, action, &row);
    if (err != ERR_OK && err != ERR_NOT_FOUND && err != ERR_CORRUPT && err != ERR_VERSION)
        return err;
    bool is_good = err == ERR_OK && row.due_unix_ms == due_unix_ms && row.is_drawn &&
                   slice_equal(stored->value, row.workflow); /* by which it is looked for */
    bool is_newer = err == ERR_OK && row.last_seq > verify->head_seq; /* closed meanwhile */
    if (!is_good || (!is_newer && !label_row_is_open(&row)))
        verify_label_find(verify, action, "it stands among the open audits, but is none");
    return ERR_OK;
}

/* An open one that people would not find. */
static enum err verify_label_is_found(struct verify *verify, const struct label_row *row)
{
    unsigned char key[AUDIT_ROW_KEY];
    struct slice value;
    struct label_row now = {0};
    audit_row_key(row->due_unix_ms, row->action, key);
    enum err err = verify->store->get_row(verify->store->impl, STORE_AUDITS,
                                          slice_of(key, sizeof key), &verify->page, &value);
    if (err != ERR_NOT_FOUND)
        return err;
    err = verify_read_label(verify, row->action, &now);
    if (err == ERR_OK && label_row_is_open(&now))
        verify_label_find(verify, row->action, "it waits for a label, but stands in no inbox");
    return err;
}

enum err verify_label_row(struct verify *verify, const struct store_row *stored)
{
    struct label_row row = {0};
    struct record record = {0};
    unsigned char digest[DIGEST_SHORT];
    unsigned char key[LABEL_ROW_KEY];
    if (label_row_decode(stored->value, &row) != ERR_OK) {
        verify_find(verify, "a row of labels cannot be read");
        return ERR_OK;
    }
    label_row_key(row.action, key);
    verify->labels_seen += row.made_seq <= verify->head_seq;
    enum err err = verify_read_record(verify, row.last_seq, &record);
    if (err != ERR_OK && err != ERR_NOT_FOUND && err != ERR_CORRUPT)
        return err;
    digest_short(stored->value, digest);
    bool is_of_it = err == ERR_OK && record.action == row.action &&
                    memcmp(record.label, digest, DIGEST_SHORT) == 0 &&
                    slice_equal(stored->key, slice_of(key, sizeof key));
    if (!is_of_it)
        verify_label_find(verify, row.action, "its labels are not what its records made them");
    else if (label_row_is_open(&row) && row.last_seq <= verify->head_seq)
        return verify_label_is_found(verify, &row);
    return ERR_OK;
}

void verify_missing_labels(struct verify *verify)
{
    if (verify->labels_seen < verify->labels_made)
        verify_find(verify, "labels of %llu actions: their rows are gone",
                    (unsigned long long)(verify->labels_made - verify->labels_seen));
}
