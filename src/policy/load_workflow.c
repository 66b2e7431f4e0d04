#include "policy/load.h"

static const struct group *load_duty(struct load *load, const struct yaml *node)
{
    if (!node)
        return NULL;
    const struct group *group = load_group(load, node);
    load_group_used(load, group, false);
    return group;
}

static void load_steps(struct load *load, struct draft_workflow *draft)
{
    struct workflow *workflow = draft->workflow;
    const struct yaml *node = draft->at[WORKFLOW_STEPS];
    if (!node) {
        if (draft->at[WORKFLOW_NAME])
            (void)read_missing(load, draft->node, "steps", "what the workflow does");
        return;
    }
    if (!read_is_map(load, node))
        return;
    if (node->count == 0)
        problem_message(load->problems, read_problem_key(load, IL013, node),
                        "a workflow has at least one step");
    workflow->steps = ARENA_ARRAY(load->arena, node->count + 1, struct step);
    draft->steps = ARENA_ARRAY(load->arena, node->count + 1, struct draft_step);
    if (!workflow->steps || !draft->steps)
        return;
    for (const struct yaml *child = node->first; child; child = child->next) {
        if (workflow->step_count == LIMIT_STEPS) {
            problem_message(load->problems, read_problem_key(load, IL005, child),
                            "more than %d steps (LIMIT_STEPS)", LIMIT_STEPS);
            return;
        }
        struct step *step = &workflow->steps[workflow->step_count];
        struct draft_step *step_draft = &draft->steps[workflow->step_count];
        *step = (struct step){.workflow = workflow, .index = workflow->step_count++};
        if (!read_is_name(child->key->text))
            (void)read_name(load, child->key, &step->name); /* tells it */
        step->name = child->key->text;
        *step_draft = (struct draft_step){.step = step, .node = child};
        load_step(load, draft, step_draft);
    }
}

void load_workflow(struct load *load, struct draft_workflow *draft)
{
    struct workflow *workflow = draft->workflow;
    const struct yaml **at = draft->at;
    size_t mode = MODE_REVIEW;
    if (at[WORKFLOW_PURPOSE])
        (void)read_line(load, at[WORKFLOW_PURPOSE], &workflow->purpose); /* told */
    if (at[WORKFLOW_WAS])
        read_former(load, at[WORKFLOW_WAS], &workflow->was);
    if (at[WORKFLOW_RETAIN])
        (void)read_duration(load, at[WORKFLOW_RETAIN], (struct read_range){KIND_HOUR, KIND_MS_MAX},
                            &workflow->retain_ms); /* told */
    workflow->duties = (struct duties){.owner = load_duty(load, at[WORKFLOW_OWNER]),
                                       .restart = load_duty(load, at[WORKFLOW_RESTART]),
                                       .inform = load_duty(load, at[WORKFLOW_INFORM]),
                                       .reviewers = load_duty(load, at[WORKFLOW_REVIEWERS])};
    load_ack_within(load, at[WORKFLOW_ACK_WITHIN], &workflow->duties);
    if (!at[WORKFLOW_MODE] && at[WORKFLOW_NAME])
        problem_message(load->problems, read_problem_key(load, IL207, draft->node),
                        "no `mode`: review, so that each write waits for a person");
    if (at[WORKFLOW_MODE])
        (void)read_choice(load, at[WORKFLOW_MODE], mode_names, 3, &mode); /* told */
    workflow->mode = (enum mode)mode;
    load_steps(load, draft);
    load_workflow_later(load, draft);
    load_workflow_watch(load, draft);
}
