/* loop/inside.h - what the files of the engine share; nobody outside of src/loop includes it.
 * Owns: struct engine and struct entry, and which file owns which part of them:
 *   entries.c   the table of actions in memory        steps.c     one event: core, record, save
 *   submit.c    admission                             attempts.c  sending and outcomes
 *   gates.c     asking the gate, rendering requests   timers.c    what is due, waiting callers
 *   people.c    verdicts, resolve, cancel, again      stops.c     stops, receipts, restart
 *   upstreams.c budget, breaker, rate of each         flow.c      the safe queue: drain, asking
 *   probe.c     calls that are no action's            recover.c   the start
 *   asks.c      checks and fresh facts
 *   views.c     reads                                 counts.c    counters
 *   admin.c     reload, backup, tokens                inbox.c     what waits for people
 *   audit.c     audits, labels
 *   reviews.c   verdicts, claims, edits               alerts.c    who is told of an incident
 *   notices.c   messages to people                    watchdog.c  life signs, down time
 *   away.c      who is away                           journals.c  what an incident holds
 *   troubles.c  what lasts                            changes.c   what changed before it
 *   alert_people.c  who is told by which rung         plans.c     who signed what
 *   slots.c     what triggers have counted                feeds.c     what they are fed with
 *   trips.c     what they move                            levels.c    what time alone changes
 *   posted.c    signals from outside          ramps.c     how it starts again
 *   restarts.c  requests to restart, approvals   self_check.c  is a stop possible */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"
#include "core/breaker.h"
#include "core/lasting.h"
#include "core/pace.h"
#include "core/rate.h"
#include "core/switchboard.h"
#include "loop/engine.h"
#include "loop/triggers.h"
#include "policy/facts.h"
#include "policy/input_check.h"
#include "record/digest.h"
#include "record/identity.h"
#include "record/ids.h"
#include "record/incident_view.h"
#include "record/journal.h"
#include "record/label_row.h"
#include "record/notice.h"
#include "record/row.h"
#include "record/tally.h"

enum {
    ENGINE_SCRATCH = 16 * 1024 * 1024,              /* bytes that one event may use */
    ENGINE_UNSAVED_ADMIT = LIMIT_STORE_QUEUE / 2,   /* no admission when more writes are queued */
    ENGINE_UNSAVED_ACT = LIMIT_STORE_QUEUE * 3 / 4, /* nothing but outcomes and stops */
    ENGINE_RELEASE_MS = 50, /* how often what a restart released is looked at again */
    ENGINE_SPARE_ARENAS = 8,
    ENGINE_HOURS = 48 /* of counters kept in memory */
};

/* One action in memory. */
struct entry {
    struct engine *engine;
    struct row row; /* its slices live in `names` */
    char *names;
    char *submit; /* bundle of the submit, and of the frozen request */
    size_t submit_size;
    char *frozen; /* NULL before the first start */
    size_t frozen_size;
    char *outcome; /* bundle of the last outcome, kept while somebody waits */
    size_t outcome_size;
    char *label; /* its row of STORE_LABELS, once it was changed while in memory */
    size_t label_size;
    const struct step *step; /* of the configuration in force; NULL = retired */
    uint64_t epoch_at_start;
    bool has_run;
    unsigned char run_hash[STORE_KEY_SIZE]; /* known while it is new */
    uint32_t unsaved;                       /* writes of it that are not durable */
    bool is_calling;                        /* handed to the upstream port */
    bool is_counted_held;                   /* among the held of its upstream */
    struct ask *ask;                        /* the question under way for it, or NULL */
    char *fact; /* bundle of the newest fresh fact, once it was needed */
    size_t fact_size;
    struct gate_answer gate; /* last answer, for views while it is in memory */
    bool has_gate;
    struct list waiters;
    struct list by_order; /* the ring of those in memory with its order key */
};

/* A caller that waits for an answer. */
struct waiter {
    struct list by_entry, by_deadline;
    struct entry *entry;
    uint64_t handle;
    int64_t deadline_unix_ms;
    bool is_replay, is_stranger, is_late;
    bool is_act;                 /* a person said something: the answer says who, and what */
    char permit[72];             /* token for the creating answer, hex; "" = none */
    enum engine_refusal outcome; /* what it is told: taken, or why not */
    enum refusal refusal;
    struct buf pointer, detail; /* of a refusal; or empty */
    engine_done_fn *done;
    void *arg;
};

