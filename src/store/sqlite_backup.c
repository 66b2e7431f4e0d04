#include "store/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "store/folder.h"
#include "store/sqlite_schema.h"

/* 256 KiB: about a millisecond, also on a slow target. */
enum { BACKUP_PAGES = 64 };

enum sqlite_backup_phase sqlite_backup_phase(const struct sqlite_backup *backup)
{
    return (enum sqlite_backup_phase)atomic_load(&backup->phase);
}

static void sqlite_backup_set_phase(struct sqlite_backup *backup, enum sqlite_backup_phase phase)
{
    atomic_store(&backup->phase, (int)phase);
}

static enum err sqlite_backup_make_file(struct sqlite_backup *backup, struct slice path)
{
    backup->path = strndup(path.at ? path.at : "", path.size);
    if (!backup->path)
        return ERR_NO_MEMORY;
    if (access(backup->path, F_OK) == 0)
        return ERR_CONFLICT; /* early; invariant 2 is kept by the rename */
    struct buf name;
    buf_init(&name, SIZE_MAX / 2);
    buf_add_fmt(&name, "%s.part-XXXXXX", backup->path);
    size_t size = 0;
    backup->temporary = buf_take(&name, &size);
    if (!backup->temporary)
        return ERR_NO_MEMORY;
    int fd = mkostemp(backup->temporary, O_CLOEXEC); /* 0600 */
    if (fd < 0) {
        free(backup->temporary);
        backup->temporary = NULL;
        return errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_IO;
    }
    (void)close(fd); /* nothing was written */
    return ERR_OK;
}

/* Frees all but the result; removes what has no real name. */
static void sqlite_backup_clean(struct sqlite_backup *backup)
{
    if (backup->job)
        (void)sqlite3_backup_finish(backup->job); /* its error was told by the step */
    (void)sqlite3_close(backup->copy);            /* no statements are left on it */
    if (backup->temporary)
        (void)unlink(backup->temporary); /* gone already when it has its real name */
    free(backup->temporary);
    free(backup->path);
    backup->job = NULL;
    backup->copy = NULL;
    backup->temporary = NULL;
    backup->path = NULL;
}

static enum err sqlite_backup_open(struct sqlite_backup *backup, sqlite3 *source)
{
    /* Nobody else knows the temporary name: no locks, so the target may be any file system; no
     * journal, since a copy that breaks off is removed. */
    int rc = sqlite3_open_v2(backup->temporary, &backup->copy,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             "unix-none");
    if (rc != SQLITE_OK)
        return backup->copy ? sql_err(backup->copy, rc) : ERR_NO_MEMORY;
    enum err err = sql_exec(backup->copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                                          "PRAGMA cache_size = -1024");
    if (err != ERR_OK)
        return err;
    backup->job = sqlite3_backup_init(backup->copy, "main", source, "main");
    return backup->job ? ERR_OK : sql_err(backup->copy, sqlite3_errcode(backup->copy));
}

enum err sqlite_backup_begin(struct sqlite_backup *backup, sqlite3 *source, struct slice path)
{
    if (sqlite_backup_phase(backup) != BACKUP_IDLE)
        return ERR_BUSY;
    enum err err = sqlite_backup_make_file(backup, path);
    if (err == ERR_OK)
        err = sqlite_backup_open(backup, source);
    if (err == ERR_OK)
        sqlite_backup_set_phase(backup, BACKUP_COPYING);
    else
        sqlite_backup_clean(backup);
    return err;
}

static void sqlite_backup_end(struct sqlite_backup *backup, enum err result)
{
    sqlite_backup_clean(backup);
    backup->result = result;
    sqlite_backup_set_phase(backup, BACKUP_ENDED);
}

void sqlite_backup_step(struct sqlite_backup *backup)
{
    CHECK(sqlite_backup_phase(backup) == BACKUP_COPYING);
    int rc = sqlite3_backup_step(backup->job, BACKUP_PAGES);
    if (rc == SQLITE_OK)
        return;
    if (rc != SQLITE_DONE) {
        sqlite_backup_end(backup, sql_err(backup->copy, rc));
        return;
    }
    rc = sqlite3_backup_finish(backup->job);
    backup->job = NULL;
    if (rc != SQLITE_OK)
        sqlite_backup_end(backup, sql_err(backup->copy, rc));
    else
        sqlite_backup_set_phase(backup, BACKUP_SEALING);
}

void sqlite_backup_give_up(struct sqlite_backup *backup, enum err why)
{
    if (sqlite_backup_phase(backup) == BACKUP_COPYING)
        sqlite_backup_end(backup, why);
}

/* The pages say "write-ahead log", as the store's do. Alone in exclusive mode SQLite can undo that
 * without the shared index that a file without locks cannot have. */
static enum err sqlite_backup_mark(struct sqlite_backup *backup)
{
    enum err err = sql_exec(backup->copy, "PRAGMA locking_mode = EXCLUSIVE;"
                                          "PRAGMA journal_mode = DELETE");
    if (err == ERR_OK)
        err = sqlite_schema_set(backup->copy, "is_copy", 1);
    int rc = sqlite3_close(backup->copy);
    if (err == ERR_OK)
        err = rc == SQLITE_OK ? ERR_OK : ERR_IO;
    backup->copy = NULL;
    return err;
}

static enum err sqlite_backup_sync(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    int number = fsync(fd) == 0 ? 0 : errno;
    (void)close(fd); /* synced, or given up */
    return number == 0 ? ERR_OK : number == ENOSPC || number == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

/* The real name, unless somebody has it (invariant 2). */
static enum err sqlite_backup_name(const struct sqlite_backup *backup)
{
    if (renameat2(AT_FDCWD, backup->temporary, AT_FDCWD, backup->path, RENAME_NOREPLACE) == 0)
        return ERR_OK;
    if (errno == EINVAL && link(backup->temporary, backup->path) == 0)
        return ERR_OK; /* a file system without that flag; the other name is removed in the end */
    return errno == EEXIST ? ERR_CONFLICT : ERR_IO;
}

void sqlite_backup_seal(struct sqlite_backup *backup)
{
    CHECK(sqlite_backup_phase(backup) == BACKUP_SEALING);
    enum err err = sqlite_backup_mark(backup);
    if (err == ERR_OK)
        err = sqlite_backup_sync(backup->temporary);
    if (err == ERR_OK)
        err = sqlite_backup_name(backup);
    if (err == ERR_OK)
        err = folder_sync_parent(backup->path);
    sqlite_backup_end(backup, err);
}

enum err sqlite_backup_collect(struct sqlite_backup *backup)
{
    CHECK(sqlite_backup_phase(backup) == BACKUP_ENDED);
    sqlite_backup_set_phase(backup, BACKUP_IDLE);
    return backup->result;
}
