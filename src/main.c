/* main.c - gives the command line a world: files, terminal, a loop to ask the daemon with. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "cli/cli.h"
#include "loop/local_zone.h"
#include "serve.h"
#include "upstream/curl.h"

#define INTERLOCK_VERSION "0.1.0"

struct world {
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t interrupt;
    uv_prepare_t turn;
    struct upstream_curl *curl;
    struct upstream_port upstream;
    const bool *is_done; /* what run_until waits for */
    bool is_interrupted, has_passed;
};

/* ---- waiting ---- */

static void world_on_interrupt(uv_signal_t *signal, int number)
{
    struct world *world = signal->data;
    (void)number;
    world->is_interrupted = true;
    uv_stop(&world->loop);
}

/* A call can end before the loop looks at its sockets, in another prepare: then nothing may come
 * for a long time, and the loop must not sleep. Handles started later run earlier, so this one runs
 * after the client's. */
static void world_on_turn(uv_prepare_t *turn)
{
    struct world *world = turn->data;
    if (world->is_done && *world->is_done)
        uv_stop(&world->loop);
}

static bool world_run_until(void *impl, const bool *is_done)
{
    struct world *world = impl;
    world->is_done = is_done;
    /* From the first wait on, also between two of them: an interrupt is told, not fatal. */
    (void)uv_signal_start(&world->interrupt, world_on_interrupt, SIGINT); /* cannot fail */
    while (!*is_done && !world->is_interrupted)
        (void)uv_run(&world->loop, UV_RUN_ONCE);
    world->is_done = NULL;
    if (world->is_interrupted) { /* what is under way must not call back into what is left */
        upstream_curl_free(world->curl);
        world->curl = NULL;
    }
    return !world->is_interrupted;
}

static void world_on_time(uv_timer_t *timer)
{
    struct world *world = timer->data;
    world->has_passed = true;
}

static bool world_wait_ms(void *impl, int64_t ms)
{
    struct world *world = impl;
    world->has_passed = false;
    (void)uv_timer_start(&world->timer, world_on_time, ms > 0 ? (uint64_t)ms : 0, 0);
    return world_run_until(impl, &world->has_passed);
}

/* ---- files ---- */

static enum err world_error(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_CONFLICT;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case ENOSPC:
        return ERR_NO_SPACE;
    default:
        return ERR_IO;
    }
}

static enum err world_read_file(void *impl, const char *path, struct buf *out)
{
    char block[16384];
    (void)impl;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return world_error();
    ssize_t got = 0;
    while ((got = read(fd, block, sizeof block)) > 0)
        buf_add(out, slice_of(block, (size_t)got));
    enum err err = got < 0 ? world_error() : buf_ok(out) ? ERR_OK : ERR_LIMIT;
    (void)close(fd); /* only read from */
    return err;
}

/* Makes the folders above a path. */
static enum err world_make_folders(const char *path, mode_t mode)
{
    char folder[4096];
    size_t size = strlen(path);
    if (size >= sizeof folder)
        return ERR_LIMIT;
    memcpy(folder, path, size + 1);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, mode) != 0 && errno != EEXIST)
            return world_error();
        *slash = '/';
    }
    return ERR_OK;
}

static enum err world_write_new(void *impl, const char *path, struct slice bytes, bool is_secret)
{
    (void)impl;
    enum err err = world_make_folders(path, is_secret ? 0700 : 0755);
    if (err != ERR_OK)
        return err;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, is_secret ? 0600 : 0644);
    if (fd < 0)
        return world_error();
    size_t done = 0;
    while (err == ERR_OK && done < bytes.size) {
        ssize_t put = write(fd, bytes.at + done, bytes.size - done);
        if (put < 0)
            err = world_error();
        else
            done += (size_t)put;
    }
    if (err == ERR_OK && fsync(fd) != 0)
        err = world_error();
    if (close(fd) != 0 && err == ERR_OK)
        err = world_error();
    return err;
}

static int world_is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static enum err world_list_folder(void *impl, const char *path, struct buf *out)
{
    struct dirent **entries = NULL;
    (void)impl;
    int count = scandir(path, &entries, world_is_shown, alphasort);
    if (count < 0)
        return world_error();
    for (int i = 0; i < count; i++) {
        buf_add_text(out, entries[i]->d_name);
        buf_add_byte(out, '\n');
        free(entries[i]);
    }
    free(entries);
    return buf_ok(out) ? ERR_OK : ERR_LIMIT;
}

