/* loop/entries.h - the actions in memory: those under way, unsaved, or waited for.
 * Owns: struct entry and the table of them (entries.c).
 * Invariants:
 *   1. What waits longer is not here: it sleeps in the store, and entry_get brings it back (R30).
 *   2. An entry owns all its bytes; the slices of its row live in `names`. */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "core/gate.h"
#include "core/switchboard.h"
#include "port/store.h"
#include "record/row.h"

struct arena;
struct ask;
struct bundle_submit;
struct engine;
struct step;

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

/* Not in the table yet (entry_add); the row is copied. NULL without memory. */
struct entry *entry_new(struct engine *engine, const struct row *row);
/* In memory, or fetched from the store; NULL with the reason. */
struct entry *entry_get(struct engine *engine, uint64_t id, enum err *out_err);
/* Only in memory. */
struct entry *entry_peek(struct engine *engine, uint64_t id);
/* The one in memory that answers for its key, or NULL. */
struct entry *entry_by_key(struct engine *engine, const unsigned char hash[STORE_KEY_SIZE]);
/* is_newest: it answers for its key. */
MUST_USE enum err entry_add(struct engine *engine, struct entry *entry, bool is_newest);
/* Forgets it if nothing needs it in memory: sleeping or ended, saved, nobody waits. */
void entry_let_go(struct engine *engine, struct entry *entry);
/* Nothing points to it any more. NULL is fine. */
void entry_free(struct entry *entry);
/* A copy of bytes, by malloc, in the place of what was there; ERR_NO_MEMORY: it is as before. */
MUST_USE enum err entry_keep(char **slot, size_t *slot_size, struct slice bytes);
/* Before the first start: the upstream of the policy in force. */
MUST_USE enum err entry_set_upstream(struct entry *entry, struct slice upstream);
/* Who has its review in hand, and whom it was given to. */
MUST_USE enum err entry_set_review(struct entry *entry, struct slice claimed_by,
                                   struct slice assigned_to);
/* What callers and upstreams said, out of memory: it is erased in the store. */
void entry_forget_values(struct entry *entry);
/* Where its stops are looked for; the slices live as long as the entry, or the row and the step. */
struct scope entry_scope(const struct entry *entry);
/* Its class in the policy in force, by its name; one that is gone is read as the highest. */
void row_place_risk(struct row *row, const struct step *step);
/* The name of the class that it has in this policy. */
void row_name_risk(struct row *row, const struct step *step);
struct scope row_scope(const struct row *row, const struct step *step);
MUST_USE enum err entry_read_submit(struct entry *entry, struct arena *arena,
                                    struct bundle_submit *out);
/* The same, before a person changed it. */
MUST_USE enum err entry_read_as_submitted(struct entry *entry, struct arena *arena,
                                          struct bundle_submit *out);
struct map_key entry_map_key(const unsigned char hash[STORE_KEY_SIZE]);
