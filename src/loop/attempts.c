/* loop/attempts.c - sends what was started, and reads what came back. */
#include "loop/attempts.h"

#include <stdlib.h>

#include "base/check.h"
#include "core/switchboard.h"
#include "loop/drains.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/restarts.h"
#include "loop/steps.h"
#include "loop/upstreams.h"
#include "record/digest.h"
#include "record/response.h"

static const struct stop *attempt_forbids(const struct engine *engine, const struct entry *entry,
                                          bool is_started)
{
    const struct action *action = &entry->row.action;
    bool is_granted = (action->attempt_is_open && action->is_start_granted) ||
                      action_is_granted(action, engine->now_unix_ms);
    bool is_approved = !digest_is_zero(action->approved_digest, ACTION_DIGEST) &&
                       memcmp(action->approved_digest, action->request_digest, ACTION_DIGEST) == 0;
    struct start_right right = {.is_started = is_started,
                                .epoch = entry->epoch_at_start,
                                .is_primary = action->route == 0,
                                .is_read = engine_terms(entry)->effect == EFFECT_READ,
                                .is_persons = is_approved || is_granted};
    struct scope scope = entry_scope(entry);
    struct let_in let_in;
    engine_let_in(engine, action, entry->row.key_hash, &let_in);
    scope.let_in = &let_in;
    return switchboard_forbids(&engine->board, &scope, &right);
}

const struct stop *engine_forbids(const struct engine *engine, const struct entry *entry)
{
    return attempt_forbids(engine, entry, false);
}

/* I6 and R14: asked at the save's return and again in the last moment before the first byte. */
bool engine_may_send(struct engine *engine, const struct entry *entry)
{
    const struct action *action = &entry->row.action;
    if (!action->attempt_is_open || engine->is_closing || engine->has_failed)
        return false;
    if (engine_now(engine) > action->attempt_unix_ms + SEND_BY_MS)
        return false;
    if (engine->board.epoch == entry->epoch_at_start)
        return true; /* no stop since its gate */
    return attempt_forbids(engine, entry, true) == NULL;
}

static bool attempt_may_send(void *arg)
{
    struct entry *entry = arg;
    return engine_may_send(entry->engine, entry);
}

/* ---- reading an answer ---- */

static struct slice attempt_header(const struct upstream_answer *answer, const char *name)
{
    struct slice wanted = slice_text(name);
    for (size_t i = 0; i < answer->header_count; i++) {
        struct slice have = answer->headers[i].name;
        if (have.size != wanted.size)
            continue;
        size_t same = 0;
        while (same < have.size && (have.at[same] | 0x20) == (wanted.at[same] | 0x20))
            same++;
        if (same == have.size)
            return answer->headers[i].value;
    }
    return (struct slice){0};
}

/* Retry-After (RFC 9110 10.2.3) and retry-after-ms; -1 = absent or not readable. */
static int64_t attempt_retry_after(struct engine *engine, const struct upstream_answer *answer)
{
    uint64_t number = 0;
    int64_t date = 0;
    struct slice ms = attempt_header(answer, "retry-after-ms");
    if (slice_to_u64(slice_trim(ms), INT32_MAX, &number))
        return (int64_t)number;
    struct slice text = slice_trim(attempt_header(answer, "retry-after"));
    if (slice_to_u64(text, INT32_MAX / 1000, &number))
        return (int64_t)number * 1000;
    if (text.size > 0 && text_parse_http_date(text, &date))
        return date > engine->now_unix_ms ? date - engine->now_unix_ms : 0;
    return -1;
}

static enum hint attempt_hint(const struct upstream_answer *answer)
{
    struct slice hint = slice_trim(attempt_header(answer, "x-should-retry"));
    if (hint.size == 0)
        hint = slice_trim(attempt_header(answer, "stripe-should-retry"));
    if (slice_is(hint, "false"))
        return HINT_NO_RETRY;
    if (slice_is(hint, "true"))
        return HINT_RETRY;
    struct slice pushback = slice_trim(attempt_header(answer, "grpc-retry-pushback-ms"));
    uint64_t ms = 0;
    if (pushback.size > 0 && !slice_to_u64(pushback, INT32_MAX, &ms))
        return HINT_NO_RETRY;
    return HINT_NONE;
}

