#include "core/chain.h"

enum { CHAIN_REVIEW_DUE_MS = 4 * 3600 * 1000 };

const struct what *chain_entry(const struct step_terms *terms, uint8_t entry)
{
    if (entry == 0)
        return NULL;
    if (entry < CAUSE_COUNT)
        return &terms->what[entry];
    size_t index = (size_t)entry - CAUSE_COUNT;
    return index < terms->more_count ? &terms->more[index] : NULL;
}

const struct step_route *chain_route(const struct step_terms *terms, uint8_t route)
{
    return route > 0 && route <= terms->route_count ? &terms->routes[route - 1] : NULL;
}

const struct what *chain_hold(const struct step_terms *terms, enum cause cause, uint8_t *out_entry)
{
    uint8_t entry = (uint8_t)cause;
    const struct what *what = chain_entry(terms, entry);
    for (int i = 0; what && what->kind != WHAT_HOLD && i < LIMIT_CHAIN; i++) {
        entry = what->next;
        what = chain_entry(terms, entry);
    }
    *out_entry = entry;
    return what && what->kind == WHAT_HOLD ? what : NULL;
}

int64_t chain_review_due_ms(const struct step_terms *terms)
{
    const struct what *what = &terms->what[CAUSE_RULE];
    return what->kind == WHAT_REVIEW ? what->ms : CHAIN_REVIEW_DUE_MS;
}
