/* What people read of an incident. */
#include "base/check.h"
#include "record/clock_text.h"
#include "record/ids.h"
#include "record/incident_words.h"
#include "record/inform_text.h"
#include "record/wording.h"

enum { TEXT_VALUE = 60, TEXT_WORDS = 300, TEXT_TOLD = 6, TEXT_NOTES = 3, TEXT_UPSTREAM = 32 };
#define DOT " \xc2\xb7 "

const struct incident_entry *incident_remark(const struct incident_view *view, const char *subject)
{
    const struct incident_entry *found = NULL;
    for (size_t i = 0; i < view->entry_count; i++)
        if (view->entries[i].kind == RECORD_REMARK && slice_is(view->entries[i].subject, subject))
            found = &view->entries[i];
    return found;
}

const struct incident_entry *incident_first(const struct incident_view *view, enum record_kind kind)
{
    for (size_t i = 0; i < view->entry_count; i++)
        if (view->entries[i].kind == kind)
            return &view->entries[i];
    return NULL;
}

uint64_t incident_joined_by(const struct incident_view *view, const struct incident_entry *entry)
{
    bool is_joined = entry->kind == RECORD_REMARK && slice_is(entry->subject, "joined") &&
                     entry->number != view->journal.joined_into;
    for (const struct incident_entry *other = view->entries; is_joined && other < entry; other++)
        if (other->kind == entry->kind && other->number == entry->number &&
            slice_equal(other->subject, entry->subject))
            return 0; /* a crash said it twice */
    return is_joined ? entry->number : 0;
}

bool incident_is_restart(const struct incident_entry *entry)
{
    return entry->kind == RECORD_RESTART_ASKED || entry->kind == RECORD_RESTART_APPROVED ||
           entry->kind == RECORD_RESTART_REJECTED || entry->kind == RECORD_RESTART_REFUSED ||
           entry->kind == RECORD_RAMP || entry->kind == RECORD_RESTART ||
           entry->kind == RECORD_LIFTED;
}

void incident_add_at(struct buf *out, const struct incident_view *view, int64_t at_unix_ms)
{
    zone_add_time(out, view->zone, (struct zone_time){at_unix_ms, view->now_unix_ms}, ZONE_MINUTES);
}

/* "Ana Ruiz", else the name that the configuration calls them by. */
void incident_add_person(struct buf *out, const struct incident_view *view, struct slice name)
{
    const struct person *person = view->config ? config_person(view->config, name) : NULL;
    bool has_full = person && person->full_name.size > 0;
    wording_add_line(out, has_full ? person->full_name : name, LIMIT_NAME * 2);
}

void incident_add_count(struct buf *out, uint64_t count, const char *one, const char *many)
{
    buf_add_u64(out, count);
    buf_add_byte(out, ' ');
    buf_add_text(out, count == 1 ? one : many);
}

/* ---- why ---- */

static void trouble_add_breaker(struct buf *out, const struct journal *j)
{
    wording_add_line(out, slice_text(j->names[JOURNAL_UPSTREAM]), TEXT_UPSTREAM);
    buf_add_text(out, j->closed_unix_ms ? " was not called" : " is not called");
    if (j->breaker == BREAKER_FOR_UNKNOWN)
        return;
    if (j->breaker == BREAKER_FOR_SHARE)
        buf_add_fmt(out, ": %llu of the last %llu failed", (unsigned long long)j->breaker_count,
                    (unsigned long long)j->breaker_of);
    else
        buf_add_fmt(out, ": %llu %s in a row", (unsigned long long)j->breaker_count,
                    j->breaker == BREAKER_FOR_BUSY ? "busy answers" : "failures");
}

/* "38 expired, 2 cancelled, 1 failed" */
static void incident_add_undone(struct buf *out, const struct undone_count *undone)
{
    const struct {
        uint64_t count;
        const char *state;
    } parts[] = {{undone->expired, "expired"},
                 {undone->cancelled, "cancelled"},
                 {undone->rejected, "rejected"},
                 {undone->failed, "failed"}};
    const char *comma = "";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].count == 0)
            continue;
        buf_add_fmt(out, "%s%llu %s", comma, (unsigned long long)parts[i].count, parts[i].state);
        comma = ", ";
    }
}

