/* core/action_names.c - the words for what an action is in.
 * Owns: names of states, holds, timers and refusals, as stored and as told. */
#include "base/check.h"
#include "core/action.h"

static const char *const state_names[STATE_COUNT] = {
    [STATE_UNCERTAIN] = "uncertain", [STATE_ATTEMPTING] = "attempting",
    [STATE_WAITING] = "waiting",     [STATE_IN_REVIEW] = "in_review",
    [STATE_HELD] = "held",           [STATE_DONE] = "done",
    [STATE_FAILED] = "failed",       [STATE_REJECTED] = "rejected",
    [STATE_EXPIRED] = "expired",     [STATE_CANCELLED] = "cancelled",
};

const char *state_name(enum action_state state)
{
    CHECK((unsigned)state < STATE_COUNT);
    return state_names[state];
}

bool state_parse(struct slice name, enum action_state *out_state)
{
    for (unsigned i = 0; i < STATE_COUNT; i++)
        if (slice_is(name, state_names[i])) {
            *out_state = (enum action_state)i;
            return true;
        }
    return false;
}

const char *hold_for_name(enum hold_for hold_for)
{
    static const char *const names[HOLD_FOR_COUNT] = {
        [HOLD_FOR_STOP] = "stop",     [HOLD_FOR_UPSTREAM] = "upstream", [HOLD_FOR_RULE] = "rule",
        [HOLD_FOR_POLICY] = "policy", [HOLD_FOR_FACT] = "fact",         [HOLD_FOR_ORDER] = "order",
    };
    CHECK((unsigned)hold_for < HOLD_FOR_COUNT);
    return names[hold_for];
}

const char *check_told_name(enum check_told told)
{
    static const char *const names[CHECK_TOLD_COUNT] = {
        [CHECK_CANNOT_TELL] = "cannot_tell",
        [CHECK_HAPPENED] = "happened",
        [CHECK_NOT_HAPPENED] = "not_happened",
    };
    CHECK((unsigned)told < CHECK_TOLD_COUNT);
    return names[told];
}

const char *due_kind_name(enum due_kind kind)
{
    static const char *const names[DUE_COUNT] = {
        [DUE_NONE] = "none",     [DUE_RETRY] = "retry",       [DUE_HOLD_END] = "hold_end",
        [DUE_KEEPS] = "keeps",   [DUE_START_BY] = "start_by", [DUE_LEASE] = "lease",
        [DUE_REVIEW] = "review", [DUE_CHECK] = "check",       [DUE_FACT] = "fact",
    };
    CHECK((unsigned)kind < DUE_COUNT);
    return names[kind];
}

const char *pass_name(enum pass_why why)
{
    static const char *const names[PASS_COUNT] = {
        [PASS_UNKNOWN] = "unknown",
        [PASS_FULL] = "full",
        [PASS_FAILED] = "failed",
        [PASS_UNAVAILABLE] = "unavailable",
        [PASS_DOWN] = "down",
        [PASS_RENDER] = "cannot_render",
        [PASS_USED] = "used",
        [PASS_PAST_DUE] = "past_due",
        [PASS_HOLD_ENDED] = "hold_ended",
    };
    CHECK((unsigned)why < PASS_COUNT);
    return names[why];
}

const char *refusal_name(enum refusal refusal)
{
    static const char *const names[] = {
#define X(name, text) text,
        REFUSAL_LIST(X)
#undef X
    };
    CHECK((unsigned)refusal < REFUSAL_COUNT);
    return names[refusal];
}
