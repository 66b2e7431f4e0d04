#include "record/explain.h"

#include "record/fallback.h"
#include "record/ids.h"
#include "record/label_row.h"
#include "record/look.h"
#include "record/path.h"
#include "record/scan.h"
#include "record/story.h"

/* The caller's words stand apart from ours, at this column. */
enum { EXPLAIN_SAYS_COLUMN = 74, EXPLAIN_TEXT_MAX = 300 };

static void explain_add_action(const struct view *view, struct buf *out)
{
    buf_add_text(out, "ACTION  ");
    wording_add_line(out, view->workflow, LIMIT_NAME);
    buf_add_text(out, " / ");
    wording_add_line(out, view->step_name, LIMIT_NAME);
    if (view->submit.key.size > 0) {
        buf_add_text(out, "   ");
        wording_add_line(out, view->submit.key, LIMIT_KEY);
    }
    buf_add_text(out, "   ");
    text_add_id(out, ID_ACTION, view->action->id);
    if (view->action->again_of != 0) {
        buf_add_text(out, "   again, after ");
        text_add_id(out, ID_ACTION, view->action->again_of);
    }
    buf_add_byte(out, '\n');
}

static void explain_add_input(const struct view *view, struct buf *out)
{
    size_t start = out->size;
    buf_add_text(out, "INPUT   ");
    if (view->is_erased) {
        buf_add_text(out, "erased ");
        story_add_time(view, view->erased_unix_ms, ZONE_MINUTES, out);
        buf_add_byte(out, '\n');
        return;
    }
    if (view->submit.summary.size > 0)
        wording_add_line(out, view->submit.summary, EXPLAIN_TEXT_MAX);
    else
        buf_add_text(out, "(the step has no summary)");
    if (view->submit.because.size > 0) {
        size_t column = text_utf8_count(slice_from(buf_slice(out), start));
        do
            buf_add_byte(out, ' ');
        while (++column < EXPLAIN_SAYS_COLUMN);
        buf_add_text(out, out->at[out->size - 2] == ' ' ? "" : " ");
        buf_add_text(out, "(the caller says: ");
        wording_add_quoted(out, view->submit.because, EXPLAIN_TEXT_MAX);
        buf_add_byte(out, ')');
    }
    buf_add_byte(out, '\n');
}

/* " → low_confidence: template general-queue (review: 40 of 40 are open)" */
static void explain_add_fallback(const struct view *view, struct buf *out)
{
    size_t start = out->size;
    buf_add_text(out, " \xe2\x86\x92 ");
    const struct action *a = view->action;
    bool is_skipped = a->state == STATE_CANCELLED && a->reason != REASON_PERSON &&
                      a->reason != REASON_SUPERSEDED; /* nobody did, but the policy says so */
    bool is_shown =
        (a->route > 0 || a->passed_count > 0 || a->reason == REASON_TEMPLATE || is_skipped) &&
        fallback_add_place(out, view);
    if (!is_shown)
        buf_cut(out, start);
}

static void explain_add_path(const struct view *view, struct buf *out)
{
    struct path path;
    buf_add_text(out, "PATH    ");
    if (path_of_view(view, &path))
        path_add_text(&path, out);
    else
        buf_add_text(out, "not known");
    struct buf verdict;
    buf_init(&verdict, EXPLAIN_TEXT_MAX);
    if (story_add_verdict(view, &verdict))
        buf_add_fmt(out, " (%s)", buf_text(&verdict));
    buf_done(&verdict);
    explain_add_fallback(view, out);
    buf_add_byte(out, '\n');
}

static void explain_add_time(const struct view *view, int64_t unix_ms, enum zone_detail detail,
                             struct buf *out)
{
    story_add_time(view, unix_ms, detail, out);
    buf_add_byte(out, ' ');
    wording_add_line(out, zone_name(view->zone), LIMIT_NAME);
}

