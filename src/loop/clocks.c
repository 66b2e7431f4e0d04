/* loop/clocks.c - the clock of the machine: judged at a start, watched while interlock runs. What
 * it says otherwise than the time that has passed is recorded, told, and not believed at once. */
#include "loop/clocks.h"

#include "core/wall.h"
#include "loop/alerts.h"
#include "loop/engine_state.h"
#include "loop/steps.h"
#include "loop/timers.h"
#include "loop/triggers.h"
#include "loop/upstreams.h"
#include "loop/watchdog.h"
#include "record/clock_text.h"
#include "record/ids.h"
#include "record/life_row.h"

/* The machine's clock is so far ahead of interlock's time. */
static int64_t clock_step_ms(const struct engine *engine)
{
    const struct clock_port *clock = &engine->options.clock;
    int64_t step_ms = clock->step_ms ? clock->step_ms(clock->impl) : 0;
    return clock->now_unix_ms(clock->impl) + step_ms - engine->now_unix_ms;
}

static int64_t clock_size(int64_t step_ms)
{
    return step_ms < 0 ? -step_ms : step_ms;
}

/* ---- what waits ---- */

bool engine_defers(const struct engine *engine)
{
    return engine->clocks.until_unix_ms != 0;
}

bool engine_defers_action(const struct engine *engine, const struct action *action)
{
    return engine_defers(engine) && action->submitted_unix_ms <= engine->started_unix_ms;
}

int64_t engine_late_ms(const struct engine *engine, const struct action *action)
{
    int64_t first = action->first_start_unix_ms;
    if (first == 0 || first > engine->started_unix_ms)
        return 0; /* in this run: the boot clock knows */
    if (first <= engine->clocks.unsure_unix_ms)
        return WALL_LATE_MS;
    int64_t step_ms = engine_defers(engine) ? clock_step_ms(engine) : 0;
    return step_ms > 0 ? step_ms : 0;
}

int64_t engine_age_ms(const struct engine *engine, int64_t since_unix_ms)
{
    bool is_before = engine_defers(engine) && since_unix_ms <= engine->started_unix_ms;
    int64_t step_ms = is_before ? clock_step_ms(engine) : 0;
    return engine->now_unix_ms - since_unix_ms + (step_ms > 0 ? step_ms : 0);
}

/* All that has waited is looked at. */
static void clock_let_go(struct engine *engine)
{
    engine->clocks.until_unix_ms = 0;
    if (engine->clocks.down_ms < 0) /* and nobody will know */
        engine->clocks.down_ms = 0;
    for (size_t i = 0; i < engine->upstream_count; i++) {
        struct upstream_state *upstream = &engine->upstreams[i];
        upstream->may_have_waiting = true;
        upstream->drain.rounds = 0;
        if (upstream->held > 0 && !upstream->drain.is_on)
            upstream->drain.at_unix_ms = engine->now_unix_ms;
    }
    engine->is_ordering = true;
    engine->order_after = 0;
    engine_due_at(engine, engine->now_unix_ms);
}

/* ---- what is recorded and told ---- */

static struct alert *clock_alert(struct engine *engine)
{
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (alert->journal.lasting == LASTING_CLOCK)
            return alert;
    }
    return NULL;
}

static void clock_record(struct engine *engine, struct alert *alert, struct record *record)
{
    struct pending none = {0};
    struct control control = {.record = *record};
    if (alert)
        engine_alert_save(engine, alert, record, (struct slice){0}, &none);
    else
        engine_save_control(engine, &control, &none);
}

/* Was it told so before this start? Then it is not recorded again. */
static bool clock_is_of(const struct alert *alert, const struct journal *journal)
{
    return alert && alert->journal.clock_until_unix_ms == journal->clock_until_unix_ms &&
           !wall_is_off(alert->journal.clock_ms - journal->clock_ms);
}

