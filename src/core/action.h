/* core/action.h - the life of one action, from admission to its end.
 * Owns: the state machine of design 4. The driver owns storage, time and the network.
 * Invariants (numbers of docs/invariants.md):
 *   I2  at most one attempt is under way (attempt_is_open).
 *   I3  while may_have_happened, no start unless the upstream recognises the repeat or a person
 *       said that it did not happen.
 *   I4  starts <= attempts of the routes entered + grants.
 *   R15 a route is entered at most once; none is entered while may_have_happened (R1).
 *   I8  a state that is no end has a timer (due) or people (who waits), or an open attempt.
 *   R1  while may_have_happened the action ends only as done.
 * Transitions: see the list at the head of action.c. */
#pragma once
#include "core/gate.h"

enum action_state {
    STATE_UNCERTAIN, /* zero: an unknown stored value is read as this (R27) */
    STATE_ATTEMPTING,
    STATE_WAITING,
    STATE_IN_REVIEW,
    STATE_HELD,
    STATE_DONE,
    STATE_FAILED,
    STATE_REJECTED,
    STATE_EXPIRED,
    STATE_CANCELLED,
    STATE_COUNT
};
static inline bool state_is_end(enum action_state state)
{
    return state >= STATE_DONE;
}

/* What the check of a step said (R12). */
enum check_told { CHECK_CANNOT_TELL, CHECK_HAPPENED, CHECK_NOT_HAPPENED, CHECK_TOLD_COUNT };

/* What a held action waits for. */
enum hold_for {
    HOLD_FOR_STOP,
    HOLD_FOR_UPSTREAM,
    HOLD_FOR_RULE,
    HOLD_FOR_POLICY,
    HOLD_FOR_FACT,
    HOLD_FOR_ORDER,
    HOLD_FOR_COUNT
};

/* What its timer means. */
enum due_kind {
    DUE_NONE,
    DUE_RETRY,
    DUE_HOLD_END,
    DUE_KEEPS,
    DUE_START_BY,
    DUE_LEASE,
    DUE_CHECK,  /* UNCERTAIN: the check is asked (R12) */
    DUE_FACT,   /* HELD: the fresh fact is read (R10) */
    DUE_REVIEW, /* a review past its due time goes on to the entry that the policy names */
    DUE_COUNT
};

/* Why an entry of a fallback did not do it. */
enum pass_why {
    PASS_UNKNOWN, /* zero: stored by a newer version */
    PASS_FULL,    /* as many are open, or held, as it allows */
    PASS_FAILED,  /* its upstream will not do it */
    PASS_UNAVAILABLE,
    PASS_DOWN,   /* its upstream does not answer: not tried */
    PASS_RENDER, /* it needs a field that this input does not have */
    PASS_USED,   /* this way was tried already in this generation (R15) */
    PASS_PAST_DUE,
    PASS_HOLD_ENDED,
    PASS_COUNT
};
struct pass {
    uint8_t entry;
    enum pass_why why;
};

enum { ACTION_DIGEST = 16 };

struct action {
    uint64_t id;
    enum action_state state;
    enum reason reason; /* why it is in this state */
    enum cause cause;   /* degraded by; CAUSE_NONE = not */
    enum hold_for hold_for;
    enum due_kind due_kind;
    int64_t due_unix_ms;            /* of due_kind; 0 = none */
    int64_t hold_end_unix_ms;       /* HELD: the end of the hold when due_kind is DUE_KEEPS */
    int64_t people_due_unix_ms;     /* in review or uncertain: by when somebody should act */
    int64_t approved_until_unix_ms; /* is_approved, is_granted: no start by that word after it */
    int64_t submitted_unix_ms;
    int64_t ended_unix_ms;
    uint64_t stop_id;  /* HOLD_FOR_STOP */
    uint64_t again_of; /* the action that this one tries anew, or 0 */

