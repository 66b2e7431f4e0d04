#include "store/sqlite_schema.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "store/folder.h"

/* "ILCK": how `file` and we know a store. */
enum { SQLITE_SCHEMA_APPLICATION = 0x494c434b };

/* queue > 0 and due > 0 keep an action that is under way out of every index: starting and ending
 * it costs the primary key alone. 2 is STORE_QUEUE_HELD_UPSTREAM, 4 STORE_QUEUE_PEOPLE. Each index
 * ends in the id, so a page in ascending order needs no sort. */
static const char sqlite_schema_2_0[] =
    "CREATE TABLE info(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO info VALUES ('major', 0), ('minor', 0), ('run_epoch', 0), ('is_copy', 0);"
    "CREATE TABLE head(id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL,"
    " hash BLOB NOT NULL, open_count INTEGER NOT NULL, ended_count INTEGER NOT NULL,"
    " seals BLOB NOT NULL) STRICT;"
    "INSERT INTO head VALUES (1, 0, zeroblob(32), 0, 0, x'');"
    "CREATE TABLE records(seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, body BLOB NOT NULL) STRICT;"
    "CREATE TABLE payloads(seq INTEGER PRIMARY KEY, is_erased INTEGER NOT NULL,"
    " bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE open_actions(id INTEGER PRIMARY KEY, queue INTEGER NOT NULL,"
    " due INTEGER NOT NULL, scope TEXT NOT NULL, upstream TEXT NOT NULL, body BLOB NOT NULL,"
    " frozen BLOB NOT NULL, people_due INTEGER NOT NULL, order_key BLOB,"
    " workflow TEXT GENERATED ALWAYS AS (substr(scope, 1, instr(scope, '/'))) VIRTUAL) STRICT;"
    "CREATE INDEX open_by_due ON open_actions(due) WHERE due > 0;"
    "CREATE INDEX open_by_queue ON open_actions(queue) WHERE queue > 0;"
    "CREATE INDEX open_by_workflow ON open_actions(queue, workflow) WHERE queue > 0;"
    "CREATE INDEX open_by_scope ON open_actions(queue, scope) WHERE queue > 0;"
    "CREATE INDEX open_by_upstream ON open_actions(upstream) WHERE queue = 2;"
    "CREATE INDEX open_by_people ON open_actions(people_due) WHERE queue = 4;"
    "CREATE INDEX open_by_people_of ON open_actions(workflow, people_due) WHERE queue = 4;"
    "CREATE INDEX open_by_order ON open_actions(order_key) WHERE order_key IS NOT NULL;"
    "CREATE TABLE ended_actions(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
    "CREATE TABLE keys(hash BLOB PRIMARY KEY, fingerprint BLOB NOT NULL,"
    " action INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE small_rows(tab INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    " sum BLOB NOT NULL,"
    " PRIMARY KEY (tab, key)) STRICT, WITHOUT ROWID;";

/* 1 is STORE_QUEUE_HELD_STOP: what a stop held leaves in the order of each upstream. */
static const char sqlite_schema_2_1[] =
    "CREATE INDEX open_by_stopped ON open_actions(workflow, upstream) WHERE queue = 1;";

/* 2 is STORE_QUEUE_HELD_UPSTREAM: the oldest of a workflow that is held for one upstream. */
static const char sqlite_schema_2_2[] =
    "CREATE INDEX open_by_held ON open_actions(workflow, upstream) WHERE queue = 2;";

static const struct sqlite_schema_step sqlite_schema_history[] = {
    {2, 0, sqlite_schema_2_0},
    {2, 1, sqlite_schema_2_1},
    {2, 2, sqlite_schema_2_2},
};

const struct sqlite_schema_step *sqlite_schema_steps(size_t *out_count)
{
    *out_count = sizeof sqlite_schema_history / sizeof *sqlite_schema_history;
    return sqlite_schema_history;
}

