/* loop/counts.h - what is counted for status, metrics and the report.
 * Owns: struct workflow_state, struct step_state (counts.c): numbers by the hour, in memory.
 * Invariants:
 *   1. The records are the truth: a start counts the last hours again from them. */
#pragma once
#include "base/limits.h"
#include "core/lasting.h"
#include "loop/drains.h"
#include "port/engine.h"
#include "record/label_row.h"
#include "record/step_tally.h"
#include "record/tally.h"
#include "record/undone_row.h"

struct engine;
struct entry;
struct record;
struct row;
struct step;
struct workflow;

enum { ENGINE_HOURS = 48 }; /* of counters kept in memory */

struct hour_counts {
    int64_t hour; /* unix hours; 0 = an empty slot */
    bool is_dirty;
    struct tally tally;
};

/* Of one step: what is open now, and for status what came of it by risk class and cause. */
struct step_hour {
    int64_t hour; /* unix hours; 0 = an empty slot */
    bool is_dirty;
    struct step_tally tally;
};

struct step_state {
    char name[LIMIT_NAME + 1];
    uint64_t in_review, held;
    uint64_t degraded[CAUSE_COUNT]; /* since the start of the process */
    struct step_hour hours[ENGINE_HOURS];
};

/* When a group of its people was told last that they are late. */
enum { OVERDUE_GROUPS = 8 };
struct overdue {
    char answers[LIMIT_NAME + 1]; /* "" = the owner */
    int64_t told_unix_ms;         /* 0 = not */
};

struct workflow_state {
    char name[LIMIT_NAME + 1];
    struct step_state *steps; /* those that had something to count */
    size_t step_count;
    struct hour_counts hours[ENGINE_HOURS];
    uint64_t now[STATE_COUNT];   /* open actions by state */
    uint64_t contradicted;       /* of them, those that had ended: a late outcome says otherwise */
    uint64_t total[STATE_COUNT]; /* entries into a state since the start of the process */
    uint64_t replays, prevented, refused;
    uint64_t audits;                     /* open ones */
    uint64_t labels[LABEL_USE_COUNT][2]; /* since the start: right, wrong */
    struct label_sum recent;             /* of the last days, as it was read last */
    struct lasting causes[CAUSE_COUNT];  /* how long it lives on the fallbacks of each */
    struct undone undone;                /* what ended so, and nobody was told of yet */
    struct drain drain;                  /* what its stops hold, and its pace */
    struct overdue overdue[OVERDUE_GROUPS];
    int64_t reported_unix_ms; /* `report`: up to here; 0 = not read yet */
};

/* Made when there is none of that name. The pointer is good until the next one is made; NULL
 * without memory. */
struct workflow_state *engine_workflow(struct engine *engine, struct slice name);
/* Of the step, now. */
uint64_t engine_open_reviews(struct engine *engine, const struct step *step);
/* How many reviews and held actions its step has open besides it (capacities of fallbacks). */
void engine_open_of_step(struct engine *engine, const struct entry *entry,
                         struct action_event *out);
/* The start: an action that is stored and open. */
void engine_count_open(struct engine *engine, const struct row *row);
/* One event has moved it from there; is_new: it is admitted, and before means nothing. */
void engine_count_move(struct engine *engine, struct entry *entry, const struct action *before,
                       bool is_new);
/* What this record moves; row: its action after it. */
void engine_count_record(struct engine *engine, const struct record *record, const struct row *row);
/* A known key was asked again. */
void engine_count_repeat(struct engine *engine, const struct row *row);
/* The sum of all hours from that one on. */
enum err engine_tally(void *impl, struct slice workflow, int64_t since_unix_ms, struct tally *out);
/* Writes what changed, once a second at most. */
void engine_count_flush(struct engine *engine);
/* After a start: the last hours anew, from the records. */
MUST_USE enum err engine_recount(struct engine *engine);
/* Held and in review, of a workflow or of one step (or NULL). */
uint64_t engine_backlog(struct engine *engine, const struct workflow *workflow,
                        const struct step *step);
