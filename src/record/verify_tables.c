/* The key table, and the small named tables, against the records that made their rows. */
#include "record/verify_inside.h"

#include "base/text.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/restart_row.h"
#include "record/row.h"
#include "record/stop_row.h"
#include "record/trigger_row.h"

enum { TABLES_PAGE = 64, TABLES_NEWER_MAX = 4096, TABLES_NAME = 80 };

/* ---- keys ---- */

static void verify_hex(char out[2 * STORE_KEY_SIZE + 1], const unsigned char *hash)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < STORE_KEY_SIZE; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * STORE_KEY_SIZE] = '\0';
}

/* An action that was admitted after the head of this run. */
static enum err verify_is_newer(struct verify *verify, uint64_t id, bool *out_is_newer)
{
    struct store_action action = {0};
    struct row row = {0};
    *out_is_newer = false;
    enum err err = verify->store->get_action(verify->store->impl, id, &verify->page, &action);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err == ERR_OK && row_decode(action.row, &row) == ERR_OK)
        *out_is_newer = row.first_seq > verify->head_seq;
    return err;
}

static enum err verify_key_action(struct verify *verify, const struct store_key *key)
{
    char hex[2 * STORE_KEY_SIZE + 1];
    bool is_newer = false;
    verify->keys++;
    verify_seal_key(verify, key);
    if (verify_action(verify, key->action))
        return ERR_OK;
    enum err err = verify_is_newer(verify, key->action, &is_newer);
    verify_hex(hex, key->hash);
    if (err == ERR_OK && !is_newer)
        verify_find(verify, "key %s: it leads to an action that no record admitted", hex);
    return err;
}

static enum err verify_key_record(struct verify *verify, const struct store_key *key)
{
    char hex[2 * STORE_KEY_SIZE + 1];
    struct record record = {0};
    struct verify_action *action = verify_action(verify, key->action);
    if (!action)
        return ERR_OK; /* told, or newer */
    enum err err = verify_read_record(verify, action->first_seq, &record);
    if (err == ERR_NOT_FOUND || err == ERR_CORRUPT)
        return ERR_OK; /* told while the records were read */
    if (err != ERR_OK)
        return err;
    bool is_key = record.has_key && memcmp(record.key_hash, key->hash, STORE_KEY_SIZE) == 0;
    bool is_run = record.has_run && memcmp(record.run_hash, key->hash, STORE_KEY_SIZE) == 0;
    verify_hex(hex, key->hash);
    if (!is_key && !is_run)
        verify_find(verify, "key %s: it leads to an action whose record %llu has another key", hex,
                    (unsigned long long)action->first_seq);
    return ERR_OK; /* the fingerprint was compared from the record's side */
}

/* Keys that fit their sum need no look at their records, which lie all over the file: a third of
 * the time of a run. Else they are walked once more, to name the one that is wrong. */
static enum err verify_end_keys(struct verify *verify, bool *out_is_done)
{
    enum err err = ERR_OK;
    if (!verify->are_keys_read)
        err = verify_seal_compare(verify, STORE_SEAL_KEYS, &verify->key_seal);
    *out_is_done = verify->are_keys_read || verify->key_seal == VERIFY_SEAL_FITS;
    if (verify->are_keys_read && verify->key_seal == VERIFY_SEAL_DIFFERS)
        verify_seal_tell(verify, STORE_SEAL_KEYS);
    verify->are_keys_read = true;
    verify->has_after_key = false;
    return err;
}

enum err verify_keys_page(struct verify *verify, bool *out_is_done)
{
    struct store_key *page = ARENA_ARRAY(&verify->page, TABLES_PAGE, struct store_key);
    size_t count = 0;
    if (!page)
        return ERR_NO_MEMORY;
    enum err err = verify->are_keys_read ? ERR_OK : verify_seal_begin(verify, STORE_SEAL_KEYS);
    if (err != ERR_OK)
        return err;
    err = verify->store->list_keys(verify->store->impl,
                                   verify->has_after_key ? verify->after_key : NULL, TABLES_PAGE,
                                   page, &count);
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        memcpy(verify->after_key, page[i].hash, STORE_KEY_SIZE);
        verify->has_after_key = true;
        err = verify->are_keys_read ? verify_key_record(verify, &page[i])
                                    : verify_key_action(verify, &page[i]);
    }
    return err == ERR_OK && count < TABLES_PAGE ? verify_end_keys(verify, out_is_done) : err;
}

/* ---- named rows ---- */

