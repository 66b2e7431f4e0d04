/* A JSON document becomes a row of pieces: bytes that never change, and templates between them. So
 * rendering walks a list, and a frozen request (R5) is written without building a tree. */
#include "base/text.h"
#include "policy/expr_value.h"
#include "policy/template_part.h"

struct template_piece {
    struct slice bytes;              /* JSON, where template is NULL */
    const struct template *template; /* its value becomes a JSON value here */
    struct slice pointer;            /* of the template */
    struct template_piece *next;
};

struct template_tree {
    struct template_piece *pieces;
    uint32_t roots;
};

struct template_planter {
    struct arena *arena;
    struct template_tree *tree;
    struct template_piece *last;
    struct buf bytes; /* not yet a piece */
    uint32_t allowed_roots;
    struct expr_problem *problem;
};

static bool template_tree_fail(struct template_planter *planter, const char *message,
                               struct slice pointer)
{
    *planter->problem = (struct expr_problem){
        .kind = EXPR_PROBLEM_LIMIT, .message = slice_text(message), .pointer = pointer};
    return false;
}

static struct template_piece *template_tree_add(struct template_planter *planter)
{
    struct template_piece *piece = ARENA_NEW(planter->arena, struct template_piece);
    if (!piece)
        return NULL;
    if (planter->last)
        planter->last->next = piece;
    else
        planter->tree->pieces = piece;
    planter->last = piece;
    return piece;
}

/* The bytes so far become a piece. */
static bool template_tree_flush(struct template_planter *planter, struct slice pointer)
{
    if (!buf_ok(&planter->bytes))
        return template_tree_fail(planter, "the document is too large", pointer);
    if (planter->bytes.size == 0)
        return true;
    struct template_piece *piece = template_tree_add(planter);
    struct slice copy = arena_copy(planter->arena, buf_slice(&planter->bytes));
    if (!piece || !copy.at)
        return template_tree_fail(planter, "out of memory", pointer);
    piece->bytes = copy;
    buf_reset(&planter->bytes);
    return true;
}

static bool template_tree_plant_text(struct template_planter *planter, struct slice text,
                                     struct slice pointer)
{
    const struct template *template = NULL;
    if (!template_compile(planter->arena, text, planter->allowed_roots, &template,
                          planter->problem)) {
        planter->problem->pointer = pointer;
        return false;
    }
    if (template_is_constant(template)) {
        /* No value, but `$${` may be in it. */
        struct expr_work work = {.scratch = planter->arena};
        struct expr_scope scope = {0};
        return template_add_json(template, &scope, &work, &planter->bytes) ||
               template_tree_fail(planter, "the text is too long", pointer);
    }
    if (!template_tree_flush(planter, pointer))
        return false;
    struct template_piece *piece = template_tree_add(planter);
    if (!piece)
        return template_tree_fail(planter, "out of memory", pointer);
    piece->template = template;
    piece->pointer = pointer;
    planter->tree->roots |= template_roots(template);
    return true;
}

/* POINTER/NAME with RFC 6901's escapes. */
static struct slice template_tree_pointer(struct arena *arena, struct slice pointer,
                                          struct slice name)
{
    struct buf text;
    buf_init(&text, LIMIT_POLICY_FILE);
    buf_add(&text, pointer);
    text_add_pointer_part(&text, name);
    struct slice copy = arena_copy(arena, buf_slice(&text));
    buf_done(&text);
    return copy;
}

static bool template_tree_plant(struct template_planter *planter, const json_t *json,
                                struct slice pointer, int depth);

static bool template_tree_plant_list(struct template_planter *planter, const json_t *json,
                                     struct slice pointer, int depth)
{
    buf_add_byte(&planter->bytes, '[');
    for (size_t i = 0; i < json_array_size(json); i++) {
        struct slice index = arena_fmt(planter->arena, "%zu", i);
        if (i > 0)
            buf_add_byte(&planter->bytes, ',');
        if (!template_tree_plant(planter, json_array_get(json, i),
                                 template_tree_pointer(planter->arena, pointer, index), depth))
            return false;
    }
    buf_add_byte(&planter->bytes, ']');
    return true;
}

