/* loop/steps.h - one event of one action, and every write to the store.
 * Owns: the order of writes (steps.c): what is queued, and what follows when it is durable.
 * Invariants:
 *   I1  an attempt is sent only in the callback of its saved start.
 *   1. Controls of one unit are durable together, or none of them is. */
#pragma once
#include "base/list.h"
#include "core/action.h"
#include "port/engine.h"
#include "port/store.h"
#include "record/record.h"

struct engine;
struct entry;
struct label_row;

/* A write on its way, and what follows when it is durable. */
struct pending {
    struct list link; /* of engine->pendings */
    struct engine *engine;
    struct entry *entry; /* NULL = a control record */
    uint64_t seq;
    bool must_send;
    uint16_t attempt;
    bool ended_attempt; /* receipts move */
    uint64_t epoch_at_start, epoch_at_end;
    char upstream[LIMIT_NAME + 1]; /* where it was: the action may be elsewhere by now */
    uint32_t risk_id;
    enum action_state state;                /* where the ended attempt left it */
    void (*saved)(struct pending *pending); /* control records: what to do */
    engine_done_fn *done;
    void *arg;
    uint64_t id; /* stop or incident of it */
};

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
/* One of them alone. */
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
/* Of the configuration in force; of a retired step the careful ones. Never NULL. */
const struct step_terms *engine_terms(const struct entry *entry);
/* Hours and time zone of the installation in force. */
struct calendar engine_calendar(const struct engine *engine);
/* So much later in the hours of the installation (R29). */
int64_t engine_due_of(const struct engine *engine, int64_t due_ms);
