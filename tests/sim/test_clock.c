/* The machine's clock is wrong, in virtual time (R29): it is moved while interlock runs, while it
 * is down, and over boots. Compared with a model: when a start is doubtful, what must wait then,
 * and for how long an upstream truly knows a key. */
#include "sim/clock_world.h"

/* ---- the model ---- */

/* Near a limit: a sign of life is up to 20 s old, so the model could not tell. */
static bool is_near(int64_t ms)
{
    const int64_t limits[] = {-MINUTE, MINUTE, 7 * DAY};
    for (size_t i = 0; i < 3; i++)
        if (ms > limits[i] - 50 * SECOND && ms < limits[i] + 50 * SECOND)
            return true;
    return false;
}

static bool is_plausible(int64_t ms)
{
    return ms >= -MINUTE && ms <= 7 * DAY;
}

/* It was at `before` when it died, and was down for so long. */
static bool judge(struct world *world, int64_t before, int64_t down_ms, bool is_same)
{
    int64_t step = world_wall(world) - before - (is_same ? down_ms : 0);
    int64_t as_before = step - world->lag_ms;
    bool was_off = is_off(world->lag_ms);
    bool is_believed = is_same ? !is_off(step) : is_plausible(step);
    bool is_doubtful =
        !is_believed && !(was_off && (is_same ? !is_off(as_before) : is_plausible(as_before)));
    int64_t told = is_believed || !was_off ? step : as_before;
    bool is_short = !is_same && !is_doubtful && told < down_ms - MINUTE / 2;
    for (int i = 0; i < world->next_id; i++) {
        struct thing *thing = &world->things[i];
        if (is_short && !(is_believed && was_off))
            thing->is_unknowable = true; /* a clock that is wrong within reason: no one can know */
        if (is_doubtful && !is_same && thing->may_have_happened)
            thing->is_never = true;
    }
    if (!is_doubtful && is_believed)
        world->lag_ms = 0;
    world->is_down_unknown = is_doubtful && !is_same;
    return is_doubtful;
}

static void begin_doubt(struct world *world, bool is_doubtful)
{
    int64_t until = now_of(world) + 10 * MINUTE;
    bool goes_on = world->is_doubtful && world->until_ms < until && world->until_ms > now_of(world);
    world->first_new = is_doubtful ? world->next_id : 0;
    world->until_ms = goes_on ? world->until_ms : until;
    world->is_doubtful = is_doubtful;
    for (int i = 0; is_doubtful && i < world->next_id; i++)
        world->things[i].had_ended =
            world->things[i].action && state_is_end(state_of(world, &world->things[i]));
}

/* Nothing of what was there ends while it is doubtful; and how that is over. */
static void look(struct world *world)
{
    int64_t step = step_of(world);
    if (!world->is_doubtful &&
        incident_of(world) == 0) /* what is off by then, time has confirmed */
        world->lag_ms = is_off(step) ? step : 0;
    if (!world->is_doubtful)
        return;
    for (int i = 0; i < world->first_new; i++) {
        const struct thing *thing = &world->things[i];
        if (thing->action && !thing->had_ended && state_is_end(state_of(world, thing)))
            FAIL(world, "%d ends while the clock is doubtful", i);
    }
}

/* Before time passes: is it over by then? */
static void expect_over(struct world *world, int64_t ms)
{
    if (world->is_doubtful && now_of(world) + ms >= world->until_ms - 30 * SECOND)
        world->is_doubtful = false;
}

/* It is confirmed, or right: what the machine tells counts, or is known to be behind. */
static void settle(struct world *world)
{
    int64_t step = step_of(world);
    if (step > MINUTE)
        FAIL(world, "the clock is confirmed, and interlock's time is %lld s behind it",
             (long long)step / 1000);
    world->lag_ms = is_off(step) ? step : 0;
    world->is_doubtful = false;
}

/* ---- what happens ---- */

static const int64_t offs[] = {0, 2 * HOUR, -2 * HOUR, DAY, -DAY, 30 * DAY};

