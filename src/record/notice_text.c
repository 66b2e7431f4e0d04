#include "record/notice_text.h"

#include "record/ids.h"
#include "record/inform_text.h"
#include "record/notice_line.h"
#include "record/wording.h"

static void notice_add_count(struct buf *out, uint64_t count, const char *what)
{
    buf_add_u64(out, count);
    buf_add_text(out, what);
}

static void notice_add_more(struct buf *out, uint64_t count, const char *what)
{
    buf_add_text(out, ", ");
    notice_add_count(out, count, what);
}

static void notice_add_waiting(struct buf *out, const struct notice_facts *facts)
{
    notice_add_count(out, facts->waiting, facts->waiting == 1 ? " waits" : " wait");
}

/* "by ana" or nothing. */
static void notice_add_by(struct buf *out, const struct notice_facts *facts,
                          const struct notice_room *room, const char *before)
{
    if (facts->by.size == 0)
        return;
    buf_add_text(out, before);
    wording_add_line(out, facts->by, room->name);
}

static void notice_add_state(struct buf *out, const struct notice_facts *facts,
                             const struct notice_room *room)
{
    buf_add_byte(out, ' ');
    buf_add_text(out, facts->state ? facts->state : "STOPPED");
    if (facts->workflows.size > 0 && room->workflows > 0) {
        buf_add_text(out, " for ");
        wording_add_line(out, facts->workflows, room->workflows);
    }
}

static void notice_add_by_when(struct buf *out, const struct notice_facts *facts)
{
    zone_add_time(out, facts->zone,
                  (struct zone_time){facts->inform_due_unix_ms, facts->now_unix_ms}, ZONE_MINUTES);
}

/* ", nobody answers", ", acknowledged 14:12 by ana" */
static void notice_add_answer(struct buf *out, const struct notice_facts *facts,
                              const struct notice_room *room)
{
    struct zone_time at = {facts->acknowledged_unix_ms, facts->now_unix_ms};
    if (facts->acknowledged_by.size == 0) {
        buf_add_text(out, ", nobody answers");
        return;
    }
    buf_add_text(out, ", acknowledged ");
    if (!room->is_brief) {
        zone_add_time(out, facts->zone, at, ZONE_MINUTES);
        buf_add_byte(out, ' ');
    }
    buf_add_text(out, "by ");
    wording_add_line(out, facts->acknowledged_by, room->name);
}

/* What may be cut of a line, besides the reason: "by everything on review (i_…); its own stop was
 * lifted by ben, asked by ana", "but for w/s stopped (i_…), asked by ana". */
static const char *notice_add_restarted(struct buf *out, const struct notice_facts *facts)
{
    static const struct notice_room room = {.name = 24};
    const char *lead = facts->is_held ? " " : ", ";
    bool is_alone = facts->asked_by.size > 0 && slice_equal(facts->asked_by, facts->by);
    if (facts->holders.size > 0) {
        buf_add_text(out, facts->is_held ? "by " : "but for ");
        wording_add_line(out, facts->holders, LIMIT_SUMMARY);
    }
    if (facts->is_held)
        notice_add_by(out, facts, &room, "; its own stop was lifted by ");
    if (facts->asked_by.size > 0) {
        buf_add_text(out, out->size > 0 ? ", " : "");
        buf_add_text(out, is_alone ? "alone" : "asked by ");
        wording_add_line(out, is_alone ? (struct slice){0} : facts->asked_by, room.name);
    }
    if (out->size == 0)
        lead = ": ";
    else if (facts->reason.size > 0)
        buf_add_text(out, ": ");
    buf_add(out, facts->reason);
    return lead;
}

/* Somebody said that it is over; interlock has not seen that. */
static bool notice_is_closed_by(const struct notice_facts *facts)
{
    return facts->about == NOTICE_RECOVERED && facts->by.size > 0 &&
           (facts->kind == INCIDENT_DEGRADED || facts->kind == INCIDENT_OVERDUE);
}

