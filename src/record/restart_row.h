/* record/restart_row.h - a request to restart an incident, its approval and its ramp, as the store
 * keeps them and as people read them.
 * Owns: the bytes of rows in STORE_RESTARTS; the digest of what is asked for (R20); the words.
 * Invariants:
 *   1. decode(encode(x)) == x.
 *   2. Only an explicit mark says that a ramp runs: without one its stops bind everything (R27). */
#pragma once
#include "base/buf.h"
#include "core/ladder.h"
#include "core/ramp.h"
#include "core/restart.h"
#include "core/switchboard.h"

struct zone;

/* What people are to be told of a request. Parts of stored rows: only ever add at the end. */
enum restart_news {
    RESTART_NEWS_NONE,
    RESTART_NEWS_ASKED, /* those who may approve it, until one of them does */
    RESTART_NEWS_APPROVED,
    RESTART_NEWS_ALONE,   /* by who asked */
    RESTART_NEWS_CHANGED, /* it is void */
    RESTART_NEWS_OVER,    /* nobody approved it in time */
    RESTART_NEWS_STUCK,   /* its ramp waits for people */
    RESTART_NEWS_BACK,    /* its ramp was given up: as stopped */
    RESTART_NEWS_REJECTED /* somebody said no to it, or who asked took it back */
};

/* A no to a request. */
struct restart_no {
    char by[LIMIT_NAME + 1]; /* "" = nobody has said no */
    char asked_by[LIMIT_NAME + 1];
    int64_t at_unix_ms;
    uint64_t words_seq; /* the record whose payload has the reason */
};

struct restart_row {
    uint64_t incident;
    struct restart_request request;
    uint64_t words_seq; /* the record whose payload has the reason */
    char approved_by[LIMIT_NAME + 1];
    int64_t approved_unix_ms;
    bool is_alone;                       /* approved by who asked, as `alone:` allows */
    bool is_ramping;                     /* zero: whatever was approved does not count (any more) */
    bool is_over;                        /* the stops were lifted */
    unsigned char terms[RESTART_DIGEST]; /* of the policy that the ramp began with */
    int64_t began_unix_ms;
    struct ramp_state ramp;
    size_t recorded_stage;         /* so many of its stages have a record that they passed */
    bool is_stuck_recorded;        /* that it is stuck, has one */
    bool is_stuck_told;            /* and people were told */
    enum restart_news news;        /* not told yet */
    char asked_by[LIMIT_NAME + 1]; /* who asked last, also once it is used */
    struct ladder ladder;          /* of the request; closed = people know its end */
    struct restart_no rejected;    /* the last no of somebody else, until the incident is over */
    struct restart_no withdrawn;   /* when who asked took it back last */
};

void restart_row_encode(const struct restart_row *row, struct buf *out);
MUST_USE enum err restart_row_decode(struct slice bytes, struct restart_row *out);

/* What an approval is for: the stops of an incident, their causes and positions, and the whole
 * configuration. */
struct restart_subject {
    const struct stop *const *stops; /* in order of id */
    size_t stop_count;
    const unsigned char *version; /* 32 bytes */
};
void restart_digest(const struct restart_subject *subject, unsigned char out[RESTART_DIGEST]);

/* "5 one by one: 3 ok · 10 % · 50 %", "5 one by one ok · 10 %: 12 ended, 1 not ok · 50 %" */
void ramp_text_add(struct buf *out, const struct ramp *ramp, const struct ramp_state *state);

/* "ben said no at 14:02 to the restart that ana asked for: the mailer is not mended" */
struct restart_no_words {
    const struct restart_no *no;
    struct slice why; /* masked; or empty */
    int64_t now_unix_ms;
    const struct zone *zone;
};
void restart_no_add(struct buf *out, const struct restart_no_words *words);
/* What ended the last request, or NULL: nobody did. */
const struct restart_no *restart_row_end(const struct restart_row *row);

/* Why an approval was not taken, in a sentence. group: those who approve it. */
struct restart_refusal {
    enum restart_says says;
    struct slice who; /* who spoke */
    const struct restart_request *request;
    const struct group *group;
    int64_t wait_ms;            /* OWN_NOT_YET: how long still */
    uint64_t incident;          /* what it is about */
    struct slice approved_by;   /* NOT_ASKED: it starts again already, by this person's word */
    struct restart_no_words no; /* REJECTED, WITHDRAWN */
};
void restart_refusal_add(struct buf *out, const struct restart_refusal *refusal);
/* The same of a no. */
void restart_no_refusal_add(struct buf *out, const struct restart_refusal *refusal);
/* "ben, cyd (support-leads)": those of the group but that person; "nobody" when it is so. */
void restart_approvers_add(struct buf *out, const struct group *group, struct slice but);
