#include "record/report.h"

#include "record/ids.h"
#include "record/label_json.h"
#include "record/member.h"
#include "record/wording.h"

enum { REPORT_NAME = 48 };
#define REPORT_DOT " \xc2\xb7 "

static void report_add_name(struct buf *out, const char *name)
{
    buf_add_fmt(out, "%-10s ", name);
}

/* "12 held", after a dot but for the first. */
static void report_add_count(struct buf *out, uint64_t count, const char *word, bool *is_first)
{
    if (count == 0)
        return;
    buf_add_fmt(out, "%s%llu %s", *is_first ? "" : REPORT_DOT, (unsigned long long)count, word);
    *is_first = false;
}

static const char *report_word(enum tally_counter counter)
{
    return counter == TALLY_TEMPLATE   ? "by template"
           : counter == TALLY_FALLBACK ? "by other fallback"
                                       : tally_name(counter);
}

static void report_add_counters(struct buf *out, const struct tally *tally,
                                const enum tally_counter *counters, size_t count)
{
    bool is_first = true;
    for (size_t i = 0; i < count; i++)
        report_add_count(out, tally->n[counters[i]], report_word(counters[i]), &is_first);
    if (is_first)
        buf_add_text(out, "none");
}

static void report_add_head(struct buf *out, const struct evidence *e)
{
    const struct group *owner = e->workflow->duties.owner;
    report_add_name(out, "REPORT");
    wording_add_line(out, e->workflow->name, LIMIT_NAME);
    buf_add_text(out, " from ");
    zone_add_time(out, e->zone, (struct zone_time){e->since_unix_ms, e->now_unix_ms}, ZONE_MINUTES);
    buf_add_text(out, " to ");
    zone_add_time(out, e->zone, (struct zone_time){e->now_unix_ms, 0}, ZONE_MINUTES);
    buf_add_byte(out, ' ');
    buf_add(out, zone_name(e->zone));
    buf_add_fmt(out, ", mode %s, owner ", mode_name(e->workflow->mode));
    if (owner)
        wording_add_line(out, owner->name, LIMIT_NAME);
    else
        buf_add_text(out, "nobody");
    buf_add_byte(out, '\n');
}

static void report_add_submitted(struct buf *out, const struct evidence *e)
{
    static const enum tally_counter ends[] = {TALLY_AUTOMATIC, TALLY_TEMPLATE, TALLY_FALLBACK,
                                              TALLY_REVIEWED,  TALLY_REJECTED, TALLY_FAILED,
                                              TALLY_CANCELLED, TALLY_EXPIRED};
    report_add_name(out, "SUBMITTED");
    buf_add_fmt(out, "%llu. Ended: ", (unsigned long long)e->tally.n[TALLY_SUBMITTED]);
    report_add_counters(out, &e->tally, ends, sizeof ends / sizeof *ends);
    if (e->tally.n[TALLY_OBSERVED] > 0)
        buf_add_fmt(out, "; %llu in mode observe", (unsigned long long)e->tally.n[TALLY_OBSERVED]);
    buf_add_byte(out, '\n');
}

static void report_add_reviews(struct buf *out, const struct evidence *e)
{
    struct estimate unchanged = evidence_unchanged(&e->tally);
    report_add_name(out, "REVIEWS");
    if (unchanged.count == 0) {
        buf_add_text(out, "none decided\n");
        return;
    }
    buf_add_fmt(out, "%llu decided: %llu approved unchanged, %llu changed, %llu not approved; ",
                (unsigned long long)unchanged.count, (unsigned long long)unchanged.hits,
                (unsigned long long)e->tally.n[TALLY_EDITED],
                (unsigned long long)e->tally.n[TALLY_DECLINED]);
    buf_add_text(out, "unchanged ");
    estimate_add_percent(out, unchanged.share, false);
    buf_add_text(out, ", at least ");
    estimate_add_percent(out, unchanged.low, false);
    buf_add_byte(out, '\n');
}

