/* loop/ramps.c - after an approved restart: which actions start, and when more of them may.
 * Owns: the ramps of this run; their rows travel in the write of the action that moved them, so
 *   that no crash lets two canaries go (R19). What such a row is ahead of its records, the next
 *   write records, also after a crash. The stages are core/ramp.c's.
 * Invariants:
 *   I6 while a ramp runs, its stops bind all that it does not let in.
 *   1. Whatever changes what was agreed (a further stop on the scope, another policy of it)
 *      sends the ramp back: as stopped. */
#include "loop/restarts.h"

#include "base/check.h"
#include "core/switchboard.h"
#include "loop/alerts.h"
#include "loop/drains.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/incidents.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "policy/config.h"
#include "record/digest.h"
#include "record/identity.h"
#include "record/ids.h"

const struct ramp *engine_ramp_of(const struct engine *engine, const struct stop *stop,
                                  int64_t *out_stage_due_ms)
{
    const struct config *config = engine_config(engine);
    const struct workflow *workflow =
        stop->names[0][0] ? config_workflow_of(config, slice_text(stop->names[0])) : NULL;
    if (out_stage_due_ms)
        *out_stage_due_ms = workflow ? workflow->stage_due_ms : RAMP_DUE_MS;
    return workflow ? &workflow->ramp : &config->switch_ramp;
}

void engine_ramp_terms(const struct engine *engine, const struct stop *stop,
                       unsigned char out[RESTART_DIGEST])
{
    const struct config *config = engine_config(engine);
    const struct workflow *workflow =
        stop->names[0][0] ? config_workflow_of(config, slice_text(stop->names[0])) : NULL;
    if (workflow)
        digest_short(config_file_text(config, workflow->file), out);
    else
        memcpy(out, config->version, RESTART_DIGEST);
}

/* A stop of the incident that is in force, or NULL. */
static const struct stop *ramp_stop(const struct engine *engine, uint64_t incident)
{
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (stop->incident == incident && !stop->is_lifted)
            return stop;
    }
    return NULL;
}

/* ---- who may start ---- */

static struct ramp_start ramp_start_of(const struct engine *engine, const struct restart *restart,
                                       const struct action *action, const unsigned char *key_hash)
{
    bool is_first = action->starts_total == 0;
    struct slice place = key_hash && !digest_is_zero(key_hash, STORE_KEY_SIZE)
                             ? slice_of(key_hash, STORE_KEY_SIZE)
                             : slice_of(&action->id, sizeof action->id);
    return (struct ramp_start){
        .action = action->id,
        .draw = identity_draw(engine->identity, restart->row.incident, place),
        .is_first_start = is_first,
        .is_backlog = action->submitted_unix_ms < restart->row.began_unix_ms ||
                      (is_first && action->state == STATE_HELD)};
}

void engine_let_in(const struct engine *engine, const struct action *action,
                   const unsigned char *key_hash, struct let_in *out)
{
    out->count = 0;
    if (engine->ramp_count == 0)
        return;
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        const struct restart *restart = LIST_ENTRY(node, struct restart, link);
        const struct stop *stop =
            restart->row.is_ramping ? ramp_stop(engine, restart->row.incident) : NULL;
        if (!stop || out->count == LIMIT_RAMPS)
            continue;
        struct ramp_start start = ramp_start_of(engine, restart, action, key_hash);
        if (ramp_may_start(&restart->row.ramp, engine_ramp_of(engine, stop, NULL), &start))
            out->incidents[out->count++] = restart->row.incident;
    }
}

void engine_let_in_all(const struct engine *engine, struct let_in *out)
{
    out->count = 0;
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        const struct restart *restart = LIST_ENTRY(node, struct restart, link);
        if (restart->row.is_ramping && out->count < LIMIT_RAMPS)
            out->incidents[out->count++] = restart->row.incident;
    }
}

/* ---- what comes of it ---- */

/* Is it at what was stopped: the step's own call, or, at `stopped`, any? */
static bool ramp_counts(const struct stop *stop, const struct scope *at,
                        const struct action *action)
{
    return scope_covers(stop, at) && (stop->position == POSITION_STOPPED || action->route == 0);
}

static bool ramp_is_going(const struct action *action)
{
    return action->state == STATE_ATTEMPTING || action->state == STATE_WAITING;
}

