/* Names: variables, types, and the fields that follow them. */
#include "policy/expr_parse.h"
#include "policy/near.h"

static const struct {
    const char *name;
    enum expr_root root;
    uint32_t types;
} expr_roots_known[] = {
    {"input", EXPR_ROOT_INPUT, EXPR_MASK(EXPR_MAP)},
    {"context", EXPR_ROOT_CONTEXT, EXPR_MASK(EXPR_MAP)},
    {"confidence", EXPR_ROOT_CONFIDENCE, EXPR_MASK(EXPR_DOUBLE)},
    {"risk", EXPR_ROOT_RISK, EXPR_MASK(EXPR_STRING)},
    {"run", EXPR_ROOT_RUN, EXPR_MASK(EXPR_STRING)},
    {"step", EXPR_ROOT_STEP, EXPR_MASK(EXPR_STRING)},
    {"principal", EXPR_ROOT_PRINCIPAL, EXPR_MASK(EXPR_STRING)},
    {"response", EXPR_ROOT_RESPONSE, EXPR_MASK(EXPR_MAP)},
    {"now", EXPR_ROOT_NOW, EXPR_MASK(EXPR_TIMESTAMP)},
    {"key", EXPR_ROOT_KEY, EXPR_MASK(EXPR_STRING)},
    {"provider_key", EXPR_ROOT_PROVIDER_KEY, EXPR_MASK(EXPR_STRING)},
};
enum { EXPR_ROOTS_KNOWN = sizeof expr_roots_known / sizeof *expr_roots_known };

static const char *const expr_reserved[] = {
    "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
    "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};

/* "here may be read: input, key" */
static struct slice expr_name_allowed(struct expr_parser *parser)
{
    struct slice list = {0};
    for (size_t i = 0; i < EXPR_ROOTS_KNOWN; i++)
        if (parser->allowed & (uint32_t)expr_roots_known[i].root)
            list = list.size
                       ? arena_fmt(parser->arena, "%.*s, %s", SLICE_FMT(list),
                                   expr_roots_known[i].name)
                       : arena_fmt(parser->arena, "here may be read: %s", expr_roots_known[i].name);
    return list.size ? list : SLICE("nothing may be read here");
}

static struct slice expr_name_help(struct expr_parser *parser, struct slice name)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < EXPR_ROOTS_KNOWN; i++)
        if (parser->allowed & (uint32_t)expr_roots_known[i].root)
            near_offer(&near, slice_text(expr_roots_known[i].name));
    for (uint32_t i = 0; i < parser->local_count; i++)
        near_offer(&near, parser->locals[i]);
    near_offer(&near, SLICE("true"));
    near_offer(&near, SLICE("false"));
    near_offer(&near, SLICE("null"));
    struct slice best = near.best;
    struct slice allowed = expr_name_allowed(parser);
    if (best.size)
        return arena_fmt(parser->arena, "did you mean `%.*s`?", SLICE_FMT(best));
    if (parser->allowed & EXPR_ROOT_INPUT)
        return arena_fmt(parser->arena,
                         "a text is \"%.*s\", a field of the caller is `input.%.*s`; "
                         "%.*s",
                         SLICE_FMT(name), SLICE_FMT(name), SLICE_FMT(allowed));
    return allowed;
}

static struct expr_node *expr_name_type(struct expr_parser *parser, const struct expr_token *name)
{
    for (int type = EXPR_NULL; type <= EXPR_TYPE; type++)
        if (slice_is(name->string, expr_type_name((enum expr_type)type))) {
            struct expr_node *node = expr_parse_node(parser, EXPR_OP_CONST, name);
            if (node)
                node->value = (struct expr_value){.type = EXPR_TYPE, .kind = (enum expr_type)type};
            return node;
        }
    return NULL;
}

static struct expr_node *expr_name_root(struct expr_parser *parser, const struct expr_token *name)
{
    for (size_t i = 0; i < EXPR_ROOTS_KNOWN; i++) {
        if (!slice_is(name->string, expr_roots_known[i].name))
            continue;
        struct expr_node *node = expr_parse_node(parser, EXPR_OP_ROOT, name);
        if (!node)
            return NULL;
        node->root = expr_roots_known[i].root;
        node->types = expr_roots_known[i].types;
        if (!(parser->allowed & (uint32_t)node->root)) {
            const char *text = expr_parse_text(parser, "`", name->string, "` may not be read here");
            (void)expr_parse_fail(parser, EXPR_PROBLEM_NAME, node, text,
                                  expr_name_allowed(parser)); /* told by NULL */
            return NULL;
        }
        parser->expr->roots |= (uint32_t)node->root;
        return node;
    }
    return NULL;
}

