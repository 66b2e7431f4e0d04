/* loop/audit.c - audits that were opened by the draw, labels, and what both say together.
 * An audit is opened in the write that ends its action, and closed in the write of its label: no
 * crash falls between. Keeps R18 (a draw counts only if the action ran by itself) and R21. */
#include "loop/audit.h"

#include <stdlib.h>

#include "base/check.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/loaded.h"
#include "loop/people.h"
#include "loop/rows.h"
#include "loop/steps.h"
#include "loop/submit.h"
#include "loop/triggers.h"
#include "record/digest.h"
#include "record/label_row.h"

/* How often audits that are past due are looked at: a label counts until `label_age` is over. */
enum { AUDIT_SWEEP_MS = 3600000, AUDIT_PAGE = 64 };

static int64_t audit_label_age(const struct entry *entry)
{
    return entry->step ? entry->step->workflow->label_age_ms : 7LL * 24 * 3600000;
}

static int64_t audit_started(const struct action *action)
{
    return action->first_start_unix_ms ? action->first_start_unix_ms : action->submitted_unix_ms;
}

static struct label_row audit_row_of(const struct entry *entry)
{
    const struct action *action = &entry->row.action;
    return (struct label_row){.action = action->id,
                              .workflow = entry->row.workflow,
                              .step = entry->row.step,
                              .is_reviewed = !action_ran_by_itself(action),
                              .started_unix_ms = audit_started(action),
                              .ended_unix_ms = action->ended_unix_ms};
}

bool engine_audit_open(struct engine *engine, const struct entry *entry, struct label_row *out)
{
    if (!audit_counts(&entry->row.action))
        return false;
    *out = audit_row_of(entry);
    out->is_drawn = true;
    out->due_unix_ms =
        engine_due_of(engine, entry->step ? entry->step->audit.due_ms : AUDIT_SWEEP_MS);
    return true;
}

/* ---- the rows that go with a record ---- */

void engine_audit_rows(struct engine *engine, struct entry *entry, const struct step_note *note,
                       struct record *record, struct audit_rows *out)
{
    if (!note->label_row)
        return;
    struct label_row row = *note->label_row;
    struct buf *value = &engine->bytes.label_row;
    row.last_seq = engine->seq;
    engine->label_seq = engine->seq;
    if (row.made_seq == 0)
        row.made_seq = engine->seq;
    if (note->kind == RECORD_LABELLED) {
        row.last.seq = engine->seq;
        if (row.count == 1)
            row.first.seq = engine->seq;
    }
    buf_reset(value);
    label_row_encode(&row, value);
    CHECK(buf_ok(value));
    digest_short(buf_slice(value), record->label);
    label_row_key(row.action, out->label_key);
    out->rows[out->count++] = (struct store_row){.table = STORE_LABELS,
                                                 .key = slice_of(out->label_key, LABEL_ROW_KEY),
                                                 .value = buf_slice(value)};
    if (entry_keep(&entry->label, &entry->label_size, buf_slice(value)) != ERR_OK)
        engine_fail(engine, "out of memory");
    if (!note->opens_audit && !note->closes_audit)
        return;
    audit_row_key(row.due_unix_ms, row.action, out->audit_key);
    out->rows[out->count++] = (struct store_row){.table = STORE_AUDITS,
                                                 .key = slice_of(out->audit_key, AUDIT_ROW_KEY),
                                                 .value = entry->row.workflow,
                                                 .is_removed = note->closes_audit};
    struct workflow_state *workflow = engine_workflow(engine, entry->row.workflow);
    if (note->opens_audit) {
        record->audit_due_unix_ms = row.due_unix_ms;
        engine_audit_count(engine, workflow, 1, row.due_unix_ms);
    } else {
        engine_audit_count(engine, workflow, -1, 0);
    }
}

void engine_audit_count(struct engine *engine, struct workflow_state *workflow, int change,
                        int64_t due_unix_ms)
{
    engine->audits += (uint64_t)(int64_t)change;
    if (workflow)
        workflow->audits += (uint64_t)(int64_t)change;
    if (due_unix_ms != 0 &&
        (engine->audit_sweep_unix_ms == 0 || due_unix_ms < engine->audit_sweep_unix_ms))
        engine->audit_sweep_unix_ms = due_unix_ms;
    if (engine->audits == 0)
        engine->audit_sweep_unix_ms = 0;
}

/* The row as it will be when all that is queued is saved; ERR_NOT_FOUND when there is none. */
static enum err audit_read(struct engine *engine, const struct entry *entry, uint64_t id,
                           struct arena *arena, struct label_row *out)
{
    const struct store_port *store = &engine->options.store;
    struct slice value = {0};
    unsigned char key[LABEL_ROW_KEY];
    label_row_key(id, key);
    enum err err = ERR_OK;
    if (entry && entry->label)
        value = arena_copy(arena, slice_of(entry->label, entry->label_size));
    else
        err = store->get_row(store->impl, STORE_LABELS, slice_of(key, sizeof key), arena, &value);
    return err == ERR_OK ? label_row_decode(value, out) : err;
}

/* ---- labels ---- */

