/* record/inbox_json.h - one piece of work for a person: what it is about, why it came here, and
 * what each answer leads to.
 * Owns: the kinds of work, and the item of GET /v1/inbox (policy.md, Shapes). A further kind is a
 *   line of the list, a source in loop/inbox.c, and its words here. */
#pragma once
#include "record/view.h"

#define INBOX_KIND_LIST(X)                                                                         \
    X(INBOX_REVIEW, "review")               /* decide: id of the review */                         \
    X(INBOX_UNCERTAIN, "uncertain")         /* settle: id of the action */                         \
    X(INBOX_CONTRADICTION, "contradiction") /* say which is true (R14): id of the action */        \
    X(INBOX_AUDIT, "audit")                 /* label it: id of the action */                       \
    X(INBOX_STOP, "stop")                   /* ask for a restart: id of the incident */            \
    X(INBOX_RESTART, "restart")             /* approve it: id of the incident */                   \
    X(INBOX_INCIDENT, "incident")           /* acknowledge it: id of the incident */
enum inbox_kind {
#define X(name, text) name,
    INBOX_KIND_LIST(X)
#undef X
        INBOX_KIND_COUNT
};
/* What people are asked about an action that waits for them. */
enum inbox_kind inbox_kind_of(const struct action *action);
bool inbox_kind_parse(struct slice name, enum inbox_kind *out_kind);

/* (by_unix_ms, id) is its place in the order of the inbox: earliest first. */
struct inbox_item {
    enum inbox_kind kind;
    int64_t by_unix_ms;
    uint64_t id;
    struct view view;        /* of an action; of STOP and RESTART only config, away, zone and now */
    const struct stop *stop; /* STOP, RESTART; of an INCIDENT its scope, as a stop's */
    struct slice reason;     /* STOP, RESTART: what was said, or empty; INCIDENT: why */
    struct slice asked_by;   /* RESTART: who asks, and so does not approve */
    struct slice no;         /* STOP, RESTART: who said no to a restart, and why; or empty */
    bool is_stuck;           /* STOP: its ramp has stopped moving */
    bool is_undone;          /* INCIDENT: actions ended and were not done */
    bool is_unanswered;      /* STOP: nobody has acknowledged it */
};

void inbox_json_add(struct buf *out, const struct inbox_item *item);
/* "verdicts":[…]: what may be answered about this action, and what follows from each. */
void inbox_json_add_verdicts(struct buf *out, const struct view *view);
/* The summary, or what is known without one. */
void inbox_json_add_title(struct buf *out, const struct view *view);
/* Why it came to people, in sentences. */
void inbox_json_add_why(struct buf *out, const struct view *view);
