/* loop/inbox.c - all that waits for people, in one order: by when somebody should act.
 * Owns: the sources of the inbox (actions from the store's index, open audits from their table,
 *   stops from the switchboard) and how they are joined. Memory holds a page, never the backlog
 *   (R30).
 * Invariants:
 *   1. The place of an item is (by, id); a page begins after a place and ends at one, so pages
 *      over all that waits neither miss nor repeat what did not move in between. */
#include "loop/views.h"

#include <stdlib.h>

#include "base/check.h"
#include "loop/alerts.h"
#include "loop/audit.h"
#include "loop/engine_state.h"
#include "loop/incidents.h"
#include "loop/restarts.h"
#include "loop/stops.h"
#include "record/row.h"

struct inbox_stop {
    const struct stop *stop;
    const struct alert *alert; /* an incident that no stop made, and nobody has acknowledged */
    int64_t by_unix_ms;
    enum inbox_kind kind;
};

/* One page being made. */
struct inbox_work {
    struct engine *engine;
    const struct engine_inbox_query *query;
    struct arena *arena;
    struct inbox_item *items;
    struct engine_inbox_page *page;
    struct inbox_stop *stops; /* what of them is still to come, earliest first */
    size_t stop_count, stop_at;
    struct audit_place *audits; /* a page of them, likewise */
    size_t audit_count, audit_at;
    bool has_more_audits;
    int64_t by_unix_ms; /* the place that was looked at last */
    uint64_t id;
    size_t looked;
    bool is_full; /* no more for this page: there may be a next one */
};

/* Somebody should have taken it up when it would be told to others (`ack_within`). */
static int64_t inbox_stop_by(const struct config *config, const struct stop *stop)
{
    const struct duties *duties = config_duties_of(config, slice_text(stop->names[0]));
    return stop->at_unix_ms + (duties->level_2_ms ? duties->level_2_ms : STOP_TAKEN_UP_MS);
}

static bool inbox_is_after(int64_t by, uint64_t id, int64_t than_by, uint64_t than_id)
{
    return by != than_by ? by > than_by : id > than_id;
}

static int inbox_compare_stops(const void *a, const void *b)
{
    const struct inbox_stop *x = a;
    const struct inbox_stop *y = b;
    if (x->by_unix_ms != y->by_unix_ms)
        return x->by_unix_ms < y->by_unix_ms ? -1 : 1;
    return x->stop->incident < y->stop->incident ? -1 : x->stop->incident > y->stop->incident;
}

/* Is it for whom the query asks: the group that it falls to, or a person of it? */
static bool inbox_is_for(const struct inbox_work *work, const struct who_question *question)
{
    struct who_answer answer;
    struct slice who = work->query->who;
    if (who.size == 0)
        return true;
    if (who_find(question, &answer) && slice_equal(answer.group->name, who))
        return true;
    return who_is_for(question, who);
}

/* Of several stops of one incident the first stands for all; a ramp that moves asks nobody. */
static bool inbox_is_open(const struct inbox_work *work, const struct stop *stop)
{
    struct engine *engine = work->engine;
    return !stop->is_lifted && !stop->is_lifting && stop->incident != 0 &&
           engine_incident_stop(engine, stop->incident) == stop &&
           !engine_is_ramping(engine, stop->incident);
}

static enum inbox_kind inbox_kind_of_stop(const struct inbox_work *work, const struct stop *stop)
{
    unsigned char digest[RESTART_DIGEST];
    const struct restart *restart = engine_restart_of(work->engine, stop->incident);
    if (!restart)
        return INBOX_STOP;
    struct restart_terms terms = engine_restart_terms(work->engine, stop->incident, digest);
    return restart_stands(&restart->row.request, &terms) ? INBOX_RESTART : INBOX_STOP;
}

/* Who asks for its restart, and so does not approve it; or empty. */
static struct slice inbox_asked_by(const struct inbox_work *work, const struct stop *stop)
{
    const struct restart *restart = engine_restart_of(work->engine, stop->incident);
    return restart && inbox_kind_of_stop(work, stop) == INBOX_RESTART
               ? slice_text(restart->row.request.by)
               : (struct slice){0};
}