static void move_off(struct world *world)
{
    world->off_ms = offs[prng_below(&world->rig.prng, sizeof offs / sizeof *offs)];
}

static void restart(struct world *world)
{
    static const int64_t downs[] = {100, 20 * SECOND, 5 * MINUTE, HOUR, 3 * HOUR};
    bool is_same = prng_below(&world->rig.prng, 2) > 0;
    int64_t before = now_of(world);
    int64_t down = downs[prng_below(&world->rig.prng, is_same ? 5 : 3)];
    if (!is_same && down < 20 * SECOND)
        down = 20 * SECOND;
    crash(world);
    if (prng_below(&world->rig.prng, 2))
        move_off(world);
    world->true_ms += down;
    for (;; world->off_ms += 2 * MINUTE) {
        int64_t step = world_wall(world) - before - (is_same ? down : 0);
        if (!is_near(step) && !is_near(step - world->lag_ms))
            break;
    }
    if (!is_same) {
        world->boot_ms = world->true_ms - 10 * SECOND;
        world->rig.boot++;
    }
    bool is_doubtful = judge(world, before, down, is_same);
    bool was_doubtful = world->is_doubtful;
    int64_t until = world->until_ms;
    world->is_doubtful = is_doubtful; /* from the first moment on */
    world->first_new = world->next_id;
    start(world);
    world->is_doubtful = was_doubtful;
    world->until_ms = until;
    if (now_of(world) < before - 40 * SECOND)
        FAIL(world, "time goes back by %lld s", (long long)(before - now_of(world)) / 1000);
    begin_doubt(world, is_doubtful);
    expect_over(world, SECOND);
    bool is_waiting = world->is_doubtful;
    pass(world, SECOND, SECOND);
    if (is_doubtful && is_waiting && incident_of(world) == 0)
        FAIL(world, "a doubtful clock opens no incident");
}

static void step_clock(struct world *world)
{
    move_off(world);
    int64_t step = step_of(world);
    if (is_near(step) || is_near(step - world->lag_ms))
        world->off_ms += 3 * MINUTE;
    step = step_of(world);
    bool is_right = world->is_down_unknown && world->is_doubtful
                        ? is_plausible(step)
                        : !is_off(step) || !is_off(step - world->lag_ms);
    if (is_right)
        world->is_doubtful = false;
    expect_over(world, SECOND);
    pass(world, SECOND, SECOND);
    bool is_news = is_off(step_of(world)) && is_off(step_of(world) - world->lag_ms);
    if (is_news && incident_of(world) == 0)
        FAIL(world, "the clock was moved by %lld s, and there is no incident",
             (long long)step_of(world) / 1000);
    if (is_right && incident_of(world) != 0)
        FAIL(world, "the clock is right, and its incident is open");
}

static void person(struct world *world)
{
    if (incident_of(world) == 0)
        return;
    world->is_doubtful = false;
    confirm(world);
    settle(world);
    if (incident_of(world) != 0)
        FAIL(world, "it is confirmed, and its incident is open");
}

static void move_stop(struct world *world)
{
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_STOPPED};
    if (!world->is_stopped) {
        world->rig.port.stop(world->rig.port.impl, &rig_ana, &order, rig_ignore, NULL);
    } else {
        uint64_t incident = rig_incident(&world->rig);
        world->rig.port.restart(world->rig.port.impl, &rig_ana, incident, SLICE("x"), rig_ignore,
                                NULL);
        rig_settle(&world->rig);
        world->rig.port.approve(world->rig.port.impl, &rig_ben, incident, rig_ignore, NULL);
    }
    rig_settle(&world->rig);
    world->is_stopped = rig_incident(&world->rig) != 0;
}

static void answer_some(struct world *world)
{
    for (int i = 0; i < CALLS; i++) {
        uint64_t what = prng_below(&world->rig.prng, 6);
        if (!world->calls[i].arg || what == 5)
            continue;
        if (what == 0)
            answer(world, i, UPSTREAM_ANSWERED, 200);
        else
            answer(world, i, what < 3 ? UPSTREAM_SENT_NO_ANSWER : UPSTREAM_ANSWERED, 503);
    }
}

