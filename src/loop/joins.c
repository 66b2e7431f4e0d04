/* loop/joins.c - one trouble is one incident: which open incident tells of a trouble already, and
 * how the later of two becomes part of the other.
 * Invariants:
 *   1. What another open incident explains opens none; what was opened before that one did goes on
 *      as part of it, and ends as its own.
 *   2. Whoever was told of the one that ends is told of the one that goes on, once.
 *   3. What interlock sees by itself leads, and a trigger's alert is part of it: only that one
 *      knows when it is over. */
#include "loop/incidents.h"

#include "loop/alerts.h"
#include "loop/engine_state.h"
#include "record/receipt.h"

typedef bool join_is_fn(const struct engine *engine, const struct alert *alert,
                        const struct journal *journal);

static struct alert *join_find(struct engine *engine, join_is_fn *is, const struct journal *journal)
{
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (alert->incident != journal->incident && is(engine, alert, journal))
            return alert;
    }
    return NULL;
}

static bool join_has_workflow(const struct journal *one, const struct journal *other)
{
    return strcmp(one->names[JOURNAL_WORKFLOW], other->names[JOURNAL_WORKFLOW]) == 0;
}

static bool join_is_same(const struct engine *engine, const struct alert *alert,
                         const struct journal *journal)
{
    (void)engine;
    const struct journal *open = &alert->journal;
    if (open->kind == INCIDENT_OVERDUE && journal->kind == INCIDENT_OVERDUE)
        return join_has_workflow(open, journal) && strcmp(open->answers, journal->answers) == 0;
    if (open->lasting == LASTING_HELD && journal->lasting == LASTING_HELD)
        return join_has_workflow(open, journal);
    return open->kind == journal->kind && open->lasting == journal->lasting &&
           open->cause == journal->cause &&
           memcmp(open->names, journal->names, sizeof open->names) == 0;
}

/* Of what an upstream does to a workflow: held for it, or on a fallback because it is not there. */
static bool join_is_of_upstream(const struct engine *engine, const struct journal *open,
                                const struct journal *journal)
{
    struct slice workflow = slice_text(journal->names[JOURNAL_WORKFLOW]);
    struct slice upstream = slice_text(journal->names[JOURNAL_UPSTREAM]);
    if (journal->lasting == LASTING_HELD)
        return slice_is(upstream, open->names[JOURNAL_UPSTREAM]) &&
               (!open->names[JOURNAL_WORKFLOW][0] || join_has_workflow(open, journal));
    return journal->lasting == LASTING_CAUSE && journal->cause == CAUSE_UNAVAILABLE &&
           engine_journal_covers(engine, open, workflow);
}

/* A stop of one step, risk class or upstream explains nothing of the rest of its workflow: that
 * goes on, and is in trouble. */
static bool join_is_of_stop(const struct engine *engine, const struct journal *open,
                            const struct journal *journal)
{
    struct slice workflow = slice_text(journal->names[JOURNAL_WORKFLOW]);
    struct slice upstream = slice_text(open->names[JOURNAL_UPSTREAM]);
    if (open->names[JOURNAL_STEP][0] || open->names[JOURNAL_RISK][0])
        return false;
    if (upstream.size == 0)
        return workflow.size > 0 && engine_journal_covers(engine, open, workflow);
    if (journal->lasting == LASTING_BREAKER)
        return !open->names[JOURNAL_WORKFLOW][0] &&
               slice_is(upstream, journal->names[JOURNAL_UPSTREAM]);
    return join_is_of_upstream(engine, open, journal);
}

