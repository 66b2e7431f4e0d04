/* server/bounds.h - the bounds that one server works with: those of base/limits.h unless the
 * configuration or a test says otherwise.
 * Owns: nothing; plain numbers, fixed once the server is open. */
#pragma once
#include "base/limits.h"
#include "port/door.h"

struct server_bounds {
    size_t connections_max;           /* all of them */
    size_t connections_reserve;       /* of them kept for urgent lanes */
    size_t lane_max[DOOR_LANE_COUNT]; /* requests under way */
    size_t body_max;                  /* of one request */
    size_t held_max;                  /* request bodies in memory at once */
    size_t answer_max;
    size_t unwritten_max;
    size_t stream_max;
    size_t linger_max;    /* bytes thrown away */
    size_t lingering_max; /* connections that do so */
    size_t pipeline_max;
    size_t spare_max;
    uint64_t slow_ms, idle_ms, evict_ms, reserve_ms, unread_ms, gone_ms, linger_ms;
};

static inline struct server_bounds server_bounds_default(void)
{
    return (struct server_bounds){
        .connections_max = LIMIT_CONNECTIONS,
        .connections_reserve = LIMIT_CONNECTIONS_STOP,
        .lane_max = {[DOOR_LANE_STOP] = LIMIT_LANE_STOP,
                     [DOOR_LANE_OUTCOME] = LIMIT_LANE_OUTCOME,
                     [DOOR_LANE_VERDICT] = LIMIT_LANE_VERDICT,
                     [DOOR_LANE_ADMISSION] = LIMIT_LANE_ADMISSION,
                     [DOOR_LANE_READ] = LIMIT_LANE_READ},
        .body_max = LIMIT_HTTP_BODY,
        .held_max = LIMIT_HTTP_HELD,
        .answer_max = LIMIT_HTTP_ANSWER,
        .unwritten_max = LIMIT_HTTP_UNWRITTEN,
        .stream_max = LIMIT_HTTP_STREAM,
        .linger_max = LIMIT_HTTP_LINGER,
        .lingering_max = LIMIT_LINGERING,
        .pipeline_max = LIMIT_PIPELINE,
        .spare_max = LIMIT_EXCHANGES_SPARE,
        .slow_ms = LIMIT_HTTP_SLOW_MS,
        .idle_ms = LIMIT_HTTP_IDLE_MS,
        .evict_ms = LIMIT_HTTP_EVICT_MS,
        .reserve_ms = LIMIT_HTTP_RESERVE_MS,
        .unread_ms = LIMIT_HTTP_UNREAD_MS,
        .gone_ms = LIMIT_HTTP_GONE_MS,
        .linger_ms = LIMIT_HTTP_LINGER_MS,
    };
}
