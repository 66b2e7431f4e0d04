/* The grammar, by recursive descent over brackets and by precedence within them. */
#include "policy/expr_parse.h"

static bool expr_parse_fail_at(struct expr_parser *parser, const struct expr_problem *problem)
{
    if (!parser->has_failed)
        *parser->problem = *problem;
    parser->has_failed = true;
    return false;
}

bool expr_parse_fail(struct expr_parser *parser, enum expr_problem_kind kind,
                     const struct expr_node *where, const char *message, struct slice help)
{
    struct expr_problem problem = {.kind = kind,
                                   .offset = where->at,
                                   .size = where->size,
                                   .message = slice_text(message),
                                   .help = help};
    return expr_parse_fail_at(parser, &problem);
}

bool expr_parse_fail_token(struct expr_parser *parser, const struct expr_token *where,
                           const char *message, struct slice help)
{
    struct expr_node node = {.at = where->at, .size = where->size};
    return expr_parse_fail(parser, EXPR_PROBLEM_SYNTAX, &node, message, help);
}

const char *expr_parse_text(struct expr_parser *parser, const char *before, struct slice part,
                            const char *after)
{
    struct slice text = arena_fmt(parser->arena, "%s%.*s%s", before, SLICE_FMT(part), after);
    return text.at ? text.at : "out of memory";
}

void expr_parse_advance(struct expr_parser *parser)
{
    parser->taken_end = parser->token.at + parser->token.size;
    parser->token = expr_token_next(&parser->lexer);
    if (parser->token.kind == EXPR_TOKEN_BAD)
        parser->has_failed = true; /* the lexer has set the problem */
}

bool expr_parse_accept(struct expr_parser *parser, enum expr_token_kind kind)
{
    if (parser->has_failed || parser->token.kind != kind)
        return false;
    expr_parse_advance(parser);
    return !parser->has_failed;
}

/* The words that other languages have for operators. */
static struct slice expr_parse_operator_help(const struct expr_token *token)
{
    static const struct {
        const char *word, *help;
    } words[] = {{"and", "and is `&&`"},
                 {"AND", "and is `&&`"},
                 {"or", "or is `||`"},
                 {"OR", "or is `||`"},
                 {"not", "not in is `!(a in b)`"},
                 {"is", "equality is `==`"},
                 {"if", "a condition is `a ? b : c`"}};
    for (size_t i = 0; token->kind == EXPR_TOKEN_NAME && i < sizeof words / sizeof *words; i++)
        if (slice_is(token->string, words[i].word))
            return slice_text(words[i].help);
    return SLICE("");
}

bool expr_parse_expect(struct expr_parser *parser, enum expr_token_kind kind)
{
    if (parser->has_failed)
        return false;
    if (expr_parse_accept(parser, kind))
        return true;
    const char *text =
        kind == EXPR_TOKEN_END
            ? "an operator or the end is expected here"
            : expr_parse_text(parser, "`", slice_text(expr_token_text(kind)), "` is expected here");
    return expr_parse_fail_token(parser, &parser->token, text,
                                 expr_parse_operator_help(&parser->token));
}

struct expr_node *expr_parse_node(struct expr_parser *parser, enum expr_op op,
                                  const struct expr_token *at)
{
    struct expr_node *node = ARENA_NEW(parser->arena, struct expr_node);
    struct expr_node where = {.at = at->at, .size = at->size};
    if (!node || ++parser->node_count > LIMIT_EXPR_NODES) {
        (void)expr_parse_fail(parser, EXPR_PROBLEM_LIMIT, &where, /* told by NULL */
                              node ? "the expression has too many parts" : "out of memory",
                              SLICE("at most 256 (LIMIT_EXPR_NODES); split the rule"));
        return NULL;
    }
    node->op = op;
    node->at = at->at;
    node->size = at->size;
    node->begin = at->at;
    node->end = at->at + at->size;
    return node;
}

void expr_parse_operand(struct expr_node *node, struct expr_node *operand)
{
    struct expr_node **end = &node->first;
    while (*end) /* rows are short: LIMIT_EXPR_NODES */
        end = &(*end)->next;
    *end = operand;
    node->count++;
    if (operand->begin < node->begin)
        node->begin = operand->begin;
    if (operand->end > node->end)
        node->end = operand->end;
}

