/* The functions of cli_world.h; included once by each test program, which is one file. */
#include <stdlib.h>

#include "cli/curl.h"
#include "unit/cli_world.h"

/* Adds the bytes as lines "PREFIX: …"; a last line without an end is marked by "\". */
static void world_add_lines(struct world *world, const char *prefix, struct slice bytes)
{
    while (bytes.size > 0) {
        struct slice line = slice_first(bytes, slice_find(bytes, '\n'));
        bool has_end = line.size < bytes.size;
        bytes = slice_from(bytes, line.size + 1);
        buf_add_fmt(&world->transcript, "%s:%s%.*s%s\n", prefix, line.size ? " " : "",
                    SLICE_FMT(line), has_end ? "" : "\\");
    }
}

/* A line may be said in several parts: they are joined here. */
static void world_add_parts(struct world *world, const char *prefix, struct slice bytes)
{
    struct slice before = buf_slice(&world->transcript);
    bool is_open = before.size >= 2 && before.at[before.size - 2] == '\\';
    if (is_open) {
        struct slice first = slice_first(bytes, slice_find(bytes, '\n'));
        buf_cut(&world->transcript, before.size - 2);
        buf_add(&world->transcript, first);
        buf_add_text(&world->transcript, first.size < bytes.size ? "\n" : "\\\n");
        bytes = slice_from(bytes, first.size + 1);
    }
    world_add_lines(world, prefix, bytes);
}

static void world_write_out(void *impl, struct slice bytes)
{
    world_add_parts(impl, "out", bytes);
}

static void world_write_error(void *impl, struct slice bytes)
{
    world_add_parts(impl, "err", bytes);
}

const struct world_file *world_file(const struct world *world, struct slice path)
{
    for (size_t i = 0; i < world->file_count; i++)
        if (slice_equal(world->files[i].path, path))
            return &world->files[i];
    return NULL;
}

void world_add_file(struct world *world, struct slice path, struct slice text, bool is_secret)
{
    struct world_file *file = &world->files[world->file_count++];
    file->path = arena_copy(&world->arena, path);
    file->text = arena_copy(&world->arena, text);
    file->is_secret = is_secret;
}

static enum err world_read_file(void *impl, const char *path, struct buf *out)
{
    const struct world_file *file = world_file(impl, slice_text(path));
    if (!file)
        return ERR_NOT_FOUND;
    buf_add(out, file->text);
    return buf_ok(out) ? ERR_OK : ERR_LIMIT;
}

static enum err world_write_new(void *impl, const char *path, struct slice bytes, bool is_secret)
{
    struct world *world = impl;
    if (world_file(world, slice_text(path)))
        return ERR_CONFLICT;
    world_add_file(world, slice_text(path), bytes, is_secret);
    buf_add_fmt(&world->transcript, "wrote: %s%s\n", path, is_secret ? " secret" : "");
    return ERR_OK;
}

static enum err world_list_folder(void *impl, const char *path, struct buf *out)
{
    struct world *world = impl;
    struct slice folder = slice_text(path);
    bool is_there = false;
    for (size_t i = 0; i < world->file_count; i++) {
        struct slice name = world->files[i].path;
        if (!slice_starts(name, folder) || name.at[folder.size] != '/')
            continue;
        is_there = true;
        name = slice_from(name, folder.size + 1);
        if (slice_find(name, '/') == name.size)
            buf_add_fmt(out, "%.*s\n", SLICE_FMT(name));
    }
    return is_there ? ERR_OK : ERR_NOT_FOUND;
}

static bool world_exists(void *impl, const char *path)
{
    return world_file(impl, slice_text(path)) != NULL;
}

static const char *world_environment(void *impl, const char *name)
{
    struct world *world = impl;
    for (size_t i = 0; i < world->variable_count; i++) {
        struct slice variable = world->variables[i];
        size_t equals = slice_find(variable, '=');
        if (slice_is(slice_first(variable, equals), name))
            return variable.at + equals + 1;
    }
    return NULL;
}

static bool world_read_line(void *impl, struct buf *out)
{
    struct world *world = impl;
    if (world->typed == world->typed_count)
        return false;
    world_write_out(world, world->keyboard[world->typed]);
    world_write_out(world, SLICE("\n"));
    buf_add(out, world->keyboard[world->typed++]);
    return true;
}

static enum err world_random(void *impl, void *out_bytes, size_t size)
{
    struct world *world = impl;
    memset(out_bytes, ++world->random, size);
    return ERR_OK;
}

static int64_t world_zone_offset_ms(void *impl, int64_t unix_ms)
{
    (void)impl;    /* the one zone */
    (void)unix_ms; /* always winter */
    return 3600000;
}

static bool world_zone(void *impl, struct slice name, struct zone *out_zone)
{
    (void)impl; /* has no zone files */
    *out_zone = (struct zone){.name = name, .utc_offset_ms = world_zone_offset_ms};
    return slice_is(name, "Europe/Madrid");
}