/* People who are late have that work in the inbox already. */
static bool inbox_wants_incident(const struct inbox_work *work, const struct alert *alert)
{
    const struct engine_inbox_query *query = work->query;
    const struct config *config = engine_config(work->engine);
    const struct stop *scope = &alert->scope;
    bool is_kind = alert->journal.kind == INCIDENT_DEGRADED ||
                   alert->journal.kind == INCIDENT_ALERT || alert->journal.kind == INCIDENT_UNDONE;
    if (!is_kind || engine_alert_is_answered(alert) ||
        (query->has_kind && query->kind != INBOX_INCIDENT))
        return false;
    if (query->workflow.size > 0 && !slice_is(query->workflow, scope->names[0]) &&
        !(engine_journal_is_shared(&alert->journal) &&
          engine_journal_covers(work->engine, &alert->journal, query->workflow)))
        return false;
    if (!inbox_is_after(inbox_stop_by(config, scope), scope->incident, query->after_by_unix_ms,
                        query->after_id))
        return false;
    struct who_question question = {.config = config,
                                    .workflow =
                                        config_workflow_of(config, slice_text(scope->names[0])),
                                    .duty = WHO_DUTY_SETTLE,
                                    .away = &work->engine->away,
                                    .now_unix_ms = work->engine->now_unix_ms};
    if (inbox_is_for(work, &question))
        return true;
    for (size_t i = 0; engine_journal_is_shared(&alert->journal) && i < config->workflow_count;
         i++) {
        question.workflow = &config->workflows[i];
        if (engine_journal_covers(work->engine, &alert->journal, config->workflows[i].name) &&
            inbox_is_for(work, &question))
            return true;
    }
    return false;
}

static bool inbox_wants_stop(const struct inbox_work *work, const struct stop *stop)
{
    const struct engine_inbox_query *query = work->query;
    const struct config *config = engine_config(work->engine);
    if (!inbox_is_open(work, stop) ||
        (query->has_kind && query->kind != inbox_kind_of_stop(work, stop)))
        return false;
    if (query->workflow.size > 0 && !slice_is(query->workflow, stop->names[0]))
        return false;
    if (!inbox_is_after(inbox_stop_by(config, stop), stop->incident, query->after_by_unix_ms,
                        query->after_id))
        return false;
    struct who_question question = {.config = config,
                                    .workflow =
                                        config_workflow_of(config, slice_text(stop->names[0])),
                                    .stop = stop,
                                    .duty = WHO_DUTY_RESTART,
                                    .actor = inbox_asked_by(work, stop),
                                    .away = &work->engine->away,
                                    .now_unix_ms = work->engine->now_unix_ms};
    return inbox_is_for(work, &question);
}

static enum err inbox_find_stops(struct inbox_work *work)
{
    const struct switchboard *board = &work->engine->board;
    work->stops = ARENA_ARRAY(work->arena, board->stop_count + work->engine->alert_count + 1,
                              struct inbox_stop);
    if (!work->stops)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < board->stop_count; i++)
        if (inbox_wants_stop(work, &board->stops[i]))
            work->stops[work->stop_count++] = (struct inbox_stop){
                .stop = &board->stops[i],
                .by_unix_ms = inbox_stop_by(engine_config(work->engine), &board->stops[i]),
                .kind = inbox_kind_of_stop(work, &board->stops[i])};
    struct list *alerts = &work->engine->alerts;
    for (struct list *node = alerts->next; node != alerts; node = node->next) {
        const struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (inbox_wants_incident(work, alert))
            work->stops[work->stop_count++] = (struct inbox_stop){
                .stop = &alert->scope,
                .alert = alert,
                .by_unix_ms = inbox_stop_by(engine_config(work->engine), &alert->scope)};
    }
    qsort(work->stops, work->stop_count, sizeof *work->stops, inbox_compare_stops);
    return ERR_OK;
}

/* The next place of the order; NULL when the page is full. */
static struct inbox_item *inbox_next(struct inbox_work *work, int64_t by, uint64_t id)
{
    if (work->page->count == work->query->limit || work->looked == LIMIT_INBOX_SCAN) {
        work->is_full = true;
        return NULL;
    }
    work->looked++;
    work->by_unix_ms = by;
    work->id = id;
    struct inbox_item *item = &work->items[work->page->count];
    *item = (struct inbox_item){.by_unix_ms = by, .id = id};
    return item;
}

static void inbox_fill_stop(struct inbox_work *work, const struct inbox_stop *at,
                            const struct stop *copy, struct inbox_item *item)
{
    struct engine *engine = work->engine;
    const struct restart *restart = engine_restart_of(engine, copy->incident);
    item->kind = at->kind;
    item->stop = copy;
    item->is_stuck = restart && restart->row.is_ramping;
    item->no = engine_restart_no_words(engine, copy->incident, work->arena);
    const struct alert *alert = engine_alert_find(engine, copy->incident);
    item->is_unanswered = alert && !engine_alert_is_answered(alert);
    if (at->kind == INBOX_RESTART) {
        item->reason = engine_words(engine, restart->row.words_seq, work->arena);
        item->asked_by = arena_copy(work->arena, slice_text(restart->row.request.by));
    } else {
        item->reason = engine_stop_reason(engine, copy, work->arena);
        struct engine_incident incident = {0};
        if (item->reason.size == 0 &&
            engine_read_incident(engine, copy->incident, work->arena, &incident) == ERR_OK)
            item->reason = incident.reason;
    }
}

