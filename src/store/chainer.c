#include "store/chainer.h"

#include <openssl/evp.h>

enum err chainer_init(struct chainer *chainer)
{
    *chainer = (struct chainer){.algorithm = EVP_MD_fetch(NULL, "SHA256", NULL),
                                .context = EVP_MD_CTX_new()};
    return chainer->algorithm && chainer->context ? ERR_OK : ERR_NO_MEMORY;
}

void chainer_done(struct chainer *chainer)
{
    if (!chainer)
        return;
    EVP_MD_CTX_free(chainer->context);
    EVP_MD_free(chainer->algorithm);
    *chainer = (struct chainer){0};
}

enum err chainer_next(struct chainer *chainer, const unsigned char previous[STORE_HASH_SIZE],
                      uint64_t seq, struct slice body, unsigned char out_hash[STORE_HASH_SIZE])
{
    unsigned char head[STORE_HASH_SIZE + 8];
    memcpy(head, previous, STORE_HASH_SIZE);
    for (size_t i = 0; i < 8; i++)
        head[STORE_HASH_SIZE + i] = (unsigned char)(seq >> (56 - 8 * i));
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (!EVP_DigestInit_ex2(chainer->context, chainer->algorithm, NULL) ||
        !EVP_DigestUpdate(chainer->context, head, sizeof head) ||
        !EVP_DigestUpdate(chainer->context, body.at, body.size) ||
        !EVP_DigestFinal_ex(chainer->context, hash, NULL))
        return ERR_NO_MEMORY; /* nothing else can fail in hashing memory */
    memcpy(out_hash, hash, STORE_HASH_SIZE);
    return ERR_OK;
}
