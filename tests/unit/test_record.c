/* record/record, record/bundle, record/row: what is written is what is read. */
#include "unit/cases.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/prng.h"
#include "base/text.h"
#include "record/bundle.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/number.h"
#include "record/record.h"
#include "record/row.h"
#include "record/step_tally.h"
#include "record/undone_row.h"

enum { BYTES_MAX = 1 << 20, SEEDS = 3000 };

static struct slice any_text(struct prng *prng)
{
    static const char *const texts[] = {"",
                                        "",
                                        "a",
                                        "invoice-reminders",
                                        "say \"no\" \\ /",
                                        "two\nlines\tand \x01",
                                        "\xc3\xa9\xf0\x9f\x98\x80",
                                        "12 days overdue",
                                        "{\"not\":\"json\"}"};
    return slice_text(texts[prng_below(prng, sizeof texts / sizeof *texts)]);
}

static uint64_t any_number(struct prng *prng, uint64_t max)
{
    uint64_t value = prng_next(prng) >> prng_below(prng, 64);
    if (prng_below(prng, 3) == 0)
        return 0;
    return prng_below(prng, 20) == 0 ? max : max == UINT64_MAX ? value : value % (max + 1);
}

static int64_t any_time(struct prng *prng)
{
    return prng_below(prng, 3) ? (int64_t)(1700000000000 + any_number(prng, 100000000000)) : 0;
}

static void any_bytes(struct prng *prng, bool is_there, unsigned char *out, size_t size)
{
    memset(out, 0, size);
    for (size_t i = 0; is_there && i < size; i++)
        out[i] = (unsigned char)(1 + prng_below(prng, 255));
}

static bool any_flag(struct prng *prng)
{
    return prng_below(prng, 2);
}

#define ANY(type, count) (type) prng_below(prng, count)

static void any_path(struct prng *prng, struct record *out)
{
    out->path_count = (uint8_t)prng_below(prng, 3) ? (uint8_t)prng_below(prng, 9) : 0;
    if (prng_below(prng, 50) == 0)
        out->path_count = LIMIT_PATH_GATES;
    for (size_t i = 0; i < out->path_count; i++)
        out->path[i] = (struct gate_step){ANY(enum gate, GATE_COUNT), ANY(enum says, SAYS_COUNT),
                                          (uint8_t)any_number(prng, 255), ANY(enum truth, 3)};
}

static void any_record(struct prng *prng, struct record *out)
{
    *out = (struct record){.kind = ANY(enum record_kind, RECORD_KIND_COUNT),
                           .at_unix_ms = prng_below(prng, 9) ? any_time(prng) : INT64_MIN,
                           .actor = any_text(prng),
                           .policy = any_text(prng),
                           .action = any_number(prng, UINT64_MAX),
                           .previous = any_number(prng, UINT64_MAX),
                           .workflow = any_text(prng),
                           .step = any_text(prng),
                           .upstream = any_text(prng),
                           .state = ANY(enum action_state, STATE_COUNT),
                           .reason = ANY(enum reason, REASON_COUNT),
                           .cause = ANY(enum cause, CAUSE_COUNT),
                           .attempt = (uint16_t)any_number(prng, UINT16_MAX),
                           .has_verdict = any_flag(prng),
                           .status = (int)any_number(prng, INT32_MAX),
                           .hold_for = ANY(enum hold_for, HOLD_FOR_COUNT),
                           .due_unix_ms = any_time(prng),
                           .people_due_unix_ms = any_time(prng),
                           .generation = (uint8_t)any_number(prng, 255),
                           .route = (uint8_t)any_number(prng, 255),
                           .revision = (uint8_t)any_number(prng, 255),
                           .review = (uint8_t)any_number(prng, 255),
                           .entry = (uint8_t)any_number(prng, 255),
                           .passed = any_text(prng),
                           .decided_by = (uint8_t)any_number(prng, 255),
                           .says = ANY(enum says, SAYS_COUNT),
                           .would = ANY(enum says, SAYS_COUNT),
                           .would_reason = ANY(enum reason, REASON_COUNT),
                           .stop = any_number(prng, UINT64_MAX),
                           .incident = any_number(prng, UINT64_MAX),
                           .again_of = any_number(prng, UINT64_MAX),
                           .has_key = any_flag(prng),
                           .has_run = any_flag(prng),
                           .has_payload = any_flag(prng),
                           .subject = any_text(prng),
                           .number = any_number(prng, UINT64_MAX)};
    if (out->has_verdict)
        out->verdict =
            (struct verdict){ANY(enum outcome, OUTCOME_COUNT), ANY(enum reason, REASON_COUNT),
                             any_flag(prng), any_flag(prng)};
    any_path(prng, out);
    any_bytes(prng, out->has_key, out->key_hash, RECORD_DIGEST);
    any_bytes(prng, out->has_key && any_flag(prng), out->fingerprint, RECORD_DIGEST);
    any_bytes(prng, out->has_run, out->run_hash, RECORD_DIGEST);
    any_bytes(prng, any_flag(prng), out->provider_key, RECORD_DIGEST);
    any_bytes(prng, any_flag(prng), out->row, RECORD_DIGEST);
    any_bytes(prng, out->has_payload, out->payload, sizeof out->payload);
}

