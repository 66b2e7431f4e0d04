#include "store/sqlite_apply.h"

#include <assert.h>

#include "base/check.h"
#include "record/seal.h"

enum sqlite_apply_statement {
    APPLY_BEGIN,
    APPLY_COMMIT,
    APPLY_ROLLBACK,
    APPLY_HEAD,
    APPLY_RECORD,
    APPLY_PAYLOAD,
    APPLY_ERASE,
    APPLY_OPEN_INSERT,
    APPLY_OPEN_UPDATE,
    APPLY_OPEN_FREEZE,
    APPLY_OPEN_ORDER,
    APPLY_OPEN_DELETE,
    APPLY_ENDED_INSERT,
    APPLY_ENDED_UPDATE,
    APPLY_ENDED_DELETE,
    APPLY_KEY_ADD,
    APPLY_KEY_READ,
    APPLY_KEY_CHANGE,
    APPLY_ROW_READ,
    APPLY_ROW,
    APPLY_ROW_REMOVE,
    APPLY_COUNT
};

static_assert((int)APPLY_COUNT == (int)SQLITE_APPLY_STATEMENTS, "room for each");

static const char *const sqlite_apply_sql[APPLY_COUNT] = {
    [APPLY_BEGIN] = "BEGIN IMMEDIATE",
    [APPLY_COMMIT] = "COMMIT",
    [APPLY_ROLLBACK] = "ROLLBACK",
    [APPLY_HEAD] = "UPDATE head SET seq = ?1, hash = ?2, open_count = ?3, ended_count = ?4,"
                   " seals = ?5",
    [APPLY_RECORD] = "INSERT INTO records(seq, hash, body) VALUES (?1, ?2, ?3)",
    [APPLY_PAYLOAD] = "INSERT INTO payloads(seq, is_erased, bytes) VALUES (?1, 0, ?2)",
    /* The new row has the size of the old one, so SQLite overwrites its bytes where they are. With
     * DELETE, also under secure_delete, 3 of 2000 stayed readable: in the free part of a page from
     * which they had been moved when their neighbours went. */
    [APPLY_ERASE] = "UPDATE payloads SET is_erased = 1, bytes = zeroblob(length(bytes))"
                    " WHERE seq = ?1 AND is_erased = 0",
    [APPLY_OPEN_INSERT] =
        "INSERT INTO open_actions(id, body, queue, due, scope, upstream, people_due,"
        " frozen, order_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, x''))",
    [APPLY_OPEN_UPDATE] = "UPDATE open_actions SET body = ?2, queue = ?3, due = ?4, scope = ?5,"
                          " upstream = ?6, people_due = ?7 WHERE id = ?1",
    [APPLY_OPEN_FREEZE] = "UPDATE open_actions SET body = ?2, queue = ?3, due = ?4, scope = ?5,"
                          " upstream = ?6, people_due = ?7, frozen = ?8 WHERE id = ?1",
    [APPLY_OPEN_ORDER] = "UPDATE open_actions SET order_key = ?2 WHERE id = ?1",
    [APPLY_OPEN_DELETE] = "DELETE FROM open_actions WHERE id = ?1",
    [APPLY_ENDED_INSERT] = "INSERT INTO ended_actions(id, body) VALUES (?1, ?2)",
    [APPLY_ENDED_UPDATE] = "UPDATE ended_actions SET body = ?2 WHERE id = ?1",
    [APPLY_ENDED_DELETE] = "DELETE FROM ended_actions WHERE id = ?1",
    [APPLY_KEY_ADD] = "INSERT INTO keys(hash, fingerprint, action) VALUES (?1, ?2, ?3)"
                      " ON CONFLICT (hash) DO NOTHING",
    [APPLY_KEY_READ] = "SELECT fingerprint, action FROM keys WHERE hash = ?1",
    [APPLY_KEY_CHANGE] = "UPDATE keys SET fingerprint = ?2, action = ?3 WHERE hash = ?1",
    [APPLY_ROW_READ] = "SELECT value FROM small_rows WHERE tab = ?1 AND key = ?2",
    [APPLY_ROW] = "INSERT INTO small_rows(tab, key, value, sum) VALUES (?1, ?2, ?3, ?4)"
                  " ON CONFLICT (tab, key) DO UPDATE SET value = excluded.value,"
                  " sum = excluded.sum",
    [APPLY_ROW_REMOVE] = "DELETE FROM small_rows WHERE tab = ?1 AND key = ?2",
};