/* A write on its way, and what follows when it is durable. */
struct pending {
    struct list link; /* of engine->pendings */
    struct engine *engine;
    struct entry *entry; /* NULL = a control record */
    uint64_t seq;
    bool must_send;
    uint16_t attempt;
    bool ended_attempt; /* receipts move */
    uint64_t epoch_at_start;
    enum action_state state;                /* where the ended attempt left it */
    void (*saved)(struct pending *pending); /* control records: what to do */
    engine_done_fn *done;
    void *arg;
    uint64_t id; /* stop or incident of it */
};

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
    bool may_have_waiting; /* some wait for a free call */
    uint64_t probes;       /* calls that were no action's */
    uint64_t attempts[OUTCOME_COUNT];
    bool is_dirty;
};

struct hour_counts {
    int64_t hour; /* unix hours; 0 = an empty slot */
    bool is_dirty;
    struct tally tally;
};
/* Of one step: what is open now, and for status what came of it by risk class and cause. */
struct step_hour {
    int64_t hour;
    uint64_t degraded[CAUSE_COUNT];
    struct risk_counts risks[LIMIT_RISKS + 1]; /* the last one: normal */
};
struct step_state {
    char name[LIMIT_NAME + 1];
    uint64_t in_review, held;
    uint64_t degraded[CAUSE_COUNT]; /* since the start of the process */
    struct step_hour hours[ENGINE_HOURS];
};
struct workflow_state {
    char name[LIMIT_NAME + 1];
    struct step_state *steps; /* those that had something to count */
    size_t step_count;
    struct hour_counts hours[ENGINE_HOURS];
    uint64_t now[STATE_COUNT];   /* open actions by state */
    uint64_t total[STATE_COUNT]; /* entries into a state since the start of the process */
    uint64_t replays, prevented, refused;
    uint64_t audits;                     /* open ones */
    uint64_t labels[LABEL_USE_COUNT][2]; /* since the start: right, wrong */
    struct label_sum recent;             /* of the last days, as it was read last */
    struct lasting causes[CAUSE_COUNT];  /* how long it lives on the fallbacks of each */
    int64_t overdue_unix_ms;             /* when its people were told last that they are late */
};

struct follower {
    struct list link;
    uint64_t handle;
    void (*on_record)(void *arg, uint64_t seq);
    void *arg;
};

/* An incident that somebody is told of until it is acknowledged or closed. */
struct alert {
    struct list link; /* of engine->alerts */
    uint64_t incident;
    struct ladder ladder;
    char by[LIMIT_NAME + 1]; /* who acknowledged it last */
    struct journal journal;
    struct stop scope; /* of one that no stop made: its scope, as a stop's */
    bool is_closing;   /* its end is on the way to the store */
};

/* What a trigger says that moves nothing. */
struct engine_alarm {
    struct slice workflow, step; /* step: empty = all of it */
    struct slice words;          /* "19 of the last 100 wrong, limit 10 %" */
};

/* A message that is not delivered yet. */
struct outgoing {
    struct list link; /* of engine->outbox, in the order in which they were made */
    struct engine *engine;
    struct notice notice; /* its slices live in bytes */
    char *bytes;
    size_t size;
    uint64_t seq; /* the record that it became durable with */
    bool is_sending;
};

/* What messages are made of, and those made for one write. */
struct notice_draft {
    enum notice_about about;
    uint64_t incident;
    uint8_t rung;
    struct buf line, body, scope;
};
struct notice_batch {
    struct arena arena;
    struct outgoing **items;
    size_t count;
    struct buf names; /* "ana through email, ben through pager" */
};

/* Who notices when interlock is down. */
struct life {
    bool is_asking, was_asked, is_good; /* the last ping */
    int64_t asked_unix_ms, next_unix_ms;
    char what[LIMIT_NOTICE_WHAT];
    int64_t sign_unix_ms; /* the last sign of life in the store */
    int64_t down_ms;      /* how long interlock was not running before this start */
};

