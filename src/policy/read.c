#include "policy/read.h"

#include <stdlib.h>

#include "base/text.h"
#include "policy/near.h"
#include "policy/place.h"
#include "policy/trap.h"

struct problem *read_problem_in(struct load *load, enum check_code code, const struct yaml *node,
                                size_t text_at)
{
    struct problem *problem = problems_add(load->problems, code);
    place_problem_node(problem, node, place_of_text(node, text_at));
    return problem;
}

struct problem *read_problem(struct load *load, enum check_code code, const struct yaml *node)
{
    struct problem *problem = problems_add(load->problems, code);
    size_t at = node->from;
    if (node->kind == YAML_TEXT && (node->style == YAML_SINGLE || node->style == YAML_DOUBLE))
        at -= at > 0;
    place_problem_node(problem, node, at);
    return problem;
}

struct problem *read_problem_key(struct load *load, enum check_code code, const struct yaml *node)
{
    if (!node->key)
        return read_problem(load, code, node);
    struct problem *problem = problems_add(load->problems, code);
    place_problem_node(problem, node, node->key->from);
    return problem;
}

bool read_tells_cut(struct load *load, const struct yaml *node)
{
    struct slice quoted;
    if (!trap_was_cut(node, &quoted))
        return false;
    struct problem *problem = read_problem(load, IL006, node);
    problem_message(load->problems, problem,
                    "this text was cut and needs quotes: it ends at `%.*s`", SLICE_FMT(node->text));
    problem_help(load->problems, problem, "Write  %.*s", SLICE_FMT(quoted));
    return true;
}

struct origin read_origin(const struct yaml *node)
{
    const struct yaml *at = node->key ? node->key : node;
    return (struct origin){ORIGIN_FILE, node->file->name, at->line, at->column};
}

static const char *read_kind_name(const struct yaml *node)
{
    if (node->kind == YAML_MAP)
        return "a map (names with values)";
    if (node->kind == YAML_LIST)
        return "a list";
    return yaml_is_null(node) ? "nothing" : "a text";
}

static bool read_refuse_type(struct load *load, const struct yaml *node, const char *want)
{
    struct problem *problem = read_problem(load, IL012, node);
    problem_message(load->problems, problem, "%s is expected here, not %s", want,
                    read_kind_name(node));
    return false;
}

/* `- a ? b : c` is a map to YAML. */
static bool read_tells_colon(struct load *load, const struct yaml *node)
{
    if (node->kind != YAML_MAP || node->count != 1 || node->is_flow ||
        node->first->kind != YAML_TEXT ||
        slice_find(node->first->key->text, ' ') == node->first->key->text.size)
        return false;
    struct slice source = node->file->source;
    size_t from = node->first->key->from;
    struct slice quoted =
        trap_quote(load->arena, slice_first(slice_from(source, from), node->first->to - from));
    struct problem *problem = read_problem(load, IL006, node);
    problem_message(load->problems, problem, "this text was cut at `: ` and needs quotes");
    problem_help(load->problems, problem, "Write  %.*s", SLICE_FMT(quoted));
    return true;
}

bool read_is_text(struct load *load, const struct yaml *node)
{
    if (!node)
        return false;
    if (node->kind != YAML_TEXT)
        return read_tells_colon(load, node) ? false : read_refuse_type(load, node, "a text");
    if (yaml_is_null(node))
        return read_refuse_type(load, node, "a text");
    if (node->style == YAML_PLAIN && trap_is_bare_word(node->text)) {
        struct problem *problem = read_problem(load, IL007, node);
        problem_message(load->problems, problem, "`%.*s` is a text here, and a boolean to some",
                        SLICE_FMT(node->text));
        problem_help(load->problems, problem, "Write  '%.*s'", SLICE_FMT(node->text));
        return false;
    }
    return true;
}

