/* api: each case is a line of api.cases: a request, and what its answer must have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <jansson.h>

#include "api/openapi.h"
#include "api/routes.h"
#include "api_fake.h"

enum { LINE_MAX_SIZE = 8192, BODY_MAX_SIZE = 2 << 20, FIELDS = 7 };
enum { F_NAME, F_TOKEN, F_REQUEST, F_HEADERS, F_BODY, F_STATUS, F_WANT };

/* Splits at " | " (F_WANT takes the rest). */
static bool split_line(struct slice line, struct slice out[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        size_t at = 0;
        while (at + 3 <= line.size && memcmp(line.at + at, " | ", 3) != 0)
            at++;
        bool is_last = at + 3 > line.size;
        if (is_last != (i == FIELDS - 1))
            return false;
        out[i] = slice_trim(is_last ? line : slice_first(line, at));
        line = slice_from(line, at + 3);
    }
    return true;
}

/* The next part before " ~ ". */
static bool next_part(struct slice *rest, struct slice *out_part)
{
    size_t at = 0;
    if (rest->size == 0)
        return false;
    while (at + 3 <= rest->size && memcmp(rest->at + at, " ~ ", 3) != 0)
        at++;
    if (at + 3 > rest->size)
        at = rest->size;
    *out_part = slice_trim(slice_first(*rest, at));
    *rest = slice_from(*rest, at + 3);
    return true;
}

/* \xNN and "@deep N", "@long N" (a run with a text of N bytes), "@lines N" (N submits). */
static void make_body(struct slice text, struct buf *out)
{
    unsigned size = 0;
    if (sscanf(text.at, "@deep %u", &size) == 1) {
        buf_add_text(out, "{\"input\":");
        for (unsigned i = 0; i < size; i++)
            buf_add_text(out, "[");
        for (unsigned i = 0; i < size; i++)
            buf_add_text(out, "]");
        buf_add_text(out, "}");
        return;
    }
    if (sscanf(text.at, "@long %u", &size) == 1) {
        buf_add_text(out, "{\"input\":{},\"run\":\"");
        for (unsigned i = 0; i < size; i++)
            buf_add_byte(out, 'r');
        buf_add_text(out, "\"}");
        return;
    }
    if (sscanf(text.at, "@lines %u", &size) == 1) {
        for (unsigned i = 0; i < size; i++)
            buf_add_text(out, "{\"key\":\"done\",\"input\":{}}\n");
        return;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '\\' && i + 3 < text.size && text.at[i + 1] == 'x') {
            char hex[3] = {text.at[i + 2], text.at[i + 3], '\0'};
            buf_add_byte(out, (char)strtol(hex, NULL, 16));
            i += 3;
        } else {
            buf_add_byte(out, text.at[i]);
        }
    }
}

static void add_headers(struct fake_exchange *exchange, struct slice token, struct slice headers,
                        char *authorization, size_t size)
{
    struct slice part;
    if (token.size > 0) {
        (void)snprintf(authorization, size, "Bearer t-%.*s", SLICE_FMT(token)); /* short names */
        fake_exchange_header(exchange, SLICE("authorization"), slice_text(authorization));
    }
    while (next_part(&headers, &part)) {
        size_t colon = slice_find(part, ':');
        fake_exchange_header(exchange, slice_first(part, colon),
                             slice_trim(slice_from(part, colon + 1)));
    }
}

static bool has_part(struct slice all, struct slice part)
{
    bool is_not = part.size > 0 && part.at[0] == '!';
    part = slice_from(part, is_not);
    bool is_there = false;
    for (size_t i = 0; part.size <= all.size && i <= all.size - part.size && !is_there; i++)
        is_there = memcmp(all.at + i, part.at, part.size) == 0;
    return is_there != is_not;
}

static void check_answer(const struct fake *fake, const struct fake_exchange *exchange,
                         const struct slice field[FIELDS], int number)
{
    struct buf all;
    uint64_t status = 0;
    buf_init(&all, BODY_MAX_SIZE);
    buf_add_fmt(&all, "%s\n%.*s\nSAW %s CALLS %d", buf_text(&exchange->head),
                (int)exchange->body.size, buf_text(&exchange->body), fake->saw, fake->calls);
    assert_true(slice_to_u64(field[F_STATUS], 999, &status));
    if (exchange->answers != 1 || exchange->status != (int)status)
        fail_msg("api.cases:%d (%.*s): %d answers, status %d, want %d\n%s", number,
                 SLICE_FMT(field[F_NAME]), exchange->answers, exchange->status, (int)status,
                 buf_text(&all));
    struct slice rest = field[F_WANT], part;
    while (next_part(&rest, &part))
        if (!has_part(buf_slice(&all), part))
            fail_msg("api.cases:%d (%.*s): no \"%.*s\" in\n%s", number, SLICE_FMT(field[F_NAME]),
                     SLICE_FMT(part), buf_text(&all));
    if (exchange->status >= 400 &&
        !has_part(buf_slice(&all), SLICE("Content-Type: application/problem+json")) &&
        !has_part(buf_slice(&all), SLICE("\"ready\":false")))
        fail_msg("api.cases:%d: no problem+json\n%s", number, buf_text(&all));
    buf_done(&all);
}