static enum status_meaning attempt_meaning(const struct status_rule *rules, size_t count,
                                           int status)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].status == status)
            return rules[i].meaning;
    return MEANING_NONE;
}

static enum tested attempt_test(const struct expr *condition, const struct expr_scope *scope,
                                struct arena *scratch)
{
    bool holds = false;
    if (!condition)
        return TESTED_ABSENT;
    struct expr_work work = {.scratch = scratch};
    if (expr_eval_bool(condition, scope, &work, &holds) == EXPR_ERROR)
        return TESTED_ERROR;
    return holds ? TESTED_TRUE : TESTED_FALSE;
}

/* `success` and `failure` see the action's input and the whole response. */
static void attempt_test_answer(struct engine *engine, struct entry *entry,
                                const struct upstream_answer *answer, struct slice response_json,
                                struct attempt_result *result)
{
    const struct step *step = entry->step;
    if (!step || (!step->success && !step->failure))
        return;
    struct arena scratch;
    arena_init(&scratch, ENGINE_SCRATCH);
    struct bundle_submit submit = {0};
    struct expr_scope scope = {.now_unix_ms = engine->now_unix_ms, .step = entry->row.step};
    json_t *input = NULL;
    json_t *context = NULL;
    if (entry_read_submit(entry, &scratch, &submit) == ERR_OK) {
        input = json_loadb(submit.input_json.at, submit.input_json.size, 0, NULL);
        if (submit.context_json.size > 0)
            context = json_loadb(submit.context_json.at, submit.context_json.size, 0, NULL);
        scope.key = submit.key;
        scope.run = submit.run;
        scope.principal = submit.actor;
        scope.has_confidence = submit.has_confidence;
        scope.confidence = submit.confidence;
    }
    json_t *response = json_loadb(response_json.at, response_json.size, 0, NULL);
    scope.input = input;
    scope.context = context;
    scope.response = response;
    result->success = attempt_test(step->success, &scope, &scratch);
    /* R2: a `success` that reads a cut body says nothing. */
    if (answer->is_cut && step->success && expr_uses(step->success, EXPR_ROOT_RESPONSE))
        result->success = TESTED_ERROR;
    result->failure = attempt_test(step->failure, &scope, &scratch);
    if (answer->is_cut && result->failure == TESTED_TRUE)
        result->failure = TESTED_ERROR;
    json_decref(response);
    json_decref(context);
    json_decref(input);
    arena_done(&scratch);
}

static struct attempt_result attempt_read(struct engine *engine, struct entry *entry,
                                          const struct upstream_answer *answer,
                                          struct slice response_json)
{
    struct attempt_result result = {.retry_after_ms = -1};
    switch (answer->phase) {
    case UPSTREAM_NOT_SENT:
        result.phase = PHASE_NOT_SENT;
        break;
    case UPSTREAM_SENT_NO_ANSWER:
        result.phase = PHASE_SENT;
        break;
    case UPSTREAM_ANSWERED:
        result.phase = PHASE_ANSWERED;
        break;
    }
    result.is_withheld = answer->was_withheld;
    result.is_certificate_bad = answer->is_certificate_bad;
    result.is_timeout = answer->is_timeout;
    result.is_cut = answer->is_cut;
    if (answer->phase != UPSTREAM_ANSWERED)
        return result;
    const struct step *step = entry->step;
    result.status = answer->status;
    result.hint = attempt_hint(answer);
    result.retry_after_ms = attempt_retry_after(engine, answer);
    if (step)
        result.declared = attempt_meaning(step->statuses, step->status_count, answer->status);
    const struct upstream *upstream = config_upstream(engine_config(engine), entry->row.upstream);
    if (result.declared == MEANING_NONE && upstream)
        result.declared =
            attempt_meaning(upstream->statuses, upstream->status_count, answer->status);
    attempt_test_answer(engine, entry, answer, response_json, &result);
    return result;
}

