/* loop/slots.c - makes the triggers of a configuration, and keeps what each has counted (R22): in
 * memory, in its row, over crash, restart and reload. */
#include "loop/triggers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "loop/engine_state.h"
#include "loop/rows.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "record/digest.h"

/* ---- which there are ---- */

static size_t slots_steps(const struct config *config)
{
    size_t count = 0;
    for (size_t w = 0; w < config->workflow_count; w++)
        count += config->workflows[w].step_count;
    return count;
}

static bool slots_is_observed(const struct trigger *trigger, const struct workflow *workflow)
{
    return (trigger->step ? trigger->step->terms.mode : workflow->mode) == MODE_OBSERVE;
}

static struct trigger_terms slots_terms(const struct trigger *trigger,
                                        const struct workflow *workflow)
{
    struct trigger_terms terms = trigger->terms;
    if (slots_is_observed(trigger, workflow))
        terms.move = MOVE_ALERT;
    if (trigger->signal == SIGNAL_REPEAT) /* its window is that of each recipient */
        terms.statistic = TRIGGER_LEVEL;
    terms.is_standing = trigger->signal == SIGNAL_BACKLOG || trigger->signal == SIGNAL_HELD_AGE ||
                        trigger->signal == SIGNAL_OVERDUE;
    if (trigger->signal == SIGNAL_POSTED) /* values have fractions */
        terms.limit =
            terms.limit > INT64_MAX / TRIGGER_MILLION ? INT64_MAX : terms.limit * TRIGGER_MILLION;
    return terms;
}

/* The same definition twice in one workflow counts twice: `twin` tells them apart. */
static void slots_name(struct trigger_slot *slot, int twin)
{
    const struct trigger *trigger = slot->trigger;
    char number[16];
    int size = snprintf(number, sizeof number, "|%d|%d", (int)slot->terms.move, twin);
    struct slice parts[] = {slot->workflow->name, SLICE("\n"), trigger->definition,
                            slice_of(number, (size_t)size)};
    unsigned char digest[DIGEST_SIZE];
    digest_parts(parts, sizeof parts / sizeof *parts, digest);
    memcpy(slot->key, digest, sizeof slot->key);
    size = snprintf(slot->label, sizeof slot->label, "%.*s %.*s %.*s", SLICE_FMT(trigger->name),
                    SLICE_FMT(trigger->step ? trigger->step->name : (struct slice){0}),
                    SLICE_FMT(trigger->risk));
    slot->row.workflow = slot->workflow->name;
    slot->row.name = slice_of(slot->label, (size_t)size);
}

/* The names that a workflow or step has had: 0 = the first one, if `was:` has it last. */
static struct slice slots_name_at(struct slice name, struct slices was, size_t index)
{
    return index < was.count ? was.at[was.count - 1 - index] : name;
}

/* By one of the names that they had (`was:`): it is the same thing that is counted. */
static void slots_name_counts(struct trigger_slot *slot, size_t workflow_name, size_t step_name)
{
    const struct trigger *trigger = slot->trigger;
    const struct workflow *workflow = slot->workflow;
    const struct step *step = trigger->step;
    char number[24];
    int size = snprintf(number, sizeof number, "%d|%lld", (int)trigger->is_duration,
                        (long long)trigger->late_ms);
    struct slice bar = SLICE("|");
    struct slice parts[] = {slots_name_at(workflow->name, workflow->was, workflow_name),
                            SLICE("\n"),
                            slice_text(signal_name(trigger->signal)),
                            bar,
                            step ? slots_name_at(step->name, step->was, step_name)
                                 : (struct slice){0},
                            bar,
                            trigger->risk,
                            bar,
                            trigger->argument_text,
                            bar,
                            slice_of(number, (size_t)size)};
    unsigned char digest[DIGEST_SIZE];
    digest_parts(parts, sizeof parts / sizeof *parts, digest);
    memcpy(slot->counts, digest, sizeof slot->counts);
    memcpy(&slot->row.counts, digest, sizeof slot->row.counts);
}

