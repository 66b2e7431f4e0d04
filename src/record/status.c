#include "record/status.h"
#include "record/drain_text.h"

#include "record/ids.h"
#include "record/label_json.h"
#include "record/receipt.h"
#include "record/scan.h"
#include "record/upstream_row.h"
#include "record/wording.h"

enum {
    STATUS_NAME_WIDTH = 20,
    STATUS_POSITION_WIDTH = 16,
    STATUS_WARNING_MAX = 1024,
    STATUS_WHY_MAX = 160,
    STATUS_DAY_MS = 24 * 3600 * 1000
};
#define STATUS_DOT " \xc2\xb7 "

/* ---- what it all means ---- */

static uint64_t status_sum_degraded(const struct status_workflow *workflow)
{
    uint64_t sum = 0;
    for (size_t i = 1; i < CAUSE_COUNT; i++)
        sum += workflow->degraded[i];
    return sum;
}

static bool status_is_late(const struct status *status, const struct status_workflow *workflow)
{
    return workflow->oldest_people_due_unix_ms > 0 &&
           workflow->oldest_people_due_unix_ms < status->now_unix_ms;
}

/* Not as it should be, though work goes on. */
static bool status_is_degraded(const struct status *status, const struct status_workflow *workflow)
{
    return workflow->held > 0 || workflow->uncertain > 0 || workflow->is_on_fallback ||
           status_is_late(status, workflow);
}

/* Does a step of the workflow go to this upstream? Not known: yes. */
static bool status_uses(const struct workflow *workflow, const char *upstream)
{
    for (size_t i = 0; workflow && i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        if (step->upstream && slice_is(step->upstream->name, upstream))
            return true;
        for (size_t r = 0; r < step->terms.route_count; r++) /* of its fallbacks */
            if (slice_is(step->terms.routes[r].upstream->name, upstream))
                return true;
    }
    return workflow == NULL;
}

static bool status_covers(const struct stop *stop, const struct status_workflow *workflow)
{
    struct slice name = slice_text(stop->names[0]); /* as it was called when it was stopped */
    bool is_named = name.size == 0 || slice_equal(workflow->name, name) ||
                    (workflow->workflow && slices_have(workflow->workflow->was, name));
    if (stop->is_lifted || !is_named)
        return false;
    return !stop->names[2][0] || status_uses(workflow->workflow, stop->names[2]);
}

const char *status_position(const struct status *status, const struct status_workflow *workflow)
{
    static const char *const partly[POSITION_RUNNING] = {[POSITION_STOPPED] = "partly stopped",
                                                         [POSITION_FALLBACK] = "partly on fallback",
                                                         [POSITION_REVIEW] = "partly on review",
                                                         [POSITION_CAUTION] = "partly on caution"};
    enum position whole = POSITION_RUNNING;
    enum position part = POSITION_RUNNING;
    for (size_t i = 0; i < status->stop_count; i++) {
        const struct stop *stop = &status->stops[i];
        if (!status_covers(stop, workflow))
            continue;
        bool is_whole = !stop->names[1][0] && !stop->names[2][0] && !stop->names[3][0];
        if (is_whole && stop->position < whole)
            whole = stop->position;
        if (!is_whole && stop->position < part)
            part = stop->position;
    }
    return part < whole ? partly[part] : position_name(whole);
}

static const struct status_ramp *status_ramp(const struct status *status, const struct stop *stop)
{
    for (size_t i = 0; i < status->ramp_count; i++)
        if (status->ramps[i].incident == stop->incident)
            return &status->ramps[i];
    return NULL;
}

static const struct status_answer *status_answer(const struct status *status,
                                                 const struct stop *stop)
{
    static const struct status_answer none = {0};
    for (size_t i = 0; i < status->answer_count; i++)
        if (status->answers[i].incident == stop->incident)
            return &status->answers[i];
    return &none;
}

/* Does somebody have to act on it? Not while it starts again by itself. */
static bool status_is_in_force(const struct status *status, const struct stop *stop)
{
    const struct status_ramp *ramp = status_ramp(status, stop);
    return !stop->is_lifted && stop->position != POSITION_CAUTION && (!ramp || ramp->is_stuck);
}

static size_t status_stops_in_force(const struct status *status)
{
    size_t count = 0;
    for (size_t i = 0; i < status->stop_count; i++)
        count += status_is_in_force(status, &status->stops[i]);
    return count;
}

