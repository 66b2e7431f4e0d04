/* loop/changes.c - what changed before an incident: the values of the policy's `causes:` in actions
 * that went wrong and in those that did not.
 * Owns: which actions are looked at (the newest CHANGES_ACTIONS, found by looking at CHANGES_LOOKED
 *   at most) and which of them were wrong: by their labels where enough are wrong, else by their
 *   ends. core/changed.h ranks, and says where the evidence holds.
 * Keeps R23: a masked field is no cause, and secrets are taken out of values. */
#include "loop/incidents.h"

#include <stdlib.h>

#include "base/check.h"
#include "loop/audit.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "record/row.h"

enum {
    CHANGES_ACTIONS = 300,
    CHANGES_LOOKED = 2000,
    CHANGES_VALUES = 64, /* of one cause; a cause with more of them has no value that stands out */
    CHANGES_SHOWN = 3,
    CHANGES_VALUE = 60, /* bytes of a value */
    CHANGES_DAYS = 7
};

struct change_sample {
    uint64_t action;
    bool is_wrong;
};
struct change_value {
    struct slice text;
    int64_t bad, total;
};
struct change_cause {
    struct change_value values[CHANGES_VALUES];
    size_t count;
    int64_t all_bad, all_total; /* of the actions that have it at all */
};
struct change_work {
    struct engine *engine;
    struct arena *arena;
    struct incident_view *view;
    struct change_sample *samples; /* a ring: the newest stay */
    size_t count, bad;
    struct change_cause *causes;
};

static void change_add_sample(struct change_work *work, uint64_t action, bool is_wrong)
{
    work->samples[work->count++ % CHANGES_ACTIONS] = (struct change_sample){action, is_wrong};
}

static void change_add_label(void *arg, const struct label_row *row, int64_t now_unix_ms)
{
    struct change_work *work = arg;
    const struct journal *journal = &work->view->journal;
    (void)now_unix_ms;
    if (row->count == 0 || !engine_journal_covers(work->engine, journal, row->workflow) ||
        (work->view->journal.kind == INCIDENT_STOP &&
         row->started_unix_ms > journal->since_unix_ms))
        return;
    change_add_sample(work, row->action, row->last.is_wrong);
}

static bool change_is_bad(const struct action *action)
{
    return action->state == STATE_FAILED || action->state == STATE_UNCERTAIN ||
           action->state == STATE_EXPIRED ||
           (action->state == STATE_DONE && action->cause != CAUSE_NONE);
}

/* Those that have ended, and what is not known; newest first. */
static enum err change_read_ends(struct change_work *work)
{
    const struct store_port *store = &work->engine->options.store;
    const struct journal *journal = &work->view->journal;
    uint64_t before = journal->kind == INCIDENT_STOP ? ((uint64_t)journal->since_unix_ms << 20) : 0;
    enum { PAGE = 100 };
    size_t count = PAGE;
    enum err err = ERR_OK;
    for (size_t looked = 0;
         err == ERR_OK && count == PAGE && looked < CHANGES_LOOKED && work->count < CHANGES_ACTIONS;
         looked += count) {
        struct arena arena;
        arena_init(&arena, ENGINE_SCRATCH);
        struct store_action *rows = ARENA_ARRAY(&arena, PAGE, struct store_action);
        err = rows ? store->list_actions(store->impl, before, PAGE, &arena, rows, &count)
                   : ERR_NO_MEMORY;
        for (size_t i = 0; err == ERR_OK && i < count && work->count < CHANGES_ACTIONS; i++) {
            struct row row = {0};
            before = rows[i].id;
            err = row_decode(rows[i].row, &row);
            bool is_known = state_is_end(row.action.state) || row.action.state == STATE_UNCERTAIN;
            if (err == ERR_OK && is_known &&
                engine_journal_covers(work->engine, journal, row.workflow))
                change_add_sample(work, row.action.id, change_is_bad(&row.action));
        }
        arena_done(&arena);
    }
    return err;
}

/* Does the path read a field that is masked? */
static bool change_is_masked(const struct step *step, const struct expr *path)
{
    size_t cursor = 0;
    struct expr_field field;
    while (expr_field_next(path, &cursor, &field)) {
        if (field.root != EXPR_ROOT_INPUT)
            continue;
        if (field.name_count == 0 && step->masked_count > 0)
            return true;
        for (size_t i = 0; field.name_count > 0 && i < step->masked_count; i++)
            if (slice_equal(step->masked[i], field.names[0]))
                return true;
    }
    return false;
}

