/* One trouble is one incident: the real engine on a memory store, an upstream that is down, people
 * who are late. What is checked is what people are told, and what becomes of each incident. */
#include "sim/troubles_world.h"

/* Held work is told first, then its upstream is given up: one incident, that of the upstream from
 * then on; who answers only for that is told, and nobody twice. */
static void what_is_held_joins_its_upstream(void **state)
{
    struct world world = {.is_shared = true};
    struct engine_incident one = {0};
    (void)state;
    rig_init(&world.rig, 6, RIG_BEGIN_UNIX_MS);
    start(&world);
    settle(&world);
    world.is_down = true;
    for (int i = 0; i < 5; i++)
        submit(&world, "short", 1);
    submit(&world, "held", 1); /* what probes when those have expired */
    pass(&world, 9 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    uint64_t first = one.id;
    expect_lines(&world, "ana: w, upstream plain DEGRADED: held work is past half of its time", 1);
    pass(&world, 3 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.id, first);
    assert_int_equal(one.journal.lasting, LASTING_BREAKER);
    assert_string_equal(one.journal.names[JOURNAL_WORKFLOW], "");
    expect_lines(&world, "eve: ", 1);
    expect_lines(&world, "upstream plain DEGRADED for v, w: plain is not called", 2);
    expect_lines(&world, "ana: ", 1);
    crash(&world);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.journal.lasting, LASTING_BREAKER);
    world.is_down = false;
    pass(&world, 40 * MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    expect_lines(&world, "upstream plain RECOVERED", 4); /* ben was told as nobody answered */
    close_world(&world);
}

/* Each of two workflows has an incident for what it holds, then the upstream of both is given up:
 * one incident goes on, the other is part of it, and each owner is told of that once. */
static void two_that_are_held_become_one(void **state)
{
    struct world world = {.is_shared = true};
    struct engine_incident one = {0}, all[64];
    (void)state;
    rig_init(&world.rig, 6, RIG_BEGIN_UNIX_MS);
    start(&world);
    settle(&world);
    world.is_down = true;
    for (int i = 0; i < 5; i++)
        submit_to(&world, i % 2 ? "v" : "w", "short", 1);
    for (int i = 0; i < 3; i++)
        submit(&world, "held", 1); /* what probes when those have expired */
    pass(&world, 9 * MINUTE);
    assert_int_equal(count_open(&world, &one), 2);
    uint64_t first = one.id;
    expect_lines(&world, "ana: w, upstream plain DEGRADED: held work is past half of its time", 1);
    expect_lines(&world, "eve: v, upstream plain DEGRADED: held work is past half of its time", 1);
    pass(&world, 3 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.id, first);
    assert_int_equal(one.journal.lasting, LASTING_BREAKER);
    expect_lines(&world, "upstream plain DEGRADED for v, w: plain is not called", 2);
    expect_lines(&world, "dia: upstream plain DEGRADED for v, w: ", 1);
    assert_int_equal(list_incidents(&world, all), 2);
    assert_true(slice_is(all[1].state, "closed"));
    assert_true(all[1].journal.joined_into == first);
    size_t told = count_lines(&world, "eve: ") + count_lines(&world, "ana: ");
    crash(&world);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(count_lines(&world, "eve: ") + count_lines(&world, "ana: "), told);
    expect_lines(&world, "IS OVER", 0); /* of an alert */
    expect_lines(&world, "NOTHING PAST DUE", 0);
    assert_true(has_entry(&world, first, "joined: "));
    assert_true(has_entry(&world, first, ": held work is past half of its time, since "));
    assert_true(has_entry(&world, all[1].id, "goes on as i_"));
    world.is_down = false;
    pass(&world, 40 * MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    expect_lines(&world, "RECOVERED", count_lines(&world, "upstream plain RECOVERED"));
    expect_lines(&world, "eve: upstream plain RECOVERED", 1);
    expect_lines(&world, "ana: upstream plain RECOVERED", 1);
    close_world(&world);
}

/* What is open is part of a stop of all of it, and opens again when that is over and it is not. */
static void what_is_held_joins_a_stop(void **state)
{
    struct world world;
    struct engine_incident one = {0}, all[64];
    struct scope part = {.workflow = SLICE("w"), .step = SLICE("asked")};
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &part};
    (void)state;
    open_world(&world, 6);
    world.is_down = true;
    for (int i = 0; i < 5; i++)
        submit(&world, "short", 1);
    world.rig.port.stop(world.rig.port.impl, &rig_ana, &order, on_stop, NULL);
    pass(&world, 9 * MINUTE);
    assert_int_equal(count_open(&world, &one), 2); /* the stop of another step explains nothing */
    order.scope = &scope;
    world.rig.port.stop(world.rig.port.impl, &rig_ana, &order, on_stop, NULL);
    settle(&world);
    pass(&world, MINUTE);
    assert_int_equal(list_incidents(&world, all), 3);
    assert_int_equal(count_open(&world, &one), 2);
    assert_int_equal(all[1].kind, INCIDENT_DEGRADED);
    assert_true(all[1].journal.joined_into == all[2].id);
    close_world(&world);
}

/* A trigger of one's own on what is past due, and what interlock says of that by itself, are one
 * incident in either order; whoever answers for it has one line. */
static void a_trigger_joins_what_is_past_due(void **state)
{
    struct world world;
    struct engine_incident one = {0}, all[64];
    (void)state;
    open_world(&world, 3);
    submit(&world, "asked", 1);
    pass(&world, 61 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    expect_lines(&world, "ben: w WAITS FOR PEOPLE: 1 review is past due", 1);
    acknowledge(&world, one.id);
    pass(&world, 21 * MINUTE); /* slow trips */
    assert_int_equal(list_incidents(&world, all), 1);
    assert_int_equal(all[0].kind, INCIDENT_OVERDUE);
    expect_lines(&world, "ana: w WAITS FOR PEOPLE: 1 review is past due", 1); /* its owner */
    expect_lines(&world, ": ", 2);
    assert_true(has_entry(&world, all[0].id, "joined, by trigger slow: the oldest is "));
    crash(&world);
    pass(&world, 5 * MINUTE);
    expect_lines(&world, ": ", 2);
    reject_first(&world);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    close_world(&world);

    open_world(&world, 3);
    submit(&world, "asked", 1);
    pass(&world, 5 * MINUTE);
    submit(&world, "asked", 1);
    pass(&world, 56 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    reject_first(&world);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    pass(&world, 24 * MINUTE); /* told once an hour; the trigger comes before that */
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.kind, INCIDENT_ALERT);
    expect_lines(&world, "ana: w ALERT: ", 1);
    size_t ana = count_lines(&world, "ana: ");
    uint64_t first = one.id;
    pass(&world, 38 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_true(one.id == first);
    assert_int_equal(one.kind, INCIDENT_OVERDUE);
    assert_int_equal(count_lines(&world, "ana: "), ana + 2); /* rungs of one ladder */
    reject_first(&world);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    close_world(&world);
}

/* A stop explains what is held and what falls back; a trigger's alert is over when answered. */
static void one_trouble_is_one_incident(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope};
    (void)state;
    open_world(&world, 4);
    world.rig.port.stop(world.rig.port.impl, &rig_ana, &order, on_stop, NULL);
    settle(&world);
    for (int i = 0; i < 5; i++)
        submit(&world, "held", 1);
    pass(&world, 20 * 60 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.kind, INCIDENT_STOP);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_held_joins_its_upstream),
                                       cmocka_unit_test(two_that_are_held_become_one),
                                       cmocka_unit_test(what_is_held_joins_a_stop),
                                       cmocka_unit_test(a_trigger_joins_what_is_past_due),
                                       cmocka_unit_test(one_trouble_is_one_incident)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
