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

/* The next line that is a case; false at the end. Empty lines and comments are passed over. */
static inline bool cases_take(struct slice *rest, int *number, struct slice *out_text)
{
    while (rest->size > 0) {
        size_t end = slice_find(*rest, '\n');
        *out_text = slice_first(*rest, end);
        *rest = slice_from(*rest, end + 1);
        ++*number;
        if (slice_trim(*out_text).size > 0 && out_text->at[0] != '#')
            return true;
    }
    return false;
}

/* Runs each line; returns how many there were. */
static inline int cases_run(const char *name, void (*run)(const struct cases_line *line))
{
    struct buf file;
    struct slice text;
    struct cases_line line = {.file = name};
    buf_init(&file, CASES_FILE);
    struct slice rest = cases_read(name, &file);
    int count = 0;
    while (cases_take(&rest, &line.number, &text)) {
        cases_split(text, &line);
        run(&line);
        count++;
    }
    buf_done(&file);
    return count;
}

/* The same lines one after the other, their parts as C strings, for a test that cuts them up. */
struct cases {
    const char *name;
    int line;
    int field_count;
    char *fields[CASES_PARTS];
    char text[CASES_LINE];
    struct buf file;
    struct slice rest;
};

static inline void cases_open(struct cases *cases, const char *name)
{
    *cases = (struct cases){.name = name};
    buf_init(&cases->file, CASES_FILE);
    cases->rest = cases_read(name, &cases->file);
}

/* The next case; false at the end. */
static inline bool cases_next(struct cases *cases)
{
    struct slice text;
    struct cases_line line;
    size_t at = 0;
    if (!cases_take(&cases->rest, &cases->line, &text)) {
        buf_done(&cases->file);
        return false;
    }
    cases_split(text, &line);
    for (size_t i = 0; i < line.count; i++) {
        assert_true(at + line.parts[i].size < CASES_LINE);
        cases->fields[i] = cases->text + at;
        if (line.parts[i].size > 0)
            memcpy(cases->text + at, line.parts[i].at, line.parts[i].size);
        at += line.parts[i].size;
        cases->text[at++] = '\0';
    }
    cases->field_count = (int)line.count;
    return true;
}