static void clock_notice(struct engine *engine, int64_t step_ms)
{
    struct clocks *clocks = &engine->clocks;
    struct alert *alert = clock_alert(engine);
    bool was_told = alert != NULL;
    struct journal journal = {.kind = INCIDENT_DEGRADED,
                              .lasting = LASTING_CLOCK,
                              .began_unix_ms = engine->now_unix_ms,
                              .clock_ms = step_ms,
                              .clock_until_unix_ms = clocks->until_unix_ms};
    if (!clocks->is_recorded && clock_is_of(alert, &journal)) {
        clocks->is_recorded = true;
        clocks->told_ms = alert->journal.clock_ms;
    }
    bool is_known = clocks->is_recorded;
    bool is_new = !is_known || wall_is_off(step_ms - clocks->told_ms);
    if (engine_defers(engine) && clocks->former_unix_ms > 0)
        journal.began_unix_ms = clocks->former_unix_ms;
    if (was_told && !is_new)
        return;
    if (was_told && engine_defers(engine)) { /* it is another one: from the beginning */
        clocks->until_unix_ms = engine->now_unix_ms + WALL_CONFIRM_MS;
        journal.clock_until_unix_ms = clocks->until_unix_ms;
        engine_save_life(engine);
    }
    if (!was_told)
        alert = engine_alert_begin(engine, &journal, (struct slice){0});
    if (!is_new)
        return; /* it found no room until now */
    clocks->is_recorded = true;
    clocks->told_ms = step_ms;
    if (was_told) {
        alert->journal.clock_ms = step_ms;
        alert->journal.clock_until_unix_ms = clocks->until_unix_ms;
    }
    struct record record = {.kind = RECORD_CLOCK,
                            .subject = clock_code(step_ms, engine_defers(engine)),
                            .due_unix_ms = clocks->until_unix_ms,
                            .number = (uint64_t)clock_size(step_ms)};
    clock_record(engine, alert, &record);
}

/* It is over: recorded, and told to who was told of it. by: who closes it, else nobody. */
static void clock_end(struct engine *engine, struct slice code, int64_t ms, struct slice by)
{
    struct alert *alert = by.size > 0 ? NULL : clock_alert(engine);
    struct record record = {
        .kind = RECORD_CLOCK, .actor = by, .subject = code, .number = (uint64_t)ms};
    struct buf words;
    buf_init(&words, LIMIT_SENTENCE);
    clock_text_add(&words, code, ms);
    clock_record(engine, alert, &record);
    if (alert)
        engine_alert_end(engine, alert, by, buf_slice(&words), NULL);
    engine->clocks.is_recorded = false;
    engine->clocks.told_ms = 0;
    buf_done(&words);
}

/* ---- it is right ---- */

/* Interlock's time is that of the machine's clock from now on. */
static void clock_take(struct engine *engine, int64_t step_ms)
{
    engine->clocks.shift_ms += step_ms;
    engine->alarm_unix_ms = 0; /* it was set by the former time */
    (void)engine_now(engine);
    engine_forgive_silence(engine, step_ms); /* nobody listened for so long */
    if (engine->clocks.down_ms >= 0 || engine->clocks.former_unix_ms == 0)
        return;
    engine->clocks.down_ms = engine->now_unix_ms - engine->clocks.former_unix_ms;
    if (!engine->options.is_copy)
        engine_tell_down(engine, engine->clocks.down_ms); /* only now it is known */
}

void engine_confirm_clock(struct engine *engine, struct slice actor)
{
    int64_t step_ms = clock_step_ms(engine);
    bool is_ahead = step_ms > 0;
    if (is_ahead)
        clock_take(engine, step_ms);
    engine->clocks.lag_ms = is_ahead || !wall_is_off(step_ms) ? 0 : step_ms;
    clock_let_go(engine);
    engine_save_life(engine);
    clock_end(engine, is_ahead ? CLOCK_TAKEN : CLOCK_KEPT, clock_size(step_ms), actor);
    engine_set_alarm(engine);
}

/* The clocks agree; or, after a boot, the machine's clock tells a time that may be true by now. */
static bool clock_is_right(const struct engine *engine, int64_t step_ms)
{
    const struct clocks *clocks = &engine->clocks;
    if (engine_defers(engine) && clocks->down_ms < 0)
        return step_ms >= -WALL_STEP_MS && step_ms <= WALL_DOWN_MS;
    return !wall_is_news(step_ms, clocks->lag_ms);
}

static void clock_settle(struct engine *engine, int64_t step_ms)
{
    struct clocks *clocks = &engine->clocks;
    bool was_waiting = engine_defers(engine);
    if (was_waiting && step_ms > 0 && wall_is_off(step_ms))
        clock_take(engine, step_ms);
    if (!wall_is_off(clock_step_ms(engine)))
        clocks->lag_ms = 0;
    if (was_waiting)
        clock_let_go(engine);
    engine_save_life(engine);
    const struct alert *alert = clock_alert(engine);
    if (clocks->is_recorded || alert)
        clock_end(engine, CLOCK_RIGHT,
                  clock_size(alert ? alert->journal.clock_ms : clocks->told_ms), (struct slice){0});
    engine_set_alarm(engine);
}

