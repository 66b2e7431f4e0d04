/* record/redact, record/response, record/mask: no secret is stored or shown, and masked values stay
 * where they are. */
#include "unit/cases.h"

#include "base/limits.h"
#include "base/prng.h"
#include "base/text.h"
#include "record/mask.h"
#include "record/response.h"
#include "record/scan.h"

static const char secret[] = "s3cr/t+k y";

static void unescape(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = 0;
        if (text.at[i] == '\\' && i + 1 < text.size && text.at[i + 1] == 'n') {
            buf_add_byte(out, '\n');
            i++;
        } else if (text.at[i] == '\\' && i + 3 < text.size && text.at[i + 1] == 'x') {
            assert_true(text_parse_hex(slice_of(text.at + i + 2, 2), &byte, 1));
            buf_add_byte(out, (char)byte);
            i += 3;
        } else {
            buf_add_byte(out, text.at[i]);
        }
    }
}

static size_t parse_headers(struct slice text, struct bundle_header *out)
{
    size_t count = 0;
    while (text.size > 0) {
        size_t end = slice_find(text, ';');
        size_t colon = slice_find(text, ':');
        out[count].name = slice_trim(slice_first(text, colon));
        out[count++].value = slice_trim(slice_first(slice_from(text, colon + 1), end - colon - 1));
        text = slice_from(text, end + 1);
    }
    return count;
}

static void response_case(const struct cases_line *line)
{
    struct redact redact;
    struct bundle_header headers[10];
    struct response_parts parts = {.headers = headers};
    struct buf body;
    struct buf out;
    struct slice json;
    uint64_t status = 0;
    buf_init(&body, 10000);
    buf_init(&out, 10000);
    redact_init(&redact);
    assert_int_equal(redact_add_secret(&redact, slice_text(secret)), ERR_OK);
    assert_true(slice_to_u64(line->parts[0], 999, &status));
    parts.status = (int)status;
    parts.header_count = parse_headers(line->parts[1], headers);
    unescape(line->parts[2], &body);
    parts.body = buf_slice(&body);
    response_encode(&parts, &redact, &out);
    if (!slice_equal(buf_slice(&out), line->parts[3]))
        fail_msg("%s:%d: got %s", line->file, line->number, buf_text(&out));
    assert_true(scan_document(buf_slice(&out), &json));
    redact_done(&redact);
    buf_done(&body);
    buf_done(&out);
}

static void responses_hold(void **state)
{
    (void)state;
    assert_true(cases_run("response.cases", response_case) > 15);
}

/* A long answer is cut and marked; a secret that lies across the cut does not stay as a half. */
static void a_cut_leaves_no_half_secret(void **state)
{
    (void)state;
    struct redact redact;
    struct buf body;
    struct buf out;
    struct slice json;
    redact_init(&redact);
    assert_int_equal(redact_add_secret(&redact, SLICE("a-long-secret-of-the-provider")), ERR_OK);
    buf_init(&body, 4 * LIMIT_ANSWER_STORED);
    buf_init(&out, 8 * LIMIT_ANSWER_STORED);
    for (size_t before = LIMIT_ANSWER_STORED - 40; before <= LIMIT_ANSWER_STORED + 40; before++) {
        buf_reset(&body);
        buf_reset(&out);
        while (body.size < before)
            buf_add_byte(&body, 'x');
        buf_add_text(&body, "a-long-secret-of-the-provider");
        struct response_parts parts = {.status = 200, .body = buf_slice(&body)};
        response_encode(&parts, &redact, &out);
        assert_true(buf_ok(&out));
        assert_null(strstr(buf_text(&out), "a-long"));
        assert_true(scan_document(buf_slice(&out), &json));
        assert_true(out.size < LIMIT_ANSWER_STORED + 100);
        bool is_marked = strstr(buf_text(&out), ",\"cut\":true}") != NULL;
        assert_true(is_marked ||
                    body.size < LIMIT_ANSWER_STORED + sizeof "a-long-secret-of-the-provider");
        parts.body = slice_first(parts.body, body.size - 9); /* cut on its way: half of it came */
        parts.is_cut = true;
        buf_reset(&out);
        response_encode(&parts, &redact, &out);
        assert_null(strstr(buf_text(&out), "a-long"));
        assert_non_null(strstr(buf_text(&out), ",\"cut\":true}"));
    }
    redact_done(&redact);
    buf_done(&body);
    buf_done(&out);
}

