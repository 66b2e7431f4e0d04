/* loop/alerts.c - who is told that something stopped, and told on, until somebody answers: the
 * ladder of each open incident, made durable with the messages that it asks for. */
#include "loop/alerts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/incidents.h"
#include "loop/notices.h"
#include "loop/restarts.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "loop/submit.h"
#include "loop/upstreams.h"
#include "record/ids.h"
#include "record/incident_view.h"
#include "record/journal.h"
#include "record/notice.h"
#include "record/notice_text.h"
#include "record/receipt.h"
#include "record/stop_row.h"

enum {
    ALERT_AGAIN_MS = 10000 /* sooner nobody can have answered: it was no answer, but no receiver */
};

/* ---- which ---- */

static struct alert *alert_find(struct engine *engine, uint64_t incident)
{
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (alert->incident == incident)
            return alert;
    }
    return NULL;
}

static struct alert *alert_add(struct engine *engine, uint64_t incident)
{
    struct alert *alert = engine->alert_count < LIMIT_ALERTS ? calloc(1, sizeof *alert) : NULL;
    if (!alert)
        return NULL;
    alert->incident = incident;
    list_add_before(&engine->alerts, &alert->link);
    engine->alert_count++;
    return alert;
}

static void alert_free(struct engine *engine, struct alert *alert)
{
    list_remove(&alert->link);
    engine->alert_count--;
    free(alert);
}

struct alert *engine_alert_find(struct engine *engine, uint64_t incident)
{
    return alert_find(engine, incident);
}

/* Its stop; of one that no stop made its scope. */
static const struct stop *alert_stop(struct engine *engine, const struct alert *alert)
{
    if (alert->journal.kind != INCIDENT_STOP)
        return &alert->scope;
    for (size_t i = 0; i < engine->board.stop_count; i++)
        if (engine->board.stops[i].incident == alert->incident)
            return &engine->board.stops[i];
    return NULL;
}

static void alert_set_scope(struct alert *alert)
{
    const struct journal *journal = &alert->journal;
    alert->scope = (struct stop){.incident = alert->incident, .at_unix_ms = journal->since_unix_ms};
    memcpy(alert->scope.names, journal->names, sizeof alert->scope.names);
}

/* ---- what ---- */

/* What waits in the scope of a stop, as far as the counters know it. */
static uint64_t alert_count_waiting(struct engine *engine, const struct stop *stop)
{
    uint64_t count = 0;
    if (stop->names[2][0]) {
        const struct upstream_state *upstream = engine_upstream(engine, slice_text(stop->names[2]));
        return upstream ? upstream->held : 0;
    }
    for (size_t i = 0; i < engine->workflow_count; i++) {
        const struct workflow_state *workflow = &engine->workflows[i];
        if (stop->names[0][0] && strcmp(stop->names[0], workflow->name) != 0)
            continue;
        count += workflow->now[STATE_HELD] + workflow->now[STATE_WAITING] +
                 workflow->now[STATE_IN_REVIEW] + workflow->now[STATE_UNCERTAIN];
    }
    return count;
}

/* What one telling says, of which stop. */
struct alert_word {
    const struct stop *stop; /* NULL: nothing is known of it any more */
    enum notice_about about;
    struct slice by, reason;
    bool is_opening;
};

/* R23: secrets that stand in a person's words do not leave. */
static void alert_mask(struct engine *engine, struct slice text, struct buf *out)
{
    redact_add(&engine->loaded->redact, text, false, out);
}

/* What it is called, in capitals. */
static const char *alert_state(const struct alert *alert, const struct stop *stop)
{
    switch (alert->journal.kind) {
    case INCIDENT_DEGRADED:
        return "DEGRADED";
    case INCIDENT_OVERDUE:
        return "WAITS FOR PEOPLE";
    case INCIDENT_ALERT:
        return "ALERT";
    case INCIDENT_STOP:
        break;
    }
    return stop->position == POSITION_FALLBACK ? "ON FALLBACK"
           : stop->position == POSITION_REVIEW ? "ON REVIEW"
                                               : "STOPPED";
}