static void report_add_degraded(struct buf *out, const struct evidence *e)
{
    bool is_first = true;
    report_add_name(out, "DEGRADED");
    for (unsigned cause = CAUSE_LOW_CONFIDENCE; cause <= CAUSE_STOPPED; cause++)
        report_add_count(out, e->tally.n[tally_of_cause((enum cause)cause)],
                         cause_name((enum cause)cause), &is_first);
    buf_add_text(out, is_first ? "none\n" : "\n");
}

/* The strictest share that a step asks for, in %. */
static int report_target(const struct workflow *workflow)
{
    int target = 0;
    for (size_t i = 0; i < workflow->step_count; i++)
        if (workflow->steps[i].sla_ms > 0 && workflow->steps[i].sla_percent > target)
            target = workflow->steps[i].sla_percent;
    return target;
}

static void report_add_in_time(struct buf *out, const struct evidence *e)
{
    uint64_t met = e->tally.n[TALLY_IN_TIME], count = met + e->tally.n[TALLY_LATE];
    int target = report_target(e->workflow);
    report_add_name(out, "IN TIME");
    if (count > 0) {
        struct estimate share = estimate_make(met, count);
        estimate_add_percent(out, share.share, false);
        buf_add_fmt(out, " of %llu", (unsigned long long)count);
    } else {
        buf_add_text(out, "nothing was due");
    }
    if (target > 0)
        buf_add_fmt(out, " (target %d %%)", target);
    else
        buf_add_text(out, " (no `sla` in the policy)");
    buf_add_byte(out, '\n');
}

static bool report_has_audit(const struct workflow *workflow)
{
    for (size_t i = 0; i < workflow->step_count; i++)
        if (workflow->steps[i].terms.audit_share > 0)
            return true;
    return false;
}

/* What is no sample stands behind "beside it": it would say too much, or too little. */
static void report_add_errors(struct buf *out, const struct evidence *e)
{
    const struct label_sum *sum = &e->labels;
    bool is_first = true;
    report_add_name(out, "ERRORS");
    if (sum->drawn == 0 && !report_has_audit(e->workflow))
        buf_add_text(out, "not known: no step has `audit`");
    else
        label_sum_add_text(out, sum);
    if (sum->drawn > 0)
        buf_add_fmt(out, ", of %llu drawn at random; %llu open, %llu past due, %llu unlabelled",
                    (unsigned long long)sum->drawn, (unsigned long long)sum->open,
                    (unsigned long long)sum->overdue, (unsigned long long)sum->unlabelled);
    if (sum->complaints + sum->others + sum->reviewed_wrong + sum->reviewed_right > 0)
        buf_add_text(out, ". Beside it, no sample: ");
    report_add_count(out, sum->complaints, "complaints", &is_first);
    report_add_count(out, sum->others, "said right", &is_first);
    report_add_count(out, sum->reviewed_wrong, "of reviewed ones wrong", &is_first);
    report_add_count(out, sum->reviewed_right, "of reviewed ones right", &is_first);
    buf_add_byte(out, '\n');
}

static void report_add_uncertain(struct buf *out, const struct evidence *e)
{
    const uint64_t *n = e->tally.n;
    bool is_first = true;
    report_add_name(out, "UNCERTAIN");
    if (n[TALLY_UNCERTAIN] + e->uncertain == 0) {
        buf_add_text(out, "none\n");
        return;
    }
    buf_add_fmt(out, "%llu. Settled: ", (unsigned long long)n[TALLY_UNCERTAIN]);
    report_add_count(out, n[TALLY_HAPPENED], "did happen", &is_first);
    report_add_count(out, n[TALLY_NOT_HAPPENED], "did not", &is_first);
    report_add_count(out, n[TALLY_LATE_ANSWER], "by a check or a late answer", &is_first);
    if (is_first)
        buf_add_text(out, "none");
    buf_add_fmt(out, "; %llu open\n", (unsigned long long)e->uncertain);
}

