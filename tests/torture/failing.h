/* tests/torture/failing.h - makes the k-th allocation of our own code fail, once or from then on.
 * For tests/torture/test_*_memory.c, whose calls of malloc, calloc and realloc the linker sends
 * here
 * (--wrap); those of shared libraries are not touched. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);

static struct {
    bool is_armed, is_for_ever;
    size_t left;         /* allocations that still succeed */
    size_t failed_count; /* since it was armed */
} failing;

/* The k-th from now, counted from 1. */
static inline void failing_arm(size_t k, bool is_for_ever)
{
    failing.is_armed = true;
    failing.is_for_ever = is_for_ever;
    failing.left = k - 1;
    failing.failed_count = 0;
}

/* Whether any failed. */
static inline bool failing_disarm(void)
{
    failing.is_armed = false;
    return failing.failed_count > 0;
}

static inline bool failing_now(void)
{
    if (!failing.is_armed || (failing.failed_count > 0 && !failing.is_for_ever))
        return false;
    if (failing.left > 0) {
        failing.left--;
        return false;
    }
    failing.failed_count++;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return failing_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return failing_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size)
{
    return failing_now() ? NULL : __real_realloc(at, size);
}