void incident_add_trouble(struct buf *out, const struct journal *j, const struct zone *zone,
                          int64_t now_unix_ms)
{
    bool is_over = j->closed_unix_ms != 0;
    switch (j->lasting) {
    case LASTING_NONE:
        return;
    case LASTING_BREAKER:
        trouble_add_breaker(out, j);
        break;
    case LASTING_CAUSE:
        buf_add_text(out, "its fallback for ");
        buf_add_text(out, cause_name(j->cause));
        buf_add_text(out, is_over ? " did the work" : " does the work");
        break;
    case LASTING_HELD:
        buf_add_text(out, is_over ? "held work was past half of its time"
                                  : "held work is past half of its time");
        break;
    case LASTING_REVIEWS:
        if (is_over)
            incident_add_count(out, j->overdue, "review was", "reviews were");
        else
            incident_add_count(out, j->overdue, "review is", "reviews are");
        buf_add_text(out, " past due");
        break;
    case LASTING_UNCERTAIN:
        incident_add_count(out, j->overdue, "write", "writes");
        buf_add_text(out, " past due: nobody has said whether ");
        buf_add_text(out, j->overdue == 1 ? "it happened" : "they happened");
        break;
    case LASTING_CLOCK:
        clock_trouble_add(out, j, zone, now_unix_ms);
        return;
    case LASTING_UNDONE:
        incident_add_undone(out, &j->undone);
        break;
    }
    if (j->began_unix_ms == 0)
        return;
    buf_add_text(out, j->lasting == LASTING_UNDONE ? " since " : ", since ");
    zone_add_time(out, zone, (struct zone_time){j->began_unix_ms, now_unix_ms}, ZONE_MINUTES);
}

const char *incident_kind_words(const struct incident_view *view)
{
    switch (view->journal.kind) {
    case INCIDENT_STOP:
        if (slice_is(view->position, "fallback"))
            return "on fallback";
        if (slice_is(view->position, "review"))
            return "on review";
        return "stopped";
    case INCIDENT_DEGRADED:
        return "degraded";
    case INCIDENT_OVERDUE:
        return "waits for people";
    case INCIDENT_ALERT:
        return "alert";
    case INCIDENT_UNDONE:
        return "not done";
    }
    return "stopped";
}

void incident_add_why(struct buf *out, const struct incident_view *view, size_t max)
{
    if (view->journal.lasting != LASTING_NONE)
        incident_add_trouble(out, &view->journal, view->zone, view->now_unix_ms);
    if (view->journal.lasting != LASTING_NONE && view->why.size > 0)
        buf_add_text(out, "; ");
    wording_add_line(out, view->why, max);
    if (view->journal.lasting == LASTING_NONE && view->why.size == 0)
        buf_add_text(out, "no reason given");
}

void incident_line_add(struct buf *out, const struct incident_view *view)
{
    text_add_id(out, ID_INCIDENT, view->id);
    buf_add_text(out, "  ");
    wording_add_line(out, view->scope, LIMIT_SUMMARY);
    buf_add_byte(out, ' ');
    buf_add_text(out, incident_kind_words(view));
    buf_add_text(out, " since ");
    incident_add_at(out, view, view->journal.since_unix_ms);
    if (!view->is_open) {
        buf_add_text(out, view->journal.joined_into != 0 ? ", joined another " : ", closed ");
        incident_add_at(out, view, view->closed_unix_ms);
    }
    if (view->by.size > 0) {
        buf_add_text(out, " by ");
        incident_add_person(out, view, view->by);
    }
    buf_add_text(out, ": ");
    incident_add_why(out, view, TEXT_WORDS);
}

/* ---- who ---- */

/* Who answers for it; their word holds for a while only. */
static bool who_add_acknowledged(struct buf *out, const struct incident_view *view)
{
    if (!view->has_ladder || view->ladder.acknowledged_by.size == 0)
        return false;
    incident_add_person(out, view, view->ladder.acknowledged_by);
    buf_add_text(out, " acknowledged ");
    incident_add_at(out, view, view->ladder.ladder.acknowledged_unix_ms);
    return true;
}