/* The stop path, as it was tried last. */
struct self_check {
    struct stop trial; /* the one that was written last */
    bool is_waiting;   /* it is on the way to the store */
    bool is_tried, is_good, is_told_bad;
    int64_t asked_unix_ms, tried_unix_ms, next_unix_ms;
    char what[LIMIT_NOTICE_WHAT]; /* why it does not work */
};

struct engine {
    struct engine_options options;
    struct loaded *loaded;
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
    bool is_releasing;      /* a restart lifted stops: what they held enters the gate */
    uint64_t release_after; /* up to this id it did */
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
    size_t alert_count, outbox_count, sending_count;
    struct list restarts;
    size_t ramp_count; /* of them, how many are ramping */
    struct life life;
    struct self_check self_check;
    struct triggers triggers;
    struct away_list away; /* in away_arena[away_turn] */
    struct arena away_arena[2];
    int away_turn;
    struct buf flag;
    struct buf scratch_buf[5]; /* reused: record, row, bundle, sealed, label row */
    struct arena_pool arenas;  /* first blocks of what one event uses */
    struct buf token_name;     /* of the last token that was looked up in the store */
};

/* ---- engine.c ---- */
int64_t engine_now(struct engine *engine);
uint64_t engine_new_id(struct engine *engine);
static inline const struct config *engine_config(const struct engine *engine)
{
    return engine->loaded->config;
}
void engine_fail(struct engine *engine, const char *why);
/* Sets the alarm to the earliest of what waits. */
void engine_set_alarm(struct engine *engine);

/* ---- entries.c ---- */
struct entry *entry_new(struct engine *engine, const struct row *row);
/* In memory, or fetched from the store; NULL with the reason. */
struct entry *entry_get(struct engine *engine, uint64_t id, enum err *out_err);
/* Only in memory. */
struct entry *entry_peek(struct engine *engine, uint64_t id);
struct entry *entry_by_key(struct engine *engine, const unsigned char hash[STORE_KEY_SIZE]);
/* is_newest: it answers for its key. */
MUST_USE enum err entry_add(struct engine *engine, struct entry *entry, bool is_newest);
/* Forgets it if nothing needs it in memory: sleeping or ended, saved, nobody waits. */
void entry_let_go(struct engine *engine, struct entry *entry);
void entry_free(struct entry *entry);
/* A copy of bytes, by malloc; aborts the engine's promise with ERR_NO_MEMORY. */
MUST_USE enum err entry_keep(char **slot, size_t *slot_size, struct slice bytes);
/* Before the first start: the upstream of the policy in force. */
MUST_USE enum err entry_set_upstream(struct entry *entry, struct slice upstream);
/* Who has its review in hand, and whom it was given to. */
MUST_USE enum err entry_set_review(struct entry *entry, struct slice claimed_by,
                                   struct slice assigned_to);
/* What callers and upstreams said, out of memory: it is erased in the store. */
void entry_forget_values(struct entry *entry);
struct scope entry_scope(const struct entry *entry);
struct scope row_scope(const struct row *row, const struct step *step);
MUST_USE enum err entry_read_submit(struct entry *entry, struct arena *arena,
                                    struct bundle_submit *out);
/* The same, before a person changed it. */
MUST_USE enum err entry_read_as_submitted(struct entry *entry, struct arena *arena,
                                          struct bundle_submit *out);
struct map_key entry_map_key(const unsigned char hash[STORE_KEY_SIZE]);

/* ---- steps.c ---- */
struct step_note { /* what the record says besides the action */
    enum record_kind kind;
    struct slice actor;
    const struct gate_answer *gate;
    const struct action_effects *effects;
    const char *label; /* of the payload; NULL = none */
    struct slice payload;
    struct slice upstream;
    uint16_t attempt;
    int status;
    bool is_admission;     /* keys are written */
    bool is_aside;         /* LATE: it decided nothing (engine_step says so) */
    uint64_t run_replaces; /* action that had the run row */
    uint64_t key_replaces; /* `again`: action that had the key row */
    struct slice subject;
    const struct label_row *label_row; /* its row of STORE_LABELS changes to this */
    bool opens_audit, closes_audit;    /* with label_row */
    enum check_told told;              /* ASKED */
    uint64_t number;
    const uint64_t *erased; /* records whose payloads go with this write (R24) */
    size_t erased_count;
};
/* Queues the write of the entry's new state and its record. must_send etc. follow when saved. */
void engine_save(struct engine *engine, struct entry *entry, const struct step_note *note);
/* The configuration in force, whole, with the record that says so. */
void engine_save_policy(struct engine *engine, struct slice actor, const struct pending *pending);
/* A record about no action: stops, policies, tokens. */
struct control {
    struct record record;         /* its time and digests are filled in */
    const struct store_row *rows; /* the first is the one that the record is about */
    size_t row_count;
    struct slice words; /* bundle_words, or empty */
};
enum { ENGINE_CONTROLS = LIMIT_INCIDENT_STOPS + 2 }; /* of one unit */
/* Queues them as one unit, which a crash cannot part; `pending` is copied. */
void engine_save_controls(struct engine *engine, struct control *controls, size_t count,
                          const struct pending *pending);