static enum ramp_ended ramp_outcome(const struct action *action, bool has_left)
{
    if (action->may_have_happened || action->state == STATE_UNCERTAIN)
        return RAMP_UNCERTAIN;
    bool is_ok = action->state == STATE_DONE && !has_left && action->cause == CAUSE_NONE;
    return is_ok ? RAMP_OK : RAMP_OTHERWISE;
}

static void ramp_follow_action(struct engine *engine, struct restart *restart,
                               const struct entry *entry, const struct action *before,
                               bool is_started)
{
    const struct action *action = &entry->row.action;
    const struct stop *stop = ramp_stop(engine, restart->row.incident);
    struct scope scope = entry_scope(entry);
    struct ramp_state *state = &restart->row.ramp;
    if (!stop)
        return;
    const struct ramp *ramp = engine_ramp_of(engine, stop, NULL);
    struct ramp_start start = ramp_start_of(engine, restart, before, entry->row.key_hash);
    if (is_started && start.is_first_start && ramp_counts(stop, &scope, action) &&
        ramp_may_start(state, ramp, &start)) {
        ramp_started(state, ramp, &start, engine->now_unix_ms);
        restart->is_dirty = true;
        return;
    }
    bool has_left = action->route != before->route;
    if (!ramp_is_going(before) || before->starts_total == 0 || (ramp_is_going(action) && !has_left))
        return;
    bool is_canary = state->under_way == action->id;
    if (!is_canary &&
        (start.is_backlog || !ramp_counts(stop, &scope, before) || ramp_is_over(state, ramp) ||
         !ramp->stages[state->stage].is_share || !ramp_may_start(state, ramp, &start)))
        return;
    struct ramp_effects effects;
    ramp_ended(state, ramp, action->id, ramp_outcome(action, has_left), engine->now_unix_ms,
               &effects);
    restart->is_dirty = restart->is_dirty || effects.is_changed;
}

void engine_ramps_after(struct engine *engine, const struct entry *entry,
                        const struct action *before, const struct action_effects *effects)
{
    if (engine->ramp_count == 0)
        return;
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        struct restart *restart = LIST_ENTRY(node, struct restart, link);
        if (restart->row.is_ramping)
            ramp_follow_action(engine, restart, entry, before,
                               effects->must_send || effects->must_permit);
    }
}

size_t engine_ramp_rows(struct engine *engine, struct arena *arena, struct store_row *out_rows)
{
    size_t count = 0;
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        struct restart *restart = LIST_ENTRY(node, struct restart, link);
        struct buf key, value;
        if (!restart->is_dirty || count == LIMIT_RAMPS)
            continue;
        restart->is_dirty = false;
        buf_init(&key, TEXT_ID_MAX);
        buf_init(&value, LIMIT_ROW);
        text_add_id(&key, ID_INCIDENT, restart->row.incident);
        restart_row_encode(&restart->row, &value);
        out_rows[count++] = (struct store_row){.table = STORE_RESTARTS,
                                               .key = arena_copy(arena, buf_slice(&key)),
                                               .value = arena_copy(arena, buf_slice(&value))};
        buf_done(&value);
        buf_done(&key);
    }
    return count;
}

/* ---- stages ---- */

/* Its row says it, and after this its records do. */
static void ramp_record(struct engine *engine, struct restart *restart, const char *what,
                        size_t stage)
{
    struct pending none = {0};
    struct record record = {.kind = RECORD_RAMP, .subject = slice_text(what), .number = stage};
    engine_save_restart(engine, restart, &record, (struct slice){0}, &none);
}

/* All may start: the stops are lifted, and what they held follows. */
static void ramp_finish(struct engine *engine, struct restart *restart)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    const struct stop *first = ramp_stop(engine, restart->row.incident);
    CHECK(first != NULL); /* a ramp has its stops until it is over */
    const struct stop stop = *first;
    struct slice reason = engine_words(engine, restart->row.words_seq, &arena);
    struct slice by = slice_text(restart->row.approved_by);
    struct record record = {.kind = RECORD_RAMP, .subject = SLICE("over")};
    record.number = restart->row.ramp.stage;
    struct stops_change change = {.to = STOPS_LIFTED, .actor = by, .reason = reason};
    struct pending pending = {.done = engine_ignore};
    restart->row.is_over = true;
    engine_drains_ramped(engine, &stop);
    engine_save_restart_with_stops(engine, restart, &record, &change, &pending);
    engine_alert_close(engine, &stop, by, reason);
    arena_done(&arena);
}

