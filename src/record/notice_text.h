/* record/notice_text.h - the words of a message: a first line that says all, and a body.
 * Owns: both, for every channel.
 * Invariants:
 *   1. The first line has at most LIMIT_NOTICE_LINE characters, no control character and no line
 *      break; it says what stopped, why, what waits and what is lost. The reason is what is cut.
 *      What is lost is a count, or is not said.
 *   2. No message has a link or an answer that acknowledges: it says the command.
 *   R23 whoever gives a reason has taken secrets out of it. */
#pragma once
#include "record/journal.h"
#include "record/notice.h"
#include "record/zone.h"

struct notice_facts {
    enum notice_about about;
    enum incident_kind kind;
    enum lasting_kind lasting;
    const char *state; /* TROUBLE, INFORM: "STOPPED", "DEGRADED"; NULL = STOPPED */
    uint64_t incident;
    struct slice scope;     /* "inquiry-routing", "upstream mailer", "everything" */
    struct slice workflows; /* of an upstream: those that call it; or empty */
    struct slice position;  /* of its stops: "fallback"; or empty */
    struct slice by;     /* TROUBLE: who stopped it; else who answered or restarted; may be empty */
    struct slice reason; /* a person's words, or empty */
    struct slice asked_by; /* RECOVERED of a stop: who asked for the restart; or empty */
    struct slice holders;  /* the same: which stops hold it still, or a part of it; or empty */
    bool is_held;          /* they hold all of it */
    bool is_again;         /* TROUBLE: it was told before, and goes on */
    struct slice acknowledged_by; /* who said that they see to it; empty = nobody has */
    int64_t acknowledged_unix_ms;
    uint64_t waiting;     /* actions that wait: held, waiting, in review, uncertain */
    uint64_t in_flight;   /* attempts that the stop still waits for */
    uint64_t refused;     /* callers that were turned away since */
    uint64_t uncertain;   /* DOWN */
    int64_t lost;         /* as the counts prove; LOST_UNKNOWN: nothing is said of it */
    struct slice informs; /* who informs stakeholders, by when; 0 = nobody has to */
    struct slice restart; /* TROUBLE of a stop: who approves that it runs again; or empty */
    int64_t inform_due_unix_ms;
    int64_t since_unix_ms, now_unix_ms; /* DOWN: the last sign of life, and now */
    const struct zone *zone;
};

void notice_text_line(const struct notice_facts *facts, struct buf *out);
void notice_text_body(const struct notice_facts *facts, struct buf *out);
