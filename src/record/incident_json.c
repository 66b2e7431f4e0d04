/* An incident as the API shows it, beside its stops and who was told. */
#include "record/ids.h"
#include "record/incident_words.h"
#include "record/member.h"
#include "record/number.h"

static void json_add_impact(struct buf *out, const struct incident_view *view)
{
    const struct incident_impact *impact = &view->impact;
    const uint64_t *n = impact->counts.n;
    uint64_t degraded = 0;
    for (int cause = CAUSE_LOW_CONFIDENCE; cause <= CAUSE_STOPPED; cause++)
        degraded += n[tally_of_cause((enum cause)cause)];
    member_add_name(out, "impact");
    buf_add_byte(out, '{');
    member_add_u64(out, "held", impact->held);
    member_add_u64(out, "in_review", impact->in_review);
    member_add_u64(out, "waiting", impact->waiting);
    member_add_u64(out, "uncertain", impact->uncertain);
    member_add_time(out, "oldest_at", impact->oldest_unix_ms);
    member_add_time(out, "people_due_at", impact->people_due_unix_ms);
    member_add_u64(out, "automatic", n[TALLY_AUTOMATIC]);
    member_add_u64(out, "reviewed", n[TALLY_REVIEWED]);
    member_add_u64(out, "degraded", degraded);
    member_add_u64(out, "by_template", n[TALLY_TEMPLATE]);
    member_add_u64(out, "by_fallback", n[TALLY_FALLBACK]);
    member_add_u64(out, "became_uncertain", n[TALLY_UNCERTAIN]);
    member_add_u64(out, "expired", n[TALLY_EXPIRED]);
    member_add_u64(out, "failed", n[TALLY_FAILED]);
    member_add_u64(out, "refused", impact->refused);
    member_add_u64(out, "in_time", n[TALLY_IN_TIME]);
    member_add_u64(out, "late", n[TALLY_LATE]);
    member_add_u64(out, "wrong_before", impact->wrong_before);
    if (impact->lost != LOST_UNKNOWN)
        member_add_u64(out, "lost", (uint64_t)impact->lost);
    else
        member_add_word(out, "lost", NULL);
    buf_add_byte(out, '}');
}

static void json_add_inform(struct buf *out, const struct incident_view *view)
{
    const struct incident_entry *informed = incident_remark(view, "informed");
    const struct journal *journal = &view->journal;
    member_add_name(out, "inform");
    if (journal->inform_due_unix_ms == 0 && !informed) {
        buf_add_text(out, "null");
        return;
    }
    struct buf draft;
    buf_init(&draft, 16384);
    if (view->is_open && !informed)
        incident_add_draft(&draft, view);
    buf_add_byte(out, '{');
    member_add_text(out, "person", slice_text(journal->informs));
    member_add_time(out, "by", journal->inform_due_unix_ms);
    member_add_text(out, "draft", buf_slice(&draft));
    member_add_text(out, "informed_by", informed ? informed->actor : (struct slice){0});
    member_add_time(out, "informed_at", informed ? informed->at_unix_ms : 0);
    member_add_text(out, "text", informed ? informed->words : (struct slice){0});
    buf_add_byte(out, '}');
    buf_done(&draft);
}

