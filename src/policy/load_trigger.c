#include "base/text.h"
#include "policy/load.h"
#include "policy/near.h"

enum load_limit_kind { LOAD_LIMIT_INT = 1, LOAD_LIMIT_SHARE = 2, LOAD_LIMIT_TIME = 4 };
enum { LOAD_PERCENT = TRIGGER_MILLION / 100 };
enum load_argument { LOAD_NO_ARGUMENT, LOAD_EXPRESSION, LOAD_NAME };

/* By enum signal. */
static const struct load_signal {
    const char *name;
    enum load_argument argument;
    unsigned limits;
} load_signals[SIGNAL_COUNT] = {
    {"misclassified", LOAD_NO_ARGUMENT, LOAD_LIMIT_SHARE},
    {"errors", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"uncertain", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"degraded", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"low_confidence", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"overrides", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT | LOAD_LIMIT_SHARE},
    {"complaints", LOAD_NO_ARGUMENT, LOAD_LIMIT_INT},
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

const char *signal_name(enum signal signal)
{
    return load_signals[signal].name;
}

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
    if (at >= words->text.size) {
        struct problem *problem = read_problem_in(words->load, IL016, words->node, words->at);
        problem_message(words->load->problems, problem, "this ( is never closed");
        return false;
    }
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
        return words_refuse(words, signal->argument == LOAD_NAME
                                       ? "the (NAME) of a signal, as in posted(load),"
                                       : "an (EXPRESSION), as in sum(input.amount),");
    if (!load_argument(words, &text, &at))
        return false;
    if (signal->argument == LOAD_EXPRESSION) {
        trigger->argument_at = at;
        trigger->argument = compile_expr(words->load, words->node, at, text, EXPR_ROOTS_RULE);
        trigger->made.argument = trigger->argument;
        trigger->made.argument_text = slice_trim(text);
        return trigger->argument != NULL;
    }
    if (read_is_name(slice_trim(text))) {
        trigger->made.argument_text = slice_trim(text);
        return true;
    }
    words->at = at;
    return words_refuse(words, "the name of a posted signal");
}

static const struct load_signal *load_signal(struct words *words, struct draft_trigger *trigger)
{
    struct slice word = words_peek(words);
    word = slice_first(word, slice_find(word, '('));
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (slice_is(word, load_signals[i].name)) {
            words->at += word.size;
            trigger->signal = word;
            trigger->made.signal = (enum signal)i;
            return load_signal_argument(words, &load_signals[i], trigger) ? &load_signals[i] : NULL;
        }
    const char *names[SIGNAL_COUNT];
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        names[i] = load_signals[i].name;
    struct problem *problem = read_problem_in(words->load, IL013, words->node, words->at);
    problem_message(words->load->problems, problem, "there is no signal `%.*s`",
                    SLICE_FMT(slice_first(word, LIMIT_NAME)));
    read_tell_choices(words->load->problems, problem, word, names, SIGNAL_COUNT);
    return NULL;
}

struct load_limit {
    enum load_limit_kind kind;
    int64_t value; /* SHARE: millionths; TIME: ms */
    size_t at;     /* where it stands in the text */
};

static bool load_limit(struct words *words, unsigned limits, struct load_limit *out)
{
    struct slice word = words_peek(words);
    uint64_t number = 0;
    int64_t ms = 0;
    bool is_share = word.size > 1 && word.at[word.size - 1] == '%' &&
                    slice_to_u64(slice_first(word, word.size - 1), 99, &number);
    bool is_int = !is_share && slice_to_u64(word, 1000000000000, &number);
    bool is_time = !is_int && text_parse_duration(word, &ms);
    bool is_good = (is_share && (limits & LOAD_LIMIT_SHARE)) ||
                   (is_int && (limits & LOAD_LIMIT_INT)) || (is_time && (limits & LOAD_LIMIT_TIME));
    if (!is_good) {
        const char *want = limits == LOAD_LIMIT_TIME    ? "a duration, as in 4h,"
                           : limits == LOAD_LIMIT_SHARE ? "a share from 0% to 99%, as in 10%,"
                           : limits == LOAD_LIMIT_INT   ? "a whole number"
                           : limits == (LOAD_LIMIT_INT | LOAD_LIMIT_SHARE)
                               ? "a whole number, or a share from 0% to 99%, as in 10%,"
                               : "a whole number, or a duration, as in 4h,";
        return words_refuse(words, want);
    }
    *out = is_share
               ? (struct load_limit){LOAD_LIMIT_SHARE, (int64_t)number * LOAD_PERCENT, words->at}
           : is_time ? (struct load_limit){LOAD_LIMIT_TIME, ms, words->at}
                     : (struct load_limit){LOAD_LIMIT_INT, (int64_t)number, words->at};
    (void)words_next(words);
    return true;
}

