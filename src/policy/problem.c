#include "policy/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

enum { PROBLEM_TEXT_MAX = 4096, PROBLEM_LINE_SHOWN = 160 };

void problems_init(struct problems *problems, struct arena *arena)
{
    *problems = (struct problems){.arena = arena};
    problems->items = ARENA_ARRAY(arena, LIMIT_PROBLEMS, struct problem);
}

struct problem *problems_add(struct problems *problems, enum check_code code)
{
    struct problem *problem = &problems->spare;
    if (problems->items && problems->count < LIMIT_PROBLEMS)
        problem = &problems->items[problems->count++];
    else
        problems->dropped_count++;
    struct catalogue_entry entry = catalogue_entry(code);
    *problem = (struct problem){
        .code = code, .severity = entry.severity, .message = slice_text(entry.title)};
    if (entry.severity == SEVERITY_ERROR)
        problems->error_count++;
    return problem;
}

void problem_set_severity(struct problems *problems, struct problem *problem,
                          enum severity severity)
{
    if (problem->severity == SEVERITY_ERROR)
        problems->error_count--;
    if (severity == SEVERITY_ERROR)
        problems->error_count++;
    problem->severity = severity;
}

/* Bytes that are no text (a name cut within a character, a file that is not UTF-8) become U+FFFD;
 * control characters, which would move the terminal's cursor, blanks. */
static void problem_add_visible(struct buf *out, struct slice text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = text_utf8_size(slice_from(text, at));
        unsigned char byte = (unsigned char)text.at[at];
        if (size == 0)
            buf_add_text(out, "\xEF\xBF\xBD");
        else if (byte < ' ' || byte == 0x7F)
            buf_add_byte(out, ' ');
        else
            buf_add(out, slice_first(slice_from(text, at), size));
        at += size > 0 ? size : 1;
    }
}

__attribute__((format(printf, 2, 0))) static struct slice
problem_format(struct problems *problems, const char *format, va_list list)
{
    char text[PROBLEM_TEXT_MAX];
    int size = vsnprintf(text, sizeof text, format, list);
    struct slice made = slice_of(text, size < 0 ? 0 : (size_t)size);
    made = slice_first(made, sizeof text - 1);
    if (text_is_utf8(made) && slice_find(made, '\0') == made.size)
        return arena_copy(problems->arena, made);
    struct buf clean;
    buf_init(&clean, 3 * sizeof text);
    problem_add_visible(&clean, made);
    made = arena_copy(problems->arena, buf_slice(&clean));
    buf_done(&clean);
    return made;
}

void problem_message(struct problems *problems, struct problem *problem, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    problem->message = problem_format(problems, format, list);
    va_end(list);
}

void problem_note(struct problems *problems, struct problem *problem, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    problem->note = problem_format(problems, format, list);
    va_end(list);
}

void problem_help(struct problems *problems, struct problem *problem, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    struct slice line = problem_format(problems, format, list);
    va_end(list);
    if (problem->help.size > 0)
        line = arena_fmt(problems->arena, "%.*s\n%.*s", SLICE_FMT(problem->help), SLICE_FMT(line));
    problem->help = line;
}

static bool problem_is_before(const struct problem *a, const struct problem *b)
{
    if (a->order != b->order)
        return a->order < b->order;
    if (a->line != b->line)
        return a->line < b->line;
    if (a->column != b->column)
        return a->column < b->column;
    return a->severity < b->severity; /* errors first */
}

void problems_sort(struct problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        struct problem moved = problems->items[i];
        size_t at = i;
        for (; at > 0 && problem_is_before(&moved, &problems->items[at - 1]); at--)
            problems->items[at] = problems->items[at - 1];
        problems->items[at] = moved;
    }
}

/* The source line, cut to a window around the column when it is very long. */
static void problem_add_source(struct buf *out, const struct problem *problem)
{
    struct slice line = problem->source_line;
    size_t start = 0, column = 1, before = 0, shown = 0;
    size_t target = problem->column > 0 ? (size_t)problem->column : 1;
    while (target > column + PROBLEM_LINE_SHOWN / 2 && start < line.size) {
        size_t size = text_utf8_size(slice_from(line, start));
        start += size ? size : 1;
        column++;
    }
    buf_add_fmt(out, "%5d | %s", problem->line, start > 0 ? "…" : "");
    before = target - column + (start > 0 ? 1 : 0);
    size_t end = start;
    for (; end < line.size && shown < PROBLEM_LINE_SHOWN; shown++) {
        size_t size = text_utf8_size(slice_from(line, end));
        end += size ? size : 1;
    }
    problem_add_visible(out, slice_first(slice_from(line, start), end - start));
    buf_add_text(out, end < line.size ? "…\n" : "\n");
    buf_add_fmt(out, "      | %*s^", (int)before, "");
    if (problem->note.size > 0)
        buf_add_fmt(out, " %.*s", SLICE_FMT(problem->note));
    buf_add_byte(out, '\n');
}

