#include "policy/load.h"

static const char *const load_methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

static bool load_name_is(struct slice name, const char *lower)
{
    struct slice want = slice_text(lower);
    if (name.size != want.size)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char byte = name.at[i];
        if (byte >= 'A' && byte <= 'Z')
            byte = (char)(byte - 'A' + 'a');
        if (byte != want.at[i])
            return false;
    }
    return true;
}

bool load_header_is_secret(struct slice name)
{
    static const char *const names[] = {
        "authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (load_name_is(name, names[i]))
            return true;
    return false;
}

bool load_header_is_allowed(struct load *load, const struct yaml *node)
{
    /* Framing and routing are interlock's own. */
    static const char *const reserved[] = {"host",       "content-length", "transfer-encoding",
                                           "connection", "expect",         "upgrade",
                                           "te",         "trailer",        "keep-alive"};
    struct slice name = node->key->text;
    bool is_good = load_is_header_name(name);
    if (!is_good)
        problem_message(load->problems, read_problem_key(load, IL013, node),
                        "`%.*s` is not the name of a header",
                        SLICE_FMT(slice_first(name, LIMIT_NAME)));
    for (size_t i = 0; is_good && i < sizeof reserved / sizeof *reserved; i++)
        if (load_name_is(name, reserved[i])) {
            problem_message(load->problems, read_problem_key(load, IL013, node),
                            "the header %.*s is set by interlock itself", SLICE_FMT(name));
            return false;
        }
    return is_good;
}

struct load_line {
    struct slice upstream, method;
    size_t upstream_at, method_at, path_at;
};

/* NAME METHOD PATH */
static bool load_call_line(struct load *load, const struct yaml *node, struct load_line *out)
{
    struct words words;
    if (!words_init(&words, load, node))
        return false;
    out->upstream = words_peek(&words);
    out->upstream_at = words.at;
    (void)words_next(&words);
    out->method = words_peek(&words);
    out->method_at = words.at;
    size_t i = 0;
    while (i < 6 && !slice_is(out->method, load_methods[i]))
        i++;
    if (i == 6)
        return words_refuse(&words, "a method (GET, HEAD, POST, PUT, PATCH, DELETE)");
    (void)words_next(&words);
    struct slice path = words_rest(&words, &out->path_at);
    if (path.size == 0 || path.at[0] != '/') {
        words.at = out->path_at;
        return words_refuse(&words, "a path that begins with /");
    }
    return true;
}

void load_call(struct load *load, struct draft_step *draft)
{
    struct step *step = draft->step;
    const struct yaml *node = draft->at[STEP_CALL];
    struct load_line line;
    if (!node) {
        step->terms.is_caller = kind_row(step->kind)->is_caller;
        if (!step->terms.is_caller)
            problem_help(load->problems,
                         read_missing(load, draft->node, "call", "what is to be done, and where"),
                         "As in  call: mailer POST /v1/messages   or   call: caller");
        return;
    }
    step->call_origin = read_origin(node);
    if (!read_is_text(load, node))
        return;
    if (slice_is(slice_trim(node->text), "caller")) {
        step->terms.is_caller = true;
        return;
    }
    if (!load_call_line(load, node, &line))
        return;
    step->upstream = load_upstream_named(load, node, line.upstream_at, line.upstream);
    step->method = line.method;
    step->target = compile_template_at(load, node, line.path_at, EXPR_ROOTS_REQUEST);
}

bool load_ask_call(struct load *load, const struct yaml *node, struct ask_call *out)
{
    struct load_line line;
    if (!load_call_line(load, node, &line))
        return false;
    out->upstream = load_upstream_named(load, node, line.upstream_at, line.upstream);
    out->method = line.method;
    if (!slice_is(line.method, "GET") && !slice_is(line.method, "HEAD"))
        problem_message(load->problems, read_problem_in(load, IL013, node, line.method_at),
                        "this only asks: GET or HEAD");
    out->target = compile_template_at(load, node, line.path_at, EXPR_ROOTS_REQUEST);
    return out->target != NULL && out->upstream != NULL;
}

/* One template or several, newest first. */
static void load_key_was(struct load *load, const struct yaml *node, struct step *step)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count);
    const struct template **templates =
        ARENA_ARRAY(load->arena, LIMIT_FORMER, const struct template *);
    count = read_former_count(load, node, count);
    if (!templates)
        return;
    step->key_was = templates;
    for (; item && count > 0; item = item->next, count--) {
        const struct template *template = compile_template(load, item, EXPR_ROOTS_KEY);
        if (template)
            templates[step->key_was_count++] = template;
    }
}