enum err sqlite_schema_get(sqlite3 *db, const char *name, int64_t *out_value)
{
    sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, "SELECT value FROM info WHERE name = ?1", &statement);
    if (err == ERR_OK) {
        sql_bind_text(statement, 1, slice_text(name));
        err = sql_row(statement);
    }
    if (err == ERR_OK)
        *out_value = (int64_t)sql_u64(statement, 0);
    sql_finalize(&statement, 1);
    return err;
}

enum err sqlite_schema_set(sqlite3 *db, const char *name, int64_t value)
{
    sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, "UPDATE info SET value = ?2 WHERE name = ?1", &statement);
    if (err == ERR_OK) {
        sql_bind_text(statement, 1, slice_text(name));
        sql_bind_i64(statement, 2, value);
        err = sql_run(statement);
    }
    sql_finalize(&statement, 1);
    return err;
}

enum err sqlite_schema_version(sqlite3 *db, struct sqlite_schema_version *out_version)
{
    int64_t application = 0;
    int64_t page_count = 0;
    enum err err = sql_get_i64(db, "PRAGMA application_id", &application);
    if (err == ERR_OK)
        err = sql_get_i64(db, "PRAGMA page_count", &page_count);
    if (err != ERR_OK)
        return err;
    if (application != SQLITE_SCHEMA_APPLICATION) {
        /* An empty file, or one that died in its first transaction and has a header only. */
        int64_t table_count = 0;
        err = sql_get_i64(db, "SELECT count(*) FROM sqlite_schema", &table_count);
        if (err == ERR_OK && table_count > 0)
            err = ERR_CORRUPT;
        if (err == ERR_OK)
            *out_version = (struct sqlite_schema_version){0, 0};
        return err;
    }
    int64_t major = 0;
    int64_t minor = 0;
    err = sqlite_schema_get(db, "major", &major);
    if (err == ERR_OK)
        err = sqlite_schema_get(db, "minor", &minor);
    if (err == ERR_NOT_FOUND || major < 1 || major > 1000000 || minor < 0 || minor > 1000000)
        err = ERR_CORRUPT;
    if (err == ERR_OK)
        *out_version = (struct sqlite_schema_version){(int)major, (int)minor};
    return err;
}

static bool sqlite_schema_is_after(const struct sqlite_schema_step *step,
                                   struct sqlite_schema_version version)
{
    return step->major > version.major ||
           (step->major == version.major && step->minor > version.minor);
}

/* Whoever restores it goes back in time, as with any other copy. */
static enum err sqlite_schema_mark(const char *path)
{
    sqlite3 *copy = NULL;
    enum err err = sql_open(&copy, path, SQLITE_OPEN_READWRITE, 64);
    if (err == ERR_OK)
        err = sqlite_schema_set(copy, "is_copy", 1);
    int rc = sqlite3_close(copy);
    return err == ERR_OK && rc != SQLITE_OK ? ERR_IO : err;
}