static struct trigger_slot *slots_find(struct trigger_slot *slots, size_t count,
                                       const unsigned char key[DIGEST_SHORT])
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(slots[i].key, key, DIGEST_SHORT) == 0)
            return &slots[i];
    return NULL;
}

static struct trigger_slot *slots_make(const struct config *config, size_t *out_count,
                                       int64_t now_unix_ms)
{
    size_t count = 0;
    for (size_t w = 0; w < config->workflow_count; w++)
        count += config->workflows[w].trigger_count;
    struct trigger_slot *slots = calloc(count + 1, sizeof *slots);
    size_t made = 0;
    for (size_t w = 0; slots && w < config->workflow_count; w++)
        for (size_t t = 0; t < config->workflows[w].trigger_count; t++) {
            struct trigger_slot *slot = &slots[made];
            int twin = 0;
            slot->workflow = &config->workflows[w];
            slot->trigger = &slot->workflow->triggers[t];
            slot->terms = slots_terms(slot->trigger, slot->workflow);
            trigger_init(&slot->row.state, now_unix_ms);
            slot->row.seen_unix_ms = now_unix_ms;
            do
                slots_name(slot, twin++);
            while (slots_find(slots, made, slot->key));
            slots_name_counts(slot, 0, 0);
            made++;
        }
    *out_count = made;
    return slots;
}

/* ---- who is fed by a step ---- */

static bool slots_covers(const struct trigger_slot *slot, const struct step *step)
{
    return slot->workflow == step->workflow &&
           (!slot->trigger->step || slot->trigger->step == step);
}

static void slots_order_step(struct triggers *triggers, const struct step *step,
                             struct step_feeds *feeds, uint32_t *used)
{
    for (unsigned signal = 0; signal < SIGNAL_COUNT; signal++) {
        feeds->first[signal] = *used;
        for (size_t i = 0; i < triggers->count; i++)
            if (triggers->slots[i].trigger->signal == signal &&
                slots_covers(&triggers->slots[i], step))
                triggers->order[(*used)++] = (uint32_t)i;
    }
    feeds->first[SIGNAL_COUNT] = *used;
}

static enum err slots_order(struct triggers *triggers, const struct config *config)
{
    size_t steps = slots_steps(config), places = 0, done = 0;
    uint32_t used = 0;
    for (size_t i = 0; i < triggers->count; i++)
        places += triggers->slots[i].trigger->step ? 1 : triggers->slots[i].workflow->step_count;
    triggers->feeds = calloc(steps + 1, sizeof *triggers->feeds);
    triggers->feeds_of = calloc(config->workflow_count + 1, sizeof *triggers->feeds_of);
    triggers->order = calloc(places + 1, sizeof *triggers->order);
    triggers->dirty = calloc(triggers->count + 1, sizeof *triggers->dirty);
    if (!triggers->dirty || !triggers->feeds || !triggers->feeds_of || !triggers->order)
        return ERR_NO_MEMORY;
    for (size_t w = 0; w < config->workflow_count; w++) {
        const struct workflow *workflow = &config->workflows[w];
        triggers->feeds_of[w] = done;
        for (size_t s = 0; s < workflow->step_count; s++)
            slots_order_step(triggers, &workflow->steps[s], &triggers->feeds[done++], &used);
    }
    CHECK(used <= places);
    return ERR_OK;
}

const uint32_t *engine_feeds(const struct engine *engine, const struct step *step,
                             enum signal signal, size_t *out_count)
{
    const struct triggers *triggers = &engine->triggers;
    size_t workflow = (size_t)(step->workflow - engine_config(engine)->workflows);
    const struct step_feeds *feeds = &triggers->feeds[triggers->feeds_of[workflow] + step->index];
    *out_count = feeds->first[signal + 1] - feeds->first[signal];
    return &triggers->order[feeds->first[signal]];
}

bool slot_takes_risk(const struct trigger_slot *slot, const struct step *step, uint8_t risk)
{
    return slot->trigger->risk.size == 0 ||
           slice_equal(slot->trigger->risk, step_risk_name(step, risk));
}

struct scope slot_scope(const struct trigger_slot *slot)
{
    return (struct scope){.workflow = slot->workflow->name,
                          .step =
                              slot->trigger->step ? slot->trigger->step->name : (struct slice){0},
                          .risk = slot->trigger->risk};
}

