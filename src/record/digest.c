#include "record/digest.h"

#include <openssl/evp.h>

#include "base/check.h"

/* OpenSSL fails here only without memory, and then nothing can be recorded: stop. */
void digest_parts(const struct slice *parts, size_t count, unsigned char out[DIGEST_SIZE])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    CHECK(md != NULL);
    int is_good = EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    for (size_t i = 0; i < count; i++)
        is_good = is_good && EVP_DigestUpdate(md, parts[i].at, parts[i].size);
    is_good = is_good && EVP_DigestFinal_ex(md, out, NULL);
    EVP_MD_CTX_free(md);
    CHECK(is_good);
}

void digest_bytes(struct slice bytes, unsigned char out[DIGEST_SIZE])
{
    int is_good = EVP_Digest(bytes.at, bytes.size, out, NULL, EVP_sha256(), NULL);
    CHECK(is_good);
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
