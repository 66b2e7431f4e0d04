#include "loop/config_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "loop/local_zone.h"
#include "policy/config.h"

enum { FILES_SECRET_MAX = 65536, FILES_PATH = 4096 };

void config_files_beside(struct slice config_path, struct slice path, struct buf *out)
{
    if (path.size > 0 && path.at[0] == '/') {
        buf_add(out, path);
        return;
    }
    size_t slash = config_path.size;
    while (slash > 0 && config_path.at[slash - 1] != '/')
        slash--;
    buf_add(out, slice_first(config_path, slash));
    if (slice_starts(path, SLICE("./")))
        path = slice_from(path, 2);
    buf_add(out, path);
    if (out->size == 0)
        buf_add_text(out, ".");
}

/* As buf_add, but what a growth leaves behind is wiped: it may be a secret. */
static void files_add_bytes(struct buf *out, struct slice bytes)
{
    if (out->size > 0 && bytes.size >= out->capacity - out->size) {
        struct buf larger;
        buf_init(&larger, out->size_max);
        size_t double_size = 2 * (out->size + bytes.size);
        (void)buf_reserve(&larger, double_size < out->size_max ? double_size : out->size_max);
        buf_add(&larger, buf_slice(out));
        explicit_bzero(out->at, out->size);
        buf_done(out);
        *out = larger;
    }
    buf_add(out, bytes);
}

/* Whole, into out. The mode of the file is told for secrets. */
static enum err files_read(const char *path, size_t size_max, struct buf *out, mode_t *out_mode)
{
    char block[16384];
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;
    enum err err = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? ERR_OK : ERR_INVALID;
    while (err == ERR_OK) {
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            err = ERR_IO;
        if (got <= 0)
            break;
        files_add_bytes(out, slice_of(block, (size_t)got));
        if (out->size > size_max || !buf_ok(out))
            err = ERR_LIMIT;
    }
    (void)close(fd); /* only read from */
    explicit_bzero(block, sizeof block);
    if (err == ERR_OK && out_mode)
        *out_mode = status.st_mode;
    return err;
}

/* ---- policies ---- */

struct files_list {
    struct config_file items[LIMIT_POLICY_FILES + 1];
    struct buf texts[LIMIT_POLICY_FILES + 1];
    struct buf names[LIMIT_POLICY_FILES + 1];
    size_t count;
};

static bool files_add(struct files_list *files, const char *path, struct slice shown,
                      struct buf *out_text)
{
    if (files->count > LIMIT_POLICY_FILES) {
        buf_add_fmt(out_text, "%s: more than %d policy files\n", path, LIMIT_POLICY_FILES);
        return false;
    }
    struct buf *text = &files->texts[files->count];
    struct buf *name = &files->names[files->count];
    buf_init(text, LIMIT_POLICY_FILE + 1);
    buf_init(name, FILES_PATH);
    buf_add(name, shown);
    files->count++;
    enum err err = files_read(path, LIMIT_POLICY_FILE, text, NULL);
    if (err != ERR_OK)
        buf_add_fmt(out_text, "%s: %s\n", path,
                    err == ERR_LIMIT ? "larger than a policy file may be (LIMIT_POLICY_FILE)"
                                     : err_text(err));
    return err == ERR_OK;
}

static void files_list_done(struct files_list *files)
{
    for (size_t i = 0; i < files->count; i++) {
        buf_done(&files->texts[i]);
        buf_done(&files->names[i]);
    }
    free(files);
}

/* As `interlock check` reads them. */
static int files_is_policy(const struct dirent *entry)
{
    struct slice name = slice_text(entry->d_name);
    struct slice yaml = slice_from(name, name.size > 5 ? name.size - 5 : name.size);
    struct slice yml = slice_from(name, name.size > 4 ? name.size - 4 : name.size);
    return entry->d_name[0] != '.' && (slice_is(yaml, ".yaml") || slice_is(yml, ".yml"));
}

/* The value of a line "NAME: VALUE" at the left edge, for what must be known before the whole is
 * checked; `otherwise` when there is none. */
static struct slice files_line(struct slice text, struct slice head, struct slice otherwise)
{
    while (text.size > 0) {
        size_t end = slice_find(text, '\n');
        struct slice line = slice_first(text, end);
        text = slice_from(text, end + 1);
        if (!slice_starts(line, head))
            continue;
        struct slice value = slice_from(line, head.size);
        value = slice_trim(slice_first(value, slice_find(value, '#')));
        if (value.size > 0 && value.at[value.size - 1] == '\r')
            value.size--;
        if (value.size >= 2 && (value.at[0] == '"' || value.at[0] == '\''))
            value = slice_of(value.at + 1, value.size - 2);
        if (value.size > 0)
            otherwise = value;
    }
    return otherwise;
}