/* ---- what was counted before ---- */

static void slots_take_row(struct trigger_slot *slot, const struct trigger_row *row)
{
    struct slice workflow = slot->row.workflow, name = slot->row.name;
    int64_t counts = slot->row.counts;
    slot->row = *row;
    slot->row.counts = counts;
    slot->row.workflow = workflow;
    slot->row.name = name;
}

/* Its definition has changed (R22): what the former one has counted of the same things. */
static void slots_take_former(struct trigger_slot *slot, const struct trigger_row *row,
                              int64_t now_unix_ms)
{
    struct trigger_former former = {.state = &row->state,
                                    .statistic = (enum trigger_statistic)row->statistic,
                                    .window_ms = row->window_ms,
                                    .is_restarted = row->restarted_unix_ms != 0};
    trigger_rebuild(&slot->row.state, &slot->terms, &former, now_unix_ms);
    slot->row.seen_unix_ms = row->seen_unix_ms;
    slot->row.forgiven_ms = row->forgiven_ms;
}

/* What is known of triggers before: the stored rows, and on a reload those in memory. */
struct slots_known {
    struct slots_row {
        unsigned char key[DIGEST_SHORT];
        struct trigger_row row;
    } * rows;
    size_t count;
};

static bool slots_is_counted(const struct slots_known *known, const struct trigger_slot *slot)
{
    for (size_t i = 0; i < known->count; i++)
        if (known->rows[i].row.counts == slot->row.counts)
            return true;
    return false;
}

/* Under that name of its workflow, and any of its step. */
static bool slots_find_counts(const struct slots_known *known, struct trigger_slot *slot,
                              size_t workflow_name)
{
    const struct step *step = slot->trigger->step;
    for (size_t i = 0; i <= (step ? step->was.count : 0); i++) {
        slots_name_counts(slot, workflow_name, i);
        if (slots_is_counted(known, slot))
            return true;
    }
    slots_name_counts(slot, workflow_name, 0);
    return false;
}

/* What was counted before goes on under the name by which it began, in whatever order `was:` lists
 * the names (R28). */
static void slots_count_on(struct triggers *triggers, const struct slots_known *known,
                           const struct workflow *workflow)
{
    bool is_found = false;
    for (size_t name = 0; name <= workflow->was.count && !is_found; name++)
        for (size_t i = 0; i < triggers->count; i++)
            if (triggers->slots[i].workflow == workflow)
                is_found = slots_find_counts(known, &triggers->slots[i], name) || is_found;
    for (size_t i = 0; i < triggers->count && !is_found; i++)
        if (triggers->slots[i].workflow == workflow)
            slots_name_counts(&triggers->slots[i], 0, 0);
}

static const struct trigger_row *slots_own(const struct slots_known *known,
                                           const struct trigger_slot *slot)
{
    const struct trigger_row *row = NULL;
    for (size_t i = 0; i < known->count; i++) /* the last one is the newest */
        if (memcmp(known->rows[i].key, slot->key, DIGEST_SHORT) == 0)
            row = &known->rows[i].row;
    return row;
}

/* Better to begin from: the same window, else a longer one, else the newest. */
static bool slots_is_better(const struct trigger_slot *slot, const struct trigger_row *row,
                            const struct trigger_row *best)
{
    int64_t want = slot->terms.window_ms;
    if (!best || row->window_ms == best->window_ms)
        return !best || row->state.last_unix_ms >= best->state.last_unix_ms;
    if (row->window_ms == want || best->window_ms == want)
        return row->window_ms == want;
    return row->window_ms > best->window_ms;
}

/* Of the same things, by another definition. */
static const struct trigger_row *slots_former(const struct slots_known *known,
                                              const struct trigger_slot *slot)
{
    const struct trigger_row *former = NULL;
    for (size_t i = 0; i < known->count; i++) {
        const struct trigger_row *row = &known->rows[i].row;
        if (row->counts == slot->row.counts && slots_is_better(slot, row, former))
            former = row;
    }
    return former;
}

