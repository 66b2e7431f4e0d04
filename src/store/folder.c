#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

static const struct {
    uint32_t magic;
    const char *name;
} folder_networks[] = {
    {0x6969, "NFS"},      {0x517b, "SMB"},       {0xff534d42, "CIFS"},   {0xfe534d42, "SMB2"},
    {0x01021997, "9P"},   {0x65735546, "FUSE"}, /* sshfs, s3fs, virtiofs, ...: none of them can be
                                                   told from a local one */
    {0x00c36400, "Ceph"}, {0x5346414f, "AFS"},   {0x6b414653, "AFS"},    {0x73757245, "Coda"},
    {0x01161970, "GFS2"}, {0x7461636f, "OCFS2"}, {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"},
    {0x564c, "NCP"},
};

const char *folder_network_name(uint64_t magic)
{
    for (size_t i = 0; i < sizeof folder_networks / sizeof *folder_networks; i++)
        if (folder_networks[i].magic == (uint32_t)magic)
            return folder_networks[i].name;
    return NULL;
}

static enum err folder_errno(int number)
{
    return number == ENOSPC || number == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

/* The folder exists afterwards, and only its owner writes into it (invariant 2). */
static enum err folder_make(const char *path, struct buf *out_message)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        enum err err = folder_errno(errno);
        buf_add_fmt(out_message, "store %s: the folder cannot be made: %s", path, strerror(errno));
        return err;
    }
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        buf_add_fmt(out_message, "store %s: not a folder; name another one in `store:`", path);
        return ERR_INVALID;
    }
    if (info.st_mode & (S_IWGRP | S_IWOTH)) {
        buf_add_fmt(out_message, "store %s: others may write into this folder; do: chmod 700 %s",
                    path, path);
        return ERR_DENIED;
    }
    return ERR_OK;
}

static enum err folder_check_local(const char *path, struct buf *out_message)
{
    struct statfs info;
    if (statfs(path, &info) != 0) {
        buf_add_fmt(out_message, "store %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    const char *network = folder_network_name((uint64_t)info.f_type);
    if (!network)
        return ERR_OK;
    buf_add_fmt(out_message,
                "store %s: this is %s, which does not lock and sync as a store needs; choose a "
                "folder on a local disk in `store:`",
                path, network);
    return ERR_INVALID;
}

/* Who holds the lock wrote its number into the file. */
static void folder_tell_holder(const struct folder *folder, struct buf *out_message)
{
    char text[24] = {0};
    ssize_t size = pread(folder->lock_fd, text, sizeof text - 1, 0);
    uint64_t pid = 0;
    struct slice digits = slice_of(text, size > 0 ? (size_t)size : 0);
    digits = slice_first(digits, slice_find(digits, '\n'));
    buf_add_fmt(out_message, "store %s: in use by another process", folder->path);
    if (slice_to_u64(digits, INT32_MAX, &pid))
        buf_add_fmt(out_message, " (%d)", (int)pid);
    buf_add_text(out_message, "; stop that one first, or choose another folder in `store:`");
}

static enum err folder_lock(struct folder *folder, struct buf *out_message)
{
    char *path = folder_file(folder, "lock");
    if (!path)
        return ERR_NO_MEMORY;
    folder->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free(path);
    if (folder->lock_fd < 0) {
        enum err err = folder_errno(errno);
        buf_add_fmt(out_message, "store %s: its lock file cannot be opened: %s", folder->path,
                    strerror(errno));
        return err;
    }
    if (flock(folder->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            buf_add_fmt(out_message, "store %s: it cannot be locked: %s", folder->path,
                        strerror(errno));
            return ERR_IO;
        }
        folder_tell_holder(folder, out_message);
        return ERR_LOCKED;
    }
    struct buf number;
    buf_init(&number, 24);
    buf_add_i64(&number, getpid());
    buf_add_byte(&number, '\n');
    /* Only a help for people: a full disk must not stop the store here. */
    if (ftruncate(folder->lock_fd, 0) == 0)
        (void)!pwrite(folder->lock_fd, number.at, number.size, 0);
    buf_done(&number);
    return ERR_OK;
}

enum err folder_open(struct folder *folder, struct slice path, struct buf *out_message)
{
    *folder = (struct folder){.path = strndup(path.at ? path.at : "", path.size), .lock_fd = -1};
    if (!folder->path)
        return ERR_NO_MEMORY;
    enum err err = folder_make(folder->path, out_message);
    if (err == ERR_OK)
        err = folder_check_local(folder->path, out_message);
    if (err == ERR_OK)
        err = folder_lock(folder, out_message);
    return err;
}

void folder_done(struct folder *folder)
{
    if (!folder || !folder->path)
        return;
    if (folder->lock_fd >= 0)
        (void)close(folder->lock_fd); /* ends the lock; there is nothing to lose in it */
    free(folder->path);
    *folder = (struct folder){.lock_fd = -1};
}

char *folder_file(const struct folder *folder, const char *name)
{
    struct buf path;
    buf_init(&path, SIZE_MAX / 2);
    buf_add_fmt(&path, "%s/%s", folder->path, name);
    size_t size = 0;
    return buf_take(&path, &size);
}

enum err folder_make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return folder_errno(errno);
    int rc = fchmod(fd, 0600);
    enum err err = rc == 0 ? ERR_OK : folder_errno(errno);
    (void)close(fd); /* nothing was written */
    return err;
}

enum err folder_sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash == path ? strdup("/")
                   : slash       ? strndup(path, (size_t)(slash - path))
                                 : strdup(".");
    if (!parent)
        return ERR_NO_MEMORY;
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(parent);
    if (fd < 0)
        return ERR_IO;
    enum err err = fsync(fd) == 0 ? ERR_OK : folder_errno(errno);
    (void)close(fd); /* synced already */
    return err;
}
