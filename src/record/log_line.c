#include "record/log_line.h"

#include "base/check.h"
#include "core/chain.h"
#include "record/clock_text.h"
#include "record/fallback.h"
#include "record/ids.h"
#include "record/path.h"
#include "record/story.h"
#include "record/trip_text.h"
#include "record/upstream_row.h"

enum { LOG_KEY_WIDTH = 20, LOG_STEP_WIDTH = 16, LOG_STATE_WIDTH = 11, LOG_TEXT_MAX = 200 };

/* Fills up to the width of a column, and two blanks more. */
static void log_line_pad(struct buf *out, size_t start, size_t width)
{
    size_t count = text_utf8_count(slice_from(buf_slice(out), start));
    do
        buf_add_byte(out, ' ');
    while (++count < width + 2);
}

/* ---- the clause ---- */

/* ": upstream helpdesk-backup": which entry it goes on with. */
static void log_line_add_fallback(struct buf *out, const struct record *record,
                                  const struct view *view)
{
    const struct what *what =
        view && view->step ? chain_entry(&view->step->terms, record->entry) : NULL;
    if (record->reason != REASON_FALLBACK || !what)
        return;
    buf_add_text(out, ": ");
    fallback_add_entry(out, what);
}

static void log_line_add_upstream(struct buf *out, const struct record *record)
{
    if (record->upstream.size > 0)
        wording_add_line(out, record->upstream, LIMIT_NAME);
    else
        buf_add_text(out, "the caller");
}

static void log_line_add_start(struct buf *out, const struct record *record)
{
    buf_add_text(out, "to ");
    log_line_add_upstream(out, record);
    if (record->attempt > 1)
        buf_add_fmt(out, " (try %u)", (unsigned)record->attempt);
}

static void log_line_add_outcome(struct buf *out, const struct record *record,
                                 const struct view *view)
{
    if (record->kind == RECORD_LATE)
        buf_add_text(out, "late: ");
    log_line_add_upstream(out, record);
    if (record->status > 0)
        buf_add_fmt(out, " answered %d", record->status);
    else if (record->has_verdict && record->verdict.reason == REASON_REPORTED)
        buf_add_fmt(out, ": reported as %s", outcome_name(record->verdict.outcome));
    else
        buf_add_fmt(
            out, ": %s",
            wording_of_attempt(record->has_verdict ? record->verdict.reason : record->reason));
    bool is_same = record->has_verdict && record->reason == record->verdict.reason;
    if (!is_same && record->kind != RECORD_LATE && record->reason != REASON_NONE)
        buf_add_fmt(out, "; %s", wording_of_reason(record->reason));
    log_line_add_fallback(out, record, view);
}

/* The gate that this record names, with what it saw. */
static bool log_line_add_cause(struct buf *out, const struct record *record,
                               const struct view *view)
{
    struct path path;
    if (!view || !view->action || record->says <= SAYS_GO ||
        record->decided_by >= record->path_count)
        return false;
    struct view as_then = *view;
    as_then.decided = record;
    as_then.policy_version = record->policy;
    if (!path_of_view(&as_then, &path) || path.steps[path.decided_by].gate != GATE_RULE)
        return false;
    path_add_cause(&path, path.decided_by, out);
    return true;
}

/* ADMITTED, STARTED, GATED: a start, or why there is none. */
static void log_line_add_gated(struct buf *out, const struct record *record,
                               const struct view *view)
{
    if (record->state == STATE_ATTEMPTING)
        log_line_add_start(out, record);
    else if (!log_line_add_cause(out, record, view))
        buf_add_text(out, wording_of_reason(record->reason));
    log_line_add_fallback(out, record, view);
    if (record->would != record->says && record->path_count > 0)
        buf_add_fmt(out, " (observe; auto would %s)", says_name(record->would));
}

/* "answered by template general-queue, degraded: stopped" */
static void log_line_add_answered(struct buf *out, const struct record *record,
                                  const struct view *view)
{
    const struct what *what =
        view && view->step ? chain_entry(&view->step->terms, record->entry) : NULL;
    buf_add_text(out, "answered by ");
    if (what && what->kind == WHAT_ANSWER)
        fallback_add_entry(out, what);
    else
        buf_add_text(out, "a template");
    buf_add_fmt(out, ", degraded: %s", cause_name(record->cause));
}

