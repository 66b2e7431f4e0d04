/* store/sqlite_reader.h - the reads of port/store.h on a connection of their own.
 * Owns: that connection and its statements.
 * Invariants:
 *   1. Every read is one statement: what it gives is of one moment, also when an action moves.
 *   2. A statement is reset before the read returns: no snapshot stays open, no checkpoint waits,
 *      but between hold and let_go.
 *   3. Each page is bounded by LIMIT_PAGE and by the caller's arena.
 * Threads: the loop thread. */
#pragma once
#include "port/store.h"
#include "store/sql.h"

enum { SQLITE_READER_STATEMENTS = 24 };

struct sqlite_reader {
    sqlite3 *db;
    sqlite3_stmt *statements[SQLITE_READER_STATEMENTS]; /* prepared when first used */
};

/* flags: SQLITE_OPEN_READONLY, or READWRITE where the log may have to be recovered. */
MUST_USE enum err sqlite_reader_init(struct sqlite_reader *reader, const char *path, int flags);
void sqlite_reader_done(struct sqlite_reader *reader);
/* All reads from here to let_go see the moment of the first: its locks, and the pages that it
 * looked at, serve them all. Holding twice is holding; without memory each read has its own moment.
 */
void sqlite_reader_hold(struct sqlite_reader *reader);
void sqlite_reader_let_go(struct sqlite_reader *reader);
MUST_USE enum err sqlite_reader_get_key(void *impl, const unsigned char hash[STORE_KEY_SIZE],
                                        struct store_key *out);
/* Sets the read functions of the port. Its impl must begin with the struct sqlite_reader. */
void sqlite_reader_fill(struct store_port *port);