/* Did a record after the head of this run make the row? Looks at the first ones only. */
static enum err verify_is_made_since(struct verify *verify, const unsigned char *digest,
                                     bool *out_is_made)
{
    *out_is_made = false;
    for (uint64_t i = 1; i <= TABLES_NEWER_MAX && !*out_is_made; i++) {
        struct record record = {0};
        enum err err = verify_read_record(verify, verify->head_seq + i, &record);
        if (err == ERR_NOT_FOUND)
            return ERR_OK;
        if (err != ERR_OK && err != ERR_CORRUPT)
            return err;
        *out_is_made = err == ERR_OK && memcmp(record.row, digest, RECORD_DIGEST) == 0;
    }
    return ERR_OK;
}

/* What the row of a stop or an incident says of it, for people; nothing of others. */
static const char *verify_thing_says(const struct verify *verify, const struct store_row *row)
{
    struct stop stop = {0};
    struct incident_row incident = {0};
    if (verify->table != STORE_STOPS && verify->table != STORE_INCIDENTS)
        return "";
    if (verify->table == STORE_STOPS && stop_row_decode(row->value, &stop) == ERR_OK)
        return stop.is_lifted ? ", lifted" : ", in force";
    if (verify->table == STORE_INCIDENTS && incident_row_decode(row->value, &incident) == ERR_OK)
        return incident.is_closed ? ", closed" : ", open";
    return ", which cannot be read";
}

static uint64_t verify_row_id(const struct store_row *row, const char *prefix)
{
    uint64_t id = 0;
    return text_parse_id(row->key, prefix, &id) ? id : 0;
}

/* A row that is not that of the newest record about its thing. id: 0 = its key names none. */
static enum err verify_thing_row(struct verify *verify, struct verify_things *things,
                                 const char *noun, uint64_t id, const struct store_row *row)
{
    unsigned char digest[DIGEST_SHORT];
    bool is_made = false;
    struct verify_thing *thing = id ? verify_thing(things, id) : NULL;
    struct slice name = slice_first(row->key, TABLES_NAME);
    digest_short(row->value, digest);
    if (thing)
        thing->is_seen = true;
    if (thing && memcmp(digest, thing->row, DIGEST_SHORT) == 0)
        return ERR_OK;
    enum err err = verify_is_made_since(verify, digest, &is_made);
    if (err != ERR_OK || is_made)
        return err;
    if (thing)
        verify_find(verify, "%s %.*s%s: its row is not what record %llu made it", noun,
                    SLICE_FMT(name), verify_thing_says(verify, row),
                    (unsigned long long)thing->seq);
    else
        verify_find(verify, "%s %.*s%s: it has a row, but no record made it", noun, SLICE_FMT(name),
                    verify_thing_says(verify, row));
    return ERR_OK;
}

static enum err verify_made_row(struct verify *verify, const char *noun,
                                const struct store_row *row)
{
    unsigned char digest[DIGEST_SHORT];
    bool is_made = false;
    digest_short(row->value, digest);
    for (size_t i = 0; i < verify->tokens.count; i++)
        if (memcmp(verify->tokens.items[i].row, digest, DIGEST_SHORT) == 0)
            return ERR_OK;
    enum err err = verify_is_made_since(verify, digest, &is_made);
    if (err == ERR_OK && !is_made)
        verify_find(verify, "%s %.*s…: no record made it", noun,
                    SLICE_FMT(slice_first(row->key, 16)));
    return err;
}

/* Did a record after the head of this run say it of that incident, or stop? */
static enum err verify_is_said_since(struct verify *verify, enum record_kind kind, uint64_t id,
                                     bool *out_is_said)
{
    *out_is_said = false;
    for (uint64_t i = 1; i <= TABLES_NEWER_MAX && !*out_is_said; i++) {
        struct record record = {0};
        enum err err = verify_read_record(verify, verify->head_seq + i, &record);
        if (err == ERR_NOT_FOUND)
            return ERR_OK;
        if (err != ERR_OK && err != ERR_CORRUPT)
            return err;
        *out_is_said = err == ERR_OK && record.kind == kind &&
                       (kind == RECORD_STOP ? record.stop : record.incident) == id;
    }
    return ERR_OK;
}

/* Somebody said no, says its row: does a record? */
static enum err verify_restart_no(struct verify *verify, uint64_t id, struct slice name)
{
    bool is_said = false;
    if (verify_thing(&verify->rejected, id))
        return ERR_OK;
    enum err err = verify_is_said_since(verify, RECORD_RESTART_REJECTED, id, &is_said);
    if (err == ERR_OK && !is_said)
        verify_find(verify,
                    "restart of %.*s: its row says that it was rejected, but no record does",
                    SLICE_FMT(name));
    return err;
}