static void log_line_add_resolved(struct buf *out, const struct record *record,
                                  const struct view *view)
{
    const char *done = wording_verb_of(view ? view->step : NULL)->done;
    if (record->state == STATE_DONE)
        buf_add_fmt(out, "a person says: %s", done);
    else
        buf_add_fmt(out, "a person says: not %s%s", done,
                    record->state == STATE_FAILED ? "" : ", once more");
}

/* "the check says that it happened"; "the check could not tell; the check is asked again" */
static void log_line_add_asked(struct buf *out, const struct record *record)
{
    static const char *const words[CHECK_TOLD_COUNT] = {
        [CHECK_CANNOT_TELL] = "the check could not tell",
        [CHECK_HAPPENED] = "the check says that it happened",
        [CHECK_NOT_HAPPENED] = "the check says that it did not happen",
    };
    buf_add_text(out, words[record->told]);
    if (record->state == STATE_UNCERTAIN)
        buf_add_text(out,
                     record->due_unix_ms > 0 ? "; it is asked again" : "; a person settles it");
}

static void log_line_add_refreshed(struct buf *out, const struct record *record)
{
    if (record->actor.size > 0)
        buf_add_text(out, "submitted anew: its facts are fresh");
    else
        buf_add_text(out, record->number > 0 ? "fresh facts were read"
                                             : "fresh facts could not be read");
}

/* Those that say little more. */
static const char *const log_line_words[RECORD_KIND_COUNT] = {
    [RECORD_APPROVED] = "approved",
    [RECORD_DECLINED] = "not approved",
    [RECORD_CANCELLED] = "cancelled",
    [RECORD_BEGUN] = "its permit was used",
    [RECORD_RENEWED] = "its lease was renewed",
    [RECORD_REPEATED] = "asked again: answered, not sent",
    [RECORD_UNLABELLED] = "drawn for audit; nobody said whether it was right",
    [RECORD_ERASED] = "its payload was erased",
    [RECORD_REORDERED] = "its policy orders it by another thing now",
    [RECORD_EDITED] = "changed and approved",
    [RECORD_CLAIMED] = "its review was claimed",
    [RECORD_UNCLAIMED] = "its review was released",
    [RECORD_ASSIGNED] = "its review was given to ",
    [RECORD_SAID] = "a note on its review",
    [RECORD_SHOWN] = "its masked fields were shown",
    [RECORD_REFUSED] = "a verdict was refused: ",
};

static void log_line_add_words(struct buf *out, const struct record *record,
                               const struct view *view)
{
    if (record->kind == RECORD_CANCELLED && record->reason == REASON_SUPERSEDED) {
        buf_add_text(out, wording_of_reason(record->reason)); /* nobody cancelled it */
        if (record->number != 0) {
            buf_add_text(out, ": ");
            text_add_id(out, ID_ACTION, record->number);
        }
        return;
    }
    buf_add_text(out, log_line_words[record->kind]);
    if (record->kind == RECORD_ASSIGNED)
        story_add_principal(view ? view->config : NULL, record->subject, out);
    else if (record->kind == RECORD_REFUSED)
        wording_add_line(out, record->subject, LIMIT_NAME);
}

/* What a person said of a contradiction, or of what was right. */
static void log_line_add_judged(struct buf *out, const struct record *record,
                                const struct view *view)
{
    if (record->kind == RECORD_ANSWERED) {
        log_line_add_answered(out, record, view);
        return;
    }
    if (record->kind == RECORD_RESOLVED) {
        log_line_add_resolved(out, record, view);
        return;
    }
    if (record->kind == RECORD_SETTLED) {
        buf_add_fmt(out, "of the contradiction a person says: %s%s",
                    record->verdict.outcome == OUTCOME_OK ? "" : "not ",
                    wording_verb_of(view ? view->step : NULL)->done);
        return;
    }
    buf_add_text(out, record->is_wrong ? "wrong: " : "right: ");
    wording_add_line(out, record->subject, LIMIT_NAME);
}

static void log_line_add_looked(struct buf *out, const struct record *record)
{
    if (record->kind == RECORD_ASKED)
        log_line_add_asked(out, record);
    else
        log_line_add_refreshed(out, record);
}

