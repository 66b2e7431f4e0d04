#include "policy/yaml.h"

#include <libfyaml.h>

#include "base/text.h"
#include "policy/place.h"
#include "policy/trap.h"

/* The tree while it grows. The stack replaces recursion. */
struct yaml_builder {
    const struct yaml_file *file;
    struct arena *arena;
    struct yaml *root;
    struct yaml *stack[LIMIT_YAML_DEPTH];
    size_t depth;
    struct yaml *pending_key; /* in a map: read, its value comes next */
    size_t node_count;
    size_t document_count;
    size_t end; /* of the last thing read: an absent value is there */
    bool is_broken;
};

/* For mistakes found before there is a tree. */
static struct problem *yaml_fail(struct yaml_builder *builder, enum check_code code, size_t at)
{
    builder->is_broken = true;
    struct problem *problem = problems_add(builder->file->problems, code);
    place_problem(problem, builder->file, at);
    return problem;
}

const struct yaml *yaml_get(const struct yaml *map, struct slice key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (const struct yaml *node = map->first; node; node = node->next)
        if (slice_equal(node->key->text, key))
            return node;
    return NULL;
}

bool yaml_is_null(const struct yaml *node)
{
    return node->kind == YAML_TEXT && node->style == YAML_PLAIN &&
           (node->text.size == 0 || slice_is(node->text, "~") || slice_is(node->text, "null") ||
            slice_is(node->text, "Null") || slice_is(node->text, "NULL"));
}

/* Bytes that no text file has, and that editors and terminals show as something else. */
static bool yaml_bytes_are_good(struct yaml_builder *builder)
{
    struct slice source = builder->file->source;
    if (source.size > LIMIT_POLICY_FILE) {
        problem_message(builder->file->problems, yaml_fail(builder, IL005, 0),
                        "the file has %zu bytes; LIMIT_POLICY_FILE is %d", source.size,
                        LIMIT_POLICY_FILE);
        return false;
    }
    for (size_t at = 0; at < source.size;) {
        uint32_t code = 0;
        size_t size = text_utf8_decode(slice_from(source, at), &code);
        bool is_bad = size == 0 || (code < ' ' && code != '\n' && code != '\t' && code != '\r') ||
                      code == 0x7F || code == 0x85 || code == 0x2028 || code == 0x2029 ||
                      code == 0xFEFF ||
                      (code == '\r' && (at + 1 == source.size || source.at[at + 1] != '\n'));
        if (is_bad) {
            struct problem *problem = yaml_fail(builder, IL002, at);
            if (size == 0)
                problem_message(builder->file->problems, problem, "this is not UTF-8");
            else
                problem_message(builder->file->problems, problem,
                                "the character U+%04X must not be here", (unsigned)code);
            return false;
        }
        at += size;
    }
    return true;
}

static struct yaml *yaml_new(struct yaml_builder *builder, enum yaml_kind kind)
{
    if (++builder->node_count > LIMIT_YAML_NODES) {
        if (!builder->is_broken)
            problem_message(builder->file->problems, yaml_fail(builder, IL005, builder->end),
                            "more than %d values in one file (LIMIT_YAML_NODES)", LIMIT_YAML_NODES);
        return NULL;
    }
    struct yaml *node = ARENA_NEW(builder->arena, struct yaml);
    if (!node) {
        builder->is_broken = true;
        return NULL;
    }
    node->file = builder->file;
    node->kind = kind;
    return node;
}

static void yaml_refuse_twice(struct yaml_builder *builder, const struct yaml *map,
                              const struct yaml *key)
{
    const struct yaml *before = yaml_get(map, key->text);
    if (!before)
        return;
    int line = 0, column = 0;
    struct problem *problem = problems_add(builder->file->problems, IL004);
    place_problem(problem, builder->file, key->from);
    place_position(builder->file, before->key->from, &line, &column);
    problem_message(builder->file->problems, problem, "`%.*s` is here twice", SLICE_FMT(key->text));
    problem_note(builder->file->problems, problem, "the first one is in line %d", line);
}

/* Hangs the node where it belongs; a text in the place of a key becomes one. */
static void yaml_attach(struct yaml_builder *builder, struct yaml *node)
{
    if (builder->depth == 0) {
        if (!builder->root)
            builder->root = node;
        return;
    }
    struct yaml *parent = builder->stack[builder->depth - 1];
    node->parent = parent;
    if (parent->kind == YAML_MAP && !builder->pending_key) {
        if (node->kind != YAML_TEXT) {
            if (!builder->is_broken)
                problem_message(builder->file->problems, yaml_fail(builder, IL001, node->from),
                                "the name in a map must be a text");
            return;
        }
        yaml_refuse_twice(builder, parent, node);
        builder->pending_key = node;
        return;
    }
    node->key = builder->pending_key;
    builder->pending_key = NULL;
    node->index = parent->count++;
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
}

