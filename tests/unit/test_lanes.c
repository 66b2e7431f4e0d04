/* server/lanes: who gets in when there is little room. Each case is a line: what happens, and what
 * each step is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/lanes.h"

/* Steps: s = sit, N R L = such a one stands, l = the last to sit lingers; 0 to 4 = may the last one
 * to sit be served in that lane; a to e = one more under way in that lane, A to E = one less; h =
 * hold 60 bytes of an admission, H = of a stop, f = release 60. Told: the seat (N, R, -), or y and
 * n. */
static const struct {
    const char *name, *steps, *told;
} cases[] = {
    {"seats run out", "sssssssss", "NNRRRR---"},
    {"a normal seat is given again", "sssNs", "NNR N"},
    {"a seat of the reserve is given again", "ssssssRs", "NNRRRR R"},
    {"all lanes on a normal seat", "s01234", "Nyyyyy"},
    {"first of the reserve", "sss01234", "NNRyyynn"},
    {"second of the reserve", "ssss01234", "NNRRyyynn"},
    {"third of the reserve", "sssss01234", "NNRRRyynnn"},
    {"last of the reserve", "ssssss01234", "NNRRRRynnnn"},
    {"lingering gives the seat up", "ssslls", "NNRyyN"},
    {"lingering has a maximum", "sssllls", "NNRyynN"},
    {"lanes are full on their own", "aaabcdeee", "yynyyyyyn"},
    {"leaving makes room", "aaAaa", "yy yn"},
    {"bodies run out for admissions", "hhHhffh", "ynyn  y"},
};

struct lanes_case {
    struct lanes lanes;
    enum lanes_seat seats[16];
    size_t seat_count;
};

static char take_step(struct lanes_case *c, char step)
{
    struct lanes *lanes = &c->lanes;
    enum lanes_seat *last = c->seat_count ? &c->seats[c->seat_count - 1] : NULL;
    enum lanes_seat seat = LANES_NO_SEAT;
    switch (step) {
    case 's':
        seat = lanes_sit(lanes);
        if (seat != LANES_NO_SEAT)
            c->seats[c->seat_count++] = seat;
        return seat == LANES_NORMAL ? 'N' : seat == LANES_RESERVE ? 'R' : '-';
    case 'N':
        lanes_stand(lanes, LANES_NORMAL);
        return ' ';
    case 'R':
        lanes_stand(lanes, LANES_RESERVE);
        return ' ';
    case 'l':
        if (!lanes_linger(lanes, last))
            return 'n';
        c->seat_count--;
        return 'y';
    case 'h':
        return lanes_hold(lanes, DOOR_LANE_ADMISSION, 60) ? 'y' : 'n';
    case 'H':
        return lanes_hold(lanes, DOOR_LANE_STOP, 60) ? 'y' : 'n';
    case 'f':
        lanes_release(lanes, 60);
        return ' ';
    default:
        break;
    }
    if (step >= '0' && step <= '4')
        return lanes_may_serve(lanes, *last, (enum door_lane)(step - '0')) ? 'y' : 'n';
    if (step >= 'a' && step <= 'e')
        return lanes_enter(lanes, (enum door_lane)(step - 'a')) ? 'y' : 'n';
    lanes_leave(lanes, (enum door_lane)(step - 'A'));
    return ' ';
}

static void cases_hold(void **state)
{
    (void)state;
    static const struct server_bounds bounds = {
        .connections_max = 6,
        .connections_reserve = 4,
        .lingering_max = 2,
        .held_max = 100,
        .lane_max = {2, 2, 2, 2, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lanes_case c = {0};
        lanes_init(&c.lanes, &bounds);
        char told[32] = {0};
        for (size_t j = 0; cases[i].steps[j]; j++)
            told[j] = take_step(&c, cases[i].steps[j]);
        if (!slice_is(slice_text(told), cases[i].told))
            fail_msg("%s (%s): got \"%s\", want \"%s\"", cases[i].name, cases[i].steps, told,
                     cases[i].told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
