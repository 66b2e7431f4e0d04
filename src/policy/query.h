/* policy/query.h - the `query:` map of a call, rendered behind its path.
 * Owns: how values become query parameters: percent-encoded, lists as repeated names. */
#pragma once
#include "policy/template.h"

/* Appends "?a=1&b=x" ("&…" when the target has a "?" already). false: work->problem says why. */
MUST_USE bool query_render(const struct template_tree *query, const struct expr_scope *scope,
                           struct expr_work *work, struct buf *target);