static void run_case(const struct slice field[FIELDS], int number)
{
    struct fake fake;
    struct fake_exchange exchange;
    struct buf body, headers;
    char authorization[LIMIT_NAME];
    fake_init(&fake);
    struct api *api = api_new(&fake.port, &(struct api_options){.version = SLICE("1.2.3")});
    struct door_handler handler = api_handler(api);
    size_t space = slice_find(field[F_REQUEST], ' ');
    buf_init(&body, BODY_MAX_SIZE);
    buf_init(&headers, BODY_MAX_SIZE);
    make_body(field[F_BODY], &body);
    make_body(field[F_HEADERS], &headers);
    char *exact = malloc(body.size ? body.size : 1); /* a read past the end is seen */
    assert_non_null(exact);
    if (body.size > 0)
        memcpy(exact, body.at, body.size);
    struct slice target = slice_from(field[F_REQUEST], space + 1);
    fake_exchange_init(&exchange, slice_first(field[F_REQUEST], space), target,
                       slice_of(exact, body.size));
    exchange.request.is_loopback_peer = !slice_is(field[F_TOKEN], "-far");
    bool has_token = exchange.request.is_loopback_peer && !slice_is(field[F_TOKEN], "-");
    add_headers(&exchange, has_token ? field[F_TOKEN] : (struct slice){0}, buf_slice(&headers),
                authorization, sizeof authorization);
    handler.handle(handler.impl, &exchange.door);
    check_answer(&fake, &exchange, field, number);
    fake_exchange_done(&exchange);
    free(exact);
    buf_done(&headers);
    buf_done(&body);
    api_free(api);
}

static void cases_hold(void **state)
{
    (void)state;
    char path[LINE_MAX_SIZE], line[LINE_MAX_SIZE];
    const char *root = getenv("INTERLOCK_ROOT");
    const char *only = getenv("CASE"); /* CASE='name' runs only that one */
    (void)snprintf(path, sizeof path, "%s/tests/unit/api.cases",
                   root ? root : "."); /* checked below */
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int count = 0;
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        struct slice text = slice_first(slice_text(line), strcspn(line, "\n"));
        struct slice field[FIELDS];
        if (text.size == 0 || text.at[0] == '#')
            continue;
        line[text.size] = '\0';
        if (!split_line(text, field))
            fail_msg("api.cases:%d: not 7 fields", number);
        if (only && !slice_is(field[F_NAME], only))
            continue;
        run_case(field, number);
        count++;
    }
    (void)fclose(file); /* only read */
    assert_true(only || count > 150);
}

/* One request to a fake that stays: for what is answered later. */
struct talk {
    struct fake fake;
    struct api *api;
    struct door_handler handler;
    struct fake_exchange exchange;
};

static void talk_begin_with(struct talk *talk, const char *method, const char *target,
                            struct slice body, const struct door_header *header)
{
    fake_init(&talk->fake);
    talk->api = api_new(&talk->fake.port, &(struct api_options){.version = SLICE("1")});
    talk->handler = api_handler(talk->api);
    bool is_post = strcmp(method, "POST") == 0;
    fake_exchange_init(&talk->exchange, slice_text(method), slice_text(target), body);
    fake_exchange_header(&talk->exchange, SLICE("authorization"),
                         is_post ? SLICE("Bearer t-billing-cron") : SLICE("Bearer t-ben"));
    if (header)
        fake_exchange_header(&talk->exchange, header->name, header->value);
    talk->handler.handle(talk->handler.impl, &talk->exchange.door);
}

static void talk_begin(struct talk *talk, const char *method, const char *target, const char *key)
{
    struct door_header header = {SLICE("idempotency-key"), slice_text(key)};
    bool is_post = strcmp(method, "POST") == 0;
    talk_begin_with(talk, method, target, is_post ? SLICE("{\"input\":{}}") : (struct slice){0},
                    key ? &header : NULL);
}

static void talk_end(struct talk *talk)
{
    assert_int_equal(talk->exchange.answers, 1);
    fake_exchange_done(&talk->exchange);
    api_free(talk->api);
}

static bool talk_has(const struct talk *talk, const char *part)
{
    return has_part(buf_slice(&talk->exchange.body), slice_text(part));
}

