/* Calls: functions, `has`, and the macros that walk a list or a map. */
#include "base/check.h"
#include "policy/expr_function.h"
#include "policy/expr_parse.h"
#include "policy/expr_regex.h"
#include "policy/expr_time.h"

/* has(a.b): the argument turns into the question. */
static struct expr_node *expr_call_has(struct expr_parser *parser, const struct expr_token *name)
{
    struct expr_node *node = expr_parse_expression(parser);
    if (!node || !expr_parse_expect(parser, EXPR_TOKEN_CLOSE))
        return NULL;
    if (node->op != EXPR_OP_SELECT) {
        (void)expr_parse_fail(parser, EXPR_PROBLEM_SYNTAX, node, /* told by NULL */
                              "`has` asks for a field", SLICE("as in has(input.name)"));
        return NULL;
    }
    node->op = EXPR_OP_HAS;
    node->begin = name->at;
    node->end = parser->taken_end;
    if (node->path.size) {
        node->path = arena_fmt(parser->arena, "has(%.*s)", SLICE_FMT(node->path));
        parser->last_field->field.is_has = true;
    }
    return expr_parse_done(parser, node);
}

static bool expr_call_fails(struct expr_parser *parser, const struct expr_token *name,
                            bool is_receiver)
{
    const struct expr_function *other = expr_function_find(name->string, !is_receiver);
    struct slice nearest = expr_function_nearest(name->string, is_receiver);
    struct slice help = SLICE("");
    if (other)
        help = arena_fmt(parser->arena, "it is called as %s", other->usage);
    else if (nearest.size)
        help = arena_fmt(parser->arena, "did you mean `%.*s`?", SLICE_FMT(nearest));
    struct expr_node where = {.at = name->at, .size = name->size};
    return expr_parse_fail(parser, EXPR_PROBLEM_NAME, &where,
                           expr_parse_text(parser, "there is no function `", name->string, "`"),
                           help);
}

/* A pattern, time or duration that the text gives whole is wrong now rather than at run time. */
static bool expr_call_literals(struct expr_parser *parser, struct expr_node *node)
{
    const struct expr_node *first = node->first;
    if (slice_is(slice_text(node->function->name), "matches") && first->next->op == EXPR_OP_CONST) {
        struct slice why = {0};
        node->regex = expr_regex_new(parser->arena, first->next->value.string, &why);
        return node->regex || expr_parse_fail(parser, EXPR_PROBLEM_SYNTAX, first->next,
                                              expr_parse_text(parser, "bad pattern: ", why, ""),
                                              SLICE("RE2 syntax, without look-around and \\1"));
    }
    if (node->count != 1 || first->op != EXPR_OP_CONST || first->value.type != EXPR_STRING)
        return true;
    struct expr_value value = {.type = EXPR_NULL};
    const char *help = "";
    if (slice_is(slice_text(node->function->name), "timestamp")) {
        value.type = EXPR_TIMESTAMP;
        help = "as in \"2026-11-24T06:40:00Z\", years 0001 to 9999";
        if (expr_time_parse(first->value.string, &value.time))
            help = NULL;
    } else if (slice_is(slice_text(node->function->name), "duration")) {
        value.type = EXPR_DURATION;
        help = "as in \"1h30m\", \"90s\", \"500ms\": units h m s ms us ns, up to 290 years";
        if (expr_duration_parse(first->value.string, &value.duration_ns))
            help = NULL;
    }
    if (value.type == EXPR_NULL)
        return true;
    if (help)
        return expr_parse_fail(parser, EXPR_PROBLEM_SYNTAX, first,
                               value.type == EXPR_TIMESTAMP ? "this is not a timestamp"
                                                            : "this is not a duration",
                               slice_text(help));
    node->op = EXPR_OP_CONST;
    node->value = value;
    node->first = NULL;
    node->count = 0;
    return true;
}

