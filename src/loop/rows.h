/* loop/rows.h - a table of the store, row by row, however long it is.
 * Owns: the paging: a page in memory at a time. */
#pragma once
#include "base/err.h"
#include "port/store.h"

struct engine;

/* One row; its slices are good until it returns. Sets *out_is_enough where no more are wanted. */
typedef enum err rows_each_fn(void *arg, const struct store_row *row, bool *out_is_enough);
/* Each row whose key is behind `after`, in the order of keys, until one is enough or an error.
 * ERR_CORRUPT: a key is longer than any of ours. */
MUST_USE enum err rows_each(struct engine *engine, enum store_table table, struct slice after,
                            rows_each_fn *each, void *arg);