static void wait_some(struct world *world)
{
    static const int64_t spans[] = {2 * SECOND, 30 * SECOND, 4 * MINUTE, 11 * MINUTE, HOUR};
    int64_t span = spans[prng_below(&world->rig.prng, 5)];
    int64_t slice = span > MINUTE ? 20 * SECOND : 2 * SECOND;
    bool was_doubtful = world->is_doubtful;
    for (int64_t passed = 0; passed < span; passed += slice) {
        expect_over(world, slice);
        pass(world, slice, slice);
        look(world);
        if (was_doubtful && now_of(world) >= world->until_ms + MINUTE) {
            was_doubtful = false;
            if (step_of(world) > MINUTE && incident_of(world) == 0)
                FAIL(world, "10 min have passed, and the clock is not taken");
        }
    }
}

static void step(struct world *world)
{
    switch (prng_below(&world->rig.prng, 12)) {
    case 0:
    case 1:
        restart(world);
        break;
    case 2:
        step_clock(world);
        break;
    case 3:
        person(world);
        break;
    case 4:
        move_stop(world);
        break;
    case 5:
    case 6:
    case 7:
        submit(world);
        break;
    case 8:
    case 9:
        answer_some(world);
        break;
    default:
        wait_some(world);
        break;
    }
    look(world);
}

/* Time confirms what nobody has: then the model's lag is what is left. */
static void follow(struct world *world, bool was_doubtful)
{
    if (!was_doubtful || world->is_doubtful || now_of(world) < world->until_ms)
        return;
    if (incident_of(world) == 0)
        settle(world);
}

static void play(uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    init(world, seed);
    bool was_doubtful = false;
    for (int i = 0; i < 150; i++) {
        was_doubtful = was_doubtful || world->is_doubtful;
        if (was_doubtful && !world->is_doubtful) { /* near its end: let it come */
            pass(world, 2 * MINUTE, 10 * SECOND);
            follow(world, true);
            was_doubtful = false;
        }
        step(world);
    }
    world->is_doubtful = false;
    for (int i = 0; i < 3 && incident_of(world); i++)
        confirm(world);
    while (world->is_stopped)
        move_stop(world);
    for (int i = 0; i < 200; i++) {
        answer_all(world);
        pass(world, i < 60 ? 10 * SECOND : HOUR, i < 60 ? 10 * SECOND : 10 * MINUTE);
    }
    for (int i = 0; i < world->next_id; i++) {
        if (world->things[i].action == 0)
            continue;
        enum action_state state = state_of(world, &world->things[i]);
        if (state == STATE_WAITING || state == STATE_HELD || state == STATE_ATTEMPTING)
            FAIL(world, "%d is %s for ever", i, state_name(state));
    }
    rig_done(&world->rig);
    free(world);
}

static void random_clocks(void **state)
{
    (void)state;
    rig_each_seed(60, 400, play);
}

/* ---- one after the other ---- */

/* what: a part of the flag; NULL: there is none. */
static void expect_flag(struct world *world, const char *what)
{
    struct arena arena;
    struct engine_health health;
    arena_init(&arena, 1 << 20);
    world->rig.port.health(world->rig.port.impl, &arena, &health);
    bool has = what && health.flag.size > 0 &&
               memmem(health.flag.at, health.flag.size, what, strlen(what)) != NULL;
    if (what ? !has : health.flag.size > 0)
        fail_msg("it says: %.*s", SLICE_FMT(health.flag));
    arena_done(&arena);
}

/* The newest messages of whoever is told first. */
static void expect_told(const struct world *world, const char *what)
{
    for (size_t i = 0; i < world->line_count && i < LINES; i++)
        if (strstr(world->lines[i], what))
            return;
    for (size_t i = 0; i < world->line_count && i < LINES; i++)
        print_message("told: %s\n", world->lines[i]);
    fail_msg("nobody was told: %s", what);
}

