#include "store/sorted.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void sorted_init(struct sorted *sorted, sorted_compare_fn *compare)
{
    *sorted = (struct sorted){.compare = compare};
}

void sorted_done(struct sorted *sorted)
{
    free(sorted->items);
    *sorted = (struct sorted){.compare = sorted->compare};
}

size_t sorted_find(const struct sorted *sorted, const void *key)
{
    size_t low = 0;
    size_t high = sorted->count;
    /* New ids are the highest: look at the end first. */
    if (high > 0 && sorted->compare(sorted->items[high - 1], key) < 0)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted->compare(sorted->items[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool sorted_is_at(const struct sorted *sorted, size_t index, const void *key)
{
    return index < sorted->count && sorted->compare(sorted->items[index], key) == 0;
}

void *sorted_get(const struct sorted *sorted, const void *key)
{
    size_t index = sorted_find(sorted, key);
    return sorted_is_at(sorted, index, key) ? sorted->items[index] : NULL;
}

void sorted_put(struct sorted *sorted, const void *key, void *item)
{
    size_t index = sorted_find(sorted, key);
    CHECK(!sorted_is_at(sorted, index, key)); /* invariant 1 */
    if (sorted->count == sorted->capacity) {
        size_t capacity = sorted->capacity ? sorted->capacity * 2 : 16;
        void **items = realloc(sorted->items, capacity * sizeof *items);
        CHECK(items != NULL);
        sorted->items = items;
        sorted->capacity = capacity;
    }
    memmove(sorted->items + index + 1, sorted->items + index,
            (sorted->count - index) * sizeof *sorted->items);
    sorted->items[index] = item;
    sorted->count++;
}

void *sorted_remove(struct sorted *sorted, const void *key)
{
    size_t index = sorted_find(sorted, key);
    if (!sorted_is_at(sorted, index, key))
        return NULL;
    void *item = sorted->items[index];
    sorted->count--;
    memmove(sorted->items + index, sorted->items + index + 1,
            (sorted->count - index) * sizeof *sorted->items);
    return item;
}
