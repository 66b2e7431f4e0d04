/* upstream/sandbox_world.h - what one sandbox provider knows, and what it answers to one request.
 * Owns: effects, their counts by key and by payload, and the settings of one name.
 * Invariants:
 *   1. A request has an effect at most once, and only if it is a write, was not refused by a set
 *      status, and its key (when keys are remembered) is new.
 *   2. All effects are in memory, or the request is refused with 507.
 *   3. A known key with another payload is 422; with the same one it is the first answer again.
 * Pure: no clock, no loop. */
#pragma once
#include "base/arena.h"
#include "base/map.h"
#include "upstream/sandbox.h"

/* One effect. */
struct sandbox_effect {
    struct sandbox_effect *next; /* the next one in time */
    uint64_t id;
    struct slice key; /* empty = none */
    struct slice method, target, body;
    unsigned char payload[32]; /* SHA-256 of method, target and body */
};

/* How often something had an effect. */
struct sandbox_count {
    struct sandbox_count *next; /* in order of the first effect */
    const struct sandbox_effect *first;
    uint64_t effects;
};

struct sandbox_counts {
    struct map map;
    struct sandbox_count *oldest, *newest;
    uint64_t doubles; /* with more than one effect */
};

struct sandbox_world {
    struct slice name;
    struct arena own; /* name */
    struct sandbox_settings settings;
    struct buf key_header; /* of the settings */
    struct arena memory;   /* effects and counts */
    struct sandbox_effect *oldest, *newest;
    struct sandbox_counts by_key, by_payload;
    uint64_t requests, reads, effects, repeats, conflicts, lost, unavailable, withheld, refused,
        full;
};

struct sandbox_request {
    struct slice method, target, body;
    const struct upstream_header *headers;
    size_t header_count;
};

/* What the world answers; the body goes to a buffer of the caller's. */
struct sandbox_answer {
    int status;
    bool is_lost;
    bool is_repeat;
    int64_t retry_after_s;
};

/* NULL without memory. */
struct sandbox_world *sandbox_world_new(struct slice name);
void sandbox_world_free(struct sandbox_world *world);
MUST_USE enum err sandbox_world_set(struct sandbox_world *world,
                                    const struct sandbox_settings *settings);
void sandbox_world_forget(struct sandbox_world *world);
/* One request that has arrived. */
struct sandbox_answer sandbox_world_take(struct sandbox_world *world,
                                         const struct sandbox_request *request, struct buf *body);
/* sandbox_report.c */
void sandbox_world_report(const struct sandbox_world *world, struct buf *json);
