/* upstream/sandbox.h - the built-in provider: the upstream port without a network, for trying,
 * teaching and testing.
 * Owns: for each upstream name a world of its own (sandbox_world) and its calls under way.
 * Invariants:
 *   1. It keeps the port's contract as the real one does: done later and once, may_send asked last
 *      before the effect, NOT_SENT only without an effect.
 *   2. An effect is counted when it happens, whether or not its answer is told.
 *   3. At most LIMIT_SANDBOXES names and LIMIT_SANDBOX_CALLS calls; a world knows all its effects,
 *      and past its memory takes no more (507), so "not known" means "did not happen".
 *   4. After sandbox_free no done runs.
 * Threads: the loop thread only. Nothing survives the process. */
#pragma once
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "port/upstream.h"

struct sandbox;

enum { SANDBOX_FOR_EVER = -1 };

/* How one named sandbox behaves. Zero is well-behaved, but for key_header and remembers_keys: begin
 * with sandbox_settings(). */
struct sandbox_settings {
    bool is_down;            /* connection refused */
    int64_t lose_count;      /* next writes whose effect happens and whose answer is lost */
    int status;              /* 0, or this status and no effect */
    int64_t status_count;    /* how often; SANDBOX_FOR_EVER */
    int64_t retry_after_s;   /* with that status; 0 = no such header */
    int64_t delay_ms;        /* before each answer; at most LIMIT_SANDBOX_DELAY_MS */
    bool remembers_keys;     /* a known key takes no second effect and gets its first answer */
    struct slice key_header; /* which header holds it; empty = Idempotency-Key */
};

MUST_USE enum err sandbox_new(uv_loop_t *loop, struct sandbox **out_sandbox);
/* Breaks off all calls. The memory goes when the loop has closed the timers: run it once more.
 * Takes NULL. */
void sandbox_free(struct sandbox *sandbox);
struct upstream_port sandbox_port(struct sandbox *sandbox);

/* The settings in force; those of a new sandbox when the name is not known yet. */
struct sandbox_settings sandbox_settings(const struct sandbox *sandbox, struct slice name);
/* Copies them. ERR_LIMIT: too many names. ERR_INVALID: out of range. */
MUST_USE enum err sandbox_control(struct sandbox *sandbox, struct slice name,
                                  const struct sandbox_settings *settings);
/* Forgets effects and counts; the settings stay. */
void sandbox_forget(struct sandbox *sandbox, struct slice name);
/* Counts and settings as a JSON object. */
MUST_USE enum err sandbox_report(struct sandbox *sandbox, struct slice name, struct buf *json);
/* All of it as JSON: changes what the object names, then reports. Empty settings only report.
 *   {"down": true, "lose": 3, "status": 503, "times": 2, "retry_after_s": 1, "slow_ms": 500,
 *    "remembers_keys": false, "key_header": "X-Key", "forget": true}
 * `lose` and `times` take null for "for ever"; `times` is 1 if only `status` is named; a status of
 * 0 ends it. ERR_INVALID: *out holds a sentence, and nothing was changed. */
MUST_USE enum err sandbox_ask(struct sandbox *sandbox, struct slice name,
                              struct slice settings_json, struct buf *out);
