/* loop/steps.c - one event of one action: through the core, into a record, to the store; and what
 * follows when it is durable. */
#include "loop/steps.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "base/prng.h"
#include "core/pace.h"
#include "loop/admin.h"
#include "loop/attempts.h"
#include "loop/audit.h"
#include "loop/counts.h"
#include "loop/drains.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/order.h"
#include "loop/restarts.h"
#include "loop/stops.h"
#include "loop/timers.h"
#include "loop/triggers.h"
#include "loop/undone.h"
#include "loop/upstreams.h"
#include "record/bundle.h"
#include "record/digest.h"
#include "record/journal.h"
#include "record/row.h"

/* A step that is no longer in the configuration: nothing starts, a person decides. */
static const struct step_terms engine_retired_terms = {
    .effect = EFFECT_WRITE,
    .idempotency = IDEMPOTENCY_NONE,
    .mode = MODE_REVIEW,
    .timeout_ms = 10000,
    .attempts = 1,
    .backoff_min_ms = 200,
    .backoff_max_ms = 20000,
    .within_ms = 600000,
    .stale_after_ms = 3600000,
    .start_by_ms = START_BY_MS,
    .lease_ms = 300000,
    .what = {{.kind = WHAT_REVIEW, .ms = 14400000},
             {.kind = WHAT_REVIEW, .ms = 14400000},
             {.kind = WHAT_REVIEW, .ms = 14400000},
             {.kind = WHAT_REVIEW, .ms = 14400000},
             {.kind = WHAT_REVIEW, .ms = 14400000},
             {.kind = WHAT_REVIEW, .ms = 14400000},
             {.kind = WHAT_REVIEW, .ms = 14400000}},
    .uncertain_due_ms = 14400000,
};

const struct step_terms *engine_terms(const struct entry *entry)
{
    return entry->step ? &entry->step->terms : &engine_retired_terms;
}

struct calendar engine_calendar(const struct engine *engine)
{
    const struct config *config = engine_config(engine);
    const struct zone *zone = engine->options.zone;
    return (struct calendar){.spans = config->hours,
                             .span_count = config->hour_count,
                             .impl = zone ? zone->impl : NULL,
                             .utc_offset_ms = zone ? zone->utc_offset_ms : NULL};
}

int64_t engine_due_of(const struct engine *engine, int64_t due_ms)
{
    struct calendar calendar = engine_calendar(engine);
    return calendar_due(&calendar, engine->now_unix_ms, due_ms);
}

void engine_event(struct engine *engine, struct entry *entry, enum action_event_kind kind,
                  struct action_event *out)
{
    const struct stop *stop = engine_forbids(engine, entry);
    struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
    *out = (struct action_event){
        .kind = kind,
        .now_unix_ms = engine->now_unix_ms,
        .late_ms = engine_late_ms(engine, &entry->row.action),
        .random = prng_next(&engine->prng),
        .terms = engine_terms(entry),
        .stop_id = stop ? stop->id : 0,
        .has_token = !upstream || pace_has_token(&upstream->pace),
        .has_room = !upstream || engine_may_start(engine, upstream),
        .result = {.retry_after_ms = -1},
    };
    engine_open_of_step(engine, entry, out);
}

/* ---- after the save ---- */

static void engine_tell_followers(struct engine *engine, uint64_t seq)
{
    for (struct list *node = engine->followers.next; node != &engine->followers;) {
        struct follower *follower = LIST_ENTRY(node, struct follower, link);
        node = node->next; /* it may leave while it is told */
        follower->on_record(follower->arg, seq);
    }
}

static void engine_saved(void *arg, uint64_t through)
{
    (void)through;
    struct pending *pending = arg;
    struct engine *engine = pending->engine;
    struct entry *entry = pending->entry;
    CHECK(engine->unsaved > 0);
    engine->unsaved--;
    engine->submits_told++;
    (void)engine_now(engine);
    if (pending->seq > engine->saved_seq)
        engine->saved_seq = pending->seq;
    if (pending->seq != 0)
        engine_tell_followers(engine, pending->seq);
    if (pending->ended_attempt)
        engine_receipts(engine, pending);
    if (pending->saved)
        pending->saved(pending);
    if (entry) {
        CHECK(entry->unsaved > 0);
        entry->unsaved--;
        if (entry->row.action.due_unix_ms != 0)
            engine_due_at(engine, entry->row.action.due_unix_ms);
        if (pending->must_send)
            engine_send(engine, entry, pending->attempt); /* I1: only now */
        engine_drains_saved(engine, entry);
        engine_order_saved(engine, entry);
        waiters_tell(engine, entry);
        entry_let_go(engine, entry);
    }
    list_remove(&pending->link);
    free(pending);
    engine_count_flush(engine);
    engine_set_alarm(engine);
}

