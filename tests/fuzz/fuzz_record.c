/* Any bytes as what the store holds: nothing crashes, what is read can be written and read again,
 * and JSON is taken exactly when another parser takes it, too. */
#include <jansson.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"
#include "record/bundle.h"
#include "record/canonical.h"
#include "record/difference.h"
#include "record/mask.h"
#include "record/record.h"
#include "record/response.h"
#include "record/row.h"
#include "record/scan.h"
#include "record/stop_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_MAX = 16 * 1024 * 1024 };

static void fuzz_record(struct slice input, struct arena *arena)
{
    struct record record = {0};
    struct record back = {0};
    struct buf first, second;
    if (record_decode(input, arena, &record) != ERR_OK)
        return;
    buf_init(&first, FUZZ_MAX);
    buf_init(&second, FUZZ_MAX);
    record_encode(&record, &first);
    CHECK(record_decode(buf_slice(&first), arena, &back) == ERR_OK);
    record_encode(&back, &second);
    CHECK(slice_equal(buf_slice(&first), buf_slice(&second)));
    buf_done(&first);
    buf_done(&second);
}

static void fuzz_row(struct slice input)
{
    struct row row = {0};
    struct row back = {0};
    struct buf first, second;
    if (row_decode(input, &row) != ERR_OK)
        return;
    buf_init(&first, FUZZ_MAX);
    buf_init(&second, FUZZ_MAX);
    row_encode(&row, &first);
    CHECK(row_decode(buf_slice(&first), &back) == ERR_OK);
    row_encode(&back, &second);
    CHECK(slice_equal(buf_slice(&first), buf_slice(&second)));
    buf_done(&first);
    buf_done(&second);
}

static void fuzz_small(struct slice input, struct arena *arena)
{
    struct bundle_submit submit = {0};
    struct bundle_outcome outcome = {0};
    struct bundle_words words = {0};
    struct bundle_request request = {0};
    struct stop stop = {0};
    struct incident_row incident = {0};
    struct buf out;
    buf_init(&out, FUZZ_MAX);
    if (bundle_submit_decode(input, arena, &submit) == ERR_OK) {
        bundle_submit_encode(&submit, &out);
        CHECK(bundle_submit_decode(buf_slice(&out), arena, &submit) == ERR_OK);
    }
    if (bundle_outcome_decode(input, arena, &outcome) == ERR_OK)
        CHECK(outcome.response_json.size <= input.size);
    if (bundle_words_decode(input, arena, &words) == ERR_OK)
        CHECK(words.reason.size <= input.size);
    if (bundle_request_decode(input, arena, &request) == ERR_OK) {
        buf_reset(&out);
        bundle_request_encode(&request, &out);
        struct bundle_request again = {0};
        CHECK(bundle_request_decode(buf_slice(&out), arena, &again) == ERR_OK);
        CHECK(slice_equal(request.body, again.body));
    }
    if (stop_row_decode(input, &stop) == ERR_OK)
        CHECK(stop.names[0][LIMIT_NAME] == '\0');
    if (incident_row_decode(input, &incident) == ERR_OK)
        CHECK(incident.by.size <= input.size);
    buf_done(&out);
}

/* Every string of the tree is one that jansson takes without its options, and no number is past a
 * double: there the two parsers may differ. */
static bool fuzz_is_comparable(struct slice input)
{
    bool has_nul_escape = false;
    for (size_t i = 0; i + 5 < input.size; i++)
        has_nul_escape = has_nul_escape || memcmp(input.at + i, "\\u0000", 6) == 0;
    return !has_nul_escape && text_is_utf8(input) && slice_find(input, '\0') == input.size;
}

static void fuzz_json(struct slice input, struct arena *arena)
{
    struct slice raw;
    struct canonical canonical;
    struct difference_list list;
    struct buf compact;
    bool is_json = scan_document(input, &raw);
    json_t *tree =
        json_loadb(input.at, input.size, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    bool is_distinct = false;
    canonical_init(&canonical);
    buf_init(&compact, FUZZ_MAX);
    if (is_json) {
        scan_add_compact(raw, &compact);
        CHECK(scan_document(buf_slice(&compact), &raw));
        is_distinct = canonical_spell(&canonical, input) == ERR_OK;
        CHECK(!is_distinct || canonical_equal(&canonical, input, buf_slice(&compact)));
        difference_find(&canonical, input, buf_slice(&compact), arena, &list);
        CHECK(!is_distinct || list.count == 0);
    } else {
        CHECK(canonical_spell(&canonical, input) != ERR_OK);
    }
    /* What jansson takes we take, up to our depth; but it takes a NUL for the end. */
    if (tree && slice_find(input, '\0') == input.size)
        CHECK(is_json || input.size > 2 * LIMIT_JSON_DEPTH);
    if (is_json && !tree && fuzz_is_comparable(input)) {
        bool has_number = strpbrk(buf_text(&compact), "0123456789") != NULL;
        CHECK(has_number); /* only a number past a double is refused by it alone */
    }
    json_decref(tree);
    canonical_done(&canonical);
    buf_done(&compact);
}

static void fuzz_response(struct slice input)
{
    struct redact redact;
    struct buf out;
    struct slice raw;
    struct slice secret = slice_first(input, 12);
    redact_init(&redact);
    buf_init(&out, FUZZ_MAX);
    CHECK(redact_add_secret(&redact, secret) == ERR_OK);
    struct response_parts parts = {.status = 200, .body = slice_from(input, 4)};
    response_encode(&parts, &redact, &out);
    CHECK(buf_ok(&out) && scan_document(buf_slice(&out), &raw) && text_is_utf8(buf_slice(&out)));
    CHECK(slice_find(buf_slice(&out), '\n') == out.size);
    struct slice masked[] = {SLICE("a"), SLICE("email")};
    struct step step = {.masked = masked, .masked_count = 2};
    if (scan_document(input, &raw) && scan_type(raw) == SCAN_OBJECT) {
        buf_reset(&out);
        mask_add_input(&step, raw, &out);
        CHECK(scan_document(buf_slice(&out), &raw));
    }
    redact_done(&redact);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    struct arena arena;
    arena_init(&arena, FUZZ_MAX);
    fuzz_record(input, &arena);
    fuzz_row(input);
    fuzz_small(input, &arena);
    fuzz_json(input, &arena);
    fuzz_response(input);
    arena_done(&arena);
    return 0;
}
