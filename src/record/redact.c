#include "record/redact.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/uri.h"

enum { PAIRS_SIZE = 65536 / 8, DERIVED_MIN = 6, BYTES_MAX = 4 * 1024 * 1024 };

void redact_init(struct redact *redact)
{
    *redact = (struct redact){0};
    buf_init(&redact->bytes, BYTES_MAX);
}

/* A buf that grows leaves its old block behind unwiped; so each has its whole size from the
 * beginning. Without memory it is born overflowed. */
static void redact_init_buf(struct buf *buf, size_t size)
{
    buf_init(buf, size);
    buf->at = calloc(size + 1, 1);
    buf->capacity = buf->at ? size + 1 : 0;
    buf->overflowed = buf->at == NULL;
}

static void redact_wipe(struct buf *buf)
{
    if (buf->at)
        OPENSSL_cleanse(buf->at, buf->capacity);
    buf_done(buf);
}

void redact_done(struct redact *redact)
{
    if (!redact)
        return;
    redact_wipe(&redact->bytes);
    free(redact->patterns);
    free(redact->pairs);
    redact_init(redact);
}

/* Moves to a larger block by hand: realloc would leave the old one with its secrets in it. */
static bool redact_reserve(struct redact *redact, size_t more)
{
    struct buf *old = &redact->bytes;
    if (old->size + more < old->capacity)
        return true;
    struct buf bytes;
    redact_init_buf(&bytes, (old->capacity + more) * 2 + 64);
    if (!buf_ok(&bytes))
        return false;
    bytes.size_max = BYTES_MAX;
    buf_add(&bytes, buf_slice(old));
    redact_wipe(old);
    *old = bytes;
    return true;
}

static bool redact_has(const struct redact *redact, struct slice pattern)
{
    for (size_t i = 0; i < redact->count; i++)
        if (slice_equal(pattern, slice_of(redact->bytes.at + redact->patterns[i].start,
                                          redact->patterns[i].size)))
            return true;
    return false;
}

static enum err redact_add_pattern(struct redact *redact, struct slice pattern, size_t size_min)
{
    if (pattern.size < size_min || redact_has(redact, pattern))
        return ERR_OK;
    if (redact->count == REDACT_PATTERNS_MAX)
        return ERR_LIMIT;
    if (redact->count == redact->capacity) {
        size_t capacity = redact->capacity ? redact->capacity * 2 : 32;
        void *patterns = realloc(redact->patterns, capacity * sizeof *redact->patterns);
        if (!patterns)
            return ERR_NO_MEMORY;
        redact->patterns = patterns;
        redact->capacity = capacity;
    }
    if (!redact->pairs)
        redact->pairs = calloc(PAIRS_SIZE, 1);
    if (!redact->pairs || !redact_reserve(redact, pattern.size))
        return ERR_NO_MEMORY;
    redact->patterns[redact->count++] = (struct redact_pattern){redact->bytes.size, pattern.size};
    buf_add(&redact->bytes, pattern);
    unsigned pair = (unsigned)(unsigned char)pattern.at[0] << 8 | (unsigned char)pattern.at[1];
    redact->pairs[pair >> 3] |= (unsigned char)(1U << (pair & 7));
    if (pattern.size > redact->longest)
        redact->longest = pattern.size;
    return buf_ok(&redact->bytes) ? ERR_OK : ERR_LIMIT;
}

/* Both alphabets: RFC 4648 sections 4 and 5. */
static enum err redact_add_base64_pattern(struct redact *redact, struct slice pattern,
                                          struct buf *work)
{
    enum err err = redact_add_pattern(redact, pattern, DERIVED_MIN);
    buf_reset(work);
    for (size_t i = 0; i < pattern.size; i++) {
        char c = pattern.at[i];
        buf_add_byte(work, c == '+' ? '-' : c == '/' ? '_' : c);
    }
    if (err != ERR_OK)
        return err;
    return buf_ok(work) ? redact_add_pattern(redact, buf_slice(work), DERIVED_MIN) : ERR_NO_MEMORY;
}

/* The characters of base64 that the secret alone decides, when `before` bytes of something else
 * (0..2, modulo 3) stand in front of it; once with something behind it, once at the very end. */
static enum err redact_add_base64(struct redact *redact, struct slice secret, size_t before,
                                  struct buf *work)
{
    static const char padding[2] = {0, 0};
    size_t from = (before * 8 + 5) / 6;
    size_t inside = (before + secret.size) * 8 / 6;
    size_t at_end = ((before + secret.size) * 8 + 5) / 6;
    struct buf plain;
    struct buf encoded;
    redact_init_buf(&plain, secret.size + 2);
    redact_init_buf(&encoded, secret.size * 2 + 8);
    buf_add(&plain, slice_of(padding, before));
    buf_add(&plain, secret);
    text_add_base64(&encoded, buf_slice(&plain));
    enum err err = buf_ok(&plain) && buf_ok(&encoded) ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = redact_add_base64_pattern(redact, slice_of(encoded.at + from, inside - from), work);
    if (err == ERR_OK)
        err = redact_add_base64_pattern(redact, slice_of(encoded.at + from, at_end - from), work);
    redact_wipe(&plain);
    redact_wipe(&encoded);
    return err;
}

