#include "policy/load.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "policy/config.h"
#include "policy/inspect.h"

static const struct slice load_magic = {"interlock configuration 1\n", 26};

/* Policies by name: the version must not depend on the order of a folder. */
static void load_sort(struct config_file *files, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct config_file moved = files[i];
        size_t at = i;
        for (; at > 0 && slice_compare(moved.name, files[at - 1].name) < 0; at--)
            files[at] = files[at - 1];
        files[at] = moved;
    }
}

/* "/etc/interlock/" of "/etc/interlock/interlock.yaml": where the installation lies. */
static struct slice load_folder(struct slice installation)
{
    size_t size = 0;
    for (size_t i = 0; i < installation.size; i++)
        size = installation.at[i] == '/' ? i + 1 : size;
    return slice_first(installation, size);
}

/* One text of all files, each with its size before it; the names and texts then lie within it. From
 * where they were read is left out: the same files have the same version. */
static bool load_source(struct load *load, struct config_file *files, size_t count)
{
    struct buf text;
    buf_init(&text, (size_t)CONFIG_ARENA_MAX / 2);
    buf_add(&text, load_magic);
    struct slice folder = load_folder(files[0].name);
    for (size_t i = 0; i < count; i++) {
        struct slice name = files[i].name;
        name = slice_starts(name, folder) ? slice_from(name, folder.size) : name;
        buf_add_fmt(&text, "%zu %zu\n", name.size, files[i].text.size);
        buf_add(&text, name);
        buf_add_byte(&text, '\n');
        buf_add(&text, files[i].text);
        buf_add_byte(&text, '\n');
    }
    struct slice source = arena_copy(load->arena, buf_slice(&text));
    bool is_good = buf_ok(&text) && source.size == text.size;
    buf_done(&text);
    if (!is_good)
        return false;
    load->config->source = source;
    unsigned size = 0;
    return EVP_Digest(source.at, source.size, load->config->version, &size, EVP_sha256(), NULL) ==
           1;
}

/* "NUMBER NUMBER\n" */
static bool load_stored_sizes(struct slice *rest, uint64_t *out_name, uint64_t *out_text)
{
    struct slice line = slice_first(*rest, slice_find(*rest, '\n'));
    size_t blank = slice_find(line, ' ');
    *rest = slice_from(*rest, line.size + 1);
    return slice_to_u64(slice_first(line, blank), LIMIT_HTTP_LINE, out_name) &&
           slice_to_u64(slice_from(line, blank + 1), LIMIT_POLICY_FILE, out_text) &&
           *out_name + *out_text + 2 <= rest->size;
}

static size_t load_split(struct slice source, struct config_file *files)
{
    size_t count = 0;
    if (!slice_starts(source, load_magic))
        return 0;
    struct slice rest = slice_from(source, load_magic.size);
    while (rest.size > 0) {
        uint64_t name = 0, text = 0;
        if (count == LIMIT_POLICY_FILES + 1 || !load_stored_sizes(&rest, &name, &text))
            return 0;
        files[count].name = slice_first(rest, name);
        files[count++].text = slice_first(slice_from(rest, name + 1), text);
        rest = slice_from(rest, name + text + 2);
    }
    return count;
}

static void load_workflow_name(struct load *load, struct draft_workflow *draft)
{
    struct workflow *workflow = draft->workflow;
    const struct yaml *name = draft->at[WORKFLOW_NAME];
    if (!name) {
        struct problem *problem = read_missing(load, draft->node, "workflow", NULL);
        problem_help(load->problems, problem, "A policy begins with  workflow: NAME");
        return;
    }
    if (!read_name(load, name, &workflow->name))
        return;
    workflow->origin = read_origin(name);
    for (size_t i = 0; i < load->config->workflow_count; i++) {
        const struct workflow *other = &load->config->workflows[i];
        if (other != workflow && slice_equal(other->name, workflow->name))
            problem_message(load->problems, read_problem(load, IL019, name),
                            "the workflow `%.*s` is also in %.*s", SLICE_FMT(workflow->name),
                            SLICE_FMT(other->file));
    }
}

static void load_policies(struct load *load, const struct yaml *const *roots, size_t count)
{
    struct config *config = load->config;
    config->workflows = ARENA_ARRAY(load->arena, count + 1, struct workflow);
    load->draft->workflows = ARENA_ARRAY(load->arena, count + 1, struct draft_workflow);
    if (!config->workflows || !load->draft->workflows)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!roots[i])
            continue;
        struct draft_workflow *draft = &load->draft->workflows[config->workflow_count];
        draft->workflow = &config->workflows[config->workflow_count];
        draft->node = roots[i];
        draft->workflow->file = roots[i]->file->name;
        if (!read_map(load, roots[i], &fields_workflow, draft->at))
            continue;
        config->workflow_count++;
        load_workflow_name(load, draft);
    }
    for (size_t i = 0; i < config->workflow_count; i++)
        load_workflow(load, &load->draft->workflows[i]);
}