/* Whose it is, also by a former name; NULL = it is not there. */
static const struct workflow *slots_workflow(const struct config *config,
                                             const struct trigger_row *row)
{
    for (size_t i = 0; i < config->workflow_count; i++)
        if (slice_equal(config->workflows[i].name, row->workflow) ||
            slices_have(config->workflows[i].was, row->workflow))
            return &config->workflows[i];
    return NULL;
}

/* The last restart that a definition of the same workflow knows of: what was before is over. */
static int64_t slots_restarted(const struct engine *engine, const struct slots_known *known,
                               const struct trigger_slot *slot)
{
    int64_t restarted_unix_ms = 0;
    for (size_t i = 0; i < known->count; i++) {
        const struct trigger_row *row = &known->rows[i].row;
        if (row->restarted_unix_ms > restarted_unix_ms &&
            slots_workflow(engine_config(engine), row) == slot->workflow)
            restarted_unix_ms = row->restarted_unix_ms;
    }
    return restarted_unix_ms;
}

static const struct stop *slots_in_force(const struct engine *engine, uint64_t id)
{
    for (size_t i = 0; id != 0 && i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (stop->id == id)
            return stop->is_lifted || stop->is_lifting ? NULL : stop;
    }
    return NULL;
}

/* What a definition of the same things has in force stays, where this one would do the same. */
static void slots_adopt(const struct engine *engine, const struct slots_known *known,
                        struct trigger_slot *slot)
{
    for (size_t i = 0; i < known->count && slot->terms.move != MOVE_ALERT; i++) {
        const struct trigger_row *row = &known->rows[i].row;
        const struct stop *stop = slots_in_force(engine, row->stop);
        if (row->counts != slot->row.counts)
            continue;
        if (stop && row->state.level == TRIGGER_TRIPPED &&
            stop->position == trip_position(slot->terms.move)) {
            slot->row.stop = row->stop;
            slot->row.answer = row->answer;
            slot->row.tripped_unix_ms = row->tripped_unix_ms;
            slot->row.state.level = TRIGGER_TRIPPED;
        } else if (slots_in_force(engine, row->caution) &&
                   slot->row.state.level == TRIGGER_WARNED) {
            slot->row.caution = row->caution;
        }
    }
}

static enum err slots_fill(struct engine *engine, const struct slots_known *known)
{
    struct triggers *triggers = &engine->triggers;
    const struct config *config = engine_config(engine);
    for (size_t w = 0; w < config->workflow_count; w++)
        slots_count_on(triggers, known, &config->workflows[w]);
    for (size_t i = 0; i < triggers->count; i++) {
        struct trigger_slot *slot = &triggers->slots[i];
        const struct trigger_row *own = slots_own(known, slot);
        const struct trigger_row *former = own ? NULL : slots_former(known, slot);
        if (own)
            slots_take_row(slot, own);
        else if (former)
            slots_take_former(slot, former, engine->now_unix_ms);
        if (!own) {
            slot->row.restarted_unix_ms =
                former ? former->restarted_unix_ms : slots_restarted(engine, known, slot);
            slot->is_rebuilding = true;
        }
        if (former || (!own && slot->trigger->signal == SIGNAL_SILENT)) /* waited for from now on */
            slot_is_moved(engine, slot);
        slot->row.window_ms = slot->terms.window_ms;
        slot->row.statistic = slot->terms.statistic;
        triggers->has_due |= slot->row.is_trip_due;
    }
    enum err err = engine_rebuild_triggers(engine);
    for (size_t i = 0; err == ERR_OK && i < triggers->count; i++)
        if (!slots_own(known, &triggers->slots[i]))
            slots_adopt(engine, known, &triggers->slots[i]);
    return err;
}

static enum err slots_count_row(void *arg, const struct store_row *row, bool *out_is_enough)
{
    size_t *count = arg;
    (void)row;
    *out_is_enough = ++*count == LIMIT_TRIGGER_ROWS;
    return ERR_OK;
}

