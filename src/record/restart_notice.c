#include "record/restart_notice.h"

#include "base/check.h"
#include "base/text.h"
#include "record/ids.h"
#include "record/notice_line.h"
#include "record/wording.h"

/* ": ben SAID NO TO THE RESTART asked by ana", ": ana TOOK BACK THE RESTART" */
static void restart_add_rejection(struct buf *out, const struct restart_notice *notice,
                                  const struct notice_room *room)
{
    const struct restart_no *no = notice->no.no;
    buf_add_text(out, ": ");
    if (!no) { /* its row is of another version */
        buf_add_text(out, "THE RESTART IS REJECTED");
        return;
    }
    wording_add_line(out, slice_text(no->by), room->name);
    if (strcmp(no->by, no->asked_by) == 0) {
        buf_add_text(out, " TOOK BACK THE RESTART");
        return;
    }
    buf_add_text(out, " SAID NO TO THE RESTART asked by ");
    wording_add_line(out, slice_text(no->asked_by), room->name);
}

/* What stands before the reason. */
static void restart_add_head(struct buf *out, const void *from, const struct notice_room *room)
{
    const struct restart_notice *notice = from;
    wording_add_line(out, notice->scope, room->scope);
    switch (notice->news) {
    case RESTART_NEWS_ASKED:
        buf_add_text(out, ": ");
        wording_add_line(out, notice->asked_by, room->name);
        buf_add_text(out, notice->no.no ? " ASKS AGAIN FOR A RESTART, to which "
                                        : " ASKS FOR A RESTART");
        if (notice->no.no) {
            wording_add_line(out, slice_text(notice->no.no->by), room->name);
            buf_add_text(out, " said no");
        }
        if (notice->is_again) {
            buf_add_text(out, " since ");
            zone_add_span(out, notice->now_unix_ms - notice->asked_unix_ms);
            buf_add_text(out, room->is_brief ? "" : ", nobody answers");
        }
        return;
    case RESTART_NEWS_APPROVED:
        buf_add_text(out, ": RESTART APPROVED by ");
        wording_add_line(out, notice->approved_by, room->name);
        buf_add_text(out, ", asked by ");
        wording_add_line(out, notice->asked_by, room->name);
        return;
    case RESTART_NEWS_ALONE:
        buf_add_text(out, ": RESTART APPROVED ALONE by ");
        wording_add_line(out, notice->approved_by, room->name);
        buf_add_text(out, ", who asked for it");
        return;
    case RESTART_NEWS_CHANGED:
        buf_add_text(out, ": THE RESTART asked by ");
        wording_add_line(out, notice->asked_by, room->name);
        buf_add_text(out, " IS VOID: a stop, or the configuration, changed");
        return;
    case RESTART_NEWS_OVER:
        buf_add_text(out, ": NOBODY APPROVED THE RESTART that ");
        wording_add_line(out, notice->asked_by, room->name);
        buf_add_text(out, " asked for ");
        zone_add_span(out, notice->now_unix_ms - notice->asked_unix_ms);
        buf_add_text(out, " ago");
        return;
    case RESTART_NEWS_STUCK:
        buf_add_text(out, ": THE RAMP IS STUCK");
        if (notice->stuck_action != 0) {
            buf_add_text(out, " by ");
            text_add_id(out, ID_ACTION, notice->stuck_action);
        }
        buf_add_text(out, notice->stuck_action != 0 ? ", nothing more starts"
                                                    : ": too little ended in its time");
        return;
    case RESTART_NEWS_BACK:
        buf_add_text(out, ": THE RAMP IS GIVEN UP: a stop was added, or its policy changed");
        return;
    case RESTART_NEWS_REJECTED:
        restart_add_rejection(out, notice, room);
        return;
    case RESTART_NEWS_NONE:
        break;
    }
    CHECK_UNREACHABLE();
}

static bool restart_is_end(const struct restart_notice *notice)
{
    return notice->news == RESTART_NEWS_CHANGED || notice->news == RESTART_NEWS_OVER ||
           notice->news == RESTART_NEWS_STUCK || notice->news == RESTART_NEWS_BACK ||
           notice->news == RESTART_NEWS_REJECTED;
}

