#include "policy/expr_token.h"

#include <math.h>
#include <stdlib.h>

#include "base/text.h"

enum { EXPR_NUMBER_MAX = 64 }; /* bytes of a number; a longer one is a mistake */

static struct expr_token expr_token_bad(struct expr_lexer *lexer, size_t at, size_t size,
                                        const char *message, const char *help)
{
    *lexer->problem = (struct expr_problem){.kind = EXPR_PROBLEM_SYNTAX,
                                            .offset = at,
                                            .size = size,
                                            .message = slice_text(message),
                                            .help = slice_text(help)};
    return (struct expr_token){.kind = EXPR_TOKEN_BAD, .at = (uint32_t)at, .size = (uint32_t)size};
}

static char expr_token_peek(const struct expr_lexer *lexer, size_t ahead)
{
    return lexer->at + ahead < lexer->text.size ? lexer->text.at[lexer->at + ahead] : '\0';
}

static bool expr_token_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool expr_token_is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || expr_token_is_digit(c);
}

static void expr_token_skip_blank(struct expr_lexer *lexer)
{
    while (lexer->at < lexer->text.size) {
        char c = lexer->text.at[lexer->at];
        if (c == '/' && expr_token_peek(lexer, 1) == '/') {
            while (lexer->at < lexer->text.size && lexer->text.at[lexer->at] != '\n')
                lexer->at++;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r') {
            lexer->at++;
        } else {
            return;
        }
    }
}

static struct expr_token expr_token_make(struct expr_lexer *lexer, enum expr_token_kind kind,
                                         size_t begin)
{
    return (struct expr_token){
        .kind = kind, .at = (uint32_t)begin, .size = (uint32_t)(lexer->at - begin)};
}

static struct expr_token expr_token_whole(struct expr_lexer *lexer, size_t begin, unsigned base)
{
    uint64_t value = 0;
    size_t from = base == 16 ? begin + 2 : begin;
    for (size_t i = from; i < lexer->at; i++)
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, (unsigned)text_hex_digit(lexer->text.at[i]), &value))
            return expr_token_bad(lexer, begin, lexer->at - begin, "the number is too large",
                                  "integers go up to 9223372036854775807");
    char suffix = expr_token_peek(lexer, 0);
    bool is_unsigned = suffix == 'u' || suffix == 'U';
    if (is_unsigned)
        lexer->at++;
    struct expr_token token =
        expr_token_make(lexer, is_unsigned ? EXPR_TOKEN_UINT : EXPR_TOKEN_INT, begin);
    token.magnitude = value;
    return token;
}

static struct expr_token expr_token_real(struct expr_lexer *lexer, size_t begin)
{
    char digits[EXPR_NUMBER_MAX + 1];
    size_t size = lexer->at - begin;
    if (size > EXPR_NUMBER_MAX)
        return expr_token_bad(lexer, begin, size, "the number is too long", "at most 64 digits");
    memcpy(digits, lexer->text.at + begin, size);
    digits[size] = '\0';
    struct expr_token token = expr_token_make(lexer, EXPR_TOKEN_DOUBLE, begin);
    token.real = strtod(digits, NULL);
    if (isinf(token.real))
        return expr_token_bad(lexer, begin, size, "the number is too large",
                              "a double goes up to about 1.8e308");
    return token;
}

static void expr_token_skip_digits(struct expr_lexer *lexer)
{
    while (expr_token_is_digit(expr_token_peek(lexer, 0)))
        lexer->at++;
}

static struct expr_token expr_token_number(struct expr_lexer *lexer)
{
    size_t begin = lexer->at;
    if (expr_token_peek(lexer, 0) == '0' && expr_token_peek(lexer, 1) == 'x' &&
        text_hex_digit(expr_token_peek(lexer, 2)) >= 0) {
        lexer->at += 2;
        while (text_hex_digit(expr_token_peek(lexer, 0)) >= 0)
            lexer->at++;
        return expr_token_whole(lexer, begin, 16);
    }
    bool is_real = false;
    expr_token_skip_digits(lexer);
    if (expr_token_peek(lexer, 0) == '.' && expr_token_is_digit(expr_token_peek(lexer, 1))) {
        is_real = true;
        lexer->at++;
        expr_token_skip_digits(lexer);
    }
    char sign = expr_token_peek(lexer, 1);
    size_t digits_at = sign == '+' || sign == '-' ? 2 : 1;
    if ((expr_token_peek(lexer, 0) | 0x20) == 'e' &&
        expr_token_is_digit(expr_token_peek(lexer, digits_at))) {
        is_real = true;
        lexer->at += digits_at;
        expr_token_skip_digits(lexer);
    }
    return is_real ? expr_token_real(lexer, begin) : expr_token_whole(lexer, begin, 10);
}

