/* store/sqlite_log.h - gathers the small writes of SQLite's log into large ones.
 * Owns: a VFS named "interlock" in front of the system's. Only the log (-wal) has a buffer;
 *   every other file goes to the system's VFS as it is.
 *
 * SQLite writes each page of a transaction by two calls, 24 bytes and 4096 bytes. At batches of
 * 64 these calls were 40 % of the store thread's time; the pages of a batch lie one behind the
 * other, so they can go out in a few.
 * Invariants:
 *   1. What was written is in the file before xSync, xRead, xFileSize or xTruncate does its
 *      work. SQLite syncs the log before it shows a commit to anybody (synchronous=FULL): so no
 *      other connection looks for bytes that are still in a buffer here.
 *   2. When a gathered write fails its bytes are dropped and the call that met it tells SQLite,
 *      which rolls back and writes the same place anew.
 * Threads: as SQLite: each file on the thread of its connection. */
#pragma once

/* The name for sqlite3_open_v2. Registers it at the first call; NULL without memory. */
const char *sqlite_log_vfs(void);
