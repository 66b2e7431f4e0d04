/* store/folder.h - the folder of a store: ours alone, on a local disk.
 * Owns: the lock file and its lock, for as long as the folder is open (R27).
 * Invariants:
 *   1. At most one process has a folder open. The kernel ends the lock with the process, so that
 *      kill -9 leaves no stale one.
 *   2. A new folder is 0700, every file in it 0600. One that others may write into is refused.
 *   3. Network file systems are refused: their locks and syncs do not promise what a store needs.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct folder {
    char *path;
    int lock_fd;
};

/* On failure out_message gets a sentence for people: where, what, what to do. */
MUST_USE enum err folder_open(struct folder *folder, struct slice path, struct buf *out_message);
/* Accepts NULL and what folder_open left behind. */
void folder_done(struct folder *folder);
/* "FOLDER/NAME" by malloc, or NULL. */
char *folder_file(const struct folder *folder, const char *name);
/* Makes the file if need be, 0600 in any case. */
MUST_USE enum err folder_make_file(const char *path);
/* Syncs the folder that holds the file: a new name is durable after that. */
MUST_USE enum err folder_sync_parent(const char *path);
/* What people call a network file system with this statfs f_type; NULL for all others. */
const char *folder_network_name(uint64_t magic);