/* `count` writes as one unit: all of them are durable, or none is. */
static void engine_submit_writes(struct engine *engine, const struct store_write *writes,
                                 size_t count, const struct pending *pending)
{
    struct pending *kept = malloc(sizeof *kept);
    if (!kept) {
        engine_fail(engine, "out of memory");
        return;
    }
    *kept = *pending;
    kept->engine = engine;
    for (size_t i = 0; i < count; i++)
        kept->seq = writes[i].seq ? writes[i].seq : kept->seq;
    const struct store_port *store = &engine->options.store;
    engine->unsaved++;
    enum err err = store->submit(store->impl, writes, count, engine_saved, kept);
    if (err == ERR_OK) {
        engine->submits++;
        list_add_before(&engine->pendings, &kept->link);
        return;
    }
    engine->unsaved--;
    free(kept);
    /* Admissions end at half of the queue and acts at three quarters, so this is no load problem.
     */
    engine_fail(engine, err_text(err));
}

void engine_save_rows(struct engine *engine, const struct store_row *rows, size_t count,
                      const struct pending *pending)
{
    struct store_write write = {.rows = rows, .row_count = count};
    engine_submit_writes(engine, &write, 1, pending);
}

/* ---- the write ---- */

static void engine_fill_record(struct engine *engine, struct entry *entry,
                               const struct step_note *note, struct record *record)
{
    const struct action *action = &entry->row.action;
    *record = (struct record){
        .kind = note->kind,
        .at_unix_ms = engine->now_unix_ms,
        .actor = note->actor,
        .policy = note->gate ? entry->row.policy : (struct slice){0}, /* what decides names it */
        .action = action->id,
        .previous = entry->row.last_seq,
        .state = action->state,
        .reason = action->reason,
        .cause = action->cause,
        .attempt = note->attempt,
        .status = note->status,
        .hold_for = action->hold_for,
        .due_unix_ms = action->due_unix_ms,
        .people_due_unix_ms = action->people_due_unix_ms,
        .generation = action->generation,
        .route = action->route,
        .revision = action->revision,
        .review = action->reviews,
        .entry = action->entry,
        .stop = action->state == STATE_HELD ? action->stop_id : 0,
        .again_of = action->again_of,
        .upstream = note->upstream,
        .subject = note->subject,
        .told = note->told,
        .number = note->number,
        .workflow = entry->row.workflow,
        .step = entry->row.step,
    };
    if (note->is_aside && record->reason == REASON_LATE)
        record->reason = REASON_NONE; /* an earlier one decided it */
    if (note->effects && note->effects->has_verdict) {
        record->has_verdict = true;
        record->verdict = note->effects->verdict;
    }
    record->is_observed =
        note->kind == RECORD_ADMITTED && engine_terms(entry)->mode == MODE_OBSERVE;
    if (note->effects && note->effects->has_draw) {
        record->has_draw = true;
        record->draw_roll = (int)note->effects->draw_roll;
        record->draw_share = (int)note->effects->draw_share;
    }
    if (note->kind == RECORD_LABELLED) {
        record->is_wrong = note->label_row->last.is_wrong;
        record->label_use = note->label_row->count == 1 ? note->label_row->use : LABEL_CORRECTION;
        record->number = note->label_row->count;
    }
    if (note->gate) {
        record->path_count = note->gate->path_count;
        memcpy(record->path, note->gate->path, sizeof *record->path * note->gate->path_count);
        record->decided_by = note->gate->decided_by;
        record->says = note->gate->says;
        record->would = note->gate->would;
        record->would_reason = note->gate->would_reason;
    }
    if (note->is_admission) {
        record->has_key = true;
        memcpy(record->key_hash, entry->row.key_hash, RECORD_DIGEST);
        memcpy(record->fingerprint, entry->row.fingerprint, RECORD_DIGEST);
        record->has_run = entry->has_run;
        memcpy(record->run_hash, entry->run_hash, RECORD_DIGEST);
    }
}

