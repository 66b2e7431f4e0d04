/* loop/troubles.c - trouble that lasts becomes an incident, and its end closes it: a breaker that
 * is open, a workflow that lives on its fallbacks, held work past half of its time, people who are
 * late. One trouble is one incident: joins.c.
 * Invariants:
 *   1. People who are late: one message a group, workflow and hour, not one an action.
 *   I12 what is degraded is told when it lasts. */
#include "loop/incidents.h"

#include <stdlib.h>

#include "core/lasting.h"
#include "loop/alerts.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/steps.h"
#include "loop/upstreams.h"
#include "record/row.h"
#include "record/who.h"
#include "record/wording.h"

enum {
    TROUBLE_TICK_MS = 10000,
    TROUBLE_HOLD_MS = 2 * TROUBLE_TICK_MS, /* what is held for less is over before it is told */
    TROUBLE_AGAIN_MS = 3600000,            /* people who are late are told of that once an hour */
    TROUBLE_PAGE = 100                     /* late ones that are counted; more is "100" */
};
#define TROUBLE_DOT " \xc2\xb7 "

static void trouble_name(char out[LIMIT_NAME + 1], struct slice name)
{
    size_t size = name.size < LIMIT_NAME ? name.size : LIMIT_NAME;
    if (size > 0)
        memcpy(out, name.at, size);
    out[size] = '\0';
}

/* ---- what lasts ---- */

void engine_trouble_ended(struct engine *engine, const struct row *row)
{
    const struct action *action = &row->action;
    struct workflow_state *workflow = engine_workflow(engine, row->workflow);
    if (!workflow || action->state != STATE_DONE)
        return;
    if (action->cause == CAUSE_NONE && !action_ran_by_itself(action))
        return; /* people did it: that says nothing of the upstream, nor of the model */
    for (int cause = CAUSE_LOW_CONFIDENCE; cause < CAUSE_STOPPED; cause++)
        if (action->cause == CAUSE_NONE || (int)action->cause == cause)
            lasting_hear(&workflow->causes[cause], action->cause != CAUSE_NONE,
                         engine->now_unix_ms);
}

void engine_trouble_loaded(struct engine *engine, const struct journal *journal)
{
    struct workflow_state *workflow =
        journal->lasting == LASTING_CAUSE
            ? engine_workflow(engine, slice_text(journal->names[JOURNAL_WORKFLOW]))
            : NULL;
    if (workflow)
        workflow->causes[journal->cause] =
            (struct lasting){journal->began_unix_ms, journal->since_unix_ms, 0};
}

/* Held for it a moment ago, and now until a fresh fact is read, in which it leaves its queue. */
static bool trouble_is_asking(struct engine *engine, const struct upstream_state *upstream)
{
    const struct store_port *store = &engine->options.store;
    struct store_open_query query = {
        .has_queue = true, .queue = STORE_QUEUE_HELD_OTHER, .limit = TROUBLE_PAGE};
    struct arena arena;
    struct row row;
    size_t count = 0;
    bool is_asking = false;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action *held = ARENA_ARRAY(&arena, TROUBLE_PAGE, struct store_action);
    if (!held || store->list_open(store->impl, &query, &arena, held, &count) != ERR_OK)
        count = 0;
    for (size_t i = 0; i < count && !is_asking; i++)
        is_asking = row_decode(held[i].row, &row) == ERR_OK &&
                    row.action.hold_for == HOLD_FOR_FACT && slice_is(row.upstream, upstream->name);
    arena_done(&arena);
    return is_asking;
}

/* It is reached again, and nothing is there that could be sent: so nothing would ever show that it
 * is over. */
static bool trouble_is_idle(struct engine *engine, const struct upstream_state *upstream)
{
    const struct breaker *breaker = &upstream->breaker;
    return breaker->state == BREAKER_HALF_OPEN && breaker->has_contact && !breaker->is_asking &&
           upstream->held == 0 && !upstream->may_have_waiting &&
           !trouble_is_asking(engine, upstream);
}

