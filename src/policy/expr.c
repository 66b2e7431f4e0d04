#include "policy/expr.h"

#include "base/text.h"
#include "policy/expr_parse.h"

/* The fields in order of the text, as an array. */
static bool expr_fields_sort(struct expr_parser *parser, const struct expr_node *root)
{
    struct expr *expr = parser->expr;
    struct expr_field *fields = ARENA_ARRAY(parser->arena, expr->field_count, struct expr_field);
    if (!fields)
        return expr_parse_fail(parser, EXPR_PROBLEM_LIMIT, root, "out of memory", SLICE(""));
    size_t count = 0;
    for (const struct expr_field_link *link = parser->fields; link; link = link->next) {
        size_t i = count++;
        for (; i > 0 && fields[i - 1].offset > link->field.offset; i--)
            fields[i] = fields[i - 1];
        fields[i] = link->field;
    }
    expr->fields = fields;
    return true;
}

static bool expr_refuse(struct expr_problem *out_problem, enum expr_problem_kind kind,
                        const char *message, const char *help)
{
    *out_problem = (struct expr_problem){
        .kind = kind, .message = slice_text(message), .help = slice_text(help)};
    return false;
}

bool expr_compile(struct arena *arena, struct slice text, uint32_t allowed_roots,
                  const struct expr **out, struct expr_problem *out_problem)
{
    if (text.size > LIMIT_EXPR_TEXT)
        return expr_refuse(out_problem, EXPR_PROBLEM_LIMIT, "the expression is too long",
                           "at most 2048 bytes (LIMIT_EXPR_TEXT)");
    if (!text_is_utf8(text))
        return expr_refuse(out_problem, EXPR_PROBLEM_SYNTAX, "the text is not UTF-8", "");
    struct expr *expr = ARENA_NEW(arena, struct expr);
    struct slice copy = arena_copy(arena, text);
    if (!expr || !copy.at)
        return expr_refuse(out_problem, EXPR_PROBLEM_LIMIT, "out of memory", "");
    expr->text = copy;
    struct expr_parser parser = {.lexer = {copy, 0, arena, out_problem},
                                 .arena = arena,
                                 .problem = out_problem,
                                 .expr = expr,
                                 .allowed = allowed_roots};
    expr_parse_advance(&parser);
    struct expr_node *root = parser.has_failed ? NULL : expr_parse_expression(&parser);
    if (!root || !expr_parse_expect(&parser, EXPR_TOKEN_END) || !expr_fields_sort(&parser, root))
        return false;
    expr->root = root;
    *out = expr;
    return true;
}

struct slice expr_text(const struct expr *expr)
{
    return expr->text;
}

bool expr_uses(const struct expr *expr, enum expr_root root)
{
    return (expr->roots & (uint32_t)root) != 0;
}

uint32_t expr_roots(const struct expr *expr)
{
    return expr->roots;
}

uint32_t expr_types(const struct expr *expr)
{
    return expr->root->types;
}

bool expr_field_next(const struct expr *expr, size_t *cursor, struct expr_field *out)
{
    if (*cursor >= expr->field_count)
        return false;
    *out = expr->fields[(*cursor)++];
    return true;
}
