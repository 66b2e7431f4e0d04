#include "policy/kinds.h"

#include "base/check.h"
#include "base/limits.h"

const char *const kind_names[KIND_COUNT] = {"lookup", "llm",    "email",   "message", "payment",
                                            "ticket", "record", "webhook", "command"};
const char *const mode_names[3] = {"review", "auto", "observe"};
const char *const idempotency_names[4] = {"none", "by-check", "by-nature", "by-key"};
const char *const cause_names[CAUSE_COUNT] = {"none",   "low_confidence", "rule",   "unavailable",
                                              "failed", "expired",        "stopped"};

#define REFUSE                                                                                     \
    {                                                                                              \
        .kind = WHAT_REFUSE, .origin = {.kind = ORIGIN_KIND }                                      \
    }
#define HOLD(hold_ms)                                                                              \
    {                                                                                              \
        .kind = WHAT_HOLD, .ms = (hold_ms), .then = CAUSE_COUNT, .origin = {.kind = ORIGIN_KIND }  \
    }

/* The table of policy.md "Kinds", a row a kind. */
static const struct kind_row kind_rows[KIND_COUNT] = {
    [KIND_LOOKUP] = {.name = "lookup",
                     .effect = EFFECT_READ,
                     .timeout_ms = 5 * KIND_SECOND,
                     .attempts = 3,
                     .within_ms = 30 * KIND_SECOND,
                     .review_due_ms = 4 * KIND_HOUR,
                     .unavailable = REFUSE,
                     .stopped = REFUSE,
                     .uncertain_due_ms = 4 * KIND_HOUR,
                     .verb = "reads",
                     .again = "read twice",
                     .never = "never read twice"},
    [KIND_LLM] = {.name = "llm",
                  .effect = EFFECT_READ,
                  .timeout_ms = 60 * KIND_SECOND,
                  .attempts = 2,
                  .within_ms = 120 * KIND_SECOND,
                  .review_due_ms = 4 * KIND_HOUR,
                  .unavailable = REFUSE,
                  .stopped = REFUSE,
                  .uncertain_due_ms = 4 * KIND_HOUR,
                  .verb = "reads",
                  .again = "read twice",
                  .never = "never read twice"},
    [KIND_EMAIL] = {.name = "email",
                    .timeout_ms = 10 * KIND_SECOND,
                    .attempts = 3,
                    .within_ms = 10 * KIND_MINUTE,
                    .needs_key = true,
                    .needs_recipient = true,
                    .review_due_ms = 4 * KIND_HOUR,
                    .unavailable = HOLD(KIND_DAY),
                    .stopped = HOLD(KIND_DAY),
                    .uncertain_due_ms = 4 * KIND_HOUR,
                    .verb = "sends",
                    .again = "send twice",
                    .never = "never sent twice"},
    [KIND_MESSAGE] = {.name = "message",
                      .timeout_ms = 10 * KIND_SECOND,
                      .attempts = 3,
                      .within_ms = 10 * KIND_MINUTE,
                      .needs_key = true,
                      .needs_recipient = true,
                      .review_due_ms = 4 * KIND_HOUR,
                      .unavailable = HOLD(KIND_DAY),
                      .stopped = HOLD(KIND_DAY),
                      .uncertain_due_ms = 4 * KIND_HOUR,
                      .verb = "sends",
                      .again = "send twice",
                      .never = "never sent twice"},
    [KIND_PAYMENT] = {.name = "payment",
                      .timeout_ms = 30 * KIND_SECOND,
                      .attempts = 3,
                      .within_ms = 10 * KIND_MINUTE,
                      .needs_key = true,
                      .needs_amount = true,
                      .needs_sum = true,
                      .review_due_ms = KIND_HOUR,
                      .unavailable = HOLD(4 * KIND_HOUR),
                      .stopped = HOLD(KIND_DAY),
                      .uncertain_due_ms = KIND_HOUR,
                      .verb = "pays",
                      .again = "pay twice",
                      .never = "never paid twice"},
    [KIND_TICKET] = {.name = "ticket",
                     .timeout_ms = 10 * KIND_SECOND,
                     .attempts = 3,
                     .within_ms = 10 * KIND_MINUTE,
                     .needs_key = true,
                     .review_due_ms = 4 * KIND_HOUR,
                     .unavailable = HOLD(KIND_DAY),
                     .stopped = HOLD(KIND_DAY),
                     .uncertain_due_ms = 4 * KIND_HOUR,
                     .verb = "changes something",
                     .again = "change it twice",
                     .never = "never done twice"},
    [KIND_RECORD] = {.name = "record",
                     .timeout_ms = 10 * KIND_SECOND,
                     .attempts = 3,
                     .within_ms = 10 * KIND_MINUTE,
                     .needs_key = true,
                     .review_due_ms = 4 * KIND_HOUR,
                     .unavailable = HOLD(KIND_DAY),
                     .stopped = HOLD(KIND_DAY),
                     .uncertain_due_ms = 4 * KIND_HOUR,
                     .verb = "changes something",
                     .again = "change it twice",
                     .never = "never done twice"},
    [KIND_WEBHOOK] = {.name = "webhook",
                      .timeout_ms = 10 * KIND_SECOND,
                      .attempts = 3,
                      .within_ms = 10 * KIND_MINUTE,
                      .needs_key = true,
                      .review_due_ms = 4 * KIND_HOUR,
                      .unavailable = HOLD(KIND_DAY),
                      .stopped = HOLD(KIND_DAY),
                      .uncertain_due_ms = 4 * KIND_HOUR,
                      .verb = "sends",
                      .again = "send twice",
                      .never = "never sent twice"},
    [KIND_COMMAND] = {.name = "command",
                      .is_caller = true,
                      .timeout_ms = 5 * KIND_MINUTE,
                      .attempts = 1,
                      .within_ms = 10 * KIND_MINUTE,
                      .needs_key = true,
                      .review_due_ms = 4 * KIND_HOUR,
                      .unavailable = REFUSE,
                      .stopped = REFUSE,
                      .uncertain_due_ms = 4 * KIND_HOUR,
                      .verb = "does something",
                      .again = "do it twice",
                      .never = "never done twice"},
};