void engine_save_control(struct engine *engine, struct control *control,
                         const struct pending *pending);
/* Rows that no record tells of. */
void engine_save_rows(struct engine *engine, const struct store_row *rows, size_t count,
                      const struct pending *pending);
/* One event through the core, with counters and pace; then engine_save if it changed. */
void engine_step(struct engine *engine, struct entry *entry, struct action_event *event,
                 struct step_note *note, struct action_effects *out_effects);
/* Fills now, random, terms, stop, token, room. */
void engine_event(struct engine *engine, struct entry *entry, enum action_event_kind kind,
                  struct action_event *out);
const struct step_terms *engine_terms(const struct entry *entry);

/* So much later in the hours of the installation (R29). */
int64_t engine_due_of(const struct engine *engine, int64_t due_ms);

/* ---- gates.c ---- */
struct gate_work {
    struct arena *scratch;
    bool is_stored;                /* in: already admitted */
    struct slice upstream;         /* in: where it goes */
    const unsigned char *order;    /* in: its order key, or zeros */
    const unsigned char *key_hash; /* in: where it stands in a ramp */
    struct facts_saw saw;
    struct gate_answer answer;
    uint64_t stop_id; /* the first stop that covers it, or 0 */
};
/* Asks the whole gate for an action. */
void engine_ask_gate(struct engine *engine, const struct step *step, const struct action *action,
                     const struct expr_scope *scope, struct gate_work *work);
void engine_provider_key(struct engine *engine, const struct step *step, struct slice key,
                         const struct action *action, struct buf *out);
/* What the expressions of a stored action see. False when its submit cannot be read; the caller
 * gives back *out_input and *out_context in either case. */
bool engine_open_scope(struct entry *entry, struct arena *scratch, struct bundle_submit *submit,
                       struct expr_scope *out, json_t **out_input, json_t **out_context);
/* Feeds EVENT_GATE to a stored action: facts, gate, render, step, save. */
void engine_enter_gate(struct engine *engine, struct entry *entry, bool is_release,
                       struct slice actor);

/* ---- attempts.c ---- */
void engine_send(struct engine *engine, struct entry *entry, uint16_t attempt);
bool engine_may_send(struct engine *engine, const struct entry *entry);
/* The stop that forbids its start as a gate let it go, or NULL. */
const struct stop *engine_forbids(const struct engine *engine, const struct entry *entry);
/* Where an upstream is, with what authorizes us; in the arena. */
MUST_USE enum err engine_endpoint(struct engine *engine, const struct upstream *upstream,
                                  struct arena *scratch, struct upstream_endpoint *out);

/* The stored bundle of an answer; `response` gets its response member. */
void engine_encode_answer(struct engine *engine, const struct upstream_answer *answer,
                          struct buf *response, struct buf *out);

/* ---- asks.c ---- */
/* Puts the question that is due (DUE_CHECK, DUE_FACT), if the upstream has a free call. */
void engine_ask(struct engine *engine, struct entry *entry);
/* R10: a repeat of key and input makes the facts of a waiting action fresh. */
void engine_renew(struct engine *engine, struct entry *entry, struct slice actor);
/* The input as it is by now: with the newest fresh fact. A new reference. */
json_t *engine_fresh_input(struct entry *entry, json_t *input);
MUST_USE enum err engine_view_asks(struct entry *entry, struct arena *arena, struct view *out);
void engine_free_asks(struct engine *engine);

