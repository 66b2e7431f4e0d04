/* tests/oracle/check_files.c - `interlock check` without the daemon: loads the files named, prints
 * the problems (--json: as JSON; --expand: the long form), exits 1 when there are errors.
 * --fields: the names that each map may have, as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config.h"
#include "policy/expand.h"
#include "policy/fields.h"

enum { FILE_MAX = LIMIT_POLICY_FILE + 1024 };

static struct slice read_whole(const char *path)
{
    char *at = malloc(FILE_MAX);
    FILE *file = fopen(path, "rb");
    if (!at || !file) {
        (void)fprintf(stderr, "%s: cannot be read\n", path); /* nothing else to do */
        exit(2);
    }
    size_t size = fread(at, 1, FILE_MAX, file);
    (void)fclose(file); /* only read */
    return slice_of(at, size);
}

static int print_fields(void)
{
    (void)printf("{");
    for (size_t i = 0; i < fields_all_count; i++) {
        (void)printf("%s\"%s\":[", i > 0 ? "," : "", fields_all[i]->what);
        for (size_t j = 0; j < fields_all[i]->count; j++)
            (void)printf("%s\"%s\"", j > 0 ? "," : "", fields_all[i]->names[j]);
        (void)printf("]");
    }
    (void)printf("}\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--fields") == 0)
        return print_fields();
    struct config_file *files = calloc((size_t)argc, sizeof *files);
    struct arena arena;
    struct problems problems;
    struct buf out;
    bool is_json = argc > 1 && strcmp(argv[1], "--json") == 0;
    bool is_expand = argc > 1 && strcmp(argv[1], "--expand") == 0;
    size_t count = 0;
    if (!files)
        return 2;
    for (int i = is_json || is_expand ? 2 : 1; i < argc; i++)
        files[count++] = (struct config_file){slice_text(argv[i]), read_whole(argv[i])};
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    buf_init(&out, 16 * 1024 * 1024);
    const struct config *config = config_load(files, count, &arena, &problems);
    if (is_json)
        problems_add_json(&out, &problems);
    else if (!is_expand)
        problems_add_text(&out, &problems);
    if (is_expand && config)
        config_expand(config, &out);
    (void)fputs(buf_text(&out), stdout); /* a broken pipe shows in the exit code of the reader */
    buf_done(&out);
    arena_done(&arena);
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)files[i].text.at);
    free(files);
    return config ? 0 : 1;
}
