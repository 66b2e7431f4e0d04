/* record/seal.h - one sum over all rows of a table: the store keeps it, verify asks it (I10).
 * Owns: the digest of a row, how digests are added up, and the bytes of the sums.
 * Invariants:
 *   1. The order of the writes does not matter: rows are added and taken away one by one.
 *   2. What is taken away is what stood there, not what should have: a row that was changed by hand
 *      leaves its mark in the sum for ever, also when it is written anew. */
#pragma once
#include "port/store.h"
#include "record/digest.h"

enum { SEALS_BYTES = STORE_SEAL_COUNT * 48 + STORE_SUM_SIZE };

void seal_row(enum store_table table, struct slice key, struct slice value,
              unsigned char out_digest[DIGEST_SIZE]);
void seal_key(const struct store_key *key, unsigned char out_digest[DIGEST_SIZE]);
void seal_put(struct store_seal *seal, const unsigned char digest[DIGEST_SIZE]);
void seal_take(struct store_seal *seal, const unsigned char digest[DIGEST_SIZE]);
/* The same rows; how they came to be does not matter. */
bool seal_equal(const struct store_seal *a, const struct store_seal *b);

/* Of all tables, with a sum of these bytes behind them. Fewer bytes are those of a version that
 * knew fewer tables. ERR_CORRUPT. */
void seals_encode(const struct store_seal seals[STORE_SEAL_COUNT],
                  unsigned char out_bytes[SEALS_BYTES]);
MUST_USE enum err seals_decode(struct slice bytes, struct store_seal out_seals[STORE_SEAL_COUNT]);
