#include "policy/inspect.h"

/* One scope that people answer for: a workflow, or the installation's `switch:`. */
struct inspect_scope {
    const struct duties *duties;
    const struct yaml *node, *restart;
    bool has_owner, has_restart, has_inform; /* written, right or wrong */
    bool has_alone;
    bool is_auto; /* then what is missing is an error, else a note */
    const char *what;
};

static void inspect_scope_missing(struct load *load, const struct inspect_scope *scope)
{
    const struct {
        bool is_there;
        const char *name;
    } duties[] = {{scope->has_owner, "`owner`"},
                  {scope->has_restart, "`restart`"},
                  {scope->has_inform, "`inform`"}};
    struct buf names;
    size_t count = 0;
    buf_init(&names, 256);
    for (size_t i = 0; i < 3; i++)
        if (!duties[i].is_there)
            buf_add_fmt(&names, "%s%s", count++ > 0 ? ", " : "", duties[i].name);
    if (count > 0) {
        struct problem *problem = read_problem_key(load, IL201, scope->node);
        problem_message(load->problems, problem, "nobody answers for %s: %s %s missing",
                        scope->what, buf_text(&names), count == 1 ? "is" : "are");
        problem_help(load->problems, problem,
                     "owner: may stop it, is told first.  restart: one of them approves a restart, "
                     "never the one who asks.  inform: tells the others.");
        if (!scope->is_auto)
            problem_set_severity(load->problems, problem, SEVERITY_NOTE);
    }
    buf_done(&names);
}

static const struct person *inspect_lone_asker(const struct group *askers,
                                               const struct group *restart)
{
    for (size_t i = 0; askers && i < askers->member_count; i++) {
        bool has_other = false;
        for (size_t j = 0; j < restart->member_count; j++)
            has_other = has_other || restart->members[j] != askers->members[i];
        if (!has_other)
            return askers->members[i];
    }
    return NULL;
}

/* IL202: R20. */
static void inspect_scope_restart(struct load *load, const struct inspect_scope *scope)
{
    const struct group *restart = scope->duties->restart;
    const struct group *groups[] = {scope->duties->owner, restart, scope->duties->inform,
                                    load->config->admins};
    if (!restart || restart->member_count == 0 || scope->has_alone)
        return;
    for (size_t i = 0; i < 4; i++) {
        const struct person *asker = inspect_lone_asker(groups[i], restart);
        if (!asker)
            continue;
        struct problem *problem = read_problem_key(load, IL202, scope->restart);
        problem_message(load->problems, problem,
                        "a restart that %.*s asks for can be approved by nobody else in `%.*s`",
                        SLICE_FMT(asker->name), SLICE_FMT(restart->name));
        problem_help(load->problems, problem,
                     "Add a second person to `%.*s`, or write  alone: after 10m",
                     SLICE_FMT(restart->name));
        if (!scope->is_auto)
            problem_set_severity(load->problems, problem, SEVERITY_NOTE);
        return;
    }
}

static void inspect_workflow(struct load *load, const struct draft_workflow *draft)
{
    const struct yaml *const *at = draft->at;
    struct inspect_scope scope = {.duties = &draft->workflow->duties,
                                  .node = at[WORKFLOW_NAME] ? at[WORKFLOW_NAME] : draft->node,
                                  .restart = at[WORKFLOW_RESTART],
                                  .has_owner = at[WORKFLOW_OWNER] != NULL,
                                  .has_restart = at[WORKFLOW_RESTART] != NULL,
                                  .has_inform = at[WORKFLOW_INFORM] != NULL,
                                  .has_alone = at[WORKFLOW_ALONE] != NULL,
                                  .is_auto = draft->workflow->mode == MODE_AUTO,
                                  .what = "this workflow"};
    inspect_scope_missing(load, &scope);
    inspect_scope_restart(load, &scope);
}

static void inspect_switch(struct load *load)
{
    const struct draft *draft = load->draft;
    const struct yaml *const *at = draft->switch_at, *node = draft->at[INSTALLATION_SWITCH];
    bool is_auto = false;
    for (size_t i = 0; i < load->config->workflow_count; i++)
        is_auto = is_auto || load->config->workflows[i].mode == MODE_AUTO;
    struct inspect_scope scope = {.duties = &load->config->switch_duties,
                                  .node = node ? node : draft->installation,
                                  .restart = at[SWITCH_RESTART],
                                  .has_owner = at[SWITCH_OWNER] != NULL,
                                  .has_restart = at[SWITCH_RESTART] != NULL,
                                  .has_inform = at[SWITCH_INFORM] != NULL,
                                  .has_alone = at[SWITCH_ALONE] != NULL,
                                  .is_auto = is_auto,
                                  .what = "stops of everything and of upstreams (`switch:`)"};
    inspect_scope_missing(load, &scope);
    inspect_scope_restart(load, &scope);
}

static void inspect_groups(struct load *load)
{
    for (size_t i = 0; i < load->config->group_count; i++) {
        const struct group *group = &load->config->groups[i];
        const struct draft_group *draft = &load->draft->groups[i];
        if (!draft->node || draft->is_used || group == load->config->admins)
            continue; /* made of one person, or used */
        if (draft->is_used_by_switch)
            problem_message(load->problems, read_problem_key(load, IL205, draft->node),
                            "the group `%.*s` is used only under `switch:`",
                            SLICE_FMT(group->name));
        else
            problem_message(load->problems, read_problem_key(load, IL204, draft->node),
                            "nothing uses the group `%.*s`", SLICE_FMT(group->name));
    }
}

static void inspect_was_of_steps(struct load *load, const struct draft_workflow *draft)
{
    for (size_t i = 0; i < draft->workflow->step_count; i++) {
        const struct step *step = &draft->workflow->steps[i];
        for (size_t j = 0; j < draft->workflow->step_count; j++) {
            struct slice there = draft->workflow->steps[j].name;
            if (slices_have(step->was, there))
                problem_message(load->problems,
                                read_problem(load, IL803, draft->steps[i].at[STEP_WAS]),
                                "the step `%.*s` is still there", SLICE_FMT(there));
        }
    }
}

/* IL803: what has a new name has the old one no more. */
static void inspect_was(struct load *load, const struct draft_workflow *draft)
{
    const struct workflow *workflow = draft->workflow;
    for (size_t i = 0; i < workflow->was.count; i++)
        if (config_workflow(load->config, workflow->was.at[i]))
            problem_message(load->problems, read_problem(load, IL803, draft->at[WORKFLOW_WAS]),
                            "the workflow `%.*s` is still there", SLICE_FMT(workflow->was.at[i]));
    inspect_was_of_steps(load, draft);
}

void inspect_people(struct load *load)
{
    for (size_t i = 0; i < load->config->workflow_count; i++)
        inspect_was(load, &load->draft->workflows[i]);
    for (size_t i = 0; i < load->config->workflow_count; i++)
        if (load->draft->workflows[i].at[WORKFLOW_NAME])
            inspect_workflow(load, &load->draft->workflows[i]);
    if (!load->draft->installation)
        return;
    inspect_switch(load);
    if (load->draft->is_whole)
        inspect_groups(load);
}
