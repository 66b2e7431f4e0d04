/* loop/journals.c - what an incident holds: what was counted when it opened, who informs by
 * when, what people say of it, and all of it together as it is read.
 * Owns: the journals of open incidents (in struct alert); the story, which is read from the
 *   records.
 * Invariants:
 *   1. What is said is a record of its own: nothing that was said is written over.
 *   2. A story is at most LIMIT_PAGE records; when it is longer, messages are left out of it
 *      first. */
#include "loop/incidents.h"

#include <stdlib.h>

#include "core/switchboard.h"
#include "loop/alerts.h"
#include "loop/audit.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/loaded.h"
#include "loop/restarts.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "loop/submit.h"
#include "loop/undone.h"
#include "loop/upstreams.h"
#include "record/incident_view.h"
#include "record/journal.h"
#include "record/receipt.h"
#include "record/row.h"
#include "record/tally.h"

enum {
    JOURNAL_INFORM_MS = 30 * 60000,
    JOURNAL_MESSAGES_UP_TO = LIMIT_PAGE / 2,
    JOURNAL_LOOK_PAGE = 32, /* of what waits for people */
    JOURNAL_LOOKS = 32
};

/* ---- the scope ---- */

bool engine_journal_is_shared(const struct journal *journal)
{
    return journal->kind == INCIDENT_DEGRADED && journal->names[JOURNAL_UPSTREAM][0] &&
           !journal->names[JOURNAL_WORKFLOW][0];
}

bool engine_journal_covers(const struct engine *engine, const struct journal *journal,
                           struct slice name)
{
    const struct workflow *workflow = config_workflow_of(engine_config(engine), name);
    struct slice own = slice_text(journal->names[JOURNAL_WORKFLOW]);
    struct slice upstream = slice_text(journal->names[JOURNAL_UPSTREAM]);
    if (own.size > 0 && !slice_equal(own, name) && !(workflow && slices_have(workflow->was, own)))
        return false;
    return upstream.size == 0 || (workflow && workflow_calls(workflow, upstream));
}

void engine_journal_add_scope(const struct journal *journal, const struct stop *scope,
                              struct buf *out)
{
    if (journal->lasting == LASTING_CLOCK)
        buf_add_text(out, "clock");
    else
        receipt_add_scope(out, scope);
}

void engine_journal_tally(struct engine *engine, const struct journal *journal, struct tally *out)
{
    *out = (struct tally){{0}};
    for (size_t i = 0; i < engine->workflow_count; i++) {
        struct slice name = slice_text(engine->workflows[i].name);
        struct tally one = {{0}};
        if (engine_journal_covers(engine, journal, name) &&
            engine_tally(engine, name, journal->since_unix_ms, &one) == ERR_OK)
            tally_sum(out, &one);
    }
}

void engine_journal_since(const struct journal *journal, struct tally *tally)
{
    for (size_t i = 0; i < TALLY_COUNT; i++)
        tally->n[i] -= tally->n[i] < journal->before.n[i] ? tally->n[i] : journal->before.n[i];
}

static uint64_t journal_count_open(const struct engine *engine, const struct journal *journal,
                                   struct incident_impact *out)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < engine->workflow_count; i++) {
        const struct workflow_state *state = &engine->workflows[i];
        if (!engine_journal_covers(engine, journal, slice_text(state->name)))
            continue;
        for (size_t s = 0; s < STATE_COUNT; s++)
            sum += state->now[s];
        sum -= state->contradicted; /* they count among those that have ended */
        if (!out)
            continue;
        out->held += state->now[STATE_HELD];
        out->in_review += state->now[STATE_IN_REVIEW];
        out->uncertain += state->now[STATE_UNCERTAIN];
        out->waiting += state->now[STATE_WAITING];
    }
    return sum;
}

/* What was open or submitted since, and has neither ended nor is open: the records count the one,
 * the actions in hand the other. LOST_UNKNOWN: more has ended than there was. */
static int64_t journal_lost(const struct journal *journal, const struct tally *since, uint64_t open)
{
    const uint64_t *n = since->n;
    uint64_t had = n[TALLY_SUBMITTED] + journal->open_before;
    uint64_t has = tally_done(since) + n[TALLY_TEMPLATE] + n[TALLY_REJECTED] + n[TALLY_FAILED] +
                   n[TALLY_CANCELLED] + n[TALLY_EXPIRED] + open;
    return had >= has ? (int64_t)(had - has) : LOST_UNKNOWN;
}

