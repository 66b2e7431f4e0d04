/* loop/upstreams.h - how much each upstream takes now: budget, breaker, rate, and its safe queue.
 * Owns: struct upstream_state (upstreams.c), who leaves the safe queue (flow.c), and the calls that
 *   are no action's (probe.c).
 * Invariants:
 *   1. What is counted survives a restart and a reload.
 *   2. Memory holds cursors, never the backlog (R30). */
#pragma once
#include "base/limits.h"
#include "base/list.h"
#include "core/action.h"
#include "core/breaker.h"
#include "core/pace.h"
#include "core/rate.h"

struct engine;
struct entry;

/* A call that is no action's: it asks whether an upstream is back. */
struct probe {
    struct list link; /* of engine->probes */
    struct engine *engine;
    char upstream[LIMIT_NAME + 1];
    bool is_connect; /* a connection only: nothing is sent */
    bool was_reached;
};

struct upstream_state {
    char name[LIMIT_NAME + 1];
    struct pace pace;
    struct breaker breaker;
    struct rate rate;
    int64_t former_milli; /* the rate before the last outage */
    int64_t drain_milli;  /* `drain: at most`; 0 = not set */
    int64_t told_ms;      /* open so long: an incident */
    bool has_own_probe;   /* `breaker: probe` */
    uint64_t held;        /* open actions held for it */
    uint64_t asking;      /* the action that is the one call of the half-open breaker, or 0 */
    uint64_t asked_id;    /* the held action that asked last */
    struct {              /* a round in which what is held leaves, each action once */
        bool is_on;
        bool is_free_spent;        /* the one repeat that needs no token */
        int64_t at_unix_ms;        /* when the next round begins; 0 = not planned */
        uint64_t after_id;         /* up to here it was asked */
        uint64_t last_id;          /* what comes later is not of this round */
        uint64_t skipped;          /* of this round, for want of a token of the budget */
        uint64_t skipped_after_id; /* up to here they were asked again */
        bool has_answer;           /* something was answered in this round */
        int rounds;                /* rounds after which something was left */
    } drain;
    bool is_releasing;     /* while an action of the safe queue is at its gate */
    bool has_restarted;    /* what a stop held leaves at `drain:`: its rate stays on */
    bool may_have_waiting; /* some wait for a free call */
    uint64_t probes;       /* calls that were no action's */
    uint64_t attempts[OUTCOME_COUNT];
    bool is_dirty;
};

/* ---- upstreams.c ---- */
/* NULL: the configuration names none so. The pointer is good until a reload. */
struct upstream_state *engine_upstream(struct engine *engine, struct slice name);
/* A free call, no pause that the upstream asked for, and the rate of its recovery. */
bool engine_may_start(const struct engine *engine, const struct upstream_state *upstream);
/* Is it a read, or does the upstream recognise it when it comes twice? */
bool upstream_recognises(const struct action *action, const struct step_terms *terms);
/* Does the breaker let it through? */
bool upstream_lets(const struct upstream_state *upstream, const struct action *action,
                   const struct step_terms *terms);
/* Makes the states of all upstreams in the configuration; those that exist keep theirs. */
MUST_USE enum err engine_make_upstreams(struct engine *engine);
/* What one event of an action means for its upstream. Called before the save. */
void engine_upstream_after(struct engine *engine, struct entry *entry,
                           const struct action_effects *effects);
/* Something is held for it: a round is planned. */
void upstream_holds(struct engine *engine, struct upstream_state *upstream,
                    const struct action *action);
/* What came of the one call of the half-open breaker. */
void upstream_asked(struct engine *engine, struct upstream_state *upstream,
                    enum upstream_signal signal);
/* Time has passed: half-open, a faster rate, a round. */
void upstream_wake(struct engine *engine, struct upstream_state *upstream);
void upstream_end_round(struct engine *engine, struct upstream_state *upstream);

/* ---- flow.c ---- */
/* Lets held and waiting work go as far as breaker, rate and room allow; asks whether it is back. */
void engine_run_upstream(struct engine *engine, struct upstream_state *upstream);
void engine_run_upstreams(struct engine *engine);
/* When it wants to be looked at; 0 = never. */
int64_t upstream_alarm_unix_ms(const struct engine *engine, const struct upstream_state *upstream);

/* ---- probe.c ---- */
/* Asks by a call of `breaker: probe`, or by a connection alone. */
void engine_probe(struct engine *engine, struct upstream_state *upstream, bool is_connect);
void engine_probes_free(struct engine *engine);