/* What a signal is made of is said in the step; without it the trigger would never trip. */
static bool load_has_samples(struct words *words, const struct draft_workflow *draft,
                             const struct trigger *trigger, size_t at)
{
    bool is_of_labels =
        trigger->signal == SIGNAL_MISCLASSIFIED || trigger->signal == SIGNAL_COMPLAINTS;
    if (!is_of_labels && trigger->signal != SIGNAL_LOW_CONFIDENCE)
        return true;
    for (size_t i = 0; i < draft->workflow->step_count; i++) {
        const struct draft_step *step = &draft->steps[i];
        bool is_covered = !trigger->step || trigger->step == step->step;
        if (is_covered &&
            (is_of_labels ? step->at[STEP_AUDIT] != NULL : step->step->terms.has_confidence))
            return true;
    }
    struct problem *problem = read_problem_in(words->load, IL015, words->node, at);
    problem_message(words->load->problems, problem,
                    "this would never trip: no step that it covers has `%s:`",
                    is_of_labels ? "audit" : "confidence");
    return false;
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
    if (name.size == 0)
        return words_refuse(words, is_risk ? "the name of a class" : "a step, or risk CLASS,");
    bool is_known = is_risk && load_has_risk(draft, name);
    for (size_t i = 0; is_risk && i < draft->workflow->step_count; i++)
        for (size_t j = 0; j < draft->workflow->steps[i].risk_count; j++)
            near_offer(&near, draft->workflow->steps[i].risks[j].name);
    for (size_t i = 0; !is_risk && i < draft->workflow->step_count; i++) {
        if (slice_equal(draft->workflow->steps[i].name, name))
            trigger->made.step = &draft->workflow->steps[i];
        near_offer(&near, draft->workflow->steps[i].name);
    }
    is_known = is_known || trigger->made.step;
    (void)words_next(words);
    trigger->made.risk = is_risk ? name : (struct slice){0};
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
    read_tell_near(words->load->problems, problem, &near);
    return false;
}

/* The statistic that a signal, a kind of limit and a window make. */
static enum trigger_statistic load_statistic(enum signal signal, enum load_limit_kind kind,
                                             bool has_window)
{
    switch (signal) {
    case SIGNAL_BACKLOG:
    case SIGNAL_HELD_AGE:
    case SIGNAL_SILENT:
    case SIGNAL_OVERDUE:
        return TRIGGER_LEVEL;
    case SIGNAL_POSTED: /* the last value; with a window, the sum of those posted in it */
        return has_window ? TRIGGER_COUNT : TRIGGER_LEVEL;
    case SIGNAL_VOLUME:
    case SIGNAL_SUM:
    case SIGNAL_REPEAT:
        return TRIGGER_COUNT;
    default:
        break;
    }
    if (signal != SIGNAL_LATENCY && kind != LOAD_LIMIT_SHARE)
        return TRIGGER_COUNT;
    return has_window ? TRIGGER_SHARE_IN : TRIGGER_SHARE;
}

static void load_terms(struct trigger *trigger, const struct load_limit *limit, int64_t window_ms,
                       enum sensitivity sensitivity)
{
    struct trigger_terms *terms = &trigger->terms;
    terms->statistic = load_statistic(trigger->signal, limit->kind, window_ms > 0);
    terms->limit = limit->value;
    trigger->is_duration = trigger->signal == SIGNAL_OVERDUE && limit->kind == LOAD_LIMIT_TIME;
    terms->window_ms = window_ms;
    terms->h_micro = load_h_micro(sensitivity);
    if (terms->statistic == TRIGGER_COUNT && window_ms == 0)
        terms->window_ms = KIND_HOUR;
    if (terms->statistic == TRIGGER_LEVEL)
        terms->window_ms = 0;
    if (trigger->signal == SIGNAL_SUM)
        terms->limit =
            limit->value > INT64_MAX / TRIGGER_MILLION ? INT64_MAX : limit->value * TRIGGER_MILLION;
    if (trigger->signal == SIGNAL_LATENCY) { /* its 95th percentile: 5 % may be later */
        trigger->late_ms = limit->value;
        terms->limit = 5 * LOAD_PERCENT;
    }
}

struct slice load_definition(struct load *load, const struct trigger *trigger)
{
    struct buf text;
    const struct trigger_terms *terms = &trigger->terms;
    buf_init(&text, LIMIT_EXPR_TEXT + 1024);
    buf_add_fmt(&text, "%s|%.*s|%.*s|%.*s|", signal_name(trigger->signal),
                SLICE_FMT(trigger->step ? trigger->step->name : (struct slice){0}),
                SLICE_FMT(trigger->risk), SLICE_FMT(trigger->argument_text));
    buf_add_fmt(&text, "%d|%lld|%lld|%lld|%lld", (int)terms->statistic, (long long)terms->limit,
                (long long)terms->window_ms, (long long)terms->h_micro,
                (long long)trigger->late_ms);
    if (trigger->is_duration)
        buf_add_text(&text, "|time");
    struct slice kept = arena_copy(load->arena, buf_slice(&text));
    buf_done(&text);
    return kept;
}