/* ---- timers.c ---- */
void engine_due_at(struct engine *engine, int64_t unix_ms);
void engine_run_due(struct engine *engine);
struct waiter *waiter_add(struct engine *engine, struct entry *entry, int64_t wait_ms,
                          engine_done_fn *done, void *arg);
/* Answers those that need not wait longer. */
void waiters_tell(struct engine *engine, struct entry *entry);
void waiter_answer(struct engine *engine, struct waiter *waiter);
void waiter_free(struct waiter *waiter);
void waiters_run_deadlines(struct engine *engine);

/* ---- order.c ---- */
struct order_work {
    struct arena *scratch;                /* in */
    const struct bundle_request *request; /* in: as rendered */
    unsigned char order[STORE_KEY_SIZE];  /* zeros: it has none */
    struct expr_problem problem;
};
/* The order key of an action that is about to be admitted. False with the problem. */
bool engine_order_key(struct engine *engine, const struct step *step, struct expr_scope *scope,
                      struct order_work *work);
void order_enter(struct engine *engine, struct entry *entry);
void order_leave(struct engine *engine, struct entry *entry);
/* The oldest unended action of the order key, if it is older than id; 0 = none. */
uint64_t engine_order_before(struct engine *engine, const unsigned char order[STORE_KEY_SIZE],
                             uint64_t id);
bool engine_order_is_overtaken(struct engine *engine, const struct entry *entry);
/* `supersede`: what is older and known not to have happened is cancelled. */
void engine_order_admitted(struct engine *engine, struct entry *entry);
/* `supersede`: cancels this one if a newer one is there. */
bool engine_order_gives_way(struct engine *engine, struct entry *entry);
/* A write of it is durable: the next one of its order key may go. */
void engine_order_saved(struct engine *engine, struct entry *entry);
/* Looks at all that is held for its order: after a start, and after a time without room. */
void engine_release_order(struct engine *engine);

/* ---- upstreams.c ---- */
struct upstream_state *engine_upstream(struct engine *engine, struct slice name);
/* A free call, no pause that the upstream asked for, and the rate of its recovery. */
bool engine_may_start(const struct engine *engine, const struct upstream_state *upstream);
/* Is it a read, or does the upstream recognise it when it comes twice? */
bool upstream_recognises(const struct action *action, const struct step_terms *terms);
/* Does the breaker let it through? */
bool upstream_lets(const struct upstream_state *upstream, const struct action *action,
                   const struct step_terms *terms);
/* Makes the states of all upstreams in the configuration; those that exist keep theirs. */
MUST_USE enum err engine_make_flow(struct engine *engine);
/* What one event of an action means for its upstream. Called before the save. */
void engine_flow_after(struct engine *engine, struct entry *entry,
                       const struct action_effects *effects);
/* Something is held for it: a round is planned. */
void upstream_holds(struct engine *engine, struct upstream_state *upstream,
                    const struct action *action);
/* What came of the one call of the half-open breaker. */
void upstream_asked(struct engine *engine, struct upstream_state *upstream,
                    enum upstream_signal signal);
/* Time has passed: half-open, a faster rate, a round. */
void upstream_wake(struct engine *engine, struct upstream_state *upstream);
void upstream_begin_round(struct engine *engine, struct upstream_state *upstream);
void upstream_end_round(struct engine *engine, struct upstream_state *upstream);

/* ---- flow.c ---- */
/* Lets held and waiting work go as far as breaker, rate and room allow; asks whether it is back. */
void engine_run_upstream(struct engine *engine, struct upstream_state *upstream);
void engine_run_upstreams(struct engine *engine);
/* When it wants to be looked at; 0 = never. */
int64_t upstream_alarm_unix_ms(const struct engine *engine, const struct upstream_state *upstream);
void engine_flow_saved(struct engine *engine, const struct entry *entry);
/* After a restart: what was held for the stop enters the gate again. */
void engine_release_stop(struct engine *engine);

/* ---- probe.c ---- */
/* Asks by a call of `breaker: probe`, or by a connection alone. */
void engine_probe(struct engine *engine, struct upstream_state *upstream, bool is_connect);
void engine_probes_free(struct engine *engine);