/* Writes a code point as UTF-8; 0 when it is none. */
static size_t expr_token_encode(uint32_t code, char out[4])
{
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(heads[size] | code);
    return size;
}

/* One escape; *at stands after the backslash. 0 when it is not one. */
static size_t expr_token_escape(struct slice text, size_t *at, char out[4])
{
    static const char from[] = "abfnrtv\\?\"'`";
    static const char to[] = "\a\b\f\n\r\t\v\\?\"'`";
    char c = *at < text.size ? text.at[*at] : '\0';
    const char *known = c ? strchr(from, c) : NULL;
    if (known) {
        ++*at;
        out[0] = to[known - from];
        return 1;
    }
    size_t digits = c == 'x' || c == 'X' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    bool is_octal = c >= '0' && c <= '3';
    if (digits == 0 && !is_octal)
        return 0;
    size_t from_at = is_octal ? *at : *at + 1;
    digits = is_octal ? 3 : digits;
    if (text.size - from_at < digits)
        return 0;
    uint32_t code = 0;
    for (size_t i = from_at; i < from_at + digits; i++) {
        int value = text_hex_digit(text.at[i]);
        if (value < 0 || (is_octal && value > 7))
            return 0;
        code = code * (is_octal ? 8U : 16U) + (uint32_t)value;
        if (code > 0x10ffff)
            return 0;
    }
    *at = from_at + digits;
    return expr_token_encode(code, out);
}

/* Finds the end of the string that starts at lexer->at; false when it has none. */
static bool expr_token_close(struct expr_lexer *lexer, bool is_raw, struct slice quote,
                             bool *out_has_escape)
{
    *out_has_escape = false;
    while (lexer->at < lexer->text.size) {
        char c = lexer->text.at[lexer->at];
        if (slice_starts(slice_from(lexer->text, lexer->at), quote))
            return true;
        if (quote.size == 1 && (c == '\n' || c == '\r'))
            return false;
        if (c == '\\' && !is_raw) {
            *out_has_escape = true;
            lexer->at++;
        }
        lexer->at++;
    }
    lexer->at = lexer->text.size;
    return false;
}

/* The string between begin and lexer->at with its escapes replaced. */
static struct expr_token expr_token_unescape(struct expr_lexer *lexer, size_t begin)
{
    struct slice raw = slice_first(lexer->text, lexer->at);
    char *out = arena_alloc(lexer->arena, lexer->at - begin);
    if (!out)
        return expr_token_bad(lexer, begin, 0, "out of memory", "");
    size_t size = 0;
    size_t at = begin;
    while (at < raw.size) {
        if (raw.at[at] != '\\') {
            out[size++] = raw.at[at++];
            continue;
        }
        size_t start = at++;
        size_t step = expr_token_escape(raw, &at, out + size);
        if (step == 0)
            return expr_token_bad(lexer, start, 2, "this is not an escape",
                                  "write \\\\ for a backslash, or r\"…\" for a raw string");
        size += step; /* never more than the escape itself: 4 bytes need \UXXXXXXXX */
    }
    struct expr_token token = expr_token_make(lexer, EXPR_TOKEN_STRING, begin);
    token.string = slice_of(out, size);
    return token;
}

/* lexer->at stands on the quote; begin is where the prefix, if any, starts. */
static struct expr_token expr_token_string(struct expr_lexer *lexer, size_t begin, bool is_raw)
{
    struct slice rest = slice_from(lexer->text, lexer->at);
    struct slice quote = slice_first(rest, 1);
    char c = lexer->text.at[lexer->at];
    if (rest.size >= 3 && rest.at[1] == c && rest.at[2] == c)
        quote = slice_first(rest, 3);
    lexer->at += quote.size;
    size_t inner = lexer->at;
    bool has_escape = false;
    if (!expr_token_close(lexer, is_raw, quote, &has_escape))
        return expr_token_bad(lexer, begin, lexer->at - begin, "the string has no end",
                              quote.size == 1 ? "close the quote on the same line" : "");
    struct expr_token token = {.kind = EXPR_TOKEN_STRING};
    if (has_escape) {
        token = expr_token_unescape(lexer, inner);
        if (token.kind == EXPR_TOKEN_BAD)
            return token;
    } else {
        token.string = slice_of(lexer->text.at + inner, lexer->at - inner);
    }
    lexer->at += quote.size;
    token.at = (uint32_t)begin;
    token.size = (uint32_t)(lexer->at - begin);
    return token;
}