void engine_encode_answer(struct engine *engine, const struct upstream_answer *answer,
                          struct buf *response, struct buf *out)
{
    struct bundle_outcome bundle = {.what = answer->what, .peer = answer->peer};
    struct bundle_header headers[LIMIT_HTTP_HEADERS];
    struct response_parts parts = {.status = answer->status,
                                   .headers = headers,
                                   .body = slice_first(answer->body, LIMIT_ANSWER_STORED),
                                   .is_cut =
                                       answer->is_cut || answer->body.size > LIMIT_ANSWER_STORED};
    for (size_t i = 0; i < answer->header_count && i < LIMIT_HTTP_HEADERS; i++)
        headers[parts.header_count++] =
            (struct bundle_header){answer->headers[i].name, answer->headers[i].value};
    if (answer->phase == UPSTREAM_ANSWERED) {
        response_encode(&parts, &engine->loaded->redact, response);
        bundle.response_json = buf_slice(response);
    }
    bundle_outcome_encode(&bundle, out);
}

static void attempt_done(void *arg, const struct upstream_answer *answer)
{
    struct entry *entry = arg;
    struct engine *engine = entry->engine;
    (void)engine_now(engine);
    entry->is_calling = false;
    struct buf response;
    struct buf outcome;
    buf_init(&response, LIMIT_RESPONSE);
    buf_init(&outcome, LIMIT_PAYLOAD);
    engine_encode_answer(engine, answer, &response, &outcome);
    struct action_event event;
    engine_event(engine, entry, EVENT_OUTCOME, &event);
    event.attempt = entry->row.action.starts_total;
    event.result = attempt_read(engine, entry, answer, buf_slice(&response));
    struct step_note note = {.kind = RECORD_OUTCOME,
                             .label = BUNDLE_LABEL_OUTCOME,
                             .payload = buf_slice(&outcome),
                             .upstream = entry->row.upstream,
                             .attempt = event.attempt,
                             .status = event.result.status};
    if (entry_keep(&entry->outcome, &entry->outcome_size, buf_slice(&outcome)) != ERR_OK)
        engine_fail(engine, "out of memory");
    struct action_effects effects;
    engine_step(engine, entry, &event, &note, &effects);
    buf_done(&outcome);
    buf_done(&response);
    struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
    if (upstream)
        engine_run_upstream(engine, upstream);
    engine_run_drains(engine);
}

/* ---- sending ---- */

/* Both buffers have room for all of it from the beginning: one that grows leaves copies behind. */
static struct slice attempt_basic(struct arena *scratch, struct slice user, struct slice secret)
{
    struct buf pair, value;
    struct slice kept = {0};
    size_t pair_size = user.size + 1 + secret.size;
    size_t value_size = sizeof "Basic " - 1 + (pair_size + 2) / 3 * 4;
    buf_init(&pair, pair_size);
    buf_init(&value, value_size);
    if (!buf_reserve(&pair, pair_size) || !buf_reserve(&value, value_size))
        goto out;
    buf_add(&pair, user);
    buf_add_byte(&pair, ':');
    buf_add(&pair, secret);
    buf_add_text(&value, "Basic ");
    text_add_base64(&value, buf_slice(&pair));
    CHECK(buf_ok(&pair) && buf_ok(&value));
    kept = arena_copy(scratch, buf_slice(&value));
out:
    if (pair.at)
        explicit_bzero(pair.at, pair.size);
    if (value.at)
        explicit_bzero(value.at, value.size);
    buf_done(&pair);
    buf_done(&value);
    return kept;
}

