/* moved_clock.c - a machine whose clocks a test sets, for a process that has this library
 * preloaded: MOVED_CLOCKS names a file of two int64, the seconds by which the wall clock and the
 * boot clock are ahead; MOVED_BOOT names a file that is read as the id of the boot.
 * tests/api/test_clock.py builds and uses it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

/* The file as it is at this moment. */
static const volatile int64_t *moved(void)
{
    static const volatile int64_t *clocks;
    static const int64_t none[2];
    const char *path = getenv("MOVED_CLOCKS");
    if (clocks || !path)
        return clocks ? clocks : none;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        abort();
    close(fd);
    clocks = map;
    return clocks;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = next("clock_gettime");
    int result = real(clock, out);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += moved()[0];
    if (result == 0 && clock == CLOCK_BOOTTIME)
        out->tv_sec += moved()[1];
    return result;
}

FILE *fopen(const char *path, const char *mode)
{
    static FILE *(*real)(const char *, const char *);
    const char *boot = getenv("MOVED_BOOT");
    if (!real)
        real = next("fopen");
    return real(boot && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0 ? boot : path, mode);
}