/* `name`: for members whose names are not names, as in headers. */
static struct expr_token expr_token_quoted(struct expr_lexer *lexer)
{
    size_t begin = lexer->at++;
    char c = expr_token_peek(lexer, 0);
    while (expr_token_is_name(c) || c == '-' || c == '.' || c == '/' || c == ' ') {
        lexer->at++;
        c = expr_token_peek(lexer, 0);
    }
    if (c != '`' || lexer->at == begin + 1)
        return expr_token_bad(lexer, begin, lexer->at - begin, "this is not a quoted name",
                              "letters, digits, `_ - . /` and blanks between backticks");
    lexer->at++;
    struct expr_token token = expr_token_make(lexer, EXPR_TOKEN_QUOTED, begin);
    token.string = slice_of(lexer->text.at + begin + 1, token.size - 2);
    return token;
}

static struct expr_token expr_token_name(struct expr_lexer *lexer)
{
    size_t begin = lexer->at;
    while (expr_token_is_name(expr_token_peek(lexer, 0)))
        lexer->at++;
    struct slice name = slice_of(lexer->text.at + begin, lexer->at - begin);
    char next = expr_token_peek(lexer, 0);
    if (next == '"' || next == '\'') {
        if (slice_is(name, "r") || slice_is(name, "R"))
            return expr_token_string(lexer, begin, true);
        return expr_token_bad(lexer, begin, name.size, "there are no strings of this kind",
                              "plain \"…\" and raw r\"…\"; bytes are not supported");
    }
    bool is_in = slice_is(name, "in");
    struct expr_token token =
        expr_token_make(lexer, is_in ? EXPR_TOKEN_IN : EXPR_TOKEN_NAME, begin);
    token.string = name;
    return token;
}

/* Longer ones first. */
static const struct {
    const char *text;
    enum expr_token_kind kind;
} expr_token_signs[] = {
    {"||", EXPR_TOKEN_OR},          {"&&", EXPR_TOKEN_AND},
    {"==", EXPR_TOKEN_EQUAL},       {"!=", EXPR_TOKEN_NOT_EQUAL},
    {"<=", EXPR_TOKEN_LESS_EQUAL},  {">=", EXPR_TOKEN_GREATER_EQUAL},
    {"<", EXPR_TOKEN_LESS},         {">", EXPR_TOKEN_GREATER},
    {"+", EXPR_TOKEN_PLUS},         {"-", EXPR_TOKEN_MINUS},
    {"*", EXPR_TOKEN_STAR},         {"/", EXPR_TOKEN_SLASH},
    {"%", EXPR_TOKEN_PERCENT},      {"!", EXPR_TOKEN_NOT},
    {"?", EXPR_TOKEN_QUESTION},     {":", EXPR_TOKEN_COLON},
    {",", EXPR_TOKEN_COMMA},        {".", EXPR_TOKEN_DOT},
    {"(", EXPR_TOKEN_OPEN},         {")", EXPR_TOKEN_CLOSE},
    {"[", EXPR_TOKEN_OPEN_BRACKET}, {"]", EXPR_TOKEN_CLOSE_BRACKET},
    {"{", EXPR_TOKEN_OPEN_BRACE},   {"}", EXPR_TOKEN_CLOSE_BRACE},
};

static struct expr_token expr_token_sign(struct expr_lexer *lexer)
{
    size_t begin = lexer->at;
    struct slice rest = slice_from(lexer->text, begin);
    for (size_t i = 0; i < sizeof expr_token_signs / sizeof *expr_token_signs; i++) {
        struct slice sign = slice_text(expr_token_signs[i].text);
        if (slice_starts(rest, sign)) {
            lexer->at += sign.size;
            return expr_token_make(lexer, expr_token_signs[i].kind, begin);
        }
    }
    const char *help = "";
    if (rest.at[0] == '=')
        help = "equality is `==`";
    else if (rest.at[0] == '&')
        help = "and is `&&`";
    else if (rest.at[0] == '|')
        help = "or is `||`";
    size_t size = text_utf8_size(rest);
    return expr_token_bad(lexer, begin, size ? size : 1, "this sign means nothing here", help);
}

struct expr_token expr_token_next(struct expr_lexer *lexer)
{
    expr_token_skip_blank(lexer);
    if (lexer->at >= lexer->text.size)
        return expr_token_make(lexer, EXPR_TOKEN_END, lexer->at);
    char c = expr_token_peek(lexer, 0);
    if (expr_token_is_digit(c) || (c == '.' && expr_token_is_digit(expr_token_peek(lexer, 1))))
        return expr_token_number(lexer);
    if (expr_token_is_name(c))
        return expr_token_name(lexer);
    if (c == '"' || c == '\'')
        return expr_token_string(lexer, lexer->at, false);
    if (c == '`')
        return expr_token_quoted(lexer);
    return expr_token_sign(lexer);
}

const char *expr_token_text(enum expr_token_kind kind)
{
    for (size_t i = 0; i < sizeof expr_token_signs / sizeof *expr_token_signs; i++)
        if (expr_token_signs[i].kind == kind)
            return expr_token_signs[i].text;
    return kind == EXPR_TOKEN_END ? "the end" : "this";
}