enum err sqlite_apply_read_head(sqlite3 *db, struct sqlite_head *out_head)
{
    sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db,
                               "SELECT seq, hash, open_count, ended_count,"
                               " coalesce((SELECT max(id) FROM open_actions), 0),"
                               " coalesce((SELECT max(id) FROM ended_actions), 0), seals"
                               " FROM head",
                               &statement);
    if (err == ERR_OK)
        err = sql_row(statement);
    if (err == ERR_OK && sql_bytes(statement, 1).size != STORE_HASH_SIZE)
        err = ERR_CORRUPT;
    if (err == ERR_OK) {
        *out_head = (struct sqlite_head){.seq = sql_u64(statement, 0),
                                         .open_count = sql_u64(statement, 2),
                                         .ended_count = sql_u64(statement, 3),
                                         .newest_open = sql_u64(statement, 4),
                                         .newest_ended = sql_u64(statement, 5)};
        memcpy(out_head->hash, sql_bytes(statement, 1).at, STORE_HASH_SIZE);
        /* Damaged sums hold nothing up: they begin anew, and verify goes on saying so. */
        if (seals_decode(sql_bytes(statement, 6), out_head->seals) != ERR_OK)
            memset(out_head->seals, 0, sizeof out_head->seals);
    }
    sql_finalize(&statement, 1);
    return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}

/* Going on from another place than the last record would hide that records were cut off. */
static enum err sqlite_apply_check_head(sqlite3 *db, const struct sqlite_head *head)
{
    sqlite3_stmt *statement = NULL;
    enum err err =
        sql_prepare(db, "SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1", &statement);
    if (err == ERR_OK)
        err = sql_row(statement);
    if (err == ERR_NOT_FOUND)
        err = head->seq == 0 ? ERR_OK : ERR_CORRUPT;
    else if (err == ERR_OK &&
             (sql_u64(statement, 0) != head->seq ||
              !slice_equal(sql_bytes(statement, 1), slice_of(head->hash, sizeof head->hash))))
        err = ERR_CORRUPT;
    sql_finalize(&statement, 1);
    return err;
}

enum err sqlite_apply_init(struct sqlite_apply *apply, sqlite3 *db)
{
    *apply = (struct sqlite_apply){.db = db};
    enum err err = chainer_init(&apply->chainer);
    for (size_t i = 0; i < APPLY_COUNT && err == ERR_OK; i++)
        err = sql_prepare(db, sqlite_apply_sql[i], &apply->statements[i]);
    if (err == ERR_OK)
        err = sqlite_apply_read_head(db, &apply->head);
    if (err == ERR_OK)
        err = sqlite_apply_check_head(db, &apply->head);
    return err;
}

void sqlite_apply_done(struct sqlite_apply *apply)
{
    sql_finalize(apply->statements, APPLY_COUNT);
    chainer_done(&apply->chainer);
}

static enum err sqlite_apply_record(struct sqlite_apply *apply, const struct store_write *write)
{
    CHECK(write->seq == apply->head.seq + 1); /* port/store.h invariant 2 */
    enum err err = chainer_next(&apply->chainer, apply->head.hash, write->seq, write->record,
                                apply->head.hash);
    if (err != ERR_OK)
        return err;
    apply->head.seq = write->seq;
    sqlite3_stmt *insert = apply->statements[APPLY_RECORD];
    sql_bind_u64(insert, 1, write->seq);
    sql_bind_blob(insert, 2, slice_of(apply->head.hash, STORE_HASH_SIZE));
    sql_bind_blob(insert, 3, write->record);
    err = sql_run(insert);
    if (err != ERR_OK || write->payload.size == 0)
        return err;
    insert = apply->statements[APPLY_PAYLOAD];
    sql_bind_u64(insert, 1, write->seq);
    sql_bind_blob(insert, 2, write->payload);
    return sql_run(insert);
}