/* It starts again, and still nobody has said that they know of it. */
static bool status_is_unanswered(const struct status *status, const struct stop *stop)
{
    return !stop->is_lifted && !status_is_in_force(status, stop) &&
           stop->position != POSITION_CAUTION && status_answer(status, stop)->is_open;
}

/* Several stops of one incident are acknowledged by one word. */
static size_t status_stops_unanswered(const struct status *status)
{
    size_t count = 0;
    for (size_t i = 0; i < status->stop_count; i++) {
        bool is_counted = false;
        for (size_t j = 0; j < i; j++)
            is_counted = is_counted || status->stops[j].incident == status->stops[i].incident;
        count += !is_counted && status_is_unanswered(status, &status->stops[i]);
    }
    return count;
}

static size_t status_unacknowledged(const struct status *status)
{
    size_t count = 0;
    for (size_t i = 0; i < status->incident_count; i++)
        count += status->incidents[i].acknowledged_by.size == 0;
    return count;
}

enum status_exit status_exit_code(const struct status *status)
{
    if (!status->is_ready || status_stops_in_force(status) > 0 || status_unacknowledged(status) > 0)
        return STATUS_STOPPED;
    if (status->incident_count > 0 || status->ramp_count > 0 ||
        status->stop_check.result == STOP_CHECK_FAILS)
        return STATUS_DEGRADED;
    for (size_t i = 0; i < status->workflow_count; i++)
        if (status_is_degraded(status, &status->workflows[i]))
            return STATUS_DEGRADED;
    for (size_t i = 0; i < status->upstream_count; i++)
        if (status->upstreams[i].breaker != BREAKER_CLOSED)
            return STATUS_DEGRADED;
    return STATUS_FINE;
}

/* ---- the first line ---- */

static void status_add_part(struct buf *out, bool *is_first)
{
    buf_add_text(out, *is_first ? "NEEDS YOU: " : ", ");
    *is_first = false;
}

/* "payments" where all steps of the workflow are such. */
static const char *status_noun(const struct workflow *workflow, bool is_one)
{
    static const char *const nouns[KIND_COUNT][2] = {
        [KIND_LOOKUP] = {"lookup", "lookups"},    [KIND_LLM] = {"answer", "answers"},
        [KIND_EMAIL] = {"e-mail", "e-mails"},     [KIND_MESSAGE] = {"message", "messages"},
        [KIND_PAYMENT] = {"payment", "payments"}, [KIND_TICKET] = {"ticket", "tickets"},
        [KIND_RECORD] = {"record", "records"},    [KIND_WEBHOOK] = {"webhook", "webhooks"},
        [KIND_COMMAND] = {"command", "commands"},
    };
    for (size_t i = 0; workflow && i < workflow->step_count; i++)
        if (workflow->steps[i].kind != workflow->steps[0].kind)
            workflow = NULL;
    if (!workflow || workflow->step_count == 0)
        return is_one ? "action" : "actions";
    return nouns[workflow->steps[0].kind][is_one ? 0 : 1];
}

/* "2 uncertain payments": one part for each noun, so that the kinds are told apart. */
static void status_add_uncertain(struct buf *out, const struct status *status, bool *is_first)
{
    for (size_t i = 0; i < status->workflow_count; i++) {
        const char *noun = status_noun(status->workflows[i].workflow, true);
        uint64_t count = 0;
        bool is_said = false;
        for (size_t j = 0; j < status->workflow_count; j++) {
            if (strcmp(status_noun(status->workflows[j].workflow, true), noun) != 0)
                continue;
            is_said = is_said || j < i;
            count += status->workflows[j].uncertain;
        }
        if (count == 0 || is_said)
            continue;
        status_add_part(out, is_first);
        buf_add_fmt(out, "%llu uncertain %s", (unsigned long long)count,
                    status_noun(status->workflows[i].workflow, count == 1));
    }
}

