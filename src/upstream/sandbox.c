#include "upstream/sandbox.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/text.h"
#include "upstream/curl_request.h"
#include "upstream/sandbox_world.h"

enum {
    SANDBOX_CALL_HEADERS = 3,
    SANDBOX_CALL_MEMORY = LIMIT_REQUEST + 2 * LIMIT_CALL_HEAD,
    SANDBOX_CALL_WHAT = 128
};

struct sandbox {
    uv_loop_t *loop;
    struct list calls;
    size_t call_count;
    size_t handle_count; /* timers not closed yet, and one for the owner */
    struct sandbox_world *worlds[LIMIT_SANDBOXES];
    size_t world_count;
    bool is_freed;
};

struct sandbox_call {
    struct list node; /* of the sandbox, while it is under way */
    uv_timer_t timer;
    struct sandbox *sandbox;
    struct sandbox_world *world;
    struct arena memory; /* the request */
    struct sandbox_request request;
    struct sandbox_answer answer;
    struct upstream_header headers[SANDBOX_CALL_HEADERS];
    size_t header_count;
    struct buf body;
    struct buf what;
    struct buf retry_after;
    int64_t timeout_ms;
    upstream_may_send_fn *may_send;
    upstream_done_fn *done;
    void *arg;
};

static void sandbox_leave(struct sandbox *sandbox)
{
    sandbox->handle_count--;
    if (!sandbox->is_freed || sandbox->handle_count > 0)
        return;
    for (size_t i = 0; i < sandbox->world_count; i++)
        sandbox_world_free(sandbox->worlds[i]);
    free(sandbox);
}

static void sandbox_call_closed(uv_handle_t *handle)
{
    struct sandbox_call *call = handle->data;
    struct sandbox *sandbox = call->sandbox;
    arena_done(&call->memory);
    buf_done(&call->body);
    buf_done(&call->what);
    buf_done(&call->retry_after);
    free(call);
    sandbox_leave(sandbox);
}

static void sandbox_call_end(struct sandbox_call *call)
{
    list_remove(&call->node);
    call->sandbox->call_count--;
    uv_close((uv_handle_t *)&call->timer, sandbox_call_closed);
}

/* Tells and ends. done may begin calls, or free the sandbox: the call has left it before. */
static void sandbox_call_tell(struct sandbox_call *call, struct upstream_answer *answer)
{
    answer->peer = SLICE("sandbox");
    answer->what = buf_slice(&call->what);
    sandbox_call_end(call);
    call->done(call->arg, answer);
}

static void sandbox_call_tell_not_sent(struct sandbox_call *call, bool was_withheld)
{
    struct upstream_answer answer = {.phase = UPSTREAM_NOT_SENT, .was_withheld = was_withheld};
    buf_add_text(&call->what, was_withheld ? "withheld before its first byte"
                                           : "no connection: connection refused");
    sandbox_call_tell(call, &answer);
}

static void sandbox_call_add_header(struct sandbox_call *call, struct slice name,
                                    struct slice value)
{
    CHECK(call->header_count < SANDBOX_CALL_HEADERS);
    call->headers[call->header_count++] = (struct upstream_header){name, value};
}

static void sandbox_call_on_answer(uv_timer_t *timer)
{
    struct sandbox_call *call = timer->data;
    if (call->answer.is_lost) {
        struct upstream_answer lost = {.phase = UPSTREAM_SENT_NO_ANSWER};
        buf_add_text(&call->what, "the connection ended without an answer");
        sandbox_call_tell(call, &lost);
        return;
    }
    sandbox_call_add_header(call, SLICE("Content-Type"), SLICE("application/json"));
    if (call->answer.is_repeat)
        sandbox_call_add_header(call, SLICE("Idempotency-Replayed"), SLICE("true"));
    if (call->answer.retry_after_s > 0) {
        buf_add_i64(&call->retry_after, call->answer.retry_after_s);
        sandbox_call_add_header(call, SLICE("Retry-After"), buf_slice(&call->retry_after));
    }
    struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED,
                                     .is_cut = !buf_ok(&call->body),
                                     .status = call->answer.status,
                                     .headers = call->headers,
                                     .header_count = call->header_count,
                                     .body = buf_slice(&call->body)};
    buf_add_fmt(&call->what, "answered %d%s", answer.status, answer.is_cut ? ", cut" : "");
    sandbox_call_tell(call, &answer);
}

static void sandbox_call_on_timeout(uv_timer_t *timer)
{
    struct sandbox_call *call = timer->data;
    struct upstream_answer answer = {.phase = UPSTREAM_SENT_NO_ANSWER, .is_timeout = true};
    buf_add_text(&call->what, "no answer in ");
    text_add_duration(&call->what, call->timeout_ms);
    sandbox_call_tell(call, &answer);
}

/* The request arrives: the effect, and later its answer. */
static void sandbox_call_on_arrival(uv_timer_t *timer)
{
    struct sandbox_call *call = timer->data;
    struct sandbox_world *world = call->world;
    int64_t delay_ms = world->settings.delay_ms;
    if (world->settings.is_down) {
        world->unavailable++;
        sandbox_call_tell_not_sent(call, false);
        return;
    }
    if (call->may_send && !call->may_send(call->arg)) {
        world->withheld++;
        sandbox_call_tell_not_sent(call, true);
        return;
    }
    call->answer = sandbox_world_take(world, &call->request, &call->body);
    bool is_late = delay_ms >= call->timeout_ms;
    if (delay_ms == 0)
        sandbox_call_on_answer(timer);
    else if (uv_timer_start(timer, is_late ? sandbox_call_on_timeout : sandbox_call_on_answer,
                            (uint64_t)(is_late ? call->timeout_ms : delay_ms), 0) != 0)
        CHECK_UNREACHABLE(); /* it has a callback and is not closing */
}