/* Compares by value: slices by bytes, the rest whole. */
static void assert_same_record(const struct record *a, const struct record *b, uint64_t seed)
{
    struct record x = *a;
    struct record y = *b;
    enum { TEXTS = 7 };
    struct slice *xs[TEXTS] = {&x.actor,    &x.policy,  &x.workflow, &x.step,
                               &x.upstream, &x.subject, &x.passed};
    struct slice *ys[TEXTS] = {&y.actor,    &y.policy,  &y.workflow, &y.step,
                               &y.upstream, &y.subject, &y.passed};
    for (size_t i = 0; i < sizeof xs / sizeof *xs; i++) {
        if (!slice_equal(*xs[i], *ys[i]))
            fail_msg("seed %d: text %d: \"%.*s\" and \"%.*s\"", (int)seed, (int)i,
                     SLICE_FMT(*xs[i]), SLICE_FMT(*ys[i]));
        *xs[i] = *ys[i] = (struct slice){0};
    }
    const unsigned char *p = (const unsigned char *)&x;
    const unsigned char *q = (const unsigned char *)&y;
    for (size_t i = 0; i < sizeof x; i++)
        if (p[i] != q[i])
            fail_msg("seed %d: byte %d of struct record differs", (int)seed, (int)i);
}

static void records_come_back(void **state)
{
    (void)state;
    struct buf bytes;
    struct buf again;
    struct arena arena;
    buf_init(&bytes, BYTES_MAX);
    buf_init(&again, BYTES_MAX);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct prng prng = {seed};
        struct record record;
        struct record back;
        memset(&record, 0, sizeof record);
        memset(&back, 0, sizeof back);
        any_record(&prng, &record);
        buf_reset(&bytes);
        buf_reset(&again);
        arena_init(&arena, BYTES_MAX);
        record_encode(&record, &bytes);
        assert_true(buf_ok(&bytes));
        assert_true(slice_find(buf_slice(&bytes), '\n') == bytes.size);
        if (record_decode(buf_slice(&bytes), &arena, &back) != ERR_OK)
            fail_msg("seed %d: does not read %s", (int)seed, buf_text(&bytes));
        assert_same_record(&record, &back, seed);
        record_encode(&back, &again);
        assert_string_equal(buf_text(&bytes), buf_text(&again));
        arena_done(&arena);
    }
    buf_done(&bytes);
    buf_done(&again);
}

static void record_case(const struct cases_line *line)
{
    struct arena arena;
    struct record record;
    struct buf bytes;
    arena_init(&arena, 10000);
    buf_init(&bytes, 10000);
    enum err err = record_decode(line->parts[0], &arena, &record);
    if (err == ERR_OK)
        record_encode(&record, &bytes);
    else
        buf_add_text(&bytes, err == ERR_CORRUPT ? "corrupt" : "?");
    struct slice want = slice_is(line->parts[1], "same") ? line->parts[0] : line->parts[1];
    if (!slice_equal(buf_slice(&bytes), want))
        fail_msg("%s:%d: got %s", line->file, line->number, buf_text(&bytes));
    arena_done(&arena);
    buf_done(&bytes);
}

