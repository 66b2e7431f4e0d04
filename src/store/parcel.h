/* store/parcel.h - one submit, copied into one allocation, on its way to the disk and back.
 * Owns: the copy of the writes with all their bytes, and what is told when it is saved.
 * Invariants:
 *   1. Every slice and array in writes points into the parcel itself: the submitter's memory is
 *      free as soon as parcel_new returns.
 *   2. One owner at a time: submitter, queue, writer, queue, teller. No lock of its own.
 *   3. What parcel_check lets pass keeps the rules of port/store.h that a caller can break. */
#pragma once
#include "base/list.h"
#include "port/store.h"

struct parcel {
    struct list node; /* for an owner that keeps lists */
    store_done_fn *done;
    void *arg;
    uint64_t ticket;
    uint64_t head_seq; /* the head after this parcel; set when it is saved */
    unsigned char head_hash[STORE_HASH_SIZE];
    size_t size; /* of the whole allocation */
    size_t count;
    struct store_write writes[];
};

/* NULL without memory. `free` ends it. */
struct parcel *parcel_new(const struct store_write *writes, size_t count);
/* CHECKs the writes; returns the sequence number that must come next, given the one that must come
 * first. */
uint64_t parcel_check(const struct store_write *writes, size_t count, uint64_t seq);