/* "2 stops in force (4 min, 1 unacknowledged)" */
static void status_add_stops(struct buf *out, const struct status *status, bool *is_first)
{
    size_t count = 0;
    size_t open = 0;
    int64_t since = status->now_unix_ms;
    for (size_t i = 0; i < status->stop_count; i++) {
        const struct stop *stop = &status->stops[i];
        if (!status_is_in_force(status, stop))
            continue;
        count++;
        open += status_answer(status, stop)->is_open;
        since = stop->at_unix_ms < since ? stop->at_unix_ms : since;
    }
    if (count == 0)
        return;
    status_add_part(out, is_first);
    buf_add_fmt(out, "%zu stop%s in force (", count, count == 1 ? "" : "s");
    zone_add_span(out, status->now_unix_ms - since);
    if (open > 0 && open == count)
        buf_add_text(out, ", unacknowledged");
    else if (open > 0)
        buf_add_fmt(out, ", %zu unacknowledged", open);
    buf_add_byte(out, ')');
}

static void status_add_troubles(struct buf *out, const struct status *status, bool *is_first)
{
    size_t count = status_unacknowledged(status);
    if (count == 0)
        return;
    status_add_part(out, is_first);
    buf_add_fmt(out, "%zu incident%s unacknowledged", count, count == 1 ? "" : "s");
}

static void status_add_unanswered(struct buf *out, const struct status *status, bool *is_first)
{
    size_t count = status_stops_unanswered(status);
    if (count == 0)
        return;
    status_add_part(out, is_first);
    buf_add_fmt(out, "%zu stop%s unacknowledged", count, count == 1 ? "" : "s");
}

static void status_add_reviews(struct buf *out, const struct status *status, bool *is_first)
{
    uint64_t count = 0;
    bool is_late = false;
    for (size_t i = 0; i < status->workflow_count; i++) {
        count += status->workflows[i].in_review;
        is_late = is_late || status_is_late(status, &status->workflows[i]);
    }
    if (count > 0) {
        status_add_part(out, is_first);
        buf_add_fmt(out, "%llu to decide", (unsigned long long)count);
    }
    if (is_late)
        buf_add_text(out, *is_first ? "" : ", some past due");
}

static size_t status_count_degraded(const struct status *status)
{
    size_t count = 0;
    for (size_t i = 0; i < status->workflow_count; i++)
        count += status_is_degraded(status, &status->workflows[i]);
    return count;
}

/* "2 running, 1 starting again": a workflow that a stop or a warning covers does not just run. */
static void status_add_running(struct buf *out, const struct status *status)
{
    size_t ramping = 0;
    size_t cautious = 0;
    for (size_t i = 0; i < status->workflow_count; i++) {
        bool is_covered = false;
        bool is_ramping = false;
        for (size_t j = 0; j < status->stop_count; j++) {
            if (!status_covers(&status->stops[j], &status->workflows[i]))
                continue;
            is_covered = true;
            is_ramping = is_ramping || status_ramp(status, &status->stops[j]);
        }
        ramping += is_ramping;
        cautious += is_covered && !is_ramping;
    }
    buf_add_fmt(out, "%zu running", status->workflow_count - ramping - cautious);
    if (ramping > 0)
        buf_add_fmt(out, ", %zu starting again", ramping);
    if (cautious > 0)
        buf_add_fmt(out, ", %zu on caution", cautious);
}

void status_add_headline(struct buf *out, const struct status *status)
{
    bool is_first = true;
    if (!status->is_ready) {
        status_add_part(out, &is_first);
        buf_add_text(out, "new work is refused: ");
        wording_add_line(out, status->why.size > 0 ? status->why : SLICE("not ready"),
                         STATUS_WARNING_MAX);
    }
    if (status->stop_check.result == STOP_CHECK_FAILS) {
        status_add_part(out, &is_first);
        buf_add_text(out, "the stop path does not work");
    }
    if (status->unanswered.size > 0) {
        status_add_part(out, &is_first);
        buf_add_fmt(out, "NOBODY ANSWERS for %.*s", SLICE_FMT(status->unanswered));
    }
    status_add_stops(out, status, &is_first);
    status_add_unanswered(out, status, &is_first);
    status_add_troubles(out, status, &is_first);
    status_add_uncertain(out, status, &is_first);
    status_add_reviews(out, status, &is_first);
    if (!is_first)
        return;
    size_t degraded = status_count_degraded(status);
    buf_add_text(out, "Nothing needs you. ");
    status_add_running(out, status);
    if (degraded > 0)
        buf_add_fmt(out, ", %zu degraded", degraded);
    buf_add_byte(out, '.');
}

/* ---- the lines ---- */

