#include "policy/template.h"

#include "base/text.h"
#include "base/uri.h"
#include "policy/expr_token.h"
#include "policy/template_part.h"

static bool template_fail(struct expr_problem *out_problem, enum expr_problem_kind kind,
                          size_t offset, const char *message, const char *help)
{
    *out_problem = (struct expr_problem){
        .kind = kind, .offset = offset, .message = slice_text(message), .help = slice_text(help)};
    return false;
}

/* Finds the `}` that ends the expression at `from`, by its tokens: braces in strings and of maps do
 * not count. */
static bool template_find_close(struct arena *arena, struct slice text, size_t from,
                                size_t *out_close, struct expr_problem *out_problem)
{
    struct expr_lexer lexer = {text, from, arena, out_problem};
    size_t open = 0;
    for (;;) {
        struct expr_token token = expr_token_next(&lexer);
        if (token.kind == EXPR_TOKEN_BAD)
            return false;
        if (token.kind == EXPR_TOKEN_END)
            return template_fail(out_problem, EXPR_PROBLEM_SYNTAX, from - 2, "this `${` has no `}`",
                                 "a literal `${` is written `$${`");
        if (token.kind == EXPR_TOKEN_OPEN_BRACE)
            open++;
        if (token.kind == EXPR_TOKEN_CLOSE_BRACE && open-- == 0) {
            *out_close = token.at;
            return true;
        }
    }
}

struct template_builder {
    struct arena *arena;
    struct template *template;
    struct template_part *last;
    uint32_t allowed_roots;
    struct expr_problem *problem;
};

static struct template_part *template_add(struct template_builder *builder)
{
    struct template_part *part = ARENA_NEW(builder->arena, struct template_part);
    if (!part) {
        (void)template_fail(builder->problem, EXPR_PROBLEM_LIMIT, 0, "out of memory",
                            ""); /* told by NULL */
        return NULL;
    }
    if (builder->last)
        builder->last->next = part;
    else
        builder->template->parts = part;
    builder->last = part;
    builder->template->part_count++;
    return part;
}

static bool template_add_literal(struct template_builder *builder, size_t from, size_t to)
{
    if (from == to)
        return true;
    struct template_part *part = template_add(builder);
    if (part)
        part->literal = slice_of(builder->template->text.at + from, to - from);
    return part != NULL;
}

/* from: after the `${`. */
static bool template_add_value(struct template_builder *builder, size_t from, size_t *out_after)
{
    struct slice text = builder->template->text;
    size_t close = 0;
    if (!template_find_close(builder->arena, text, from, &close, builder->problem))
        return false;
    struct slice inner = slice_of(text.at + from, close - from);
    struct template_part *part = template_add(builder);
    if (!part)
        return false;
    if (!expr_compile(builder->arena, inner, builder->allowed_roots, &part->expr,
                      builder->problem)) {
        builder->problem->offset += from;
        return false;
    }
    part->offset = from;
    builder->template->roots |= expr_roots(part->expr);
    builder->template->value_count++;
    *out_after = close + 1;
    return true;
}

static bool template_split(struct template_builder *builder)
{
    struct slice text = builder->template->text;
    size_t literal = 0;
    size_t at = 0;
    while (at < text.size) {
        struct slice rest = slice_from(text, at);
        if (slice_starts(rest, SLICE("$${"))) {
            if (!template_add_literal(builder, literal, at))
                return false;
            literal = at + 1; /* the second dollar and the brace */
            at += 3;
        } else if (slice_starts(rest, SLICE("${"))) {
            if (!template_add_literal(builder, literal, at) ||
                !template_add_value(builder, at + 2, &at))
                return false;
            literal = at;
        } else {
            at++;
        }
    }
    return template_add_literal(builder, literal, text.size);
}

bool template_compile(struct arena *arena, struct slice text, uint32_t allowed_roots,
                      const struct template **out, struct expr_problem *out_problem)
{
    if (text.size > LIMIT_POLICY_FILE)
        return template_fail(out_problem, EXPR_PROBLEM_LIMIT, 0, "the text is too long",
                             "at most LIMIT_POLICY_FILE bytes");
    if (!text_is_utf8(text))
        return template_fail(out_problem, EXPR_PROBLEM_SYNTAX, 0, "the text is not UTF-8", "");
    struct template *template = ARENA_NEW(arena, struct template);
    if (!template)
        return template_fail(out_problem, EXPR_PROBLEM_LIMIT, 0, "out of memory", "");
    template->text = arena_copy(arena, text);
    if (!template->text.at)
        return template_fail(out_problem, EXPR_PROBLEM_LIMIT, 0, "out of memory", "");
    struct template_builder builder = {.arena = arena,
                                       .template = template,
                                       .allowed_roots = allowed_roots,
                                       .problem = out_problem};
    if (!template_split(&builder))
        return false;
    *out = template;
    return true;
}