/* In whatever form and between whatever bytes a provider sends it back: gone. */
static void no_form_of_a_secret_passes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct prng prng = {seed};
        struct redact redact;
        struct buf key, around, text, out;
        buf_init(&key, 1000);
        buf_init(&around, 1000);
        buf_init(&text, 10000);
        buf_init(&out, 10000);
        for (uint64_t i = 0, n = 8 + prng_below(&prng, 40); i < n; i++)
            buf_add_byte(&key, (char)(33 + prng_below(&prng, 94)));
        for (uint64_t i = 0, n = prng_below(&prng, 7); i < n; i++)
            buf_add_byte(&around, (char)('a' + prng_below(&prng, 26)));
        size_t before = around.size;
        buf_add(&around, buf_slice(&key));
        for (uint64_t i = 0, n = prng_below(&prng, 7); i < n; i++)
            buf_add_byte(&around, (char)('a' + prng_below(&prng, 26)));
        redact_init(&redact);
        assert_int_equal(redact_add_secret(&redact, buf_slice(&key)), ERR_OK);
        assert_int_equal(redact_add_secret(&redact, SLICE("another secret")), ERR_OK);
        text_add_base64(&text, buf_slice(&around));
        redact_add(&redact, buf_slice(&text), false, &out);
        /* Fewer than two characters at each side may still depend on the secret's first and last
         * bytes; the rest is gone. */
        assert_non_null(strstr(buf_text(&out), "***"));
        assert_true(out.size <=
                    (before + 2) * 4 / 3 + 3 + (around.size - before - key.size + 2) * 4 / 3 + 6);
        buf_reset(&out);
        redact_add(&redact, buf_slice(&around), false, &out);
        assert_int_equal(out.size, around.size - key.size + 3);
        assert_false(redact_finds(&redact, buf_slice(&out)));
        assert_true(redact_finds(&redact, buf_slice(&around)));
        buf_reset(&text);
        buf_reset(&out);
        buf_add_json_text(&text, buf_slice(&around));
        redact_add(&redact, buf_slice(&text), false, &out);
        assert_int_equal(out.size, around.size - key.size + 3 + 2);
        redact_done(&redact);
        buf_done(&key);
        buf_done(&around);
        buf_done(&text);
        buf_done(&out);
    }
}

/* A second secret that begins inside the first one and reaches further goes with it. */
static void overlapping_secrets_go_whole(void **state)
{
    (void)state;
    struct redact redact;
    struct buf out;
    buf_init(&out, 1000);
    redact_init(&redact);
    assert_int_equal(redact_add_secret(&redact, SLICE("abcdef")), ERR_OK);
    assert_int_equal(redact_add_secret(&redact, SLICE("defghi")), ERR_OK);
    assert_int_equal(redact_add_secret(&redact, SLICE("abcdefgh")), ERR_OK);
    redact_add(&redact, SLICE("x abcdefghi y abcdef z"), false, &out);
    assert_string_equal(buf_text(&out), "x *** y *** z");
    assert_int_equal(redact_add_secret(&redact, SLICE("x")), ERR_OK); /* too short to look for */
    buf_reset(&out);
    redact_add(&redact, SLICE("x"), false, &out);
    redact_add(NULL, SLICE("abcdef"), false, &out);
    assert_string_equal(buf_text(&out), "xabcdef");
    redact_done(&redact);
    buf_done(&out);
}

static void masks_hold(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"maria@example.org", "m\xe2\x80\xa6@example.org"},
        {"\xc3\xa9va@example.org", "\xc3\xa9\xe2\x80\xa6@example.org"},
        {"maria", "***"},
        {"", "***"},
        {"@example.org", "***"},
        {"a@localhost", "***"},
        {"a@b.c@d.e", "***"},
        {"maria@example.org, +34 600 000 000", "***"},
        {"a@b.c\nto: x", "***"},
    };
    struct buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_reset(&out);
        mask_add_value(slice_text(cases[i][0]), &out);
        assert_string_equal(buf_text(&out), cases[i][1]);
    }
    struct slice masked[] = {SLICE("email"), SLICE("iban")};
    struct step step = {.masked = masked, .masked_count = 2};
    buf_reset(&out);
    mask_add_input(
        &step,
        SLICE("{ \"balance\": 420.00, \"em\\u0061il\":\"m@x.org\",\"iban\":{\"no\":7},\"n\":null}"),
        &out);
    assert_string_equal(
        buf_text(&out),
        "{\"balance\":420.00,\"em\\u0061il\":\"m\xe2\x80\xa6@x.org\",\"iban\":\"***\",\"n\":null}");
    assert_true(mask_covers(&step, SLICE("input.email")));
    assert_true(mask_covers(&step, SLICE("input.iban.no")));
    assert_true(mask_covers(&step, SLICE("input")));
    assert_true(mask_covers(&step, SLICE("input[\"e\"]")));
    assert_false(mask_covers(&step, SLICE("input.emails")));
    assert_false(mask_covers(&step, SLICE("input.balance")));
    assert_false(mask_covers(&step, SLICE("context.email")));
    buf_done(&out);
}

