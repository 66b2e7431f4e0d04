/* The built-in provider behind the upstream port, through the router: the port's contract, and what
 * each setting does. Cases are rows: settings, requests, what was told, what was counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/limits.h"
#include "upstream/router.h"
#include "upstream/sandbox.h"

struct bench {
    uv_loop_t loop;
    struct sandbox *sandbox;
    struct router router;
    struct upstream_port port;
    struct upstream_endpoint endpoint;
    size_t count;
    struct upstream_answer answer; /* of the last one, without its slices */
    struct buf body;
    struct buf told; /* one line for each answer */
    bool may_send;
    size_t network_calls;
};

static enum err network_call(void *impl, const struct upstream_call *call)
{
    (void)call;
    ((struct bench *)impl)->network_calls++;
    return ERR_BUSY;
}

static size_t network_count(void *impl)
{
    (void)impl;
    return 1000;
}

static void bench_start(struct bench *bench)
{
    *bench = (struct bench){.may_send = true};
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    assert_int_equal(sandbox_new(&bench->loop, &bench->sandbox), ERR_OK);
    bench->router.sandbox = sandbox_port(bench->sandbox);
    bench->router.network = (struct upstream_port){bench, network_call, network_count};
    bench->port = router_port(&bench->router);
    bench->endpoint = (struct upstream_endpoint){.name = SLICE("mailer"), .is_sandbox = true};
    buf_init(&bench->body, LIMIT_ANSWER);
    buf_init(&bench->told, LIMIT_ANSWER);
}

static void bench_stop(struct bench *bench)
{
    sandbox_free(bench->sandbox);
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    buf_done(&bench->body);
    buf_done(&bench->told);
}

static void bench_done(void *arg, const struct upstream_answer *answer)
{
    struct bench *bench = arg;
    bench->count++;
    bench->answer = *answer;
    buf_reset(&bench->body);
    buf_add(&bench->body, answer->body);
    static const char *const phases[] = {"no_answer", "not_sent", "answered"};
    buf_add_fmt(&bench->told, "%s%s%s%s", phases[answer->phase],
                answer->was_withheld ? " withheld" : "", answer->is_cut ? " cut" : "",
                answer->is_timeout ? " timeout" : "");
    if (answer->status)
        buf_add_fmt(&bench->told, " %d", answer->status);
    for (size_t i = 0; i < answer->header_count; i++)
        if (!slice_is(answer->headers[i].name, "Content-Type"))
            buf_add_fmt(&bench->told, " %.*s=%.*s", SLICE_FMT(answer->headers[i].name),
                        SLICE_FMT(answer->headers[i].value));
    buf_add_text(&bench->told, "; ");
    assert_true(answer->what.size > 0);
}

static bool bench_may_send(void *arg)
{
    return ((struct bench *)arg)->may_send;
}

static struct upstream_call bench_call(struct bench *bench, const char *method, const char *target,
                                       const char *body)
{
    return (struct upstream_call){.endpoint = &bench->endpoint,
                                  .method = slice_text(method),
                                  .target = slice_text(target),
                                  .body = slice_text(body),
                                  .timeout_ms = 1000,
                                  .connect_timeout_ms = 1000,
                                  .answer_max = LIMIT_ANSWER,
                                  .may_send = bench_may_send,
                                  .done = bench_done,
                                  .arg = bench};
}

static void bench_run(struct bench *bench, const struct upstream_call *call)
{
    size_t count = bench->count;
    assert_int_equal(bench->port.call(bench->port.impl, call), ERR_OK);
    assert_int_equal(bench->count, count); /* later */
    assert_int_equal(bench->port.count(bench->port.impl), 1001);
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(bench->count, count + 1);
    assert_int_equal(bench->port.count(bench->port.impl), 1000);
}

static void bench_ask(struct bench *bench, const char *settings, enum err want)
{
    struct buf out;
    buf_init(&out, LIMIT_ANSWER);
    assert_int_equal(sandbox_ask(bench->sandbox, SLICE("mailer"), slice_text(settings), &out),
                     want);
    assert_true(out.size > 0);
    buf_done(&out);
}

