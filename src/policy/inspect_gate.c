#include "policy/inspect.h"

/* Strictness for "at least as strict": R18, reject > hold > review > allow. */
static int inspect_force(enum rule_says says)
{
    switch (says) {
    case RULE_REJECT:
        return 3;
    case RULE_HOLD:
        return 2;
    case RULE_REVIEW:
        return 1;
    case RULE_ALLOW:
        return 0;
    }
    return 0;
}

/* A condition that reads nothing is always the same. */
static void inspect_constant(struct load *load, const struct expr *condition,
                             const struct yaml *node, const char *what)
{
    if (!condition || expr_roots(condition) != 0)
        return;
    struct expr_scope scope = {.now_unix_ms = 0};
    struct expr_work work = {.scratch = load->arena};
    bool holds = false;
    if (expr_eval_bool(condition, &scope, &work, &holds) != EXPR_OK) {
        problem_message(load->problems, read_problem_key(load, IL301, node),
                        "this %s can never be decided: %.*s", what,
                        SLICE_FMT(work.problem.message));
        return;
    }
    struct problem *problem = read_problem_key(load, IL301, node);
    problem_message(load->problems, problem, "the condition of this %s is always %s", what,
                    holds ? "true" : "false");
    if (holds)
        problem_set_severity(load->problems, problem, SEVERITY_WARNING);
}

static void inspect_rules(struct load *load, const struct draft_step *draft)
{
    const struct step *step = draft->step;
    for (size_t i = 0; i < step->rule_count; i++) {
        inspect_constant(load, step->rules[i].condition, draft->rule_nodes[i], "rule");
        for (size_t j = 0; j < i; j++) {
            if (!slice_equal(step->rules[i].text, step->rules[j].text))
                continue;
            bool is_later_weaker =
                inspect_force(step->rules[i].says) <= inspect_force(step->rules[j].says);
            size_t never = is_later_weaker ? i : j, other = is_later_weaker ? j : i;
            problem_message(load->problems, read_problem_key(load, IL301, draft->rule_nodes[never]),
                            "`%.*s` never decides: `%.*s` has the same condition and is at least "
                            "as strict",
                            SLICE_FMT(step->rules[never].name), SLICE_FMT(step->rules[other].name));
            break;
        }
    }
    for (size_t i = 0; i < step->risk_count; i++) {
        inspect_constant(load, step->risks[i].condition, draft->risk_nodes[i], "risk class");
        for (size_t j = 0; j < i; j++)
            if (slice_equal(step->risks[i].text, step->risks[j].text))
                problem_message(load->problems, read_problem_key(load, IL301, draft->risk_nodes[i]),
                                "`%.*s` is never the class: `%.*s` has the same condition",
                                SLICE_FMT(step->risks[i].name), SLICE_FMT(step->risks[j].name));
    }
}

static bool inspect_is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '.';
}

/* `risk == "x"`: the text between the quotes. Only this plain form is looked at. */
static bool inspect_compared(struct slice text, size_t at, struct slice *out_name)
{
    if (!slice_starts(slice_from(text, at), SLICE("risk")) ||
        (at > 0 && inspect_is_word(text.at[at - 1])) ||
        (at + 4 < text.size && inspect_is_word(text.at[at + 4])))
        return false;
    struct slice rest = slice_trim(slice_from(text, at + 4));
    if (!slice_starts(rest, SLICE("==")) && !slice_starts(rest, SLICE("!=")))
        return false;
    rest = slice_trim(slice_from(rest, 2));
    if (rest.size < 2 || (rest.at[0] != '"' && rest.at[0] != '\''))
        return false;
    char quote = rest.at[0];
    rest = slice_from(rest, 1);
    *out_name = slice_first(rest, slice_find(rest, quote));
    return true;
}

static void inspect_risk_names(struct load *load, const struct draft_step *draft)
{
    const struct step *step = draft->step;
    for (size_t i = 0; i < step->rule_count; i++) {
        const struct rule *rule = &step->rules[i];
        for (size_t at = 0; at < rule->text.size; at++) {
            struct slice name;
            if (!inspect_compared(rule->text, at, &name))
                continue;
            bool is_known = slice_is(name, "normal");
            for (size_t r = 0; r < step->risk_count; r++)
                is_known = is_known || slice_equal(step->risks[r].name, name);
            if (is_known)
                continue;
            struct problem *problem = read_problem_key(load, IL308, draft->rule_nodes[i]);
            problem_message(load->problems, problem, "this step declares no risk class `%.*s`",
                            SLICE_FMT(slice_first(name, LIMIT_NAME)));
        }
    }
}

/* An answer that reads nothing can always be made. */
static bool inspect_is_constant(const struct draft_step *draft, const struct draft_what *what)
{
    const struct draft_template *template = load_template_of(draft, what->name);
    return template && !template->has_body && template->tree &&
           template_tree_roots(template->tree) == 0;
}