/* ---- counts.c ---- */
struct workflow_state *engine_workflow(struct engine *engine, struct slice name);
/* Of the step, now. */
uint64_t engine_open_reviews(struct engine *engine, const struct step *step);
/* How many reviews and held actions its step has open besides it (capacities of fallbacks). */
void engine_open_of_step(struct engine *engine, const struct entry *entry,
                         struct action_event *out);
/* The start: an action that is stored and open. */
void engine_count_open(struct engine *engine, const struct row *row);
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

/* ---- audit.c ---- */
struct audit_rows {
    struct store_row rows[2];
    size_t count;
    unsigned char label_key[LABEL_ROW_KEY], audit_key[AUDIT_ROW_KEY];
};
/* The audit that the end of this action opens; false = none. */
bool engine_audit_open(struct engine *engine, const struct entry *entry, struct label_row *out);
/* What goes with the record engine->seq; the rows point into out and into the engine. */
void engine_audit_rows(struct engine *engine, struct entry *entry, const struct step_note *note,
                       struct record *record, struct audit_rows *out);
void engine_audit_count(struct engine *engine, struct workflow_state *workflow, int change,
                        int64_t due_unix_ms);
/* ENGINE_LABEL; false: refused, and told. */
bool engine_label(struct engine *engine, const struct engine_call *call, struct entry *entry);
void engine_run_audits(struct engine *engine);
MUST_USE enum err engine_recover_audits(struct engine *engine);
enum err engine_label_of(void *impl, uint64_t action, struct arena *arena, struct label_row *out);
/* Open audits after that place, in the order of the inbox. *inout_count: capacity. */
struct audit_place {
    int64_t due_unix_ms;
    uint64_t action;
};
MUST_USE enum err engine_audits(struct engine *engine, struct audit_place after,
                                struct slice workflow, struct audit_place *out,
                                size_t *inout_count);
enum err engine_label_sums(void *impl, int64_t since_unix_ms, label_sum_fn *each, void *arg);

/* ---- erase.c ---- */
/* ENGINE_ERASE; REFUSAL_NONE: it is on its way to the store. */
enum refusal engine_erase(struct engine *engine, const struct engine_call *call,
                          struct entry *entry);
void engine_run_retain(struct engine *engine);

/* ---- views.c ---- */
MUST_USE enum err engine_fill_view(struct engine *engine, struct entry *entry, struct arena *arena,
                                   struct view *out);
/* The newest records of it, at most that many. */
MUST_USE enum err engine_fill_history(struct engine *engine, const struct entry *entry, size_t max,
                                      struct arena *arena, struct view *out);
enum err engine_view(void *impl, uint64_t id, bool with_history, struct arena *arena,
                     struct view *out);
void engine_port_reads(struct engine_port *port);

/* ---- inbox.c ---- */
enum err engine_inbox(void *impl, const struct engine_inbox_query *query, struct arena *arena,
                      struct inbox_item *out_items, struct engine_inbox_page *out_page);

/* The scope of an action from what was submitted. false: it cannot be read. */
bool engine_submit_scope(struct entry *entry, const struct bundle_submit *submit,
                         struct expr_scope *out, json_t **out_input, json_t **out_context);
/* The request as this action (its revision counts) would send it, and its digest. */
bool engine_render_request(struct entry *entry, const struct action *action,
                           struct expr_scope *scope, struct arena *scratch, struct buf *out_frozen);

/* ---- people.c, for reviews.c and audit.c ---- */
/* Tells how the action stands: why it was not taken; or, when all of it is durable, as it is. */
void act_refuse(struct engine *engine, const struct engine_call *call, struct entry *entry,
                enum refusal refusal);
void act_answer(struct engine *engine, const struct engine_call *call, struct entry *entry);
/* Says so at once when what is written by now is durable, whatever the action does meanwhile. A
 * refusal has its pointer and detail, or neither. */
void act_tell(struct engine *engine, const struct engine_call *call, struct entry *entry,
              const struct engine_reply *reply);
/* A record beside the state, with the person's words. */
void act_record(struct engine *engine, const struct engine_call *call, struct entry *entry,
                struct step_note note);
/* The same, and why it was not taken is recorded first. */
void act_tell_recorded(struct engine *engine, const struct engine_call *call, struct entry *entry,
                       enum refusal refusal, const struct engine_reply *reply);
void act_refuse_recorded(struct engine *engine, const struct engine_call *call, struct entry *entry,
                         enum refusal refusal);