static int64_t bench_counted(struct bench *bench, const char *name)
{
    struct buf out;
    json_error_t error;
    buf_init(&out, LIMIT_ANSWER);
    assert_int_equal(sandbox_report(bench->sandbox, SLICE("mailer"), &out), ERR_OK);
    json_t *report = json_loadb(out.at, out.size, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(report);
    json_t *value = json_object_get(report, name);
    assert_non_null(value);
    int64_t number = json_integer_value(value);
    json_decref(report);
    buf_done(&out);
    return number;
}

/* --- settings, requests, answers, counts --- */
struct sandbox_case {
    const char *name;
    const char *settings; /* NULL = none */
    const char *requests; /* "METHOD KEY BODY; …", "-" = none */
    const char *told;
    int effects, keys, twice_by_key, twice_by_payload, repeats, lost;
};

static const struct sandbox_case sandbox_cases[] = {
    {"well-behaved", NULL, "POST a 1; POST b 2; POST - 3",
     "answered 200; answered 200; answered 200; ", 3, 2, 0, 0, 0, 0},
    {"a known key", NULL, "POST a 1; POST a 1",
     "answered 200; answered 200 Idempotency-Replayed=true; ", 1, 1, 0, 0, 1, 0},
    {"a known key, other payload", NULL, "POST a 1; POST a 2", "answered 200; answered 422; ", 1, 1,
     0, 0, 0, 0},
    {"keys not remembered", "{\"remembers_keys\":false}", "POST a 1; POST a 1",
     "answered 200; answered 200; ", 2, 1, 1, 1, 0, 0},
    {"no key", NULL, "POST - 1; POST - 1; POST - 1", "answered 200; answered 200; answered 200; ",
     3, 0, 0, 1, 0, 0},
    {"a lost answer has an effect", "{\"lose\":1}", "POST a 1; POST b 2",
     "no_answer; answered 200; ", 2, 2, 0, 0, 0, 1},
    {"a repeat finds it", "{\"lose\":1}", "POST a 1; POST a 1",
     "no_answer; answered 200 Idempotency-Replayed=true; ", 1, 1, 0, 0, 1, 1},
    {"without a key it happens twice", "{\"lose\":1}", "POST - 1; POST - 1",
     "no_answer; answered 200; ", 2, 0, 0, 1, 0, 1},
    {"reads are not lost, and do nothing", "{\"lose\":1}", "GET - -; HEAD - -; POST a 1",
     "answered 200; answered 200; no_answer; ", 1, 1, 0, 0, 0, 1},
    {"lost for ever", "{\"lose\":null}", "POST a 1; POST b 1; POST c 1",
     "no_answer; no_answer; no_answer; ", 3, 3, 0, 1, 0, 3},
    {"down", "{\"down\":true}", "POST a 1", "not_sent; ", 0, 0, 0, 0, 0, 0},
    {"a status, once", "{\"status\":503,\"retry_after_s\":7}", "POST a 1; POST a 1",
     "answered 503 Retry-After=7; answered 200; ", 1, 1, 0, 0, 0, 0},
    {"a status, twice", "{\"status\":429,\"times\":2}", "POST a 1; GET - -; POST a 1",
     "answered 429; answered 429; answered 200; ", 1, 1, 0, 0, 0, 0},
    {"a status for ever", "{\"status\":500,\"times\":null}", "POST a 1; POST a 1; POST a 1",
     "answered 500; answered 500; answered 500; ", 0, 0, 0, 0, 0, 0},
    {"slow", "{\"slow_ms\":5}", "POST a 1", "answered 200; ", 1, 1, 0, 0, 0, 0},
    {"too slow: the effect is there", "{\"slow_ms\":50}", "TIMEOUT a 1; POST a 1",
     "no_answer timeout; answered 200 Idempotency-Replayed=true; ", 1, 1, 0, 0, 1, 0},
    {"another header", "{\"key_header\":\"X-Other\"}", "POST a 1; POST a 1",
     "answered 200; answered 200; ", 2, 0, 0, 1, 0, 0},
    {"case of the header", "{\"key_header\":\"idempotency-KEY\"}", "POST a 1; PUT a 1",
     "answered 200; answered 422; ", 1, 1, 0, 0, 0, 0},
};

static void case_request(struct bench *bench, struct slice request)
{
    struct slice parts[3];
    for (size_t i = 0; i < 3; i++) {
        size_t end = slice_find(request, ' ');
        parts[i] = slice_first(request, end);
        request = slice_from(request, end + 1);
    }
    struct upstream_header header = {SLICE("Idempotency-Key"), parts[1]};
    struct upstream_call call = bench_call(bench, "", "/v1/messages", "");
    call.method = parts[0];
    if (slice_is(call.method, "TIMEOUT")) {
        call.method = SLICE("POST");
        call.timeout_ms = 5;
    }
    if (!slice_is(parts[1], "-")) {
        call.headers = &header;
        call.header_count = 1;
    }
    if (!slice_is(parts[2], "-"))
        call.body = parts[2];
    bench_run(bench, &call);
}

static void each_setting_does_what_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sandbox_cases / sizeof *sandbox_cases; i++) {
        const struct sandbox_case *at = &sandbox_cases[i];
        struct bench bench;
        bench_start(&bench);
        if (at->settings)
            bench_ask(&bench, at->settings, ERR_OK);
        struct slice requests = slice_text(at->requests);
        while (requests.size > 0) {
            size_t end = slice_find(requests, ';');
            case_request(&bench, slice_trim(slice_first(requests, end)));
            requests = slice_from(requests, end + 1);
        }
        if (!slice_is(buf_slice(&bench.told), at->told))
            fail_msg("%s: told \"%s\", want \"%s\"", at->name, buf_text(&bench.told), at->told);
        const struct {
            const char *name;
            int want;
        } counts[] = {
            {"effects", at->effects},           {"keys", at->keys},
            {"twice_by_key", at->twice_by_key}, {"twice_by_payload", at->twice_by_payload},
            {"repeats", at->repeats},           {"lost", at->lost}};
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            if (bench_counted(&bench, counts[k].name) != counts[k].want)
                fail_msg("%s: %s is %lld, want %d", at->name, counts[k].name,
                         (long long)bench_counted(&bench, counts[k].name), counts[k].want);
        bench_stop(&bench);
    }
}

