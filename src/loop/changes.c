/* loop/changes.c - what changed before an incident: the values of the policy's `causes:` in actions
 * that went wrong and in those that did not.
 * Owns: which actions are looked at (the newest CHANGES_ACTIONS, found by looking at CHANGES_LOOKED
 *   at most) and which of them went wrong: by what its trigger saw; without one by their labels
 *   where enough are wrong, else by their ends. core/changed.h ranks, and says where the evidence
 *   holds.
 * Keeps R23: a masked field is no cause, and secrets are taken out of values. */
#include "loop/incidents.h"

#include <stdlib.h>

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
enum change_says { CHANGE_NO_SAMPLE, CHANGE_IS_GOOD, CHANGE_IS_BAD };

static void change_add_sample(struct change_work *work, uint64_t action, bool is_wrong)
{
    work->samples[work->count++ % CHANGES_ACTIONS] = (struct change_sample){action, is_wrong};
}

static void change_add_label(void *arg, const struct label_row *row, int64_t now_unix_ms)
{
    struct change_work *work = arg;
    const struct journal *journal = &work->view->journal;
    (void)now_unix_ms;
    bool is_before = journal->kind == INCIDENT_STOP || journal->trip.is_set;
    bool is_draw = journal->trip.is_set && journal->trip.signal == SIGNAL_MISCLASSIFIED;
    if (is_draw && !row->is_drawn)
        return; /* R21: of the draw only, as the trigger */
    if (row->count == 0 || !engine_journal_covers(work->engine, journal, row->workflow) ||
        (is_before && row->started_unix_ms > journal->since_unix_ms))
        return;
    change_add_sample(work, row->action, row->last.is_wrong);
}

/* ---- which went wrong ---- */

static bool change_ended_badly(const struct action *action)
{
    return action->state == STATE_FAILED || action->state == STATE_UNCERTAIN ||
           action->state == STATE_EXPIRED ||
           (action->state == STATE_DONE && action->cause != CAUSE_NONE);
}

/* What its gate said of its confidence when it was submitted. */
static enum change_says change_confidence(const struct change_work *work, const struct row *row)
{
    const struct store_port *store = &work->engine->options.store;
    struct arena arena;
    struct store_record stored = {0};
    struct record record;
    enum change_says says = CHANGE_NO_SAMPLE;
    arena_init(&arena, ENGINE_SCRATCH);
    if (store->get_record(store->impl, row->first_seq, &arena, &stored) == ERR_OK &&
        record_decode(stored.body, &arena, &record) == ERR_OK)
        for (size_t i = 0; i < record.path_count; i++)
            if (record.path[i].gate == GATE_CONFIDENCE)
                says = record.path[i].says != SAYS_GO && record.path[i].says != SAYS_NOTE
                           ? CHANGE_IS_BAD
                           : CHANGE_IS_GOOD;
    arena_done(&arena);
    return says;
}

static enum change_says change_as(bool is_bad)
{
    return is_bad ? CHANGE_IS_BAD : CHANGE_IS_GOOD;
}

/* Whether it is one of those that its incident is about. */
static enum change_says change_judge(const struct change_work *work, const struct row *row)
{
    const struct action *action = &row->action;
    const struct journal *journal = &work->view->journal;
    bool is_known = state_is_end(action->state) || action->state == STATE_UNCERTAIN;
    switch (work->view->changes_by) {
    case CHANGED_BY_LABELS: /* read by their labels */
    case CHANGED_BY_NOTHING:
        break;
    case CHANGED_BY_ENDS:
        return is_known ? change_as(change_ended_badly(action)) : CHANGE_NO_SAMPLE;
    case CHANGED_BY_CONFIDENCE:
        return change_confidence(work, row);
    case CHANGED_BY_VERDICTS:
        if (action->state == STATE_REJECTED && action->reason == REASON_PERSON)
            return CHANGE_IS_BAD;
        return action->reviews > 0 && action->state != STATE_IN_REVIEW && tally_had_people(action)
                   ? change_as(row->edited_seq > 0)
                   : CHANGE_NO_SAMPLE;
    case CHANGED_BY_LATENCY:
        return action->state == STATE_DONE
                   ? change_as(action->ended_unix_ms - action->submitted_unix_ms >
                               journal->trip.late_ms)
                   : CHANGE_NO_SAMPLE;
    case CHANGED_BY_RISE:
        return action->starts_total > 0
                   ? change_as(action->submitted_unix_ms >= journal->began_unix_ms)
                   : CHANGE_NO_SAMPLE;
    case CHANGED_BY_WAITS:
        return change_as(action->state == STATE_HELD || action->state == STATE_IN_REVIEW ||
                         action->state == STATE_UNCERTAIN);
    }
    return CHANGE_NO_SAMPLE;
}

static bool change_is_of_it(const struct change_work *work, const struct row *row)
{
    const struct journal *journal = &work->view->journal;
    return engine_journal_covers(work->engine, journal, row->workflow) &&
           (journal->names[JOURNAL_STEP][0] == '\0' ||
            slice_is(row->step, journal->names[JOURNAL_STEP]));
}

