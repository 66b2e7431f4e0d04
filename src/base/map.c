#include "base/map.h"

#include <stdlib.h>

#include "base/check.h"

void map_init(struct map *map, size_t count_max)
{
    *map = (struct map){.count_max = count_max};
}

void map_done(struct map *map)
{
    if (!map)
        return;
    free(map->slots);
    *map = (struct map){.count_max = map->count_max};
}

struct map_key map_key_u64(uint64_t id)
{
    /* The finalizer of splitmix64: every bit of the input reaches every bit of the output. */
    uint64_t z = id + 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (struct map_key){z ^ (z >> 31), id};
}

static bool map_key_equal(struct map_key a, struct map_key b)
{
    return a.high == b.high && a.low == b.low;
}

/* The slot of the key, or the free one where it would go. */
static size_t map_find(const struct map *map, struct map_key key)
{
    size_t at = (size_t)key.high & (map->slot_count - 1);
    while (map->slots[at].value && !map_key_equal(map->slots[at].key, key))
        at = (at + 1) & (map->slot_count - 1);
    return at;
}

static enum err map_grow(struct map *map)
{
    size_t slot_count = map->slot_count ? map->slot_count * 2 : 16;
    struct map_slot *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return ERR_NO_MEMORY;
    struct map bigger = {.slots = slots, .slot_count = slot_count};
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[i].value)
            slots[map_find(&bigger, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    map->slots = slots;
    map->slot_count = slot_count;
    return ERR_OK;
}

enum err map_put(struct map *map, struct map_key key, void *value)
{
    CHECK(value != NULL);
    if (map->count >= map->count_max)
        return ERR_LIMIT;
    if ((map->count + 1) * 4 > map->slot_count * 3) {
        enum err err = map_grow(map);
        if (err != ERR_OK)
            return err;
    }
    size_t at = map_find(map, key);
    if (map->slots[at].value)
        return ERR_CONFLICT;
    map->slots[at] = (struct map_slot){key, value};
    map->count++;
    return ERR_OK;
}

void *map_get(const struct map *map, struct map_key key)
{
    return map->slot_count ? map->slots[map_find(map, key)].value : NULL;
}

void *map_remove(struct map *map, struct map_key key)
{
    if (map->slot_count == 0)
        return NULL;
    size_t hole = map_find(map, key);
    void *value = map->slots[hole].value;
    if (!value)
        return NULL;
    map->slots[hole] = (struct map_slot){0};
    map->count--;
    /* Close the gap: what probed past the hole moves back into it. */
    size_t mask = map->slot_count - 1;
    for (size_t at = (hole + 1) & mask; map->slots[at].value; at = (at + 1) & mask) {
        size_t home = (size_t)map->slots[at].key.high & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        map->slots[hole] = map->slots[at];
        map->slots[at] = (struct map_slot){0};
        hole = at;
    }
    return value;
}

void *map_next(const struct map *map, size_t *cursor)
{
    while (*cursor < map->slot_count) {
        void *value = map->slots[(*cursor)++].value;
        if (value)
            return value;
    }
    return NULL;
}
