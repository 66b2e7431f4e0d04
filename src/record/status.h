/* record/status.h - how it stands: one line that says whether somebody is needed, then the facts.
 * Owns: `interlock status` (design 7), its JSON, and its exit code.
 * Invariants:
 *   1. The first line begins "NEEDS YOU" exactly when a person has something to do, or new work is
 *      refused; else it begins "Nothing needs you."
 *   2. What is not enforced in this version stands here, never silently (IL900). */
#pragma once
#include "core/breaker.h"
#include "core/switchboard.h"
#include "policy/types.h"
#include "record/label_row.h"
#include "record/tally.h"
#include "record/zone.h"

/* Exit codes of `interlock status`; 3 = not reachable is the command's own. */
enum status_exit { STATUS_FINE, STATUS_DEGRADED, STATUS_STOPPED };

struct status_workflow {
    struct slice name;
    const struct workflow *workflow; /* or NULL: no longer in the configuration */
    uint64_t automatic, by_template, by_fallback, reviewed; /* done */
    uint64_t degraded[CAUSE_COUNT], rejected, failed, expired, cancelled;
    uint64_t held, uncertain, in_review, attempting, waiting; /* now */
    bool is_on_fallback;       /* what went last was done by a fallback: its cause is not over */
    uint64_t draining;         /* of what is held, what a restart let go, one after the other */
    int64_t drain_milli;       /* how many of that leave, in thousandths a second */
    uint64_t repeats_answered; /* asked again, and answered without doing it again */
    uint64_t sla_met, sla_missed;
    uint64_t audits;                   /* open ones */
    struct label_sum labels;           /* of the last 7 days */
    int64_t oldest_people_due_unix_ms; /* the earliest due time of a person's work; 0 = none */
    const struct step_counts *steps;
    size_t step_count;
};
struct status_upstream {
    struct slice name;
    enum breaker_state breaker;
    enum breaker_cause cause; /* why it opened: cause_count of cause_of */
    int cause_count, cause_of, failed_probes;
    int64_t opened_unix_ms, probe_at_unix_ms, pause_until_unix_ms; /* 0 = none */
    int64_t rate_milli; /* of its recovery; -1 = it is not paced */
    uint64_t held;
    int under_way, concurrency;
    int retry_budget; /* retries that may be made now */
};

/* An open incident that no stop made. */
struct status_incident {
    uint64_t id;
    struct slice kind, scope, what; /* what: in words */
    struct slice acknowledged_by;   /* empty = nobody has */
    struct slice workflow;          /* empty = wider than one */
    int64_t since_unix_ms;
};

/* A trigger that has tripped or is near its limit, and moves nothing: an alert, or observed. */
struct status_trigger {
    struct slice workflow, step, name; /* step: empty = all */
    struct slice what;                 /* its numbers, in words */
    int64_t tripped_unix_ms;           /* 0 = it is near its limit */
};

/* An incident that starts again after its restart was approved. */
struct status_ramp {
    uint64_t incident;
    struct slice text; /* "5 one by one … ok · 10 % … 12 ok · 50 %" */
    bool is_stuck;     /* people must act */
};

/* How people stand to the incident of a stop in force. */
struct status_answer {
    uint64_t incident;
    bool is_open;           /* nobody has acknowledged it */
    bool is_asked;          /* its restart waits for an approval */
    struct slice approvers; /* "ben, cleo (owners)": who may give it */
    struct slice no;        /* "ben said no at 14:02 to the restart …": the last one; or empty */
};

/* Whether a stop would work: the daemon tries it by itself. */
enum stop_check_result { STOP_CHECK_NOT_YET, STOP_CHECK_WORKS, STOP_CHECK_FAILS };
struct stop_check {
    enum stop_check_result result;
    struct slice what;  /* why it fails */
    int64_t at_unix_ms; /* of the last try; 0 = none has ended yet */
    int64_t age_ms;     /* since then, or since the start */
};

struct status {
    const struct status_incident *incidents;
    size_t incident_count;
    const struct status_trigger *triggers;
    size_t trigger_count;
    const struct status_workflow *workflows;
    size_t workflow_count;
    const struct status_upstream *upstreams;
    size_t upstream_count;
    const struct stop *stops; /* in force, oldest first */
    size_t stop_count;
    const struct slice *whys; /* of each stop its reason or numbers, in words; NULL = not known */
    const struct status_ramp *ramps; /* of them, those that are ramping */
    size_t ramp_count;
    const struct status_answer *answers; /* of their incidents */
    size_t answer_count;
    bool is_ready;
    struct slice why;             /* when it is not */
    struct slice flag;            /* what somebody should know, or empty */
    struct slice warnings_json;   /* a JSON array of texts, or empty */
    struct slice unanswered;      /* incidents that nobody answers for, or empty */
    struct slices unsigned_plans; /* workflows whose signed plan has changed */
    bool has_watchdog, is_watchdog_good;
    struct slice watchdog_what;
    int64_t watchdog_unix_ms; /* of its last ping; 0 = none yet */
    struct stop_check stop_check;
    int64_t down_ms; /* how long interlock was not running before this start */
    int64_t started_unix_ms;
    int64_t since_unix_ms; /* the counters count from here; 0 = not said */
    int64_t now_unix_ms;
    const struct zone *zone;
};

enum status_exit status_exit_code(const struct status *status);
/* "running", "partly stopped" (a stop covers some of it), "stopped". */
const char *status_position(const struct status *status, const struct status_workflow *workflow);
/* The first line, without its end. */
void status_add_headline(struct buf *out, const struct status *status);
/* All lines. */
void status_text_add(struct buf *out, const struct status *status);
/* A member of it, and of /readyz. */
void stop_check_json_add(struct buf *out, const struct stop_check *check);
void status_json_add(struct buf *out, const struct status *status);
