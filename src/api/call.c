#include "api/call.h"

#include <stdlib.h>

#include "api/principal.h"
#include "base/check.h"

struct call *call_new(struct door_exchange *exchange, const struct engine_port *engine,
                      struct arena_pool *arenas)
{
    struct call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->engine = engine;
    call->exchange = exchange;
    call->request = exchange->request;
    call->config = engine->config(engine->impl);
    arena_init_pooled(&call->arena, LIMIT_API_ARENA, arenas);
    return call;
}

void call_enter(struct call *call)
{
    call->holds++;
}

void call_leave(struct call *call)
{
    CHECK(call->holds > 0);
    if (--call->holds > 0 || call->exchange)
        return;
    json_decref(call->body);
    arena_done(&call->arena);
    free(call);
}

void call_add_header(struct call *call, const char *name, struct slice value)
{
    CHECK(call->header_count < CALL_HEADERS);
    call->headers[call->header_count++] = (struct door_header){slice_text(name), value};
}

struct slice call_copy(struct call *call, struct slice bytes)
{
    return arena_copy(&call->arena, bytes);
}

void call_answer(struct call *call, int status, struct slice content_type, struct slice body)
{
    struct door_exchange *exchange = call->exchange;
    const struct door_response response = {.status = status,
                                           .headers = call->headers,
                                           .header_count = call->header_count,
                                           .content_type = content_type,
                                           .body = body};
    CHECK(exchange && call->holds > 0); /* invariant 2 */
    call->exchange = NULL;
    call->request = NULL;
    exchange->handler_data = NULL;
    exchange->respond(exchange, &response);
}

enum err call_stream_begin(struct call *call, struct slice content_type)
{
    const struct door_response head = {.status = 200,
                                       .headers = call->headers,
                                       .header_count = call->header_count,
                                       .content_type = content_type};
    CHECK(call->exchange);
    return call->exchange->stream_begin(call->exchange, &head);
}

enum err call_stream_chunk(struct call *call, struct slice bytes)
{
    CHECK(call->exchange);
    return call->exchange->stream_chunk(call->exchange, bytes);
}

void call_stream_end(struct call *call)
{
    struct door_exchange *exchange = call->exchange;
    CHECK(exchange && call->holds > 0); /* invariant 2 */
    call->exchange = NULL;
    call->request = NULL;
    exchange->handler_data = NULL;
    exchange->stream_end(exchange);
}

struct principal call_principal_now(const struct call *call)
{
    struct principal principal = {0};
    (void)principal_by_name(call->engine->config(call->engine->impl), call->principal.name,
                            &principal); /* nobody, when it is gone */
    return principal;
}

bool call_may_see_stops(const struct call *call, struct slice workflow)
{
    return call_may_see_incident(call, workflow, (struct slice){0});
}

bool call_may_see_incident(const struct call *call, struct slice workflow, struct slice answers)
{
    const struct config *config = call->engine->config(call->engine->impl);
    struct principal principal = call_principal_now(call);
    struct right_subject subject = {.workflow = config_workflow_of(config, workflow),
                                    .answers = config_group(config, answers),
                                    .away = call->engine->away(call->engine->impl),
                                    .now_unix_ms = call->engine->now_unix_ms(call->engine->impl)};
    if (workflow.size == 0)
        return principal.kind != PRINCIPAL_NONE;
    return right_allows(config, &principal, RIGHT_RECEIPT, &subject);
}

bool call_may_see(const struct call *call, const struct config *config, struct slice workflow,
                  struct slice step, struct slice actor)
{
    struct principal principal = call_principal_now(call);
    struct right_subject subject = {.workflow = config_workflow_of(config, workflow),
                                    .actor = actor,
                                    .away = call->engine->away(call->engine->impl),
                                    .now_unix_ms = call->engine->now_unix_ms(call->engine->impl)};
    if (subject.workflow)
        subject.step = config_step_of(config, workflow, step);
    return right_allows(config, &principal, RIGHT_SEE, &subject);
}