static void status_pad(struct buf *out, size_t start, size_t width)
{
    size_t count = text_utf8_count(slice_from(buf_slice(out), start));
    do
        buf_add_byte(out, ' ');
    while (++count < width + 2);
}

static void status_add_count(struct buf *out, uint64_t count, const char *word)
{
    if (count > 0)
        buf_add_fmt(out, STATUS_DOT "%llu %s", (unsigned long long)count, word);
}

/* " · 3 degraded (unavailable 2, rule 1)" */
static void status_add_degraded(struct buf *out, const struct status_workflow *workflow)
{
    bool is_first = true;
    uint64_t sum = status_sum_degraded(workflow);
    if (sum == 0)
        return;
    buf_add_fmt(out, STATUS_DOT "%llu degraded (", (unsigned long long)sum);
    for (size_t i = 1; i < CAUSE_COUNT; i++) {
        if (workflow->degraded[i] == 0)
            continue;
        buf_add_fmt(out, "%s%s %llu", is_first ? "" : ", ", cause_name((enum cause)i),
                    (unsigned long long)workflow->degraded[i]);
        is_first = false;
    }
    buf_add_byte(out, ')');
}

/* " · draining 312 held at 4/s, about 80 s": what a stop held, after the restart */
static void status_add_drain(struct buf *out, const struct status_workflow *workflow)
{
    if (workflow->draining == 0)
        return;
    buf_add_fmt(out, STATUS_DOT "draining %llu held at ", (unsigned long long)workflow->draining);
    drain_add_text(out, workflow->draining, workflow->drain_milli);
}

/* " · in time 97.9 %": cut, not rounded, so that 100 % is all of them. */
static void status_add_in_time(struct buf *out, const struct status_workflow *workflow)
{
    uint64_t sum = workflow->sla_met + workflow->sla_missed;
    if (sum == 0)
        return;
    uint64_t tenths = workflow->sla_met * 1000 / sum;
    buf_add_fmt(out, STATUS_DOT "in time %llu.%llu %%", (unsigned long long)(tenths / 10),
                (unsigned long long)(tenths % 10));
}

static uint64_t status_risk_sum(const struct risk_counts *risk)
{
    return risk->automatic + risk->reviewed + risk->fallback + risk->other;
}

/* "  route_ticket: high 4.0 % (3 reviewed, 1 degraded) · normal 96.0 %": the shares of its risk
 * classes, where it declares any. */
static void status_add_risks(struct buf *out, const struct step_counts *step)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= step->risk_count; i++)
        sum += status_risk_sum(&step->risks[i]);
    if (step->risk_count == 0 || sum == 0)
        return;
    buf_add_text(out, "  ");
    wording_add_line(out, step->step, LIMIT_NAME);
    buf_add_text(out, ": ");
    for (size_t i = 0; i <= step->risk_count; i++) {
        const struct risk_counts *risk = &step->risks[i];
        uint64_t tenths = status_risk_sum(risk) * 1000 / sum;
        buf_add_text(out, i > 0 ? STATUS_DOT : "");
        wording_add_line(out, step->risk_names[i], LIMIT_NAME);
        buf_add_fmt(out, " %llu.%llu %%", (unsigned long long)(tenths / 10),
                    (unsigned long long)(tenths % 10));
        status_add_count(out, risk->reviewed, "reviewed");
        status_add_count(out, risk->degraded, "degraded");
    }
    buf_add_byte(out, '\n');
}

/* " · errors 4.0 % (1.6 to 10.1 %)": only where the draw says something. */
static void status_add_errors(struct buf *out, const struct status_workflow *workflow)
{
    if (workflow->labels.labelled == 0)
        return;
    buf_add_text(out, STATUS_DOT "audited ");
    label_sum_add_text(out, &workflow->labels);
}

