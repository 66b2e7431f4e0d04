#include "policy/compare.h"

#include "policy/template.h"

void compare_uses_init(struct compare_uses *uses)
{
    *uses = (struct compare_uses){0};
}

enum err compare_uses_add(struct compare_uses *uses, struct arena *arena,
                          const struct compare_use *use)
{
    for (size_t i = 0; i < uses->count; i++)
        if (slice_equal(uses->items[i].workflow, use->workflow) &&
            slice_equal(uses->items[i].step, use->step) &&
            slice_equal(uses->items[i].upstream, use->upstream))
            return ERR_OK;
    if (uses->count == COMPARE_USES)
        return ERR_LIMIT;
    if (!uses->items)
        uses->items = ARENA_ARRAY(arena, COMPARE_USES, struct compare_use);
    if (!uses->items)
        return ERR_NO_MEMORY;
    uses->items[uses->count++] =
        (struct compare_use){arena_copy(arena, use->workflow), arena_copy(arena, use->step),
                             arena_copy(arena, use->upstream)};
    return arena->overflowed ? ERR_NO_MEMORY : ERR_OK;
}

static bool compare_is_retired(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->retired_count; i++)
        if (slice_equal(config->retired[i], name))
            return true;
    return false;
}

/* "workflow" or "workflow/step" may be retired. */
static bool compare_step_is_retired(const struct config *config, const struct compare_use *use)
{
    char text[LIMIT_NAME * 2 + 2];
    size_t size = use->workflow.size + 1 + use->step.size;
    if (size > sizeof text)
        return false;
    memcpy(text, use->workflow.at, use->workflow.size);
    text[use->workflow.size] = '/';
    memcpy(text + use->workflow.size + 1, use->step.at, use->step.size);
    return compare_is_retired(config, slice_of(text, size));
}

bool config_retires(const struct config *config, struct slice workflow, struct slice step)
{
    const struct compare_use use = {.workflow = workflow, .step = step};
    return compare_is_retired(config, workflow) || compare_step_is_retired(config, &use);
}

/* The step that a name of the old configuration means in the new one, by its name or by `was:`. */
static const struct step *compare_step(const struct config *config, const struct compare_use *use)
{
    for (size_t w = 0; w < config->workflow_count; w++) {
        const struct workflow *workflow = &config->workflows[w];
        if (!slice_equal(workflow->name, use->workflow) &&
            !slices_have(workflow->was, use->workflow))
            continue;
        for (size_t s = 0; s < workflow->step_count; s++)
            if (slice_equal(workflow->steps[s].name, use->step) ||
                slices_have(workflow->steps[s].was, use->step))
                return &workflow->steps[s];
    }
    return NULL;
}

static const struct workflow *compare_workflow(const struct config *config, struct slice name)
{
    for (size_t w = 0; w < config->workflow_count; w++)
        if (slice_equal(config->workflows[w].name, name) ||
            slices_have(config->workflows[w].was, name))
            return &config->workflows[w];
    return NULL;
}

static bool compare_use_is_kept(const struct config *new, const struct compare_use *use,
                                struct buf *out)
{
    bool is_good = true;
    if (use->workflow.size > 0 && !compare_workflow(new, use->workflow) &&
        !compare_is_retired(new, use->workflow)) {
        buf_add_fmt(
            out,
            "IL801: workflow `%.*s` is gone, but work that has not ended or a stop in force "
            "names it: keep it, write `was: %.*s` in the one that takes its place, or list "
            "it under `retired:`\n",
            SLICE_FMT(use->workflow), SLICE_FMT(use->workflow));
        return false;
    }
    if (use->step.size > 0 && !compare_step(new, use) && !compare_is_retired(new, use->workflow) &&
        !compare_step_is_retired(new, use)) {
        buf_add_fmt(
            out,
            "IL801: step `%.*s` of `%.*s` is gone, but work that has not ended or a stop in "
            "force names it: keep it, write `was: %.*s` in the step that takes its place, "
            "or list `%.*s/%.*s` under `retired:`\n",
            SLICE_FMT(use->step), SLICE_FMT(use->workflow), SLICE_FMT(use->step),
            SLICE_FMT(use->workflow), SLICE_FMT(use->step));
        is_good = false;
    }
    if (use->upstream.size > 0 && !config_upstream(new, use->upstream) &&
        !compare_is_retired(new, use->upstream)) {
        buf_add_fmt(
            out,
            "IL801: upstream `%.*s` is gone, but work that has not ended or a stop in force "
            "names it: keep it, or list it under `retired:`\n",
            SLICE_FMT(use->upstream));
        is_good = false;
    }
    return is_good;
}

/* Is what this template makes still looked up? */
static bool compare_key_is_looked_up(const struct step *step, const struct template *key)
{
    struct slice text = template_text(key);
    bool is_found = slice_equal(text, template_text(step->key));
    for (size_t i = 0; !is_found && i < step->key_was_count; i++)
        is_found = slice_equal(text, template_text(step->key_was[i]));
    return is_found;
}

