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
        template->value = at[TEMPLATE_BODY] ? at[TEMPLATE_BODY] : at[TEMPLATE_ANSWER];
        if (!at[TEMPLATE_BODY] == !at[TEMPLATE_ANSWER])
            problem_message(load->problems, read_problem_key(load, IL013, child),
                            "a template has either `answer` (to the caller) or `body` (to send)");
        if (template->value)
            template->tree = compile_tree(load, template->value, EXPR_ROOTS_REQUEST);
        if (at[TEMPLATE_BODY] && draft->step->terms.is_caller)
            problem_message(load->problems, read_problem_key(load, IL013, at[TEMPLATE_BODY]),
                            "with `call: caller` interlock sends nothing: use `answer`");
    }
}

struct draft_template *load_template_of(const struct draft_step *draft, struct slice name)
{
    for (size_t i = 0; i < draft->template_count; i++)
        if (slice_equal(draft->templates[i].name, name))
            return &draft->templates[i];
    return NULL;
}

static bool load_template_named(struct words *words, struct draft_step *draft, struct slice name,
                                size_t text_at)
{
    struct draft_template *template = load_template_of(draft, name);
    if (template) {
        template->is_used = true;
        return true;
    }
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < draft->template_count; i++)
        near_offer(&near, draft->templates[i].name);
    struct load *load = words->load;
    struct problem *problem = read_problem_in(load, IL015, words->node, text_at);
    problem_message(load->problems, problem, "this step has no template `%.*s`",
                    SLICE_FMT(slice_first(name, LIMIT_NAME)));
    read_tell_near(load->problems, problem, &near);
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
    if (draft->step->terms.is_caller) {
        problem_message(words->load->problems, read_problem_in(words->load, IL013, words->node, 0),
                        "with `call: caller` interlock sends nothing: use review, hold, refuse, "
                        "skip, or a template with `answer`");
        return false;
    }
    what->upstream = load_upstream_named(words->load, words->node, name_at, name);
    return what->upstream != NULL;
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

/* ---- what was written becomes entries ---- */

/* What another upstream recognises: its key header, or what the step says of itself. */
static enum idempotency load_route_idempotency(const struct draft_step *draft,
                                               const struct upstream *upstream)
{
    const struct step *step = draft->step;
    enum idempotency own = step->terms.idempotency;
    bool is_written = draft->at[STEP_IDEMPOTENCY] != NULL;
    if (step->terms.effect == EFFECT_READ || (is_written && own == IDEMPOTENCY_BY_NATURE))
        return IDEMPOTENCY_BY_NATURE;
    if (is_written && own == IDEMPOTENCY_NONE)
        return IDEMPOTENCY_NONE;
    if (upstream->has_key_header)
        return IDEMPOTENCY_BY_KEY;
    bool is_set = slice_is(step->method, "PUT") || slice_is(step->method, "DELETE");
    return is_set ? IDEMPOTENCY_BY_NATURE : IDEMPOTENCY_NONE;
}

static struct step_route load_route(const struct draft_step *draft, const struct draft_what *what)
{
    const struct step *step = draft->step;
    struct step_route route = {.idempotency = step->terms.idempotency,
                               .keeps_ms = step->terms.keeps_ms,
                               .timeout_ms = step->terms.timeout_ms,
                               .upstream = step->upstream,
                               .body = step->body};
    if (what->kind == WRITTEN_TEMPLATE) {
        const struct draft_template *template = load_template_of(draft, what->name);
        if (route.idempotency == IDEMPOTENCY_BY_CHECK) /* its check asks for what `body` carries */
            route.idempotency = IDEMPOTENCY_NONE;
        route.body = template ? template->tree : NULL;
        return route;
    }
    route.upstream = what->upstream;
    route.idempotency = load_route_idempotency(draft, what->upstream);
    route.keeps_ms =
        what->upstream->has_key_header ? what->upstream->keeps_ms : KIND_KEEPS_UNKNOWN_MS;
    if (!draft->at[STEP_TIMEOUT])
        route.timeout_ms = what->upstream->timeout_ms > 0 ? what->upstream->timeout_ms
                                                          : kind_row(step->kind)->timeout_ms;
    return route;
}

/* Its number: the same way is the same route in every fallback of the step (R15). 0: told. */
static uint8_t load_route_number(struct load *load, struct draft_step *draft,
                                 const struct draft_what *what)
{
    struct step_terms *terms = &draft->step->terms;
    struct step_route route = load_route(draft, what);
    for (size_t i = 0; i < terms->route_count; i++)
        if (terms->routes[i].upstream == route.upstream && terms->routes[i].body == route.body)
            return (uint8_t)(i + 1);
    if (terms->route_count == LIMIT_ROUTES) {
        problem_message(load->problems, read_problem(load, IL005, what->node),
                        "more than %d upstreams and templates with `body` in the fallbacks of one "
                        "step (LIMIT_ROUTES)",
                        LIMIT_ROUTES);
        return 0;
    }
    draft->routes[terms->route_count++] = route;
    return (uint8_t)terms->route_count;
}