/* Its ramp moves with actions, so the bytes are no record's; but nobody starts again what nobody
 * asked for, or nobody approved (I11). */
static enum err verify_restart_row(struct verify *verify, const struct store_row *stored)
{
    struct restart_row row = {0};
    uint64_t id = 0;
    bool is_said = false;
    struct slice name = slice_first(stored->key, TABLES_NAME);
    if (!text_parse_id(stored->key, ID_INCIDENT, &id) ||
        restart_row_decode(stored->value, &row) != ERR_OK || row.incident != id) {
        verify_find(verify, "restart of %.*s: its row cannot be read", SLICE_FMT(name));
        return ERR_OK;
    }
    if (row.rejected.by[0] || row.withdrawn.by[0]) {
        enum err no_err = verify_restart_no(verify, id, name);
        if (no_err != ERR_OK)
            return no_err;
    }
    bool is_approved = row.is_ramping || row.approved_unix_ms != 0;
    enum record_kind kind = is_approved ? RECORD_RESTART_APPROVED : RECORD_RESTART_ASKED;
    if (verify_thing(is_approved ? &verify->approved : &verify->asked, id))
        return ERR_OK;
    enum err err = verify_is_said_since(verify, kind, id, &is_said);
    if (err == ERR_OK && !is_said)
        verify_find(verify, "restart of %.*s: its row says that it was %s, but no record does",
                    SLICE_FMT(name), is_approved ? "approved" : "asked for");
    return err;
}

/* What it has counted is moved by many records; a stop that it says it put in force is a record's.
 */
static enum err verify_trigger_row(struct verify *verify, const struct store_row *stored)
{
    struct trigger_row row = {0};
    bool is_said = false;
    if (trigger_row_decode(stored->value, &row) != ERR_OK) {
        char hex[2 * STORE_KEY_SIZE + 1] = "another size";
        if (stored->key.size == STORE_KEY_SIZE)
            verify_hex(hex, (const unsigned char *)stored->key.at);
        verify_find(verify,
                    "a trigger, of key %s: its row cannot be read: it is damaged, or of another "
                    "version of interlock",
                    hex);
        return ERR_OK;
    }
    uint64_t stops[] = {row.stop, row.caution};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        if (stops[i] == 0 || verify_thing(&verify->stops, stops[i]))
            continue;
        enum err err = verify_is_said_since(verify, RECORD_STOP, stops[i], &is_said);
        if (err != ERR_OK)
            return err;
        if (!is_said)
            verify_find(verify, "a trigger of %.*s: its row names a stop that no record made",
                        SLICE_FMT(slice_first(row.workflow, TABLES_NAME)));
    }
    return ERR_OK;
}

/* A configuration is named by the hash of its text. */
static void verify_policy_row(struct verify *verify, const struct store_row *row)
{
    unsigned char digest[DIGEST_SIZE];
    unsigned char name[DIGEST_SIZE];
    digest_bytes(row->value, digest);
    if (!text_parse_hex(row->key, name, sizeof name) || memcmp(name, digest, DIGEST_SIZE) != 0)
        verify_find(verify, "configuration %.*s…: its text is not the one of that name",
                    SLICE_FMT(slice_first(row->key, 16)));
}

static enum err verify_row(struct verify *verify, const struct store_row *row)
{
    switch (verify->table) {
    case STORE_STOPS:
        return verify_thing_row(verify, &verify->stops, "stop", verify_row_id(row, ID_STOP), row);
    case STORE_INCIDENTS:
        return verify_thing_row(verify, &verify->incidents, "incident",
                                verify_row_id(row, ID_INCIDENT), row);
    case STORE_TOKENS:
        return verify_made_row(verify, "token", row);
    case STORE_AWAY:
        return verify_thing_row(verify, &verify->away, "the absence of", verify_name_id(row->key),
                                row);
    case STORE_PLANS:
        return verify_thing_row(verify, &verify->plans, "the signed plan of",
                                verify_name_id(row->key), row);
    case STORE_POLICIES:
        verify_policy_row(verify, row);
        return ERR_OK;
    case STORE_AUDITS:
        return verify_audit_row(verify, row);
    case STORE_LABELS:
        return verify_label_row(verify, row);
    case STORE_TRIGGERS:
        return verify_trigger_row(verify, row);
    case STORE_RESTARTS:
        return verify_restart_row(verify, row);
    case STORE_UNDONE:
        verify_undone_row(verify, row);
        return ERR_OK;
    case STORE_META:
    case STORE_COUNTS:
    case STORE_UPSTREAMS:
    case STORE_LADDERS:
    case STORE_NOTICES:
    case STORE_JOURNALS:
    case STORE_REPEATS:
    case STORE_SIGNALS:
    case STORE_TABLE_COUNT:
        break; /* their seal proves them */
    }
    return ERR_OK;
}