/* An entry that always takes the action: nothing behind it is tried. */
static bool inspect_takes_all(const struct draft_step *draft, const struct draft_what *what)
{
    for (; what; what = what->then) {
        switch (what->kind) {
        case WRITTEN_REVIEW:
            if (what->at_most == 0)
                return true;
            if (what->is_then_at_due) /* a full one goes to the entry behind it */
                return false;
            break;
        case WRITTEN_HOLD:
            if (what->at_most == 0)
                return true;
            break;
        case WRITTEN_TEMPLATE:
            if (inspect_is_constant(draft, what))
                return true;
            break;
        case WRITTEN_UPSTREAM:
            break;
        case WRITTEN_REFUSE:
        case WRITTEN_SKIP:
            return true;
        }
    }
    return false;
}

static void inspect_tell_unreached(struct load *load, const struct draft_what *what,
                                   const char *why)
{
    struct problem *problem = read_problem_in(load, IL302, what->node, what->text_at);
    problem_message(load->problems, problem, "this is never reached: %s", why);
}

static void inspect_chain(struct load *load, const struct draft_step *draft,
                          const struct draft_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        for (const struct draft_what *what = chain->whats[i]; what; what = what->then)
            if (what->kind == WRITTEN_REVIEW && what->then && what->at_most == 0 &&
                !what->is_then_at_due)
                inspect_tell_unreached(load, what->then,
                                       "a review is full only with `at most N open`");
        if (i + 1 < chain->count && inspect_takes_all(draft, chain->whats[i])) {
            inspect_tell_unreached(load, chain->whats[i + 1],
                                   "the entry before it takes every action");
            return;
        }
    }
}

/* IL309: what leads back to where it came from. */
static void inspect_tell_circle(struct load *load, const struct draft_what *what, const char *why)
{
    struct problem *problem = read_problem_in(load, IL309, what->node, what->text_at);
    problem_message(load->problems, problem, "this leads back to itself: %s", why);
}

static bool inspect_is_same_way(const struct draft_what *a, const struct draft_what *b)
{
    bool is_acting = a->kind == WRITTEN_UPSTREAM || a->kind == WRITTEN_TEMPLATE;
    return is_acting && a->kind == b->kind && slice_equal(a->name, b->name);
}

/* Was this way taken by an entry before it, in the order in which they are tried? */
static bool inspect_is_taken(const struct draft_chain *chain, const struct draft_what *what)
{
    for (size_t i = 0; i < chain->count; i++)
        for (const struct draft_what *other = chain->whats[i]; other; other = other->then) {
            if (other == what)
                return false;
            if (inspect_is_same_way(other, what))
                return true;
        }
    return false;
}

static void inspect_circle(struct load *load, const struct draft_step *draft, enum cause cause)
{
    const struct draft_chain *chain = &draft->chains[cause];
    for (size_t i = 0; i < chain->count; i++)
        for (const struct draft_what *what = chain->whats[i]; what; what = what->then) {
            const struct draft_what *then = what->then;
            if (what->kind == WRITTEN_UPSTREAM && what->upstream == draft->step->upstream)
                inspect_tell_circle(load, what, "it is the upstream of the step's own call");
            else if (inspect_is_taken(chain, what))
                inspect_tell_circle(load, what, "it was tried before in this list");
            if (what->kind == WRITTEN_HOLD && cause == CAUSE_EXPIRED && !then)
                inspect_tell_circle(load, what, "a hold without `then` ends as expired again");
            if (what->kind == WRITTEN_REVIEW && then && !what->is_then_at_due &&
                then->kind == WRITTEN_REVIEW && what->at_most > 0)
                inspect_tell_circle(load, then, "a full review goes to a review");
        }
}

static bool inspect_may_expire(const struct draft_step *draft)
{
    for (size_t cause = 0; cause < CAUSE_COUNT; cause++)
        for (size_t i = 0; i < draft->chains[cause].count; i++)
            for (const struct draft_what *what = draft->chains[cause].whats[i]; what;
                 what = what->then)
                if (what->kind == WRITTEN_HOLD && !what->then)
                    return true;
    return false;
}

static bool inspect_may_review(const struct draft_step *draft)
{
    for (size_t i = 0; i < draft->step->rule_count; i++)
        if (draft->step->rules[i].says == RULE_REVIEW)
            return true;
    return draft->step->terms.mode == MODE_REVIEW;
}

static void inspect_cause(struct load *load, const struct draft_step *draft, enum cause cause,
                          const char *why)
{
    const struct yaml *node = draft->chains[cause].node;
    if (!node)
        return;
    struct problem *problem = read_problem_key(load, IL302, node);
    problem_message(load->problems, problem, "`%s` is never reached: %s", cause_names[cause], why);
    if (cause == CAUSE_RULE) /* another mode reaches it */
        problem_set_severity(load->problems, problem, SEVERITY_NOTE);
}