/* Why, in words: what lasts, then what somebody said. */
static void alert_add_why(struct engine *engine, const struct alert *alert, struct slice said,
                          struct buf *out)
{
    incident_add_trouble(out, &alert->journal, engine->options.zone, engine->now_unix_ms);
    if (out->size > 0 && said.size > 0)
        buf_add_text(out, "; ");
    alert_mask(engine, said, out);
}

static void alert_make_texts(struct engine *engine, const struct alert *alert,
                             const struct alert_word *word, struct notice_draft *draft)
{
    const struct stop *stop = word->stop;
    bool is_recovery = word->about == NOTICE_RECOVERED && alert->journal.kind != INCIDENT_STOP;
    struct buf reason, scope;
    buf_init(&reason, LIMIT_REASON * 4);
    buf_init(&scope, LIMIT_SUMMARY);
    if (is_recovery)
        buf_add(&reason, word->reason);
    else
        alert_add_why(engine, alert, word->reason, &reason);
    receipt_add_scope(&scope, stop);
    struct notice_facts facts = {
        .about = word->about,
        .kind = alert->journal.kind,
        .state = alert_state(alert, stop),
        .incident = alert->incident,
        .scope = buf_slice(&scope),
        .by = word->by,
        .reason = buf_slice(&reason),
        .is_again = engine->now_unix_ms - stop->at_unix_ms >= ALERT_AGAIN_MS,
        .waiting = alert_count_waiting(engine, stop),
        .in_flight = stop->in_flight,
        .refused = stop->refused,
        .informs = slice_text(alert->journal.informs),
        .inform_due_unix_ms =
            alert->journal.informed_unix_ms ? 0 : alert->journal.inform_due_unix_ms,
        .since_unix_ms = stop->at_unix_ms,
        .now_unix_ms = engine->now_unix_ms,
        .zone = engine->options.zone};
    notice_text_line(&facts, &draft->line);
    notice_text_body(&facts, &draft->body);
    buf_add(&draft->scope, buf_slice(&scope));
    buf_done(&scope);
    buf_done(&reason);
}

/* ---- the write ---- */

/* One write: what happened to the incident, where it has a row of its own, and what is told. */
struct alert_write {
    struct record record;
    struct control *incident; /* before it; or NULL */
    struct slice words;       /* what somebody said with it; or empty */
    struct notice_batch *batch;
    const struct pending *pending;
};

/* The rows of ladder and journal, then those of the messages, in one write with one record. */
static void alert_save(struct engine *engine, const struct alert *alert, struct alert_write *write)
{
    struct buf key, value, journal, words;
    size_t count = write->batch ? write->batch->count : 0;
    struct store_row *rows = calloc(count + 2, sizeof *rows);
    buf_init(&key, TEXT_ID_MAX);
    buf_init(&value, 4096);
    buf_init(&journal, 16384);
    buf_init(&words, LIMIT_REASON * 8);
    text_add_id(&key, ID_INCIDENT, alert->incident);
    struct ladder_row row = {.incident = alert->incident,
                             .ladder = alert->ladder,
                             .acknowledged_by = slice_text(alert->by)};
    ladder_row_encode(&row, &value);
    journal_encode(&alert->journal, &journal);
    if (write->words.size > 0)
        bundle_words_encode(&(struct bundle_words){.reason = write->words}, &words);
    CHECK(buf_ok(&journal) && buf_ok(&words));
    if (rows) {
        rows[0] = (struct store_row){
            .table = STORE_LADDERS, .key = buf_slice(&key), .value = buf_slice(&value)};
        rows[1] = (struct store_row){
            .table = STORE_JOURNALS, .key = buf_slice(&key), .value = buf_slice(&journal)};
        if (write->batch)
            notice_batch_rows(write->batch, &rows[2]);
        struct control controls[2] = {{.record = write->record}, {.record = write->record}};
        size_t last = write->incident != NULL;
        if (write->incident)
            controls[0] = *write->incident;
        controls[last].record.incident = alert->incident;
        controls[last].rows = rows;
        controls[last].row_count = count + 2;
        controls[last].words = buf_slice(&words);
        engine_save_controls(engine, controls, last + 1, write->pending);
        if (write->batch)
            notice_batch_saved(engine, write->batch);
    } else {
        engine_fail(engine, "out of memory");
    }
    buf_done(&words);
    buf_done(&journal);
    buf_done(&value);
    buf_done(&key);
    free(rows);
}