void load_key(struct load *load, struct draft_step *draft)
{
    const struct yaml **at = draft->at;
    struct step *step = draft->step;
    if (at[STEP_KEY])
        step->key = compile_template(load, at[STEP_KEY], EXPR_ROOTS_KEY);
    if (at[STEP_KEY_WAS])
        load_key_was(load, at[STEP_KEY_WAS], step);
}

static void load_headers(struct load *load, const struct yaml *node, struct step *step)
{
    if (!read_is_map(load, node))
        return;
    struct header_template *headers =
        ARENA_ARRAY(load->arena, node->count + 1, struct header_template);
    if (!headers)
        return;
    step->headers = headers;
    for (const struct yaml *child = node->first; child; child = child->next) {
        if (!load_header_is_allowed(load, child))
            continue;
        if (step->header_count == LIMIT_HEADERS) {
            problem_message(load->problems, read_problem_key(load, IL005, child),
                            "more than %d headers (LIMIT_HEADERS)", LIMIT_HEADERS);
            return;
        }
        const struct template *value = compile_template(load, child, EXPR_ROOTS_REQUEST);
        if (!value)
            continue;
        if (load_header_is_secret(child->key->text) && template_is_constant(value)) {
            struct problem *problem = read_problem_key(load, IL401, child);
            problem->source_line = SLICE("(not shown: it may hold a secret)");
            problem_help(load->problems, problem,
                         "Secrets belong to the upstream: auth: { header: { name: %.*s, value: "
                         "{ file: secrets/NAME } } }",
                         SLICE_FMT(child->key->text));
            continue;
        }
        headers[step->header_count++] = (struct header_template){child->key->text, value};
    }
}

void load_request(struct load *load, struct draft_step *draft)
{
    const struct yaml **at = draft->at;
    struct step *step = draft->step;
    const uint32_t input = EXPR_ROOT_INPUT;
    const uint32_t told = EXPR_ROOT_INPUT | EXPR_ROOT_CONTEXT | EXPR_ROOT_KEY | EXPR_ROOT_RUN;
    if (at[STEP_SUMMARY])
        step->summary = compile_template(load, at[STEP_SUMMARY], told);
    if (at[STEP_RECIPIENT])
        step->recipient = compile_template(load, at[STEP_RECIPIENT], input);
    if (at[STEP_AMOUNT])
        step->amount = compile_template(load, at[STEP_AMOUNT], input);
    if (at[STEP_ORDER_BY])
        step->order_by = compile_template(load, at[STEP_ORDER_BY], input | EXPR_ROOT_KEY);
    if (at[STEP_HEADERS])
        load_headers(load, at[STEP_HEADERS], step);
    if (at[STEP_QUERY] && read_is_map(load, at[STEP_QUERY]))
        step->query = compile_tree(load, at[STEP_QUERY], EXPR_ROOTS_REQUEST);
    if (at[STEP_BODY])
        step->body = compile_tree(load, at[STEP_BODY], EXPR_ROOTS_REQUEST);
    if (!step->terms.is_caller)
        return;
    static const int only_calls[] = {STEP_BODY, STEP_HEADERS, STEP_QUERY, STEP_TIMEOUT};
    for (size_t i = 0; i < sizeof only_calls / sizeof *only_calls; i++)
        if (at[only_calls[i]])
            problem_message(load->problems, read_problem_key(load, IL013, at[only_calls[i]]),
                            "with `call: caller` interlock sends nothing: `%s` has no meaning",
                            fields_step.names[only_calls[i]]);
}
