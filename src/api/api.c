#include "api/api.h"

#include <stdlib.h>

#include "api/header.h"
#include "api/principal.h"
#include "api/reply.h"
#include "api/subject.h"
#include "api/verification.h"
#include "base/check.h"
#include "base/text.h"
#include "base/uri.h"

enum { API_SPARE_ARENAS = 256 }; /* 1 MiB at most */

struct api {
    const struct engine_port *engine;
    struct api_options options;
    size_t follower_count;
    struct arena_pool arenas; /* first blocks of calls */
    struct verifications verifications;
};

/* A port that was forgotten must be seen at the start, not at the first stop. */
static bool api_port_is_whole(const struct engine_port *e)
{
    bool acts = e->submit && e->act && e->forget && e->stop && e->restart && e->approve &&
                e->reject && e->restart_of && e->ack && e->incident_reason && e->reload &&
                e->backup && e->token_put && e->token_revoke && e->sandbox;
    bool reads = e->config && e->now_unix_ms && e->zone && e->random && e->view && e->list &&
                 e->inbox && e->stops && e->stop_by_id && e->incidents && e->incident &&
                 e->ladder && e->away_put && e->away && e->notices && e->in_flight && e->counts &&
                 e->upstreams && e->health && e->store && e->follow && e->unfollow && e->tokens &&
                 e->token_owner;
    return acts && reads;
}

struct api *api_new(const struct engine_port *engine, const struct api_options *options)
{
    CHECK(api_port_is_whole(engine));
    struct api *api = calloc(1, sizeof *api);
    if (!api)
        return NULL;
    api->engine = engine;
    api->options = *options;
    api->arenas.count_max = API_SPARE_ARENAS;
    return api;
}

void api_free(struct api *api)
{
    if (api) {
        verifications_done(&api->verifications);
        arena_pool_done(&api->arenas);
    }
    free(api);
}

static enum door_lane api_lane(void *impl, struct slice method, struct slice path)
{
    (void)impl; /* the table is constant */
    const struct route *route;
    struct slice parameters[ROUTE_PARAMETERS];
    return route_find(method, path, &route, parameters) == ROUTE_FOUND ? route->lane
                                                                       : DOOR_LANE_READ;
}

/* 404 or 405, with what would be right. */
static void api_refuse_path(struct call *call, enum route_found found)
{
    struct slice path = call->request->path;
    if (found == ROUTE_OTHER_METHOD) {
        struct buf methods;
        buf_init(&methods, LIMIT_NAME);
        route_add_methods(path, &methods);
        struct slice allowed = call_copy(call, buf_slice(&methods));
        buf_done(&methods);
        call_add_header(call, "Allow", allowed);
        reply_refuse(call, TROUBLE_NO_METHOD, "this path has %.*s", SLICE_FMT(allowed));
        return;
    }
    const char *nearest = route_nearest(path);
    reply_refuse(call, TROUBLE_NO_PATH, "%s%s%s", nearest ? "did you mean " : "",
                 nearest ? nearest : "GET /openapi.json lists all that there are",
                 nearest ? "?" : "");
}

static bool api_find_route(struct call *call)
{
    struct slice encoded[ROUTE_PARAMETERS] = {{0}};
    enum route_found found =
        route_find(call->request->method, call->request->path, &call->route, encoded);
    if (found != ROUTE_FOUND) {
        api_refuse_path(call, found);
        return false;
    }
    for (size_t i = 0; i < ROUTE_PARAMETERS; i++) {
        struct buf decoded;
        buf_init(&decoded, encoded[i].size + 1);
        bool is_good = uri_decode(encoded[i], &decoded) && text_is_utf8(buf_slice(&decoded));
        call->parameters[i] = is_good ? call_copy(call, buf_slice(&decoded)) : (struct slice){0};
        buf_done(&decoded);
        if (is_good)
            continue;
        reply_refuse(call, TROUBLE_NO_PATH, "a bad escape, or bytes that are not UTF-8");
        return false;
    }
    return true;
}

