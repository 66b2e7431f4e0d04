#include "record/render.h"

#include "policy/query.h"
#include "policy/template.h"

static bool render_add_header(struct bundle_request *request, struct slice name, struct slice value)
{
    if (request->header_count >= LIMIT_HEADERS + 2)
        return false;
    request->headers[request->header_count++] = (struct bundle_header){name, value};
    return true;
}

static bool render_headers(const struct header_template *headers, size_t count,
                           const struct expr_scope *scope, struct expr_work *work,
                           struct bundle_request *out)
{
    for (size_t i = 0; i < count; i++) {
        struct buf value;
        buf_init(&value, LIMIT_HTTP_LINE);
        bool is_good = template_render_text(headers[i].value, scope, work, &value) == EXPR_OK;
        struct slice kept = is_good ? arena_copy(work->scratch, buf_slice(&value)) : SLICE("");
        buf_done(&value);
        if (!is_good || !render_add_header(out, headers[i].name, kept))
            return false;
    }
    return true;
}

static bool render_target(const struct step *step, const struct expr_scope *scope,
                          struct expr_work *work, struct bundle_request *out)
{
    struct buf target;
    buf_init(&target, LIMIT_HTTP_LINE);
    bool is_good = template_render_path(step->target, scope, work, &target) == EXPR_OK;
    if (is_good && step->query)
        is_good = query_render(step->query, scope, work, &target);
    out->target = is_good ? arena_copy(work->scratch, buf_slice(&target)) : (struct slice){0};
    buf_done(&target);
    return is_good;
}

bool render_request(const struct step *step, const struct step_route *route,
                    const struct expr_scope *scope, struct arena *scratch,
                    struct bundle_request *out, struct buf *out_body,
                    struct expr_problem *out_problem)
{
    struct expr_work work = {.scratch = scratch};
    const struct upstream *upstream = route ? route->upstream : step->upstream;
    const struct template_tree *body = route ? route->body : step->body;
    enum idempotency idempotency = route ? route->idempotency : step->terms.idempotency;
    *out = (struct bundle_request){.method = step->method, .provider_key = scope->provider_key};
    bool is_good = true;
    if (upstream) { /* call: caller sends nothing of ours */
        is_good = render_target(step, scope, &work, out) &&
                  render_headers(upstream->headers, upstream->header_count, scope, &work, out) &&
                  render_headers(step->headers, step->header_count, scope, &work, out);
        if (is_good && idempotency == IDEMPOTENCY_BY_KEY && upstream->has_key_header) {
            struct slice value = upstream->is_key_quoted ? arena_fmt(scratch, "\"%.*s\"",
                                                                     SLICE_FMT(scope->provider_key))
                                                         : scope->provider_key;
            is_good = render_add_header(out, upstream->key_header, value);
        }
    }
    if (is_good && body) {
        is_good = template_tree_render_text(body, scope, &work, out_body) == EXPR_OK &&
                  render_add_header(out, SLICE("Content-Type"), SLICE("application/json"));
        out->body = buf_slice(out_body);
    }
    *out_problem = work.problem;
    return is_good;
}

bool render_ask(const struct ask_call *call, const struct expr_scope *scope, struct arena *scratch,
                struct bundle_request *out, struct expr_problem *out_problem)
{
    struct expr_work work = {.scratch = scratch};
    struct buf target;
    *out = (struct bundle_request){.method = call->method};
    buf_init(&target, LIMIT_HTTP_LINE);
    bool is_good =
        template_render_path(call->target, scope, &work, &target) == EXPR_OK &&
        render_headers(call->upstream->headers, call->upstream->header_count, scope, &work, out);
    out->target = is_good ? arena_copy(scratch, buf_slice(&target)) : (struct slice){0};
    buf_done(&target);
    *out_problem = work.problem;
    return is_good && !scratch->overflowed;
}