static void the_first_answer_is_given_again(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench);
    const struct upstream_header key = {SLICE("idempotency-key"), SLICE("k1")};
    struct upstream_call call = bench_call(&bench, "POST", "/v1/messages", "{}");
    bench_run(&bench, &call);
    assert_string_equal(buf_text(&bench.body), "{\"id\":\"sb_1\",\"status\":\"accepted\"}");
    call.headers = &key;
    call.header_count = 1;
    for (int i = 0; i < 2; i++) {
        bench_run(&bench, &call);
        assert_string_equal(buf_text(&bench.body), "{\"id\":\"sb_2\",\"status\":\"accepted\"}");
    }
    bench_stop(&bench);
}

/* --- what a check can ask --- */
static void what_happened_can_be_asked(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int count;
    } cases[] = {{"/v1/messages", 2},
                 {"/v1/messages/sb_1", 1},
                 {"/v1/messages/sb_3", 0},
                 {"/v1", 0},
                 {"/v1/message", 0},
                 {"/v1/messages?to=m%40example.org", 1},
                 {"/v1/messages?to=m%40example.or", 0},
                 {"/v1/messages?stage=2", 2},
                 {"/v1/messages?stage=2&to=b", 1},
                 {"/v1/messages?stage=", 0},
                 {"/v1/messages?stage=22", 0},
                 {"/v1/messages?note=a%22b", 1},
                 {"/v1/messages?key=INV-1%3A2", 1},
                 {"/v1/messages?key=INV-1", 0},
                 {"/tickets/7/team", 1},
                 {"/tickets/7/team?team=billing", 1}};
    const struct upstream_header key = {SLICE("Idempotency-Key"), SLICE("INV-1:2")};
    struct bench bench;
    bench_start(&bench);
    struct upstream_call call = bench_call(
        &bench, "POST", "/v1/messages",
        "{ \"to\" : \"m@example.org\", \"stage\": 2, \"note\": \"a\\\"b\", \"x\": \"to\" }");
    call.headers = &key;
    call.header_count = 1;
    bench_run(&bench, &call);
    call = bench_call(&bench, "POST", "/v1/messages", "{\"to\":\"b\",\"stage\":2}");
    bench_run(&bench, &call);
    call = bench_call(&bench, "PUT", "/tickets/7/team", "{\"team\":\"billing\"}");
    bench_run(&bench, &call);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_error_t error;
        call = bench_call(&bench, "GET", cases[i].target, "");
        bench_run(&bench, &call);
        json_t *answer = json_loadb(bench.body.at, bench.body.size, JSON_REJECT_DUPLICATES, &error);
        assert_non_null(answer);
        int64_t count = json_integer_value(json_object_get(answer, "count"));
        if (count != cases[i].count)
            fail_msg("%s: %lld, want %d", cases[i].target, (long long)count, cases[i].count);
        assert_int_equal(json_array_size(json_object_get(answer, "items")), count);
        json_decref(answer);
    }
    assert_int_equal(bench_counted(&bench, "effects"), 3);
    call = bench_call(&bench, "GET", "/v1/messages", "");
    call.answer_max = 50;
    bench_run(&bench, &call);
    assert_true(bench.answer.is_cut && bench.body.size <= 50);
    bench_stop(&bench);
}

