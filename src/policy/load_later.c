#include "policy/load.h"

/* DUR[ for N%] */
static void load_sla(struct load *load, struct draft_step *draft, const struct yaml *node)
{
    struct words words;
    uint64_t share = 0;
    if (!words_init(&words, load, node))
        return;
    if (!words_take_duration(&words, &draft->step->sla_ms) || draft->step->sla_ms == 0) {
        (void)words_refuse(&words, "a duration, as in 4h,");
        return;
    }
    draft->step->sla_percent = 95;
    if (words_are_over(&words))
        return;
    bool is_for = words_take(&words, "for");
    struct slice word = words_peek(&words);
    if (!is_for || word.size < 2 || word.at[word.size - 1] != '%' ||
        !slice_to_u64(slice_first(word, word.size - 1), 100, &share)) {
        (void)words_refuse(&words, is_for ? "a share, as in 95%," : "for N%");
        return;
    }
    (void)words_next(&words);
    if (!words_are_over(&words)) {
        (void)words_refuse(&words, "the end");
        return;
    }
    draft->step->sla_percent = (int)share;
}

void load_step_later(struct load *load, struct draft_step *draft)
{
    const struct yaml **at = draft->at;
    if (at[STEP_AUDIT])
        load_audit(load, draft, at[STEP_AUDIT]);
    if (at[STEP_SLA])
        load_sla(load, draft, at[STEP_SLA]);
    if (at[STEP_SUPERSEDE])
        (void)read_bool(load, at[STEP_SUPERSEDE], &draft->step->supersedes); /* told */
}

/* daily|weekly|monthly[ to GROUP] */
static void load_report(struct load *load, struct workflow *workflow, const struct yaml *node)
{
    struct words words;
    if (!words_init(&words, load, node))
        return;
    enum calendar_turn every = words_take(&words, "daily")     ? CALENDAR_DAY
                               : words_take(&words, "weekly")  ? CALENDAR_WEEK
                               : words_take(&words, "monthly") ? CALENDAR_MONTH
                                                               : CALENDAR_NEVER;
    if (every == CALENDAR_NEVER) {
        (void)words_refuse(&words, "daily, weekly or monthly");
        return;
    }
    if (words_take(&words, "to")) {
        struct slice name = words_peek(&words);
        workflow->report_to = load_group_named(load, name, node);
        if (!workflow->report_to && load->draft->installation) {
            problem_message(load->problems, read_problem_in(load, IL015, node, words.at),
                            "there is no group or person `%.*s`",
                            SLICE_FMT(slice_first(name, LIMIT_NAME)));
            return;
        }
        load_group_used(load, workflow->report_to, false);
        (void)words_next(&words);
    }
    if (!words_are_over(&words))
        (void)words_refuse(&words, "to GROUP or the end");
    else
        workflow->report_every = every;
}

void load_workflow_later(struct load *load, struct draft_workflow *draft)
{
    const struct yaml **at = draft->at;
    if (at[WORKFLOW_REPORT])
        load_report(load, draft->workflow, at[WORKFLOW_REPORT]);
    draft->workflow->label_age_ms = 7 * KIND_DAY;
    if (at[WORKFLOW_LABEL_AGE])
        (void)read_duration(load, at[WORKFLOW_LABEL_AGE],
                            (struct read_range){KIND_HOUR, KIND_MS_MAX},
                            &draft->workflow->label_age_ms); /* told */
}