int64_t engine_journal_lost(struct engine *engine, const struct journal *journal)
{
    struct tally since;
    engine_journal_tally(engine, journal, &since);
    engine_journal_since(journal, &since);
    return journal_lost(journal, &since, journal_count_open(engine, journal, NULL));
}

uint64_t engine_journal_waits(struct engine *engine, const struct journal *journal)
{
    struct incident_impact impact = {0};
    bool is_upstreams = journal->names[JOURNAL_UPSTREAM][0] && !journal->names[JOURNAL_WORKFLOW][0];
    const struct upstream_state *upstream =
        is_upstreams ? engine_upstream(engine, slice_text(journal->names[JOURNAL_UPSTREAM])) : NULL;
    if (is_upstreams)
        return upstream ? upstream->held : 0;
    (void)journal_count_open(engine, journal, &impact);
    return impact.held + impact.waiting + impact.in_review + impact.uncertain;
}

/* Who is there of those who inform, and by when. */
static void journal_name_informer(const struct engine *engine, struct journal *journal,
                                  int64_t from_unix_ms)
{
    if (journal->kind != INCIDENT_STOP && journal->kind != INCIDENT_DEGRADED)
        return;
    const struct group *group = engine_alert_duties(engine, journal)->inform;
    const struct person *found = group && group->member_count ? group->members[0] : NULL;
    for (size_t i = 0; group && i < group->member_count; i++)
        if (!away_find(&engine->away, group->members[i]->name, engine->now_unix_ms)) {
            found = group->members[i];
            break;
        }
    if (found)
        memcpy(journal->informs, found->name.at, slice_first(found->name, LIMIT_NAME).size);
    journal->inform_due_unix_ms = from_unix_ms + JOURNAL_INFORM_MS;
}

void engine_journal_open(struct engine *engine, struct journal *journal)
{
    engine_journal_tally(engine, journal, &journal->before);
    journal->open_before = journal_count_open(engine, journal, NULL);
    if (journal->lasting != LASTING_CLOCK) /* that harms nobody outside */
        journal_name_informer(engine, journal, journal->since_unix_ms);
}

void engine_journal_widen(struct engine *engine, const struct journal *former,
                          struct journal *journal)
{
    struct tally had, has;
    engine_journal_tally(engine, former, &had);
    engine_journal_tally(engine, journal, &has);
    for (size_t i = 0; i < TALLY_COUNT; i++)
        journal->before.n[i] += has.n[i] - had.n[i];
    journal->open_before +=
        journal_count_open(engine, journal, NULL) - journal_count_open(engine, former, NULL);
    if (journal->inform_due_unix_ms == 0)
        journal_name_informer(engine, journal, engine->now_unix_ms);
}

enum err engine_read_journal(struct engine *engine, uint64_t incident, struct journal *out)
{
    const struct alert *alert = engine_alert_find(engine, incident);
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct buf key;
    struct slice value = {0};
    if (alert && alert->journal.incident == incident) {
        *out = alert->journal;
        return ERR_OK;
    }
    arena_init(&arena, 65536);
    buf_init(&key, TEXT_ID_MAX);
    journal_key_add(&key, incident);
    enum err err = store->get_row(store->impl, STORE_JOURNALS, buf_slice(&key), &arena, &value);
    if (err == ERR_OK)
        err = journal_decode(value, out);
    buf_done(&key);
    arena_done(&arena);
    return err;
}

/* Who was named has left: another one of those who inform, from now on (R28). */
static bool journal_has_lost_informer(const struct engine *engine, const struct journal *journal)
{
    return journal->informs[0] &&
           !config_person(engine_config(engine), slice_text(journal->informs));
}

/* Whoever is to inform others and has not is told once more. */
void engine_run_journals(struct engine *engine)
{
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        struct alert *alert = LIST_ENTRY(node, struct alert, link);
        struct journal *journal = &alert->journal;
        if (journal->inform_due_unix_ms == 0 || journal->informed_unix_ms ||
            engine->unsaved >= ENGINE_UNSAVED_ACT)
            continue;
        bool is_lost = journal_has_lost_informer(engine, journal);
        if (is_lost) {
            memset(journal->informs, 0, sizeof journal->informs);
            journal->reminded_unix_ms = 0;
            journal_name_informer(engine, journal, engine->now_unix_ms);
        } else if (journal->reminded_unix_ms || engine->now_unix_ms < journal->inform_due_unix_ms) {
            continue;
        } else {
            journal->reminded_unix_ms = engine->now_unix_ms;
        }
        engine_alert_remind(engine, alert);
    }
}

