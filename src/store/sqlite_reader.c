#include "store/sqlite_reader.h"

#include <assert.h>

#include "base/check.h"
#include "base/limits.h"
#include "record/seal.h"
#include "store/sqlite_examine.h"

/* Every commit empties the one of a store at work: it serves one statement. A file that is only
 * read keeps the upper pages of its trees. */
enum { READER_CACHE_KIB = 512, READER_FILE_CACHE_KIB = 32 * 1024 };

enum sqlite_reader_statement {
    READ_ACTION,
    READ_KEY,
    READ_RECORD,
    READ_PAYLOAD,
    READ_ROW,
    READ_OPEN,
    READ_OPEN_DUE,
    READ_OPEN_QUEUE,
    READ_OPEN_WORKFLOW,
    READ_OPEN_SCOPE,
    READ_OPEN_UPSTREAM,
    READ_OPEN_STOPPED,
    READ_OPEN_HELD,
    READ_OPEN_PEOPLE,
    READ_OPEN_PEOPLE_OF,
    READ_OPEN_ORDER,
    READ_ACTIONS,
    READ_RECORDS,
    READ_KEYS,
    READ_KEYS_FIRST,
    READ_ROWS,
    READ_SEALS,
    READ_HOLD,
    READ_LET_GO,
    READ_COUNT
};

static_assert((int)READ_COUNT == (int)SQLITE_READER_STATEMENTS, "room for each");

/* The columns of struct store_action, in both tables. */
#define OPEN_ACTION                                                                                \
    "SELECT id, 0, body, frozen, queue, due, people_due, scope,"                                   \
    " upstream, coalesce(order_key, x'') FROM open_actions "
#define ENDED_ACTION "SELECT id, 1, body, x'', 0, 0, 0, '', '', x'' FROM ended_actions "
/* ?1 after_id, ?2 limit, ?3 queue or -1, ?4 workflow, ?5 scope, ?6 upstream, each empty = any;
 * ?10 upstream is asked for, also where it is empty. */
#define OPEN_FILTER                                                                                \
    "AND (?3 < 0 OR queue = ?3) AND (?4 = '' OR workflow = ?4) "                                   \
    "AND (?5 = '' OR scope = ?5) AND ((?6 = '' AND ?10 = 0) OR upstream = ?6) "
/* The index holds id after its own columns: such a page is read in order, without a sort. */
#define OPEN_BY(index, conditions)                                                                 \
    OPEN_ACTION "INDEXED BY " index " WHERE " conditions " AND id > ?1 " OPEN_FILTER               \
                "ORDER BY id LIMIT ?2"

static const char *const sqlite_reader_sql[READ_COUNT] = {
    [READ_ACTION] = OPEN_ACTION "WHERE id = ?1 UNION ALL " ENDED_ACTION "WHERE id = ?1",
    [READ_KEY] = "SELECT hash, fingerprint, action FROM keys WHERE hash = ?1",
    [READ_RECORD] = "SELECT seq, hash, body FROM records WHERE seq = ?1",
    [READ_PAYLOAD] = "SELECT bytes FROM payloads WHERE seq = ?1 AND is_erased = 0",
    [READ_ROW] = "SELECT value FROM small_rows WHERE tab = ?1 AND key = ?2",
    [READ_OPEN] = OPEN_ACTION "NOT INDEXED WHERE id > ?1 " OPEN_FILTER "ORDER BY id LIMIT ?2",
    [READ_OPEN_DUE] =
        OPEN_ACTION "INDEXED BY open_by_due WHERE due > 0 AND due <= ?7"
                    " AND (due, id) > (?8, ?1) " OPEN_FILTER "ORDER BY due, id LIMIT ?2",
    [READ_OPEN_QUEUE] = OPEN_BY("open_by_queue", "queue > 0 AND queue = ?3"),
    [READ_OPEN_WORKFLOW] =
        OPEN_BY("open_by_workflow", "queue > 0 AND queue = ?3 AND workflow = ?4"),
    [READ_OPEN_SCOPE] = OPEN_BY("open_by_scope", "queue > 0 AND queue = ?3 AND scope = ?5"),
    [READ_OPEN_UPSTREAM] = OPEN_BY("open_by_upstream", "queue = 2 AND upstream = ?6"),
    [READ_OPEN_STOPPED] =
        OPEN_BY("open_by_stopped", "queue = 1 AND workflow = ?4 AND upstream = ?6"),
    [READ_OPEN_HELD] = OPEN_BY("open_by_held", "queue = 2 AND workflow = ?4 AND upstream = ?6"),
    [READ_OPEN_PEOPLE] =
        OPEN_ACTION "INDEXED BY open_by_people WHERE queue = 4"
                    " AND (people_due, id) > (?8, ?1) " OPEN_FILTER "ORDER BY people_due, id"
                    " LIMIT ?2",
    [READ_OPEN_PEOPLE_OF] =
        OPEN_ACTION "INDEXED BY open_by_people_of WHERE queue = 4 AND workflow = ?4"
                    " AND (people_due, id) > (?8, ?1) " OPEN_FILTER "ORDER BY people_due, id"
                    " LIMIT ?2",
    [READ_OPEN_ORDER] = OPEN_BY("open_by_order", "order_key = ?9"),
    [READ_ACTIONS] = OPEN_ACTION "WHERE id <= ?1 UNION ALL " ENDED_ACTION
                                 "WHERE id <= ?1 ORDER BY id DESC LIMIT ?2",
    [READ_RECORDS] = "SELECT seq, hash, body FROM records WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
    [READ_KEYS] = "SELECT hash, fingerprint, action FROM keys WHERE hash > ?1"
                  " ORDER BY hash LIMIT ?2",
    [READ_KEYS_FIRST] = "SELECT hash, fingerprint, action FROM keys ORDER BY hash LIMIT ?2",
    [READ_ROWS] = "SELECT key, value, sum FROM small_rows WHERE tab = ?1 AND key > ?3"
                  " ORDER BY key LIMIT ?2",
    [READ_SEALS] = "SELECT seals, seq, open_count, ended_count,"
                   " coalesce((SELECT value FROM info WHERE name = 'run_epoch'), 0) FROM head",
    [READ_HOLD] = "BEGIN",
    [READ_LET_GO] = "COMMIT",
};

