/* server/lanes.h - who gets in when there is little room (R30). Pure: counts and decisions.
 * Owns: the counts of seats, of requests under way in each lane, and of body bytes in memory.
 * Invariants:
 *   1. A connection takes a normal seat while there is one, then one of the reserve, else none.
 *   2. On the reserve a stop is always served; an outcome while at most 3/4 of it is in use, a
 *      verdict while at most half is; admissions and reads never. So however many of the less
 *      urgent come, some of the reserve is left for the more urgent.
 *   3. No lane has more requests under way than its maximum; a full lane does not touch another.
 *   4. A connection that only waits for its peer to hear its end gives its seat up; those are
 *      counted apart, and past their maximum they are closed at once.
 *   5. Bodies of admissions and reads together stay within held_max; the urgent lanes are held
 *      back by their own maxima only. */
#pragma once
#include "server/bounds.h"

enum lanes_seat { LANES_NO_SEAT, LANES_NORMAL, LANES_RESERVE, LANES_LINGERING };

struct lanes {
    const struct server_bounds *bounds;
    size_t normal_count, reserve_count, lingering_count;
    size_t under_way[DOOR_LANE_COUNT];
    size_t held_size;
};

/* The bounds must outlive it. */
void lanes_init(struct lanes *lanes, const struct server_bounds *bounds);
enum lanes_seat lanes_sit(struct lanes *lanes);
/* Gives the seat up for a place among the lingering; false: there is none, the seat stays. */
bool lanes_linger(struct lanes *lanes, enum lanes_seat *seat);
/* LANES_NO_SEAT is nothing. */
void lanes_stand(struct lanes *lanes, enum lanes_seat seat);
bool lanes_may_serve(const struct lanes *lanes, enum lanes_seat seat, enum door_lane lane);
/* One more under way; false: its lane is full. */
bool lanes_enter(struct lanes *lanes, enum door_lane lane);
void lanes_leave(struct lanes *lanes, enum door_lane lane);
/* Room for a body; false: there is none. */
bool lanes_hold(struct lanes *lanes, enum door_lane lane, size_t size);
void lanes_release(struct lanes *lanes, size_t size);
/* Nobody sits, nothing is under way or held. */
bool lanes_are_empty(const struct lanes *lanes);
