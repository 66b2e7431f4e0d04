/* loop/self_check.c - is a stop possible? Tried at intervals with one that binds nothing.
 * Owns: the trial stop, its row `stop-check` of STORE_META, what came of it.
 * Invariants:
 *   1. The trial stop is in the switchboard within one event only: no action meets it, no list
 *      shows it, and it takes no place from a real stop.
 *   2. Its row is no row of STORE_STOPS: a crash at any moment leaves no stop.
 *   3. It never makes the engine fail, and waits while the store has much to do. */
#include "loop/self_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/switchboard.h"
#include "loop/engine_state.h"
#include "loop/steps.h"
#include "record/stop_row.h"

/* No name of a configuration has such characters. */
#define SELF_CHECK_NAME "(stop check)"
#define SELF_CHECK_KEY "stop-check"
#define SELF_CHECK_FULL                                                                            \
    "the disk of the store is full: a stop counts in memory, and a crash would forget it"

static const struct scope self_check_scope = {.workflow = SLICE(SELF_CHECK_NAME),
                                              .step = SLICE(SELF_CHECK_NAME),
                                              .upstream = SLICE(SELF_CHECK_NAME),
                                              .risk = SLICE(SELF_CHECK_NAME)};

/* ---- what came of it ---- */

/* A change is said once: loudly, and as a record when the store has room for it. */
static void self_check_tell(struct engine *engine)
{
    struct self_check *check = &engine->self_check;
    bool is_bad = check->is_tried && !check->is_good;
    if (is_bad == check->is_told_bad || engine->unsaved >= ENGINE_UNSAVED_ADMIT ||
        engine_has_failed(engine))
        return;
    check->is_told_bad = is_bad;
    struct control control = {.record = {.kind = RECORD_STOP_CHECK,
                                         .subject = slice_text(is_bad ? check->what : ""),
                                         .number = !is_bad}};
    struct pending none = {0};
    engine_save_control(engine, &control, &none);
}

/* what: why it does not work; NULL = it works. */
static void self_check_end(struct engine *engine, const char *what)
{
    struct self_check *check = &engine->self_check;
    bool was_good = !check->is_tried || check->is_good;
    check->is_tried = true;
    check->is_good = what == NULL;
    check->tried_unix_ms = engine->now_unix_ms;
    check->next_unix_ms = engine->now_unix_ms + (what ? STOP_CHECK_AGAIN_MS : STOP_CHECK_MS);
    (void)snprintf(check->what, sizeof check->what, "%s", what ? what : "");
    if (was_good && what)
        (void)fprintf(stderr, "interlock: THE STOP PATH DOES NOT WORK: %s\n", what);
    else if (!was_good && !what)
        (void)fprintf(stderr, "interlock: the stop path works again\n");
    self_check_tell(engine);
}

/* ---- in memory ---- */

/* Does the trial stop bind anything that there is? */
static bool self_check_binds_step(const struct stop *trial, const struct step *step)
{
    struct scope scope = {.workflow = step->workflow->name,
                          .step = step->name,
                          .upstream = step->upstream ? step->upstream->name : (struct slice){0},
                          .workflow_was = step->workflow->was,
                          .step_was = step->was};
    bool binds = scope_covers(trial, &scope);
    for (size_t i = 0; i < step->risk_count; i++) {
        scope.risk = step->risks[i].name;
        binds = binds || scope_covers(trial, &scope);
    }
    return binds;
}

static bool self_check_binds(const struct engine *engine, const struct stop *trial)
{
    const struct config *config = engine_config(engine);
    for (size_t w = 0; w < config->workflow_count; w++)
        for (size_t s = 0; s < config->workflows[w].step_count; s++)
            if (self_check_binds_step(trial, &config->workflows[w].steps[s]))
                return true;
    return false;
}

/* In force, found, and lifted again, within this event. NULL = it works. */
static const char *self_check_try(struct engine *engine)
{
    struct self_check *check = &engine->self_check;
    struct stop *trial = NULL;
    const char *what = NULL;
    check->trial.id++; /* ids of real stops are times: much greater */
    check->trial.at_unix_ms = engine->now_unix_ms;
    for (size_t i = 0; i < sizeof check->trial.names / sizeof *check->trial.names; i++)
        (void)snprintf(check->trial.names[i], sizeof check->trial.names[i], SELF_CHECK_NAME);
    enum err err = switchboard_try(&engine->board, &check->trial, &trial);
    if (err == ERR_LIMIT)
        return "LIMIT_STOPS stops are in force: there is no room for another one";
    if (err != ERR_OK)
        return err_text(err);
    /* A stop of everything covers it as well, and stands before it. */
    const struct stop *found = switchboard_covers(&engine->board, &self_check_scope);
    if (!found || !scope_covers(trial, &self_check_scope))
        what = "a stop is in force, and does not bind its scope";
    else if (self_check_binds(engine, trial))
        what = "a stop binds more than its scope";
    if (!switchboard_lift(&engine->board, trial->id, engine->now_unix_ms))
        what = "a stop cannot be lifted";
    if (switchboard_covers(&engine->board, &self_check_scope) == trial)
        what = "a stop binds its scope after its lift";
    trial->is_lifted = true; /* whatever came of it */
    switchboard_end_try(&engine->board, check->trial.id);
    return what;
}