void engine_alert_save(struct engine *engine, struct alert *alert, const struct record *record,
                       struct slice words, const struct pending *pending)
{
    struct alert_write write = {.record = *record, .words = words, .pending = pending};
    alert_save(engine, alert, &write);
}

static void alert_saved(struct pending *pending)
{
    engine_send_notices(pending->engine);
}

static bool alert_people_have(const struct alert_people *people, struct slice name)
{
    for (size_t i = 0; i < people->count; i++)
        if (slice_equal(people->people[i]->name, name))
            return true;
    return false;
}

/* Whoever is named to inform others hears of it at once, with a draft. */
static void alert_add_inform(struct engine *engine, const struct alert *alert,
                             const struct alert_word *word, struct notice_batch *batch)
{
    const struct person *person =
        config_person(engine_config(engine), slice_text(alert->journal.informs));
    struct alert_word inform = *word;
    struct notice_draft draft;
    if (!person || alert->journal.inform_due_unix_ms == 0)
        return;
    notice_draft_init(&draft);
    inform.about = NOTICE_INFORM;
    alert_make_texts(engine, alert, &inform, &draft);
    draft.about = NOTICE_INFORM;
    draft.incident = alert->incident;
    (void)notice_batch_add(engine, batch, &draft, &person, 1);
    notice_draft_done(&draft);
}

/* Does what the core says: whom to tell, until a rung has somebody. incident: its own record, where
 * it opens by this; or NULL. */
static void alert_tell(struct engine *engine, struct alert *alert, struct ladder_effects effects,
                       const struct alert_word *word, struct control *incident)
{
    struct notice_batch batch = {0};
    struct pending pending = {.saved = alert_saved};
    struct notice_draft draft;
    uint8_t rung = alert->ladder.rung;
    bool is_informed = false;
    notice_batch_init(&batch);
    notice_draft_init(&draft);
    alert_make_texts(engine, alert, word, &draft);
    while (effects.levels != 0) {
        struct alert_people people = {.count = 0};
        engine_alert_people(engine, &alert->journal, effects.levels, &people);
        if (effects.is_loud)
            (void)fprintf(stderr, "interlock: nobody answers: %s\n", buf_text(&draft.line));
        rung = alert->ladder.rung;
        draft.rung = rung;
        draft.incident = alert->incident;
        is_informed = /* the message says who informs, by when, and what */
            is_informed || alert_people_have(&people, slice_text(alert->journal.informs));
        size_t made = notice_batch_add(engine, &batch, &draft, people.people, people.count);
        struct ladder_event told = {.kind = LADDER_TOLD,
                                    .now_unix_ms = engine->now_unix_ms,
                                    .rung = rung,
                                    .count = (uint32_t)made};
        ladder_step(&alert->ladder, &told, &effects);
    }
    if (word->is_opening && !is_informed)
        alert_add_inform(engine, alert, word, &batch);
    struct alert_write write = {
        .record = {.kind = RECORD_TELLING, .number = rung, .subject = notice_batch_names(&batch)},
        .incident = incident,
        .batch = &batch,
        .pending = &pending};
    alert_save(engine, alert, &write);
    notice_draft_done(&draft);
    notice_batch_done(&batch);
}

/* The words of a trouble that was told before. */
static void alert_tell_again(struct engine *engine, struct alert *alert,
                             struct ladder_effects effects)
{
    const struct stop *stop = alert_stop(engine, alert);
    struct engine_incident incident = {0};
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    if (stop) {
        struct alert_word word = {
            .stop = stop, .about = NOTICE_TROUBLE, .by = slice_text(stop->by)};
        if (engine_read_incident(engine, alert->incident, &arena, &incident) == ERR_OK)
            word.reason = incident.reason;
        alert_tell(engine, alert, effects, &word, NULL);
    }
    arena_done(&arena);
}

/* ---- events ---- */

