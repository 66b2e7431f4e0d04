/* loop/alert_texts.c - the words of one telling: what it is called, why, how much waits. */
#include "loop/alert_telling.h"

#include <string.h>

#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/incidents.h"
#include "loop/notices.h"
#include "loop/restarts.h"
#include "loop/undone.h"
#include "loop/upstreams.h"
#include "record/notice_text.h"
#include "record/receipt.h"

enum {
    ALERT_AGAIN_MS = 10000 /* sooner nobody can have answered: it was no answer, but no receiver */
};

uint64_t alert_count_waiting(struct engine *engine, const struct stop *stop)
{
    struct journal scope = {0};
    memcpy(scope.names, stop->names, sizeof scope.names);
    return engine_journal_waits(engine, &scope);
}

/* R23: secrets that stand in a person's words do not leave. */
static void alert_mask(struct engine *engine, struct slice text, struct buf *out)
{
    redact_add(&engine->loaded->redact, text, false, out);
}

/* What it is called, in capitals. */
static const char *alert_state(const struct alert *alert, enum position position)
{
    switch (alert->journal.kind) {
    case INCIDENT_DEGRADED:
        return "DEGRADED";
    case INCIDENT_OVERDUE:
        return "WAITS FOR PEOPLE";
    case INCIDENT_ALERT:
        return "ALERT";
    case INCIDENT_UNDONE:
        return "NOT DONE";
    case INCIDENT_STOP:
        break;
    }
    return position == POSITION_FALLBACK ? "ON FALLBACK"
           : position == POSITION_REVIEW ? "ON REVIEW"
                                         : "STOPPED";
}

/* Why, in words: what lasts, then what somebody said. */
static void alert_add_why(struct engine *engine, const struct alert *alert, struct slice said,
                          struct buf *out)
{
    incident_add_trouble(out, &alert->journal, engine->options.zone, engine->now_unix_ms);
    if (alert->journal.kind == INCIDENT_UNDONE) {
        buf_add_text(out, ": ");
        engine_undone_add_names(engine, &alert->journal, out);
    }
    if (out->size > 0 && said.size > 0)
        buf_add_text(out, "; ");
    alert_mask(engine, said, out);
}

/* Of an upstream: the workflows that call it. */
static void alert_add_workflows(struct engine *engine, const struct journal *journal,
                                struct buf *out)
{
    const struct config *config = engine_config(engine);
    for (size_t i = 0; engine_journal_is_shared(journal) && i < config->workflow_count; i++) {
        if (!engine_journal_covers(engine, journal, config->workflows[i].name))
            continue;
        buf_add_text(out, out->size ? ", " : "");
        buf_add(out, config->workflows[i].name);
    }
}

/* As people call them. */
static struct slice alert_full_name(const struct engine *engine, struct slice name)
{
    const struct person *person = config_person(engine_config(engine), name);
    return person && person->full_name.size > 0 ? person->full_name : name;
}

void alert_make_texts(struct engine *engine, const struct alert *alert,
                      const struct alert_word *word, struct notice_draft *draft)
{
    const struct stop *stop = word->stop;
    const struct duties *duties = engine_alert_duties(engine, &alert->journal);
    bool is_recovery = word->about == NOTICE_RECOVERED && alert->journal.kind != INCIDENT_STOP;
    enum position position = engine_incident_position(engine, alert->incident, stop);
    struct buf reason, scope, workflows;
    buf_init(&reason, LIMIT_REASON * 4);
    buf_init(&scope, LIMIT_SUMMARY);
    buf_init(&workflows, LIMIT_SUMMARY * 4);
    alert_add_workflows(engine, &alert->journal, &workflows);
    if (is_recovery)
        buf_add(&reason, word->reason);
    else
        alert_add_why(engine, alert, word->reason, &reason);
    engine_journal_add_scope(&alert->journal, stop, &scope);
    struct notice_facts facts = {
        .about = word->about,
        .kind = alert->journal.kind,
        .lasting = alert->journal.lasting,
        .state = alert_state(alert, position),
        .incident = alert->incident,
        .scope = buf_slice(&scope),
        .workflows = buf_slice(&workflows),
        .by = word->by,
        .asked_by = word->asked_by,
        .reason = buf_slice(&reason),
        .is_again = !word->is_opening && engine->now_unix_ms - stop->at_unix_ms >= ALERT_AGAIN_MS,
        .acknowledged_by = slice_text(alert->by),
        .acknowledged_unix_ms = alert->ladder.acknowledged_unix_ms,
        .waiting = engine_journal_waits(engine, &alert->journal),
        .in_flight = stop->in_flight,
        .refused = stop->refused,
        .lost = engine_journal_lost(engine, &alert->journal),
        .informs = alert_full_name(engine, slice_text(alert->journal.informs)),
        .restart = duties->restart ? duties->restart->name : (struct slice){0},
        .position = alert->journal.kind == INCIDENT_STOP ? slice_text(position_name(position))
                                                         : (struct slice){0},
        .inform_due_unix_ms =
            alert->journal.informed_unix_ms ? 0 : alert->journal.inform_due_unix_ms,
        .since_unix_ms = stop->at_unix_ms,
        .now_unix_ms = engine->now_unix_ms,
        .zone = engine->options.zone};
    struct buf holders;
    buf_init(&holders, LIMIT_SUMMARY * 4);
    if (word->about == NOTICE_RECOVERED && alert->journal.kind == INCIDENT_STOP)
        engine_holders_add(engine, stop, &holders, &facts.is_held);
    facts.holders = buf_slice(&holders);
    notice_text_line(&facts, &draft->line);
    notice_text_body(&facts, &draft->body);
    buf_add(&draft->scope, buf_slice(&scope));
    buf_done(&holders);
    buf_done(&workflows);
    buf_done(&scope);
    buf_done(&reason);
}
