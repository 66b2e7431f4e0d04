/* Each table of rows, and the keys, against the sum that the store keeps of it (record/seal.h):
 * what no record proves is proved by this, and which row it is by the row's own sum. */
#include "record/verify_inside.h"

#include "base/check.h"
#include "base/text.h"
#include "record/seal.h"

enum { SEALS_NAME = 64 };

const char *verify_seal_noun(unsigned which)
{
    if (which == STORE_SEAL_KEYS)
        return "the keys";
    switch ((enum store_table)(which - 1)) {
    case STORE_META:
        return "the notes of the store";
    case STORE_POLICIES:
        return "the configurations";
    case STORE_STOPS:
        return "the stops";
    case STORE_INCIDENTS:
        return "the incidents";
    case STORE_TOKENS:
        return "the tokens";
    case STORE_COUNTS:
        return "the counters";
    case STORE_UPSTREAMS:
        return "the budgets of upstreams";
    case STORE_AUDITS:
        return "the open audits";
    case STORE_LABELS:
        return "the labels";
    case STORE_LADDERS:
        return "who is told next";
    case STORE_NOTICES:
        return "the messages to people";
    case STORE_AWAY:
        return "who is away";
    case STORE_JOURNALS:
        return "the journals of incidents";
    case STORE_PLANS:
        return "the signed plans";
    case STORE_TRIGGERS:
        return "what triggers have counted";
    case STORE_REPEATS:
        return "the repeats towards a recipient";
    case STORE_SIGNALS:
        return "the posted signals";
    case STORE_RESTARTS:
        return "the restarts";
    case STORE_UNDONE:
        return "what ended and was not done";
    case STORE_TABLE_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

enum err verify_seal_begin(struct verify *verify, unsigned which)
{
    if (verify->is_sealing)
        return ERR_OK;
    verify->is_sealing = true;
    verify->seen_seal = (struct store_seal){0};
    verify->findings_before = verify->finding_count;
    struct store_seals seals = {0};
    enum err err = verify->store->get_seals(verify->store->impl, &seals);
    verify->has_seal = err == ERR_OK;
    verify->before_seal = seals.of[which];
    if (err == ERR_CORRUPT && !verify->is_unsealed)
        verify_find(verify,
                    "the sums of the tables, beside the head, cannot be read: no row that no "
                    "record proves is proved");
    verify->is_unsealed |= err == ERR_CORRUPT;
    return err == ERR_CORRUPT ? ERR_OK : err;
}

/* A key as people can read it: names as they are, hashes in hex. */
static void seal_add_name(struct buf *out, struct slice key)
{
    bool is_text = true;
    struct slice first = slice_first(key, SEALS_NAME);
    for (size_t i = 0; i < first.size; i++)
        is_text = is_text && first.at[i] > ' ' && first.at[i] <= '~';
    if (is_text)
        buf_add(out, first);
    else
        text_add_hex(out, slice_first(key, SEALS_NAME / 2));
}

void verify_seal_row(struct verify *verify, const struct store_row *row, uint64_t findings)
{
    unsigned char digest[DIGEST_SIZE];
    struct buf name, sums;
    verify->rows++;
    seal_row(row->table, row->key, row->value, digest);
    seal_put(&verify->seen_seal, digest);
    bool is_told = verify->finding_count != findings;
    if (is_told || memcmp(digest, row->sum, STORE_SUM_SIZE) == 0)
        return;
    buf_init(&name, SEALS_NAME);
    buf_init(&sums, 128);
    seal_add_name(&name, row->key);
    buf_add_text(&sums, "the sum of what was written is ");
    text_add_hex(&sums, slice_of(row->sum, STORE_SUM_SIZE));
    buf_add_text(&sums, ", of what is there ");
    text_add_hex(&sums, slice_of(digest, STORE_SUM_SIZE));
    verify_find(verify, "%s: the row of %.*s is not as it was written: %.*s",
                verify_seal_noun(STORE_SEAL_ROWS(row->table)), SLICE_FMT(buf_slice(&name)),
                SLICE_FMT(buf_slice(&sums)));
    buf_done(&sums);
    buf_done(&name);
}

void verify_seal_key(struct verify *verify, const struct store_key *key)
{
    unsigned char digest[DIGEST_SIZE];
    seal_key(key, digest);
    seal_put(&verify->seen_seal, digest);
}

enum err verify_seal_compare(struct verify *verify, unsigned which, enum verify_seal *out_seal)
{
    struct store_seals seals = {0};
    verify->is_sealing = false;
    *out_seal = VERIFY_SEAL_UNKNOWN;
    if (!verify->has_seal)
        return ERR_OK;
    enum err err = verify->store->get_seals(verify->store->impl, &seals);
    if (err != ERR_OK)
        return err;
    /* Its rows were read at more than one moment. */
    bool is_moved = seals.of[which].changes != verify->before_seal.changes;
    if (is_moved)
        verify->moved[verify->moved_count++] = which;
    else
        *out_seal = seal_equal(&verify->seen_seal, &verify->before_seal) ? VERIFY_SEAL_FITS
                                                                         : VERIFY_SEAL_DIFFERS;
    return ERR_OK;
}

/* What else was found in a table says it better than its sum does. */
void verify_seal_tell(struct verify *verify, unsigned which)
{
    const struct store_seal *seen = &verify->seen_seal;
    const struct store_seal *wanted = &verify->before_seal;
    bool is_told = verify->finding_count != verify->findings_before;
    if (seen->rows != wanted->rows)
        verify_find(verify, "%s: %llu rows should be there, %llu are", verify_seal_noun(which),
                    (unsigned long long)wanted->rows, (unsigned long long)seen->rows);
    else if (!is_told)
        verify_find(verify,
                    "%s: the rows are not those that were written, or their sum in the head row is "
                    "not: all %llu are there, at least one was changed and may have been written "
                    "anew since",
                    verify_seal_noun(which), (unsigned long long)seen->rows);
}
