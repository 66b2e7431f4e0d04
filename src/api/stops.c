#include "api/body.h"
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "policy/near.h"
#include "record/ids.h"
#include "record/receipt.h"

struct stops_body {
    struct slice scope, position, reason;
    bool has_position;
};
struct stops_scope {
    struct slice workflow, step, risk, upstream;
};

static const struct body_field stops_fields[] = {
    {.name = "scope",
     .type = BODY_OBJECT,
     .is_required = true,
     .at = offsetof(struct stops_body, scope)},
    {.name = "position",
     .type = BODY_NAME,
     .at = offsetof(struct stops_body, position),
     .has_at = offsetof(struct stops_body, has_position)},
    {.name = "reason",
     .type = BODY_TEXT,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct stops_body, reason)},
};
static const struct body_field stops_scope_fields[] = {
    {.name = "workflow", .type = BODY_NAME, .at = offsetof(struct stops_scope, workflow)},
    {.name = "step", .type = BODY_NAME, .at = offsetof(struct stops_scope, step)},
    {.name = "risk", .type = BODY_NAME, .at = offsetof(struct stops_scope, risk)},
    {.name = "upstream", .type = BODY_NAME, .at = offsetof(struct stops_scope, upstream)},
};

/* A stop of a mistyped name would stop nothing and say "stopped": 422 with the right name. */
static bool stops_refuse_name(struct call *call, const char *member, const char *what,
                              struct slice name, const struct near *near)
{
    struct slice best = near->best;
    struct arena *arena = &call->arena;
    struct buf hint;
    buf_init(&hint, LIMIT_NAME * (NEAR_OFFERS + 2));
    near_add_hint(&hint, near);
    struct slice detail =
        best.size > 0
            ? arena_fmt(arena,
                        "there is no %s \"%.*s\"; did you mean \"%.*s\"? Nothing was stopped", what,
                        SLICE_FMT(name), SLICE_FMT(best))
            : arena_fmt(arena, "there is no %s \"%.*s\". %.*s%sNothing was stopped", what,
                        SLICE_FMT(name), (int)hint.size, buf_text(&hint), hint.size > 0 ? " " : "");
    buf_done(&hint);
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = arena_fmt(arena, "/scope/%s", member),
                                          .detail = detail});
    return false;
}

/* By a former name too: a stop is not refused because a page of somebody's is older. */
static bool stops_find_workflow(struct call *call, const struct stops_scope *scope)
{
    struct near near;
    near_init(&near, scope->workflow);
    for (size_t i = 0; i < call->config->workflow_count; i++)
        near_offer(&near, call->config->workflows[i].name);
    call->workflow = config_workflow_of(call->config, scope->workflow);
    if (!call->workflow)
        return stops_refuse_name(call, "workflow", "workflow", scope->workflow, &near);
    if (scope->step.size == 0)
        return true;
    call->step = config_step_of(call->config, scope->workflow, scope->step);
    near_init(&near, scope->step);
    for (size_t i = 0; i < call->workflow->step_count; i++)
        near_offer(&near, call->workflow->steps[i].name);
    return call->step || stops_refuse_name(call, "step", "step", scope->step, &near);
}

static bool stops_find_upstream(struct call *call, struct slice name)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < call->config->upstream_count; i++)
        near_offer(&near, call->config->upstreams[i].name);
    call->upstream = config_upstream(call->config, name);
    return call->upstream || stops_refuse_name(call, "upstream", "upstream", name, &near);
}

/* "normal" is a class too: what no declared one takes. */
static bool stops_find_risk(struct call *call, struct slice risk)
{
    struct near near;
    near_init(&near, risk);
    bool is_known = slice_is(risk, "normal");
    near_offer(&near, SLICE("normal"));
    for (size_t w = 0; w < call->config->workflow_count; w++) {
        const struct workflow *workflow = &call->config->workflows[w];
        for (size_t s = 0; s < workflow->step_count; s++) {
            const struct step *step = &workflow->steps[s];
            if ((call->workflow && call->workflow != workflow) ||
                (call->step && call->step != step))
                continue;
            for (size_t r = 0; r < step->risk_count; r++) {
                near_offer(&near, step->risks[r].name);
                is_known = is_known || slice_equal(step->risks[r].name, risk);
            }
        }
    }
    return is_known || stops_refuse_name(call, "risk", "risk class", risk, &near);
}

