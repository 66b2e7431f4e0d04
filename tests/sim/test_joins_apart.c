/* What is not the same trouble is not one incident: two upstreams of one workflow, a trigger of
 * another kind, a crash while two become one. Nothing is closed, and nobody left untold, by what
 * only looks like it. */
#include "sim/troubles_world.h"

static const char two_upstreams[] =
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "people:\n"
    "  ana: { email: ana@example.org }\n"
    "  ben: { email: ben@example.org }\n"
    "  dia: { email: dia@example.org }\n"
    "groups:\n"
    "  team: [ana, ben]\n"
    "  admins: [dia]\n"
    "switch: { owner: team, restart: team, inform: ana }\n"
    "upstreams:\n"
    "  plain:\n"
    "    url: \"http://127.0.0.1:1\"\n"
    "    idempotency: { header: Idempotency-Key, keeps: 24h }\n"
    "  other:\n"
    "    url: \"http://127.0.0.1:2\"\n"
    "    breaker: { told_after: 4h }\n"
    "    idempotency: { header: Idempotency-Key, keeps: 24h }\n"
    "channels:\n"
    "  email: { smtp: \"smtp://127.0.0.1:25\", from: i@example.org }\n";
static const char two_calls[] = "workflow: w\n"
                                "purpose: To be in trouble twice\n"
                                "owner: team\n"
                                "restart: team\n"
                                "inform: ana\n"
                                "mode: auto\n"
                                "triggers:\n"
                                "  - aged: alert if held_age > 5m\n"
                                "  - many: alert if volume > 8 in 1h\n"
                                "steps:\n"
                                "  here:\n"
                                "    kind: webhook\n"
                                "    call: plain POST /here\n"
                                "    key: ${input.id}\n"
                                "    confidence: at least 0.8\n"
                                "    fallback:\n"
                                "      low_confidence: template sorry\n"
                                "      unavailable: hold 15m\n"
                                "    templates:\n"
                                "      sorry: { answer: { text: later } }\n"
                                "  ask_team:\n"
                                "    kind: webhook\n"
                                "    call: plain POST /ask\n"
                                "    key: ${input.id}\n"
                                "    reviewers: team\n"
                                "    rules: [ask: review if true]\n"
                                "    fallback: { rule: ['review, due 1h'] }\n"
                                "  ask_admins:\n"
                                "    kind: webhook\n"
                                "    call: plain POST /ask\n"
                                "    key: ${input.id}\n"
                                "    reviewers: admins\n"
                                "    rules: [ask: review if true]\n"
                                "    fallback: { rule: ['review, due 1h'] }\n"
                                "  there:\n"
                                "    kind: webhook\n"
                                "    call: other POST /there\n"
                                "    key: ${input.id}\n"
                                "    fallback:\n"
                                "      unavailable: hold 15m\n";

static void open_apart(struct world *world, uint64_t seed)
{
    *world = (struct world){.own = {two_upstreams, two_calls}};
    rig_init(&world->rig, seed, RIG_BEGIN_UNIX_MS);
    start(world);
    settle(world);
}

/* The one incident of that kind that is open, with what it is; fails where there are others. */
static struct engine_incident find_open(struct world *world, enum incident_kind kind, size_t want)
{
    struct engine_incident all[64], found = {0};
    size_t count = list_incidents(world, all), open = 0;
    for (size_t i = 0; i < count; i++) {
        if (!slice_is(all[i].state, "open") || all[i].kind != kind)
            continue;
        found = all[i];
        open++;
    }
    if (open != want) {
        print_lines(world);
        fail_msg("%zu open incidents of kind %d, not %zu", open, (int)kind, want);
    }
    return found;
}

/* A stop of one upstream says nothing of what is held for another one. */
static void a_stop_of_an_upstream_explains_its_own(void **state)
{
    struct world world;
    struct scope scope = {.upstream = SLICE("plain")};
    struct stop_order order = {.scope = &scope};
    (void)state;
    open_apart(&world, 11);
    world.rig.port.stop(world.rig.port.impl, &rig_ana, &order, on_stop, NULL);
    settle(&world);
    world.is_down = true;
    world.down = "/there";
    for (int i = 0; i < 5; i++)
        submit(&world, "there", 1);
    pass(&world, 9 * MINUTE);
    struct engine_incident one = find_open(&world, INCIDENT_DEGRADED, 1);
    assert_string_equal(one.journal.names[JOURNAL_UPSTREAM], "other");
    assert_int_equal(one.journal.lasting, LASTING_HELD);
    close_world(&world);
}

/* A workflow that asks its template for want of confidence, and an upstream that does not answer,
 * are two troubles. */
