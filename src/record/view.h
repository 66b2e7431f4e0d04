/* record/view.h - one action with all that is known of it, ready to be told in any form.
 * Owns: nothing; the engine fills it for one answer. The forms are in record/action_json.h,
 *   record/explain.h and record/log_line.h, so that API, CLI and page say the same. The arena
 *   that it was filled into owns all bytes. */
#pragma once
#include "core/breaker.h"
#include "record/bundle.h"
#include "record/record.h"
#include "record/who.h"

enum { VIEW_HISTORY = 200 };

struct view_record {
    struct record record;
    struct bundle_words words;     /* people's words, where there are any */
    struct bundle_outcome outcome; /* of outcomes, and of what a check answered */
    struct bundle_fact fact;       /* of fresh facts */
    bool is_erased;                /* its payload is gone */
};

/* Who must act: a group, the person of it to begin with, by when, to do what. */
struct view_who {
    struct slice group, person,
        person_name;         /* person: whom to begin with; empty when the group is empty */
    struct slice stands_for; /* who is away, and in whose place person is named; or empty */
    int64_t by_unix_ms;
    const char *to_do; /* "say whether it was sent" */
};

/* It ended and was not done: who is told of it. */
struct view_told {
    bool is_due; /* somebody is to be told; the rest is known where it was read */
    struct slice group;
    uint64_t incident;            /* of the telling; 0 = it is still to come */
    struct slice person, channel; /* who was told first, and through what ("inbox": no channel) */
    int64_t at_unix_ms;           /* when it was delivered; 0 = not yet */
    bool is_failed;               /* not through that channel */
    struct slice acknowledged_by;
};

struct zone;
struct label_row;

/* Members may be left zero where not said otherwise; then the forms say less, never something else.
 */
struct view {
    const struct action *action;  /* always */
    const struct config *config;  /* in force */
    const struct away_list *away; /* who is away; or NULL */
    const struct step *step;      /* NULL: no longer in the configuration */
    struct slice workflow, step_name, upstream;
    struct slice policy_version;     /* 16 hex digits: of the deciding record */
    const struct step *decided_step; /* the step in that policy: names and lines of the path. NULL:
                                      * `step`, if policy_version is that of config; else codes */
    const struct record *last;       /* the newest record; NULL: the last of history */
    const struct stop *stop;         /* of action->stop_id */
    bool is_erased;
    int64_t erased_unix_ms;
    struct bundle_submit submit;       /* key and run as they may be shown (R23) */
    struct slice whole_key, whole_run; /* where they are shown masked: as they are; else empty */
    const struct record *decided;      /* the last gate: path, decided_by, says, would */
    struct bundle_request request;     /* open actions: what is or would be sent */
    bool has_outcome;
    struct bundle_outcome outcome; /* the last one */
    bool has_fact;                 /* the newest fresh fact (R10), its set masked */
    struct bundle_fact fact;       /* read at action->fact_unix_ms */
    struct slice check_call; /* uncertain: "GET https://…", the check of the policy, masked */
    bool is_replayed, is_for_stranger; /* stranger: state and id only (R7) */
    struct slice permit_token;         /* only in the creating answer of a permit */
    int64_t start_by_unix_ms;
    uint64_t stop_incident;    /* of action->stop_id */
    bool is_ramping;           /* what that stop stopped starts again by itself */
    bool is_draining;          /* no stop holds it any more: it leaves in its turn */
    struct slice ramp;         /* "5 one by one … ok · 10 % … 12 ok · 50 %"; or empty */
    struct slice restart_by;   /* who asks for the restart of that stop; empty = nobody */
    struct slice approver;     /* the first who may approve it; or empty */
    struct slice approvers;    /* "ben, cyd (support-leads)" */
    struct view_outage {       /* held for its upstream: why its breaker is not closed */
        int64_t since_unix_ms; /* 0 = it is closed */
        enum breaker_cause cause;
        int count, of;
    } outage;
    uint64_t order_before;    /* held for its order: the action that goes first; 0 = not known */
    uint64_t newer;           /* superseded: what took its place; 0 = not known */
    struct slice newer_key;   /* of that, as it may be shown; or empty */
    int64_t probe_at_unix_ms; /* held for its upstream: when the next probe may go; it waits for a
                               * try: until then its upstream asked to wait; 0 = it did not */
    size_t history_count;     /* for explain; newest last */
    struct view_record *history;
    struct view_told told;   /* for explain, with the history */
    struct slice claimed_by; /* who has its review in hand until claimed_until; or empty */
    int64_t claimed_until_unix_ms;
    struct slice assigned_to; /* whom its review was given to; or empty */
    /* Its audit and what was said of it; NULL: nothing, or not read. */
    const struct label_row *labels;
    int64_t now_unix_ms;
    const struct zone *zone; /* local time of the sentences; NULL: UTC */
};

/* Key and run as they are: to render with, and for who may see masked fields. */
struct slice view_whole_key(const struct view *view);
struct slice view_whole_run(const struct view *view);
/* The question of R28 about this action. */
struct who_question view_question(const struct view *view, enum who_duty duty);
/* Who has its review in hand now; empty = nobody. */
struct slice view_claimer(const struct view *view);
/* Who acts now; false when nobody has to. */
bool view_who(const struct view *view, struct view_who *out_who);