static void label_refuse(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    const struct step *step = entry->step;
    struct buf text;
    buf_init(&text, LIMIT_SENTENCE);
    buf_add_text(&text, "the labels of this step are ");
    for (size_t i = 0; i < step->audit.label_count; i++) {
        buf_add_text(&text, i ? ", " : "");
        buf_add(&text, step->audit.labels[i]);
    }
    buf_add_text(&text, "; the first means right");
    struct engine_reply reply = {
        .outcome = ENGINE_BAD_INPUT, .detail = buf_slice(&text), .pointer = SLICE("/label")};
    act_tell_recorded(engine, call, entry, REFUSAL_BAD_LABEL, &reply);
    buf_done(&text);
}

/* The one place where a label reaches what counts labels. */
static void label_feed(struct engine *engine, const struct entry *entry,
                       const struct label_event *event, enum label_use use)
{
    struct workflow_state *workflow = engine_workflow(engine, event->workflow);
    if (workflow)
        workflow->labels[use][event->is_wrong]++;
    engine_feed_label(engine, entry, event, use);
}

/* Adds the label to the row. */
static void label_add(struct engine *engine, const struct engine_call *call,
                      const struct entry *entry, bool is_wrong, struct label_row *row)
{
    struct label_event event = {.workflow = row->workflow,
                                .step = row->step,
                                .is_drawn = row->is_drawn,
                                .is_wrong = is_wrong,
                                .is_first = row->count == 0,
                                .was_wrong = row->use == LABEL_SAMPLE && row->first.is_wrong &&
                                             !row->is_cleared,
                                .started_unix_ms = row->started_unix_ms,
                                .labelled_unix_ms = engine->now_unix_ms,
                                .first_label_unix_ms = row->first.at_unix_ms};
    enum label_use use = label_use_of(&event, audit_label_age(entry));
    row->last = (struct label_said){.label = call->label,
                                    .by = call->principal->name,
                                    .is_wrong = is_wrong,
                                    .at_unix_ms = engine->now_unix_ms};
    if (event.is_first) {
        row->first = row->last;
        row->use = use;
        row->risk = step_risk_name(entry->step, entry->row.action.risk);
    }
    row->is_cleared = row->is_cleared || label_clears(&event);
    if (row->count < UINT32_MAX)
        row->count++;
    label_feed(engine, entry, &event, use);
}

/* The index of the label among those of the step, or label_count. */
static size_t label_find(const struct step *step, struct slice label)
{
    size_t i = 0;
    while (i < step->audit.label_count && !slice_equal(step->audit.labels[i], label))
        i++;
    return i;
}

bool engine_label(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    struct arena arena;
    struct label_row row = {0};
    const struct step *step = entry->step;
    size_t index = step ? label_find(step, call->label) : 0;
    if (!step) {
        engine_refuse(call->done, call->arg, ENGINE_NOT_NOW,
                      "its step is no longer in the configuration");
        entry_let_go(engine, entry);
        return false;
    }
    if (index == step->audit.label_count) {
        label_refuse(engine, call, entry);
        return false;
    }
    arena_init(&arena, 65536);
    enum err err = audit_read(engine, entry, call->action, &arena, &row);
    if (err == ERR_NOT_FOUND) {
        row = audit_row_of(entry);
        err = ERR_OK;
    }
    if (err != ERR_OK) {
        engine_refuse(call->done, call->arg, ENGINE_STORE_FAILED, err_text(err));
        entry_let_go(engine, entry);
        arena_done(&arena);
        return false;
    }
    struct buf words;
    buf_init(&words, LIMIT_REASON * 8);
    if (call->reason.size > 0)
        loaded_encode_words(engine->loaded, &(struct bundle_words){.reason = call->reason}, &words);
    struct step_note note = {.kind = RECORD_LABELLED,
                             .actor = call->principal->name,
                             .label = words.size ? BUNDLE_LABEL_WORDS : NULL,
                             .payload = buf_slice(&words),
                             .upstream = entry->row.upstream,
                             .subject = call->label,
                             .closes_audit = label_row_is_open(&row),
                             .label_row = &row};
    label_add(engine, call, entry, index > 0, &row);
    engine_save(engine, entry, &note);
    buf_done(&words);
    arena_done(&arena);
    return true;
}

enum err engine_label_of(void *impl, uint64_t action, struct arena *arena, struct label_row *out)
{
    return audit_read(impl, NULL, action, arena, out);
}

/* ---- audits that nobody answered ---- */

/* Closed when a label would not count any more; until then it stays in the inbox. */
static enum err sweep_one(struct engine *engine, uint64_t id)
{
    struct arena arena;
    struct label_row row = {0};
    enum err err = ERR_OK;
    struct entry *entry = entry_get(engine, id, &err);
    if (!entry)
        return err;
    arena_init(&arena, 65536);
    err = audit_read(engine, entry, id, &arena, &row);
    bool is_over = err == ERR_OK && label_row_is_open(&row) &&
                   engine->now_unix_ms - row.started_unix_ms > audit_label_age(entry);
    if (is_over) {
        struct step_note note = {.kind = RECORD_UNLABELLED,
                                 .upstream = entry->row.upstream,
                                 .closes_audit = true,
                                 .label_row = &row};
        row.is_over = true;
        engine_save(engine, entry, &note);
    }
    entry_let_go(engine, entry);
    arena_done(&arena);
    return err;
}