void incident_add_answer(struct buf *out, const struct incident_view *view)
{
    if (who_add_acknowledged(out, view)) {
        if (!view->is_open || incident_is_answered(view)) {
            buf_add_byte(out, '.');
            return;
        }
        buf_add_text(out, ", and it goes on");
    } else if (!view->is_open) {
        buf_add_text(out, "Nobody acknowledged it.");
        return;
    } else if (view->has_ladder && ladder_is_loud(&view->ladder.ladder)) {
        buf_add_text(out, "NOBODY ANSWERS, and nobody is left to tell.");
        return;
    } else {
        buf_add_text(out, "Nobody has acknowledged it");
    }
    bool goes_on = view->journal.kind != INCIDENT_UNDONE || view->journal.undone.late > 0;
    if (goes_on && view->has_ladder && view->ladder.ladder.next_unix_ms > view->now_unix_ms) {
        buf_add_text(out, "; the next are told ");
        incident_add_at(out, view, view->ladder.ladder.next_unix_ms);
    }
    buf_add_byte(out, '.');
}

void incident_add_informing(struct buf *out, const struct incident_view *view)
{
    const struct incident_entry *informed = incident_remark(view, "informed");
    const struct journal *j = &view->journal;
    if (informed) {
        buf_add_byte(out, ' ');
        incident_add_person(out, view, informed->actor);
        buf_add_text(out, " informed stakeholders ");
        incident_add_at(out, view, informed->at_unix_ms);
        buf_add_text(out, ".");
        return;
    }
    if (j->inform_due_unix_ms == 0 || !view->is_open)
        return;
    buf_add_byte(out, ' ');
    if (j->informs[0])
        incident_add_person(out, view, slice_text(j->informs));
    else
        buf_add_text(out, "Nobody");
    bool is_late = view->now_unix_ms > j->inform_due_unix_ms;
    buf_add_text(out, is_late         ? " should have informed stakeholders by "
                      : j->informs[0] ? " informs stakeholders by "
                                      : " is named to inform stakeholders, by ");
    incident_add_at(out, view, j->inform_due_unix_ms);
    buf_add_text(out, " (draft below).");
}

void incident_add_end_words(struct buf *out, const struct incident_view *view)
{
    if (!view->is_open)
        return;
    if (view->journal.kind == INCIDENT_STOP) {
        if (view->restart_words.size > 0) {
            buf_add_byte(out, ' ');
            wording_add_line(out, view->restart_words, TEXT_WORDS);
            if (view->is_restart_asked || view->ramp.size > 0)
                return;
        }
        const struct group *group = view->restart ? view->restart : view->owner;
        if (!group)
            return;
        buf_add_text(out, " Restart: one of ");
        wording_add_line(out, group->name, LIMIT_NAME);
        buf_add_text(out, ", not who asks.");
        return;
    }
    bool is_answered =
        view->journal.kind == INCIDENT_ALERT || view->journal.kind == INCIDENT_UNDONE;
    buf_add_text(out, is_answered ? " It is over when somebody acknowledges it."
                                  : " It closes itself when the trouble is over.");
}

/* ---- impact ---- */

static void impact_add(struct buf *out, bool *is_first, uint64_t count, const char *what)
{
    if (count == 0)
        return;
    buf_add_text(out, *is_first ? "" : DOT);
    buf_add_u64(out, count);
    buf_add_byte(out, ' ');
    buf_add_text(out, what);
    *is_first = false;
}

/* "40 in review (oldest 6 min, due 14:41)" */
static void impact_add_review(struct buf *out, const struct incident_view *view, bool *is_first)
{
    const struct incident_impact *impact = &view->impact;
    if (impact->in_review == 0)
        return;
    impact_add(out, is_first, impact->in_review, "in review");
    buf_add_text(out, " (");
    if (impact->oldest_unix_ms > 0) {
        buf_add_text(out, "oldest ");
        zone_add_span(out, view->now_unix_ms - impact->oldest_unix_ms);
    }
    if (impact->people_due_unix_ms > 0) {
        buf_add_text(out, impact->oldest_unix_ms > 0 ? ", due " : "due ");
        incident_add_at(out, view, impact->people_due_unix_ms);
    }
    buf_add_byte(out, ')');
}