static struct alert *alert_open(struct engine *engine, const struct journal *journal,
                                struct alert_word *word, struct control *incident)
{
    const struct duties *duties = engine_alert_duties(engine, journal);
    struct ladder_effects effects;
    struct alert *alert = alert_add(engine, journal->incident);
    if (!alert) { /* LIMIT_ALERTS incidents are open: it stands in status and in the inbox */
        (void)fprintf(stderr, "interlock: LIMIT_ALERTS: nobody is told of one more incident\n");
        return NULL;
    }
    struct ladder_event event = {.kind = LADDER_OPEN,
                                 .now_unix_ms = engine->now_unix_ms,
                                 .times = {duties->level_2_ms, duties->level_3_ms}};
    alert->journal = *journal;
    alert_set_scope(alert);
    word->is_opening = true;
    word->stop = word->stop ? word->stop : &alert->scope;
    ladder_step(&alert->ladder, &event, &effects);
    alert_tell(engine, alert, effects, word, incident);
    return alert;
}

/* What the journal of a stop says. */
static void alert_journal_of(struct engine *engine, const struct stop *stop, struct journal *out)
{
    *out = (struct journal){.incident = stop->incident, .since_unix_ms = stop->at_unix_ms};
    memcpy(out->names, stop->names, sizeof out->names);
    engine_journal_open(engine, out);
}

void engine_alert_open(struct engine *engine, const struct stop *stop, struct slice reason)
{
    struct journal journal;
    struct alert_word word = {
        .stop = stop, .about = NOTICE_TROUBLE, .by = slice_text(stop->by), .reason = reason};
    alert_journal_of(engine, stop, &journal);
    (void)alert_open(engine, &journal, &word, NULL);
}

/* The row of an incident that no stop made, with its record. */
struct alert_draft {
    struct buf key, row, words;
    struct store_row rows[1];
};

static void alert_draft_make(struct alert_draft *draft, const struct journal *journal,
                             const struct incident_row *row, struct slice words,
                             struct control *out)
{
    buf_init(&draft->key, TEXT_ID_MAX);
    buf_init(&draft->row, 16384);
    buf_init(&draft->words, LIMIT_REASON * 8);
    text_add_id(&draft->key, ID_INCIDENT, row->id);
    incident_row_encode(row, &draft->row);
    if (words.size > 0)
        bundle_words_encode(&(struct bundle_words){.reason = words}, &draft->words);
    draft->rows[0] = (struct store_row){
        .table = STORE_INCIDENTS, .key = buf_slice(&draft->key), .value = buf_slice(&draft->row)};
    *out = (struct control){.record = {.kind = RECORD_INCIDENT,
                                       .incident = row->id,
                                       .workflow = slice_text(journal->names[JOURNAL_WORKFLOW]),
                                       .step = slice_text(journal->names[JOURNAL_STEP]),
                                       .upstream = slice_text(journal->names[JOURNAL_UPSTREAM]),
                                       .subject = row->is_closed ? SLICE("closed") : SLICE("open")},
                            .rows = draft->rows,
                            .row_count = 1,
                            .words = buf_slice(&draft->words)};
}

static void alert_draft_done(struct alert_draft *draft)
{
    buf_done(&draft->key);
    buf_done(&draft->row);
    buf_done(&draft->words);
}

struct alert *engine_alert_begin(struct engine *engine, const struct journal *wanted,
                                 struct slice why)
{
    struct alert_draft draft;
    struct control control;
    struct alert *alert = NULL;
    if (engine->has_failed || engine->unsaved >= ENGINE_UNSAVED_ACT)
        return NULL;
    struct journal journal = *wanted;
    journal.incident = engine_new_id(engine);
    journal.since_unix_ms = engine->now_unix_ms;
    engine_journal_open(engine, &journal);
    struct incident_row row = {.id = journal.incident,
                               .workflow = slice_text(journal.names[JOURNAL_WORKFLOW]),
                               .has_reason = why.size > 0,
                               .since_unix_ms = journal.since_unix_ms,
                               .words_seq = why.size > 0 ? engine->seq + 1 : 0};
    struct alert_word word = {.about = NOTICE_TROUBLE, .reason = why};
    alert_draft_make(&draft, &journal, &row, why, &control);
    alert = alert_open(engine, &journal, &word, &control);
    alert_draft_done(&draft);
    return alert;
}

