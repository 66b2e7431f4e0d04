#include "cli/local.h"

#include "base/limits.h"

enum { LOCAL_NAMES_MAX = 1024 * 1024, LOCAL_TEXT_MAX = 16 * 1024 * 1024 };

const char *local_config_path(const struct invocation *invocation)
{
    const char *path = invocation_option(invocation, "config");
    return path ? path : "interlock.yaml";
}

struct slice local_beside(struct invocation *invocation, struct slice name)
{
    const char *config = local_config_path(invocation);
    const char *slash = strrchr(config, '/');
    if (name.size > 0 && name.at[0] == '/')
        return arena_copy(&invocation->arena, name);
    if (slice_starts(name, SLICE("./")))
        name = slice_from(name, 2);
    struct slice folder = slice_of(config, slash ? (size_t)(slash - config) + 1 : 0);
    return arena_fmt(&invocation->arena, "%.*s%.*s", SLICE_FMT(folder), SLICE_FMT(name));
}

bool local_line(struct slice config, const char *name, struct slice *out_value)
{
    while (config.size > 0) {
        struct slice line = slice_first(config, slice_find(config, '\n'));
        config = slice_from(config, line.size + 1);
        size_t colon = slice_find(line, ':');
        if (!slice_is(slice_first(line, colon), name))
            continue;
        struct slice value = slice_trim(slice_from(line, colon + 1));
        if (value.size > 0 && (value.at[0] == '"' || value.at[0] == '\'')) {
            struct slice inside = slice_from(value, 1);
            value = slice_first(inside, slice_find(inside, value.at[0]));
        } else {
            for (size_t i = 0; i < value.size; i++)
                if (value.at[i] == '#' && (i == 0 || value.at[i - 1] == ' '))
                    value.size = i;
        }
        while (value.size > 0 && strchr(" \t\r", value.at[value.size - 1]))
            value.size--;
        *out_value = value;
        return true;
    }
    return false;
}

#define local_tell(invocation, local, ...)                                                         \
    ((local)->is_quiet ? (void)0 : say_error((invocation), __VA_ARGS__))

/* One file into the arena. false: told. */
static bool local_read_file(struct invocation *invocation, struct local *local, const char *path)
{
    const struct cli_world *world = invocation->world;
    struct buf text;
    buf_init(&text, LIMIT_POLICY_FILE);
    enum err err = world->read_file(world->impl, path, &text);
    if (err == ERR_OK) {
        struct config_file *file = &local->files[local->file_count++];
        file->name = arena_copy(&invocation->arena, slice_text(path));
        file->text = arena_copy(&invocation->arena, buf_slice(&text));
    } else if (err == ERR_LIMIT) {
        local_tell(invocation, local, "interlock: %s is longer than %d bytes (LIMIT_POLICY_FILE)\n",
                   path, LIMIT_POLICY_FILE);
    } else {
        local_tell(invocation, local, "interlock: %s: %s\n", path, err_text(err));
    }
    buf_done(&text);
    return err == ERR_OK;
}

static bool local_is_policy(struct slice name)
{
    struct slice yaml = slice_from(name, name.size > 5 ? name.size - 5 : name.size);
    struct slice yml = slice_from(name, name.size > 4 ? name.size - 4 : name.size);
    return name.size > 0 && name.at[0] != '.' && (slice_is(yaml, ".yaml") || slice_is(yml, ".yml"));
}

static bool local_read_folder(struct invocation *invocation, struct local *local)
{
    const struct cli_world *world = invocation->world;
    struct slice name = SLICE("policies");
    (void)local_line(local->files[0].text, "policies", &name); /* absent: the default stays */
    struct slice folder = local_beside(invocation, name);
    struct buf names;
    buf_init(&names, LOCAL_NAMES_MAX);
    bool is_good = true;
    enum err err = world->list_folder(world->impl, folder.at, &names);
    if (err != ERR_OK) {
        local_tell(invocation, local, "interlock: the folder of policies %s: %s\n", folder.at,
                   err_text(err));
        is_good = false;
    }
    for (struct slice rest = buf_slice(&names); is_good && rest.size > 0;) {
        struct slice line = slice_first(rest, slice_find(rest, '\n'));
        rest = slice_from(rest, line.size + 1);
        if (!local_is_policy(line))
            continue;
        if (local->file_count == LIMIT_POLICY_FILES) {
            local_tell(invocation, local,
                       "interlock: more than %d files in %s (LIMIT_POLICY_FILES)\n",
                       LIMIT_POLICY_FILES, folder.at);
            is_good = false;
            break;
        }
        struct slice path =
            arena_fmt(&invocation->arena, "%s%s%.*s", folder.at,
                      folder.at[folder.size - 1] == '/' ? "" : "/", SLICE_FMT(line));
        is_good = local_read_file(invocation, local, path.at);
    }
    buf_done(&names);
    return is_good;
}

static bool local_knows_zone(void *impl, struct slice name)
{
    const struct cli_world *world = ((struct invocation *)impl)->world;
    struct zone zone;
    return world->zone(world->impl, name, &zone);
}

bool local_read(struct invocation *invocation, const char *const *policies, size_t policy_count,
                struct local *local)
{
    const struct cli_world *world = invocation->world;
    const char *config = local_config_path(invocation);
    arena_init(&local->arena, CONFIG_ARENA_MAX);
    problems_init(&local->problems, &local->arena);
    local->problems.knows_zone = local_knows_zone;
    local->problems.zone_impl = invocation;
    local->files = ARENA_ARRAY(&invocation->arena, LIMIT_POLICY_FILES + 1, struct config_file);
    if (!local->files) {
        local_tell(invocation, local, "interlock: %s\n", err_text(ERR_NO_MEMORY));
        return false;
    }
    if (!world->exists(world->impl, config)) {
        local_tell(
            invocation, local,
            "interlock: there is no %s. Make one: interlock init. Another place: --config FILE\n",
            config);
        return false;
    }
    if (!local_read_file(invocation, local, config))
        return false;
    if (policy_count == 0)
        return local_read_folder(invocation, local);
    for (size_t i = 0; i < policy_count; i++)
        if (!local_read_file(invocation, local, policies[i]))
            return false;
    return true;
}

void local_load(struct local *local)
{
    local->config = config_load(local->files, local->file_count, &local->arena, &local->problems);
}

void local_tell_problems(struct invocation *invocation, struct local *local)
{
    struct buf text;
    buf_init(&text, LOCAL_TEXT_MAX);
    problems_sort(&local->problems);
    problems_add_text(&text, &local->problems);
    say_error(invocation, "%sinterlock: mend these first; then again\n", buf_text(&text));
    buf_done(&text);
}

void local_done(struct local *local)
{
    arena_done(&local->arena);
}
