#include "base/text.h"
#include "policy/load.h"
#include "policy/near.h"

enum load_limit { LOAD_LIMIT_INT = 1, LOAD_LIMIT_SHARE = 2, LOAD_LIMIT_TIME = 4 };
enum load_argument { LOAD_NO_ARGUMENT, LOAD_EXPRESSION, LOAD_NAME };

static const struct load_signal {
    const char *name;
    enum load_argument argument;
    unsigned limits;
} load_signals[] = {
    {"misclassified", LOAD_NO_ARGUMENT, LOAD_LIMIT_SHARE},
    {"errors", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"uncertain", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"degraded", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"low_confidence", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"overrides", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"complaints", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"volume", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT},
    {"backlog", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT},
    {"held_age", LOAD_NO_ARGUMENT, LOAD_LIMIT_TIME},
    {"latency", LOAD_NO_ARGUMENT, LOAD_LIMIT_TIME},
    {"silent", LOAD_NO_ARGUMENT, LOAD_LIMIT_TIME},
    {"sum", LOAD_EXPRESSION, LOAD_LIMIT_INT},
    {"repeat", LOAD_EXPRESSION, LOAD_LIMIT_INT},
    {"posted", LOAD_NAME, LOAD_LIMIT_INT},
    {"overdue", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_TIME},
};
enum { LOAD_SIGNALS = sizeof load_signals / sizeof *load_signals };

/* ( … ) at the place of the words; quotes of the expression close nothing. */
static bool load_argument(struct words *words, struct slice *out_text, size_t *out_at)
{
    size_t at = words->at + 1, depth = 1;
    char quote = 0;
    for (; at < words->text.size; at++) {
        char byte = words->text.at[at];
        if (quote) {
            if (byte == '\\')
                at++;
            else if (byte == quote)
                quote = 0;
            continue;
        }
        if (byte == '"' || byte == '\'')
            quote = byte;
        depth += byte == '(';
        if (byte == ')' && --depth == 0)
            break;
    }
    if (at >= words->text.size)
        return words_refuse(words, "a closing )");
    *out_at = words->at + 1;
    *out_text = slice_first(slice_from(words->text, *out_at), at - *out_at);
    words->at = at + 1;
    return true;
}

static bool load_signal_argument(struct words *words, const struct load_signal *signal,
                                 struct draft_trigger *trigger)
{
    struct slice text;
    size_t at = 0;
    bool has_one = words->at < words->text.size && words->text.at[words->at] == '(';
    if (signal->argument == LOAD_NO_ARGUMENT)
        return !has_one || words_refuse(words, "`>`");
    if (!has_one)
        return words_refuse(words, signal->argument == LOAD_NAME ? "(NAME)" : "(EXPRESSION)");
    if (!load_argument(words, &text, &at))
        return false;
    if (signal->argument == LOAD_EXPRESSION) {
        trigger->argument_at = at;
        trigger->argument = compile_expr(words->load, words->node, at, text, EXPR_ROOTS_RULE);
        return trigger->argument != NULL;
    }
    if (read_is_name(slice_trim(text)))
        return true;
    words->at = at;
    return words_refuse(words, "the name of a posted signal");
}

static const struct load_signal *load_signal(struct words *words, struct draft_trigger *trigger)
{
    struct slice word = words_peek(words);
    word = slice_first(word, slice_find(word, '('));
    for (size_t i = 0; i < LOAD_SIGNALS; i++)
        if (slice_is(word, load_signals[i].name)) {
            words->at += word.size;
            trigger->signal = word;
            return load_signal_argument(words, &load_signals[i], trigger) ? &load_signals[i] : NULL;
        }
    const char *names[LOAD_SIGNALS];
    for (size_t i = 0; i < LOAD_SIGNALS; i++)
        names[i] = load_signals[i].name;
    struct problem *problem = read_problem_in(words->load, IL013, words->node, words->at);
    problem_message(words->load->problems, problem, "there is no signal `%.*s`",
                    SLICE_FMT(slice_first(word, LIMIT_NAME)));
    read_tell_choices(words->load->problems, problem, word, names, LOAD_SIGNALS);
    return NULL;
}

static bool load_limit(struct words *words, unsigned limits)
{
    struct slice word = words_peek(words);
    uint64_t number = 0;
    int64_t ms = 0;
    bool is_share = word.size > 1 && word.at[word.size - 1] == '%' &&
                    slice_to_u64(slice_first(word, word.size - 1), 100, &number);
    bool is_int = !is_share && slice_to_u64(word, 1000000000000, &number);
    bool is_time = !is_int && text_parse_duration(word, &ms);
    bool is_good = (is_share && (limits & LOAD_LIMIT_SHARE)) ||
                   (is_int && (limits & LOAD_LIMIT_INT)) || (is_time && (limits & LOAD_LIMIT_TIME));
    if (!is_good) {
        const char *want = limits == LOAD_LIMIT_TIME    ? "a duration, as in 4h,"
                           : limits == LOAD_LIMIT_SHARE ? "a share, as in 10%,"
                           : limits == LOAD_LIMIT_INT   ? "a whole number"
                           : limits == (LOAD_LIMIT_INT | LOAD_LIMIT_SHARE)
                               ? "a number or a share"
                               : "a number or a duration";
        return words_refuse(words, want);
    }
    (void)words_next(words);
    return true;
}