/* R7: a key that is made in another way would make every known action a new one. For ever: also
 * the keys before the last change. */
static bool compare_key_is_kept(const struct step *old, const struct step *step, struct buf *out)
{
    if (!step || !old->key || !step->key)
        return true;
    bool is_good = true;
    for (size_t i = 0; i <= old->key_was_count; i++) {
        const struct template *key = i == 0 ? old->key : old->key_was[i - 1];
        if (compare_key_is_looked_up(step, key))
            continue;
        is_good = false;
        buf_add_fmt(out,
                    "IL802: step `%.*s` of `%.*s` %s: what was done under the old key would be "
                    "done again. Write %.*s in `key_was:` (one, or a list) beside `key:`\n",
                    SLICE_FMT(step->name), SLICE_FMT(step->workflow->name),
                    i == 0 ? "makes its key in another way" : "no longer looks up a former key",
                    SLICE_FMT(template_text(key)));
    }
    return is_good;
}

/* R7: after a second rename the first name is still looked up. */
static bool compare_former_is_kept(const struct step *old, const struct config *new,
                                   struct buf *out)
{
    struct compare_use use = {.workflow = old->workflow->name, .step = old->name};
    const struct step *step = compare_step(new, &use);
    bool is_good = true;
    for (size_t i = 0; step && i < old->was.count; i++) {
        struct compare_use former = {.workflow = use.workflow, .step = old->was.at[i]};
        if (slices_have(step->was, former.step) || slice_equal(step->name, former.step) ||
            compare_step_is_retired(new, &former))
            continue;
        is_good = false;
        buf_add_fmt(out,
                    "IL804: step `%.*s` of `%.*s` was `%.*s` once, and no longer says so: what "
                    "was done under that name would be done again. Keep it in `was:` (one, or a "
                    "list), or list `%.*s/%.*s` under `retired:`\n",
                    SLICE_FMT(step->name), SLICE_FMT(step->workflow->name), SLICE_FMT(former.step),
                    SLICE_FMT(former.workflow), SLICE_FMT(former.step));
    }
    return is_good;
}

static bool compare_former_workflow_is_kept(const struct workflow *old, const struct config *new,
                                            struct buf *out)
{
    const struct workflow *workflow = compare_workflow(new, old->name);
    bool is_good = true;
    for (size_t i = 0; workflow && i < old->was.count; i++) {
        struct slice former = old->was.at[i];
        if (slices_have(workflow->was, former) || slice_equal(workflow->name, former) ||
            compare_is_retired(new, former))
            continue;
        is_good = false;
        buf_add_fmt(out,
                    "IL804: workflow `%.*s` was `%.*s` once, and no longer says so: what was done "
                    "under that name would be done again. Keep it in `was:` (one, or a list), or "
                    "list it under `retired:`\n",
                    SLICE_FMT(workflow->name), SLICE_FMT(former));
    }
    return is_good;
}

static bool compare_texts(const struct template *a, const struct template *b)
{
    return a && b && slice_equal(template_text(a), template_text(b));
}

/* Does the new step do what the old one did, under another name? */
static bool compare_is_renamed(const struct step *old, const struct step *step)
{
    bool is_same_upstream =
        old->upstream && step->upstream && slice_equal(old->upstream->name, step->upstream->name);
    return is_same_upstream && old->kind == step->kind && slice_equal(old->method, step->method) &&
           compare_texts(old->target, step->target) && compare_texts(old->key, step->key);
}

/* R7: an old step that is gone without a word, while a new one does the same. */
static bool compare_name_is_kept(const struct config *old, const struct step *gone,
                                 const struct config *new, struct buf *out)
{
    struct compare_use use = {.workflow = gone->workflow->name, .step = gone->name};
    const struct workflow *workflow = compare_workflow(new, use.workflow);
    if (!workflow || compare_step(new, &use) || compare_step_is_retired(new, &use))
        return true;
    for (size_t i = 0; i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        if (config_step(old, gone->workflow->name, step->name) || !compare_is_renamed(gone, step))
            continue;
        buf_add_fmt(out,
                    "IL804: step `%.*s` of `%.*s` is gone and `%.*s` does the same: write `was: "
                    "%.*s` in it, or list `%.*s/%.*s` under `retired:`\n",
                    SLICE_FMT(gone->name), SLICE_FMT(use.workflow), SLICE_FMT(step->name),
                    SLICE_FMT(gone->name), SLICE_FMT(use.workflow), SLICE_FMT(gone->name));
        return false;
    }
    return true;
}

static bool compare_step_was_is_known(const struct config *old, const struct step *step)
{
    const struct workflow *place = step->workflow;
    bool is_known = step->was.count == 0;
    for (size_t w = 0; !is_known && w <= place->was.count; w++) {
        struct slice workflow = w == 0 ? place->name : place->was.at[w - 1];
        is_known = config_step(old, workflow, step->name) != NULL;
        for (size_t i = 0; !is_known && i < step->was.count; i++)
            is_known = config_step(old, workflow, step->was.at[i]) != NULL;
    }
    return is_known;
}

