/* record/problem_json.h - a refusal as application/problem+json (RFC 9457).
 * Owns: its members. Which status and code a refusal has is the door's table (api/reply.h).
 * Invariants:
 *   1. The members of the action, where there is one, stand beside `title` and `detail`: a caller
 *      finds `state`, `response` and `who` in the same place whatever the status. */
#pragma once
#include "record/view.h"

#define PROBLEM_TYPE "urn:interlock:problem:"

struct problem_json {
    int status;
    const char *code; /* the end of `type` */
    const char *title;
    struct slice detail;     /* what is wrong here; empty: the action's own sentence, or left out */
    struct slice pointer;    /* JSON pointer into the request; empty = left out */
    const struct view *view; /* or NULL */
    bool is_retryable;
};

void problem_json_add(struct buf *out, const struct problem_json *problem);
