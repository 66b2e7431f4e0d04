/* What people are told, and how it looks on the wire: tests/unit/answers/notices.txt. With
 * INTERLOCK_GOLDEN set the file is written anew: read the difference, then keep it. */
#include "notice/wire.h"
#include "record/notice_text.h"
#include "unit/view_fixture.h"

enum { AT_UNIX_MS = 1795525200 };

static const int64_t at_unix_ms = (int64_t)AT_UNIX_MS * 1000;

static void add_line(struct buf *out, const struct notice_facts *facts)
{
    struct buf line;
    buf_init(&line, 4096);
    notice_text_line(facts, &line);
    assert_true(text_is_utf8(buf_slice(&line)));
    assert_true(text_utf8_count(buf_slice(&line)) <= LIMIT_NOTICE_LINE);
    buf_add(out, buf_slice(&line));
    buf_add_byte(out, '\n');
    buf_done(&line);
}

/* It is restarted, and another stop holds all of it, or a part. */
static void add_restarted(struct buf *out)
{
    const struct notice_facts facts[] = {
        {.about = NOTICE_RECOVERED,
         .incident = 7,
         .scope = SLICE("w/s"),
         .by = SLICE("ben"),
         .asked_by = SLICE("ana"),
         .holders = SLICE("everything on review (i_0000000000009)"),
         .is_held = true,
         .reason = SLICE("rolled back to m3, and looked at by all of us once more"),
         .since_unix_ms = at_unix_ms - 3060000,
         .now_unix_ms = at_unix_ms},
        {.about = NOTICE_RECOVERED,
         .incident = 7,
         .scope = SLICE("everything"),
         .by = SLICE("ana"),
         .asked_by = SLICE("ana"),
         .holders = SLICE("w/s stopped (i_0000000000009)"),
         .reason = SLICE("rolled back"),
         .since_unix_ms = at_unix_ms - 3060000,
         .now_unix_ms = at_unix_ms},
    };
    add_line(out, &facts[0]);
    add_line(out, &facts[1]);
    buf_add_byte(out, '\n');
    notice_text_body(&facts[0], out);
    buf_add_byte(out, '\n');
}

static void add_texts(struct buf *out)
{
    static const char long_name[] =
        "a-workflow-with-a-name-that-is-as-long-as-a-name-may-be-and-then-s/and-a-step-of-the-same-"
        "length-so-that-nothing-is-left-for-why-it-s";
    const struct notice_facts facts[] = {
        {.about = NOTICE_TROUBLE,
         .incident = 7,
         .scope = SLICE("inquiry-routing"),
         .by = SLICE("ben"),
         .reason = SLICE("model drift"),
         .waiting = 41,
         .in_flight = 2,
         .since_unix_ms = at_unix_ms,
         .now_unix_ms = at_unix_ms},
        {.about = NOTICE_TROUBLE,
         .incident = 7,
         .scope = SLICE("upstream mailer"),
         .by = SLICE("ben"),
         .is_again = true,
         .waiting = 212,
         .refused = 3,
         .since_unix_ms = at_unix_ms - 900000,
         .now_unix_ms = at_unix_ms},
        {.about = NOTICE_TROUBLE,
         .incident = 7,
         .scope = slice_text(long_name),
         .by = slice_text(long_name),
         .reason = SLICE("a reason that is longer than what is left of the line, so it is what is "
                         "cut: \xc3\xa4\xc3\xb6\xc3\xbc and so on and so on and so on and so on"),
         .waiting = UINT64_MAX,
         .since_unix_ms = at_unix_ms,
         .now_unix_ms = at_unix_ms},
        {.about = NOTICE_TROUBLE,
         .incident = 7,
         .scope = SLICE("everything"),
         .reason = SLICE("two\r\nlines\tand \xe2\x80\xae a turn, and \xff no UTF-8"),
         .since_unix_ms = at_unix_ms,
         .now_unix_ms = at_unix_ms},
        {.about = NOTICE_RECOVERED,
         .incident = 7,
         .scope = SLICE("inquiry-routing"),
         .by = SLICE("ana"),
         .reason = SLICE("rolled back to m3"),
         .since_unix_ms = at_unix_ms - 3060000,
         .now_unix_ms = at_unix_ms},
        {.about = NOTICE_ACKNOWLEDGED,
         .incident = 7,
         .scope = SLICE("inquiry-routing"),
         .by = SLICE("ana"),
         .since_unix_ms = at_unix_ms,
         .now_unix_ms = at_unix_ms},
        {.about = NOTICE_DOWN,
         .scope = SLICE("interlock"),
         .waiting = 12,
         .since_unix_ms = at_unix_ms - 10800000,
         .now_unix_ms = at_unix_ms},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        add_line(out, &facts[i]);
    buf_add_byte(out, '\n');
    notice_text_body(&facts[1], out);
    buf_add_byte(out, '\n');
    add_restarted(out);
    notice_text_body(&facts[6], out);
}

/* CR shows as \r. */
static void add_shown(struct buf *out, const char *name, struct slice bytes)
{
    buf_add_fmt(out, "\n== %s\n", name);
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.at[i] == '\r')
            buf_add_text(out, "\\r");
        else
            buf_add_byte(out, bytes.at[i]);
    }
    buf_add_byte(out, '\n');
}

