/* port/store.h - what any durable store must do; tests/contract proves each one alike.
 * Owns: the shape of what is durable. The bytes of records and rows belong to record/.
 *
 * A store holds
 *   records   seq -> body, chained by SHA-256(previous hash ‖ seq as 8 bytes big-endian ‖ body);
 *             the hash before record 1 is 32 zero bytes
 *   payloads  seq of the record that brought it -> bytes (salt ‖ value); erasable
 *   actions   id -> row; in one of two places: open (not ended, or people are asked about its
 *             end; with its queue, due time and frozen request) or ended
 *   keys      16-byte hash -> action id and fingerprint (R26); business runs use the same table
 *   rows      small named tables: (table, key) -> value
 *   seals     for keys and for each small table: a sum over what stands in it, of the same moment
 *
 * Invariants:
 *   1. A write is all or nothing, writes are durable in the order of submit, and done is told in
 *      that order: when a write is saved all before it are.
 *   2. Sequence numbers come from the caller and must follow the head without a gap; any other
 *      one is a bug (CHECK).
 *   3. A key that belongs to another action: the store goes to STORE_FAILED with ERR_CONFLICT
 *      (on one node the lock makes this impossible); nothing of that submit is stored, and all that
 *      was submitted before it is. keys[].replaces names the action that a key may be taken from
 *      (`again`, runs).
 *   4. No space: nothing is lost; the batch waits and is tried again (state STORE_FULL) until it
 *      is saved. Any other error: STORE_FAILED for good, done is never told.
 *   5. Reads see every write whose done was told, and perhaps later ones.
 *   6. One process at a time: opening a folder that is in use is ERR_LOCKED (R27).
 * Threads: submit and all reads on the loop thread; done on the loop thread. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { STORE_HASH_SIZE = 32, STORE_KEY_SIZE = 16, STORE_SUM_SIZE = 8 };

enum store_table {
    STORE_META,      /* installation id, incarnation, key check, counters, whose ids are */
    STORE_POLICIES,  /* version id -> the whole text of one loaded configuration */
    STORE_STOPS,     /* stop id -> row */
    STORE_INCIDENTS, /* incident id -> row */
    STORE_TOKENS,    /* token hash -> row */
    STORE_COUNTS,    /* workflow/hour, /step/workflow/step/hour -> counters */
    STORE_UPSTREAMS, /* upstream name -> retry budget, pause (R30) */
    STORE_AUDITS,    /* due time, action id (8 bytes each, big-endian) -> workflow; open ones */
    STORE_LABELS,    /* action id (8 bytes, big-endian) -> its draw and labels */
    STORE_LADDERS,   /* incident id -> who is told next, and who has acknowledged */
    STORE_NOTICES,   /* messages to people: those that wait, and what became of the others */
    STORE_AWAY,      /* person -> until when they are away, and who acts in their place */
    STORE_JOURNALS,  /* incident id -> its journal; behind it the records that are about it */
    STORE_PLANS,     /* workflow -> who signed which facts of its plan */
    STORE_TRIGGERS, /* SHA-256 of workflow and definition (16 bytes) -> what it has counted (R22) */
    STORE_REPEATS,  /* that key, keyed hash of a recipient (16 bytes) -> starts towards it */
    STORE_SIGNALS,  /* keyed hash of workflow and id (16 bytes) -> when the signal was posted */
    STORE_RESTARTS, /* incident id -> who asked to restart it, who approved, and its ramp */
    STORE_UNDONE, /* workflow -> what ended undone and nobody was told of; /workflow/time -> who was
                   */
    STORE_TABLE_COUNT
};

/* What stands in a table, as the store has written it (record/seal.h): first of the keys, then of
 * each table of rows. */
#define STORE_SEAL_ROWS(table) (1 + (table))
enum { STORE_SEAL_KEYS, STORE_SEAL_COUNT = 1 + STORE_TABLE_COUNT, STORE_SEAL_LANES = 4 };
struct store_seal {
    uint64_t rows;
    uint64_t changes; /* ever; the same as before: nothing was written meanwhile */
    uint64_t sum[STORE_SEAL_LANES];
};
/* What is stored beside the head, all of one moment. */
struct store_seals {
    uint64_t seq; /* of the last record */
    uint64_t open_actions, ended_actions;
    uint64_t run_epoch; /* openings so far; UINT64_MAX = the store counts none */
    struct store_seal of[STORE_SEAL_COUNT];
};

