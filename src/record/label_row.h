/* record/label_row.h - what is known of one action's audit and labels, as the store keeps it.
 * Owns: the bytes of rows in STORE_LABELS and their keys: a version byte, then short numbers and
 *   counted texts; and the keys of STORE_AUDITS, in order of their due times.
 * Invariants:
 *   1. decode(encode(x)) == x. An unknown version is ERR_VERSION.
 *   2. A row is made by the record that opened the audit, or by that of the first label; each later
 *      record of the action that changes it has its digest.
 *   3. No free text: a label is a name of the policy, notes are in the records' payloads (R24). */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "core/audit.h"

enum { LABEL_ROW_KEY = 8, AUDIT_ROW_KEY = 16 };

/* One label: which, by whom, when, and the record that says it. */
struct label_said {
    struct slice label, by;
    bool is_wrong;
    int64_t at_unix_ms;
    uint64_t seq;
};

struct label_row {
    uint64_t action;
    struct slice workflow, step;
    bool is_drawn;      /* an audit was opened: of the sample */
    bool is_over;       /* and closed without a label */
    bool is_reviewed;   /* people had a hand in it */
    bool is_cleared;    /* a wrong that became right: it counts as right (R21) */
    struct slice risk;  /* its class when it was labelled first; empty = not known */
    enum label_use use; /* of the first label */
    uint32_t count;     /* labels said */
    int64_t started_unix_ms, ended_unix_ms;
    int64_t due_unix_ms;     /* of the audit; 0 = none */
    uint64_t made_seq;       /* the record that made the row */
    uint64_t last_seq;       /* the newest that changed it */
    struct label_said first; /* count > 0; what counts */
    struct label_said last;  /* what reports say */
};

/* Waits for a label? */
static inline bool label_row_is_open(const struct label_row *row)
{
    return row->is_drawn && row->count == 0 && !row->is_over;
}
void label_row_encode(const struct label_row *row, struct buf *out);
/* The slices point into bytes. */
MUST_USE enum err label_row_decode(struct slice bytes, struct label_row *out);
void label_row_key(uint64_t action, unsigned char out[LABEL_ROW_KEY]);
void audit_row_key(int64_t due_unix_ms, uint64_t action, unsigned char out[AUDIT_ROW_KEY]);
/* ERR_CORRUPT. */
MUST_USE enum err audit_row_parse(struct slice key, int64_t *out_due_unix_ms, uint64_t *out_action);

/* What a number of label rows say together. */
struct label_sum {
    uint64_t drawn;          /* audits opened */
    uint64_t labelled;       /* of them, in time: the sample */
    uint64_t wrong;          /* of the sample, as it is known now */
    uint64_t open, overdue;  /* still wait; of them past due */
    uint64_t unlabelled;     /* over without a label, or too late */
    uint64_t complaints;     /* wrong, and nobody drew it */
    uint64_t others;         /* other labels of what nobody drew */
    uint64_t reviewed_right; /* labels of what people had a hand in: never unbiased */
    uint64_t reviewed_wrong;
    uint64_t corrected; /* wrong that has become right, or the other way */
};
void label_sum_add(struct label_sum *sum, const struct label_row *row, int64_t now_unix_ms);
