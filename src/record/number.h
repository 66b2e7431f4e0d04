/* record/number.h - numbers as text: shortest exact doubles, and varints of rows and requests.
 * Owns: nothing. Pure. */
#pragma once
#include "base/buf.h"

/* The shortest JSON number that reads back as this double; NaN and infinities are "null". */
void number_add_real(struct buf *out, double value);
/* 7 bits a byte, lowest first, the high bit says that more follow. */
void number_add_varint(struct buf *out, uint64_t value);
/* Takes one off the front; false when it is cut or over 64 bits. */
bool number_take_varint(struct slice *rest, uint64_t *out_value);
/* Signed numbers near zero become small ones: 0 -1 1 -2 … -> 0 1 2 3 … */
static inline uint64_t number_zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}
static inline uint64_t number_unzigzag(uint64_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}
