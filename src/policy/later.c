#include "policy/later.h"

const struct later_entry later_entries[LATER_COUNT] = {
#define X(id, field, until, work) {#id, field, until, work},
    LATER_LIST(X)
#undef X
};

static void later_fill(struct load *load, enum later later, struct problem *problem)
{
    const struct later_entry *entry = &later_entries[later];
    problem_message(load->problems, problem, "not enforced in this version: `%s`; until then %s",
                    entry->field, entry->until);
    problem_help(load->problems, problem, "It comes with: %s.", entry->work);
}

void later_tell(struct load *load, enum later later, const struct yaml *node)
{
    later_fill(load, later, read_problem_key(load, IL900, node));
}
