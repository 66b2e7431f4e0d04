/* tests/unit/case_table.h - reads text case tables: one case a line, fields between bars.
 * A case file lies beside its test; INTERLOCK_ROOT or the current folder is the repository. */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES_FIELDS = 16, CASES_LINE = 8192 };

struct cases {
    FILE *file;
    const char *name;
    int line;
    char text[CASES_LINE];
    char *fields[CASES_FIELDS];
    int field_count;
};

static inline char *cases_trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    char *end = text + strlen(text);
    while (end > text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n'))
        *--end = '\0';
    return text;
}

static inline void cases_open(struct cases *cases, const char *name)
{
    char path[1024];
    const char *root = getenv("INTERLOCK_ROOT");
    (void)snprintf(path, sizeof path, "%s/tests/%s", root ? root : ".", name);
    *cases = (struct cases){.file = fopen(path, "r"), .name = name};
    if (!cases->file) {
        (void)fprintf(stderr, "cannot open %s\n", path);
        abort();
    }
}

/* The next case; false at the end. Empty lines and lines that begin with # are left out. */
static inline bool cases_next(struct cases *cases)
{
    while (fgets(cases->text, sizeof cases->text, cases->file)) {
        cases->line++;
        char *rest = cases_trim(cases->text);
        if (*rest == '\0' || *rest == '#')
            continue;
        cases->field_count = 0;
        while (rest && cases->field_count < CASES_FIELDS) {
            char *bar = strchr(rest, '|');
            if (bar)
                *bar = '\0';
            cases->fields[cases->field_count++] = cases_trim(rest);
            rest = bar ? bar + 1 : NULL;
        }
        return true;
    }
    (void)fclose(cases->file);
    return false;
}
