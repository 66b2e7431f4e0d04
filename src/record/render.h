/* record/render.h - the request that a step sends for one input: method, target, headers, body.
 * Owns: what a request is made of (R5): the templates of upstream and step, and the provider's key
 *   header. The engine freezes it, `try` shows it: both from here.
 * Invariants:
 *   1. No secret is in it: `auth:` is added at the last moment by upstream/.
 *   2. The same step and scope give the same bytes. */
#pragma once
#include "policy/expr.h"
#include "record/bundle.h"

/* Of the step's own call (route NULL), or of another route of its fallbacks.
 * false with a problem in words. The slices live in scratch and in *out_body. For `call: caller`
 * there is only the body. */
bool render_request(const struct step *step, const struct step_route *route,
                    const struct expr_scope *scope, struct arena *scratch,
                    struct bundle_request *out, struct buf *out_body,
                    struct expr_problem *out_problem);
/* A read that interlock makes for an action: no body, no key; the same rules. */
bool render_ask(const struct ask_call *call, const struct expr_scope *scope, struct arena *scratch,
                struct bundle_request *out, struct expr_problem *out_problem);