bool read_text(struct load *load, const struct yaml *node, struct slice *out_text)
{
    if (!read_is_text(load, node))
        return false;
    if (trap_is_cut_at_hash(node)) {
        struct slice quoted;
        struct problem *problem = read_problem(load, IL008, node);
        problem_message(load->problems, problem,
                        "the text ends before ` #`: the rest of the line is a comment");
        if (trap_was_cut(node, &quoted))
            problem_help(load->problems, problem, "If it belongs to the text, write  %.*s",
                         SLICE_FMT(quoted));
    }
    *out_text = node->text;
    return true;
}

bool read_line(struct load *load, const struct yaml *node, struct slice *out_text)
{
    struct slice text;
    if (!read_text(load, node, &text))
        return false;
    if (text.size == 0 || slice_find(text, '\n') < text.size) {
        problem_message(load->problems, read_problem(load, IL013, node),
                        "one line of text is expected here");
        return false;
    }
    *out_text = text;
    return true;
}

static bool read_is_alnum(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

bool read_is_name(struct slice text)
{
    if (text.size == 0 || text.size > LIMIT_NAME || !read_is_alnum(text.at[0]))
        return false;
    for (size_t i = 1; i < text.size; i++)
        if (!read_is_alnum(text.at[i]) && slice_find(SLICE("-_."), text.at[i]) == 3)
            return false;
    return true;
}

bool read_name(struct load *load, const struct yaml *node, struct slice *out_name)
{
    if (!read_is_text(load, node))
        return false;
    if (!read_is_name(node->text)) {
        if (read_tells_cut(load, node))
            return false;
        struct problem *problem = read_problem(load, IL014, node);
        problem_message(load->problems, problem, "`%.*s` is not a good name",
                        SLICE_FMT(slice_first(node->text, LIMIT_NAME)));
        problem_help(load->problems, problem,
                     "Names have 1 to %d letters and digits, inside also - _ and a dot.",
                     LIMIT_NAME);
        return false;
    }
    *out_name = node->text;
    return true;
}

size_t read_former_count(struct load *load, const struct yaml *node, size_t count)
{
    if (count <= LIMIT_FORMER)
        return count;
    problem_message(load->problems, read_problem(load, IL014, node),
                    "at most %d former ones are looked up; there are %zu", LIMIT_FORMER, count);
    return LIMIT_FORMER;
}

void read_former(struct load *load, const struct yaml *node, struct slices *out_names)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count);
    struct slice *names = ARENA_ARRAY(load->arena, LIMIT_FORMER, struct slice);
    count = read_former_count(load, node, count);
    if (!names)
        return;
    out_names->at = names;
    for (; item && count > 0; item = item->next, count--)
        if (read_name(load, item, &names[out_names->count]))
            out_names->count++;
}

bool read_bool(struct load *load, const struct yaml *node, bool *out_value)
{
    if (!node)
        return false;
    bool is_plain = node->kind == YAML_TEXT && node->style == YAML_PLAIN;
    if (is_plain && (slice_is(node->text, "true") || slice_is(node->text, "false"))) {
        *out_value = slice_is(node->text, "true");
        return true;
    }
    if (!is_plain || !trap_is_bare_word(node->text))
        return read_refuse_type(load, node, "true or false");
    struct problem *problem = read_problem(load, IL007, node);
    problem_message(load->problems, problem, "write true or false, not `%.*s`",
                    SLICE_FMT(node->text));
    return false;
}

static bool read_refuse_range(struct load *load, const struct yaml *node, struct read_range range)
{
    struct problem *problem = read_problem(load, IL013, node);
    problem_message(load->problems, problem, "`%.*s` is not within %lld and %lld",
                    SLICE_FMT(node->text), (long long)range.min, (long long)range.max);
    return false;
}