static void impact_add_time(struct buf *out, const struct incident_impact *impact, bool *is_first)
{
    uint64_t met = impact->counts.n[TALLY_IN_TIME];
    uint64_t all = met + impact->counts.n[TALLY_LATE];
    if (all == 0)
        return;
    uint64_t permille = met * 1000 / all;
    buf_add_text(out, *is_first ? "" : DOT);
    buf_add_fmt(out, "in time %llu.%llu %%", (unsigned long long)(permille / 10),
                (unsigned long long)(permille % 10));
    if (impact->target_percent > 0)
        buf_add_fmt(out, " (target %d %%)", impact->target_percent);
    *is_first = false;
}

void incident_add_impact(struct buf *out, const struct incident_view *view)
{
    const struct incident_impact *impact = &view->impact;
    bool is_first = true;
    impact_add(out, &is_first, impact->wrong_before, "wrong before");
    impact_add(out, &is_first, impact->counts.n[TALLY_TEMPLATE], "by template");
    impact_add(out, &is_first, impact->counts.n[TALLY_FALLBACK], "by other fallback");
    impact_add_review(out, view, &is_first);
    impact_add(out, &is_first, impact->held, "held");
    impact_add(out, &is_first, impact->was_held, impact->was_held == 1 ? "was held" : "were held");
    impact_add(out, &is_first, impact->waiting, "waiting");
    impact_add(out, &is_first, impact->uncertain, "uncertain");
    impact_add(out, &is_first, impact->refused, "turned away");
    impact_add(out, &is_first, impact->counts.n[TALLY_EXPIRED], "expired");
    impact_add(out, &is_first, impact->counts.n[TALLY_FAILED], "failed");
    impact_add_time(out, impact, &is_first);
    if (impact->lost != LOST_UNKNOWN) {
        buf_add_fmt(out, "%s%lld lost", is_first ? "" : DOT, (long long)impact->lost);
        is_first = false;
    }
    if (is_first)
        buf_add_text(out, "nothing counted yet");
}

/* ---- what changed ---- */

static void change_add_percent(struct buf *out, int64_t part, int64_t all)
{
    int64_t percent = all > 0 ? (part * 200 + all) / (2 * all) : 0;
    buf_add_fmt(out, "%lld %%", (long long)percent);
}

const char *changed_by_name(enum changed_by by)
{
    static const char *const names[] = {"labels",  "ends", "confidence", "verdicts",
                                        "latency", "rise", "waits",      "nothing"};
    CHECK((unsigned)by < sizeof names / sizeof *names);
    return names[by];
}

/* What is said of those that went wrong: "8 of 9 wrong". */
void incident_add_changed_by(struct buf *out, const struct incident_view *view)
{
    switch (view->changes_by) {
    case CHANGED_BY_LABELS:
        buf_add_text(out, "wrong");
        return;
    case CHANGED_BY_ENDS:
        buf_add_text(out, "ended badly");
        return;
    case CHANGED_BY_CONFIDENCE:
        buf_add_text(out, "below the confidence gate");
        return;
    case CHANGED_BY_VERDICTS:
        buf_add_text(out, "changed or not approved");
        return;
    case CHANGED_BY_LATENCY:
        buf_add_text(out, "done late");
        return;
    case CHANGED_BY_RISE:
        buf_add_text(out, "started since ");
        incident_add_at(out, view, view->journal.began_unix_ms);
        return;
    case CHANGED_BY_WAITS:
        buf_add_text(out, "waiting");
        return;
    case CHANGED_BY_NOTHING:
        return;
    }
}

/* "context.model_version = m4: 8 of 9 wrong, 11 % of the rest (×7.9)" */
void incident_add_change(struct buf *out, const struct incident_view *view,
                         const struct incident_change *change)
{
    struct changed_lift lift;
    changed_measure(&change->counts, &lift);
    wording_add_line(out, change->path, TEXT_VALUE);
    buf_add_text(out, " = ");
    wording_add_line(out, change->value, TEXT_VALUE);
    buf_add_fmt(out, ": %lld of %lld ", (long long)change->counts.bad,
                (long long)change->counts.total);
    incident_add_changed_by(out, view);
    buf_add_text(out, ", ");
    if (lift.rest_bad == 0) {
        buf_add_text(out, "none of the rest");
        return;
    }
    change_add_percent(out, lift.rest_bad, lift.rest_total);
    buf_add_fmt(out, " of the rest (\xc3\x97%lld.%lld)", (long long)(lift.lift_hundredths / 100),
                (long long)(lift.lift_hundredths % 100 / 10));
}

