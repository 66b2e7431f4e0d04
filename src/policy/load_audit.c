#include "policy/load.h"

/* Each a name, the first means right; said once. */
static void load_labels(struct load *load, struct audit *audit, const struct yaml *node)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count);
    struct slice *labels = ARENA_ARRAY(load->arena, LIMIT_LABELS, struct slice);
    if (count < 2) {
        problem_message(load->problems, read_problem_key(load, IL013, node),
                        "at least two labels: the first means right, each other one wrong");
        return;
    }
    if (count > LIMIT_LABELS) {
        problem_message(load->problems, read_problem_key(load, IL005, node),
                        "more than %d labels (LIMIT_LABELS)", LIMIT_LABELS);
        return;
    }
    audit->label_count = 0;
    audit->labels = labels;
    for (; labels && item && count > 0; item = item->next, count--) {
        struct slice name;
        if (!read_name(load, item, &name))
            continue;
        for (size_t i = 0; i < audit->label_count; i++)
            if (slice_equal(labels[i], name))
                problem_message(load->problems, read_problem(load, IL019, item),
                                "the label `%.*s` is there twice", SLICE_FMT(name));
        labels[audit->label_count++] = name;
    }
}

void load_audit_default(struct audit *audit)
{
    static const struct slice labels[] = {{"right", 5}, {"wrong", 5}};
    *audit = (struct audit){
        .ask = SLICE("Was this right?"), .labels = labels, .label_count = 2, .due_ms = KIND_DAY};
}

void load_audit(struct load *load, struct draft_step *draft, const struct yaml *node)
{
    const struct yaml *at[AUDIT_FIELD_COUNT];
    struct audit *audit = &draft->step->audit;
    double share = 0;
    if (!read_map(load, node, &fields_audit, at))
        return;
    audit->origin = read_origin(node);
    if (!at[AUDIT_SHARE])
        (void)read_missing(load, node, "share", "how many actions are drawn, as in 5%");
    else if (read_percent(load, at[AUDIT_SHARE], &share))
        draft->step->terms.audit_share = (uint32_t)(share * 1000000 + 0.5);
    if (at[AUDIT_ASK])
        (void)read_line(load, at[AUDIT_ASK], &audit->ask); /* told */
    if (at[AUDIT_DUE])
        (void)read_duration(load, at[AUDIT_DUE], (struct read_range){KIND_MINUTE, KIND_MS_MAX},
                            &audit->due_ms); /* told */
    if (at[AUDIT_LABELS])
        load_labels(load, audit, at[AUDIT_LABELS]);
}
