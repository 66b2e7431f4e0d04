/* loop/triggers.h - the triggers of the configuration in force, and what each has counted.
 * Owns: struct triggers. slots.c makes, keeps and saves them (R22); feeds.c tests starts and takes
 *   events; trips.c moves the switch; levels.c looks at what time alone changes; posted.c takes
 *   signals from outside.
 * Invariants:
 *   I13 a first start is tested before it happens; what crosses trips in the same turn, before
 *       anything else can start.
 *   1.  A trigger's row is written with the event that moved it; after a crash its count is whole.
 *   2.  A crossing whose stop was not saved is carried out at the next start, before anything. */
#pragma once
#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "core/audit.h"
#include "core/switchboard.h"
#include "policy/expr.h"
#include "policy/types.h"
#include "port/store.h"
#include "record/digest.h"
#include "record/trigger_row.h"
#include "record/trip_text.h"

struct engine;
struct engine_port;
struct entry;
struct step_note;

enum {
    TRIGGER_SIGHT_MS = 60 * 1000, /* how often levels are looked at */
    TRIGGER_ROWS_SPARE = 2        /* other rows of the same write */
};

struct trigger_slot {
    const struct trigger *trigger;
    const struct workflow *workflow;
    struct trigger_terms terms; /* of it; in observe a trigger moves nothing */
    unsigned char key[DIGEST_SHORT];
    unsigned char counts[DIGEST_SHORT]; /* what it counts, whatever its limit, window and move */
    struct trigger_row row;
    char label[LIMIT_NAME * 3 + 4]; /* row.name: its name, step and class */
    bool is_dirty;                  /* the stored row is older */
    bool warns, clears, is_calm;    /* what its last event asks for: trips.c does it */
    bool is_rebuilding;             /* what it has counted is made again from what is stored */
};

/* A row by a keyed hash: starts towards a recipient, or a posted signal. */
struct trigger_memo {
    struct list link; /* of memos, oldest use first */
    enum store_table table;
    unsigned char key[DIGEST_SHORT + STORE_KEY_SIZE]; /* of a signal: without the first part */
    size_t key_size;
    struct repeat_state state;
    bool is_dirty;
    uint64_t submit; /* the write it went with; it is kept until that is durable */
};

/* What the start under test counts, where. */
struct trigger_start {
    uint64_t action;
    struct trigger_start_item {
        uint32_t slot;
        int64_t amount;
        bool has_memo;
        int64_t repeats, began_unix_ms; /* has_memo: starts so far, this one too; the first */
        unsigned char memo[STORE_KEY_SIZE];
    } * items;
    size_t count, capacity;
};

/* Of one step, by signal: slots of `order` from first[signal] to first[signal + 1]. */
struct step_feeds {
    uint32_t first[SIGNAL_COUNT + 1];
};

struct triggers {
    struct trigger_slot *slots;
    size_t count;
    struct step_feeds *feeds; /* of each step of the configuration */
    size_t *feeds_of;         /* of each workflow: its first step among them */
    uint32_t *order;
    uint32_t *dirty; /* slots whose stored row is older */
    size_t dirty_count, dirty_memos;
    bool has_due, is_in_work;
    struct trigger_start start;
    struct map memo_map;
    struct list memos;
    size_t memo_count;
    int64_t sight_unix_ms; /* when levels are looked at next */
    int64_t sweep_unix_ms;
    int sweep_table; /* of the two tables that are swept: which, and how far */
    unsigned char sweep_after[DIGEST_SHORT + STORE_KEY_SIZE];
    size_t sweep_after_size;
    uint64_t trips, alarms;              /* since the process started */
    unsigned char (*gone)[DIGEST_SHORT]; /* rows that go with the next write */
    size_t gone_count;
    struct store_row *rows; /* reused: those of one write */
    size_t row_capacity;
    struct buf bytes;
};