static void trouble_look_upstream(struct engine *engine, const struct upstream_state *upstream)
{
    const struct breaker *breaker = &upstream->breaker;
    struct journal journal = {.kind = INCIDENT_DEGRADED,
                              .lasting = LASTING_BREAKER,
                              .breaker = breaker->cause,
                              .breaker_count = (uint64_t)breaker->cause_count,
                              .breaker_of = (uint64_t)breaker->cause_of,
                              .began_unix_ms = breaker->opened_unix_ms};
    if (breaker->state == BREAKER_CLOSED || breaker->opened_unix_ms == 0 ||
        engine->now_unix_ms - breaker->opened_unix_ms < upstream->told_ms ||
        trouble_is_idle(engine, upstream))
        return;
    trouble_name(journal.names[JOURNAL_UPSTREAM], slice_text(upstream->name));
    engine_trouble_open(engine, &journal);
}

static void trouble_look_causes(struct engine *engine, const struct workflow_state *workflow)
{
    for (int cause = CAUSE_LOW_CONFIDENCE; cause < CAUSE_STOPPED; cause++) {
        struct journal journal = {.kind = INCIDENT_DEGRADED,
                                  .lasting = LASTING_CAUSE,
                                  .cause = (enum cause)cause,
                                  .began_unix_ms = workflow->causes[cause].since_unix_ms};
        if (!lasting_is_long(&workflow->causes[cause], LASTING_CAUSE_MS))
            continue;
        trouble_name(journal.names[JOURNAL_WORKFLOW], slice_text(workflow->name));
        engine_trouble_open(engine, &journal);
    }
}

/* ---- held work ---- */

/* How long it may be held in all, by the policy in force; else as long as it has by now. */
static int64_t trouble_hold_ms(const struct engine *engine, const struct row *row, int64_t end)
{
    const struct action *action = &row->action;
    const struct step *step = config_step_of(engine_config(engine), row->workflow, row->step);
    const struct what *what = NULL;
    if (step && action->entry > 0 && action->entry < CAUSE_COUNT)
        what = &step->terms.what[action->entry];
    else if (step && action->entry >= CAUSE_COUNT &&
             (size_t)(action->entry - CAUSE_COUNT) < step->terms.more_count)
        what = &step->terms.more[action->entry - CAUSE_COUNT];
    return what && what->kind == WHAT_HOLD ? what->ms : end - action->submitted_unix_ms;
}

/* Is it held still? Memory knows before the store does. */
static bool trouble_is_held(struct engine *engine, uint64_t id)
{
    const struct entry *entry = entry_peek(engine, id);
    return !entry || entry->row.action.state == STATE_HELD;
}

/* The oldest of a workflow in that queue, or of an upstream, as the trouble that it is; empty = of
 * all. false: it has more than half of its time. */
static bool trouble_of_held(struct engine *engine, enum store_queue queue, struct slice workflow,
                            struct slice of_upstream, struct journal *out)
{
    const struct store_port *store = &engine->options.store;
    struct store_open_query query = {
        .has_queue = true, .queue = queue, .upstream = of_upstream, .limit = 1};
    struct arena arena;
    struct store_action first;
    struct row row = {0};
    size_t count = 0;
    arena_init(&arena, ENGINE_SCRATCH);
    if (workflow.size > 0)
        query.scope = arena_fmt(&arena, "%.*s/", SLICE_FMT(workflow));
    enum err err = store->list_open(store->impl, &query, &arena, &first, &count);
    bool is_late = err == ERR_OK && count > 0 && row_decode(first.row, &row) == ERR_OK &&
                   trouble_is_held(engine, first.id);
    if (is_late) {
        int64_t end =
            row.action.hold_end_unix_ms ? row.action.hold_end_unix_ms : row.action.due_unix_ms;
        int64_t hold_ms = trouble_hold_ms(engine, &row, end);
        is_late = hold_ms >= TROUBLE_HOLD_MS && end > 0 && end - engine->now_unix_ms < hold_ms / 2;
        *out = (struct journal){
            .kind = INCIDENT_DEGRADED, .lasting = LASTING_HELD, .began_unix_ms = end - hold_ms};
        trouble_name(out->names[JOURNAL_WORKFLOW], row.workflow);
        if (queue == STORE_QUEUE_HELD_UPSTREAM)
            trouble_name(out->names[JOURNAL_UPSTREAM], row.upstream);
    }
    arena_done(&arena);
    return is_late;
}

