/* cli/curl: each line of curl.cases is a pasted command and what it means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/curl.h"

enum { LINE_MAX_SIZE = 8192 };

static void describe(const struct curl_command *request, struct buf *out)
{
    buf_add_fmt(out, "%.*s %.*s", SLICE_FMT(request->method), SLICE_FMT(request->url));
    for (size_t i = 0; i < request->header_count; i++)
        buf_add_fmt(out, " [%.*s: %.*s]", SLICE_FMT(request->headers[i].name),
                    SLICE_FMT(request->headers[i].value));
    if (request->user.size)
        buf_add_fmt(out, " user=%.*s", SLICE_FMT(request->user));
    if (request->body.size)
        buf_add_fmt(out, " %s=%.*s", request->is_form ? "form" : "json", SLICE_FMT(request->body));
    if (request->is_insecure)
        buf_add_text(out, " insecure");
}

/* "\n" in a case is the end of a line in the command, or in what is expected. */
static void unescape(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.size; i++) {
        bool is_end = text.at[i] == '\\' && i + 1 < text.size && text.at[i + 1] == 'n';
        buf_add_byte(out, is_end ? '\n' : text.at[i]);
        i += is_end;
    }
}

static bool run_line(struct slice line)
{
    struct arena arena;
    struct curl_command request;
    struct slice mistake;
    struct buf command, want, got;
    size_t bar = slice_find(line, '\t');
    arena_init(&arena, 4 * 1024 * 1024);
    buf_init(&command, LINE_MAX_SIZE);
    buf_init(&want, LINE_MAX_SIZE);
    buf_init(&got, LINE_MAX_SIZE);
    unescape(slice_first(line, bar), &command);
    unescape(slice_from(line, bar + 1), &want);
    /* Its own block of exactly that size: a read past the end is seen. */
    char *exact = malloc(command.size ? command.size : 1);
    assert_non_null(exact);
    memcpy(exact, buf_text(&command), command.size);
    if (curl_parse(slice_of(exact, command.size), &arena, &request, &mistake))
        describe(&request, &got);
    else
        buf_add_fmt(&got, "refused: %.*s", SLICE_FMT(mistake));
    bool is_good = slice_equal(buf_slice(&got), buf_slice(&want));
    if (!is_good)
        print_error("%s\n got  %s\n want %s\n", buf_text(&command), buf_text(&got),
                    buf_text(&want));
    free(exact);
    buf_done(&command);
    buf_done(&want);
    buf_done(&got);
    arena_done(&arena);
    return is_good;
}

static void test_cases(void **state)
{
    (void)state; /* none */
    const char *root = getenv("INTERLOCK_ROOT");
    struct buf path;
    buf_init(&path, 4096);
    buf_add_fmt(&path, "%s/tests/unit/curl.cases", root ? root : ".");
    FILE *file = fopen(buf_text(&path), "r");
    assert_non_null(file);
    buf_done(&path);
    char line[LINE_MAX_SIZE];
    size_t failed = 0, count = 0;
    while (fgets(line, sizeof line, file)) {
        struct slice text = slice_text(line);
        text.size -= text.size > 0 && text.at[text.size - 1] == '\n';
        if (text.size == 0 || text.at[0] == '#')
            continue;
        failed += !run_line(text);
        count++;
    }
    assert_int_equal(fclose(file), 0);
    assert_true(count > 0);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
