/* store/sql.h - SQLite as this folder uses it: connections, prepared statements, error codes.
 * Owns: the settings that every connection has, and the one mapping of result codes.
 * Invariants:
 *   1. No SQLite code leaves this folder.
 *   2. A statement is reset as soon as its rows are read: it holds no lock and no snapshot. */
#pragma once
#include <sqlite3.h>

#include "base/buf.h"
#include "base/err.h"

/* SQLITE_OPEN_... flags; the connection is used by one thread at a time. On failure the handle, if
 * any, still wants sqlite3_close. */
MUST_USE enum err sql_open(sqlite3 **out_db, const char *path, int flags, int cache_kib);
/* What the last failure on this connection was. */
enum err sql_err(sqlite3 *db, int rc);
/* Statements without rows that matter, separated by semicolons. */
MUST_USE enum err sql_exec(sqlite3 *db, const char *text);
/* One that is kept: prepared once, used often. */
MUST_USE enum err sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **out_statement);
/* Finalizes and forgets count statements; NULL ones are skipped. */
void sql_finalize(sqlite3_stmt **statements, size_t count);

/* Binds by position from 1. The bytes must stay until the statement is reset. */
void sql_bind_i64(sqlite3_stmt *statement, int index, int64_t value);
void sql_bind_u64(sqlite3_stmt *statement, int index, uint64_t value); /* <= INT64_MAX */
void sql_bind_blob(sqlite3_stmt *statement, int index, struct slice bytes);
void sql_bind_text(sqlite3_stmt *statement, int index, struct slice text);
/* Runs one that gives no row, and resets it. */
MUST_USE enum err sql_run(sqlite3_stmt *statement);
/* ERR_OK with a row, ERR_NOT_FOUND after the last one; the caller resets. */
MUST_USE enum err sql_row(sqlite3_stmt *statement);
void sql_reset(sqlite3_stmt *statement);

/* Of the row; the bytes live until the next step or reset. */
uint64_t sql_u64(sqlite3_stmt *statement, int column);
struct slice sql_bytes(sqlite3_stmt *statement, int column);
/* One integer by one statement without parameters. ERR_NOT_FOUND without a row or with NULL. */
MUST_USE enum err sql_get_i64(sqlite3 *db, const char *text, int64_t *out_value);