/* The node, checked; NULL when it was none or is wrong. */
struct expr_node *expr_parse_done(struct expr_parser *parser, struct expr_node *node)
{
    if (!node || parser->has_failed || !expr_check_node(parser, node))
        return NULL;
    return node;
}

static struct expr_node *expr_parse_const(struct expr_parser *parser, const struct expr_token *at,
                                          struct expr_value value)
{
    struct expr_node *node = expr_parse_node(parser, EXPR_OP_CONST, at);
    if (node)
        node->value = value;
    return expr_parse_done(parser, node);
}

/* begin `(`, elements, end: for calls, lists and maps. Adds the operands. False: failed. */
bool expr_parse_row(struct expr_parser *parser, struct expr_node *node, enum expr_token_kind close,
                    bool is_map)
{
    bool may_trail = close != EXPR_TOKEN_CLOSE;
    while (!expr_parse_accept(parser, close)) {
        struct expr_node *element = expr_parse_expression(parser);
        if (!element)
            return false;
        expr_parse_operand(node, element);
        if (is_map) {
            struct expr_node *value =
                expr_parse_expect(parser, EXPR_TOKEN_COLON) ? expr_parse_expression(parser) : NULL;
            if (!value)
                return false;
            expr_parse_operand(node, value);
        }
        if (expr_parse_accept(parser, EXPR_TOKEN_COMMA)) {
            if (may_trail || parser->token.kind != close)
                continue;
            return expr_parse_fail_token(parser, &parser->token, "a value is expected here",
                                         SLICE(""));
        }
        if (!expr_parse_expect(parser, close))
            return false;
        break;
    }
    node->end = parser->taken_end;
    return !parser->has_failed;
}

/* A list of constants is built once. */
static struct expr_node *expr_parse_fold_list(struct expr_parser *parser, struct expr_node *node)
{
    for (const struct expr_node *n = node->first; n; n = n->next)
        if (n->op != EXPR_OP_CONST)
            return node;
    struct expr_value *items = ARENA_ARRAY(parser->arena, node->count, struct expr_value);
    if (!items)
        return node;
    size_t count = 0;
    for (const struct expr_node *n = node->first; n; n = n->next)
        items[count++] = n->value;
    node->op = EXPR_OP_CONST;
    node->value = (struct expr_value){.type = EXPR_LIST, .list = {.items = items, .count = count}};
    node->first = NULL;
    node->count = 0;
    return node;
}

static struct expr_node *expr_parse_list(struct expr_parser *parser, bool is_map)
{
    struct expr_token at = parser->token;
    expr_parse_advance(parser);
    struct expr_node *node = expr_parse_node(parser, is_map ? EXPR_OP_MAP : EXPR_OP_LIST, &at);
    enum expr_token_kind close = is_map ? EXPR_TOKEN_CLOSE_BRACE : EXPR_TOKEN_CLOSE_BRACKET;
    if (!node || !expr_parse_row(parser, node, close, is_map))
        return NULL;
    node = expr_parse_done(parser, node);
    return node && !is_map ? expr_parse_fold_list(parser, node) : node;
}

/* After a dot: a field, a call or a macro. */
static struct expr_node *expr_parse_dot(struct expr_parser *parser, struct expr_node *base,
                                        struct expr_chain *chain)
{
    expr_parse_advance(parser);
    struct expr_token name = parser->token;
    bool is_quoted = name.kind == EXPR_TOKEN_QUOTED;
    if (name.kind == EXPR_TOKEN_NAME &&
        (slice_is(name.string, "true") || slice_is(name.string, "false") ||
         slice_is(name.string, "null"))) {
        (void)expr_parse_fail_token(parser, &name, "a name is expected here", /* told by NULL */
                                    SLICE("a field of this name is read as input[\"true\"]"));
        return NULL;
    }
    if (!expr_parse_accept(parser, EXPR_TOKEN_NAME) &&
        !expr_parse_accept(parser, EXPR_TOKEN_QUOTED)) {
        if (!parser->has_failed)
            (void)expr_parse_fail_token(parser, &name, "a name is expected here",
                                        SLICE("")); /* told by NULL */
        return NULL;
    }
    if (!is_quoted && parser->token.kind == EXPR_TOKEN_OPEN) {
        if (!expr_chain_end(parser, chain, base))
            return NULL;
        return expr_call_is_macro(name.string) ? expr_call_macro(parser, &name, base)
                                               : expr_call_function(parser, &name, base);
    }
    struct expr_node *node = expr_parse_node(parser, EXPR_OP_SELECT, &name);
    if (!node)
        return NULL;
    node->name = name.string;
    expr_parse_operand(node, base);
    node = expr_parse_done(parser, node);
    if (node && expr_chain_add(parser, chain, name.string, NULL))
        node->types = EXPR_JSON;
    return node;
}

