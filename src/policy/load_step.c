#include "base/text.h"
#include "policy/load.h"

static void load_kind(struct load *load, struct draft_step *draft)
{
    size_t kind = KIND_WEBHOOK;
    if (!draft->at[STEP_KIND])
        problem_help(load->problems,
                     read_missing(load, draft->node, "kind", "what the step does, for its presets"),
                     "One of: lookup, llm, email, message, payment, ticket, record, webhook, "
                     "command");
    else if (!read_choice(load, draft->at[STEP_KIND], kind_names, KIND_COUNT, &kind))
        draft->has_step_ended_badly = true;
    draft->step->kind = (enum kind)kind;
    draft->step->terms = kind_terms((enum kind)kind);
}

static void load_backoff(struct load *load, const struct yaml *node, struct step_terms *terms)
{
    struct words words;
    int64_t min = 0, max = 0;
    if (!words_init(&words, load, node))
        return;
    struct slice word = words_peek(&words);
    size_t dots = 0;
    while (dots + 1 < word.size && !(word.at[dots] == '.' && word.at[dots + 1] == '.'))
        dots++;
    bool is_good = dots + 1 < word.size && text_parse_duration(slice_first(word, dots), &min) &&
                   text_parse_duration(slice_from(word, dots + 2), &max);
    (void)words_next(&words);
    if (!is_good || !words_are_over(&words)) {
        words.at = 0;
        (void)words_refuse(&words, "MIN..MAX, as in 200ms..20s,");
        return;
    }
    if (min < 10 || max < min || max > KIND_HOUR) {
        problem_message(load->problems, read_problem(load, IL013, node),
                        "backoff goes from at least 10ms up to at most 1h");
        return;
    }
    terms->backoff_min_ms = min;
    terms->backoff_max_ms = max;
}

static void load_retry(struct load *load, struct draft_step *draft)
{
    struct step_terms *terms = &draft->step->terms;
    const struct yaml **at = draft->retry;
    int64_t attempts = terms->attempts;
    if (!draft->at[STEP_RETRY] || !read_map(load, draft->at[STEP_RETRY], &fields_retry, at))
        return;
    if (at[RETRY_ATTEMPTS])
        (void)read_int(load, at[RETRY_ATTEMPTS], (struct read_range){1, LIMIT_ATTEMPTS},
                       &attempts); /* told */
    terms->attempts = (int)attempts;
    if (at[RETRY_BACKOFF])
        load_backoff(load, at[RETRY_BACKOFF], terms);
    if (at[RETRY_WITHIN])
        (void)read_duration(load, at[RETRY_WITHIN], (struct read_range){KIND_SECOND, KIND_MS_MAX},
                            &terms->within_ms); /* told */
}

static void load_times(struct load *load, struct draft_step *draft)
{
    struct step_terms *terms = &draft->step->terms;
    const struct yaml **at = draft->at;
    if (draft->step->upstream && draft->step->upstream->timeout_ms > 0)
        terms->timeout_ms = draft->step->upstream->timeout_ms;
    if (at[STEP_TIMEOUT])
        (void)read_duration(load, at[STEP_TIMEOUT], (struct read_range){100, KIND_HOUR},
                            &terms->timeout_ms); /* told */
    if (at[STEP_STALE_AFTER])
        (void)read_duration(load, at[STEP_STALE_AFTER],
                            (struct read_range){KIND_SECOND, KIND_MS_MAX},
                            &terms->stale_after_ms); /* told */
    static const int only_caller[] = {STEP_START_BY, STEP_LEASE};
    for (size_t i = 0; i < 2 && !terms->is_caller; i++)
        if (at[only_caller[i]])
            problem_message(load->problems, read_problem_key(load, IL013, at[only_caller[i]]),
                            "`%s` is for steps with `call: caller`",
                            fields_step.names[only_caller[i]]);
    if (!terms->is_caller)
        return;
    if (at[STEP_START_BY])
        (void)read_duration(load, at[STEP_START_BY], (struct read_range){KIND_SECOND, KIND_HOUR},
                            &terms->start_by_ms); /* told */
    if (at[STEP_LEASE])
        (void)read_duration(load, at[STEP_LEASE], (struct read_range){KIND_SECOND, KIND_DAY},
                            &terms->lease_ms); /* told */
    terms->timeout_ms = terms->lease_ms;
}

/* Without a line: by-key where the upstream declares it, else by-check, else by-nature for PUT and
 * DELETE, else none. A read needs none: repeating it changes nothing. */
