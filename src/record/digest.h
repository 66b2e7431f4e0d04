/* record/digest.h - SHA-256 of bytes: commitments, rows, frozen requests, tokens.
 * Owns: nothing. Pure. A keyed hash is record/identity.h. */
#pragma once
#include "base/slice.h"

enum { DIGEST_SIZE = 32, DIGEST_SHORT = 16 };

/* Of all parts, one behind the other. */
void digest_parts(const struct slice *parts, size_t count, unsigned char out[DIGEST_SIZE]);
void digest_bytes(struct slice bytes, unsigned char out[DIGEST_SIZE]);
/* Its first half: rows and frozen requests. */
void digest_short(struct slice bytes, unsigned char out[DIGEST_SHORT]);
/* Its first eight bytes, as a number: an id of a name. */
uint64_t digest_number(struct slice bytes);
bool digest_is_zero(const unsigned char *digest, size_t size);