/* The spelling is for ever: old stores hold it. */
static void record_cases_hold(void **state)
{
    (void)state;
    assert_true(cases_run("record.cases", record_case) > 25);
}

static bool page_names(struct slice page, const char *name)
{
    struct buf quoted;
    buf_init(&quoted, 100);
    buf_add_fmt(&quoted, "`%s`", name);
    bool is_there = false;
    for (size_t i = 0; !is_there && i < page.size; i++)
        is_there = slice_starts(slice_from(page, i), buf_slice(&quoted));
    buf_done(&quoted);
    return is_there;
}

/* docs/records.md is for those who read the bytes: it names each member and each kind. */
static void the_page_is_whole(void **state)
{
    (void)state;
    struct buf file;
    struct buf bytes;
    struct record record = {0};
    struct prng prng = {1};
    buf_init(&file, BYTES_MAX);
    buf_init(&bytes, BYTES_MAX);
    struct slice page = cases_read("../../docs/records.md", &file);
    for (unsigned i = 0; i < RECORD_KIND_COUNT; i++)
        assert_true(page_names(page, record_kind_name((enum record_kind)i)));
    for (unsigned i = 0; i < STATE_COUNT; i++)
        assert_non_null(strstr(buf_text(&file), state_name((enum action_state)i)));
    json_t *seen = json_object();
    for (int i = 0; i < 200; i++) {
        any_record(&prng, &record);
        buf_reset(&bytes);
        record_encode(&record, &bytes);
        json_t *object = json_loadb(buf_text(&bytes), bytes.size, JSON_REJECT_DUPLICATES, NULL);
        if (object) /* else a number past 2^63, which that parser does not take */
            (void)json_object_update(seen, object); /* the count below tells */
        json_decref(object);
    }
    const char *name;
    const json_t *value;
    json_object_foreach(seen, name, value)
    {
        if (!page_names(page, name))
            fail_msg("docs/records.md does not name `%s`", name);
    }
    assert_true(json_object_size(seen) >= 41);
    json_decref(seen);
    buf_done(&bytes);
    buf_done(&file);
}

static void submits_come_back(void **state)
{
    (void)state;
    struct bundle_submit submit = {.key = SLICE("INV-2041:2"),
                                   .run = SLICE("INV-2041"),
                                   .actor = SLICE("billing-cron"),
                                   .summary = SLICE("Reminder \"2\" for m\xe2\x80\xa6@example.org"),
                                   .because = SLICE("12 days\noverdue"),
                                   .trace = SLICE("00-aa-bb-01"),
                                   .input_json =
                                       SLICE("{ \"balance\": 420.00,\n\"email\":\"\\u0061@b\" }"),
                                   .context_json = SLICE("{\"m\":1.0}"),
                                   .has_confidence = true,
                                   .confidence = 0.93,
                                   .is_summary_masked = true,
                                   .saw_count = 2,
                                   .saw = {{1, SLICE("input.balance"), SLICE("420.00")},
                                           {2, SLICE("input.email"), SLICE("\"***\"")}}};
    struct bundle_submit back;
    struct buf bytes;
    struct buf again;
    struct arena arena;
    buf_init(&bytes, BYTES_MAX);
    buf_init(&again, BYTES_MAX);
    arena_init(&arena, BYTES_MAX);
    bundle_submit_encode(&submit, &bytes);
    assert_int_equal(bundle_submit_decode(buf_slice(&bytes), &arena, &back), ERR_OK);
    assert_true(slice_equal(submit.input_json, back.input_json));
    assert_true(slice_equal(submit.context_json, back.context_json));
    assert_true(slice_equal(submit.because, back.because));
    assert_true(slice_equal(submit.saw[0].value, back.saw[0].value));
    assert_true(back.has_confidence && back.confidence > 0.929 && back.confidence < 0.931);
    assert_true(back.is_summary_masked);
    bundle_submit_encode(&back, &again);
    assert_string_equal(buf_text(&bytes), buf_text(&again));
    assert_int_equal(bundle_submit_decode(SLICE("{}"), &arena, &back), ERR_OK);
    assert_int_equal(bundle_submit_decode(SLICE("{\"key\":1}"), &arena, &back), ERR_CORRUPT);
    assert_int_equal(bundle_submit_decode(SLICE("{\"saw\":[[1]]}"), &arena, &back), ERR_CORRUPT);
    assert_int_equal(bundle_submit_decode(SLICE("[]"), &arena, &back), ERR_CORRUPT);
    arena_done(&arena);
    buf_done(&bytes);
    buf_done(&again);
}