void problem_add_text(struct buf *out, const struct problem *problem)
{
    if (problem->file.size > 0)
        buf_add_fmt(out, "%.*s:", SLICE_FMT(problem->file));
    if (problem->line > 0)
        buf_add_fmt(out, "%d:%d:", problem->line, problem->column);
    buf_add_fmt(out, "%s%s %s: ", problem->file.size > 0 ? " " : "",
                severity_name(problem->severity), catalogue_entry(problem->code).code);
    problem_add_visible(out, problem->message);
    buf_add_byte(out, '\n');
    if (problem->line > 0)
        problem_add_source(out, problem);
    else if (problem->note.size > 0)
        buf_add_fmt(out, "  %.*s\n", SLICE_FMT(problem->note));
    for (struct slice rest = problem->help; rest.size > 0;) {
        struct slice line = slice_first(rest, slice_find(rest, '\n'));
        buf_add_fmt(out, "  %.*s\n", SLICE_FMT(line));
        rest = slice_from(rest, line.size + 1);
    }
}

static size_t problems_of(const struct problems *problems, enum severity severity)
{
    size_t count = 0;
    for (size_t i = 0; i < problems->count; i++)
        count += problems->items[i].severity == severity;
    return count;
}

static void problems_add_count(struct buf *out, size_t count, const char *word, bool is_first)
{
    if (count == 0)
        return;
    buf_add_fmt(out, "%s%zu %s%s", is_first ? "" : ", ", count, word, count == 1 ? "" : "s");
}

void problems_add_text(struct buf *out, const struct problems *problems)
{
    static const enum severity order[] = {SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE};
    for (size_t s = 0; s < sizeof order / sizeof *order; s++) /* what must be mended comes first */
        for (size_t i = 0; i < problems->count; i++)
            if (problems->items[i].severity == order[s])
                problem_add_text(out, &problems->items[i]);
    if (problems->dropped_count > 0)
        buf_add_fmt(out, "… and %zu more\n", problems->dropped_count);
    if (problems->count == 0)
        return;
    size_t warnings = problems_of(problems, SEVERITY_WARNING);
    problems_add_count(out, problems->error_count, "error", true);
    problems_add_count(out, warnings, "warning", problems->error_count == 0);
    problems_add_count(out, problems_of(problems, SEVERITY_NOTE), "note",
                       problems->error_count + warnings == 0);
    buf_add_byte(out, '\n');
}

static void problem_add_member(struct buf *out, const char *name, struct slice text)
{
    buf_add_fmt(out, ",\"%s\":", name);
    buf_add_json_text(out, text);
}

static void problem_add_json(struct buf *out, const struct problem *problem)
{
    buf_add_fmt(out, "{\"code\":\"%s\",\"severity\":\"%s\"", catalogue_entry(problem->code).code,
                severity_name(problem->severity));
    problem_add_member(out, "file", problem->file);
    buf_add_fmt(out, ",\"line\":%d,\"column\":%d", problem->line, problem->column);
    problem_add_member(out, "message", problem->message);
    problem_add_member(out, "note", problem->note);
    problem_add_member(out, "help", problem->help);
    problem_add_member(out, "pointer", problem->pointer);
    buf_add_byte(out, '}');
}

void problems_add_json(struct buf *out, const struct problems *problems)
{
    buf_add_text(out, "{\"problems\":[");
    for (size_t i = 0; i < problems->count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        problem_add_json(out, &problems->items[i]);
    }
    buf_add_fmt(out, "],\"errors\":%zu,\"warnings\":%zu,\"notes\":%zu,\"dropped\":%zu}",
                problems->error_count, problems_of(problems, SEVERITY_WARNING),
                problems_of(problems, SEVERITY_NOTE), problems->dropped_count);
}