void config_files_store_line(struct slice config_path, struct buf *out)
{
    struct buf path, text;
    buf_init(&path, FILES_PATH);
    buf_init(&text, LIMIT_POLICY_FILE + 1);
    buf_add(&path, config_path);
    if (files_read(buf_text(&path), LIMIT_POLICY_FILE, &text, NULL) == ERR_OK)
        buf_add(out, files_line(buf_slice(&text), SLICE("store:"), (struct slice){0}));
    buf_done(&text);
    buf_done(&path);
}

static bool files_add_policies(struct files_list *files, struct slice config_path,
                               struct buf *out_text)
{
    struct slice relative =
        files_line(buf_slice(&files->texts[0]), SLICE("policies:"), SLICE("./policies"));
    struct buf folder;
    struct dirent **entries = NULL;
    buf_init(&folder, FILES_PATH);
    config_files_beside(config_path, relative, &folder);
    int count = scandir(buf_text(&folder), &entries, files_is_policy, alphasort);
    bool is_good = true;
    if (count < 0 && errno != ENOENT) {
        buf_add_fmt(out_text, "%s: cannot be listed\n", buf_text(&folder));
        is_good = false;
    }
    for (int i = 0; i < count; i++) {
        struct buf path;
        buf_init(&path, FILES_PATH);
        buf_add_fmt(&path, "%s/%s", buf_text(&folder), entries[i]->d_name);
        struct slice shown = buf_slice(&path);
        if (slice_starts(shown, SLICE("./")))
            shown = slice_from(shown, 2);
        is_good = is_good && files_add(files, buf_text(&path), shown, out_text);
        buf_done(&path);
        free(entries[i]);
    }
    free(entries);
    buf_done(&folder);
    return is_good;
}

/* ---- secrets ---- */

static bool files_read_secret(struct slice config_path, const struct secret_ref *secret,
                              struct buf *value, struct buf *out_text)
{
    struct buf place;
    mode_t mode = 0;
    bool is_good = true;
    buf_init(&place, FILES_PATH);
    if (secret->source == SECRET_ENV) {
        buf_add(&place, secret->place);
        const char *text = getenv(buf_text(&place));
        if (text)
            buf_add_text(value, text);
        else
            buf_add_fmt(out_text, "warning: the environment has no %s\n", buf_text(&place));
    } else {
        config_files_beside(config_path, secret->place, &place);
        enum err err = files_read(buf_text(&place), FILES_SECRET_MAX, value, &mode);
        if (err != ERR_OK) {
            buf_add_fmt(out_text,
                        "%s: %s; a secret is expected there: put it back, or name another file\n",
                        buf_text(&place), err_text(err));
            is_good = false;
        } else if ((mode & 077) != 0) {
            buf_add_fmt(out_text, "%s: others may read this secret; mend it with  chmod 600 %s\n",
                        buf_text(&place), buf_text(&place));
            is_good = false;
        }
    }
    while (value->size > 0 &&
           (value->at[value->size - 1] == '\n' || value->at[value->size - 1] == '\r'))
        buf_cut(value, value->size - 1);
    buf_done(&place);
    return is_good;
}

static bool files_load_secrets(struct loaded *loaded, struct slice config_path,
                               struct buf *out_text)
{
    size_t count = loaded->config->secret_count;
    bool is_good = true;
    loaded->secrets = calloc(count + 1, sizeof *loaded->secrets);
    if (!loaded->secrets) {
        buf_add_text(out_text, "out of memory\n");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct buf value;
        size_t size = 0;
        buf_init(&value, FILES_SECRET_MAX);
        is_good &= files_read_secret(config_path, &loaded->config->secrets[i], &value, out_text);
        char *bytes = buf_take(&value, &size);
        loaded->secrets[i] = slice_of(bytes, size);
        enum err err = size > 0 ? redact_add_secret(&loaded->redact, loaded->secrets[i]) : ERR_OK;
        if (err != ERR_OK) {
            buf_add_fmt(out_text, "the secrets are too many or too long: %s\n", err_text(err));
            is_good = false;
        }
    }
    return is_good && loaded_digest(loaded) == ERR_OK;
}

/* ---- all of it ---- */

static void files_keep_warnings(struct loaded *loaded, const struct problems *problems)
{
    buf_add_byte(&loaded->warnings_json, '[');
    for (size_t i = 0, told = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->severity != SEVERITY_WARNING)
            continue;
        struct buf line;
        buf_init(&line, 8192);
        buf_add_fmt(&line, "%.*s:%d: %s: %.*s", SLICE_FMT(problem->file), problem->line,
                    catalogue_entry(problem->code).code, SLICE_FMT(problem->message));
        buf_add_text(&loaded->warnings_json, told++ ? "," : "");
        buf_add_json_text(&loaded->warnings_json, buf_slice(&line));
        buf_done(&line);
    }
    buf_add_byte(&loaded->warnings_json, ']');
}