static void changes_add(struct buf *out, const struct incident_view *view)
{
    for (size_t i = 0; i < view->change_count; i++) {
        buf_add_text(out, i ? DOT : "");
        incident_add_change(out, view, &view->changes[i]);
    }
}

/* ---- the draft ---- */

void incident_add_draft(struct buf *out, const struct incident_view *view)
{
    struct buf why;
    buf_init(&why, LIMIT_REASON * 8);
    if (view->journal.lasting != LASTING_NONE || view->why.size > 0) /* else nothing is said */
        incident_add_why(&why, view, LIMIT_REASON * 4);
    struct inform_facts facts = {.kind = view->journal.kind,
                                 .position = view->position,
                                 .scope = view->scope,
                                 .why = buf_slice(&why),
                                 .waiting = view->impact.waits,
                                 .lost = view->impact.lost,
                                 .since_unix_ms = view->journal.since_unix_ms,
                                 .now_unix_ms = view->now_unix_ms,
                                 .zone = view->zone};
    inform_draft_add(out, &facts);
    buf_done(&why);
}

/* ---- the page ---- */

/* " by Ben Okafor: rolled back" */
static void text_add_end(struct buf *out, const struct incident_view *view)
{
    for (size_t i = view->entry_count; i > 0; i--) {
        const struct incident_entry *entry = &view->entries[i - 1];
        if (entry->kind != RECORD_INCIDENT || !slice_is(entry->subject, "closed"))
            continue;
        if (entry->actor.size > 0) {
            buf_add_text(out, " by ");
            incident_add_person(out, view, entry->actor);
        }
        buf_add_text(out, entry->words.size > 0 ? ": " : "");
        wording_add_line(out, entry->words, TEXT_WORDS);
        return;
    }
}

static void text_add_head(struct buf *out, const struct incident_view *view)
{
    buf_add_text(out, "INCIDENT ");
    text_add_id(out, ID_INCIDENT, view->id);
    buf_add_text(out, "  ");
    wording_add_line(out, view->scope, LIMIT_SUMMARY);
    buf_add_byte(out, ' ');
    buf_add_text(out, incident_kind_words(view));
    buf_add_text(out, " since ");
    incident_add_at(out, view, view->journal.since_unix_ms);
    if (view->by.size > 0) {
        buf_add_text(out, " by ");
        incident_add_person(out, view, view->by);
    }
    buf_add_text(out, ": ");
    incident_add_why(out, view, TEXT_WORDS);
    if (!view->is_open) {
        bool is_part = view->journal.joined_into != 0;
        buf_add_text(out, is_part ? ". Joined " : ". Closed ");
        if (is_part) {
            text_add_id(out, ID_INCIDENT, view->journal.joined_into);
            buf_add_byte(out, ' ');
        }
        incident_add_at(out, view, view->closed_unix_ms);
        text_add_end(out, view);
    }
    buf_add_byte(out, '\n');
}

/* The newest entry that tells of its restart, where that is a ramp that was sent back; or NULL. */
static const struct incident_entry *text_ramp_back(const struct incident_view *view)
{
    for (size_t i = view->entry_count; i > 0; i--) {
        const struct incident_entry *entry = &view->entries[i - 1];
        if (entry->kind == RECORD_RAMP)
            return slice_is(entry->subject, "stopped") || slice_is(entry->subject, "reloaded")
                       ? entry
                       : NULL;
        if (entry->kind == RECORD_RESTART_ASKED || entry->kind == RECORD_RESTART_REJECTED)
            return NULL;
    }
    return NULL;
}

/* "RAMP    sent back 14:20 by Ben Okafor: a further stop. All of it is stopped again" */
static void text_add_ramp(struct buf *out, const struct incident_view *view)
{
    const struct incident_entry *back = view->is_open ? text_ramp_back(view) : NULL;
    if (!view->is_open || (view->ramp.size == 0 && !back))
        return;
    buf_add_text(out, "RAMP    ");
    if (view->ramp.size > 0) {
        buf_add(out, view->ramp);
    } else {
        buf_add_text(out, "sent back ");
        incident_add_at(out, view, back->at_unix_ms);
        buf_add_text(out, back->actor.size > 0 ? " by " : "");
        incident_add_person(out, view, back->actor);
        buf_add_fmt(out, ": %s. It holds all again",
                    slice_is(back->subject, "stopped") ? "a further stop" : "another policy");
    }
    buf_add_byte(out, '\n');
}

