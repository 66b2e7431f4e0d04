/* upstream/curl_head.h - collects the header lines of one answer, as libcurl hands them over.
 * Owns: which block is the final one, and whether the empty line that ends it was seen.
 * Invariants:
 *   1. is_whole is set only by the empty line after a status line of 200 or more.
 *   2. Lines of 1xx blocks and trailers are never among the headers.
 *   3. All lines together, interim blocks and trailers included, are at most LIMIT_ANSWER_HEAD
 *      bytes, and the headers at most LIMIT_ANSWER_HEADERS.
 * Pure: bytes in, slices out. */
#pragma once
#include "base/buf.h"
#include "base/limits.h"
#include "port/upstream.h"

struct curl_head_line {
    uint32_t name_at, name_size, value_at, value_size; /* in bytes.at */
};

struct curl_head {
    struct buf bytes;
    struct curl_head_line lines[LIMIT_ANSWER_HEADERS];
    struct upstream_header headers[LIMIT_ANSWER_HEADERS]; /* filled by curl_head_finish */
    size_t count;
    size_t seen_size;
    int status; /* of the block under way; 0 = none yet */
    bool is_in_block;
    bool is_whole;
    bool is_too_large;
};

void curl_head_init(struct curl_head *head);
void curl_head_done(struct curl_head *head);
/* Ready for the next answer; the memory stays. */
void curl_head_reset(struct curl_head *head);
/* Takes one line with its line end. False: not an answer that we accept (too large, a status line
 * that is none, 101), and no more may be read. */
bool curl_head_add(struct curl_head *head, struct slice line);
/* Makes `headers` from what was collected. */
void curl_head_finish(struct curl_head *head);