static void world_note_call(struct world *world, const struct upstream_call *call)
{
    buf_add_fmt(&world->transcript, "asked: %.*s ", SLICE_FMT(call->method));
    buf_add(&world->transcript, call->endpoint->base_url); /* a copy: ASan sees one that is gone */
    buf_add(&world->transcript, call->target);
    for (size_t i = 0; i < call->header_count; i++) {
        const struct upstream_header *header = &call->headers[i];
        if (slice_is(header->name, "accept") && header->value.at[0] == 't')
            buf_add_text(&world->transcript, " as text");
        else if (!slice_is(header->name, "accept") && !slice_is(header->name, "content-type"))
            buf_add_fmt(&world->transcript, " %.*s: %.*s", SLICE_FMT(header->name),
                        SLICE_FMT(header->value));
    }
    for (size_t i = 0; i < call->endpoint->secret_header_count; i++)
        buf_add_fmt(&world->transcript, " (%.*s)",
                    SLICE_FMT(call->endpoint->secret_headers[i].value));
    if (call->body.size)
        buf_add_fmt(&world->transcript, " %.*s", SLICE_FMT(call->body));
    buf_add_byte(&world->transcript, '\n');
}

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    world_note_call(world, call);
    struct upstream_header headers[2] = {{.name = SLICE("Interlock-Next")},
                                         {.name = SLICE("Interlock-Zone")}};
    struct upstream_answer answer = {.phase = UPSTREAM_NOT_SENT,
                                     .what = SLICE("no answer is left")};
    if (world->answered < world->answer_count) {
        struct slice text = world->answers[world->answered++];
        struct slice first = slice_first(text, slice_find(text, ' '));
        struct slice rest = slice_from(text, first.size + 1);
        uint64_t status = 0;
        if (slice_starts(rest, SLICE("next="))) {
            headers[0].value = slice_first(slice_from(rest, 5), slice_find(rest, ' ') - 5);
            rest = slice_from(rest, headers[0].value.size + 6);
        }
        if (slice_starts(rest, SLICE("zone="))) {
            headers[1].value = slice_first(slice_from(rest, 5), slice_find(rest, ' ') - 5);
            rest = slice_from(rest, headers[1].value.size + 6);
        }
        if (slice_to_u64(first, 999, &status))
            answer = (struct upstream_answer){.phase = UPSTREAM_ANSWERED,
                                              .status = (int)status,
                                              .headers = headers,
                                              .header_count = 2,
                                              .body = rest};
        else if (slice_is(first, "lost"))
            answer = (struct upstream_answer){.phase = UPSTREAM_SENT_NO_ANSWER, .what = rest};
        else
            answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .what = rest};
    }
    call->done(call->arg, &answer);
    return ERR_OK;
}

static size_t world_count(void *impl)
{
    (void)impl; /* nothing is ever under way */
    return 0;
}

static bool world_run_until(void *impl, const bool *is_done)
{
    (void)impl; /* answers come at once */
    return *is_done;
}

static bool world_wait_ms(void *impl, int64_t ms)
{
    struct world *world = impl;
    buf_add_fmt(&world->transcript, "waited: %lld ms\n", (long long)ms);
    return world->answered < world->answer_count; /* the user breaks off when nothing more comes */
}

static int world_serve(void *impl, const struct cli_serve *serve)
{
    struct world *world = impl;
    buf_add_fmt(&world->transcript, "serve: config=%s dev=%d copy=%d listen=%s\n",
                serve->config ? serve->config : "none", serve->is_dev, serve->as_copy,
                serve->listen ? serve->listen : "none");
    return 0;
}

static int world_verify_store(void *impl, const struct cli_verify *verify)
{
    struct world *world = impl;
    buf_add_fmt(&world->transcript, "verify: config=%s head=%.*s json=%d\n", verify->config,
                SLICE_FMT(verify->head), verify->is_json);
    return 1;
}

void world_init(struct world *world)
{
    static struct upstream_port upstream = {.call = world_call, .count = world_count};
    memset(world, 0, sizeof *world);
    arena_init(&world->arena, 16 * 1024 * 1024);
    buf_init(&world->transcript, 4 * 1024 * 1024);
    upstream.impl = world;
    world->cli = (struct cli_world){.impl = world,
                                    .version = "0.0.test",
                                    .upstream = &upstream,
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
                                    .now_unix_ms = 1795500000000,
                                    .random = world_random,
                                    .zone = world_zone,
                                    .serve = world_serve,
                                    .verify_store = world_verify_store};
}

void world_done(struct world *world)
{
    buf_done(&world->transcript);
    arena_done(&world->arena);
}

int world_run(struct world *world, struct slice command)
{
    struct slice words[CURL_WORDS], mistake;
    char *argv[CURL_WORDS + 2];
    size_t count = 0;
    if (!curl_words(command, &world->arena, words, &count, &mistake))
        abort();
    argv[0] = (char *)(uintptr_t) "interlock";
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = (char *)(uintptr_t)words[i].at;
    argv[count + 1] = NULL;
    int code = cli_main((int)count + 1, argv, &world->cli);
    buf_add_fmt(&world->transcript, "exit: %d\n", code);
    return code;
}