static void log_line_add_action(struct buf *out, const struct record *record,
                                const struct view *view)
{
    switch ((int)record->kind) {
    case RECORD_ADMITTED:
    case RECORD_STARTED:
    case RECORD_GATED:
        log_line_add_gated(out, record, view);
        return;
    case RECORD_LATE:
    case RECORD_OUTCOME:
    case RECORD_CRASHED:
        log_line_add_outcome(out, record, view);
        return;
    case RECORD_RESOLVED:
    case RECORD_SETTLED:
    case RECORD_LABELLED:
    case RECORD_ANSWERED:
        log_line_add_judged(out, record, view);
        return;
    case RECORD_EDITED:
    case RECORD_CLAIMED:
    case RECORD_UNCLAIMED:
    case RECORD_ASSIGNED:
    case RECORD_REORDERED:
    case RECORD_SAID:
    case RECORD_SHOWN:
    case RECORD_REFUSED:
    case RECORD_APPROVED:
    case RECORD_DECLINED:
    case RECORD_CANCELLED:
    case RECORD_BEGUN:
    case RECORD_RENEWED:
    case RECORD_REPEATED:
    case RECORD_UNLABELLED:
    case RECORD_ERASED:
        log_line_add_words(out, record, view);
        return;
    case RECORD_ASKED:
    case RECORD_REFRESHED:
        log_line_add_looked(out, record);
        return;
    case RECORD_TIMER:
        if (record->state == STATE_HELD &&
            record->reason == REASON_RULE) { /* it stays until then */
            buf_add_text(out, "the time that a rule held it is over; the gate is asked again");
            return;
        }
        break;
    default: /* its reason says it */
        break;
    }
    buf_add_text(out, wording_of_reason(record->reason));
    log_line_add_fallback(out, record, view);
}

/* "invoice-reminders/send_reminder, upstream mailer, risk high", or "everything". */
static void log_line_add_scope(struct buf *out, const struct record *record)
{
    size_t start = out->size;
    wording_add_line(out, record->workflow, LIMIT_NAME);
    if (record->step.size > 0) {
        buf_add_byte(out, '/');
        wording_add_line(out, record->step, LIMIT_NAME);
    }
    if (record->upstream.size > 0) {
        buf_add_text(out, out->size > start ? ", upstream " : "upstream ");
        wording_add_line(out, record->upstream, LIMIT_NAME);
    }
    if (record->subject.size > 0) {
        buf_add_text(out, out->size > start ? ", risk " : "risk ");
        wording_add_line(out, record->subject, LIMIT_NAME);
    }
    if (out->size == start)
        buf_add_text(out, "everything");
}

static void log_line_add_named(struct buf *out, const char *what, struct slice name)
{
    buf_add_text(out, what);
    wording_add_line(out, name, LOG_TEXT_MAX);
}

static void log_line_add_stop(struct buf *out, const struct record *record)
{
    if (record->kind == RECORD_INCIDENT) /* its stop stands above it */
        text_add_id(out, ID_INCIDENT, record->incident);
    else
        log_line_add_scope(out, record);
    if (record->kind == RECORD_STOP && record->number > 0)
        buf_add_fmt(out, ": %llu under way", (unsigned long long)record->number);
    else if (record->kind == RECORD_STOPPED)
        buf_add_text(out, ": nothing is under way any more");
    else if (record->kind == RECORD_RESTART)
        buf_add_text(out, record->number > 0 ? " starts again, a little at a time" : " runs again");
    else if (record->kind == RECORD_LIFTED)
        buf_add_text(out, " runs again");
    else if (record->kind == RECORD_INCIDENT)
        log_line_add_named(out, ": ", record->subject);
}

/* "i_…: a restart is asked for", "i_…: approved, as ana asked", "i_…: ramp: passed" */
static void log_line_add_restart(struct buf *out, const struct record *record)
{
    text_add_id(out, ID_INCIDENT, record->incident);
    if (record->kind == RECORD_RESTART_ASKED)
        buf_add_text(out, ": a restart is asked for");
    else if (record->kind == RECORD_RESTART_REFUSED)
        log_line_add_named(out, ": approval refused: ", record->subject);
    else if (record->kind == RECORD_RESTART_REJECTED)
        log_line_add_named(out,
                           record->number > 0 ? ": restart taken back, as asked by "
                                              : ": restart rejected, as asked by ",
                           record->subject);
    else if (record->kind == RECORD_RAMP)
        log_line_add_named(out, ": ramp: ", record->subject);
    else if (record->number > 0)
        buf_add_text(out, ": restart approved ALONE, by who asked");
    else
        log_line_add_named(out, ": restart approved, as asked by ", record->subject);
}