/* Those submitted before that id, newest first, until there are so many. */
static enum err change_read_actions(struct change_work *work, uint64_t before, size_t most)
{
    const struct store_port *store = &work->engine->options.store;
    enum { PAGE = 100 };
    size_t count = PAGE;
    enum err err = ERR_OK;
    for (size_t looked = 0;
         err == ERR_OK && count == PAGE && looked < CHANGES_LOOKED && work->count < most;
         looked += count) {
        struct arena arena;
        arena_init(&arena, ENGINE_SCRATCH);
        struct store_action *rows = ARENA_ARRAY(&arena, PAGE, struct store_action);
        err = rows ? store->list_actions(store->impl, before, PAGE, &arena, rows, &count)
                   : ERR_NO_MEMORY;
        for (size_t i = 0; err == ERR_OK && i < count && work->count < most; i++) {
            struct row row = {0};
            before = rows[i].id;
            err = row_decode(rows[i].row, &row);
            enum change_says says = err == ERR_OK && change_is_of_it(work, &row)
                                        ? change_judge(work, &row)
                                        : CHANGE_NO_SAMPLE;
            if (says != CHANGE_NO_SAMPLE)
                change_add_sample(work, row.action.id, says == CHANGE_IS_BAD);
        }
        arena_done(&arena);
    }
    return err;
}

static uint64_t change_id_at(int64_t unix_ms)
{
    return (uint64_t)unix_ms << 20; /* an id begins with its time */
}

/* Of a rise half of them are from before it. */
static enum err change_read(struct change_work *work)
{
    const struct journal *journal = &work->view->journal;
    bool is_before = journal->kind == INCIDENT_STOP || journal->trip.is_set;
    uint64_t before = is_before ? change_id_at(journal->since_unix_ms + 1) : 0;
    if (work->view->changes_by != CHANGED_BY_RISE)
        return change_read_actions(work, before, CHANGES_ACTIONS);
    enum err err = change_read_actions(work, before, CHANGES_ACTIONS / 2);
    if (err != ERR_OK || work->count < CHANGES_ACTIONS / 2)
        return err;
    return change_read_actions(work, change_id_at(journal->began_unix_ms), CHANGES_ACTIONS);
}

/* By what they are told apart: by what the trigger saw. */
static enum changed_by change_by(const struct journal *journal)
{
    if (!journal->trip.is_set)
        return CHANGED_BY_LABELS;
    switch (journal->trip.signal) {
    case SIGNAL_MISCLASSIFIED:
    case SIGNAL_COMPLAINTS:
    case SIGNAL_POSTED:
        return CHANGED_BY_LABELS;
    case SIGNAL_ERRORS:
    case SIGNAL_UNCERTAIN:
    case SIGNAL_DEGRADED:
        return CHANGED_BY_ENDS;
    case SIGNAL_LOW_CONFIDENCE:
        return CHANGED_BY_CONFIDENCE;
    case SIGNAL_OVERRIDES:
        return CHANGED_BY_VERDICTS;
    case SIGNAL_LATENCY:
        return CHANGED_BY_LATENCY;
    case SIGNAL_VOLUME:
    case SIGNAL_SUM:
    case SIGNAL_REPEAT:
        return journal->began_unix_ms > 0 ? CHANGED_BY_RISE : CHANGED_BY_NOTHING;
    case SIGNAL_BACKLOG:
    case SIGNAL_HELD_AGE:
    case SIGNAL_OVERDUE:
        return CHANGED_BY_WAITS;
    case SIGNAL_SILENT:
    case SIGNAL_COUNT:
        break;
    }
    return CHANGED_BY_NOTHING;
}

/* Where labels are what it is about, nothing else is looked at. */
static bool change_needs_labels(const struct journal *journal)
{
    return journal->trip.is_set && journal->trip.signal != SIGNAL_POSTED;
}

/* Does the path read a field that is masked? */
static bool change_is_masked(const struct step *step, const struct expr *path)
{
    size_t cursor = 0;
    struct expr_field field;
    while (expr_field_next(path, &cursor, &field))
        if (step_masks_read(step, &field))
            return true;
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

/* The actions to look at: by labels, unless too few of them are wrong. */
static enum err change_take(struct change_work *work, int64_t from_unix_ms)
{
    struct incident_view *view = work->view;
    if (view->changes_by != CHANGED_BY_LABELS)
        return change_read(work);
    enum err err = engine_label_sums(work->engine, from_unix_ms, change_add_label, work);
    size_t kept = work->count < CHANGES_ACTIONS ? work->count : CHANGES_ACTIONS;
    for (size_t i = 0; i < kept; i++)
        work->bad += work->samples[i].is_wrong;
    if (err != ERR_OK || work->bad >= CHANGED_BAD || change_needs_labels(&view->journal))
        return err;
    work->count = 0;
    view->changes_by = CHANGED_BY_ENDS;
    return change_read(work);
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
    view->changes_by = change_by(&view->journal);
    enum err err = change_take(&work, from);
    size_t kept = work.count < CHANGES_ACTIONS ? work.count : CHANGES_ACTIONS;
    for (size_t i = 0; err == ERR_OK && i < kept; i++)
        change_look(&work, &work.samples[i]);
    return err == ERR_OK ? change_rank(&work) : err;
}