/* ---- in the store ---- */

static const char *self_check_read(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    const struct stop *trial = &engine->self_check.trial;
    struct arena arena;
    struct slice value = {0};
    struct stop read = {0};
    arena_init(&arena, ENGINE_SCRATCH);
    enum err err = store->get_row(store->impl, STORE_META, SLICE(SELF_CHECK_KEY), &arena, &value);
    if (err == ERR_OK)
        err = stop_row_decode(value, &read);
    arena_done(&arena);
    if (err != ERR_OK)
        return err_text(err);
    bool is_same = read.id == trial->id && read.at_unix_ms == trial->at_unix_ms &&
                   !read.is_lifted && memcmp(read.names, trial->names, sizeof read.names) == 0;
    return is_same ? NULL : "a stop is not read from the store as it was written";
}

static void self_check_saved(void *arg, uint64_t through)
{
    struct engine *engine = arg;
    (void)through;
    (void)engine_now(engine);
    engine->self_check.is_waiting = false;
    self_check_end(engine, self_check_read(engine));
}

/* Not by engine_save_rows: a store that is busy is no failure here. */
static void self_check_write(struct engine *engine)
{
    struct self_check *check = &engine->self_check;
    const struct store_port *store = &engine->options.store;
    struct buf value;
    buf_init(&value, LIMIT_ROW);
    stop_row_encode(&check->trial, &value);
    struct store_row row = {
        .table = STORE_META, .key = SLICE(SELF_CHECK_KEY), .value = buf_slice(&value)};
    struct store_write write = {.rows = &row, .row_count = 1};
    check->is_waiting = true; /* a store in memory may be done at once */
    check->asked_unix_ms = engine->now_unix_ms;
    enum err err = store->submit(store->impl, &write, 1, self_check_saved, engine);
    if (err != ERR_OK)
        check->is_waiting = false;
    if (err != ERR_OK && err != ERR_BUSY) /* busy: at the next beat */
        self_check_end(engine, err_text(err));
    buf_done(&value);
}

/* ---- when ---- */

void engine_run_self_check(struct engine *engine)
{
    struct self_check *check = &engine->self_check;
    const struct store_port *store = &engine->options.store;
    enum err why = ERR_OK;
    bool is_full = store->state(store->impl, &why) == STORE_FULL;
    bool is_bad = check->is_tried && !check->is_good;
    if (check->next_unix_ms == 0)
        check->next_unix_ms = engine->started_unix_ms + STOP_CHECK_FIRST_MS;
    bool is_due = engine->now_unix_ms >= check->next_unix_ms;
    self_check_tell(engine);
    if (is_full && (!is_bad || is_due)) {
        self_check_end(engine, SELF_CHECK_FULL);
    } else if (check->is_waiting) {
        if (is_due && engine->now_unix_ms - check->asked_unix_ms >= STOP_CHECK_WAIT_MS)
            self_check_end(engine, "a stop is not durable in time: the store is slow or stuck");
    } else if (is_due && engine->unsaved < ENGINE_UNSAVED_ADMIT) {
        const char *what = self_check_try(engine);
        if (what)
            self_check_end(engine, what);
        else
            self_check_write(engine);
    } else if (engine->now_unix_ms - check->next_unix_ms > STOP_CHECK_OLD_MS) {
        self_check_end(engine, "the store has had too much to do to try it");
    }
}

struct stop_check engine_view_self_check(const struct engine *engine, struct arena *arena)
{
    const struct self_check *check = &engine->self_check;
    int64_t since = check->is_tried ? check->tried_unix_ms : engine->started_unix_ms;
    struct stop_check view = {.result = check->is_good ? STOP_CHECK_WORKS : STOP_CHECK_FAILS,
                              .what = arena_copy(arena, slice_text(check->what)),
                              .at_unix_ms = check->tried_unix_ms,
                              .age_ms = engine->now_unix_ms - since};
    if (!check->is_tried)
        view.result = STOP_CHECK_NOT_YET;
    if (view.age_ms > STOP_CHECK_OLD_MS) {
        view.result = STOP_CHECK_FAILS;
        view.what = SLICE("it was not tried for a long time");
    }
    if (engine_has_failed(engine)) {
        view.result = STOP_CHECK_FAILS;
        view.what = SLICE("the store failed: a stop is not durable");
    }
    return view;
}