/* Where an open action waits; the index of the safe queue. */
enum store_queue {
    STORE_QUEUE_NONE,          /* attempting, or only a due time (a retry, a check) */
    STORE_QUEUE_HELD_STOP,     /* held by a stop */
    STORE_QUEUE_HELD_UPSTREAM, /* held until its upstream answers again */
    STORE_QUEUE_HELD_OTHER,
    STORE_QUEUE_PEOPLE,     /* in review, uncertain without a check, or contradicted (R14) */
    STORE_QUEUE_HELD_ORDER, /* held until an older action of its order key has ended (R11) */
    STORE_QUEUE_COUNT
};

struct store_key {
    unsigned char hash[STORE_KEY_SIZE];
    unsigned char fingerprint[STORE_KEY_SIZE];
    uint64_t action;
    uint64_t replaces; /* 0 = must be new */
};

struct store_row {
    enum store_table table;
    struct slice key;
    struct slice value;
    bool is_removed;
    unsigned char sum[STORE_SUM_SIZE]; /* list_rows: first bytes of seal_row, when it was written */
};

/* One record and all that it changes. */
struct store_write {
    uint64_t seq; /* of the record; 0 = no record (counters, budgets) */
    struct slice record;
    struct slice payload; /* empty = none */
    uint64_t action;      /* 0 = no action changes */
    bool is_ended;        /* the row goes to ended, and leaves open */
    struct slice row;
    struct slice frozen;        /* open only; empty = keep what is there */
    enum store_queue queue;     /* open only */
    int64_t due_unix_ms;        /* open only; 0 = none */
    int64_t people_due_unix_ms; /* open only, STORE_QUEUE_PEOPLE: by when somebody should act */
    struct slice scope;         /* open only: "workflow/step" */
    struct slice upstream;      /* open only: name, for HELD_UPSTREAM */
    struct slice order;         /* open only: order key; empty = none, or keep what is there */
    const struct store_key *keys;
    size_t key_count;
    const struct store_row *rows;
    size_t row_count;
    /* Records whose payloads go with this write, for good (R24); one that has none is no error. */
    const uint64_t *erased;
    size_t erased_count;
};

/* Told once for each submit, with its ticket: submits are counted from 1 when the store opens. All
 * through this one are durable, and head() has moved at least so far. */
typedef void store_done_fn(void *arg, uint64_t through);

enum store_state { STORE_OK, STORE_FULL, STORE_FAILED };

struct store_action {
    uint64_t id;
    bool is_ended;
    struct slice row;
    struct slice frozen; /* open only */
    enum store_queue queue;
    int64_t due_unix_ms;
    int64_t people_due_unix_ms;
    struct slice scope, upstream, order; /* open only */
};
struct store_record {
    uint64_t seq;
    struct slice body;
    unsigned char hash[STORE_HASH_SIZE];
};

/* A page of open actions: all that match, in ascending order of id (or of due time for by_due and
 * by_people_due), after `after_id`. */
struct store_open_query {
    bool by_due; /* those with 0 < due <= due_until, earliest first */
    int64_t due_until_unix_ms;
    /* Those of STORE_QUEUE_PEOPLE, earliest people_due first; not with by_due. */
    bool by_people_due;
    bool has_queue;
    enum store_queue queue;
    struct slice scope;    /* prefix "workflow/" or whole "workflow/step"; empty = any */
    struct slice upstream; /* empty = any */
    bool is_of_upstream;   /* empty = those that go to none */
    struct slice order;    /* order key; empty = any; alone, or with after_id */
    uint64_t after_id;
    int64_t after_due_unix_ms; /* by_due, by_people_due: that time of after_id, the last one of the
                                * page before */
    size_t limit;              /* <= LIMIT_PAGE */
};