/* An absent value has no mark: it is where the last thing ended. */
static void yaml_set_mark(struct yaml_builder *builder, struct yaml *node,
                          const struct fy_mark *mark)
{
    node->from = builder->end;
    if (!mark)
        return;
    node->from = mark->input_pos;
    node->line = mark->line + 1;
    node->column = mark->column + 1;
}

static void yaml_open(struct yaml_builder *builder, struct fy_event *event, enum yaml_kind kind)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    struct yaml *node = yaml_new(builder, kind);
    if (!node)
        return;
    yaml_set_mark(builder, node, mark);
    node->is_flow = fy_event_get_node_style(event) == FYNS_FLOW;
    yaml_attach(builder, node);
    if (builder->depth == LIMIT_YAML_DEPTH) {
        problem_message(builder->file->problems, yaml_fail(builder, IL005, node->from),
                        "more than %d levels deep (LIMIT_YAML_DEPTH)", LIMIT_YAML_DEPTH);
        return;
    }
    if (!builder->is_broken)
        builder->stack[builder->depth++] = node;
}

static void yaml_close(struct yaml_builder *builder, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_end_mark(event);
    struct yaml *node = builder->stack[--builder->depth];
    bool has_mark = node->is_flow && mark;
    node->to = has_mark ? mark->input_pos : builder->end;
    builder->end = node->to;
}

static enum yaml_style yaml_style(struct fy_event *event)
{
    struct fy_token *token = fy_event_get_token(event);
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    if (style == FYSS_SINGLE_QUOTED)
        return YAML_SINGLE;
    if (style == FYSS_DOUBLE_QUOTED)
        return YAML_DOUBLE;
    return style == FYSS_LITERAL || style == FYSS_FOLDED ? YAML_BLOCK : YAML_PLAIN;
}

static void yaml_scalar(struct yaml_builder *builder, struct fy_event *event)
{
    struct fy_token *token = fy_event_get_token(event);
    const struct fy_mark *from = fy_event_start_mark(event), *to = fy_event_end_mark(event);
    struct yaml *node = yaml_new(builder, YAML_TEXT);
    if (!node)
        return;
    node->style = yaml_style(event);
    node->is_absent = !from;
    yaml_set_mark(builder, node, from);
    node->to = to ? to->input_pos : builder->end;
    node->is_flow = builder->depth > 0 && builder->stack[builder->depth - 1]->is_flow;
    builder->end = node->to;
    size_t size = 0;
    const char *text = token ? fy_token_get_text(token, &size) : NULL;
    if (size > 0 && text)
        node->text = arena_copy(builder->arena, slice_of(text, size));
    if (!text_is_utf8(node->text) || slice_find(node->text, '\0') < node->text.size) {
        problem_message(builder->file->problems, yaml_fail(builder, IL002, node->from),
                        "escapes that give no good text");
        return;
    }
    yaml_attach(builder, node);
}

static void yaml_refuse_feature(struct yaml_builder *builder, struct fy_token *token,
                                const char *name)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    size_t at = mark ? mark->input_pos : builder->end;
    if (at > 0 && builder->file->source.at[at - 1] != ' ' &&
        slice_find(SLICE("*&"), builder->file->source.at[at - 1]) < 2)
        at--; /* the mark is behind the sign */
    struct problem *problem = yaml_fail(builder, IL003, at);
    problem_message(builder->file->problems, problem, "%s are not read here", name);
    problem_help(builder->file->problems, problem,
                 "Write the value out where it is needed; a text that begins with *, & or ! needs "
                 "quotes.");
}

static void yaml_take(struct yaml_builder *builder, struct fy_event *event)
{
    struct fy_token *anchor = fy_event_get_anchor_token(event), *tag = NULL;
    if (event->type == FYET_ALIAS) {
        yaml_refuse_feature(builder, fy_event_get_token(event), "aliases (*name)");
        return;
    }
    if (anchor)
        yaml_refuse_feature(builder, anchor, "anchors (&name)");
    tag = fy_event_get_tag_token(event);
    if (tag && !builder->is_broken)
        yaml_refuse_feature(builder, tag, "tags (!name)");
    if (builder->is_broken)
        return;
    if (event->type == FYET_MAPPING_START)
        yaml_open(builder, event, YAML_MAP);
    else if (event->type == FYET_SEQUENCE_START)
        yaml_open(builder, event, YAML_LIST);
    else if (event->type == FYET_SCALAR)
        yaml_scalar(builder, event);
    else if (event->type == FYET_MAPPING_END || event->type == FYET_SEQUENCE_END)
        yaml_close(builder, event);
}

static void yaml_document(struct yaml_builder *builder, struct fy_event *event)
{
    if (++builder->document_count > 1) {
        const struct fy_mark *mark = fy_event_start_mark(event);
        problem_message(builder->file->problems,
                        yaml_fail(builder, IL003, mark ? mark->input_pos : builder->end),
                        "a second document is not read: one file, one policy");
    }
}