/* "nobody. Next: another try at 14:02:13 Europe/Madrid." */
static void explain_add_next(const struct view *view, const char *before, struct buf *out)
{
    int64_t at = 0;
    struct buf what;
    buf_init(&what, EXPLAIN_TEXT_MAX);
    if (story_next(view, &at, &what)) {
        buf_add_text(out, before);
        buf_add(out, buf_slice(&what));
        if (at > 0) {
            buf_add_text(out, ", ");
            explain_add_time(view, at, ZONE_SECONDS, out);
        }
        buf_add_byte(out, '.');
    }
    buf_done(&what);
}

/* "finance was told 14:02 UTC: Ana Ruiz through email (i_…). Acknowledged by Ana Ruiz." */
static void explain_add_told(const struct view *view, struct buf *out)
{
    const struct view_told *told = &view->told;
    bool is_inbox = slice_is(told->channel, "inbox");
    if (told->group.size > 0)
        wording_add_line(out, told->group, LIMIT_NAME);
    else
        buf_add_text(out, "nobody is named; who is left");
    if (told->incident == 0) {
        buf_add_text(out, " is told of it with the next message, at most one an hour.");
        return;
    }
    if (told->at_unix_ms > 0) {
        buf_add_text(out, " was told ");
        explain_add_time(view, told->at_unix_ms, ZONE_MINUTES, out);
    } else {
        buf_add_text(out, told->is_failed ? " could not be told" : " is being told");
    }
    if (told->person.size > 0) {
        buf_add_text(out, ": ");
        story_add_principal(view->config, told->person, out);
        buf_add_text(out, is_inbox ? ", in the " : " through ");
        wording_add_line(out, told->channel, LIMIT_NAME);
    }
    buf_add_text(out, " (");
    text_add_id(out, ID_INCIDENT, told->incident);
    buf_add_text(out, ").");
    if (told->acknowledged_by.size > 0) {
        buf_add_text(out, " Acknowledged by ");
        story_add_principal(view->config, told->acknowledged_by, out);
        buf_add_byte(out, '.');
    }
}

static void explain_add_who(const struct view *view, struct buf *out)
{
    struct view_who who;
    buf_add_text(out, "WHO     ");
    if (view->told.is_due) {
        explain_add_told(view, out);
        buf_add_byte(out, '\n');
        return;
    }
    if (!view_who(view, &who)) {
        buf_add_text(out, "nobody");
        explain_add_next(view, ". Next: ", out);
        buf_add_byte(out, '\n');
        return;
    }
    if (who.group.size == 0)
        buf_add_text(out, "nobody is named for it: see `interlock check`");
    else
        wording_add_line(out, who.group, LIMIT_NAME);
    if (who.by_unix_ms > 0) {
        buf_add_text(out, ", by ");
        explain_add_time(view, who.by_unix_ms, ZONE_MINUTES, out);
    }
    buf_add_byte(out, '.');
    if (who.person.size > 0) {
        buf_add_byte(out, ' ');
        wording_add_line(out, who.person_name.size > 0 ? who.person_name : who.person, LIMIT_NAME);
        if (who.stands_for.size > 0) {
            buf_add_text(out, " (in place of ");
            story_add_principal(view->config, who.stands_for, out);
            buf_add_text(out, ", who is away)");
        }
        buf_add_text(out, view->action->state == STATE_HELD ? " is first."
                                                            : " is first; it waits in the inbox.");
    }
    explain_add_next(view, " Else: ", out);
    buf_add_byte(out, '\n');
}

static void explain_add_said(const struct view *view, const struct label_said *said,
                             struct buf *out)
{
    wording_add_line(out, said->label, LIMIT_NAME);
    const char *means = said->is_wrong ? "wrong" : "right";
    if (!slice_is(said->label, means))
        buf_add_fmt(out, " (%s)", means);
    buf_add_text(out, ", says ");
    story_add_principal(view->config, said->by, out);
    buf_add_text(out, ", ");
    explain_add_time(view, said->at_unix_ms, ZONE_MINUTES, out);
    buf_add_byte(out, '.');
}

