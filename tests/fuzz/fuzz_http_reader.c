/* Any bytes, fed whole and in pieces chosen by the bytes themselves, give the same requests, the
 * same refusal, at the same place; and what is given keeps the invariants of http_reader.h and
 * http_request.h. */
#include "base/check.h"
#include "base/limits.h"
#include "base/prng.h"
#include "server/http_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_BODY_MAX = 4096, FUZZ_TEXT_MAX = 4 * 1024 * 1024 };

struct fuzz_run {
    struct http_reader reader;
    struct http_request request;
    struct buf out;
    size_t taken;
    bool is_refused;
};

static void fuzz_check(const struct http_request *r)
{
    CHECK(r->method.size > 0 && r->method.size <= LIMIT_HTTP_METHOD);
    CHECK(r->path.size > 0 && r->path.at[0] == '/');
    CHECK(slice_find(r->path, '?') == r->path.size);
    CHECK(r->path.size + r->query.size <= LIMIT_HTTP_LINE);
    CHECK(r->header_count <= LIMIT_HTTP_HEADERS);
    CHECK(r->body.size <= FUZZ_BODY_MAX);
    CHECK(r->is_chunked || r->body.size == r->content_length);
    size_t host_count = 0, frame_count = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        struct slice name = r->headers[i].name, value = r->headers[i].value;
        CHECK(name.size > 0 && slice_equal(value, slice_trim(value)));
        for (size_t j = 0; j < name.size; j++)
            CHECK(name.at[j] > ' ' && name.at[j] < 0x7f && name.at[j] != ':' &&
                  !(name.at[j] >= 'A' && name.at[j] <= 'Z'));
        for (size_t j = 0; j < value.size; j++)
            CHECK(((unsigned char)value.at[j] >= ' ' || value.at[j] == '\t') &&
                  value.at[j] != 0x7f);
        host_count += slice_is(name, "host");
        frame_count += slice_is(name, "content-length") || slice_is(name, "transfer-encoding");
    }
    CHECK(host_count == 1 || (host_count == 0 && r->is_version_1_0));
    CHECK(frame_count <= 1);
}

static void fuzz_tell(struct buf *out, const struct http_request *r)
{
    buf_add_fmt(out, "%.*s %.*s?%.*s %d%d%d\n", SLICE_FMT(r->method), SLICE_FMT(r->path),
                SLICE_FMT(r->query), r->is_version_1_0, r->wants_close, r->expects_continue);
    for (size_t i = 0; i < r->header_count; i++)
        buf_add_fmt(out, "%.*s=%.*s\n", SLICE_FMT(r->headers[i].name),
                    SLICE_FMT(r->headers[i].value));
    buf_add(out, buf_slice(&r->body));
}

static void fuzz_feed(struct fuzz_run *run, struct slice in)
{
    size_t before = in.size;
    enum http_step step = HTTP_HEAD;
    while (!run->is_refused && step != HTTP_MORE) {
        step = http_reader_read(&run->reader, &in);
        if (step == HTTP_WHOLE) {
            fuzz_check(&run->request);
            fuzz_tell(&run->out, &run->request);
            http_reader_begin(&run->reader, &run->request, FUZZ_BODY_MAX);
        }
        if (step == HTTP_REFUSED) {
            run->is_refused = true;
            buf_add_text(&run->out, http_reason_name(run->reader.reason));
        }
    }
    CHECK(run->is_refused || in.size == 0);
    run->taken += before - in.size;
}

static void fuzz_begin(struct fuzz_run *run)
{
    *run = (struct fuzz_run){0};
    http_request_init(&run->request);
    buf_init(&run->out, FUZZ_TEXT_MAX);
    http_reader_begin(&run->reader, &run->request, FUZZ_BODY_MAX);
}

static void fuzz_end(struct fuzz_run *run)
{
    buf_done(&run->out);
    http_request_done(&run->request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    struct prng prng = {size};
    for (size_t i = 0; i < size; i++)
        prng.state = prng.state * 31 + data[i];
    struct fuzz_run whole, cut;
    fuzz_begin(&whole);
    fuzz_feed(&whole, input);
    fuzz_begin(&cut);
    uint64_t longest = 1 + prng_below(&prng, 40);
    while (input.size > 0) {
        size_t piece = 1 + (size_t)prng_below(&prng, longest);
        fuzz_feed(&cut, slice_first(input, piece));
        input = slice_from(input, piece);
    }
    CHECK(slice_equal(buf_slice(&whole.out), buf_slice(&cut.out)));
    CHECK(whole.taken == cut.taken && whole.is_refused == cut.is_refused);
    CHECK(whole.reader.state == cut.reader.state);
    fuzz_end(&whole);
    fuzz_end(&cut);
    return 0;
}