static_assert(STORE_QUEUE_HELD_STOP == 1, "as the index open_by_stopped says");
static_assert(STORE_QUEUE_HELD_UPSTREAM == 2, "as the index open_by_upstream says");
static_assert(STORE_QUEUE_PEOPLE == 4, "as the index open_by_people says");

enum err sqlite_reader_init(struct sqlite_reader *reader, const char *path, int flags)
{
    *reader = (struct sqlite_reader){0};
    bool is_file = flags & SQLITE_OPEN_READONLY;
    return sql_open(&reader->db, path, flags, is_file ? READER_FILE_CACHE_KIB : READER_CACHE_KIB);
}

void sqlite_reader_done(struct sqlite_reader *reader)
{
    sql_finalize(reader->statements, READ_COUNT);
    (void)sqlite3_close(reader->db); /* no statements are left on it */
    reader->db = NULL;
}

/* The statement, ready to bind; NULL when it cannot be prepared. */
static sqlite3_stmt *sqlite_reader_use(struct sqlite_reader *reader,
                                       enum sqlite_reader_statement which, enum err *out_err)
{
    sqlite3_stmt **statement = &reader->statements[which];
    if (!*statement)
        *out_err = sql_prepare(reader->db, sqlite_reader_sql[which], statement);
    return *statement;
}

void sqlite_reader_hold(struct sqlite_reader *reader)
{
    enum err err = ERR_OK;
    sqlite3_stmt *hold = sqlite_reader_use(reader, READ_HOLD, &err);
    sqlite3_stmt *let_go = sqlite_reader_use(reader, READ_LET_GO, &err);
    if (hold && let_go && sqlite3_get_autocommit(reader->db))
        err = sql_run(hold);
    (void)err; /* then nothing is held */
}

void sqlite_reader_let_go(struct sqlite_reader *reader)
{
    enum err err = ERR_OK;
    if (!sqlite3_get_autocommit(reader->db))
        err = sql_run(sqlite_reader_use(reader, READ_LET_GO, &err));
    (void)err; /* the end of a transaction that wrote nothing does not fail */
}

static int64_t sqlite_reader_limit(size_t limit)
{
    return limit < LIMIT_PAGE ? (int64_t)limit : LIMIT_PAGE;
}

static int64_t sqlite_reader_id(uint64_t id)
{
    return id < INT64_MAX ? (int64_t)id : INT64_MAX;
}

/* Copies a column; false when the arena is full. */
static bool sqlite_reader_copy(sqlite3_stmt *statement, int column, struct arena *arena,
                               struct slice *out)
{
    struct slice bytes = sql_bytes(statement, column);
    *out = bytes.size > 0 ? arena_copy(arena, bytes) : (struct slice){0};
    return out->size == bytes.size;
}