static void report_add_stops(struct buf *out, const struct evidence *e)
{
    size_t restarts = 0, open = 0;
    int64_t stopped_ms = 0;
    for (size_t i = 0; i < e->stop_count; i++) {
        const struct evidence_stop *stop = &e->stops[i];
        restarts += stop->lifted_at_unix_ms != 0;
        open += stop->lifted_at_unix_ms == 0;
        stopped_ms +=
            (stop->lifted_at_unix_ms ? stop->lifted_at_unix_ms : e->now_unix_ms) - stop->at_unix_ms;
    }
    report_add_name(out, "STOPS");
    if (e->stop_count == 0) {
        buf_add_text(out, "none\n");
        return;
    }
    buf_add_fmt(out, "%zu stop%s, %zu restart%s, %zu in force; together ", e->stop_count,
                e->stop_count == 1 ? "" : "s", restarts, restarts == 1 ? "" : "s", open);
    zone_add_span(out, stopped_ms);
    buf_add_byte(out, '\n');
}

static void report_add_prevented(struct buf *out, const struct evidence *e)
{
    unsigned long long prevented = e->tally.n[TALLY_PREVENTED], repeats = e->tally.n[TALLY_REPEATS];
    report_add_name(out, "PREVENTED");
    buf_add_fmt(out, "%llu second send%s (%llu repeat%s answered without doing it again)\n",
                prevented, prevented == 1 ? "" : "s", repeats, repeats == 1 ? " was" : "s were");
}

static void report_add_open(struct buf *out, const struct evidence *e)
{
    bool is_first = true;
    report_add_name(out, "OPEN");
    report_add_count(out, e->held, "held", &is_first);
    report_add_count(out, e->uncertain, "uncertain", &is_first);
    report_add_count(out, e->in_review, "to decide", &is_first);
    report_add_count(out, e->waiting + e->attempting, "under way", &is_first);
    if (is_first) {
        buf_add_text(out, "nothing\n");
        return;
    }
    buf_add_text(out, "; the oldest ");
    if (e->oldest_handle.size > 0)
        buf_add(out, e->oldest_handle);
    else
        text_add_id(out, ID_ACTION, e->oldest_action);
    buf_add_text(out, ", for ");
    zone_add_span(out, e->now_unix_ms - e->oldest_unix_ms);
    buf_add_byte(out, '\n');
}

void report_text_add(struct buf *out, const struct evidence *evidence)
{
    report_add_head(out, evidence);
    report_add_submitted(out, evidence);
    report_add_reviews(out, evidence);
    report_add_degraded(out, evidence);
    report_add_in_time(out, evidence);
    report_add_errors(out, evidence);
    report_add_uncertain(out, evidence);
    report_add_stops(out, evidence);
    report_add_prevented(out, evidence);
    report_add_open(out, evidence);
}

/* How much the line says, from all to the least. */
struct report_room {
    size_t name;
    bool has_each, has_since;
};

