#include "record/status.h"
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "record/ids.h"
#include "record/member.h"
#include "record/plan.h"

void status_health(struct call *call)
{
    if (parameter_read(call, NULL, 0))
        call_answer(call, 200, SLICE("application/json"), SLICE("{\"status\":\"ok\"}"));
}

static void status_add_watchdog(struct buf *out, const struct engine_health *health)
{
    member_add_name(out, "watchdog");
    if (!health->has_watchdog) {
        buf_add_text(out, "null");
        return;
    }
    buf_add_byte(out, '{');
    member_add_bool(out, "good", health->is_watchdog_good);
    member_add_time(out, "at", health->watchdog_unix_ms);
    member_add_text(out, "what", health->watchdog_what);
    buf_add_byte(out, '}');
}

/* "i_…, i_…": all of them, or those that this caller may know of. */
static struct slice status_unanswered(struct call *call, const struct engine_health *health,
                                      bool is_seen_only)
{
    const struct engine_port *engine = call->engine;
    struct buf out;
    buf_init(&out, LIMIT_ALERTS * TEXT_ID_MAX);
    for (size_t i = 0; i < health->unanswered_count; i++) {
        struct engine_incident incident = {0};
        if (is_seen_only && (engine->incident(engine->impl, health->unanswered[i], &call->arena,
                                              &incident) != ERR_OK ||
                             !call_may_see_stops(call, incident.workflow)))
            continue;
        buf_add_text(&out, out.size > 0 ? ", " : "");
        text_add_id(&out, ID_INCIDENT, health->unanswered[i]);
    }
    struct slice kept = arena_copy(&call->arena, buf_slice(&out));
    buf_done(&out);
    return kept;
}

/* 503 with the reason while new work is not taken; the warnings (IL900) stand in both. */
void status_ready(struct call *call)
{
    struct engine_health health = {0};
    if (!parameter_read(call, NULL, 0))
        return;
    call->engine->health(call->engine->impl, &call->arena, &health);
    struct buf out;
    reply_begin_object(&out);
    member_add_bool(&out, "ready", health.is_ready);
    member_add_text(&out, "why", health.is_ready ? (struct slice){0} : health.why);
    member_add_text(&out, "flag", health.flag);
    member_add_raw(&out, "warnings", health.warnings.size ? health.warnings : SLICE("[]"));
    member_add_text(&out, "unanswered", status_unanswered(call, &health, false));
    status_add_watchdog(&out, &health);
    stop_check_json_add(&out, &health.stop_check);
    buf_add_byte(&out, '}');
    if (!health.is_ready)
        reply_add_retry_after(call, 1000);
    reply_json(call, health.is_ready ? 200 : 503, &out);
    buf_done(&out);
}
/* ---- status ---- */

enum { STATUS_ROWS = 1024, STATUS_WINDOW_MS = 24 * 3600 * 1000 };

/* What the engine tells, row by row. */
struct status_facts {
    struct engine_counts *counts;
    struct engine_upstream *upstreams;
    struct stop *stops;
    size_t count_count, upstream_count, stop_count;
    struct engine_health health;
    int64_t since_unix_ms;
    struct status_incident *incidents;
    size_t incident_count;
};

static enum err status_read(struct call *call, struct status_facts *facts)
{
    const struct engine_port *engine = call->engine;
    struct arena *arena = &call->arena;
    facts->count_count = facts->upstream_count = STATUS_ROWS;
    facts->stop_count = LIMIT_STOPS;
    facts->counts = ARENA_ARRAY(arena, STATUS_ROWS, struct engine_counts);
    facts->upstreams = ARENA_ARRAY(arena, STATUS_ROWS, struct engine_upstream);
    facts->stops = ARENA_ARRAY(arena, LIMIT_STOPS, struct stop);
    facts->incident_count = LIMIT_PAGE;
    facts->incidents = ARENA_ARRAY(arena, LIMIT_PAGE, struct status_incident);
    if (!facts->counts || !facts->upstreams || !facts->stops || !facts->incidents)
        return ERR_NO_MEMORY;
    facts->since_unix_ms = engine->now_unix_ms(engine->impl) - STATUS_WINDOW_MS;
    engine->counts(engine->impl, facts->since_unix_ms, arena, facts->counts, &facts->count_count);
    engine->upstreams(engine->impl, arena, facts->upstreams, &facts->upstream_count);
    engine->health(engine->impl, arena, &facts->health);
    engine->troubles(engine->impl, arena, facts->incidents, &facts->incident_count);
    return engine->stops(engine->impl, false, arena, facts->stops, &facts->stop_count);
}

