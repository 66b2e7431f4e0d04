#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "api/api.h"
#include "base/check.h"
#include "loop/config_files.h"
#include "loop/engine.h"
#include "loop/former_ids.h"
#include "loop/local_zone.h"
#include "notice/notice.h"
#include "record/verify.h"
#include "serve_dev.h"
#include "serve_suspects.h"
#include "server/server.h"
#include "store/sqlite.h"
#include "upstream/curl.h"
#include "upstream/router.h"
#include "upstream/sandbox.h"

enum {
    SERVE_END_MS = 65000, /* the longest default timeout, and a little */
    SERVE_BEAT_MS = 500,  /* how exactly people are told on */
    SERVE_RANDOM = 2048   /* salts of 32 actions: a system call for each costs as much as a hash */
};

struct serve {
    uv_loop_t loop;
    uv_timer_t alarm, end, beat;
    uv_signal_t terminate, interrupt, hangup;
    uv_check_t watch;
    char random[SERVE_RANDOM]; /* read ahead; what was given out is wiped */
    size_t random_left;
    int64_t wall_offset_ms; /* wall clock minus boot clock, read once (R29) */
    struct buf config_path;
    struct buf zone_name;
    struct zone zone;
    struct store_port store;
    struct upstream_curl *curl;
    struct sandbox *sandbox;
    struct notices *notices;
    struct router router;
    struct engine *engine;
    struct engine_port port;
    struct api *api;
    struct server *server;
    bool is_ending, is_drained, was_listening, is_closed;
};

/* ---- clock ---- */