static bool stops_find_scope(struct call *call, const struct stops_scope *scope)
{
    if (scope->step.size > 0 && scope->workflow.size == 0) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/scope/step"),
                                              .detail = SLICE("a step needs its \"workflow\"")});
        return false;
    }
    return (scope->workflow.size == 0 || stops_find_workflow(call, scope)) &&
           (scope->upstream.size == 0 || stops_find_upstream(call, scope->upstream)) &&
           (scope->risk.size == 0 || stops_find_risk(call, scope->risk));
}

/* The words stand with the incident; empty while nobody has said any. */
static struct slice stops_reason(struct call *call, const struct stop *stop)
{
    return call->engine->stop_reason(call->engine->impl, stop, &call->arena);
}

/* The attempts that it still waits for. The stop holds all the same where they cannot be read: its
 * receipt then comes without the list. */
static const struct view *stops_in_flight(struct call *call, const struct stop *stop,
                                          size_t *out_count)
{
    size_t count = LIMIT_PAGE;
    struct view *views = ARENA_ARRAY(&call->arena, count, struct view);
    enum err err =
        views ? call->engine->in_flight(call->engine->impl, stop->id, &call->arena, views, &count)
              : ERR_NO_MEMORY;
    *out_count = err == ERR_OK ? count : 0;
    return views;
}

static void stops_reply_receipt(struct call *call, int status, const struct stop *stop)
{
    size_t count = 0;
    const struct view *views = stops_in_flight(call, stop, &count);
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    receipt_json_add(&out, stop, stops_reason(call, stop), views, count);
    reply_json(call, status, &out);
    buf_done(&out);
}

static bool stops_is_inside(const struct stop *inner, const struct stop *outer)
{
    for (size_t i = 0; i < sizeof outer->names / sizeof *outer->names; i++)
        if (outer->names[i][0] && strcmp(outer->names[i], inner->names[i]) != 0)
            return false;
    return true;
}

/* Does another stop let nothing of it start at all? */
static bool stops_is_stopped_too(struct call *call, const struct stop *stop)
{
    size_t count = LIMIT_STOPS;
    struct stop *stops = ARENA_ARRAY(&call->arena, LIMIT_STOPS, struct stop);
    if (!stops || call->engine->stops(call->engine->impl, false, &call->arena, stops, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (stops[i].position == POSITION_STOPPED && !stops[i].is_lifted && !stops[i].is_ramping &&
            stops_is_inside(stop, &stops[i]))
            return true;
    return false;
}

/* The line that the command line prints: STOPPING … or STOPPED …. */
static void stops_reply_words(struct call *call, const struct stop *stop)
{
    const struct engine_port *engine = call->engine;
    struct receipt_text text = {.stop = stop,
                                .config = call->config,
                                .zone = engine->zone(engine->impl),
                                .now_unix_ms = engine->now_unix_ms(engine->impl),
                                .is_stopped_too = stop->position != POSITION_STOPPED &&
                                                  stops_is_stopped_too(call, stop)};
    text.in_flight = stops_in_flight(call, stop, &text.in_flight_count);
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    receipt_text_add(&out, &text);
    buf_add_byte(&out, '\n');
    reply_text(call, 200, &out);
    buf_done(&out);
}

static void stops_done(void *arg, const struct engine_reply *reply)
{
    struct call *call = arg;
    call_enter(call);
    if (reply->outcome == ENGINE_STORE_FAILED) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_STOP_NOT_DURABLE,
                                              .detail = SLICE("it is in force, but a restart of "
                                                              "interlock would forget it: ask "
                                                              "again until it is stored"),
                                              .retry_after_ms = 1000});
    } else if (reply->outcome != ENGINE_TAKEN) {
        reply_refusal(call, reply);
    } else {
        struct buf location;
        buf_init(&location, LIMIT_NAME);
        text_add_id(&location, "/v1/stops/" ID_STOP, reply->stop->id);
        call_add_header(call, "Location", call_copy(call, buf_slice(&location)));
        buf_done(&location);
        stops_reply_receipt(call, 202, reply->stop);
    }
    call_leave(call);
}