static struct status_workflow status_workflow_of(const struct call *call,
                                                 const struct engine_counts *counts)
{
    struct status_workflow row = {.name = counts->workflow,
                                  .workflow = config_workflow_of(call->config, counts->workflow),
                                  .automatic = counts->automatic,
                                  .by_template = counts->by_template,
                                  .by_fallback = counts->by_fallback,
                                  .reviewed = counts->reviewed,
                                  .rejected = counts->rejected,
                                  .failed = counts->failed,
                                  .expired = counts->expired,
                                  .cancelled = counts->cancelled,
                                  .held = counts->held,
                                  .is_on_fallback = counts->is_on_fallback,
                                  .draining = counts->draining,
                                  .drain_milli = counts->drain_milli,
                                  .uncertain = counts->uncertain,
                                  .in_review = counts->in_review,
                                  .attempting = counts->attempting,
                                  .waiting = counts->waiting,
                                  .repeats_answered = counts->repeats_answered,
                                  .sla_met = counts->sla_met,
                                  .sla_missed = counts->sla_missed,
                                  .audits = counts->audits,
                                  .labels = counts->labels,
                                  .oldest_people_due_unix_ms = counts->oldest_people_due_unix_ms,
                                  .steps = counts->steps,
                                  .step_count = counts->step_count};
    memcpy(row.degraded, counts->degraded, sizeof row.degraded);
    return row;
}

/* Of the workflows that this caller may know of those whose plan was signed and is another one now.
 */
static struct slices status_unsigned_plans(struct call *call)
{
    const struct engine_port *engine = call->engine;
    const struct config *config = engine->config(engine->impl);
    struct slice *names = ARENA_ARRAY(&call->arena, config->workflow_count + 1, struct slice);
    size_t count = 0;
    for (size_t i = 0; names && i < config->workflow_count; i++) {
        const struct workflow *workflow = &config->workflows[i];
        struct plan_signature signature;
        unsigned char facts[DIGEST_SIZE];
        if (!call_may_see_stops(call, workflow->name) ||
            engine->plan_signature(engine->impl, workflow, &call->arena, &signature) != ERR_OK)
            continue;
        plan_facts(config, workflow, facts);
        if (memcmp(facts, signature.facts, DIGEST_SIZE) != 0)
            names[count++] = workflow->name;
    }
    return (struct slices){names, count};
}

/* Of the stops that are shown, those that start again. */
static bool status_fill_ramps(struct call *call, struct status *status)
{
    const struct engine_port *engine = call->engine;
    struct status_ramp *ramps = ARENA_ARRAY(&call->arena, LIMIT_RAMPS, struct status_ramp);
    status->ramps = ramps;
    for (size_t i = 0; ramps && i < status->stop_count && status->ramp_count < LIMIT_RAMPS; i++) {
        struct engine_restart restart = {.state = RESTART_NONE};
        uint64_t incident = status->stops[i].incident;
        bool is_known =
            status->ramp_count > 0 && ramps[status->ramp_count - 1].incident == incident;
        if (!status->stops[i].is_ramping || is_known ||
            engine->restart_of(engine->impl, incident, &call->arena, &restart) != ERR_OK ||
            !restart.row.is_ramping)
            continue;
        struct buf text;
        buf_init(&text, LIMIT_REASON);
        ramp_text_add(&text, restart.ramp, &restart.row.ramp);
        ramps[status->ramp_count++] = (struct status_ramp){
            incident, arena_copy(&call->arena, buf_slice(&text)),
            restart.row.ramp.is_stuck}; /* also while it is asked for again: people must act */
        buf_done(&text);
    }
    return ramps != NULL;
}

/* The no that ended the last request, or stands before the one that is asked for; or empty. */
static struct slice status_no(struct call *call, const struct engine_restart *restart)
{
    const struct engine_port *engine = call->engine;
    const struct restart_no *no =
        restart->state == RESTART_ASKED ? &restart->row.rejected : restart_row_end(&restart->row);
    struct buf text;
    if (restart->state == RESTART_NONE || !no || !no->by[0])
        return (struct slice){0};
    buf_init(&text, LIMIT_REASON);
    restart_no_add(
        &text,
        &(struct restart_no_words){
            no, no == &restart->row.rejected ? restart->rejected_why : restart->withdrawn_why,
            engine->now_unix_ms(engine->impl), engine->zone(engine->impl)});
    struct slice kept = arena_copy(&call->arena, buf_slice(&text));
    buf_done(&text);
    return kept;
}

