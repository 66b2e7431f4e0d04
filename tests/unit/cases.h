/* tests/unit/cases.h - reads a file of cases: a line each, parts between " | ", # begins a comment.
 * A failing line names its file and number. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

enum { CASES_PARTS = 8, CASES_LINE = 16384, CASES_FILE = 1 << 20 };

struct cases_line {
    const char *file;
    int number;
    struct slice parts[CASES_PARTS];
    size_t count;
};

/* tests/unit/NAME, whole; the caller's buf owns it. */
static inline struct slice cases_read(const char *name, struct buf *out)
{
    char path[1024];
    const char *root = getenv("INTERLOCK_ROOT");
    (void)snprintf(path, sizeof path, "%s/tests/unit/%s", root ? root : ".",
                   name); /* fopen tells */
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    char bytes[4096];
    size_t size = 0;
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0)
        buf_add(out, slice_of(bytes, size));
    (void)fclose(file); /* only read */
    assert_true(buf_ok(out));
    return buf_slice(out);
}

static inline void cases_split(struct slice text, struct cases_line *out)
{
    out->count = 0;
    for (;;) {
        size_t end = 0;
        while (end < text.size && !slice_starts(slice_from(text, end), SLICE(" | ")))
            end++;
        assert_true(out->count < CASES_PARTS);
        out->parts[out->count++] = slice_trim(slice_first(text, end));
        if (end == text.size)
            return;
        text = slice_from(text, end + 3);
    }
}

/* Runs each line; returns how many there were. */
static inline int cases_run(const char *name, void (*run)(const struct cases_line *line))
{
    struct buf file;
    buf_init(&file, CASES_FILE);
    struct slice rest = cases_read(name, &file);
    int count = 0;
    for (int number = 1; rest.size > 0; number++) {
        size_t end = slice_find(rest, '\n');
        struct cases_line line = {.file = name, .number = number};
        struct slice text = slice_first(rest, end);
        rest = slice_from(rest, end + 1);
        if (slice_trim(text).size == 0 || text.at[0] == '#')
            continue;
        cases_split(text, &line);
        run(&line);
        count++;
    }
    buf_done(&file);
    return count;
}