static void outcomes_and_words_come_back(void **state)
{
    (void)state;
    struct bundle_outcome outcome = {SLICE("{\"status\":200,\"body\":{\"a\":1.0}}"),
                                     SLICE("no answer in 10 s"), SLICE("127.0.0.1:80")};
    struct bundle_words words = {SLICE("paid by hand"), SLICE("bank statement 7")};
    struct bundle_outcome outcome_back;
    struct bundle_words words_back;
    struct buf bytes;
    struct arena arena;
    buf_init(&bytes, BYTES_MAX);
    arena_init(&arena, BYTES_MAX);
    bundle_outcome_encode(&outcome, &bytes);
    assert_int_equal(bundle_outcome_decode(buf_slice(&bytes), &arena, &outcome_back), ERR_OK);
    assert_true(slice_equal(outcome.response_json, outcome_back.response_json));
    assert_true(slice_equal(outcome.what, outcome_back.what));
    assert_true(slice_equal(outcome.peer, outcome_back.peer));
    buf_reset(&bytes);
    bundle_words_encode(&words, &bytes);
    assert_int_equal(bundle_words_decode(buf_slice(&bytes), &arena, &words_back), ERR_OK);
    assert_true(slice_equal(words.reason, words_back.reason));
    assert_true(slice_equal(words.evidence, words_back.evidence));
    arena_done(&arena);
    buf_done(&bytes);
}

/* R5: byte for byte, whatever the bytes. */
static void requests_come_back(void **state)
{
    (void)state;
    struct bundle_request request = {
        .method = SLICE("POST"),
        .target = SLICE("/v1/messages?x=%20"),
        .provider_key = SLICE("abc"),
        .header_count = 2,
        .headers = {{SLICE("content-type"), SLICE("application/json")}, {SLICE("x-y"), SLICE("")}},
        .body = SLICE("{\"a\":\"\0\xff\n\"}")};
    struct bundle_request back = {0};
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    bundle_request_encode(&request, &bytes);
    assert_int_equal(bundle_request_decode(buf_slice(&bytes), NULL, &back), ERR_OK);
    assert_true(slice_equal(request.method, back.method));
    assert_true(slice_equal(request.target, back.target));
    assert_true(slice_equal(request.body, back.body));
    assert_true(slice_equal(request.provider_key, back.provider_key));
    assert_int_equal(back.header_count, 2);
    assert_true(slice_equal(request.headers[0].value, back.headers[0].value));
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(bundle_request_decode(slice_first(buf_slice(&bytes), size), NULL, &back),
                         ERR_CORRUPT);
    buf_done(&bytes);
}

static void a_seal_breaks_by_any_byte(void **state)
{
    (void)state;
    unsigned char salt[BUNDLE_SALT] = "thirty-two bytes of salt ......";
    unsigned char commitment[32];
    unsigned char want[32];
    struct buf stored;
    struct slice value = {0};
    buf_init(&stored, 1000);
    bundle_seal(salt, BUNDLE_LABEL_SUBMIT, SLICE("{\"key\":\"k\"}"), &stored, commitment);
    const struct slice parts[] = {slice_of(salt, sizeof salt), SLICE("submit{\"key\":\"k\"}")};
    digest_parts(parts, 2, want);
    assert_memory_equal(commitment, want, sizeof want);
    assert_int_equal(bundle_open(buf_slice(&stored), "submit", commitment, &value), ERR_OK);
    assert_true(slice_is(value, "{\"key\":\"k\"}"));
    assert_int_equal(bundle_open(buf_slice(&stored), "outcome", commitment, &value), ERR_CORRUPT);
    assert_int_equal(bundle_open(SLICE("short"), "submit", commitment, &value), ERR_CORRUPT);
    for (size_t i = 0; i < stored.size; i++) {
        stored.at[i] ^= 1;
        assert_int_equal(bundle_open(buf_slice(&stored), "submit", commitment, &value),
                         ERR_CORRUPT);
        stored.at[i] ^= 1;
    }
    buf_done(&stored);
}

