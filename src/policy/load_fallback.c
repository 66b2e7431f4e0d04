#include "policy/load.h"
#include "policy/near.h"

static const char load_whats[] = "review, template NAME, upstream NAME, hold DUR, refuse or skip";

void load_templates(struct load *load, struct draft_step *draft)
{
    const struct yaml *node = draft->at[STEP_TEMPLATES], *at[TEMPLATE_FIELD_COUNT];
    if (!node || !read_is_map(load, node))
        return;
    draft->templates = ARENA_ARRAY(load->arena, node->count + 1, struct draft_template);
    if (!draft->templates)
        return;
    for (const struct yaml *child = node->first; child; child = child->next) {
        struct draft_template *template = &draft->templates[draft->template_count++];
        *template = (struct draft_template){.name = child->key->text, .node = child};
        if (!read_is_name(child->key->text))
            (void)read_name(load, child->key, &template->name); /* tells it */
        if (!read_map(load, child, &fields_template, at))
            continue;
        template->has_body = at[TEMPLATE_BODY] != NULL;
        if (!at[TEMPLATE_BODY] == !at[TEMPLATE_ANSWER])
            problem_message(load->problems, read_problem_key(load, IL013, child),
                            "a template has either `answer` (to the caller) or `body` (to send)");
        if (at[TEMPLATE_ANSWER])
            (void)compile_tree(load, at[TEMPLATE_ANSWER], EXPR_ROOTS_REQUEST); /* told */
        if (at[TEMPLATE_BODY])
            (void)compile_tree(load, at[TEMPLATE_BODY], EXPR_ROOTS_REQUEST); /* told */
        if (at[TEMPLATE_BODY] && draft->step->terms.is_caller)
            problem_message(load->problems, read_problem_key(load, IL013, at[TEMPLATE_BODY]),
                            "with `call: caller` interlock sends nothing: use `answer`");
    }
}

static bool load_template_named(struct words *words, struct draft_step *draft, struct slice name,
                                size_t text_at)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < draft->template_count; i++) {
        if (slice_equal(draft->templates[i].name, name)) {
            draft->templates[i].is_used = true;
            return true;
        }
        near_offer(&near, draft->templates[i].name);
    }
    struct load *load = words->load;
    struct problem *problem = read_problem_in(load, IL015, words->node, text_at);
    problem_message(load->problems, problem, "this step has no template `%.*s`",
                    SLICE_FMT(slice_first(name, LIMIT_NAME)));
    if (near.best.size > 0)
        problem_help(load->problems, problem, "Did you mean `%.*s`?", SLICE_FMT(near.best));
    return false;
}

/* Words that people try for "give up". */
static bool load_tells_end(struct words *words)
{
    static const char *const ends[] = {"expire", "expired", "reject", "fail",
                                       "cancel", "drop",    "end"};
    struct load *load = words->load;
    struct slice word = words_peek(words);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (!slice_is(word, ends[i]))
            continue;
        struct problem *problem = read_problem_in(load, IL016, words->node, words->at);
        problem_message(load->problems, problem, "`%.*s` is not something that a fallback does",
                        SLICE_FMT(word));
        problem_help(load->problems, problem,
                     "A hold without `then` ends as expired. `refuse` answers the caller at once, "
                     "`skip` ends as cancelled.");
        return true;
    }
    return false;
}

static bool load_duration_word(struct words *words, int64_t *out_ms, const char *want)
{
    int64_t ms = 0;
    size_t before = words->at;
    if (!words_take_duration(words, &ms) || ms == 0) {
        words->at = before;
        return words_refuse(words, want);
    }
    *out_ms = ms;
    return true;
}

