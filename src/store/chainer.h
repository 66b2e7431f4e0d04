/* store/chainer.h - the next link of the hash chain: SHA-256(previous ‖ seq ‖ body).
 * Owns: OpenSSL's algorithm, fetched once, and one context (fetching it each time costs more
 *   than the hash). The record's bytes are hashed as they are stored (R27).
 * Threads: one at a time. */
#pragma once
#include "port/store.h"

struct evp_md_st;
struct evp_md_ctx_st;

struct chainer {
    struct evp_md_st *algorithm;
    struct evp_md_ctx_st *context;
};

MUST_USE enum err chainer_init(struct chainer *chainer);
void chainer_done(struct chainer *chainer);
/* out_hash may be previous. */
MUST_USE enum err chainer_next(struct chainer *chainer,
                               const unsigned char previous[STORE_HASH_SIZE], uint64_t seq,
                               struct slice body, unsigned char out_hash[STORE_HASH_SIZE]);
