/* api/rights.h - who may do what: the table of policy.md "Rights", and nothing else decides it.
 * Owns: the table, the answer, and the sentence that says who may. Pure.
 * Invariants:
 *   1. Zero is RIGHT_NOBODY; what is not granted by a line of the table is refused.
 *   2. A service never decides, settles, asks for a restart or configures (I11, R20). Who
 *      approves a restart is asked where it is carried out, in loop/restarts.c.
 *   3. A duty that nobody is named for, or nobody of whom is there, falls to the owner, then to
 *      admins (R28), and to nobody else: to decide and to settle may whom record/who.h names.
 *   4. Membership is read from the configuration that is given: it is tested at every use. */
#pragma once
#include "base/buf.h"
#include "port/engine.h"

/* Name and what a person would call it: "may not NAME". */
#define RIGHT_LIST(X)                                                                              \
    X(RIGHT_NOBODY, "do this")                                                                     \
    X(RIGHT_OPEN, "ask this")     /* without a token */                                            \
    X(RIGHT_LOOPBACK, "ask this") /* without a token on loopback, else any token */                \
    X(RIGHT_TOKEN, "ask this")    /* any token; what is shown is filtered */                       \
    X(RIGHT_SUBMIT, "submit to this workflow")                                                     \
    X(RIGHT_WORK, "begin or report this action")                                                   \
    X(RIGHT_CANCEL, "cancel this action")                                                          \
    X(RIGHT_SEE, "see this")                                                                       \
    X(RIGHT_STOP, "stop this")                                                                     \
    X(RIGHT_RECEIPT, "see this stop") /* who may stop may see what became of it */                 \
    X(RIGHT_RESTART, "ask for a restart of this")                                                  \
    X(RIGHT_DECIDE, "decide this review")                                                          \
    X(RIGHT_SETTLE, "settle this action")                                                          \
    X(RIGHT_AGAIN, "try this action again")                                                        \
    X(RIGHT_LABEL, "label this action")                                                            \
    X(RIGHT_ACKNOWLEDGE, "add to this incident")                                                   \
    X(RIGHT_SIGN, "sign this plan")                                                                \
    X(RIGHT_AUDIT, "read the whole log")                                                           \
    X(RIGHT_CONFIGURE, "configure interlock")
enum right {
#define X(name, text) name,
    RIGHT_LIST(X)
#undef X
        RIGHT_COUNT
};

/* What the right is asked about. All NULL = everything: the duties of `switch:`. */
struct right_subject {
    const struct workflow *workflow;
    const struct step *step;         /* narrows: its reviewers, its `uncertain.who`, four_eyes */
    const struct upstream *upstream; /* stops */
    const struct group *answers;     /* of an incident: who is told first; NULL = the owner */
    struct slice actor;              /* who submitted the action; empty = not known */
    const struct away_list *away;    /* who is away; or NULL */
    int64_t now_unix_ms;
};

bool right_allows(const struct config *config, const struct principal *principal, enum right right,
                  const struct right_subject *subject);

/* Appends who may, for people: "members of finance-leads (ana, ben)"; "nobody" when it is so. */
void right_add_who(const struct config *config, enum right right,
                   const struct right_subject *subject, struct buf *out);
const char *right_name(enum right right);