static void json_add_changed(struct buf *out, const struct incident_view *view)
{
    member_add_word(out, "changed_by", changed_by_name(view->changes_by));
    member_add_name(out, "changed");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < view->change_count; i++) {
        const struct incident_change *change = &view->changes[i];
        struct changed_lift lift;
        changed_measure(&change->counts, &lift);
        buf_add_text(out, i ? ",{" : "{");
        member_add_text(out, "path", change->path);
        member_add_text(out, "value", change->value);
        member_add_u64(out, "wrong", (uint64_t)change->counts.bad);
        member_add_u64(out, "of", (uint64_t)change->counts.total);
        member_add_u64(out, "rest_wrong", (uint64_t)lift.rest_bad);
        member_add_u64(out, "rest_of", (uint64_t)lift.rest_total);
        member_add_name(out, "lift");
        if (lift.lift_hundredths > 0)
            number_add_real(out, (double)lift.lift_hundredths / 100);
        else
            buf_add_text(out, "null");
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

static void json_add_span(struct buf *out, const char *name, int64_t from_unix_ms,
                          int64_t to_unix_ms)
{
    member_add_name(out, name);
    if (from_unix_ms > 0 && to_unix_ms > 0)
        buf_add_i64(out, to_unix_ms > from_unix_ms ? (to_unix_ms - from_unix_ms + 500) / 1000 : 0);
    else
        buf_add_text(out, "null");
}

/* In seconds. */
static void json_add_times(struct buf *out, const struct incident_view *view)
{
    const struct incident_entry *answered = incident_first(view, RECORD_ACKNOWLEDGED);
    const struct incident_entry *informed = incident_remark(view, "informed");
    int64_t since = view->journal.since_unix_ms;
    member_add_name(out, "times");
    buf_add_byte(out, '{');
    json_add_span(out, "detect_s", view->journal.began_unix_ms, since);
    member_add_word(out, "detect_why", incident_no_detection(view));
    json_add_span(out, "acknowledge_s", since, answered ? answered->at_unix_ms : 0);
    json_add_span(out, "inform_s", since, informed ? informed->at_unix_ms : 0);
    json_add_span(out, "restart_s", since, incident_end(view));
    buf_add_byte(out, '}');
}

/* All of them, or those of its restart. */
static void json_add_entries(struct buf *out, const struct incident_view *view, const char *name,
                             bool is_restart_only)
{
    struct buf words;
    bool is_first = true;
    buf_init(&words, 65536);
    member_add_name(out, name);
    buf_add_byte(out, '[');
    for (size_t i = 0; i < view->entry_count; i++) {
        const struct incident_entry *entry = &view->entries[i];
        if (is_restart_only && !incident_is_restart(entry))
            continue;
        buf_reset(&words);
        incident_entry_add(&words, view, entry);
        buf_add_text(out, is_first ? "{" : ",{");
        is_first = false;
        member_add_time(out, "at", entry->at_unix_ms);
        member_add_u64(out, "seq", entry->seq);
        member_add_word(out, "kind", record_kind_name(entry->kind));
        member_add_text(out, "by", entry->actor);
        member_add_text(out, "what", buf_slice(&words));
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
    buf_done(&words);
}

/* The incidents that are part of it. */
static void json_add_joined(struct buf *out, const struct incident_view *view)
{
    bool is_first = true;
    member_add_name(out, "joined");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < view->entry_count; i++) {
        uint64_t joined = incident_joined_by(view, &view->entries[i]);
        if (joined == 0)
            continue;
        buf_add_text(out, is_first ? "\"" : ",\"");
        text_add_id(out, ID_INCIDENT, joined);
        buf_add_byte(out, '"');
        is_first = false;
    }
    buf_add_byte(out, ']');
}

static void json_add_notes(struct buf *out, const struct incident_view *view)
{
    bool is_first = true;
    member_add_name(out, "notes");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < view->entry_count; i++) {
        const struct incident_entry *entry = &view->entries[i];
        if (entry->kind != RECORD_REMARK || !slice_is(entry->subject, "note"))
            continue;
        buf_add_text(out, is_first ? "{" : ",{");
        member_add_time(out, "at", entry->at_unix_ms);
        member_add_text(out, "by", entry->actor);
        member_add_text(out, "text", entry->words);
        buf_add_byte(out, '}');
        is_first = false;
    }
    buf_add_byte(out, ']');
}

/* What other stops hold still, after the restart. */
static void json_add_held(struct buf *out, const struct incident_view *view)
{
    member_add_name(out, "held");
    if (view->holders.size == 0) {
        buf_add_text(out, "null");
        return;
    }
    buf_add_byte(out, '{');
    member_add_bool(out, "all", view->is_held);
    member_add_text(out, "by", view->holders);
    buf_add_byte(out, '}');
}

/* The commands of its page, with what each is for. */
static void json_add_do(struct buf *out, const struct incident_view *view)
{
    struct incident_command commands[INCIDENT_COMMANDS];
    size_t count = incident_commands(view, commands);
    struct buf command;
    buf_init(&command, LIMIT_SUMMARY);
    member_add_name(out, "do");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_reset(&command);
        incident_command_add(&command, &commands[i]);
        buf_add_text(out, i ? ",{" : "{");
        member_add_text(out, "command", buf_slice(&command));
        member_add_word(out, "what", commands[i].what);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
    buf_done(&command);
}

static void json_add_said(struct buf *out, const struct incident_view *view, const char *name)
{
    const struct incident_entry *entry = incident_remark(view, name);
    member_add_text(out, name, entry ? entry->words : (struct slice){0});
}

void incident_json_add(struct buf *out, const struct incident_view *view)
{
    json_add_impact(out, view);
    json_add_inform(out, view);
    json_add_changed(out, view);
    json_add_times(out, view);
    json_add_said(out, view, "cause");
    json_add_said(out, view, "follow_up");
    json_add_said(out, view, "recovered");
    member_add_text(out, "runbook", view->workflow ? view->workflow->runbook : (struct slice){0});
    json_add_held(out, view);
    json_add_joined(out, view);
    json_add_do(out, view);
    json_add_notes(out, view);
    json_add_entries(out, view, "restarts", true);
    json_add_entries(out, view, "timeline", false);
}