/* The things that records made, whose rows stand in this table. NULL: each has its own way. */
static struct verify_things *verify_things_of(struct verify *verify, const char **out_noun)
{
    switch (verify->table) {
    case STORE_STOPS:
        *out_noun = "the stop";
        return &verify->stops;
    case STORE_INCIDENTS:
        *out_noun = "the incident";
        return &verify->incidents;
    case STORE_AWAY:
        *out_noun = "the absence";
        return &verify->away;
    case STORE_PLANS:
        *out_noun = "the signed plan";
        return &verify->plans;
    case STORE_META:
    case STORE_POLICIES:
    case STORE_TOKENS:
    case STORE_COUNTS:
    case STORE_UPSTREAMS:
    case STORE_AUDITS:
    case STORE_LABELS:
    case STORE_LADDERS:
    case STORE_NOTICES:
    case STORE_JOURNALS:
    case STORE_TRIGGERS:
    case STORE_REPEATS:
    case STORE_SIGNALS:
    case STORE_RESTARTS:
    case STORE_UNDONE:
    case STORE_TABLE_COUNT:
        break;
    }
    return NULL;
}

/* What records made and whose row is gone: a stop would be forgotten (I7). Who is back from an
 * absence has no row, and may have come back since this run began. */
static void verify_missing_things(struct verify *verify)
{
    const char *noun = "";
    unsigned char none[DIGEST_SHORT];
    struct verify_things *things = verify_things_of(verify, &noun);
    bool may_go = verify->table == STORE_AWAY;
    digest_short((struct slice){0}, none);
    for (size_t i = 0; things && i < things->count; i++) {
        const struct verify_thing *thing = &things->items[i];
        bool is_removed = may_go && memcmp(thing->row, none, DIGEST_SHORT) == 0;
        if (!thing->is_seen && !is_removed && (!may_go || verify_is_still(verify)))
            verify_find(verify, "%s of record %llu: its row is gone", noun,
                        (unsigned long long)thing->seq);
    }
}

static enum err verify_end_table(struct verify *verify, bool *out_is_done)
{
    verify_missing_things(verify);
    if (verify->table == STORE_LABELS)
        verify_missing_labels(verify);
    if (verify->table == STORE_UNDONE)
        verify_missing_undone(verify);
    enum verify_seal seal = VERIFY_SEAL_UNKNOWN;
    enum err err = verify_seal_compare(verify, STORE_SEAL_ROWS(verify->table), &seal);
    if (seal == VERIFY_SEAL_DIFFERS)
        verify_seal_tell(verify, STORE_SEAL_ROWS(verify->table));
    verify->table++;
    verify->after_row_size = 0;
    *out_is_done = verify->table == STORE_TABLE_COUNT;
    return err;
}

/* One page of one table. *inout_rows: how many rows were looked at. */
static enum err verify_table_page(struct verify *verify, struct store_row *page,
                                  uint64_t *inout_rows, bool *out_is_done)
{
    size_t count = 0;
    enum err err = verify_seal_begin(verify, STORE_SEAL_ROWS(verify->table));
    if (err == ERR_OK)
        err = verify->store->list_rows(verify->store->impl, verify->table,
                                       slice_of(verify->after_row, verify->after_row_size),
                                       TABLES_PAGE, &verify->page, page, &count);
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        uint64_t findings = verify->finding_count;
        if (page[i].key.size > sizeof verify->after_row)
            return ERR_CORRUPT;
        memcpy(verify->after_row, page[i].key.at, page[i].key.size);
        verify->after_row_size = page[i].key.size;
        err = verify_row(verify, &page[i]);
        verify_seal_row(verify, &page[i], findings);
    }
    *inout_rows += count;
    if (err == ERR_OK && count < TABLES_PAGE)
        return verify_end_table(verify, out_is_done);
    return err;
}

/* Most tables are short: several of them in one step. */
enum err verify_tables_page(struct verify *verify, bool *out_is_done)
{
    struct store_row *page = ARENA_ARRAY(&verify->page, TABLES_PAGE, struct store_row);
    uint64_t rows = 0;
    enum err err = page ? ERR_OK : ERR_NO_MEMORY;
    while (err == ERR_OK && !*out_is_done && rows < TABLES_PAGE)
        err = verify_table_page(verify, page, &rows, out_is_done);
    return err;
}
