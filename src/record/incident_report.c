/* The report of an incident in Markdown, and the lines of its timeline. */
#include "record/clock_text.h"
#include "record/ids.h"
#include "record/incident_words.h"
#include "record/wording.h"

/* ---- the report ---- */

static const char *entry_subject_words(struct slice subject)
{
    if (slice_is(subject, "note"))
        return "note";
    if (slice_is(subject, "cause"))
        return "cause";
    if (slice_is(subject, "follow_up"))
        return "follow-up";
    if (slice_is(subject, "informed"))
        return "informed stakeholders";
    if (slice_is(subject, "recovered"))
        return "the trouble is over";
    return NULL;
}

/* What it is from its joining on. */
static const char *entry_join_words(const struct incident_view *view)
{
    return view->journal.lasting == LASTING_BREAKER ? "told for its upstream"
                                                    : "closes itself from here on";
}

/* "i_… joined": another incident is part of this one; or this one is part of another. */
static void entry_add_joined(struct buf *out, const struct incident_view *view,
                             const struct incident_entry *entry)
{
    bool is_part = view->journal.joined_into != 0 && entry->number == view->journal.joined_into;
    if (is_part)
        buf_add_text(out, "goes on as ");
    if (entry->number != 0)
        text_add_id(out, ID_INCIDENT, entry->number);
    if (!is_part)
        buf_add_text(out, entry->number != 0 ? " joined" : "joined");
}

/* A stop that has its record already binds again: its ramp was sent back. */
static bool entry_is_again(const struct incident_view *view, const struct incident_entry *entry)
{
    for (const struct incident_entry *other = view->entries; other < entry; other++)
        if (other->kind == RECORD_STOP && other->stop == entry->stop && entry->stop != 0)
            return true;
    return false;
}

static void entry_add_ramp(struct buf *out, const struct incident_entry *entry)
{
    unsigned long long stage = entry->number;
    if (slice_is(entry->subject, "passed"))
        buf_add_fmt(out, "ramp: stage %llu went well", stage);
    else if (slice_is(entry->subject, "over"))
        buf_add_text(out, "ramp over: nothing is left out any more");
    else if (slice_is(entry->subject, "stuck"))
        buf_add_fmt(out, "ramp stuck in stage %llu: nothing more starts", stage + 1);
    else if (slice_is(entry->subject, "reloaded"))
        buf_add_text(out, "ramp sent back to stage one by a reload of its policy, stopped");
    else if (slice_is(entry->subject, "stopped"))
        buf_add_text(out, "ramp sent back to stage one by a further stop, stopped");
    else
        wording_add_line(out, entry->subject, LIMIT_SUMMARY);
}

/* ", asked for by Ana Ruiz" */
static void entry_add_asker(struct buf *out, const struct incident_view *view,
                            const struct incident_entry *entry)
{
    if (entry->subject.size == 0 || slice_equal(entry->subject, entry->actor))
        return;
    buf_add_text(out, ", asked for by ");
    incident_add_person(out, view, entry->subject);
}

/* Why an approval was not taken; by interlock itself: why the request is void. */
static void entry_add_refusal(struct buf *out, const struct incident_entry *entry)
{
    static const struct {
        const char *code, *words;
    } refusals[] = {
        {"changed", "a stop was added, or the configuration changed, since it was asked for"},
        {"over", "it was asked for too long ago"},
        {"own", "who asked does not approve"},
        {"own_not_yet", "who asked may approve only later"},
        {"not_entitled", "not of the group that approves"},
        {"service", "a service approves no restart"},
        {"not_asked", "nobody had asked"},
        {"rejected", "somebody had said no"},
        {"withdrawn", "it was taken back"}};
    bool is_void = slice_is(entry->actor, "interlock");
    buf_add_text(out, is_void ? "restart void: " : "approval refused: ");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (slice_is(entry->subject, refusals[i].code)) {
            buf_add_text(out, refusals[i].words);
            return;
        }
    wording_add_line(out, entry->subject, LIMIT_SUMMARY);
}

