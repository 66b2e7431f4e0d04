/* Trouble that lasts, in virtual time: the real engine on a memory store, an upstream that answers
 * as the test says, a crash in the middle. What is checked is what people are told. */
#include "sim/troubles_world.h"

/* Ten minutes of an open breaker: one incident, whatever waits for it; its end says what went. */
static void a_breaker_that_stays_open(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    (void)state;
    for (int has_crash = 0; has_crash < 2; has_crash++) {
        open_world(&world, 1);
        world.is_down = true;
        for (int i = 0; i < 12; i++)
            submit(&world, "held", 1);
        pass(&world, 9 * MINUTE);
        assert_int_equal(count_open(&world, &one), 0);
        pass(&world, 3 * MINUTE);
        assert_int_equal(count_open(&world, &one), 1);
        assert_int_equal(one.kind, INCIDENT_DEGRADED);
        assert_string_equal(one.journal.names[JOURNAL_UPSTREAM], "plain");
        expect_lines(&world, "upstream plain DEGRADED", 1);
        expect_lines(&world, "ana: upstream plain DEGRADED", 1);
        expect_lines(&world, "plain is not called", 1);
        struct engine_inbox_query query = {.limit = 10, .has_kind = true, .kind = INBOX_INCIDENT};
        struct engine_inbox_page page;
        struct inbox_item items[10];
        struct arena arena;
        arena_init(&arena, 1 << 22);
        assert_int_equal(world.rig.port.inbox(world.rig.port.impl, &query, &arena, items, &page),
                         ERR_OK);
        assert_int_equal(page.count, 1); /* until somebody answers */
        assert_int_equal(items[0].id, one.id);
        assert_true(slice_starts(items[0].reason, SLICE("plain is not called")));
        arena_done(&arena);
        if (has_crash)
            crash(&world);
        pass(&world, 130 * MINUTE); /* past half of the hold: explained by the same trouble */
        assert_int_equal(count_open(&world, &one), 1);
        world.is_down = false;
        pass(&world, 20 * MINUTE);
        assert_int_equal(count_open(&world, &one), 0);
        expect_lines(&world, "upstream plain RECOVERED ", 3); /* all who were told by then */
        expect_lines(&world, "12 delivered by ", 3);
        expect_lines(&world, "0 delivered twice", 3);
        close_world(&world);
    }
}

/* It is back, and all that waited has gone or expired before it had answered often enough: nothing
 * more is sent that could say so. People are not told on for ever. */
static void an_upstream_that_is_reached_and_has_nothing(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    (void)state;
    open_world(&world, 6);
    world.is_down = true;
    for (int i = 0; i < 5; i++)
        submit(&world, "short", 1);
    submit(&world, "held", 1);
    pass(&world, 16 * MINUTE);
    assert_int_equal(count_open(&world, &one), 2);
    world.is_down = false;
    pass(&world, 10 * MINUTE);
    assert_int_equal(count_open(&world, &one), 2); /* what expired, and a connection is not much */
    pass(&world, 10 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.kind, INCIDENT_UNDONE);
    expect_lines(&world, "it is reached, and nothing waits for it", 2); /* ana, ben */
    submit(&world, "held", 1); /* now it may say so itself */
    submit(&world, "held", 1);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    close_world(&world);
}

