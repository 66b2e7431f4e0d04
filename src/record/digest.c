#include "record/digest.h"

/* OpenSSL calls these deprecated and wants its EVP layer, which looks the algorithm up under a lock
 * and allocates for each hash: half of the cost of what is hashed here. These cannot fail. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

void digest_parts(const struct slice *parts, size_t count, unsigned char out[DIGEST_SIZE])
{
    SHA256_CTX sha;
    (void)SHA256_Init(&sha); /* always 1, as the others */
    for (size_t i = 0; i < count; i++)
        (void)SHA256_Update(&sha, parts[i].at, parts[i].size);
    (void)SHA256_Final(out, &sha);
}

void digest_bytes(struct slice bytes, unsigned char out[DIGEST_SIZE])
{
    digest_parts(&bytes, 1, out);
}

void digest_short(struct slice bytes, unsigned char out[DIGEST_SHORT])
{
    unsigned char whole[DIGEST_SIZE];
    digest_bytes(bytes, whole);
    memcpy(out, whole, DIGEST_SHORT);
}

bool digest_is_zero(const unsigned char *digest, size_t size)
{
    unsigned char any = 0;
    for (size_t i = 0; i < size; i++)
        any |= digest[i];
    return any == 0;
}

uint64_t digest_number(struct slice bytes)
{
    unsigned char digest[DIGEST_SIZE];
    uint64_t number = 0;
    digest_bytes(bytes, digest);
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | digest[i];
    return number;
}
