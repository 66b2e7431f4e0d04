/* loop/alerts.c - the ladder of each open incident: who is told that something stopped, and told
 * on, until somebody answers. What is said, and how it becomes durable: alert_telling.c. */
#include "loop/alerts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "loop/alert_telling.h"
#include "loop/engine_state.h"
#include "loop/incidents.h"
#include "loop/loaded.h"
#include "loop/notices.h"
#include "loop/restarts.h"
#include "loop/rows.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "loop/submit.h"
#include "record/ids.h"
#include "record/journal.h"
#include "record/notice.h"
#include "record/stop_row.h"

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
static void alert_journal_of(struct engine *engine, const struct stop *stop,
                             const struct journal_trip *trip, struct journal *out)
{
    *out = (struct journal){.incident = stop->incident, .since_unix_ms = stop->at_unix_ms};
    if (trip) {
        out->trip = *trip;
        out->began_unix_ms = trip->began_unix_ms;
    }
    memcpy(out->names, stop->names, sizeof out->names);
    engine_journal_open(engine, out);
}

void engine_alert_open(struct engine *engine, const struct stop *stop, struct slice reason,
                       const struct journal_trip *trip)
{
    struct journal journal;
    struct alert_word word = {
        .stop = stop, .about = NOTICE_TROUBLE, .by = slice_text(stop->by), .reason = reason};
    alert_journal_of(engine, stop, trip, &journal);
    (void)alert_open(engine, &journal, &word, NULL);
}

/* The row of an incident that no stop made, with its record. */
struct alert_draft {
    const struct loaded *loaded; /* takes secrets out of the words */
    struct buf key, row, words;
    struct store_row rows[1];
};

