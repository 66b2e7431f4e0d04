/* policy/problem.h - a mistake in a configuration, told so that it can be mended.
 * Owns: the list of problems of one load, and their two renderings: text with the source line and
 *   a caret (design 3), and JSON.
 * Invariants:
 *   1. At most LIMIT_PROBLEMS are kept; further ones are counted, errors among them as errors.
 *   2. problems_add never returns NULL: what does not fit goes to a spare one that is not shown.
 *   3. A problem holds copies (arena): it outlives the sources. */
#pragma once
#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "policy/catalogue.h"

struct problem {
    enum check_code code;
    enum severity severity;
    struct slice file; /* as the user named it; empty = the configuration as a whole */
    int line, column;  /* from 1; 0 = no place in the file */
    struct slice message;
    struct slice note;        /* beside the caret; may be empty */
    struct slice help;        /* lines, separated by newlines; may be empty */
    struct slice pointer;     /* JSON pointer of the value that is meant */
    struct slice source_line; /* whole, without its end */
    size_t order;             /* of its file among the files */
};

struct problems {
    struct arena *arena;
    /* Set by who loads, after problems_init: is there such a time zone here? NULL: nobody knows. */
    bool (*knows_zone)(void *impl, struct slice name);
    void *zone_impl;
    struct problem *items;
    size_t count;
    size_t dropped_count;
    size_t error_count; /* dropped ones included */
    struct problem spare;
};

/* The arena must outlive the problems. */
void problems_init(struct problems *problems, struct arena *arena);
/* With the severity of the catalogue, and its title as message. */
struct problem *problems_add(struct problems *problems, enum check_code code);
/* Once added: another severity. */
void problem_set_severity(struct problems *problems, struct problem *problem,
                          enum severity severity);
void problem_message(struct problems *problems, struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void problem_note(struct problems *problems, struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds a line of help. */
void problem_help(struct problems *problems, struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* By file, line, column, severity; equals keep their order. */
void problems_sort(struct problems *problems);

/* FILE:LINE:COLUMN: SEVERITY CODE: MESSAGE, the line, the caret and the note, the help. */
void problem_add_text(struct buf *out, const struct problem *problem);
/* All of them, and a last line that counts. */
void problems_add_text(struct buf *out, const struct problems *problems);
/* {"problems":[{"code","severity","file","line","column","message","help","pointer"}],"errors":N,…}
 */
void problems_add_json(struct buf *out, const struct problems *problems);
