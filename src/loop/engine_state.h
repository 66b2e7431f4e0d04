/* loop/engine_state.h - all that the running gate knows, for the files that move it.
 * Owns: struct engine, its clock and its alarm (engine.c), and how it starts (recover.c). Which
 *   file changes which part of it: the header of the subject (entries.h, stops.h, alerts.h, ...).
 * Invariants:
 *   1. Nobody outside of src/loop includes this: they have loop/engine.h and port/engine.h.
 *   2. now_unix_ms never goes back (R29).
 *   3. After engine_fail nothing starts any more. */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"
#include "core/switchboard.h"
#include "loop/clocks.h"
#include "loop/engine.h"
#include "loop/gone.h"
#include "loop/self_check.h"
#include "loop/triggers.h"
#include "loop/watchdog.h"
#include "record/label_row.h"
#include "record/who.h"

struct identity;
struct upstream_state;
struct workflow_state;

enum {
    ENGINE_SCRATCH = 3 * LIMIT_PAYLOAD,             /* bytes that one event may use */
    ENGINE_UNSAVED_ADMIT = LIMIT_STORE_QUEUE / 2,   /* no admission when more writes are queued */
    ENGINE_UNSAVED_ACT = LIMIT_STORE_QUEUE * 3 / 4, /* nothing but outcomes and stops */
    ENGINE_RELEASE_MS = 50, /* how often what a restart released is looked at again */
    ENGINE_SPARE_ARENAS = 8
};

struct engine {
    struct engine_options options;
    struct loaded *loaded;
    struct formers *formers; /* earlier configurations, as they are asked for; or NULL */
    struct identity *identity;
    struct prng prng;
    struct switchboard board;
    struct map entries;  /* id -> entry */
    struct map keys;     /* key hash -> entry */
    struct map orders;   /* order key -> one entry of its ring */
    struct map runs;     /* run hash -> newest entry of that run */
    struct list waiters; /* by deadline */
    struct list followers;
    struct list pendings;
    struct list probes;
    struct list asks; /* questions under way */
    size_t waiter_count;
    int answering; /* within a done that is told of an action (port/engine.h, invariant 3) */
    uint64_t next_handle;
    uint64_t last_id;
    uint64_t seq; /* last one given out */
    uint64_t saved_seq;
    size_t unsaved;                 /* writes queued at the store */
    uint64_t submits, submits_told; /* writes since the start, and those of them that are durable */
    uint64_t unended;               /* open actions, in memory or asleep */
    int64_t now_unix_ms;            /* of this event */
    int64_t started_unix_ms;
    int64_t due_unix_ms;   /* lower bound of what is due in the store; 0 = nothing */
    uint64_t due_after_id; /* the page of due actions before ended here; 0 = from the first */
    int64_t due_after_unix_ms;
    int64_t alarm_unix_ms;
    uint64_t run_epoch;
    volatile uint64_t in_work; /* action of the event under way; read when a bug ends the process */
    bool was_clean;            /* the last run ended in order */
    bool is_running;           /* recovery is over */
    int64_t retain_unix_ms;    /* the next turn of the sweep by age; 0 = at the next wake */
    size_t retain_place;       /* steps before it had their turn */
    bool retain_is_busy;       /* some step had more than one turn's work */
    bool is_closing, has_failed, is_count_dirty;
    int64_t count_flush_unix_ms; /* not before */
    bool is_ordering;            /* what is held for its order is looked at, from order_after on */
    uint64_t order_after;
    bool is_reordering; /* the policies order by other things: nothing in order starts meanwhile */
    uint64_t reorder_after;
    bool is_releasing; /* a restart lifted stops: what they held leaves (drains.c) */
    bool is_draining;  /* one of that is at its gate */
    struct upstream_state *upstreams;
    size_t upstream_count;
    struct workflow_state *workflows;
    size_t workflow_count;
    uint64_t audits;     /* open ones, of all workflows */
    uint64_t label_seq;  /* the newest record that changed a row of labels */
    uint64_t recent_seq; /* and that of the last sum of them */
    int64_t recent_unix_ms;
    int64_t audit_sweep_unix_ms; /* when those past due are looked at; 0 = none is open */
    unsigned char audit_after[AUDIT_ROW_KEY]; /* the last page ended here */
    size_t audit_after_size;
    struct list alerts, outbox;
    int64_t trouble_unix_ms; /* when what lasts is looked at next */
    int64_t report_unix_ms;  /* when scheduled reports are looked at next */
    size_t alert_count, outbox_count, sending_count;
    struct list restarts;
    size_t ramp_count; /* of them, how many are ramping */
    struct life life;
    struct clocks clocks;
    struct self_check self_check;
    struct triggers triggers;
    struct away_list away; /* in away_arena[away_turn] */
    struct arena away_arena[2];
    int away_turn;
    bool is_away_dropping; /* a row of who is back is on its way out of the store */
    struct buf flag;
    struct gone gone;
    struct engine_bytes {
        struct buf record, row, scope, sealed, label_row;
    } bytes;                  /* of one write; reused */
    struct arena_pool arenas; /* first blocks of what one event uses */
    struct buf token_name;    /* of the last token that was looked up in the store */
};

/* ---- engine.c ---- */
/* Reads the clock into now_unix_ms, once at the begin of an event; after that the field is read. */
int64_t engine_now(struct engine *engine);
/* Larger than all before: ids are in the order of time. */
uint64_t engine_new_id(struct engine *engine);
static inline const struct config *engine_config(const struct engine *engine)
{
    return engine->loaded->config;
}
/* The store, or memory, has failed: nothing starts any more, and the process should end. */
void engine_fail(struct engine *engine, const char *why);
/* Sets the alarm to the earliest of what waits. */
void engine_set_alarm(struct engine *engine);

/* ---- recover.c ---- */
/* All that the store holds, before anything is sent; on failure out_message gets a sentence. */
MUST_USE enum err engine_recover(struct engine *engine, struct buf *out_message);
