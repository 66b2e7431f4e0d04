/* loop/alerts.c - who is told that something stopped, and told on, until somebody answers: the
 * ladder of each open incident, made durable with the messages that it asks for. */
#include "loop/inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "record/notice_text.h"
#include "record/receipt.h"

enum {
    ALERT_PEOPLE = 256,    /* told by one rung */
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

static struct stop *alert_stop(struct engine *engine, uint64_t incident)
{
    for (size_t i = 0; i < engine->board.stop_count; i++)
        if (engine->board.stops[i].incident == incident)
            return &engine->board.stops[i];
    return NULL;
}

/* ---- who ---- */

struct alert_people {
    const struct person *people[ALERT_PEOPLE];
    size_t count;
};

static void alert_people_add(struct alert_people *people, const struct person *person)
{
    for (size_t i = 0; i < people->count; i++)
        if (people->people[i] == person)
            return;
    if (people->count < ALERT_PEOPLE)
        people->people[people->count++] = person;
}

static void alert_people_add_group(struct alert_people *people, const struct group *group)
{
    for (size_t i = 0; group && i < group->member_count; i++)
        alert_people_add(people, group->members[i]);
}

static const struct duties *alert_duties(const struct engine *engine, const struct stop *stop)
{
    const struct config *config = engine_config(engine);
    const struct workflow *workflow =
        stop->names[0][0] ? config_workflow_of(config, slice_text(stop->names[0])) : NULL;
    return workflow ? &workflow->duties : &config->switch_duties;
}

/* The people of some levels, each once. Read from the configuration in force: who has left is not
 * told (R28). */
static void alert_people_of(const struct engine *engine, const struct stop *stop, unsigned levels,
                            struct alert_people *out)
{
    const struct duties *duties = alert_duties(engine, stop);
    const struct group *owner = duties->owner;
    size_t first = 0;
    size_t count = owner ? owner->member_count : 0;
    while (first < count &&
           away_find(&engine->away, owner->members[first]->name, engine->now_unix_ms))
        first++;
    if (first == count)
        first = 0; /* all are away: better one of them than nobody */
    if ((levels & LADDER_FIRST) && first < count)
        alert_people_add(out, owner->members[first]);
    for (size_t i = 0; (levels & LADDER_OWNERS) && i < count; i++)
        if (i != first)
            alert_people_add(out, owner->members[i]);
    if (levels & LADDER_DUTIES) {
        alert_people_add_group(out, duties->restart);
        alert_people_add_group(out, duties->inform);
    }
    if (levels & LADDER_ADMINS)
        alert_people_add_group(out, engine_config(engine)->admins);
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
};

/* R23: secrets that stand in a person's words do not leave. */
static void alert_mask(struct engine *engine, struct slice text, struct buf *out)
{
    redact_add(&engine->loaded->redact, text, false, out);
}

static void alert_make_texts(struct engine *engine, const struct alert *alert,
                             const struct alert_word *word, struct notice_draft *draft)
{
    const struct stop *stop = word->stop;
    struct buf reason, scope;
    buf_init(&reason, LIMIT_REASON * 4);
    buf_init(&scope, LIMIT_SUMMARY);
    alert_mask(engine, word->reason, &reason);
    receipt_add_scope(&scope, stop);
    struct notice_facts facts = {.about = word->about,
                                 .incident = alert->incident,
                                 .scope = buf_slice(&scope),
                                 .by = word->by,
                                 .reason = buf_slice(&reason),
                                 .is_again =
                                     engine->now_unix_ms - stop->at_unix_ms >= ALERT_AGAIN_MS,
                                 .waiting = alert_count_waiting(engine, stop),
                                 .in_flight = stop->in_flight,
                                 .refused = stop->refused,
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

/* The ladder's row, then those of the messages made for it, in one write with one record. */
static void alert_save(struct engine *engine, const struct alert *alert, struct record *record,
                       struct notice_batch *batch, const struct pending *pending)
{
    struct buf key, value;
    struct store_row *rows = calloc(batch->count + 1, sizeof *rows);
    buf_init(&key, TEXT_ID_MAX);
    buf_init(&value, 4096);
    text_add_id(&key, ID_INCIDENT, alert->incident);
    struct ladder_row row = {.incident = alert->incident,
                             .ladder = alert->ladder,
                             .acknowledged_by = slice_text(alert->by)};
    ladder_row_encode(&row, &value);
    if (rows) {
        rows[0] = (struct store_row){
            .table = STORE_LADDERS, .key = buf_slice(&key), .value = buf_slice(&value)};
        notice_batch_rows(batch, &rows[1]);
        record->incident = alert->incident;
        struct control control = {.record = *record, .rows = rows, .row_count = batch->count + 1};
        engine_save_control(engine, &control, pending);
        notice_batch_saved(engine, batch);
    } else {
        engine_fail(engine, "out of memory");
    }
    buf_done(&value);
    buf_done(&key);
    free(rows);
}

static void alert_saved(struct pending *pending)
{
    engine_send_notices(pending->engine);
}

/* Does what the core says: whom to tell, until a rung has somebody. */
static void alert_tell(struct engine *engine, struct alert *alert, struct ladder_effects effects,
                       const struct alert_word *word)
{
    struct notice_batch batch = {0};
    struct pending pending = {.saved = alert_saved};
    struct notice_draft draft;
    uint8_t rung = alert->ladder.rung;
    notice_batch_init(&batch);
    notice_draft_init(&draft);
    alert_make_texts(engine, alert, word, &draft);
    while (effects.levels != 0) {
        struct alert_people people = {.count = 0};
        alert_people_of(engine, word->stop, effects.levels, &people);
        if (effects.is_loud)
            (void)fprintf(stderr, "interlock: nobody answers: %s\n", buf_text(&draft.line));
        rung = alert->ladder.rung;
        draft.rung = rung;
        draft.incident = alert->incident;
        size_t made = notice_batch_add(engine, &batch, &draft, people.people, people.count);
        struct ladder_event told = {.kind = LADDER_TOLD,
                                    .now_unix_ms = engine->now_unix_ms,
                                    .rung = rung,
                                    .count = (uint32_t)made};
        ladder_step(&alert->ladder, &told, &effects);
    }
    struct record record = {
        .kind = RECORD_TELLING, .number = rung, .subject = notice_batch_names(&batch)};
    alert_save(engine, alert, &record, &batch, &pending);
    notice_draft_done(&draft);
    notice_batch_done(&batch);
}

/* The words of a trouble that was told before. */
static void alert_tell_again(struct engine *engine, struct alert *alert,
                             struct ladder_effects effects)
{
    const struct stop *stop = alert_stop(engine, alert->incident);
    struct engine_incident incident = {0};
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    if (stop) {
        struct alert_word word = {
            .stop = stop, .about = NOTICE_TROUBLE, .by = slice_text(stop->by)};
        if (engine_read_incident(engine, alert->incident, &arena, &incident) == ERR_OK)
            word.reason = incident.reason;
        alert_tell(engine, alert, effects, &word);
    }
    arena_done(&arena);
}

/* ---- events ---- */

void engine_alert_open(struct engine *engine, const struct stop *stop, struct slice reason)
{
    const struct duties *duties = alert_duties(engine, stop);
    struct ladder_effects effects;
    struct alert *alert = alert_add(engine, stop->incident);
    if (!alert) { /* LIMIT_ALERTS incidents are open: it stands in status and in the inbox */
        (void)fprintf(stderr, "interlock: LIMIT_ALERTS: nobody is told of one more incident\n");
        return;
    }
    struct ladder_event event = {.kind = LADDER_OPEN,
                                 .now_unix_ms = engine->now_unix_ms,
                                 .times = {duties->level_2_ms, duties->level_3_ms}};
    struct alert_word word = {
        .stop = stop, .about = NOTICE_TROUBLE, .by = slice_text(stop->by), .reason = reason};
    ladder_step(&alert->ladder, &event, &effects);
    alert_tell(engine, alert, effects, &word);
}

/* Those who were told are told the end of it, or those receivers that keep a state. */
static void alert_tell_told(struct engine *engine, struct alert *alert, struct record *record,
                            const struct alert_word *word, const struct pending *pending)
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
    alert_save(engine, alert, record, &batch, pending);
    notice_draft_done(&draft);
    notice_batch_done(&batch);
}

void engine_alert_close(struct engine *engine, const struct stop *stop, struct slice by,
                        struct slice reason)
{
    struct alert *alert = alert_find(engine, stop->incident);
    struct ladder_effects effects;
    struct ladder_event event = {.kind = LADDER_CLOSE, .now_unix_ms = engine->now_unix_ms};
    if (!alert)
        return;
    ladder_step(&alert->ladder, &event, &effects);
    if (effects.must_recover) {
        struct alert_word word = {
            .stop = stop, .about = NOTICE_RECOVERED, .by = by, .reason = reason};
        struct record record = {.kind = RECORD_TELLING, .actor = by, .subject = SLICE("recovery")};
        struct pending pending = {.saved = alert_saved};
        alert_tell_told(engine, alert, &record, &word, &pending);
    }
    alert_free(engine, alert);
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
    struct alert_word word = {
        .stop = alert_stop(engine, incident), .about = NOTICE_ACKNOWLEDGED, .by = principal->name};
    struct record record = {.kind = RECORD_ACKNOWLEDGED, .actor = principal->name};
    struct pending pending = {.saved = alert_acknowledged, .done = done, .arg = arg};
    alert_tell_told(engine, alert, &record, &word, &pending);
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
    const struct stop *stop = alert_stop(engine, alert->incident);
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
        const struct stop *stop = alert_stop(engine, alert->incident);
        node = node->next;
        if (!stop || stop->is_lifted)
            alert_close_late(engine, alert);
    }
    for (size_t i = 0; err == ERR_OK && i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (!stop->is_lifted && !alert_find(engine, stop->incident))
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