/* A copy beside the store before it is changed; VACUUM INTO takes an empty file, which is ours. */
static enum err sqlite_schema_copy(sqlite3 *db, const char *path,
                                   struct sqlite_schema_version version, struct buf *out_message)
{
    struct buf name;
    buf_init(&name, SIZE_MAX / 2);
    int fd = -1;
    for (int i = 1; fd < 0 && i < 1000; i++) { /* the file of an earlier try stays */
        buf_reset(&name);
        buf_add_fmt(&name, "%s.v%d.%d-%d", path, version.major, version.minor, i);
        fd = open(buf_text(&name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    sqlite3_stmt *statement = NULL;
    enum err err = fd < 0 ? ERR_IO : sql_prepare(db, "VACUUM INTO ?1", &statement);
    if (err == ERR_OK) {
        sql_bind_text(statement, 1, buf_slice(&name));
        err = sql_run(statement);
    }
    sql_finalize(&statement, 1);
    if (err == ERR_OK)
        err = sqlite_schema_mark(buf_text(&name));
    if (err == ERR_OK && fsync(fd) != 0)
        err = ERR_IO;
    if (err == ERR_OK)
        err = folder_sync_parent(path);
    if (fd >= 0)
        (void)close(fd); /* synced, or given up */
    if (err != ERR_OK)
        buf_add_fmt(out_message,
                    "store %s: version %d.%d is older; the copy %s before its change failed: %s. "
                    "Nothing was changed",
                    path, version.major, version.minor, buf_text(&name), err_text(err));
    buf_done(&name);
    return err;
}

static enum err sqlite_schema_run_step(sqlite3 *db, const struct sqlite_schema_step *step)
{
    enum err err = sql_exec(db, "BEGIN IMMEDIATE");
    if (err != ERR_OK)
        return err;
    err = sql_exec(db, step->sql);
    if (err == ERR_OK)
        err = sqlite_schema_set(db, "major", step->major);
    if (err == ERR_OK)
        err = sqlite_schema_set(db, "minor", step->minor);
    if (err == ERR_OK)
        err = sql_exec(db, "PRAGMA application_id = 0x494c434b");
    if (err == ERR_OK)
        err = sql_exec(db, "COMMIT");
    if (err != ERR_OK && !sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL); /* the first error is told */
    return err;
}

/* Major 1 was made before the first release: no step leads on from it. */
static void sqlite_schema_add_too_old(const char *path, struct sqlite_schema_version version,
                                      struct buf *out_message)
{
    buf_add_fmt(out_message,
                "%s: made by an interlock from before the first release (store version %d.%d); "
                "read it with that one, and give this one another folder (`store:`)",
                path, version.major, version.minor);
}

enum err sqlite_schema_migrate(sqlite3 *db, const char *path,
                               const struct sqlite_schema_step *steps, size_t step_count,
                               struct buf *out_message)
{
    CHECK(step_count > 0);
    struct sqlite_schema_version version = {0};
    enum err err = sqlite_schema_version(db, &version);
    if (err != ERR_OK) {
        buf_add_fmt(out_message, "store %s: not a store of interlock, or damaged: %s", path,
                    err_text(err));
        return err;
    }
    const struct sqlite_schema_step *last = &steps[step_count - 1];
    if (version.major > last->major) {
        buf_add_fmt(out_message,
                    "store %s: written by a newer interlock (store version %d.%d, this one knows "
                    "%d.%d); run that version, or restore a backup",
                    path, version.major, version.minor, last->major, last->minor);
        return ERR_VERSION;
    }
    if (version.major > 0 && version.major < steps[0].major) {
        sqlite_schema_add_too_old(path, version, out_message);
        return ERR_VERSION;
    }
    if (version.major > 0 && sqlite_schema_is_after(last, version))
        err = sqlite_schema_copy(db, path, version, out_message);
    if (err != ERR_OK)
        return err;
    for (size_t i = 0; i < step_count && err == ERR_OK; i++)
        if (sqlite_schema_is_after(&steps[i], version))
            err = sqlite_schema_run_step(db, &steps[i]);
    if (err != ERR_OK)
        buf_add_fmt(out_message, "store %s: its tables cannot be brought to version %d.%d: %s",
                    path, last->major, last->minor, sqlite3_errmsg(db));
    return err;
}

enum err sqlite_schema_check(sqlite3 *db, const char *path, struct buf *out_message)
{
    const struct sqlite_schema_step *last =
        &sqlite_schema_history[sizeof sqlite_schema_history / sizeof *sqlite_schema_history - 1];
    struct sqlite_schema_version version = {0};
    enum err err = sqlite_schema_version(db, &version);
    if (err == ERR_OK && version.major == 0)
        err = ERR_CORRUPT;
    if (err != ERR_OK) {
        buf_add_fmt(out_message, "%s: not a store of interlock, or damaged: %s", path,
                    err_text(err));
        return err;
    }
    if (version.major <= last->major && !sqlite_schema_is_after(last, version))
        return ERR_OK;
    if (version.major < sqlite_schema_history[0].major) {
        sqlite_schema_add_too_old(path, version, out_message);
        return ERR_VERSION;
    }
    buf_add_fmt(out_message, "%s: store version %d.%d, this interlock reads %d.%d; ", path,
                version.major, version.minor, last->major, last->minor);
    buf_add_text(out_message,
                 version.major > last->major ? "use the newer one" : "let `serve` open it once");
    return ERR_VERSION;
}
