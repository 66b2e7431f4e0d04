/* record/inbox_json.h - one piece of work for a person: what it is about, why it came here, and
 * what each answer leads to. Owns: the item of GET /v1/inbox (policy.md, Shapes): kind "review" or
 * "uncertain". */
#pragma once
#include "record/view.h"

void inbox_json_add(struct buf *out, const struct view *view);