/* Deletes the action from one place. */
static enum err sqlite_apply_leave(struct sqlite_apply *apply, enum sqlite_apply_statement which,
                                   uint64_t id, bool *out_was_there)
{
    sql_bind_u64(apply->statements[which], 1, id);
    enum err err = sql_run(apply->statements[which]);
    if (err == ERR_OK)
        *out_was_there = sqlite3_changes(apply->db) > 0;
    return err;
}

static enum err sqlite_apply_run_open(struct sqlite_apply *apply, const struct store_write *write,
                                      enum sqlite_apply_statement which)
{
    sqlite3_stmt *statement = apply->statements[which];
    sql_bind_u64(statement, 1, write->action);
    sql_bind_blob(statement, 2, write->row);
    sql_bind_i64(statement, 3, write->queue);
    sql_bind_i64(statement, 4, write->due_unix_ms);
    sql_bind_text(statement, 5, write->scope);
    sql_bind_text(statement, 6, write->upstream);
    sql_bind_i64(statement, 7, write->people_due_unix_ms);
    if (which != APPLY_OPEN_UPDATE)
        sql_bind_blob(statement, 8, write->frozen);
    if (which == APPLY_OPEN_INSERT)
        sql_bind_blob(statement, 9, write->order);
    return sql_run(statement);
}

/* An open action belongs to another order key from here on. */
static enum err sqlite_apply_order(struct sqlite_apply *apply, const struct store_write *write)
{
    sqlite3_stmt *statement = apply->statements[APPLY_OPEN_ORDER];
    if (write->order.size == 0)
        return ERR_OK;
    sql_bind_u64(statement, 1, write->action);
    sql_bind_blob(statement, 2, write->order);
    return sql_run(statement);
}

static enum err sqlite_apply_open(struct sqlite_apply *apply, const struct store_write *write)
{
    struct sqlite_head *head = &apply->head;
    if (write->action <= head->newest_open) {
        bool has_frozen = write->frozen.size > 0;
        enum err err =
            sqlite_apply_run_open(apply, write, has_frozen ? APPLY_OPEN_FREEZE : APPLY_OPEN_UPDATE);
        if (err == ERR_OK && sqlite3_changes(apply->db) > 0)
            return sqlite_apply_order(apply, write);
        if (err != ERR_OK)
            return err;
    }
    if (write->action <= head->newest_ended) { /* one that ended may open again */
        bool was_ended = false;
        enum err err = sqlite_apply_leave(apply, APPLY_ENDED_DELETE, write->action, &was_ended);
        if (err != ERR_OK)
            return err;
        head->ended_count -= was_ended;
    }
    head->open_count++;
    if (write->action > head->newest_open)
        head->newest_open = write->action;
    return sqlite_apply_run_open(apply, write, APPLY_OPEN_INSERT);
}

static enum err sqlite_apply_run_ended(sqlite3_stmt *statement, const struct store_write *write)
{
    sql_bind_u64(statement, 1, write->action);
    sql_bind_blob(statement, 2, write->row);
    return sql_run(statement);
}

static enum err sqlite_apply_ended(struct sqlite_apply *apply, const struct store_write *write)
{
    struct sqlite_head *head = &apply->head;
    bool was_open = false;
    if (write->action <= head->newest_open) {
        enum err err = sqlite_apply_leave(apply, APPLY_OPEN_DELETE, write->action, &was_open);
        if (err != ERR_OK)
            return err;
        head->open_count -= was_open;
    }
    if (!was_open && write->action <= head->newest_ended) {
        enum err err = sqlite_apply_run_ended(apply->statements[APPLY_ENDED_UPDATE], write);
        if (err != ERR_OK || sqlite3_changes(apply->db) > 0)
            return err;
    }
    head->ended_count++;
    if (write->action > head->newest_ended)
        head->newest_ended = write->action;
    return sqlite_apply_run_ended(apply->statements[APPLY_ENDED_INSERT], write);
}

