#include "loop/undone.h"

#include "base/check.h"
#include "loop/alerts.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/loaded.h"
#include "loop/notices.h"
#include "loop/rows.h"
#include "loop/views.h"
#include "record/ids.h"
#include "record/story.h"
#include "record/undone_row.h"

enum {
    UNDONE_QUIET_MS = 3000,   /* no more ended meanwhile: the message is whole */
    UNDONE_GATHER_MS = 60000, /* but nobody waits longer for the first one */
    UNDONE_AGAIN_MS = 3600000 /* one message a workflow and hour */
};

/* The group that is told: the owner of the workflow, else that of `switch:`, else admins. */
static const struct group *undone_group(const struct engine *engine, struct slice workflow)
{
    const struct config *config = engine_config(engine);
    const struct workflow *found = config_workflow_of(config, workflow);
    if (found && found->duties.owner)
        return found->duties.owner;
    return config->switch_duties.owner ? config->switch_duties.owner : config->admins;
}

static void undone_count(struct undone *undone, const struct action *action)
{
    uint64_t count = undone_count_all(&undone->count);
    if (count == 0)
        undone->since_unix_ms = action->ended_unix_ms;
    if (count < JOURNAL_FIRST)
        undone->first[count] = action->id;
    undone->until_unix_ms = action->ended_unix_ms;
    undone->count.expired += action->state == STATE_EXPIRED;
    undone->count.cancelled += action->state == STATE_CANCELLED;
    undone->count.rejected += action->state == STATE_REJECTED;
    undone->count.failed += action->state == STATE_FAILED;
    undone->count.late += action_ran_out(action);
}

/* The row of the workflow, as it is now. */
static struct store_row undone_row(struct arena *arena, const struct workflow_state *workflow,
                                   const struct undone *undone)
{
    struct buf value;
    buf_init(&value, LIMIT_ROW);
    undone_encode(undone, &value);
    struct store_row row = {.table = STORE_UNDONE,
                            .key = arena_copy(arena, slice_text(workflow->name)),
                            .value = arena_copy(arena, buf_slice(&value))};
    buf_done(&value);
    return row;
}

void engine_undone_end(struct engine *engine, const struct entry *entry, struct record *record,
                       struct arena *arena, struct store_write *write)
{
    const struct action *action = &entry->row.action;
    bool is_its_end = tally_is_end(record) && action->ended_unix_ms == record->at_unix_ms;
    struct workflow_state *workflow = is_its_end && action_is_undone(action)
                                          ? engine_workflow(engine, entry->row.workflow)
                                          : NULL;
    if (!workflow)
        return;
    const struct group *group = undone_group(engine, entry->row.workflow);
    if (group)
        record->tells = group->name;
    undone_count(&workflow->undone, action);
    struct store_row *rows = ARENA_ARRAY(arena, write->row_count + 1, struct store_row);
    CHECK(rows != NULL);
    if (write->row_count > 0)
        memcpy(rows, write->rows, write->row_count * sizeof *rows);
    rows[write->row_count++] = undone_row(arena, workflow, &workflow->undone);
    write->rows = rows;
}

/* ---- telling ---- */

/* The incident of that workflow that nobody has acknowledged yet, or 0. */
static uint64_t undone_open(const struct engine *engine, const char *workflow)
{
    for (struct list *node = engine->alerts.next; node != &engine->alerts; node = node->next) {
        const struct alert *alert = LIST_ENTRY(node, struct alert, link);
        if (alert->journal.kind == INCIDENT_UNDONE &&
            strcmp(alert->journal.names[JOURNAL_WORKFLOW], workflow) == 0)
            return alert->incident;
    }
    return 0;
}

static void undone_tell(struct engine *engine, struct workflow_state *workflow)
{
    struct undone *undone = &workflow->undone;
    uint64_t open = undone_open(engine, workflow->name);
    struct journal journal = {.incident = open ? open : engine_new_id(engine),
                              .kind = INCIDENT_UNDONE,
                              .lasting = LASTING_UNDONE,
                              .began_unix_ms = undone->since_unix_ms,
                              .undone = undone->count};
    memcpy(journal.names[JOURNAL_WORKFLOW], workflow->name, sizeof workflow->name);
    memcpy(journal.first, undone->first, sizeof journal.first);
    struct undone told = {.told_unix_ms = engine->now_unix_ms};
    struct buf key, value;
    struct arena arena;
    arena_init(&arena, 65536);
    buf_init(&key, LIMIT_NAME + 2 * TEXT_ID_MAX);
    buf_init(&value, LIMIT_ROW);
    undone_key_add(&key, slice_text(workflow->name), undone->until_unix_ms);
    undone_telling_encode(journal.incident, &value);
    struct store_row rows[] = {
        {.table = STORE_UNDONE, .key = buf_slice(&key), .value = buf_slice(&value)},
        undone_row(&arena, workflow, &told)};
    undone->told_unix_ms = engine->now_unix_ms; /* where it finds no room: not at each beat */
    if (engine_alert_undone(engine, &journal, rows, sizeof rows / sizeof *rows))
        *undone = told;
    buf_done(&value);
    buf_done(&key);
    arena_done(&arena);
}

static bool undone_is_due(const struct engine *engine, const struct undone *undone)
{
    int64_t now = engine->now_unix_ms;
    bool is_gathered = now - undone->until_unix_ms >= UNDONE_QUIET_MS ||
                       (now - undone->since_unix_ms >= UNDONE_GATHER_MS &&
                        now > undone->until_unix_ms); /* its time is the key of the telling */
    return undone_count_all(&undone->count) > 0 && is_gathered &&
           (undone->told_unix_ms == 0 || now - undone->told_unix_ms >= UNDONE_AGAIN_MS);
}

