/* api/api.h - the HTTP API of interlock as a front door: requests in, answers out, no socket seen.
 * Owns: which call a request means, who may make it, and the form of every answer (design 4.4, 7).
 * Invariants:
 *   1. Each exchange is answered exactly once, whatever it holds.
 *   2. Nothing is asked of the engine before token, right and body are good.
 *   3. An answer speaks of what is durable: it is made in the engine's done, never before.
 *   4. What a caller may not see is not in the answer (R7: state and id only).
 * Threads: the loop thread only. */
#pragma once
#include "port/door.h"
#include "port/engine.h"

struct api_options {
    struct slice version; /* of interlock: status, metrics */
};

struct api;
/* NULL without memory. The port lives longer than the api. */
struct api *api_new(const struct engine_port *engine, const struct api_options *options);
void api_free(struct api *api);
struct door_handler api_handler(struct api *api);
