#include "api/proof.h"

#include "base/limits.h"
#include "base/text.h"
#include "record/bundle.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/record.h"
#include "record/row.h"

static_assert((int)STORE_HASH_SIZE == (int)DIGEST_SIZE, "the chain is made of whole SHA-256");

void proof_begin(struct proof *proof)
{
    *proof = (struct proof){.next_seq = 1};
}

static void proof_break(struct proof *proof, uint64_t seq, const char *what)
{
    if (proof->broken)
        return;
    proof->broken = what;
    proof->broken_seq = seq;
}

/* ---- the chain ---- */

static void proof_chain(struct proof *proof, const struct store_record *stored)
{
    unsigned char seq[8], hash[DIGEST_SIZE];
    for (size_t i = 0; i < sizeof seq; i++)
        seq[i] = (unsigned char)(stored->seq >> (56 - 8 * i));
    const struct slice parts[] = {slice_of(proof->previous, STORE_HASH_SIZE),
                                  slice_of(seq, sizeof seq), stored->body};
    digest_parts(parts, sizeof parts / sizeof *parts, hash);
    if (stored->seq != proof->next_seq)
        proof_break(proof, proof->next_seq, "this record is not there");
    else if (memcmp(hash, stored->hash, DIGEST_SIZE) != 0)
        proof_break(proof, stored->seq,
                    "its bytes, or those before it, are not the ones that were written");
    memcpy(proof->previous, stored->hash, STORE_HASH_SIZE);
    proof->next_seq = stored->seq + 1;
}

/* ---- payloads ---- */

static bool proof_is_erased(const struct store_port *store, uint64_t action, struct arena *arena)
{
    struct store_action stored = {0};
    struct row row = {0};
    return store->get_action(store->impl, action, arena, &stored) == ERR_OK &&
           row_decode(stored.row, &row) == ERR_OK && row.erased_unix_ms != 0;
}

static enum err proof_payload(const struct store_port *store, struct proof *proof,
                              const struct record *record, struct arena *arena)
{
    static const char *const labels[] = {BUNDLE_LABEL_SUBMIT, BUNDLE_LABEL_OUTCOME,
                                         BUNDLE_LABEL_WORDS};
    struct slice stored = {0}, value;
    if (!record->has_payload)
        return ERR_OK;
    enum err err = store->get_payload(store->impl, record->seq, arena, &stored);
    if (err == ERR_NOT_FOUND) {
        if (record->action == 0 || !proof_is_erased(store, record->action, arena))
            proof_break(proof, record->seq, "its payload is gone, and nothing says it was erased");
        return ERR_OK;
    }
    for (size_t i = 0; err == ERR_OK && i < sizeof labels / sizeof *labels; i++)
        if (bundle_open(stored, labels[i], record->payload, &value) == ERR_OK)
            return ERR_OK;
    if (err == ERR_OK)
        proof_break(proof, record->seq, "its payload is not the one that was written");
    return err;
}

/* ---- rows ---- */

/* Once for each action, at its first record: the row is the one of its last record. */
static enum err proof_action(const struct store_port *store, struct proof *proof,
                             const struct record *record, struct arena *arena)
{
    struct store_action stored = {0};
    struct store_record last = {0};
    struct record last_record = {0};
    struct row row = {0};
    unsigned char digest[DIGEST_SHORT];
    enum err err = store->get_action(store->impl, record->action, arena, &stored);
    proof->admitted++;
    if (err == ERR_NOT_FOUND) {
        proof_break(proof, record->seq, "the row of its action is not there");
        return ERR_OK;
    }
    if (err != ERR_OK)
        return err;
    if (row_decode(stored.row, &row) != ERR_OK || row.action.id != record->action) {
        proof_break(proof, record->seq, "the row of its action cannot be read");
        return ERR_OK;
    }
    err = store->get_record(store->impl, row.last_seq, arena, &last);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    digest_short(stored.row, digest);
    if (err == ERR_NOT_FOUND || row.last_seq < record->seq ||
        record_decode(last.body, arena, &last_record) != ERR_OK ||
        last_record.action != record->action || memcmp(digest, last_record.row, DIGEST_SHORT) != 0)
        proof_break(proof, record->seq,
                    "the row of its action is not the one that was written last");
    return ERR_OK;
}

static struct proof_doubt *proof_find_doubt(struct proof *proof, enum store_table table,
                                            uint64_t id)
{
    for (size_t i = 0; i < proof->doubt_count; i++)
        if (proof->doubts[i].table == table && proof->doubts[i].id == id)
            return &proof->doubts[i];
    return NULL;
}

/* The row of a stop or an incident has no sequence in it: each record about it is compared, and the
 * last one must be equal. */
static enum err proof_control(const struct store_port *store, struct proof *proof,
                              const struct record *record, struct arena *arena)
{
    bool is_incident = record->kind == RECORD_INCIDENT;
    enum store_table table = is_incident ? STORE_INCIDENTS : STORE_STOPS;
    uint64_t id = is_incident ? record->incident : record->stop;
    struct slice value = {0};
    struct buf key;
    unsigned char digest[DIGEST_SHORT] = {0};
    buf_init(&key, TEXT_ID_MAX);
    text_add_id(&key, is_incident ? ID_INCIDENT : ID_STOP, id);
    enum err err = store->get_row(store->impl, table, buf_slice(&key), arena, &value);
    buf_done(&key);
    if (err == ERR_OK)
        digest_short(value, digest);
    else if (err != ERR_NOT_FOUND)
        return err;
    struct proof_doubt *doubt = proof_find_doubt(proof, table, id);
    if (err == ERR_OK && memcmp(digest, record->row, DIGEST_SHORT) == 0) {
        if (doubt)
            *doubt = proof->doubts[--proof->doubt_count];
    } else if (doubt) {
        doubt->seq = record->seq;
    } else if (proof->doubt_count < PROOF_DOUBTS) {
        proof->doubts[proof->doubt_count++] = (struct proof_doubt){table, id, record->seq};
    } else {
        return ERR_LIMIT; /* PROOF_DOUBTS: more rows differ than a log can explain at once */
    }
    return ERR_OK;
}