static const enum store_queue trouble_queues[] = {STORE_QUEUE_HELD_UPSTREAM,
                                                  STORE_QUEUE_HELD_OTHER};

/* Each workflow's own: the oldest of all may be of another one, and that one's owner knows. */
static void trouble_look_held(struct engine *engine, struct slice workflow)
{
    for (size_t i = 0; i < 2; i++) {
        struct journal journal;
        if (trouble_of_held(engine, trouble_queues[i], workflow, (struct slice){0}, &journal))
            engine_trouble_open(engine, &journal);
    }
}

/* And its own for each upstream: it may stand behind an older one whose upstream is told of
 * already. What is told is not read; workflow: empty = what was stored under a former name. */
static void trouble_look_held_for(struct engine *engine, const struct upstream_state *upstream,
                                  struct slice workflow)
{
    struct journal journal = {.kind = INCIDENT_DEGRADED, .lasting = LASTING_HELD};
    if (upstream->held == 0)
        return;
    trouble_name(journal.names[JOURNAL_WORKFLOW], workflow);
    trouble_name(journal.names[JOURNAL_UPSTREAM], slice_text(upstream->name));
    if (workflow.size > 0 && engine_trouble_is_told(engine, &journal))
        return;
    if (trouble_of_held(engine, STORE_QUEUE_HELD_UPSTREAM, workflow, slice_text(upstream->name),
                        &journal))
        engine_trouble_open(engine, &journal);
}

static void trouble_look_held_each(struct engine *engine, const struct upstream_state *upstream)
{
    for (size_t i = 0; i < engine->workflow_count; i++)
        trouble_look_held_for(engine, upstream, slice_text(engine->workflows[i].name));
    trouble_look_held_for(engine, upstream, (struct slice){0});
}

/* ---- people ---- */

/* What is past due of a workflow, by those whose it is. */
struct trouble_late {
    struct journal by[OVERDUE_GROUPS];
    size_t count;
};

static struct journal *trouble_late_of(struct trouble_late *late, struct slice answers)
{
    for (size_t i = 0; i < late->count; i++)
        if (slice_is(answers, late->by[i].answers))
            return &late->by[i];
    if (late->count == OVERDUE_GROUPS)
        return NULL;
    struct journal *journal = &late->by[late->count++];
    *journal = (struct journal){.kind = INCIDENT_OVERDUE};
    trouble_name(journal->answers, answers);
    return journal;
}

/* Whose it is by R28: not a group that may not decide it, as of who submitted it. Empty: the
 * owner's. Who is away answers still, behind their cover: an incident does not move for that. */
static struct slice trouble_late_answers(const struct engine *engine, const struct row *row)
{
    const struct config *config = engine_config(engine);
    bool is_review = row->action.state == STATE_IN_REVIEW;
    struct who_question question = {.config = config,
                                    .workflow = config_workflow_of(config, row->workflow),
                                    .step = config_step_of(config, row->workflow, row->step),
                                    .duty = is_review ? WHO_DUTY_DECIDE : WHO_DUTY_SETTLE,
                                    .actor = row->actor,
                                    .now_unix_ms = engine->now_unix_ms};
    struct who_answer answer;
    if (!who_find(&question, &answer) ||
        (question.workflow && answer.group == question.workflow->duties.owner))
        return (struct slice){0};
    return answer.group->name;
}

static void trouble_late_add(struct engine *engine, struct slice workflow,
                             const struct store_action *stored, struct trouble_late *out)
{
    struct row row = {0};
    if (row_decode(stored->row, &row) != ERR_OK)
        return;
    bool is_review = row.action.state == STATE_IN_REVIEW;
    struct journal *journal = trouble_late_of(out, trouble_late_answers(engine, &row));
    enum lasting_kind lasting = is_review ? LASTING_REVIEWS : LASTING_UNCERTAIN;
    if (!journal)
        return;
    if (journal->overdue == 0) {
        journal->lasting = lasting;
        journal->began_unix_ms = stored->people_due_unix_ms;
        trouble_name(journal->names[JOURNAL_WORKFLOW], workflow);
    }
    journal->overdue += lasting == journal->lasting;
}

