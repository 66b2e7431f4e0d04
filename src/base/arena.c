#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { ARENA_BLOCK_MIN = 4096, ARENA_BLOCK_KEPT = 64 * 1024, ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t capacity;
    _Alignas(ARENA_ALIGN) char bytes[];
};

void arena_init(struct arena *arena, size_t size_max)
{
    *arena = (struct arena){.size_max = size_max};
}

void arena_init_pooled(struct arena *arena, size_t size_max, struct arena_pool *pool)
{
    *arena = (struct arena){.size_max = size_max, .pool = pool};
}

/* Not under AddressSanitizer: it is to see a use after the end of an arena. */
#ifdef __SANITIZE_ADDRESS__
enum { ARENA_POOLS = 0 };
#else
enum { ARENA_POOLS = 1 };
#endif

/* Into the pool, zeroed where it was used (invariant 1), or freed. */
static void arena_drop(struct arena_pool *pool, struct arena_block *block)
{
    if (!ARENA_POOLS || !pool || block->capacity != ARENA_BLOCK_MIN ||
        pool->count >= pool->count_max) {
        free(block);
        return;
    }
    memset(block->bytes, 0, block->used);
    block->used = 0;
    block->next = pool->blocks;
    pool->blocks = block;
    pool->count++;
}

void arena_done(struct arena *arena)
{
    if (!arena)
        return;
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        arena_drop(arena->pool, arena->blocks);
        arena->blocks = next;
    }
    *arena = (struct arena){.size_max = arena->size_max, .pool = arena->pool};
}

void arena_pool_done(struct arena_pool *pool)
{
    while (pool->blocks) {
        struct arena_block *next = pool->blocks->next;
        free(pool->blocks);
        pool->blocks = next;
    }
    pool->count = 0;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = NULL;
    while (arena->blocks) { /* the newest first: the last one is the first block */
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        if (arena->blocks || block->capacity > ARENA_BLOCK_KEPT)
            free(block);
        else
            kept = block;
    }
    *arena = (struct arena){.blocks = kept, .size_max = arena->size_max, .pool = arena->pool};
    if (kept) {
        memset(kept->bytes, 0, kept->used); /* invariant 1 */
        kept->used = 0;
    }
}

static bool arena_grow(struct arena *arena, size_t size)
{
    size_t capacity = arena->blocks ? arena->blocks->capacity * 2 : ARENA_BLOCK_MIN;
    if (capacity > 1024 * 1024)
        capacity = 1024 * 1024;
    if (capacity < size)
        capacity = size;
    struct arena_pool *pool = arena->pool;
    struct arena_block *block = NULL;
    if (pool && pool->blocks && capacity == ARENA_BLOCK_MIN) {
        block = pool->blocks;
        pool->blocks = block->next;
        pool->count--;
    } else {
        block = calloc(1, sizeof *block + capacity);
    }
    if (!block)
        return false;
    block->capacity = capacity;
    block->next = arena->blocks;
    arena->blocks = block;
    return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t padded = 0;
    if (__builtin_add_overflow(size, (size_t)ARENA_ALIGN, &padded))
        padded = SIZE_MAX;
    padded &= ~(size_t)(ARENA_ALIGN - 1);
    if (padded > arena->size_max - arena->size) {
        arena->overflowed = true;
        return NULL;
    }
    struct arena_block *block = arena->blocks;
    if ((!block || block->capacity - block->used < padded) && !arena_grow(arena, padded)) {
        arena->overflowed = true;
        return NULL;
    }
    block = arena->blocks;
    void *at = block->bytes + block->used;
    block->used += padded;
    arena->size += padded;
    return at;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total)) {
        arena->overflowed = true;
        return NULL;
    }
    return arena_alloc(arena, total);
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    char *at = arena_alloc(arena, bytes.size + 1);
    if (!at)
        return (struct slice){0};
    if (bytes.size > 0)
        memcpy(at, bytes.at, bytes.size);
    return (struct slice){at, bytes.size};
}

struct slice arena_fmt(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(size >= 0);
    char *at = arena_alloc(arena, (size_t)size + 1);
    if (!at)
        return (struct slice){0};
    va_start(args, format);
    (void)vsnprintf(at, (size_t)size + 1, format, args); /* measured above */
    va_end(args);
    return (struct slice){at, (size_t)size};
}