void engine_run_clock(struct engine *engine)
{
    struct clocks *clocks = &engine->clocks;
    if (engine->is_closing || engine->has_failed || engine->unsaved >= ENGINE_UNSAVED_ADMIT)
        return;
    int64_t step_ms = clock_step_ms(engine);
    bool is_right = clock_is_right(engine, step_ms);
    if (is_right && (engine_defers(engine) || clocks->is_recorded || clock_alert(engine) ||
                     (clocks->lag_ms != 0 && !wall_is_off(step_ms))))
        clock_settle(engine, step_ms);
    else if (!is_right)
        clock_notice(engine, step_ms);
    if (engine_defers(engine) && engine->now_unix_ms >= clocks->until_unix_ms)
        engine_confirm_clock(engine, (struct slice){0});
}

/* ---- the start ---- */

enum err engine_load_clock(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    const struct clock_port *clock = &engine->options.clock;
    struct clocks *clocks = &engine->clocks;
    struct wall_sign sign = {.at_unix_ms = 0};
    struct wall_now now = {.newest_unix_ms = clocks->newest_unix_ms};
    struct wall_start start;
    struct arena arena;
    struct slice stored = {0};
    arena_init(&arena, 4096);
    enum err err = store->get_row(store->impl, STORE_META, LIFE_ROW_KEY, &arena, &stored);
    if (err == ERR_OK)
        err = life_row_decode(stored, &sign);
    arena_done(&arena);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    int64_t told = clock->now_unix_ms(clock->impl);
    now.wall_unix_ms = told + (clock->step_ms ? clock->step_ms(clock->impl) : 0);
    if (clock->boot)
        clock->boot(clock->impl, &now.boot);
    wall_begin(&sign, &now, &start);
    engine->now_unix_ms = start.at_unix_ms;
    engine->started_unix_ms = start.at_unix_ms;
    *clocks = (struct clocks){.shift_ms = wall_is_off(start.step_ms) ? start.at_unix_ms - told : 0,
                              .newest_unix_ms = now.newest_unix_ms,
                              .former_unix_ms = sign.at_unix_ms,
                              .lag_ms = start.is_doubtful ? sign.lag_ms : start.lag_ms,
                              .unsure_unix_ms = start.unsure_unix_ms,
                              .down_ms = start.down_ms};
    if (!start.is_doubtful)
        return ERR_OK;
    clocks->until_unix_ms = start.at_unix_ms + WALL_CONFIRM_MS;
    if (sign.until_unix_ms > start.at_unix_ms && sign.until_unix_ms < clocks->until_unix_ms)
        clocks->until_unix_ms = sign.until_unix_ms; /* it began in an earlier run */
    return ERR_OK;
}

/* ---- reads ---- */

static void clock_add_confirm(struct engine *engine, struct buf *out)
{
    const struct alert *alert = clock_alert(engine);
    buf_add_text(out, "if it is right as it is");
    if (!alert)
        return;
    buf_add_text(out, ":  interlock incident ");
    text_add_id(out, ID_INCIDENT, alert->incident);
    buf_add_text(out, " --close \"\xe2\x80\xa6\"");
}

void engine_add_clock(struct engine *engine, struct buf *out)
{
    int64_t step_ms = clock_step_ms(engine);
    const struct clocks *clocks = &engine->clocks;
    if (!wall_is_off(step_ms))
        return;
    bool is_news = wall_is_news(step_ms, clocks->lag_ms);
    if (!is_news && !engine_defers(engine)) {
        buf_add_text(out, "interlock's time is ");
        zone_add_span(out, clock_size(step_ms));
        buf_add_text(out, " ahead of the clock of this machine: stored time never goes back");
        return;
    }
    clock_text_add(out, clock_code(step_ms, engine_defers(engine)), clock_size(step_ms));
    if (engine_defers(engine)) {
        buf_add_text(out, ": what was due before waits until ");
        zone_add_time(out, engine->options.zone,
                      (struct zone_time){clocks->until_unix_ms, engine->now_unix_ms}, ZONE_MINUTES);
        buf_add_text(out, ", then it goes on; set the clock right, or, ");
    } else {
        buf_add_text(out, " while interlock runs; interlock goes on by its own time, and nothing "
                          "came due by that: set the clock right, or, ");
    }
    clock_add_confirm(engine, out);
}