static struct expr_node *expr_parse_index(struct expr_parser *parser, struct expr_node *base,
                                          struct expr_chain *chain)
{
    struct expr_token at = parser->token;
    expr_parse_advance(parser);
    struct expr_node *index = expr_parse_expression(parser);
    if (!index || !expr_parse_expect(parser, EXPR_TOKEN_CLOSE_BRACKET))
        return NULL;
    bool is_const = index->op == EXPR_OP_CONST &&
                    (index->value.type == EXPR_STRING || index->value.type == EXPR_INT);
    if (!is_const && !expr_chain_end(parser, chain, base))
        return NULL;
    at.size = parser->taken_end - at.at;
    struct expr_node *node = expr_parse_node(parser, EXPR_OP_INDEX, &at);
    if (!node)
        return NULL;
    expr_parse_operand(node, base);
    expr_parse_operand(node, index);
    node->end = parser->taken_end;
    node = expr_parse_done(parser, node);
    if (node && expr_chain_add(parser, chain, (struct slice){0}, index))
        node->types = EXPR_JSON;
    return node;
}

static struct expr_node *expr_parse_brackets(struct expr_parser *parser)
{
    struct expr_token open = parser->token;
    expr_parse_advance(parser);
    struct expr_node *node = expr_parse_expression(parser);
    if (!node || !expr_parse_expect(parser, EXPR_TOKEN_CLOSE))
        return NULL;
    node->begin = open.at;
    node->end = parser->taken_end;
    return node;
}

/* google.protobuf.Timestamp and .Duration: the names that type() gives. */
static struct expr_node *expr_parse_long_type(struct expr_parser *parser,
                                              const struct expr_token *first)
{
    for (enum expr_type type = EXPR_TIMESTAMP; type <= EXPR_DURATION; type++) {
        struct slice name = slice_text(expr_type_name(type));
        if (!slice_starts(slice_from(parser->expr->text, first->at), name))
            continue;
        while (!parser->has_failed && parser->taken_end < first->at + name.size)
            expr_parse_advance(parser);
        struct expr_token at = {.at = first->at, .size = (uint32_t)name.size};
        return expr_parse_const(parser, &at, (struct expr_value){.type = EXPR_TYPE, .kind = type});
    }
    return NULL;
}

static struct expr_node *expr_parse_name(struct expr_parser *parser, bool is_global)
{
    struct expr_token name = parser->token;
    expr_parse_advance(parser);
    if (parser->has_failed)
        return NULL;
    if (!is_global && slice_is(name.string, "null"))
        return expr_parse_const(parser, &name, (struct expr_value){.type = EXPR_NULL});
    if (!is_global && (slice_is(name.string, "true") || slice_is(name.string, "false")))
        return expr_parse_const(
            parser, &name,
            (struct expr_value){.type = EXPR_BOOL, .boolean = slice_is(name.string, "true")});
    if (parser->token.kind == EXPR_TOKEN_OPEN)
        return expr_call_function(parser, &name, NULL);
    struct expr_node *type =
        slice_is(name.string, "google") ? expr_parse_long_type(parser, &name) : NULL;
    if (type || parser->has_failed)
        return type;
    return expr_parse_done(parser, expr_name_resolve(parser, &name, is_global));
}

/* minus: stood before and belongs to the number; or NULL. */
static struct expr_node *expr_parse_number(struct expr_parser *parser,
                                           const struct expr_token *minus)
{
    struct expr_token token = parser->token;
    expr_parse_advance(parser);
    if (minus) {
        token.size += token.at - minus->at;
        token.at = minus->at;
    }
    struct expr_value value = {.type = EXPR_INT};
    if (token.kind == EXPR_TOKEN_DOUBLE) {
        value.type = EXPR_DOUBLE;
        value.real = minus ? -token.real : token.real;
    } else if (token.kind == EXPR_TOKEN_UINT) {
        value.type = EXPR_UINT;
        value.unsigned_integer = token.magnitude;
    } else if (token.magnitude > (uint64_t)INT64_MAX + (minus != NULL)) {
        (void)expr_parse_fail_token(parser, &token, "the number is too large", /* told by NULL */
                                    SLICE("integers go from -9223372036854775808 to "
                                          "9223372036854775807"));
        return NULL;
    } else {
        value.integer = minus ? (int64_t)(0 - token.magnitude) : (int64_t)token.magnitude;
    }
    return expr_parse_const(parser, &token, value);
}