/* A person's words as a payload; nothing when there are none. */
void act_words(const struct engine_call *call, struct buf *out);

/* ---- reviews.c ---- */
void engine_act_review(struct engine *engine, const struct engine_call *call, struct entry *entry);

/* ---- submit.c, people.c, stops.c, admin.c ---- */
uint64_t engine_submit(void *impl, const struct engine_submit *submit);
void engine_submit_again(struct engine *engine, struct entry *entry,
                         const struct engine_call *call);
void engine_act(void *impl, const struct engine_call *call);
void engine_forget(void *impl, uint64_t handle);
void engine_port_stops(struct engine_port *port);
void engine_port_admin(struct engine_port *port);
/* Puts a stop in force, and saves it. acknowledge: what follows when it is durable (its id is
 * filled in), or NULL. NULL: LIMIT_STOPS. The pointer is good until the next stop. */
const struct stop *engine_stop(struct engine *engine, struct slice by,
                               const struct stop_order *order, const struct pending *acknowledge);
void engine_receipts(struct engine *engine, const struct pending *pending);
/* Its first stop in force; else one that is lifted; NULL: none that is in memory. */
struct stop *engine_incident_stop(struct engine *engine, uint64_t incident);
/* All stops of an incident change alike, in one unit with the record `about` it. LIFTED also closes
 * the incident, and counts when it is durable; the others count at once. */
struct stops_change {
    uint64_t incident;
    enum stops_to { STOPS_BOUND, STOPS_RAMPING, STOPS_LIFTED } to;
    bool is_approval;
    struct slice actor, reason;
    const struct control *about;
};
void engine_change_stops(struct engine *engine, const struct stops_change *change,
                         const struct pending *pending);
/* What a person said with that record; or empty. */
struct slice engine_words(struct engine *engine, uint64_t seq, struct arena *arena);
MUST_USE enum err engine_load_stops(struct engine *engine);
/* Why it was stopped, as somebody said; or empty. */
struct slice engine_stop_reason(struct engine *engine, const struct stop *stop,
                                struct arena *arena);
/* For calls that nobody waits for. */
void engine_ignore(void *arg, const struct engine_reply *reply);
/* Replies with no view. */
void engine_refuse(engine_done_fn *done, void *arg, enum engine_refusal outcome,
                   const char *detail);

/* ---- away.c ---- */
MUST_USE enum err engine_load_away(struct engine *engine);
void engine_port_away(struct engine_port *port);

/* ---- recover.c ---- */
MUST_USE enum err engine_recover(struct engine *engine, struct buf *out_message);

/* ---- alerts.c ---- */
/* `alert` of a trigger: somebody is told, until somebody answers. */
void engine_alarm(struct engine *engine, const struct engine_alarm *alarm);
/* An incident that no stop makes, with its journal and its first messages in one write; why: in
 * words, or empty. NULL: LIMIT_ALERTS, or the store has no room. */
struct alert *engine_alert_begin(struct engine *engine, const struct journal *journal,
                                 struct slice why);
/* Its end, with what is told of it: "15:10 · 409 sent by 15:19". */
void engine_alert_end(struct engine *engine, struct alert *alert, struct slice by,
                      struct slice words);
/* Its journal changed: saved with the record that says so, whose words go into its payload. */
void engine_alert_save(struct engine *engine, struct alert *alert, const struct record *record,
                       struct slice words, const struct pending *pending);
/* The open incident, or NULL. */
struct alert *engine_alert_find(struct engine *engine, uint64_t incident);
enum { ALERT_PEOPLE = 256 }; /* told by one rung */
struct alert_people {
    const struct person *people[ALERT_PEOPLE];
    size_t count;
};
/* alert_people.c: the people of some levels, each once. */
void engine_alert_people(const struct engine *engine, const struct journal *journal,
                         unsigned levels, struct alert_people *out);
/* Whoever is to inform others is told once more. */
void engine_alert_remind(struct engine *engine, struct alert *alert);
const struct duties *engine_alert_duties(const struct engine *engine,
                                         const struct journal *journal);
/* Right after the writes of the stop and of its incident; the same for its end. */
void engine_alert_open(struct engine *engine, const struct stop *stop, struct slice reason);
void engine_alert_close(struct engine *engine, const struct stop *stop, struct slice by,
                        struct slice reason);
