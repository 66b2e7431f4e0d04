/* Any bytes: what is taken apart keeps the invariants of uri.h, and an escaped segment comes back.
 */
#include "base/check.h"
#include "base/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_MAX = 1024 * 1024 };

static bool fuzz_is_within(struct slice part, struct slice whole)
{
    return part.size == 0 || (part.at >= whole.at && part.at + part.size <= whole.at + whole.size);
}

static void fuzz_segment(struct slice input)
{
    struct buf encoded, decoded;
    buf_init(&encoded, FUZZ_MAX);
    buf_init(&decoded, FUZZ_MAX);
    uri_encode_segment(&encoded, input);
    for (size_t i = 0; i < encoded.size; i++)
        CHECK(encoded.at[i] > ' ' && encoded.at[i] < 0x7f && encoded.at[i] != '/');
    bool has_nul = slice_find(input, '\0') < input.size;
    bool is_decoded = uri_decode(buf_slice(&encoded), &decoded);
    CHECK(is_decoded == !has_nul);
    CHECK(has_nul || slice_equal(buf_slice(&decoded), input));
    buf_reset(&decoded);
    is_decoded = uri_decode(input, &decoded);
    CHECK(is_decoded || decoded.size == 0);
    CHECK(decoded.size <= input.size && slice_find(buf_slice(&decoded), '\0') == decoded.size);
    buf_done(&encoded);
    buf_done(&decoded);
}

static void fuzz_url(struct slice input)
{
    struct uri uri = {0};
    struct uri_authority authority = {0};
    if (uri_split_authority(input, &authority)) {
        CHECK(authority.host.size > 0 && fuzz_is_within(authority.host, input));
        CHECK(authority.has_port || authority.port == 0);
    }
    if (uri_split(input, &uri)) {
        CHECK(uri.host.size > 0 && fuzz_is_within(uri.host, input) && uri.port > 0);
        CHECK(fuzz_is_within(uri.path, input) && fuzz_is_within(uri.query, input));
        CHECK(uri.path.size == 0 || uri.path.at[0] == '/');
    }
    (void)uri_host_is_loopback(input); /* only that it returns */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    fuzz_segment(input);
    fuzz_url(input);
    struct slice rest = input;
    struct slice name, value;
    size_t total = 0;
    while (uri_next_parameter(&rest, &name, &value)) {
        CHECK(fuzz_is_within(name, input) && fuzz_is_within(value, input));
        total += name.size + value.size;
    }
    CHECK(total <= size && rest.size == 0);
    return 0;
}
