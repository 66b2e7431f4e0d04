#include "policy/load.h"

#include <stdlib.h>

static bool load_one_rule(struct load *load, const struct yaml *node, struct rule *rule)
{
    struct words words;
    size_t at = 0;
    if (!words_init(&words, load, node))
        return false;
    if (words_take(&words, "reject"))
        rule->says = RULE_REJECT;
    else if (words_take(&words, "review"))
        rule->says = RULE_REVIEW;
    else if (words_take(&words, "allow"))
        rule->says = RULE_ALLOW;
    else if (words_take(&words, "hold"))
        rule->says = RULE_HOLD;
    else
        return words_refuse(&words, "reject, review, hold DUR or allow");
    if (rule->says == RULE_HOLD && !words_take_duration(&words, &rule->hold_ms))
        return words_refuse(&words, "how long to hold, as in 4h,");
    if (!words_take(&words, "if"))
        return words_refuse(&words, "`if`");
    rule->text = words_rest(&words, &at);
    if (rule->text.size == 0) {
        words.at = words.text.size;
        return words_refuse(&words, "a condition");
    }
    rule->condition = compile_condition(load, node, at, rule->text, EXPR_ROOTS_RULE);
    return rule->condition != NULL;
}

/* An item of `rules` or `triggers`: a map with one name. */
static bool load_named_item(struct load *load, const struct yaml *item, const char *sample)
{
    if (item->kind == YAML_MAP && item->count == 1)
        return true;
    struct problem *problem = read_problem(load, IL012, item);
    problem_message(load->problems, problem, "one NAME: SENTENCE is expected in each item");
    problem_help(load->problems, problem, "As in  %s", sample);
    return false;
}

void load_rules(struct load *load, struct draft_step *draft)
{
    struct step *step = draft->step;
    const struct yaml *node = draft->at[STEP_RULES];
    if (!node)
        return;
    if (node->kind == YAML_MAP) {
        struct problem *problem = read_problem(load, IL012, node);
        problem_message(load->problems, problem, "`rules` is a list: begin each rule with `- `");
        return;
    }
    if (!read_is_list(load, node))
        return;
    struct rule *rules = ARENA_ARRAY(load->arena, node->count + 1, struct rule);
    draft->rule_nodes = ARENA_ARRAY(load->arena, node->count + 1, const struct yaml *);
    if (!rules || !draft->rule_nodes)
        return;
    step->rules = rules;
    for (const struct yaml *item = node->first; item; item = item->next) {
        if (!load_named_item(load, item, "- large-account: review if input.balance > 10000"))
            continue;
        struct rule rule = {.origin = read_origin(item->first)};
        if (step->rule_count == LIMIT_RULES) {
            problem_message(load->problems, read_problem(load, IL005, item),
                            "more than %d rules (LIMIT_RULES)", LIMIT_RULES);
            return;
        }
        if (!read_name(load, item->first->key, &rule.name))
            continue;
        for (size_t i = 0; i < step->rule_count; i++)
            if (slice_equal(rules[i].name, rule.name))
                problem_message(load->problems, read_problem(load, IL019, item),
                                "two rules are called `%.*s`", SLICE_FMT(rule.name));
        if (!load_one_rule(load, item->first, &rule))
            continue;
        draft->rule_nodes[step->rule_count] = item->first;
        rules[step->rule_count++] = rule;
    }
}

static bool load_one_risk(struct load *load, const struct yaml *node, struct risk_class *risk)
{
    struct words words;
    size_t at = 0;
    if (!words_init(&words, load, node))
        return false;
    risk->name = words_peek(&words);
    if (!read_is_name(risk->name))
        return words_refuse(&words, "the name of a risk class");
    if (slice_is(risk->name, "normal")) {
        problem_message(load->problems, read_problem_in(load, IL014, node, words.at),
                        "`normal` is the class where none holds: it is not declared");
        return false;
    }
    (void)words_next(&words);
    if (!words_take(&words, "if"))
        return words_refuse(&words, "`if`");
    risk->text = words_rest(&words, &at);
    if (risk->text.size == 0) {
        words.at = words.text.size;
        return words_refuse(&words, "a condition");
    }
    risk->condition =
        compile_condition(load, node, at, risk->text, EXPR_ROOTS_RULE & ~(uint32_t)EXPR_ROOT_RISK);
    return risk->condition != NULL;
}