static enum err proof_rows(const struct store_port *store, struct proof *proof,
                           const struct record *record, struct arena *arena)
{
    bool is_about_stop = record->kind == RECORD_STOP || record->kind == RECORD_STOPPED ||
                         record->kind == RECORD_RESTART || record->kind == RECORD_INCIDENT;
    if (record->kind == RECORD_ADMITTED)
        return proof_action(store, proof, record, arena);
    return is_about_stop ? proof_control(store, proof, record, arena) : ERR_OK;
}

/* ---- pages ---- */

static enum err proof_one(const struct store_port *store, struct proof *proof,
                          const struct store_record *stored)
{
    struct arena arena;
    struct record record = {0};
    arena_init(&arena, LIMIT_API_ARENA);
    proof_chain(proof, stored);
    enum err err = ERR_OK;
    if (proof->broken) {
        arena_done(&arena);
        return ERR_OK;
    }
    if (record_decode(stored->body, &arena, &record) != ERR_OK)
        proof_break(proof, stored->seq, "it cannot be read");
    record.seq = stored->seq;
    if (!proof->broken)
        err = proof_payload(store, proof, &record, &arena);
    if (err == ERR_OK && !proof->broken)
        err = proof_rows(store, proof, &record, &arena);
    arena_done(&arena);
    return err;
}

enum err proof_page(const struct store_port *store, struct proof *proof, size_t limit,
                    size_t *out_count)
{
    struct arena arena;
    arena_init(&arena, LIMIT_API_ARENA);
    size_t count = limit;
    struct store_record *records = ARENA_ARRAY(&arena, limit, struct store_record);
    enum err err =
        records ? store->list_records(store->impl, proof->next_seq, limit, &arena, records, &count)
                : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count && !proof->broken; i++)
        err = proof_one(store, proof, &records[i]);
    if (err == ERR_OK)
        *out_count = count;
    arena_done(&arena);
    return err;
}

void proof_end(const struct store_port *store, struct proof *proof, bool is_quiet)
{
    struct store_counts counts = {0};
    uint64_t head = 0;
    unsigned char hash[STORE_HASH_SIZE];
    store->head(store->impl, &head, hash);
    if (proof->next_seq <= head)
        proof_break(proof, proof->next_seq, "this record is not there");
    if (proof->doubt_count > 0)
        proof_break(proof, proof->doubts[0].seq,
                    proof->doubts[0].table == STORE_STOPS
                        ? "the row of its stop is not the one that was written last"
                        : "the row of its incident is not the one that was written last");
    store->counts(store->impl, &counts);
    if (is_quiet && counts.open_actions + counts.ended_actions != proof->admitted)
        proof_break(proof, head, "there are actions that no record began, or the other way round");
}

bool proof_has(const struct store_port *store, uint64_t seq,
               const unsigned char hash[STORE_HASH_SIZE])
{
    struct arena arena;
    struct store_record stored = {0};
    arena_init(&arena, LIMIT_API_ARENA);
    bool is_there = store->get_record(store->impl, seq, &arena, &stored) == ERR_OK &&
                    memcmp(stored.hash, hash, STORE_HASH_SIZE) == 0;
    arena_done(&arena);
    return is_there;
}

/* ---- the cursor ---- */

void proof_add_cursor(const struct proof *proof, struct buf *out)
{
    buf_add_u64(out, proof->next_seq);
    buf_add_byte(out, '-');
    text_add_hex(out, slice_of(proof->previous, STORE_HASH_SIZE));
    for (size_t i = 0; i < proof->doubt_count; i++) {
        bool is_stop = proof->doubts[i].table == STORE_STOPS;
        buf_add_byte(out, '-');
        text_add_id(out, is_stop ? ID_STOP : ID_INCIDENT, proof->doubts[i].id);
        buf_add_byte(out, '.');
        buf_add_u64(out, proof->doubts[i].seq);
    }
}

static struct slice proof_take(struct slice *rest)
{
    size_t end = slice_find(*rest, '-');
    struct slice part = slice_first(*rest, end);
    *rest = slice_from(*rest, end + 1);
    return part;
}

static bool proof_parse_doubt(struct slice text, struct proof *proof)
{
    size_t dot = slice_find(text, '.');
    struct slice id = slice_first(text, dot);
    struct proof_doubt doubt = {.table = STORE_STOPS};
    if (proof->doubt_count == PROOF_DOUBTS)
        return false;
    if (!text_parse_id(id, ID_STOP, &doubt.id)) {
        doubt.table = STORE_INCIDENTS;
        if (!text_parse_id(id, ID_INCIDENT, &doubt.id))
            return false;
    }
    if (!slice_to_u64(slice_from(text, dot + 1), INT64_MAX, &doubt.seq))
        return false;
    proof->doubts[proof->doubt_count++] = doubt;
    return true;
}

bool proof_parse_cursor(struct slice cursor, struct proof *out_proof)
{
    struct proof proof = {0};
    if (!slice_to_u64(proof_take(&cursor), INT64_MAX, &proof.next_seq) || proof.next_seq == 0 ||
        !text_parse_hex(proof_take(&cursor), proof.previous, STORE_HASH_SIZE))
        return false;
    while (cursor.size > 0)
        if (!proof_parse_doubt(proof_take(&cursor), &proof))
            return false;
    *out_proof = proof;
    return true;
}