/* What waits, what is lost, and the id: never cut. */
static void restart_add_tail(struct buf *out, const void *from, const struct notice_room *room)
{
    const struct restart_notice *notice = from;
    (void)room;
    buf_add_text(out, restart_is_end(notice) ? "It stays stopped: " : "");
    buf_add_u64(out, notice->waiting);
    buf_add_text(out, notice->waiting == 1 ? " waits" : " wait");
    if (notice->lost != LOST_UNKNOWN)
        buf_add_fmt(out, ", %lld lost", (long long)notice->lost);
    buf_add_text(out, ". ");
    text_add_id(out, ID_INCIDENT, notice->incident);
}

static struct slice restart_line_reason(const struct restart_notice *notice)
{
    if (notice->news == RESTART_NEWS_REJECTED)
        return notice->no.why;
    return restart_is_end(notice) ? (struct slice){0} : notice->reason;
}

void restart_notice_line(const struct restart_notice *notice, struct buf *out)
{
    notice_line_add(out, &(struct notice_line){.head = restart_add_head,
                                               .tail = restart_add_tail,
                                               .facts = notice,
                                               .lead = ": ",
                                               .reason = restart_line_reason(notice)});
}

static void restart_add_time(struct buf *out, const struct restart_notice *notice, const char *name,
                             int64_t at_unix_ms)
{
    if (at_unix_ms == 0)
        return;
    buf_add_text(out, name);
    zone_add_time(out, notice->zone, (struct zone_time){at_unix_ms, notice->now_unix_ms},
                  ZONE_MINUTES);
    buf_add_byte(out, ' ');
    buf_add(out, zone_name(notice->zone));
    buf_add_byte(out, '\n');
}

static void restart_add_command(struct buf *out, const struct restart_notice *notice,
                                const char *head, const char *options)
{
    buf_add_text(out, head);
    text_add_id(out, ID_INCIDENT, notice->incident);
    buf_add_text(out, options);
    buf_add_byte(out, '\n');
}

/* "Refused: ben said no at 14:02 to the restart that ana asked for: …" */
static void restart_add_no_row(struct buf *out, const struct restart_notice *notice)
{
    if (!notice->no.no)
        return;
    buf_add_text(out, notice->news == RESTART_NEWS_ASKED ? "Refused before: " : "Refused: ");
    restart_no_add(out, &notice->no);
    buf_add_byte(out, '\n');
}

void restart_notice_body(const struct restart_notice *notice, struct buf *out)
{
    bool is_asked = notice->news == RESTART_NEWS_ASKED;
    notice_row_add(out, "What: ", notice->scope, LIMIT_SUMMARY);
    notice_row_add(out, "Asked by: ", notice->asked_by, LIMIT_NAME);
    notice_row_add(out, "Why it may run again: ", notice->reason, LIMIT_REASON / 2);
    notice_row_add(out, "Approved by: ", notice->approved_by, LIMIT_NAME);
    restart_add_no_row(out, notice);
    notice_row_add(out, "Ramp: ", notice->ramp, LIMIT_REASON);
    buf_add_fmt(out, "Waiting: %llu\n", (unsigned long long)notice->waiting);
    if (is_asked) {
        buf_add_text(out, "Who may approve: ");
        restart_approvers_add(out, notice->group, notice->asked_by);
        buf_add_byte(out, '\n');
        restart_add_time(out, notice, "The request is over: ", notice->over_unix_ms);
        restart_add_time(out, notice,
                         "Who asked may approve it alone from: ", notice->alone_unix_ms);
    }
    buf_add_byte(out, '\n');
    if (is_asked) {
        restart_add_command(out, notice, "Let it run again:  interlock approve ", "");
        restart_add_command(out, notice, "Say no:  interlock reject ",
                            " --because \"\xe2\x80\xa6\"");
    }
    if (notice->news == RESTART_NEWS_STUCK && notice->stuck_action != 0) {
        buf_add_text(out, "Why:  interlock explain ");
        text_add_id(out, ID_ACTION, notice->stuck_action);
        buf_add_byte(out, '\n');
    }
    if (restart_is_end(notice))
        restart_add_command(out, notice, "Ask again:  interlock restart ",
                            " --reason \"\xe2\x80\xa6\"");
    restart_add_command(out, notice, "All that is known:  interlock incident ", "");
}