static enum err sqlite_apply_put_key(struct sqlite_apply *apply, const struct store_key *key,
                                     enum sqlite_apply_statement which)
{
    sqlite3_stmt *put = apply->statements[which];
    sql_bind_blob(put, 1, slice_of(key->hash, STORE_KEY_SIZE));
    sql_bind_blob(put, 2, slice_of(key->fingerprint, STORE_KEY_SIZE));
    sql_bind_u64(put, 3, key->action);
    return sql_run(put);
}

static enum err sqlite_apply_read_key(struct sqlite_apply *apply,
                                      const unsigned char hash[STORE_KEY_SIZE],
                                      struct store_key *out)
{
    struct store_key key = {0};
    sqlite3_stmt *read = apply->statements[APPLY_KEY_READ];
    memcpy(key.hash, hash, STORE_KEY_SIZE);
    sql_bind_blob(read, 1, slice_of(hash, STORE_KEY_SIZE));
    enum err err = sql_row(read);
    if (err == ERR_OK && sql_bytes(read, 0).size != STORE_KEY_SIZE)
        err = ERR_CORRUPT;
    if (err == ERR_OK) {
        memcpy(key.fingerprint, sql_bytes(read, 0).at, STORE_KEY_SIZE);
        key.action = sql_u64(read, 1);
        *out = key;
    }
    sql_reset(read);
    return err;
}

static enum err sqlite_apply_key(struct sqlite_apply *apply, const struct store_key *key)
{
    struct store_seal *seal = &apply->head.seals[STORE_SEAL_KEYS];
    unsigned char digest[DIGEST_SIZE];
    enum err err = sqlite_apply_put_key(apply, key, APPLY_KEY_ADD);
    if (err == ERR_OK && sqlite3_changes(apply->db) == 0) { /* there is one: seldom */
        struct store_key held = {0};
        err = sqlite_apply_read_key(apply, key->hash, &held);
        if (err == ERR_OK && held.action != key->action && held.action != key->replaces)
            err = ERR_CONFLICT; /* port/store.h invariant 3 */
        if (err == ERR_OK) {
            seal_key(&held, digest);
            seal_take(seal, digest);
            err = sqlite_apply_put_key(apply, key, APPLY_KEY_CHANGE);
        }
    }
    if (err != ERR_OK)
        return err;
    seal_key(key, digest);
    seal_put(seal, digest);
    return ERR_OK;
}