static const struct yaml *load_file(struct load *load, const struct config_file *file, size_t order)
{
    struct yaml_file *made = ARENA_NEW(load->arena, struct yaml_file);
    if (!made)
        return NULL;
    *made = (struct yaml_file){file->name, file->text, order, load->problems};
    const struct yaml *root = yaml_parse(made, load->arena);
    if (!root)
        load->draft->is_whole = false;
    return root;
}

/* Where a problem has no file: the configuration as a whole. */
static void load_tell_whole(struct load *load, enum check_code code, const char *text)
{
    problem_message(load->problems, problems_add(load->problems, code), "%s", text);
}

static void load_files(struct load *load, const struct config_file *files, size_t count)
{
    const struct yaml **roots = ARENA_ARRAY(load->arena, count, const struct yaml *);
    if (!roots)
        return;
    for (size_t i = 0; i < count; i++)
        roots[i] = load_file(load, &files[i], i);
    load->draft->installation = roots[0];
    load_installation(load, roots[0]);
    load_policies(load, roots + 1, count - 1);
    load_service_scopes(load);
    inspect_all(load);
    if (count == 1 && roots[0])
        problem_message(load->problems, read_problem(load, IL020, roots[0]),
                        "there is no policy in %.*s", SLICE_FMT(load->config->policies_path));
}

/* Who mends a file looks for it where they said that it is. */
static void load_place_problems(struct problems *problems, struct slice folder)
{
    for (size_t i = 0; folder.size > 0 && i < problems->count; i++) {
        struct problem *problem = &problems->items[i];
        bool is_placed = problem->file.size == 0 || slice_starts(problem->file, folder) ||
                         problem->file.at[0] == '/';
        if (!is_placed)
            problem->file =
                arena_fmt(problems->arena, "%.*s%.*s", SLICE_FMT(folder), SLICE_FMT(problem->file));
    }
}

static const struct config *load_all(struct load *load, struct config_file *files, size_t count)
{
    struct slice folder = load_folder(files[0].name);
    load->config = ARENA_NEW(load->arena, struct config);
    load->draft = ARENA_NEW(load->arena, struct draft);
    if (load->config && load->draft) {
        load->draft->is_whole = true;
        load->config->draft = load->draft;
        load_sort(files + 1, count - 1);
        if (load_source(load, files, count) && load_split(load->config->source, files) == count)
            load_files(load, files, count);
        else
            load_tell_whole(load, IL005, "the files are too large together");
    }
    if (load->arena->overflowed)
        load_tell_whole(load, IL005, "the configuration needs too much memory");
    load_place_problems(load->problems, folder);
    problems_sort(load->problems);
    return load->problems->error_count == 0 ? load->config : NULL;
}

const struct config *config_load(const struct config_file *files, size_t file_count,
                                 struct arena *arena, struct problems *problems)
{
    struct load load = {.arena = arena, .problems = problems};
    if (file_count == 0 || file_count > LIMIT_POLICY_FILES + 1) {
        load_tell_whole(&load, IL005, "1 interlock.yaml and at most 256 policies are read");
        return NULL;
    }
    for (size_t i = 0; i < file_count; i++)
        if (files[i].text.size > LIMIT_POLICY_FILE || files[i].name.size > LIMIT_HTTP_LINE) {
            struct problem *problem = problems_add(problems, IL005);
            problem->file = arena_copy(arena, slice_first(files[i].name, LIMIT_HTTP_LINE));
            problem_message(problems, problem,
                            "the file has more than %d bytes (LIMIT_POLICY_FILE)",
                            LIMIT_POLICY_FILE);
            return NULL;
        }
    struct config_file *mine = ARENA_ARRAY(arena, file_count, struct config_file);
    if (!mine) {
        load_tell_whole(&load, IL005, "the configuration needs too much memory");
        return NULL;
    }
    memcpy(mine, files, file_count * sizeof *mine);
    return load_all(&load, mine, file_count);
}

const struct config *config_load_stored(struct slice source, struct arena *arena,
                                        struct problems *problems)
{
    struct load load = {.arena = arena, .problems = problems};
    struct config_file *files = ARENA_ARRAY(arena, LIMIT_POLICY_FILES + 1, struct config_file);
    size_t count = files ? load_split(source, files) : 0;
    if (count == 0) {
        load_tell_whole(&load, IL001, "this is not a stored configuration");
        return NULL;
    }
    return load_all(&load, files, count);
}

struct slice config_file_text(const struct config *config, struct slice name)
{
    struct slice text = {0};
    struct config_file *files = calloc(LIMIT_POLICY_FILES + 1, sizeof *files);
    size_t count = files ? load_split(config->source, files) : 0;
    for (size_t i = 0; i < count; i++)
        if (slice_equal(files[i].name, name))
            text = files[i].text;
    free(files);
    return text;
}
