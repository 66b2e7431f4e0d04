/* policy/expr_token.h - cuts the text of an expression into tokens.
 * Owns: what a name, a number, a string and an operator look like (CEL, section Syntax).
 * Invariants:
 *   1. Reads only text.at[0..size-1]; always moves forward, so it ends.
 *   2. A string token's bytes are valid UTF-8, escapes already replaced. */
#pragma once
#include "policy/expr.h"

enum expr_token_kind {
    EXPR_TOKEN_BAD, /* problem says why */
    EXPR_TOKEN_END,
    EXPR_TOKEN_NAME,
    EXPR_TOKEN_QUOTED, /* `content-type`, after a dot only */
    EXPR_TOKEN_INT,
    EXPR_TOKEN_UINT,
    EXPR_TOKEN_DOUBLE,
    EXPR_TOKEN_STRING,
    EXPR_TOKEN_OR,
    EXPR_TOKEN_AND,
    EXPR_TOKEN_EQUAL,
    EXPR_TOKEN_NOT_EQUAL,
    EXPR_TOKEN_LESS,
    EXPR_TOKEN_LESS_EQUAL,
    EXPR_TOKEN_GREATER,
    EXPR_TOKEN_GREATER_EQUAL,
    EXPR_TOKEN_IN,
    EXPR_TOKEN_PLUS,
    EXPR_TOKEN_MINUS,
    EXPR_TOKEN_STAR,
    EXPR_TOKEN_SLASH,
    EXPR_TOKEN_PERCENT,
    EXPR_TOKEN_NOT,
    EXPR_TOKEN_QUESTION,
    EXPR_TOKEN_COLON,
    EXPR_TOKEN_COMMA,
    EXPR_TOKEN_DOT,
    EXPR_TOKEN_OPEN,
    EXPR_TOKEN_CLOSE,
    EXPR_TOKEN_OPEN_BRACKET,
    EXPR_TOKEN_CLOSE_BRACKET,
    EXPR_TOKEN_OPEN_BRACE,
    EXPR_TOKEN_CLOSE_BRACE
};

struct expr_token {
    enum expr_token_kind kind;
    uint32_t at, size;
    union {
        uint64_t magnitude; /* INT, UINT: the sign is the parser's */
        double real;        /* DOUBLE */
        /* STRING: in the arena or a part of the text; NAME, QUOTED: the name. */
        struct slice string;
    };
};

struct expr_lexer {
    struct slice text;
    size_t at;
    struct arena *arena;          /* for strings with escapes */
    struct expr_problem *problem; /* set when a token is BAD */
};

struct expr_token expr_token_next(struct expr_lexer *lexer);
/* "`&&`", "a name": for messages. */
const char *expr_token_text(enum expr_token_kind kind);