static bool load_has_risk(const struct draft_workflow *draft, struct slice name)
{
    for (size_t i = 0; i < draft->workflow->step_count; i++) {
        const struct step *step = &draft->workflow->steps[i];
        for (size_t j = 0; j < step->risk_count; j++)
            if (slice_equal(step->risks[j].name, name))
                return true;
    }
    return slice_is(name, "normal");
}

/* for STEP, for risk CLASS */
static bool load_scope_of(struct words *words, const struct draft_workflow *draft,
                          struct draft_trigger *trigger)
{
    if (!words_take(words, "for"))
        return true;
    bool is_risk = words_take(words, "risk");
    struct slice name = words_peek(words);
    size_t at = words->at;
    struct near near;
    near_init(&near, name);
    bool is_known = is_risk && load_has_risk(draft, name);
    for (size_t i = 0; !is_risk && i < draft->workflow->step_count; i++) {
        is_known = is_known || slice_equal(draft->workflow->steps[i].name, name);
        near_offer(&near, draft->workflow->steps[i].name);
    }
    (void)words_next(words);
    if (is_risk)
        trigger->risk = name;
    else
        trigger->step = name;
    if (is_known)
        return true;
    struct problem *problem =
        read_problem_in(words->load, is_risk ? IL308 : IL015, words->node, at);
    problem_message(words->load->problems, problem, "this workflow has no %s `%.*s`",
                    is_risk ? "risk class" : "step", SLICE_FMT(slice_first(name, LIMIT_NAME)));
    if (near.best.size > 0)
        problem_help(words->load->problems, problem, "Did you mean `%.*s`?", SLICE_FMT(near.best));
    return false;
}

static bool load_one_trigger(struct load *load, const struct draft_workflow *draft,
                             struct draft_trigger *trigger)
{
    static const char *const positions[] = {"caution", "review", "fallback", "stopped", "alert"};
    struct words words;
    int64_t ms = 0;
    if (!words_init(&words, load, trigger->node))
        return false;
    size_t i = 0;
    while (i < 5 && !words_take(&words, positions[i]))
        i++;
    if (i == 5)
        return words_refuse(&words, "caution, review, fallback, stopped or alert");
    if (!words_take(&words, "if"))
        return words_refuse(&words, "`if`");
    const struct load_signal *signal = load_signal(&words, trigger);
    if (!signal)
        return false;
    if (!words_take(&words, ">"))
        return words_refuse(&words, "`>`");
    if (!load_limit(&words, signal->limits))
        return false;
    if (words_take(&words, "in") && (!words_take_duration(&words, &ms) || ms == 0))
        return words_refuse(&words, "a duration, as in 1h,");
    if (!load_scope_of(&words, draft, trigger))
        return false;
    return words_are_over(&words) || words_refuse(&words, "in DUR, for STEP or the end");
}

void load_triggers(struct load *load, struct draft_workflow *draft)
{
    const struct yaml *node = draft->at[WORKFLOW_TRIGGERS];
    if (!node)
        return;
    if (node->kind == YAML_MAP) {
        problem_message(load->problems, read_problem(load, IL012, node),
                        "`triggers` is a list: begin each trigger with `- `");
        return;
    }
    if (!read_is_list(load, node))
        return;
    draft->triggers = ARENA_ARRAY(load->arena, node->count + 1, struct draft_trigger);
    if (!draft->triggers)
        return;
    for (const struct yaml *item = node->first; item; item = item->next) {
        struct draft_trigger trigger = {0};
        if (item->kind != YAML_MAP || item->count != 1) {
            struct problem *problem = read_problem(load, IL012, item);
            problem_message(load->problems, problem, "one NAME: SENTENCE is expected in each item");
            problem_help(load->problems, problem,
                         "As in  - runaway: stopped if volume > 500 in 1h");
            continue;
        }
        trigger.node = item->first;
        if (!read_name(load, item->first->key, &trigger.name))
            continue;
        for (size_t i = 0; i < draft->trigger_count; i++)
            if (slice_equal(draft->triggers[i].name, trigger.name))
                problem_message(load->problems, read_problem(load, IL019, item),
                                "two triggers are called `%.*s`", SLICE_FMT(trigger.name));
        if (load_one_trigger(load, draft, &trigger))
            later_tell(load, LATER_TRIGGER, item->first);
        draft->triggers[draft->trigger_count++] = trigger;
    }
}
