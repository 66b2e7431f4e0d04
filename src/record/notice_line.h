/* record/notice_line.h - what the messages of all kinds are put together from.
 * Owns: how a first line is cut, and how a row of a body looks.
 * Invariants:
 *   1. A first line has at most LIMIT_NOTICE_LINE characters. First the reason is cut, down to
 *      where it still says something; then names get less room; the tail is never cut. */
#pragma once
#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* How much of each name is shown, in bytes. */
struct notice_room {
    size_t scope, workflows, name; /* workflows: 0 = they stand in the body only */
    bool is_brief;                 /* what can be left out is left out */
};
typedef void notice_part_fn(struct buf *out, const void *facts, const struct notice_room *room);

struct notice_line {
    notice_part_fn *head; /* "inquiry-routing STOPPED by Ana" */
    notice_part_fn *tail; /* "41 wait, 0 lost. i_…" */
    const void *facts;    /* of both */
    const char *lead;     /* before the reason: ": " or " " */
    struct slice reason;  /* a person's words; or empty */
};
/* Head, lead, reason, ". ", tail. */
void notice_line_add(struct buf *out, const struct notice_line *line);
/* "What: inquiry-routing", of at most so many bytes; nothing where the value is empty. */
void notice_row_add(struct buf *out, const char *name, struct slice value, size_t max);