static enum err slots_read(struct engine *engine, struct arena *arena, struct slots_known *known,
                           size_t room)
{
    const struct store_port *store = &engine->options.store;
    struct store_row *page = ARENA_ARRAY(arena, LIMIT_PAGE, struct store_row);
    struct slice after = {0};
    size_t count = LIMIT_PAGE;
    enum err err = page ? ERR_OK : ERR_NO_MEMORY;
    while (err == ERR_OK && count == LIMIT_PAGE && known->count < room) {
        err = store->list_rows(store->impl, STORE_TRIGGERS, after, LIMIT_PAGE, arena, page, &count);
        for (size_t i = 0; err == ERR_OK && i < count && known->count < room; i++) {
            struct slots_row *into = &known->rows[known->count];
            after = page[i].key;
            if (page[i].key.size != DIGEST_SHORT)
                return ERR_CORRUPT;
            memcpy(into->key, page[i].key.at, DIGEST_SHORT);
            err = trigger_row_decode(page[i].value, &into->row);
            known->count += err == ERR_OK;
        }
    }
    return err;
}

/* ---- what the next start has to see to ---- */

/* A restart or a clearing was saved, and the row that follows it was not. */
static void slots_mend(struct engine *engine, struct trigger_slot *slot)
{
    struct trigger_row *row = &slot->row;
    bool has_stop = slots_in_force(engine, row->stop) != NULL;
    if (!slots_in_force(engine, row->caution))
        row->caution = 0;
    if (row->state.level != TRIGGER_TRIPPED || row->is_trip_due || has_stop ||
        slot->terms.move == MOVE_ALERT)
        return;
    row->stop = 0;
    slot_is_moved(engine, slot);
    if (slot->terms.move == MOVE_CAUTION) {
        row->state.level = TRIGGER_NORMAL;
        row->state.normal_since_unix_ms = 0;
        return;
    }
    trigger_restart(&row->state, &slot->terms, engine->now_unix_ms);
    row->restarted_unix_ms = engine->now_unix_ms;
    row->seen_unix_ms = engine->now_unix_ms;
    row->forgiven_ms = 0;
    row->from_ids[0] = row->from_ids[1] = row->block_samples = 0;
}

/* ---- at the start, and at a reload ---- */

static void slots_free(struct triggers *triggers)
{
    free(triggers->slots);
    free(triggers->feeds);
    free(triggers->feeds_of);
    free(triggers->order);
    free(triggers->dirty);
    triggers->dirty = NULL;
    triggers->slots = NULL;
    triggers->feeds = NULL;
    triggers->feeds_of = NULL;
    triggers->order = NULL;
    triggers->count = 0;
}

static bool slots_has_stop(const struct triggers *triggers, uint64_t id)
{
    for (size_t i = 0; i < triggers->count; i++)
        if (triggers->slots[i].row.stop == id || triggers->slots[i].row.caution == id)
            return true;
    return false;
}

/* At a start the workflow may be one that could not be loaded: all that it has stays (R28). */
static bool slots_is_kept(const struct engine *engine, const struct slots_row *row, bool is_reload)
{
    return slots_find(engine->triggers.slots, engine->triggers.count, row->key) ||
           (!is_reload && !slots_workflow(engine_config(engine), &row->row));
}

/* The row of a definition that is no more goes with the next write, which has those that were made
 * of it: on a reload the one that stores the policy. One whose stop is in force stays, and at a
 * start those of a workflow that could not be loaded (R28). */
static enum err slots_gone(struct engine *engine, const struct slots_known *known, bool is_reload)
{
    struct triggers *triggers = &engine->triggers;
    free(triggers->gone);
    triggers->gone_count = 0;
    triggers->gone = calloc(known->count + 1, sizeof *triggers->gone);
    for (size_t i = 0; triggers->gone && i < known->count; i++) {
        const struct slots_row *row = &known->rows[i];
        bool is_there = slots_is_kept(engine, row, is_reload) ||
                        slots_in_force(engine, row->row.stop) ||
                        slots_in_force(engine, row->row.caution);
        for (size_t j = 0; j < triggers->gone_count && !is_there; j++)
            is_there = memcmp(triggers->gone[j], row->key, DIGEST_SHORT) == 0;
        if (!is_there)
            memcpy(triggers->gone[triggers->gone_count++], row->key, DIGEST_SHORT);
    }
    return triggers->gone ? ERR_OK : ERR_NO_MEMORY;
}

