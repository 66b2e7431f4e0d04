/* contract/upstream_rig.h - one upstream port over libcurl, one scripted peer, and what became
 * of a call.
 * Owns: the loop of a test and its watchdog. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "contract/peer.h"
#include "upstream/curl.h"

enum {
    RIG_ANSWER_MAX = 1000,
    RIG_TIMEOUT_MS = 300, /* of calls whose peer is silent; others end by themselves */
    RIG_WATCHDOG_MS = 20000
};

/* What a test sees of a call. */
struct got {
    size_t count;
    struct upstream_answer answer; /* without the slices */
    struct buf body;
    struct buf what;
    struct buf headers; /* "name=value\n" each */
    bool may_send;
    size_t asked; /* how often may_send was */
};

struct rig {
    uv_loop_t loop;
    uv_timer_t watchdog;
    struct upstream_curl *curl;
    struct upstream_port port;
    struct peer peer;
    char url[64];
    struct upstream_endpoint endpoint;
    struct got got;
};

static inline void rig_bark(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened for %d ms", RIG_WATCHDOG_MS);
}

static inline void rig_start(struct rig *rig, const char *script, bool is_guard_off)
{
    const struct upstream_curl_options options = {.is_guard_off = is_guard_off};
    *rig = (struct rig){.got.may_send = true};
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_int_equal(uv_timer_init(&rig->loop, &rig->watchdog), 0);
    assert_int_equal(uv_timer_start(&rig->watchdog, rig_bark, RIG_WATCHDOG_MS, 0), 0);
    uv_unref((uv_handle_t *)&rig->watchdog);
    assert_int_equal(upstream_curl_new(&rig->loop, &options, &rig->curl), ERR_OK);
    rig->port = upstream_curl_port(rig->curl);
    peer_start(&rig->peer, &rig->loop, script);
    (void)snprintf(rig->url, sizeof rig->url, "http://127.0.0.1:%d", rig->peer.port);
    rig->endpoint =
        (struct upstream_endpoint){.name = SLICE("x"), .base_url = slice_text(rig->url)};
    buf_init(&rig->got.body, LIMIT_ANSWER);
    buf_init(&rig->got.what, 1000);
    buf_init(&rig->got.headers, LIMIT_ANSWER_HEAD * 2);
}

static inline void rig_stop(struct rig *rig)
{
    upstream_curl_free(rig->curl);
    peer_stop(&rig->peer);
    uv_close((uv_handle_t *)&rig->watchdog, NULL);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    buf_done(&rig->got.body);
    buf_done(&rig->got.what);
    buf_done(&rig->got.headers);
}

static inline void rig_done(void *arg, const struct upstream_answer *answer)
{
    struct rig *rig = arg;
    struct got *got = &rig->got;
    uv_stop(&rig->loop); /* done may come before the poll of a turn, which would wait */
    got->count++;
    got->answer = *answer;
    buf_reset(&got->body);
    buf_add(&got->body, answer->body);
    buf_reset(&got->what);
    buf_add(&got->what, answer->what);
    buf_reset(&got->headers);
    for (size_t i = 0; i < answer->header_count; i++)
        buf_add_fmt(&got->headers, "%.*s=%.*s\n", SLICE_FMT(answer->headers[i].name),
                    SLICE_FMT(answer->headers[i].value));
}

static inline bool rig_may_send(void *arg)
{
    struct got *got = &((struct rig *)arg)->got;
    got->asked++;
    return got->may_send;
}

static inline struct upstream_call rig_call(struct rig *rig)
{
    return (struct upstream_call){
        .endpoint = &rig->endpoint,
        .method = SLICE("POST"),
        .target = SLICE("/v1/messages"),
        .body = SLICE("{\"to\":\"m\"}"),
        .timeout_ms = RIG_TIMEOUT_MS,
        .connect_timeout_ms = RIG_TIMEOUT_MS,
        .answer_max = RIG_ANSWER_MAX,
        .may_send = rig_may_send,
        .done = rig_done,
        .arg = rig,
    };
}

static inline void rig_wait(struct rig *rig, size_t count)
{
    while (rig->got.count < count)
        (void)uv_run(&rig->loop, UV_RUN_ONCE);
    assert_int_equal(rig->got.count, count);
    assert_int_equal(rig->port.count(rig->port.impl), 0);
}

/* One call, until it has ended. */
static inline void rig_run(struct rig *rig, const struct upstream_call *call)
{
    size_t count = rig->got.count;
    assert_int_equal(rig->port.call(rig->port.impl, call), ERR_OK);
    assert_int_equal(rig->got.count, count); /* later, not within */
    rig_wait(rig, count + 1);
}

/* The connection answers one request, so that the next one reuses it. */
static inline void rig_warm(struct rig *rig)
{
    struct upstream_call call = rig_call(rig);
    call.timeout_ms = RIG_WATCHDOG_MS;
    rig_run(rig, &call);
    assert_int_equal(rig->got.answer.phase, UPSTREAM_ANSWERED);
    rig->peer.read_count = 0;
    rig->peer.byte_count = 0;
    rig->got.asked = 0;
}

static inline const char *phase_name(enum upstream_phase phase)
{
    switch (phase) {
    case UPSTREAM_SENT_NO_ANSWER:
        return "no_answer";
    case UPSTREAM_NOT_SENT:
        return "not_sent";
    case UPSTREAM_ANSWERED:
        return "answered";
    }
    return "?";
}

/* As the cases spell it: "answered cut timeout 200". */
static inline void got_describe(const struct got *got, struct buf *out)
{
    const struct upstream_answer *answer = &got->answer;
    buf_reset(out);
    buf_add_fmt(out, "%s%s%s%s%s", phase_name(answer->phase),
                answer->was_withheld ? " withheld" : "",
                answer->is_certificate_bad ? " certificate" : "", answer->is_cut ? " cut" : "",
                answer->is_timeout ? " timeout" : "");
    if (answer->status)
        buf_add_fmt(out, " %d", answer->status);
}

static inline void assert_got(const struct got *got, const char *want)
{
    struct buf text;
    buf_init(&text, 1000);
    got_describe(got, &text);
    if (!slice_is(buf_slice(&text), want))
        fail_msg("got \"%s\" (%s), want \"%s\"", buf_text(&text), buf_text(&got->what), want);
    assert_true(got->what.size > 0);
    buf_done(&text);
}
