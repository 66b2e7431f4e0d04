#include "record/life_row.h"

#include <string.h>

#include "record/number.h"

void life_row_encode(const struct wall_sign *sign, struct buf *out)
{
    number_add_varint(out, (uint64_t)sign->at_unix_ms);
    number_add_varint(out, sign->boot.is_known ? WALL_BOOT : 0);
    if (sign->boot.is_known)
        buf_add(out, slice_of(sign->boot.id, WALL_BOOT));
    number_add_varint(out, (uint64_t)sign->boot.ms);
    number_add_varint(out, number_zigzag((uint64_t)sign->lag_ms));
    number_add_varint(out, (uint64_t)sign->until_unix_ms);
    number_add_varint(out, (uint64_t)sign->unsure_unix_ms);
}

enum err life_row_decode(struct slice bytes, struct wall_sign *out)
{
    uint64_t at = 0, size = 0, boot_ms = 0, lag = 0, until = 0, unsure = 0;
    *out = (struct wall_sign){.at_unix_ms = 0};
    if (!number_take_varint(&bytes, &at))
        return ERR_CORRUPT;
    out->at_unix_ms = (int64_t)at;
    if (bytes.size == 0)
        return ERR_OK;
    bool is_good =
        number_take_varint(&bytes, &size) && (size == 0 || size == WALL_BOOT) && bytes.size >= size;
    if (is_good && size > 0) {
        out->boot.is_known = true;
        memcpy(out->boot.id, bytes.at, WALL_BOOT);
        bytes = slice_from(bytes, WALL_BOOT);
    }
    is_good = is_good && number_take_varint(&bytes, &boot_ms) && number_take_varint(&bytes, &lag) &&
              number_take_varint(&bytes, &until) && number_take_varint(&bytes, &unsure);
    out->boot.ms = (int64_t)boot_ms;
    out->lag_ms = (int64_t)number_unzigzag(lag);
    out->until_unix_ms = (int64_t)until;
    out->unsure_unix_ms = (int64_t)unsure;
    return is_good ? ERR_OK : ERR_CORRUPT;
}