/* A message of that rung failed for good. */
void engine_alert_lost(struct engine *engine, uint64_t incident, uint8_t rung);
void engine_run_alerts(struct engine *engine);
/* The incidents that nobody answers for, as text. */
void engine_add_unanswered(struct engine *engine, struct buf *out);
MUST_USE enum err engine_load_alerts(struct engine *engine);
void engine_alerts_done(struct engine *engine);
void engine_port_alerts(struct engine_port *port);
/* stops.c */
MUST_USE enum err engine_read_incident(struct engine *engine, uint64_t id, struct arena *arena,
                                       struct engine_incident *out);
const struct stop *engine_read_stop(struct engine *engine, uint64_t id, struct arena *arena);

/* ---- journals.c ---- */
/* What is counted and who is named as it opens; its names and times are there. */
void engine_journal_open(struct engine *engine, struct journal *journal);
/* What the workflows of its scope count, from the hour of its opening on. */
void engine_journal_tally(struct engine *engine, const struct journal *journal, struct tally *out);
/* The same since it opened: without what that hour had counted before. */
void engine_journal_since(const struct journal *journal, struct tally *inout_tally);
bool engine_journal_covers(const struct engine *engine, const struct journal *journal,
                           struct slice workflow);
/* Of one that is closed, too; ERR_NOT_FOUND. */
MUST_USE enum err engine_read_journal(struct engine *engine, uint64_t incident,
                                      struct journal *out);
void engine_run_journals(struct engine *engine);
/* Why, of one that no stop made: what lasts, or what the trigger said. */
struct slice engine_alert_why(struct engine *engine, const struct alert *alert,
                              struct arena *arena);
void engine_port_journals(struct engine_port *port);

/* ---- plans.c ---- */
void engine_port_plans(struct engine_port *port);

/* ---- troubles.c ---- */
/* What lasts becomes an incident; what is over closes it. */
void engine_run_troubles(struct engine *engine);
/* An action ended: by a fallback of that cause, or by none. */
void engine_trouble_ended(struct engine *engine, const struct row *row);
/* The start: an open incident of the last run. */
void engine_trouble_loaded(struct engine *engine, const struct journal *journal);

/* ---- changes.c ---- */
/* What is different about the actions that went wrong before it opened. */
MUST_USE enum err engine_find_changes(struct engine *engine, struct arena *arena,
                                      struct incident_view *view);

/* ---- notices.c ---- */
void notice_draft_init(struct notice_draft *draft);
void notice_draft_done(struct notice_draft *draft);
void notice_batch_init(struct notice_batch *batch);
void notice_batch_done(struct notice_batch *batch);
/* A message to each; those of a channel that speaks to a room are one. Returns how many. */
size_t notice_batch_add(struct engine *engine, struct notice_batch *batch,
                        const struct notice_draft *draft, const struct person *const *people,
                        size_t people_count);
/* A message to each who was told of the incident before. */
void notice_batch_add_told(struct engine *engine, struct notice_batch *batch,
                           const struct notice_draft *draft);
struct slice notice_batch_names(const struct notice_batch *batch);
/* Room for batch->count rows. */
void notice_batch_rows(struct notice_batch *batch, struct store_row *out_rows);
/* Their write is queued: they are sent when it is durable. */
void notice_batch_saved(struct engine *engine, struct notice_batch *batch);
/* Sends what is durable and due. */
void engine_send_notices(struct engine *engine);
enum err engine_list_notices(void *impl, uint64_t incident, struct arena *arena,
                             struct notice *out_notices, size_t *out_count);
MUST_USE enum err engine_load_notices(struct engine *engine);
void engine_notices_done(struct engine *engine);

/* ---- self_check.c ---- */
/* Tries the stop path when it is time. */
void engine_run_self_check(struct engine *engine);
/* What is known of it now; its words live in the arena. */
struct stop_check engine_view_self_check(const struct engine *engine, struct arena *arena);

/* ---- watchdog.c ---- */
void engine_run_watchdog(struct engine *engine);
MUST_USE enum err engine_load_life(struct engine *engine);
/* The end is a sign of life, too. */
void engine_save_life(struct engine *engine);