static enum err sqlite_reader_to_action(sqlite3_stmt *statement, struct arena *arena,
                                        struct store_action *out)
{
    struct store_action action = {.id = sql_u64(statement, 0),
                                  .is_ended = sql_u64(statement, 1) != 0,
                                  .due_unix_ms = (int64_t)sql_u64(statement, 5),
                                  .people_due_unix_ms = (int64_t)sql_u64(statement, 6)};
    uint64_t queue = sql_u64(statement, 4);
    if (queue >= STORE_QUEUE_COUNT)
        return ERR_CORRUPT;
    action.queue = (enum store_queue)queue;
    if (!sqlite_reader_copy(statement, 2, arena, &action.row) ||
        !sqlite_reader_copy(statement, 3, arena, &action.frozen) ||
        !sqlite_reader_copy(statement, 7, arena, &action.scope) ||
        !sqlite_reader_copy(statement, 8, arena, &action.upstream) ||
        !sqlite_reader_copy(statement, 9, arena, &action.order))
        return ERR_LIMIT;
    *out = action;
    return ERR_OK;
}

static enum err sqlite_reader_to_record(sqlite3_stmt *statement, struct arena *arena,
                                        struct store_record *out)
{
    struct store_record record = {.seq = sql_u64(statement, 0)};
    struct slice hash = sql_bytes(statement, 1);
    if (hash.size != STORE_HASH_SIZE)
        return ERR_CORRUPT;
    memcpy(record.hash, hash.at, STORE_HASH_SIZE);
    if (!sqlite_reader_copy(statement, 2, arena, &record.body))
        return ERR_LIMIT;
    *out = record;
    return ERR_OK;
}

static enum err sqlite_reader_to_key(sqlite3_stmt *statement, struct store_key *out)
{
    struct store_key key = {.action = sql_u64(statement, 2)};
    struct slice hash = sql_bytes(statement, 0);
    if (hash.size != STORE_KEY_SIZE)
        return ERR_CORRUPT;
    memcpy(key.hash, hash.at, STORE_KEY_SIZE);
    struct slice fingerprint = sql_bytes(statement, 1);
    if (fingerprint.size != STORE_KEY_SIZE)
        return ERR_CORRUPT;
    memcpy(key.fingerprint, fingerprint.at, STORE_KEY_SIZE);
    *out = key;
    return ERR_OK;
}

static enum err sqlite_reader_get_action(void *impl, uint64_t id, struct arena *arena,
                                         struct store_action *out)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, READ_ACTION, &err);
    if (!read)
        return err;
    sql_bind_i64(read, 1, (int64_t)id); /* above INT64_MAX: negative, and not there */
    err = sql_row(read);
    if (err == ERR_OK)
        err = sqlite_reader_to_action(read, arena, out);
    sql_reset(read);
    return err;
}

enum err sqlite_reader_get_key(void *impl, const unsigned char hash[STORE_KEY_SIZE],
                               struct store_key *out)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, READ_KEY, &err);
    if (!read)
        return err;
    sql_bind_blob(read, 1, slice_of(hash, STORE_KEY_SIZE));
    err = sql_row(read);
    if (err == ERR_OK)
        err = sqlite_reader_to_key(read, out);
    sql_reset(read);
    return err;
}

static enum err sqlite_reader_get_record(void *impl, uint64_t seq, struct arena *arena,
                                         struct store_record *out)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, READ_RECORD, &err);
    if (!read)
        return err;
    sql_bind_i64(read, 1, (int64_t)seq);
    err = sql_row(read);
    if (err == ERR_OK)
        err = sqlite_reader_to_record(read, arena, out);
    sql_reset(read);
    return err;
}

/* The first column of the only row. */
static enum err sqlite_reader_one(sqlite3_stmt *read, struct arena *arena, struct slice *out)
{
    struct slice bytes = {0};
    enum err err = sql_row(read);
    if (err == ERR_OK && !sqlite_reader_copy(read, 0, arena, &bytes))
        err = ERR_LIMIT;
    sql_reset(read);
    if (err == ERR_OK)
        *out = bytes;
    return err;
}

static enum err sqlite_reader_get_payload(void *impl, uint64_t seq, struct arena *arena,
                                          struct slice *out)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, READ_PAYLOAD, &err);
    if (!read)
        return err;
    sql_bind_i64(read, 1, (int64_t)seq);
    return sqlite_reader_one(read, arena, out);
}