/* An upstream of two workflows: the owner of each is told, and of its end; one message a person. */
static void an_upstream_of_two_owners(void **state)
{
    struct world world = {.is_shared = true, .is_down = true};
    struct engine_incident one = {0};
    (void)state;
    rig_init(&world.rig, 5, RIG_BEGIN_UNIX_MS);
    start(&world);
    settle(&world);
    for (int i = 0; i < 12; i++)
        submit(&world, "held", 1);
    pass(&world, 11 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(world.line_count, 3);
    expect_lines(&world, "dia: upstream plain DEGRADED for v, w: plain is not called", 1);
    expect_lines(&world, "ana: upstream plain DEGRADED for v, w: ", 1); /* of w, and in v's */
    expect_lines(&world, "eve: upstream plain DEGRADED for v, w: ", 1); /* of v, and in ops */
    expect_lines(&world, "12 wait, 0 lost. ", 3);
    crash(&world);
    pass(&world, 6 * MINUTE);
    assert_int_equal(world.line_count, 4); /* level 2: who was not told yet */
    expect_lines(&world, "ben: upstream plain DEGRADED for v, w", 1);
    world.is_down = false;
    pass(&world, 20 * MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    expect_lines(&world, "upstream plain RECOVERED ", 4);
    expect_lines(&world, "12 done by ", 4); /* one delivers, one sends */
    expect_lines(&world, "0 done twice", 4);
    close_world(&world);
}

/* A fallback that does the work for half an hour; three good ones in a row end it. */
static void a_cause_that_lasts(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    (void)state;
    open_world(&world, 2);
    for (int i = 0; i < 7; i++) { /* now and then one: no trouble */
        submit(&world, "templated", 0.5);
        for (int good = 0; good < 3; good++)
            submit(&world, "templated", 0.9);
        pass(&world, 10 * MINUTE);
    }
    assert_int_equal(count_open(&world, &one), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(count_open(&world, &one), 0);
        submit(&world, "templated", 0.5);
        pass(&world, 10 * MINUTE);
    }
    assert_int_equal(count_open(&world, &one), 1);
    expect_lines(&world, "w DEGRADED: its fallback for low_confidence does the work", 1);
    pass(&world, 120 * MINUTE); /* silence ends nothing */
    assert_int_equal(count_open(&world, &one), 1);
    crash(&world);
    submit(&world, "templated", 0.9);
    submit(&world, "templated", 0.9);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    submit(&world, "templated", 0.9);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    close_world(&world);
}

/* Who is late is told once for all that is due, and told on; no message an action. */
static void people_who_are_late(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    (void)state;
    open_world(&world, 3);
    for (int i = 0; i < 20; i++)
        submit(&world, "asked", 1);
    pass(&world, 59 * MINUTE);
    assert_int_equal(world.line_count, 0);
    pass(&world, 2 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.kind, INCIDENT_OVERDUE);
    assert_int_equal(world.line_count, 1);
    expect_lines(&world, "ben: w WAITS FOR PEOPLE: 20 reviews are past due", 1); /* who decides */
    pass(&world, 6 * MINUTE);
    expect_lines(&world, "ana: w WAITS FOR PEOPLE", 1);
    acknowledge(&world, one.id);
    pass(&world, 31 * MINUTE); /* a word holds for half an hour */
    expect_lines(&world, "ben: w WAITS FOR PEOPLE for 37 min, acknowledged 23:20 by ana: ", 1);
    for (int i = 0; i < 20; i++)
        reject_first(&world);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    expect_lines(&world, "w HAS NOTHING PAST DUE", 2);
    close_world(&world);
}

/* What is held for a moment, or is held no more and only the store does not know it yet, is no
 * trouble: nobody is told that 0 wait. */
static void what_is_held_for_a_moment(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    (void)state;
    for (int ms = 1; ms < 12; ms++) {
        open_world(&world, 8);
        submit(&world, "blink", 1);
        world.rig.now_unix_ms += ms;
        engine_beat(world.rig.engine);
        settle(&world);
        pass(&world, MINUTE);
        expect_lines(&world, "DEGRADED", 0);
        assert_int_equal(count_open(&world, &one), 0);
        close_world(&world);
    }
    open_world(&world, 9);
    submit(&world, "later", 1);
    pass(&world, 2 * MINUTE);
    world.rig.now_unix_ms += 3 * MINUTE; /* it is past its half, and at its end */
    engine_wake(world.rig.engine);
    engine_beat(world.rig.engine);
    settle(&world);
    pass(&world, MINUTE);
    expect_lines(&world, " 0 wait", 0);
    close_world(&world);
    open_world(&world, 10);
    submit(&world, "later", 1);
    pass(&world, 3 * MINUTE);
    expect_lines(&world, "ana: w DEGRADED: held work is past half of its time", 1);
    expect_lines(&world, " 1 waits", 1);
    close_world(&world);
}

/* ---- what ended and was not done ---- */

/* Its entry in the inbox; count: how many incidents stand there. */
static size_t list_inbox(struct world *world, char *out_reason, size_t size)
{
    struct engine_inbox_query query = {.limit = 10, .has_kind = true, .kind = INBOX_INCIDENT};
    struct engine_inbox_page page;
    struct inbox_item items[10];
    struct arena arena;
    arena_init(&arena, 1 << 22);
    assert_int_equal(world->rig.port.inbox(world->rig.port.impl, &query, &arena, items, &page),
                     ERR_OK);
    out_reason[0] = '\0';
    for (size_t i = 0; i < page.count; i++)
        if (items[i].is_undone)
            (void)snprintf(out_reason, size, "%.*s", SLICE_FMT(items[i].reason));
    arena_done(&arena);
    return page.count;
}

/* Who was told of the newest action, as explain says it. */
static void expect_who(struct world *world, const char *want)
{
    struct arena arena;
    struct view view = {0};
    struct buf text;
    arena_init(&arena, 1 << 22);
    buf_init(&text, 1 << 16);
    assert_int_equal(
        world->rig.port.view(world->rig.port.impl, world->last_action, true, &arena, &view),
        ERR_OK);
    explain_add(&text, &view);
    if (!strstr(buf_text(&text), want))
        fail_msg("\"%s\" is not in:\n%s", want, buf_text(&text));
    buf_done(&text);
    arena_done(&arena);
}

/* All that expire together are one message; a crash at any time tells them once more at most. */
static void what_expires_is_told(void **state)
{
    struct world world;
    char reason[256];
    (void)state;
    for (int crashed = 0; crashed < 3; crashed++) {
        open_world(&world, 5);
        world.is_down = true;
        for (int i = 0; i < 40; i++)
            submit(&world, "held", 1);
        pass(&world, 4 * 60 * MINUTE - 30000);
        expect_lines(&world, "NOT DONE", 0);
        if (crashed == 1) { /* they expire in the start, or right after it */
            world.rig.now_unix_ms += MINUTE;
            crash(&world);
        }
        for (int i = 0; i < 90 && count_lines(&world, "NOT DONE") == 0; i++) {
            pass(&world, 1000);
            if (crashed == 2) /* durable, and nobody was told yet */
                crash(&world);
        }
        pass(&world, 10000);
        expect_lines(&world, "ana: w NOT DONE: 40 expired since 02:1", 1);
        expect_lines(&world, " and 37 more. 0 wait. i_", 1);
        expect_lines(&world, "NOT DONE", 1);
        expect_who(&world, "WHO     team was told 02:1");
        expect_who(&world, " UTC: ana through email (i_");
        assert_int_equal(list_inbox(&world, reason, sizeof reason), 2); /* and the breaker's */
        assert_non_null(strstr(reason, "40 expired since 02:1"));
        pass(&world, 6 * MINUTE); /* nobody answers: the next one is told */
        expect_lines(&world, "ben: w NOT DONE for ", 1);
        uint64_t id = 0;
        struct arena arena;
        struct engine_incident all[8];
        size_t count = 8;
        arena_init(&arena, 1 << 22);
        assert_int_equal(world.rig.port.incidents(world.rig.port.impl, true, &arena, all, &count),
                         ERR_OK);
        for (size_t i = 0; i < count; i++)
            id = all[i].kind == INCIDENT_UNDONE ? all[i].id : id;
        arena_done(&arena);
        size_t before = world.line_count;
        acknowledge(&world, id);
        assert_int_equal(world.line_count, before); /* quiet */
        assert_int_equal(list_inbox(&world, reason, sizeof reason), 1);
        assert_string_equal(reason, "");
        expect_who(&world, "Acknowledged by ana.");
        close_world(&world);
    }
}

/* One message an hour and workflow; what failed is told once, and not told on. */
static void what_fails_is_told_quietly(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    char reason[256];
    (void)state;
    open_world(&world, 6);
    world.status = 422;
    submit(&world, "refused", 1); /* the policy says so: its caller is answered */
    pass(&world, 5 * MINUTE);
    expect_lines(&world, "NOT DONE", 0);
    for (int i = 0; i < 30; i++) {
        submit(&world, "held", 1);
        expect_who(&world, i == 0 ? "WHO     team is told of it with the next message" : "WHO ");
        pass(&world, MINUTE);
    }
    expect_lines(&world, "ana: w NOT DONE: 1 failed since ", 1);
    expect_lines(&world, "NOT DONE", 1);
    pass(&world, 40 * MINUTE);
    expect_lines(&world, "ana: w NOT DONE for 1 h, nobody answers; 30 failed", 0);
    expect_lines(&world, "ana: w NOT DONE for ", 1);
    expect_lines(&world, "30 failed since ", 1);
    expect_lines(&world, "NOT DONE", 2);
    pass(&world, 5 * 60 * MINUTE);
    expect_lines(&world, "NOT DONE", 2); /* nobody is told on */
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.kind, INCIDENT_UNDONE);
    assert_int_equal(list_inbox(&world, reason, sizeof reason), 1);
    acknowledge(&world, one.id);
    assert_int_equal(count_open(&world, &one), 0);
    close_world(&world);
}

/* Time ran out, and the policy says what then: somebody is told all the same. */
static void what_nobody_decided_is_told(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 7);
    submit(&world, "late", 1);
    submit(&world, "late", 1);
    pass(&world, 121 * MINUTE);
    expect_lines(&world, "ana: w NOT DONE: 2 cancelled since ", 1);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_breaker_that_stays_open),
        cmocka_unit_test(an_upstream_that_is_reached_and_has_nothing),
        cmocka_unit_test(an_upstream_of_two_owners),
        cmocka_unit_test(a_cause_that_lasts),
        cmocka_unit_test(people_who_are_late),
        cmocka_unit_test(what_is_held_for_a_moment),
        cmocka_unit_test(what_expires_is_told),
        cmocka_unit_test(what_fails_is_told_quietly),
        cmocka_unit_test(what_nobody_decided_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
