/* server/http_reader: each case is a line of http_reader.cases, cut in every way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/http_reader.h"

enum { LINE_SIZE = 4096, TEXT_SIZE = 256 * 1024, BODY_MAX = 1000, SHOWN_MAX = 40, CUTS_MAX = 600 };

/* Printable, or the size when it is long. */
static void show(struct buf *out, struct slice s)
{
    if (s.size > SHOWN_MAX) {
        buf_add_fmt(out, "#%zu", s.size);
        return;
    }
    for (size_t i = 0; i < s.size; i++)
        buf_add_byte(out, s.at[i] >= ' ' && s.at[i] < 0x7f ? s.at[i] : '.');
}

static void show_head(struct buf *out, const struct http_request *r)
{
    show(out, r->method);
    buf_add_byte(out, ' ');
    show(out, r->path);
    if (r->query.size > 0) {
        buf_add_byte(out, '?');
        show(out, r->query);
    }
    for (size_t i = 0; i < r->header_count; i++) {
        if (slice_is(r->headers[i].name, "host"))
            continue;
        buf_add_byte(out, ' ');
        show(out, r->headers[i].name);
        buf_add_byte(out, '=');
        show(out, r->headers[i].value);
    }
    buf_add_fmt(out, "%s%s%s", r->is_version_1_0 ? " 1.0" : "", r->wants_close ? " close" : "",
                r->expects_continue ? " continue" : "");
}

/* What the reader makes of the input, fed in pieces; and where a refusal was. */
struct run {
    struct http_reader reader;
    struct http_request request;
    struct buf out;
    size_t taken;
    bool has_head, is_refused;
};

static void run_init(struct run *run)
{
    *run = (struct run){0};
    http_request_init(&run->request);
    buf_init(&run->out, TEXT_SIZE);
    http_reader_begin(&run->reader, &run->request, BODY_MAX);
}

static void run_done(struct run *run)
{
    http_request_done(&run->request);
    buf_done(&run->out);
}

static void run_step(struct run *run, enum http_step step)
{
    switch (step) {
    case HTTP_MORE:
        return;
    case HTTP_HEAD:
        assert_false(run->has_head);
        run->has_head = true;
        return;
    case HTTP_WHOLE:
        assert_true(run->has_head);
        run->has_head = false;
        show_head(&run->out, &run->request); /* the trailers have not moved it */
        if (run->request.body.size > 0) {
            buf_add_text(&run->out, " \"");
            show(&run->out, buf_slice(&run->request.body));
            buf_add_byte(&run->out, '"');
        }
        buf_add_text(&run->out, "; ");
        http_reader_begin(&run->reader, &run->request, BODY_MAX);
        return;
    case HTTP_REFUSED:
        run->is_refused = true;
        buf_add_fmt(&run->out, "%d %s", http_reason_status(run->reader.reason),
                    http_reason_name(run->reader.reason));
        return;
    }
}

/* The piece is copied to a block of its own size, so that a read past its end is seen. */
static void run_feed(struct run *run, struct slice piece)
{
    char *copy = malloc(piece.size ? piece.size : 1);
    assert_non_null(copy);
    if (piece.size > 0)
        memcpy(copy, piece.at, piece.size);
    struct slice in = slice_of(copy, piece.size);
    enum http_step step = HTTP_HEAD;
    while (!run->is_refused && step != HTTP_MORE) {
        step = http_reader_read(&run->reader, &in);
        run_step(run, step);
    }
    run->taken += piece.size - in.size;
    free(copy);
}

static void run_end(struct run *run)
{
    struct slice more = SLICE("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    if (run->is_refused) { /* nothing is read after a refusal */
        assert_int_equal(http_reader_read(&run->reader, &more), HTTP_REFUSED);
        assert_int_equal(more.size, sizeof "GET / HTTP/1.1\r\nHost: h\r\n\r\n" - 1);
    }
    if (!run->is_refused && !http_reader_is_idle(&run->reader)) {
        buf_add_text(&run->out, "more");
    }
    while (run->out.size > 0 && run->out.at[run->out.size - 1] == ' ')
        buf_cut(&run->out, run->out.size - 1);
    assert_true(buf_ok(&run->out));
}

static size_t add_escape(struct buf *out, struct slice text)
{
    char hex[3] = {0};
    if (text.size == 0 || !text.at)
        return 1;
    switch (text.at[0]) {
    case 'r':
        buf_add_byte(out, '\r');
        return 1;
    case 'n':
        buf_add_byte(out, '\n');
        return 1;
    case 't':
        buf_add_byte(out, '\t');
        return 1;
    case '0':
        buf_add_byte(out, '\0');
        return 1;
    case 'p':
        buf_add_byte(out, '|');
        return 1;
    case 'E':
        buf_add_text(out, "\r\n");
        return 1;
    case 'V':
        buf_add_text(out, " HTTP/1.1\r\n");
        return 1;
    case 'H':
        buf_add_text(out, "Host: h\r\n");
        return 1;
    case 'x':
        memcpy(hex, text.at + 1, 2);
        buf_add_byte(out, (char)strtol(hex, NULL, 16));
        return 3;
    default:
        buf_add_byte(out, text.at[0]);
        return 1;
    }
}

