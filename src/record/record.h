/* record/record.h - one decision record: what happened, why, by whom; the unit of the hash chain.
 * Owns: its shape and its bytes (compact JSON, one line). Pure.
 * Invariants:
 *   I10 each record says what, why, who.
 *   1. No value and no free text from a caller, a person or an upstream stands in a record:
 *      those are in its payload (R24); the record holds codes, names from the policy, numbers
 *      and digests.
 *   2. What is hashed is the bytes as stored; a record is never serialized again (R27).
 *   3. record_decode(record_encode(r)) == r; unknown members of a newer minor version are
 *      skipped, an unknown enum name becomes its careful zero value. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "core/audit.h"

#define RECORD_KIND_LIST(X)                                                                        \
    X(RECORD_NOTE, "note")         /* zero: a kind that this version does not know */              \
    X(RECORD_ADMITTED, "admitted") /* submit: the first record of an action */                     \
    X(RECORD_STARTED, "started")   /* a later start: retry, release, approval */                   \
    X(RECORD_OUTCOME, "outcome")   /* an attempt ended */                                          \
    X(RECORD_LATE, "late")         /* an outcome after the attempt was given up */                 \
    X(RECORD_CRASHED, "crashed")   /* recovery found the attempt open */                           \
    X(RECORD_GATED, "gated")       /* the gate was asked again and said not "go" */                \
    X(RECORD_TIMER, "timer")       /* a hold, keeps, lease or review ran out */                    \
    X(RECORD_ANSWERED, "answered") /* a template gave the answer */                                \
    X(RECORD_PASSED, "passed")     /* what an entry of a fallback needs cannot be made */          \
    X(RECORD_APPROVED, "approved")                                                                 \
    X(RECORD_DECLINED, "declined") /* verdict reject */                                            \
    X(RECORD_RESOLVED, "resolved")                                                                 \
    X(RECORD_SETTLED, "settled") /* a person's word on a contradiction: no state changes */        \
    X(RECORD_EDITED, "edited")   /* verdict edit: approved with another input */                   \
    X(RECORD_CLAIMED, "claimed") /* of a review, as the next ones: no state changes */             \
    X(RECORD_UNCLAIMED, "unclaimed")                                                               \
    X(RECORD_ASSIGNED, "assigned") /* subject: to whom */                                          \
    X(RECORD_SAID, "said")         /* a note */                                                    \
    X(RECORD_SHOWN, "shown")       /* masked fields were shown to the actor */                     \
    X(RECORD_REFUSED, "refused")   /* a verdict that was not taken; subject: why */                \
    X(RECORD_CANCELLED, "cancelled")                                                               \
    X(RECORD_BEGUN, "begun") /* a permit was used */                                               \
    X(RECORD_RENEWED, "renewed")                                                                   \
    X(RECORD_REPEATED, "repeated")   /* observe: a repeat was answered, not sent */                \
    X(RECORD_ASKED, "asked")         /* a check answered, or could not (R12) */                    \
    X(RECORD_REFRESHED, "refreshed") /* a fresh fact, none, or a renewed submit (R10) */           \
    X(RECORD_QUARANTINED, "quarantined")                                                           \
    X(RECORD_LABELLED, "labelled")     /* somebody said whether it was right */                    \
    X(RECORD_UNLABELLED, "unlabelled") /* its audit is over without a label */                     \
    X(RECORD_REORDERED, "reordered")   /* the policy orders it by another thing (R11) */           \
    X(RECORD_ERASED, "erased")                                                                     \
    X(RECORD_STOP, "stop")       /* control records: no action */                                  \
    X(RECORD_STOPPED, "stopped") /* its receipt is complete */                                     \
    X(RECORD_RESTART, "restart") /* number: 1 = a little at a time */                              \
    X(RECORD_LIFTED, "lifted")   /* of a stop: its ramp is over */                                 \
    X(RECORD_RESTART_ASKED, "restart_asked")                                                       \
    X(RECORD_RESTART_APPROVED, "restart_approved") /* subject: who asked; number: 1 = alone */     \
    X(RECORD_RESTART_REFUSED, "restart_refused")   /* an approval; subject: why */                 \
    X(RECORD_RESTART_REJECTED, "restart_rejected") /* subject: who asked; number: 1 = by them */   \
    X(RECORD_RAMP, "ramp") /* subject: passed, over, stuck, stopped, reloaded; number: stage */    \
    X(RECORD_INCIDENT, "incident") /* opened, reason added, closed */                              \
    X(RECORD_POLICY, "policy")     /* a configuration came into force */                           \
    X(RECORD_SERVING, "serving")   /* a start of the daemon */                                     \
    X(RECORD_ENDING, "ending")     /* a clean end */                                               \
    X(RECORD_TOKEN, "token")       /* made or revoked */                                           \
    X(RECORD_AWAY, "away")         /* subject: who; number: until when, 0 = back */                \
    X(RECORD_UPSTREAM, "upstream") /* its breaker changed */                                       \
    X(RECORD_CHECKPOINT, "checkpoint")                                                             \
    X(RECORD_TELLING, "telling")   /* people are to be told of an incident */                      \
    X(RECORD_TOLD, "told")         /* a message was delivered */                                   \
    X(RECORD_NOT_TOLD, "not_told") /* it failed for good */                                        \
    X(RECORD_ACKNOWLEDGED, "acknowledged")                                                         \
    X(RECORD_DOWN, "down")             /* interlock was not running */                             \
    X(RECORD_REMARK, "remark")         /* of an incident; subject: note, cause, informed, … */   \
    X(RECORD_SIGNED, "signed")         /* somebody put a name to the plan of a workflow */         \
    X(RECORD_TRIPPED, "tripped")       /* a trigger crossed its limit; subject: its name */        \
    X(RECORD_WARNED, "warned")         /* it is near it: caution, and every draw is taken */       \
    X(RECORD_CLEARED, "cleared")       /* caution, alert or warning: it is normal again */         \
    X(RECORD_STOP_CHECK, "stop_check") /* the stop path; subject: why; number: 1 = works again */  \
    X(RECORD_LABEL_REFUSED, "label_refused") /* of nothing that is known; subject: key, run, id */ \
    X(RECORD_REPORTED, "reported")           /* a scheduled report; subject: who is told */        \
    X(RECORD_CLOCK, "clock") /* the machine's clock is off; subject: how; number: ms; due: until */