/* "3:full 8:cannot_render" */
static struct slice engine_add_passed(const struct action *action, struct buf *out)
{
    for (size_t i = 0; i < action->passed_count; i++)
        buf_add_fmt(out, "%s%u:%s", i > 0 ? " " : "", (unsigned)action->passed[i].entry,
                    pass_name(action->passed[i].why));
    return buf_slice(out);
}

static size_t engine_fill_keys(const struct entry *entry, const struct step_note *note,
                               struct store_key keys[2])
{
    if (!note->is_admission)
        return 0;
    keys[0] = (struct store_key){.action = entry->row.action.id, .replaces = note->key_replaces};
    memcpy(keys[0].hash, entry->row.key_hash, STORE_KEY_SIZE);
    memcpy(keys[0].fingerprint, entry->row.fingerprint, STORE_KEY_SIZE);
    if (!entry->has_run)
        return 1;
    keys[1] = (struct store_key){.action = entry->row.action.id, .replaces = note->run_replaces};
    memcpy(keys[1].hash, entry->run_hash, STORE_KEY_SIZE);
    return 2;
}

/* R24: what callers and upstreams still say of what is erased is noted without their words. */
static bool engine_is_unsaid(const struct entry *entry, const struct step_note *note)
{
    bool is_theirs = note->kind == RECORD_LATE || note->kind == RECORD_ASKED;
    return entry->row.erased_unix_ms != 0 && is_theirs;
}

/* Seals the payload with a fresh salt and notes its commitment in the record. */
static struct slice engine_seal(struct engine *engine, const struct step_note *note,
                                struct record *record)
{
    struct buf *sealed = &engine->bytes.sealed;
    buf_reset(sealed);
    if (!note->label || note->payload.size == 0)
        return (struct slice){0};
    unsigned char salt[BUNDLE_SALT];
    engine->options.clock.random(engine->options.clock.impl, salt, sizeof salt);
    record->has_payload = true;
    bundle_seal(salt, note->label, note->payload, sealed, record->payload);
    return buf_slice(sealed);
}

/* Those of its audit, of the triggers that it has moved (R22), and of the ramps (R19). */
static const struct store_row *engine_rows_of(struct engine *engine, const struct audit_rows *audit,
                                              struct arena *arena, size_t *out_count)
{
    size_t count = 0;
    struct store_row *rows = engine_trigger_rows(engine, &count);
    *out_count = audit->count + count;
    if (engine->ramp_count > 0) {
        struct store_row *all = ARENA_ARRAY(arena, *out_count + LIMIT_RAMPS, struct store_row);
        CHECK(all != NULL);
        if (count > 0)
            memcpy(all, rows, count * sizeof *rows);
        memcpy(all + count, audit->rows, audit->count * sizeof *all);
        *out_count += engine_ramp_rows(engine, arena, all + *out_count);
        return all;
    }
    if (count == 0)
        return audit->rows;
    static_assert(sizeof audit->rows / sizeof *audit->rows <= TRIGGER_ROWS_SPARE, "room for them");
    for (size_t i = 0; i < audit->count; i++)
        rows[count + i] = audit->rows[i];
    return rows;
}

/* "workflow/step" */
static struct slice engine_add_scope(struct engine *engine, const struct entry *entry)
{
    struct buf *scope = &engine->bytes.scope;
    buf_reset(scope);
    buf_add(scope, entry->row.workflow);
    buf_add_byte(scope, '/');
    buf_add(scope, entry->row.step);
    return buf_slice(scope);
}

/* What follows the write of an action. */
static struct pending engine_pending_of(const struct engine *engine, struct entry *entry,
                                        const struct action_effects *effects)
{
    const struct action *action = &entry->row.action;
    struct slice upstream = slice_first(entry->row.upstream, LIMIT_NAME);
    struct pending pending = {.entry = entry,
                              .must_send = effects && effects->must_send,
                              .attempt = action->starts_total,
                              .ended_attempt = effects && effects->has_verdict && !effects->is_late,
                              .epoch_at_start = entry->epoch_at_start,
                              .epoch_at_end = engine->board.epoch,
                              .risk_id = entry->row.risk_id,
                              .state = action->state};
    if (upstream.size > 0)
        memcpy(pending.upstream, upstream.at, upstream.size);
    return pending;
}