static bool load_what_head(struct words *words, struct draft_step *draft, struct draft_what *what)
{
    struct slice name = {NULL, 0};
    (void)words_peek(words);
    what->node = words->node;
    what->text_at = words->at;
    if (words_take(words, "review")) {
        what->kind = WRITTEN_REVIEW;
        return true;
    }
    if (words_take(words, "refuse")) {
        what->kind = WRITTEN_REFUSE;
        return true;
    }
    if (words_take(words, "skip")) {
        what->kind = WRITTEN_SKIP;
        return true;
    }
    if (words_take(words, "hold")) {
        what->kind = WRITTEN_HOLD;
        what->has_ms = true;
        return load_duration_word(words, &what->ms, "how long to hold, as in 4h,");
    }
    bool is_template = words_take(words, "template");
    if (!is_template && !words_take(words, "upstream"))
        return load_tells_end(words) ? false : words_refuse(words, load_whats);
    what->kind = is_template ? WRITTEN_TEMPLATE : WRITTEN_UPSTREAM;
    name = words_peek(words);
    if (name.size == 0 || slice_is(name, ","))
        return words_refuse(words,
                            is_template ? "the name of a template" : "the name of an upstream");
    size_t name_at = words->at;
    what->name = words_next(words);
    if (is_template)
        return load_template_named(words, draft, name, name_at);
    return load_upstream_named(words->load, words->node, name_at, name) != NULL;
}

/* After a comma; *out_next: another WHAT follows. */
static bool load_what_option(struct words *words, struct draft_what *what, bool *out_next)
{
    bool is_review = what->kind == WRITTEN_REVIEW, is_hold = what->kind == WRITTEN_HOLD;
    if (!is_review && !is_hold)
        return words_refuse(words, "the end");
    if (is_review && words_take(words, "due")) {
        what->has_ms = true;
        return load_duration_word(words, &what->ms, "by when, as in 4h,");
    }
    if (is_review && words_take_all(words, "at due then")) {
        what->is_then_at_due = true;
        *out_next = true;
        return true;
    }
    if (words_take_all(words, "at most")) {
        size_t before = words->at;
        if (!words_take_int(words, &what->at_most) || what->at_most == 0) {
            words->at = before;
            return words_refuse(words, "a number above 0");
        }
        return !is_review || words_take(words, "open") || words_refuse(words, "`open`");
    }
    if (words_take(words, "then")) {
        *out_next = true;
        return true;
    }
    return words_refuse(words, is_review ? "due DUR, at most N open, or then WHAT"
                                         : "at most N, or then WHAT");
}

/* WHAT, with what follows by `then`: at most LIMIT_CHAIN of them. */
static struct draft_what *load_what(struct words *words, struct draft_step *draft)
{
    struct draft_what *first = NULL, **link = &first;
    for (int depth = 0; depth < LIMIT_CHAIN; depth++) {
        bool is_next = false;
        struct draft_what *what = ARENA_NEW(words->load->arena, struct draft_what);
        if (!what || !load_what_head(words, draft, what))
            return NULL;
        *link = what;
        link = &what->then;
        while (!is_next && words_take(words, ","))
            if (!load_what_option(words, what, &is_next))
                return NULL;
        if (!is_next) {
            if (words_are_over(words))
                return first;
            (void)words_refuse(words, "a comma or the end");
            return NULL;
        }
    }
    problem_message(words->load->problems, read_problem(words->load, IL005, words->node),
                    "more than %d steps in one fallback (LIMIT_CHAIN)", LIMIT_CHAIN);
    return NULL;
}

/* [review, due 4h] is two items to YAML. */
static bool load_tells_list_cut(struct load *load, const struct yaml *before,
                                const struct yaml *item)
{
    static const char *const rests[] = {"due ", "at ", "then "};
    if (!before || !item->is_flow || item->kind != YAML_TEXT)
        return false;
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++)
        if (slice_starts(item->text, slice_text(rests[i])))
            return read_tells_cut(load, before);
    return false;
}