bool read_int(struct load *load, const struct yaml *node, struct read_range range,
              int64_t *out_value)
{
    if (!read_is_text(load, node))
        return false;
    uint64_t value = 0;
    if (!slice_to_u64(node->text, INT64_MAX, &value) || trap_is_odd_number(node->text)) {
        problem_message(load->problems, read_problem(load, IL013, node),
                        "`%.*s` is not a whole number", SLICE_FMT(slice_first(node->text, 80)));
        return false;
    }
    if ((int64_t)value < range.min || (int64_t)value > range.max)
        return read_refuse_range(load, node, range);
    *out_value = (int64_t)value;
    return true;
}

bool read_duration(struct load *load, const struct yaml *node, struct read_range range,
                   int64_t *out_ms)
{
    if (!read_is_text(load, node))
        return false;
    int64_t ms = 0;
    if (!text_parse_duration(node->text, &ms)) {
        if (read_tells_cut(load, node))
            return false;
        struct problem *problem = read_problem(load, IL013, node);
        problem_message(load->problems, problem, "`%.*s` is not a duration",
                        SLICE_FMT(slice_first(node->text, 80)));
        problem_help(load->problems, problem,
                     "Write a whole number and ms, s, m, h or d: 500ms, 10s, 5m, 4h, 1d.");
        return false;
    }
    if (ms < range.min || ms > range.max) {
        struct buf min, max;
        buf_init(&min, 64);
        buf_init(&max, 64);
        text_add_duration(&min, range.min);
        text_add_duration(&max, range.max);
        problem_message(load->problems, read_problem(load, IL013, node),
                        "`%.*s` is not within %s and %s", SLICE_FMT(node->text), buf_text(&min),
                        buf_text(&max));
        buf_done(&min);
        buf_done(&max);
        return false;
    }
    *out_ms = ms;
    return true;
}

bool read_size(struct load *load, const struct yaml *node, struct read_range range,
               int64_t *out_bytes)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"", 1}, {"KB", 1024}, {"MB", 1024 * 1024}, {"GB", 1024 * 1024 * 1024}};
    if (!read_is_text(load, node))
        return false;
    size_t digits = 0;
    while (digits < node->text.size && node->text.at[digits] >= '0' && node->text.at[digits] <= '9')
        digits++;
    uint64_t count = 0;
    if (slice_to_u64(slice_first(node->text, digits), 1000000000, &count))
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (slice_is(slice_trim(slice_from(node->text, digits)), units[i].name)) {
                int64_t bytes = (int64_t)count * units[i].bytes;
                if (bytes < range.min || bytes > range.max)
                    return read_refuse_range(load, node, range);
                *out_bytes = bytes;
                return true;
            }
    struct problem *problem = read_problem(load, IL013, node);
    problem_message(load->problems, problem, "`%.*s` is not a size",
                    SLICE_FMT(slice_first(node->text, 80)));
    problem_help(load->problems, problem, "Write a whole number of bytes, or with KB, MB or GB.");
    return false;
}

bool read_percent(struct load *load, const struct yaml *node, double *out_share)
{
    if (!read_is_text(load, node))
        return false;
    struct slice text = node->text;
    uint64_t whole = 0, part = 0;
    double scale = 1;
    bool is_good = text.size > 1 && text.at[text.size - 1] == '%';
    struct slice number = slice_first(text, text.size - 1);
    size_t dot = slice_find(number, '.');
    is_good = is_good && slice_to_u64(slice_first(number, dot), 100, &whole);
    if (is_good && dot < number.size) {
        is_good =
            number.size - dot - 1 <= 6 && slice_to_u64(slice_from(number, dot + 1), 999999, &part);
        for (size_t i = dot + 1; i < number.size; i++)
            scale *= 10;
    }
    double share = ((double)whole + (double)part / scale) / 100;
    if (!is_good || share > 1) {
        problem_message(load->problems, read_problem(load, IL013, node),
                        "`%.*s` is not a share: write a number and %% (0 to 100), as in 5%%",
                        SLICE_FMT(slice_first(text, 80)));
        return false;
    }
    *out_share = share;
    return true;
}

