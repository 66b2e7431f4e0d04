/* record/notice_line.h - what the messages of all kinds are put together from.
 * Owns: how a first line is cut, and how a row of a body looks.
 * Invariants:
 *   1. A first line has at most LIMIT_NOTICE_LINE characters, if head and tail have: the reason
 *      between them is what is cut, or left out. */
#pragma once
#include "base/buf.h"
#include "base/slice.h"

struct notice_line {
    struct slice head;   /* "inquiry-routing STOPPED by Ana" */
    const char *lead;    /* before the reason: ": " or " " */
    struct slice reason; /* a person's words; or empty */
    struct slice tail;   /* "41 wait, 0 lost. i_…" */
};
/* Head, lead, reason, ". ", tail. */
void notice_line_add(struct buf *out, const struct notice_line *line);
/* "What: inquiry-routing", of at most so many bytes; nothing where the value is empty. */
void notice_row_add(struct buf *out, const char *name, struct slice value, size_t max);