static enum idempotency load_idempotency_default(const struct draft_step *draft)
{
    const struct step *step = draft->step;
    if (step->terms.effect == EFFECT_READ)
        return IDEMPOTENCY_BY_NATURE;
    if (step->upstream && step->upstream->has_key_header)
        return IDEMPOTENCY_BY_KEY;
    if (draft->at[STEP_CHECK])
        return IDEMPOTENCY_BY_CHECK;
    bool is_set = slice_is(step->method, "PUT") || slice_is(step->method, "DELETE");
    return is_set ? IDEMPOTENCY_BY_NATURE : IDEMPOTENCY_NONE;
}

static void load_idempotency(struct load *load, struct draft_step *draft)
{
    struct step *step = draft->step;
    const struct yaml *node = draft->at[STEP_IDEMPOTENCY];
    enum idempotency idempotency = load_idempotency_default(draft);
    size_t index = 0;
    if (node && read_choice(load, node, idempotency_names, 4, &index))
        idempotency = (enum idempotency)index;
    if (node)
        step->idempotency_origin = read_origin(node);
    else if (idempotency == IDEMPOTENCY_BY_KEY)
        step->idempotency_origin = step->upstream->origin;
    step->terms.idempotency = idempotency;
    if (step->upstream && step->upstream->has_key_header)
        step->terms.keeps_ms = step->upstream->keeps_ms;
}

static void load_people_of(struct load *load, struct draft_step *draft)
{
    struct step *step = draft->step;
    const struct yaml **at = draft->at, **uncertain = draft->uncertain;
    if (at[STEP_REVIEWERS])
        step->reviewers = load_group(load, at[STEP_REVIEWERS]);
    load_group_used(load, step->reviewers, false);
    if (at[STEP_FOUR_EYES])
        (void)read_bool(load, at[STEP_FOUR_EYES], &step->is_four_eyes); /* told */
    if (!at[STEP_UNCERTAIN] || !read_map(load, at[STEP_UNCERTAIN], &fields_uncertain, uncertain))
        return;
    if (uncertain[UNCERTAIN_WHO])
        step->uncertain_who = load_group(load, uncertain[UNCERTAIN_WHO]);
    load_group_used(load, step->uncertain_who, false);
    if (uncertain[UNCERTAIN_DUE])
        (void)read_duration(load, uncertain[UNCERTAIN_DUE],
                            (struct read_range){KIND_MINUTE, KIND_MS_MAX},
                            &step->terms.uncertain_due_ms); /* told */
}

static void load_step_mode(struct load *load, struct draft_workflow *workflow,
                           struct draft_step *draft)
{
    size_t mode = workflow->workflow->mode;
    draft->step->terms.mode = workflow->workflow->mode;
    const struct yaml *node = draft->at[STEP_MODE];
    if (!node || !read_choice(load, node, mode_names, 3, &mode))
        return;
    if ((enum mode)mode > workflow->workflow->mode) { /* strictest is zero */
        struct problem *problem = read_problem(load, IL206, node);
        problem_message(load->problems, problem,
                        "a step may only be stricter than its workflow, which is in `%s`",
                        mode_names[workflow->workflow->mode]);
        problem_help(load->problems, problem, "From loose to strict: observe, auto, review.");
        return;
    }
    draft->step->terms.mode = (enum mode)mode;
}

void load_step(struct load *load, struct draft_workflow *workflow, struct draft_step *draft)
{
    struct step *step = draft->step;
    step->origin = read_origin(draft->node);
    if (!read_map(load, draft->node, &fields_step, draft->at)) {
        draft->has_step_ended_badly = true;
        return;
    }
    load_kind(load, draft);
    load_audit_default(&step->audit);
    if (draft->at[STEP_WAS])
        read_former(load, draft->at[STEP_WAS], &step->was);
    if (draft->at[STEP_RETAIN])
        (void)read_duration(load, draft->at[STEP_RETAIN],
                            (struct read_range){KIND_HOUR, KIND_MS_MAX},
                            &step->retain_ms); /* told */
    load_step_mode(load, workflow, draft);
    load_call(load, draft);
    load_input(load, draft);
    if (draft->at[STEP_MASK])
        load_mask(load, draft);
    load_key(load, draft);
    load_request(load, draft);
    load_times(load, draft);
    load_retry(load, draft);
    load_idempotency(load, draft);
    if (draft->at[STEP_TRUST_RETRY_HINT])
        (void)read_bool(load, draft->at[STEP_TRUST_RETRY_HINT],
                        &step->terms.trusts_hint); /* told */
    if (draft->at[STEP_RISK])
        load_risk(load, draft);
    load_rules(load, draft);
    load_confidence(load, draft);
    load_answer(load, draft);
    load_people_of(load, draft);
    load_templates(load, draft);
    load_fallback(load, draft);
    load_asks(load, draft);
    load_step_later(load, draft);
}
