#include "api/body.h"
#include "api/handlers.h"
#include "api/header.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "api/submit_lines.h"
#include "api/words.h"
#include "base/limits.h"

struct submit_body {
    struct slice run, because, input, words, context, key;
    double confidence;
    bool has_confidence, has_key;
};

static const struct body_field submit_fields[] = {
    {.name = "input", .type = BODY_OBJECT, .at = offsetof(struct submit_body, input)},
    {.name = "words", .type = BODY_OBJECT, .at = offsetof(struct submit_body, words)},
    {.name = "run",
     .type = BODY_TEXT,
     .size_max = LIMIT_RUN,
     .at = offsetof(struct submit_body, run)},
    {.name = "confidence",
     .type = BODY_NUMBER,
     .at = offsetof(struct submit_body, confidence),
     .has_at = offsetof(struct submit_body, has_confidence)},
    {.name = "because",
     .type = BODY_TEXT,
     .size_max = LIMIT_BECAUSE,
     .at = offsetof(struct submit_body, because)},
    {.name = "context", .type = BODY_OBJECT, .at = offsetof(struct submit_body, context)},
    {.name = "key",
     .type = BODY_TEXT,
     .size_max = LIMIT_KEY,
     .at = offsetof(struct submit_body, key),
     .has_at = offsetof(struct submit_body, has_key)},
    {.name = "workflow", .type = BODY_ELSEWHERE, .hint = "the workflow stands in the path"},
    {.name = "step", .type = BODY_ELSEWHERE, .hint = "the step stands in the path"},
    {.name = "callback",
     .type = BODY_ELSEWHERE,
     .hint = "a callback is not enforced in this version; ask GET /v1/actions/{id}"},
};

/* Idempotency-Key and Prefer; on false answered. */
static bool submit_read_headers(struct call *call, struct engine_submit *submit)
{
    struct header_prefer prefer;
    enum header_found found = header_key(call->request, &call->arena, &submit->key);
    if (found == HEADER_BAD || found == HEADER_TWICE) {
        reply_refuse(call, TROUBLE_BAD_HEADER,
                     found == HEADER_TWICE
                         ? "Idempotency-Key is there more than once"
                         : "Idempotency-Key must be 1 to %d visible ASCII characters, bare or in "
                           "double quotes",
                     LIMIT_KEY);
        return false;
    }
    found = header_prefer(call->request, &prefer);
    if (found == HEADER_BAD) {
        reply_refuse(call, TROUBLE_BAD_HEADER,
                     "Prefer must be wait=SECONDS, a whole number, or respond-async");
        return false;
    }
    submit->wait_ms = prefer.wait_ms;
    if (prefer.has_wait)
        call_add_header(call, "Preference-Applied",
                        arena_fmt(&call->arena, "wait=%d", (int)(prefer.wait_ms / 1000)));
    else if (prefer.is_async)
        call_add_header(call, "Preference-Applied", SLICE("respond-async"));
    return true;
}

static bool submit_read_query(struct call *call, bool *out_is_dry_run)
{
    struct slice dry_run = {0};
    const struct parameter fields[] = {{"dry_run", &dry_run}};
    return parameter_read(call, fields, 1) &&
           parameter_flag(call, "dry_run", dry_run, out_is_dry_run);
}

/* The key in the body, as a line of many must have it; on false answered. */
static bool submit_read_key(struct call *call, const struct submit_body *body, struct slice *key)
{
    if (!body->has_key || (key->size > 0 && slice_equal(*key, body->key)))
        return true;
    if (key->size == 0 && header_is_key(body->key)) {
        *key = body->key;
        return true;
    }
    const char *detail = key->size > 0
                             ? "it is not the key of the header Idempotency-Key: send one of them"
                             : "a key is 1 to 255 visible ASCII characters (LIMIT_KEY)";
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = SLICE("/key"),
                                          .detail = slice_text(detail)});
    return false;
}

static void submit_taken(struct call *call, const struct engine_reply *reply)
{
    reply_action(call, reply->view);
}

static void submit_dry_run_taken(struct call *call, const struct engine_reply *reply)
{
    reply_dry_run(call, reply);
}

/* Either the input as JSON, or words whose types the policy says. On false answered. */
static bool submit_read_input(struct call *call, struct submit_body *body)
{
    if (!call->body) {
        reply_refuse(call, TROUBLE_BAD_JSON,
                     "the body is empty: send a JSON object with \"input\"");
        return false;
    }
    if (body->words.at)
        return words_read(call, &(struct words_place){.name = "input"}, &body->input);
    if (body->input.at)
        return true;
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = SLICE("/input"),
                                          .detail = SLICE("\"input\" is missing: an object")});
    return false;
}

void submit_post(struct call *call)
{
    struct submit_body body = {0};
    struct engine_submit submit = {.principal = &call->principal,
                                   .step = call->step,
                                   .trace = header_trace(call->request),
                                   .arg = call};
    if (!submit_read_query(call, &submit.is_dry_run) || !submit_read_headers(call, &submit))
        return;
    if (header_is_lines(call->request)) {
        if (submit.key.size > 0)
            reply_refuse(call, TROUBLE_BAD_HEADER,
                         "one Idempotency-Key cannot be that of many lines: each line has its own "
                         "\"key\"");
        else
            submit_lines_post(call);
        return;
    }
    if (!body_read(call, submit_fields, sizeof submit_fields / sizeof *submit_fields, &body) ||
        !submit_read_key(call, &body, &submit.key) || !submit_read_input(call, &body))
        return;
    if (body.has_confidence && !(body.confidence >= 0 && body.confidence <= 1)) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_CONFIDENCE,
                                              .pointer = SLICE("/confidence")});
        return;
    }
    submit.run = body.run;
    submit.because = body.because;
    submit.input_json = body.input;
    submit.context_json = body.context;
    submit.input = json_object_get(call->body, "input");
    submit.context = json_object_get(call->body, "context");
    submit.has_confidence = body.has_confidence;
    submit.confidence = body.confidence;
    submit.done = reply_when_taken(call, submit.is_dry_run ? submit_dry_run_taken : submit_taken);
    uint64_t handle = call->engine->submit(call->engine->impl, &submit);
    if (call->exchange)
        call->submit = handle;
}