/* Of the first so many that wait for people: those that are late. */
static void trouble_of_people(struct engine *engine, struct slice workflow, size_t limit,
                              struct trouble_late *out)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    size_t count = 0;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action *rows = ARENA_ARRAY(&arena, limit, struct store_action);
    struct store_open_query query = {.by_people_due = true,
                                     .scope = arena_fmt(&arena, "%.*s/", SLICE_FMT(workflow)),
                                     .limit = limit};
    out->count = 0;
    if (!rows || store->list_open(store->impl, &query, &arena, rows, &count) != ERR_OK)
        count = 0;
    for (size_t i = 0; i < count && rows[i].people_due_unix_ms <= engine->now_unix_ms; i++)
        trouble_late_add(engine, workflow, &rows[i], out);
    arena_done(&arena);
}

/* When that group was told last, or the place of whoever was told longest ago. */
static struct overdue *trouble_overdue_of(struct workflow_state *workflow, const char *answers)
{
    struct overdue *oldest = &workflow->overdue[0];
    for (size_t i = 0; i < OVERDUE_GROUPS; i++) {
        struct overdue *overdue = &workflow->overdue[i];
        if (overdue->told_unix_ms != 0 && strcmp(overdue->answers, answers) == 0)
            return overdue;
        if (overdue->told_unix_ms < oldest->told_unix_ms)
            oldest = overdue;
    }
    oldest->told_unix_ms = 0;
    trouble_name(oldest->answers, slice_text(answers));
    return oldest;
}

static void trouble_look_people(struct engine *engine, struct workflow_state *workflow)
{
    struct slice name = slice_text(workflow->name);
    struct trouble_late late;
    trouble_of_people(engine, name, 1, &late);
    if (late.count == 0)
        return;
    trouble_of_people(engine, name, TROUBLE_PAGE, &late);
    for (size_t i = 0; i < late.count; i++) {
        struct overdue *overdue = trouble_overdue_of(workflow, late.by[i].answers);
        bool is_told = overdue->told_unix_ms != 0 &&
                       engine->now_unix_ms - overdue->told_unix_ms < TROUBLE_AGAIN_MS;
        engine_trouble_count(engine, &late.by[i]);
        if (!is_told && engine_trouble_open(engine, &late.by[i]))
            overdue->told_unix_ms = engine->now_unix_ms;
    }
}

/* Are those people still late? */
static bool trouble_is_late_of(struct engine *engine, struct slice workflow, const char *answers)
{
    struct trouble_late late;
    trouble_of_people(engine, workflow, 1, &late);
    if (late.count == 0 || strcmp(late.by[0].answers, answers) == 0)
        return late.count > 0;
    trouble_of_people(engine, workflow, TROUBLE_PAGE, &late);
    for (size_t i = 0; i < late.count; i++)
        if (strcmp(late.by[i].answers, answers) == 0)
            return true;
    return false;
}

/* ---- the end ---- */

/* What is done there: "sent"; "done" where its steps do several things. */
static const char *trouble_verb(const struct engine *engine, const struct journal *journal)
{
    const struct config *config = engine_config(engine);
    struct slice upstream = slice_text(journal->names[JOURNAL_UPSTREAM]);
    const char *verb = NULL;
    for (size_t i = 0; i < config->workflow_count; i++) {
        const struct workflow *workflow = &config->workflows[i];
        if (!engine_journal_covers(engine, journal, workflow->name))
            continue;
        for (size_t s = 0; s < workflow->step_count; s++) {
            const struct step *step = &workflow->steps[s];
            const char *done = wording_verb_of(step)->done;
            if (upstream.size > 0 &&
                !(step->upstream && slice_equal(step->upstream->name, upstream)))
                continue;
            if (verb && strcmp(verb, done) != 0)
                return "done";
            verb = done;
        }
    }
    return verb ? verb : "done";
}

/* "3 expired → finance": to the owners of the workflows in which something has expired. */
static void trouble_add_expired(struct engine *engine, const struct journal *journal,
                                uint64_t expired, struct buf *out)
{
    const struct config *config = engine_config(engine);
    const struct group *last = NULL;
    buf_add_fmt(out, TROUBLE_DOT "%llu expired", (unsigned long long)expired);
    for (size_t i = 0; i < config->workflow_count; i++) {
        const struct workflow *workflow = &config->workflows[i];
        const struct group *owner = workflow->duties.owner;
        struct tally tally = {{0}};
        if (!owner || owner == last || !engine_journal_covers(engine, journal, workflow->name) ||
            engine_tally(engine, workflow->name, journal->since_unix_ms, &tally) != ERR_OK ||
            tally.n[TALLY_EXPIRED] == 0)
            continue;
        buf_add_text(out, last ? ", " : " \xe2\x86\x92 ");
        buf_add(out, owner->name);
        last = owner;
    }
}