static void a_cause_explains_its_own(void **state)
{
    struct world world;
    (void)state;
    open_apart(&world, 12);
    for (int i = 0; i < 5; i++) {
        submit(&world, "here", 0.5);
        pass(&world, 10 * MINUTE);
    }
    struct engine_incident one = find_open(&world, INCIDENT_DEGRADED, 1);
    assert_int_equal(one.journal.lasting, LASTING_CAUSE);
    world.is_down = true;
    for (int i = 0; i < 3; i++)
        submit(&world, "there", 1);
    pass(&world, 9 * MINUTE);
    (void)find_open(&world, INCIDENT_DEGRADED, 2);
    close_world(&world);
}

/* An alert of another trigger is not told by the one that turns into what lasts, and does not end
 * with that: it is over when somebody answers. */
static void an_alert_ends_by_an_answer_only(void **state)
{
    struct world world;
    (void)state;
    open_apart(&world, 13);
    world.is_down = true;
    world.down = "/there";
    for (int i = 0; i < 5; i++)
        submit(&world, "there", 1);
    pass(&world, 6 * MINUTE + 30 * 1000);
    struct engine_incident aged = find_open(&world, INCIDENT_ALERT, 1);
    expect_lines(&world, "ana: w ALERT: ", 1);
    for (int i = 0; i < 12; i++)
        submit(&world, "here", 1);
    pass(&world, MINUTE / 2);
    (void)find_open(&world, INCIDENT_ALERT, 2);
    expect_lines(&world, "ana: w ALERT: ", 2);
    pass(&world, 3 * MINUTE);
    assert_true(find_open(&world, INCIDENT_DEGRADED, 1).id == aged.id);
    world.is_down = false;
    pass(&world, 10 * MINUTE);
    (void)find_open(&world, INCIDENT_DEGRADED, 0);
    assert_true(find_open(&world, INCIDENT_ALERT, 1).id != aged.id);
    acknowledge(&world, find_open(&world, INCIDENT_ALERT, 1).id);
    (void)find_open(&world, INCIDENT_ALERT, 0);
    close_world(&world);
}

/* What is held for an upstream is told where it stands behind what is held for another one, which
 * is told as that one's. */
static void one_upstream_does_not_hide_another(void **state)
{
    struct world world;
    (void)state;
    open_apart(&world, 16);
    world.is_down = true;
    for (int i = 0; i < 5; i++)
        submit(&world, "here", 1);
    for (int i = 0; i < 5; i++)
        submit(&world, "there", 1);
    pass(&world, 12 * MINUTE);
    (void)find_open(&world, INCIDENT_DEGRADED, 2);
    struct engine_incident all[64];
    size_t count = list_incidents(&world, all), held = 0, breakers = 0;
    for (size_t i = 0; i < count; i++) {
        held += all[i].journal.lasting == LASTING_HELD &&
                strcmp(all[i].journal.names[JOURNAL_UPSTREAM], "other") == 0;
        breakers += all[i].journal.lasting == LASTING_BREAKER;
    }
    assert_int_equal(held, 1);
    assert_int_equal(breakers, 1);
    world.is_down = false;
    pass(&world, 40 * MINUTE);
    (void)find_open(&world, INCIDENT_DEGRADED, 0);
    count = list_incidents(&world, all);
    for (size_t i = 0; i < count; i++) /* each was told once */
        held += all[i].kind == INCIDENT_DEGRADED;
    assert_int_equal(held, 1 + 2);
    close_world(&world);
}

static const char two_workflows[] = "workflow: v\n"
                                    "purpose: To be in trouble beside it\n"
                                    "owner: team\n"
                                    "restart: team\n"
                                    "inform: ana\n"
                                    "mode: auto\n"
                                    "steps:\n"
                                    "  there:\n"
                                    "    kind: webhook\n"
                                    "    call: other POST /there\n"
                                    "    key: ${input.id}\n"
                                    "    fallback:\n"
                                    "      unavailable: hold 15m\n";

/* Nor where the oldest that is held for it is another workflow's: each is told of its own. */
static void one_workflow_does_not_hide_another(void **state)
{
    struct world world = {.beside = two_workflows, .own = {two_upstreams, two_calls}};
    (void)state;
    rig_init(&world.rig, 17, RIG_BEGIN_UNIX_MS);
    start(&world);
    settle(&world);
    world.is_down = true;
    for (int i = 0; i < 5; i++)
        submit_to(&world, "w", "here", 1);
    for (int i = 0; i < 5; i++)
        submit_to(&world, "v", "there", 1);
    for (int i = 0; i < 5; i++)
        submit_to(&world, "w", "there", 1);
    pass(&world, 12 * MINUTE);
    struct engine_incident all[64];
    size_t count = list_incidents(&world, all), of_v = 0, of_w = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_other = all[i].journal.lasting == LASTING_HELD &&
                        strcmp(all[i].journal.names[JOURNAL_UPSTREAM], "other") == 0;
        of_v += is_other && strcmp(all[i].journal.names[JOURNAL_WORKFLOW], "v") == 0;
        of_w += is_other && strcmp(all[i].journal.names[JOURNAL_WORKFLOW], "w") == 0;
    }
    assert_int_equal(of_v, 1);
    assert_int_equal(of_w, 1);
    world.is_down = false;
    pass(&world, 40 * MINUTE);
    (void)find_open(&world, INCIDENT_DEGRADED, 0);
    close_world(&world);
}