enum record_kind {
#define X(name, text) name,
    RECORD_KIND_LIST(X)
#undef X
        RECORD_KIND_COUNT
};

struct arena;

enum { RECORD_DIGEST = 16 };

struct record {
    enum record_kind kind;
    int64_t at_unix_ms;
    uint64_t seq;        /* not in the bytes: the store's row says it */
    struct slice actor;  /* principal; empty = interlock itself */
    struct slice policy; /* first 16 hex digits of the configuration in force */

    /* of an action; action 0 = a control record */
    uint64_t action, previous;             /* previous record of the same action, 0 = first */
    struct slice workflow, step, upstream; /* ADMITTED; upstream also on outcomes */
    enum action_state state;               /* after */
    enum reason reason;                    /* why it is in that state */
    enum cause cause;
    uint16_t attempt; /* number that this record is about, 0 = none */
    bool has_verdict;
    struct verdict verdict; /* how the attempt was read */
    enum check_told told;   /* ASKED; `attempt` is the one that it is about */
    int status;             /* HTTP, 0 = none */
    enum hold_for hold_for;
    int64_t due_unix_ms;
    int64_t people_due_unix_ms;
    uint8_t generation, route, revision, review;
    uint8_t entry;       /* of the fallback; numbered as in policy/types.h */
    struct slice tells;  /* it ended undone: the group that is told; or empty */
    struct slice passed; /* entries of it that did not do it, and why: "3:full 8:cannot_render" */
    uint8_t path_count;  /* the gate's answers; a later start: only what differs is not done */
    struct gate_step path[LIMIT_PATH_GATES];
    uint8_t decided_by;
    enum says says, would; /* would: mode observe */
    enum reason would_reason;
    bool is_observed; /* ADMITTED in mode observe */
    bool has_draw;    /* ADMITTED, step with audit: drawn iff roll < share (core/audit.h) */
    int draw_roll, draw_share;
    int64_t audit_due_unix_ms; /* by this record an audit was opened */
    bool is_wrong; /* LABELLED; `subject` is the label, `number` counts those of its action */
    enum label_use label_use;
    unsigned char label[RECORD_DIGEST]; /* of the label row after this, where it changed */
    uint64_t stop;                      /* that it met, or that this control record is about */
    uint64_t incident;
    uint64_t again_of;
    bool has_key; /* ADMITTED */
    unsigned char key_hash[RECORD_DIGEST], fingerprint[RECORD_DIGEST];
    bool has_run;
    unsigned char run_hash[RECORD_DIGEST];
    /* Digest of the provider key; zero = none was sent. */
    unsigned char provider_key[RECORD_DIGEST];
    unsigned char row[RECORD_DIGEST]; /* SHA-256, first half, of the action's row after this */
    bool has_payload;
    unsigned char payload[32]; /* SHA-256(32-byte salt ‖ label ‖ value) */

    /* control records */
    struct slice subject; /* what it is about: token name, upstream, scope in words */
    uint64_t number;      /* run epoch (SERVING), held at a stop … as its kind says */
    struct slice trip;    /* TRIPPED, WARNED, CLEARED: trip_encode() */
};

/* Appends one line of JSON without a newline. */
void record_encode(const struct record *record, struct buf *out);
/* The slices point into bytes or into scratch. ERR_CORRUPT. */
MUST_USE enum err record_decode(struct slice bytes, struct arena *scratch, struct record *out);
const char *record_kind_name(enum record_kind kind);
