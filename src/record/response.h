/* record/response.h - the `response` member of an action, built once and copied out for ever (R9).
 * Owns: {"status":200,"headers":{…},"body":…}: which headers are kept, and that the body is JSON
 *   where it parsed, else `text`, else `base64`.
 * Invariants:
 *   1. It is one line of valid JSON, and holds no secret (R23).
 *   2. A body past LIMIT_ANSWER_STORED, or cut on its way, is marked "cut":true, and then is text.
 */
#pragma once
#include "record/bundle.h"
#include "record/redact.h"

struct response_parts {
    int status;                          /* 0 = null: no provider answered (a declared answer) */
    const struct bundle_header *headers; /* all of them; names in any case */
    size_t header_count;
    struct slice body;
    bool is_cut;
};

/* redact may be NULL. */
void response_encode(const struct response_parts *parts, const struct redact *redact,
                     struct buf *out);