static void add_wires(struct buf *out)
{
    static const struct channel channel = {
        .name = {"email", 5}, .kind = CHANNEL_IS_MAIL, .from = {"interlock@example.org", 21}};
    struct notice notice = {.id = 9,
                            .incident = 7,
                            .rung = 1,
                            .made_unix_ms = at_unix_ms,
                            .person = SLICE("ana"),
                            .channel = SLICE("email"),
                            .scope = SLICE("inquiry-routing"),
                            .line =
                                SLICE("STOPPED: \"l\xc3\xa4uft\" <weg> & 100 % = alles, und noch "
                                      "viel mehr, damit die Zeile gebrochen wird \xf0\x9f\xa7\xad"),
                            .body = SLICE(".\n.dot\nends in a blank \nand = a sign\n")};
    struct notify_message message = {.channel = &channel,
                                     .notice = &notice,
                                     .address = SLICE("ana@example.org"),
                                     .secret = SLICE("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"),
                                     .now_unix_ms = at_unix_ms + 1500};
    struct buf wire;
    struct wire_signature signature;
    buf_init(&wire, 1 << 16);
    wire_mail_add(&wire, &message);
    add_shown(out, "mail", buf_slice(&wire));
    buf_reset(&wire);
    wire_webhook_add(&wire, &message);
    add_shown(out, "webhook", buf_slice(&wire));
    wire_signature_init(&signature);
    assert_int_equal(wire_sign(&message, buf_slice(&wire), &signature), ERR_OK);
    buf_add_fmt(out, "%s %s %s\n", buf_text(&signature.id), buf_text(&signature.timestamp),
                buf_text(&signature.signature));
    wire_signature_done(&signature);
    buf_reset(&wire);
    wire_slack_add(&wire, &message);
    add_shown(out, "slack", buf_slice(&wire));
    for (int about = NOTICE_TROUBLE; about <= NOTICE_DOWN; about++) {
        notice.about = (enum notice_about)about;
        notice.incident = about == NOTICE_DOWN ? 0 : 7;
        buf_reset(&wire);
        wire_pagerduty_add(&wire, &message);
        add_shown(out, "pagerduty", buf_slice(&wire));
    }
    buf_done(&wire);
}

static void words_and_wires(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, FIXTURE_GOLDEN_MAX);
    add_texts(&out);
    add_wires(&out);
    fixture_golden("answers/notices.txt", buf_slice(&out));
    buf_done(&out);
}

