#include "record/identity.h"

#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"

enum { IDENTITY_HMAC = 32, IDENTITY_PARTS_MAX = 4 * LIMIT_KEY + 8 * LIMIT_NAME };

enum err identity_init(struct identity *identity,
                       const unsigned char installation_key[IDENTITY_KEY_SIZE])
{
    *identity = (struct identity){0};
    canonical_init(&identity->canonical);
    buf_init(&identity->parts, IDENTITY_PARTS_MAX);
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("digest", digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL); /* once: a fetch costs more than a hash */
    identity->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    if (!identity->mac ||
        !EVP_MAC_init(identity->mac, installation_key, IDENTITY_KEY_SIZE, params)) {
        identity_done(identity);
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

void identity_done(struct identity *identity)
{
    if (!identity)
        return;
    EVP_MAC_CTX_free(identity->mac); /* wipes the key */
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

/* Over the parts so far, then over `more`. OpenSSL fails here only without memory. */
static void identity_finish(struct identity *identity, struct slice more,
                            unsigned char out[IDENTITY_HMAC])
{
    size_t size = 0;
    CHECK(buf_ok(&identity->parts));
    int is_good = EVP_MAC_init(identity->mac, NULL, 0, NULL);
    is_good = is_good && EVP_MAC_update(identity->mac, (const unsigned char *)identity->parts.at,
                                        identity->parts.size);
    if (more.size > 0)
        is_good =
            is_good && EVP_MAC_update(identity->mac, (const unsigned char *)more.at, more.size);
    is_good = is_good && EVP_MAC_final(identity->mac, out, &size, IDENTITY_HMAC);
    CHECK(is_good && size == IDENTITY_HMAC);
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