/* A stop of all of it, or its upstream, which is not called: they say already what is wrong. */
static bool join_is_explained(const struct engine *engine, const struct alert *alert,
                              const struct journal *journal)
{
    const struct journal *open = &alert->journal;
    struct slice workflow = slice_text(journal->names[JOURNAL_WORKFLOW]);
    if (journal->kind != INCIDENT_DEGRADED)
        return false;
    if (open->kind == INCIDENT_STOP)
        return join_is_of_stop(engine, open, journal);
    if (open->kind != INCIDENT_DEGRADED || open->lasting == journal->lasting)
        return false;
    if (open->lasting == LASTING_BREAKER)
        return join_is_of_upstream(engine, open, journal);
    return open->lasting == LASTING_CAUSE && journal->lasting == LASTING_HELD &&
           (open->cause == CAUSE_UNAVAILABLE || !journal->names[JOURNAL_UPSTREAM][0]) &&
           engine_journal_covers(engine, open, workflow);
}

/* Of such a signal interlock tells by itself: its alert becomes that, or part of it. */
static bool join_is_told(const struct journal *alarm)
{
    if (!alarm->trip.is_set)
        return false;
    return alarm->trip.signal == SIGNAL_OVERDUE || alarm->trip.signal == SIGNAL_HELD_AGE ||
           alarm->trip.signal == SIGNAL_DEGRADED || alarm->trip.signal == SIGNAL_UNCERTAIN;
}

bool engine_alarms_are_one(const struct journal *open, const struct journal *alarm)
{
    if (open->kind != INCIDENT_ALERT || memcmp(open->names, alarm->names, sizeof open->names) != 0)
        return false;
    return (open->trip.is_set && alarm->trip.is_set && open->trip.signal == alarm->trip.signal) ||
           (!join_is_told(open) && !join_is_told(alarm));
}

/* A trigger saw what that incident tells of. */
static bool join_is_alarm(const struct engine *engine, const struct alert *alert,
                          const struct journal *alarm)
{
    const struct journal *open = &alert->journal;
    if (alarm->kind != INCIDENT_ALERT || !join_is_told(alarm))
        return false;
    bool is_upstream =
        open->kind == INCIDENT_DEGRADED && open->lasting == LASTING_BREAKER &&
        engine_journal_covers(engine, open, slice_text(alarm->names[JOURNAL_WORKFLOW]));
    bool has_workflow = join_has_workflow(open, alarm);
    switch ((int)alarm->trip.signal) {
    case SIGNAL_OVERDUE:
        return has_workflow && open->kind == INCIDENT_OVERDUE;
    case SIGNAL_HELD_AGE:
        return is_upstream || (has_workflow && open->lasting == LASTING_HELD);
    case SIGNAL_DEGRADED:
        return is_upstream || (has_workflow && open->lasting == LASTING_CAUSE);
    default:
        return false;
    }
}

/* It was told before as less than it is now: what is held for an upstream before the upstream was
 * given up; what a trigger saw before it lasted so long; a write that is past due by now. */
static bool join_is_former(const struct engine *engine, const struct alert *alert,
                           const struct journal *journal)
{
    const struct journal *open = &alert->journal;
    struct alert now = {.journal = *journal};
    if (journal->lasting == LASTING_BREAKER)
        return open->lasting == LASTING_HELD &&
               strcmp(open->names[JOURNAL_UPSTREAM], journal->names[JOURNAL_UPSTREAM]) == 0;
    bool is_uncertain = open->kind == INCIDENT_ALERT && open->trip.is_set &&
                        open->trip.signal == SIGNAL_UNCERTAIN && join_has_workflow(open, journal);
    return (is_uncertain && journal->lasting == LASTING_UNCERTAIN) ||
           join_is_alarm(engine, &now, open);
}

/* ---- the later becomes part of the earlier ---- */

/* The earlier one is the later trouble from now on. */
static void join_become(struct engine *engine, struct alert *alert, const struct journal *journal)
{
    struct journal joined = alert->journal;
    struct buf words;
    buf_init(&words, LIMIT_SENTENCE);
    memcpy(joined.names, journal->names, sizeof joined.names);
    memcpy(joined.answers, journal->answers, sizeof joined.answers);
    joined.kind = journal->kind;
    joined.lasting = journal->lasting;
    joined.cause = journal->cause;
    joined.overdue = journal->overdue;
    joined.breaker = journal->breaker;
    joined.breaker_count = journal->breaker_count;
    joined.breaker_of = journal->breaker_of;
    joined.recovered_unix_ms = 0;
    if (joined.began_unix_ms == 0 || journal->began_unix_ms < joined.began_unix_ms)
        joined.began_unix_ms = journal->began_unix_ms;
    engine_journal_widen(engine, &alert->journal, &joined);
    incident_add_trouble(&words, journal, engine->options.zone, engine->now_unix_ms);
    engine_alert_join(engine, alert, &joined, buf_slice(&words));
    buf_done(&words);
}

