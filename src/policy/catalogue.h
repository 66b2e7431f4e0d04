/* policy/catalogue.h - what each check is for: code, severity, title, the why in a paragraph.
 * Owns: the texts of `interlock check --explain CODE`.
 * Invariants:
 *   1. Each code has a page docs/checks/CODE.md with the same title and paragraph, and the other
 *      way round; a test compares. */
#pragma once
#include "base/buf.h"
#include "policy/catalogue_list.h"

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

enum check_code {
#define X(code, severity, title) code,
    CATALOGUE(X)
#undef X
        CHECK_CODE_COUNT
};

struct catalogue_entry {
    const char *code; /* "IL101" */
    enum severity severity;
    const char *title;
    const char *text;   /* why, one paragraph */
    const char *sample; /* lines of YAML that are right, or NULL */
};
struct catalogue_entry catalogue_entry(enum check_code code);
/* "IL101", in either case; false when there is none. */
bool catalogue_find(struct slice name, enum check_code *out_code);
/* The answer of --explain: title, paragraph, sample. */
void catalogue_explain(enum check_code code, struct buf *out);
const char *severity_name(enum severity severity); /* "error" */
