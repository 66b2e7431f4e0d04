#include "store/sqlite_log.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* The system's VFS takes less than 128 KiB in one call, and cuts what is longer. */
enum { SQLITE_LOG_BUFFER = 124 * 1024 };

struct sqlite_log_file {
    sqlite3_file base;  /* first: what SQLite sees */
    sqlite3_file *real; /* behind this struct, in the same allocation */
    char *buffer;       /* allocated at the first write */
    sqlite3_int64 at;   /* where the buffer goes */
    int size;
};

static struct sqlite_log_file *sqlite_log_of(sqlite3_file *file)
{
    return (struct sqlite_log_file *)(void *)file;
}

static int sqlite_log_flush(struct sqlite_log_file *log)
{
    if (log->size == 0)
        return SQLITE_OK;
    int size = log->size;
    log->size = 0; /* invariant 2 */
    return log->real->pMethods->xWrite(log->real, log->buffer, size, log->at);
}

static int sqlite_log_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    bool fits = at == log->at + log->size && size <= SQLITE_LOG_BUFFER - log->size;
    if (!fits) {
        int rc = sqlite_log_flush(log);
        if (rc != SQLITE_OK)
            return rc;
        log->at = at;
    }
    if (!log->buffer)
        log->buffer = malloc(SQLITE_LOG_BUFFER);
    if (!log->buffer || size > SQLITE_LOG_BUFFER)
        return log->real->pMethods->xWrite(log->real, bytes, size, at);
    memcpy(log->buffer + log->size, bytes, (size_t)size);
    log->size += size;
    return SQLITE_OK;
}

static int sqlite_log_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    int rc = sqlite_log_flush(log);
    return rc == SQLITE_OK ? log->real->pMethods->xRead(log->real, bytes, size, at) : rc;
}

static int sqlite_log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    int rc = sqlite_log_flush(log);
    return rc == SQLITE_OK ? log->real->pMethods->xTruncate(log->real, size) : rc;
}

static int sqlite_log_sync(sqlite3_file *file, int flags)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    int rc = sqlite_log_flush(log);
    return rc == SQLITE_OK ? log->real->pMethods->xSync(log->real, flags) : rc;
}

static int sqlite_log_file_size(sqlite3_file *file, sqlite3_int64 *out_size)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    int rc = sqlite_log_flush(log);
    return rc == SQLITE_OK ? log->real->pMethods->xFileSize(log->real, out_size) : rc;
}

/* What is still in the buffer was never committed: it was never synced. */
static int sqlite_log_close(sqlite3_file *file)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    free(log->buffer);
    log->buffer = NULL;
    return log->real->pMethods->xClose(log->real);
}

/* The log is locked through the shared index of the database, never by itself. */
static int sqlite_log_lock(sqlite3_file *file, int level)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    return log->real->pMethods->xLock(log->real, level);
}

static int sqlite_log_unlock(sqlite3_file *file, int level)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    return log->real->pMethods->xUnlock(log->real, level);
}

static int sqlite_log_is_locked(sqlite3_file *file, int *out_is_locked)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    return log->real->pMethods->xCheckReservedLock(log->real, out_is_locked);
}

static int sqlite_log_control(sqlite3_file *file, int what, void *arg)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    return log->real->pMethods->xFileControl(log->real, what, arg);
}

static int sqlite_log_sector_size(sqlite3_file *file)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    return log->real->pMethods->xSectorSize(log->real);
}

static int sqlite_log_characteristics(sqlite3_file *file)
{
    struct sqlite_log_file *log = sqlite_log_of(file);
    return log->real->pMethods->xDeviceCharacteristics(log->real);
}

/* Version 1: no shared memory and no mapped pages, which a log has not. */
static const sqlite3_io_methods sqlite_log_methods = {
    .iVersion = 1,
    .xClose = sqlite_log_close,
    .xRead = sqlite_log_read,
    .xWrite = sqlite_log_write,
    .xTruncate = sqlite_log_truncate,
    .xSync = sqlite_log_sync,
    .xFileSize = sqlite_log_file_size,
    .xLock = sqlite_log_lock,
    .xUnlock = sqlite_log_unlock,
    .xCheckReservedLock = sqlite_log_is_locked,
    .xFileControl = sqlite_log_control,
    .xSectorSize = sqlite_log_sector_size,
    .xDeviceCharacteristics = sqlite_log_characteristics,
};

static int sqlite_log_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                           int *out_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    if (!(flags & SQLITE_OPEN_WAL))
        return real->xOpen(real, name, file, flags, out_flags);
    struct sqlite_log_file *log = sqlite_log_of(file);
    *log = (struct sqlite_log_file){.real = (sqlite3_file *)(void *)(log + 1)};
    int rc = real->xOpen(real, name, log->real, flags, out_flags);
    if (log->real->pMethods)
        log->base.pMethods = &sqlite_log_methods; /* SQLite closes it, also after a failure */
    return rc;
}

static struct {
    pthread_once_t once;
    sqlite3_vfs vfs; /* a copy of the system's, with our xOpen: SQLite keeps a pointer to it */
    bool is_there;
} sqlite_log = {.once = PTHREAD_ONCE_INIT};

static void sqlite_log_register(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (!real)
        return;
    sqlite_log.vfs = *real;
    sqlite_log.vfs.pNext = NULL;
    sqlite_log.vfs.zName = "interlock";
    sqlite_log.vfs.pAppData = real;
    sqlite_log.vfs.szOsFile = (int)sizeof(struct sqlite_log_file) + real->szOsFile;
    sqlite_log.vfs.xOpen = sqlite_log_open;
    sqlite_log.is_there = sqlite3_vfs_register(&sqlite_log.vfs, 0) == SQLITE_OK;
}

const char *sqlite_log_vfs(void)
{
    CHECK(pthread_once(&sqlite_log.once, sqlite_log_register) == 0);
    return sqlite_log.is_there ? sqlite_log.vfs.zName : NULL;
}