/* It goes on as part of the other: said in both stories, and its own ladder ends. First the one
 * that goes on is durable; a crash between the two tells nobody twice. */
static void join_merge(struct engine *engine, struct alert *alert, struct alert *into)
{
    struct record record = {
        .kind = RECORD_REMARK, .subject = SLICE("joined"), .number = alert->incident};
    struct arena arena;
    struct buf words;
    arena_init(&arena, ENGINE_SCRATCH);
    buf_init(&words, LIMIT_REASON * 4);
    receipt_add_scope(&words, &alert->scope);
    buf_add_text(&words, ": ");
    buf_add(&words, engine_alert_why(engine, alert, &arena));
    engine_alert_add(engine, into, &record, buf_slice(&words), &into->journal);
    alert->journal.joined_into = into->incident;
    engine_alert_end(engine, alert, (struct slice){0}, (struct slice){0}, NULL);
    buf_done(&words);
    arena_done(&arena);
}

void engine_trouble_count(struct engine *engine, const struct journal *journal)
{
    struct alert *alert = join_find(engine, join_is_same, journal);
    if (alert && alert->journal.lasting == journal->lasting)
        alert->journal.overdue = journal->overdue;
}

bool engine_trouble_is_told(struct engine *engine, const struct journal *journal)
{
    return join_find(engine, join_is_same, journal) ||
           join_find(engine, join_is_explained, journal);
}

bool engine_trouble_open(struct engine *engine, const struct journal *journal)
{
    if (engine_trouble_is_told(engine, journal))
        return false;
    struct alert *former = join_find(engine, join_is_former, journal);
    if (former) {
        join_become(engine, former, journal);
        return true;
    }
    return engine_alert_begin(engine, journal, (struct slice){0}) != NULL;
}

struct alert *engine_alarm_incident(struct engine *engine, const struct journal *alarm)
{
    return join_find(engine, join_is_alarm, alarm);
}

/* What an alert became is wider than its step, and keeps what its trigger saw. */
static bool join_is_of_alarm(const struct engine *engine, const struct alert *alert,
                             const struct journal *alarm)
{
    const struct journal *open = &alert->journal;
    if (open->kind == INCIDENT_STOP || !open->trip.is_set ||
        open->trip.signal != alarm->trip.signal)
        return join_is_alarm(engine, alert, alarm);
    return open->kind == INCIDENT_ALERT
               ? memcmp(open->names, alarm->names, sizeof open->names) == 0
               : join_has_workflow(open, alarm) || join_is_alarm(engine, alert, alarm);
}

uint64_t engine_alarm_told(struct engine *engine, const struct journal *alarm)
{
    const struct alert *alert = join_find(engine, join_is_of_alarm, alarm);
    return alert ? alert->incident : 0;
}

void engine_run_joins(struct engine *engine)
{
    for (struct list *node = engine->alerts.next; node != &engine->alerts;) {
        struct alert *alert = LIST_ENTRY(node, struct alert, link);
        node = node->next;
        if (alert->journal.kind != INCIDENT_DEGRADED && alert->journal.kind != INCIDENT_ALERT)
            continue;
        if (engine->unsaved >= ENGINE_UNSAVED_ADMIT)
            return; /* the rest at the next look */
        struct alert *into = join_find(engine, join_is_explained, &alert->journal);
        into = into ? into : join_find(engine, join_is_alarm, &alert->journal);
        if (into)
            join_merge(engine, alert, into);
    }
}