/* What an upstream repeats of masked values, in the forms that it may use. */
static void echoes_hold(void **state)
{
    (void)state;
    static const char input[] =
        "{\"email\":\"Maria@Example.org\",\"iban\":\"ES91 2100\",\"n\":12345,"
        "\"card\":4111111111111111,\"who\":{\"first\":\"Jos\\u00e9\",\"ids\":"
        "[777001,\"AB/CD\"]},\"pin\":42,\"score\":1234.5,\"open\":\"shown\"}";
    static const char *const cases[][2] = {
        {"{\"to\":\"Maria@Example.org\"}", "{\"to\":\"M\xe2\x80\xa6@Example.org\"}"},
        {"{\"to\":\"maria@example.ORG!\"}", "{\"to\":\"M\xe2\x80\xa6@Example.org!\"}"},
        {"{\"url\":\"/u?m=maria%40example.org&x\"}",
         "{\"url\":\"/u?m=M\xe2\x80\xa6@Example.org&x\"}"},
        {"{\"url\":\"ES91+2100,es91%202100,ES91 2100\"}", "{\"url\":\"***,***,***\"}"},
        {"{\"card\":4111111111111111,\"c\":\"no 4111111111111111.\"}",
         "{\"card\":\"***\",\"c\":\"no ***.\"}"},
        {"{\"n\":12345,\"m\":123450,\"t\":\"12345 and 912345\"}",
         "{\"n\":\"***\",\"m\":123450,\"t\":\"*** and 912345\"}"},
        {"{\"score\":1234.50,\"more\":1.2345e3}", "{\"score\":\"***\",\"more\":\"***\"}"},
        {"{\"a\":\"Jos\\u00e9 \",\"b\":\"JOS\xc3\xa9\",\"c\":\"jos%C3%A9\"}",
         "{\"a\":\"*** \",\"b\":\"***\",\"c\":\"***\"}"},
        {"[777001,\"ab%2Fcd\",\"ab\\/cd\"]", "[\"***\",\"***\",\"***\"]"},
        {"{\"maria@example.org\":1}", "{\"M\xe2\x80\xa6@Example.org\":1}"},
        {"{\"pin\":42,\"open\":\"shown\",\"first\":\"first\"}",
         "{\"pin\":42,\"open\":\"shown\",\"first\":\"first\"}"}, /* too short, not masked, a name */
        {"{\"status\":200,\"body\":null}", "{\"status\":200,\"body\":null}"},
    };
    struct slice masked[] = {SLICE("email"), SLICE("iban"), SLICE("card"), SLICE("n"),
                             SLICE("who"),   SLICE("pin"),  SLICE("score")};
    struct step step = {.masked = masked, .masked_count = 7};
    struct buf out, many;
    buf_init(&out, 4000);
    buf_init(&many, 4000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_reset(&out);
        mask_add_response(&step, SLICE(input), slice_text(cases[i][0]), &out);
        assert_string_equal(buf_text(&out), cases[i][1]);
    }
    buf_add_text(&many, "{\"who\":[0");
    for (int i = 0; i < MASK_LEAVES; i++)
        buf_add_fmt(&many, ",%d", 10000 + i);
    buf_add_text(&many, "]}");
    buf_reset(&out);
    mask_add_response(&step, buf_slice(&many), SLICE("{\"a\":\"b\"}"), &out);
    assert_string_equal(buf_text(&out), "null"); /* more than is looked for: nothing is shown */
    buf_done(&many);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses_hold),
        cmocka_unit_test(a_cut_leaves_no_half_secret),
        cmocka_unit_test(no_form_of_a_secret_passes),
        cmocka_unit_test(overlapping_secrets_go_whole),
        cmocka_unit_test(masks_hold),
        cmocka_unit_test(echoes_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