static enum err sweep_page(struct engine *engine, bool *out_is_done)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_row *rows = ARENA_ARRAY(&arena, AUDIT_PAGE, struct store_row);
    size_t count = 0;
    enum err err = rows ? store->list_rows(store->impl, STORE_AUDITS,
                                           slice_of(engine->audit_after, engine->audit_after_size),
                                           AUDIT_PAGE, &arena, rows, &count)
                        : ERR_NO_MEMORY;
    *out_is_done = count < AUDIT_PAGE;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        int64_t due_unix_ms = 0;
        uint64_t id = 0;
        err = audit_row_parse(rows[i].key, &due_unix_ms, &id);
        if (err != ERR_OK || due_unix_ms > engine->now_unix_ms) {
            *out_is_done = true;
            break;
        }
        memcpy(engine->audit_after, rows[i].key.at, AUDIT_ROW_KEY);
        engine->audit_after_size = AUDIT_ROW_KEY;
        err = sweep_one(engine, id);
    }
    arena_done(&arena);
    return err;
}

void engine_run_audits(struct engine *engine)
{
    if (engine->audit_sweep_unix_ms == 0 || engine->now_unix_ms < engine->audit_sweep_unix_ms ||
        engine->is_closing || engine->has_failed)
        return;
    bool is_done = false;
    enum err err = engine->unsaved < ENGINE_UNSAVED_ADMIT ? sweep_page(engine, &is_done) : ERR_OK;
    if (err != ERR_OK) {
        engine_fail(engine, err_text(err));
        return;
    }
    if (is_done)
        engine->audit_after_size = 0;
    if (engine->audits > 0)
        engine->audit_sweep_unix_ms =
            engine->now_unix_ms + (is_done ? AUDIT_SWEEP_MS : ENGINE_RELEASE_MS);
}

/* ---- at the start, and reads ---- */

static enum err audit_recover_row(void *arg, const struct store_row *row, bool *out_is_enough)
{
    struct engine *engine = arg;
    int64_t due_unix_ms = 0;
    uint64_t id = 0;
    (void)out_is_enough;
    enum err err = audit_row_parse(row->key, &due_unix_ms, &id);
    if (err == ERR_OK)
        engine_audit_count(engine, engine_workflow(engine, row->value), 1, due_unix_ms);
    return err;
}

enum err engine_recover_audits(struct engine *engine)
{
    return rows_each(engine, STORE_AUDITS, (struct slice){0}, audit_recover_row, engine);
}

/* One list of open audits being made. */
struct audit_list {
    struct slice workflow;
    struct audit_place *places;
    size_t count, room;
};

/* Most urgent first. */
static enum err audit_list_row(void *arg, const struct store_row *row, bool *out_is_enough)
{
    struct audit_list *list = arg;
    *out_is_enough = list->count == list->room;
    if (*out_is_enough || (list->workflow.size > 0 && !slice_equal(list->workflow, row->value)))
        return ERR_OK;
    struct audit_place *place = &list->places[list->count];
    enum err err = audit_row_parse(row->key, &place->due_unix_ms, &place->action);
    list->count += err == ERR_OK;
    return err;
}

enum err engine_audits(struct engine *engine, struct audit_place after, struct slice workflow,
                       struct audit_place *out, size_t *inout_count)
{
    struct audit_list list = {.workflow = workflow, .places = out, .room = *inout_count};
    unsigned char key[AUDIT_ROW_KEY];
    audit_row_key(after.due_unix_ms, after.action, key);
    enum err err =
        rows_each(engine, STORE_AUDITS, slice_of(key, sizeof key), audit_list_row, &list);
    *inout_count = list.count;
    return err;
}

struct label_sums {
    label_sum_fn *each;
    void *arg;
    int64_t now_unix_ms;
    size_t looked;
};

static enum err label_sums_row(void *arg, const struct store_row *stored, bool *out_is_enough)
{
    struct label_sums *sums = arg;
    struct label_row row = {0};
    enum err err = label_row_decode(stored->value, &row);
    if (err == ERR_OK)
        sums->each(sums->arg, &row, sums->now_unix_ms);
    *out_is_enough = ++sums->looked >= LIMIT_LABEL_ROWS;
    return err;
}

enum err engine_label_sums(void *impl, int64_t since_unix_ms, label_sum_fn *each, void *arg)
{
    struct engine *engine = impl;
    struct label_sums sums = {.each = each, .arg = arg, .now_unix_ms = engine_now(engine)};
    unsigned char after[LABEL_ROW_KEY];
    /* An id begins with its time; every id of that millisecond is above this one. */
    label_row_key(since_unix_ms > 0 ? ((uint64_t)since_unix_ms << 20) - 1 : 0, after);
    return rows_each(engine, STORE_LABELS, slice_of(after, sizeof after), label_sums_row, &sums);
}