static enum err sqlite_reader_get_row(void *impl, enum store_table table, struct slice key,
                                      struct arena *arena, struct slice *out_value)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, READ_ROW, &err);
    if (!read)
        return err;
    sql_bind_i64(read, 1, table);
    sql_bind_blob(read, 2, key);
    return sqlite_reader_one(read, arena, out_value);
}

/* One page being read: each row of the statement becomes the next item of its list. */
struct sqlite_page;
typedef enum err sqlite_page_fn(struct sqlite_page *page, sqlite3_stmt *read);
struct sqlite_page {
    struct arena *arena;
    size_t count;
    enum store_table table; /* of rows */
    struct store_action *actions;
    struct store_record *records;
    struct store_key *keys;
    struct store_row *rows;
};

static enum err sqlite_reader_page(sqlite3_stmt *read, sqlite_page_fn *take,
                                   struct sqlite_page *page, size_t *out_count)
{
    enum err err = sql_row(read);
    for (; err == ERR_OK; err = sql_row(read)) {
        err = take(page, read);
        page->count++;
        if (err != ERR_OK)
            break;
    }
    sql_reset(read);
    if (err != ERR_NOT_FOUND)
        return err;
    *out_count = page->count;
    return ERR_OK;
}

static enum err sqlite_page_action(struct sqlite_page *page, sqlite3_stmt *read)
{
    return sqlite_reader_to_action(read, page->arena, &page->actions[page->count]);
}

static enum err sqlite_page_record(struct sqlite_page *page, sqlite3_stmt *read)
{
    return sqlite_reader_to_record(read, page->arena, &page->records[page->count]);
}

static enum err sqlite_page_key(struct sqlite_page *page, sqlite3_stmt *read)
{
    return sqlite_reader_to_key(read, &page->keys[page->count]);
}

static enum err sqlite_page_row(struct sqlite_page *page, sqlite3_stmt *read)
{
    struct store_row *row = &page->rows[page->count];
    *row = (struct store_row){.table = page->table};
    bool is_copied = sqlite_reader_copy(read, 0, page->arena, &row->key) &&
                     sqlite_reader_copy(read, 1, page->arena, &row->value);
    struct slice sum = sql_bytes(read, 2);
    if (sum.size == sizeof row->sum) /* else zeros: verify finds it */
        memcpy(row->sum, sum.at, sizeof row->sum);
    return is_copied ? ERR_OK : ERR_LIMIT;
}

/* The narrowest index that has the order wanted. An action under way is in none but the primary
 * key, so queries that may find one walk that. */
static enum sqlite_reader_statement sqlite_reader_index(const struct store_open_query *query,
                                                        bool is_workflow)
{
    if (query->by_due)
        return READ_OPEN_DUE;
    if (query->by_people_due)
        return is_workflow ? READ_OPEN_PEOPLE_OF : READ_OPEN_PEOPLE;
    if (query->order.size > 0)
        return READ_OPEN_ORDER;
    if (!query->has_queue || query->queue == STORE_QUEUE_NONE)
        return READ_OPEN;
    if (query->queue == STORE_QUEUE_HELD_UPSTREAM && query->upstream.size > 0)
        return is_workflow ? READ_OPEN_HELD : READ_OPEN_UPSTREAM;
    bool is_of_upstream = query->upstream.size > 0 || query->is_of_upstream;
    if (query->queue == STORE_QUEUE_HELD_STOP && is_workflow && is_of_upstream)
        return READ_OPEN_STOPPED;
    if (query->scope.size == 0)
        return READ_OPEN_QUEUE;
    return is_workflow ? READ_OPEN_WORKFLOW : READ_OPEN_SCOPE;
}

static enum err sqlite_reader_list_open(void *impl, const struct store_open_query *query,
                                        struct arena *arena, struct store_action *out,
                                        size_t *out_count)
{
    struct slice scope = query->scope;
    bool is_workflow = scope.size > 0 && scope.at[scope.size - 1] == '/';
    enum sqlite_reader_statement which = sqlite_reader_index(query, is_workflow);
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, which, &err);
    if (!read)
        return err;
    sql_bind_i64(read, 1, sqlite_reader_id(query->after_id));
    sql_bind_i64(read, 2, sqlite_reader_limit(query->limit));
    sql_bind_i64(read, 3, query->has_queue ? (int64_t)query->queue : -1);
    sql_bind_text(read, 4, is_workflow ? scope : (struct slice){0});
    sql_bind_text(read, 5, is_workflow ? (struct slice){0} : scope);
    sql_bind_text(read, 6, query->upstream);
    sql_bind_i64(read, 10, query->is_of_upstream);
    if (which == READ_OPEN_DUE)
        sql_bind_i64(read, 7, query->due_until_unix_ms);
    if (query->by_due || query->by_people_due)
        sql_bind_i64(read, 8, query->after_due_unix_ms);
    if (which == READ_OPEN_ORDER)
        sql_bind_blob(read, 9, query->order);
    struct sqlite_page page = {.arena = arena, .actions = out};
    return sqlite_reader_page(read, sqlite_page_action, &page, out_count);
}