void engine_save(struct engine *engine, struct entry *entry, const struct step_note *note)
{
    struct action *action = &entry->row.action;
    struct record record;
    struct buf passed;
    buf_init(&passed, LIMIT_PASSED * 32);
    engine_fill_record(engine, entry, note, &record);
    record.passed = engine_add_passed(action, &passed);
    struct store_write write = {.seq = ++engine->seq, .action = action->id};
    if (!engine_is_unsaid(entry, note))
        write.payload = engine_seal(engine, note, &record);
    entry->row.last_seq = write.seq;
    if (note->is_admission)
        entry->row.first_seq = write.seq;
    if (note->gate)
        entry->row.decided_seq = write.seq;
    if (note->kind == RECORD_EDITED)
        entry->row.edited_seq = write.seq;
    /* R9: what comes late changes no response that was told, unless it decides. */
    if (note->label && strcmp(note->label, BUNDLE_LABEL_OUTCOME) == 0 && !note->is_aside)
        entry->row.outcome_seq = write.seq;
    if (note->label && strcmp(note->label, BUNDLE_LABEL_FACT) == 0 && note->number > 0)
        entry->row.fact_seq = write.seq;
    struct buf *row = &engine->bytes.row;
    buf_reset(row);
    row_name_risk(&entry->row, entry->step);
    row_encode(&entry->row, row);
    digest_short(buf_slice(row), record.row);
    struct audit_rows audit = {0};
    engine_audit_rows(engine, entry, note, &record, &audit);
    struct arena arena;
    arena_init_pooled(&arena, ENGINE_SCRATCH, &engine->arenas);
    write.rows = engine_rows_of(engine, &audit, &arena, &write.row_count);
    engine_undone_end(engine, entry, &record, &arena, &write);
    struct buf *body = &engine->bytes.record;
    buf_reset(body);
    record_encode(&record, body);
    engine_count_record(engine, &record, &entry->row);
    buf_done(&passed);
    CHECK(buf_ok(row) && buf_ok(body) && buf_ok(&engine->bytes.sealed));
    struct store_key keys[2];
    write.record = buf_slice(body);
    write.row = buf_slice(row);
    write.is_ended = action_is_over(action);
    write.frozen = note->effects && note->effects->must_send
                       ? slice_of(entry->frozen, entry->frozen_size)
                       : (struct slice){0};
    write.queue = row_queue(action);
    write.due_unix_ms = action->due_unix_ms;
    write.people_due_unix_ms = write.queue == STORE_QUEUE_PEOPLE ? action_people_due(action) : 0;
    write.scope = engine_add_scope(engine, entry);
    write.upstream = entry->row.upstream;
    bool takes_order = note->is_admission || note->kind == RECORD_REORDERED;
    if (takes_order && !digest_is_zero(entry->row.order, STORE_KEY_SIZE))
        write.order = slice_of(entry->row.order, STORE_KEY_SIZE);
    write.erased = note->erased;
    write.erased_count = note->erased_count;
    write.keys = keys;
    write.key_count = engine_fill_keys(entry, note, keys);
    struct pending pending = engine_pending_of(engine, entry, note->effects);
    entry->unsaved++;
    engine_submit_writes(engine, &write, 1, &pending);
    arena_done(&arena);
    engine_run_trips(engine); /* I13: before anything else can start */
}

/* The story of an incident is its records: each leaves its number behind the journal. */
static size_t engine_story_rows(const struct control *controls, size_t count, uint64_t first_seq,
                                struct buf keys[ENGINE_CONTROLS],
                                struct store_row out_rows[ENGINE_CONTROLS])
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        if (controls[i].record.incident == 0)
            continue;
        buf_init(&keys[rows], 2 * TEXT_ID_MAX);
        journal_entry_key_add(&keys[rows], controls[i].record.incident, first_seq + i);
        out_rows[rows] = (struct store_row){.table = STORE_JOURNALS, .key = buf_slice(&keys[rows])};
        rows++;
    }
    return rows;
}

