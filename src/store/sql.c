#include "store/sql.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/check.h"
#include "store/sqlite_log.h"

enum { SQL_BUSY_MS = 5000 };

static pthread_once_t sql_once = PTHREAD_ONCE_INIT;

static void sql_configure(void)
{
    /* The counters take a lock at every allocation and nobody reads them. It fails harmlessly when
     * somebody has used the library before. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum err sql_open(sqlite3 **out_db, const char *path, int flags, int cache_kib)
{
    CHECK(pthread_once(&sql_once, sql_configure) == 0);
    const char *vfs = sqlite_log_vfs();
    if (!vfs)
        return ERR_NO_MEMORY;
    int rc =
        sqlite3_open_v2(path, out_db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
    if (rc != SQLITE_OK)
        return *out_db ? sql_err(*out_db, rc) : ERR_NO_MEMORY;
    (void)sqlite3_busy_timeout(*out_db, SQL_BUSY_MS); /* only bad handles are refused */
    struct buf text;
    buf_init(&text, 1024);
    buf_add_fmt(&text,
                "PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; "
                "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
                cache_kib);
    enum err err = buf_ok(&text) ? sql_exec(*out_db, buf_text(&text)) : ERR_NO_MEMORY;
    buf_done(&text);
    return err;
}

/* A write that finds no room is not always SQLITE_FULL: the index of the log is a mapped file, and
 * a quota is not a full disk. */
static enum err sql_io_err(sqlite3 *db, int rc)
{
    if (rc == SQLITE_IOERR_SHMSIZE)
        return ERR_NO_SPACE;
    int number = sqlite3_system_errno(db);
    bool is_full = number == ENOSPC || number == EDQUOT;
    /* A failed sync is never tried again: what it lost is unknown. */
    return is_full && rc == SQLITE_IOERR_WRITE ? ERR_NO_SPACE : ERR_IO;
}

enum err sql_err(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_NOMEM:
        return ERR_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ERR_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* conflicts that may happen are asked for, not run into */
    case SQLITE_ERROR:      /* a table or column that should be there is not */
        return ERR_CORRUPT;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_IOERR:
        return sql_io_err(db, rc);
    default:
        return ERR_IO;
    }
}

enum err sql_exec(sqlite3 *db, const char *text)
{
    return sql_err(db, sqlite3_exec(db, text, NULL, NULL, NULL));
}

enum err sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **out_statement)
{
    return sql_err(
        db, sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, out_statement, NULL));
}

void sql_finalize(sqlite3_stmt **statements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_finalize(statements[i]); /* repeats the last error of the statement */
        statements[i] = NULL;
    }
}

void sql_bind_i64(sqlite3_stmt *statement, int index, int64_t value)
{
    CHECK(sqlite3_bind_int64(statement, index, value) == SQLITE_OK);
}

void sql_bind_u64(sqlite3_stmt *statement, int index, uint64_t value)
{
    CHECK(value <= INT64_MAX);
    sql_bind_i64(statement, index, (int64_t)value);
}

/* NULL binds NULL, which no column takes: the empty slice is an empty value. */
void sql_bind_blob(sqlite3_stmt *statement, int index, struct slice bytes)
{
    CHECK(sqlite3_bind_blob64(statement, index, bytes.at ? bytes.at : "", bytes.size,
                              SQLITE_STATIC) == SQLITE_OK);
}

void sql_bind_text(sqlite3_stmt *statement, int index, struct slice text)
{
    CHECK(sqlite3_bind_text64(statement, index, text.at ? text.at : "", text.size, SQLITE_STATIC,
                              SQLITE_UTF8) == SQLITE_OK);
}

enum err sql_run(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    enum err err = sql_err(sqlite3_db_handle(statement), rc);
    sql_reset(statement);
    return err;
}

enum err sql_row(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        return ERR_OK;
    return rc == SQLITE_DONE ? ERR_NOT_FOUND : sql_err(sqlite3_db_handle(statement), rc);
}

void sql_reset(sqlite3_stmt *statement)
{
    (void)sqlite3_reset(statement); /* repeats the error of the last step, which was told */
}

uint64_t sql_u64(sqlite3_stmt *statement, int column)
{
    return (uint64_t)sqlite3_column_int64(statement, column);
}

struct slice sql_bytes(sqlite3_stmt *statement, int column)
{
    const void *at = sqlite3_column_blob(statement, column);
    int size = sqlite3_column_bytes(statement, column);
    return slice_of(at, size > 0 ? (size_t)size : 0);
}

enum err sql_get_i64(sqlite3 *db, const char *text, int64_t *out_value)
{
    sqlite3_stmt *statement = NULL;
    enum err err = sql_err(db, sqlite3_prepare_v2(db, text, -1, &statement, NULL));
    if (err == ERR_OK)
        err = sql_row(statement);
    if (err == ERR_OK && sqlite3_column_type(statement, 0) == SQLITE_NULL)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        *out_value = sqlite3_column_int64(statement, 0);
    sql_finalize(&statement, 1);
    return err;
}
