/* store/memory.h - a store without a disk, for tests and simulation; port/store.h is its contract.
 * Owns: when a submit becomes durable and when its done is told: never by itself, only when the
 *   simulator says so. So a crash can fall between any two of: submitted, saved, told.
 * Invariants:
 *   1. Without store_memory_save nothing is durable; without store_memory_tell no done is told.
 *   2. Reads see what is saved, told or not.
 *   3. store_memory_crash forgets exactly what was not saved, and who was to be told.
 *   4. A batch is one submit.
 * Threads: one. */
#pragma once
#include "port/store.h"

struct store_memory;

struct store_memory *store_memory_new(void);
void store_memory_free(struct store_memory *store);
/* Lives as long as the store. */
struct store_port store_memory_port(struct store_memory *store);

/* Makes up to max_batches pending submits durable; none while full or failed. Returns how many. */
size_t store_memory_save(struct store_memory *store, size_t max_batches);
/* Tells up to max_batches that are saved. A done may submit again. Returns how many. */
size_t store_memory_tell(struct store_memory *store, size_t max_batches);
/* Saves and tells one after the other, those too that a done submits meanwhile. */
size_t store_memory_flush(struct store_memory *store, size_t max_batches);

/* Power loss: what is not saved is gone, nobody is told, the state is STORE_OK again, tickets count
 * from 1, the watcher is forgotten. What is saved stays: the port can be used as after opening. */
void store_memory_crash(struct store_memory *store);
/* Disk full, and room again. The watcher is told at once. */
void store_memory_set_full(struct store_memory *store, bool is_full);
/* STORE_FAILED for good (until a crash). The watcher is told at once. */
void store_memory_fail(struct store_memory *store, enum err why);