static const char submit_path[] = "/v1/workflows/invoice-reminders/steps/send_reminder/actions";

static void a_late_answer_is_one_answer(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk, "POST", submit_path, "later");
    assert_int_equal(talk.exchange.answers, 0);
    fake_done(&talk.fake, 1, talk.fake.later, talk.fake.later_arg, false);
    assert_int_equal(talk.exchange.status, 200);
    talk_end(&talk);
}

/* R30: a disconnect never cancels; the wait is given up, the exchange is let go. */
static void who_goes_away_is_forgotten(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk, "POST", submit_path, "later");
    talk.exchange.door.on_gone(&talk.exchange.door);
    assert_int_equal(talk.fake.forgotten, 1);
    talk_end(&talk);
}

/* So of each line that waits, and each only once. */
static void who_sent_lines_and_goes_away_is_forgotten(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin_with(&talk, "POST", submit_path,
                    SLICE("{\"key\":\"later\",\"input\":{}}\n{\"key\":\"done\",\"input\":{}}\n"
                          "{\"key\":\"later\",\"input\":{}}\n"),
                    &(struct door_header){SLICE("content-type"), SLICE("application/x-ndjson")});
    assert_int_equal(talk.exchange.answers, 0);
    talk.exchange.door.on_gone(&talk.exchange.door);
    assert_int_equal(talk.fake.forgotten, 2);
    talk_end(&talk);
}

static void the_log_is_followed(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk, "GET", "/v1/decisions?follow=1&from=11", NULL);
    assert_true(talk.exchange.is_streaming);
    assert_true(talk_has(&talk, "{\"seq\":12,") && !talk_has(&talk, "{\"seq\":10,"));
    talk.fake.head = 14;
    talk.fake.on_record(talk.fake.follow_arg, 13);
    assert_true(talk_has(&talk, "{\"seq\":14,"));
    size_t size = talk.exchange.body.size;
    talk.fake.on_record(talk.fake.follow_arg, 14); /* told already */
    assert_int_equal(talk.exchange.body.size, size);
    talk.exchange.door.on_gone(&talk.exchange.door);
    assert_null(talk.fake.on_record);
    talk_end(&talk);
}

/* R30: bounded, never a growing queue; the reader goes on from what it saw. */
static void a_slow_reader_is_ended(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk, "GET", "/v1/decisions?follow=1", NULL);
    assert_int_equal(talk.exchange.body.size, 0); /* from the head on */
    talk.exchange.is_slow = true;
    talk.fake.head = 13;
    talk.fake.on_record(talk.fake.follow_arg, 13);
    assert_null(talk.fake.on_record);
    talk_end(&talk);
}

static void a_stream_begins_near_the_head(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk, "GET", "/v1/decisions?follow=1&from=1", NULL);
    talk.exchange.door.on_gone(&talk.exchange.door);
    talk_end(&talk);
    fake_init(&talk.fake);
    talk.fake.head = 5000;
    talk.api = api_new(&talk.fake.port, &(struct api_options){.version = SLICE("1")});
    talk.handler = api_handler(talk.api);
    fake_exchange_init(&talk.exchange, SLICE("GET"), SLICE("/v1/decisions?follow=1&from=1"),
                       (struct slice){0});
    fake_exchange_header(&talk.exchange, SLICE("authorization"), SLICE("Bearer t-ben"));
    talk.handler.handle(talk.handler.impl, &talk.exchange.door);
    assert_int_equal(talk.exchange.status, 400);
    assert_true(talk_has(&talk, "which is 5000"));
    talk_end(&talk);
}

static void ask_again(struct talk *talk, const char *target)
{
    fake_exchange_done(&talk->exchange);
    fake_exchange_init(&talk->exchange, SLICE("GET"), slice_text(target), (struct slice){0});
    fake_exchange_header(&talk->exchange, SLICE("authorization"), SLICE("Bearer t-ben"));
    talk->handler.handle(talk->handler.impl, &talk->exchange.door);
    assert_int_equal(talk->exchange.answers, 1);
}

/* R25: a proof is many short reads; who lets it lie loses it to others. */
static void a_proof_goes_on_by_its_cursor(void **state)
{
    (void)state;
    struct talk talk;
    char target[128];
    talk_begin(&talk, "GET", "/v1/inbox", NULL);
    talk.fake.head = 100000;
    ask_again(&talk, "/v1/decisions/verify");
    json_t *first = json_loadb(talk.exchange.body.at, talk.exchange.body.size, 0, NULL);
    const char *cursor = json_string_value(json_object_get(first, "next"));
    assert_non_null(cursor);
    (void)snprintf(target, sizeof target, "/v1/decisions/verify?cursor=%s", cursor); /* short */
    for (int i = 0; i < 1000 && !talk_has(&talk, "\"next\":null"); i++)
        ask_again(&talk, target);
    assert_true(talk_has(&talk, "\"records\":100000"));
    ask_again(&talk, target); /* it has ended */
    assert_int_equal(talk.exchange.status, 404);
    json_decref(first);
    talk_end(&talk);
}