static void status_add_workflow(struct buf *out, const struct status *status,
                                const struct status_workflow *workflow)
{
    size_t start = out->size;
    wording_add_line(out, workflow->name, LIMIT_NAME);
    status_pad(out, start, STATUS_NAME_WIDTH);
    start = out->size;
    buf_add_text(out, status_position(status, workflow));
    if (workflow->workflow && workflow->workflow->mode != MODE_AUTO)
        buf_add_fmt(out, ", %s", mode_name(workflow->workflow->mode));
    status_pad(out, start, STATUS_POSITION_WIDTH);
    buf_add_fmt(out, "%llu automatic", (unsigned long long)workflow->automatic);
    status_add_count(out, workflow->by_template, "by template");
    status_add_count(out, workflow->by_fallback, "by other fallback");
    buf_add_fmt(out, STATUS_DOT "%llu reviewed", (unsigned long long)workflow->reviewed);
    status_add_degraded(out, workflow);
    status_add_count(out, workflow->held, "held");
    status_add_drain(out, workflow);
    status_add_count(out, workflow->uncertain, "uncertain");
    status_add_count(out, workflow->in_review, "to decide");
    status_add_count(out, workflow->audits, "to label");
    status_add_count(out, workflow->failed, "failed");
    status_add_count(out, workflow->expired, "expired");
    status_add_in_time(out, workflow);
    status_add_errors(out, workflow);
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < workflow->step_count; i++)
        status_add_risks(out, &workflow->steps[i]);
}

/* "; interlock restart i_… …", or what else it waits for */
static void status_add_stop_do(struct buf *out, const struct status *status,
                               const struct stop *stop)
{
    const struct status_ramp *ramp = status_ramp(status, stop);
    const struct status_answer *answer = status_answer(status, stop);
    bool is_moving = ramp && !ramp->is_stuck && !answer->is_asked;
    bool is_first = answer->is_open && !answer->is_asked; /* say that you know of it */
    if (stop->incident == 0 || (is_moving && !is_first))
        return;
    if (answer->no.size > 0) {
        buf_add_text(out, "; ");
        wording_add_line(out, answer->no, STATUS_WHY_MAX);
    }
    buf_add_fmt(out, "; interlock %s ",
                is_first           ? "ack"
                : answer->is_asked ? "approve"
                                   : "restart");
    text_add_id(out, ID_INCIDENT, stop->incident);
    if (is_first)
        return;
    if (!answer->is_asked) {
        buf_add_text(out, " --reason \"\xe2\x80\xa6\"");
        return;
    }
    buf_add_text(out, ", who may: ");
    wording_add_line(out, answer->approvers, LIMIT_SUMMARY);
}

/* What its incident waits for stands with the first of its stops. */
static bool status_is_said(const struct status *status, const struct stop *stop)
{
    for (const struct stop *other = status->stops; other < stop; other++)
        if (!other->is_lifted && other->incident != 0 && other->incident == stop->incident)
            return true;
    return false;
}

static void status_add_stop(struct buf *out, const struct status *status, const struct stop *stop)
{
    size_t start = out->size;
    receipt_add_scope(out, stop);
    status_pad(out, start, STATUS_NAME_WIDTH);
    if (stop->position == POSITION_STOPPED)
        buf_add_text(out, stop->stopped_at_unix_ms == 0 ? "STOPPING since " : "stopped since ");
    else
        buf_add_fmt(out, "on %s since ", position_name(stop->position));
    zone_add_time(out, status->zone, (struct zone_time){stop->at_unix_ms, status->now_unix_ms},
                  ZONE_SECONDS);
    if (stop->by[0]) {
        buf_add_text(out, " by ");
        wording_add_line(out, slice_text(stop->by), LIMIT_NAME);
    }
    struct slice why = status->whys ? status->whys[stop - status->stops] : (struct slice){0};
    buf_add_text(out, why.size > 0 ? ": " : "");
    wording_add_line(out, why, STATUS_WHY_MAX);
    const struct status_ramp *ramp = status_ramp(status, stop);
    bool is_said = status_is_said(status, stop);
    if (ramp && !is_said)
        buf_add_fmt(out, "; RAMP %.*s", SLICE_FMT(ramp->text));
    if (!is_said)
        status_add_stop_do(out, status, stop);
    buf_add_byte(out, '\n');
}

/* "does not answer since 14:02:11: 5 failures in a row" */
static void status_add_breaker(struct buf *out, const struct status *status,
                               const struct status_upstream *upstream)
{
    buf_add_text(out, upstream->breaker == BREAKER_OPEN ? "does not answer" : "is asked");
    if (upstream->opened_unix_ms > 0) {
        struct zone_time since = {upstream->opened_unix_ms, status->now_unix_ms};
        buf_add_text(out,
                     upstream->breaker == BREAKER_OPEN ? " since " : ", did not answer since ");
        zone_add_time(out, status->zone, since, ZONE_SECONDS);
    }
    buf_add_text(out, ": ");
    upstream_cause_add_words(upstream->cause, upstream->cause_count, upstream->cause_of, out);
    if (upstream->failed_probes == 1)
        buf_add_text(out, ", asked once in vain");
    else if (upstream->failed_probes > 1)
        buf_add_fmt(out, ", asked %d times in vain", upstream->failed_probes);
}