/* A caution of a trigger that is no more has nobody who would clear it. */
static void slots_drop(struct engine *engine, const struct slots_row *old, bool is_reload)
{
    const uint64_t stops[] = {old->row.caution, old->row.stop};
    struct slice name = slice_first(old->row.name, slice_find(old->row.name, ' '));
    if (slots_is_kept(engine, old, is_reload))
        return;
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        const struct stop *stop = slots_in_force(engine, stops[i]);
        if (stop && stop->position == POSITION_CAUTION &&
            !slots_has_stop(&engine->triggers, stops[i]))
            engine_lift_caution(engine, stops[i], name, NULL);
    }
}

void engine_save_triggers(struct engine *engine)
{
    struct pending none = {0};
    size_t count = 0;
    const struct store_row *rows = engine_trigger_rows(engine, &count);
    if (count > 0)
        engine_save_rows(engine, rows, count, &none);
}

enum err engine_make_triggers(struct engine *engine)
{
    struct triggers *triggers = &engine->triggers;
    struct arena arena;
    struct slots_known known = {0};
    size_t room = 0;
    arena_init(&arena, (size_t)LIMIT_TRIGGER_ROWS * 4096);
    engine_save_triggers(engine); /* what is in memory goes on as it is */
    struct trigger_slot *old = triggers->slots;
    size_t old_count = triggers->count;
    triggers->slots = NULL;
    slots_free(triggers);
    triggers->slots = slots_make(engine_config(engine), &triggers->count, engine->now_unix_ms);
    enum err err = rows_each(engine, STORE_TRIGGERS, (struct slice){0}, slots_count_row, &room);
    known.rows = ARENA_ARRAY(&arena, room + old_count + 1, struct slots_row);
    if (err == ERR_OK)
        err = triggers->slots && known.rows ? slots_order(triggers, engine_config(engine))
                                            : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = slots_read(engine, &arena, &known, room);
    for (size_t i = 0; err == ERR_OK && i < old_count; i++) {
        memcpy(known.rows[known.count].key, old[i].key, DIGEST_SHORT);
        known.rows[known.count++].row = old[i].row;
    }
    if (err == ERR_OK)
        err = slots_fill(engine, &known);
    if (err == ERR_OK) {
        for (size_t i = 0; i < known.count; i++)
            slots_drop(engine, &known.rows[i], old_count > 0);
        for (size_t i = 0; i < triggers->count; i++)
            slots_mend(engine, &triggers->slots[i]);
        err = slots_gone(engine, &known, old_count > 0);
    }
    free(old);
    arena_done(&arena);
    return err;
}

/* The clock was put back while nothing ran: times that are to come are now. */
static void slots_set_back(struct engine *engine, struct trigger_slot *slot)
{
    struct trigger_row *row = &slot->row;
    int64_t now = engine->now_unix_ms;
    if (row->state.last_unix_ms <= now && row->seen_unix_ms <= now && row->restarted_unix_ms <= now)
        return;
    trigger_set_back(&row->state, &slot->terms, now);
    row->seen_unix_ms = row->seen_unix_ms < now ? row->seen_unix_ms : now;
    row->restarted_unix_ms = row->restarted_unix_ms < now ? row->restarted_unix_ms : now;
    slot_is_moved(engine, slot);
}

void engine_forgive_silence(struct engine *engine, int64_t ms)
{
    for (size_t i = 0; ms > 0 && i < engine->triggers.count; i++) {
        struct trigger_slot *slot = &engine->triggers.slots[i];
        if (slot->trigger->signal != SIGNAL_SILENT)
            continue;
        slot->row.forgiven_ms += ms;
        slot_is_moved(engine, slot);
    }
}

