/* store/sorted.h - a growing array of pointers in ascending order of a key inside them.
 * Owns: the array; not what it points to.
 * Invariants:
 *   1. Strictly ascending by compare: no two items have the same key. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* <0, 0, >0 as the item's key is below, at or above the key. */
typedef int sorted_compare_fn(const void *item, const void *key);

struct sorted {
    void **items;
    size_t count;
    size_t capacity;
    sorted_compare_fn *compare;
};

void sorted_init(struct sorted *sorted, sorted_compare_fn *compare);
void sorted_done(struct sorted *sorted);
/* Index of the first item whose key is not below; count when there is none. */
size_t sorted_find(const struct sorted *sorted, const void *key);
/* The item with just this key, or NULL. */
void *sorted_get(const struct sorted *sorted, const void *key);
/* Stops the program without memory: for tests and simulation only. */
void sorted_put(struct sorted *sorted, const void *key, void *item);
/* The item that was there, or NULL. */
void *sorted_remove(struct sorted *sorted, const void *key);
