#include "core/settle.h"

enum { SETTLE_FACT_MIN_MS = 2000, SETTLE_FACT_MAX_MS = 900000 };

bool settle_applies(const struct action *action, const struct step_terms *terms)
{
    return action->may_have_happened && action->idempotency == IDEMPOTENCY_BY_CHECK &&
           terms->has_check && action->route == 0; /* the check asks about the step's own call */
}

void settle_begin(struct action *action, const struct action_event *event)
{
    action->asks = 0;
    action->negative_unix_ms = 0;
    action->due_kind = DUE_CHECK;
    action->due_unix_ms = event->now_unix_ms + event->terms->settle_ms;
    action->people_due_unix_ms = 0; /* one next thing: people get it when nothing can be told */
}

/* The times are those of the questions: an answer may be slow, and says how it was when asked. */
static bool settle_is_conclusive(const struct action *action, const struct action_event *event)
{
    if (event->terms->is_check_definitive)
        return true;
    return action->negative_unix_ms != 0 &&
           event->asked_unix_ms >= action->negative_unix_ms + event->terms->settle_ms;
}

enum settled settle_take(struct action *action, const struct action_event *event)
{
    action->asks++;
    switch (event->told) {
    case CHECK_HAPPENED:
        return SETTLED_HAPPENED;
    case CHECK_NOT_HAPPENED:
        if (settle_is_conclusive(action, event))
            return SETTLED_NOT_HAPPENED;
        if (action->negative_unix_ms == 0)
            action->negative_unix_ms = event->asked_unix_ms;
        break;
    case CHECK_CANNOT_TELL:
    case CHECK_TOLD_COUNT:
        break;
    }
    if (action->asks >= LIMIT_ASKS || !event->terms->has_check)
        return SETTLED_PERSON;
    action->due_unix_ms = event->now_unix_ms + event->terms->settle_ms;
    return SETTLED_OPEN;
}

int64_t settle_fact_wait_ms(int asks, uint64_t random)
{
    int64_t span = SETTLE_FACT_MIN_MS;
    for (int i = 1; i < asks && span < SETTLE_FACT_MAX_MS; i++)
        span *= 2;
    if (span > SETTLE_FACT_MAX_MS)
        span = SETTLE_FACT_MAX_MS;
    return span / 2 + (int64_t)(random % (uint64_t)(span / 2 + 1));
}