/* The stops that come before that place. */
static void inbox_add_stops(struct inbox_work *work, int64_t before_by, uint64_t before_id)
{
    struct engine *engine = work->engine;
    while (work->stop_at < work->stop_count && !work->is_full) {
        const struct stop *stop = work->stops[work->stop_at].stop;
        int64_t by = work->stops[work->stop_at].by_unix_ms;
        if (inbox_is_after(by, stop->incident, before_by, before_id))
            return;
        struct inbox_item *item = inbox_next(work, by, stop->incident);
        struct stop *copy = item ? ARENA_NEW(work->arena, struct stop) : NULL;
        if (!copy)
            return;
        *copy = *stop;
        const struct alert *alert = work->stops[work->stop_at].alert;
        if (alert) {
            item->kind = INBOX_INCIDENT;
            item->stop = copy;
            item->is_undone = alert->journal.kind == INCIDENT_UNDONE;
            item->reason = engine_alert_why(engine, alert, work->arena);
        } else {
            inbox_fill_stop(work, &work->stops[work->stop_at], copy, item);
        }
        item->view = (struct view){.config = engine_config(engine),
                                   .away = &engine->away,
                                   .now_unix_ms = engine->now_unix_ms,
                                   .zone = engine->options.zone};
        work->page->count++;
        work->stop_at++;
    }
}

/* The next page of open audits. */
static enum err inbox_read_audits(struct inbox_work *work)
{
    const struct engine_inbox_query *query = work->query;
    struct audit_place after = {query->after_by_unix_ms, query->after_id};
    if (work->audit_count > 0)
        after = work->audits[work->audit_count - 1];
    work->audit_at = 0;
    work->audit_count = query->limit;
    enum err err =
        engine_audits(work->engine, after, query->workflow, work->audits, &work->audit_count);
    work->has_more_audits = err == ERR_OK && work->audit_count == query->limit;
    return err;
}

static enum err inbox_find_audits(struct inbox_work *work)
{
    const struct engine_inbox_query *query = work->query;
    if (query->has_kind && query->kind != INBOX_AUDIT)
        return ERR_OK;
    work->audits = ARENA_ARRAY(work->arena, query->limit, struct audit_place);
    return work->audits ? inbox_read_audits(work) : ERR_NO_MEMORY;
}

static enum err inbox_add_audit(struct inbox_work *work, const struct audit_place *audit)
{
    struct inbox_item *item = inbox_next(work, audit->due_unix_ms, audit->action);
    if (!item)
        return ERR_OK;
    enum err err = engine_view(work->engine, audit->action, false, work->arena, &item->view);
    if (err != ERR_OK)
        return err;
    struct who_question question = view_question(&item->view, WHO_DUTY_DECIDE);
    question.actor = (struct slice){0};
    if (!inbox_is_for(work, &question))
        return ERR_OK;
    item->kind = INBOX_AUDIT;
    work->page->count++;
    return ERR_OK;
}

/* What comes before that place and is no action that waits: stops and audits, in their order. */
static enum err inbox_add_others(struct inbox_work *work, int64_t before_by, uint64_t before_id)
{
    enum err err = ERR_OK;
    while (err == ERR_OK && work->audit_at < work->audit_count && !work->is_full) {
        const struct audit_place *audit = &work->audits[work->audit_at];
        if (inbox_is_after(audit->due_unix_ms, audit->action, before_by, before_id))
            break;
        inbox_add_stops(work, audit->due_unix_ms, audit->action);
        if (!work->is_full)
            err = inbox_add_audit(work, audit);
        work->audit_at += !work->is_full;
        if (err == ERR_OK && work->audit_at == work->audit_count && work->has_more_audits)
            err = inbox_read_audits(work);
    }
    if (err == ERR_OK && !work->is_full)
        inbox_add_stops(work, before_by, before_id);
    return err;
}