static struct expr_node *expr_parse_no_value(struct expr_parser *parser)
{
    bool is_end = parser->token.kind == EXPR_TOKEN_END;
    (void)expr_parse_fail_token(parser, &parser->token, /* told by NULL */
                                is_end ? "the expression is not complete"
                                       : "a value is expected here",
                                expr_parse_operator_help(&parser->token));
    return NULL;
}

static struct expr_node *expr_parse_primary(struct expr_parser *parser,
                                            const struct expr_token *minus)
{
    struct expr_token token = parser->token;
    if (parser->has_failed)
        return NULL;
    if (token.kind == EXPR_TOKEN_INT || token.kind == EXPR_TOKEN_UINT ||
        token.kind == EXPR_TOKEN_DOUBLE)
        return expr_parse_number(parser, minus);
    if (token.kind == EXPR_TOKEN_NAME)
        return expr_parse_name(parser, false);
    if (token.kind == EXPR_TOKEN_OPEN)
        return expr_parse_brackets(parser);
    if (token.kind == EXPR_TOKEN_OPEN_BRACKET || token.kind == EXPR_TOKEN_OPEN_BRACE)
        return expr_parse_list(parser, token.kind == EXPR_TOKEN_OPEN_BRACE);
    if (expr_parse_accept(parser, EXPR_TOKEN_STRING))
        return expr_parse_const(parser, &token,
                                (struct expr_value){.type = EXPR_STRING, .string = token.string});
    if (expr_parse_accept(parser, EXPR_TOKEN_DOT) && parser->token.kind == EXPR_TOKEN_NAME)
        return expr_parse_name(parser, true);
    return expr_parse_no_value(parser);
}

static struct expr_node *expr_parse_member(struct expr_parser *parser,
                                           const struct expr_token *minus)
{
    struct expr_node *node = expr_parse_primary(parser, minus);
    if (!node)
        return NULL;
    struct expr_chain chain;
    expr_chain_start(parser, &chain, node);
    while (node && !parser->has_failed) {
        if (parser->token.kind == EXPR_TOKEN_DOT) {
            node = expr_parse_dot(parser, node, &chain);
        } else if (parser->token.kind == EXPR_TOKEN_OPEN_BRACKET) {
            node = expr_parse_index(parser, node, &chain);
        } else if (parser->token.kind == EXPR_TOKEN_OPEN_BRACE) {
            (void)expr_parse_fail_token(parser, &parser->token, "messages can not be built here",
                                        SLICE("a map is {\"name\": value}")); /* told by NULL */
        } else {
            return expr_chain_end(parser, &chain, node) ? node : NULL;
        }
    }
    return NULL;
}

static struct expr_node *expr_parse_unary(struct expr_parser *parser)
{
    struct expr_token first = parser->token;
    struct expr_token last = first;
    enum expr_op op = first.kind == EXPR_TOKEN_NOT ? EXPR_OP_NOT : EXPR_OP_NEGATE;
    if (parser->has_failed || (first.kind != EXPR_TOKEN_NOT && first.kind != EXPR_TOKEN_MINUS))
        return expr_parse_member(parser, NULL);
    size_t count = 0;
    while (parser->token.kind == first.kind && !parser->has_failed) {
        last = parser->token;
        expr_parse_advance(parser);
        count++;
    }
    bool is_number = op == EXPR_OP_NEGATE && (parser->token.kind == EXPR_TOKEN_INT ||
                                              parser->token.kind == EXPR_TOKEN_DOUBLE);
    struct expr_node *node = expr_parse_member(parser, is_number ? &last : NULL);
    if (is_number)
        count--;
    /* Two of a kind give the value back but still check its type; four do no more than two. */
    for (size_t wraps = count == 0 ? 0 : 2 - count % 2; wraps > 0 && node; wraps--) {
        struct expr_node *operand = node;
        node = expr_parse_node(parser, op, &first);
        if (node)
            expr_parse_operand(node, operand);
        node = expr_parse_done(parser, node);
    }
    return node;
}