/* R30: the order of the lanes. */
static void lanes_are_known_before_the_body(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        enum door_lane lane;
    } rows[] = {{"POST", "/v1/stops", DOOR_LANE_STOP},
                {"GET", "/v1/stops/s_0000000000001", DOOR_LANE_STOP},
                {"POST", "/v1/actions/a_0000000000001/outcome", DOOR_LANE_OUTCOME},
                {"POST", "/v1/actions/a_0000000000001/begin", DOOR_LANE_OUTCOME},
                {"POST", "/v1/reviews/r_0000000000001.1/verdict", DOOR_LANE_VERDICT},
                {"POST", "/v1/actions/a_0000000000001/resolve", DOOR_LANE_VERDICT},
                {"POST", "/v1/incidents/i_0000000000001/restart", DOOR_LANE_VERDICT},
                {"POST", "/v1/incidents/i_0000000000001/approve", DOOR_LANE_VERDICT},
                {"POST", "/v1/workflows/w/steps/s/actions", DOOR_LANE_ADMISSION},
                {"GET", "/v1/actions", DOOR_LANE_READ},
                {"HEAD", "/v1/actions", DOOR_LANE_READ},
                {"GET", "/nowhere", DOOR_LANE_READ},
                {"DELETE", "/v1/stops", DOOR_LANE_READ}};
    struct fake fake;
    fake_init(&fake);
    struct api *api = api_new(&fake.port, &(struct api_options){.version = SLICE("1")});
    struct door_handler handler = api_handler(api);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            handler.lane(handler.impl, slice_text(rows[i].method), slice_text(rows[i].path)),
            rows[i].lane);
    api_free(api);
}

static void the_server_refuses_in_the_same_form(void **state)
{
    (void)state;
    struct fake fake;
    char buffer[2048];
    struct slice type;
    size_t size = 0;
    fake_init(&fake);
    struct api *api = api_new(&fake.port, &(struct api_options){.version = SLICE("1")});
    struct door_handler handler = api_handler(api);
    handler.refuse(handler.impl, 413, SLICE("the body is over the limit"), &type, buffer,
                   sizeof buffer, &size);
    assert_true(slice_is(type, "application/problem+json"));
    assert_true(has_part(slice_of(buffer, size), SLICE("\"status\":413")));
    assert_true(has_part(slice_of(buffer, size), SLICE("over the limit")));
    handler.refuse(handler.impl, 413, SLICE("the body is over the limit"), &type, buffer, 10,
                   &size);
    assert_int_equal(size, 0); /* it does not fit: nothing, not a half */
    api_free(api);
}

/* docs/openapi.json and the table of routes say the same. */
static void openapi_has_each_route_and_no_other(void **state)
{
    (void)state;
    size_t count = 0, found = 0;
    const struct route *routes = route_table(&count);
    struct slice text = openapi_text();
    json_t *file = json_loadb(text.at, text.size, JSON_REJECT_DUPLICATES, NULL);
    json_t *paths = json_object_get(file, "paths"), *path, *operation;
    const char *pattern, *method;
    assert_non_null(file);
    json_object_foreach(paths, pattern, path)
    {
        json_object_foreach(path, method, operation)
        {
            size_t i = 0;
            if (strcmp(method, "parameters") == 0)
                continue;
            const char *id = json_string_value(json_object_get(operation, "operationId"));
            while (i < count && (strcmp(routes[i].operation, id) != 0 ||
                                 strcmp(routes[i].pattern, pattern) != 0 ||
                                 strcmp(routes[i].method, method[0] == 'g' ? "GET" : "POST") != 0))
                i++;
            if (i == count)
                fail_msg("%s %s (%s) is not in the table of routes", method, pattern, id);
            found++;
        }
    }
    assert_int_equal(found, count);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(a_late_answer_is_one_answer),
        cmocka_unit_test(who_goes_away_is_forgotten),
        cmocka_unit_test(who_sent_lines_and_goes_away_is_forgotten),
        cmocka_unit_test(the_log_is_followed),
        cmocka_unit_test(a_slow_reader_is_ended),
        cmocka_unit_test(a_stream_begins_near_the_head),
        cmocka_unit_test(a_proof_goes_on_by_its_cursor),
        cmocka_unit_test(lanes_are_known_before_the_body),
        cmocka_unit_test(the_server_refuses_in_the_same_form),
        cmocka_unit_test(openapi_has_each_route_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
