/* GET /v1/status: the same facts as the text, and its first line. */
#include "record/drain_text.h"
#include "record/ids.h"
#include "record/label_json.h"
#include "record/member.h"
#include "record/receipt.h"
#include "record/status.h"

enum { STATUS_JSON_HEADLINE = 8192 };

static void status_json_add_causes(struct buf *out, const uint64_t degraded[CAUSE_COUNT])
{
    member_add_name(out, "degraded");
    buf_add_byte(out, '{');
    for (size_t i = 1; i < CAUSE_COUNT; i++)
        if (degraded[i] > 0)
            member_add_u64(out, cause_name((enum cause)i), degraded[i]);
    buf_add_byte(out, '}');
}

static void status_json_add_step(struct buf *out, const struct step_counts *step)
{
    buf_add_byte(out, '{');
    member_add_text(out, "step", step->step);
    member_add_u64(out, "in_review", step->in_review);
    member_add_u64(out, "held", step->held);
    status_json_add_causes(out, step->degraded);
    member_add_name(out, "risk");
    buf_add_byte(out, '[');
    for (size_t i = 0; i <= step->risk_count; i++) {
        const struct risk_counts *risk = &step->risks[i];
        buf_add_text(out, i > 0 ? ",{" : "{");
        member_add_text(out, "class", step->risk_names[i]);
        member_add_u64(out, "automatic", risk->automatic);
        member_add_u64(out, "by_fallback", risk->fallback);
        member_add_u64(out, "reviewed", risk->reviewed);
        member_add_u64(out, "degraded", risk->degraded);
        member_add_u64(out, "other", risk->other);
        buf_add_byte(out, '}');
    }
    buf_add_text(out, "]}");
}

/* What a restart let go and has not gone yet, and how fast it goes; null = nothing. */
static void status_json_add_drain(struct buf *out, const struct status_workflow *workflow)
{
    member_add_name(out, "drain");
    if (workflow->draining == 0) {
        buf_add_text(out, "null");
        return;
    }
    buf_add_byte(out, '{');
    member_add_u64(out, "held", workflow->draining);
    member_add_name(out, "per_second");
    drain_add_rate(out, workflow->drain_milli);
    member_add_u64(out, "seconds", drain_seconds(workflow->draining, workflow->drain_milli));
    buf_add_byte(out, '}');
}

static void status_json_add_workflow(struct buf *out, const struct status *status,
                                     const struct status_workflow *workflow)
{
    buf_add_byte(out, '{');
    member_add_text(out, "workflow", workflow->name);
    member_add_word(out, "position", status_position(status, workflow));
    member_add_word(out, "mode", workflow->workflow ? mode_name(workflow->workflow->mode) : NULL);
    member_add_u64(out, "automatic", workflow->automatic);
    member_add_u64(out, "by_template", workflow->by_template);
    member_add_u64(out, "by_fallback", workflow->by_fallback);
    member_add_u64(out, "reviewed", workflow->reviewed);
    status_json_add_causes(out, workflow->degraded);
    member_add_u64(out, "rejected", workflow->rejected);
    member_add_u64(out, "failed", workflow->failed);
    member_add_u64(out, "expired", workflow->expired);
    member_add_u64(out, "cancelled", workflow->cancelled);
    member_add_u64(out, "held", workflow->held);
    status_json_add_drain(out, workflow);
    member_add_u64(out, "uncertain", workflow->uncertain);
    member_add_u64(out, "in_review", workflow->in_review);
    member_add_u64(out, "attempting", workflow->attempting);
    member_add_u64(out, "waiting", workflow->waiting);
    member_add_u64(out, "repeats_answered", workflow->repeats_answered);
    member_add_u64(out, "in_time", workflow->sla_met);
    member_add_u64(out, "late", workflow->sla_missed);
    member_add_u64(out, "to_label", workflow->audits);
    member_add_name(out, "errors");
    label_json_add_sum(out, &workflow->labels);
    member_add_time(out, "oldest_due", workflow->oldest_people_due_unix_ms);
    member_add_name(out, "steps");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < workflow->step_count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        status_json_add_step(out, &workflow->steps[i]);
    }
    buf_add_text(out, "]}");
}

static void status_json_add_upstream(struct buf *out, const struct status_upstream *upstream)
{
    buf_add_byte(out, '{');
    member_add_text(out, "upstream", upstream->name);
    bool is_open = upstream->breaker != BREAKER_CLOSED;
    member_add_word(out, "breaker", breaker_state_name(upstream->breaker));
    if (is_open) {
        member_add_word(out, "cause", breaker_cause_name(upstream->cause));
        member_add_u64(out, "cause_count", (uint64_t)upstream->cause_count);
        member_add_u64(out, "cause_of", (uint64_t)upstream->cause_of);
        member_add_u64(out, "failed_probes", (uint64_t)upstream->failed_probes);
        member_add_time(out, "open_since", upstream->opened_unix_ms);
    }
    bool is_tried = is_open || upstream->held > 0;
    member_add_time(out, "asked_again_at", is_tried ? upstream->probe_at_unix_ms : 0);
    member_add_time(out, "paused_until", upstream->pause_until_unix_ms);
    member_add_u64(out, "held", upstream->held);
    member_add_u64(out, "under_way", (uint64_t)upstream->under_way);
    member_add_u64(out, "concurrency", (uint64_t)upstream->concurrency);
    member_add_u64(out, "retry_budget", (uint64_t)upstream->retry_budget);
    buf_add_byte(out, '}');
}

