/* cli/verdict.h - the bodies of what people say, and the review that somebody means.
 * Owns: both, for cli/verdict.c and cli/review.c. */
#pragma once
#include "cli/invocation.h"

/* {"first":"text", …}: members that were not given are left out. */
struct verdict_body {
    struct buf json;
};
void verdict_begin(struct verdict_body *body);
void verdict_add(struct verdict_body *body, const char *name, const char *text);
/* A JSON value as it is. */
void verdict_add_raw(struct verdict_body *body, const char *name, struct slice json);
/* In the arena of the invocation. */
struct slice verdict_end(struct invocation *invocation, struct verdict_body *body);

/* By its id; else the one that an action (by id, key or run) waits for. Another code than CLI_DONE:
 * told. */
int verdict_find_review(struct invocation *invocation, const char *what, struct slice *out_review);