static void any_action(struct prng *prng, struct action *out)
{
    int64_t contradicted_unix_ms = any_flag(prng) ? any_time(prng) : 0;
    *out = (struct action){
        .id = any_number(prng, UINT64_MAX),
        .state = ANY(enum action_state, STATE_COUNT),
        .reason = ANY(enum reason, REASON_COUNT),
        .cause = ANY(enum cause, CAUSE_COUNT),
        .hold_for = ANY(enum hold_for, HOLD_FOR_COUNT),
        .due_kind = ANY(enum due_kind, DUE_COUNT),
        .due_unix_ms = any_time(prng),
        .hold_end_unix_ms = any_time(prng),
        .people_due_unix_ms = any_time(prng),
        .submitted_unix_ms = any_time(prng),
        .ended_unix_ms = any_time(prng),
        .stop_id = any_number(prng, UINT64_MAX),
        .again_of = any_number(prng, UINT64_MAX / 4),
        .generation = (uint8_t)any_number(prng, 255),
        .route = (uint8_t)any_number(prng, 255),
        .revision = (uint8_t)any_number(prng, 255),
        .risk = (uint8_t)any_number(prng, 255),
        .mode = ANY(enum mode, 3),
        .starts = (uint16_t)any_number(prng, UINT16_MAX),
        .grants = (uint16_t)any_number(prng, UINT16_MAX),
        .starts_total = (uint16_t)any_number(prng, UINT16_MAX),
        .releases = (uint8_t)any_number(prng, 255),
        .reviews = (uint8_t)any_number(prng, 255),
        .may_have_happened = any_flag(prng),
        .attempt_is_open = any_flag(prng),
        .permit_is_begun = any_flag(prng),
        .is_approved = any_flag(prng),
        .is_granted = any_flag(prng),
        .is_start_granted = any_flag(prng),
        .once_is_spent = any_flag(prng),
        .is_hold_rule_spent = any_flag(prng),
        .approved_until_unix_ms = any_time(prng),
        .is_drawn = any_flag(prng),
        .asks = (uint8_t)any_number(prng, 255),
        .is_release_wanted = any_flag(prng),
        .negative_unix_ms = any_time(prng),
        .fact_unix_ms = any_time(prng),
        .entry = (uint8_t)any_number(prng, 255),
        .routes_entered = (uint16_t)any_number(prng, UINT16_MAX),
        .grants_former = (uint16_t)any_number(prng, UINT16_MAX),
        .passed_count = (uint8_t)any_number(prng, LIMIT_PASSED),
        .contradicted_unix_ms = contradicted_unix_ms,
        .contradiction_due_unix_ms = contradicted_unix_ms ? any_time(prng) : 0,
        .contradiction_attempt = contradicted_unix_ms ? (uint16_t)any_number(prng, 99) : 0,
        .contradiction_outcome = contradicted_unix_ms ? ANY(enum outcome, OUTCOME_COUNT) : 0,
        .route_entered_unix_ms = any_time(prng),
        .first_start_unix_ms = any_time(prng),
        .attempt_unix_ms = any_time(prng),
        .last_outcome = ANY(enum outcome, OUTCOME_COUNT),
        .last_reason = ANY(enum reason, REASON_COUNT),
        .last_status = (int)any_number(prng, 999),
        .is_frozen = any_flag(prng),
        .effect = ANY(enum effect_class, 2),
        .idempotency = ANY(enum idempotency, 4),
        .keeps_ms = any_time(prng),
        .timeout_ms = any_time(prng)};
    for (size_t i = 0; i < out->passed_count; i++)
        out->passed[i] =
            (struct pass){(uint8_t)any_number(prng, 255), ANY(enum pass_why, PASS_COUNT)};
    any_bytes(prng, any_flag(prng), out->request_digest, ACTION_DIGEST);
    any_bytes(prng, any_flag(prng), out->approved_digest, ACTION_DIGEST);
}

