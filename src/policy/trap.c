#include "policy/trap.h"

#include "policy/place.h"

bool trap_is_bare_word(struct slice text)
{
    static const char *const words[] = {
        "y",  "Y",  "yes", "Yes", "YES", "n",    "N",    "no",   "No",    "NO",    "on",
        "On", "ON", "off", "Off", "OFF", "true", "True", "TRUE", "false", "False", "FALSE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is(text, words[i]))
            return true;
    return false;
}

static bool trap_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool trap_is_odd_number(struct slice text)
{
    if (text.size > 0 && (text.at[0] == '-' || text.at[0] == '+'))
        text = slice_from(text, 1);
    if (text.size < 2 || !trap_is_digit(text.at[0]))
        return false;
    bool has_odd = false;
    size_t digits = 0, colons = 0;
    for (size_t i = 0; i < text.size; i++) {
        digits += trap_is_digit(text.at[i]);
        colons += text.at[i] == ':';
        has_odd = has_odd || text.at[i] == '_';
    }
    if (digits == text.size)
        return text.at[0] == '0'; /* octal to some */
    if (text.at[0] == '0' && (text.at[1] == 'x' || text.at[1] == 'o' || text.at[1] == 'b'))
        return true;
    if (colons > 0 && digits + colons == text.size)
        return text.at[0] != '0' || colons > 1; /* base 60 to some */
    return has_odd && digits + 1 >= text.size - colons;
}

struct slice trap_quote(struct arena *arena, struct slice text)
{
    struct buf quoted;
    buf_init(&quoted, 2 * LIMIT_POLICY_FILE + 2);
    buf_add_byte(&quoted, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '\'')
            buf_add_byte(&quoted, '\'');
        buf_add_byte(&quoted, text.at[i]);
    }
    buf_add_byte(&quoted, '\'');
    struct slice result = arena_copy(arena, buf_slice(&quoted));
    buf_done(&quoted);
    return result;
}

/* NAME: VALUE of one source line, past dashes. */
struct trap_line {
    struct slice name, value;
    size_t value_at;
};

static bool trap_split(struct slice line, struct trap_line *out)
{
    size_t at = 0;
    while (at < line.size && (line.at[at] == ' ' || line.at[at] == '-'))
        at++;
    for (size_t i = at; i + 1 < line.size; i++) {
        if (line.at[i] != ':' || line.at[i + 1] != ' ')
            continue;
        size_t value = i + 1;
        while (value < line.size && line.at[value] == ' ')
            value++;
        struct slice rest = slice_from(line, value);
        while (rest.size > 0 && rest.at[rest.size - 1] == ' ')
            rest.size--;
        *out = (struct trap_line){slice_first(slice_from(line, at), i - at), rest, value};
        return true;
    }
    return false;
}

static bool trap_has(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.size <= text.size; i++)
        if (slice_starts(slice_from(text, i), part))
            return true;
    return false;
}

static bool trap_tells_tab(const struct yaml_file *file, struct problem *problem)
{
    for (int line = problem->line; line <= problem->line + 1; line++) {
        struct slice text = place_line(file, line);
        size_t at = 0;
        while (at < text.size && text.at[at] == ' ')
            at++;
        if (at == text.size || text.at[at] != '\t')
            continue;
        place_problem(problem, file, place_offset(file, line, (int)at + 1));
        problem_message(file->problems, problem, "a tab cannot indent YAML");
        problem_help(file->problems, problem, "Use spaces.");
        return true;
    }
    return false;
}

static void trap_tell_quotes(const struct yaml_file *file, struct problem *problem,
                             const struct trap_line *line)
{
    struct slice quoted = trap_quote(file->problems->arena, line->value);
    problem->code = IL006;
    problem_message(file->problems, problem, "this text needs quotes");
    problem->help = (struct slice){NULL, 0};
    problem_help(file->problems, problem, "Write  %.*s: %.*s", SLICE_FMT(line->name),
                 SLICE_FMT(quoted));
}

void trap_explain_syntax(const struct yaml_file *file, struct problem *problem)
{
    struct trap_line line;
    if (trap_tells_tab(file, problem))
        return;
    struct slice text = place_line(file, problem->line);
    if (!trap_split(text, &line) || line.value.size == 0)
        return;
    bool is_flow = line.value.at[0] == '{' || line.value.at[0] == '[';
    if (is_flow && trap_has(line.value, SLICE("${"))) {
        problem->code = IL006;
        problem_message(file->problems, problem, "a text with ${} between { } or [ ] needs quotes");
        problem_help(file->problems, problem,
                     "Put each such text in quotes, as in { to: '${input.email}' }, or write one "
                     "line for each.");
        return;
    }
    bool is_quote = line.value.at[0] == '"' || line.value.at[0] == '\'';
    bool is_sign = slice_find(SLICE("@`%|>*&!"), line.value.at[0]) < 8;
    size_t quotes = 0;
    for (size_t i = 0; i < line.value.size; i++)
        quotes += line.value.at[i] == line.value.at[0];
    bool goes_on = is_quote && quotes > 1 && line.value.at[line.value.size - 1] != line.value.at[0];
    if (is_sign || goes_on || (!is_flow && !is_quote && trap_has(line.value, SLICE(": ")))) {
        trap_tell_quotes(file, problem, &line);
        return;
    }
    problem_help(file->problems, problem,
                 "Look at the indentation, brackets and quotes of this line and its neighbours.");
}

bool trap_is_cut_at_hash(const struct yaml *node)
{
    struct slice rest = slice_from(node->file->source, node->to);
    return node->kind == YAML_TEXT && node->style == YAML_PLAIN && !node->is_absent &&
           rest.size > 2 && rest.at[0] == ' ' && rest.at[1] == '#' && rest.at[2] != ' ' &&
           rest.at[2] != '\n' && rest.at[2] != '\r' && rest.at[2] != '#' && rest.at[2] != '-';
}

/* In { } and [ ]: where the entries that have no value of their own end. */
static size_t trap_flow_end(const struct yaml *node)
{
    size_t end = node->to;
    for (const struct yaml *next = node->next; next; next = next->next) {
        if (next->key && next->is_absent)
            end = next->key->to;
        else if (!next->key && next->kind == YAML_TEXT && next->style == YAML_PLAIN)
            end = next->to;
        else
            break;
    }
    return end;
}

bool trap_was_cut(const struct yaml *node, struct slice *out_quoted)
{
    if (node->kind != YAML_TEXT || node->style != YAML_PLAIN || node->is_absent)
        return false;
    struct slice source = node->file->source;
    size_t end = node->to;
    if (node->is_flow)
        end = trap_flow_end(node);
    struct slice line = slice_from(source, node->to);
    line = slice_first(line, slice_find(line, '\n'));
    if (end == node->to && line.size > 1 && line.at[0] == ' ' && slice_trim(line).size > 0 &&
        slice_trim(line).at[0] == '#') {
        while (line.size > 0 && (line.at[line.size - 1] == '\r' || line.at[line.size - 1] == ' '))
            line.size--;
        end = node->to + line.size;
    }
    if (end == node->to)
        return false;
    *out_quoted = trap_quote(node->file->problems->arena,
                             slice_first(slice_from(source, node->from), end - node->from));
    return true;
}
