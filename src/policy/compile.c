#include "policy/compile.h"

#include <stdlib.h>

#include "policy/trap.h"

/* A variable that exists, but not here. */
static bool compile_is_root(struct slice text, size_t at)
{
    static const char *const roots[] = {"input", "context", "confidence",  "risk",
                                        "run",   "step",    "principal",   "response",
                                        "now",   "key",     "provider_key"};
    struct slice rest = slice_from(text, at);
    size_t size = 0;
    while (size < rest.size &&
           ((rest.at[size] >= 'a' && rest.at[size] <= 'z') || rest.at[size] == '_'))
        size++;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (slice_is(slice_first(rest, size), roots[i]))
            return true;
    return false;
}

static bool compile_is_key(const struct yaml *node)
{
    if (!node->key) /* an item of `key_was: [...]` */
        return true;
    return slice_is(node->key->text, fields_step.names[STEP_KEY]) ||
           slice_is(node->key->text, fields_step.names[STEP_KEY_WAS]);
}

/* What a place forbids gets a code of its own: the reason is another one than a slip. */
static enum check_code compile_code(const struct expr_problem *problem, const struct yaml *node,
                                    size_t at, uint32_t roots)
{
    if (problem->kind != EXPR_PROBLEM_NAME || !compile_is_root(node->text, at + problem->offset))
        return IL018;
    if (compile_is_key(node) && roots == EXPR_ROOTS_KEY)
        return IL109;
    return roots == EXPR_ROOTS_REQUEST ? IL110 : IL018;
}

static void compile_tell(struct load *load, const struct yaml *node, enum check_code code,
                         const struct expr_problem *problem, size_t at)
{
    if (problem->kind == EXPR_PROBLEM_SYNTAX && read_tells_cut(load, node))
        return;
    struct problem *told = read_problem_in(load, code, node, at + problem->offset);
    problem_message(load->problems, told, "%.*s", SLICE_FMT(problem->message));
    if (problem->help.size > 0)
        problem_help(load->problems, told, "%.*s", SLICE_FMT(problem->help));
}

const struct expr *compile_expr(struct load *load, const struct yaml *node, size_t at,
                                struct slice text, uint32_t roots)
{
    const struct expr *expr = NULL;
    struct expr_problem problem;
    if (expr_compile(load->arena, text, roots, &expr, &problem))
        return expr;
    compile_tell(load, node, IL017, &problem, at);
    return NULL;
}

const struct expr *compile_condition(struct load *load, const struct yaml *node, size_t at,
                                     struct slice text, uint32_t roots)
{
    const struct expr *expr = compile_expr(load, node, at, text, roots);
    if (!expr || (expr_types(expr) & (1u << EXPR_BOOL)))
        return expr;
    problem_message(load->problems, read_problem_in(load, IL017, node, at),
                    "this can never be true or false: a condition is expected here");
    return NULL;
}

/* How many values a text has, at most: each costs when it is looked at and when it is sent. */
static size_t compile_values(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i + 1 < text.size; i++)
        count += text.at[i] == '$' && text.at[i + 1] == '{';
    return count;
}

static bool compile_is_bounded(struct load *load, const struct yaml *node, size_t count)
{
    if (count <= LIMIT_TEMPLATE_VALUES)
        return true;
    problem_message(load->problems, read_problem(load, IL005, node),
                    "more than %d values in one text (LIMIT_TEMPLATE_VALUES)",
                    LIMIT_TEMPLATE_VALUES);
    return false;
}

const struct template *compile_template_at(struct load *load, const struct yaml *node, size_t at,
                                           uint32_t roots)
{
    struct slice text;
    const struct template *template = NULL;
    struct expr_problem problem;
    if (!read_text(load, node, &text) || !compile_is_bounded(load, node, compile_values(text)))
        return NULL;
    text = slice_from(text, at);
    if (compile_is_key(node) ? template_compile_key(load->arena, text, &template, &problem)
                             : template_compile(load->arena, text, roots, &template, &problem))
        return template;
    compile_tell(load, node, compile_code(&problem, node, at, roots), &problem, at);
    return NULL;
}

const struct template *compile_template(struct load *load, const struct yaml *node, uint32_t roots)
{
    return compile_template_at(load, node, 0, roots);
}