static bool load_window(struct words *words, int64_t *out_ms)
{
    size_t at = words->at;
    if (!words_take_duration(words, out_ms))
        return words_refuse(words, "a duration, as in 1h,");
    if (*out_ms > 0)
        return true;
    struct problem *problem = read_problem_in(words->load, IL013, words->node, at);
    problem_message(words->load->problems, problem, "a window of no time never has anything in it");
    return false;
}

/* A window where there is none to speak of, and a limit that could not be kept. */
static bool load_window_is_good(struct words *words, const struct trigger *trigger,
                                const struct load_limit *limit, int64_t window_ms)
{
    const char *name = signal_name(trigger->signal);
    struct problem *problem = NULL;
    bool is_level = load_statistic(trigger->signal, limit->kind, true) == TRIGGER_LEVEL;
    bool is_repeat = trigger->signal == SIGNAL_REPEAT;
    if (window_ms > 0 && is_level) {
        problem = read_problem_in(words->load, IL016, words->node, limit->at);
        problem_message(words->load->problems, problem,
                        "`%s` is a value as it is now: it has no `in DUR`", name);
    } else if (is_repeat && (limit->value < 1 || limit->value > TRIGGER_REPEATS)) {
        problem = read_problem_in(words->load, IL013, words->node, limit->at);
        problem_message(words->load->problems, problem, "a limit of `repeat` is from 1 to %d",
                        TRIGGER_REPEATS);
    }
    return !problem;
}

static bool load_one_trigger(struct load *load, const struct draft_workflow *draft,
                             struct draft_trigger *trigger)
{
    static const char *const moves[] = {[MOVE_STOPPED] = "stopped",
                                        [MOVE_FALLBACK] = "fallback",
                                        [MOVE_REVIEW] = "review",
                                        [MOVE_CAUTION] = "caution",
                                        [MOVE_ALERT] = "alert"};
    enum { MOVES = sizeof moves / sizeof *moves };
    struct words words;
    struct load_limit limit = {0};
    int64_t window_ms = 0;
    if (!words_init(&words, load, trigger->node))
        return false;
    size_t move = 0;
    while (move < MOVES && !words_take(&words, moves[move]))
        move++;
    if (move == MOVES)
        return words_refuse(&words, "caution, review, fallback, stopped or alert");
    trigger->made.terms.move = (enum trigger_move)move;
    if (!words_take(&words, "if"))
        return words_refuse(&words, "`if`");
    size_t signal_at = words.at;
    const struct load_signal *signal = load_signal(&words, trigger);
    if (!signal)
        return false;
    if (!words_take(&words, ">"))
        return words_refuse(&words, "`>`");
    if (!load_limit(&words, signal->limits, &limit))
        return false;
    if (words_take(&words, "in") && !load_window(&words, &window_ms))
        return false;
    if (!load_window_is_good(&words, &trigger->made, &limit, window_ms))
        return false;
    if (!load_scope_of(&words, draft, trigger) ||
        !load_has_samples(&words, draft, &trigger->made, signal_at))
        return false;
    load_terms(&trigger->made, &limit, window_ms, draft->workflow->sensitivity);
    return words_are_over(&words) || words_refuse(&words, "in DUR, for STEP or the end");
}

/* What is written, as the rest of interlock sees it. */
static void load_finish_triggers(struct load *load, struct draft_workflow *draft)
{
    struct workflow *workflow = draft->workflow;
    size_t room = draft->trigger_count + workflow->step_count * LIMIT_STANDARD_TRIGGERS + 2;
    struct trigger *triggers = ARENA_ARRAY(load->arena, room, struct trigger);
    size_t count = 0;
    if (!triggers)
        return;
    for (size_t i = 0; i < draft->trigger_count; i++)
        if (draft->triggers[i].made.definition.size > 0)
            triggers[count++] = draft->triggers[i].made;
    load_standard_triggers(load, draft, triggers, &count);
    workflow->triggers = triggers;
    workflow->trigger_count = count;
}

static void load_written_triggers(struct load *load, struct draft_workflow *draft,
                                  const struct yaml *node)
{
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
                problem_message(load->problems, read_problem_key(load, IL019, item),
                                "two triggers are called `%.*s`", SLICE_FMT(trigger.name));
        if (load_one_trigger(load, draft, &trigger)) {
            trigger.made.name = trigger.name;
            trigger.made.origin = read_origin(item->first);
            trigger.made.definition = load_definition(load, &trigger.made);
        }
        draft->triggers[draft->trigger_count++] = trigger;
    }
}

void load_triggers(struct load *load, struct draft_workflow *draft)
{
    const struct yaml *node = draft->at[WORKFLOW_TRIGGERS];
    if (node && node->kind == YAML_MAP)
        problem_message(load->problems, read_problem(load, IL012, node),
                        "`triggers` is a list: begin each trigger with `- `");
    else if (node && read_is_list(load, node))
        load_written_triggers(load, draft, node);
    load_finish_triggers(load, draft);
}