static bool expr_name_is_reserved(struct slice name)
{
    for (size_t i = 0; i < sizeof expr_reserved / sizeof *expr_reserved; i++)
        if (slice_is(name, expr_reserved[i]))
            return true;
    return false;
}

struct expr_node *expr_name_resolve(struct expr_parser *parser, const struct expr_token *name,
                                    bool is_global)
{
    for (uint32_t i = is_global ? 0 : parser->local_count; i > 0; i--)
        if (slice_equal(name->string, parser->locals[i - 1])) {
            struct expr_node *node = expr_parse_node(parser, EXPR_OP_LOCAL, name);
            if (node)
                node->slot = i - 1;
            return node;
        }
    struct expr_node *node = expr_name_root(parser, name);
    if (!node && !parser->has_failed)
        node = expr_name_type(parser, name);
    if (node || parser->has_failed)
        return node;
    struct expr_node where = {.at = name->at, .size = name->size};
    bool is_reserved = expr_name_is_reserved(name->string);
    const char *text = expr_parse_text(
        parser, "`", name->string, is_reserved ? "` is a reserved word" : "` is not a variable");
    (void)expr_parse_fail(parser, EXPR_PROBLEM_NAME, &where, text,
                          expr_name_help(parser, name->string)); /* told by NULL */
    return NULL;
}

/* Shown after a dot; anything else goes into brackets. */
static bool expr_name_is_plain(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return name.size > 0;
}

void expr_chain_start(struct expr_parser *parser, struct expr_chain *chain,
                      const struct expr_node *root)
{
    *chain = (struct expr_chain){0};
    if (root->op != EXPR_OP_ROOT)
        return;
    chain->is_open = true;
    chain->is_named = true;
    chain->path = expr_node_text(parser->expr, root);
    chain->field =
        (struct expr_field){.root = root->root, .offset = root->at, .size = root->end - root->at};
}

bool expr_chain_add(struct expr_parser *parser, struct expr_chain *chain, struct slice name,
                    const struct expr_node *index)
{
    if (!chain->is_open)
        return false;
    bool is_int = index && index->value.type == EXPR_INT;
    if (index && !is_int)
        name = index->value.string;
    if (is_int)
        chain->path = arena_fmt(parser->arena, "%.*s[%lld]", SLICE_FMT(chain->path),
                                (long long)index->value.integer);
    else
        chain->path =
            arena_fmt(parser->arena, expr_name_is_plain(name) ? "%.*s.%.*s" : "%.*s[\"%.*s\"]",
                      SLICE_FMT(chain->path), SLICE_FMT(name));
    if (is_int || chain->field.name_count == LIMIT_EXPR_DEPTH) {
        chain->is_named = false;
    } else if (chain->is_named) {
        chain->names[chain->field.name_count++] = name;
        chain->field.size = parser->taken_end - chain->field.offset;
    }
    return true;
}

bool expr_chain_end(struct expr_parser *parser, struct expr_chain *chain, struct expr_node *node)
{
    if (!chain->is_open)
        return true;
    chain->is_open = false;
    node->path = chain->path;
    struct expr_field_link *link = ARENA_NEW(parser->arena, struct expr_field_link);
    struct slice *names = ARENA_ARRAY(parser->arena, chain->field.name_count, struct slice);
    if (!link || !names)
        return expr_parse_fail(parser, EXPR_PROBLEM_LIMIT, node, "out of memory", SLICE(""));
    if (chain->field.name_count)
        memcpy(names, chain->names, chain->field.name_count * sizeof *names);
    link->field = chain->field;
    link->field.names = names;
    link->field.path = chain->path;
    if (parser->last_field)
        parser->last_field->next = link;
    else
        parser->fields = link;
    parser->last_field = link;
    parser->expr->field_count++;
    return true;
}
