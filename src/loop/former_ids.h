/* loop/former_ids.h - whose an id is or was: people and services, also those who have left.
 * Owns: the rows "id/NAME" of STORE_META, written with the configuration that they are of.
 * Invariants:
 *   R20 an id of somebody who has left is not given to another one: what was approved and signed
 *       under it stays theirs. Who comes back under the same name (a service: the same `human:`)
 *       has it again; who is there may have another name. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "policy/types.h"
#include "port/store.h"

struct engine;

/* May this configuration follow? false: out_text says each reason in a line of its own. */
bool former_ids_allow(const struct store_port *store, const struct config *config,
                      struct buf *out_text);
/* The rows that differ from what the configuration in force says; they live in the arena. */
MUST_USE enum err former_ids_rows(struct engine *engine, struct arena *arena,
                                  struct store_row **out_rows, size_t *out_count);
