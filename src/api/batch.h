/* api/batch.h - many requests in the body of one: each is handled as if it had come alone, with its
 * own rights, record and answer. Nothing is granted beyond them.
 * Owns: the requests made of the parts, their answers, and when the last one has come.
 * Invariants:
 *   1. A batch has at most as many parts as were said at its begin.
 *   2. `done` answers the call once, when each part has its answer.
 *   3. When the peer goes away, each part that waits is forgotten as one alone is. */
#pragma once
#include "api/call.h"

struct batch;
struct batch_item {
    struct door_exchange exchange; /* first: a handler gives it back */
    struct door_request request;
    struct batch *batch;
    struct slice id;     /* whom it is for, where the body says that */
    size_t line;         /* of the body, where it has lines */
    int status;          /* 0 = not answered yet */
    struct slice answer; /* JSON; empty: another form, or no room for it */
};
struct batch {
    struct call *call;
    struct door_header *headers; /* of the call, without its media types */
    size_t header_count;
    struct batch_item *items;
    size_t count, count_max, open;
    bool is_begun;
    void (*done)(struct batch *batch);
};

/* In the call's arena. NULL: answered. */
struct batch *batch_new(struct call *call, size_t count_max, void (*done)(struct batch *batch));
/* One more; path and body live as long as the call. NULL: there are count_max of them. */
struct batch_item *batch_add(struct batch *batch, struct slice path, struct slice body);
/* Handles them, in their order. */
void batch_run(struct batch *batch);

/* The next line that is not blank, and its number from 1; false: there is none. */
struct batch_lines {
    struct slice rest;
    size_t number; /* of the last one taken; 0 at the begin */
};
bool batch_next_line(struct batch_lines *lines, struct slice *out_line);