static void change_count(struct change_cause *cause, struct slice text, bool is_wrong)
{
    size_t i = 0;
    cause->all_total++;
    cause->all_bad += is_wrong;
    while (i < cause->count && !slice_equal(cause->values[i].text, text))
        i++;
    if (i == CHANGES_VALUES)
        return;
    if (i == cause->count)
        cause->values[cause->count++] = (struct change_value){.text = text};
    cause->values[i].total++;
    cause->values[i].bad += is_wrong;
}

/* The value as people read it, in the arena; empty: it has none. */
static struct slice change_text(struct change_work *work, const struct expr *path,
                                const struct expr_scope *scope, struct arena *scratch)
{
    struct expr_work eval = {.scratch = scratch};
    struct expr_value value;
    struct buf text, masked;
    buf_init(&text, 4096);
    buf_init(&masked, 16384);
    bool is_good = expr_eval(path, scope, &eval, &value) == EXPR_OK &&
                   expr_value_add_text(&text, &value) == ERR_OK && buf_ok(&text);
    if (is_good)
        redact_add(&work->engine->loaded->redact, buf_slice(&text), false, &masked);
    struct slice kept = arena_copy(work->arena, slice_first(buf_slice(&masked), CHANGES_VALUE));
    buf_done(&masked);
    buf_done(&text);
    return kept;
}

static void change_look(struct change_work *work, const struct change_sample *sample)
{
    const struct workflow *workflow = work->view->workflow;
    struct bundle_submit submit;
    struct expr_scope scope = {0};
    struct arena scratch;
    json_t *input = NULL, *context = NULL;
    enum err err = ERR_OK;
    struct entry *entry = entry_get(work->engine, sample->action, &err);
    if (!entry)
        return;
    arena_init(&scratch, ENGINE_SCRATCH);
    if (entry->step && engine_open_scope(entry, &scratch, &submit, &scope, &input, &context)) {
        work->view->changes_of++;
        work->view->changes_bad += sample->is_wrong;
        for (size_t i = 0; i < workflow->cause_count; i++) {
            const struct expr *path = workflow->causes[i].path;
            struct slice text = change_is_masked(entry->step, path)
                                    ? (struct slice){0}
                                    : change_text(work, path, &scope, &scratch);
            if (text.size > 0)
                change_count(&work->causes[i], text, sample->is_wrong);
        }
    }
    json_decref(input);
    json_decref(context);
    arena_done(&scratch);
    entry_let_go(work->engine, entry);
}

static int change_order(const void *a, const void *b)
{
    const struct incident_change *x = a, *y = b;
    return changed_compare(&x->counts, &y->counts);
}

/* What the evidence bears, best first. */
static enum err change_rank(struct change_work *work)
{
    struct incident_view *view = work->view;
    size_t causes = view->workflow->cause_count, count = 0;
    struct incident_change *changes =
        ARENA_ARRAY(work->arena, causes * CHANGES_VALUES, struct incident_change);
    if (!changes)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < causes; i++)
        for (size_t v = 0; v < work->causes[i].count; v++) {
            const struct change_cause *cause = &work->causes[i];
            struct changed_lift lift;
            struct incident_change change = {.path = view->workflow->causes[i].text,
                                             .value = cause->values[v].text,
                                             .counts = {cause->values[v].bad,
                                                        cause->values[v].total, cause->all_bad,
                                                        cause->all_total}};
            changed_measure(&change.counts, &lift);
            if (lift.is_evident)
                changes[count++] = change;
        }
    qsort(changes, count, sizeof *changes, change_order);
    view->changes = changes;
    view->change_count = count < CHANGES_SHOWN ? count : CHANGES_SHOWN;
    return ERR_OK;
}

enum err engine_find_changes(struct engine *engine, struct arena *arena, struct incident_view *view)
{
    struct change_work work = {.engine = engine, .arena = arena, .view = view};
    int64_t from = view->journal.since_unix_ms - CHANGES_DAYS * 24LL * 3600000;
    if (!view->workflow || view->workflow->cause_count == 0)
        return ERR_OK;
    work.samples = ARENA_ARRAY(arena, CHANGES_ACTIONS, struct change_sample);
    work.causes = ARENA_ARRAY(arena, view->workflow->cause_count, struct change_cause);
    if (!work.samples || !work.causes)
        return ERR_NO_MEMORY;
    enum err err = engine_label_sums(engine, from, change_add_label, &work);
    size_t kept = work.count < CHANGES_ACTIONS ? work.count : CHANGES_ACTIONS;
    for (size_t i = 0; i < kept; i++)
        work.bad += work.samples[i].is_wrong;
    if (err == ERR_OK && work.bad < CHANGED_BAD) {
        work.count = 0;
        err = change_read_ends(&work);
        kept = work.count;
    }
    for (size_t i = 0; err == ERR_OK && i < kept; i++)
        change_look(&work, &work.samples[i]);
    return err == ERR_OK ? change_rank(&work) : err;
}