void load_risk(struct load *load, struct draft_step *draft)
{
    struct step *step = draft->step;
    size_t count = 0;
    const struct yaml *item = read_items(draft->at[STEP_RISK], &count);
    struct risk_class *risks = ARENA_ARRAY(load->arena, count + 1, struct risk_class);
    draft->risk_nodes = ARENA_ARRAY(load->arena, count + 1, const struct yaml *);
    if (!risks || !draft->risk_nodes)
        return;
    step->risks = risks;
    for (; item && count > 0; item = item->next, count--) {
        struct risk_class risk = {.origin = read_origin(item)};
        if (step->risk_count == LIMIT_RISKS) {
            problem_message(load->problems, read_problem(load, IL005, item),
                            "more than %d risk classes (LIMIT_RISKS)", LIMIT_RISKS);
            break;
        }
        if (!load_one_risk(load, item, &risk)) {
            draft->has_step_ended_badly = true;
            continue;
        }
        for (size_t i = 0; i < step->risk_count; i++)
            if (slice_equal(risks[i].name, risk.name))
                problem_message(load->problems, read_problem(load, IL019, item),
                                "the risk class `%.*s` is declared twice", SLICE_FMT(risk.name));
        draft->risk_nodes[step->risk_count] = item;
        risks[step->risk_count++] = risk;
    }
    step->terms.risk_count = (int)step->risk_count;
}

/* 0 to 1 with at most 6 digits behind the dot. */
static bool load_share(struct slice word, double *out_share)
{
    uint64_t whole = 0, part = 0;
    double scale = 1;
    size_t dot = slice_find(word, '.');
    if (!slice_to_u64(slice_first(word, dot), 1, &whole))
        return false;
    if (dot < word.size) {
        struct slice digits = slice_from(word, dot + 1);
        if (digits.size > 6 || !slice_to_u64(digits, 999999, &part))
            return false;
        for (size_t i = 0; i < digits.size; i++)
            scale *= 10;
    }
    double share = (double)whole + (double)part / scale;
    if (share > 1)
        return false;
    *out_share = share;
    return true;
}

void load_confidence(struct load *load, struct draft_step *draft)
{
    const struct yaml *node = draft->at[STEP_CONFIDENCE];
    struct step_terms *terms = &draft->step->terms;
    struct words words;
    if (!node || !words_init(&words, load, node))
        return;
    if (!words_take_all(&words, "at least")) {
        (void)words_refuse(&words, "`at least NUMBER`");
        return;
    }
    if (!load_share(words_peek(&words), &terms->confidence_at_least)) {
        (void)words_refuse(&words, "a number from 0 to 1, as in 0.80,");
        return;
    }
    (void)words_next(&words);
    if (!words_are_over(&words)) {
        (void)words_refuse(&words, "the end");
        return;
    }
    terms->has_confidence = true;
    draft->step->confidence_origin = read_origin(node);
}

void load_answer(struct load *load, struct draft_step *draft)
{
    const uint32_t roots = EXPR_ROOT_INPUT | EXPR_ROOT_RESPONSE;
    struct step *step = draft->step;
    const struct yaml *success = draft->at[STEP_SUCCESS], *failure = draft->at[STEP_FAILURE];
    struct slice text;
    if (success && read_text(load, success, &text))
        step->success = compile_condition(load, success, 0, text, roots);
    if (failure && read_text(load, failure, &text))
        step->failure = compile_condition(load, failure, 0, text, roots);
    if (draft->at[STEP_OUTCOMES])
        load_outcomes(load, draft->at[STEP_OUTCOMES], &step->statuses, &step->status_count);
}