/* Without the repeats. */
static void add_plain(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '\\')
            i += add_escape(out, slice_from(text, i + 1));
        else
            buf_add_byte(out, text.at[i]);
    }
}

/* The first "\*N{", not an escaped backslash before a star. */
static size_t find_repeat(struct slice text)
{
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.at[i] == '\\' && text.at[i + 1] == '*')
            return i;
        if (text.at[i] == '\\')
            i++;
    }
    return text.size;
}

static void unescape(struct buf *out, struct slice text)
{
    while (text.size > 0) {
        size_t repeat = find_repeat(text);
        add_plain(out, slice_first(text, repeat));
        text = slice_from(text, repeat);
        if (text.size == 0)
            break;
        size_t open = slice_find(text, '{');
        size_t close = slice_find(text, '}');
        uint64_t count = 0;
        assert_true(slice_to_u64(slice_of(text.at + 2, open - 2), 100000, &count));
        for (uint64_t i = 0; i < count; i++)
            add_plain(out, slice_of(text.at + open + 1, close - open - 1));
        text = slice_from(text, close + 1);
    }
    assert_true(buf_ok(out));
}

struct http_case {
    int number;
    struct slice name;
    struct buf input, want;
};

/* Ends the run; says what differs. */
static bool check_run(const struct http_case *c, struct run *run, size_t taken, const char *how)
{
    run_end(run);
    bool is_good = slice_equal(buf_slice(&run->out), buf_slice(&c->want)) && run->taken == taken;
    if (!is_good)
        print_error("http_reader.cases:%d (%.*s), %s:\n got  %s, %zu taken\n want %s, %zu\n",
                    c->number, SLICE_FMT(c->name), how, buf_text(&run->out), run->taken,
                    buf_text(&c->want), taken);
    run_done(run);
    return is_good;
}

static bool run_case(const struct http_case *c)
{
    struct slice input = buf_slice(&c->input);
    struct run run;
    run_init(&run);
    run_feed(&run, input);
    size_t taken = run.taken;
    if (!check_run(c, &run, taken, "whole"))
        return false;
    run_init(&run);
    for (size_t i = 0; i < input.size; i++)
        run_feed(&run, slice_of(input.at + i, 1));
    if (!check_run(c, &run, taken, "byte by byte"))
        return false;
    size_t stride = 1 + input.size / CUTS_MAX;
    for (size_t at = 0; at <= input.size; at += stride) {
        run_init(&run);
        run_feed(&run, slice_first(input, at));
        run_feed(&run, slice_from(input, at));
        if (!check_run(c, &run, taken, "cut")) {
            print_error(" cut at %zu\n", at);
            return false;
        }
    }
    return true;
}

static bool run_line(struct slice line, int number)
{
    size_t first = slice_find(line, '|');
    struct slice rest = slice_from(line, first + 1);
    size_t second = slice_find(rest, '|');
    assert_true(first < line.size && second < rest.size);
    struct http_case c = {.number = number, .name = slice_trim(slice_first(line, first))};
    buf_init(&c.input, TEXT_SIZE);
    buf_init(&c.want, TEXT_SIZE);
    unescape(&c.input, slice_trim(slice_first(rest, second)));
    unescape(&c.want, slice_trim(slice_from(rest, second + 1)));
    bool is_good = run_case(&c);
    buf_done(&c.input);
    buf_done(&c.want);
    return is_good;
}

static void cases_hold(void **state)
{
    (void)state;
    static char line[LINE_SIZE];
    const char *root = getenv("INTERLOCK_ROOT");
    (void)snprintf(line, sizeof line, "%s/tests/unit/http_reader.cases", root ? root : ".");
    FILE *file = fopen(line, "r");
    assert_non_null(file);
    int count = 0;
    int failed_count = 0;
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        struct slice text = slice_first(slice_text(line), strcspn(line, "\n"));
        if (text.size == 0 || text.at[0] == '#')
            continue;
        failed_count += !run_line(text, number);
        count++;
    }
    (void)fclose(file); /* only read */
    assert_true(count >= 200);
    assert_int_equal(failed_count, 0);
}

static void every_reason_has_a_status(void **state)
{
    (void)state;
    for (int i = HTTP_FINE + 1; i < HTTP_REASON_COUNT; i++) {
        enum http_reason reason = (enum http_reason)i;
        assert_true(http_reason_status(reason) >= 400);
        assert_true(slice_text(http_reason_text(reason)).size > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(every_reason_has_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