/* "wrong-team (wrong), says Ana Ruiz, 14:05 UTC. Then right, says Ben Okafor, …" */
static void explain_add_labels(const struct view *view, struct buf *out)
{
    const struct label_row *row = view->labels;
    if (!row)
        return;
    buf_add_text(out, "LABELS  ");
    if (row->count > 0) {
        explain_add_said(view, &row->first, out);
    } else if (row->is_over) {
        buf_add_text(out, "drawn for audit; nobody said whether it was right.");
    } else {
        buf_add_text(out, "drawn for audit; a label is asked for by ");
        explain_add_time(view, row->due_unix_ms, ZONE_MINUTES, out);
        buf_add_byte(out, '.');
    }
    if (row->count > 1) {
        buf_add_text(out, " Then ");
        explain_add_said(view, &row->last, out);
    }
    buf_add_byte(out, '\n');
}

/* What an edit changed, masked: `balance 420 to 380, email "m..." to "n..."`. */
static void explain_add_changed(const struct view *view, struct buf *out)
{
    struct scan_walk items;
    struct slice key;
    struct slice item;
    bool is_first = true;
    if (view->is_erased || view->submit.edit_json.size == 0)
        return;
    buf_add_text(out, "CHANGED ");
    scan_open(&items, view->submit.edit_json);
    while (scan_next(&items, &key, &item)) {
        struct scan_walk members;
        struct slice value;
        buf_add_text(out, is_first ? "" : ", ");
        is_first = false;
        scan_open(&members, item);
        while (scan_next(&members, &key, &value)) {
            if (scan_is(key, "from"))
                buf_add_byte(out, ' ');
            else if (scan_is(key, "to"))
                buf_add_text(out, " \xe2\x86\x92 ");
            if (scan_is(key, "field") && value.size > 2)
                value = slice_first(slice_from(value, 1), value.size - 2);
            wording_add_line(out, value, EXPLAIN_TEXT_MAX);
        }
    }
    buf_add_byte(out, '\n');
}

/* The words of a note, or those that came with an approval; empty: none. */
static struct slice explain_note(const struct view *view, const struct view_record *said)
{
    switch (said->record.kind) {
    case RECORD_SAID:
    case RECORD_APPROVED:
        return said->is_erased ? (struct slice){0} : said->words.reason;
    case RECORD_EDITED:
        return view->is_erased ? (struct slice){0} : view->submit.edit_note;
    default:
        return (struct slice){0};
    }
}

/* What people wrote, the newest last. */
static void explain_add_notes(const struct view *view, struct buf *out)
{
    for (size_t i = 0; i < view->history_count; i++) {
        const struct view_record *said = &view->history[i];
        struct slice note = explain_note(view, said);
        if (note.size == 0)
            continue;
        buf_add_text(out, "NOTE    ");
        wording_add_quoted(out, note, EXPLAIN_TEXT_MAX);
        buf_add_text(out, ", ");
        story_add_principal(view->config, said->record.actor, out);
        buf_add_text(out, ", ");
        explain_add_time(view, said->record.at_unix_ms, ZONE_MINUTES, out);
        buf_add_byte(out, '\n');
    }
}

/* A line that is there only where it says something. */
static void explain_add_known(const struct view *view, struct buf *out)
{
    struct buf line;
    buf_init(&line, LIMIT_HTTP_LINE);
    if (look_add_fact(view, &line)) {
        buf_add_text(out, "FRESH   ");
        buf_add(out, buf_slice(&line));
        buf_add_byte(out, '\n');
    }
    buf_reset(&line);
    if (look_add(view, &line)) {
        buf_add_text(out, "LOOK    ");
        buf_add(out, buf_slice(&line));
        buf_add_byte(out, '\n');
    }
    buf_done(&line);
}

void explain_add(struct buf *out, const struct view *view)
{
    explain_add_action(view, out);
    explain_add_input(view, out);
    buf_add_text(out, "WHAT    ");
    story_add_what(view, out);
    buf_add_text(out, "\nWHY     ");
    story_add_why(view, out);
    buf_add_byte(out, '\n');
    explain_add_path(view, out);
    explain_add_changed(view, out);
    explain_add_known(view, out);
    buf_add_text(out, "FINAL   ");
    story_add_final(view, out);
    buf_add_byte(out, '\n');
    explain_add_labels(view, out);
    explain_add_notes(view, out);
    explain_add_who(view, out);
    buf_add_text(out, "DO      ");
    story_add_do(view, out);
    buf_add_byte(out, '\n');
}