void engine_save_controls(struct engine *engine, struct control *controls, size_t count,
                          const struct pending *pending)
{
    struct store_write writes[ENGINE_CONTROLS + 1] = {0};
    struct store_row story[ENGINE_CONTROLS];
    struct buf keys[ENGINE_CONTROLS];
    struct buf sealed[ENGINE_CONTROLS], bodies[ENGINE_CONTROLS];
    CHECK(count > 0 && count <= ENGINE_CONTROLS);
    for (size_t i = 0; i < count; i++) {
        struct control *control = &controls[i];
        struct record *record = &control->record;
        struct step_note note = {.label = control->words.size ? BUNDLE_LABEL_WORDS : NULL,
                                 .payload = control->words};
        buf_init(&bodies[i], ENGINE_SCRATCH);
        buf_init(&sealed[i], ENGINE_SCRATCH);
        writes[i] = (struct store_write){
            .seq = ++engine->seq, .rows = control->rows, .row_count = control->row_count};
        record->at_unix_ms = engine->now_unix_ms;
        buf_add(&sealed[i], engine_seal(engine, &note, record));
        writes[i].payload = buf_slice(&sealed[i]);
        if (control->row_count > 0)
            digest_short(control->rows[0].value, record->row);
        record_encode(record, &bodies[i]);
        CHECK(buf_ok(&bodies[i]) && buf_ok(&sealed[i]));
        writes[i].record = buf_slice(&bodies[i]);
    }
    size_t rows = engine_story_rows(controls, count, engine->seq - count + 1, keys, story);
    writes[count] = (struct store_write){.rows = story, .row_count = rows};
    engine_submit_writes(engine, writes, count + (rows > 0), pending);
    for (size_t i = 0; i < rows; i++)
        buf_done(&keys[i]);
    for (size_t i = 0; i < count; i++) {
        buf_done(&bodies[i]);
        buf_done(&sealed[i]);
    }
}

void engine_save_control(struct engine *engine, struct control *control,
                         const struct pending *pending)
{
    engine_save_controls(engine, control, 1, pending);
}

/* ---- the event ---- */

void engine_step(struct engine *engine, struct entry *entry, struct action_event *event,
                 struct step_note *note, struct action_effects *out_effects)
{
    struct action *action = &entry->row.action;
    struct action before = *action;
    int cap = event->terms->attempts;
    if (action->starts > cap + action->grants)
        cap = action->starts - action->grants; /* a reload has lowered it since those starts */
    engine->in_work = action->id;
    action_step(action, event, out_effects);
    engine->in_work = 0;
    if (!out_effects->is_changed)
        return;
    engine->in_work = action->id;
    action_check(action, cap);
    if (out_effects->must_send || out_effects->must_permit)
        entry->epoch_at_start = engine->board.epoch;
    bool is_started = out_effects->must_send || out_effects->must_permit;
    if (!is_started &&
        note->gate) { /* the gate said go, but a cap, the key's age or room did not */
        note->attempt = 0;
        if (note->kind == RECORD_STARTED)
            note->kind = RECORD_GATED;
    }
    note->effects = out_effects;
    note->is_aside = note->kind == RECORD_LATE &&
                     (action->reason != REASON_LATE || state_is_end(before.state) ||
                      (action->state == before.state && before.reason == REASON_LATE));
    struct label_row audit;
    if (!state_is_end(before.state) && engine_audit_open(engine, entry, &audit)) {
        note->label_row = &audit;
        note->opens_audit = true;
    }
    if (action->state != before.state || action->reviews != before.reviews) {
        entry->row.claimed_by = (struct slice){0}; /* what they had in hand is over */
        entry->row.assigned_to = (struct slice){0};
        entry->row.claimed_until_unix_ms = 0;
        if (action->state == STATE_IN_REVIEW) { /* counted by the clock until here */
            action->people_due_unix_ms =
                engine_due_of(engine, action->people_due_unix_ms - engine->now_unix_ms);
            if (action->due_kind == DUE_REVIEW) /* nor does it move on before */
                action->due_unix_ms = action->people_due_unix_ms;
        }
    }
    engine_upstream_after(engine, entry, out_effects);
    engine_drains_after(engine, entry, out_effects);
    engine_count_move(engine, entry, &before, note->is_admission);
    engine_feed_step(engine, entry, &before, event, note);
    engine_ramps_after(engine, entry, &before, out_effects);
    engine_save(engine, entry, note);
    if (engine->ramp_count > 0)
        engine_ramps_follow(engine);
    note->label_row = NULL; /* it was of this step */
    note->opens_audit = false;
    bool is_release = action->state == STATE_HELD && action->hold_for == HOLD_FOR_FACT &&
                      action->is_release_wanted; /* it was on its way out of the safe queue */
    engine->in_work = 0;
    if (out_effects->must_enter_gate)
        engine_enter_gate(engine, entry, is_release, note->actor);
}