static void status_add_upstream(struct buf *out, const struct status *status,
                                const struct status_upstream *upstream)
{
    bool is_paused = upstream->pause_until_unix_ms > status->now_unix_ms;
    bool is_open = upstream->breaker != BREAKER_CLOSED;
    bool is_slow = upstream->rate_milli >= 0 && upstream->held > 0;
    bool is_waiting = upstream->held > 0 && upstream->probe_at_unix_ms > 0;
    if (!is_open && !is_paused && !is_slow && !is_waiting)
        return;
    size_t start = out->size;
    wording_add_line(out, upstream->name, LIMIT_NAME);
    status_pad(out, start, STATUS_NAME_WIDTH);
    int64_t at = 0;
    if (is_open) {
        status_add_breaker(out, status, upstream);
        at = upstream->probe_at_unix_ms;
    } else if (is_paused) {
        buf_add_text(out, "asks to wait");
        at = upstream->pause_until_unix_ms;
    } else if (is_slow) {
        buf_add_fmt(out, "answers again, %lld.%lld calls a second",
                    (long long)upstream->rate_milli / 1000,
                    (long long)upstream->rate_milli / 100 % 10);
    } else {
        buf_add_text(out, upstream->retry_budget == 0 ? "its retry budget is empty" : "answers");
        at = upstream->probe_at_unix_ms;
    }
    if (at > 0) {
        buf_add_text(out, is_open ? "; asked again " : is_paused ? " until " : "; tried again ");
        zone_add_time(out, status->zone, (struct zone_time){at, status->now_unix_ms}, ZONE_SECONDS);
    }
    if (upstream->held > 0)
        buf_add_fmt(out, "; %llu held", (unsigned long long)upstream->held);
    buf_add_byte(out, '\n');
}

static void status_add_warnings(struct buf *out, struct slice warnings_json)
{
    struct scan_walk walk;
    struct slice key;
    struct slice item;
    struct buf text;
    if (warnings_json.size == 0)
        return;
    buf_init(&text, STATUS_WARNING_MAX * 4);
    scan_open(&walk, warnings_json);
    while (scan_next(&walk, &key, &item)) {
        buf_reset(&text);
        if (!scan_add_text(item, &text))
            continue;
        buf_add_text(out, "warning: ");
        wording_add_line(out, buf_slice(&text), STATUS_WARNING_MAX);
        buf_add_byte(out, '\n');
    }
    buf_done(&text);
}

/* "stop path tried 14:02: works" */
static void status_add_stop_check(struct buf *out, const struct status *status)
{
    const struct stop_check *check = &status->stop_check;
    bool fails = check->result == STOP_CHECK_FAILS;
    if (check->result == STOP_CHECK_NOT_YET)
        return;
    buf_add_text(out, fails ? "STOP PATH " : "stop path ");
    if (check->at_unix_ms > 0) {
        buf_add_text(out, "tried ");
        zone_add_time(out, status->zone, (struct zone_time){check->at_unix_ms, status->now_unix_ms},
                      ZONE_MINUTES);
        buf_add_text(out, ": ");
    }
    buf_add_text(out, fails ? "DOES NOT WORK: " : "works");
    if (fails)
        wording_add_line(out, check->what, STATUS_WARNING_MAX);
    buf_add_byte(out, '\n');
}

