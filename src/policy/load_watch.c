#include "policy/load.h"
#include "policy/when.h"

enum { WATCH_MILLION = 1000000 };

/* daily by HH:MM, DAYS by HH:MM, every DUR */
static void load_expect(struct load *load, struct workflow *workflow, const struct yaml *node)
{
    struct words words;
    struct expect expect = {.origin = read_origin(node)};
    if (!words_init(&words, load, node))
        return;
    if (words_take(&words, "every")) {
        if (!words_take_time(&words, &expect.every_ms)) {
            (void)words_refuse(&words, "a duration, as in 1h,");
            return;
        }
    } else {
        if (!when_parse_days(words_peek(&words), &expect.weekdays)) {
            (void)words_refuse(&words, "daily by HH:MM, DAYS by HH:MM or every DUR");
            return;
        }
        (void)words_next(&words);
        if (!words_take(&words, "by") ||
            !when_parse_time(words_peek(&words), &expect.minute_of_day)) {
            (void)words_refuse(&words, "by HH:MM");
            return;
        }
        (void)words_next(&words);
    }
    if (!words_are_over(&words)) {
        (void)words_refuse(&words, "the end");
        return;
    }
    workflow->expect = expect;
}

/* R19: from stage to stage more may start. What is told is told. */
static bool ramp_stage_goes_up(struct load *load, const struct yaml *item,
                               const struct ramp_stage *stage, const struct ramp_stage *before)
{
    struct slice text = slice_first(item->text, 20);
    bool is_none = stage->is_share && stage->amount == 0;
    bool is_behind = before && before->is_share && !stage->is_share;
    bool is_less = before && before->is_share && stage->is_share && stage->amount < before->amount;
    if (!is_none && !is_behind && !is_less)
        return true;
    struct problem *problem = read_problem(load, IL013, item);
    if (is_none)
        problem_message(load->problems, problem, "`%.*s` lets nothing start: no ramp passes it",
                        SLICE_FMT(text));
    else if (is_behind)
        problem_message(load->problems, problem,
                        "`%.*s` one by one is less than the share before it: a ramp lets more "
                        "start from stage to stage",
                        SLICE_FMT(text));
    else
        problem_message(load->problems, problem,
                        "`%.*s` is less than the share before it: a ramp lets more start from "
                        "stage to stage",
                        SLICE_FMT(text));
    problem_help(load->problems, problem,
                 "Counts first, then rising shares, as in  [5, 10%%, 50%%]");
    return false;
}

/* false: it is `all`, which is told. */
static bool ramp_is_stage(struct load *load, const struct yaml *item)
{
    if (!slice_is(item->text, "all"))
        return true;
    problem_message(load->problems, read_problem(load, IL013, item),
                    "`all` is no stage: after the last one everything starts by itself");
    return false;
}

static void load_ramp(struct load *load, const struct yaml *node, struct ramp *ramp)
{
    size_t count = 0, made = 0;
    const struct yaml *item = read_items(node, &count);
    struct ramp_stage *stages = ARENA_ARRAY(load->arena, count + 1, struct ramp_stage);
    for (; stages && item && count > 0; item = item->next, count--) {
        double share = 0;
        struct ramp_stage stage = {0};
        if (!read_is_text(load, item) || !ramp_is_stage(load, item))
            return;
        stage.is_share = item->text.size > 0 && item->text.at[item->text.size - 1] == '%';
        if (stage.is_share ? !read_percent(load, item, &share)
                           : !read_int(load, item, (struct read_range){1, 1000000}, &stage.amount))
            return;
        if (stage.is_share)
            stage.amount = (int64_t)(share * WATCH_MILLION + 0.5);
        if (!ramp_stage_goes_up(load, item, &stage, made > 0 ? &stages[made - 1] : NULL))
            return;
        stages[made++] = stage;
    }
    ramp->stages = stages;
    ramp->stage_count = made;
}

static void load_alone(struct load *load, const struct yaml *node, struct ramp *ramp)
{
    struct words words;
    int64_t ms = 0;
    if (!words_init(&words, load, node))
        return;
    if (!words_take(&words, "after") || !words_take_time(&words, &ms) || !words_are_over(&words)) {
        (void)words_refuse(&words, "after DUR");
        return;
    }
    ramp->alone_ms = ms;
}

/* input.channel, context.model_version */
static void load_causes(struct load *load, struct draft_workflow *draft, const struct yaml *node)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count);
    draft->causes = ARENA_ARRAY(load->arena, count + 1, struct draft_trigger);
    struct cause_path *paths = ARENA_ARRAY(load->arena, count + 1, struct cause_path);
    for (; draft->causes && paths && item && count > 0; item = item->next, count--) {
        struct slice text;
        if (!read_line(load, item, &text))
            continue;
        const struct expr *path =
            compile_expr(load, item, 0, text, EXPR_ROOT_INPUT | EXPR_ROOT_CONTEXT);
        draft->causes[draft->cause_count++] =
            (struct draft_trigger){.node = item, .argument = path};
        if (path)
            paths[draft->workflow->cause_count++] = (struct cause_path){text, path};
    }
    draft->workflow->causes = paths;
}

/* R19: five one by one, then a tenth, then half. */
static void load_ramp_default(struct ramp *ramp)
{
    static const struct ramp_stage stages[] = {
        {false, 5}, {true, WATCH_MILLION / 10}, {true, WATCH_MILLION / 2}};
    if (ramp->stages)
        return;
    ramp->stages = stages;
    ramp->stage_count = sizeof stages / sizeof *stages;
}

void load_switch_watch(struct load *load, const struct yaml *const *at)
{
    struct ramp *ramp = &load->config->switch_ramp;
    if (at[SWITCH_RAMP])
        load_ramp(load, at[SWITCH_RAMP], ramp);
    if (at[SWITCH_ALONE])
        load_alone(load, at[SWITCH_ALONE], ramp);
    load_ramp_default(ramp);
}

void load_workflow_watch(struct load *load, struct draft_workflow *draft)
{
    static const char *const sensitivities[] = {"calm", "normal", "quick"};
    const struct yaml **at = draft->at;
    struct workflow *workflow = draft->workflow;
    size_t index = SENSITIVITY_NORMAL;
    workflow->stage_due_ms = KIND_DAY;
    if (at[WORKFLOW_SENSITIVITY])
        (void)read_choice(load, at[WORKFLOW_SENSITIVITY], sensitivities, 3, &index);
    workflow->sensitivity = (enum sensitivity)index;
    if (at[WORKFLOW_CAUSES])
        load_causes(load, draft, at[WORKFLOW_CAUSES]);
    if (at[WORKFLOW_EXPECT])
        load_expect(load, workflow, at[WORKFLOW_EXPECT]);
    if (at[WORKFLOW_RUNBOOK])
        (void)read_line(load, at[WORKFLOW_RUNBOOK], &workflow->runbook); /* told */
    if (at[WORKFLOW_RAMP])
        load_ramp(load, at[WORKFLOW_RAMP], &workflow->ramp);
    if (at[WORKFLOW_ALONE])
        load_alone(load, at[WORKFLOW_ALONE], &workflow->ramp);
    load_ramp_default(&workflow->ramp);
    if (at[WORKFLOW_STAGE_DUE])
        (void)read_duration(load, at[WORKFLOW_STAGE_DUE],
                            (struct read_range){KIND_MINUTE, KIND_MS_MAX}, &workflow->stage_due_ms);
    load_triggers(load, draft);
}