static struct loaded *files_finish(struct loaded *loaded, struct slice config_path,
                                   struct problems *problems, struct buf *out_text)
{
    if (problems->count > 0)
        problems_add_text(out_text, problems);
    if (!loaded->config || !files_load_secrets(loaded, config_path, out_text)) {
        loaded_free(loaded);
        return NULL;
    }
    files_keep_warnings(loaded, problems);
    return loaded;
}

static struct loaded *files_new_loaded(struct buf *out_text)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);
    if (!loaded) {
        buf_add_text(out_text, "out of memory\n");
        return NULL;
    }
    arena_init(&loaded->arena, CONFIG_ARENA_MAX);
    redact_init(&loaded->redact);
    buf_init(&loaded->warnings_json, 1024 * 1024);
    return loaded;
}

struct loaded *config_files_load(struct slice config_path, struct buf *out_text)
{
    struct files_list *files = calloc(1, sizeof *files);
    struct loaded *loaded = files ? files_new_loaded(out_text) : NULL;
    struct buf path;
    buf_init(&path, FILES_PATH);
    buf_add(&path, config_path);
    struct slice shown = config_path;
    if (slice_starts(shown, SLICE("./")))
        shown = slice_from(shown, 2);
    bool is_good = loaded && files_add(files, buf_text(&path), shown, out_text) &&
                   files_add_policies(files, config_path, out_text);
    if (is_good) {
        struct problems problems;
        for (size_t i = 0; i < files->count; i++)
            files->items[i] =
                (struct config_file){buf_slice(&files->names[i]), buf_slice(&files->texts[i])};
        problems_init(&problems, &loaded->arena);
        problems.knows_zone = local_zone_is_known;
        loaded->config = config_load(files->items, files->count, &loaded->arena, &problems);
        loaded = files_finish(loaded, config_path, &problems, out_text);
    } else {
        loaded_free(loaded);
        loaded = NULL;
    }
    buf_done(&path);
    if (files)
        files_list_done(files);
    return loaded;
}

struct loaded *config_files_load_stored(struct slice config_path, struct slice source,
                                        struct buf *out_text)
{
    struct loaded *loaded = files_new_loaded(out_text);
    struct problems problems;
    if (!loaded)
        return NULL;
    problems_init(&problems, &loaded->arena);
    loaded->config = config_load_stored(source, &loaded->arena, &problems);
    return files_finish(loaded, config_path, &problems, out_text);
}

/* ---- the installation key ---- */

static enum err files_make_key(const char *path, unsigned char out_key[32])
{
    struct buf hex;
    buf_init(&hex, 128);
    if (getrandom(out_key, 32, 0) != 32)
        return ERR_IO;
    text_add_hex(&hex, slice_of(out_key, 32));
    buf_add_byte(&hex, '\n');
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_good = fd >= 0 && write(fd, hex.at, hex.size) == (ssize_t)hex.size && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        is_good = false;
    explicit_bzero(hex.at, hex.size);
    buf_done(&hex);
    return is_good ? ERR_OK : ERR_IO;
}

enum err config_files_key(struct slice config_path, bool is_new_store, unsigned char out_key[32],
                          struct buf *out_message)
{
    struct buf path, folder, text;
    mode_t mode = 0;
    buf_init(&path, FILES_PATH);
    buf_init(&folder, FILES_PATH);
    buf_init(&text, 128);
    config_files_beside(config_path, SLICE("secrets/installation.key"), &path);
    config_files_beside(config_path, SLICE("secrets"), &folder);
    enum err err = files_read(buf_text(&path), 100, &text, &mode);
    if (err == ERR_NOT_FOUND && is_new_store) {
        if (mkdir(buf_text(&folder), 0700) != 0 && errno != EEXIST)
            err = ERR_IO;
        else
            err = files_make_key(buf_text(&path), out_key);
        if (err != ERR_OK)
            buf_add_fmt(out_message, "%s: the installation key cannot be written", buf_text(&path));
    } else if (err == ERR_NOT_FOUND) {
        buf_add_fmt(out_message,
                    "%s is missing, but the store has been used with a key. Put that file back; "
                    "without it a repeat could not be recognised, so interlock does not start",
                    buf_text(&path));
        err = ERR_DENIED;
    } else if (err == ERR_OK) {
        struct slice hex = slice_trim(buf_slice(&text));
        while (hex.size > 0 && (hex.at[hex.size - 1] == '\n' || hex.at[hex.size - 1] == '\r'))
            hex.size--;
        if (!text_parse_hex(hex, out_key, 32) || (mode & 077) != 0) {
            buf_add_fmt(out_message,
                        "%s: 64 hex digits that only you can read are expected (chmod 600)",
                        buf_text(&path));
            err = ERR_INVALID;
        }
    } else {
        buf_add_fmt(out_message, "%s: %s", buf_text(&path), err_text(err));
    }
    if (text.at)
        explicit_bzero(text.at, text.size);
    buf_done(&text);
    buf_done(&folder);
    buf_done(&path);
    return err;
}