    uint8_t generation, route, revision;
    uint8_t entry;           /* of the fallback: which one it is at; 0 = none (policy/types.h) */
    uint16_t routes_entered; /* a bit a route, 0 = the step's own call (R15) */
    uint16_t grants_former;  /* grants of the routes that were left (I4) */
    uint8_t passed_count;    /* entries of the present fallback that did not do it */
    struct pass passed[LIMIT_PASSED];
    uint8_t risk;
    enum mode mode;
    uint16_t starts;       /* of this route, for the cap */
    uint16_t grants;       /* starts granted beyond the cap (R15) */
    uint16_t starts_total; /* attempt numbers are 1..starts_total (fencing tokens, R14) */
    uint8_t releases;
    uint8_t asks;             /* questions in this state: of the check, or for a fresh fact */
    bool is_release_wanted;   /* HELD for a fact: the release that it interrupted goes on (R15) */
    int64_t negative_unix_ms; /* UNCERTAIN: the check said "not there" first then; 0 = not yet */
    int64_t fact_unix_ms;     /* the newest fresh fact, or renewed submit; 0 = the submit (R10) */
    uint8_t reviews;          /* reviews made so far; the current one's number */
    bool may_have_happened;   /* R1 */
    bool attempt_is_open;     /* started (a permit: given), no outcome */
    bool permit_is_begun;     /* caller-executed */
    bool is_approved;         /* unspent approval */
    bool is_granted;          /* unspent grant: a person said "it did not happen, send" */
    bool is_start_granted;    /* the last start was by that word */
    bool once_is_spent;       /* 421 and 425 were tried again already */
    bool is_hold_rule_spent;  /* its rule's hold has run out once */
    bool is_drawn;            /* for audit, at its submit (core/audit.h) */
    /* R14: when a late outcome contradicted what was done; 0 = never. */
    int64_t contradicted_unix_ms;
    int64_t contradiction_due_unix_ms;  /* a person should settle it by then; 0 = none is open */
    uint16_t contradiction_attempt;     /* the attempt whose late outcome it is */
    enum outcome contradiction_outcome; /* what that outcome says */
    enum outcome contradiction_verdict; /* what a person said then: ok, failed; zero = not yet */
    int64_t route_entered_unix_ms;      /* start of `within` */
    int64_t first_start_unix_ms;        /* of the route: start of `keeps` (R6) */
    int64_t attempt_unix_ms;            /* start of the last attempt */
    enum outcome last_outcome;
    enum reason last_reason;
    int last_status;                             /* HTTP; 0 = no answer */
    unsigned char request_digest[ACTION_DIGEST]; /* of the frozen request */
    unsigned char approved_digest[ACTION_DIGEST];
    /* frozen at the route's first start (R6) */
    bool is_frozen;
    enum effect_class effect;
    enum idempotency idempotency;
    int64_t keeps_ms;
    int64_t timeout_ms;
};

enum action_event_kind {
    EVENT_SUBMIT,  /* gate */
    EVENT_GATE,    /* gate: released, due for a retry, approved, restarted: enter it again */
    EVENT_OUTCOME, /* attempt, result: also WITHHELD (result.is_withheld) */
    EVENT_CRASHED, /* recovery: the attempt was open when interlock ended */
    EVENT_TIMER,   /* due; for DUE_RETRY the driver sends EVENT_GATE instead */
    EVENT_APPROVE, /* then the driver sends EVENT_GATE */
    EVENT_REJECT,
    EVENT_RESOLVE, /* happened, send; after "send" the driver sends EVENT_GATE */
    EVENT_CANCEL,
    EVENT_SUPERSEDE,  /* a newer action of its order key takes its place (R11) */
    EVENT_BEGIN,      /* caller-executed: the permit is used, or renewed */
    EVENT_REPORT,     /* caller-executed: its outcome */
    EVENT_ASKED,      /* the check's answer: attempt, told, asked_unix_ms */
    EVENT_FACT,       /* has_fact, asked_unix_ms: read, not to be read, or submitted anew */
    EVENT_ANSWERED,   /* the template of its entry was rendered: that is the answer */
    EVENT_UNRENDERED, /* the template, or the request of the route, cannot be made: next entry */
    EVENT_QUARANTINE  /* R27: its event broke a CHECK twice: to a person */
};