void read_tell_near(struct problems *problems, struct problem *problem, const struct near *near)
{
    struct buf hint;
    buf_init(&hint, LIMIT_NAME * (NEAR_OFFERS + 2));
    near_add_hint(&hint, near);
    if (hint.size > 0)
        problem_help(problems, problem, "%s", buf_text(&hint));
    buf_done(&hint);
}

void read_tell_choices(struct problems *problems, struct problem *problem, struct slice got,
                       const char *const *names, size_t name_count)
{
    struct near near;
    struct buf all;
    near_init(&near, got);
    buf_init(&all, 4096);
    for (size_t i = 0; i < name_count; i++) {
        near_offer(&near, slice_text(names[i]));
        buf_add_fmt(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    if (near.best.size > 0)
        problem_help(problems, problem, "Did you mean `%.*s`?", SLICE_FMT(near.best));
    else
        problem_help(problems, problem, "One of: %s", buf_text(&all));
    buf_done(&all);
}

bool read_choice(struct load *load, const struct yaml *node, const char *const *names,
                 size_t name_count, size_t *out_index)
{
    if (!read_is_text(load, node))
        return false;
    for (size_t i = 0; i < name_count; i++)
        if (slice_is(node->text, names[i])) {
            *out_index = i;
            return true;
        }
    struct problem *problem = read_problem(load, IL013, node);
    problem_message(load->problems, problem, "`%.*s` is not possible here",
                    SLICE_FMT(slice_first(node->text, 80)));
    read_tell_choices(load->problems, problem, node->text, names, name_count);
    return false;
}

bool read_is_map(struct load *load, const struct yaml *node)
{
    if (!node)
        return false;
    return node->kind == YAML_MAP || read_refuse_type(load, node, "a map (names with values)");
}

bool read_is_list(struct load *load, const struct yaml *node)
{
    if (!node)
        return false;
    return node->kind == YAML_LIST || read_refuse_type(load, node, "a list");
}

/* In { }, an entry without a value is the rest of a text that was cut at a comma. */
static bool read_tells_comma(struct load *load, const struct yaml *node)
{
    if (!node->is_absent || !node->parent->is_flow || node->index == 0)
        return false;
    const struct yaml *before = node->parent->first;
    for (const struct yaml *other = before; other != node; other = other->next)
        if (!other->is_absent)
            before = other;
    for (const struct yaml *other = before->next; other != node; other = other->next)
        return true; /* told with the first rest */
    return read_tells_cut(load, before);
}

static void read_refuse_field(struct load *load, const struct yaml *node,
                              const struct fields *fields)
{
    if (read_tells_comma(load, node))
        return;
    struct problem *problem = read_problem_key(load, IL010, node);
    problem_message(load->problems, problem, "%s has no field `%.*s`", fields->what,
                    SLICE_FMT(slice_first(node->key->text, LIMIT_NAME)));
    read_tell_choices(load->problems, problem, node->key->text, fields->names, fields->count);
}

bool read_map(struct load *load, const struct yaml *node, const struct fields *fields,
              const struct yaml **at)
{
    for (size_t i = 0; i < fields->count; i++)
        at[i] = NULL;
    if (!read_is_map(load, node))
        return false;
    for (const struct yaml *child = node->first; child; child = child->next) {
        size_t i = 0;
        while (i < fields->count && !slice_is(child->key->text, fields->names[i]))
            i++;
        if (i == fields->count)
            read_refuse_field(load, child, fields);
        else if (!at[i])
            at[i] = child;
    }
    return true;
}

struct problem *read_missing(struct load *load, const struct yaml *map, const char *field,
                             const char *why)
{
    struct problem *problem = read_problem_key(load, IL011, map);
    problem_message(load->problems, problem, "`%s` is missing", field);
    if (why)
        problem_note(load->problems, problem, "%s", why);
    return problem;
}

const struct yaml *read_items(const struct yaml *node, size_t *out_count)
{
    *out_count = !node ? 0 : node->kind == YAML_LIST ? node->count : 1;
    return node && node->kind == YAML_LIST ? node->first : node;
}