/* The number of a new entry; 0: told. */
static uint8_t load_entry_number(struct load *load, struct draft_step *draft,
                                 const struct draft_what *what)
{
    struct step_terms *terms = &draft->step->terms;
    if (terms->more_count == LIMIT_ENTRIES) {
        problem_message(load->problems, read_problem(load, IL005, what->node),
                        "more than %d entries in the fallbacks of one step (LIMIT_ENTRIES)",
                        LIMIT_ENTRIES);
        return 0;
    }
    return (uint8_t)(CAUSE_COUNT + terms->more_count++);
}

static bool load_entry(struct load *load, struct draft_step *draft, const struct draft_what *what,
                       struct what *out)
{
    *out = (struct what){.ms = what->ms,
                         .at_most = (uint32_t)what->at_most,
                         .is_then_at_due = what->is_then_at_due,
                         .name = what->name,
                         .origin = read_origin(what->node)};
    const struct draft_template *template = NULL;
    switch (what->kind) {
    case WRITTEN_REVIEW:
        out->kind = WHAT_REVIEW;
        out->ms = what->has_ms ? what->ms : kind_row(draft->step->kind)->review_due_ms;
        return true;
    case WRITTEN_HOLD:
        out->kind = WHAT_HOLD;
        return true;
    case WRITTEN_REFUSE:
        out->kind = WHAT_REFUSE;
        return true;
    case WRITTEN_SKIP:
        out->kind = WHAT_SKIP;
        return true;
    case WRITTEN_TEMPLATE:
        template = load_template_of(draft, what->name);
        out->is_template = true;
        if (template && !template->has_body) {
            out->kind = WHAT_ANSWER;
            out->answer = template->tree;
            return true;
        }
        break;
    case WRITTEN_UPSTREAM:
        break;
    }
    out->kind = WHAT_ROUTE;
    out->route = load_route_number(load, draft, what);
    return out->route != 0;
}

static struct what *load_entry_at(struct draft_step *draft, uint8_t number)
{
    return number < CAUSE_COUNT ? &draft->step->terms.what[number]
                                : &draft->more[number - CAUSE_COUNT];
}

/* The entries of one cause, joined: in the list by `next`, by `then` as written. */
static void load_entries(struct load *load, struct draft_step *draft, enum cause cause)
{
    const struct draft_chain *chain = &draft->chains[cause];
    uint8_t heads[LIMIT_CHAIN + 1] = {(uint8_t)cause};
    for (size_t i = 1; i < chain->count; i++) {
        heads[i] = load_entry_number(load, draft, chain->whats[i]);
        if (heads[i] == 0)
            return;
    }
    for (size_t i = 0; i < chain->count; i++) {
        uint8_t number = heads[i];
        for (const struct draft_what *what = chain->whats[i]; what; what = what->then) {
            struct what *entry = load_entry_at(draft, number);
            if (!load_entry(load, draft, what, entry))
                return;
            entry->next = heads[i + 1];
            number = what->then ? load_entry_number(load, draft, what->then) : 0;
            entry->then = number;
            if (what->then && number == 0)
                return;
        }
    }
    draft->step->terms.what[cause].origin = read_origin(chain->node);
}

static void load_cause(struct load *load, struct draft_step *draft, const struct yaml *node,
                       enum cause cause)
{
    struct draft_chain *chain = &draft->chains[cause];
    if (load_chain(load, draft, node, chain)) {
        load_entries(load, draft, cause);
        return;
    }
    *chain = (struct draft_chain){0};
    draft->has_step_ended_badly = true;
}

void load_fallback(struct load *load, struct draft_step *draft)
{
    static const enum cause causes[FALLBACK_FIELD_COUNT] = {CAUSE_LOW_CONFIDENCE, CAUSE_RULE,
                                                            CAUSE_UNAVAILABLE,    CAUSE_FAILED,
                                                            CAUSE_EXPIRED,        CAUSE_STOPPED};
    const struct yaml *at[FALLBACK_FIELD_COUNT];
    struct step_terms *terms = &draft->step->terms;
    if (!draft->at[STEP_FALLBACK] ||
        !read_map(load, draft->at[STEP_FALLBACK], &fields_fallback, at))
        return;
    draft->more = ARENA_ARRAY(load->arena, LIMIT_ENTRIES, struct what);
    draft->routes = ARENA_ARRAY(load->arena, LIMIT_ROUTES, struct step_route);
    if (!draft->more || !draft->routes)
        return;
    memcpy(draft->more, terms->more, terms->more_count * sizeof *draft->more); /* the presets */
    terms->more = draft->more;
    terms->routes = draft->routes;
    for (size_t i = 0; i < FALLBACK_FIELD_COUNT; i++)
        if (at[i])
            load_cause(load, draft, at[i], causes[i]);
}