struct action_event {
    enum action_event_kind kind;
    int64_t now_unix_ms;
    int64_t late_ms; /* by another reading of the clocks it is so much later, for `keeps` (R6) */
    uint64_t random; /* for jitter; SUBMIT: for the draw */
    const struct step_terms *terms;              /* of the policy in force */
    const struct gate_answer *gate;              /* SUBMIT, GATE */
    unsigned char request_digest[ACTION_DIGEST]; /* SUBMIT, GATE, APPROVE: as it would be sent */
    uint64_t stop_id;                            /* the first stop that covers it now, or 0 */
    uint16_t attempt;                            /* OUTCOME, REPORT, ASKED */
    struct attempt_result result;                /* OUTCOME */
    enum outcome reported;                       /* REPORT */
    bool has_token;                              /* the upstream's retry budget has a token */
    bool has_room;                               /* the upstream's concurrency allows one more */
    uint64_t open_reviews, open_held;            /* of the step, this action not among them */
    bool is_release;       /* GATE: out of the safe queue: counts and grants (R15) */
    bool happened, send;   /* RESOLVE */
    enum check_told told;  /* ASKED */
    bool has_fact;         /* FACT: false = it cannot be told */
    int64_t asked_unix_ms; /* ASKED, FACT: when the question was put */
    bool is_draw_whole;    /* SUBMIT: every action is drawn for audit (R21) */
    bool is_edit;          /* APPROVE: with another input, which renders to edited_digest */
    unsigned char edited_digest[ACTION_DIGEST];
};

/* Why an event was not taken; the API makes 409 or 403 of it. */
#define REFUSAL_LIST(X)                                                                            \
    X(REFUSAL_NONE, "none")                                                                        \
    X(REFUSAL_ENDED, "ended")                                                                      \
    X(REFUSAL_NOT_IN_REVIEW, "not_in_review")                                                      \
    X(REFUSAL_NOT_UNCERTAIN, "not_uncertain")                                                      \
    X(REFUSAL_UNDER_WAY, "attempt_under_way")                                                      \
    X(REFUSAL_MAY_HAVE_HAPPENED, "may_have_happened")                                              \
    X(REFUSAL_STOPPED, "stopped")                                                                  \
    X(REFUSAL_NO_PERMIT, "no_permit")                                                              \
    X(REFUSAL_LATE, "too_late")                                                                    \
    X(REFUSAL_OTHER_ATTEMPT, "other_attempt")                                                      \
    X(REFUSAL_NOT_ENDED, "not_ended")                                                              \
    X(REFUSAL_CHANGED, "changed_since")                                                            \
    X(REFUSAL_NOT_DUE, "not_due")                                                                  \
    X(REFUSAL_NOT_DONE, "not_done")                                                                \
    X(REFUSAL_CLAIMED, "claimed")                                                                  \
    X(REFUSAL_NOT_YOURS, "not_yours")                                                              \
    X(REFUSAL_BAD_EDIT, "bad_edit")                                                                \
    X(REFUSAL_BAD_LABEL, "bad_label")                                                              \
    X(REFUSAL_NOT_ALLOWED, "not_allowed")                                                          \
    X(REFUSAL_RETIRED, "retired")
enum refusal {
#define X(name, text) name,
    REFUSAL_LIST(X)
#undef X
        REFUSAL_COUNT
};

