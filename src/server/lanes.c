#include "server/lanes.h"

#include "base/check.h"

void lanes_init(struct lanes *lanes, const struct server_bounds *bounds)
{
    CHECK(bounds->connections_reserve < bounds->connections_max);
    *lanes = (struct lanes){.bounds = bounds};
}

enum lanes_seat lanes_sit(struct lanes *lanes)
{
    const struct server_bounds *bounds = lanes->bounds;
    if (lanes->normal_count < bounds->connections_max - bounds->connections_reserve) {
        lanes->normal_count++;
        return LANES_NORMAL;
    }
    if (lanes->reserve_count < bounds->connections_reserve) {
        lanes->reserve_count++;
        return LANES_RESERVE;
    }
    return LANES_NO_SEAT;
}

static size_t *lanes_count(struct lanes *lanes, enum lanes_seat seat)
{
    switch (seat) {
    case LANES_NORMAL:
        return &lanes->normal_count;
    case LANES_RESERVE:
        return &lanes->reserve_count;
    case LANES_LINGERING:
        return &lanes->lingering_count;
    case LANES_NO_SEAT:
        break;
    }
    return NULL;
}

void lanes_stand(struct lanes *lanes, enum lanes_seat seat)
{
    size_t *count = lanes_count(lanes, seat);
    if (!count)
        return;
    CHECK(*count > 0);
    (*count)--;
}

bool lanes_linger(struct lanes *lanes, enum lanes_seat *seat)
{
    if (lanes->lingering_count >= lanes->bounds->lingering_max)
        return false;
    lanes_stand(lanes, *seat);
    lanes->lingering_count++;
    *seat = LANES_LINGERING;
    return true;
}

bool lanes_may_serve(const struct lanes *lanes, enum lanes_seat seat, enum door_lane lane)
{
    size_t reserve = lanes->bounds->connections_reserve;
    if (seat == LANES_NORMAL)
        return true;
    switch (lane) { /* invariant 2 */
    case DOOR_LANE_STOP:
        return true;
    case DOOR_LANE_OUTCOME:
        return lanes->reserve_count * 4 <= reserve * 3;
    case DOOR_LANE_VERDICT:
        return lanes->reserve_count * 2 <= reserve;
    case DOOR_LANE_ADMISSION:
    case DOOR_LANE_READ:
    case DOOR_LANE_COUNT:
        return false;
    }
    CHECK_UNREACHABLE();
}

bool lanes_enter(struct lanes *lanes, enum door_lane lane)
{
    CHECK((unsigned)lane < DOOR_LANE_COUNT);
    if (lanes->under_way[lane] >= lanes->bounds->lane_max[lane])
        return false;
    lanes->under_way[lane]++;
    return true;
}

void lanes_leave(struct lanes *lanes, enum door_lane lane)
{
    CHECK((unsigned)lane < DOOR_LANE_COUNT && lanes->under_way[lane] > 0);
    lanes->under_way[lane]--;
}

bool lanes_hold(struct lanes *lanes, enum door_lane lane, size_t size)
{
    bool is_urgent = lane < DOOR_LANE_ADMISSION; /* first = most urgent */
    size_t max = lanes->bounds->held_max;
    if (!is_urgent && size > 0 && (lanes->held_size > max || size > max - lanes->held_size))
        return false;
    lanes->held_size += size;
    return true;
}

void lanes_release(struct lanes *lanes, size_t size)
{
    CHECK(size <= lanes->held_size);
    lanes->held_size -= size;
}

bool lanes_are_empty(const struct lanes *lanes)
{
    size_t sum =
        lanes->normal_count + lanes->reserve_count + lanes->lingering_count + lanes->held_size;
    for (int lane = 0; lane < DOOR_LANE_COUNT; lane++)
        sum += lanes->under_way[lane];
    return sum == 0;
}
