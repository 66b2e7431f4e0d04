#include "record/seal.h"

#include <assert.h>

enum { SEAL_NUMBERS = 2 + STORE_SEAL_LANES };

static_assert(SEALS_BYTES - STORE_SUM_SIZE == STORE_SEAL_COUNT * SEAL_NUMBERS * 8,
              "each number has 8 bytes");
static_assert(DIGEST_SIZE == STORE_SEAL_LANES * 8, "a digest fills the lanes");

static void seal_add_u64(unsigned char *out, uint64_t number)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (unsigned char)(number >> (56 - 8 * i));
}

static uint64_t seal_take_u64(const unsigned char *bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* The size of the key stands before it: no byte can move from the key into the value. */
static void seal_parts(unsigned char which, struct slice key, struct slice value,
                       unsigned char out_digest[DIGEST_SIZE])
{
    unsigned char head[9] = {which};
    seal_add_u64(head + 1, key.size);
    const struct slice parts[] = {slice_of(head, sizeof head), key, value};
    digest_parts(parts, 3, out_digest);
}

void seal_row(enum store_table table, struct slice key, struct slice value,
              unsigned char out_digest[DIGEST_SIZE])
{
    seal_parts((unsigned char)STORE_SEAL_ROWS(table), key, value, out_digest);
}

void seal_key(const struct store_key *key, unsigned char out_digest[DIGEST_SIZE])
{
    unsigned char value[STORE_KEY_SIZE + 8];
    memcpy(value, key->fingerprint, STORE_KEY_SIZE);
    seal_add_u64(value + STORE_KEY_SIZE, key->action);
    seal_parts(STORE_SEAL_KEYS, slice_of(key->hash, STORE_KEY_SIZE), slice_of(value, sizeof value),
               out_digest);
}

void seal_put(struct store_seal *seal, const unsigned char digest[DIGEST_SIZE])
{
    seal->rows++;
    seal->changes++;
    for (size_t i = 0; i < STORE_SEAL_LANES; i++)
        seal->sum[i] += seal_take_u64(digest + 8 * i); /* wraps, and so does the way back */
}

void seal_take(struct store_seal *seal, const unsigned char digest[DIGEST_SIZE])
{
    seal->rows--;
    seal->changes++;
    for (size_t i = 0; i < STORE_SEAL_LANES; i++)
        seal->sum[i] -= seal_take_u64(digest + 8 * i);
}

bool seal_equal(const struct store_seal *a, const struct store_seal *b)
{
    return a->rows == b->rows && memcmp(a->sum, b->sum, sizeof a->sum) == 0;
}

void seals_encode(const struct store_seal seals[STORE_SEAL_COUNT],
                  unsigned char out_bytes[SEALS_BYTES])
{
    for (size_t i = 0; i < STORE_SEAL_COUNT; i++) {
        unsigned char *out = out_bytes + i * SEAL_NUMBERS * 8;
        seal_add_u64(out, seals[i].rows);
        seal_add_u64(out + 8, seals[i].changes);
        for (size_t lane = 0; lane < STORE_SEAL_LANES; lane++)
            seal_add_u64(out + 16 + 8 * lane, seals[i].sum[lane]);
    }
    unsigned char digest[DIGEST_SIZE];
    digest_bytes(slice_of(out_bytes, SEALS_BYTES - STORE_SUM_SIZE), digest);
    memcpy(out_bytes + SEALS_BYTES - STORE_SUM_SIZE, digest, STORE_SUM_SIZE);
}

enum err seals_decode(struct slice bytes, struct store_seal out_seals[STORE_SEAL_COUNT])
{
    struct store_seal seals[STORE_SEAL_COUNT] = {0};
    unsigned char digest[DIGEST_SIZE];
    size_t count = bytes.size / (SEAL_NUMBERS * 8);
    if (bytes.size > 0 &&
        (bytes.size > SEALS_BYTES || bytes.size != count * SEAL_NUMBERS * 8 + STORE_SUM_SIZE))
        return ERR_CORRUPT;
    digest_bytes(slice_first(bytes, count * SEAL_NUMBERS * 8), digest);
    if (bytes.size > 0 && memcmp(digest, bytes.at + count * SEAL_NUMBERS * 8, STORE_SUM_SIZE) != 0)
        return ERR_CORRUPT;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *at = (const unsigned char *)bytes.at + i * SEAL_NUMBERS * 8;
        seals[i].rows = seal_take_u64(at);
        seals[i].changes = seal_take_u64(at + 8);
        for (size_t lane = 0; lane < STORE_SEAL_LANES; lane++)
            seals[i].sum[lane] = seal_take_u64(at + 16 + 8 * lane);
    }
    memcpy(out_seals, seals, sizeof seals);
    return ERR_OK;
}
