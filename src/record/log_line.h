/* record/log_line.h - one record as one line: time, key, step, state, what in a clause, who.
 * Owns: the shape (design 7, `log`), and the clause of each kind of record. */
#pragma once
#include "record/view.h"
#include "record/zone.h"

/* view: the action that the record is about, as it is now. For a control record, or when the action
 * is not known: a view with no more than zone, config and now_unix_ms, or NULL (then in UTC). Ends
 * with a newline. */
void log_line_add(struct buf *out, const struct record *record, const struct view *view,
                  const struct zone *zone);