enum err engine_endpoint(struct engine *engine, const struct upstream *upstream,
                         struct arena *scratch, struct upstream_endpoint *out)
{
    struct upstream_header *secrets = ARENA_ARRAY(scratch, 1, struct upstream_header);
    if (!secrets)
        return ERR_NO_MEMORY;
    *out = (struct upstream_endpoint){.name = upstream->name,
                                      .is_sandbox = upstream->is_sandbox,
                                      .base_url = upstream->url,
                                      .tls_ca = upstream->tls_ca,
                                      .secret_headers = secrets};
    struct slice secret = {0};
    if (upstream->auth != AUTH_NONE)
        secret = engine->loaded->secrets[upstream->auth_secret.index];
    switch (upstream->auth) {
    case AUTH_NONE:
        return ERR_OK;
    case AUTH_BEARER:
        secrets[0] = (struct upstream_header){SLICE("Authorization"),
                                              arena_fmt(scratch, "Bearer %.*s", SLICE_FMT(secret))};
        break;
    case AUTH_BASIC:
        secrets[0] = (struct upstream_header){SLICE("Authorization"),
                                              attempt_basic(scratch, upstream->auth_name, secret)};
        break;
    case AUTH_HEADER:
        secrets[0] = (struct upstream_header){upstream->auth_name, secret};
        break;
    }
    out->secret_header_count = 1;
    return secrets[0].value.size > 0 || secret.size == 0 ? ERR_OK : ERR_NO_MEMORY;
}

static void attempt_withheld(struct entry *entry, const char *what)
{
    struct upstream_answer answer = {
        .phase = UPSTREAM_NOT_SENT, .was_withheld = true, .what = slice_text(what)};
    attempt_done(entry, &answer);
}

/* R6: at the upstream that the first start named, whatever the policy says by now. */
static enum err attempt_call(struct engine *engine, struct entry *entry,
                             const struct upstream *upstream, struct arena *scratch)
{
    struct bundle_request request = {0};
    struct upstream_endpoint endpoint;
    enum err err =
        bundle_request_decode(slice_of(entry->frozen, entry->frozen_size), scratch, &request);
    if (err == ERR_OK)
        err = engine_endpoint(engine, upstream, scratch, &endpoint);
    if (err != ERR_OK)
        return err;
    struct upstream_header headers[LIMIT_HEADERS + 4];
    for (size_t i = 0; i < request.header_count; i++)
        headers[i] = (struct upstream_header){request.headers[i].name, request.headers[i].value};
    int64_t timeout_ms = entry->row.action.timeout_ms;
    int64_t left_ms = entry->row.action.attempt_unix_ms + SEND_BY_MS - engine->now_unix_ms;
    if (left_ms < 1)
        left_ms = 1;
    struct upstream_call call = {.endpoint = &endpoint,
                                 .method = request.method,
                                 .target = request.target,
                                 .headers = headers,
                                 .header_count = request.header_count,
                                 .body = request.body,
                                 .timeout_ms = timeout_ms,
                                 .connect_timeout_ms = timeout_ms < left_ms ? timeout_ms : left_ms,
                                 .answer_max = LIMIT_ANSWER,
                                 .may_send = attempt_may_send,
                                 .done = attempt_done,
                                 .arg = entry};
    entry->is_calling = true;
    err = engine->options.upstream.call(engine->options.upstream.impl, &call);
    if (err != ERR_OK)
        entry->is_calling = false;
    return err;
}

void engine_send(struct engine *engine, struct entry *entry, uint16_t attempt)
{
    struct action *action = &entry->row.action;
    if (!action->attempt_is_open || action->starts_total != attempt)
        return; /* concluded meanwhile */
    const struct upstream *upstream = config_upstream(engine_config(engine), entry->row.upstream);
    if (!upstream) {
        attempt_withheld(entry, "its upstream is no longer in the configuration");
        return;
    }
    if (!engine_may_send(engine, entry)) {
        attempt_withheld(entry, "a stop came before the first byte");
        return;
    }
    struct arena scratch;
    arena_init_pooled(&scratch, ENGINE_SCRATCH, &engine->arenas);
    enum err err = attempt_call(engine, entry, upstream, &scratch);
    arena_done(&scratch);
    if (err != ERR_OK) {
        struct upstream_answer answer = {.phase = UPSTREAM_NOT_SENT,
                                         .what = slice_text(err_text(err))};
        attempt_done(entry, &answer);
    }
}