static bool world_exists(void *impl, const char *path)
{
    (void)impl;
    return access(path, F_OK) == 0;
}

/* ---- terminal, time, chance ---- */

static const char *world_environment(void *impl, const char *name)
{
    (void)impl;
    return getenv(name);
}

static void world_put(FILE *file, struct slice bytes)
{
    if (bytes.size > 0 && fwrite(bytes.at, 1, bytes.size, file) != bytes.size)
        exit(CLI_REFUSED); /* nobody reads any more */
    (void)fflush(file);    /* a failure shows at the next write */
}

static void world_write_out(void *impl, struct slice bytes)
{
    (void)impl;
    world_put(stdout, bytes);
}

static void world_write_error(void *impl, struct slice bytes)
{
    (void)impl;
    world_put(stderr, bytes);
}

static bool world_read_line(void *impl, struct buf *out)
{
    int byte = 0;
    (void)impl;
    while ((byte = getchar()) != EOF && byte != '\n')
        buf_add_byte(out, (char)byte);
    return byte != EOF || out->size > 0;
}

static enum err world_random(void *impl, void *out, size_t size)
{
    (void)impl;
    if (size > 256)
        return ERR_LIMIT;
    return getrandom(out, size, 0) == (ssize_t)size ? ERR_OK : ERR_IO;
}

static bool world_zone(void *impl, struct slice name, struct zone *out_zone)
{
    (void)impl; /* libc knows one zone at a time */
    return local_zone_set(name, out_zone);
}

static int64_t world_now(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int world_serve(void *impl, const struct cli_serve *options)
{
    (void)impl;
    return serve_run(options, INTERLOCK_VERSION);
}

static int world_verify(void *impl, const struct cli_verify *options)
{
    (void)impl;
    return serve_verify(options);
}

static void world_close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

enum { MAIN_DESCRIPTORS = 8192 };

/* A connection or a call is a descriptor: LIMIT of both may be more than what a shell gives. */
static void main_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= MAIN_DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < MAIN_DESCRIPTORS ? limit.rlim_max : MAIN_DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* else fewer connections are taken at a time */
}

int main(int argc, char **argv)
{
    static struct world world;
    struct upstream_curl_options options = {0};
    main_raise_descriptors();
    (void)umask(077); /* whatever is written is its owner's */
    bool is_good = uv_loop_init(&world.loop) == 0 &&
                   uv_timer_init(&world.loop, &world.timer) == 0 &&
                   uv_signal_init(&world.loop, &world.interrupt) == 0 &&
                   uv_prepare_init(&world.loop, &world.turn) == 0 &&
                   upstream_curl_new(&world.loop, &options, &world.curl) == ERR_OK;
    if (!is_good) {
        (void)fprintf(stderr, "interlock: out of memory\n");
        return CLI_REFUSED;
    }
    world.timer.data = &world;
    world.interrupt.data = &world;
    world.turn.data = &world;
    (void)uv_prepare_start(&world.turn, world_on_turn); /* cannot fail */
    world.upstream = upstream_curl_port(world.curl);
    struct cli_world cli = {.impl = &world,
                            .version = INTERLOCK_VERSION,
                            .upstream = &world.upstream,
                            .run_until = world_run_until,
                            .wait_ms = world_wait_ms,
                            .read_file = world_read_file,
                            .write_new = world_write_new,
                            .list_folder = world_list_folder,
                            .exists = world_exists,
                            .environment = world_environment,
                            .write_out = world_write_out,
                            .write_error = world_write_error,
                            .read_line = world_read_line,
                            .is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
                            .now_unix_ms = world_now(),
                            .random = world_random,
                            .zone = world_zone,
                            .serve = world_serve,
                            .verify_store = world_verify};
    int code = cli_main(argc, argv, &cli);
    upstream_curl_free(world.curl);
    uv_walk(&world.loop, world_close_handle, NULL);
    (void)uv_run(&world.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&world.loop); /* all handles are closed */
    return code;
}