static void alert_draft_make(struct alert_draft *draft, const struct journal *journal,
                             const struct incident_row *row, struct slice words,
                             struct control *out)
{
    buf_init(&draft->key, TEXT_ID_MAX);
    buf_init(&draft->row, LIMIT_ROW);
    buf_init(&draft->words, LIMIT_REASON * 8);
    text_add_id(&draft->key, ID_INCIDENT, row->id);
    incident_row_encode(row, &draft->row);
    if (words.size > 0)
        loaded_encode_words(draft->loaded, &(struct bundle_words){.reason = words}, &draft->words);
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

static struct alert *alert_begin(struct engine *engine, const struct journal *wanted,
                                 struct alert_word *word)
{
    struct slice why = word->reason;
    struct alert_draft draft = {.loaded = engine->loaded};
    struct control control;
    struct alert *alert = NULL;
    if (engine->has_failed || engine->unsaved >= ENGINE_UNSAVED_ACT)
        return NULL;
    struct journal journal = *wanted;
    if (journal.incident == 0)
        journal.incident = engine_new_id(engine);
    journal.since_unix_ms = engine->now_unix_ms;
    engine_journal_open(engine, &journal);
    struct incident_row row = {.id = journal.incident,
                               .workflow = slice_text(journal.names[JOURNAL_WORKFLOW]),
                               .has_reason = why.size > 0,
                               .since_unix_ms = journal.since_unix_ms,
                               .words_seq = why.size > 0 ? engine->seq + 1 : 0};
    alert_draft_make(&draft, &journal, &row, why, &control);
    alert = alert_open(engine, &journal, word, &control);
    alert_draft_done(&draft);
    return alert;
}

struct alert *engine_alert_begin(struct engine *engine, const struct journal *journal,
                                 struct slice why)
{
    struct alert_word word = {.about = NOTICE_TROUBLE, .reason = why};
    return alert_begin(engine, journal, &word);
}

bool engine_alert_undone(struct engine *engine, const struct journal *journal,
                         const struct store_row *rows, size_t row_count)
{
    struct alert *alert = alert_find(engine, journal->incident);
    struct alert_word word = {.about = NOTICE_TROUBLE, .rows = rows, .row_count = row_count};
    if (!alert)
        return alert_begin(engine, journal, &word) != NULL;
    word.stop = &alert->scope;
    undone_count_add(&alert->journal.undone, &journal->undone);
    alert_tell(engine, alert, (struct ladder_effects){.levels = LADDER_FIRST}, &word, NULL);
    return true;
}

/* Those of them who have not heard of it. */
static void alert_add_untold(struct engine *engine, struct alert *alert,
                             const struct alert_people *people, struct notice_batch *batch)
{
    const struct stop *stop = alert_stop(engine, alert);
    struct alert_people told = {.count = 0}, untold = {.count = 0};
    struct engine_incident incident = {0};
    struct notice_draft draft;
    struct arena arena;
    engine_told_people(engine, alert->incident, &told);
    for (size_t i = 0; i < people->count; i++)
        if (!alert_people_have(&told, people->people[i]->name))
            alert_people_add(&untold, people->people[i]);
    if (!stop || untold.count == 0)
        return;
    arena_init(&arena, ENGINE_SCRATCH);
    notice_draft_init(&draft);
    struct alert_word word = {
        .stop = stop, .about = NOTICE_TROUBLE, .by = slice_text(stop->by), .is_opening = true};
    if (engine_read_incident(engine, alert->incident, &arena, &incident) == ERR_OK)
        word.reason = incident.reason;
    alert_make_texts(engine, alert, &word, &draft);
    draft.rung = alert->ladder.rung;
    draft.incident = alert->incident;
    (void)notice_batch_add(engine, batch, &draft, untold.people, untold.count);
    notice_draft_done(&draft);
    arena_done(&arena);
}

void engine_alert_add(struct engine *engine, struct alert *alert, const struct record *record,
                      struct slice words, const struct journal *journal)
{
    struct alert_people people = {.count = 0};
    struct notice_batch batch = {0};
    struct pending pending = {.saved = notice_batch_is_durable};
    notice_batch_init(&batch);
    engine_alert_people(engine, journal, LADDER_FIRST, &people);
    if (record->number != 0)
        engine_told_people(engine, record->number, &people);
    alert_add_untold(engine, alert, &people, &batch);
    struct alert_write write = {
        .record = *record, .words = words, .batch = &batch, .pending = &pending};
    alert_save(engine, alert, &write);
    notice_batch_done(&batch);
}

void engine_alert_join(struct engine *engine, struct alert *alert, const struct journal *journal,
                       struct slice words)
{
    struct alert_people people = {.count = 0};
    struct notice_batch batch = {0};
    struct pending pending = {.saved = notice_batch_is_durable};
    struct alert_draft draft = {.loaded = engine->loaded};
    struct control control;
    struct arena arena;
    struct engine_incident incident = {0};
    bool was_informed = alert->journal.inform_due_unix_ms > 0;
    arena_init(&arena, ENGINE_SCRATCH);
    enum err err = engine_read_incident(engine, alert->incident, &arena, &incident);
    struct incident_row row = {.id = alert->incident,
                               .workflow = slice_text(journal->names[JOURNAL_WORKFLOW]),
                               .has_reason = err == ERR_OK && incident.words_seq > 0,
                               .words_seq = incident.words_seq,
                               .since_unix_ms = journal->since_unix_ms};
    alert->journal = *journal;
    alert_set_scope(alert);
    notice_batch_init(&batch);
    engine_alert_people(engine, &alert->journal, LADDER_FIRST, &people);
    alert_add_untold(engine, alert, &people, &batch);
    struct alert_word inform = {
        .stop = &alert->scope, .about = NOTICE_INFORM, .reason = incident.reason};
    if (!was_informed) /* it asks for that only from now on */
        alert_add_inform(engine, alert, &inform, &batch);
    alert_draft_make(&draft, journal, &row, (struct slice){0}, &control);
    control.record.subject = SLICE("joined");
    struct alert_write write = {.record = {.kind = RECORD_REMARK, .subject = SLICE("joined")},
                                .incident = &control,
                                .words = words,
                                .batch = &batch,
                                .pending = &pending};
    alert_save(engine, alert, &write);
    alert_draft_done(&draft);
    notice_batch_done(&batch);
    arena_done(&arena);
}

static struct alert *alert_find_alarm(struct engine *engine, const struct journal *journal)
{
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (engine_alarms_are_one(&alert->journal, journal))
            return alert;
    }
    return NULL;
}

void engine_alarm(struct engine *engine, const struct engine_alarm *alarm)
{
    struct journal journal = {
        .kind = INCIDENT_ALERT, .trip = alarm->trip, .began_unix_ms = alarm->trip.began_unix_ms};
    struct slice names[] = {alarm->workflow, alarm->step};
    for (size_t i = 0; i < 2; i++) {
        struct slice name = slice_first(names[i], LIMIT_NAME);
        if (name.size > 0)
            memcpy(journal.names[i], name.at, name.size);
    }
    struct record joined = {.kind = RECORD_REMARK, .subject = SLICE("joined"), .actor = alarm->by};
    struct alert *open = engine_alarm_incident(engine, &journal);
    if (open) {
        engine_alert_add(engine, open, &joined, alarm->words, &journal);
        return;
    }
    open = alert_find_alarm(engine, &journal);
    if (open) { /* one is told already, and nobody has answered */
        struct pending none = {0};
        engine_alert_save(engine, open, &joined, alarm->words, &none);
        return;
    }
    (void)engine_alert_begin(engine, &journal, alarm->words);
}

