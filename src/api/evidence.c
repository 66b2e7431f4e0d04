/* What is known of one workflow, for the people who answer for it: report and ready. */
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/ready.h"
#include "record/report.h"
#include "record/story.h"

enum { EVIDENCE_WORKFLOWS = 1024, EVIDENCE_DAY_MS = 24 * 3600 * 1000 };

static bool evidence_is_of(const struct call *call, struct slice name)
{
    return config_workflow_of(call->config, name) == call->workflow;
}

struct evidence_labels {
    const struct call *call;
    struct label_sum *sum;
};

static void evidence_add_label(void *arg, const struct label_row *row, int64_t now_unix_ms)
{
    struct evidence_labels *labels = arg;
    if (evidence_is_of(labels->call, row->workflow))
        label_sum_add(labels->sum, row, now_unix_ms);
}

/* People know it by its key; a report without it says the id. */
static void evidence_name_oldest(struct call *call, struct evidence *out)
{
    const struct engine_port *engine = call->engine;
    struct view view = {0};
    struct buf handle;
    if (engine->view(engine->impl, out->oldest_action, false, &call->arena, &view) != ERR_OK)
        return;
    buf_init(&handle, LIMIT_HTTP_LINE);
    story_add_handle(&view, &handle);
    out->oldest_handle = arena_copy(&call->arena, buf_slice(&handle));
    buf_done(&handle);
}

/* How many are open now. */
static enum err evidence_read_now(struct call *call, struct evidence *out)
{
    const struct engine_port *engine = call->engine;
    size_t count = EVIDENCE_WORKFLOWS;
    struct engine_counts *counts = ARENA_ARRAY(&call->arena, count, struct engine_counts);
    if (!counts)
        return ERR_NO_MEMORY;
    engine->counts(engine->impl, out->now_unix_ms, &call->arena, counts, &count);
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(counts[i].workflow, call->workflow->name))
            continue;
        out->held = counts[i].held;
        out->uncertain = counts[i].uncertain;
        out->in_review = counts[i].in_review;
        out->waiting = counts[i].waiting;
        out->attempting = counts[i].attempting;
    }
    enum err err = engine->oldest(engine->impl, call->workflow->name, &out->oldest_action,
                                  &out->oldest_unix_ms);
    if (err == ERR_OK && out->oldest_action != 0)
        evidence_name_oldest(call, out);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Those of it, of a part of it, of what it calls, and of everything. */
static enum err evidence_read_stops(struct call *call, int64_t since_unix_ms, struct evidence *out)
{
    const struct engine_port *engine = call->engine;
    size_t count = LIMIT_STOPS, kept = 0;
    struct stop *stops = ARENA_ARRAY(&call->arena, count, struct stop);
    struct evidence_stop *found = ARENA_ARRAY(&call->arena, count, struct evidence_stop);
    enum err err = stops && found ? engine->stops_since(engine->impl, since_unix_ms, stops, &count)
                                  : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        const struct stop *stop = &stops[i];
        bool is_of = stop->names[0][0] == '\0' || evidence_is_of(call, slice_text(stop->names[0]));
        if (!is_of ||
            (stop->names[2][0] && !workflow_calls(call->workflow, slice_text(stop->names[2]))))
            continue;
        found[kept++] = (struct evidence_stop){
            .at_unix_ms = stop->at_unix_ms,
            .lifted_at_unix_ms = stop->is_lifted ? stop->lifted_at_unix_ms : 0,
            .is_whole = !stop->names[1][0] && !stop->names[2][0] && !stop->names[3][0]};
    }
    out->stops = found;
    out->stop_count = kept;
    return err;
}

static enum err evidence_read(struct call *call, int64_t window_ms, int64_t stops_ms,
                              struct evidence *out)
{
    const struct engine_port *engine = call->engine;
    struct evidence_labels labels = {call, &out->labels};
    *out = (struct evidence){.config = call->config,
                             .workflow = call->workflow,
                             .now_unix_ms = engine->now_unix_ms(engine->impl),
                             .zone = engine->zone(engine->impl)};
    out->since_unix_ms = out->now_unix_ms - window_ms;
    enum err err =
        engine->tally(engine->impl, call->workflow->name, out->since_unix_ms, &out->tally);
    if (err == ERR_OK)
        err = engine->label_sums(engine->impl, out->since_unix_ms, evidence_add_label, &labels);
    if (err == ERR_OK)
        err = evidence_read_stops(call, out->now_unix_ms - stops_ms, out);
    return err == ERR_OK ? evidence_read_now(call, out) : err;
}

static void evidence_reply(struct call *call, bool is_text, const struct buf *out)
{
    if (is_text)
        reply_text(call, 200, out);
    else
        reply_json(call, 200, out);
}

void evidence_report(struct call *call)
{
    struct slice since = {0};
    const struct parameter fields[] = {{"since", &since}};
    int64_t window_ms = 7LL * EVIDENCE_DAY_MS;
    bool is_text = false;
    struct evidence evidence;
    if (!parameter_format(call, fields, 1, &is_text))
        return;
    if (since.at && (!text_parse_duration(since, &window_ms) || window_ms < 3600000 ||
                     window_ms > LIMIT_REPORT_DAYS * (int64_t)EVIDENCE_DAY_MS)) {
        (void)parameter_refuse(call, "since", "a duration from 1h to 400d, as 7d");
        return;
    }
    enum err err = evidence_read(call, window_ms, window_ms, &evidence);
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    if (is_text)
        report_text_add(&out, &evidence);
    else
        report_json_add(&out, &evidence);
    evidence_reply(call, is_text, &out);
    buf_done(&out);
}

void evidence_ready(struct call *call)
{
    struct evidence evidence;
    struct tally quiet;
    struct ready ready;
    bool is_text = false;
    if (!parameter_format(call, NULL, 0, &is_text))
        return;
    enum err err = evidence_read(call, READY_EVIDENCE_MS, READY_REHEARSED_MS, &evidence);
    if (err == ERR_OK)
        err = call->engine->tally(call->engine->impl, call->workflow->name,
                                  evidence.now_unix_ms - READY_QUIET_MS, &quiet);
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    ready_judge(&ready, &evidence, &quiet);
    if (is_text)
        ready_text_add(&out, &ready);
    else
        ready_json_add(&out, &ready);
    ready_done(&ready);
    evidence_reply(call, is_text, &out);
    buf_done(&out);
}