/* Percent-encoded, with the hex digits in both cases, and a blank as form data writes it. */
static enum err redact_add_url(struct redact *redact, struct slice secret, struct buf *work)
{
    enum err err = ERR_OK;
    for (int form = 0; form < 2 && err == ERR_OK; form++) {
        buf_reset(work);
        for (size_t i = 0; i < secret.size; i++) {
            if (form && secret.at[i] == ' ')
                buf_add_byte(work, '+');
            else
                uri_encode_segment(work, slice_of(secret.at + i, 1));
        }
        if (!buf_ok(work))
            return ERR_NO_MEMORY;
        err = redact_add_pattern(redact, buf_slice(work), DERIVED_MIN);
        for (size_t i = 0; i + 2 < work->size; i++)
            for (size_t j = 1; work->at[i] == '%' && j < 3; j++)
                if (work->at[i + j] >= 'A' && work->at[i + j] <= 'F')
                    work->at[i + j] = (char)(work->at[i + j] - 'A' + 'a');
        if (err == ERR_OK)
            err = redact_add_pattern(redact, buf_slice(work), DERIVED_MIN);
    }
    return err;
}

/* As it stands between the quotes of a JSON string; `/` may be escaped or not. */
static enum err redact_add_json(struct redact *redact, struct slice secret, struct buf *work)
{
    buf_reset(work);
    buf_add_json_text(work, secret);
    if (!buf_ok(work))
        return ERR_NO_MEMORY;
    struct slice inner = slice_of(work->at + 1, work->size - 2);
    enum err err = redact_add_pattern(redact, inner, REDACT_SECRET_MIN);
    struct buf slashes;
    redact_init_buf(&slashes, inner.size * 2);
    for (size_t i = 0; i < inner.size; i++) {
        if (inner.at[i] == '/')
            buf_add_byte(&slashes, '\\');
        buf_add_byte(&slashes, inner.at[i]);
    }
    if (err == ERR_OK)
        err = buf_ok(&slashes) ? redact_add_pattern(redact, buf_slice(&slashes), REDACT_SECRET_MIN)
                               : ERR_NO_MEMORY;
    redact_wipe(&slashes);
    return err;
}

enum err redact_add_secret(struct redact *redact, struct slice secret)
{
    if (secret.size < REDACT_SECRET_MIN)
        return ERR_OK;
    struct buf work;
    redact_init_buf(&work, secret.size * 8 + 64);
    if (!buf_ok(&work))
        return ERR_NO_MEMORY;
    enum err err = redact_add_pattern(redact, secret, REDACT_SECRET_MIN);
    for (size_t before = 0; before < 3 && err == ERR_OK; before++)
        err = redact_add_base64(redact, secret, before, &work);
    if (err == ERR_OK)
        err = redact_add_url(redact, secret, &work);
    if (err == ERR_OK)
        err = redact_add_json(redact, secret, &work);
    redact_wipe(&work);
    return err;
}

/* Size of the longest pattern at the front of s, or 0. */
static size_t redact_match(const struct redact *redact, struct slice s)
{
    size_t size = 0;
    for (size_t i = 0; i < redact->count; i++) {
        struct slice pattern =
            slice_of(redact->bytes.at + redact->patterns[i].start, redact->patterns[i].size);
        if (pattern.size > size && slice_starts(s, pattern))
            size = pattern.size;
    }
    return size;
}

/* End of what must go when a pattern of this size begins at `from`: another one may begin inside it
 * and reach further. */
static size_t redact_end(const struct redact *redact, struct slice text, size_t from, size_t size)
{
    size_t end = from + size;
    for (size_t i = from + 1; i < end; i++) {
        size_t more = redact_match(redact, slice_from(text, i));
        if (i + more > end)
            end = i + more;
    }
    return end;
}

/* Is s, at least REDACT_SECRET_MIN bytes, the beginning of a pattern? */
static bool redact_begins(const struct redact *redact, struct slice s)
{
    for (size_t i = 0; i < redact->count; i++) {
        struct slice pattern =
            slice_of(redact->bytes.at + redact->patterns[i].start, redact->patterns[i].size);
        if (slice_starts(pattern, s))
            return true;
    }
    return false;
}

static bool redact_may_begin(const struct redact *redact, const char *at)
{
    unsigned pair = (unsigned)(unsigned char)at[0] << 8 | (unsigned char)at[1];
    return redact->pairs[pair >> 3] >> (pair & 7) & 1;
}

void redact_add(const struct redact *redact, struct slice text, bool is_cut, struct buf *out)
{
    size_t plain = 0; /* start of what goes out as it is */
    size_t i = 0;
    while (redact && redact->count > 0 && i + 1 < text.size) {
        if (!redact_may_begin(redact, text.at + i)) {
            i++;
            continue;
        }
        struct slice rest = slice_from(text, i);
        size_t size = redact_match(redact, rest);
        if (size == 0 && is_cut && rest.size >= REDACT_SECRET_MIN && redact_begins(redact, rest))
            size = rest.size;
        if (size == 0) {
            i++;
            continue;
        }
        buf_add(out, slice_of(text.at + plain, i - plain));
        buf_add_text(out, REDACT_MARK);
        i = redact_end(redact, text, i, size);
        plain = i;
    }
    buf_add(out, slice_from(text, plain));
}

bool redact_finds(const struct redact *redact, struct slice text)
{
    for (size_t i = 0; redact && redact->count > 0 && i + 1 < text.size; i++)
        if (redact_may_begin(redact, text.at + i) && redact_match(redact, slice_from(text, i)) > 0)
            return true;
    return false;
}
