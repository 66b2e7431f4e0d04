/* record/verify.h - is the store what its records say? (I10, R25)
 * Owns: the proof: the chain, each payload against its commitment, each derived row (actions,
 *   keys, stops, incidents, policies, tokens, labels, absences, plans) against the record that made
 *   it, the links of an action's records, that records asked for and approved each restart (I11),
 *   that what has not ended has a timer or people (I8); all small rows and keys against the sum
 *   that the store keeps of them (record/seal.h). docs/store.md: each table and column, and what is
 *   not proved.
 * Invariants:
 *   1. Reads in short pages, through the store port alone, and never writes: fit for a live
 *      store. Between two pages no moment of the store is held: a checkpoint gets through.
 *   2. Compares up to the head that was seen at the start; rows that newer records made are left
 *      to the next run.
 *   3. 24 bytes of memory an action; findings are bounded, their number is not.
 *   4. Every finding is a sentence that names the place. A cut tail cannot be seen from inside:
 *      keep the head that the report names elsewhere, and give it to a later run. */
#pragma once
#include "base/buf.h"
#include "port/store.h"

enum { VERIFY_FINDINGS = 100 };

struct verify_options {
    bool has_head; /* a head kept from an earlier report: SEQ:HASH */
    uint64_t head_seq;
    unsigned char head_hash[STORE_HASH_SIZE];
    /* The configuration in force: then what waits for people must wait for somebody (I8). NULL:
     * that is not looked at. */
    const struct config *(*config)(void *impl);
    void *impl;
    bool is_offline; /* nobody serves the store: what lies below the rows is looked at as well */
};

struct verify;
/* The port must outlive it. NULL without memory. */
struct verify *verify_new(const struct store_port *store, const struct verify_options *options);
void verify_free(struct verify *verify);
/* One page. *out_is_done: all is read. An error: the store cannot be read; not a finding. */
MUST_USE enum err verify_step(struct verify *verify, bool *out_is_done);

/* After the end. */
bool verify_is_good(const struct verify *verify);
void verify_text_add(struct buf *out, const struct verify *verify);
void verify_json_add(struct buf *out, const struct verify *verify);
/* "4711:HEX" as the report writes it. */
bool verify_parse_head(struct slice text, struct verify_options *out_options);