/* The stages that passed; the last one's record is that the ramp is over. */
static void ramp_record_stages(struct engine *engine, struct restart *restart, size_t stage_count)
{
    struct restart_row *row = &restart->row;
    while (row->recorded_stage < row->ramp.stage && row->recorded_stage + 1 < stage_count) {
        row->recorded_stage++;
        ramp_record(engine, restart, "passed", row->recorded_stage);
    }
}

static void ramp_record_all(struct engine *engine, struct restart *restart, const struct ramp *ramp)
{
    struct restart_row *row = &restart->row;
    ramp_record_stages(engine, restart, ramp->stage_count);
    if (row->ramp.is_stuck && !row->is_stuck_recorded) {
        switchboard_ask_again(&engine->board);
        row->is_stuck_recorded = true;
        ramp_record(engine, restart, "stuck", row->ramp.stage);
    }
}

void engine_ramp_make_up(struct engine *engine, struct restart *restart)
{
    const struct stop *stop = restart->row.is_ramping && !restart->row.is_over
                                  ? ramp_stop(engine, restart->row.incident)
                                  : NULL;
    if (stop)
        ramp_record_all(engine, restart, engine_ramp_of(engine, stop, NULL));
    engine_tell_restart_first(engine, restart);
}

static void ramp_follow(struct engine *engine, struct restart *restart)
{
    const struct stop *stop = restart->row.is_ramping && !restart->row.is_over
                                  ? ramp_stop(engine, restart->row.incident)
                                  : NULL;
    if (!stop || stop->is_lifting)
        return;
    const struct ramp *ramp = engine_ramp_of(engine, stop, NULL);
    ramp_record_all(engine, restart, ramp);
    if (ramp_is_over(&restart->row.ramp, ramp)) /* a crash may have come before the lift */
        ramp_finish(engine, restart);
}

void engine_ramps_follow(struct engine *engine)
{
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next)
        ramp_follow(engine, LIST_ENTRY(node, struct restart, link));
}

void engine_run_ramps(struct engine *engine)
{
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        struct restart *restart = LIST_ENTRY(node, struct restart, link);
        struct ramp_effects effects;
        int64_t due_ms = 0;
        const struct stop *stop = restart->row.is_ramping && !restart->row.is_over
                                      ? ramp_stop(engine, restart->row.incident)
                                      : NULL;
        if (!stop || stop->is_lifting || engine->unsaved >= ENGINE_UNSAVED_ACT)
            continue;
        const struct ramp *ramp = engine_ramp_of(engine, stop, &due_ms);
        ramp_tick(&restart->row.ramp, ramp, due_ms, engine->now_unix_ms, &effects);
        ramp_follow(engine, restart); /* its record has the row; also what a crash left without */
    }
}

int64_t engine_ramps_due_unix_ms(const struct engine *engine)
{
    int64_t at = 0;
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        const struct restart *restart = LIST_ENTRY(node, struct restart, link);
        const struct stop *stop =
            restart->row.is_ramping ? ramp_stop(engine, restart->row.incident) : NULL;
        int64_t due_ms = 0;
        if (!stop || stop->is_lifting)
            continue;
        const struct ramp *ramp = engine_ramp_of(engine, stop, &due_ms);
        int64_t due = ramp_due_unix_ms(&restart->row.ramp, ramp, due_ms);
        at = due > 0 && (at == 0 || due < at) ? due : at;
    }
    return at;
}

void engine_ramp_begin(struct engine *engine, struct restart *restart, const struct stop *stop)
{
    struct restart_row *row = &restart->row;
    const struct ramp *ramp = engine_ramp_of(engine, stop, NULL);
    bool was_ramping = row->is_ramping;
    if (was_ramping)
        ramp_begin_again(&row->ramp, engine->now_unix_ms);
    else
        ramp_begin(&row->ramp, engine->now_unix_ms);
    if (!was_ramping || row->ramp.stage == 0)
        row->began_unix_ms = engine->now_unix_ms; /* what came before is backlog */
    row->recorded_stage =
        row->ramp.stage; /* a stage that people let pass: their approval is its record */
    row->is_stuck_recorded = row->is_stuck_told = false;
    row->is_ramping = !ramp_is_over(&row->ramp, ramp);
    row->is_over = !row->is_ramping;
    engine_ramp_terms(engine, stop, row->terms);
    engine->ramp_count += (size_t)row->is_ramping - (size_t)was_ramping;
}