static bool template_tree_plant_map(struct template_planter *planter, const json_t *json,
                                    struct slice pointer, int depth)
{
    struct expr_value range = expr_value_from_json(json);
    struct expr_walk walk = expr_walk_start(&range);
    struct expr_value key;
    buf_add_byte(&planter->bytes, '{');
    while (expr_walk_next(&walk, &key)) {
        if (walk.index > 1)
            buf_add_byte(&planter->bytes, ',');
        buf_add_json_text(&planter->bytes, key.string);
        buf_add_byte(&planter->bytes, ':');
        const json_t *member = json_object_getn(json, key.string.at, key.string.size);
        if (!template_tree_plant(planter, member,
                                 template_tree_pointer(planter->arena, pointer, key.string), depth))
            return false;
    }
    buf_add_byte(&planter->bytes, '}');
    return true;
}

static bool template_tree_plant(struct template_planter *planter, const json_t *json,
                                struct slice pointer, int depth)
{
    struct expr_value value = expr_value_from_json(json);
    if (depth > LIMIT_JSON_DEPTH)
        return template_tree_fail(planter, "nested deeper than 32 (LIMIT_JSON_DEPTH)", pointer);
    if (value.type == EXPR_STRING)
        return template_tree_plant_text(planter, value.string, pointer);
    if (value.type == EXPR_LIST)
        return template_tree_plant_list(planter, json, pointer, depth + 1);
    if (value.type == EXPR_MAP)
        return template_tree_plant_map(planter, json, pointer, depth + 1);
    return expr_value_add_json(&planter->bytes, &value) == ERR_OK ||
           template_tree_fail(planter, "the document is too large", pointer);
}

bool template_tree_compile(struct arena *arena, const json_t *json, uint32_t allowed_roots,
                           const struct template_tree **out, struct expr_problem *out_problem)
{
    struct template_planter planter = {.arena = arena,
                                       .tree = ARENA_NEW(arena, struct template_tree),
                                       .allowed_roots = allowed_roots,
                                       .problem = out_problem};
    if (!planter.tree)
        return template_tree_fail(&planter, "out of memory", SLICE(""));
    buf_init(&planter.bytes, LIMIT_REQUEST);
    bool is_good = template_tree_plant(&planter, json, SLICE(""), 0) &&
                   template_tree_flush(&planter, SLICE(""));
    buf_done(&planter.bytes);
    if (is_good)
        *out = planter.tree;
    return is_good;
}

uint32_t template_tree_roots(const struct template_tree *tree)
{
    return tree->roots;
}

bool template_tree_field_next(const struct template_tree *tree, size_t *cursor,
                              struct expr_field *out, struct slice *out_pointer)
{
    size_t skip = *cursor;
    for (const struct template_piece *piece = tree->pieces; piece; piece = piece->next) {
        size_t inner = 0;
        struct expr_field field;
        while (piece->template && template_field_next(piece->template, &inner, &field)) {
            if (skip-- > 0)
                continue;
            *out = field;
            *out_pointer = piece->pointer;
            ++*cursor;
            return true;
        }
    }
    return false;
}

enum expr_result template_tree_render_text(const struct template_tree *tree,
                                           const struct expr_scope *scope, struct expr_work *work,
                                           struct buf *out)
{
    size_t before = out->size;
    bool is_good = true;
    for (const struct template_piece *piece = tree->pieces; piece && is_good; piece = piece->next) {
        if (!piece->template) {
            buf_add(out, piece->bytes);
        } else if (!template_add_json(piece->template, scope, work, out)) {
            work->problem.pointer = piece->pointer;
            is_good = false;
        }
    }
    if (is_good && !buf_ok(out)) {
        work->problem = (struct expr_problem){.kind = EXPR_PROBLEM_LIMIT,
                                              .message = SLICE("the document is too large")};
        is_good = false;
    }
    if (!is_good)
        buf_cut(out, before);
    return is_good ? EXPR_OK : EXPR_ERROR;
}

enum expr_result template_tree_render_json(const struct template_tree *tree,
                                           const struct expr_scope *scope, struct expr_work *work,
                                           json_t **out)
{
    struct buf text;
    buf_init(&text, LIMIT_REQUEST);
    enum expr_result result = template_tree_render_text(tree, scope, work, &text);
    json_t *json = NULL;
    if (result == EXPR_OK) {
        json = json_loadb(text.at, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!json) {
            work->problem = (struct expr_problem){.kind = EXPR_PROBLEM_LIMIT,
                                                  .message = SLICE("out of memory")};
            result = EXPR_ERROR;
        }
    }
    if (json)
        *out = json;
    buf_done(&text);
    return result;
}