static enum err sqlite_reader_list_actions(void *impl, uint64_t before, size_t limit,
                                           struct arena *arena, struct store_action *out,
                                           size_t *out_count)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, READ_ACTIONS, &err);
    if (!read)
        return err;
    sql_bind_i64(read, 1, before ? sqlite_reader_id(before - 1) : INT64_MAX);
    sql_bind_i64(read, 2, sqlite_reader_limit(limit));
    struct sqlite_page page = {.arena = arena, .actions = out};
    return sqlite_reader_page(read, sqlite_page_action, &page, out_count);
}

static enum err sqlite_reader_list_records(void *impl, uint64_t from_seq, size_t limit,
                                           struct arena *arena, struct store_record *out,
                                           size_t *out_count)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, READ_RECORDS, &err);
    if (!read)
        return err;
    sql_bind_i64(read, 1, sqlite_reader_id(from_seq));
    sql_bind_i64(read, 2, sqlite_reader_limit(limit));
    struct sqlite_page page = {.arena = arena, .records = out};
    return sqlite_reader_page(read, sqlite_page_record, &page, out_count);
}

static enum err sqlite_reader_list_keys(void *impl, const unsigned char after[STORE_KEY_SIZE],
                                        size_t limit, struct store_key *out, size_t *out_count)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, after ? READ_KEYS : READ_KEYS_FIRST, &err);
    if (!read)
        return err;
    if (after)
        sql_bind_blob(read, 1, slice_of(after, STORE_KEY_SIZE));
    sql_bind_i64(read, 2, sqlite_reader_limit(limit));
    struct sqlite_page page = {.keys = out};
    return sqlite_reader_page(read, sqlite_page_key, &page, out_count);
}

static enum err sqlite_reader_list_rows(void *impl, enum store_table table, struct slice after,
                                        size_t limit, struct arena *arena, struct store_row *out,
                                        size_t *out_count)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, READ_ROWS, &err);
    if (!read)
        return err;
    sql_bind_i64(read, 1, table);
    sql_bind_i64(read, 2, sqlite_reader_limit(limit));
    sql_bind_blob(read, 3, after);
    struct sqlite_page page = {.arena = arena, .table = table, .rows = out};
    return sqlite_reader_page(read, sqlite_page_row, &page, out_count);
}

static enum err sqlite_reader_get_seals(void *impl, struct store_seals *out)
{
    enum err err = ERR_OK;
    sqlite3_stmt *read = sqlite_reader_use(impl, READ_SEALS, &err);
    if (!read)
        return err;
    err = sql_row(read);
    if (err == ERR_OK) {
        *out = (struct store_seals){.seq = sql_u64(read, 1),
                                    .open_actions = sql_u64(read, 2),
                                    .ended_actions = sql_u64(read, 3),
                                    .run_epoch = sql_u64(read, 4)};
        err = seals_decode(sql_bytes(read, 0), out->of);
    }
    sql_reset(read);
    return err == ERR_NOT_FOUND ? ERR_IO : err;
}

static enum err sqlite_reader_examine(void *impl, struct buf *out_found)
{
    return sqlite_examine(((struct sqlite_reader *)impl)->db, out_found);
}

static void sqlite_reader_do_let_go(void *impl)
{
    sqlite_reader_let_go(impl);
}

void sqlite_reader_fill(struct store_port *port)
{
    port->get_action = sqlite_reader_get_action;
    port->get_key = sqlite_reader_get_key;
    port->get_record = sqlite_reader_get_record;
    port->get_payload = sqlite_reader_get_payload;
    port->get_row = sqlite_reader_get_row;
    port->list_open = sqlite_reader_list_open;
    port->list_actions = sqlite_reader_list_actions;
    port->list_records = sqlite_reader_list_records;
    port->list_keys = sqlite_reader_list_keys;
    port->list_rows = sqlite_reader_list_rows;
    port->get_seals = sqlite_reader_get_seals;
    port->examine = sqlite_reader_examine;
    port->let_go = sqlite_reader_do_let_go;
}