static bool compile_is_number(struct slice text)
{
    size_t i = 0, digits = 0;
    i += i < text.size && text.at[i] == '-';
    for (; i < text.size && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        digits++;
    if (digits == 0)
        return false;
    if (i < text.size && text.at[i] == '.') {
        size_t from = ++i;
        while (i < text.size && text.at[i] >= '0' && text.at[i] <= '9')
            i++;
        if (i == from)
            return false;
    }
    if (i < text.size && (text.at[i] == 'e' || text.at[i] == 'E')) {
        i++;
        i += i < text.size && (text.at[i] == '-' || text.at[i] == '+');
        size_t from = i;
        while (i < text.size && text.at[i] >= '0' && text.at[i] <= '9')
            i++;
        if (i == from)
            return false;
    }
    return i == text.size;
}

static void compile_tell_plain(struct load *load, const struct yaml *node, const char *what)
{
    struct problem *problem = read_problem(load, IL007, node);
    problem_message(load->problems, problem, "`%.*s` is %s", SLICE_FMT(slice_first(node->text, 80)),
                    what);
    problem_help(load->problems, problem, "For the text, write  '%.*s'",
                 SLICE_FMT(slice_first(node->text, 80)));
}

/* A plain text as JSON: null, true, false, a number, or the text. NULL: told. */
static json_t *compile_plain(struct load *load, const struct yaml *node)
{
    if (yaml_is_null(node))
        return json_null();
    if (slice_is(node->text, "true") || slice_is(node->text, "false"))
        return json_boolean(slice_is(node->text, "true"));
    if (trap_is_bare_word(node->text)) {
        compile_tell_plain(load, node, "a boolean to some readers, a text to others");
        return NULL;
    }
    if (trap_is_odd_number(node->text)) {
        compile_tell_plain(load, node, "a number to some readers, and not the same one to all");
        return NULL;
    }
    if (compile_is_number(node->text)) {
        json_error_t error;
        json_t *number = json_loadb(node->text.at, node->text.size,
                                    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
        if (!number)
            problem_message(load->problems, read_problem(load, IL013, node),
                            "this number is too large");
        return number;
    }
    return json_stringn(node->text.at, node->text.size);
}

static json_t *compile_leaf(struct load *load, const struct yaml *node)
{
    if (node->kind == YAML_MAP)
        return json_object();
    if (node->kind == YAML_LIST)
        return json_array();
    if (node->style == YAML_PLAIN)
        return compile_plain(load, node);
    return json_stringn(node->text.at ? node->text.at : "", node->text.size);
}

static bool compile_hang(json_t *parent, const struct yaml *node, json_t *value)
{
    if (!json_is_object(parent))
        return json_array_append_new(parent, value) == 0;
    const struct slice key = node->key->text;
    return json_object_setn_new(parent, key.at ? key.at : "", key.size, value) == 0;
}

/* Depth first, in order, without recursion; the depth is bounded by LIMIT_YAML_DEPTH. */
static json_t *compile_json(struct load *load, const struct yaml *root)
{
    json_t *made[LIMIT_YAML_DEPTH + 1];
    size_t depth = 0;
    bool is_good = true;
    json_t *result = compile_leaf(load, root);
    const struct yaml *node = root;
    made[0] = result;
    while (result) {
        if (node->kind != YAML_TEXT && node->first) {
            depth++;
            node = node->first;
        } else {
            while (node != root && !node->next) {
                node = node->parent;
                depth--;
            }
            if (node == root)
                break;
            node = node->next;
        }
        json_t *value = compile_leaf(load, node);
        is_good = is_good && value;
        made[depth] = value ? value : json_null();
        if (!compile_hang(made[depth - 1], node, made[depth])) {
            is_good = false;
            break;
        }
    }
    if (is_good)
        return result;
    json_decref(result);
    return NULL;
}

/* The next value of a tree in the order of the text; NULL at the end. */
static const struct yaml *compile_next(const struct yaml *root, const struct yaml *node)
{
    if (node->kind != YAML_TEXT && node->first)
        return node->first;
    while (node != root && !node->next)
        node = node->parent;
    return node == root ? NULL : node->next;
}

static bool compile_tree_is_bounded(struct load *load, const struct yaml *root)
{
    size_t total = 0;
    for (const struct yaml *node = root; node; node = compile_next(root, node)) {
        size_t count = node->kind == YAML_TEXT ? compile_values(node->text) : 0;
        if (!compile_is_bounded(load, node, count))
            return false;
        total += count;
    }
    if (total <= LIMIT_BODY_VALUES)
        return true;
    problem_message(load->problems, read_problem_key(load, IL005, root),
                    "more than %d values in one body (LIMIT_BODY_VALUES)", LIMIT_BODY_VALUES);
    return false;
}

const struct yaml *compile_find(const struct yaml *root, struct slice pointer)
{
    const struct yaml *node = root;
    char name[LIMIT_HTTP_LINE];
    while (pointer.size > 0 && node && node->kind != YAML_TEXT) {
        pointer = slice_from(pointer, 1);
        struct slice part = slice_first(pointer, slice_find(pointer, '/'));
        pointer = slice_from(pointer, part.size);
        size_t size = 0;
        for (size_t i = 0; i < part.size && size < sizeof name; i++) {
            bool is_escape = part.at[i] == '~' && i + 1 < part.size;
            name[size++] = !is_escape ? part.at[i] : part.at[++i] == '1' ? '/' : '~';
        }
        uint64_t index = 0;
        const struct yaml *child = node->first;
        if (node->kind == YAML_MAP)
            child = yaml_get(node, slice_of(name, size));
        else if (slice_to_u64(part, node->count, &index))
            for (; child && child->index != index; child = child->next)
                ;
        node = child;
    }
    return node ? node : root;
}

const struct template_tree *compile_tree(struct load *load, const struct yaml *node, uint32_t roots)
{
    const struct template_tree *tree = NULL;
    struct expr_problem problem;
    json_t *json = compile_tree_is_bounded(load, node) ? compile_json(load, node) : NULL;
    if (!json)
        return NULL;
    if (!template_tree_compile(load->arena, json, roots, &tree, &problem)) {
        const struct yaml *at = compile_find(node, problem.pointer);
        compile_tell(load, at, compile_code(&problem, at, 0, roots), &problem, 0);
        tree = NULL;
    }
    json_decref(json);
    return tree;
}
