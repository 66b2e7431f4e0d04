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

/* The step that a name of the old configuration means in the new one, by its name or by `was:`. */
static const struct step *compare_step(const struct config *config, const struct compare_use *use)
{
    for (size_t w = 0; w < config->workflow_count; w++) {
        const struct workflow *workflow = &config->workflows[w];
        if (!slice_equal(workflow->name, use->workflow) &&
            !slice_equal(workflow->was, use->workflow))
            continue;
        for (size_t s = 0; s < workflow->step_count; s++)
            if (slice_equal(workflow->steps[s].name, use->step) ||
                slice_equal(workflow->steps[s].was, use->step))
                return &workflow->steps[s];
    }
    return NULL;
}

static const struct workflow *compare_workflow(const struct config *config, struct slice name)
{
    for (size_t w = 0; w < config->workflow_count; w++)
        if (slice_equal(config->workflows[w].name, name) ||
            slice_equal(config->workflows[w].was, name))
            return &config->workflows[w];
    return NULL;
}

static bool compare_use_is_kept(const struct config *new, const struct compare_use *use,
                                struct buf *out)
{
    bool is_good = true;
    if (use->workflow.size > 0 && !compare_workflow(new, use->workflow) &&
        !compare_is_retired(new, use->workflow)) {
        buf_add_fmt(out,
                    "workflow `%.*s` is gone, but work that has not ended or a stop in force names "
                    "it: keep it, write `was: %.*s` in the one that takes its place, or list it "
                    "under `retired:`\n",
                    SLICE_FMT(use->workflow), SLICE_FMT(use->workflow));
        return false;
    }
    if (use->step.size > 0 && !compare_step(new, use) && !compare_is_retired(new, use->workflow) &&
        !compare_step_is_retired(new, use)) {
        buf_add_fmt(
            out,
            "step `%.*s` of `%.*s` is gone, but work that has not ended or a stop in force "
            "names it: keep it, write `was: %.*s` in the step that takes its place, or list "
            "`%.*s/%.*s` under `retired:`\n",
            SLICE_FMT(use->step), SLICE_FMT(use->workflow), SLICE_FMT(use->step),
            SLICE_FMT(use->workflow), SLICE_FMT(use->step));
        is_good = false;
    }
    if (use->upstream.size > 0 && !config_upstream(new, use->upstream) &&
        !compare_is_retired(new, use->upstream)) {
        buf_add_fmt(out,
                    "upstream `%.*s` is gone, but work that has not ended or a stop in force names "
                    "it: keep it, or list it under `retired:`\n",
                    SLICE_FMT(use->upstream));
        is_good = false;
    }
    return is_good;
}

/* R7: a key that is made in another way would make every known action a new one. */
static bool compare_key_is_kept(const struct step *old, const struct config *new, struct buf *out)
{
    struct compare_use use = {.workflow = old->workflow->name, .step = old->name};
    const struct step *step = compare_step(new, &use);
    if (!step || !old->key || !step->key || step->key_was ||
        slice_equal(template_text(old->key), template_text(step->key)))
        return true;
    buf_add_fmt(
        out,
        "step `%.*s` of `%.*s` makes its key in another way: what was sent under the old key "
        "would be sent again. Write `key_was: %.*s` beside the new `key:`\n",
        SLICE_FMT(old->name), SLICE_FMT(old->workflow->name), SLICE_FMT(template_text(old->key)));
    return false;
}

bool compare_configs(const struct config *old, const struct config *new,
                     const struct compare_uses *uses, struct buf *out_text)
{
    bool is_good = true;
    for (size_t i = 0; i < uses->count; i++)
        is_good &= compare_use_is_kept(new, &uses->items[i], out_text);
    for (size_t w = 0; w < old->workflow_count; w++)
        for (size_t s = 0; s < old->workflows[w].step_count; s++)
            is_good &= compare_key_is_kept(&old->workflows[w].steps[s], new, out_text);
    return is_good;
}
