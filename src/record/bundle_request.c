/* The frozen request's bytes are not JSON: R5 wants them back one for one, whatever they are, and
 * they are read before each attempt. A version byte, then each part behind its size. */
#include "record/bundle.h"
#include "record/number.h"

enum { REQUEST_VERSION = 1, REQUEST_HEADERS = LIMIT_HEADERS + 4 };

static void request_add(struct buf *out, struct slice part)
{
    number_add_varint(out, part.size);
    buf_add(out, part);
}

static bool request_take(struct slice *rest, struct slice *out_part)
{
    uint64_t size = 0;
    if (!number_take_varint(rest, &size) || size > rest->size)
        return false;
    *out_part = slice_first(*rest, (size_t)size);
    *rest = slice_from(*rest, (size_t)size);
    return true;
}

void bundle_request_encode(const struct bundle_request *bundle, struct buf *out)
{
    buf_add_byte(out, REQUEST_VERSION);
    request_add(out, bundle->method);
    request_add(out, bundle->target);
    request_add(out, bundle->provider_key);
    number_add_varint(out, bundle->header_count);
    for (size_t i = 0; i < bundle->header_count; i++) {
        request_add(out, bundle->headers[i].name);
        request_add(out, bundle->headers[i].value);
    }
    request_add(out, bundle->body);
}

enum err bundle_request_decode(struct slice bytes, struct arena *arena, struct bundle_request *out)
{
    (void)arena; /* nothing is escaped, so nothing is copied */
    if (bytes.size == 0 || bytes.at[0] != REQUEST_VERSION)
        return ERR_CORRUPT;
    struct slice rest = slice_from(bytes, 1);
    uint64_t header_count = 0;
    if (!request_take(&rest, &out->method) || !request_take(&rest, &out->target) ||
        !request_take(&rest, &out->provider_key) || !number_take_varint(&rest, &header_count) ||
        header_count > REQUEST_HEADERS)
        return ERR_CORRUPT;
    out->header_count = (size_t)header_count;
    for (size_t i = 0; i < out->header_count; i++)
        if (!request_take(&rest, &out->headers[i].name) ||
            !request_take(&rest, &out->headers[i].value))
            return ERR_CORRUPT;
    return request_take(&rest, &out->body) && rest.size == 0 ? ERR_OK : ERR_CORRUPT;
}
