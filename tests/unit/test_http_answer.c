/* server/http_answer: the bytes of answers. Each case is a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/http_answer.h"

/* "!" = refused. "^" stands for the Date header's line. */
static const struct {
    const char *name;
    int status;
    const char *type, *header, *value, *body;
    enum http_framing framing;
    bool is_to_head, ends_connection;
    unsigned retry_after_s;
    const char *want;
} cases[] = {
    {"plain", 200, "a/b", NULL, NULL, "hi", HTTP_BY_LENGTH, false, false, 0,
     "HTTP/1.1 200 OK\r\n^Content-Type: a/b\r\nContent-Length: 2\r\n\r\nhi"},
    {"header", 201, "a/b", "Location", "/x?y=z", "hi", HTTP_BY_LENGTH, false, false, 0,
     "HTTP/1.1 201 Created\r\n^Content-Type: a/b\r\nContent-Length: 2\r\nLocation: "
     "/x?y=z\r\n\r\nhi"},
    {"no body", 404, "", NULL, NULL, "", HTTP_BY_LENGTH, false, false, 0,
     "HTTP/1.1 404 Not Found\r\n^Content-Length: 0\r\n\r\n"},
    {"unknown status", 299, "", NULL, NULL, "", HTTP_BY_LENGTH, false, false, 0,
     "HTTP/1.1 299 \r\n^Content-Length: 0\r\n\r\n"},
    {"to HEAD", 200, "a/b", NULL, NULL, "hi", HTTP_BY_LENGTH, true, false, 0,
     "HTTP/1.1 200 OK\r\n^Content-Type: a/b\r\nContent-Length: 2\r\n\r\n"},
    {"204 has no length", 204, "", NULL, NULL, "hi", HTTP_BY_LENGTH, false, false, 0,
     "HTTP/1.1 204 No Content\r\n^\r\n"},
    {"304 has no length", 304, "", "ETag", "\"a\"", "", HTTP_BY_CHUNKS, false, false, 0,
     "HTTP/1.1 304 Not Modified\r\n^ETag: \"a\"\r\n\r\n"},
    {"last and busy", 503, "", NULL, NULL, "", HTTP_BY_LENGTH, false, true, 7,
     "HTTP/1.1 503 Service Unavailable\r\n^Content-Length: 0\r\nConnection: close\r\n"
     "Retry-After: 7\r\n\r\n"},
    {"stream", 200, "a/b", NULL, NULL, "", HTTP_BY_CHUNKS, false, false, 0,
     "HTTP/1.1 200 OK\r\n^Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"stream to 1.0", 200, "a/b", NULL, NULL, "", HTTP_BY_END, false, true, 0,
     "HTTP/1.1 200 OK\r\n^Content-Type: a/b\r\nConnection: close\r\n\r\n"},
    {"UTF-8 in a value", 200, "", "X-A", "\xc3\xa9\t", "", HTTP_BY_LENGTH, false, false, 0,
     "HTTP/1.1 200 OK\r\n^Content-Length: 0\r\nX-A: \xc3\xa9\t\r\n\r\n"},
    {"CR LF in a value", 200, "", "X-A", "b\r\nX-B: c", "", HTTP_BY_LENGTH, false, false, 0, "!"},
    {"LF in a value", 200, "", "X-A", "b\n", "", HTTP_BY_LENGTH, false, false, 0, "!"},
    {"CR in a value", 200, "", "X-A", "\r", "", HTTP_BY_LENGTH, false, false, 0, "!"},
    {"DEL in a value", 200, "", "X-A", "\x7f", "", HTTP_BY_LENGTH, false, false, 0, "!"},
    {"LF in a type", 200, "a/b\n", NULL, NULL, "", HTTP_BY_LENGTH, false, false, 0, "!"},
    {"colon in a name", 200, "", "X:A", "b", "", HTTP_BY_LENGTH, false, false, 0, "!"},
    {"LF in a name", 200, "", "X\nA", "b", "", HTTP_BY_LENGTH, false, false, 0, "!"},
    {"no name", 200, "", "", "b", "", HTTP_BY_LENGTH, false, false, 0, "!"},
};

static void expand(struct buf *out, const char *want)
{
    for (; *want; want++)
        if (*want == '^')
            buf_add_text(out, "Date: D\r\n");
        else
            buf_add_byte(out, *want);
}

static void cases_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct door_header header = {slice_text(cases[i].header), slice_text(cases[i].value)};
        struct door_response response = {.status = cases[i].status,
                                         .headers = &header,
                                         .header_count = cases[i].header != NULL,
                                         .content_type = slice_text(cases[i].type),
                                         .body = slice_text(cases[i].body)};
        struct http_shape shape = {.date = SLICE("D"),
                                   .framing = cases[i].framing,
                                   .is_to_head = cases[i].is_to_head,
                                   .ends_connection = cases[i].ends_connection,
                                   .retry_after_s = cases[i].retry_after_s};
        struct buf out, want;
        buf_init(&out, 1000);
        buf_init(&want, 1000);
        buf_add_text(&out, "before ");
        buf_add_text(&want, "before ");
        bool is_added = http_answer_add(&out, &response, &shape);
        assert_int_equal(is_added, cases[i].want[0] != '!');
        if (is_added)
            expand(&want, cases[i].want);
        if (!slice_equal(buf_slice(&out), buf_slice(&want)))
            fail_msg("%s: got\n%s\nwant\n%s", cases[i].name, buf_text(&out), buf_text(&want));
        buf_done(&out);
        buf_done(&want);
    }
}

static void what_does_not_fit_leaves_no_trace(void **state)
{
    (void)state;
    struct door_response response = {.status = 200, .body = SLICE("0123456789")};
    struct http_shape shape = {.date = SLICE("D")};
    for (size_t max = 6; max < 70; max++) {
        struct buf out;
        buf_init(&out, max);
        buf_add_text(&out, "before");
        if (!http_answer_add(&out, &response, &shape)) {
            assert_true(buf_ok(&out));
            assert_string_equal(buf_text(&out), "before");
        }
        buf_done(&out);
    }
}

static void chunks_and_dates_are_spelt(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    http_answer_add_chunk(&out, SLICE("0123456789abcdefg"));
    http_answer_add_chunk(&out, SLICE(""));
    http_answer_add_last_chunk(&out);
    assert_string_equal(buf_text(&out), "11\r\n0123456789abcdefg\r\n0\r\n\r\n");
    buf_reset(&out);
    http_answer_add_date(&out, 784111777999);
    assert_string_equal(buf_text(&out), "Sun, 06 Nov 1994 08:49:37 GMT");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(what_does_not_fit_leaves_no_trace),
        cmocka_unit_test(chunks_and_dates_are_spelt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
