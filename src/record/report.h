/* record/report.h - ten lines for the people who answer for a workflow, and the same as JSON.
 * Owns: `interlock report` (design 7). */
#pragma once
#include "record/evidence.h"

/* Its first line as a message: what was counted, in at most LIMIT_NOTICE_LINE characters. */
void report_line_add(struct buf *out, const struct evidence *evidence);
void report_text_add(struct buf *out, const struct evidence *evidence);
void report_json_add(struct buf *out, const struct evidence *evidence);