/* What stands before the reason. */
static void notice_add_head(struct buf *out, const void *from, const struct notice_room *room)
{
    static const char *const ends[] = {[INCIDENT_DEGRADED] = " RECOVERED",
                                       [INCIDENT_OVERDUE] = " HAS NOTHING PAST DUE any more",
                                       [INCIDENT_ALERT] = " ALERT IS OVER",
                                       [INCIDENT_UNDONE] = " NOT DONE: somebody has seen it"};
    const struct notice_facts *facts = from;
    switch (facts->about) {
    case NOTICE_TROUBLE:
        wording_add_line(out, facts->scope, room->scope);
        notice_add_state(out, facts, room);
        if (facts->is_again) {
            buf_add_text(out, " for ");
            zone_add_span(out, facts->now_unix_ms - facts->since_unix_ms);
            notice_add_answer(out, facts, room);
        }
        notice_add_by(out, facts, room, facts->is_again ? "; by " : " by ");
        return;
    case NOTICE_ACKNOWLEDGED:
        wording_add_line(out, facts->scope, room->scope);
        notice_add_by(out, facts, room, ": acknowledged by ");
        return;
    case NOTICE_INFORM:
        buf_add_text(out, "INFORM STAKEHOLDERS by ");
        notice_add_by_when(out, facts);
        buf_add_text(out, ": ");
        wording_add_line(out, facts->scope, room->scope);
        notice_add_state(out, facts, room);
        return;
    case NOTICE_RECOVERED:
        wording_add_line(out, facts->scope, room->scope);
        if (facts->kind != INCIDENT_STOP) {
            if (notice_is_closed_by(facts))
                notice_add_by(out, facts, room, ": INCIDENT CLOSED by ");
            else
                buf_add_text(out, ends[facts->kind]);
            return;
        }
        buf_add_text(out, facts->is_held ? " IS STILL HELD" : " RUNS AGAIN");
        if (facts->is_held)
            return;
        notice_add_by(out, facts, room, ", restarted by ");
        buf_add_text(out, " after ");
        zone_add_span(out, facts->now_unix_ms - facts->since_unix_ms);
        return;
    case NOTICE_REPORT: /* they have words of their own */
    case NOTICE_RESTART:
        return;
    case NOTICE_DOWN:
        buf_add_text(out, "interlock WAS DOWN for ");
        zone_add_span(out, facts->now_unix_ms - facts->since_unix_ms);
        buf_add_text(out, ", until ");
        zone_add_time(out, facts->zone, (struct zone_time){facts->now_unix_ms, facts->now_unix_ms},
                      ZONE_MINUTES);
        return;
    }
}

/* What waits, what is lost, and the id: never cut. */
static void notice_add_tail(struct buf *out, const void *from, const struct notice_room *room)
{
    const struct notice_facts *facts = from;
    bool is_end = facts->about == NOTICE_RECOVERED && facts->kind != INCIDENT_STOP;
    if (facts->about != NOTICE_ACKNOWLEDGED && !is_end) {
        notice_add_waiting(out, facts);
        if (facts->in_flight > 0 && !room->is_brief)
            notice_add_more(out, facts->in_flight, " under way");
        if (facts->uncertain > 0)
            notice_add_more(out, facts->uncertain, " uncertain");
        if (facts->refused > 0 && !room->is_brief)
            notice_add_more(out, facts->refused, " turned away");
        if (facts->kind != INCIDENT_UNDONE && facts->lost != LOST_UNKNOWN)
            notice_add_more(out, (uint64_t)facts->lost, " lost");
        buf_add_byte(out, '.');
    }
    if (facts->incident != 0) {
        buf_add_text(out, facts->about == NOTICE_ACKNOWLEDGED || is_end ? "" : " ");
        text_add_id(out, ID_INCIDENT, facts->incident);
    }
}

void notice_text_line(const struct notice_facts *facts, struct buf *out)
{
    bool has_reason = facts->about == NOTICE_TROUBLE || facts->about == NOTICE_RECOVERED ||
                      facts->about == NOTICE_INFORM;
    bool is_recovery = facts->about == NOTICE_RECOVERED;
    const char *lead = is_recovery && facts->kind != INCIDENT_STOP ? " " : ": ";
    struct slice reason = has_reason ? facts->reason : (struct slice){0};
    struct buf words;
    buf_init(&words, LIMIT_NOTICE_BODY);
    if (reason.size == 0 && facts->about == NOTICE_TROUBLE)
        reason = SLICE("no reason given");
    if (is_recovery && facts->kind == INCIDENT_STOP) {
        lead = notice_add_restarted(&words, facts);
        reason = buf_slice(&words);
    }
    notice_line_add(out, &(struct notice_line){.head = notice_add_head,
                                               .tail = notice_add_tail,
                                               .facts = facts,
                                               .lead = lead,
                                               .reason = reason});
    buf_done(&words);
}

static void notice_add_since(struct buf *out, const struct notice_facts *facts)
{
    buf_add_text(out, facts->about == NOTICE_DOWN ? "Last sign of life: " : "Since: ");
    zone_add_time(out, facts->zone, (struct zone_time){facts->since_unix_ms, facts->now_unix_ms},
                  ZONE_SECONDS);
    buf_add_byte(out, ' ');
    buf_add(out, zone_name(facts->zone));
    buf_add_byte(out, '\n');
}

/* "incident inc_7 --informed" */
static void notice_add_command(struct buf *out, const struct notice_facts *facts, const char *head,
                               const char *option)
{
    buf_add_text(out, head);
    buf_add_text(out, "interlock incident ");
    text_add_id(out, ID_INCIDENT, facts->incident);
    buf_add_text(out, option);
    buf_add_byte(out, '\n');
}

