/* record/undone_row.h - what ended undone, and nobody was told of yet; who was told of the rest.
 * Owns: the bytes of rows in STORE_UNDONE: one for each workflow, under its name; and one for each
 *   telling, under "/WORKFLOW/TIME" with the end of the last action that it is about.
 * Invariants:
 *   1. decode(encode(x)) == x.
 *   2. No value of a caller: numbers, times and ids. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "record/journal.h"

struct undone {
    struct undone_count count;            /* nobody was told of these yet */
    int64_t since_unix_ms, until_unix_ms; /* the end of the first of them, and of the last */
    uint64_t first[JOURNAL_FIRST];        /* actions; 0 = no more */
    int64_t told_unix_ms;                 /* when somebody was told last; 0 = never */
};

void undone_encode(const struct undone *undone, struct buf *out);
MUST_USE enum err undone_decode(struct slice bytes, struct undone *out);

/* Behind all tellings, and before the first workflow. */
#define UNDONE_AFTER_TELLINGS SLICE("/\xff")
/* Of the telling that is about actions which ended up to that time; ascending. */
void undone_key_add(struct buf *out, struct slice workflow, int64_t until_unix_ms);
/* Is it a telling of that workflow? */
bool undone_key_is_of(struct slice key, struct slice workflow);
void undone_telling_encode(uint64_t incident, struct buf *out);
MUST_USE enum err undone_telling_decode(struct slice bytes, uint64_t *out_incident);