/* "DO      interlock ack i_…   # you take care of it": the first one names the block. */
static void text_add_do(struct buf *out, const struct incident_view *view)
{
    struct incident_command commands[INCIDENT_COMMANDS];
    size_t count = incident_commands(view, commands);
    if (!view->is_open && view->drain.size > 0)
        buf_add_fmt(out, "DRAIN   %.*s\n", SLICE_FMT(view->drain));
    text_add_ramp(out, view);
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, i == 0 ? "DO      " : "        ");
        incident_command_add(out, &commands[i]);
        buf_add_fmt(out, "   # %s\n", commands[i].what);
    }
}

static void text_add_said(struct buf *out, const struct incident_view *view, const char *subject,
                          const char *head)
{
    const struct incident_entry *entry = incident_remark(view, subject);
    if (!entry)
        return;
    buf_add_text(out, head);
    wording_add_line(out, entry->words, INCIDENT_LONG);
    if (entry->actor.size > 0) {
        buf_add_text(out, " (");
        incident_add_person(out, view, entry->actor);
        buf_add_byte(out, ')');
    }
    buf_add_byte(out, '\n');
}

/* Has it been tried in vain, or is a receiver silent for a while? */
static bool text_is_late(const struct incident_view *view, const struct notice *notice)
{
    enum { TEXT_LATE_MS = 3000 };
    return notice->state == NOTICE_WAITING && !slice_is(notice->channel, "inbox") &&
           (notice->tries > 0 || view->now_unix_ms - notice->made_unix_ms >= TEXT_LATE_MS);
}

/* "ana through pager not yet (tried twice: answered 500)" */
static void text_add_late(struct buf *out, const struct notice *notice)
{
    wording_add_line(out, notice->person, LIMIT_SUMMARY);
    buf_add_text(out, " through ");
    wording_add_line(out, notice->channel, LIMIT_NAME);
    buf_add_text(out, " not yet (");
    if (notice->tries == 0)
        buf_add_text(out, "no answer so far");
    else if (notice->tries <= 2)
        buf_add_fmt(out, "tried %s", notice->tries == 1 ? "once" : "twice");
    else
        buf_add_fmt(out, "tried %u times", (unsigned)notice->tries);
    buf_add_text(out, notice->tries > 0 && notice->what.size > 0 ? ": " : "");
    if (notice->tries > 0)
        wording_add_line(out, notice->what, TEXT_WORDS);
    buf_add_byte(out, ')');
}

/* "Ana through email 14:11 · ben through pager 14:16 not delivered": the newest ones, and those
 * that try still. */
static void text_add_told(struct buf *out, const struct incident_view *view)
{
    size_t count = 0, shown = 0;
    for (size_t i = 0; i < view->entry_count; i++)
        count += view->entries[i].kind == RECORD_TOLD || view->entries[i].kind == RECORD_NOT_TOLD;
    for (size_t i = 0; i < view->entry_count; i++) {
        const struct incident_entry *entry = &view->entries[i];
        if (entry->kind != RECORD_TOLD && entry->kind != RECORD_NOT_TOLD)
            continue;
        if (count-- > TEXT_TOLD)
            continue;
        buf_add_text(out, shown++ ? DOT : "TOLD    ");
        wording_add_line(out, entry->subject, LIMIT_SUMMARY);
        buf_add_byte(out, ' ');
        incident_add_at(out, view, entry->at_unix_ms);
        buf_add_text(out, entry->kind == RECORD_NOT_TOLD ? " not delivered" : "");
    }
    for (size_t i = 0; i < view->notice_count && shown < 2 * TEXT_TOLD; i++) {
        if (!text_is_late(view, &view->notices[i]))
            continue;
        buf_add_text(out, shown++ ? DOT : "TOLD    ");
        text_add_late(out, &view->notices[i]);
    }
    buf_add_text(out, shown ? "\n" : "");
}

/* "ALSO    14:20 by trigger runaway: the next start would be number 4 in 1 h, limit 3": the newest
 * stop that joined it for a reason of its own. */