/* Takes the row that stands there out of the seal of its table. */
static enum err sqlite_apply_unseal(struct sqlite_apply *apply, const struct store_row *row)
{
    unsigned char digest[DIGEST_SIZE];
    sqlite3_stmt *read = apply->statements[APPLY_ROW_READ];
    sql_bind_i64(read, 1, row->table);
    sql_bind_blob(read, 2, row->key);
    enum err err = sql_row(read);
    if (err == ERR_OK) {
        seal_row(row->table, row->key, sql_bytes(read, 0), digest);
        seal_take(&apply->head.seals[STORE_SEAL_ROWS(row->table)], digest);
    }
    sql_reset(read);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err sqlite_apply_row(struct sqlite_apply *apply, const struct store_row *row)
{
    unsigned char digest[DIGEST_SIZE];
    sqlite3_stmt *put = apply->statements[row->is_removed ? APPLY_ROW_REMOVE : APPLY_ROW];
    enum err err = sqlite_apply_unseal(apply, row);
    if (err != ERR_OK)
        return err;
    sql_bind_i64(put, 1, row->table);
    sql_bind_blob(put, 2, row->key);
    if (!row->is_removed) {
        seal_row(row->table, row->key, row->value, digest);
        seal_put(&apply->head.seals[STORE_SEAL_ROWS(row->table)], digest);
        sql_bind_blob(put, 3, row->value);
        sql_bind_blob(put, 4, slice_of(digest, STORE_SUM_SIZE));
    }
    return sql_run(put);
}

static enum err sqlite_apply_write(struct sqlite_apply *apply, const struct store_write *write)
{
    enum err err = ERR_OK;
    if (write->seq != 0)
        err = sqlite_apply_record(apply, write);
    if (err == ERR_OK && write->action != 0)
        err = write->is_ended ? sqlite_apply_ended(apply, write) : sqlite_apply_open(apply, write);
    for (size_t i = 0; i < write->key_count && err == ERR_OK; i++)
        err = sqlite_apply_key(apply, &write->keys[i]);
    for (size_t i = 0; i < write->row_count && err == ERR_OK; i++)
        err = sqlite_apply_row(apply, &write->rows[i]);
    for (size_t i = 0; i < write->erased_count && err == ERR_OK; i++) {
        sql_bind_u64(apply->statements[APPLY_ERASE], 1, write->erased[i]);
        err = sql_run(apply->statements[APPLY_ERASE]);
        apply->has_erased = true;
    }
    return err;
}

static enum err sqlite_apply_parcel(struct sqlite_apply *apply, struct parcel *parcel)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < parcel->count && err == ERR_OK; i++)
        err = sqlite_apply_write(apply, &parcel->writes[i]);
    parcel->head_seq = apply->head.seq;
    memcpy(parcel->head_hash, apply->head.hash, STORE_HASH_SIZE);
    return err;
}

static enum err sqlite_apply_put_head(struct sqlite_apply *apply)
{
    sqlite3_stmt *put = apply->statements[APPLY_HEAD];
    sql_bind_u64(put, 1, apply->head.seq);
    sql_bind_blob(put, 2, slice_of(apply->head.hash, STORE_HASH_SIZE));
    sql_bind_u64(put, 3, apply->head.open_count);
    sql_bind_u64(put, 4, apply->head.ended_count);
    unsigned char seals[SEALS_BYTES];
    seals_encode(apply->head.seals, seals);
    sql_bind_blob(put, 5, slice_of(seals, sizeof seals));
    return sql_run(put);
}

static void sqlite_apply_roll_back(struct sqlite_apply *apply)
{
    /* Some errors have ended the transaction already; the first error is the one to tell. */
    if (sqlite3_get_autocommit(apply->db))
        return;
    (void)sqlite3_step(apply->statements[APPLY_ROLLBACK]);
    sql_reset(apply->statements[APPLY_ROLLBACK]);
}

enum err sqlite_apply_batch(struct sqlite_apply *apply, struct parcel *const *parcels, size_t count,
                            size_t *out_failed)
{
    struct sqlite_head before = apply->head;
    size_t failed = count;
    apply->has_erased = false;
    enum err err = sql_run(apply->statements[APPLY_BEGIN]);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = sqlite_apply_parcel(apply, parcels[i]);
        if (err != ERR_OK)
            failed = i;
    }
    if (err == ERR_OK)
        err = sqlite_apply_put_head(apply);
    if (err == ERR_OK)
        err = sql_run(apply->statements[APPLY_COMMIT]);
    if (err == ERR_OK)
        return ERR_OK;
    sqlite_apply_roll_back(apply);
    apply->head = before; /* invariant 1 */
    *out_failed = failed;
    return err;
}

enum err sqlite_apply_erase(struct sqlite_apply *apply, uint64_t seq)
{
    if (seq > INT64_MAX)
        return ERR_NOT_FOUND;
    sqlite3_stmt *erase = apply->statements[APPLY_ERASE];
    sql_bind_u64(erase, 1, seq);
    enum err err = sql_run(erase); /* commits by itself */
    if (err == ERR_OK && sqlite3_changes(apply->db) == 0)
        err = ERR_NOT_FOUND;
    return err;
}