/* 401. RFC 9110 11.6.1: the scheme that is wanted; RFC 6750 3: what is wrong with the token. */
static void api_refuse_token(struct call *call, bool has_token, struct slice detail)
{
    call_add_header(call, "WWW-Authenticate",
                    has_token ? SLICE("Bearer realm=\"interlock\", error=\"invalid_token\"")
                              : SLICE("Bearer realm=\"interlock\""));
    reply_trouble(call, &(struct trouble){.code = has_token ? TROUBLE_BAD_TOKEN : TROUBLE_NO_TOKEN,
                                          .detail = detail});
}

static bool api_find_principal(struct call *call)
{
    enum right right = call->route->right;
    struct slice token, name;
    if (right == RIGHT_OPEN || (right == RIGHT_LOOPBACK && call->request->is_loopback_peer))
        return true;
    enum header_found found = header_bearer(call->request, &token);
    if (found == HEADER_GOOD) {
        enum principal_found owner =
            principal_by_token(call->engine, token, &name, &call->principal);
        if (owner == PRINCIPAL_FOUND) {
            call->principal.name = call_copy(call, call->principal.name);
            return true;
        }
        api_refuse_token(call, true,
                         owner == PRINCIPAL_REMOVED
                             ? SLICE("its owner is no longer in the configuration")
                             : SLICE("it was revoked, is of another installation, or is "
                                     "mistyped; `interlock token new NAME` makes one"));
        return false;
    }
    api_refuse_token(call, false,
                     found == HEADER_ABSENT
                         ? SLICE("send Authorization: Bearer TOKEN; `interlock token new NAME` "
                                 "makes one, and the command line reads INTERLOCK_TOKEN")
                         : SLICE("there must be one header Authorization: Bearer TOKEN"));
    return false;
}

static bool api_check_right(struct call *call)
{
    bool is_local = call->route->right == RIGHT_LOOPBACK && call->request->is_loopback_peer;
    return is_local || subject_allows(call, call->route->right);
}

/* Path, token, subject, right, then the handler: each step answers when it refuses. */
static void api_dispatch(struct call *call)
{
    if (api_find_route(call) && api_find_principal(call) && subject_find(call) &&
        api_check_right(call))
        call->route->handle(call);
}

/* The peer has gone. A call that waits is forgotten; the action goes on (R30). */
static void api_gone(struct door_exchange *exchange)
{
    struct call *call = exchange->handler_data;
    if (!call)
        return;
    call_enter(call);
    if (call->gone) {
        call->gone(call);
    } else if (call->submit) {
        call->engine->forget(call->engine->impl, call->submit);
        call_answer(call, 503, SLICE("text/plain"), (struct slice){0}); /* to nobody */
    }
    call_leave(call);
}

static void api_handle(void *impl, struct door_exchange *exchange)
{
    static const struct door_response no_memory = {
        .status = 503, .content_type = {"text/plain", 10}, .body = {"no memory\n", 10}};
    struct api *api = impl;
    struct call *call = call_new(exchange, api->engine, &api->arenas);
    if (!call) {
        exchange->respond(exchange, &no_memory);
        return;
    }
    call->api = api;
    call->handle = api_handle;
    call->options = &api->options;
    call->followers = &api->follower_count;
    call->verifications = &api->verifications;
    exchange->handler_data = call;
    exchange->on_gone = api_gone;
    call_enter(call);
    api_dispatch(call);
    call_leave(call);
}

static void api_refuse(void *impl, int status, struct slice detail, struct slice *out_content_type,
                       char *buffer, size_t buffer_size, size_t *out_size)
{
    (void)impl; /* the form is the same for all */
    *out_size = reply_write_refusal(status, detail, buffer, buffer_size);
    *out_content_type = SLICE("application/problem+json");
}

struct door_handler api_handler(struct api *api)
{
    static const struct door_header none[] = {{{"Interlock-State", 15}, {"none", 4}}};
    return (struct door_handler){.impl = api,
                                 .lane = api_lane,
                                 .handle = api_handle,
                                 .refuse = api_refuse,
                                 .refuse_headers = none,
                                 .refuse_header_count = sizeof none / sizeof *none};
}