static bool yaml_quotes_are_good(struct yaml_builder *builder, struct slice line)
{
    size_t run = 0;
    if (slice_trim(line).size == 0 || slice_trim(line).at[0] == '#')
        return true;
    for (size_t i = 0; i < line.size; i++) {
        run = line.at[i] == '\'' ? run + 1 : 0;
        if (run <= LIMIT_YAML_QUOTES)
            continue;
        size_t at = (size_t)(line.at - builder->file->source.at) + i;
        problem_message(builder->file->problems, yaml_fail(builder, IL005, at),
                        "more than %d quotes in a row (LIMIT_YAML_QUOTES)", LIMIT_YAML_QUOTES);
        return false;
    }
    return true;
}

/* Blank lines in a row: libfyaml's time grows with their square. */
static bool yaml_lines_are_good(struct yaml_builder *builder)
{
    struct slice source = builder->file->source;
    size_t blank = 0;
    for (size_t at = 0; at < source.size;) {
        struct slice line = slice_from(source, at);
        line = slice_first(line, slice_find(line, '\n'));
        size_t used = 0;
        while (used < line.size && slice_find(SLICE(" \t\r"), line.at[used]) < 3)
            used++;
        blank = used == line.size ? blank + 1 : 0;
        if (blank > LIMIT_YAML_BLANK_LINES) {
            problem_message(builder->file->problems, yaml_fail(builder, IL005, at),
                            "more than %d blank lines in a row (LIMIT_YAML_BLANK_LINES)",
                            LIMIT_YAML_BLANK_LINES);
            return false;
        }
        if (!yaml_quotes_are_good(builder, line))
            return false;
        at += line.size + 1;
    }
    return true;
}

/* %YAML and %TAG change what the rest of the file means. */
static void yaml_refuse_directives(struct yaml_builder *builder)
{
    struct slice source = builder->file->source;
    for (size_t at = 0; at < source.size && !builder->is_broken;) {
        struct slice line = slice_from(source, at);
        line = slice_first(line, slice_find(line, '\n'));
        if (slice_starts(line, SLICE("%")))
            problem_message(builder->file->problems, yaml_fail(builder, IL003, at),
                            "directives (%%YAML, %%TAG) are not read here");
        if (slice_trim(line).size > 0 && slice_trim(line).at[0] != '#')
            return;
        at += line.size + 1;
    }
}

static void yaml_read_events(struct yaml_builder *builder, struct fy_parser *parser)
{
    struct fy_event *event = NULL;
    while (!builder->is_broken && (event = fy_parser_parse(parser)) != NULL) {
        if (event->type == FYET_DOCUMENT_START)
            yaml_document(builder, event);
        else if (event->type != FYET_STREAM_START && event->type != FYET_STREAM_END &&
                 event->type != FYET_DOCUMENT_END)
            yaml_take(builder, event);
        fy_parser_event_free(parser, event);
    }
}

/* Only the first complaint of the library: what follows it is noise. */
static void yaml_syntax(struct yaml_builder *builder, struct fy_diag *diag)
{
    void *iterator = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &iterator);
    size_t at = error ? place_offset(builder->file, error->line, error->column)
                      : builder->file->source.size;
    struct problem *problem = yaml_fail(builder, IL001, at);
    if (error && error->msg)
        problem_message(builder->file->problems, problem, "%s", error->msg);
    trap_explain_syntax(builder->file, problem);
}

static bool yaml_run(struct yaml_builder *builder)
{
    struct fy_diag_cfg settings;
    fy_diag_cfg_default(&settings);
    settings.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&settings);
    if (!diag)
        return false;
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE |
                                        FYPCF_DEFAULT_VERSION_1_2 | FYPCF_DISABLE_MMAP_OPT,
                               .diag = diag};
    struct fy_parser *parser = fy_parser_create(&cfg);
    struct slice source = builder->file->source;
    bool is_set = parser && fy_parser_set_string(parser, source.at, source.size) == 0;
    if (is_set) {
        yaml_read_events(builder, parser);
        if (!builder->is_broken && fy_parser_get_stream_error(parser))
            yaml_syntax(builder, diag);
    }
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return is_set;
}

const struct yaml *yaml_parse(const struct yaml_file *file, struct arena *arena)
{
    struct yaml_builder builder = {.file = file, .arena = arena};
    if (!yaml_bytes_are_good(&builder) || !yaml_lines_are_good(&builder))
        return NULL;
    yaml_refuse_directives(&builder);
    if (builder.is_broken)
        return NULL;
    if (file->source.size > 0 && !yaml_run(&builder) && !builder.is_broken)
        problem_message(file->problems, yaml_fail(&builder, IL005, 0), "out of memory");
    if (builder.is_broken)
        return NULL;
    if (!builder.root || (builder.root->kind == YAML_TEXT && yaml_is_null(builder.root)))
        builder.root = yaml_new(&builder, YAML_MAP);
    return builder.root;
}
