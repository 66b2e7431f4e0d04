/* record/life_row.h - the last sign of life, as it is stored: in STORE_META under "alive".
 * Owns: the bytes of the row.
 * Invariants:
 *   1. decode(encode(x)) == x. What an older version wrote knows no boot: the careful reading. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "core/wall.h"

#define LIFE_ROW_KEY SLICE("alive")

void life_row_encode(const struct wall_sign *sign, struct buf *out);
MUST_USE enum err life_row_decode(struct slice bytes, struct wall_sign *out);
