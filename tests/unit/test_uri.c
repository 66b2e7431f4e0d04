/* base/uri: each case is a line of uri.cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/uri.h"

enum { LINE_MAX_SIZE = 1000 };

static bool case_decode(struct slice input, struct buf *out)
{
    bool is_good = uri_decode(input, out);
    assert_int_equal(is_good, uri_decode_query(input, out));
    if (is_good)
        buf_cut(out, out->size / 2);
    return is_good;
}

static bool case_parameters(struct slice input, struct buf *out)
{
    struct slice name, value;
    while (uri_next_parameter(&input, &name, &value))
        buf_add_fmt(out, "%.*s=%.*s;", SLICE_FMT(name), SLICE_FMT(value));
    return true;
}

static bool case_encode(struct slice input, struct buf *out)
{
    uri_encode_segment(out, input);
    struct buf back;
    buf_init(&back, LINE_MAX_SIZE);
    bool has_nul = slice_find(input, '\0') < input.size;
    assert_int_equal(uri_decode(buf_slice(out), &back), !has_nul);
    assert_true(has_nul || slice_equal(buf_slice(&back), input));
    buf_done(&back);
    return true;
}

static bool case_dots(struct slice input, struct buf *out)
{
    buf_add_text(out, uri_is_dot_segment(input) ? "yes" : "no");
    return true;
}

static bool case_authority(struct slice input, struct buf *out)
{
    struct uri_authority a;
    if (!uri_split_authority(input, &a))
        return false;
    buf_add(out, a.host);
    if (a.has_port)
        buf_add_fmt(out, " %u", (unsigned)a.port);
    return true;
}

static bool case_split(struct slice input, struct buf *out)
{
    struct uri u;
    if (!uri_split(input, &u))
        return false;
    buf_add_fmt(out, "%s %.*s %u path=%.*s query=%.*s", u.is_https ? "https" : "http",
                SLICE_FMT(u.host), (unsigned)u.port, SLICE_FMT(u.path), SLICE_FMT(u.query));
    return true;
}

static bool case_loopback(struct slice input, struct buf *out)
{
    buf_add_text(out, uri_host_is_loopback(input) ? "yes" : "no");
    return true;
}

static const struct {
    const char *name;
    bool (*run)(struct slice input, struct buf *out);
} functions[] = {
    {"decode", case_decode},     {"parameters", case_parameters}, {"encode", case_encode},
    {"dots", case_dots},         {"authority", case_authority},   {"split", case_split},
    {"loopback", case_loopback},
};

/* Copies to an own block, so that a read past the end is seen. */
static struct slice unescape(struct slice text)
{
    char *at = malloc(text.size + 1);
    assert_non_null(at);
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] != '\\') {
            at[size++] = text.at[i];
        } else if (text.at[++i] == 'x') {
            char hex[3] = {text.at[i + 1], text.at[i + 2], '\0'};
            at[size++] = (char)strtol(hex, NULL, 16);
            i += 2;
        } else if (text.at[i] != 'N') {
            at[size++] = text.at[i];
        }
    }
    char *exact = realloc(at, size ? size : 1);
    assert_non_null(exact);
    return slice_of(exact, size);
}

static void run_line(struct slice line, int number)
{
    size_t first = slice_find(line, '|');
    struct slice rest = slice_from(line, first + 1);
    struct slice name = slice_trim(slice_first(line, first));
    size_t second = slice_find(rest, '|');
    struct slice input = unescape(slice_trim(slice_first(rest, second)));
    struct slice want = unescape(slice_trim(slice_from(rest, second + 1)));
    struct buf out;
    buf_init(&out, LINE_MAX_SIZE);
    size_t i = 0;
    while (i < sizeof functions / sizeof *functions && !slice_is(name, functions[i].name))
        i++;
    if (i == sizeof functions / sizeof *functions)
        fail_msg("uri.cases:%d: unknown function", number);
    if (!functions[i].run(input, &out)) {
        assert_int_equal(out.size, 0);
        buf_add_text(&out, "refused");
    }
    if (!slice_equal(buf_slice(&out), want))
        fail_msg("uri.cases:%d: got \"%s\", want \"%.*s\"", number, buf_text(&out),
                 SLICE_FMT(want));
    buf_done(&out);
    free((void *)(uintptr_t)input.at);
    free((void *)(uintptr_t)want.at);
}

static void cases_hold(void **state)
{
    (void)state;
    char path[LINE_MAX_SIZE], line[LINE_MAX_SIZE];
    const char *root = getenv("INTERLOCK_ROOT");
    (void)snprintf(path, sizeof path, "%s/tests/unit/uri.cases",
                   root ? root : "."); /* checked below */
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int count = 0;
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        struct slice text = slice_first(slice_text(line), strcspn(line, "\n"));
        if (text.size == 0 || text.at[0] == '#')
            continue;
        run_line(text, number);
        count++;
    }
    (void)fclose(file); /* only read */
    assert_true(count > 100);
}

static void decoding_is_all_or_nothing(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 5);
    buf_add_text(&out, "ab");
    assert_false(uri_decode(SLICE("cd%4"), &out));
    assert_true(uri_decode(SLICE("c%64"), &out));
    assert_string_equal(buf_text(&out), "abcd");
    assert_false(uri_decode(SLICE("ef"), &out));
    assert_false(buf_ok(&out));
    assert_string_equal(buf_text(&out), "abcd");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(decoding_is_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