/* How many records of the clock there are, and what the last says. */
static size_t records_of(struct world *world, const char *subject, uint64_t number)
{
    struct store_record rows[LIMIT_PAGE];
    size_t count = LIMIT_PAGE, found = 0;
    uint64_t after = 0;
    while (count == LIMIT_PAGE) {
        struct arena arena;
        arena_init(&arena, 1 << 24);
        assert_int_equal(world->rig.store_port.list_records(world->rig.store_port.impl, after + 1,
                                                            LIMIT_PAGE, &arena, rows, &count),
                         ERR_OK);
        for (size_t i = 0; i < count; i++) {
            struct record record;
            after = rows[i].seq;
            assert_int_equal(record_decode(rows[i].body, &arena, &record), ERR_OK);
            found += record.kind == RECORD_CLOCK && slice_is(record.subject, subject) &&
                     record.number == number;
        }
        arena_done(&arena);
    }
    return found;
}

/* One action that will be tried again in a moment. */
static void begin_retry(struct world *world)
{
    submit(world);
    assert_non_null(world->calls[0].arg);
    answer(world, 0, UPSTREAM_ANSWERED, 429);
    assert_int_equal(state_of(world, &world->things[0]), STATE_WAITING);
}

static void down(struct world *world, int64_t ms, bool is_same_boot)
{
    crash(world);
    world->true_ms += ms;
    if (!is_same_boot) {
        world->boot_ms = world->true_ms - 10 * SECOND;
        world->rig.boot++;
    }
    start(world);
    pass(world, SECOND, SECOND);
}

static struct world *begin(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    init(world, 1);
    pass(world, MINUTE, SECOND);
    expect_flag(world, NULL);
    return world;
}

static void end(struct world *world)
{
    rig_done(&world->rig);
    free(world);
}

static void a_step_is_told(void **state)
{
    struct world *world = begin();
    (void)state;
    world->off_ms = 30 * SECOND; /* drift, and its correction */
    pass(world, SECOND, SECOND);
    expect_flag(world, NULL);
    assert_int_equal(incident_of(world), 0);
    world->off_ms = DAY;
    pass(world, 2 * SECOND, SECOND);
    expect_flag(world, "moved 1 d ahead");
    expect_told(world, "ana: clock DEGRADED: the clock of this machine was moved 1 d ahead: "
                       "interlock goes on by its own time, and nothing comes due by that");
    expect_told(world, "Set the clock right; or, if it is right as it is:  interlock incident i_");
    assert_int_equal(records_of(world, "moved_ahead", DAY), 1);
    pass(world, 10 * MINUTE, 10 * SECOND);
    assert_int_equal(records_of(world, "moved_ahead", DAY), 1);
    assert_true(step_of(world) == DAY); /* within a run nothing confirms it but a person */
    world->off_ms = -2 * HOUR;
    pass(world, 2 * SECOND, SECOND);
    expect_flag(world, "moved 2 h back");
    assert_int_equal(records_of(world, "moved_back", 2 * HOUR), 1);
    world->off_ms = 0;
    pass(world, 2 * SECOND, SECOND);
    expect_flag(world, NULL);
    assert_int_equal(incident_of(world), 0);
    expect_told(world, "clock RECOVERED");
    expect_told(world, "the clock of this machine is right again; it was off by 2 h");
    assert_int_equal(records_of(world, "right", 2 * HOUR), 1);
    end(world);
}

static void a_person_confirms_a_step(void **state)
{
    struct world *world = begin();
    (void)state;
    begin_retry(world);
    world->off_ms = DAY;
    pass(world, SECOND, SECOND);
    confirm(world);
    assert_true(step_of(world) == 0);
    expect_flag(world, NULL);
    assert_int_equal(incident_of(world), 0);
    assert_int_equal(records_of(world, "taken", DAY), 1);
    world->off_ms = 0; /* it was not right: stored time does not go back */
    pass(world, SECOND, SECOND);
    confirm(world);
    assert_true(step_of(world) == -DAY);
    expect_flag(world, "interlock's time is 1 d ahead of the clock of this machine");
    assert_int_equal(incident_of(world), 0);
    down(world, MINUTE, true); /* it is known */
    assert_int_equal(incident_of(world), 0);
    assert_true(step_of(world) == -DAY);
    down(world, 5 * MINUTE, false);
    assert_int_equal(incident_of(world), 0);
    assert_true(step_of(world) <= -DAY && step_of(world) > -DAY - MINUTE);
    end(world);
}