static void report_line_try(struct buf *out, const struct evidence *e,
                            const struct report_room *room)
{
    static const enum tally_counter ends[] = {TALLY_AUTOMATIC, TALLY_TEMPLATE, TALLY_FALLBACK,
                                              TALLY_REVIEWED,  TALLY_REJECTED, TALLY_FAILED,
                                              TALLY_EXPIRED};
    const uint64_t *n = e->tally.n;
    const uint64_t open = e->held + e->uncertain + e->in_review + e->waiting + e->attempting;
    buf_add_text(out, "REPORT ");
    wording_add_line(out, e->workflow->name, room->name);
    if (room->has_since) {
        buf_add_text(out, " since ");
        zone_add_time(out, e->zone, (struct zone_time){e->since_unix_ms, e->now_unix_ms},
                      ZONE_MINUTES);
    }
    buf_add_fmt(out, ": %llu submitted", (unsigned long long)n[TALLY_SUBMITTED]);
    for (size_t i = 0; room->has_each && i < sizeof ends / sizeof *ends; i++)
        if (n[ends[i]] > 0)
            buf_add_fmt(out, ", %llu %s", (unsigned long long)n[ends[i]], report_word(ends[i]));
    if (!room->has_each)
        buf_add_fmt(out, ", %llu automatic, %llu by fallback, %llu reviewed, %llu not done",
                    (unsigned long long)n[TALLY_AUTOMATIC],
                    (unsigned long long)(n[TALLY_TEMPLATE] + n[TALLY_FALLBACK]),
                    (unsigned long long)n[TALLY_REVIEWED],
                    (unsigned long long)(n[TALLY_REJECTED] + n[TALLY_FAILED] + n[TALLY_EXPIRED]));
    buf_add_fmt(out, "; %llu open", (unsigned long long)open);
    if (e->uncertain > 0)
        buf_add_fmt(out, ", %llu uncertain", (unsigned long long)e->uncertain);
}

/* "REPORT invoice-reminders since 2026-11-23 09:00: 412 submitted, 398 automatic, 12 reviewed, 2
 * failed; 4 open, 1 uncertain": what finds no room is said together; the ten lines have each. */
void report_line_add(struct buf *out, const struct evidence *e)
{
    static const struct report_room rooms[] = {
        {REPORT_NAME, true, true}, {16, false, true}, {16, false, false}};
    size_t start = out->size;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        buf_cut(out, start);
        report_line_try(out, e, &rooms[i]);
        if (text_utf8_count(slice_from(buf_slice(out), start)) <= LIMIT_NOTICE_LINE)
            return;
    }
}

/* ---- JSON ---- */

static void report_json_add_stops(struct buf *out, const struct evidence *e)
{
    member_add_name(out, "stops");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < e->stop_count; i++) {
        buf_add_text(out, i ? ",{" : "{");
        member_add_time(out, "at", e->stops[i].at_unix_ms);
        member_add_time(out, "restarted_at", e->stops[i].lifted_at_unix_ms);
        member_add_bool(out, "whole", e->stops[i].is_whole);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

void report_json_add(struct buf *out, const struct evidence *e)
{
    struct estimate unchanged = evidence_unchanged(&e->tally);
    int target = report_target(e->workflow);
    buf_add_byte(out, '{');
    member_add_text(out, "workflow", e->workflow->name);
    member_add_word(out, "mode", mode_name(e->workflow->mode));
    member_add_time(out, "since", e->since_unix_ms);
    member_add_time(out, "now", e->now_unix_ms);
    member_add_name(out, "counts");
    buf_add_byte(out, '{');
    for (unsigned i = 0; i < TALLY_COUNT; i++)
        member_add_u64(out, tally_name((enum tally_counter)i), e->tally.n[i]);
    buf_add_byte(out, '}');
    member_add_name(out, "unchanged");
    if (unchanged.count > 0)
        estimate_json_add(out, &unchanged);
    else
        buf_add_text(out, "null");
    member_add_name(out, "in_time_target");
    if (target > 0)
        buf_add_fmt(out, "%d", target);
    else
        buf_add_text(out, "null");
    member_add_name(out, "errors");
    label_json_add_sum(out, &e->labels);
    report_json_add_stops(out, e);
    member_add_name(out, "open");
    buf_add_byte(out, '{');
    member_add_u64(out, "held", e->held);
    member_add_u64(out, "uncertain", e->uncertain);
    member_add_u64(out, "in_review", e->in_review);
    member_add_u64(out, "under_way", e->waiting + e->attempting);
    member_add_id(out, "oldest", ID_ACTION, e->oldest_action);
    member_add_time(out, "oldest_since", e->oldest_unix_ms);
    buf_add_text(out, "}}");
}