/* Ordered as the tokens are; 0: not an operator between two values. */
static const struct {
    enum expr_token_kind token;
    enum expr_op op;
    int precedence;
} expr_operators[] = {
    {EXPR_TOKEN_OR, EXPR_OP_OR, 1},           {EXPR_TOKEN_AND, EXPR_OP_AND, 2},
    {EXPR_TOKEN_EQUAL, EXPR_OP_EQUAL, 3},     {EXPR_TOKEN_NOT_EQUAL, EXPR_OP_NOT_EQUAL, 3},
    {EXPR_TOKEN_LESS, EXPR_OP_LESS, 3},       {EXPR_TOKEN_LESS_EQUAL, EXPR_OP_LESS_EQUAL, 3},
    {EXPR_TOKEN_GREATER, EXPR_OP_GREATER, 3}, {EXPR_TOKEN_GREATER_EQUAL, EXPR_OP_GREATER_EQUAL, 3},
    {EXPR_TOKEN_IN, EXPR_OP_IN, 3},           {EXPR_TOKEN_PLUS, EXPR_OP_ADD, 4},
    {EXPR_TOKEN_MINUS, EXPR_OP_SUBTRACT, 4},  {EXPR_TOKEN_STAR, EXPR_OP_MULTIPLY, 5},
    {EXPR_TOKEN_SLASH, EXPR_OP_DIVIDE, 5},    {EXPR_TOKEN_PERCENT, EXPR_OP_MODULO, 5},
};

static struct expr_node *expr_parse_join(struct expr_parser *parser, struct expr_node *left,
                                         const struct expr_token *at, enum expr_op op,
                                         struct expr_node *right)
{
    /* A row of || or && becomes one node. Brackets change nothing: both absorb errors. */
    bool is_row = (op == EXPR_OP_OR || op == EXPR_OP_AND) && left->op == op;
    struct expr_node *node = is_row ? left : expr_parse_node(parser, op, at);
    if (!node)
        return NULL;
    if (!is_row)
        expr_parse_operand(node, left);
    expr_parse_operand(node, right);
    return expr_parse_done(parser, node);
}

/* Operators that bind at least as tight as `precedence`; calls itself at most five times. */
static struct expr_node *expr_parse_binary(struct expr_parser *parser, int precedence)
{
    struct expr_node *left = expr_parse_unary(parser);
    size_t i = 0;
    while (left && !parser->has_failed && i < sizeof expr_operators / sizeof *expr_operators) {
        struct expr_token at = parser->token;
        if (expr_operators[i].token != at.kind || expr_operators[i].precedence < precedence) {
            i++;
            continue;
        }
        expr_parse_advance(parser);
        struct expr_node *right = expr_parse_binary(parser, expr_operators[i].precedence + 1);
        left = right ? expr_parse_join(parser, left, &at, expr_operators[i].op, right) : NULL;
        i = 0;
    }
    return parser->has_failed ? NULL : left;
}

/* c ? a : b. Calls itself for b: as often as there are such nodes (LIMIT_EXPR_NODES). */
static struct expr_node *expr_parse_conditional(struct expr_parser *parser)
{
    struct expr_node *condition = expr_parse_binary(parser, 1);
    struct expr_token at = parser->token;
    if (!condition || !expr_parse_accept(parser, EXPR_TOKEN_QUESTION))
        return parser->has_failed ? NULL : condition;
    struct expr_node *node = expr_parse_node(parser, EXPR_OP_IF, &at);
    struct expr_node *yes = node ? expr_parse_binary(parser, 1) : NULL;
    if (!yes || !expr_parse_expect(parser, EXPR_TOKEN_COLON))
        return NULL;
    struct expr_node *no = expr_parse_conditional(parser);
    if (!no)
        return NULL;
    expr_parse_operand(node, condition);
    expr_parse_operand(node, yes);
    expr_parse_operand(node, no);
    return expr_parse_done(parser, node);
}

struct expr_node *expr_parse_expression(struct expr_parser *parser)
{
    struct expr_node where = {.at = parser->token.at, .size = parser->token.size};
    if (parser->depth > LIMIT_EXPR_DEPTH) {
        (void)expr_parse_fail(parser, EXPR_PROBLEM_LIMIT, &where, "nested too deep",
                              SLICE("at most 32 (LIMIT_EXPR_DEPTH)")); /* told by NULL */
        return NULL;
    }
    parser->depth++;
    struct expr_node *node = expr_parse_conditional(parser);
    parser->depth--;
    return node;
}