const struct kind_row *kind_row(enum kind kind)
{
    CHECK(kind < KIND_COUNT);
    return &kind_rows[kind];
}

/* What follows a preset hold. */
static const struct what kind_reviews[2] = {
    {.kind = WHAT_REVIEW, .ms = 4 * KIND_HOUR, .origin = {.kind = ORIGIN_KIND}},
    {.kind = WHAT_REVIEW, .ms = KIND_HOUR, .origin = {.kind = ORIGIN_KIND}}};

struct step_terms kind_terms(enum kind kind)
{
    const struct kind_row *row = kind_row(kind);
    struct what review = {
        .kind = WHAT_REVIEW, .ms = row->review_due_ms, .origin = {.kind = ORIGIN_KIND}};
    struct what end = {.kind = WHAT_END, .origin = {.kind = ORIGIN_DEFAULT}};
    return (struct step_terms){
        .effect = row->effect,
        .idempotency = row->effect == EFFECT_READ ? IDEMPOTENCY_BY_NATURE : IDEMPOTENCY_NONE,
        .keeps_ms = KIND_KEEPS_UNKNOWN_MS,
        .timeout_ms = row->timeout_ms,
        .attempts = row->attempts,
        .backoff_min_ms = 200,
        .backoff_max_ms = 20 * KIND_SECOND,
        .within_ms = row->within_ms,
        .stale_after_ms = KIND_HOUR,
        .start_by_ms = START_BY_MS,
        .lease_ms = 5 * KIND_MINUTE,
        .what = {[CAUSE_NONE] = end,
                 [CAUSE_LOW_CONFIDENCE] = review,
                 [CAUSE_RULE] = review,
                 [CAUSE_UNAVAILABLE] = row->unavailable,
                 [CAUSE_FAILED] = end,
                 [CAUSE_EXPIRED] = end,
                 [CAUSE_STOPPED] = row->stopped},
        .more = &kind_reviews[row->review_due_ms == KIND_HOUR],
        .more_count = 1,
        .uncertain_due_ms = row->uncertain_due_ms,
    };
}
