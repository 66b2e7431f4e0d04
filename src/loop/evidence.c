/* loop/evidence.c - what is known of one workflow, for the people who answer for it: the facts of
 * report and ready. */
#include "record/evidence.h"
#include "loop/audit.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/views.h"
#include "record/story.h"

enum { EVIDENCE_WORKFLOWS = 1024 };

/* One reading of it. */
struct evidence_work {
    const struct engine_port *engine;
    const struct config *config;
    const struct workflow *workflow;
    struct arena *arena;
    struct evidence *out;
};

static bool evidence_is_of(const struct evidence_work *work, struct slice name)
{
    return config_workflow_of(work->config, name) == work->workflow;
}

static void evidence_add_label(void *arg, const struct label_row *row, int64_t now_unix_ms)
{
    struct evidence_work *work = arg;
    if (evidence_is_of(work, row->workflow))
        label_sum_add(&work->out->labels, row, now_unix_ms);
}

/* People know it by its key; one in which something is masked finds nothing, so its id is said. */
static void evidence_name_oldest(struct evidence_work *work)
{
    const struct engine_port *engine = work->engine;
    struct evidence *out = work->out;
    struct view view = {0};
    struct buf handle;
    if (engine->view(engine->impl, out->oldest_action, false, work->arena, &view) != ERR_OK)
        return;
    buf_init(&handle, LIMIT_HTTP_LINE);
    story_add_handle(&view, &handle);
    out->oldest_handle = arena_copy(work->arena, buf_slice(&handle));
    buf_done(&handle);
}

/* How many are open now. */
static enum err evidence_read_now(struct evidence_work *work)
{
    const struct engine_port *engine = work->engine;
    struct evidence *out = work->out;
    size_t count = EVIDENCE_WORKFLOWS;
    struct engine_counts *counts = ARENA_ARRAY(work->arena, count, struct engine_counts);
    if (!counts)
        return ERR_NO_MEMORY;
    engine->counts(engine->impl, out->now_unix_ms, work->arena, counts, &count);
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(counts[i].workflow, work->workflow->name))
            continue;
        out->held = counts[i].held;
        out->uncertain = counts[i].uncertain;
        out->in_review = counts[i].in_review;
        out->waiting = counts[i].waiting;
        out->attempting = counts[i].attempting;
    }
    enum err err = engine->oldest(engine->impl, work->workflow->name, &out->oldest_action,
                                  &out->oldest_unix_ms);
    if (err == ERR_OK && out->oldest_action != 0)
        evidence_name_oldest(work);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Those of it, of a part of it, of what it calls, and of everything. */
static enum err evidence_read_stops(struct evidence_work *work, int64_t since_unix_ms)
{
    const struct engine_port *engine = work->engine;
    struct evidence *out = work->out;
    size_t count = LIMIT_STOPS, kept = 0;
    struct stop *stops = ARENA_ARRAY(work->arena, count, struct stop);
    struct evidence_stop *found = ARENA_ARRAY(work->arena, count, struct evidence_stop);
    enum err err = stops && found ? engine->stops_since(engine->impl, since_unix_ms, stops, &count)
                                  : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        const struct stop *stop = &stops[i];
        bool is_of = stop->names[0][0] == '\0' || evidence_is_of(work, slice_text(stop->names[0]));
        if (!is_of ||
            (stop->names[2][0] && !workflow_calls(work->workflow, slice_text(stop->names[2]))))
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

enum err engine_evidence(void *impl, const struct engine_evidence_query *query, struct arena *arena,
                         struct evidence *out)
{
    struct engine *engine = impl;
    struct engine_port port;
    engine_as_port(engine, &port);
    struct evidence_work work = {&port, engine_config(engine), query->workflow, arena, out};
    *out = (struct evidence){.config = work.config,
                             .workflow = query->workflow,
                             .since_unix_ms = query->since_unix_ms,
                             .now_unix_ms = engine_now(engine),
                             .zone = engine->options.zone};
    enum err err = engine_tally(engine, query->workflow->name, query->since_unix_ms, &out->tally);
    if (err == ERR_OK)
        err = engine_label_sums(engine, query->since_unix_ms, evidence_add_label, &work);
    if (err == ERR_OK)
        err = evidence_read_stops(&work, query->stops_since_unix_ms);
    return err == ERR_OK ? evidence_read_now(&work) : err;
}
