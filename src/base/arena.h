/* base/arena.h - many small things that live and die together: a request, a loaded policy.
 * Owns: blocks of memory; freed all at once.
 * Invariants:
 *   1. What arena_alloc gives is zeroed and aligned for any type.
 *   2. Never more than size_max bytes in all; past it NULL, and `overflowed` stays set. */
#pragma once
#include "base/slice.h"

struct arena_block;
/* First blocks between two lives, for those who make many arenas. Zeroed at birth is empty. */
struct arena_pool {
    struct arena_block *blocks;
    size_t count, count_max;
};
struct arena {
    struct arena_block *blocks;
    struct arena_pool *pool; /* outlives the arena; NULL = none */
    size_t size;
    size_t size_max;
    bool overflowed;
};

void arena_init(struct arena *arena, size_t size_max);
/* As arena_init; its first block comes from the pool and goes back there. */
void arena_init_pooled(struct arena *arena, size_t size_max, struct arena_pool *pool);
void arena_done(struct arena *arena);
void arena_pool_done(struct arena_pool *pool);
/* Empty again; a small first block is kept, zeroed, for what comes next. */
void arena_reset(struct arena *arena);
/* Zeroed bytes, or NULL past the maximum. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy, with a NUL after it that is not counted. Empty slice past the maximum. */
struct slice arena_copy(struct arena *arena, struct slice bytes);
struct slice arena_fmt(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array((arena), (count), sizeof(type)))
