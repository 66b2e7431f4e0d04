#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"

/* Prometheus text format 0.0.4. Cardinality is bounded by the configuration: workflows, upstreams,
 * and our own enums; nothing that a caller sends is a label. */
enum { METRICS_ROWS = 1024 };

struct metrics {
    struct buf out;
    struct engine_counts *counts;
    size_t count_count;
    struct engine_upstream *upstreams;
    size_t upstream_count;
    struct engine_health health;
    size_t stop_count;
};

static void metrics_head(struct metrics *metrics, const char *name, const char *type,
                         const char *help)
{
    buf_add_fmt(&metrics->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Label values: backslash, quote and newline are escaped. */
static void metrics_add_label(struct metrics *metrics, const char *before, struct slice value)
{
    buf_add_text(&metrics->out, before);
    buf_add_byte(&metrics->out, '"');
    for (size_t i = 0; i < value.size; i++) {
        char c = value.at[i];
        if (c == '\\' || c == '"')
            buf_add_byte(&metrics->out, '\\');
        buf_add_text(&metrics->out, c == '\n' ? "\\n" : "");
        if (c != '\n')
            buf_add_byte(&metrics->out, c);
    }
    buf_add_byte(&metrics->out, '"');
}

static void metrics_add_value(struct metrics *metrics, uint64_t value)
{
    buf_add_byte(&metrics->out, ' ');
    buf_add_u64(&metrics->out, value);
    buf_add_byte(&metrics->out, '\n');
}

/* Milliseconds as seconds. */
static void metrics_add_seconds(struct metrics *metrics, int64_t ms)
{
    buf_add_fmt(&metrics->out, " %lld.%03lld\n", (long long)(ms / 1000), (long long)(ms % 1000));
}

static void metrics_single(struct metrics *metrics, const char *name, const char *type,
                           const char *help, uint64_t value)
{
    metrics_head(metrics, name, type, help);
    buf_add_text(&metrics->out, name);
    metrics_add_value(metrics, value);
}

static void metrics_row(struct metrics *metrics, const char *name, const char *label,
                        struct slice of, uint64_t value)
{
    buf_add_fmt(&metrics->out, "%s{%s=", name, label);
    metrics_add_label(metrics, "", of);
    buf_add_text(&metrics->out, "}");
    metrics_add_value(metrics, value);
}

static void metrics_row2(struct metrics *metrics, const char *head, struct slice of,
                         const char *label, const char *value_of)
{
    buf_add_text(&metrics->out, head);
    metrics_add_label(metrics, "", of);
    buf_add_fmt(&metrics->out, ",%s=\"%s\"}", label, value_of);
}

static void metrics_add_actions(struct metrics *metrics)
{
    metrics_head(metrics, "interlock_actions_total", "counter",
                 "Times that an action came into a state, since the process started.");
    for (size_t i = 0; i < metrics->count_count; i++)
        for (size_t state = 0; state < STATE_COUNT; state++) {
            metrics_row2(metrics, "interlock_actions_total{workflow=", metrics->counts[i].workflow,
                         "state", state_name((enum action_state)state));
            metrics_add_value(metrics, metrics->counts[i].entered[state]);
        }
    metrics_head(metrics, "interlock_actions_open", "gauge", "Actions that are in a state now.");
    for (size_t i = 0; i < metrics->count_count; i++) {
        const struct engine_counts *counts = &metrics->counts[i];
        const struct {
            enum action_state state;
            uint64_t count;
        } now[] = {{STATE_ATTEMPTING, counts->attempting},
                   {STATE_WAITING, counts->waiting},
                   {STATE_HELD, counts->held},
                   {STATE_IN_REVIEW, counts->in_review},
                   {STATE_UNCERTAIN, counts->uncertain}};
        for (size_t j = 0; j < sizeof now / sizeof *now; j++) {
            metrics_row2(metrics, "interlock_actions_open{workflow=", counts->workflow, "state",
                         state_name(now[j].state));
            metrics_add_value(metrics, now[j].count);
        }
    }
}

static void metrics_add_workflows(struct metrics *metrics)
{
    static const struct {
        const char *name, *type, *help;
        size_t at;
    } rows[] = {
        {"interlock_replays_total", "counter", "Repeats of a key that were answered, not sent.",
         offsetof(struct engine_counts, repeats_answered)},
        {"interlock_repeats_prevented_total", "counter",
         "Of the replays, those of an action that had been sent already.",
         offsetof(struct engine_counts, seconds_prevented)},
        {"interlock_refused_total", "counter", "Submits that a stop refused; nothing was stored.",
         offsetof(struct engine_counts, refused)},
        {"interlock_audits_open", "gauge", "Drawn actions that wait for a label.",
         offsetof(struct engine_counts, audits)},
        {"interlock_audit_labels_right_total", "counter",
         "Labels of drawn actions that say right: the sample.",
         offsetof(struct engine_counts, samples_right)},
        {"interlock_audit_labels_wrong_total", "counter",
         "Labels of drawn actions that say wrong: the sample.",
         offsetof(struct engine_counts, samples_wrong)},
        {"interlock_complaints_total", "counter", "Labels that say wrong, of what nobody drew.",
         offsetof(struct engine_counts, complaints)},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        metrics_head(metrics, rows[r].name, rows[r].type, rows[r].help);
        for (size_t i = 0; i < metrics->count_count; i++) {
            const char *counts = (const char *)&metrics->counts[i];
            metrics_row(metrics, rows[r].name, "workflow", metrics->counts[i].workflow,
                        *(const uint64_t *)(const void *)(counts + rows[r].at));
        }
    }
    metrics_head(metrics, "interlock_inbox", "gauge", "Actions that wait for a person.");
    for (size_t i = 0; i < metrics->count_count; i++)
        metrics_row(metrics, "interlock_inbox", "workflow", metrics->counts[i].workflow,
                    metrics->counts[i].in_review + metrics->counts[i].uncertain);
    metrics_head(metrics, "interlock_oldest_held_timestamp_seconds", "gauge",
                 "When the action that is held longest was held; absent when none is.");
    for (size_t i = 0; i < metrics->count_count; i++) {
        if (metrics->counts[i].oldest_held_unix_ms == 0)
            continue;
        buf_add_text(&metrics->out, "interlock_oldest_held_timestamp_seconds{workflow=");
        metrics_add_label(metrics, "", metrics->counts[i].workflow);
        buf_add_text(&metrics->out, "}");
        metrics_add_seconds(metrics, metrics->counts[i].oldest_held_unix_ms);
    }
}

static void metrics_add_degraded(struct metrics *metrics)
{
    metrics_head(metrics, "interlock_degraded_recent", "gauge",
                 "Actions of the last 24 hours that a fallback did, by its cause.");
    for (size_t i = 0; i < metrics->count_count; i++)
        for (size_t cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++) {
            metrics_row2(metrics,
                         "interlock_degraded_recent{workflow=", metrics->counts[i].workflow,
                         "cause", cause_name((enum cause)cause));
            metrics_add_value(metrics, metrics->counts[i].degraded[cause]);
        }
}

/* One row a trigger; the standard ones of a signal tell apart by their position. */
static void metrics_add_triggers(struct call *call, struct metrics *metrics)
{
    struct engine_trigger *items = NULL;
    size_t count = 0;
    if (call->engine->triggers(call->engine->impl, (struct slice){0}, &call->arena, &items,
                               &count) != ERR_OK)
        return;
    metrics_head(metrics, "interlock_trigger_level", "gauge",
                 "0 normal, 1 near its limit, 2 tripped.");
    for (size_t i = 0; i < count; i++) {
        const struct trigger *trigger = items[i].trigger;
        buf_add_text(&metrics->out, "interlock_trigger_level{workflow=");
        metrics_add_label(metrics, "", items[i].workflow);
        metrics_add_label(metrics, ",trigger=", trigger->name);
        metrics_add_label(metrics,
                          ",step=", trigger->step ? trigger->step->name : (struct slice){0});
        metrics_add_label(metrics, ",risk=", trigger->risk);
        buf_add_fmt(&metrics->out, ",to=\"%s\"}", trigger_move_name(trigger->terms.move));
        metrics_add_value(metrics, (uint64_t)items[i].level);
    }
}

static void metrics_add_steps(struct metrics *metrics)
{
    metrics_head(metrics, "interlock_degraded_total", "counter",
                 "Actions that a fallback did, by step and cause, since the process started.");
    for (size_t i = 0; i < metrics->count_count; i++) {
        const struct engine_counts *counts = &metrics->counts[i];
        for (size_t s = 0; s < counts->step_count; s++)
            for (size_t cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++) {
                buf_add_text(&metrics->out, "interlock_degraded_total{workflow=");
                metrics_add_label(metrics, "", counts->workflow);
                metrics_add_label(metrics, ",step=", counts->steps[s].step);
                buf_add_fmt(&metrics->out, ",cause=\"%s\"}", cause_name((enum cause)cause));
                metrics_add_value(metrics, counts->steps[s].degraded_total[cause]);
            }
    }
}

static void metrics_add_upstreams(struct metrics *metrics)
{
    metrics_head(metrics, "interlock_attempts_total", "counter",
                 "Attempts by how they ended, since the process started.");
    for (size_t i = 0; i < metrics->upstream_count; i++)
        for (size_t outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
            metrics_row2(metrics, "interlock_attempts_total{upstream=", metrics->upstreams[i].name,
                         "outcome", outcome_name((enum outcome)outcome));
            metrics_add_value(metrics, metrics->upstreams[i].attempts[outcome]);
        }
    metrics_head(metrics, "interlock_breaker_open", "gauge",
                 "1 while the breaker of an upstream is not closed: it is not called, but to ask.");
    for (size_t i = 0; i < metrics->upstream_count; i++)
        metrics_row(metrics, "interlock_breaker_open", "upstream", metrics->upstreams[i].name,
                    metrics->upstreams[i].breaker != BREAKER_CLOSED);
    metrics_head(metrics, "interlock_probes_total", "counter",
                 "Calls that only asked whether an upstream is back, since the process started.");
    for (size_t i = 0; i < metrics->upstream_count; i++)
        metrics_row(metrics, "interlock_probes_total", "upstream", metrics->upstreams[i].name,
                    metrics->upstreams[i].probes);
    metrics_head(metrics, "interlock_upstream_held", "gauge", "Actions held for it.");
    for (size_t i = 0; i < metrics->upstream_count; i++)
        metrics_row(metrics, "interlock_upstream_held", "upstream", metrics->upstreams[i].name,
                    metrics->upstreams[i].held);
    metrics_head(metrics, "interlock_upstream_calls", "gauge", "Calls under way.");
    for (size_t i = 0; i < metrics->upstream_count; i++)
        metrics_row(metrics, "interlock_upstream_calls", "upstream", metrics->upstreams[i].name,
                    (uint64_t)metrics->upstreams[i].under_way);
    metrics_head(metrics, "interlock_retry_budget", "gauge",
                 "Retries that may be made now; each ok first attempt earns a tenth.");
    for (size_t i = 0; i < metrics->upstream_count; i++) {
        int tenths = metrics->upstreams[i].tokens_tenths;
        buf_add_text(&metrics->out, "interlock_retry_budget{upstream=");
        metrics_add_label(metrics, "", metrics->upstreams[i].name);
        buf_add_fmt(&metrics->out, "} %d.%d\n", tenths / 10, tenths % 10);
    }
}

static void metrics_add_process(struct metrics *metrics, struct slice version)
{
    const struct engine_health *health = &metrics->health;
    const struct store_counts *store = &health->store;
    metrics_head(metrics, "interlock_build_info", "gauge", "Always 1; the version is the label.");
    metrics_row(metrics, "interlock_build_info", "version", version, 1);
    metrics_head(metrics, "interlock_start_time_seconds", "gauge", "When the process started.");
    buf_add_text(&metrics->out, "interlock_start_time_seconds");
    metrics_add_seconds(metrics, health->started_unix_ms);
    metrics_single(metrics, "interlock_ready", "gauge", "1 when new work is taken.",
                   health->is_ready);
    metrics_single(metrics, "interlock_stops", "gauge", "Stops in force.", metrics->stop_count);
    metrics_single(metrics, "interlock_stop_check_ok", "gauge",
                   "1 when the stop path was tried not long ago, and works.",
                   health->stop_check.result == STOP_CHECK_WORKS);
    metrics_single(metrics, "interlock_stop_check_age_seconds", "gauge",
                   "Since the stop path was tried last, or since the start.",
                   health->stop_check.age_ms > 0 ? (uint64_t)health->stop_check.age_ms / 1000 : 0);
    metrics_single(metrics, "interlock_unended", "gauge", "Actions that have not ended.",
                   health->unended);
    metrics_single(metrics, "interlock_waiters", "gauge", "Callers that wait for an answer.",
                   health->waiters);
    metrics_single(metrics, "interlock_store_records_total", "counter", "Records written.",
                   store->records);
    metrics_single(metrics, "interlock_store_batches_total", "counter", "Transactions committed.",
                   store->batches);
    metrics_single(metrics, "interlock_store_head", "gauge", "Sequence of the newest record.",
                   health->head_seq);
    metrics_single(metrics, "interlock_store_ended", "gauge", "Ended actions that are kept.",
                   store->ended_actions);
    metrics_single(metrics, "interlock_store_bytes", "gauge", "Bytes of the store on disk.",
                   store->disk_bytes);
    metrics_single(metrics, "interlock_store_free_bytes", "gauge",
                   "Free bytes of the disk of the store.", store->disk_free_bytes);
}

static bool metrics_read(struct call *call, struct metrics *metrics)
{
    const struct engine_port *engine = call->engine;
    struct arena *arena = &call->arena;
    size_t stop_count = LIMIT_STOPS;
    struct stop *stops = ARENA_ARRAY(arena, stop_count, struct stop);
    metrics->count_count = metrics->upstream_count = METRICS_ROWS;
    metrics->counts = ARENA_ARRAY(arena, METRICS_ROWS, struct engine_counts);
    metrics->upstreams = ARENA_ARRAY(arena, METRICS_ROWS, struct engine_upstream);
    if (!stops || !metrics->counts || !metrics->upstreams ||
        engine->stops(engine->impl, false, arena, stops, &stop_count) != ERR_OK)
        return false;
    int64_t day_ago = engine->now_unix_ms(engine->impl) - 24 * 3600 * 1000;
    engine->counts(engine->impl, day_ago, arena, metrics->counts, &metrics->count_count);
    engine->upstreams(engine->impl, arena, metrics->upstreams, &metrics->upstream_count);
    engine->health(engine->impl, arena, &metrics->health);
    metrics->stop_count = stop_count;
    return true;
}

void metrics_get(struct call *call)
{
    struct metrics metrics = {0};
    if (!parameter_read(call, NULL, 0))
        return;
    if (!metrics_read(call, &metrics)) {
        reply_err(call, ERR_NO_MEMORY);
        return;
    }
    buf_init(&metrics.out, LIMIT_HTTP_ANSWER);
    metrics_add_process(&metrics, call->options->version);
    metrics_add_actions(&metrics);
    metrics_add_workflows(&metrics);
    metrics_add_degraded(&metrics);
    metrics_add_steps(&metrics);
    metrics_add_triggers(call, &metrics);
    metrics_add_upstreams(&metrics);
    if (buf_ok(&metrics.out))
        call_answer(call, 200, SLICE("text/plain; version=0.0.4; charset=utf-8"),
                    buf_slice(&metrics.out));
    else
        reply_err(call, ERR_LIMIT);
    buf_done(&metrics.out);
}