enum err engine_load_triggers(struct engine *engine)
{
    struct triggers *triggers = &engine->triggers;
    map_init(&triggers->memo_map, LIMIT_TRIGGER_MEMOS);
    list_init(&triggers->memos);
    buf_init(&triggers->bytes, ENGINE_SCRATCH);
    enum err err = engine_make_triggers(engine);
    for (size_t i = 0; err == ERR_OK && i < triggers->count; i++) { /* R29 */
        struct trigger_slot *slot = &triggers->slots[i];
        slots_set_back(engine, slot);
    }
    if (err == ERR_OK)
        engine_forgive_silence(engine, engine->life.down_ms);
    if (err == ERR_OK)
        engine_run_trips(engine);
    if (err == ERR_OK)
        engine_save_triggers(engine); /* where nothing comes there is no other write */
    return err;
}

void engine_triggers_done(struct engine *engine)
{
    struct triggers *triggers = &engine->triggers;
    slots_free(triggers);
    while (triggers->memos.next && !list_is_empty(&triggers->memos)) {
        struct trigger_memo *memo = LIST_ENTRY(triggers->memos.next, struct trigger_memo, link);
        list_remove(&memo->link);
        free(memo);
    }
    map_done(&triggers->memo_map);
    free(triggers->start.items);
    free(triggers->gone);
    free(triggers->rows);
    buf_done(&triggers->bytes);
}

/* ---- the rows of one write ---- */

void slot_is_moved(struct engine *engine, struct trigger_slot *slot)
{
    struct triggers *triggers = &engine->triggers;
    if (slot->is_dirty)
        return;
    slot->is_dirty = true;
    triggers->dirty[triggers->dirty_count++] = (uint32_t)(slot - triggers->slots);
}

static bool slots_make_room(struct triggers *triggers, size_t count)
{
    if (count <= triggers->row_capacity)
        return true;
    struct store_row *rows = realloc(triggers->rows, count * sizeof *rows);
    if (!rows)
        return false;
    triggers->rows = rows;
    triggers->row_capacity = count;
    return true;
}

static void slots_add_row(struct triggers *triggers, size_t count, size_t *from,
                          enum store_table table, struct slice key)
{
    triggers->rows[count] = (struct store_row){
        .table = table, .key = key, .value = {NULL, triggers->bytes.size - *from}};
    *from = triggers->bytes.size;
}

struct store_row *engine_trigger_rows(struct engine *engine, size_t *out_count)
{
    struct triggers *triggers = &engine->triggers;
    size_t count = 0, from = 0;
    *out_count = 0;
    size_t room = triggers->dirty_count + triggers->dirty_memos + triggers->gone_count;
    if (room == 0)
        return NULL;
    if (!slots_make_room(triggers, room + TRIGGER_ROWS_SPARE)) {
        engine_fail(engine, "out of memory");
        return NULL;
    }
    buf_reset(&triggers->bytes);
    for (size_t i = 0; i < triggers->dirty_count; i++) {
        struct trigger_slot *slot = &triggers->slots[triggers->dirty[i]];
        slot->is_dirty = false;
        trigger_row_encode(&slot->row, &triggers->bytes);
        slots_add_row(triggers, count++, &from, STORE_TRIGGERS,
                      slice_of(slot->key, sizeof slot->key));
    }
    struct list *node = triggers->memos.previous; /* those that were used last */
    for (size_t i = 0; i < triggers->dirty_memos; i++, node = node->previous) {
        struct trigger_memo *memo = LIST_ENTRY(node, struct trigger_memo, link);
        memo->is_dirty = false;
        memo->submit = engine->submits + 1;
        repeat_row_encode(&memo->state, &triggers->bytes);
        slots_add_row(triggers, count++, &from, memo->table, slice_of(memo->key, memo->key_size));
    }
    for (size_t i = 0; i < triggers->gone_count; i++)
        triggers->rows[count++] =
            (struct store_row){.table = STORE_TRIGGERS,
                               .key = slice_of(triggers->gone[i], DIGEST_SHORT),
                               .is_removed = true};
    triggers->dirty_count = 0;
    triggers->dirty_memos = 0;
    triggers->gone_count = 0;
    CHECK(buf_ok(&triggers->bytes));
    const char *at = buf_text(&triggers->bytes);
    for (size_t i = 0; i < count; i++) {
        triggers->rows[i].value.at = at;
        at += triggers->rows[i].value.size;
    }
    *out_count = count;
    return triggers->rows;
}