void engine_alarm(struct engine *engine, const struct engine_alarm *alarm)
{
    struct journal journal = {.kind = INCIDENT_ALERT};
    struct slice names[] = {alarm->workflow, alarm->step};
    for (size_t i = 0; i < 2; i++) {
        struct slice name = slice_first(names[i], LIMIT_NAME);
        if (name.size > 0)
            memcpy(journal.names[i], name.at, name.size);
    }
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        const struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (alert->journal.kind == INCIDENT_ALERT && !alert->is_closing &&
            memcmp(alert->journal.names, journal.names, sizeof journal.names) == 0)
            return; /* one is told already, and nobody has answered */
    }
    (void)engine_alert_begin(engine, &journal, alarm->words);
}

/* Those who were told are told the end of it, or those receivers that keep a state. */
static void alert_tell_told(struct engine *engine, struct alert *alert, struct alert_write *write,
                            const struct alert_word *word)
{
    struct notice_batch batch = {0};
    struct notice_draft draft;
    notice_batch_init(&batch);
    notice_draft_init(&draft);
    if (word->stop) {
        alert_make_texts(engine, alert, word, &draft);
        draft.about = word->about;
        draft.rung = alert->ladder.rung;
        draft.incident = alert->incident;
        notice_batch_add_told(engine, &batch, &draft);
    }
    write->batch = &batch;
    alert_save(engine, alert, write);
    notice_draft_done(&draft);
    notice_batch_done(&batch);
}

void engine_alert_remind(struct engine *engine, struct alert *alert)
{
    struct notice_batch batch = {0};
    struct pending pending = {.saved = alert_saved};
    struct engine_incident incident = {0};
    struct arena arena;
    struct alert_word word = {.stop = alert_stop(engine, alert), .about = NOTICE_INFORM};
    if (!word.stop)
        return;
    arena_init(&arena, ENGINE_SCRATCH);
    notice_batch_init(&batch);
    if (engine_read_incident(engine, alert->incident, &arena, &incident) == ERR_OK)
        word.reason = incident.reason;
    alert_add_inform(engine, alert, &word, &batch);
    struct alert_write write = {
        .record = {.kind = RECORD_TELLING, .subject = notice_batch_names(&batch)},
        .batch = &batch,
        .pending = &pending};
    alert_save(engine, alert, &write);
    notice_batch_done(&batch);
    arena_done(&arena);
}

static void alert_close(struct engine *engine, struct alert *alert, const struct alert_word *word,
                        struct control *incident)
{
    struct ladder_effects effects;
    struct ladder_event event = {.kind = LADDER_CLOSE, .now_unix_ms = engine->now_unix_ms};
    struct pending pending = {.saved = alert_saved};
    ladder_step(&alert->ladder, &event, &effects);
    alert->journal.closed_unix_ms = engine->now_unix_ms;
    engine_journal_tally(engine, &alert->journal, &alert->journal.at_close);
    if (effects.must_recover) {
        struct alert_write write = {
            .record = {.kind = RECORD_TELLING, .actor = word->by, .subject = SLICE("recovery")},
            .incident = incident,
            .pending = &pending};
        alert_tell_told(engine, alert, &write, word);
    }
    alert_free(engine, alert);
}

void engine_alert_close(struct engine *engine, const struct stop *stop, struct slice by,
                        struct slice reason)
{
    struct alert *alert = alert_find(engine, stop->incident);
    struct alert_word word = {.stop = stop, .about = NOTICE_RECOVERED, .by = by, .reason = reason};
    if (alert)
        alert_close(engine, alert, &word, NULL);
}

