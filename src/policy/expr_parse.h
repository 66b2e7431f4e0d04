/* policy/expr_parse.h - one compilation on its way, shared by the parser's files.
 * Owns: expr_parse.c the grammar, expr_name.c what names mean, expr_check.c which types
 *   can meet, expr_call.c functions and macros.
 * Invariants:
 *   1. A function that returns NULL or false has set the problem; the first one is kept.
 *   2. depth counts brackets of any kind and is at most LIMIT_EXPR_DEPTH; nothing else recurses
 *      without consuming the text. */
#pragma once
#include "policy/expr_token.h"
#include "policy/expr_tree.h"

struct expr_field_link {
    struct expr_field field;
    struct expr_field_link *next;
};

struct expr_parser {
    struct expr_lexer lexer;
    struct expr_token token; /* the one that comes next */
    uint32_t taken_end;      /* where the one before it ended */
    bool has_failed;
    struct arena *arena;
    struct expr_problem *problem;
    struct expr *expr;
    uint32_t allowed;
    size_t node_count;
    int depth;
    struct slice locals[LIMIT_EXPR_DEPTH + 1]; /* variables of the macros around, innermost last */
    uint32_t local_count;
    struct expr_field_link *fields;
    struct expr_field_link *last_field;
};

/* Always false. Texts are constants or live in the arena. */
bool expr_parse_fail(struct expr_parser *parser, enum expr_problem_kind kind,
                     const struct expr_node *where, const char *message, struct slice help);
bool expr_parse_fail_token(struct expr_parser *parser, const struct expr_token *where,
                           const char *message, struct slice help);
void expr_parse_advance(struct expr_parser *parser);
bool expr_parse_accept(struct expr_parser *parser, enum expr_token_kind kind);
bool expr_parse_expect(struct expr_parser *parser, enum expr_token_kind kind);
struct expr_node *expr_parse_node(struct expr_parser *parser, enum expr_op op,
                                  const struct expr_token *at);
/* Adds an operand at the end. */
void expr_parse_operand(struct expr_node *node, struct expr_node *operand);
/* The node with its types, or NULL when it was NULL or its operands can never meet. */
struct expr_node *expr_parse_done(struct expr_parser *parser, struct expr_node *node);
/* One bracket deeper. */
struct expr_node *expr_parse_expression(struct expr_parser *parser);
/* Operands up to the closing bracket. */
bool expr_parse_row(struct expr_parser *parser, struct expr_node *node, enum expr_token_kind close,
                    bool is_map);
/* A message in the arena. */
const char *expr_parse_text(struct expr_parser *parser, const char *before, struct slice part,
                            const char *after);

/* A name where a value may stand; is_global: after a leading dot, so macros' variables are passed
 * over. NULL: unknown or forbidden. */
struct expr_node *expr_name_resolve(struct expr_parser *parser, const struct expr_token *name,
                                    bool is_global);
/* Follows `a.b["c"][0].d` while it grows. */
struct expr_chain {
    bool is_open;  /* starts at a variable of the scope, and only constants followed */
    bool is_named; /* only names followed */
    struct slice path;
    struct slice names[LIMIT_EXPR_DEPTH];
    struct expr_field field;
};
void expr_chain_start(struct expr_parser *parser, struct expr_chain *chain,
                      const struct expr_node *root);
/* The chain grows by a name, or by an index that is a constant string or int. False: it has ended
 * before. */
bool expr_chain_add(struct expr_parser *parser, struct expr_chain *chain, struct slice name,
                    const struct expr_node *index);
/* Ends at that node: its value is recorded, its place is kept. */
bool expr_chain_end(struct expr_parser *parser, struct expr_chain *chain, struct expr_node *node);

/* Sets node->types; false: its operands can never meet. */
bool expr_check_node(struct expr_parser *parser, struct expr_node *node);

/* The token after the name is `(`. receiver: what stands before the dot, or NULL. */
struct expr_node *expr_call_function(struct expr_parser *parser, const struct expr_token *name,
                                     struct expr_node *receiver);
bool expr_call_is_macro(struct slice name);
struct expr_node *expr_call_macro(struct expr_parser *parser, const struct expr_token *name,
                                  struct expr_node *range);
