#include "core/ramp.h"

#include "base/check.h"

bool ramp_is_over(const struct ramp_state *state, const struct ramp *ramp)
{
    return state->stage >= ramp->stage_count;
}

static void ramp_enter(struct ramp_state *state, size_t stage, int64_t now_unix_ms)
{
    *state = (struct ramp_state){
        .stage = stage, .since_unix_ms = now_unix_ms, .progress_unix_ms = now_unix_ms};
}

void ramp_begin(struct ramp_state *state, int64_t now_unix_ms)
{
    ramp_enter(state, 0, now_unix_ms);
}

void ramp_begin_again(struct ramp_state *state, int64_t now_unix_ms)
{
    bool is_idle = state->uncertain == 0 && state->ended_otherwise == 0 && state->under_way == 0;
    ramp_enter(state, is_idle ? state->stage + 1 : 0, now_unix_ms);
}

bool ramp_may_start(const struct ramp_state *state, const struct ramp *ramp,
                    const struct ramp_start *start)
{
    if (ramp_is_over(state, ramp))
        return true;
    const struct ramp_stage *stage = &ramp->stages[state->stage];
    if (stage->is_share) {
        if (state->is_stuck || start->is_backlog)
            return false;
        __extension__ unsigned __int128 scaled =
            (__extension__(unsigned __int128) start->draw) * TRIGGER_MILLION;
        return (int64_t)(scaled >> 64) < stage->amount; /* invariant 2 */
    }
    if (!start->is_first_start)
        return state->under_way == start->action;
    return !state->is_stuck && !start->is_backlog && state->under_way == 0 &&
           state->started < stage->amount;
}

void ramp_started(struct ramp_state *state, const struct ramp *ramp, const struct ramp_start *start,
                  int64_t now_unix_ms)
{
    if (ramp_is_over(state, ramp) || !start->is_first_start)
        return;
    CHECK(ramp_may_start(state, ramp, start));
    state->started++;
    state->progress_unix_ms = now_unix_ms;
    if (!ramp->stages[state->stage].is_share)
        state->under_way = start->action;
}

static bool ramp_is_ripe(const struct ramp_state *state, const struct ramp *ramp,
                         int64_t now_unix_ms)
{
    const struct ramp_stage *stage = &ramp->stages[state->stage];
    if (state->is_stuck || state->uncertain > 0)
        return false;
    if (!stage->is_share)
        return state->ended_ok >= stage->amount;
    return state->ended_ok + state->ended_otherwise >= RAMP_SHARE_ENDED &&
           now_unix_ms - state->since_unix_ms >= RAMP_SHARE_MS;
}

static void ramp_pass(struct ramp_state *state, const struct ramp *ramp, int64_t now_unix_ms,
                      struct ramp_effects *out)
{
    if (!ramp_is_ripe(state, ramp, now_unix_ms))
        return;
    ramp_enter(state, state->stage + 1, now_unix_ms);
    out->is_changed = true;
    out->is_passed = true;
    out->is_over = ramp_is_over(state, ramp);
}

/* action: what made it so; 0 = time. */
static void ramp_stick(struct ramp_state *state, uint64_t action, struct ramp_effects *out)
{
    out->is_stuck = !state->is_stuck;
    out->is_changed = out->is_changed || out->is_stuck;
    if (!state->is_stuck)
        state->stuck_action = action;
    state->is_stuck = true;
}

void ramp_ended(struct ramp_state *state, const struct ramp *ramp, uint64_t action,
                enum ramp_ended ended, int64_t now_unix_ms, struct ramp_effects *out_effects)
{
    struct ramp_effects out = {0};
    if (ramp_is_over(state, ramp)) {
        *out_effects = out;
        return;
    }
    bool is_share = ramp->stages[state->stage].is_share;
    if (is_share || state->under_way == action) { /* of an earlier stage: it was counted there */
        out.is_changed = true;
        state->under_way = 0;
        state->progress_unix_ms = now_unix_ms;
        state->ended_ok += ended == RAMP_OK;
        state->ended_otherwise += ended == RAMP_OTHERWISE;
        state->uncertain += ended == RAMP_UNCERTAIN;
        if (ended == RAMP_UNCERTAIN || (ended == RAMP_OTHERWISE && !is_share))
            ramp_stick(state, action, &out); /* invariant 1 */
        ramp_pass(state, ramp, now_unix_ms, &out);
    }
    *out_effects = out;
}

void ramp_tick(struct ramp_state *state, const struct ramp *ramp, int64_t stage_due_ms,
               int64_t now_unix_ms, struct ramp_effects *out_effects)
{
    struct ramp_effects out = {0};
    if (!ramp_is_over(state, ramp)) {
        ramp_pass(state, ramp, now_unix_ms, &out);
        if (!out.is_passed && now_unix_ms - state->progress_unix_ms >= stage_due_ms)
            ramp_stick(state, 0, &out);
    }
    *out_effects = out;
}

int64_t ramp_due_unix_ms(const struct ramp_state *state, const struct ramp *ramp,
                         int64_t stage_due_ms)
{
    if (ramp_is_over(state, ramp) || state->is_stuck)
        return 0;
    int64_t due = state->progress_unix_ms + stage_due_ms;
    int64_t ripe = state->since_unix_ms + RAMP_SHARE_MS;
    bool waits_for_time = ramp->stages[state->stage].is_share &&
                          state->ended_ok + state->ended_otherwise >= RAMP_SHARE_ENDED;
    return waits_for_time && ripe < due ? ripe : due;
}