/* --- the port --- */
static void what_may_not_be_sent_has_no_effect(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench);
    struct upstream_call call = bench_call(&bench, "POST", "/v1/messages", "{}");
    bench.may_send = false;
    bench_run(&bench, &call);
    assert_string_equal(buf_text(&bench.told), "not_sent withheld; ");
    assert_int_equal(bench_counted(&bench, "requests"), 0);
    assert_int_equal(bench_counted(&bench, "withheld"), 1);
    call.may_send = NULL;
    bench_run(&bench, &call);
    assert_int_equal(bench_counted(&bench, "effects"), 1);
    bench_stop(&bench);
}

static void what_the_network_refuses_is_refused_here(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench);
    void *impl = bench.port.impl;
    struct upstream_header header = {SLICE("a"), SLICE("b\r\nc")};
    struct upstream_call call = bench_call(&bench, "POST", "/v1/messages", "{}");
    call.headers = &header;
    call.header_count = 1;
    assert_int_equal(bench.port.call(impl, &call), ERR_INVALID);
    call = bench_call(&bench, "post", "/v1/messages", "{}");
    assert_int_equal(bench.port.call(impl, &call), ERR_INVALID);
    call = bench_call(&bench, "POST", "v1", "{}");
    assert_int_equal(bench.port.call(impl, &call), ERR_INVALID);
    bench.endpoint.is_sandbox = false; /* the router's other way */
    call = bench_call(&bench, "POST", "/v1/messages", "{}");
    assert_int_equal(bench.port.call(impl, &call), ERR_BUSY);
    assert_int_equal(bench.network_calls, 1);
    assert_int_equal(bench_counted(&bench, "requests"), 0);
    bench_stop(&bench);
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct bench bench;
    char name[LIMIT_NAME];
    bench_start(&bench);
    struct upstream_call call = bench_call(&bench, "POST", "/v1/messages", "{}");
    for (size_t i = 0; i < LIMIT_SANDBOX_CALLS; i++)
        assert_int_equal(bench.port.call(bench.port.impl, &call), ERR_OK);
    assert_int_equal(bench.port.call(bench.port.impl, &call), ERR_BUSY);
    (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
    assert_int_equal(bench.count, LIMIT_SANDBOX_CALLS);
    for (size_t i = 1; i <= LIMIT_SANDBOXES; i++) {
        struct sandbox_settings settings = {0};
        memset(name, (int)('0' + i), sizeof name);
        enum err err = sandbox_control(bench.sandbox, slice_of(name, sizeof name), &settings);
        assert_int_equal(err, i < LIMIT_SANDBOXES ? ERR_OK : ERR_LIMIT);
    }
    bench_stop(&bench);
}

static void a_full_sandbox_takes_no_more(void **state)
{
    (void)state;
    char *body = calloc(1, LIMIT_REQUEST + 1);
    assert_non_null(body);
    memset(body, 'x', LIMIT_REQUEST);
    struct bench bench;
    bench_start(&bench);
    struct upstream_call call = bench_call(&bench, "POST", "/v1/messages", body);
    for (size_t i = 0; i < LIMIT_SANDBOX_MEMORY / LIMIT_REQUEST; i++)
        bench_run(&bench, &call);
    assert_int_equal(bench.answer.status, 507);
    assert_non_null(strstr(buf_text(&bench.body), "LIMIT_SANDBOX_MEMORY"));
    int64_t effects = bench_counted(&bench, "effects");
    assert_true(effects > 10 && bench_counted(&bench, "full") > 0);
    bench_ask(&bench, "{\"forget\":true}", ERR_OK);
    assert_int_equal(bench_counted(&bench, "effects"), 0);
    bench_run(&bench, &call);
    assert_int_equal(bench.answer.status, 200);
    free(body);
    bench_stop(&bench);
}