/* How it came to run again, or why it did not. */
static void entry_add_restart(struct buf *out, const struct incident_view *view,
                              const struct incident_entry *entry)
{
    switch ((int)entry->kind) {
    case RECORD_RESTART:
        buf_add_text(out, "restart of ");
        wording_add_line(out, entry->scope, LIMIT_SUMMARY);
        buf_add_text(out, entry->number > 0 ? ", a little at a time" : "");
        return;
    case RECORD_RAMP:
        entry_add_ramp(out, entry);
        return;
    case RECORD_LIFTED:
        buf_add_text(out, entry->scope.size > 0 ? "runs again: " : "runs again");
        wording_add_line(out, entry->scope, LIMIT_SUMMARY);
        return;
    case RECORD_RESTART_APPROVED:
        buf_add_text(out, entry->number > 0 ? "restart approved ALONE" : "restart approved");
        entry_add_asker(out, view, entry);
        return;
    case RECORD_RESTART_REJECTED:
        buf_add_text(out, entry->number > 0 ? "restart taken back" : "restart rejected");
        entry_add_asker(out, view, entry);
        return;
    case RECORD_RESTART_REFUSED:
        entry_add_refusal(out, entry);
        return;
    default:
        buf_add_text(out, "restart asked");
    }
}

static void entry_add_what(struct buf *out, const struct incident_view *view,
                           const struct incident_entry *entry)
{
    const char *words = NULL;
    if (incident_is_restart(entry)) {
        entry_add_restart(out, view, entry);
        return;
    }
    switch ((int)entry->kind) {
    case RECORD_STOP:
        buf_add_text(out, entry_is_again(view, entry) ? "in force again: stop of " : "stop of ");
        wording_add_line(out, entry->scope, LIMIT_SUMMARY);
        return;
    case RECORD_STOPPED:
        buf_add_text(out, "nothing is under way any more");
        return;
    case RECORD_INCIDENT:
        buf_add_text(out, slice_is(entry->subject, "closed")               ? "closed"
                          : slice_is(entry->subject, "joined")             ? entry_join_words(view)
                          : incident_first(view, RECORD_INCIDENT) == entry ? "opened"
                                                                           : "why it was stopped");
        return;
    case RECORD_TELLING:
        if (slice_is(entry->subject, "recovery")) {
            buf_add_text(out, "those who were told are told of its end");
            return;
        }
        buf_add_text(out, "to be told: ");
        break;
    case RECORD_TOLD:
        buf_add_text(out, "told ");
        break;
    case RECORD_NOT_TOLD:
        buf_add_text(out, "could not be told: ");
        break;
    case RECORD_ACKNOWLEDGED:
        buf_add_text(out, "acknowledged");
        return;
    case RECORD_REMARK:
        if (slice_is(entry->subject, "joined")) {
            entry_add_joined(out, view, entry);
            return;
        }
        /* fall through */
    default:
        words = entry_subject_words(entry->subject);
        buf_add_text(out, words ? words : record_kind_name(entry->kind));
        if (words || entry->subject.size == 0)
            return;
        buf_add_byte(out, ' ');
    }
    wording_add_line(out, entry->subject, LIMIT_SUMMARY);
}

void incident_entry_add(struct buf *out, const struct incident_view *view,
                        const struct incident_entry *entry)
{
    bool is_void = entry->kind == RECORD_RESTART_REFUSED && slice_is(entry->actor, "interlock");
    if (entry->kind == RECORD_CLOCK)
        clock_text_add(out, entry->subject, (int64_t)entry->number);
    else
        entry_add_what(out, view, entry);
    if (entry->actor.size > 0 && !is_void) {
        buf_add_text(out, ", by ");
        incident_add_person(out, view, entry->actor);
    }
    if (entry->words.size == 0)
        return;
    buf_add_text(out, ": ");
    wording_add_line(out, entry->words, INCIDENT_LONG);
}

const char *incident_no_detection(const struct incident_view *view)
{
    const struct journal *j = &view->journal;
    if (j->began_unix_ms > 0)
        return NULL;
    if (j->trip.is_set)
        return "the trigger sees a value as it is now, not since when";
    if (j->kind != INCIDENT_STOP)
        return "not known";
    return slice_starts(view->by, SLICE("trigger ")) ? "not known"
           : slice_is(view->by, "interlock")         ? "interlock stopped it by itself"
                                                     : "a person stopped it";
}