/* The token after the name is `(`. */
struct expr_node *expr_call_function(struct expr_parser *parser, const struct expr_token *name,
                                     struct expr_node *receiver)
{
    expr_parse_advance(parser);
    if (!receiver && slice_is(name->string, "has"))
        return expr_call_has(parser, name);
    const struct expr_function *function = expr_function_find(name->string, receiver != NULL);
    if (!function) {
        (void)expr_call_fails(parser, name, receiver != NULL); /* told by NULL */
        return NULL;
    }
    struct expr_node *node = expr_parse_node(parser, EXPR_OP_CALL, name);
    if (!node)
        return NULL;
    node->function = function;
    if (receiver)
        expr_parse_operand(node, receiver);
    if (!expr_parse_row(parser, node, EXPR_TOKEN_CLOSE, false))
        return NULL;
    if (node->count < function->count_min || node->count > function->count_max) {
        struct slice help = arena_fmt(parser->arena, "it is called as %s", function->usage);
        const char *text =
            expr_parse_text(parser, "`", name->string, "` has a wrong number of arguments");
        (void)expr_parse_fail(parser, EXPR_PROBLEM_TYPE, node, text, help); /* told by NULL */
        return NULL;
    }
    node = expr_parse_done(parser, node);
    return node && expr_call_literals(parser, node) ? node : NULL;
}

static const struct {
    const char *name;
    enum expr_op op;
    uint32_t count_min, count_max; /* arguments in the brackets */
} expr_macros[] = {{"exists", EXPR_OP_EXISTS, 2, 2},
                   {"all", EXPR_OP_ALL, 2, 2},
                   {"exists_one", EXPR_OP_EXISTS_ONE, 2, 2},
                   {"filter", EXPR_OP_FILTER, 2, 2},
                   {"map", EXPR_OP_TRANSFORM, 2, 3}};
enum { EXPR_MACROS = sizeof expr_macros / sizeof *expr_macros };

bool expr_call_is_macro(struct slice name)
{
    for (size_t i = 0; i < EXPR_MACROS; i++)
        if (slice_is(name, expr_macros[i].name))
            return true;
    return false;
}

static size_t expr_call_macro_index(struct slice name)
{
    size_t i = 0;
    while (i + 1 < EXPR_MACROS && !slice_is(name, expr_macros[i].name))
        i++;
    return i;
}

/* range.name(variable, body…); the token after the name is `(`. */
struct expr_node *expr_call_macro(struct expr_parser *parser, const struct expr_token *name,
                                  struct expr_node *range)
{
    size_t macro = expr_call_macro_index(name->string);
    struct expr_node *node = expr_parse_node(parser, expr_macros[macro].op, name);
    expr_parse_advance(parser);
    struct expr_token variable = parser->token;
    if (!node || parser->has_failed)
        return NULL;
    if (!expr_parse_accept(parser, EXPR_TOKEN_NAME) ||
        !expr_parse_accept(parser, EXPR_TOKEN_COMMA)) {
        (void)expr_parse_fail_token(parser, &variable, /* told by NULL */
                                    "a variable and a comma are expected here",
                                    SLICE("as in input.items.all(i, i.price > 0)"));
        return NULL;
    }
    /* Each macro stands in brackets of its own, so depth bounds the variables too. */
    CHECK(parser->local_count <= LIMIT_EXPR_DEPTH);
    expr_parse_operand(node, range);
    node->slot = parser->local_count;
    parser->locals[parser->local_count++] = variable.string;
    if (parser->expr->slot_count < parser->local_count)
        parser->expr->slot_count = parser->local_count;
    bool is_good = expr_parse_row(parser, node, EXPR_TOKEN_CLOSE, false);
    parser->local_count--;
    if (!is_good)
        return NULL;
    if (node->count < expr_macros[macro].count_min || node->count > expr_macros[macro].count_max) {
        const char *text =
            expr_parse_text(parser, "`", name->string, "` has a wrong number of arguments");
        (void)expr_parse_fail(parser, EXPR_PROBLEM_SYNTAX, node, text,
                              SLICE("as in input.items.all(i, i.price > 0)")); /* told by NULL */
        return NULL;
    }
    return expr_parse_done(parser, node);
}
