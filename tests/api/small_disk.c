/* small_disk.c - a folder that has room for SMALL_DISK_SIZE bytes and no more, for a process that
 * has this library preloaded: what would grow a file below SMALL_DISK past that fails with ENOSPC,
 * and statvfs tells what is left. It needs no right to mount. tests/api/test_rules_disk.py builds
 * and uses it, and computes the same. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BLOCK = 4096 };

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

static int64_t in_blocks(int64_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static int64_t room(void)
{
    const char *folder = getenv("SMALL_DISK");
    const char *size = getenv("SMALL_DISK_SIZE");
    DIR *dir = folder && size ? opendir(folder) : NULL;
    if (!dir)
        return INT64_MAX;
    int64_t left = strtoll(size, NULL, 10);
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct stat info;
        if (fstatat(dirfd(dir), entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode))
            left -= in_blocks(info.st_size);
    }
    closedir(dir);
    return left > 0 ? left : 0;
}

static int is_inside(int fd)
{
    char link[64], path[PATH_MAX];
    const char *folder = getenv("SMALL_DISK");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    size_t head = folder ? strlen(folder) : 0;
    if (size < 0 || head == 0)
        return 0;
    path[size] = '\0';
    return strncmp(path, folder, head) == 0 && path[head] == '/';
}

/* May the file end there? */
static int fits(int fd, int64_t end)
{
    struct stat info;
    if (!is_inside(fd) || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return 1;
    int64_t more = in_blocks(end) - in_blocks(info.st_size);
    if (more <= 0 || more <= room())
        return 1;
    errno = ENOSPC;
    return 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) = next("pwrite64");
    return fits(fd, at + (int64_t)size) ? real(fd, bytes, size, at) : -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = next("pwrite");
    return fits(fd, at + (int64_t)size) ? real(fd, bytes, size, at) : -1;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    ssize_t (*real)(int, const void *, size_t) = next("write");
    off_t at = is_inside(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
    return at < 0 || fits(fd, at + (int64_t)size) ? real(fd, bytes, size) : -1;
}

int ftruncate64(int fd, off64_t size)
{
    int (*real)(int, off64_t) = next("ftruncate64");
    return fits(fd, size) ? real(fd, size) : -1;
}

int ftruncate(int fd, off_t size)
{
    int (*real)(int, off_t) = next("ftruncate");
    return fits(fd, size) ? real(fd, size) : -1;
}

int fallocate64(int fd, int mode, off64_t at, off64_t size)
{
    int (*real)(int, int, off64_t, off64_t) = next("fallocate64");
    return fits(fd, at + size) ? real(fd, mode, at, size) : -1;
}

int posix_fallocate64(int fd, off64_t at, off64_t size)
{
    int (*real)(int, off64_t, off64_t) = next("posix_fallocate64");
    return fits(fd, at + size) ? real(fd, at, size) : ENOSPC;
}

static void tell_room(const char *path, uint64_t block, fsblkcnt_t *out_free,
                      fsblkcnt_t *out_available)
{
    const char *folder = getenv("SMALL_DISK");
    if (folder && strncmp(path, folder, strlen(folder)) == 0)
        *out_free = *out_available = (fsblkcnt_t)((uint64_t)room() / block);
}

int statvfs(const char *path, struct statvfs *out)
{
    int (*real)(const char *, struct statvfs *) = next("statvfs");
    int rc = real(path, out);
    if (rc == 0)
        tell_room(path, out->f_frsize, &out->f_bfree, &out->f_bavail);
    return rc;
}

int statvfs64(const char *path, struct statvfs64 *out)
{
    int (*real)(const char *, struct statvfs64 *) = next("statvfs64");
    int rc = real(path, out);
    if (rc == 0)
        tell_room(path, out->f_frsize, &out->f_bfree, &out->f_bavail);
    return rc;
}