/* Who informs others by when, with a draft; and at its end what the cause was. */
static void notice_add_duties(struct buf *out, const struct notice_facts *facts)
{
    bool may_have_cause = facts->kind == INCIDENT_STOP || facts->kind == INCIDENT_DEGRADED;
    if (facts->about == NOTICE_RECOVERED && may_have_cause && !notice_is_closed_by(facts))
        notice_add_command(out, facts, "What was the cause?  ", " --cause \"\xe2\x80\xa6\"");
    if ((facts->about != NOTICE_TROUBLE && facts->about != NOTICE_INFORM) ||
        facts->inform_due_unix_ms == 0)
        return;
    buf_add_text(out, "Informs stakeholders: ");
    wording_add_line(out, facts->informs.size ? facts->informs : SLICE("nobody is named"),
                     LIMIT_NAME);
    buf_add_text(out, ", by ");
    notice_add_by_when(out, facts);
    buf_add_text(out, "\nDraft: ");
    inform_draft_add(out, &(struct inform_facts){.kind = facts->kind,
                                                 .position = facts->position,
                                                 .scope = facts->scope,
                                                 .why = facts->reason,
                                                 .waiting = facts->waiting,
                                                 .lost = facts->lost,
                                                 .since_unix_ms = facts->since_unix_ms,
                                                 .now_unix_ms = facts->now_unix_ms,
                                                 .zone = facts->zone});
    buf_add_byte(out, '\n');
    if (facts->about == NOTICE_INFORM)
        notice_add_command(out, facts, "Done:  ", " --informed \"\xe2\x80\xa6\"");
}

/* Only people know whether the time that the machine's clock tells is right. */
static void notice_add_clock(struct buf *out, const struct notice_facts *facts)
{
    if (facts->lasting == LASTING_CLOCK)
        notice_add_command(out, facts, "Set the clock right; or, if it is right as it is:  ",
                           " --close \"\xe2\x80\xa6\"");
}

/* How it ends: what a person has to do for that, or that nobody has to. */
static void notice_add_end(struct buf *out, const struct notice_facts *facts)
{
    if (facts->about != NOTICE_TROUBLE)
        return;
    if (facts->kind == INCIDENT_DEGRADED || facts->kind == INCIDENT_OVERDUE) {
        notice_add_clock(out, facts);
        buf_add_text(out, facts->kind == INCIDENT_DEGRADED
                              ? "It ends by itself when that is over; you hear of it.\n"
                              : "It ends by itself when nothing is past due:  interlock inbox\n");
        return;
    }
    if (facts->kind != INCIDENT_STOP)
        return;
    buf_add_text(out, "To let it run again:  interlock restart ");
    text_add_id(out, ID_INCIDENT, facts->incident);
    buf_add_text(out, " --reason \"\xe2\x80\xa6\"\n");
    notice_row_add(out, "Who approves that: one of ", facts->restart, LIMIT_NAME);
}

void notice_text_body(const struct notice_facts *facts, struct buf *out)
{
    const char *by = facts->kind != INCIDENT_STOP       ? "By: "
                     : facts->about == NOTICE_RECOVERED ? "Restarted by: "
                     : slice_is(facts->position, "fallback") || slice_is(facts->position, "review")
                         ? "Moved by: "
                         : "Stopped by: ";
    notice_row_add(out, "What: ", facts->scope, LIMIT_SUMMARY);
    notice_row_add(out, "Workflows: ", facts->workflows, LIMIT_SUMMARY);
    notice_add_since(out, facts);
    notice_row_add(out, by, facts->by, LIMIT_NAME);
    notice_row_add(out, "Asked by: ", facts->asked_by, LIMIT_NAME);
    notice_row_add(out, facts->is_held ? "Held still by: " : "Not yet: ", facts->holders,
                   LIMIT_SUMMARY);
    bool is_end = facts->about == NOTICE_RECOVERED && facts->kind != INCIDENT_STOP;
    notice_row_add(out, is_end ? "Recovered: " : "Why: ", facts->reason, LIMIT_REASON / 2);
    buf_add_text(out, "Waiting: ");
    notice_add_count(out, facts->waiting, facts->lost == 0 ? " (nothing is lost)\n" : "\n");
    if (facts->lost > 0) {
        buf_add_text(out, "Lost: ");
        notice_add_count(out, (uint64_t)facts->lost,
                         " (records tell of them, the store has them no more):  interlock "
                         "verify\n");
    }
    if (facts->refused > 0) {
        buf_add_text(out, "Turned away: ");
        notice_add_count(out, facts->refused, " (their callers were told so)\n");
    }
    if (facts->incident == 0)
        return;
    notice_add_duties(out, facts);
    notice_add_end(out, facts);
    buf_add_byte(out, '\n');
    if (facts->about == NOTICE_TROUBLE) {
        buf_add_text(out, facts->kind == INCIDENT_UNDONE ? "I have seen it:  interlock ack "
                                                         : "I take care of it:  interlock ack ");
        text_add_id(out, ID_INCIDENT, facts->incident);
        buf_add_byte(out, '\n');
    }
    if (facts->kind == INCIDENT_UNDONE) {
        buf_add_text(out, "All of them, and how each is tried again:  interlock incident ");
        text_add_id(out, ID_INCIDENT, facts->incident);
        buf_add_text(out, " --actions\n");
    }
    buf_add_text(out, "All that is known:  interlock incident ");
    text_add_id(out, ID_INCIDENT, facts->incident);
    buf_add_byte(out, '\n');
}