/* Two groups are late: each is told of its own, and an answer of the one is none of the other. */
static void each_group_that_is_late_is_told(void **state)
{
    struct world world;
    struct engine_incident all[64];
    (void)state;
    open_apart(&world, 15);
    submit(&world, "ask_team", 1);
    submit(&world, "ask_team", 1);
    pass(&world, 3 * MINUTE);
    submit(&world, "ask_admins", 1);
    pass(&world, 58 * MINUTE);
    acknowledge(&world, find_open(&world, INCIDENT_OVERDUE, 1).id);
    expect_lines(&world, "ana: w WAITS FOR PEOPLE: 2 reviews are past due", 1);
    pass(&world, 4 * MINUTE);
    (void)find_open(&world, INCIDENT_OVERDUE, 2);
    expect_lines(&world, "dia: w WAITS FOR PEOPLE: 1 review is past due", 1);
    assert_int_equal(world.line_count, 2);
    crash(&world);
    pass(&world, 2 * MINUTE);
    (void)find_open(&world, INCIDENT_OVERDUE, 2);
    assert_int_equal(world.line_count, 2);
    reject_first(&world); /* the team's */
    pass(&world, MINUTE);
    (void)find_open(&world, INCIDENT_OVERDUE, 2);
    reject_first(&world);
    pass(&world, MINUTE);
    assert_string_equal(find_open(&world, INCIDENT_OVERDUE, 1).journal.answers, "admins");
    reject_first(&world);
    pass(&world, MINUTE);
    assert_int_equal(list_incidents(&world, all), 2);
    (void)find_open(&world, INCIDENT_OVERDUE, 0);
    close_world(&world);
}

static size_t count_inbox(struct world *world, struct slice workflow)
{
    struct engine_inbox_query query = {
        .limit = 8, .has_kind = true, .kind = INBOX_INCIDENT, .workflow = workflow};
    struct engine_inbox_page page;
    struct inbox_item items[8];
    struct arena arena;
    arena_init(&arena, 1 << 22);
    assert_int_equal(world->rig.port.inbox(world->rig.port.impl, &query, &arena, items, &page),
                     ERR_OK);
    arena_done(&arena);
    return page.count;
}

/* What was of one workflow and is its upstream's now stands in the inbox of that workflow. */
static void an_upstream_is_in_the_inbox_of_its_workflows(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 6);
    world.is_down = true;
    for (int i = 0; i < 5; i++)
        submit(&world, "short", 1);
    submit(&world, "held", 1);
    pass(&world, 9 * MINUTE);
    assert_int_equal(count_inbox(&world, SLICE("w")), 1);
    pass(&world, 3 * MINUTE);
    assert_int_equal(find_open(&world, INCIDENT_DEGRADED, 1).journal.lasting, LASTING_BREAKER);
    assert_int_equal(count_inbox(&world, SLICE("w")), 1);
    assert_int_equal(count_inbox(&world, SLICE("v")), 0);
    close_world(&world);
}

/* Two become one over a crash between any two writes: whatever is part of another one is closed. */
static void a_part_is_closed_with_it(void **state)
{
    struct engine_incident all[64];
    (void)state;
    for (size_t saves = 0; saves < 12; saves++) {
        struct world world;
        struct scope scope = {.workflow = SLICE("w")};
        struct stop_order order = {.scope = &scope};
        open_apart(&world, 14);
        world.is_down = true;
        for (int i = 0; i < 3; i++)
            submit(&world, "there", 1);
        pass(&world, 9 * MINUTE);
        (void)find_open(&world, INCIDENT_DEGRADED, 1);
        world.rig.port.stop(world.rig.port.impl, &rig_ana, &order, on_stop, NULL);
        settle(&world);
        world.rig.now_unix_ms += MINUTE / 4;
        engine_beat(world.rig.engine);
        (void)store_memory_flush(world.rig.store, saves);
        crash(&world);
        size_t count = list_incidents(&world, all), closed = 0;
        for (size_t i = 0; i < count; i++) {
            bool is_open = slice_is(all[i].state, "open");
            assert_true(is_open == (all[i].journal.joined_into == 0));
            closed += !is_open;
        }
        assert_true(closed <= 1);
        pass(&world, MINUTE);
        (void)find_open(&world, INCIDENT_DEGRADED, 0);
        close_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_of_an_upstream_explains_its_own),
        cmocka_unit_test(a_cause_explains_its_own),
        cmocka_unit_test(an_alert_ends_by_an_answer_only),
        cmocka_unit_test(one_upstream_does_not_hide_another),
        cmocka_unit_test(one_workflow_does_not_hide_another),
        cmocka_unit_test(each_group_that_is_late_is_told),
        cmocka_unit_test(an_upstream_is_in_the_inbox_of_its_workflows),
        cmocka_unit_test(a_part_is_closed_with_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