/* ---- what people say ---- */

static void journal_said(struct pending *pending)
{
    struct engine_reply reply = {.outcome = ENGINE_TAKEN};
    pending->done(pending->arg, &reply);
}

static void journals_do_remark(void *impl, const struct principal *principal, uint64_t incident,
                               const struct engine_remark *remark, engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    struct journal journal;
    (void)engine_now(engine);
    if (engine_read_journal(engine, incident, &journal) != ERR_OK) {
        engine_refuse(done, arg, ENGINE_NOT_FOUND, "no incident has this id");
        return;
    }
    if (engine->has_failed || engine->is_closing || engine->unsaved >= ENGINE_UNSAVED_ACT) {
        engine_refuse(done, arg, ENGINE_STORE_FAILED, "the store cannot save it now");
        return;
    }
    struct alert *alert = engine_alert_find(engine, incident);
    struct record record = {.kind = RECORD_REMARK,
                            .actor = principal->name,
                            .incident = incident,
                            .subject = slice_text(remark->subject)};
    struct pending pending = {.saved = journal_said, .done = done, .arg = arg};
    if (alert) {
        if (slice_is(record.subject, "informed"))
            alert->journal.informed_unix_ms = engine->now_unix_ms;
        engine_alert_save(engine, alert, &record, remark->text, &pending);
    } else { /* it is closed: its journal stays as it is */
        struct buf words;
        buf_init(&words, LIMIT_REASON * 8);
        loaded_encode_words(engine->loaded, &(struct bundle_words){.reason = remark->text}, &words);
        struct control control = {.record = record, .words = buf_slice(&words)};
        engine_save_control(engine, &control, &pending);
        buf_done(&words);
    }
    engine_set_alarm(engine);
}

static void journals_do_close(void *impl, const struct principal *principal, uint64_t incident,
                              struct slice reason, engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    struct alert *alert = engine_alert_find(engine, incident);
    (void)engine_now(engine);
    if (!alert || alert->journal.kind == INCIDENT_STOP) {
        engine_refuse(done, arg, ENGINE_NOT_NOW,
                      alert && alert->journal.kind == INCIDENT_STOP
                          ? "this one is closed by the restart of what it stopped"
                          : "this incident is closed");
        return;
    }
    if (engine->has_failed || engine->is_closing || engine->unsaved >= ENGINE_UNSAVED_ACT) {
        engine_refuse(done, arg, ENGINE_STORE_FAILED, "the store cannot save it now");
        return;
    }
    struct record record = {.kind = RECORD_REMARK,
                            .actor = principal->name,
                            .incident = incident,
                            .subject = SLICE("cause")};
    struct pending none = {0}, reply = {.done = done, .arg = arg};
    bool is_clock = alert->journal.lasting == LASTING_CLOCK;
    engine_alert_save(engine, alert, &record, reason, &none);
    engine_alert_end(engine, alert, principal->name, (struct slice){0}, &reply);
    if (is_clock)
        engine_confirm_clock(engine, principal->name);
    engine_set_alarm(engine);
}

/* ---- the story ---- */

static struct slice journal_words(struct engine *engine, uint64_t seq, struct arena *arena)
{
    struct slice stored = {0};
    struct bundle_words words = {0};
    const struct store_port *store = &engine->options.store;
    struct buf masked;
    if (store->get_payload(store->impl, seq, arena, &stored) != ERR_OK ||
        stored.size < BUNDLE_SALT ||
        bundle_words_decode(slice_from(stored, BUNDLE_SALT), arena, &words) != ERR_OK)
        return (struct slice){0};
    buf_init(&masked, LIMIT_REASON * 8);
    redact_add(&engine->loaded->redact, words.reason, false, &masked);
    struct slice kept = arena_copy(arena, buf_slice(&masked));
    buf_done(&masked);
    return kept;
}

static struct slice journal_scope(const struct record *record, struct arena *arena)
{
    struct stop stop = {0};
    struct buf text;
    const struct slice names[] = {record->workflow, record->step, record->upstream,
                                  record->subject};
    for (size_t i = 0; i < JOURNAL_NAMES; i++)
        if (names[i].size > 0)
            memcpy(stop.names[i], names[i].at, slice_first(names[i], LIMIT_NAME).size);
    buf_init(&text, LIMIT_SUMMARY);
    receipt_add_scope(&text, &stop);
    struct slice kept = arena_copy(arena, buf_slice(&text));
    buf_done(&text);
    return kept;
}