/* "i_…: ana, ben are told (rung 2)", "i_…: told ana through email" */
static void log_line_add_notice(struct buf *out, const struct record *record)
{
    if (record->kind == RECORD_DOWN) {
        buf_add_text(out, "interlock was not running for ");
        zone_add_span(out, (int64_t)record->number);
        return;
    }
    if (record->kind == RECORD_LABEL_REFUSED) {
        buf_add_text(out, "a label was refused: ");
        wording_add_line(out, record->workflow, LIMIT_NAME);
        log_line_add_named(out, " has no such ", record->subject);
        return;
    }
    if (record->kind == RECORD_REPORTED) {
        buf_add_text(out, "report of ");
        wording_add_line(out, record->workflow, LIMIT_NAME);
        log_line_add_named(out, " to ", record->subject);
        return;
    }
    if (record->kind == RECORD_STOP_CHECK) {
        buf_add_text(out, record->number ? "the stop path works again" : "the stop path FAILS");
        log_line_add_named(out, ": ", record->subject);
        return;
    }
    if (record->incident != 0) {
        text_add_id(out, ID_INCIDENT, record->incident);
        buf_add_text(out, ": ");
    }
    if (record->kind == RECORD_ACKNOWLEDGED) {
        buf_add_text(out, "somebody takes care of it");
        return;
    }
    if (record->kind == RECORD_REMARK) {
        wording_add_line(out, record->subject, LOG_TEXT_MAX);
        return;
    }
    log_line_add_named(out,
                       record->kind == RECORD_TELLING ? "to be told: "
                       : record->kind == RECORD_TOLD  ? "told "
                                                      : "could not be told: ",
                       record->subject);
    if (record->kind == RECORD_TELLING && record->number > 0)
        buf_add_fmt(out, " (rung %llu)", (unsigned long long)record->number);
}

/* "inquiry-routing/route, trigger misrouted: 9 of the last 38 audited were wrong, limit 10 %" */
static void log_line_add_trigger(struct buf *out, const struct record *record)
{
    struct trip trip;
    trip_decode(record->trip, &trip);
    struct record place = {
        .workflow = record->workflow, .step = record->step, .subject = trip.risk};
    log_line_add_scope(out, &place);
    log_line_add_named(out, ", trigger ", record->subject);
    buf_add_text(out, ": ");
    if (record->kind == RECORD_CLEARED)
        buf_add_text(out, "normal again; ");
    else if (record->kind == RECORD_WARNED)
        buf_add_text(out, "near its limit; ");
    trip_text_add(&trip, out);
}

static void log_line_add_person(struct buf *out, const struct record *record)
{
    static const char *const words[2][2] = {{"token made: ", "token revoked: "},
                                            {"back: ", "away: "}};
    if (record->kind == RECORD_SIGNED) {
        wording_add_line(out, record->workflow, LIMIT_NAME);
        log_line_add_named(out, ": plan signed, ", record->subject);
        return;
    }
    log_line_add_named(out, words[record->kind == RECORD_AWAY][record->number > 0],
                       record->subject);
}

/* "upstream mailer: its breaker has opened" */
static void log_line_add_change(struct buf *out, const struct record *record)
{
    log_line_add_upstream(out, record);
    buf_add_text(out, ": ");
    upstream_change_add_words(record->subject, out);
}

static void log_line_add_daemon(struct buf *out, const struct record *record)
{
    if (record->kind == RECORD_UPSTREAM) {
        log_line_add_change(out, record);
        return;
    }
    if (record->kind == RECORD_CLOCK)
        clock_text_add(out, record->subject, (int64_t)record->number);
    else if (record->kind == RECORD_POLICY)
        log_line_add_named(out, "configuration in force: ", record->policy);
    else if (record->kind == RECORD_SERVING)
        buf_add_fmt(out, "interlock serves, run %llu", (unsigned long long)record->number);
    else
        buf_add_text(out, record->kind == RECORD_ENDING ? "interlock ends" : "checkpoint");
}