static void text_add_joined(struct buf *out, const struct incident_view *view)
{
    for (size_t i = view->is_open ? view->entry_count : 0; i > 0; i--) {
        const struct incident_entry *entry = &view->entries[i - 1];
        if (entry->kind != RECORD_STOP || entry->words.size == 0 ||
            slice_equal(entry->words, view->why) ||
            entry->at_unix_ms <= view->journal.since_unix_ms)
            continue;
        buf_add_text(out, "ALSO    ");
        incident_add_at(out, view, entry->at_unix_ms);
        buf_add_text(out, " by ");
        incident_add_person(out, view, entry->actor);
        buf_add_text(out, ": ");
        wording_add_line(out, entry->words, TEXT_WORDS);
        buf_add_byte(out, '\n');
        return;
    }
}

/* "JOINED  i_…  w: held work is past half of its time, since 14:01": incidents that are part of it,
 * and triggers that saw the same. */
static void text_add_parts(struct buf *out, const struct incident_view *view)
{
    for (size_t i = 0; i < view->entry_count; i++) {
        const struct incident_entry *entry = &view->entries[i];
        bool is_trigger = entry->kind == RECORD_REMARK && slice_is(entry->subject, "joined") &&
                          entry->number == 0 && entry->actor.size > 0;
        uint64_t joined = incident_joined_by(view, entry);
        if (joined == 0 && !is_trigger)
            continue;
        buf_add_text(out, "JOINED  ");
        incident_add_at(out, view, entry->at_unix_ms);
        buf_add_byte(out, ' ');
        if (joined != 0)
            text_add_id(out, ID_INCIDENT, joined);
        else
            wording_add_line(out, entry->actor, LIMIT_NAME);
        buf_add_text(out, entry->words.size > 0 ? ": " : "");
        wording_add_line(out, entry->words, TEXT_WORDS);
        buf_add_byte(out, '\n');
    }
}

/* "NOTE    phoned them (Ana Ruiz 03:33)": the newest ones. */
static void text_add_notes(struct buf *out, const struct incident_view *view)
{
    size_t count = 0;
    for (size_t i = 0; i < view->entry_count; i++)
        count +=
            view->entries[i].kind == RECORD_REMARK && slice_is(view->entries[i].subject, "note");
    for (size_t i = 0; i < view->entry_count; i++) {
        const struct incident_entry *entry = &view->entries[i];
        if (entry->kind != RECORD_REMARK || !slice_is(entry->subject, "note") ||
            count-- > TEXT_NOTES)
            continue;
        buf_add_text(out, "NOTE    ");
        wording_add_line(out, entry->words, TEXT_WORDS);
        buf_add_text(out, " (");
        incident_add_person(out, view, entry->actor);
        buf_add_byte(out, ' ');
        incident_add_at(out, view, entry->at_unix_ms);
        buf_add_text(out, ")\n");
    }
}

void incident_text_add(struct buf *out, const struct incident_view *view)
{
    text_add_head(out, view);
    text_add_joined(out, view);
    text_add_parts(out, view);
    buf_add_text(out, "WHO     ");
    incident_add_answer(out, view);
    incident_add_informing(out, view);
    incident_add_end_words(out, view);
    buf_add_text(out, "\nIMPACT  ");
    incident_add_impact(out, view);
    buf_add_byte(out, '\n');
    if (view->holders.size > 0)
        buf_add_fmt(out, "HELD    %s by %.*s\n", view->is_held ? "still" : "in part",
                    SLICE_FMT(view->holders));
    if (view->change_count > 0) {
        buf_add_text(out, "CHANGED ");
        changes_add(out, view);
        buf_add_byte(out, '\n');
    }
    text_add_told(out, view);
    text_add_notes(out, view);
    text_add_said(out, view, "recovered", "RECOVERED ");
    text_add_said(out, view, "cause", "CAUSE   ");
    text_add_said(out, view, "follow_up", "NEXT    ");
    if (view->workflow && view->workflow->runbook.size > 0) {
        buf_add_text(out, "RUNBOOK ");
        wording_add_line(out, view->workflow->runbook, LIMIT_SUMMARY);
        buf_add_byte(out, '\n');
    }
    bool has_draft =
        view->is_open && view->journal.inform_due_unix_ms > 0 && !incident_remark(view, "informed");
    if (has_draft) {
        buf_add_text(out, "DRAFT   ");
        incident_add_draft(out, view);
        buf_add_byte(out, '\n');
    }
    text_add_do(out, view);
}
