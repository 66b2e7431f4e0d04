/* base/map.h - a hash table from 16-byte keys to pointers. Open addressing, linear probing.
 * Owns: its slots; neither keys' meaning nor the values.
 * Invariants:
 *   1. count <= count_max; map_put past it is ERR_LIMIT.
 *   2. Keys are hashed already (a keyed hash or a counter mixed by map_key_u64): callers from
 *      outside cannot choose collisions. */
#pragma once
#include "base/err.h"
#include "base/slice.h"

struct map_key {
    uint64_t high, low;
};
struct map_slot {
    struct map_key key;
    void *value; /* NULL = free */
};
struct map {
    struct map_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
    size_t count_max;
};

void map_init(struct map *map, size_t count_max);
void map_done(struct map *map);
/* value != NULL. ERR_CONFLICT when the key is there already. */
MUST_USE enum err map_put(struct map *map, struct map_key key, void *value);
void *map_get(const struct map *map, struct map_key key);
/* The value that was there, or NULL. */
void *map_remove(struct map *map, struct map_key key);
/* Walks: start with *cursor = 0; NULL at the end. The map must not change on the way. */
void *map_next(const struct map *map, size_t *cursor);
/* For ids and counters: mixed, so that neighbours spread. */
struct map_key map_key_u64(uint64_t id);