static void rows_come_back(void **state)
{
    (void)state;
    struct buf bytes;
    struct buf again;
    buf_init(&bytes, BYTES_MAX);
    buf_init(&again, BYTES_MAX);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct prng prng = {seed};
        struct row row;
        struct row back;
        memset(&row, 0, sizeof row);
        memset(&back, 0, sizeof back);
        any_action(&prng, &row.action);
        row.workflow = any_text(&prng);
        row.step = any_text(&prng);
        row.upstream = any_text(&prng);
        row.actor = any_text(&prng);
        row.policy = any_text(&prng);
        row.last_seq = any_number(&prng, UINT64_MAX / 2);
        row.first_seq = any_number(&prng, UINT64_MAX / 4);
        row.outcome_seq = any_number(&prng, UINT64_MAX / 4);
        row.decided_seq = any_number(&prng, UINT64_MAX / 4);
        row.fact_seq = any_number(&prng, UINT64_MAX / 4);
        row.erased_unix_ms = any_time(&prng);
        row.edited_seq = any_number(&prng, UINT64_MAX / 4);
        row.claimed_by = any_text(&prng);
        row.claimed_until_unix_ms = row.claimed_by.size ? any_time(&prng) : 0;
        row.assigned_to = any_text(&prng);
        row.has_risk_id = any_flag(&prng);
        row.risk_id = row.has_risk_id ? (uint32_t)any_number(&prng, UINT32_MAX) : 0;
        any_bytes(&prng, any_flag(&prng), row.key_hash, ROW_DIGEST);
        any_bytes(&prng, any_flag(&prng), row.fingerprint, ROW_DIGEST);
        any_bytes(&prng, any_flag(&prng), row.permit_hash, ROW_DIGEST);
        buf_reset(&bytes);
        buf_reset(&again);
        row_encode(&row, &bytes);
        assert_int_equal(row_decode(buf_slice(&bytes), &back), ERR_OK);
        row_encode(&back, &again);
        assert_true(slice_equal(buf_slice(&bytes), buf_slice(&again)));
        assert_memory_equal(&row.action, &back.action, sizeof row.action);
        assert_int_equal(back.has_risk_id, row.has_risk_id);
        assert_int_equal(back.risk_id, row.risk_id);
        assert_true(slice_equal(row.workflow, back.workflow) && slice_equal(row.step, back.step));
        assert_true(slice_equal(row.upstream, back.upstream) && slice_equal(row.actor, back.actor));
        assert_true(slice_equal(row.policy, back.policy));
        assert_memory_equal(row.permit_hash, back.permit_hash, ROW_DIGEST);
        assert_memory_equal(row.key_hash, back.key_hash, ROW_DIGEST);
        assert_memory_equal(row.fingerprint, back.fingerprint, ROW_DIGEST);
        assert_true(row.last_seq == back.last_seq && row.first_seq == back.first_seq);
        assert_true(row.outcome_seq == back.outcome_seq && row.decided_seq == back.decided_seq);
        assert_true(row.erased_unix_ms == back.erased_unix_ms && row.fact_seq == back.fact_seq);
        assert_true(row.edited_seq == back.edited_seq);
        assert_true(slice_equal(row.claimed_by, back.claimed_by) &&
                    row.claimed_until_unix_ms == back.claimed_until_unix_ms);
        assert_true(slice_equal(row.assigned_to, back.assigned_to));
        for (size_t size = 0; size < bytes.size; size++)
            assert_int_not_equal(row_decode(slice_first(buf_slice(&bytes), size), &back), ERR_OK);
    }
    buf_done(&bytes);
    buf_done(&again);
}

/* R7: it stays for ever, a million of them. */
static void an_ended_row_is_small(void **state)
{
    (void)state;
    int64_t now = 1795500000000;
    struct row row = {.action = {.id = (uint64_t)now << 16,
                                 .state = STATE_DONE,
                                 .reason = REASON_STATUS,
                                 .submitted_unix_ms = now,
                                 .ended_unix_ms = now + 85,
                                 .risk = 1,
                                 .mode = MODE_AUTO,
                                 .starts = 1,
                                 .starts_total = 1,
                                 .route_entered_unix_ms = now,
                                 .first_start_unix_ms = now,
                                 .attempt_unix_ms = now,
                                 .last_outcome = OUTCOME_OK,
                                 .last_reason = REASON_STATUS,
                                 .last_status = 202,
                                 .is_frozen = true,
                                 .idempotency = IDEMPOTENCY_BY_KEY,
                                 .keeps_ms = 86400000,
                                 .timeout_ms = 10000},
                      .workflow = SLICE("invoice-reminders"),
                      .step = SLICE("send_reminder"),
                      .upstream = SLICE("mailer"),
                      .actor = SLICE("billing-cron"),
                      .policy = SLICE("0123456789abcdef"),
                      .first_seq = 4000000,
                      .last_seq = 4000001,
                      .outcome_seq = 4000001,
                      .decided_seq = 4000000};
    memset(row.key_hash, 7, ROW_DIGEST);
    memset(row.fingerprint, 7, ROW_DIGEST);
    memset(row.action.request_digest, 7, ACTION_DIGEST);
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    row_encode(&row, &bytes);
    assert_in_range(bytes.size, 100, 200);
    buf_done(&bytes);
}