bool template_compile_key(struct arena *arena, struct slice text, const struct template **out,
                          struct expr_problem *out_problem)
{
    const struct template *template = NULL;
    if (!template_compile(arena, text, EXPR_ROOTS_KEY, &template, out_problem))
        return false;
    const struct template_part *before = NULL;
    for (const struct template_part *part = template->parts; part; part = part->next) {
        size_t backslash = slice_find(part->literal, '\\');
        if (backslash < part->literal.size)
            return template_fail(out_problem, EXPR_PROBLEM_SYNTAX,
                                 (size_t)(part->literal.at + backslash - template->text.at),
                                 "a key can not have a `\\` in its text",
                                 "it escapes separators inside of values");
        if (before && before->expr && part->expr)
            return template_fail(out_problem, EXPR_PROBLEM_SYNTAX, part->offset - 2,
                                 "two values of a key need a text between them",
                                 "as in ${input.a}:${input.b}");
        before = part;
    }
    *out = template;
    return true;
}

struct slice template_text(const struct template *template)
{
    return template->text;
}

bool template_is_constant(const struct template *template)
{
    return template->value_count == 0;
}

bool template_is_whole(const struct template *template)
{
    return template->part_count == 1 && template->value_count == 1;
}

uint32_t template_roots(const struct template *template)
{
    return template->roots;
}

bool template_field_next(const struct template *template, size_t *cursor, struct expr_field *out)
{
    size_t skip = *cursor;
    for (const struct template_part *part = template->parts; part; part = part->next) {
        size_t inner = 0;
        struct expr_field field;
        while (part->expr && expr_field_next(part->expr, &inner, &field)) {
            if (skip-- > 0)
                continue;
            field.offset += part->offset;
            *out = field;
            ++*cursor;
            return true;
        }
    }
    return false;
}

/* Evaluates a part; the problem's offset then counts in the template. */
static bool template_eval(const struct template_part *part, const struct expr_scope *scope,
                          struct expr_work *work, struct expr_value *out)
{
    if (expr_eval(part->expr, scope, work, out) == EXPR_OK)
        return true;
    work->problem.offset += part->offset;
    return false;
}

static bool template_refuse(const struct template_part *part, struct expr_work *work,
                            enum expr_problem_kind kind, const char *what, const char *help)
{
    struct slice text = expr_text(part->expr);
    work->problem = (struct expr_problem){
        .kind = kind,
        .offset = part->offset,
        .size = text.size,
        .message = arena_fmt(work->scratch, "`%.*s` %s", SLICE_FMT(text), what),
        .help = slice_text(help)};
    return false;
}

static bool template_too_long(const struct template *template, struct expr_work *work,
                              const char *message)
{
    work->problem = (struct expr_problem){
        .kind = EXPR_PROBLEM_LIMIT, .size = template->text.size, .message = slice_text(message)};
    return false;
}

/* The value's text, added to out. */
static bool template_add_text(const struct template_part *part, const struct expr_scope *scope,
                              struct expr_work *work, struct buf *out)
{
    struct expr_value value;
    if (!template_eval(part, scope, work, &value))
        return false;
    if (expr_value_add_text(out, &value) == ERR_OK)
        return true;
    const char *what = value.type == EXPR_NULL   ? "is null, and null is no text"
                       : value.type == EXPR_LIST ? "is a list, and a list is no text"
                       : value.type == EXPR_MAP  ? "is a map, and a map is no text"
                                                 : "has no text";
    return template_refuse(part, work, EXPR_PROBLEM_TYPE, what,
                           "choose a field, or say what to write instead: "
                           "has(input.x) ? input.x : \"none\"");
}

/* How a value enters the text so far. */
typedef bool template_enter_fn(const struct template *template, const struct template_part *part,
                               struct expr_work *work, struct slice value, struct buf *out);

static bool template_enter_plain(const struct template *template, const struct template_part *part,
                                 struct expr_work *work, struct slice value, struct buf *out)
{
    (void)template; /* nothing depends on what stands around */
    (void)part;
    (void)work;
    buf_add(out, value);
    return true;
}

/* Before the first literal `?` a value is part of a path segment. */
static bool template_enter_path(const struct template *template, const struct template_part *part,
                                struct expr_work *work, struct slice value, struct buf *out)
{
    bool is_path = true;
    for (const struct template_part *p = template->parts; p != part && is_path; p = p->next)
        is_path = slice_find(p->literal, '?') == p->literal.size;
    if (is_path && value.size == 0)
        return template_refuse(part, work, EXPR_PROBLEM_RANGE, "is empty",
                               "a part of a path can not be");
    uri_encode_segment(out, value);
    return true;
}

