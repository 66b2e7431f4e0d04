#include "record/identity.h"

#include <stdlib.h>

/* As in digest.c: no look-up and no memory for each hash. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"

enum { IDENTITY_HMAC = SHA256_DIGEST_LENGTH, IDENTITY_PARTS_MAX = 4 * LIMIT_KEY + 8 * LIMIT_NAME };

/* RFC 2104: both hashes, each after its padded key. */
struct identity_mac {
    SHA256_CTX inner, outer;
};

/* The key is shorter than a block. Of these calls none can fail. */
static void identity_mac_begin(SHA256_CTX *sha, const unsigned char key[IDENTITY_KEY_SIZE],
                               unsigned char pad)
{
    unsigned char block[SHA256_CBLOCK];
    static_assert(IDENTITY_KEY_SIZE <= SHA256_CBLOCK, "a longer key would have to be hashed");
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (unsigned char)((i < IDENTITY_KEY_SIZE ? key[i] : 0) ^ pad);
    (void)SHA256_Init(sha);
    (void)SHA256_Update(sha, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

enum err identity_init(struct identity *identity,
                       const unsigned char installation_key[IDENTITY_KEY_SIZE])
{
    *identity = (struct identity){.mac = calloc(1, sizeof *identity->mac)};
    canonical_init(&identity->canonical);
    buf_init(&identity->parts, IDENTITY_PARTS_MAX);
    if (!identity->mac)
        return ERR_NO_MEMORY;
    identity_mac_begin(&identity->mac->inner, installation_key, 0x36);
    identity_mac_begin(&identity->mac->outer, installation_key, 0x5c);
    return ERR_OK;
}

void identity_done(struct identity *identity)
{
    if (!identity)
        return;
    if (identity->mac)
        OPENSSL_cleanse(identity->mac, sizeof *identity->mac);
    free(identity->mac);
    identity->mac = NULL;
    canonical_done(&identity->canonical);
    buf_done(&identity->parts);
}

static void identity_add_part(struct identity *identity, struct slice part)
{
    const unsigned char size[4] = {(unsigned char)(part.size >> 24),
                                   (unsigned char)(part.size >> 16),
                                   (unsigned char)(part.size >> 8), (unsigned char)part.size};
    CHECK(part.size <= UINT32_MAX);
    buf_add(&identity->parts, slice_of(size, sizeof size));
    buf_add(&identity->parts, part);
}

/* The label begins: another kind of value never has the same bytes. */
static void identity_begin(struct identity *identity, const char *label)
{
    buf_reset(&identity->parts);
    identity_add_part(identity, slice_text(label));
}

/* Over the parts so far, then over `more`. */
static void identity_finish(struct identity *identity, struct slice more,
                            unsigned char out[IDENTITY_HMAC])
{
    SHA256_CTX sha = identity->mac->inner;
    CHECK(buf_ok(&identity->parts));
    (void)SHA256_Update(&sha, identity->parts.at, identity->parts.size);
    if (more.size > 0)
        (void)SHA256_Update(&sha, more.at, more.size);
    (void)SHA256_Final(out, &sha);
    sha = identity->mac->outer;
    (void)SHA256_Update(&sha, out, IDENTITY_HMAC);
    (void)SHA256_Final(out, &sha);
}

static void identity_finish_short(struct identity *identity, struct slice more,
                                  unsigned char out[IDENTITY_SIZE])
{
    unsigned char whole[IDENTITY_HMAC];
    identity_finish(identity, more, whole);
    memcpy(out, whole, IDENTITY_SIZE);
}

void identity_check(struct identity *identity, unsigned char out[IDENTITY_SIZE])
{
    identity_begin(identity, "check");
    identity_finish_short(identity, SLICE(""), out);
}

/* Names and keys have been held to their limits where they came in; the last part goes past the
 * buffer of parts, so that even one that has not is hashed whole. */
static void identity_name_hash(struct identity *identity, const char *label,
                               const struct identity_name *name, unsigned char out[IDENTITY_SIZE])
{
    identity_begin(identity, label);
    identity_add_part(identity, name->workflow);
    identity_add_part(identity, name->step);
    identity_finish_short(identity, name->text, out);
}

void identity_key(struct identity *identity, const struct identity_name *name,
                  unsigned char out[IDENTITY_SIZE])
{
    identity_name_hash(identity, "key", name, out);
}

void identity_run(struct identity *identity, const struct identity_name *name,
                  unsigned char out[IDENTITY_SIZE])
{
    identity_name_hash(identity, "run", name, out);
}

void identity_recipient(struct identity *identity, const struct identity_name *name,
                        unsigned char out[IDENTITY_SIZE])
{
    identity_name_hash(identity, "recipient", name, out);
}

void identity_signal(struct identity *identity, const struct identity_name *name,
                     unsigned char out[IDENTITY_SIZE])
{
    identity_name_hash(identity, "signal", name, out);
}

void identity_order(struct identity *identity, const struct identity_name *name,
                    unsigned char out[IDENTITY_SIZE])
{
    identity_name_hash(identity, "order", name, out);
}

void identity_target(struct identity *identity, const struct identity_name *name,
                     unsigned char out[IDENTITY_SIZE])
{
    identity_name_hash(identity, "target", name, out);
}

enum err identity_fingerprint(struct identity *identity, struct slice input_json,
                              unsigned char out[IDENTITY_SIZE])
{
    enum err err = canonical_spell(&identity->canonical, input_json);
    if (err != ERR_OK)
        return err;
    identity_begin(identity, "fingerprint");
    identity_finish_short(identity, buf_slice(&identity->canonical.out), out);
    return ERR_OK;
}

void identity_provider_key(struct identity *identity, const struct identity_route *route,
                           struct buf *out)
{
    unsigned char whole[IDENTITY_HMAC];
    const unsigned char numbers[] = {route->generation, route->route, route->revision};
    identity_begin(identity, "provider-key");
    identity_add_part(identity, route->workflow);
    identity_add_part(identity, route->step);
    identity_add_part(identity, slice_of(numbers, sizeof numbers));
    identity_finish(identity, route->key, whole);
    text_add_base32(out, slice_of(whole, sizeof whole));
}

uint64_t identity_draw(struct identity *identity, uint64_t incident, struct slice key_hash)
{
    unsigned char bytes[8], whole[IDENTITY_HMAC];
    uint64_t draw = 0;
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(incident >> (8 * i));
    identity_begin(identity, "ramp");
    identity_add_part(identity, slice_of(bytes, sizeof bytes));
    identity_finish(identity, key_hash, whole);
    for (int i = 0; i < 8; i++)
        draw = draw << 8 | whole[i];
    return draw;
}
