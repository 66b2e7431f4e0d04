/* The upstream port without memory: each allocation of ours fails in turn, once and for ever. A
 * call is refused, or ends once; what is told not sent was not sent, nothing is sent twice, and
 * nothing leaks. (Those of libcurl 7.88 are spared: its singlesocket divides by zero after a failed
 * one.) */
#include "contract/upstream_rig.h"
#include "torture/failing.h"
#include "upstream/sandbox.h"

enum { TORTURE_MAX = 1000, TORTURE_TIMEOUT_MS = 40 };

static void torture_call(struct rig *rig)
{
    const struct upstream_header headers[] = {{SLICE("Content-Type"), SLICE("application/json")}};
    struct upstream_call call = rig_call(rig);
    size_t count = rig->got.count, reads = rig->peer.read_count, bytes = rig->peer.byte_count;
    call.headers = headers;
    call.header_count = 1;
    call.timeout_ms = TORTURE_TIMEOUT_MS; /* a socket that cannot be watched */
    call.connect_timeout_ms = TORTURE_TIMEOUT_MS;
    enum err err = rig->port.call(rig->port.impl, &call);
    if (err != ERR_OK) {
        assert_int_equal(err, ERR_NO_MEMORY);
        assert_int_equal(rig->port.count(rig->port.impl), 0);
        return;
    }
    rig_wait(rig, count + 1);
    assert_true(rig->peer.read_count - reads <= 1);
    if (rig->got.answer.phase == UPSTREAM_NOT_SENT)
        assert_int_equal(rig->peer.byte_count, bytes);
    if (rig->got.answer.phase == UPSTREAM_ANSWERED)
        assert_int_equal(rig->got.answer.status, 200);
}

/* Three calls, the first on a fresh connection. Tells whether any allocation failed. */
static bool torture_with_failure(size_t k, bool is_for_ever)
{
    struct rig rig;
    rig_start(&rig, "read; ok; read; ok; read; ok; read; ok; read; ok; read; ok", false);
    failing_arm(k, is_for_ever);
    for (int i = 0; i < 3; i++)
        torture_call(&rig);
    bool has_failed = failing_disarm();
    torture_call(&rig); /* there is memory again */
    torture_call(&rig);
    assert_int_equal(rig.got.answer.phase, UPSTREAM_ANSWERED);
    rig_stop(&rig);
    return has_failed;
}

static void calls_survive(void **state)
{
    (void)state;
    for (int is_for_ever = 0; is_for_ever < 2; is_for_ever++) {
        size_t k = 1;
        while (k < TORTURE_MAX && torture_with_failure(k, is_for_ever))
            k++;
        assert_in_range(k, 10, TORTURE_MAX - 1);
    }
}

static void sandbox_done(void *arg, const struct upstream_answer *answer)
{
    struct got *got = arg;
    got->count++;
    got->answer = *answer;
}

/* What is counted is an effect; what is not sent, or refused, is none. */
static bool sandbox_with_failure(size_t k, bool is_for_ever)
{
    struct got got = {0};
    struct buf report;
    uv_loop_t loop;
    struct sandbox *sandbox = NULL;
    const struct upstream_endpoint endpoint = {.name = SLICE("mailer"), .is_sandbox = true};
    const struct upstream_header key = {SLICE("Idempotency-Key"), SLICE("k")};
    const struct upstream_call call = {.endpoint = &endpoint,
                                       .method = SLICE("POST"),
                                       .target = SLICE("/v1/messages"),
                                       .headers = &key,
                                       .header_count = 1,
                                       .body = SLICE("{}"),
                                       .timeout_ms = 1000,
                                       .connect_timeout_ms = 1000,
                                       .answer_max = 1000,
                                       .done = sandbox_done,
                                       .arg = &got};
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(sandbox_new(&loop, &sandbox), ERR_OK);
    struct upstream_port port = sandbox_port(sandbox);
    failing_arm(k, is_for_ever);
    enum err err = port.call(port.impl, &call);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    bool has_failed = failing_disarm();
    assert_int_equal(got.count, err == ERR_OK);
    assert_true(err == ERR_OK || err == ERR_NO_MEMORY);
    buf_init(&report, 10000);
    assert_int_equal(sandbox_report(sandbox, SLICE("mailer"), &report), ERR_OK);
    bool has_effect = strstr(buf_text(&report), "\"effects\":1,") != NULL;
    assert_true(has_effect == (err == ERR_OK && got.answer.status == 200));
    buf_done(&report);
    sandbox_free(sandbox);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return has_failed;
}

static void sandbox_survives(void **state)
{
    (void)state;
    for (int is_for_ever = 0; is_for_ever < 2; is_for_ever++) {
        size_t k = 1;
        while (k < TORTURE_MAX && sandbox_with_failure(k, is_for_ever))
            k++;
        assert_in_range(k, 5, TORTURE_MAX - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(calls_survive),
                                       cmocka_unit_test(sandbox_survives)};
    return cmocka_run_group_tests_name("upstream without memory", tests, NULL, NULL);
}