static bool stops_may(struct call *call)
{
    struct right_subject subject = {.workflow = call->workflow, .upstream = call->upstream};
    if (right_allows(call->config, &call->principal, RIGHT_STOP, &subject))
        return true;
    struct buf who;
    buf_init(&who, LIMIT_REASON);
    right_add_who(call->config, RIGHT_STOP, &subject, &who);
    reply_refuse(call, TROUBLE_DENIED, "%.*s may not stop %s. Who may: %s. Nothing was stopped",
                 SLICE_FMT(call->principal.name),
                 call->workflow || call->upstream ? "this" : "everything", buf_text(&who));
    buf_done(&who);
    return false;
}

/* Caution is soft and clears itself: it is what a trigger takes, not a person. */
static bool stops_read_position(struct call *call, struct slice name, enum position *out_position)
{
    bool is_known = position_parse(name, out_position);
    if (is_known && *out_position < POSITION_CAUTION)
        return true;
    reply_trouble(call, &(struct trouble){
                            .code = TROUBLE_BAD_BODY,
                            .pointer = SLICE("/position"),
                            .detail = is_known && *out_position == POSITION_CAUTION
                                          ? SLICE("caution is what a trigger takes, and it clears "
                                                  "itself; a person orders stopped, fallback or "
                                                  "review. Nothing was stopped")
                                          : SLICE("a position is stopped, fallback or review. "
                                                  "Nothing was stopped")});
    return false;
}

void stops_post(struct call *call)
{
    struct stops_body body = {0};
    struct stops_scope names = {0};
    if (!body_read(call, stops_fields, sizeof stops_fields / sizeof *stops_fields, &body) ||
        !body_read_member(call, "scope", stops_scope_fields,
                          sizeof stops_scope_fields / sizeof *stops_scope_fields, &names))
        return;
    enum position position = POSITION_STOPPED;
    if (body.has_position && !stops_read_position(call, body.position, &position))
        return;
    if (!stops_find_scope(call, &names) || !stops_may(call))
        return;
    const struct scope scope = {.workflow = call->workflow ? call->workflow->name : names.workflow,
                                .step = call->step ? call->step->name : names.step,
                                .upstream = names.upstream,
                                .risk = names.risk};
    const struct stop_order order = {.scope = &scope, .position = position, .reason = body.reason};
    call->engine->stop(call->engine->impl, &call->principal, &order, stops_done, call);
}

void stops_get(struct call *call)
{
    bool is_text = false;
    if (!parameter_format(call, NULL, 0, &is_text))
        return;
    if (is_text)
        stops_reply_words(call, call->stop);
    else
        stops_reply_receipt(call, 200, call->stop);
}

/* Every stop in force. What is stopped is no secret: each caller sees the wide ones and those of
 * workflows that it may see. */
void stops_switches(struct call *call)
{
    size_t count = LIMIT_STOPS;
    struct stop *stops = ARENA_ARRAY(&call->arena, count, struct stop);
    if (!parameter_read(call, NULL, 0))
        return;
    enum err err = stops
                       ? call->engine->stops(call->engine->impl, false, &call->arena, stops, &count)
                       : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    reply_begin_list(&out);
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (!call_may_see_stops(call, slice_text(stops[i].names[0])))
            continue;
        buf_add_text(&out, shown++ ? "," : "");
        receipt_json_add(&out, &stops[i], stops_reason(call, &stops[i]), NULL, 0);
    }
    reply_list(call, (struct slice){0}, &out);
}