static void log_line_add_control(struct buf *out, const struct record *record)
{
    switch ((int)record->kind) {
    case RECORD_STOP:
    case RECORD_STOPPED:
    case RECORD_RESTART:
    case RECORD_LIFTED:
    case RECORD_INCIDENT:
        log_line_add_stop(out, record);
        return;
    case RECORD_TRIPPED:
    case RECORD_WARNED:
    case RECORD_CLEARED:
        log_line_add_trigger(out, record);
        return;
    case RECORD_RESTART_ASKED:
    case RECORD_RESTART_APPROVED:
    case RECORD_RESTART_REFUSED:
    case RECORD_RESTART_REJECTED:
    case RECORD_RAMP:
        log_line_add_restart(out, record);
        return;
    case RECORD_POLICY:
    case RECORD_SERVING:
    case RECORD_ENDING:
    case RECORD_CHECKPOINT:
    case RECORD_UPSTREAM:
    case RECORD_CLOCK:
        log_line_add_daemon(out, record);
        return;
    case RECORD_AWAY:
    case RECORD_TOKEN:
    case RECORD_SIGNED:
        log_line_add_person(out, record);
        return;
    case RECORD_TELLING:
    case RECORD_TOLD:
    case RECORD_NOT_TOLD:
    case RECORD_ACKNOWLEDGED:
    case RECORD_DOWN:
    case RECORD_STOP_CHECK:
    case RECORD_REPORTED:
    case RECORD_LABEL_REFUSED:
    case RECORD_REMARK:
        log_line_add_notice(out, record);
        return;
    default:
        break;
    }
    buf_add_text(out, "a record of a newer version");
}

/* The clause alone: "no answer in 10 s", "stopped invoice-reminders". */
static void log_line_add_clause(struct buf *out, const struct record *record,
                                const struct view *view)
{
    if (record->action != 0)
        log_line_add_action(out, record, view);
    else
        log_line_add_control(out, record);
}

/* ---- who ---- */

/* Who it waits for after this record; the people are those of now. */
static void log_line_add_who(struct buf *out, const struct record *record, const struct view *view)
{
    struct view_who who;
    if (record->actor.size > 0 && record->kind != RECORD_ADMITTED) {
        buf_add_text(out, "  by ");
        story_add_principal(view ? view->config : NULL, record->actor, out);
    }
    if (record->tells.size > 0) {
        buf_add_text(out, "  \xe2\x86\x92 ");
        wording_add_line(out, record->tells, LIMIT_NAME);
        buf_add_text(out, " is told");
        return;
    }
    if (!view || !view->action || record->action == 0)
        return;
    struct action then = *view->action;
    struct view as_then = *view;
    then.state = record->state;
    then.hold_for = record->hold_for;
    then.people_due_unix_ms = record->people_due_unix_ms;
    as_then.action = &then;
    if (!view_who(&as_then, &who) || who.group.size == 0)
        return;
    buf_add_text(out, "  \xe2\x86\x92 ");
    wording_add_line(out, who.group, LIMIT_NAME);
    if (who.by_unix_ms > 0) {
        buf_add_text(out, " by ");
        zone_add_time(out, view->zone, (struct zone_time){who.by_unix_ms, record->at_unix_ms},
                      ZONE_MINUTES);
    }
}

/* The key as people know it, else the id; of a control record what it is about. */
static void log_line_add_key(struct buf *out, const struct record *record, const struct view *view)
{
    if (record->action == 0)
        buf_add_byte(out, '-');
    else if (view && view->submit.key.size > 0 && !view->is_erased)
        wording_add_line(out, view->submit.key, LIMIT_KEY);
    else
        text_add_id(out, ID_ACTION, record->action);
}

void log_line_add(struct buf *out, const struct record *record, const struct view *view,
                  const struct zone *zone)
{
    size_t start = out->size;
    int64_t now = view ? view->now_unix_ms : record->at_unix_ms;
    zone_add_time(out, zone, (struct zone_time){record->at_unix_ms, now}, ZONE_SECONDS);
    buf_add_text(out, "  ");
    start = out->size;
    log_line_add_key(out, record, view);
    log_line_pad(out, start, LOG_KEY_WIDTH);
    start = out->size;
    if (record->action != 0)
        wording_add_line(out, record->step, LIMIT_NAME);
    else
        buf_add_byte(out, '-');
    log_line_pad(out, start, LOG_STEP_WIDTH);
    start = out->size;
    buf_add_text(out,
                 record->action != 0 ? state_name(record->state) : record_kind_name(record->kind));
    log_line_pad(out, start, LOG_STATE_WIDTH);
    log_line_add_clause(out, record, view);
    log_line_add_who(out, record, view);
    buf_add_byte(out, '\n');
}
