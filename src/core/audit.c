#include "core/audit.h"

#include "base/check.h"

uint32_t audit_roll(uint64_t random)
{
    return (uint32_t)((random >> 32) * AUDIT_WHOLE >> 32);
}

bool action_ran_by_itself(const struct action *action)
{
    return action->state == STATE_DONE && action->starts_total > 0 && action->reviews == 0 &&
           action->cause == CAUSE_NONE && /* a fallback is not what the automation decided */
           action->reason != REASON_PERSON && action->reason != REASON_PERSON_BY_HAND;
}

enum label_use label_use_of(const struct label_event *event, int64_t label_age_ms)
{
    if (!event->is_first)
        return LABEL_CORRECTION;
    if (event->labelled_unix_ms - event->started_unix_ms > label_age_ms)
        return LABEL_KEPT;
    if (event->is_drawn)
        return LABEL_SAMPLE;
    return event->is_wrong ? LABEL_COMPLAINT : LABEL_KEPT;
}

const char *label_use_name(enum label_use use)
{
    static const char *const names[] = {
#define X(name, text) text,
        LABEL_USE_LIST(X)
#undef X
    };
    CHECK((unsigned)use < LABEL_USE_COUNT);
    return names[use];
}
