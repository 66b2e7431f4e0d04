/* The server when there is little room (R30): a stop gets in, the less urgent is told to come back.
 */
#include "contract/wire.h"

static const char stop_request[] = "POST /stop HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}";

static struct server_bounds small_bounds(void)
{
    struct server_bounds bounds = wire_bounds();
    bounds.connections_max = 6;
    bounds.connections_reserve = 4;
    return bounds;
}

/* Takes the two normal seats with requests that wait. */
static void fill(struct wire *wire, struct client *clients[2])
{
    for (size_t i = 0; i < 2; i++) {
        clients[i] = client_new(wire, false);
        client_say(clients[i], "POST /later HTTP/1.1\r\nHost: h\r\n\r\n");
        WIRE_UNTIL(wire, wire->kept_count == i + 1);
    }
}

static void expect_served(struct wire *wire, const char *path)
{
    struct client *c = client_new(wire, false);
    struct buf text;
    buf_init(&text, 1000);
    buf_add_fmt(&text, "POST %s HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
                path);
    client_send(c, buf_slice(&text));
    client_expect(c, "HTTP/1.1 200 OK");
    client_expect_end(c); /* a seat of the reserve is for one request */
    assert_true(client_has(c, "Connection: close\r\n"));
    assert_int_equal(client_count(c, "HTTP/1.1"), 1);
    buf_done(&text);
    client_free(c, false);
}

static void expect_busy(struct wire *wire, const char *path)
{
    struct client *c = client_new(wire, false);
    struct buf text;
    buf_init(&text, 1000);
    buf_add_fmt(&text, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe", path);
    client_send(c, buf_slice(&text)); /* told before the body is there */
    client_expect(c, "HTTP/1.1 503 Service Unavailable");
    client_expect_end(c);
    assert_true(client_has(c, "Retry-After: 1\r\n") && client_has(c, "Connection: close\r\n"));
    buf_done(&text);
    client_free(c, false);
}

static void a_stop_gets_in_when_all_is_full(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire, small_bounds());
    struct client *full[2];
    fill(&wire, full);
    expect_busy(&wire, "/admission");
    expect_busy(&wire, "/admission");
    expect_served(&wire, "/stop");
    expect_served(&wire, "/outcome");
    expect_served(&wire, "/verdict");
    assert_int_equal(server_counts(wire.server).busy, 2);
    wire_answer(&wire, 0, "done");
    client_expect(full[0], "done");
    client_free(full[0], false);
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 1);
    struct client *c = client_new(&wire, false); /* a normal seat is free again */
    client_say(c, "POST /admission HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect(c, "POST /admission ");
    client_free(c, false);
    client_free(full[1], false);
    wire_close(&wire);
}

/* The reserve fills with the less urgent only so far: four seats are two for verdicts, three for
 * outcomes, four for stops. */
static void the_reserve_is_left_for_the_urgent(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = small_bounds();
    bounds.reserve_ms = 100000;
    wire_open(&wire, bounds);
    struct client *full[2];
    fill(&wire, full);
    struct client *silent[3];
    silent[0] = client_new(&wire, false);
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 3);
    expect_served(&wire, "/verdict");
    silent[1] = client_new(&wire, false);
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 4);
    expect_busy(&wire, "/verdict");
    expect_served(&wire, "/outcome");
    silent[2] = client_new(&wire, false);
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 5);
    expect_busy(&wire, "/verdict");
    expect_busy(&wire, "/outcome");
    expect_served(&wire, "/stop");
    for (int i = 0; i < 3; i++)
        client_free(silent[i], false);
    client_free(full[0], false);
    client_free(full[1], false);
    wire_close(&wire);
}

static void silence_does_not_keep_the_reserve(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = small_bounds();
    bounds.reserve_ms = 50;
    wire_open(&wire, bounds);
    struct client *full[2];
    fill(&wire, full);
    struct client *others[4];
    for (int i = 0; i < 4; i++)
        others[i] = client_new(&wire, false);
    client_say(others[3], "POST /stop HTTP/1.1\r\nHo"); /* begun, and not whole in time */
    struct client *stop = client_new(&wire, false);     /* waits in the kernel */
    client_say(stop, stop_request);
    client_expect(stop, "POST /stop {}");
    client_expect_end(others[0]);
    client_expect_end(others[1]);
    client_expect_end(others[2]);
    client_expect(others[3], "HTTP/1.1 408 ");
    for (int i = 0; i < 4; i++)
        client_free(others[i], false);
    client_free(stop, false);
    client_free(full[0], false);
    client_free(full[1], false);
    wire_close(&wire);
}

