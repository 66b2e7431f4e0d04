#include "loop/loaded.h"

#include <stdlib.h>
#include <string.h>

#include "record/digest.h"

enum err loaded_digest(struct loaded *loaded)
{
    size_t count = loaded->config->secret_count;
    loaded->digests = calloc(count + 1, sizeof *loaded->digests);
    if (!loaded->digests)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        digest_bytes(loaded->secrets[i], loaded->digests[i]);
    return ERR_OK;
}

void loaded_encode_words(const struct loaded *loaded, const struct bundle_words *words,
                         struct buf *out)
{
    struct buf reason, evidence;
    buf_init(&reason, LIMIT_REASON * 8);
    buf_init(&evidence, LIMIT_REASON * 8);
    redact_add(&loaded->redact, words->reason, false, &reason);
    redact_add(&loaded->redact, words->evidence, false, &evidence);
    bool is_good = buf_ok(&reason) && buf_ok(&evidence);
    if (is_good)
        bundle_words_encode(&(struct bundle_words){buf_slice(&reason), buf_slice(&evidence)}, out);
    else
        out->overflowed = true;
    buf_done(&evidence);
    buf_done(&reason);
}

void loaded_free(struct loaded *loaded)
{
    if (!loaded)
        return;
    size_t count = loaded->secrets && loaded->config ? loaded->config->secret_count : 0;
    for (size_t i = 0; i < count; i++)
        if (loaded->secrets[i].at) {
            explicit_bzero((char *)(uintptr_t)loaded->secrets[i].at, loaded->secrets[i].size);
            free((char *)(uintptr_t)loaded->secrets[i].at);
        }
    free(loaded->secrets);
    free(loaded->digests);
    redact_done(&loaded->redact);
    buf_done(&loaded->warnings_json);
    arena_done(&loaded->arena);
    free(loaded);
}