/* The position fallback takes it too, and may always be ordered: a note. */
static void inspect_low_confidence(struct load *load, const struct draft_step *draft)
{
    const struct yaml *node = draft->chains[CAUSE_LOW_CONFIDENCE].node;
    if (!node || draft->at[STEP_CONFIDENCE])
        return;
    struct problem *problem = read_problem_key(load, IL302, node);
    problem_message(load->problems, problem,
                    "`low_confidence` is reached only in position fallback: the step has no "
                    "`confidence:`");
    problem_set_severity(load->problems, problem, SEVERITY_NOTE);
}

static void inspect_fallback(struct load *load, const struct draft_step *draft)
{
    for (size_t cause = 0; cause < CAUSE_COUNT; cause++) {
        inspect_chain(load, draft, &draft->chains[cause]);
        inspect_circle(load, draft, (enum cause)cause);
    }
    inspect_low_confidence(load, draft);
    if (!inspect_may_expire(draft))
        inspect_cause(load, draft, CAUSE_EXPIRED, "no hold of this step ends without `then`");
    if (!inspect_may_review(draft))
        inspect_cause(load, draft, CAUSE_RULE, "no rule says review, and the mode is another one");
    const struct draft_what *acting = inspect_acting(draft, &draft->chains[CAUSE_STOPPED]);
    if (acting) {
        struct problem *problem = read_problem_in(load, IL303, acting->node, acting->text_at);
        problem_message(load->problems, problem,
                        acting->kind == WRITTEN_UPSTREAM
                            ? "an upstream cannot be called under a stop"
                            : "a template with `body` cannot be sent under a stop");
        problem_help(load->problems, problem,
                     "Use hold, refuse, review, skip, or a template with `answer`.");
    }
    for (size_t i = 0; i < draft->template_count; i++)
        if (!draft->templates[i].is_used)
            problem_message(load->problems, read_problem_key(load, IL304, draft->templates[i].node),
                            "no fallback uses the template `%.*s`",
                            SLICE_FMT(draft->templates[i].name));
}

/* An alert moves nothing, and caution takes away a part. */
static bool inspect_is_limit(const struct trigger *trigger)
{
    return trigger->terms.move <= MOVE_REVIEW;
}

/* IL311: in `auto` something must stop each step by itself. */
static void inspect_limit(struct load *load, const struct draft_step *draft)
{
    const struct step *step = draft->step;
    const struct workflow *workflow = step->workflow;
    if (step->terms.mode != MODE_AUTO)
        return;
    for (size_t i = 0; i < workflow->trigger_count; i++) {
        const struct trigger *trigger = &workflow->triggers[i];
        if ((!trigger->step || trigger->step == step) && trigger->risk.size == 0 &&
            inspect_is_limit(trigger))
            return;
    }
    struct problem *problem = read_problem_key(load, IL311, draft->node);
    problem_message(load->problems, problem,
                    "nothing stops `%.*s` by itself: its triggers only tell, or go to caution",
                    SLICE_FMT(step->name));
    problem_help(load->problems, problem, "As in  triggers:");
    problem_help(load->problems, problem, "         - runaway: stopped if volume > 500 in 1h");
}

static void inspect_sum(struct load *load, const struct draft_workflow *workflow,
                        const struct draft_step *draft)
{
    bool has_sum = false;
    if (!kind_row(draft->step->kind)->needs_sum || !draft->at[STEP_KIND])
        return;
    for (size_t i = 0; i < workflow->trigger_count; i++) {
        const struct draft_trigger *trigger = &workflow->triggers[i];
        bool covers = trigger->step.size == 0 || slice_equal(trigger->step, draft->step->name);
        if (!slice_is(trigger->signal, "sum") || !covers || trigger->risk.size > 0)
            continue;
        if (inspect_is_limit(&trigger->made))
            return;
        has_sum = true;
    }
    struct problem *problem = read_problem_key(load, IL307, draft->node);
    problem_message(load->problems, problem, "the payment `%.*s` has no sum trigger%s",
                    SLICE_FMT(draft->step->name),
                    has_sum ? " that stops it: what it has only tells, or goes to caution" : "");
    problem_help(load->problems, problem, "As in  triggers:");
    problem_help(load->problems, problem,
                 "         - too-much: stopped if sum(input.amount) > 10000 in 1h for %.*s",
                 SLICE_FMT(draft->step->name));
}

void inspect_gate(struct load *load, const struct draft_workflow *workflow,
                  const struct draft_step *draft)
{
    inspect_rules(load, draft);
    inspect_risk_names(load, draft);
    inspect_fallback(load, draft);
    inspect_sum(load, workflow, draft);
    inspect_limit(load, draft);
}