void engine_alert_end(struct engine *engine, struct alert *alert, struct slice by,
                      struct slice words)
{
    struct alert_draft draft;
    struct control control;
    struct engine_incident incident = {0};
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    enum err err = engine_read_incident(engine, alert->incident, &arena, &incident);
    struct incident_row row = {.id = alert->incident,
                               .workflow = slice_text(alert->journal.names[JOURNAL_WORKFLOW]),
                               .is_closed = true,
                               .has_reason = err == ERR_OK && incident.words_seq > 0,
                               .words_seq = incident.words_seq,
                               .since_unix_ms = alert->journal.since_unix_ms,
                               .closed_unix_ms = engine->now_unix_ms};
    struct alert_word word = {
        .stop = &alert->scope, .about = NOTICE_RECOVERED, .by = by, .reason = words};
    alert_draft_make(&draft, &alert->journal, &row, (struct slice){0}, &control);
    control.record.actor = by;
    alert_close(engine, alert, &word, &control);
    alert_draft_done(&draft);
    arena_done(&arena);
}

static void alert_acknowledged(struct pending *pending)
{
    struct engine_reply reply = {.outcome = ENGINE_TAKEN};
    engine_send_notices(pending->engine);
    pending->done(pending->arg, &reply);
}

static void alerts_do_ack(void *impl, const struct principal *principal, uint64_t incident,
                          engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    struct alert *alert = alert_find(engine, incident);
    struct ladder_effects effects;
    (void)engine_now(engine);
    if (!alert) {
        engine_refuse(done, arg, ENGINE_NOT_NOW, "this incident is closed: nobody is told of it");
        return;
    }
    if (engine->has_failed || engine->is_closing || engine->unsaved >= ENGINE_UNSAVED_ACT) {
        engine_refuse(done, arg, ENGINE_STORE_FAILED, "the store cannot save it now");
        return;
    }
    struct ladder_event event = {.kind = LADDER_ACK, .now_unix_ms = engine->now_unix_ms};
    ladder_step(&alert->ladder, &event, &effects);
    size_t size = principal->name.size < LIMIT_NAME ? principal->name.size : LIMIT_NAME;
    memcpy(alert->by, principal->name.at, size);
    alert->by[size] = '\0';
    if (alert->journal.acknowledged_unix_ms == 0)
        alert->journal.acknowledged_unix_ms = engine->now_unix_ms;
    struct pending pending = {.saved = alert_acknowledged, .done = done, .arg = arg};
    struct alert_word word = {
        .stop = alert_stop(engine, alert), .about = NOTICE_ACKNOWLEDGED, .by = principal->name};
    struct alert_write write = {.record = {.kind = RECORD_ACKNOWLEDGED, .actor = principal->name},
                                .pending = &pending};
    alert_tell_told(engine, alert, &write, &word);
    if (alert->journal.kind == INCIDENT_ALERT) /* it moved nothing: an answer is its end */
        engine_alert_end(engine, alert, principal->name, (struct slice){0});
}

void engine_alert_lost(struct engine *engine, uint64_t incident, uint8_t rung)
{
    struct alert *alert = alert_find(engine, incident);
    struct ladder_effects effects;
    struct ladder_event event = {
        .kind = LADDER_LOST, .now_unix_ms = engine->now_unix_ms, .rung = rung};
    if (!alert)
        return;
    ladder_step(&alert->ladder, &event, &effects);
    if (effects.levels != 0)
        alert_tell_again(engine, alert, effects);
}

void engine_run_alerts(struct engine *engine)
{
    for (struct list *node = engine->alerts.next; node != &engine->alerts;) {
        struct alert *alert = LIST_ENTRY(node, struct alert, link);
        struct ladder_effects effects;
        struct ladder_event event = {.kind = LADDER_TIMER, .now_unix_ms = engine->now_unix_ms};
        node = node->next;
        if (engine->unsaved >= ENGINE_UNSAVED_ACT)
            return; /* at the next beat */
        if (engine_is_ramping(engine, alert->incident))
            continue; /* people have approved it, and it goes on by itself */
        ladder_step(&alert->ladder, &event, &effects);
        if (effects.levels != 0)
            alert_tell_again(engine, alert, effects);
    }
}

/* ---- reads ---- */

void engine_add_unanswered(struct engine *engine, struct buf *out)
{
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        const struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (!ladder_is_loud(&alert->ladder))
            continue;
        buf_add_text(out, out->size ? ", " : "");
        text_add_id(out, ID_INCIDENT, alert->incident);
    }
}