/* Which of the stops that are shown nobody has acknowledged, and which wait for an approval. */
static bool status_fill_answers(struct call *call, struct status *status)
{
    const struct engine_port *engine = call->engine;
    struct status_answer *answers =
        ARENA_ARRAY(&call->arena, status->stop_count + 1, struct status_answer);
    status->answers = answers;
    for (size_t i = 0; answers && i < status->stop_count; i++) {
        struct engine_restart restart = {.state = RESTART_NONE};
        struct ladder_row ladder;
        uint64_t incident = status->stops[i].incident;
        struct status_answer *answer = &answers[status->answer_count++];
        *answer = (struct status_answer){.incident = incident};
        answer->is_open = engine->ladder(engine->impl, incident, &call->arena, &ladder) == ERR_OK &&
                          ladder.ladder.state == LADDER_RUNNING;
        if (engine->restart_of(engine->impl, incident, &call->arena, &restart) != ERR_OK)
            continue;
        answer->no = status_no(call, &restart);
        if (restart.state != RESTART_ASKED)
            continue;
        struct buf who;
        buf_init(&who, LIMIT_HTTP_LINE);
        restart_approvers_add(&who, restart.approvers, slice_text(restart.row.request.by));
        answer->is_asked = true;
        answer->approvers = arena_copy(&call->arena, buf_slice(&who));
        buf_done(&who);
    }
    return answers != NULL;
}

/* By its incident; one that was told together with another trigger's: by its words. */
static bool status_is_told(const struct status *status, uint64_t told, struct slice what)
{
    for (size_t i = 0; i < status->incident_count; i++)
        for (size_t at = 0; at < status->incidents[i].what.size; at++)
            if (status->incidents[i].id == told ||
                slice_starts(slice_from(status->incidents[i].what, at), what))
                return true;
    return false;
}

static struct slice status_trip_words(struct arena *arena, const struct trip *trip)
{
    struct buf words;
    buf_init(&words, LIMIT_REASON);
    trip_text_add(trip, &words);
    struct slice kept = arena_copy(arena, buf_slice(&words));
    buf_done(&words);
    return kept;
}

/* Of each stop: what its trigger saw, else what was said of its incident. */
static bool status_fill_whys(struct call *call, struct status *status,
                             const struct engine_trigger *items, size_t count)
{
    struct arena *arena = &call->arena;
    struct slice *whys = ARENA_ARRAY(arena, status->stop_count + 1, struct slice);
    status->whys = whys;
    for (size_t i = 0; whys && i < status->stop_count; i++) {
        size_t t = 0;
        while (t < count && items[t].stop != status->stops[i].id)
            t++;
        if (t < count)
            whys[i] = status_trip_words(arena, &items[t].last);
        else
            whys[i] = call->engine->stop_reason(call->engine->impl, &status->stops[i], arena);
    }
    return whys != NULL;
}

/* Alerts that have tripped or are near it: no stop stands for them, an open incident may. After a
 * restart a test begins at half of its limit: that alone is not near it. */
static bool status_fill_triggers(struct call *call, struct status *status)
{
    struct engine_trigger *items = NULL;
    struct arena *arena = &call->arena;
    size_t count = 0;
    if (call->engine->triggers(call->engine->impl, (struct slice){0}, arena, &items, &count) !=
        ERR_OK)
        return false;
    struct status_trigger *triggers = ARENA_ARRAY(arena, count + 1, struct status_trigger);
    status->triggers = triggers;
    for (size_t i = 0; triggers && i < count; i++) {
        const struct engine_trigger *item = &items[i];
        bool is_tripped = item->level == TRIGGER_TRIPPED;
        if (item->level == TRIGGER_NORMAL || item->now.move != MOVE_ALERT ||
            (!is_tripped && item->now.observed == 0) || !call_may_see_stops(call, item->workflow))
            continue;
        struct slice what = status_trip_words(arena, is_tripped ? &item->last : &item->now);
        if (!status_is_told(status, item->told, what))
            triggers[status->trigger_count++] = (struct status_trigger){
                .workflow = item->workflow,
                .step = item->trigger->step ? item->trigger->step->name : (struct slice){0},
                .name = item->trigger->name,
                .what = what,
                .tripped_unix_ms = is_tripped ? item->tripped_unix_ms : 0};
    }
    return triggers != NULL && status_fill_whys(call, status, items, count);
}