static void settings_are_read_with_care(void **state)
{
    (void)state;
    static const char *const bad[] = {"{",
                                      "[]",
                                      "{\"lose\":-1}",
                                      "{\"lose\":1.5}",
                                      "{\"lose\":true}",
                                      "{\"down\":1}",
                                      "{\"down\":null}",
                                      "{\"slow_ms\":600001}",
                                      "{\"slow_ms\":\"5\"}",
                                      "{\"status\":99}",
                                      "{\"status\":600}",
                                      "{\"status\":101}",
                                      "{\"key_header\":\"\"}",
                                      "{\"looze\":1}",
                                      "{\"down\":true,\"down\":false}",
                                      "{\"down\":true,\"lose\":-1}"};
    struct bench bench;
    bench_start(&bench);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        bench_ask(&bench, bad[i], ERR_INVALID);
    struct sandbox_settings settings = sandbox_settings(bench.sandbox, SLICE("mailer"));
    assert_true(!settings.is_down && settings.lose_count == 0 && settings.remembers_keys);
    bench_ask(&bench, "{\"down\":true,\"lose\":3}", ERR_OK);
    bench_ask(&bench, "{\"lose\":4}", ERR_OK); /* the other stays */
    bench_ask(&bench, "", ERR_OK);
    settings = sandbox_settings(bench.sandbox, SLICE("mailer"));
    assert_true(settings.is_down && settings.lose_count == 4);
    bench_stop(&bench);
}

static void names_are_worlds_of_their_own(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench);
    bench_ask(&bench, "{\"down\":true}", ERR_OK);
    bench.endpoint.name = SLICE("helpdesk");
    struct upstream_call call = bench_call(&bench, "POST", "/v1/messages", "{}");
    bench_run(&bench, &call);
    assert_string_equal(buf_text(&bench.told), "answered 200; ");
    assert_int_equal(bench_counted(&bench, "effects"), 0); /* mailer's */
    bench_stop(&bench);
}

static struct upstream_call chain_call;

static void chain_done(void *arg, const struct upstream_answer *answer)
{
    struct bench *bench = arg;
    bench_done(arg, answer);
    if (bench->count < 3)
        assert_int_equal(bench->port.call(bench->port.impl, &chain_call), ERR_OK);
    else
        sandbox_free(bench->sandbox);
}

static void the_end_breaks_calls_off_without_a_word(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench);
    bench_ask(&bench, "{\"slow_ms\":1}", ERR_OK);
    chain_call = bench_call(&bench, "POST", "/v1/messages", "{}");
    chain_call.done = chain_done;
    assert_int_equal(bench.port.call(bench.port.impl, &chain_call), ERR_OK);
    while (bench.count < 2)
        (void)uv_run(&bench.loop, UV_RUN_ONCE);
    struct upstream_call call = bench_call(&bench, "POST", "/v1/messages", "{}");
    call.timeout_ms = 60000;
    struct sandbox_settings settings = sandbox_settings(bench.sandbox, SLICE("helpdesk"));
    settings.delay_ms = 50000;
    assert_int_equal(sandbox_control(bench.sandbox, SLICE("helpdesk"), &settings), ERR_OK);
    struct upstream_endpoint helpdesk = {.name = SLICE("helpdesk"), .is_sandbox = true};
    call.endpoint = &helpdesk;
    assert_int_equal(bench.port.call(bench.port.impl, &call), ERR_OK);
    (void)uv_run(&bench.loop, UV_RUN_DEFAULT); /* the chain frees the sandbox */
    assert_int_equal(bench.count, 3);
    bench.sandbox = NULL;
    bench_stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_setting_does_what_it_says),
        cmocka_unit_test(the_first_answer_is_given_again),
        cmocka_unit_test(what_happened_can_be_asked),
        cmocka_unit_test(what_may_not_be_sent_has_no_effect),
        cmocka_unit_test(what_the_network_refuses_is_refused_here),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_full_sandbox_takes_no_more),
        cmocka_unit_test(settings_are_read_with_care),
        cmocka_unit_test(names_are_worlds_of_their_own),
        cmocka_unit_test(the_end_breaks_calls_off_without_a_word),
    };
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
