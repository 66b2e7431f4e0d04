#include "record/number.h"

#include <math.h>

#include "policy/expr_number.h"

void number_add_real(struct buf *out, double value)
{
    if (isfinite(value))
        expr_double_add_text(out, value);
    else
        buf_add_text(out, "null");
}

void number_add_varint(struct buf *out, uint64_t value)
{
    char bytes[10];
    size_t size = 0;
    if (value < 0x80) {
        buf_add_byte(out, (char)value);
        return;
    }
    while (value >= 0x80) {
        bytes[size++] = (char)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (char)value;
    buf_add(out, slice_of(bytes, size));
}

bool number_take_varint(struct slice *rest, uint64_t *out_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < rest->size && i < 10; i++) {
        uint64_t byte = (unsigned char)rest->at[i];
        if (i == 9 && byte > 1)
            return false;
        value |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out_value = value;
            *rest = slice_from(*rest, i + 1);
            return true;
        }
    }
    return false;
}