/* false: something of it is wrong, and told. */
static bool load_chain(struct load *load, struct draft_step *draft, const struct yaml *node,
                       struct draft_chain *chain)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count), *before = NULL;
    chain->node = node;
    if (count == 0) {
        problem_message(load->problems, read_problem_key(load, IL013, node),
                        "an empty list: leave the line out to get the preset");
        return false;
    }
    for (; item && count > 0; before = item, item = item->next, count--) {
        struct words words;
        if (load_tells_list_cut(load, before, item))
            return false;
        if (chain->count == LIMIT_CHAIN) {
            problem_message(load->problems, read_problem(load, IL005, item),
                            "more than %d entries in one fallback (LIMIT_CHAIN)", LIMIT_CHAIN);
            return false;
        }
        if (!words_init(&words, load, item))
            return false;
        chain->whats[chain->count] = load_what(&words, draft);
        if (!chain->whats[chain->count])
            return false;
        chain->count++;
    }
    return true;
}

static void load_tell_limits(struct load *load, const struct draft_what *what)
{
    if (what->at_most > 0)
        later_tell_in(load, LATER_CAPACITY, what->node, what->text_at);
    if (what->is_then_at_due)
        later_tell_in(load, LATER_AT_DUE, what->node, what->text_at);
}

/* The part of a chain that this version enforces; false: none. */
static bool load_enforced(const struct draft_chain *chain, int64_t review_due_ms, struct what *out)
{
    const struct draft_what *what = chain->whats[0];
    struct what result = {.origin = read_origin(chain->node)};
    if (chain->count != 1)
        return false;
    if (what->kind == WRITTEN_REVIEW) {
        result.kind = WHAT_REVIEW;
        result.ms = what->has_ms ? what->ms : review_due_ms;
    } else if (what->kind == WRITTEN_REFUSE) {
        result.kind = WHAT_REFUSE;
    } else if (what->kind == WRITTEN_HOLD) {
        result.kind = WHAT_HOLD;
        result.ms = what->ms;
        result.then_kind = WHAT_END;
        if (what->then && what->then->kind != WRITTEN_REVIEW)
            return false;
        if (what->then) {
            result.then_kind = WHAT_REVIEW;
            result.then_ms = what->then->has_ms ? what->then->ms : review_due_ms;
        }
    } else {
        return false;
    }
    *out = result;
    return true;
}

static void load_cause(struct load *load, struct draft_step *draft, const struct yaml *node,
                       enum cause cause)
{
    struct draft_chain *chain = &draft->chains[cause];
    struct step_terms *terms = &draft->step->terms;
    if (!load_chain(load, draft, node, chain)) {
        *chain = (struct draft_chain){0};
        draft->has_step_ended_badly = true;
        return;
    }
    int64_t due_ms = kind_row(draft->step->kind)->review_due_ms;
    if (!load_enforced(chain, due_ms, &terms->what[cause])) {
        later_tell(load, LATER_CHAIN, node); /* the preset of the kind stays */
        return;
    }
    load_tell_limits(load, chain->whats[0]);
    if (chain->whats[0]->kind == WRITTEN_HOLD && chain->whats[0]->then)
        load_tell_limits(load, chain->whats[0]->then);
}

void load_fallback(struct load *load, struct draft_step *draft)
{
    static const enum cause causes[FALLBACK_FIELD_COUNT] = {CAUSE_LOW_CONFIDENCE, CAUSE_RULE,
                                                            CAUSE_UNAVAILABLE,    CAUSE_FAILED,
                                                            CAUSE_EXPIRED,        CAUSE_STOPPED};
    const struct yaml *at[FALLBACK_FIELD_COUNT];
    if (!draft->at[STEP_FALLBACK] ||
        !read_map(load, draft->at[STEP_FALLBACK], &fields_fallback, at))
        return;
    for (size_t i = 0; i < FALLBACK_FIELD_COUNT; i++)
        if (at[i])
            load_cause(load, draft, at[i], causes[i]);
}