bool engine_is_ramping(struct engine *engine, uint64_t incident)
{
    const struct restart *restart = engine_restart_of(engine, incident);
    return restart && restart->row.is_ramping && !restart->row.ramp.is_stuck;
}

/* ---- back ---- */

static void ramp_back(struct engine *engine, struct restart *restart, struct slice actor,
                      const char *why)
{
    struct restart_row *row = &restart->row;
    struct pending none = {0};
    struct record record = {
        .kind = RECORD_RAMP, .actor = actor, .subject = slice_text(why), .number = row->ramp.stage};
    struct stops_change change = {.to = STOPS_BOUND, .actor = actor};
    engine_ramp_make_up(engine, restart);
    row->is_ramping = false;
    row->ramp = (struct ramp_state){0};
    row->recorded_stage = 0;
    row->is_stuck_recorded = row->is_stuck_told = false;
    row->request.by[0] = '\0';
    row->news = RESTART_NEWS_BACK; /* told at the next beat */
    restart->is_dirty = false;
    engine->ramp_count--;
    engine_save_restart_with_stops(engine, restart, &record, &change, &none);
}

static bool ramp_is_running(const struct restart *restart)
{
    return restart->row.is_ramping && !restart->row.is_over;
}

static bool ramp_names_meet(const char *a, const char *b)
{
    return a[0] == '\0' || b[0] == '\0' || strcmp(a, b) == 0;
}

static const struct workflow *ramp_workflow(const struct engine *engine, const struct stop *stop)
{
    return stop->names[0][0] ? config_workflow_of(engine_config(engine), slice_text(stop->names[0]))
                             : NULL;
}

/* A workflow has nothing to do with an upstream that it does not call; one that is gone may. */
static bool ramp_calls(const struct workflow *workflow, const struct stop *stop)
{
    return !workflow || stop->names[0][0] || !stop->names[2][0] ||
           workflow_calls(workflow, slice_text(stop->names[2]));
}

bool engine_stops_meet(const struct engine *engine, const struct stop *a, const struct stop *b)
{
    const struct workflow *own = ramp_workflow(engine, a), *other = ramp_workflow(engine, b);
    if (!ramp_names_meet(a->names[0], b->names[0]) && (!own || own != other))
        return false;
    for (int i = 1; i < 4; i++)
        if (!ramp_names_meet(a->names[i], b->names[i]))
            return false;
    return ramp_calls(own, b) && ramp_calls(other, a);
}

void engine_ramps_stopped(struct engine *engine, const struct stop *added)
{
    const struct stop stop = *added; /* the switchboard does not move here, its rows are read */
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        struct restart *restart = LIST_ENTRY(node, struct restart, link);
        const struct stop *own = ramp_stop(engine, restart->row.incident);
        if (ramp_is_running(restart) && own && engine_stops_meet(engine, own, &stop))
            ramp_back(engine, restart, slice_text(stop.by), "stopped");
    }
}

void engine_ramps_reloaded(struct engine *engine, struct slice actor)
{
    unsigned char terms[RESTART_DIGEST];
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        struct restart *restart = LIST_ENTRY(node, struct restart, link);
        const struct stop *stop = ramp_stop(engine, restart->row.incident);
        if (!ramp_is_running(restart) || !stop || stop->is_lifting)
            continue;
        engine_ramp_terms(engine, stop, terms);
        if (memcmp(terms, restart->row.terms, RESTART_DIGEST) != 0)
            ramp_back(engine, restart, actor, "reloaded");
    }
}

/* A stop that came after the approval, or in the same incident, and does not start again by it. */
static bool ramp_is_sent_back(const struct engine *engine, const struct restart_row *row,
                              const struct stop *own)
{
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        bool is_newer = stop->incident == row->incident || stop->at_unix_ms > row->approved_unix_ms;
        if (!stop->is_lifted && !stop->is_ramping && stop->position != POSITION_CAUTION &&
            is_newer && engine_stops_meet(engine, own, stop))
            return true;
    }
    return false;
}

void engine_ramps_recovered(struct engine *engine)
{
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        struct restart *restart = LIST_ENTRY(node, struct restart, link);
        const struct stop *own = ramp_stop(engine, restart->row.incident);
        if (ramp_is_running(restart) && own && ramp_is_sent_back(engine, &restart->row, own))
            ramp_back(engine, restart, SLICE("interlock"), "stopped");
    }
}