/* R27: what a newer version wrote is read as the careful value. */
static void unknown_enums_are_careful(void **state)
{
    (void)state;
    struct row row = {.action = {.state = STATE_DONE,
                                 .reason = REASON_STATUS,
                                 .approved_until_unix_ms = 9,
                                 .is_drawn = true}};
    struct row back;
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    row_encode(&row, &bytes);
    bytes.at[1] = 100; /* the state: first after the version */
    assert_int_equal(row_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_int_equal(back.action.state, STATE_UNCERTAIN);
    buf_add_text(&bytes, "more, of a newer minor version");
    assert_int_equal(row_decode(buf_slice(&bytes), &back), ERR_OK);
    bytes.at[0] = 1; /* the first version knew no end of an approval: it is over */
    assert_int_equal(row_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_true(back.action.approved_until_unix_ms == 0);
    bytes.at[0] = 2; /* the second one made no draws */
    assert_int_equal(row_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_true(back.action.approved_until_unix_ms == 9 && !back.action.is_drawn);
    bytes.at[0] = 6;
    assert_int_equal(row_decode(buf_slice(&bytes), &back), ERR_VERSION);
    assert_int_equal(row_decode(SLICE(""), &back), ERR_CORRUPT);
    buf_done(&bytes);
}

static void numbers_come_back(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT64_MAX / 2, UINT64_MAX};
    struct buf bytes;
    buf_init(&bytes, 1000);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint64_t value = 5;
        buf_reset(&bytes);
        number_add_varint(&bytes, numbers[i]);
        struct slice rest = buf_slice(&bytes);
        assert_true(number_take_varint(&rest, &value));
        assert_true(value == numbers[i] && rest.size == 0);
        assert_true(number_unzigzag(number_zigzag(numbers[i])) == numbers[i]);
    }
    struct slice bad = SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
    uint64_t value = 0;
    assert_false(number_take_varint(&bad, &value));
    static const struct {
        double value;
        const char *text;
    } reals[] = {{0, "0"},
                 {0.1, "0.1"},
                 {1e300, "1e+300"},
                 {0.30000000000000004, "0.30000000000000004"},
                 {420, "420"},
                 {-1.5, "-1.5"},
                 {9007199254740993.0, "9007199254740992"},
                 {1e21, "1e+21"},
                 {0.00001, "0.00001"},
                 {1e-7, "1e-7"}};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        buf_reset(&bytes);
        number_add_real(&bytes, reals[i].value);
        assert_string_equal(buf_text(&bytes), reals[i].text);
    }
    buf_done(&bytes);
}

static void review_ids_come_back(void **state)
{
    (void)state;
    struct buf text;
    uint64_t action = 0;
    uint8_t review = 0;
    buf_init(&text, 100);
    id_add_review(&text, 1234567, 3);
    assert_string_equal(buf_text(&text), "r_0000000015NM7.3");
    assert_true(id_parse_review(buf_slice(&text), &action, &review));
    assert_int_equal(action, 1234567);
    assert_int_equal(review, 3);
    assert_false(id_parse_review(SLICE("r_0000000015NM7"), &action, &review));
    assert_false(id_parse_review(SLICE("a_0000000015NM7.1"), &action, &review));
    assert_false(id_parse_review(SLICE("r_0000000015NM7.256"), &action, &review));
    assert_false(id_parse_review(SLICE("r_0000000015NM7.1x"), &action, &review));
    buf_done(&text);
}