static enum err journal_read_entry(struct engine *engine, uint64_t seq, struct arena *arena,
                                   struct incident_entry *out)
{
    const struct store_port *store = &engine->options.store;
    struct store_record stored;
    struct record record;
    enum err err = store->get_record(store->impl, seq, arena, &stored);
    if (err == ERR_OK)
        err = record_decode(stored.body, arena, &record);
    if (err != ERR_OK)
        return err;
    *out = (struct incident_entry){.at_unix_ms = record.at_unix_ms,
                                   .seq = seq,
                                   .number = record.number,
                                   .stop = record.stop,
                                   .kind = record.kind,
                                   .actor = record.actor,
                                   .subject = record.subject,
                                   .words = record.has_payload ? journal_words(engine, seq, arena)
                                                               : (struct slice){0}};
    if (record.kind == RECORD_STOP || record.kind == RECORD_RESTART ||
        record.kind == RECORD_STOPPED)
        out->scope = journal_scope(&record, arena);
    return ERR_OK;
}

static bool journal_is_message(enum record_kind kind)
{
    return kind == RECORD_TELLING || kind == RECORD_TOLD || kind == RECORD_NOT_TOLD;
}

static enum err journal_read_story(struct engine *engine, struct incident_view *view,
                                   struct arena *arena)
{
    const struct store_port *store = &engine->options.store;
    struct incident_entry *entries = ARENA_ARRAY(arena, LIMIT_PAGE, struct incident_entry);
    struct store_row *rows = ARENA_ARRAY(arena, LIMIT_PAGE, struct store_row);
    struct buf prefix;
    size_t count = LIMIT_PAGE, kept = 0;
    bool is_over = false;
    enum err err = entries && rows ? ERR_OK : ERR_NO_MEMORY;
    buf_init(&prefix, 2 * TEXT_ID_MAX);
    journal_entry_key_add(&prefix, view->id, 0);
    struct slice after = buf_slice(&prefix);
    while (err == ERR_OK && !is_over && count == LIMIT_PAGE) {
        err = store->list_rows(store->impl, STORE_JOURNALS, after, LIMIT_PAGE, arena, rows, &count);
        for (size_t i = 0; err == ERR_OK && i < count && !is_over; i++) {
            uint64_t seq = 0;
            after = rows[i].key;
            is_over = !journal_entry_key_parse(after, view->id, &seq) || kept == LIMIT_PAGE;
            if (is_over)
                break;
            err = journal_read_entry(engine, seq, arena, &entries[kept]);
            if (err == ERR_OK)
                kept += kept < JOURNAL_MESSAGES_UP_TO || !journal_is_message(entries[kept].kind);
        }
    }
    buf_done(&prefix);
    view->entries = entries;
    view->entry_count = kept;
    return err;
}

/* ---- the impact ---- */

struct journal_labels {
    const struct engine *engine;
    const struct journal *journal;
    uint64_t wrong;
};

static void journal_add_label(void *arg, const struct label_row *row, int64_t now_unix_ms)
{
    struct journal_labels *labels = arg;
    (void)now_unix_ms;
    labels->wrong += row->count > 0 && row->last.is_wrong &&
                     row->started_unix_ms < labels->journal->since_unix_ms &&
                     engine_journal_covers(labels->engine, labels->journal, row->workflow);
}

/* The first review of a workflow, by its due time or by its age: what is uncertain or contradicted
 * stands in the same queue, and of it so many are looked through. */
static void journal_find_review(struct engine *engine, const char *workflow, bool by_due,
                                int64_t *out_unix_ms)
{
    const struct store_port *store = &engine->options.store;
    struct store_open_query query = {.by_people_due = by_due,
                                     .has_queue = true,
                                     .queue = STORE_QUEUE_PEOPLE,
                                     .limit = JOURNAL_LOOK_PAGE};
    size_t count = JOURNAL_LOOK_PAGE;
    int64_t found = 0;
    for (int page = 0; page < JOURNAL_LOOKS && count == JOURNAL_LOOK_PAGE && found == 0; page++) {
        struct store_action rows[JOURNAL_LOOK_PAGE];
        struct arena arena;
        arena_init_pooled(&arena, ENGINE_SCRATCH, &engine->arenas);
        query.scope = arena_fmt(&arena, "%s/", workflow);
        if (store->list_open(store->impl, &query, &arena, rows, &count) != ERR_OK)
            count = 0;
        for (size_t i = 0; i < count && found == 0; i++) {
            struct row row = {0};
            bool is_review =
                row_decode(rows[i].row, &row) == ERR_OK && row.action.state == STATE_IN_REVIEW;
            if (is_review)
                found = by_due ? rows[i].people_due_unix_ms : row.action.submitted_unix_ms;
            query.after_id = rows[i].id;
            query.after_due_unix_ms = by_due ? rows[i].people_due_unix_ms : 0;
        }
        arena_done(&arena);
    }
    if (found != 0 && (*out_unix_ms == 0 || found < *out_unix_ms))
        *out_unix_ms = found;
}