void engine_alert_remind(struct engine *engine, struct alert *alert)
{
    struct notice_batch batch = {0};
    struct pending pending = {.saved = notice_batch_is_durable};
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

static void alert_acknowledged(struct pending *pending)
{
    struct engine_reply reply = {.outcome = ENGINE_TAKEN};
    engine_send_notices(pending->engine);
    pending->done(pending->arg, &reply);
}

/* reply: see engine_alert_end. */
static void alert_close(struct engine *engine, struct alert *alert, const struct alert_word *word,
                        struct control *incident, const struct pending *reply)
{
    struct ladder_effects effects;
    struct ladder_event event = {.kind = LADDER_CLOSE, .now_unix_ms = engine->now_unix_ms};
    struct pending pending = reply ? *reply : (struct pending){0};
    pending.saved = reply ? alert_acknowledged : notice_batch_is_durable;
    ladder_step(&alert->ladder, &event, &effects);
    alert->journal.closed_unix_ms = engine->now_unix_ms;
    engine_journal_tally(engine, &alert->journal, &alert->journal.at_close);
    alert->journal.lost = engine_journal_lost(engine, &alert->journal);
    if (effects.must_recover) {
        struct alert_write write = {
            .record = {.kind = RECORD_TELLING, .actor = word->by, .subject = SLICE("recovery")},
            .incident = incident,
            .pending = &pending};
        if (alert->journal.joined_into != 0) /* no crash leaves it without its end */
            write.record = (struct record){.kind = RECORD_REMARK,
                                           .subject = SLICE("joined"),
                                           .number = alert->journal.joined_into};
        alert_tell_told(engine, alert, &write, word);
    }
    alert_free(engine, alert);
}

void engine_alert_close(struct engine *engine, const struct stop *stop, struct slice by,
                        struct slice reason)
{
    struct alert *alert = alert_find(engine, stop->incident);
    struct alert_word word = {.stop = stop, .about = NOTICE_RECOVERED, .by = by, .reason = reason};
    struct restart_row row;
    if (!alert)
        return;
    if (engine_read_restart(engine, stop->incident, &row) == ERR_OK) {
        word.asked_by = slice_text(row.asked_by);
        word.by = by.size > 0 ? by : slice_text(row.approved_by); /* a crash may have come before */
    }
    alert_close(engine, alert, &word, NULL, NULL);
}

void engine_alert_end(struct engine *engine, struct alert *alert, struct slice by,
                      struct slice words, const struct pending *reply)
{
    struct alert_draft draft = {.loaded = engine->loaded};
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
    alert_close(engine, alert, &word, &control, reply);
    alert_draft_done(&draft);
    arena_done(&arena);
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
    bool is_news = alert->journal.kind == INCIDENT_ALERT || alert->journal.kind == INCIDENT_UNDONE;
    struct pending reply = {.saved = alert_acknowledged, .done = done, .arg = arg};
    struct pending none = {.saved = notice_batch_is_durable};
    struct alert_word word = {
        .stop = alert_stop(engine, alert), .about = NOTICE_ACKNOWLEDGED, .by = principal->name};
    struct alert_write write = {.record = {.kind = RECORD_ACKNOWLEDGED, .actor = principal->name},
                                .pending = is_news ? &none : &reply};
    alert_tell_told(engine, alert, &write, &word);
    if (is_news) /* it moved nothing: an answer is its end, and is told as that */
        engine_alert_end(engine, alert, principal->name, (struct slice){0}, &reply);
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
        if (alert->journal.kind == INCIDENT_UNDONE && alert->journal.undone.late == 0)
            continue; /* what failed is told once; it stays in the inbox (decision 0018) */
        ladder_step(&alert->ladder, &event, &effects);
        if (effects.levels != 0)
            alert_tell_again(engine, alert, effects);
    }
}

/* ---- reads ---- */

size_t engine_unanswered(const struct engine *engine, uint64_t *out_incidents, size_t room)
{
    size_t count = 0;
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        const struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (ladder_is_loud(&alert->ladder) && count < room)
            out_incidents[count++] = alert->incident;
    }
    return count;
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
static enum err alert_load_row(void *arg, const struct store_row *stored, bool *out_is_enough)
{
    struct engine *engine = arg;
    (void)out_is_enough;
    struct ladder_row row = {0};
    enum err err = ladder_row_decode(stored->value, &row);
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
    enum err err = rows_each(engine, STORE_LADDERS, (struct slice){0}, alert_load_row, engine);
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
            engine_alert_open(engine, stop, (struct slice){0}, NULL);
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