static enum err alerts_do_ladder(void *impl, uint64_t incident, struct arena *arena,
                                 struct ladder_row *out)
{
    struct engine *engine = impl;
    const struct store_port *store = &engine->options.store;
    struct slice value = {0};
    struct buf key;
    buf_init(&key, TEXT_ID_MAX);
    text_add_id(&key, ID_INCIDENT, incident);
    enum err err = store->get_row(store->impl, STORE_LADDERS, buf_slice(&key), arena, &value);
    buf_done(&key);
    return err == ERR_OK ? ladder_row_decode(value, out) : err;
}

/* ---- the start ---- */

/* A ladder of the last run; one whose incident was closed just before the crash is closed now. */
static enum err alert_load_one(struct engine *engine, struct slice value)
{
    struct ladder_row row = {0};
    enum err err = ladder_row_decode(value, &row);
    if (err != ERR_OK || row.ladder.state == LADDER_CLOSED || alert_find(engine, row.incident))
        return err;
    struct alert *alert = alert_add(engine, row.incident);
    if (!alert)
        return ERR_OK;
    alert->ladder = row.ladder;
    if (engine_read_journal(engine, row.incident, &alert->journal) != ERR_OK)
        return ERR_CORRUPT; /* they are one write */
    alert_set_scope(alert);
    engine_trouble_loaded(engine, &alert->journal);
    struct slice by = slice_first(row.acknowledged_by, LIMIT_NAME);
    if (by.size > 0)
        memcpy(alert->by, by.at, by.size);
    return ERR_OK;
}

static enum err alerts_load_ladders(struct engine *engine)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    const struct store_port *store = &engine->options.store;
    struct store_row *rows = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_row);
    struct slice after = {0};
    size_t count = 0;
    enum err err = rows ? ERR_OK : ERR_NO_MEMORY;
    do {
        if (err == ERR_OK)
            err = store->list_rows(store->impl, STORE_LADDERS, after, LIMIT_PAGE, &arena, rows,
                                   &count);
        for (size_t i = 0; err == ERR_OK && i < count; i++) {
            after = rows[i].key;
            err = alert_load_one(engine, rows[i].value);
        }
    } while (err == ERR_OK && count == LIMIT_PAGE);
    arena_done(&arena);
    return err;
}

/* Closed just before the crash, and nobody was told yet. */
static void alert_close_late(struct engine *engine, struct alert *alert)
{
    struct engine_incident incident = {0};
    struct stop gone = {.incident = alert->incident};
    const struct stop *stop = alert_stop(engine, alert);
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    if (!stop && engine_read_incident(engine, alert->incident, &arena, &incident) == ERR_OK)
        stop = engine_read_stop(engine, incident.stop, &arena);
    engine_alert_close(engine, stop ? stop : &gone, (struct slice){0}, incident.reason);
    arena_done(&arena);
}

enum err engine_load_alerts(struct engine *engine)
{
    enum err err = alerts_load_ladders(engine);
    if (err == ERR_OK)
        err = engine_load_notices(engine);
    for (struct list *node = engine->alerts.next; err == ERR_OK && node != &engine->alerts;) {
        struct alert *alert = LIST_ENTRY(node, struct alert, link);
        const struct stop *stop = alert_stop(engine, alert);
        node = node->next;
        if (!stop || stop->is_lifted)
            alert_close_late(engine, alert);
    }
    for (size_t i = 0; err == ERR_OK && i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (!stop->is_lifted && stop->incident != 0 && !alert_find(engine, stop->incident))
            engine_alert_open(engine, stop, (struct slice){0});
    }
    return err;
}

void engine_alerts_done(struct engine *engine)
{
    while (!list_is_empty(&engine->alerts))
        alert_free(engine, LIST_ENTRY(engine->alerts.next, struct alert, link));
}

void engine_port_alerts(struct engine_port *port)
{
    port->ack = alerts_do_ack;
    port->ladder = alerts_do_ladder;
    port->notices = engine_list_notices;
}
