/* store/sqlite_reader.h - the reads of port/store.h on a connection of their own.
 * Owns: that connection and its statements.
 * Invariants:
 *   1. Every read is one statement: what it gives is of one moment, also when an action moves.
 *   2. A statement is reset before the read returns: no snapshot stays open, no checkpoint waits.
 *   3. Each page is bounded by LIMIT_PAGE and by the caller's arena.
 * Threads: the loop thread. */
#pragma once
#include "port/store.h"
#include "store/sql.h"

enum { SQLITE_READER_STATEMENTS = 16 };

struct sqlite_reader {
    sqlite3 *db;
    sqlite3_stmt *statements[SQLITE_READER_STATEMENTS]; /* prepared when first used */
};

/* flags: SQLITE_OPEN_READONLY, or READWRITE where the log may have to be recovered. */
MUST_USE enum err sqlite_reader_init(struct sqlite_reader *reader, const char *path, int flags);
void sqlite_reader_done(struct sqlite_reader *reader);
/* Sets the read functions of the port. Its impl must begin with the struct sqlite_reader. */
void sqlite_reader_fill(struct store_port *port);