/* Workflows and stops that this caller may know of; upstreams are no secret. */
static bool status_fill(struct call *call, struct status_facts *facts, struct status *out)
{
    struct arena *arena = &call->arena;
    struct status_workflow *workflows =
        ARENA_ARRAY(arena, facts->count_count + 1, struct status_workflow);
    struct status_upstream *upstreams =
        ARENA_ARRAY(arena, facts->upstream_count + 1, struct status_upstream);
    if (!workflows || !upstreams)
        return false;
    *out = (struct status){.workflows = workflows,
                           .upstreams = upstreams,
                           .upstream_count = facts->upstream_count,
                           .stops = facts->stops,
                           .incidents = facts->incidents,
                           .is_ready = facts->health.is_ready,
                           .why = facts->health.why,
                           .warnings_json = facts->health.warnings,
                           .flag = facts->health.flag,
                           .unanswered = status_unanswered(call, &facts->health, true),
                           .unsigned_plans = status_unsigned_plans(call),
                           .has_watchdog = facts->health.has_watchdog,
                           .is_watchdog_good = facts->health.is_watchdog_good,
                           .watchdog_what = facts->health.watchdog_what,
                           .watchdog_unix_ms = facts->health.watchdog_unix_ms,
                           .stop_check = facts->health.stop_check,
                           .down_ms = facts->health.down_ms,
                           .started_unix_ms = facts->health.started_unix_ms,
                           .since_unix_ms = facts->since_unix_ms,
                           .now_unix_ms = facts->health.now_unix_ms,
                           .zone = call->engine->zone(call->engine->impl)};
    for (size_t i = 0; i < facts->count_count; i++)
        if (call_may_see_stops(call, facts->counts[i].workflow))
            workflows[out->workflow_count++] = status_workflow_of(call, &facts->counts[i]);
    for (size_t i = 0; i < facts->upstream_count; i++)
        upstreams[i] =
            (struct status_upstream){.name = facts->upstreams[i].name,
                                     .breaker = facts->upstreams[i].breaker,
                                     .cause = facts->upstreams[i].cause,
                                     .cause_count = facts->upstreams[i].cause_count,
                                     .cause_of = facts->upstreams[i].cause_of,
                                     .failed_probes = facts->upstreams[i].failed_probes,
                                     .opened_unix_ms = facts->upstreams[i].opened_unix_ms,
                                     .rate_milli = facts->upstreams[i].rate_milli,
                                     .probe_at_unix_ms = facts->upstreams[i].probe_at_unix_ms,
                                     .pause_until_unix_ms = facts->upstreams[i].pause_until_unix_ms,
                                     .held = facts->upstreams[i].held,
                                     .under_way = facts->upstreams[i].under_way,
                                     .concurrency = facts->upstreams[i].concurrency,
                                     .retry_budget = facts->upstreams[i].tokens_tenths / 10};
    for (size_t i = 0; i < facts->stop_count; i++)
        if (call_may_see_stops(call, slice_text(facts->stops[i].names[0])))
            facts->stops[out->stop_count++] = facts->stops[i];
    for (size_t i = 0; i < facts->incident_count; i++)
        if (call_may_see_stops(call, facts->incidents[i].workflow))
            facts->incidents[out->incident_count++] = facts->incidents[i];
    return status_fill_ramps(call, out) && status_fill_answers(call, out) &&
           status_fill_triggers(call, out);
}

void status_get(struct call *call)
{
    struct status_facts facts = {0};
    struct status status;
    bool is_text = false;
    if (!parameter_format(call, NULL, 0, &is_text))
        return;
    enum err err = status_read(call, &facts);
    if (err == ERR_OK && !status_fill(call, &facts, &status))
        err = ERR_NO_MEMORY;
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    if (is_text)
        status_text_add(&out, &status);
    else
        status_json_add(&out, &status);
    if (is_text)
        reply_text(call, 200, &out);
    else
        reply_json(call, 200, &out);
    buf_done(&out);
}