void engine_run_undone(struct engine *engine)
{
    for (size_t i = 0; i < engine->workflow_count; i++) {
        if (engine->is_closing || engine->has_failed || engine->unsaved >= ENGINE_UNSAVED_ADMIT)
            return;
        if (undone_is_due(engine, &engine->workflows[i].undone))
            undone_tell(engine, &engine->workflows[i]);
    }
}

/* ---- the start ---- */

static enum err undone_load_row(void *arg, const struct store_row *row, bool *out_is_enough)
{
    struct workflow_state *workflow = engine_workflow(arg, row->key);
    (void)out_is_enough;
    return workflow ? undone_decode(row->value, &workflow->undone) : ERR_NO_MEMORY;
}

enum err engine_load_undone(struct engine *engine)
{
    return rows_each(engine, STORE_UNDONE, UNDONE_AFTER_TELLINGS, undone_load_row, engine);
}

/* ---- reads ---- */

/* As commands name it: by its key, or by its id where something is masked in that (R23). */
static void undone_add_name(struct engine *engine, uint64_t id, struct buf *out)
{
    struct arena arena;
    struct view view = {0};
    arena_init(&arena, ENGINE_SCRATCH);
    if (engine_view(engine, id, false, &arena, &view) == ERR_OK)
        story_add_handle(&view, out);
    else
        text_add_id(out, ID_ACTION, id);
    arena_done(&arena);
}

void engine_undone_add_names(struct engine *engine, const struct journal *journal, struct buf *out)
{
    uint64_t all = undone_count_all(&journal->undone), named = 0;
    struct buf names;
    buf_init(&names, LIMIT_REASON);
    for (size_t i = 0; i < JOURNAL_FIRST && journal->first[i] != 0; i++, named++) {
        buf_add_text(&names, i > 0 ? ", " : "");
        undone_add_name(engine, journal->first[i], &names);
    }
    redact_add(&engine->loaded->redact, buf_slice(&names), false, out);
    if (all > named)
        buf_add_fmt(out, " and %llu more", (unsigned long long)(all - named));
    buf_done(&names);
}

void engine_undone_add_all(struct engine *engine, const struct journal *journal, struct buf *out)
{
    engine_undone_add_names(engine, journal, out);
    if (undone_count_all(&journal->undone) <= JOURNAL_FIRST)
        return;
    buf_add_text(out, "; all of them: interlock incident ");
    text_add_id(out, ID_INCIDENT, journal->incident);
    buf_add_text(out, " --actions");
}

enum err engine_undone_incident(struct engine *engine, struct slice workflow, int64_t ended_unix_ms,
                                uint64_t *out_incident)
{
    const struct store_port *store = &engine->options.store;
    struct store_row row;
    size_t count = 0;
    struct buf after;
    struct arena arena;
    *out_incident = 0;
    arena_init(&arena, ENGINE_SCRATCH);
    buf_init(&after, LIMIT_NAME + 2 * TEXT_ID_MAX);
    undone_key_add(&after, workflow, ended_unix_ms - 1);
    enum err err =
        store->list_rows(store->impl, STORE_UNDONE, buf_slice(&after), 1, &arena, &row, &count);
    if (err == ERR_OK && count > 0 && undone_key_is_of(row.key, workflow))
        err = undone_telling_decode(row.value, out_incident);
    buf_done(&after);
    arena_done(&arena);
    return err;
}

/* The first who was told of it, or is being told. */
static enum err undone_find_person(struct engine *engine, struct arena *arena,
                                   struct view_told *told)
{
    struct notice *notices = ARENA_ARRAY(arena, LIMIT_PAGE, struct notice);
    size_t count = LIMIT_PAGE;
    enum err err = notices ? engine_list_notices(engine, told->incident, arena, notices, &count)
                           : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        bool is_better = notices[i].state == NOTICE_DELIVERED && told->at_unix_ms == 0;
        if (notices[i].about != NOTICE_TROUBLE || (told->person.size > 0 && !is_better))
            continue;
        told->person = arena_copy(arena, notices[i].person);
        told->channel = arena_copy(arena, notices[i].channel);
        told->is_failed = notices[i].state == NOTICE_FAILED;
        if (notices[i].state == NOTICE_DELIVERED)
            told->at_unix_ms = notices[i].ended_unix_ms;
    }
    return err;
}

enum err engine_undone_told(struct engine *engine, struct arena *arena, struct view *view)
{
    const struct group *group = undone_group(engine, view->workflow);
    struct ladder_row ladder = {0};
    if (!action_is_undone(view->action))
        return ERR_OK;
    view->told.is_due = true;
    for (size_t i = view->history_count; i > 0 && view->told.group.size == 0; i--)
        view->told.group = view->history[i - 1].record.tells;
    if (view->told.group.size == 0 && group)
        view->told.group = group->name;
    enum err err = engine_undone_incident(engine, view->workflow, view->action->ended_unix_ms,
                                          &view->told.incident);
    if (err != ERR_OK || view->told.incident == 0)
        return err;
    struct engine_port port = {0};
    engine_port_alerts(&port);
    if (port.ladder(engine, view->told.incident, arena, &ladder) == ERR_OK)
        view->told.acknowledged_by = arena_copy(arena, ladder.acknowledged_by);
    return undone_find_person(engine, arena, &view->told);
}