static void a_start_ahead_waits(void **state)
{
    struct world *world = begin();
    (void)state;
    begin_retry(world);
    world->off_ms = DAY;
    down(world, MINUTE, true);
    expect_flag(world, "1 d ahead at the start: what was due before waits until ");
    expect_told(world, "was 1 d ahead at the start: what is due waits until ");
    assert_int_equal(records_of(world, "ahead", DAY), 1);
    assert_true(step_of(world) == DAY); /* the boot clock knows better */
    world->is_doubtful = true;
    world->first_new = world->next_id;
    submit(world); /* what is new goes, and is tried again */
    assert_int_equal(world_calls(world), 1);
    answer(world, 0, UPSTREAM_NOT_SENT, 0);
    pass(world, MINUTE, SECOND);
    assert_int_equal(world_calls(world), 1);
    answer_all(world);
    pass(world, 4 * MINUTE, 10 * SECOND);
    down(world, MINUTE, true); /* a kill does not begin it anew */
    assert_int_equal(records_of(world, "ahead", DAY), 1);
    pass(world, 3 * MINUTE, 10 * SECOND);
    assert_int_equal(state_of(world, &world->things[0]), STATE_WAITING);
    world->is_doubtful = false;
    pass(world, MINUTE, 10 * SECOND);
    assert_int_equal(incident_of(world), 0);
    assert_true(step_of(world) == 0);
    expect_told(world, "interlock takes the time of this machine's clock, 1 d ahead of its own");
    assert_int_equal(records_of(world, "taken", DAY), 1);
    pass(world, 10 * SECOND, SECOND);
    assert_int_not_equal(state_of(world, &world->things[0]), STATE_WAITING);
    end(world);
}

/* While it was down, nobody could look: that confirms nothing. */
static void down_time_confirms_nothing(void **state)
{
    struct world *world = begin();
    (void)state;
    world->off_ms = DAY;
    down(world, MINUTE, true);
    down(world, HOUR, true);
    pass(world, 9 * MINUTE, 10 * SECOND);
    assert_true(step_of(world) == DAY);
    pass(world, 2 * MINUTE, 10 * SECOND);
    assert_true(step_of(world) == 0);
    assert_int_equal(incident_of(world), 0);
    end(world);
}

static void a_clock_that_is_set_right_leaves_no_trace(void **state)
{
    struct world *world = begin();
    (void)state;
    int64_t before = now_of(world);
    begin_retry(world);
    world->off_ms = 30 * DAY;
    down(world, 5 * MINUTE, false);
    assert_true(incident_of(world) != 0);
    assert_true(now_of(world) - before < MINUTE);
    assert_int_equal(state_of(world, &world->things[0]), STATE_WAITING);
    world->off_ms = 0;
    pass(world, SECOND, SECOND);
    assert_int_equal(incident_of(world), 0);
    assert_true(step_of(world) == 0);
    expect_told(world, "interlock WAS DOWN for 5 min"); /* only now it is known */
    pass(world, 10 * SECOND, SECOND);
    assert_int_equal(world_calls(world), 1);
    end(world);
}

static void expect_not_told(const struct world *world, const char *what)
{
    for (size_t i = 0; i < world->line_count && i < LINES; i++)
        if (strstr(world->lines[i], what))
            fail_msg("told: %s", world->lines[i]);
}