/* Who has its review in hand, or whom it was given to. */
static bool inbox_is_given(const struct inbox_work *work, const struct row *row)
{
    struct slice who = work->query->who;
    if (who.size == 0 || row->action.state != STATE_IN_REVIEW)
        return false;
    return slice_equal(row->assigned_to, who) ||
           (slice_equal(row->claimed_by, who) &&
            row->claimed_until_unix_ms > work->engine->now_unix_ms);
}

static bool inbox_wants_row(const struct inbox_work *work, const struct row *row)
{
    const struct config *config = engine_config(work->engine);
    const struct engine_inbox_query *query = work->query;
    bool is_review = row->action.state == STATE_IN_REVIEW;
    if (query->has_kind && query->kind != inbox_kind_of(&row->action))
        return false;
    struct who_question question = {.config = config,
                                    .workflow = config_workflow_of(config, row->workflow),
                                    .step = config_step_of(config, row->workflow, row->step),
                                    .duty = is_review ? WHO_DUTY_DECIDE : WHO_DUTY_SETTLE,
                                    .actor = row->actor,
                                    .away = &work->engine->away,
                                    .now_unix_ms = work->engine->now_unix_ms};
    return inbox_is_given(work, row) || inbox_is_for(work, &question);
}

static enum err inbox_add_action(struct inbox_work *work, const struct store_action *stored)
{
    struct row row = {0};
    struct inbox_item *item = inbox_next(work, stored->people_due_unix_ms, stored->id);
    if (!item)
        return ERR_OK;
    enum err err = row_decode(stored->row, &row);
    if (err != ERR_OK || !inbox_wants_row(work, &row))
        return err;
    err = engine_view(work->engine, stored->id, false, work->arena, &item->view);
    if (err != ERR_OK)
        return err;
    if (action_people_due(item->view.action) == 0)
        return ERR_OK; /* in memory it is further already */
    item->kind = inbox_kind_of(item->view.action);
    work->page->count++;
    return ERR_OK;
}

static enum err inbox_add_actions(struct inbox_work *work)
{
    const struct engine_inbox_query *query = work->query;
    const struct store_port *store = &work->engine->options.store;
    struct slice scope = query->workflow;
    if (scope.size > 0)
        scope = arena_fmt(work->arena, "%.*s/", SLICE_FMT(scope));
    struct store_open_query pages = {.by_people_due = true,
                                     .scope = scope,
                                     .after_due_unix_ms = query->after_by_unix_ms,
                                     .after_id = query->after_id,
                                     .limit = query->limit};
    struct store_action *rows = ARENA_ARRAY(work->arena, query->limit, struct store_action);
    enum err err = rows ? ERR_OK : ERR_NO_MEMORY;
    size_t found = query->limit;
    while (err == ERR_OK && found == query->limit && !work->is_full) {
        struct arena scratch;
        arena_init(&scratch, ENGINE_SCRATCH);
        err = store->list_open(store->impl, &pages, &scratch, rows, &found);
        for (size_t i = 0; err == ERR_OK && i < found && !work->is_full; i++) {
            err = inbox_add_others(work, rows[i].people_due_unix_ms, rows[i].id);
            if (err == ERR_OK && !work->is_full)
                err = inbox_add_action(work, &rows[i]);
        }
        if (err == ERR_OK && found > 0) {
            pages.after_due_unix_ms = rows[found - 1].people_due_unix_ms;
            pages.after_id = rows[found - 1].id;
        }
        arena_done(&scratch);
    }
    return err;
}

enum err engine_inbox(void *impl, const struct engine_inbox_query *query, struct arena *arena,
                      struct inbox_item *out_items, struct engine_inbox_page *out_page)
{
    struct engine *engine = impl;
    *out_page = (struct engine_inbox_page){0};
    struct inbox_work work = {
        .engine = engine, .query = query, .arena = arena, .items = out_items, .page = out_page};
    CHECK(engine->answering == 0 && query->limit > 0 && query->limit <= LIMIT_PAGE);
    (void)engine_now(engine);
    enum err err = inbox_find_stops(&work);
    if (err == ERR_OK)
        err = inbox_find_audits(&work);
    bool is_only_others =
        query->has_kind && (query->kind == INBOX_STOP || query->kind == INBOX_RESTART ||
                            query->kind == INBOX_AUDIT || query->kind == INBOX_INCIDENT);
    if (err == ERR_OK && !is_only_others)
        err = inbox_add_actions(&work);
    if (err == ERR_OK && !work.is_full)
        err = inbox_add_others(&work, INT64_MAX, UINT64_MAX);
    out_page->has_next = work.is_full;
    out_page->next_by_unix_ms = work.by_unix_ms;
    out_page->next_id = work.id;
    return err;
}
