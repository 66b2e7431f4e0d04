/* record/incident_view.h - everything that is known of one incident, and its words.
 * Owns: the shape; the lines of `interlock incident`, the report in Markdown, the draft for
 *   stakeholders, the JSON. Pure.
 * Invariants:
 *   1. "0 lost" is said only where the counts prove it: what was submitted has ended or is open.
 *      Closed: as they proved it at its end.
 *   2. Nothing is said of what changed without its counts, nor where chance alone would do it.
 *   R23 what stands here was masked by who filled it. */
#pragma once
#include "core/changed.h"
#include "record/journal.h"
#include "record/notice.h"
#include "record/view.h"
#include "record/zone.h"

/* One record of its story. */
struct incident_entry {
    int64_t at_unix_ms;
    uint64_t seq, number;
    uint64_t stop; /* which one it is about; 0 = none */
    enum record_kind kind;
    struct slice actor, subject;
    struct slice scope; /* of a stop or a restart, in words */
    struct slice words; /* what somebody said; empty = nothing, or it was erased */
};

/* By what the actions that went wrong are told from the others. */
enum changed_by {
    CHANGED_BY_LABELS,     /* labels that say wrong */
    CHANGED_BY_ENDS,       /* failed, uncertain, expired or degraded */
    CHANGED_BY_CONFIDENCE, /* below the gate at their submit */
    CHANGED_BY_VERDICTS,   /* changed or not approved by a person */
    CHANGED_BY_LATENCY,    /* done later than the trigger's limit */
    CHANGED_BY_RISE,       /* started since it began; the others before that */
    CHANGED_BY_WAITS,      /* held, or waiting for people */
    CHANGED_BY_NOTHING     /* nothing came: there is nothing to look at */
};
const char *changed_by_name(enum changed_by by);

/* One value of one cause. */
struct incident_change {
    struct slice path, value; /* value: JSON of it, masked */
    struct changed counts;
};

/* Since it opened. */
struct incident_impact {
    struct tally counts;
    uint64_t held, in_review, uncertain, waiting; /* now; closed: 0 */
    uint64_t waits;                               /* of them, as its messages count them */
    uint64_t refused;                             /* turned away by its stops */
    uint64_t was_held;                            /* closed: what its stops held */
    int64_t oldest_unix_ms;     /* when the oldest in review was submitted; 0 = none */
    int64_t people_due_unix_ms; /* when the first in review is due; 0 = none */
    uint64_t wrong_before;      /* found wrong, of what started before it opened */
    int64_t lost;               /* as the counts prove; LOST_UNKNOWN */
    int target_percent;         /* of `sla`; 0 = none */
};

struct incident_view {
    uint64_t id;
    const struct config *config;
    const struct workflow *workflow; /* NULL: wider than one */
    struct journal journal;
    bool is_open;
    int64_t closed_unix_ms;
    struct slice scope;         /* "inquiry-routing", "upstream mailer", "everything" */
    struct slice by, why;       /* who stopped it, and what was said */
    struct slice position;      /* of its stops: "stopped"; empty = none */
    struct slice restart_words; /* how far its restart is; or empty */
    struct slice ramp;          /* "5 one by one … ok · 10 % … 12 ok · 50 %"; or empty */
    struct slice drain;         /* closed: "312 held leave at 4/s, about 80 s"; or empty */
    struct slice holders;  /* which other stops hold it still: "everything on review (i_…)" */
    bool is_held;          /* they hold all of it, not a part */
    bool is_stuck;         /* that ramp waits for people */
    bool is_restart_asked; /* somebody else may approve it */
    struct ladder_row ladder;
    bool has_ladder;
    const struct incident_entry *entries;
    size_t entry_count;
    const struct notice *notices; /* messages of it; those that have not arrived are said */
    size_t notice_count;
    const struct incident_change *changes; /* evident ones, ranked */
    size_t change_count;
    enum changed_by changes_by;
    uint64_t changes_of, changes_bad; /* actions looked at, and of them wrong */
    struct incident_impact impact;
    const struct group *owner, *restart, *inform; /* NULL: nobody is named */
    const struct zone *zone;
    int64_t now_unix_ms;
};

/* The newest entry of somebody's remark of that kind, or NULL. */
const struct incident_entry *incident_remark(const struct incident_view *view, const char *subject);
/* The first entry of that kind, or NULL. */
const struct incident_entry *incident_first(const struct incident_view *view,
                                            enum record_kind kind);

/* Why it is one, in a clause: "3 reviews are past due", "mailer is not called since 14:01". */
void incident_add_trouble(struct buf *out, const struct journal *journal, const struct zone *zone,
                          int64_t now_unix_ms);
/* Why there is no time to detect; NULL: there is one. */
const char *incident_no_detection(const struct incident_view *view);
/* What everybody may be told. */
void incident_add_draft(struct buf *out, const struct incident_view *view);
/* INCIDENT, WHO, IMPACT, CHANGED; then what may be done. */
void incident_text_add(struct buf *out, const struct incident_view *view);
/* One line of a list. */
void incident_line_add(struct buf *out, const struct incident_view *view);
/* The report in Markdown. */
void incident_report_add(struct buf *out, const struct incident_view *view);
/* The members that only a whole incident has, into an object that is begun. */
void incident_json_add(struct buf *out, const struct incident_view *view);
/* One line of the timeline, without the time. */
void incident_entry_add(struct buf *out, const struct incident_view *view,
                        const struct incident_entry *entry);