/* Counters of a step: by the id of a class, also when there are more than fit. */
static void steps_come_back(void **state)
{
    (void)state;
    struct step_tally tally = {.degraded = {[CAUSE_RULE] = 3}}, back;
    struct buf bytes, key;
    int64_t hour = 0;
    buf_init(&bytes, 8192);
    buf_init(&key, 200);
    for (uint32_t i = 0; i < STEP_CLASSES + 2; i++) { /* two without room count as the first */
        step_tally_class(&tally, i * 1000003)->automatic += i + 1;
        step_tally_class(&tally, i * 1000003)->other++;
    }
    assert_int_equal(tally.class_count, STEP_CLASSES);
    assert_int_equal(step_tally_find(&tally, 0)->other, 3);
    assert_null(step_tally_find(&tally, 7));
    step_tally_encode(&tally, &bytes);
    assert_int_equal(step_tally_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_memory_equal(&back, &tally, sizeof tally);
    assert_int_equal(step_tally_decode(slice_first(buf_slice(&bytes), bytes.size - 1), &back),
                     ERR_CORRUPT);
    assert_int_equal(step_tally_decode(SLICE(""), &back), ERR_CORRUPT);
    step_tally_key_add(&key, SLICE("w"), SLICE("s"), 491234);
    assert_string_equal(buf_text(&key), "/step/w/s/0000491234");
    assert_true(step_tally_key_hour(buf_slice(&key), &hour));
    assert_int_equal(hour, 491234);
    assert_false(step_tally_key_hour(SLICE("w/0000491234"), &hour));
    struct slice workflow = {0}, step = {0};
    assert_true(step_tally_key_names(buf_slice(&key), &workflow, &step));
    assert_true(slice_is(workflow, "w") && slice_is(step, "s"));
    static const char *const wrong[] = {"",          "w/0000491234",        "/step/0000491234",
                                        "/step/w",   "/step/w/0000491234",  "/step/w/s00000491234",
                                        "/step/w/s", "/stop/w/s/0000491234"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(step_tally_key_names(slice_text(wrong[i]), &workflow, &step));
    buf_done(&key);
    buf_done(&bytes);
}

/* What nobody was told of yet, and who was told. */
static void undone_comes_back(void **state)
{
    (void)state;
    struct undone undone = {.count = {.expired = 4000,
                                      .cancelled = 3,
                                      .rejected = 1,
                                      .failed = 2,
                                      .late = 4005},
                            .since_unix_ms = 1700000000000,
                            .until_unix_ms = 1700000000009,
                            .told_unix_ms = 5,
                            .first = {7, 8, 0}},
                  back;
    struct buf bytes, early, late;
    uint64_t incident = 0;
    buf_init(&bytes, 200);
    buf_init(&early, 200);
    buf_init(&late, 200);
    undone_encode(&undone, &bytes);
    assert_int_equal(undone_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_memory_equal(&back, &undone, sizeof undone);
    assert_int_equal(undone_decode(slice_first(buf_slice(&bytes), bytes.size - 1), &back),
                     ERR_CORRUPT);
    buf_reset(&bytes);
    undone_telling_encode(77, &bytes);
    assert_int_equal(undone_telling_decode(buf_slice(&bytes), &incident), ERR_OK);
    assert_int_equal(incident, 77);
    undone_key_add(&early, SLICE("w"), 999999);
    undone_key_add(&late, SLICE("w"), 1000000);
    assert_true(strcmp(buf_text(&early), buf_text(&late)) < 0); /* in order of time */
    assert_true(undone_key_is_of(buf_slice(&early), SLICE("w")));
    assert_false(undone_key_is_of(buf_slice(&early), SLICE("w-2")));
    buf_done(&late);
    buf_done(&early);
    buf_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(record_cases_hold),
        cmocka_unit_test(the_page_is_whole),
        cmocka_unit_test(submits_come_back),
        cmocka_unit_test(outcomes_and_words_come_back),
        cmocka_unit_test(requests_come_back),
        cmocka_unit_test(a_seal_breaks_by_any_byte),
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(steps_come_back),
        cmocka_unit_test(undone_comes_back),
        cmocka_unit_test(an_ended_row_is_small),
        cmocka_unit_test(unknown_enums_are_careful),
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(review_ids_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
