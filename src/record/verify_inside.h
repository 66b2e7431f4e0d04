/* record/verify_inside.h - what the parts of verify share; see verify.h.
 * Owns: the memory of a run. */
#pragma once
#include "base/arena.h"
#include "record/record.h"
#include "record/row.h"
#include "record/verify.h"

enum verify_phase {
    VERIFY_AT_RECORDS,
    VERIFY_AT_ACTIONS,
    VERIFY_AT_UNSEEN, /* and the counters of the store */
    VERIFY_AT_KEYS,
    VERIFY_AT_TABLES,
    VERIFY_AT_FILE,
    VERIFY_AT_END
};

/* Flags in the upper byte of last_seq; sequence numbers never get there. */
#define VERIFY_ROW_SEEN ((uint64_t)1 << 63)
#define VERIFY_PAYLOAD_GONE ((uint64_t)1 << 62)
#define VERIFY_LABELLED ((uint64_t)1 << 60) /* a record made a row of labels for it */
#define VERIFY_TELLS ((uint64_t)1 << 59)    /* it ended undone, and somebody is told of it */
#define VERIFY_SEQ_MASK (((uint64_t)1 << 56) - 1)

/* Do the rows that were seen fit the sum of their table? UNKNOWN: it was written meanwhile, or its
 * sum is damaged. */
enum verify_seal { VERIFY_SEAL_UNKNOWN, VERIFY_SEAL_DIFFERS, VERIFY_SEAL_FITS };

/* Invariant 3: in order of id. */
struct verify_action {
    uint64_t id, first_seq, last_seq;
};
static_assert(sizeof(struct verify_action) == 24, "a million actions in 24 MB");

/* A stop or an incident and its newest record; or a row that a record made (tokens). */
struct verify_thing {
    uint64_t id;
    uint64_t seq;
    bool is_seen;
    unsigned char row[RECORD_DIGEST];
};
struct verify_things {
    struct verify_thing *items;
    size_t count, capacity;
};

struct verify {
    const struct store_port *store;
    struct verify_options options;
    enum verify_phase phase;
    struct arena page;  /* of one step */
    struct arena texts; /* findings */
    uint64_t head_seq;  /* at the start */
    unsigned char head_hash[STORE_HASH_SIZE];

    uint64_t next_seq;
    unsigned char previous[STORE_HASH_SIZE]; /* hash of the record before next_seq */
    struct verify_action *actions;
    size_t action_count, action_capacity;
    struct verify_things stops, incidents, tokens;
    struct verify_things asked, approved, rejected; /* restarts, by incident */
    struct verify_things away, plans; /* by verify_name_id() of the person, of the workflow */
    struct verify_things untold; /* by name of the workflow; seq: how many nobody was told of */
    uint64_t run_epoch;          /* of the newest start */

    uint64_t before; /* cursor of actions */
    unsigned char after_key[STORE_KEY_SIZE];
    bool has_after_key;
    bool are_keys_read; /* walked a second time, each with its record */
    enum verify_seal key_seal;
    enum store_table table;
    unsigned char after_row[256];
    size_t after_row_size;

    /* The table that is walked: its seal before the walk, and that of what the walk saw. */
    bool is_sealing, has_seal, is_unsealed;
    struct store_seal before_seal, seen_seal;
    uint64_t findings_before;
    size_t moved_count; /* tables that were written meanwhile, and not compared */
    unsigned moved[STORE_SEAL_COUNT];

    uint64_t labels_made, labels_seen; /* actions with a row of labels: by records, by rows */
    uint64_t records, payloads, erased, ended, unended, keys, rows;
    uint64_t in_open, in_ended; /* by the table that they stand in */
    uint64_t finding_count;
    uint64_t people_count; /* of them: nobody may decide it; the store is as it was written */
    size_t listed_count;
    struct slice findings[VERIFY_FINDINGS];
};

void verify_find(struct verify *verify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct verify_action *verify_action(struct verify *verify, uint64_t id);
/* Reads and decodes one record. ERR_CORRUPT when it does not decode. */
MUST_USE enum err verify_read_record(struct verify *verify, uint64_t seq, struct record *out);
struct verify_thing *verify_thing(struct verify_things *things, uint64_t id);
/* Adds or moves on. */
MUST_USE enum err verify_note(struct verify_things *things, uint64_t id, uint64_t seq,
                              const unsigned char row[RECORD_DIGEST]);

/* Stands for a name in verify_things. */
uint64_t verify_name_id(struct slice name);
/* Is the store where it was when this run began? Else rows may be newer than what was read. */
bool verify_is_still(const struct verify *verify);

/* Around the walk of a table, and for each of its rows (verify_seals.c). findings: how many there
 * were before anything else looked at the row. */
MUST_USE enum err verify_seal_begin(struct verify *verify, unsigned which);
void verify_seal_row(struct verify *verify, const struct store_row *row, uint64_t findings);
void verify_seal_key(struct verify *verify, const struct store_key *key);
MUST_USE enum err verify_seal_compare(struct verify *verify, unsigned which,
                                      enum verify_seal *out_seal);
/* After DIFFERS. */
void verify_seal_tell(struct verify *verify, unsigned which);
/* What a table is about, in words. */
const char *verify_seal_noun(unsigned which);

MUST_USE enum err verify_records_page(struct verify *verify, bool *out_is_done);
MUST_USE enum err verify_actions_page(struct verify *verify, bool *out_is_done);
/* Actions that were admitted and have no row; and the counters beside the head. */
MUST_USE enum err verify_unseen(struct verify *verify);
MUST_USE enum err verify_keys_page(struct verify *verify, bool *out_is_done);
MUST_USE enum err verify_audit_row(struct verify *verify, const struct store_row *stored);
MUST_USE enum err verify_label_row(struct verify *verify, const struct store_row *stored);
void verify_missing_labels(struct verify *verify);
/* verify_undone.c: an end that tells somebody; then the rows of who was told, and of what waits. */
MUST_USE enum err verify_undone_end(struct verify *verify, const struct row *row);
void verify_undone_row(struct verify *verify, const struct store_row *stored);
void verify_missing_undone(struct verify *verify);
MUST_USE enum err verify_tables_page(struct verify *verify, bool *out_is_done);
