/* loop/counts.c - what is counted for status, metrics and the report. In memory by the hour; the
 * records are the truth, and a start counts the last hours again from them. */
#include "loop/inside.h"

#include <stdlib.h>

#include "base/check.h"

enum { COUNTS_HOUR_MS = 3600000 };

struct workflow_state *engine_workflow(struct engine *engine, struct slice name)
{
    for (size_t i = 0; i < engine->workflow_count; i++)
        if (slice_is(name, engine->workflows[i].name))
            return &engine->workflows[i];
    struct workflow_state *states =
        realloc(engine->workflows, (engine->workflow_count + 1) * sizeof *states);
    if (!states)
        return NULL;
    engine->workflows = states;
    struct workflow_state *state = &states[engine->workflow_count++];
    *state = (struct workflow_state){0};
    size_t size = name.size < LIMIT_NAME ? name.size : LIMIT_NAME;
    memcpy(state->name, name.at, size);
    return state;
}

static struct hour_counts *counts_hour(struct workflow_state *workflow, int64_t unix_ms)
{
    int64_t hour = unix_ms / COUNTS_HOUR_MS;
    struct hour_counts *counts = &workflow->hours[(size_t)(hour % ENGINE_HOURS)];
    if (counts->hour != hour)
        *counts = (struct hour_counts){.hour = hour};
    return counts;
}

void engine_count_end(struct engine *engine, struct entry *entry)
{
    const struct action *action = &entry->row.action;
    struct workflow_state *workflow = engine_workflow(engine, entry->row.workflow);
    if (!workflow)
        return;
    struct hour_counts *counts = counts_hour(workflow, action->ended_unix_ms);
    switch (action->state) {
    case STATE_DONE:
        if (action->reviews > 0 || action->reason == REASON_PERSON ||
            action->reason == REASON_PERSON_BY_HAND)
            counts->reviewed++;
        else
            counts->automatic++;
        if (action->cause != CAUSE_NONE)
            counts->degraded[action->cause]++;
        if (entry->step && entry->step->sla_ms > 0) {
            bool is_met =
                action->ended_unix_ms - action->submitted_unix_ms <= entry->step->sla_ms;
            counts->sla_met += is_met;
            counts->sla_missed += !is_met;
        }
        return;
    case STATE_FAILED:
        counts->failed++;
        return;
    case STATE_REJECTED:
        counts->rejected++;
        return;
    case STATE_EXPIRED:
        counts->expired++;
        return;
    case STATE_CANCELLED:
        counts->cancelled++;
        return;
    case STATE_UNCERTAIN:
    case STATE_ATTEMPTING:
    case STATE_WAITING:
    case STATE_IN_REVIEW:
    case STATE_HELD:
    case STATE_COUNT:
        return;
    }
}

void engine_count_move(struct engine *engine, struct entry *entry, enum action_state from,
                       bool is_new)
{
    const struct action *action = &entry->row.action;
    struct workflow_state *workflow = engine_workflow(engine, entry->row.workflow);
    struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
    if (!workflow)
        return;
    if (is_new) {
        engine->unended++;
    } else {
        CHECK(workflow->now[from] > 0);
        workflow->now[from]--;
    }
    workflow->total[action->state]++;
    if (upstream && entry->is_counted_held) {
        upstream->held--;
        entry->is_counted_held = false;
    }
    if (state_is_end(action->state)) {
        engine->unended--;
        engine_count_end(engine, entry);
        return;
    }
    workflow->now[action->state]++;
    if (upstream && action->state == STATE_HELD && action->hold_for == HOLD_FOR_UPSTREAM) {
        upstream->held++;
        entry->is_counted_held = true;
    }
}
