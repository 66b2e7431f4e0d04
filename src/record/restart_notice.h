/* record/restart_notice.h - what people are told of a restart: asked for, approved, alone, refused,
 * void, over.
 * Owns: the words, for every channel.
 * Invariants:
 *   1. The first line has at most LIMIT_NOTICE_LINE characters; the reason is what is cut.
 *   2. No message has a link or an answer that approves: it says the command.
 *   R23 whoever gives a reason has taken secrets out of it. */
#pragma once
#include "record/journal.h"
#include "record/restart_row.h"
#include "record/zone.h"

struct group;

struct restart_notice {
    enum restart_news news;
    uint64_t incident;
    struct slice scope;            /* "inquiry-routing", "upstream mailer", "everything" */
    struct slice asked_by, reason; /* reason: masked */
    struct restart_no_words no;    /* REJECTED; ASKED: an earlier one; no NULL = none */
    struct slice approved_by;
    const struct group *group; /* who approves */
    bool is_again;             /* ASKED: it was told before, and nobody answers */
    uint64_t stuck_action;     /* STUCK: the one that made it so; 0 = none, too few ended */
    uint64_t waiting;          /* actions that wait */
    int64_t lost;              /* as the counts prove; LOST_UNKNOWN: nothing is said of it */
    int64_t asked_unix_ms, over_unix_ms, alone_unix_ms; /* alone: 0 = never */
    struct slice ramp; /* APPROVED: "5 one by one … 0 ok · 10 % · 50 %"; empty = all at once */
    int64_t now_unix_ms;
    const struct zone *zone;
};

void restart_notice_line(const struct restart_notice *notice, struct buf *out);
void restart_notice_body(const struct restart_notice *notice, struct buf *out);