static void trouble_add_time(const struct engine *engine, int64_t at_unix_ms, struct buf *out)
{
    zone_add_time(out, engine->options.zone, (struct zone_time){at_unix_ms, engine->now_unix_ms},
                  ZONE_MINUTES);
}

/* "15:10 · 409 sent by 15:19 · 3 expired → finance · 0 sent twice" */
static void trouble_add_end(struct engine *engine, const struct journal *journal, struct buf *out)
{
    const char *verb = trouble_verb(engine, journal);
    struct tally now;
    engine_journal_tally(engine, journal, &now);
    /* Held work goes as soon as it can, and is no trouble any more before all of it has gone. */
    const struct tally *from =
        journal->lasting == LASTING_HELD ? &journal->before : &journal->at_recovery;
    uint64_t done = tally_done(&now) - tally_done(from);
    engine_journal_since(journal, &now);
    trouble_add_time(engine, journal->recovered_unix_ms, out);
    const struct upstream_state *upstream =
        engine_upstream(engine, slice_text(journal->names[JOURNAL_UPSTREAM]));
    if (journal->lasting == LASTING_BREAKER && upstream &&
        upstream->breaker.state != BREAKER_CLOSED)
        buf_add_text(out, TROUBLE_DOT "it is reached, and nothing waits for it");
    if (done > 0) {
        buf_add_fmt(out, TROUBLE_DOT "%llu %s by ", (unsigned long long)done, verb);
        trouble_add_time(engine, journal->drained_unix_ms, out);
    }
    if (now.n[TALLY_EXPIRED] > 0)
        trouble_add_expired(engine, journal, now.n[TALLY_EXPIRED], out);
    if (now.n[TALLY_TWICE] == 0)
        buf_add_fmt(out, TROUBLE_DOT "0 %s twice", verb);
}

static void trouble_close(struct engine *engine, struct alert *alert)
{
    struct journal *journal = &alert->journal;
    struct buf words;
    struct pending none = {0};
    buf_init(&words, LIMIT_SENTENCE);
    if (journal->kind == INCIDENT_DEGRADED) {
        struct record record = {
            .kind = RECORD_REMARK, .incident = alert->incident, .subject = SLICE("recovered")};
        trouble_add_end(engine, journal, &words);
        engine_alert_save(engine, alert, &record, buf_slice(&words), &none);
    }
    engine_alert_end(engine, alert, (struct slice){0}, buf_slice(&words), NULL);
    buf_done(&words);
}

/* What leaves one queue may wait in the other, as for a fresh fact: it is the same trouble. */
static bool trouble_is_late(struct engine *engine, const struct journal *journal)
{
    struct slice workflow = slice_text(journal->names[JOURNAL_WORKFLOW]);
    struct slice upstream = slice_text(journal->names[JOURNAL_UPSTREAM]);
    struct slice any = {0};
    struct journal now;
    if (trouble_of_held(engine, trouble_queues[0], workflow, any, &now) ||
        trouble_of_held(engine, trouble_queues[1], workflow, any, &now))
        return true;
    return upstream.size > 0 &&
           trouble_of_held(engine, STORE_QUEUE_HELD_UPSTREAM, workflow, upstream, &now);
}

/* Is what opened it still so? */
static bool trouble_is_on(struct engine *engine, const struct journal *journal)
{
    struct slice name = slice_text(journal->names[JOURNAL_WORKFLOW]);
    const struct upstream_state *upstream =
        engine_upstream(engine, slice_text(journal->names[JOURNAL_UPSTREAM]));
    const struct workflow_state *workflow = name.size > 0 ? engine_workflow(engine, name) : NULL;
    switch (journal->lasting) {
    case LASTING_NONE:
    case LASTING_UNDONE:
    case LASTING_CLOCK:
        break;
    case LASTING_BREAKER:
        return upstream && upstream->breaker.state != BREAKER_CLOSED &&
               !trouble_is_idle(engine, upstream);
    case LASTING_CAUSE:
        return workflow && lasting_is_on(&workflow->causes[journal->cause]);
    case LASTING_HELD:
        return trouble_is_late(engine, journal);
    case LASTING_REVIEWS:
    case LASTING_UNCERTAIN:
        return trouble_is_late_of(engine, name, journal->answers);
    }
    return false;
}