/* What is new and claims former names: one of them must have been there. */
static bool compare_was_is_known(const struct config *old, const struct workflow *workflow,
                                 struct buf *out)
{
    bool is_good = true;
    bool is_known = workflow->was.count == 0 || config_workflow(old, workflow->name);
    for (size_t i = 0; !is_known && i < workflow->was.count; i++)
        is_known = config_workflow(old, workflow->was.at[i]) != NULL;
    if (!is_known) {
        buf_add_fmt(out, "IL803: workflow `%.*s` was `%.*s`, but there was no such workflow\n",
                    SLICE_FMT(workflow->name), SLICE_FMT(workflow->was.at[0]));
        is_good = false;
    }
    for (size_t i = 0; i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        if (compare_step_was_is_known(old, step))
            continue;
        buf_add_fmt(out, "IL803: step `%.*s` of `%.*s` was `%.*s`, but there was no such step\n",
                    SLICE_FMT(step->name), SLICE_FMT(workflow->name), SLICE_FMT(step->was.at[0]));
        is_good = false;
    }
    return is_good;
}

/* What begins at start was said before: once is enough. */
static void compare_cut_repeat(struct buf *out, size_t start)
{
    struct slice all = buf_slice(out);
    struct slice last = slice_from(all, start);
    for (size_t at = 0; last.size > 0 && at < start; at++)
        if (slice_starts(slice_from(all, at), last)) {
            buf_cut(out, start);
            return;
        }
}

struct slice compare_human(const struct service *service)
{
    return service->human ? service->human->name : (struct slice){0};
}

/* One id of the new configuration against whose it was. */
static bool compare_id_is_kept(const struct compare_id *id, bool is_service, struct slice who,
                               struct buf *out)
{
    if (id->is_service != is_service)
        buf_add_fmt(out,
                    "IL805: `%.*s` was a %s, and is a %s now: what it did would be read as "
                    "another's. Give the new one an id of its own\n",
                    SLICE_FMT(id->name), id->is_service ? "service" : "person",
                    is_service ? "service" : "person");
    else if (!id->is_gone || slice_equal(id->who, who))
        return true;
    else if (is_service)
        buf_add_fmt(out,
                    "IL805: service `%.*s` was removed; it answered to `%.*s`, and would now to "
                    "`%.*s`. Give the new one a name of its own; if it is the same one, load it "
                    "with `human: %.*s` first\n",
                    SLICE_FMT(id->name), SLICE_FMT(id->who), SLICE_FMT(who), SLICE_FMT(id->who));
    else
        buf_add_fmt(out,
                    "IL805: `%.*s` was %.*s, who has left, and would now be %.*s: what was "
                    "approved and signed would be read as theirs. Give the new one an id of its "
                    "own; if it is the same person, load it with `name: %.*s` first\n",
                    SLICE_FMT(id->name), SLICE_FMT(id->who), SLICE_FMT(who), SLICE_FMT(id->who));
    return false;
}

bool compare_ids(const struct compare_id *ids, size_t count, const struct config *new,
                 struct buf *out_text)
{
    bool is_good = true;
    for (size_t i = 0; i < count; i++) {
        for (size_t p = 0; p < new->person_count; p++)
            if (slice_equal(new->people[p].name, ids[i].name))
                is_good &= compare_id_is_kept(&ids[i], false, new->people[p].full_name, out_text);
        for (size_t s = 0; s < new->service_count; s++)
            if (slice_equal(new->services[s].name, ids[i].name))
                is_good &=
                    compare_id_is_kept(&ids[i], true, compare_human(&new->services[s]), out_text);
    }
    return is_good;
}

bool compare_configs(const struct config *old, const struct config *new,
                     const struct compare_uses *uses, struct buf *out_text)
{
    bool is_good = true;
    for (size_t i = 0; i < uses->count; i++) {
        size_t start = out_text->size;
        is_good &= compare_use_is_kept(new, &uses->items[i], out_text);
        compare_cut_repeat(out_text, start);
    }
    for (size_t w = 0; w < old->workflow_count; w++)
        for (size_t s = 0; s < old->workflows[w].step_count; s++) {
            const struct step *step = &old->workflows[w].steps[s];
            struct compare_use use = {.workflow = step->workflow->name, .step = step->name};
            is_good &= compare_key_is_kept(step, compare_step(new, &use), out_text);
            is_good &= compare_name_is_kept(old, step, new, out_text);
            is_good &= compare_former_is_kept(step, new, out_text);
        }
    for (size_t w = 0; w < old->workflow_count; w++)
        is_good &= compare_former_workflow_is_kept(&old->workflows[w], new, out_text);
    for (size_t w = 0; w < new->workflow_count; w++)
        is_good &= compare_was_is_known(old, &new->workflows[w], out_text);
    return is_good;
}