/* Who does not answer, whether anybody would notice, and that interlock was down. */
static void status_add_outside(struct buf *out, const struct status *status)
{
    for (size_t i = 0; i < status->unsigned_plans.count; i++) {
        struct slice name = status->unsigned_plans.at[i];
        buf_add_fmt(out,
                    "UNSIGNED: the plan of %.*s has changed since it was signed: interlock plan "
                    "%.*s --sign\n",
                    SLICE_FMT(name), SLICE_FMT(name));
    }
    if (status->has_watchdog && status->watchdog_unix_ms > 0 && !status->is_watchdog_good) {
        buf_add_text(out, "watchdog: not reached at ");
        zone_add_time(out, status->zone,
                      (struct zone_time){status->watchdog_unix_ms, status->now_unix_ms},
                      ZONE_SECONDS);
        buf_add_text(out, ": ");
        wording_add_line(out, status->watchdog_what, STATUS_WARNING_MAX);
        buf_add_byte(out, '\n');
    } else if (status->has_watchdog && status->watchdog_unix_ms > 0) {
        buf_add_text(out, "watchdog: pinged at ");
        zone_add_time(out, status->zone,
                      (struct zone_time){status->watchdog_unix_ms, status->now_unix_ms},
                      ZONE_SECONDS);
        buf_add_byte(out, '\n');
    }
    if (status->down_ms > 0 && status->now_unix_ms - status->started_unix_ms < STATUS_DAY_MS) {
        buf_add_text(out, "interlock was not running for ");
        zone_add_span(out, status->down_ms);
        buf_add_text(out, " until ");
        zone_add_time(out, status->zone,
                      (struct zone_time){status->started_unix_ms, status->now_unix_ms},
                      ZONE_MINUTES);
        buf_add_byte(out, '\n');
    }
}

/* "i_…  upstream mailer degraded: mailer is not called, since 14:01; interlock ack i_…" */
static void status_add_incident(struct buf *out, const struct status_incident *incident)
{
    text_add_id(out, ID_INCIDENT, incident->id);
    buf_add_text(out, "  ");
    wording_add_line(out, incident->scope, LIMIT_SUMMARY);
    buf_add_byte(out, ' ');
    wording_add_line(out, incident->kind, LIMIT_NAME);
    buf_add_text(out, ": ");
    wording_add_line(out, incident->what, STATUS_WARNING_MAX);
    if (incident->acknowledged_by.size > 0) {
        buf_add_text(out, "; ");
        wording_add_line(out, incident->acknowledged_by, LIMIT_NAME);
        buf_add_text(out, " acknowledged it");
    } else {
        buf_add_text(out, "; interlock ack ");
        text_add_id(out, ID_INCIDENT, incident->id);
    }
    buf_add_byte(out, '\n');
}

/* "payouts/pay  alert since 14:02 by trigger late: 8 of the last 60 actions took …" */
static void status_add_trigger(struct buf *out, const struct status *status,
                               const struct status_trigger *trigger)
{
    size_t start = out->size;
    wording_add_line(out, trigger->workflow, LIMIT_NAME);
    if (trigger->step.size > 0) {
        buf_add_byte(out, '/');
        wording_add_line(out, trigger->step, LIMIT_NAME);
    }
    status_pad(out, start, STATUS_NAME_WIDTH);
    if (trigger->tripped_unix_ms > 0) {
        struct zone_time since = {trigger->tripped_unix_ms, status->now_unix_ms};
        buf_add_text(out, "alert since ");
        zone_add_time(out, status->zone, since, ZONE_SECONDS);
    } else {
        buf_add_text(out, "near an alert");
    }
    buf_add_text(out, " by trigger ");
    wording_add_line(out, trigger->name, LIMIT_NAME);
    buf_add_text(out, ": ");
    wording_add_line(out, trigger->what, STATUS_WARNING_MAX);
    buf_add_byte(out, '\n');
}

void status_text_add(struct buf *out, const struct status *status)
{
    status_add_headline(out, status);
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < status->workflow_count; i++)
        status_add_workflow(out, status, &status->workflows[i]);
    for (size_t i = 0; i < status->stop_count; i++)
        if (!status->stops[i].is_lifted)
            status_add_stop(out, status, &status->stops[i]);
    for (size_t i = 0; i < status->incident_count; i++)
        status_add_incident(out, &status->incidents[i]);
    for (size_t i = 0; i < status->trigger_count; i++)
        status_add_trigger(out, status, &status->triggers[i]);
    for (size_t i = 0; i < status->upstream_count; i++)
        status_add_upstream(out, status, &status->upstreams[i]);
    status_add_stop_check(out, status);
    status_add_outside(out, status);
    if (status->flag.size > 0) {
        buf_add_text(out, "warning: ");
        wording_add_line(out, status->flag, STATUS_WARNING_MAX);
        buf_add_byte(out, '\n');
    }
    status_add_warnings(out, status->warnings_json);
}