/* What the clock jumps over, when it is believed, is no time in which anybody could have come. */
static void a_jump_is_no_silence(void **state)
{
    static const char listening[] = "workflow: w\npurpose: To be late\nowner: team\nrestart: team\n"
                                    "inform: ana\nmode: auto\nramp: []\n"
                                    "triggers:\n  - silent: alert if silent > 6h\n"
                                    "steps:\n"
                                    "  s:\n    kind: webhook\n"
                                    "    call: plain POST /x/${input.id}\n    key: ${input.id}\n";
    (void)state;
    for (int is_at_start = 0; is_at_start < 3; is_at_start++) {
        struct world *world = begin();
        world->policy = listening;
        down(world, 5 * SECOND, true);
        submit(world);
        answer_all(world);
        world->off_ms = 30 * DAY;
        if (is_at_start > 0) /* 1: the same boot; 2: another */
            down(world, MINUTE, is_at_start == 1);
        pass(world, MINUTE, SECOND);
        assert_true(incident_of(world) != 0);
        confirm(world);
        assert_true(step_of(world) == 0);
        pass(world, 5 * HOUR, 20 * SECOND);
        expect_not_told(world, "nothing has come");
        pass(world, 2 * HOUR, 20 * SECOND);
        expect_told(world, "nothing has come");
        end(world);
    }
}

/* That nobody could say for how long it was down is no down time, when the clock moves later. */
static void it_was_up_meanwhile(void **state)
{
    static const int64_t offs_at_start[] = {-DAY, -(5 * MINUTE + 30 * SECOND)};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world *world = begin();
        world->off_ms = offs_at_start[i];
        down(world, 5 * MINUTE, false);
        pass(world, 11 * MINUTE, 10 * SECOND);
        assert_int_equal(incident_of(world), 0);
        pass(world, 2 * HOUR, 20 * SECOND);
        world->off_ms = 30 * DAY;
        pass(world, 2 * SECOND, SECOND);
        confirm(world);
        pass(world, MINUTE, SECOND);
        assert_true(step_of(world) == 0);
        expect_not_told(world, "WAS DOWN");
        end(world);
    }
}

/* The last sign of life is that of where the copy was made: it was not down. */
static void a_copy_was_not_down(void **state)
{
    struct world *world = begin();
    (void)state;
    world->is_copy = true;
    down(world, 14 * DAY, false);
    assert_true(incident_of(world) != 0);
    confirm(world);
    assert_true(step_of(world) == 0);
    pass(world, MINUTE, SECOND);
    expect_not_told(world, "WAS DOWN");
    end(world);
}

static void a_start_behind_begins_at_the_store(void **state)
{
    struct world *world = begin();
    (void)state;
    int64_t before = now_of(world);
    submit(world); /* what a crash finds open may have happened */
    world->off_ms = -DAY;
    down(world, HOUR, false);
    assert_true(now_of(world) >= before && now_of(world) < before + MINUTE);
    expect_flag(world, "1 d behind at the start");
    /* R6: nobody knows how long ago it was sent. */
    assert_int_equal(state_of(world, &world->things[0]), STATE_UNCERTAIN);
    down(world, MINUTE, true);
    assert_true(now_of(world) >= before + MINUTE);
    pass(world, 10 * MINUTE, 10 * SECOND);
    assert_int_equal(incident_of(world), 0);
    expect_told(world, "interlock goes on by its own time, 1 d ahead of this machine's clock");
    end(world);
}

static void a_reboot_is_no_news(void **state)
{
    struct world *world = begin();
    (void)state;
    begin_retry(world);
    down(world, 6 * DAY, false);
    expect_flag(world, NULL);
    assert_int_equal(incident_of(world), 0);
    assert_int_not_equal(state_of(world, &world->things[0]), STATE_WAITING);
    end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_told),
        cmocka_unit_test(a_person_confirms_a_step),
        cmocka_unit_test(a_start_ahead_waits),
        cmocka_unit_test(down_time_confirms_nothing),
        cmocka_unit_test(a_clock_that_is_set_right_leaves_no_trace),
        cmocka_unit_test(a_start_behind_begins_at_the_store),
        cmocka_unit_test(a_jump_is_no_silence),
        cmocka_unit_test(it_was_up_meanwhile),
        cmocka_unit_test(a_copy_was_not_down),
        cmocka_unit_test(a_reboot_is_no_news),
        cmocka_unit_test(random_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
