#include "policy/place.h"

#include "base/text.h"

void place_position(const struct yaml_file *file, size_t at, int *out_line, int *out_column)
{
    int line = 1, column = 1;
    if (at > file->source.size)
        at = file->source.size;
    for (size_t i = 0; i < at; i++) {
        unsigned char byte = (unsigned char)file->source.at[i];
        if (byte == '\n') {
            line++;
            column = 1;
        } else if ((byte & 0xC0) != 0x80) {
            column++;
        }
    }
    *out_line = line;
    *out_column = column;
}

struct slice place_line(const struct yaml_file *file, int line)
{
    struct slice rest = file->source;
    for (int i = 1; i < line; i++)
        rest = slice_from(rest, slice_find(rest, '\n') + 1);
    rest = slice_first(rest, slice_find(rest, '\n'));
    if (rest.size > 0 && rest.at[rest.size - 1] == '\r')
        rest.size--;
    return rest;
}

static void place_add_part(struct buf *out, const struct yaml *node)
{
    buf_add_byte(out, '/');
    if (!node->key) {
        buf_add_u64(out, node->index);
        return;
    }
    for (size_t i = 0; i < node->key->text.size; i++) {
        char byte = node->key->text.at[i];
        if (byte == '~')
            buf_add_text(out, "~0");
        else if (byte == '/')
            buf_add_text(out, "~1");
        else
            buf_add_byte(out, byte);
    }
}

/* JSON pointer of the node in its file. */
static struct slice place_pointer(const struct yaml *node, struct arena *arena)
{
    const struct yaml *path[LIMIT_YAML_DEPTH + 1];
    size_t depth = 0;
    for (; node && node->parent && depth <= LIMIT_YAML_DEPTH; node = node->parent)
        path[depth++] = node;
    struct buf text;
    buf_init(&text, LIMIT_POLICY_FILE);
    while (depth > 0)
        place_add_part(&text, path[--depth]);
    struct slice pointer = arena_copy(arena, buf_slice(&text));
    buf_done(&text);
    return pointer;
}

size_t place_offset(const struct yaml_file *file, int line, int column)
{
    struct slice text = place_line(file, line);
    size_t at = file->source.size;
    if (text.at)
        at = (size_t)(text.at - file->source.at);
    size_t end = at + text.size;
    for (int i = 1; i < column && at < end; i++) {
        size_t size = text_utf8_size(slice_from(file->source, at));
        at += size ? size : 1;
    }
    return at < file->source.size ? at : file->source.size;
}

void place_problem(struct problem *problem, const struct yaml_file *file, size_t at)
{
    if (problem == &file->problems->spare)
        return; /* it is counted, not shown */
    problem->file = file->name;
    problem->order = file->order;
    place_position(file, at, &problem->line, &problem->column);
    problem->source_line = arena_copy(file->problems->arena, place_line(file, problem->line));
}

/* Is the value where secrets are named? If one stands there in clear, it must not be shown again.
 */
static bool place_is_secret(const struct yaml *node)
{
    static const char *const names[] = {"auth", "token", "password", "secret"};
    for (; node; node = node->parent)
        for (size_t i = 0; node->key && i < sizeof names / sizeof *names; i++)
            if (slice_is(node->key->text, names[i]))
                return true;
    return false;
}

void place_problem_node(struct problem *problem, const struct yaml *node, size_t at)
{
    place_problem(problem, node->file, at);
    if (problem == &node->file->problems->spare)
        return;
    if (place_is_secret(node))
        problem->source_line = SLICE("(not shown: it may hold a secret)");
    problem->pointer = place_pointer(node, node->file->problems->arena);
}

/* A walk through the source of a value and through its text at the same time. */
struct place_walk {
    struct slice source, text;
    size_t from, at; /* in source, in text */
    enum yaml_style style;
    size_t indent; /* of a block text */
};

static bool place_is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Are there only blanks from here to the end of the line? */
static bool place_line_ends(const struct place_walk *walk)
{
    size_t i = walk->from;
    while (i < walk->source.size && (walk->source.at[i] == ' ' || walk->source.at[i] == '\t'))
        i++;
    return i < walk->source.size && (walk->source.at[i] == '\n' || walk->source.at[i] == '\r');
}

/* A fold: line ends and indents of the source became one space, or line ends. */
static void place_step_fold(struct place_walk *walk)
{
    while (walk->from < walk->source.size && place_is_blank(walk->source.at[walk->from]))
        walk->from++;
    if (walk->text.at[walk->at] == ' ')
        walk->at++;
    else
        while (walk->at < walk->text.size && walk->text.at[walk->at] == '\n')
            walk->at++;
}

static void place_step_escape(struct place_walk *walk)
{
    char kind = walk->from + 1 < walk->source.size ? walk->source.at[walk->from + 1] : 0;
    size_t size = text_utf8_size(slice_from(walk->text, walk->at));
    if (kind == '\n' || kind == '\r') {
        walk->from++;
        while (walk->from < walk->source.size && place_is_blank(walk->source.at[walk->from]))
            walk->from++;
        return;
    }
    walk->from += kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;
    walk->at += size ? size : 1;
}

static void place_step_block(struct place_walk *walk)
{
    char byte = walk->source.at[walk->from];
    walk->from++;
    if (byte == '\r')
        return;
    walk->at++;
    for (size_t i = 0; byte == '\n' && i < walk->indent && walk->from < walk->source.size &&
                       walk->source.at[walk->from] == ' ';
         i++)
        walk->from++;
}

static void place_step(struct place_walk *walk)
{
    if (walk->style == YAML_BLOCK)
        place_step_block(walk);
    else if (place_line_ends(walk))
        place_step_fold(walk);
    else if (walk->style == YAML_DOUBLE && walk->source.at[walk->from] == '\\')
        place_step_escape(walk);
    else {
        bool is_pair = walk->style == YAML_SINGLE && walk->source.at[walk->from] == '\'';
        walk->from += is_pair ? 2 : 1;
        walk->at++;
    }
}

size_t place_of_text(const struct yaml *node, size_t text_at)
{
    if (node->kind != YAML_TEXT)
        return node->from;
    struct place_walk walk = {.source = slice_first(node->file->source, node->to),
                              .text = node->text,
                              .from = node->from,
                              .style = node->style};
    if (text_at > node->text.size)
        text_at = node->text.size;
    if (walk.style == YAML_BLOCK) {
        while (walk.from < walk.source.size && walk.source.at[walk.from] == ' ')
            walk.from++;
        walk.indent = walk.from - node->from;
    }
    while (walk.at < text_at && walk.from < walk.source.size)
        place_step(&walk);
    return walk.from;
}
