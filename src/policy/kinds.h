/* policy/kinds.h - what a `kind:` presets: the table of policy.md, one row for each.
 * Owns: the presets. Every line of them can be overridden by the step. */
#pragma once
#include "policy/types.h"

#define KIND_SECOND ((int64_t)1000)
#define KIND_MINUTE (60 * KIND_SECOND)
#define KIND_HOUR (60 * KIND_MINUTE)
#define KIND_DAY (24 * KIND_HOUR)
/* The longest duration that a policy may name: ten years. */
#define KIND_MS_MAX (3653 * KIND_DAY)
/* `keeps: unknown`, and no `keeps`: repeats within this only. */
#define KIND_KEEPS_UNKNOWN_MS KIND_HOUR

struct kind_row {
    const char *name;
    enum effect_class effect;
    bool is_caller; /* `call: caller` unless another one is written */
    int64_t timeout_ms;
    int attempts;
    int64_t within_ms;
    bool needs_key, needs_recipient, needs_amount, needs_sum;
    int64_t review_due_ms; /* of reviews that name no due */
    struct what unavailable, stopped;
    int64_t uncertain_due_ms;
    const char *verb, *again, *never; /* "sends", "send twice", "never sent twice" */
};
const struct kind_row *kind_row(enum kind kind);
/* "lookup, llm, …" in the order of the enum. */
extern const char *const kind_names[KIND_COUNT];
extern const char *const mode_names[3];
extern const char *const idempotency_names[4];
extern const char *const cause_names[CAUSE_COUNT];

/* The numbers of a step without any line but `kind`. */
struct step_terms kind_terms(enum kind kind);