/* What goes from here on goes because it is over: an upstream that is asked whether it is back does
 * work already. */
static bool trouble_is_full(struct engine *engine, const struct journal *journal)
{
    const struct upstream_state *upstream =
        engine_upstream(engine, slice_text(journal->names[JOURNAL_UPSTREAM]));
    return journal->lasting != LASTING_BREAKER ||
           (upstream && upstream->breaker.state == BREAKER_OPEN);
}

/* What waited for the upstream goes now; when all of that has gone, it is over. */
static bool trouble_is_drained(struct engine *engine, struct journal *journal)
{
    const struct upstream_state *upstream =
        engine_upstream(engine, slice_text(journal->names[JOURNAL_UPSTREAM]));
    const struct workflow_state *workflow =
        journal->lasting == LASTING_HELD
            ? engine_workflow(engine, slice_text(journal->names[JOURNAL_WORKFLOW]))
            : NULL; /* it may wait for a fresh fact, or for its turn, by now */
    bool is_empty = !upstream || (upstream->held == 0 && !upstream->may_have_waiting &&
                                  !trouble_is_asking(engine, upstream));
    if (workflow && workflow->now[STATE_HELD] + workflow->now[STATE_WAITING] > 0)
        is_empty = false;
    if (journal->lasting == LASTING_BREAKER && upstream &&
        upstream->breaker.state != BREAKER_CLOSED && /* a connection is not much: it must last */
        engine->now_unix_ms - journal->recovered_unix_ms < LASTING_BREAKER_MS)
        return false;
    journal->drained_unix_ms = engine->now_unix_ms;
    return is_empty || engine->now_unix_ms - journal->recovered_unix_ms >= LASTING_DRAIN_MS;
}

static void trouble_look_end(struct engine *engine, struct alert *alert)
{
    struct journal *journal = &alert->journal;
    if (journal->lasting == LASTING_NONE || journal->lasting == LASTING_UNDONE ||
        journal->lasting == LASTING_CLOCK)
        return; /* people close it, or clocks.c */
    if (trouble_is_on(engine, journal)) {
        journal->recovered_unix_ms = 0;
        if (journal->kind == INCIDENT_DEGRADED && trouble_is_full(engine, journal))
            engine_journal_tally(engine, journal, &journal->at_recovery);
        return;
    }
    if (journal->recovered_unix_ms == 0)
        journal->recovered_unix_ms = engine->now_unix_ms;
    if (trouble_is_drained(engine, journal))
        trouble_close(engine, alert);
}

void engine_run_troubles(struct engine *engine)
{
    if (engine->now_unix_ms < engine->trouble_unix_ms || engine->is_closing || engine->has_failed ||
        engine->unsaved >= ENGINE_UNSAVED_ADMIT)
        return;
    engine->trouble_unix_ms = engine->now_unix_ms + TROUBLE_TICK_MS;
    for (size_t i = 0; i < engine->upstream_count; i++)
        trouble_look_upstream(engine, &engine->upstreams[i]);
    for (size_t i = 0; i < engine->workflow_count; i++) {
        trouble_look_causes(engine, &engine->workflows[i]);
        trouble_look_people(engine, &engine->workflows[i]);
        trouble_look_held(engine, slice_text(engine->workflows[i].name));
    }
    for (size_t i = 0; i < engine->upstream_count; i++)
        trouble_look_held_each(engine, &engine->upstreams[i]);
    trouble_look_held(engine, (struct slice){0}); /* what was stored under a former name */
    engine_run_joins(engine);
    for (struct list *node = engine->alerts.next; node != &engine->alerts;) {
        struct alert *alert = LIST_ENTRY(node, struct alert, link);
        node = node->next;
        trouble_look_end(engine, alert);
    }
}