static int64_t serve_clock_ms(clockid_t clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t serve_now(void *impl)
{
    struct serve *serve = impl;
    return serve_clock_ms(CLOCK_BOOTTIME) + serve->wall_offset_ms;
}

/* "e5d4ae65-4fb5-…": hex digits, whatever stands between them. */
static bool serve_boot_id(const char *text, unsigned char out[WALL_BOOT])
{
    size_t count = 0;
    for (; *text && *text != '\n' && count < 2 * (size_t)WALL_BOOT; text++) {
        int digit = text_hex_digit(*text);
        if (digit < 0)
            continue;
        out[count / 2] = (unsigned char)(count % 2 ? out[count / 2] | digit : digit << 4);
        count++;
    }
    return count == 2 * (size_t)WALL_BOOT;
}

static int64_t serve_step_ms(void *impl)
{
    struct serve *serve = impl;
    return serve_clock_ms(CLOCK_REALTIME) - serve_now(serve);
}

/* A boot has an id of its own, as text; without one the time since the last run is not known. */
static void serve_boot(void *impl, struct wall_boot *out)
{
    char text[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    (void)impl;
    *out = (struct wall_boot){.ms = serve_clock_ms(CLOCK_BOOTTIME)};
    if (!file)
        return;
    if (fgets(text, sizeof text, file))
        out->is_known = serve_boot_id(text, out->id);
    (void)fclose(file); /* only read from */
}

static void serve_read_random(char *at, size_t size)
{
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        CHECK(got > 0); /* the kernel's generator cannot fail once it is ready */
        at += got;
        size -= (size_t)got;
    }
}

static void serve_random(void *impl, void *out, size_t size)
{
    struct serve *serve = impl;
    if (size > SERVE_RANDOM / 8) {
        serve_read_random(out, size);
        return;
    }
    if (serve->random_left < size) {
        serve_read_random(serve->random, SERVE_RANDOM);
        serve->random_left = SERVE_RANDOM;
    }
    serve->random_left -= size;
    memcpy(out, serve->random + serve->random_left, size);
    explicit_bzero(serve->random + serve->random_left, size);
}

static void serve_alarm(uv_timer_t *timer)
{
    struct serve *serve = timer->data;
    engine_wake(serve->engine);
}

static void serve_beat(uv_timer_t *timer)
{
    struct serve *serve = timer->data;
    engine_beat(serve->engine);
}

static void serve_wake_at(void *impl, int64_t unix_ms)
{
    struct serve *serve = impl;
    int64_t left = unix_ms - serve_now(serve);
    if (unix_ms == 0)
        (void)uv_timer_stop(&serve->alarm); /* stopping a stopped one is harmless */
    else
        /* Never 0: libuv runs a timer that is due again at once before anything else. */
        (void)uv_timer_start(&serve->alarm, serve_alarm, left > 1 ? (uint64_t)left : 1, 0);
}

/* ---- configuration ---- */

static struct loaded *serve_load(void *arg, struct buf *out_problems)
{
    struct serve *serve = arg;
    return config_files_load(buf_slice(&serve->config_path), out_problems);
}

static void serve_reloaded(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    if (reply->outcome == ENGINE_TAKEN)
        (void)fprintf(stderr, "interlock: the configuration was loaded again\n");
    else
        (void)fprintf(stderr, "interlock: not loaded:\n%.*s", SLICE_FMT(reply->detail));
}

static void serve_hangup(uv_signal_t *signal, int number)
{
    struct serve *serve = signal->data;
    struct principal nobody = {.name = SLICE("SIGHUP")};
    (void)number;
    serve->port.reload(serve->port.impl, &nobody, serve_reloaded, serve);
}

static enum err serve_sandbox(void *arg, struct slice upstream, struct slice settings_json,
                              struct buf *out_report_json)
{
    struct serve *serve = arg;
    return sandbox_ask(serve->sandbox, upstream, settings_json, out_report_json);
}

/* The last good version, when the files are not (R28). The store is open already. */
static struct loaded *serve_load_last_good(struct serve *serve, struct buf *problems)
{
    struct arena arena;
    struct slice version = {0};
    struct slice source = {0};
    struct loaded *loaded = NULL;
    arena_init(&arena, (size_t)64 * 1024 * 1024);
    enum err err =
        serve->store.get_row(serve->store.impl, STORE_META, SLICE("policy"), &arena, &version);
    if (err == ERR_OK)
        err = serve->store.get_row(serve->store.impl, STORE_POLICIES, version, &arena, &source);
    if (err == ERR_OK)
        loaded = config_files_load_stored(buf_slice(&serve->config_path), source, problems);
    arena_done(&arena);
    return loaded;
}

/* The `store:` line, found without loading: a policy with a mistake must not hide the store. */
static void serve_store_folder(const struct serve *serve, struct slice from_config, struct buf *out)
{
    struct slice place = from_config.size > 0 ? from_config : SLICE("./data");
    config_files_beside(buf_slice(&serve->config_path), place, out);
}

/* A store beside the configuration, while `store:` names a place without one: perhaps the store of
 * before, whose keys and stops would not count. It is told, because nothing else would show it. */
static void serve_tell_stray_store(const struct serve *serve, struct slice folder)
{
    struct buf stray, own;
    buf_init(&stray, 4096);
    buf_init(&own, 4096);
    config_files_beside(buf_slice(&serve->config_path), SLICE("interlock.db"), &stray);
    buf_add(&own, folder);
    buf_add_text(&own, "/interlock.db");
    if (access(buf_text(&stray), F_OK) == 0 && access(buf_text(&own), F_OK) != 0)
        (void)fprintf(
            stderr,
            "interlock: warning: %s is not used: `store:` is %.*s, which has no store yet. "
            "If it is the store of before, its keys and stops do not count: move it there, "
            "with what lies beside it\n",
            buf_text(&stray), SLICE_FMT(folder));
    buf_done(&own);
    buf_done(&stray);
}

static bool serve_open_store(struct serve *serve, struct slice folder)
{
    struct buf message;
    buf_init(&message, 4096);
    struct store_sqlite_options options = {.folder = folder};
    enum err err = store_sqlite_open(&options, &serve->loop, &serve->store, &message);
    if (err != ERR_OK)
        (void)fprintf(stderr, "interlock: %s\n", buf_text(&message));
    buf_done(&message);
    return err == ERR_OK;
}

/* Where this store lives: another machine or folder means that it was copied (R27). */
static void serve_place(struct slice folder, struct buf *out)
{
    struct stat status;
    char machine[64] = "no-machine-id";
    FILE *file = fopen("/etc/machine-id", "re");
    if (file) {
        if (!fgets(machine, sizeof machine, file))
            machine[0] = '\0';
        (void)fclose(file); /* only read from */
    }
    machine[strcspn(machine, "\n")] = '\0';
    struct buf path;
    buf_init(&path, 4096);
    buf_add(&path, folder);
    bool is_known = stat(buf_text(&path), &status) == 0;
    buf_add_fmt(out, "%s %llu", machine, is_known ? (unsigned long long)status.st_ino : 0ULL);
    buf_done(&path);
}

/* ---- ending ---- */

static void serve_on_closed(void *arg)
{
    struct serve *serve = arg;
    serve->is_closed = true;
    uv_stop(&serve->loop);
}

static void serve_close_server(struct serve *serve)
{
    if (!serve->server)
        return;
    struct server *server = serve->server;
    serve->server = NULL;
    server_close(server, serve_on_closed, serve);
}

static void serve_on_drained(void *arg)
{
    struct serve *serve = arg;
    serve->is_drained = true;
}

static void serve_give_up(uv_timer_t *timer)
{
    serve_close_server(timer->data);
}

static void serve_end(uv_signal_t *signal, int number)
{
    struct serve *serve = signal->data;
    (void)number;
    if (serve->is_ending) { /* a second signal: now */
        serve_close_server(serve);
        return;
    }
    serve->is_ending = true;
    engine_close(serve->engine);
    server_stop_accepting(serve->server, serve_on_drained, serve);
    (void)uv_timer_start(&serve->end, serve_give_up, SERVE_END_MS, 0);
}

/* Once a turn: the store failed for good, or all is done that an end waits for. */
static void serve_watch(uv_check_t *check)
{
    struct serve *serve = check->data;
    engine_tell_full(serve->engine);
    bool has_failed = engine_has_failed(serve->engine);
    if (has_failed || (serve->is_ending && engine_is_idle(serve->engine)))
        serve_close_server(serve);
}

/* ---- starting ---- */

static bool serve_make_upstream(struct serve *serve)
{
    struct upstream_curl_options options = {0};
    if (upstream_curl_new(&serve->loop, &options, &serve->curl) != ERR_OK ||
        sandbox_new(&serve->loop, &serve->sandbox) != ERR_OK ||
        notices_new(&serve->loop, upstream_curl_port(serve->curl), &serve->notices) != ERR_OK)
        return false;
    serve->router = (struct router){.sandbox = sandbox_port(serve->sandbox),
                                    .network = upstream_curl_port(serve->curl)};
    return true;
}

static bool serve_make_engine(struct serve *serve, const struct cli_serve *options,
                              struct loaded *loaded, struct slice flag, struct slice folder)
{
    struct buf message, place;
    struct engine_options engine = {
        .store = serve->store,
        .upstream = router_port(&serve->router),
        .notify = notices_port(serve->notices),
        .sandbox = serve_sandbox,
        .clock = {serve, serve_now, serve_random, serve_wake_at, serve_step_ms, serve_boot},
        .loaded = loaded,
        .run_epoch = store_sqlite_run_epoch(&serve->store),
        .is_copy = options->as_copy || store_sqlite_is_copy(&serve->store),
        .flag = flag,
        .zone = &serve->zone,
        .load = serve_load,
        .arg = serve};
    uint64_t head = 0;
    uint64_t suspects[SUSPECTS_MAX];
    unsigned char hash[STORE_HASH_SIZE];
    engine.suspects = suspects;
    engine.suspect_count = serve_suspects_read(folder, suspects);
    buf_init(&serve->zone_name, LIMIT_NAME * 2);
    buf_add(&serve->zone_name, loaded->config->timezone);
    if (!local_zone_set(buf_slice(&serve->zone_name), &serve->zone))
        (void)fprintf(stderr, "interlock: timezone %s is not known here; times are told in UTC\n",
                      buf_text(&serve->zone_name));
    buf_init(&message, 65536);
    buf_init(&place, 4096);
    serve_place(folder, &place);
    engine.place = buf_slice(&place);
    serve->store.head(serve->store.impl, &head, hash);
    enum err err = config_files_key(buf_slice(&serve->config_path), head == 0,
                                    engine.installation_key, &message);
    if (err == ERR_OK)
        serve->engine = engine_new(&engine, &message);
    else
        loaded_free(loaded);
    if (!serve->engine)
        (void)fprintf(stderr, "interlock: %s\n", buf_text(&message));
    else if (store_sqlite_is_copy(&serve->store) && store_sqlite_adopt(&serve->store) != ERR_OK)
        (void)fprintf(stderr, "interlock: the copy could not be marked as taken over\n");
    if (serve->engine && engine.suspect_count > 0)
        serve_suspects_forget(folder);
    serve_suspects_watch(folder, serve->engine);
    explicit_bzero(engine.installation_key, sizeof engine.installation_key);
    buf_done(&place);
    buf_done(&message);
    return serve->engine != NULL;
}

/* HOST:PORT, [V6]:PORT or :PORT. The text lives as long as the options. */
static bool serve_parse_listen(const char *text, struct server_config *out)
{
    struct slice all = slice_text(text);
    size_t colon = all.size;
    uint64_t port = 0;
    while (colon > 0 && all.at[colon - 1] != ':')
        colon--;
    if (colon == 0 || !slice_to_u64(slice_from(all, colon), UINT16_MAX, &port))
        return false;
    struct slice host = slice_first(all, colon - 1);
    if (host.size >= 2 && host.at[0] == '[' && host.at[host.size - 1] == ']')
        host = slice_of(host.at + 1, host.size - 2);
    out->port = (uint16_t)port;
    if (host.size > 0)
        out->host = host;
    return true;
}

static bool serve_listen(struct serve *serve, const struct cli_serve *options, const char *version)
{
    const struct config *config = serve->port.config(serve->port.impl);
    struct api_options api = {.version = slice_text(version)};
    struct server_config listen = {.host = config->listen_host,
                                   .port = (uint16_t)config->listen_port,
                                   .bounds = server_bounds_default()};
    const char *what = "out of memory";
    if (options->listen && !serve_parse_listen(options->listen, &listen)) {
        (void)fprintf(stderr, "interlock: --listen wants HOST:PORT, for example 127.0.0.1:7070\n");
        return false;
    }
    listen.bounds.body_max = (size_t)config->limits.body;
    serve->api = api_new(&serve->port, &api);
    if (serve->api) {
        listen.handler = api_handler(serve->api);
        serve->was_listening = server_open(&serve->loop, &listen, &serve->server, &what) == ERR_OK;
        if (serve->was_listening)
            return true;
    }
    (void)fprintf(stderr,
                  "interlock: cannot listen on %.*s:%u: %s\nAnother place: `listen:` of the "
                  "configuration, or  interlock serve --listen HOST:PORT  (port 0 picks a free "
                  "one)\n",
                  SLICE_FMT(listen.host), listen.port, what);
    return false;
}

static bool serve_init(struct serve *serve, const struct cli_serve *options)
{
    buf_init(&serve->config_path, 4096);
    buf_add_text(&serve->config_path, options->config);
    serve->wall_offset_ms = serve_clock_ms(CLOCK_REALTIME) - serve_clock_ms(CLOCK_BOOTTIME);
    if (uv_loop_init(&serve->loop) != 0)
        return false;
    bool is_good = uv_timer_init(&serve->loop, &serve->alarm) == 0 &&
                   uv_timer_init(&serve->loop, &serve->end) == 0 &&
                   uv_timer_init(&serve->loop, &serve->beat) == 0 &&
                   uv_check_init(&serve->loop, &serve->watch) == 0 &&
                   uv_signal_init(&serve->loop, &serve->terminate) == 0 &&
                   uv_signal_init(&serve->loop, &serve->interrupt) == 0 &&
                   uv_signal_init(&serve->loop, &serve->hangup) == 0;
    serve->alarm.data = serve;
    serve->end.data = serve;
    serve->beat.data = serve;
    serve->watch.data = serve;
    serve->terminate.data = serve;
    serve->interrupt.data = serve;
    serve->hangup.data = serve;
    return is_good && serve_make_upstream(serve);
}

/* The configuration in force: the files', else the last good one, flagged; else none. */
static struct loaded *serve_first_load(struct serve *serve, const struct cli_serve *options,
                                       struct buf *folder, struct buf *flag)
{
    struct buf problems, line;
    buf_init(&problems, 1024 * 1024);
    buf_init(&line, 4096);
    struct loaded *loaded = config_files_load(buf_slice(&serve->config_path), &problems);
    (void)fputs(buf_text(&problems), stderr); /* warnings too: never silently ignored */
    if (loaded)
        buf_add(&line, loaded->config->store_path);
    else
        config_files_store_line(buf_slice(&serve->config_path), &line);
    serve_store_folder(serve, buf_slice(&line), folder);
    serve_tell_stray_store(serve, buf_slice(folder));
    bool is_open = serve_open_store(serve, buf_slice(folder));
    buf_reset(&problems);
    if (loaded && (!is_open || !former_ids_allow(&serve->store, loaded->config, &problems))) {
        loaded_free(loaded);
        loaded = NULL;
    }
    if (is_open && !loaded) {
        (void)fputs(buf_text(&problems), stderr);
        buf_add_fmt(flag,
                    "the configuration files have errors; the last good version is in force (%s)",
                    problems.size > 0 ? "IL805: an id was somebody else's; interlock reload says "
                                        "whose"
                                      : "interlock check says what is wrong");
        buf_reset(&problems);
        loaded = serve_load_last_good(serve, &problems);
        (void)fprintf(stderr, "interlock: %s\n",
                      loaded ? buf_text(flag)
                             : "the configuration has errors, and the store knows no earlier one; "
                               "mend them, then start again");
    }
    (void)options;
    buf_done(&line);
    buf_done(&problems);
    return loaded;
}

static void serve_go(struct serve *serve)
{
    const struct config *config = serve->port.config(serve->port.impl);
    bool is_v6 = slice_find(config->listen_host, ':') < config->listen_host.size;
    (void)uv_signal_start(&serve->terminate, serve_end, SIGTERM); /* a valid signal: cannot fail */
    (void)uv_signal_start(&serve->interrupt, serve_end, SIGINT);  /* likewise */
    (void)uv_signal_start(&serve->hangup, serve_hangup, SIGHUP);  /* likewise */
    (void)uv_check_start(&serve->watch, serve_watch);             /* likewise */
    uv_unref((uv_handle_t *)&serve->watch);
    (void)uv_timer_start(&serve->beat, serve_beat, 1, SERVE_BEAT_MS); /* likewise */
    uv_unref((uv_handle_t *)&serve->beat);
    (void)printf("interlock ready on http://%s%.*s%s:%u\n", is_v6 ? "[" : "",
                 SLICE_FMT(config->listen_host), is_v6 ? "]" : "", server_port(serve->server));
    (void)fflush(stdout); /* whoever waits for the line reads a pipe */
    (void)uv_run(&serve->loop, UV_RUN_DEFAULT);
}

static void serve_close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void serve_done(struct serve *serve)
{
    serve_close_server(serve);
    while (serve->was_listening && !serve->is_closed && uv_run(&serve->loop, UV_RUN_ONCE) != 0)
        ;
    upstream_curl_free(serve->curl);
    notices_free(serve->notices); /* after the calls that it waits for, before who is told */
    sandbox_free(serve->sandbox);
    store_sqlite_close(&serve->store);
    serve_suspects_watch((struct slice){0}, NULL);
    engine_free(serve->engine);
    api_free(serve->api);
    uv_walk(&serve->loop, serve_close_handle, NULL);
    (void)uv_run(&serve->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&serve->loop); /* all handles are closed */
    buf_done(&serve->zone_name);
    buf_done(&serve->config_path);
}

int serve_run(const struct cli_serve *options, const char *version)
{
    struct cli_serve effective = *options;
    struct serve_dev dev = {0};
    struct serve *serve = calloc(1, sizeof *serve);
    struct buf folder, flag;
    int code = CLI_REFUSED;
    buf_init(&folder, 4096);
    buf_init(&flag, 4096);
    if (!serve || (options->is_dev && !serve_dev_make(&dev)))
        goto out;
    if (options->is_dev)
        effective.config = dev.config;
    if (!serve_init(serve, &effective))
        goto out;
    struct loaded *loaded = serve_first_load(serve, &effective, &folder, &flag);
    if (!loaded ||
        !serve_make_engine(serve, &effective, loaded, buf_slice(&flag), buf_slice(&folder)))
        goto out;
    engine_as_port(serve->engine, &serve->port);
    if (!serve_listen(serve, &effective, version))
        goto out;
    if (options->is_dev)
        serve_dev_tell(&dev, server_port(serve->server));
    serve_go(serve);
    code = engine_has_failed(serve->engine) ? CLI_REFUSED : CLI_DONE;
out:
    if (serve && serve->config_path.size_max > 0)
        serve_done(serve);
    free(serve);
    serve_dev_remove(&dev);
    buf_done(&flag);
    buf_done(&folder);
    return code;
}

static const struct config *serve_verify_config(void *impl)
{
    return ((struct loaded *)impl)->config;
}

/* Who may decide what waits (I8) stands in the configuration beside the store. */
static struct loaded *serve_verify_load(const struct cli_verify *options,
                                        struct verify_options *inout_options)
{
    struct buf problems;
    inout_options->is_offline = true;
    buf_init(&problems, 1024 * 1024);
    struct loaded *loaded = config_files_load(slice_text(options->config), &problems);
    if (loaded) {
        inout_options->config = serve_verify_config;
        inout_options->impl = loaded;
    } else {
        (void)fprintf(stderr, "interlock: the configuration has errors, so it was not looked at "
                              "whether what waits for people waits for somebody (interlock check "
                              "says what is wrong)\n");
    }
    buf_done(&problems);
    return loaded;
}

static bool serve_verify_pages(struct verify *verify)
{
    bool is_done = false;
    while (!is_done) {
        enum err err = verify_step(verify, &is_done);
        if (err == ERR_OK)
            continue;
        (void)fprintf(stderr, "interlock: the store cannot be read: %s\n", err_text(err));
        return false;
    }
    return true;
}

int serve_verify(const struct cli_verify *options)
{
    struct store_port store = {0};
    struct verify_options head = {0}; /* verify_parse_head sets it anew */
    struct loaded *loaded = NULL;
    struct buf line, folder, text;
    int code = CLI_REFUSED;
    struct verify *verify = NULL;
    buf_init(&line, 4096);
    buf_init(&folder, 4096);
    buf_init(&text, 1024 * 1024);
    config_files_store_line(slice_text(options->config), &line);
    config_files_beside(slice_text(options->config),
                        line.size > 0 ? buf_slice(&line) : SLICE("./data"), &folder);
    if (options->head.size > 0 && !verify_parse_head(options->head, &head)) {
        (void)fprintf(stderr, "interlock: --head wants SEQ:HASH as an earlier verify printed it\n");
        code = CLI_WRONG_USE;
    } else if (store_sqlite_open_file(buf_slice(&folder), &store, &text) != ERR_OK) {
        (void)fprintf(stderr, "interlock: %s\n", buf_text(&text));
    } else if ((loaded = serve_verify_load(options, &head)),
               (verify = verify_new(&store, &head)) != NULL && serve_verify_pages(verify)) {
        buf_reset(&text);
        if (options->is_json)
            verify_json_add(&text, verify);
        else
            verify_text_add(&text, verify);
        (void)fputs(buf_text(&text), stdout); /* a failure shows nowhere else */
        code = verify_is_good(verify) ? CLI_DONE : CLI_REFUSED;
    }
    verify_free(verify);
    loaded_free(loaded);
    store_sqlite_close(&store);
    buf_done(&text);
    buf_done(&folder);
    buf_done(&line);
    return code;
}
