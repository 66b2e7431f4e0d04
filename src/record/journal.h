/* record/journal.h - what an incident holds besides its stops: what kind it is, what was counted
 * when it opened, who answered and who informed, and which records tell its story.
 * Owns: the bytes of rows in STORE_JOURNALS: the journal of an incident under its id, and behind it
 *   one empty row for each record that is about it, in their order.
 * Invariants:
 *   1. decode(encode(x)) == x. A kind that this version does not know is a stop: the one that only
 *      people close.
 *   2. No free text: what people said is in the payload of the record that a row names (R24). */
#pragma once
#include "base/limits.h"
#include "core/breaker.h"
#include "policy/types.h"
#include "record/tally.h"

/* Parts of stored rows: only ever add at the end. */
enum incident_kind {
    INCIDENT_STOP,     /* a switch moved; closed by a restart */
    INCIDENT_DEGRADED, /* trouble lasts; closed by its end */
    INCIDENT_OVERDUE,  /* people are late; closed when nothing is past due */
    INCIDENT_ALERT,    /* a trigger says so, and moves nothing; closed by who answers */
    INCIDENT_UNDONE    /* actions ended and were not done; closed by who answers */
};
/* What lasts. */
enum lasting_kind {
    LASTING_NONE,
    LASTING_BREAKER,   /* an upstream is not called */
    LASTING_CAUSE,     /* a workflow lives on the fallbacks of one cause */
    LASTING_HELD,      /* held work is past half of its time */
    LASTING_REVIEWS,   /* reviews are past due */
    LASTING_UNCERTAIN, /* and writes of which nobody knows whether they happened */
    LASTING_UNDONE,    /* nothing lasts: they have ended */
    LASTING_CLOCK      /* the machine's clock is off */
};
enum { JOURNAL_FIRST = 3 }; /* actions that are named */
enum { JOURNAL_WORKFLOW, JOURNAL_STEP, JOURNAL_UPSTREAM, JOURNAL_RISK, JOURNAL_NAMES };

enum { LOST_UNKNOWN = -1 };

/* What a trigger saw, where one opened it: what changed is looked for among the same. */
struct journal_trip {
    bool is_set;
    enum signal signal;
    int64_t late_ms;       /* LATENCY: what counts as late */
    int64_t began_unix_ms; /* 0 = not known */
};

/* How many ended and were not done: by their state, and those of them whose time ran out. */
struct undone_count {
    uint64_t expired, cancelled, rejected, failed;
    uint64_t late; /* people are told on of these; of others only once (decision 0018) */
};
static inline uint64_t undone_count_all(const struct undone_count *count)
{
    return count->expired + count->cancelled + count->rejected + count->failed;
}
static inline void undone_count_add(struct undone_count *count, const struct undone_count *more)
{
    count->expired += more->expired;
    count->cancelled += more->cancelled;
    count->rejected += more->rejected;
    count->failed += more->failed;
    count->late += more->late;
}

struct journal {
    uint64_t incident;
    enum incident_kind kind;
    enum lasting_kind lasting;
    enum cause cause;           /* LASTING_CAUSE */
    enum breaker_cause breaker; /* LASTING_BREAKER: why, of how many */
    uint64_t breaker_count, breaker_of;
    char names[JOURNAL_NAMES][LIMIT_NAME + 1]; /* its scope, as a stop's; "" = any */
    char answers[LIMIT_NAME + 1]; /* group that is told first, instead of the owner; "" = owner */
    char informs[LIMIT_NAME + 1]; /* who was named to inform when it opened; "" = nobody */
    char informed_by[LIMIT_NAME + 1];
    int64_t began_unix_ms; /* since when there was trouble, as far as it is known; 0 = not known */
    int64_t since_unix_ms, acknowledged_unix_ms;
    int64_t inform_due_unix_ms, informed_unix_ms, reminded_unix_ms; /* 0 = not */
    int64_t recovered_unix_ms; /* its trouble is over; what waited for that may still go */
    int64_t drained_unix_ms;   /* when the last of that went */
    int64_t closed_unix_ms;
    uint64_t informed_seq, cause_seq, follow_up_seq; /* the records with these words; 0 = none */
    uint64_t open_before;                            /* actions that had not ended when it opened */
    uint64_t overdue; /* INCIDENT_OVERDUE: how many, when it was looked at last */
    int64_t lost;     /* closed: how many were lost by then, as the counts prove; LOST_UNKNOWN */
    struct undone_count undone;    /* INCIDENT_UNDONE: how many ended so, since began_unix_ms */
    uint64_t first[JOURNAL_FIRST]; /* and which actions were the first of them; 0 = no more */
    uint64_t joined_into;          /* closed: it goes on as that incident; 0 = it was over */
    int64_t clock_ms; /* LASTING_CLOCK: so far the machine's clock is ahead; negative: behind */
    int64_t clock_until_unix_ms;        /* and what is due waits until then; 0 = it does not */
    struct tally before;                /* what the hour of its opening had counted by then */
    struct tally at_recovery, at_close; /* since that hour */
    struct journal_trip trip;           /* its began_unix_ms is the journal's */
};

void journal_encode(const struct journal *journal, struct buf *out);
MUST_USE enum err journal_decode(struct slice bytes, struct journal *out);

void journal_key_add(struct buf *out, uint64_t incident);
/* Of a record that is about it; seq 0: what the keys of all of them begin with. */
void journal_entry_key_add(struct buf *out, uint64_t incident, uint64_t seq);
bool journal_entry_key_parse(struct slice key, uint64_t incident, uint64_t *out_seq);
const char *incident_kind_name(enum incident_kind kind);
