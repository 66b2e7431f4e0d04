/* loop/gone.h - places that open work names and the configuration no longer has (R28).
 * Owns: their names, so that people still find what waits there by its key.
 * Invariants:
 *   1. At most GONE_PLACES; work of a further one is found by its id.
 *   2. A place that the configuration has again is passed over. */
#pragma once
#include "base/limits.h"
#include "base/slice.h"

struct buf;
struct engine;

enum { GONE_PLACES = 64 };

struct gone {
    struct gone_place {
        char workflow[LIMIT_NAME + 1], step[LIMIT_NAME + 1];
    } items[GONE_PLACES];
    size_t count;
};

/* Work under that place waits: remembers it where the configuration does not have it. */
void gone_note(struct engine *engine, struct slice workflow, struct slice step);
/* "retired payouts / pay: 3 wait": what is retired on purpose and has open work, by the store. */
void gone_add_waiting(struct engine *engine, struct buf *out);
/* The place at `index` of those that are still gone, or NULL. */
const struct gone_place *gone_at(const struct engine *engine, size_t index);