/* No key, or none that can be read: nothing is sent unsigned. */
static void no_key_no_signature(void **state)
{
    struct notice notice = {.id = 1};
    struct notify_message message = {.notice = &notice, .secret = SLICE("whsec_")};
    struct wire_signature signature;
    (void)state;
    wire_signature_init(&signature);
    assert_int_equal(wire_sign(&message, SLICE("{}"), &signature), ERR_INVALID); /* an empty key */
    wire_signature_done(&signature);
    wire_signature_init(&signature);
    message.secret = SLICE("whsec_not*base64");
    assert_int_equal(wire_sign(&message, SLICE("{}"), &signature), ERR_INVALID);
    wire_signature_done(&signature);
}

static void addresses(void **state)
{
    (void)state;
    assert_true(wire_is_address(SLICE("ana@example.org")));
    assert_false(wire_is_address(SLICE("ana@example.org\r\nRCPT TO:<x@y>")));
    assert_false(wire_is_address(SLICE("ana@example.org> SIZE=1")));
    assert_false(wire_is_address(SLICE("ana")));
    assert_false(wire_is_address(SLICE("@example.org")));
    assert_false(wire_is_address(SLICE("")));
}

static void rows_come_back(void **state)
{
    struct notice notice = {.id = 1,
                            .order = 2,
                            .incident = 3,
                            .about = NOTICE_RECOVERED,
                            .rung = 4,
                            .tries = 5,
                            .made_unix_ms = 6,
                            .next_unix_ms = 7,
                            .person = SLICE("ana"),
                            .channel = SLICE("email"),
                            .scope = SLICE("w"),
                            .line = SLICE("line"),
                            .body = SLICE("body"),
                            .what = SLICE("what")};
    struct notice back = {0};
    struct buf bytes;
    (void)state;
    buf_init(&bytes, 1024);
    notice_encode(&notice, &bytes);
    assert_int_equal(notice_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_int_equal(back.order, 2);
    assert_int_equal(back.about, NOTICE_RECOVERED);
    assert_true(slice_is(back.line, "line") && slice_is(back.body, "body"));
    for (size_t i = 0; i < bytes.size; i++) /* every cut is found */
        assert_int_equal(notice_decode(slice_first(buf_slice(&bytes), i), &back), ERR_CORRUPT);
    bytes.at[4] = 99; /* a state of a newer version: it is told once more */
    assert_int_equal(notice_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_int_equal(back.state, NOTICE_WAITING);
    buf_reset(&bytes);
    notice.state = NOTICE_DELIVERED;
    notice_encode(&notice, &bytes);
    assert_int_equal(notice_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_true(back.line.size == 0 && back.body.size == 0); /* the texts go (R24) */
    buf_done(&bytes);
}

static void ladders_come_back(void **state)
{
    struct ladder_row row = {.incident = 1,
                             .ladder = {.state = LADDER_ACKNOWLEDGED,
                                        .rung = 3,
                                        .rounds = 1,
                                        .told = 2,
                                        .lost = 1,
                                        .times = {300000, 900000},
                                        .opened_unix_ms = 10,
                                        .next_unix_ms = 20,
                                        .acknowledged_unix_ms = 15},
                             .acknowledged_by = SLICE("ana")};
    struct ladder_row back = {0};
    struct buf bytes;
    (void)state;
    buf_init(&bytes, 1024);
    ladder_row_encode(&row, &bytes);
    assert_int_equal(ladder_row_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_true(slice_is(back.acknowledged_by, "ana"));
    assert_memory_equal(&back.ladder, &row.ladder, sizeof row.ladder);
    for (size_t i = 0; i < bytes.size; i++)
        assert_int_equal(ladder_row_decode(slice_first(buf_slice(&bytes), i), &back), ERR_CORRUPT);
    bytes.at[2] = 99; /* a state of a newer version goes on telling */
    assert_int_equal(ladder_row_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_int_equal(back.ladder.state, LADDER_RUNNING);
    buf_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_wires),   cmocka_unit_test(no_key_no_signature),
        cmocka_unit_test(addresses),         cmocka_unit_test(rows_come_back),
        cmocka_unit_test(ladders_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