static void sandbox_call_copy(struct sandbox_call *call, const struct upstream_call *from)
{
    struct arena *memory = &call->memory;
    struct upstream_header *headers =
        ARENA_ARRAY(memory, from->header_count + 1, struct upstream_header);
    for (size_t i = 0; i < from->header_count && headers; i++)
        headers[i] = (struct upstream_header){arena_copy(memory, from->headers[i].name),
                                              arena_copy(memory, from->headers[i].value)};
    call->request = (struct sandbox_request){.method = arena_copy(memory, from->method),
                                             .target = arena_copy(memory, from->target),
                                             .body = arena_copy(memory, from->body),
                                             .headers = headers,
                                             .header_count = from->header_count};
    call->timeout_ms = from->timeout_ms;
    call->may_send = from->may_send;
    call->done = from->done;
    call->arg = from->arg;
}

static struct sandbox_world *sandbox_find(const struct sandbox *sandbox, struct slice name)
{
    for (size_t i = 0; i < sandbox->world_count; i++)
        if (slice_equal(sandbox->worlds[i]->name, name))
            return sandbox->worlds[i];
    return NULL;
}

static enum err sandbox_need(struct sandbox *sandbox, struct slice name,
                             struct sandbox_world **out_world)
{
    struct sandbox_world *world = sandbox_find(sandbox, name);
    if (!world && (sandbox->world_count == LIMIT_SANDBOXES || name.size > LIMIT_NAME))
        return ERR_LIMIT;
    if (!world) {
        world = sandbox_world_new(name);
        if (!world)
            return ERR_NO_MEMORY;
        sandbox->worlds[sandbox->world_count++] = world;
    }
    *out_world = world;
    return ERR_OK;
}

static enum err sandbox_take(void *impl, const struct upstream_call *from)
{
    struct sandbox *sandbox = impl;
    struct sandbox_world *world = NULL;
    if (sandbox->is_freed || sandbox->call_count >= LIMIT_SANDBOX_CALLS)
        return ERR_BUSY;
    enum err err = curl_request_check(from); /* what the network would refuse */
    if (err == ERR_OK)
        err = sandbox_need(sandbox, from->endpoint->name, &world);
    if (err != ERR_OK)
        return err;
    struct sandbox_call *call = calloc(1, sizeof *call);
    if (!call)
        return ERR_NO_MEMORY;
    arena_init(&call->memory, SANDBOX_CALL_MEMORY);
    sandbox_call_copy(call, from);
    if (call->memory.overflowed) {
        arena_done(&call->memory);
        free(call);
        return ERR_NO_MEMORY;
    }
    buf_init(&call->body, from->answer_max);
    buf_init(&call->what, SANDBOX_CALL_WHAT);
    buf_init(&call->retry_after, SANDBOX_CALL_WHAT);
    call->sandbox = sandbox;
    call->world = world;
    call->timer.data = call;
    (void)uv_timer_init(sandbox->loop, &call->timer);                  /* cannot fail */
    (void)uv_timer_start(&call->timer, sandbox_call_on_arrival, 0, 0); /* has a callback */
    list_add_before(&sandbox->calls, &call->node);
    sandbox->call_count++;
    sandbox->handle_count++;
    return ERR_OK;
}

static size_t sandbox_count(void *impl)
{
    const struct sandbox *sandbox = impl;
    return sandbox->call_count;
}

enum err sandbox_new(uv_loop_t *loop, struct sandbox **out_sandbox)
{
    struct sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (!sandbox)
        return ERR_NO_MEMORY;
    sandbox->loop = loop;
    sandbox->handle_count = 1; /* the owner's */
    list_init(&sandbox->calls);
    *out_sandbox = sandbox;
    return ERR_OK;
}

void sandbox_free(struct sandbox *sandbox)
{
    if (!sandbox || sandbox->is_freed)
        return;
    while (!list_is_empty(&sandbox->calls))
        sandbox_call_end(LIST_ENTRY(sandbox->calls.next, struct sandbox_call, node));
    sandbox->is_freed = true;
    sandbox_leave(sandbox);
}

struct upstream_port sandbox_port(struct sandbox *sandbox)
{
    return (struct upstream_port){sandbox, sandbox_take, sandbox_count};
}

struct sandbox_settings sandbox_settings(const struct sandbox *sandbox, struct slice name)
{
    const struct sandbox_world *world = sandbox_find(sandbox, name);
    return world ? world->settings : (struct sandbox_settings){.remembers_keys = true};
}

enum err sandbox_control(struct sandbox *sandbox, struct slice name,
                         const struct sandbox_settings *settings)
{
    struct sandbox_world *world = NULL;
    enum err err = sandbox_need(sandbox, name, &world);
    return err == ERR_OK ? sandbox_world_set(world, settings) : err;
}

void sandbox_forget(struct sandbox *sandbox, struct slice name)
{
    struct sandbox_world *world = sandbox_find(sandbox, name);
    if (world)
        sandbox_world_forget(world);
}

enum err sandbox_report(struct sandbox *sandbox, struct slice name, struct buf *json)
{
    struct sandbox_world *world = NULL;
    enum err err = sandbox_need(sandbox, name, &world);
    if (err == ERR_OK)
        sandbox_world_report(world, json);
    return err;
}
