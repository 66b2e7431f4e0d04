/* record/ready.h - may a workflow move up: observe, review, auto? With the evidence for each point,
 * and for what is missing the command that brings it.
 * Owns: the points that are asked, their thresholds, and `interlock ready` in words and JSON.
 * Invariants:
 *   1. Ready only if every point is met: what is not known is not met. */
#pragma once
#include "record/evidence.h"

enum {
    READY_UNCHANGED_MILLIONTHS = 900000, /* approved unchanged, lower bound: wrong at most 10 % */
    READY_OBSERVED_AT_LEAST = 20,        /* actions seen before people take over */
    READY_POINTS = 8
};
#define READY_EVIDENCE_MS ((int64_t)30 * 24 * 3600 * 1000) /* of reviews */
#define READY_QUIET_MS ((int64_t)7 * 24 * 3600 * 1000)     /* without anything uncertain */
#define READY_REHEARSED_MS ((int64_t)90 * 24 * 3600 * 1000)

struct ready_point {
    const char *name; /* of the JSON: "unchanged", "uncertain", … */
    bool is_met;
    struct buf says, to_do; /* to_do: what brings it, where it is not met */
};
struct ready {
    const struct evidence *evidence; /* of READY_EVIDENCE_MS; its stops of READY_REHEARSED_MS */
    const struct tally *quiet;       /* of READY_QUIET_MS */
    enum mode next;                  /* == mode of the workflow: nothing is above it */
    bool is_ready;
    size_t point_count;
    struct ready_point points[READY_POINTS];
};

/* ready_done gives back the words. */
void ready_judge(struct ready *ready, const struct evidence *evidence, const struct tally *quiet);
void ready_done(struct ready *ready);
void ready_text_add(struct buf *out, const struct ready *ready);
void ready_json_add(struct buf *out, const struct ready *ready);