struct store_counts {
    uint64_t records, batches, open_actions, ended_actions;
    uint64_t disk_bytes, disk_free_bytes;
};

struct store_port {
    void *impl;
    /* Queues the writes as one unit: all of them in one transaction (perhaps with others).
     * Copies what it needs. ERR_BUSY when the queue is full (LIMIT_STORE_QUEUE submits, or
     * LIMIT_STORE_QUEUE_BYTES, whose done was not told yet): nothing was taken. After STORE_FAILED
     * its reason; ERR_DENIED when the store was opened only to be read.
     * done: later, on the loop thread, in order. It may submit again. done may be NULL. */
    enum err (*submit)(void *impl, const struct store_write *writes, size_t count,
                       store_done_fn *done, void *arg);
    enum store_state (*state)(void *impl, enum err *out_why); /* out_why: ERR_OK while STORE_OK */
    /* changed is called on the loop thread after state() has changed. One watcher; NULL ends it. */
    void (*watch)(void *impl, void (*changed)(void *arg), void *arg);
    /* Head of what is durable. */
    void (*head)(void *impl, uint64_t *out_seq, unsigned char out_hash[STORE_HASH_SIZE]);
    void (*counts)(void *impl, struct store_counts *out_counts);

    /* Reads. Bytes live in the arena. ERR_NOT_FOUND where there is none; ERR_IO, ERR_CORRUPT. */
    enum err (*get_action)(void *impl, uint64_t id, struct arena *arena, struct store_action *out);
    enum err (*get_key)(void *impl, const unsigned char hash[STORE_KEY_SIZE],
                        struct store_key *out);
    enum err (*get_record)(void *impl, uint64_t seq, struct arena *arena, struct store_record *out);
    enum err (*get_payload)(void *impl, uint64_t seq, struct arena *arena, struct slice *out);
    enum err (*get_row)(void *impl, enum store_table table, struct slice key, struct arena *arena,
                        struct slice *out_value);
    /* Pages: out has room for limit; *out_count tells how many. */
    enum err (*list_open)(void *impl, const struct store_open_query *query, struct arena *arena,
                          struct store_action *out, size_t *out_count);
    /* Ended and open actions, newest first, with id < before (0 = from the newest). */
    enum err (*list_actions)(void *impl, uint64_t before, size_t limit, struct arena *arena,
                             struct store_action *out, size_t *out_count);
    enum err (*list_records)(void *impl, uint64_t from_seq, size_t limit, struct arena *arena,
                             struct store_record *out, size_t *out_count);
    /* Ascending hashes, hash > after (NULL = from the first). */
    enum err (*list_keys)(void *impl, const unsigned char after[STORE_KEY_SIZE], size_t limit,
                          struct store_key *out, size_t *out_count);
    /* Ascending keys, key > after (empty = from the first). */
    enum err (*list_rows)(void *impl, enum store_table table, struct slice after, size_t limit,
                          struct arena *arena, struct store_row *out, size_t *out_count);
    /* ERR_CORRUPT: the sums are damaged; the rest of *out is good. */
    enum err (*get_seals)(void *impl, struct store_seals *out);
    /* Reads may be held at one moment until the loop waits again, and as long no checkpoint gets
     * past it. Who reads much in one turn lets go in between. */
    void (*let_go)(void *impl);
    /* Is what lies below the rows whole, as far as the store can say? A sentence a line for what is
     * not. It may take long: only for a store that nobody serves. */
    enum err (*examine)(void *impl, struct buf *out_found);
    /* Like store_write.erased, one payload at once; ERR_NOT_FOUND where there is none. */
    enum err (*erase_payload)(void *impl, uint64_t seq);
    /* Writes a consistent copy to a new file at path while running; the copy is marked as one.
     * It holds at least all that was told when it was asked for. done is told on the loop thread,
     * only if ERR_OK is returned here. ERR_CONFLICT: the file exists; ERR_BUSY: a backup is
     * running; ERR_INVALID: a store without files. */
    enum err (*backup)(void *impl, struct slice path, void (*done)(void *arg, enum err err),
                       void *arg);
};