/* "a, b" */
static void status_json_add_plans(struct buf *out, struct slices names)
{
    struct buf text;
    buf_init(&text, LIMIT_HTTP_ANSWER);
    for (size_t i = 0; i < names.count; i++) {
        buf_add_text(&text, i > 0 ? ", " : "");
        buf_add(&text, names.at[i]);
    }
    member_add_text(out, "unsigned_plans", buf_slice(&text));
    buf_done(&text);
}

static void status_json_add_lists(struct buf *out, const struct status *status)
{
    member_add_name(out, "workflows");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < status->workflow_count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        status_json_add_workflow(out, status, &status->workflows[i]);
    }
    buf_add_byte(out, ']');
    member_add_name(out, "upstreams");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < status->upstream_count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        status_json_add_upstream(out, &status->upstreams[i]);
    }
    buf_add_byte(out, ']');
    member_add_name(out, "ramps");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < status->ramp_count; i++) {
        buf_add_text(out, i ? ",{" : "{");
        member_add_id(out, "incident", ID_INCIDENT, status->ramps[i].incident);
        member_add_text(out, "text", status->ramps[i].text);
        member_add_bool(out, "stuck", status->ramps[i].is_stuck);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
    member_add_name(out, "stops");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < status->stop_count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        receipt_json_add(out, &status->stops[i], status->whys ? status->whys[i] : (struct slice){0},
                         NULL, 0);
    }
    buf_add_byte(out, ']');
}

static void status_json_add_incidents(struct buf *out, const struct status *status)
{
    member_add_name(out, "incidents");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < status->incident_count; i++) {
        const struct status_incident *incident = &status->incidents[i];
        buf_add_text(out, i ? ",{" : "{");
        member_add_id(out, "id", ID_INCIDENT, incident->id);
        member_add_text(out, "kind", incident->kind);
        member_add_text(out, "scope", incident->scope);
        member_add_time(out, "since", incident->since_unix_ms);
        member_add_text(out, "what", incident->what);
        member_add_text(out, "acknowledged_by", incident->acknowledged_by);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

static void status_json_add_triggers(struct buf *out, const struct status *status)
{
    member_add_name(out, "triggers");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < status->trigger_count; i++) {
        const struct status_trigger *trigger = &status->triggers[i];
        buf_add_text(out, i ? ",{" : "{");
        member_add_text(out, "workflow", trigger->workflow);
        member_add_text(out, "step", trigger->step);
        member_add_text(out, "name", trigger->name);
        member_add_word(out, "state", trigger->tripped_unix_ms > 0 ? "tripped" : "warned");
        member_add_time(out, "tripped_at", trigger->tripped_unix_ms);
        member_add_text(out, "what", trigger->what);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

void stop_check_json_add(struct buf *out, const struct stop_check *check)
{
    static const char *const results[] = {[STOP_CHECK_NOT_YET] = "not_yet",
                                          [STOP_CHECK_WORKS] = "works",
                                          [STOP_CHECK_FAILS] = "fails"};
    member_add_name(out, "stop_check");
    buf_add_byte(out, '{');
    member_add_word(out, "result", results[check->result]);
    member_add_time(out, "at", check->at_unix_ms);
    member_add_u64(out, "age_ms", check->age_ms > 0 ? (uint64_t)check->age_ms : 0);
    member_add_text(out, "what", check->what);
    buf_add_byte(out, '}');
}

void status_json_add(struct buf *out, const struct status *status)
{
    static const char *const states[] = {
        [STATUS_FINE] = "fine", [STATUS_DEGRADED] = "degraded", [STATUS_STOPPED] = "stopped"};
    struct buf headline;
    buf_init(&headline, STATUS_JSON_HEADLINE);
    status_add_headline(&headline, status);
    buf_add_byte(out, '{');
    member_add_text(out, "says", buf_slice(&headline));
    member_add_word(out, "state", states[status_exit_code(status)]);
    member_add_u64(out, "exit", status_exit_code(status));
    member_add_bool(out, "ready", status->is_ready);
    member_add_text(out, "why", status->is_ready ? SLICE("") : status->why);
    member_add_time(out, "now", status->now_unix_ms);
    member_add_time(out, "since", status->since_unix_ms);
    member_add_text(out, "timezone", zone_name(status->zone));
    status_json_add_lists(out, status);
    status_json_add_incidents(out, status);
    status_json_add_triggers(out, status);
    member_add_text(out, "unanswered", status->unanswered);
    status_json_add_plans(out, status->unsigned_plans);
    member_add_name(out, "watchdog");
    if (status->has_watchdog) {
        buf_add_byte(out, '{');
        member_add_bool(out, "good", status->is_watchdog_good);
        member_add_time(out, "at", status->watchdog_unix_ms);
        member_add_text(out, "what", status->watchdog_what);
        buf_add_byte(out, '}');
    } else {
        buf_add_text(out, "null");
    }
    stop_check_json_add(out, &status->stop_check);
    member_add_u64(out, "down_ms", (uint64_t)status->down_ms);
    member_add_text(out, "flag", status->flag);
    member_add_raw(out, "warnings",
                   status->warnings_json.size > 0 ? status->warnings_json : SLICE("[]"));
    buf_add_byte(out, '}');
    buf_done(&headline);
}