/* The character (whole, or UTF-8 would break) occurs in a literal. */
static bool template_is_separator(const struct template *template, struct slice character)
{
    if (slice_is(character, "\\"))
        return true;
    for (const struct template_part *p = template->parts; p; p = p->next)
        for (size_t i = 0; i < p->literal.size; i++)
            if (slice_starts(slice_from(p->literal, i), character))
                return true;
    return false;
}

static bool template_enter_key(const struct template *template, const struct template_part *part,
                               struct expr_work *work, struct slice value, struct buf *out)
{
    if (value.size == 0)
        return template_refuse(part, work, EXPR_PROBLEM_RANGE, "is empty",
                               "a part of a key can not be");
    while (value.size > 0) {
        size_t size = text_utf8_size(value);
        struct slice character = slice_first(value, size ? size : 1);
        if (template_is_separator(template, character))
            buf_add_byte(out, '\\');
        buf_add(out, character);
        value = slice_from(value, character.size);
    }
    return true;
}

static bool template_render(const struct template *template, const struct expr_scope *scope,
                            struct expr_work *work, template_enter_fn *enter, struct buf *out)
{
    struct buf value;
    buf_init(&value, LIMIT_REQUEST);
    bool is_good = true;
    for (const struct template_part *part = template->parts; part && is_good; part = part->next) {
        if (!part->expr) {
            buf_add(out, part->literal);
            continue;
        }
        buf_reset(&value);
        is_good = template_add_text(part, scope, work, &value) &&
                  (buf_ok(&value) || template_too_long(template, work, "the text is too long")) &&
                  enter(template, part, work, buf_slice(&value), out);
    }
    buf_done(&value);
    return is_good;
}

static enum expr_result template_finish(bool is_good, struct buf *out, size_t before)
{
    if (!is_good)
        buf_cut(out, before);
    return is_good ? EXPR_OK : EXPR_ERROR;
}

enum expr_result template_render_text(const struct template *template,
                                      const struct expr_scope *scope, struct expr_work *work,
                                      struct buf *out)
{
    size_t before = out->size;
    bool is_good = template_render(template, scope, work, template_enter_plain, out) &&
                   (buf_ok(out) || template_too_long(template, work, "the text is too long"));
    return template_finish(is_good, out, before);
}

/* A segment that a value helped to make is "." or "..". */
static bool template_has_dots(struct slice target, struct expr_work *work,
                              const struct template *template)
{
    struct slice rest = slice_first(target, slice_find(target, '?'));
    while (rest.size > 0) {
        size_t slash = slice_find(rest, '/');
        if (uri_is_dot_segment(slice_first(rest, slash))) {
            work->problem = (struct expr_problem){
                .kind = EXPR_PROBLEM_RANGE,
                .size = template->text.size,
                .message = SLICE("a segment of the path would be `.` or `..`"),
                .help = SLICE("such a value could leave the folder of the call")};
            return true;
        }
        rest = slice_from(rest, slash + 1);
    }
    return false;
}

enum expr_result template_render_path(const struct template *template,
                                      const struct expr_scope *scope, struct expr_work *work,
                                      struct buf *out)
{
    size_t before = out->size;
    bool is_good = template_render(template, scope, work, template_enter_path, out) &&
                   (buf_ok(out) || template_too_long(template, work, "the path is too long")) &&
                   !template_has_dots(slice_from(buf_slice(out), before), work, template);
    return template_finish(is_good, out, before);
}

enum expr_result template_render_key(const struct template *template,
                                     const struct expr_scope *scope, struct expr_work *work,
                                     struct buf *out)
{
    size_t before = out->size;
    bool is_good = template_render(template, scope, work, template_enter_key, out);
    if (is_good && (!buf_ok(out) || out->size - before > LIMIT_KEY))
        is_good = template_too_long(template, work, "the key is longer than 255 bytes (LIMIT_KEY)");
    return template_finish(is_good, out, before);
}

static bool template_json_refused(const struct template_part *part, struct expr_work *work,
                                  enum err err)
{
    if (err == ERR_INVALID)
        return template_refuse(part, work, EXPR_PROBLEM_TYPE, "has no JSON form",
                               "JSON has no NaN, no types and no keys but texts");
    return template_refuse(part, work, EXPR_PROBLEM_LIMIT, "is too large", "");
}

bool template_add_json(const struct template *template, const struct expr_scope *scope,
                       struct expr_work *work, struct buf *out)
{
    if (template_is_whole(template)) {
        struct expr_value value;
        if (!template_eval(template->parts, scope, work, &value))
            return false;
        enum err err = expr_value_add_json(out, &value);
        return err == ERR_OK || template_json_refused(template->parts, work, err);
    }
    struct buf text;
    buf_init(&text, LIMIT_REQUEST);
    bool is_good = template_render_text(template, scope, work, &text) == EXPR_OK;
    if (is_good)
        buf_add_json_text(out, buf_slice(&text));
    buf_done(&text);
    return is_good;
}