static void report_add_time(struct buf *out, const char *what, int64_t from_unix_ms,
                            int64_t to_unix_ms)
{
    buf_add_fmt(out, "| %s | ", what);
    if (from_unix_ms > 0 && to_unix_ms > 0)
        zone_add_span(out, to_unix_ms > from_unix_ms ? to_unix_ms - from_unix_ms : 0);
    else
        buf_add_text(out, "\xe2\x80\x93");
    buf_add_text(out, " |\n");
}

static void report_add_times(struct buf *out, const struct incident_view *view)
{
    const struct incident_entry *answered = incident_first(view, RECORD_ACKNOWLEDGED);
    const struct incident_entry *informed = incident_remark(view, "informed");
    int64_t since = view->journal.since_unix_ms;
    buf_add_text(out, "\n## Times\n\n| time to | |\n|---|---|\n");
    const char *no_detection = incident_no_detection(view);
    if (no_detection)
        buf_add_fmt(out, "| detect | \xe2\x80\x93 (%s) |\n", no_detection);
    else
        report_add_time(out, "detect", view->journal.began_unix_ms, since);
    report_add_time(out, "acknowledge", since, answered ? answered->at_unix_ms : 0);
    report_add_time(out, "inform", since, informed ? informed->at_unix_ms : 0);
    report_add_time(out, view->journal.kind == INCIDENT_STOP ? "restart" : "its end", since,
                    incident_end(view));
}

static void report_add_said(struct buf *out, const struct incident_view *view, const char *subject,
                            const char *head)
{
    const struct incident_entry *entry = incident_remark(view, subject);
    buf_add_fmt(out, "\n## %s\n\n", head);
    if (entry)
        wording_add_line(out, entry->words, INCIDENT_LONG);
    else
        buf_add_text(out, "Not said yet.");
    buf_add_byte(out, '\n');
}

/* A report is read on other days: its times have their date. */
static void report_add_at(struct buf *out, const struct incident_view *view, int64_t at_unix_ms,
                          enum zone_detail detail)
{
    zone_add_time(out, view->zone, (struct zone_time){at_unix_ms, 0}, detail);
}

typedef bool report_wants_fn(const struct incident_entry *entry);

/* The entries that are wanted, a line each; several stops that do the same are one line. Returns
 * how many. */
static size_t report_add_entries(struct buf *out, const struct incident_view *view,
                                 report_wants_fn *wants)
{
    size_t count = 0, from = 0, size = 0;
    for (size_t i = 0; i < view->entry_count; i++) {
        size_t start = out->size;
        if (wants && !wants(&view->entries[i]))
            continue;
        buf_add_text(out, "- ");
        report_add_at(out, view, view->entries[i].at_unix_ms, ZONE_SECONDS);
        buf_add_byte(out, ' ');
        incident_entry_add(out, view, &view->entries[i]);
        buf_add_byte(out, '\n');
        if (size > 0 && buf_ok(out) && out->size - start == size &&
            memcmp(out->at + from, out->at + start, size) == 0) {
            buf_cut(out, start);
            continue;
        }
        from = start;
        size = out->size - start;
        count++;
    }
    return count;
}

static bool report_is_note(const struct incident_entry *entry)
{
    return entry->kind == RECORD_REMARK && slice_is(entry->subject, "note");
}

static void report_add_section(struct buf *out, const struct incident_view *view, const char *head,
                               report_wants_fn *wants)
{
    buf_add_fmt(out, "\n## %s\n\n", head);
    if (report_add_entries(out, view, wants) == 0)
        buf_add_text(out, "None.\n");
}

/* What stakeholders were told, and by whom. */
static void report_add_informed(struct buf *out, const struct incident_view *view)
{
    const struct incident_entry *informed = incident_remark(view, "informed");
    buf_add_text(out, "\n## Informed\n\n");
    if (informed) {
        incident_add_person(out, view, informed->actor);
        buf_add_byte(out, ' ');
        report_add_at(out, view, informed->at_unix_ms, ZONE_MINUTES);
        buf_add_text(out, ": ");
        wording_add_line(out, informed->words, INCIDENT_LONG);
        buf_add_byte(out, '\n');
        return;
    }
    buf_add_text(out, view->journal.inform_due_unix_ms > 0 ? "Nobody has said that it is done.\n"
                                                           : "Nobody has to.\n");
}

