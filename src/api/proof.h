/* api/proof.h - whether a store is what was written: its chain, payloads and rows, a page at a
 * time. Owns: what verify checks, and the sentences for what is broken. Reads only; the API proves
 * pages of the running store with it, main.c a whole store that nobody serves. Invariants (I10,
 * R25):
 *   1. Sequences have no gap, and each hash is SHA-256(previous hash, sequence, body).
 *   2. A payload is what its record committed to; it is missing only where its action is erased.
 *   3. The row of an action is the one that its last record committed to, and that record is the
 *      action's own. Rows of stops and incidents are those of the last record about them.
 *   4. A page is short; between pages nothing is kept but struct proof, so that a reader who stops
 *      costs nothing. */
#pragma once
#include "base/buf.h"
#include "port/store.h"

enum { PROOF_DOUBTS = 64 };

/* A row that is not the one of the record at seq: a later record must explain it. */
struct proof_doubt {
    enum store_table table; /* STORE_STOPS or STORE_INCIDENTS */
    uint64_t id, seq;
};

struct proof {
    uint64_t next_seq;
    unsigned char previous[STORE_HASH_SIZE]; /* hash of the record before it */
    size_t doubt_count;
    struct proof_doubt doubts[PROOF_DOUBTS];
    uint64_t admitted;  /* actions that began in what was read */
    const char *broken; /* a sentence, or NULL */
    uint64_t broken_seq;
};

void proof_begin(struct proof *proof);
/* Reads up to `limit` records from next_seq on. *out_count = how many there were; fewer than limit:
 * the end was reached. The proof may be broken then: look. An error is of reading, not of content.
 */
MUST_USE enum err proof_page(const struct store_port *store, struct proof *proof, size_t limit,
                             size_t *out_count);
/* At the end: doubts that nothing explained. With is_quiet (nobody writes): also, no action that no
 * record began. */
void proof_end(const struct store_port *store, struct proof *proof, bool is_quiet);
/* Does the proof, at its end or on its way, stand behind that record? False: it was cut off. */
bool proof_has(const struct store_port *store, uint64_t seq,
               const unsigned char hash[STORE_HASH_SIZE]);

/* "SEQ-HASH-…": where to go on, for a reader who keeps it. */
void proof_add_cursor(const struct proof *proof, struct buf *out);
bool proof_parse_cursor(struct slice cursor, struct proof *out_proof);