/* ---- slots.c ---- */
/* Of the configuration in force; those that it had before keep what they have counted. */
MUST_USE enum err engine_make_triggers(struct engine *engine);
MUST_USE enum err engine_load_triggers(struct engine *engine);
void engine_triggers_done(struct engine *engine);
/* So much of the time passed without anybody listening: no silence (R29). */
void engine_forgive_silence(struct engine *engine, int64_t ms);
/* Its row goes with the next write. */
void slot_is_moved(struct engine *engine, struct trigger_slot *slot);
/* What has moved since the last write, with room for TRIGGER_ROWS_SPARE more; good until the next
 * call. */
struct store_row *engine_trigger_rows(struct engine *engine, size_t *out_count);
/* What has moved and goes with no other write is written by itself. */
void engine_save_triggers(struct engine *engine);
/* The triggers of that signal that a step feeds, as numbers of slots. */
const uint32_t *engine_feeds(const struct engine *engine, const struct step *step,
                             enum signal signal, size_t *out_count);
bool slot_takes_risk(const struct trigger_slot *slot, const struct step *step, uint8_t risk);
struct scope slot_scope(const struct trigger_slot *slot);

/* ---- feeds.c ---- */
struct start_question {
    const struct step *step;
    const struct action *action;
    const struct expr_scope *scope;
    struct arena *scratch;
    uint8_t risk;
};
enum start_says {
    START_CANNOT_TELL, /* what `sum` or `repeat` need cannot be made of its input */
    START_TRIPPED,     /* it would exceed a limit: a position is in force now */
    START_MAY
};
/* I13: before a first start. Nothing is counted. */
enum start_says engine_test_start(struct engine *engine, const struct start_question *question);
/* What one event of an action tells its triggers. Called before the save. */
void engine_feed_step(struct engine *engine, const struct entry *entry, const struct action *before,
                      const struct action_event *event, const struct step_note *note);
void engine_feed_label(struct engine *engine, const struct entry *entry,
                       const struct label_event *event, enum label_use use);
/* The review boost (R21): while `misclassified` is near its limit every action is drawn. */
bool engine_draws_all(const struct engine *engine, const struct step *step);
void slot_feed(struct engine *engine, struct trigger_slot *slot, struct trigger_event event);
/* The row of that key, whose last STORE_KEY_SIZE bytes are a keyed hash. NULL: the engine failed.
 */
struct trigger_memo *engine_memo(struct engine *engine, enum store_table table, struct slice key);
bool engine_has_memo(const struct engine *engine, struct slice key);
void memo_is_moved(struct engine *engine, struct trigger_memo *memo);

/* ---- rebuild.c ---- */
/* Each slot that is rebuilding and counts labels: from those that are stored. */
MUST_USE enum err engine_rebuild_triggers(struct engine *engine);
/* R21: the first label of that action, which came then, is right from now on, at each slot that is
 * rebuilding: its test is what the whole sequence makes. */
void engine_take_back_label(struct engine *engine, uint64_t action, int64_t first_label_unix_ms);
/* Before a label of that action is counted. */
void slot_note_sample(struct trigger_slot *slot, uint64_t action);

/* ---- trips.c ---- */
/* Where it moves the switch; caution also for an alert, which does not. */
enum position trip_position(enum trigger_move move);
/* Carries out what has crossed, warned or cleared. */
void engine_run_trips(struct engine *engine);
/* A restart of that scope is in force: what is within it counts anew. */
void engine_triggers_restarted(struct engine *engine, const struct scope *scope);
void slot_trip(const struct trigger_slot *slot, const struct trigger_answer *answer,
               struct trip *out);

/* ---- levels.c ---- */
/* Once in TRIGGER_SIGHT_MS: levels, and windows that time alone makes normal. */
void engine_run_triggers(struct engine *engine);
/* What it watches, as it is now. */
void slot_look(struct engine *engine, struct trigger_slot *slot);
/* What is held or in review of its step has changed. */
void engine_see_backlog(struct engine *engine, const struct step *step);
/* Something came from a step (`silent`). */
void engine_saw(struct engine *engine, const struct step *step);
void slot_saw(struct engine *engine, struct trigger_slot *slot);

/* ---- posted.c ---- */
void engine_port_triggers(struct engine_port *port);