static void report_add_no_change(struct buf *out, const struct incident_view *view)
{
    if (!view->workflow || view->workflow->cause_count == 0) {
        buf_add_text(out, "Not looked for: the policy names no `causes:`.\n");
        return;
    }
    if (view->changes_by == CHANGED_BY_NOTHING) {
        buf_add_text(out, "Nothing came, so there is nothing to compare.\n");
        return;
    }
    buf_add_text(out, "Nothing stands out among ");
    incident_add_count(out, view->changes_of, "action", "actions");
    buf_add_fmt(out, ", %llu of them ", (unsigned long long)view->changes_bad);
    incident_add_changed_by(out, view);
    buf_add_text(out, ".\n");
}

/* What it is part of, and what is part of it. */
static void report_add_joined(struct buf *out, const struct incident_view *view)
{
    if (view->journal.joined_into != 0) {
        buf_add_text(out, "\n- Goes on as: ");
        text_add_id(out, ID_INCIDENT, view->journal.joined_into);
    }
    for (size_t i = 0; i < view->entry_count; i++) {
        const struct incident_entry *entry = &view->entries[i];
        uint64_t joined = incident_joined_by(view, entry);
        if (joined == 0)
            continue;
        buf_add_text(out, "\n- Joined: ");
        text_add_id(out, ID_INCIDENT, joined);
        buf_add_text(out, entry->words.size > 0 ? ", " : "");
        wording_add_line(out, entry->words, INCIDENT_LONG);
    }
}

void incident_report_add(struct buf *out, const struct incident_view *view)
{
    buf_add_text(out, "# Incident ");
    text_add_id(out, ID_INCIDENT, view->id);
    buf_add_text(out, ": ");
    wording_add_line(out, view->scope, LIMIT_SUMMARY);
    buf_add_byte(out, ' ');
    buf_add_text(out, incident_kind_words(view));
    buf_add_text(out, "\n\n");
    incident_add_why(out, view, INCIDENT_LONG);
    buf_add_text(out, "\n\n- Since: ");
    report_add_at(out, view, view->journal.since_unix_ms, ZONE_MINUTES);
    buf_add_byte(out, ' ');
    buf_add(out, zone_name(view->zone));
    if (view->by.size > 0) {
        buf_add_text(out, ", by ");
        incident_add_person(out, view, view->by);
    }
    if (!view->is_open) {
        buf_add_text(out, "\n- Closed: ");
        report_add_at(out, view, view->closed_unix_ms, ZONE_MINUTES);
    }
    if (incident_remark(view, "recovered")) {
        buf_add_text(out, "\n- Recovered: ");
        wording_add_line(out, incident_remark(view, "recovered")->words, INCIDENT_LONG);
    }
    report_add_joined(out, view);
    buf_add_text(out, "\n- Impact: ");
    incident_add_impact(out, view);
    buf_add_text(out, "\n- Who: ");
    incident_add_answer(out, view);
    incident_add_informing(out, view);
    incident_add_end_words(out, view);
    buf_add_byte(out, '\n');
    report_add_times(out, view);
    buf_add_text(out, "\n## What changed\n\n");
    for (size_t i = 0; i < view->change_count; i++) {
        buf_add_text(out, "- ");
        incident_add_change(out, view, &view->changes[i]);
        buf_add_byte(out, '\n');
    }
    if (view->change_count == 0)
        report_add_no_change(out, view);
    report_add_said(out, view, "cause", "Cause");
    report_add_said(out, view, "follow_up", "Follow-up");
    report_add_informed(out, view);
    report_add_section(out, view, "Notes", report_is_note);
    if (view->journal.kind == INCIDENT_STOP)
        report_add_section(out, view, "Restart", incident_is_restart);
    report_add_section(out, view, "Timeline", NULL);
}
