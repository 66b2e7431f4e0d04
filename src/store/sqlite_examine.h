/* store/sqlite_examine.h - is the file itself as interlock makes it? For a store that nobody
 * serves.
 * Owns: the comparison of tables, indexes and triggers with those of this version, and of the
 *   indexes of open actions with their rows: an action that no index names would never wake.
 * Threads: the one that reads. */
#pragma once
#include "store/sql.h"

/* A sentence a line for each thing found. */
MUST_USE enum err sqlite_examine(sqlite3 *db, struct buf *out_found);