/* What the driver must do, after the new state is durable. */
struct action_effects {
    bool is_changed;      /* save the action and a record */
    bool must_send;       /* attempt action->starts_total: after the save ask may_send, then send */
    bool must_permit;     /* caller-executed: the creating answer carries the permit */
    bool must_enter_gate; /* feed EVENT_GATE next, in the same turn (approved, "send") */
    bool is_refused_by_stop;     /* SUBMIT only: nothing is stored; 503 */
    bool spends_token;           /* a retry: one token of the upstream's budget */
    bool earns_token;            /* a first attempt was answered with ok */
    enum upstream_signal signal; /* OUTCOME: what it says about the upstream */
    bool is_contradiction;       /* a late outcome contradicts what was done since (R14) */
    bool is_late;                /* the outcome came after the attempt was given up */
    bool has_draw;               /* SUBMIT: the roll of the audit draw, in millionths */
    uint32_t draw_roll, draw_share;
    int64_t pause_ms; /* Retry-After: no new attempt at this upstream before; 0 = none */
    bool has_verdict;
    struct verdict verdict; /* OUTCOME, REPORT, CRASHED: how the attempt was read */
    enum refusal refusal;
};

/* R14: a late outcome contradicts what was done since, and nobody has settled it. */
static inline bool action_is_contradicted(const struct action *action)
{
    return action->contradiction_due_unix_ms != 0;
}
/* Ended, and no person is asked about it. */
static inline bool action_is_over(const struct action *action)
{
    return state_is_end(action->state) && !action_is_contradicted(action);
}
/* Its time ran out: nobody decided, or what it waited for did not come. */
static inline bool action_ran_out(const struct action *action)
{
    return action->state == STATE_EXPIRED || action->reason == REASON_HOLD_ENDED ||
           action->reason == REASON_PAST_DUE;
}
/* It has ended and was not done, by no line of its policy that says so (policy.md: "the owner is
 * told"), or because its time ran out. In observe nothing is told: its caller sees it. */
bool action_is_undone(const struct action *action);
/* By when people should act; 0 = nobody is asked. */
static inline int64_t action_people_due(const struct action *action)
{
    return state_is_end(action->state) ? action->contradiction_due_unix_ms
                                       : action->people_due_unix_ms;
}
/* Its check is asked: it needs nobody yet (R12). */
static inline bool action_is_asked(const struct action *action)
{
    return action->state == STATE_UNCERTAIN && action->due_kind == DUE_CHECK;
}
/* The state that it is counted under while it is not over: an open contradiction is a doubt, and
 * what a check may still settle waits. */
static inline enum action_state action_counts_as(const struct action *action)
{
    if (action_is_contradicted(action))
        return STATE_UNCERTAIN;
    return action_is_asked(action) ? STATE_WAITING : action->state;
}

/* A new action, before EVENT_SUBMIT. */
void action_init(struct action *action, uint64_t id, int64_t now_unix_ms, uint8_t generation);

/* Moves the action by one event. On a refusal nothing changes. */
void action_step(struct action *action, const struct action_event *event,
                 struct action_effects *out_effects);

/* May a start repeat what may have happened? (I3, R6: now + timeout < first start + keeps - margin)
 */
bool action_may_repeat(const struct action *action, int64_t now_unix_ms);

/* R18: does what a person said let it start now without another review? Until the due time of the
 * review, never longer than `stale_after`, and for the retries of the start that it made. */
bool action_is_approved(const struct action *action, int64_t now_unix_ms);
bool action_is_granted(const struct action *action, int64_t now_unix_ms);

/* Aborts unless I2, I4, I8 and R1 hold; the driver and the simulator call it after each step. */
void action_check(const struct action *action, int attempts_cap);

const char *state_name(enum action_state state);
bool state_parse(struct slice name, enum action_state *out_state);
const char *hold_for_name(enum hold_for hold_for);
const char *due_kind_name(enum due_kind kind);
const char *check_told_name(enum check_told told);
const char *pass_name(enum pass_why why);
const char *refusal_name(enum refusal refusal);