/* Of the reviews that it counts: when the oldest was submitted, and when the first is due. */
static void journal_read_due(struct engine *engine, struct incident_view *view)
{
    for (size_t i = 0; i < engine->workflow_count; i++) {
        const struct workflow_state *state = &engine->workflows[i];
        if (state->now[STATE_IN_REVIEW] == 0 ||
            !engine_journal_covers(engine, &view->journal, slice_text(state->name)))
            continue;
        journal_find_review(engine, state->name, false, &view->impact.oldest_unix_ms);
        journal_find_review(engine, state->name, true, &view->impact.people_due_unix_ms);
    }
}

/* What its stops turned away, and what they held; of one that is closed its first stop is read. */
static void journal_count_stops(struct engine *engine, struct incident_view *view)
{
    struct incident_impact *impact = &view->impact;
    struct engine_incident incident = {0};
    struct arena arena;
    size_t count = 0;
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (stop->incident != view->id)
            continue;
        impact->refused += stop->refused;
        impact->was_held += view->is_open ? 0 : stop->held;
        count++;
    }
    if (view->is_open || view->journal.kind != INCIDENT_STOP || count > 0)
        return;
    arena_init(&arena, ENGINE_SCRATCH);
    const struct stop *stop = NULL;
    if (engine_read_incident(engine, view->id, &arena, &incident) == ERR_OK)
        stop = engine_read_stop(engine, incident.stop, &arena);
    impact->refused += stop ? stop->refused : 0;
    impact->was_held += stop ? stop->held : 0;
    arena_done(&arena);
}

static void journal_count_impact(struct engine *engine, struct incident_view *view)
{
    struct incident_impact *impact = &view->impact;
    const struct journal *journal = &view->journal;
    struct journal_labels labels = {engine, journal, 0};
    int64_t day_ms = 24LL * 3600000;
    uint64_t open = 0;
    if (view->is_open) {
        engine_journal_tally(engine, journal, &impact->counts);
        open = journal_count_open(engine, journal, impact);
        impact->waits = engine_journal_waits(engine, journal);
        journal_read_due(engine, view);
    } else {
        impact->counts = journal->at_close;
    }
    engine_journal_since(journal, &impact->counts);
    impact->lost = view->is_open ? journal_lost(journal, &impact->counts, open) : journal->lost;
    for (size_t i = 0; view->workflow && i < view->workflow->step_count; i++)
        if (view->workflow->steps[i].sla_ms > 0)
            impact->target_percent = view->workflow->steps[i].sla_percent;
    journal_count_stops(engine, view);
    if (engine_label_sums(engine, journal->since_unix_ms - 7 * day_ms, journal_add_label,
                          &labels) == ERR_OK)
        impact->wrong_before = labels.wrong;
}

/* ---- all of it ---- */

enum position engine_incident_position(const struct engine *engine, uint64_t incident,
                                       const struct stop *first)
{
    enum position position = POSITION_RUNNING;
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (stop->incident == incident && !stop->is_lifted && stop->position < position)
            position = stop->position;
    }
    return position == POSITION_RUNNING && first ? first->position : position;
}

