/* api/call.h - one request on its way to its one answer.
 * Owns: the memory of a request (arena, parsed body), its subject, and the end of both.
 * Invariants:
 *   1. A call lives until it is answered and no function that entered it is left: after an answer
 *      the caller's frame may still read it.
 *   2. exchange is NULL from the answer on.
 *   3. principal.name lives in the arena; its pointers into the configuration are good only until
 *      the handler returns (a reload frees them): what answers later asks call_principal_now. */
#pragma once
#include <jansson.h>

#include "api/api.h"
#include "api/routes.h"

enum { CALL_HEADERS = 12 };

struct call;
struct verifications;
/* The engine has taken what was asked: answers the call. */
typedef void call_taken_fn(struct call *call, const struct engine_reply *reply);

struct call {
    const struct engine_port *engine;
    const struct api_options *options;
    void *api; /* with handle: takes a request of ours as one from outside (batch.c) */
    void (*handle)(void *api, struct door_exchange *exchange);
    size_t *followers; /* streams under way, of all calls */
    struct verifications *verifications;
    struct door_exchange *exchange;
    const struct door_request *request;
    const struct route *route; /* NULL while the path is not known */
    struct arena arena;
    struct slice parameters[ROUTE_PARAMETERS]; /* decoded */
    struct principal principal;

    /* The subject, as the route says. */
    const struct config *config; /* in force when the call came */
    const struct workflow *workflow;
    const struct step *step;
    const struct upstream *upstream;
    const struct group *answers; /* of the incident: who is told first; NULL = the owner */
    uint64_t id;                 /* of the action, stop or incident */
    uint8_t review;
    struct view *view; /* of the action, without history */
    const struct stop *stop;
    struct engine_incident *incident;
    struct slice actor; /* who submitted the action */

    call_taken_fn *taken;    /* while the engine has it (reply_when_taken) */
    struct slice text, name; /* what that needs of the request */

    json_t *body;
    struct door_header headers[CALL_HEADERS]; /* of the answer */
    size_t header_count;
    uint64_t submit;                 /* handle to forget when the caller goes away, 0 = none */
    void *stream;                    /* the handler's, while it streams or handles many */
    void (*gone)(struct call *call); /* then: the peer has gone */
    int holds;
};

/* NULL without memory. */
struct call *call_new(struct door_exchange *exchange, const struct engine_port *engine,
                      struct arena_pool *arenas);
void call_enter(struct call *call);
/* Frees the call when it is answered and nobody is left in it. */
void call_leave(struct call *call);

/* Adds a header to the answer. Name and value must live until the answer. */
void call_add_header(struct call *call, const char *name, struct slice value);
/* A copy in the arena; "" when the arena is full (the answer then says so by its size). */
struct slice call_copy(struct call *call, struct slice bytes);
/* Sends the answer: exactly once. Nothing of the call may be used after the frame that entered it
 * has left. */
void call_answer(struct call *call, int status, struct slice content_type, struct slice body);

/* A stream instead of one answer: begin, chunks, and an end in every case, also when begin failed.
 */
MUST_USE enum err call_stream_begin(struct call *call, struct slice content_type);
MUST_USE enum err call_stream_chunk(struct call *call, struct slice bytes);
void call_stream_end(struct call *call);

/* The principal with the configuration that is in force now; PRINCIPAL_NONE when it is gone. */
struct principal call_principal_now(const struct call *call);
/* May this caller know of the stops of that workflow (empty: of something wider)? Wide ones are no
 * secret: whoever has a token is stopped by them. */
bool call_may_see_stops(const struct call *call, struct slice workflow);
/* And of its incidents, where the group `answers` (empty: the owner) is told first. */
bool call_may_see_incident(const struct call *call, struct slice workflow, struct slice answers);
/* May this caller see an action of that workflow and actor, by the configuration in force? */
bool call_may_see(const struct call *call, const struct config *config, struct slice workflow,
                  struct slice step, struct slice actor);
