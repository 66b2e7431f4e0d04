/* loop/reports.c - `report:` of a policy: at each opening of a day, week or month the people who
 * answer for a workflow get its report, as messages. Durable: up to when it was reported is one
 * write with the messages, so a crash makes none come twice and none be missing; what was due while
 * interlock was down is sent once, after the start. */
#include "loop/reports.h"

#include "loop/alerts.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/loaded.h"
#include "loop/notices.h"
#include "loop/steps.h"
#include "loop/views.h"
#include "record/number.h"
#include "record/report.h"

enum { REPORT_TICK_MS = 10000, REPORT_KEY = LIMIT_NAME + 16 };
#define REPORT_LONGEST_MS (LIMIT_REPORT_DAYS * INT64_C(86400000))

static void report_key_add(struct buf *out, struct slice workflow)
{
    buf_add_text(out, "report/");
    buf_add(out, workflow);
}

static enum err report_read(struct engine *engine, struct slice name, int64_t *out_unix_ms)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct buf key;
    struct slice value = {0};
    uint64_t number = 0;
    arena_init(&arena, 4096);
    buf_init(&key, REPORT_KEY);
    report_key_add(&key, name);
    enum err err = store->get_row(store->impl, STORE_META, buf_slice(&key), &arena, &value);
    if (err == ERR_OK && !number_take_varint(&value, &number))
        err = ERR_CORRUPT;
    *out_unix_ms = (int64_t)number;
    buf_done(&key);
    arena_done(&arena);
    return err;
}

/* Its row, in the bytes of two buffers. */
static struct store_row report_row(const struct workflow *workflow, int64_t until_unix_ms,
                                   struct buf *key, struct buf *value)
{
    buf_init(key, REPORT_KEY);
    buf_init(value, 16);
    report_key_add(key, workflow->name);
    number_add_varint(value, (uint64_t)until_unix_ms);
    return (struct store_row){
        .table = STORE_META, .key = buf_slice(key), .value = buf_slice(value)};
}

/* Up to when it was reported. The first time it is seen, also by a former name, it begins now. */
static enum err report_load(struct engine *engine, const struct workflow *workflow,
                            struct workflow_state *state)
{
    enum err err = report_read(engine, workflow->name, &state->reported_unix_ms);
    for (size_t i = 0; err == ERR_NOT_FOUND && i < workflow->was.count; i++)
        err = report_read(engine, workflow->was.at[i], &state->reported_unix_ms);
    if (err != ERR_NOT_FOUND)
        return err;
    struct buf key, value;
    struct pending none = {0};
    state->reported_unix_ms = engine->now_unix_ms;
    struct store_row row = report_row(workflow, engine->now_unix_ms, &key, &value);
    engine_save_rows(engine, &row, 1, &none);
    buf_done(&value);
    buf_done(&key);
    return ERR_OK;
}

/* One write: up to when it is reported now, and the messages. */
static void report_save(struct engine *engine, const struct workflow *workflow,
                        struct notice_batch *batch)
{
    struct buf key, value;
    struct store_row until = report_row(workflow, engine->now_unix_ms, &key, &value);
    struct record record = {.kind = RECORD_REPORTED, .workflow = workflow->name};
    notice_batch_save(engine, batch, &record, &until);
    buf_done(&value);
    buf_done(&key);
}

static enum err report_make(struct engine *engine, const struct workflow *workflow,
                            int64_t since_unix_ms)
{
    struct engine_evidence_query query = {workflow, since_unix_ms, since_unix_ms};
    struct alert_people people = {.count = 0};
    const struct slice none = {0};
    struct notice_batch batch;
    struct notice_draft draft;
    struct evidence evidence;
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    enum err err = engine_evidence(engine, &query, &arena, &evidence);
    if (err == ERR_OK) {
        alert_people_add_members(
            &people, workflow->report_to ? workflow->report_to : workflow->duties.owner, none);
        alert_people_add_members(&people, workflow->report_to ? NULL : workflow->duties.inform,
                                 none);
        notice_batch_init(&batch);
        notice_draft_init(&draft);
        draft.about = NOTICE_REPORT;
        report_line_add(&draft.line, &evidence);
        report_text_add(&draft.body, &evidence);
        buf_add(&draft.scope, workflow->name);
        (void)notice_batch_add(engine, &batch, &draft, people.people, people.count);
        report_save(engine, workflow, &batch);
        notice_draft_done(&draft);
        notice_batch_done(&batch);
    }
    arena_done(&arena);
    return err;
}

static enum err report_look(struct engine *engine, const struct workflow *workflow)
{
    struct workflow_state *state = engine_workflow(engine, workflow->name);
    struct calendar calendar = engine_calendar(engine);
    enum err err = ERR_OK;
    if (!state)
        return ERR_NO_MEMORY;
    if (state->reported_unix_ms == 0)
        err = report_load(engine, workflow, state);
    if (err != ERR_OK || calendar_turned(&calendar, workflow->report_every, engine->now_unix_ms) <=
                             state->reported_unix_ms)
        return err;
    int64_t since = state->reported_unix_ms;
    if (since < engine->now_unix_ms - REPORT_LONGEST_MS)
        since = engine->now_unix_ms - REPORT_LONGEST_MS;
    err = report_make(engine, workflow, since);
    if (err == ERR_OK)
        state = engine_workflow(engine, workflow->name); /* the list may have grown */
    if (err == ERR_OK && state)
        state->reported_unix_ms = engine->now_unix_ms;
    return err;
}

void engine_run_reports(struct engine *engine)
{
    const struct config *config = engine_config(engine);
    if (engine->now_unix_ms < engine->report_unix_ms || engine->is_closing || engine->has_failed ||
        engine->unsaved >= ENGINE_UNSAVED_ADMIT)
        return;
    engine->report_unix_ms = engine->now_unix_ms + REPORT_TICK_MS;
    for (size_t i = 0; i < config->workflow_count && !engine->has_failed; i++) {
        if (config->workflows[i].report_every == CALENDAR_NEVER)
            continue;
        enum err err = report_look(engine, &config->workflows[i]);
        if (err != ERR_OK && err != ERR_BUSY && err != ERR_NO_MEMORY)
            engine_fail(engine, err_text(err));
    }
}