static enum err journal_fill(struct engine *engine, const struct engine_incident *incident,
                             struct arena *arena, struct incident_view *view)
{
    const struct config *config = engine_config(engine);
    struct stop shown = {0};
    struct buf scope;
    enum err err = engine_read_journal(engine, incident->id, &view->journal);
    if (err != ERR_OK)
        return err;
    const struct stop *stop = engine_read_stop(engine, incident->stop, arena);
    const struct duties *duties = engine_alert_duties(engine, &view->journal);
    memcpy(shown.names, view->journal.names, sizeof shown.names);
    view->id = incident->id;
    view->config = config;
    view->workflow = config_workflow_of(config, incident->workflow);
    view->is_open = slice_is(incident->state, "open");
    view->closed_unix_ms = incident->closed_unix_ms;
    view->by = incident->by;
    view->owner = duties->owner;
    view->restart = duties->restart;
    engine_restart_words(engine, arena, view);
    view->inform = duties->inform;
    view->zone = engine->options.zone;
    view->now_unix_ms = engine->now_unix_ms;
    enum position position = engine_incident_position(engine, view->id, stop);
    if (position != POSITION_RUNNING)
        view->position = slice_text(position_name(position));
    buf_init(&scope, LIMIT_SUMMARY);
    engine_journal_add_scope(&view->journal, &shown, &scope);
    view->scope = arena_copy(arena, buf_slice(&scope));
    buf_done(&scope);
    return ERR_OK;
}

static enum err journals_do_view(void *impl, uint64_t id, struct arena *arena,
                                 struct incident_view *out)
{
    struct engine *engine = impl;
    struct engine_incident incident = {0};
    (void)engine_now(engine);
    *out = (struct incident_view){.id = id};
    enum err err = engine_read_incident(engine, id, arena, &incident);
    if (err == ERR_OK)
        err = journal_fill(engine, &incident, arena, out);
    if (err != ERR_OK)
        return err;
    struct buf why;
    buf_init(&why, LIMIT_REASON * 8);
    if (out->journal.kind == INCIDENT_UNDONE)
        engine_undone_add_all(engine, &out->journal, &why);
    redact_add(&engine->loaded->redact, incident.reason, false, &why);
    out->why = arena_copy(arena, buf_slice(&why));
    buf_done(&why);
    struct engine_port port = {0};
    engine_port_alerts(&port);
    out->has_ladder = port.ladder(engine, id, arena, &out->ladder) == ERR_OK;
    err = journal_read_story(engine, out, arena);
    if (err == ERR_OK)
        err = engine_find_changes(engine, arena, out);
    if (err == ERR_OK)
        journal_count_impact(engine, out);
    return err;
}

struct slice engine_alert_why(struct engine *engine, const struct alert *alert, struct arena *arena)
{
    struct engine_incident incident = {0};
    struct buf words;
    buf_init(&words, LIMIT_REASON * 4);
    incident_add_trouble(&words, &alert->journal, engine->options.zone, engine->now_unix_ms);
    if (alert->journal.kind == INCIDENT_UNDONE) {
        buf_add_text(&words, ": ");
        engine_undone_add_all(engine, &alert->journal, &words);
    }
    if (words.size == 0 &&
        engine_read_incident(engine, alert->incident, arena, &incident) == ERR_OK)
        redact_add(&engine->loaded->redact, incident.reason, false, &words);
    struct slice kept = arena_copy(arena, buf_slice(&words));
    buf_done(&words);
    return kept;
}

static void journal_add_brief(struct engine *engine, const struct alert *alert, struct arena *arena,
                              struct status_incident *out)
{
    struct buf scope;
    buf_init(&scope, LIMIT_SUMMARY);
    engine_journal_add_scope(&alert->journal, &alert->scope, &scope);
    *out = (struct status_incident){
        .id = alert->incident,
        .kind = slice_text(incident_kind_name(alert->journal.kind)),
        .scope = arena_copy(arena, buf_slice(&scope)),
        .what = engine_alert_why(engine, alert, arena),
        .acknowledged_by =
            arena_copy(arena, slice_text(engine_alert_is_answered(alert) ? alert->by : "")),
        .workflow = arena_copy(arena, slice_text(alert->journal.names[JOURNAL_WORKFLOW])),
        .since_unix_ms = alert->journal.since_unix_ms};
    buf_done(&scope);
}

static void journals_do_troubles(void *impl, struct arena *arena, struct status_incident *out,
                                 size_t *inout_count)
{
    struct engine *engine = impl;
    size_t room = *inout_count;
    *inout_count = 0;
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        const struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (alert->journal.kind != INCIDENT_STOP && *inout_count < room)
            journal_add_brief(engine, alert, arena, &out[(*inout_count)++]);
    }
}

void engine_port_journals(struct engine_port *port)
{
    port->incident_view = journals_do_view;
    port->incident_remark = journals_do_remark;
    port->incident_close = journals_do_close;
    port->troubles = journals_do_troubles;
}