static void the_refused_give_their_seats_up(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = small_bounds();
    bounds.linger_ms = 100000;
    wire_open(&wire, bounds);
    struct client *full[2];
    fill(&wire, full);
    struct client *refused[8]; /* twice the reserve; none closes its side */
    for (int i = 0; i < 8; i++) {
        refused[i] = client_new(&wire, false);
        client_say(refused[i], "POST /admission HTTP/1.1\r\nHost: h\r\n\r\n");
        client_expect(refused[i], "HTTP/1.1 503 ");
        client_expect_end(refused[i]);
    }
    expect_served(&wire, "/stop");
    WIRE_UNTIL(&wire, server_connection_count(wire.server) == 2 + 8); /* they linger on */
    for (int i = 0; i < 8; i++)
        client_free(refused[i], false);
    client_free(full[0], false);
    client_free(full[1], false);
    wire_close(&wire);
}

static void who_is_idle_makes_room(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = small_bounds();
    bounds.evict_ms = 0;
    wire_open(&wire, bounds);
    struct client *clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = client_new(&wire, false);
        client_say(clients[i], "POST /admission HTTP/1.1\r\nHost: h\r\n\r\n");
        client_expect(clients[i], "POST /admission ");
        assert_false(client_has(clients[i], "Connection: close")); /* a normal seat */
    }
    client_expect_end(clients[0]); /* the longest idle */
    assert_false(clients[1]->has_ended);
    for (int i = 0; i < 3; i++)
        client_free(clients[i], false);
    wire_close(&wire);
}

static void a_full_lane_is_told_and_others_go_on(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.lane_max[DOOR_LANE_ADMISSION] = 2;
    wire_open(&wire, bounds);
    struct client *full[2];
    fill(&wire, full);
    assert_int_equal(server_lane_count(wire.server, DOOR_LANE_ADMISSION), 2);
    struct client *c = client_new(&wire, false);
    client_say(c, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    client_expect(c, "503: too many requests of this kind are under way");
    assert_true(client_has(c, "Retry-After: 1\r\n"));
    client_say(c, stop_request); /* the connection lives */
    client_expect(c, "POST /stop {}");
    wire_answer(&wire, 0, "done");
    client_expect(full[0], "done");
    buf_reset(&c->got);
    client_say(c, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    client_expect(c, "POST /a hi");
    client_free(full[0], false);
    client_free(full[1], false);
    client_free(c, false);
    wire_close(&wire);
}

static void bodies_in_memory_are_bounded(void **state)
{
    (void)state;
    struct wire wire;
    struct server_bounds bounds = wire_bounds();
    bounds.held_max = 1500;
    bounds.body_max = 1000;
    wire_open(&wire, bounds);
    struct client *half = client_new(&wire, false);
    struct client *c = client_new(&wire, false);
    client_say(half, "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n");
    client_say(c, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    client_expect(c, "POST /b hi"); /* so both heads were read */
    buf_reset(&c->got);
    client_say(c, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 501\r\n\r\n");
    client_expect(c, "503: too many request bodies are being read");
    client_expect_end(c);
    client_free(c, false);
    c = client_new(&wire, false);
    char body[501] = {0};
    client_say(c, "POST /stop HTTP/1.1\r\nHost: h\r\nContent-Length: 501\r\n\r\n");
    client_send(c, slice_of(body, sizeof body));
    client_expect(c, "POST /stop "); /* the urgent is not held back */
    client_say(half, "x\r\n0\r\n\r\n");
    client_expect(half, "POST /a x");
    buf_reset(&c->got);
    client_say(c, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 501\r\n\r\n");
    client_send(c, slice_of(body, sizeof body));
    client_expect(c, "POST /b ");
    client_free(c, false);
    client_free(half, false);
    wire_close(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_gets_in_when_all_is_full),
        cmocka_unit_test(the_reserve_is_left_for_the_urgent),
        cmocka_unit_test(silence_does_not_keep_the_reserve),
        cmocka_unit_test(the_refused_give_their_seats_up),
        cmocka_unit_test(who_is_idle_makes_room),
        cmocka_unit_test(a_full_lane_is_told_and_others_go_on),
        cmocka_unit_test(bodies_in_memory_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
